"""Ready signals through the loop are what SEMANTICS 10.4 says, written down bar by bar."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from btkit.conditions import parse_expression
from btkit.conditions.columns import ColumnEvaluator
from btkit.decisions import Signal, Size, decide_by_signals
from btkit.engine import (
    POSITION_NAMES,
    Market,
    Reason,
    Rules,
    commission_rules,
    run_decisions,
    standing_of,
    value_trades,
)

FLAT, LONG, SHORT = 0, 1, -1
COMMISSION, SLIPPAGE, SHARE = 0.001, 0.002, 0.25
CAPITAL = 10_000.0


class Plain:
    """One bar after the other: fill, mark, decide."""

    def __init__(self, case):
        self.case = case
        self.cash, self.lot, self.order, self.leaving = CAPITAL, None, None, None
        self.last_fill = -1
        self.trades, self.equity, self.positions, self.held_back = [], [], [], []

    def run(self):
        bars = len(self.case["close"])
        for bar in range(bars):
            if not self.case["at_close"]:
                self.fill(bar, self.case["open"][bar])
            self.decide(bar, last=bar == bars - 1)
            if self.case["at_close"]:
                self.fill(bar, self.case["close"][bar], entries=bar < bars - 1)
            self.order = None if bar == bars - 1 else self.order
            if bar == bars - 1 and self.lot:
                self.leave(bar, self.case["close"][bar], "end_of_data")
            self.equity.append(self.cash + self.worth(self.case["close"][bar]))
        return self

    def worth(self, price):
        if not self.lot:
            return 0.0
        side, shares, entry, _ = self.lot
        return shares * (price if side == LONG else 2 * entry - price)

    def fill(self, bar, price, *, entries=True):
        if self.leaving:
            self.leave(bar, price, self.leaving)
            self.last_fill = bar
        if self.order and entries:
            side, shares = self.order
            paid = price * (1 + side * SLIPPAGE)
            self.cash -= shares * paid * (1 + COMMISSION)
            self.lot = side, shares, paid, bar
            self.last_fill = bar
        self.order = None

    def leave(self, bar, price, reason):
        side, shares, entry, since = self.lot
        got = price * (1 - side * SLIPPAGE)
        self.cash += self.worth(got) - shares * got * COMMISSION
        fees = COMMISSION * shares * (entry + got)
        self.trades.append((side, since, bar, shares * side * (got - entry) - fees, reason))
        self.lot = self.leaving = None

    def decide(self, bar, *, last):
        position = self.lot[0] if self.lot else FLAT
        waits = self.case["separation"]
        too_soon = waits is not None and self.last_fill > waits[bar]
        self.positions.append(position)
        self.held_back.append(too_soon)
        signal = Signal.HOLD if too_soon else self.case["signals"][bar]
        opposite = {LONG: Signal.SELL, SHORT: Signal.BUY}.get(position)
        if position != FLAT and signal == opposite:
            self.leaving = "exit"
        elif position != FLAT and bar - self.lot[3] >= self.case["max_holding"]:
            self.leaving = "max_holding"
        elif position == FLAT and (
            signal == Signal.BUY or (signal == Signal.SELL and self.case["short"])
        ):
            shares = SHARE * self.cash / self.case["close"][bar]
            self.order = (LONG if signal == Signal.BUY else SHORT), shares
        if last and not self.case["at_close"]:
            self.leaving = None


def rules_of(case):
    return Rules(
        short=False,
        at_close=case["at_close"],
        fractional=True,
        filter_all=False,
        max_holding=case["max_holding"],
        max_positions=case["places"],
        slippage=SLIPPAGE,
        **commission_rules("rate", COMMISSION),
    )


def by_the_loop(case):
    bars = len(case["close"])
    market = Market.of(
        pd.DataFrame(
            {"open": case["open"], "high": 200.0, "low": 1.0, "close": case["close"]},
            index=pd.RangeIndex(bars),
        )
    )
    formula, _ = parse_expression(f"{SHARE} * capital / close", sizing=True, events=None)
    columns = ColumnEvaluator({"close": market.close[0]}.__getitem__, lambda _: False)
    decisions = decide_by_signals(
        np.array(case["signals"], np.int64),
        Size(formula, columns, POSITION_NAMES),
        short=case["short"],
        separation=None if case["separation"] is None else np.array(case["separation"]),
    )
    return run_decisions(market, decisions, rules_of(case), capital=CAPITAL)


def assert_same(case):
    plain = Plain(case).run()
    outcome = by_the_loop(case)
    trades, made = outcome.trades, value_trades(outcome.trades, rules_of(case))
    found = zip(
        trades.side.tolist(),
        trades.entry_bar.tolist(),
        trades.exit_bar.tolist(),
        made.pnl.tolist(),
        (Reason(reason).name.lower() for reason in trades.reason),
        strict=True,
    )
    for own, wanted in zip(found, plain.trades, strict=True):
        assert own[:3] == wanted[:3]
        assert own[3] == pytest.approx(wanted[3], rel=1e-9, abs=1e-9)
        assert own[4] == wanted[4]
    np.testing.assert_allclose(outcome.curve.equity, plain.equity, rtol=1e-12)
    standing = standing_of(trades, len(plain.equity))
    assert standing.position.tolist() == plain.positions
    separation = [len(plain.equity)] * len(plain.equity)
    waits = np.array(separation if case["separation"] is None else case["separation"])
    assert standing.held_back(waits).tolist() == plain.held_back
    return outcome


@st.composite
def cases(draw):
    bars = draw(st.integers(1, 40))
    prices = st.lists(st.integers(60, 140).map(float), min_size=bars, max_size=bars)
    distance = draw(st.none() | st.integers(0, 6))
    return {
        "open": draw(prices),
        "close": draw(prices),
        "signals": draw(st.lists(st.sampled_from(list(Signal)), min_size=bars, max_size=bars)),
        "short": draw(st.booleans()),
        # As hours between bars of one length give it, but for gaps.
        "separation": None if distance is None else [bar - distance for bar in range(bars)],
        "at_close": draw(st.booleans()),
        "max_holding": draw(st.sampled_from([1, 3, 99])),
        "places": draw(st.sampled_from([1, 3])),
    }


@given(cases())
def test_any_signals(case):
    assert_same(case)


def test_long_and_short_with_waits():
    draw = np.random.default_rng(8)
    close = 100 * np.exp(np.cumsum(draw.normal(0, 0.003, 600)))
    case = {
        "open": [100.0, *close[:-1].tolist()],
        "close": close.tolist(),
        "signals": [Signal(int(value)) for value in draw.integers(-1, 2, 600)],
        "short": True,
        "separation": [bar - 4 for bar in range(600)],
        "at_close": False,
        "max_holding": 9,
        "places": 1,
    }
    outcome = assert_same(case)
    assert set(outcome.trades.side.tolist()) == {LONG, SHORT}
    assert len(outcome.trades.side) > 40
    assert len(assert_same(case | {"separation": None}).trades.side) > 100
    assert set(assert_same(case | {"short": False}).trades.side.tolist()) == {LONG}


def test_a_separation_without_shorts_is_the_loop_of_one_side_where_it_never_holds():
    draw = np.random.default_rng(9)
    close = 100 * np.exp(np.cumsum(draw.normal(0, 0.003, 300)))
    case = {
        "open": [100.0, *close[:-1].tolist()],
        "close": close.tolist(),
        "signals": [Signal(int(value)) for value in draw.integers(-1, 2, 300)],
        "short": False,
        "separation": None,
        "at_close": False,
        "max_holding": 99,
        "places": 1,
    }
    one_side = by_the_loop(case)
    either = by_the_loop(case | {"separation": list(range(300))})
    assert len(one_side.trades.side) > 30
    for own, other in zip(one_side.trades, either.trades, strict=True):
        np.testing.assert_array_equal(own, other)
    np.testing.assert_array_equal(one_side.curve.equity, either.curve.equity)
