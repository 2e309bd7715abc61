import numpy as np
import pytest

from btkit.decisions.signals import Size, decide_by_signals
from btkit.engine import Market, Rules, commission_rules, run_decisions
from btkit.models.evidence import Trips, random_returns, trips_return

CAPITAL = 10_000.0


def market(bars=400, seed=0):
    random = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(random.normal(0.0005, 0.02, size=bars)))
    opens = close * np.exp(random.normal(0.0, 0.005, size=bars))
    prices = opens, np.maximum(opens, close), np.minimum(opens, close), close
    return Market(*(np.ascontiguousarray(price[None, :]) for price in prices))


def by_hand(trips, entries, prices):
    account = CAPITAL
    for at, held, fraction, side in zip(entries, *trips[:3], strict=True):
        entry = prices[at] * (1 + side * trips.slippage)
        leave = prices[at + held] * (1 - side * trips.slippage)
        shares = fraction * account / entry
        fees = 2 * trips.per_order + shares * (2 * trips.per_share + trips.rate * (entry + leave))
        account += shares * side * (leave - entry) - fees
        if account <= 0.0:
            return -1.0
    return account / CAPITAL - 1.0


@pytest.mark.parametrize("model", ["per_order", "per_share", "rate"])
@pytest.mark.parametrize("fraction", [0.25, 1.0, 20.0])
def test_returns_are_those_of_the_trades_one_after_the_other(model, fraction):
    random = np.random.default_rng(1)
    count = 25
    costs = commission_rules(model, {"per_order": 5.0, "per_share": 0.02, "rate": 0.001}[model])
    trips = Trips(
        random.integers(0, 9, count), np.full(count, fraction), random.choice([-1.0, 1.0], count),
        slippage=0.001, **costs,
    )  # fmt: skip
    prices = market().close[0]
    entries = np.cumsum(random.integers(8, 15, size=(30, count)), axis=1)
    found = trips_return(trips, entries, prices, capital=CAPITAL)
    known = [by_hand(trips, row, prices) for row in entries]
    np.testing.assert_allclose(found, known, rtol=1e-9, atol=1e-12)
    assert (found == -1.0).any() == (fraction == 20.0)


@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("at_close", [False, True])
@pytest.mark.parametrize("model", ["per_order", "rate"])
def test_where_the_engine_entered_they_are_what_the_engine_earned(short, at_close, model):
    random = np.random.default_rng(2)
    prices = market()
    signals = random.choice([-1, 0, 0, 0, 0, 1], 400)
    costs = commission_rules(model, {"per_order": 3.0, "rate": 0.001}[model])
    rules = Rules(
        short=False, at_close=at_close, fractional=True, filter_all=True, max_holding=10_000,
        max_positions=1, slippage=0.001, **costs,
    )  # fmt: skip
    size = Size.of(0.25 * CAPITAL / prices.close[0])
    decisions = decide_by_signals(signals, size, short=short)
    outcome = run_decisions(prices, decisions, rules, capital=CAPITAL)
    trades, fills = outcome.trades, (prices.close if at_close else prices.open)[0]
    assert len(trades.entry_bar) > 20
    account, fractions = CAPITAL, []
    for place in range(len(trades.entry_bar)):
        entry, leave = trades.entry_price[place], trades.exit_price[place]
        shares, side = trades.quantity[place], float(trades.side[place])
        fractions.append(shares * entry / account)
        fees = 2 * rules.per_order + rules.rate * shares * (entry + leave)
        account += shares * side * (leave - entry) - fees
    trips = Trips(
        trades.exit_bar - trades.entry_bar, np.array(fractions), trades.side.astype(float),
        slippage=0.001, **costs,
    )  # fmt: skip
    found = trips_return(
        trips, trades.entry_bar[None, :], fills, capital=CAPITAL, last=prices.close[0, -1:]
        if trades.exit_bar[-1] == 399 else None,
    )  # fmt: skip
    assert found[0] == pytest.approx(outcome.curve.equity[-1] / CAPITAL - 1.0, rel=1e-9)


def test_draws_keep_holding_times_and_never_overlap(monkeypatch):
    trips = Trips(
        np.array([3, 5, 2]), np.array([0.1, 0.2, 0.3]), np.array([1.0, -1.0, 1.0]), 0, 0, 0, 0
    )
    seen = []

    def note(mixed, entries, prices, *, capital):
        seen.append((mixed, entries[0]))
        return trips_return(mixed, entries, prices, capital=capital)

    monkeypatch.setattr("btkit.models.evidence.random_entries.trips_return", note)
    random_returns(trips, np.ones(20), first=2, capital=1.0, seed=0, draws=300)
    assert len({tuple(entries) for _, entries in seen}) > 30
    for mixed, entries in seen:
        order = np.argsort(mixed.fraction)
        assert mixed.held[order].tolist() == [3, 5, 2]
        assert mixed.side[order].tolist() == [1.0, -1.0, 1.0]
        ends = entries + mixed.held
        assert entries[0] >= 2
        assert ends[-1] <= 19
        assert (entries[1:] >= ends[:-1]).all()


def test_the_same_seed_draws_the_same_and_what_fills_all_bars_still_can_be_drawn():
    trips = Trips(np.array([6, 7]), np.ones(2), np.ones(2), 0.001, 0.0, 0.0, 0.001)
    prices = market(14).open[0]
    draws = [random_returns(trips, prices, first=0, capital=1.0, seed=seed) for seed in (0, 0, 1)]
    assert len(draws[0]) == 500
    np.testing.assert_array_equal(draws[0], draws[1])
    assert np.isfinite(draws[2]).all()


def test_many_trades_are_drawn_less_often():
    count = 10_000
    trips = Trips(np.ones(count, int), np.full(count, 0.1), np.ones(count), 0.0, 0.0, 0.0, 0.0)
    assert len(random_returns(trips, np.ones(30_000), first=0, capital=1.0, seed=0)) == 200
