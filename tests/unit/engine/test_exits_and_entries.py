"""Which lots leave and why, and which entries are made: worked out by hand."""

import pytest

from btkit.engine import Reason

FLAT = (8,) * 7
AT_0 = ("volume == 0",)
NEVER, AT_2 = (), ("volume == 2",)


# All decided at bar 2, where the lot of bar 1 has been held for one bar.
@pytest.mark.parametrize(
    ("stop", "exit_", "max_holding", "reason"),
    [
        (AT_2, AT_2, 1, "stop"),
        (NEVER, AT_2, 1, "exit"),
        (NEVER, NEVER, 1, "max_holding"),
        (AT_2, NEVER, 1, "stop"),
        (AT_2, AT_2, 99, "stop"),
        (("volume == 2", "close > 9"), AT_2, 99, "exit"),
        (AT_2, ("volume == 2", "close > 9"), 99, "stop"),
    ],
)
def test_stop_before_exit_before_max_holding(run, stop, exit_, max_holding, reason):
    done = run(FLAT, entry=AT_0, stop=stop, exit=exit_, max_holding=max_holding)
    assert done.rows == [(1, 3, 8, 8, 10, reason)]


def test_empty_lists_never_fire(run):
    done = run(FLAT, entry=AT_0)
    assert done.rows == [(1, 6, 8, 8, 10, "end_of_data")]


@pytest.mark.parametrize(("max_holding", "held"), [(1, 2), (2, 3), (3, 4)])
def test_max_holding_shows_one_more_at_the_next_open(run, max_holding, held):
    done = run(FLAT, entry=AT_0, max_holding=max_holding)
    assert done.rows == [(1, 1 + held, 8, 8, 10, "max_holding")]
    assert done.values.bars_held.tolist() == [held]


@pytest.mark.parametrize("max_holding", [1, 2, 3])
def test_max_holding_at_the_close_shows_itself(run, max_holding):
    done = run(FLAT, entry=AT_0, max_holding=max_holding, at_close=True)
    assert done.rows == [(0, max_holding, 8, 8, 10, "max_holding")]


def test_a_stop_is_judged_on_the_bar_of_entry(run):
    # Bought at open 1 for 8; close 1 is 4, a loss of half; sold at open 2.
    done = run((8, 8, 6), (8, 4, 6), entry=AT_0, stop=("position_pnl_pct <= -0.5",))
    assert done.rows == [(1, 2, 8, 6, 10, "stop")]


def test_gain_is_measured_from_the_fill_slippage_included(run):
    # Bought at 8 * 1.25 = 10: at the close 12 the gain is 0.2, from the open it would be 0.5.
    for limit, rows in (
        (0.19, [(1, 2, 10, 6, 10, "exit")]),
        (0.21, [(1, 3, 10, 9, 10, "end_of_data")]),
    ):
        done = run(
            (8, 8, 8, 8),
            (8, 12, 12, 12),
            entry=AT_0,
            exit=(f"position_pnl_pct > {limit}",),
            slippage=0.25,
        )
        assert done.rows == rows


def test_a_shorts_gain_is_one_minus_the_ratio(run):
    # Sold short at 8; at the close 4 the gain is 1 - 4/8 = 0.5.
    done = run(
        (8, 8, 6, 6), (8, 4, 4, 4), entry=AT_0, exit=("position_pnl_pct == 0.5",), short=True
    )
    assert done.rows == [(1, 2, 8, 6, 10, "exit")]
    assert done.values.pnl.tolist() == [20]


def test_each_lot_is_judged_by_its_own_age(run):
    # A lot each at bars 1, 2, 3 of sizes 1, 2, 3: each leaves after two bars of its own.
    done = run(FLAT, entry=("volume < 3",), exit=("bars_held >= 2",), lots=3, size="volume + 1")
    assert done.rows == [
        (1, 4, 8, 8, 1, "exit"),
        (2, 5, 8, 8, 2, "exit"),
        (3, 6, 8, 8, 3, "exit"),
    ]


def test_filters_entries_and_sizes_see_the_oldest_lot(run):
    # The lot of bar 1 is 0, 1, 2 bars old at bars 1, 2, 3: entries pass while it is below 2.
    done = run(FLAT, entry=("bars_held < 2",), lots=9, size="bars_held + 1")
    assert [(row[0], row[4]) for row in done.rows] == [(1, 1), (2, 1), (3, 2)]


def test_when_flat_the_positions_names_are_zero(run):
    zero = ("bars_held == 0 and days_held == 0 and position_pnl_pct == 0", "not in_position")
    done = run(FLAT, entry=zero, max_holding=1)
    assert [row[:2] for row in done.rows] == [(1, 3), (4, 6)]


def test_a_lot_that_leaves_counts_until_it_has_left(run):
    # Decided to leave at bar 2, gone at open 3: the next entry is decided at bar 3, not 2.
    done = run(FLAT, entry=("not in_position",), exit=("bars_held == 1",))
    assert [row[:2] for row in done.rows] == [(1, 3), (4, 6)]


@pytest.mark.parametrize("lots", [1, 2, 3])
def test_never_more_lots_than_allowed(run, lots):
    # One entry a bar, filled at bars 1, 2, ... until there is no more room.
    done = run(FLAT, entry=("close > 0",), lots=lots)
    assert [row[0] for row in done.rows] == list(range(1, lots + 1))


def test_room_counts_at_the_decision(run):
    # Full at bars 1 and 2; the lot leaves at open 3, so the next is decided at bar 3.
    done = run(FLAT, entry=("close > 0",), exit=("bars_held == 1",), lots=1)
    assert [row[:2] for row in done.rows] == [(1, 3), (4, 6)]


def test_trades_are_in_order_of_exit_the_oldest_lot_first(run):
    # Bars 1, 2, 3 fill at 8, 4, 2. Bar 3 (close 4) sees gains of -0.5, 0, 1: the youngest leaves
    # first; bar 4 (close 8) sees 0 and 1; the oldest goes with the data.
    done = run(
        (8, 8, 4, 2, 4, 8, 8),
        (8, 8, 2, 4, 8, 8, 8),
        entry=("volume < 3",),
        exit=("position_pnl_pct >= 1",),
        lots=3,
    )
    assert [(row[0], row[1], row[-1]) for row in done.rows] == [
        (3, 4, "exit"),
        (2, 5, "exit"),
        (1, 6, "end_of_data"),
    ]


def test_on_one_bar_the_oldest_goes_first_open_or_close(run):
    # The younger leaves at the open of the last bar, the older at its close.
    done = run(
        (8, 8, 4, 8),
        (8, 4, 8, 8),
        entry=("volume < 2",),
        exit=("position_pnl_pct >= 1",),
        lots=2,
    )
    assert [(row[0], row[1], row[-1]) for row in done.rows] == [
        (1, 3, "end_of_data"),
        (2, 3, "exit"),
    ]


# The filter passes at bars 0, 1 and 4 only; stop and exit hold at bar 2.
FILTER = ("volume < 2 or volume == 4",)


@pytest.mark.parametrize(
    ("filter_all", "options", "rows"),
    [
        (False, {"stop": AT_2}, [(1, 3, "stop")]),
        (False, {"exit": AT_2}, [(1, 3, "exit")]),
        (True, {"stop": AT_2}, [(1, 6, "end_of_data")]),
        (True, {"exit": AT_2}, [(1, 6, "end_of_data")]),
        # Both hold at bar 4 too, where the filter passes.
        (True, {"stop": ("volume >= 2",)}, [(1, 5, "stop")]),
        # Never gated.
        (True, {"max_holding": 1}, [(1, 3, "max_holding")]),
    ],
)
def test_filter_scope(run, filter_all, options, rows):
    done = run(FLAT, entry=AT_0, filters=FILTER, filter_all=filter_all, **options)
    assert [(row[0], row[1], row[-1]) for row in done.rows] == rows


def test_filter_scope_with_a_filter_that_reads_the_position(run):
    # The filter passes while the oldest lot is not 1 or 2 bars old: bar 2 is blocked, bar 4 not.
    for filter_all, left in ((False, 3), (True, 5)):
        done = run(
            FLAT,
            entry=AT_0,
            filters=("bars_held < 1 or bars_held > 2",),
            stop=("volume >= 2",),
            filter_all=filter_all,
        )
        assert [(row[0], row[1]) for row in done.rows] == [(1, left)]


@pytest.mark.parametrize("filters", [(), ("volume > 1",), ("volume > 1", "close > 7")])
def test_filters_gate_entries(run, filters):
    done = run(FLAT, filters=filters)
    assert [row[0] for row in done.rows] == [3 if filters else 1]


def test_a_condition_that_raises_is_not_met(run):
    missing = {"iv_rank": [float("nan"), float("nan"), 50, 50, 50, 50, 50]}
    done = run(FLAT, entry=("iv_rank > 30",), columns=missing)
    assert [row[0] for row in done.rows] == [3]
    done = run(FLAT, entry=AT_0, stop=("10 / bars_held == 5",))
    assert [row[:2] for row in done.rows] == [(1, 4)]


# At bar 0 the size is what the text gives; at the fill there is 100 in cash at 8 a share.
@pytest.mark.parametrize(
    ("size", "reason"),
    [
        ("iv_rank", "size_missing"),
        ("iv_rank * 2", "size_missing"),
        ("1 / (close - 8)", "size_missing"),
        ("(close - 16) ** 0.5", "size_missing"),
        ("close * 1e308 * 1e308 - close * 1e308 * 1e308", "size_missing"),
        ("None", "size_missing"),
        ("0", "size_not_positive"),
        ("-5", "size_not_positive"),
        ("close > 9", "size_not_positive"),
        ("-close * 1e308 * 1e308", "size_not_positive"),
        ("0.999", "size_below_one_share"),
        ("close / 16", "size_below_one_share"),
    ],
)
def test_entries_not_made_for_their_size(run, size, reason):
    done = run(FLAT, entry=AT_0, size=size, capital=100.0, columns={"iv_rank": [float("nan")] * 7})
    assert (done.rows, done.outcome.skipped) == ([], {reason: 1})
    assert done.equity == [100] * 7


def test_reasons_are_counted(run):
    # Bars 0 to 5 give -1, 0, 1/0, 3, ... of which bar 3's is bought and blocks the rest.
    done = run(FLAT, size="volume - 1 if volume != 2 else 1 / (volume - 2)")
    assert done.outcome.skipped == {"size_missing": 1, "size_not_positive": 2}
    assert [row[0] for row in done.rows] == [4]


def test_a_true_size_is_one_share(run):
    assert run(FLAT, entry=AT_0, size="close > 7").rows[0][4] == 1


def test_capital_is_cash_at_the_decision(run):
    # 1000 at bar 0: 50 shares at 8; then 600 in cash: 30 shares; then 360: 18.
    done = run(FLAT, entry=("volume < 3",), lots=3, size="capital / close * 0.4")
    assert [row[4] for row in done.rows] == [50, 30, 18]


def test_at_the_close_capital_is_cash_before_the_fills(run):
    # Bar 1 sells 125 shares for 1000 and decides an entry on the 0 in cash before that.
    done = run(
        FLAT,
        entry=("volume < 2",),
        exit=("bars_held == 1",),
        lots=2,
        size="capital / close if volume == 0 else capital + 1",
        at_close=True,
    )
    assert [row[:2] + row[4:] for row in done.rows] == [
        (0, 1, 125, "exit"),
        (1, 2, 1, "exit"),
    ]


def test_reasons_have_the_names_of_the_reports(run):
    assert [reason.name.lower() for reason in Reason] == [
        "stop",
        "profit_target",
        "exit",
        "max_holding",
        "scale_out",
        "margin_call",
        "expiration",
        "end_of_data",
        "ruin",
        "stop_loss",
        "take_profit",
        "trailing_stop",
        "crossed_at_entry",
    ]
