"""A spec of both sides, by hand: reversals, what they may spend, and what the tables say of it."""

import pandas as pd
import pytest

import btkit as bt

TURNING = {
    "name": "turning",
    "direction": "both",
    "entry_conditions": ["close > open"],
    "exit_conditions": ["close < open"],
    "stop_conditions": [],
    "position_sizing_formula": "capital / close",
    "max_holding_bars": 99,
    "short": {
        "entry_conditions": ["close < open"],
        "exit_conditions": ["close > open"],
        "stop_conditions": [],
    },
}


def simulate(opens, closes, *, short=None, capital=1000.0, **changes):
    bars = pd.DataFrame(
        {"open": opens, "high": 99.0, "low": 1.0, "close": closes, "volume": 1.0},
        index=pd.bdate_range("2018-01-02", periods=len(opens)),
        dtype="float64",
    )
    spec = TURNING | changes | {"short": TURNING["short"] | (short or {})}
    return bt.simulate(spec, bars, capital=capital, commission=0, slippage=0)


def rows(result):
    index = result.all_bars.index
    return [
        (row.direction, index.get_loc(row.entry_date), index.get_loc(row.exit_date), row.shares)
        for row in result.trades.itertuples()
    ]


def test_a_reversal_fills_at_one_open_with_what_the_exit_brings():
    # Bar 0 rises: 100 shares at 10, at bar 1. Bar 1 falls to 8: out at the open of bar 2 for 8,
    # and short there with what the lot is worth at the close, 100 * 8 / 8 = 100 shares.
    result = simulate([8, 10, 8, 8], [10, 8, 8, 8])
    assert rows(result) == [("long", 1, 2, 100.0), ("short", 2, 3, 100.0)]
    assert result.trades["pnl"].tolist() == [-200.0, 0.0]
    assert result.cash.tolist() == [1000.0, 0.0, 0.0, 800.0]
    assert result.trades["exit_reason"].tolist() == ["exit", "end_of_data"]


def test_the_cut_comes_after_the_exits():
    # Worth 800 at the close, but the open brings 600: 75 shares of 8 were wanted, 100 of 6 paid
    # for; at an open of 12 what was wanted is what 1,200 pay for.
    cheaper = simulate([8, 10, 6, 6], [10, 8, 6, 6], position_sizing_formula="200")
    assert rows(cheaper) == [("long", 1, 2, 100.0), ("short", 2, 3, 100.0)]
    dearer = simulate([8, 10, 16, 16], [10, 8, 16, 16])
    assert rows(dearer) == [("long", 1, 2, 100.0), ("short", 2, 3, 100.0)]
    assert dearer.cash.tolist() == [1000.0, 0.0, 0.0, 1600.0]


def test_one_that_enters_when_flat_waits_until_the_lot_has_left():
    opens, closes = [8, 10, 8, 9, 8], [10, 8, 8, 8, 8]
    flat_first = {"entry_conditions": ["not in_position", "close < open"]}
    result = simulate(opens, closes, short=flat_first)
    # The exit of bar 1 is seen as a position; flat at the close of bar 2, and bar 3 falls.
    assert rows(result) == [("long", 1, 2, 100.0), ("short", 4, 4, 100.0)]


def test_where_both_would_enter_neither_does():
    both = {"entry_conditions": ["close > 9"]}
    result = simulate([8, 8, 8], [10, 10, 8], short=both)
    assert rows(result) == []
    assert result.diagnostics.skipped_entries == {"both_sides": 2}
    (sentence,) = result.diagnostics.explanation
    assert sentence == (
        "2 entries were decided but not made: the long side and the short side would both have "
        "entered, so neither did."
    )


def test_no_side_enters_while_a_lot_of_the_other_stays():
    result = simulate([8, 10, 8, 8], [10, 8, 7, 7], exit_conditions=[])
    assert rows(result) == [("long", 1, 3, 100.0)]


def test_several_lots_turn_when_all_of_them_leave():
    leave_old = {"exit_conditions": ["bars_held >= 2"], "position_sizing_formula": "10"}
    result = simulate(
        [8] * 7,
        [10, 10, 7, 7, 7, 7, 7],
        max_concurrent_positions=2,
        **leave_old,
    )
    # Lots of bars 1 and 2 are two bars old at bars 3 and 4: only then do the sales begin.
    assert rows(result)[:2] == [("long", 1, 4, 10.0), ("long", 2, 5, 10.0)]
    assert rows(result)[2][:2] == ("short", 5)


def test_an_entry_at_the_deciding_close_follows_the_exit_there():
    result = simulate([8, 10, 8, 8], [10, 8, 8, 8], fill="close")
    assert rows(result) == [("long", 0, 1, 100.0), ("short", 1, 3, 100.0)]


def test_conditions_of_a_side_see_its_own_lots():
    result = simulate(
        [8, 10, 8, 8, 8],
        [10, 8, 8, 8, 8],
        stop_conditions=["bars_held >= 0 and in_position and position_pnl_pct < -0.1"],
        short={"stop_conditions": ["bars_held >= 1", "in_position"]},
    )
    counts = {(c.list, c.index): c.held for c in result.diagnostics.conditions}
    assert counts["stop_conditions", 0] == 1
    # Short from bar 2, one bar old at bars 3 and 4; it leaves at bar 4, so bar 3 alone.
    assert counts["short.stop_conditions", 0] == 1
    assert counts["short.stop_conditions", 1] == 2
    assert result.trades["exit_reason"].tolist() == ["stop", "stop"]


def test_what_never_ended_a_trade_is_told_by_side():
    result = simulate(
        [8, 10, 8, 8],
        [10, 8, 8, 8],
        short={"stop_conditions": ["position_pnl_pct < -0.5"], "exit_conditions": []},
    )
    (sentence,) = result.diagnostics.never_fired
    assert sentence.startswith("short.stop_conditions[0] 'position_pnl_pct < -0.5' never held")


def test_one_side_has_no_column_for_it():
    bars = pd.DataFrame(
        {"open": 8.0, "high": 9.0, "low": 7.0, "close": 8.5, "volume": 1.0},
        index=pd.bdate_range("2018-01-02", periods=5),
    )
    spec = {name: value for name, value in TURNING.items() if name not in ("short", "direction")}
    assert "direction" not in bt.simulate(spec, bars).trades
    assert simulate([8], [8]).trades["direction"].dtype == "str"


def test_excursions_are_those_of_each_trades_side():
    result = simulate([8, 10, 8, 8], [10, 8, 8, 8])
    long, short = result.trades.itertuples()
    # From 10 the bar's range is 1 to 99; from 8 likewise, the other way round.
    assert (long.mae_pct, long.mfe_pct) == pytest.approx((1 / 10 - 1, 99 / 10 - 1))
    assert (short.mae_pct, short.mfe_pct) == pytest.approx((1 - 99 / 8, 1 - 1 / 8))
