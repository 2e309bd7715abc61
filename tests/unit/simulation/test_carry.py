"""What holding brings and costs, through `simulate` (SEMANTICS 3.14), worked out by hand."""

import numpy as np
import pandas as pd
import pytest
from support.random_bars import make_bars

import btkit as bt
from btkit.engine import ChunkedRun
from btkit.engine.carry import NO_CARRY
from btkit.errors import DataError
from btkit.simulation import check_inputs, simulate_inputs

SPEC = {
    "name": "carried",
    "entry_conditions": ["not in_position", "close == 100"],
    "exit_conditions": ["close == 110"],
    "stop_conditions": [],
    "position_sizing_formula": "10",
    "max_holding_bars": 99,
}
# Tuesday to Tuesday: the entry fills on Wednesday, the exit on the second Monday.
CLOSES = (100.0, 101.0, 102.0, 110.0, 104.0, 105.0)
DAYS = ("2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09")


def bars(closes=CLOSES, index=DAYS, **columns):
    given = pd.DataFrame({"open": closes, "close": closes, "volume": 1.0, **columns})
    given["high"] = given["low"] = given["close"]
    return given.set_index(pd.DatetimeIndex(index))


def simulate(given=None, **changes):
    given = bars() if given is None else given
    return bt.simulate(SPEC | changes, given, capital=10_000, commission=0, slippage=0)


def codes(result):
    return [warning["code"] for warning in result.warnings]


def test_without_any_of_it_nothing_is_paid():
    result = simulate()
    assert result.carry is None
    for item in (result.interest, result.borrow_fees, result.dividends):
        assert not item.any()
        assert item.index.equals(result.equity.index)


def test_longs_are_paid_on_the_ex_date_on_what_they_held_at_the_close_before():
    # On the day of the entry's fill nothing was held at the close before; on that of the exit's,
    # Monday, ten were.
    given = bars(dividends=[9, 9, 0.5, 0, 0.25, 9])
    result = simulate(given, dividends="cash")
    assert result.dividends.tolist() == [0, 0, 5, 0, 2.5, 0]
    assert result.cash.tolist()[1:] == [8990, 8995, 8995, 10_037.5, 10_037.5]
    assert result.carry == {"interest": 0, "borrow_fees": 0, "dividends": 7.5}
    assert result.equity.iloc[-1] == 10_000 + 30 + 7.5


def test_shorts_pay_them_and_borrow():
    given = bars(dividends=[9, 9, 0.5, 0, 0.25, 9])
    result = simulate(given, direction="short", dividends="cash", borrow_rate=0.365)
    assert result.dividends.tolist() == [0, 0, -5, 0, -2.5, 0]
    # 10 x 101 x 0.365 / 365, then of Thursday's close, then three days of Friday's.
    assert result.borrow_fees.tolist() == pytest.approx([0, 0, 1.01, 1.02, 3.3, 0])
    assert result.equity.iloc[-1] == pytest.approx(10_000 - 30 - 7.5 - 5.33)


def test_cash_earns_for_the_calendar_days_and_collateral_does_not():
    result = simulate(cash_rate=0.365)
    # 10,000 until Wednesday's open; then what the entry left.
    left = 10_000 + 10 - 1010
    friday = left + 9 + 9.009
    assert result.interest.tolist()[:5] == pytest.approx([0, 10, 9, 9.009, friday * 0.003])
    short = simulate(cash_rate=0.365, direction="short")
    assert short.interest.tolist()[:5] == pytest.approx(result.interest.tolist()[:5])


def test_a_rate_is_read_one_bar_before():
    rates = [0.365, 0.0, 0.73, 0.0, 0.0, 0.73]
    flat = {"entry_conditions": ["close < 0"]}
    result = simulate(bars(rate=rates), cash_rate="rate", **flat)
    assert result.interest.tolist() == pytest.approx([0, 10, 0, 20.02, 0, 0])
    filled = simulate(cash_rate="{r}", parameters={"r": 0.365}, **flat)
    assert filled.interest.tolist()[:3] == pytest.approx([0, 10, 10.01])


@pytest.mark.parametrize(("multiplier", "margin"), [(None, None), (50, None), (50, 90)])
def test_contracts_are_paid_on_units_times_multiplier(multiplier, margin):
    sold = {"direction": "short", "multiplier": multiplier, "initial_margin": margin}
    given = bars(dividends=[0, 0, 0.5, 0, 0, 0])
    result = simulate(
        given, **sold, position_sizing_formula="1", dividends="cash", borrow_rate=0.365
    )
    units = multiplier or 1
    assert result.dividends.iloc[2] == -0.5 * units
    assert result.borrow_fees.iloc[2] == pytest.approx(101 * units / 1000)


def test_within_a_session_nothing_is_earned():
    times = pd.DatetimeIndex(
        [f"2024-01-0{day} {hour}:30" for day in (2, 3) for hour in (15, 16, 17)], tz="UTC"
    )
    result = simulate(bars(index=times), cash_rate=0.365, entry_conditions=["close < 0"])
    assert result.interest.tolist() == pytest.approx([0, 0, 0, 10, 0, 0])


def test_what_bars_do_not_say_is_refused():
    with pytest.raises(DataError, match="neither a column dividends nor adj_close"):
        simulate(dividends="cash")
    with pytest.raises(DataError, match="the column rate, which borrow_rate names, has no number"):
        simulate(bars(rate=[1, np.nan, 1, 1, 1, 1]), borrow_rate="rate", direction="short")


def test_a_split_that_shows_is_refused_and_one_that_prices_are_adjusted_for_is_not():
    halved = (100.0, 101.0, 51.0, 55.0, 52.0, 52.5)
    columns = {"dividends": [0, 0, 0, 1, 0, 0], "splits": [0, 0, 2, 0, 0, 0]}
    with pytest.raises(DataError, match="jump by a split on 2024-01-04") as refused:
        simulate(bars(halved, **columns), dividends="cash")
    assert refused.value.hint.startswith("write price_adjustment: splits;")
    adjusted = simulate(
        bars(halved, **columns), dividends="cash", price_adjustment="splits",
        entry_conditions=["close == 50", "not in_position"],
    )  # fmt: skip
    assert adjusted.dividends.tolist() == [0, 0, 0, 10, 0, 0]
    # What happened before the run's first close concerns no share of it.
    early = bars((50.0, *CLOSES), ("2023-12-29", *DAYS), dividends=0, splits=[0, 0.5, *[0] * 5])
    before = bt.simulate(SPEC | {"dividends": "cash"}, early, start="2024-01-02")
    assert before.carry == {"interest": 0, "borrow_fees": 0, "dividends": 0}


def test_dividends_within_a_session_are_refused():
    times = pd.DatetimeIndex(
        [f"2024-01-0{day} {hour}:30" for day in (2, 3) for hour in (15, 16, 17)], tz="UTC"
    )
    simulate(bars(index=times, dividends=[0, 0, 0, 1, 0, 0]), dividends="cash")
    with pytest.raises(DataError, match="2 bars within one have a dividend") as refused:
        simulate(bars(index=times, dividends=[0, 0, 0, 1, 1, 1]), dividends="cash")
    assert "first bar alone" in refused.value.hint


def test_buy_and_hold_is_paid_as_the_run_is():
    given = bars(dividends=[9, 0.5, 0, 0, 0.25, 0])
    paid, unpaid = simulate(given, dividends="cash"), simulate(given)
    assert paid.benchmark_closes.tolist() == [100, 101.5, 102.5, 110.5, 104.75, 105.75]
    assert unpaid.benchmark_closes.tolist() == list(CLOSES)
    document = bt.report(paid)
    assert document["benchmark"]["total_return_pct"] == pytest.approx(0.0575)
    assert "Dividends are paid" in document["benchmark"]["definition"]


def test_sharpe_ratios_take_the_cash_rate_off_unless_another_is_given():
    given = make_bars(60, seed=3)
    rate, other = {"cash_rate": 0.05}, {"sharpe_risk_free": 0.0}
    spec = SPEC | {"entry_conditions": ["close > open"], "exit_conditions": ["close < open"]}
    ratios = [
        bt.simulate(spec | changes, given).metrics.sharpe_ratio
        for changes in (rate, rate | {"sharpe_risk_free": 0.05}, rate | other)
    ]
    assert ratios[0] == ratios[1] < ratios[2]


def test_the_report_has_each_item_and_they_add_up():
    given = bars(dividends=[0, 0, 0.5, 0, 0, 0])
    result = simulate(given, dividends="cash", cash_rate=0.03, borrow_rate=0.1, direction="short")
    found = bt.report(result)["carry"]
    assert found["interest"] > 0
    assert found["borrow_fees"] > 0
    assert found["dividends"] == -5
    gained = found["trades"] + found["interest"] - found["borrow_fees"] + found["dividends"]
    assert found["total"] == pytest.approx(gained, abs=1e-9)
    assert found["total"] == pytest.approx(result.metrics.total_return, abs=1e-9)
    assert bt.report(simulate())["carry"] is None


def test_columns_that_nothing_uses_are_warned_of():
    told = bars(dividends=[0, 0.5, 0, 0, 0, 0], splits=[0, 0, 2, 0, 0, 0])
    assert {"unused_dividends", "unused_splits"} <= set(codes(simulate(told)))
    assert not {"unused_dividends", "unused_splits"} & set(codes(simulate(told, dividends="cash")))
    nothing = bars(dividends=0.0, splits=[0, 1, np.nan, 0, 0, 0])
    assert not {"unused_dividends", "unused_splits"} & set(codes(simulate(nothing)))


CASES = {
    "long": {},
    "short, at the close": {"direction": "short", "fill": "close"},
    "either side": {
        "direction": "both",
        "short": {
            "entry_conditions": ["close < open"],
            "exit_conditions": ["close > sma_3"],
            "stop_conditions": [],
        },
    },
    "inside the bar": {"stop_loss": 0.02, "take_profit": 0.03},
    "in parts": {"scale_out": [{"when": "bars_held >= 1", "fraction": 0.5}]},
    "reads the account": {"position_sizing_formula": "equity * 0.5 / close"},
    "contracts": {"multiplier": 5, "initial_margin": 90, "direction": "short"},
}


@pytest.mark.parametrize("changes", CASES.values(), ids=CASES)
def test_runs_in_parts_resumed_ones_and_the_identity(changes):
    given = make_bars(80, seed=11)
    given["dividends"] = np.where(np.arange(80) % 13 == 5, 0.4, 0.0)
    given["rate"] = 0.02 + 0.01 * np.sin(np.arange(80))
    spec = SPEC | {
        "entry_conditions": ["close > open", "not in_position"],
        "exit_conditions": ["close < sma_5"],
        "cash_rate": "rate",
        "borrow_rate": 0.3,
        "dividends": "cash",
    }
    spec |= changes

    def run(loop):
        return simulate_inputs(check_inputs(loop, spec, given, start=str(given.index[7].date())))

    whole = run(lambda loop: loop.finish(chunk_bars=loop.bars))

    def resumed(loop: ChunkedRun):
        market, decisions, rules = loop.inputs
        again = {"capital": loop.capital, "start": loop.start}
        other = ChunkedRun(market, decisions, rules, **again)
        other.advance(13)
        early = other.snapshot()
        other.advance(17)
        since = other.snapshot(since=early)
        joined = since._replace(
            trades=type(since.trades)(
                *map(np.concatenate, zip(early.trades, since.trades, strict=True))
            ),
            curve=type(since.curve)(
                *map(np.concatenate, zip(early.curve, since.curve, strict=True))
            ),
        )
        loop.restore(joined)
        without = ChunkedRun(market._replace(carry=NO_CARRY), decisions, rules, **again)
        assert loop.fingerprint() != without.fingerprint()
        return loop.finish(chunk_bars=1)

    parts = run(resumed)
    for name in ("equity", "cash", "interest", "borrow_fees", "dividends"):
        assert getattr(whole, name).equals(getattr(parts, name)), name
    pd.testing.assert_frame_equal(whole.trades, parts.trades)
    assert len(whole.trades)
    made = whole.trades["pnl"].sum() + whole.interest.sum()
    made += whole.dividends.sum() - whole.borrow_fees.sum()
    assert whole.equity.iloc[-1] - 100_000 == pytest.approx(made, abs=1e-8)


def test_spreads_earn_on_what_they_do_not_reserve():
    spec = {
        "name": "put_spread",
        "spread_type": "short_put_spread",
        "entry_conditions": ["not in_position"],
        "per_trade_risk_pct": 0.02,
    }
    given = make_bars(300, seed=5)
    plain = bt.simulate(spec, given)
    earning = bt.simulate(spec | {"cash_rate": 0.05}, given)
    assert plain.carry is None
    assert len(earning.trades)
    free, days = earning.cash.shift(1), earning.cash.index.to_series().diff().dt.days
    # What is reserved is not in `cash`.
    expected = (free * 0.05 * days / 365).fillna(0.0)
    assert earning.interest.tolist() == pytest.approx(expected.tolist(), rel=1e-12)
    made = earning.trades["pnl"].sum() + earning.interest.sum()
    assert earning.equity.iloc[-1] - earning.initial_capital == pytest.approx(made, abs=1e-6)
