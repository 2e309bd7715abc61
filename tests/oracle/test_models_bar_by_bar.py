"""A model run against one bar, one forward pass, one decision, one fill at a time.

Written from SEMANTICS 10 and 3, not from the engine. Weights are made by hand, so that the forward
pass is plain Python as well.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.small_models import write_bundle

import btkit as bt
from btkit.data import load_from_source
from btkit.models.loading import load_bundle
from btkit.settings import Settings

CAPITAL = 100_000.0


@pytest.fixture(scope="module")
def bars():
    known = Settings(_env_file=None)
    loaded = load_from_source(
        "SPX", "2012-01-03", "2013-06-28", settings=known, source="sample", warmup=60
    )
    return loaded.bars


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    return {
        outputs: load_bundle(write_bundle(folder / str(outputs), outputs=outputs, seed=seed))
        for outputs, seed in ((3, 6), (1, 1))
    }


def probabilities(bundle, row):
    """Return what one row gives, by one forward pass of that row alone."""
    if any(math.isnan(value) for value in row):
        return None
    output = bundle.network.forward(row[None, :])[0].tolist()
    if bundle.classes is None:
        return output
    powers = [math.exp(value - max(output)) for value in output]
    return [power / math.fsum(powers) for power in powers]


@pytest.fixture(scope="module")
def answers(bars, bundles):
    """Return, of each bundle, what it says of each bar; features are another test's."""
    said = {}
    for outputs, bundle in bundles.items():
        rows = bundle.features.matrix(bars, interval="1d", calendar="XNYS")
        said[outputs] = [probabilities(bundle, row) for row in rows]
    return said


class PlainRun:
    """One position, moved bar by bar."""

    def __init__(self, bundle, bars, answers, rules, *, commission, slippage, fill):
        self.bundle, self.rules, self.fill = bundle, rules, fill
        self.commission, self.slippage = commission, slippage
        self.times, self.bars = list(bars.index), bars.to_dict("list")
        self.answers = answers
        self.cash, self.side, self.last_fill = CAPITAL, 0, None
        self.trades, self.order = [], None

    def said(self, bar):
        found = None if bar < 50 else self.answers[bar]
        if found is None:
            return "HOLD"
        if self.bundle.classes is None:
            edge = self.rules["round_trip_cost"] * self.rules["min_edge_multiplier"]
            return "BUY" if found[0] > edge else "SELL" if found[0] < -edge else "HOLD"
        best = found.index(max(found))
        if found[best] < self.rules["confidence_threshold"]:
            return "HOLD"
        return self.bundle.classes[best]

    def decide(self, bar):
        said = self.said(bar)
        if said == "HOLD":
            return None
        if self.last_fill is not None:
            hours = (self.times[bar] - self.times[self.last_fill]).total_seconds() / 3600
            if hours < self.rules["min_signal_separation"]:
                return None
        wanted = 1 if said == "BUY" else -1
        if self.side == -wanted:
            return "leave"
        if self.side == wanted or (wanted < 0 and not self.rules["allow_short_from_flat"]):
            return None
        close = self.bars["close"][bar]
        return wanted, 0.25 * self.cash / (close * (1 + self.commission))

    def fill_at(self, bar, price, order, *, reason="exit", counts=True):
        if order == "leave":
            price = price * (1 - self.side * self.slippage)
            paid = self.commission * self.shares * price
            gross = self.side * (price - self.entry) * self.shares
            self.cash += self.shares * self.entry + gross - paid
            self.trades.append(
                (self.entered, bar, self.side, self.entry, price, self.shares,
                 gross - self.paid - paid, reason)
            )  # fmt: skip
            self.side = 0
        else:
            self.side, shares = order
            self.entry = price * (1 + self.side * self.slippage)
            most = self.cash / (self.entry * (1 + self.commission))
            self.shares, self.entered = min(shares, most), bar
            self.paid = self.commission * self.shares * self.entry
            self.cash -= self.shares * self.entry + self.paid
        if counts:
            self.last_fill = bar

    def run(self, start):
        order, count = None, len(self.times)
        for bar in range(start, count):
            if order is not None and self.fill == "next_open":
                self.fill_at(bar, self.bars["open"][bar], order)
            order = self.decide(bar)
            enters_last = order is not None and order != "leave" and bar == count - 1
            if self.fill == "close" and order is not None and not enters_last:
                self.fill_at(bar, self.bars["close"][bar], order)
                order = None
        if self.side:
            last = count - 1
            self.fill_at(last, self.bars["close"][last], "leave", reason="end_of_data",
                         counts=False)  # fmt: skip
        return self.trades


def assert_same(bundle, bars, answers, rules, *, costs=(0.001, 0.001), fill="next_open"):
    spec = {"name": "m", "model_path": "anywhere", "fill": fill, **rules}
    result = bt.simulate(
        spec, bars, start="2012-01-03", models=bundle, capital=CAPITAL,
        commission=costs[0], slippage=costs[1],
    )  # fmt: skip
    first = int(bars.index.get_loc(result.bars.index[0]))
    plain = PlainRun(
        bundle, bars, answers, rules, commission=costs[0], slippage=costs[1], fill=fill
    )
    expected = plain.run(first)
    got, trades = result.trades, result.outcome.trades
    assert [
        (entry, leave, side, reason)
        for entry, leave, side, reason in zip(
            trades.entry_bar, trades.exit_bar, trades.side, got["exit_reason"], strict=True
        )
    ] == [(one[0], one[1], one[2], one[7]) for one in expected]
    for column, place in (("entry_price", 3), ("exit_price", 4), ("shares", 5), ("pnl", 6)):
        np.testing.assert_allclose(got[column], [one[place] for one in expected], rtol=1e-11)
    assert result.cash.iloc[-1] == pytest.approx(plain.cash, rel=1e-12)
    # Each decision as it was made when its bar was the last one known.
    said = [plain.said(bar) for bar in range(first, len(bars))]
    ordered = result.decisions["signal"].tolist()
    assert all(now in (alone, "HOLD") for now, alone in zip(ordered, said, strict=True))
    return result


RULES = st.fixed_dictionaries(
    {
        "confidence_threshold": st.sampled_from([0.0, 0.4, 0.5, 0.65, 0.9]),
        "allow_short_from_flat": st.booleans(),
        "min_signal_separation": st.sampled_from([0.0, 4.0, 24.0, 25.0, 100.0, 240.0]),
        "round_trip_cost": st.sampled_from([0.0, 0.001, 0.003, 0.01]),
        "min_edge_multiplier": st.sampled_from([0.5, 1.5]),
    }
)


@settings(max_examples=25)
@given(
    rules=RULES,
    outputs=st.sampled_from([3, 1]),
    costs=st.sampled_from([(0.001, 0.001), (0.0, 0.0), (0.01, 0.02)]),
    fill=st.sampled_from(["next_open", "close"]),
)
def test_a_run_is_what_one_bar_after_the_other_gives(
    bundles, bars, answers, rules, outputs, costs, fill
):
    assert_same(bundles[outputs], bars, answers[outputs], rules, costs=costs, fill=fill)


@pytest.mark.parametrize("outputs", [3, 1])
def test_it_trades_on_both_sides_there(bundles, bars, answers, outputs):
    rules = {
        "confidence_threshold": 0.4, "allow_short_from_flat": True, "min_signal_separation": 24.0,
        "round_trip_cost": 0.001, "min_edge_multiplier": 1.0,
    }  # fmt: skip
    result = assert_same(bundles[outputs], bars, answers[outputs], rules)
    assert set(result.outcome.trades.side.tolist()) == {1, -1}
    assert len(result.trades) > 10
    held = result.decisions["held_by"].dropna().unique()
    assert {"position", "separation"} <= set(held)
    orders = result.decisions["signal"].ne("HOLD").sum()
    # Each trade is two orders, but for what the end closes.
    assert orders == 2 * len(result.trades) - (result.trades["exit_reason"] == "end_of_data").sum()


def test_what_comes_later_changes_no_decision(bundles, bars):
    spec = {"name": "m", "model_path": "anywhere", "allow_short_from_flat": True}
    whole = bt.simulate(spec, bars, start="2012-01-03", models=bundles[3]).decisions
    for end in (120, 200, 300):
        part = bt.simulate(spec, bars.iloc[:end], start="2012-01-03", models=bundles[3]).decisions
        # The last bar's order has no bar to fill at.
        assert part.iloc[:-1].equals(whole.loc[part.index].iloc[:-1])
