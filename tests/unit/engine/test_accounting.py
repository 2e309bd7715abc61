"""Start cash + realised + unrealised - costs + carry = equity, at every bar of any run."""

import math

import numpy as np
from hypothesis import HealthCheck, given, settings
from oracle.harness import engine
from oracle.strategies import cases

thorough = settings(
    max_examples=80,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def raw_prices(result):
    """Return each trade's entry and exit price before slippage."""
    bars, trades = result.bars, result.trades
    usual = "close" if result.spec.fill == "close" else "open"
    entries = bars[usual].loc[trades["entry_date"]].to_numpy()
    at_close = trades["exit_reason"].isin(["end_of_data", "ruin"]).to_numpy() | (usual == "close")
    left = bars.loc[trades["exit_date"]]
    return entries, np.where(at_close, left["close"], left["open"])


def charge(result, units, shares, price):
    model, commission = result.commission_model, result.commission
    if model == "per_order":
        return np.full(len(units), commission)
    return commission * (shares * price if model == "rate" else units)


def sides_of(result):
    """Return 1 of each long trade, -1 of each short one."""
    trades = result.trades
    if result.spec.takes_both_sides:
        return np.where(trades["direction"] == "short", -1.0, 1.0)
    return np.full(len(trades), -1.0 if result.spec.direction == "short" else 1.0)


def open_at(result, bar):
    """Return which trades were open at a close, what each had gained by then, and its units."""
    trades, bars = result.trades, result.bars
    entered = bars.index.get_indexer(trades["entry_date"]) <= bar
    held = entered & (bars.index.get_indexer(trades["exit_date"]) > bar)
    units = trades["shares"].to_numpy()
    shares = units * (result.spec.multiplier or 1.0)
    moved = bars["close"].to_numpy()[bar] - trades["entry_price"].to_numpy()
    return held, sides_of(result) * shares * moved, units


def carried_by(result):
    """Return what cash earned and shares were paid, less what shorts paid, by the end of a bar."""
    return (result.interest - result.borrow_fees + result.dividends).cumsum()


@thorough
@given(cases())
def test_the_books_balance_at_every_bar(case):
    result = engine(case)
    trades, bars = result.trades, result.bars
    side, spec = sides_of(result), result.spec
    entry_raw, exit_raw = raw_prices(result)
    units = trades["shares"].to_numpy()
    point = spec.multiplier or 1.0
    shares = units * point
    entry_costs = shares * abs(trades["entry_price"].to_numpy() - entry_raw)
    exit_costs = shares * abs(trades["exit_price"].to_numpy() - exit_raw)
    # Of a lot that left in parts each bears its share by shares.
    parts = trades.groupby("lot")["shares"].transform("sum") if "lot" in trades else units
    whole, prices = np.asarray(parts), trades["entry_price"].to_numpy()
    entry_fees = charge(result, whole, whole * point, prices) * units / whole
    exit_fees = charge(result, units, shares, trades["exit_price"].to_numpy())
    np.testing.assert_allclose(trades["slippage_cost"], entry_costs + exit_costs, rtol=1e-9)
    np.testing.assert_allclose(trades["commission"], entry_fees + exit_fees, rtol=1e-12)
    gross = side * shares * (exit_raw - entry_raw)
    turnover = float(np.sum(shares * (abs(entry_raw) + abs(exit_raw)) + entry_fees + exit_fees))
    tolerance = 1e-10 * (case.capital + turnover)
    np.testing.assert_allclose(
        trades["pnl"],
        gross - trades["slippage_cost"] - trades["commission"],
        rtol=0,
        atol=tolerance,
    )
    entered = bars.index.get_indexer(trades["entry_date"])
    left = bars.index.get_indexer(trades["exit_date"])
    closes = bars["close"].to_numpy()
    for bar, equity in enumerate(result.equity):
        has_in, has_left = entered <= bar, left <= bar
        open_now = has_in & ~has_left
        realised = gross[has_left].sum()
        unrealised = (side * shares * (closes[bar] - entry_raw))[open_now].sum()
        costs = (entry_costs + entry_fees)[has_in].sum() + (exit_costs + exit_fees)[has_left].sum()
        carry = carried_by(result).iloc[bar]
        expected = case.capital + realised + unrealised - costs + carry
        assert math.isclose(equity, expected, rel_tol=1e-9, abs_tol=tolerance)
        # Collateral or cost of the open lots is all that cash and equity differ by; of margined
        # ones the margin and what they have gained, since nobody may spend what they have lost.
        worth = shares * (trades["entry_price"].to_numpy() * (1 - side) + side * closes[bar])
        if spec.initial_margin is not None:
            worth = units * spec.initial_margin + np.maximum(open_at(result, bar)[1], 0.0)
        invested = worth[open_now].sum()
        assert math.isclose(
            equity - result.cash.iloc[bar], invested, rel_tol=1e-9, abs_tol=tolerance
        )


@thorough
@given(cases())
def test_an_entry_never_takes_cash_below_zero(case):
    result = engine(case)
    last = result.bars.index[-1]
    margined = result.spec.initial_margin is not None
    for date in result.trades["entry_date"]:
        # After the last bar all lots have closed, and paid for it.
        cash = result.outcome.final_decision_cash if date == last else result.cash[date]
        if margined and date != last:
            # The fill was before the close, by which lots may have lost more than is left.
            held, gained, _ = open_at(result, result.bars.index.get_loc(date))
            cash -= np.minimum(gained[held], 0.0).sum() * (1 + 1e-12)
        assert cash >= 0.0 or result.ruined or (margined and date == last)


@thorough
@given(cases())
def test_an_account_below_the_margins_of_its_lots_is_called(case):
    result = engine(case)
    margin, trades = result.spec.initial_margin, result.trades
    called = trades["exit_reason"] == "margin_call"
    if margin is None:
        assert not called.any()
        return
    at_close = result.spec.fill == "close"
    left = result.bars.index.get_indexer(trades["exit_date"])
    entered = result.bars.index.get_indexer(trades["entry_date"])
    for place in np.flatnonzero(called):
        bar = left[place] - (not at_close)
        # At a close at which the lots leave, the curve is after that.
        held = (entered < bar + (not at_close)) & (left > bar - at_close)
        assert held.sum() == called[left == left[place]].sum()
    if not at_close:
        for bar, equity in enumerate(result.equity.iloc[:-1]):
            held, _, units = open_at(result, bar)
            if equity < (units[held] * margin).sum() * (1 - 1e-12):
                ended = {"margin_call", "ruin", "end_of_data"}
                assert set(trades["exit_reason"][held]) <= ended
                assert (left[held] == bar + 1).all()


@thorough
@given(cases())
def test_what_always_holds_of_a_trade_list(case):
    result = engine(case)
    trades = result.trades
    assert len(result.equity) == len(result.bars)
    assert (trades["shares"] > 0).all()
    assert result.spec.allow_fractional or (trades["shares"] % 1 == 0).all()
    assert trades["exit_date"].is_monotonic_increasing
    assert (trades["exit_date"] >= trades["entry_date"]).all()
    assert (trades["slippage_cost"] >= 0).all()
    assert (trades["commission"] >= 0).all()
    assert result.cash.iloc[-1] == result.equity.iloc[-1]
    same_bar = trades["exit_date"].eq(trades["exit_date"].shift())
    if "lot" in trades:
        assert (trades["lot"] >= trades["lot"].shift())[same_bar].all()
        by_lot = trades.groupby("lot")["entry_date"]
        assert (by_lot.nunique() == 1).all()
        assert by_lot.first().is_monotonic_increasing
        assert result.metrics.total_trades == len(by_lot)
    else:
        assert (trades["entry_date"] > trades["entry_date"].shift())[same_bar].all()
    lots = result.spec.max_concurrent_positions
    for date in result.bars.index:
        before = trades["entry_date"] <= date
        held = before & (trades["exit_date"] > date)
        assert trades["entry_date"][held].nunique() <= lots
    assert math.isclose(
        result.equity.iloc[-1],
        case.capital + trades["pnl"].sum() + carried_by(result).iloc[-1],
        rel_tol=1e-9,
        abs_tol=1e-9 * (case.capital + trades["pnl"].abs().sum()),
    )
