"""Counts of each condition, worked out by hand."""

import gc
import math
import weakref

import numpy as np

from btkit.simulation.evaluator import Evaluator

NAN = math.nan


def counted(result):
    return {
        f"{count.list.removesuffix('_conditions')}[{count.index}]": (count.held, count.raised)
        for count in result.diagnostics.conditions
    }


def test_conditions_are_counted_at_every_deciding_bar(run):
    # close: 8 9 10 11 12; a lot from bar 1 to the end.
    result = run(
        (8, 9, 10, 11, 12),
        entry_conditions=["close > 9", "close < 12"],
        exit_conditions=["close > 1000"],
        stop_conditions=["iv_rank < 5"],
        filter_conditions=["1 / (close - 10) > 0"],
        bars={"iv_rank": [NAN, 1.0, NAN, 9.0, NAN]},
    )
    assert counted(result) == {
        "entry[0]": (3, 0),
        "entry[1]": (4, 0),
        "exit[0]": (0, 0),
        "stop[0]": (1, 3),
        "filter[0]": (2, 1),
    }
    assert result.diagnostics.condition_errors == {
        "stop_conditions[0]": 3,
        "filter_conditions[0]": 1,
    }
    assert result.diagnostics.decided_bars == 5
    assert result.diagnostics.conditions[0].text == "close > 9"


def test_position_names_at_the_next_open(run):
    # Decided at bar 0, in from bar 1, decided to leave at bar 3 (held 2), out at open 4, in
    # again at open 5: in_position at bars 1, 2, 3, 5, and bars_held is 0 1 2 0 there.
    result = run(
        (8,) * 6,
        exit_conditions=["bars_held >= 2"],
        stop_conditions=["bars_held == 1 and close > 100"],
        filter_conditions=["in_position or capital == 1000", "bars_held == 1", "days_held >= 0"],
        filter_scope="entries",
        entry_conditions=["not in_position"],
    )
    # The filter bars_held == 1 never holds while flat, so nothing is ever bought.
    assert counted(result)["filter[1]"] == (0, 0)
    result = run(
        (8,) * 6,
        exit_conditions=["bars_held >= 2"],
        stop_conditions=["bars_held == 1 and close > 100"],
        filter_conditions=["in_position or capital == 1000"],
    )
    assert counted(result) == {
        "entry[0]": (2, 0),
        "exit[0]": (1, 0),
        "stop[0]": (0, 0),
        "filter[0]": (6, 0),
    }


def test_position_names_at_the_close(run):
    # In at close 0, seen from bar 1 on; held 2 at bar 2, out at close 2, still seen there; flat
    # at bar 3, in at close 3, seen at bars 4 and 5; held 2 at bar 5.
    result = run((8,) * 6, fill="close", exit_conditions=["bars_held >= 2"],
                 stop_conditions=["capital < 1000 and close > 100", "capital == 920"])  # fmt: skip
    assert counted(result) == {
        # Bars 0, 3.
        "entry[0]": (2, 0),
        # Bars 2, 5.
        "exit[0]": (2, 0),
        "stop[0]": (0, 0),
        # 1000 - 80 is left at bars 1, 2, 4, 5.
        "stop[1]": (4, 0),
    }


def test_gains_of_the_oldest_lot_and_of_every_lot(run):
    # Lots at bars 1 (for 8) and 2 (for 4). Closes 8 8 4 4 8: at bar 2 the gains are -1/2 and 0,
    # at bar 3 the same, at bar 4 they are 0 and 1.
    result = run(
        (8, 8, 4, 4, 8),
        (8, 8, 4, 4, 8),
        entry_conditions=["close > 0", "position_pnl_pct > -0.4"],
        exit_conditions=["position_pnl_pct == 1 and close < 0", "position_pnl_pct == 0"],
        stop_conditions=["position_pnl_pct <= -0.5 and close < 0", "bars_held >= 2"],
        max_concurrent_positions=2,
    )
    assert result.trades["entry_date"].dt.day.tolist() == [3, 4]
    assert counted(result) == {
        "entry[0]": (5, 0),
        # The oldest: 0 at bars 0 and 1, -1/2 at 2 and 3, 0 at 4.
        "entry[1]": (3, 0),
        "exit[0]": (0, 0),
        # Any lot: bar 0 (flat), 1 (oldest), 2 and 3 (younger), 4 (oldest).
        "exit[1]": (5, 0),
        "stop[0]": (0, 0),
        # The oldest is 2 at bar 3 and 3 at bar 4; the younger 2 at bar 4: two bars.
        "stop[1]": (2, 0),
    }


def test_a_bar_counts_once_however_many_lots_raise(run):
    result = run(
        (8,) * 5,
        entry_conditions=["close > 0"],
        exit_conditions=["1 / (close - 8) > bars_held"],
        max_concurrent_positions=3,
    )
    assert counted(result)["exit[0]"] == (0, 5)


def test_the_last_bar_is_seen_before_the_books_close(run):
    # The lot of bar 1 is there at the last bar, and 920 in cash.
    result = run(
        (8, 8, 8),
        stop_conditions=["capital == 920", "close > 100"],
        filter_conditions=["capital == 920 or not in_position"],
        exit_conditions=["capital == 920 and bars_held == 1"],
    )
    assert counted(result) == {
        "entry[0]": (1, 0),
        "exit[0]": (1, 0),
        "stop[0]": (2, 0),
        "stop[1]": (0, 0),
        "filter[0]": (3, 0),
    }
    assert result.trades["exit_reason"].tolist() == ["end_of_data"]


def test_an_exit_of_the_last_bar_is_an_unfilled_order(run):
    result = run((8, 8, 8), exit_conditions=["bars_held == 1"])
    assert counted(result)["exit[0]"] == (1, 0)
    assert result.diagnostics.unfilled_orders == 1
    assert result.trades["exit_reason"].tolist() == ["end_of_data"]


def test_after_ruin_nothing_is_counted(run):
    # 10 short at 8 is all 80; at bar 2 the close 16 is ruin. Bars 0 and 1 were decided.
    result = run(
        (8, 8, 16, 8, 8),
        direction="short",
        account={"capital": 80.0},
        exit_conditions=["close < 0"],
    )
    assert result.ruined
    assert result.diagnostics.decided_bars == 2
    assert counted(result) == {"entry[0]": (1, 0), "exit[0]": (0, 0)}


def test_at_the_close_ruin_comes_after_that_bars_decisions(run):
    # Filled at close 0; at bar 1 equity is 0 before anything is decided.
    result = run((8, 16, 8), direction="short", fill="close", account={"capital": 80.0})
    assert (result.ruined, result.diagnostics.decided_bars) == (True, 1)


def test_a_run_of_a_start(run):
    result = run((8, 9, 10, 11, 12), start="2018-01-04", entry_conditions=["close > 0"])
    assert counted(result) == {"entry[0]": (3, 0)}
    assert result.diagnostics.decided_bars == 3


def test_skips_and_unfilled_orders(run):
    # Bars 0 and 1 want -1 and 0, bar 2 half a share, bar 3 is the last.
    result = run((7, 8, 8.5, 50), position_sizing_formula="close - 8")
    assert result.diagnostics.skipped_entries == {
        "size_not_positive": 2,
        "size_below_one_share": 1,
    }
    assert result.diagnostics.unfilled_orders == 1
    assert len(result.trades) == 0


def test_the_option_positions_names_are_known(run):
    result = run((8, 8, 8), filter_conditions=["short_leg_delta == 0.3"],
                 exit_conditions=["1 / pnl_pct_of_max_credit > 1"])  # fmt: skip
    assert counted(result)["filter[0]"] == (3, 0)
    assert counted(result)["exit[0]"] == (0, 3)


def test_a_stop_that_never_fires_is_told_with_how_near_it_came(run):
    # In from the open of bar 1 at 9 to the end; the lowest close by then is 8, on bar 3.
    result = run(
        (10, 9, 9, 8, 9),
        entry_conditions=["bars_held == 0"],
        exit_conditions=["close > 9.5", "bars_held == 2"],
        stop_conditions=["position_pnl_pct < -0.5"],
    )
    assert len(result.trades) == 1
    assert result.diagnostics.never_fired == [
        # The close above 9.5 was on bar 0, before anything was held.
        (
            "exit_conditions[0] 'close > 9.5' never held while a position was open; it came "
            "nearest on 2018-01-03, with 9 where above 9.5 was needed."
        ),
        (
            "stop_conditions[0] 'position_pnl_pct < -0.5' never held while a position was open; it "
            "came nearest on 2018-01-05, with -0.111111 where below -0.5 was needed."
        ),
    ]


def test_conditions_that_only_held_apart_never_ended_a_trade(run):
    result = run((8, 9, 10, 11), exit_conditions=["close < 9.5", "close > 10.5"])
    assert result.diagnostics.never_fired == [
        (
            "exit_conditions[0] 'close < 9.5' and exit_conditions[1] 'close > 10.5' never held on "
            "the same bar while a position was open."
        )
    ]


def test_a_list_that_fired_is_not_told_of(run):
    result = run((8, 9, 10, 11), exit_conditions=["close > 9.5"], stop_conditions=[])
    assert result.diagnostics.never_fired == []


def test_nothing_never_fired_where_nothing_was_held(run):
    result = run((8, 9), entry_conditions=["close > 100"], stop_conditions=["close < 0"])
    assert result.diagnostics.never_fired == []


def test_each_lot_counts(run):
    # The oldest lot never falls by a tenth, the one bought at the top does.
    result = run(
        (8, 8, 12, 10, 10),
        entry_conditions=["close > 0"],
        stop_conditions=["position_pnl_pct < -0.1"],
        position_sizing_formula="20",
        max_concurrent_positions=3,
    )
    assert result.diagnostics.never_fired == []


def test_what_a_diagnosis_read_is_let_go_at_once(run):
    result = run((8, 9, 10, 11, 12), entry_conditions=["close > 9"], exit_conditions=["close > 11"])
    bars = result.outcome.start + np.arange(3)
    gc.disable()
    try:
        held = np.ones(3)
        kept = weakref.ref(held)
        evaluator = Evaluator(result.feature_set, bars, {"in_position": held})
        assert evaluator.met(result.clauses.entry[0].tree).tolist() == [False, False, True]
        del held, evaluator
        assert kept() is None
    finally:
        gc.enable()
