"""Finer bars inside of each bar, worked out by hand (SEMANTICS 9.8); both must agree.

A day is a list of half hours from the session's open on; its own bar is what they make up, but
where a case says otherwise. Every number is exact in binary.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pytest
from oracle.harness import Prepared, engine, oracle, plain_rows, traded_rows
from oracle.strategies import Case
from oracle.test_hand_inside import BOTH, LIMIT, MODES, SHORT_BOTH, SHOWN, STOP, Bar, Row

from btkit.crosscheck import differences

Day = list[Bar]

QUIET: Day = [(100, 100, 100, 100), (100, 100, 100, 100)]
TIGHT: Day = [(100, 101, 99, 100), (100, 101, 99, 100)]
DOWN, UP = (100, 101, 89, 100), (100, 112, 99, 105)
DOUBTFUL = (100, 112, 88, 100)


@dataclass(frozen=True)
class Hand:
    """A run and its trades; an entry is decided at the close of each day of `enter`."""

    label: str
    days: list[Day]
    spec: dict[str, Any]
    trades: list[Row]
    enter: tuple[int, ...] = (0,)
    slippage: float = 0.0
    capital: float = 100_000.0
    skipped: dict[str, int] = field(default_factory=dict)
    # What the bar of a day is where its half hours do not make it up.
    whole: dict[int, Bar] = field(default_factory=dict)
    mismatches: int = 0
    fill: str = "next_open"


def modes(label: str, days: list[Day], spec: dict[str, Any], *rows: Row) -> list[Hand]:
    """Return one run for each mode: pessimistic, path, optimistic."""
    return [
        Hand(f"{label}, {mode}", days, spec | {"intrabar": mode}, [row])
        for mode, row in zip(MODES, rows, strict=True)
    ]


HANDS = [
    # Both levels, 90 and 110, are in the day's reach: one half hour after the other.
    *modes(
        "the stop came first",
        [QUIET, TIGHT, [DOWN, UP], TIGHT],
        BOTH,
        *[(1, 2, 100, 90, 10, "stop_loss", "level", True)] * 3,
    ),
    *modes(
        "the target came first",
        [QUIET, TIGHT, [UP, (105, 106, 88, 100)], TIGHT],
        BOTH,
        *[(1, 2, 100, 110, 10, "take_profit", "level", True)] * 3,
    ),
    *modes(
        "of a short the target came first",
        [QUIET, TIGHT, [DOWN, UP], TIGHT],
        SHORT_BOTH,
        *[(1, 2, 100, 90, 10, "take_profit", "level", True)] * 3,
    ),
    # Both within one half hour. The path is that half hour's: 9 up and 15 down from 103, up first;
    # the day's own, 12 either way from 100, would go down first.
    *modes(
        "both in one half hour",
        [QUIET, TIGHT, [(100, 101, 99, 100), (103, 112, 88, 100)], TIGHT],
        BOTH,
        (1, 2, 100, 90, 10, "stop_loss", "level", False),
        (1, 2, 100, 110, 10, "take_profit", "level", False),
        (1, 2, 100, 110, 10, "take_profit", "level", False),
    ),
    Hand(
        "what follows the exit is in no doubt",
        [QUIET, TIGHT, [DOWN, DOUBTFUL], TIGHT],
        BOTH,
        [(1, 2, 100, 90, 10, "stop_loss", "level", True)],
    ),
    # S = 90: the second half hour opens at 80, and sells there, 80 * 0.75 = 60.
    Hand(
        "a gap within the day, through the stop",
        [QUIET, TIGHT, [(100, 101, 99, 100), (80, 95, 78, 82)], TIGHT],
        {"stop_loss": {"price": "close - 10"}},
        [(1, 2, 125, 60, 10, "stop_loss", "gap", True)],
        slippage=0.25,
    ),
    # T = 110: it opens at 120, and a limit order gets that.
    Hand(
        "a gap within the day, through the target",
        [QUIET, TIGHT, [(100, 101, 99, 100), (120, 121, 119, 120)], TIGHT],
        {"take_profit": {"price": "close + 10"}},
        [(1, 2, 125, 120, 10, "take_profit", "gap", True)],
        slippage=0.25,
    ),
    # Bought at the open of the day: its half hours follow, the first and the others.
    Hand(
        "bought at the open, and stopped in the second half hour",
        [QUIET, [(100, 101, 99, 100), DOUBTFUL], TIGHT],
        {"stop_loss": {"price": "close - 12"}, "take_profit": {"price": "close + 20"}},
        [(1, 1, 100, 88, 10, "stop_loss", "level", True)],
    ),
    # A stop order at 104 with its stop at 90: the low of 89 was before it was filled.
    *modes(
        "a low before the entry",
        [QUIET, [DOWN, (100, 106, 99, 101)], QUIET],
        STOP | BOTH,
        *[(1, 2, 104, 100, 10, "end_of_data", "close", True)] * 3,
    ),
    *modes(
        "a low after the entry",
        [QUIET, [(100, 106, 99, 101), (101, 102, 89, 101)], QUIET],
        STOP | BOTH,
        *[(1, 1, 104, 90, 10, "stop_loss", "level", True)] * 3,
    ),
    # Entry and stop in one half hour: 100 to 89 first on the path, then 106.
    *modes(
        "a low in the half hour of the entry",
        [QUIET, [(100, 101, 99, 100), (97, 106, 89, 101)], QUIET],
        STOP | BOTH,
        (1, 1, 104, 90, 10, "stop_loss", "level", False),
        (1, 2, 104, 100, 10, "end_of_data", "close", False),
        (1, 2, 104, 100, 10, "end_of_data", "close", False),
    ),
    # A limit order at 96 with its target at 110: the high of 112 came after, or before.
    *modes(
        "a high after the entry",
        [QUIET, [(100, 101, 95, 100), UP], QUIET],
        LIMIT | BOTH,
        *[(1, 1, 96, 110, 10, "take_profit", "level", True)] * 3,
    ),
    *modes(
        "a high before the entry",
        [QUIET, [UP, (105, 106, 95, 100)], QUIET],
        LIMIT | BOTH,
        *[(1, 2, 96, 100, 10, "end_of_data", "close", True)] * 3,
    ),
    # The second half hour opens at 94, below the limit of 96, and is bought there; at 108, above
    # the stop order at 104, with slippage: 108 * 1.25 = 135.
    Hand(
        "a limit order that an open within the day has passed",
        [QUIET, [(100, 101, 99, 100), (94, 95, 93, 95)], QUIET],
        LIMIT,
        [(1, 2, 94, 75, 10, "end_of_data", "close", True)],
        slippage=0.25,
    ),
    Hand(
        "a stop order that an open within the day has passed",
        [QUIET, [(100, 101, 99, 100), (108, 109, 107, 108)], QUIET],
        STOP,
        [(1, 2, 135, 75, 10, "end_of_data", "close", True)],
        slippage=0.25,
    ),
    # That half hour follows its fill as the day would (9.5): both levels in reach are a doubt.
    *modes(
        "the half hour of such an entry",
        [QUIET, [(100, 101, 99, 100), (94, 111, 89, 100)], QUIET],
        LIMIT | BOTH,
        (1, 1, 94, 90, 10, "stop_loss", "level", False),
        (1, 1, 94, 90, 10, "stop_loss", "level", False),
        (1, 1, 94, 110, 10, "take_profit", "level", False),
    ),
    # (1 - 0.125) * 112 = 98 is the level of the next day, not of the second half hour.
    Hand(
        "a trailing level moves at the day's close alone",
        [QUIET, TIGHT, [(100, 112, 100, 110), (110, 111, 95, 100)], [(99, 99, 98, 98)] * 2],
        {"trailing_stop": {"fraction": 0.125}},
        [(1, 3, 100, 98, 10, "trailing_stop", "level", True)],
    ),
    # Entered within the day, it counts by its fill and close (9.2): (1 - 0.125) * 104 = 91, and not
    # of the high of 120 that came after.
    Hand(
        "a trailing level after an entry that an open within the day has passed",
        [QUIET, [(100, 101, 99, 100), (104, 120, 100, 101)], [(101, 101, 91, 95)] * 2, QUIET],
        {"entry_order": {"stop": "close + 4"}, "trailing_stop": {"fraction": 0.125}},
        [(1, 2, 104, 91, 10, "trailing_stop", "level", True)],
    ),
    # What leaves in the first half hour pays for nothing in the second.
    Hand(
        "an exit frees cash for what is decided at the day's close alone",
        [QUIET, [(100, 100, 95, 100), (100, 100, 99, 100)], [UP, (105, 105, 95, 100)], QUIET],
        LIMIT | {"take_profit": {"price": "close + 10"}, "max_concurrent_positions": 2},
        [(1, 2, 96, 110, 10, "take_profit", "level", True)],
        enter=(0, 1),
        capital=1_000.0,
        skipped={"insufficient_cash": 1},
    ),
    # The day's own bar went to 113: its half hours are not its, and the coarse rule holds.
    *[
        Hand(
            f"half hours that miss the {name}",
            [QUIET, TIGHT, [DOWN, UP], TIGHT],
            BOTH,
            [(1, 2, 100, 90, 10, "stop_loss", "level", False)],
            whole={2: bar},
            mismatches=1,
        )
        for name, bar in (
            ("open", (101, 112, 89, 105)),
            ("high", (100, 113, 89, 105)),
            ("low", (100, 112, 88, 105)),
            ("close", (100, 112, 89, 104)),
        )
    ],
    # A ten-millionth is no difference, and two millionths are one.
    Hand(
        "half hours that are off by rounding",
        [QUIET, TIGHT, [DOWN, UP], TIGHT],
        BOTH,
        [(1, 2, 100, 90, 10, "stop_loss", "level", True)],
        whole={2: (100.00001, 112.00001, 88.99999, 105.00001)},
    ),
    Hand(
        "half hours that are off by more",
        [QUIET, TIGHT, [DOWN, UP], TIGHT],
        BOTH,
        [(1, 2, 100, 90, 10, "stop_loss", "level", False)],
        whole={2: (100, 112.0003, 89, 105)},
        mismatches=1,
    ),
    Hand(
        "a day without half hours",
        [QUIET, TIGHT, [], TIGHT],
        BOTH,
        [(1, 2, 100, 90, 10, "stop_loss", "level", False)],
        whole={2: (100, 112, 89, 105)},
        mismatches=1,
    ),
    # Decided at day 0's close; the order rests, and is asked in each half hour of two days.
    Hand(
        "an order that rests, and expires at the end of its last day",
        [QUIET, TIGHT, [(100, 101, 99, 100), (100, 101, 95, 100)], QUIET],
        {"entry_order": {"limit": "close - 4", "valid_bars": 2}},
        [(2, 3, 96, 100, 10, "end_of_data", "close", True)],
    ),
    Hand(
        "an order that expired",
        [QUIET, TIGHT, [(100, 101, 95, 100), (100, 101, 99, 100)]],
        {"entry_order": {"limit": "close - 4"}},
        [],
        skipped={"order_expired": 1},
    ),
]


def as_case(hand: Hand, **changes: Any) -> Case:
    spec = {
        "name": "by hand",
        "entry_conditions": ["volume == 7"],
        "exit_conditions": [],
        "stop_conditions": [],
        "position_sizing_formula": "10",
        "max_holding_bars": 50,
        "detail": "30m",
    }
    # New York opens at 14:30.
    dates = pd.bdate_range("2018-01-02", periods=len(hand.days))
    opens = [day + pd.Timedelta(hours=14.5) for day in dates]
    half = pd.Timedelta(minutes=30)
    finer = {
        opened + k * half: bar
        for opened, day in zip(opens, hand.days, strict=True)
        for k, bar in enumerate(day)
    }
    names = ["open", "high", "low", "close"]
    detail = pd.DataFrame(finer.values(), index=pd.DatetimeIndex(finer), columns=names)
    bars = pd.DataFrame(
        [hand.whole.get(i) or made_up(day) for i, day in enumerate(hand.days)],
        index=dates,
        columns=names,
    )
    volume = [7.0 if i in hand.enter else 1000.0 for i in range(len(bars))]
    return Case(
        spec | hand.spec | changes,
        bars.astype(float).assign(volume=volume),
        hand.capital,
        0.0,
        hand.slippage,
        0,
        detail=detail.astype(float).assign(volume=500.0),
    )


def made_up(day: Day) -> Bar:
    """Return the bar that finer ones make up."""
    opens, highs, lows, closes = zip(*day, strict=True)
    return opens[0], max(highs), min(lows), closes[-1]


@pytest.mark.parametrize("hand", HANDS, ids=lambda hand: hand.label)
def test_oracle(hand: Hand) -> None:
    run = oracle(as_case(hand))
    assert plain_rows(run, *SHOWN) == hand.trades
    assert (run.skipped, run.detail_mismatch) == (hand.skipped, hand.mismatches)


@pytest.mark.parametrize("hand", HANDS, ids=lambda hand: hand.label)
def test_engine(hand: Hand) -> None:
    worked = as_case(hand)
    result = engine(worked)
    assert traded_rows(worked, result, *SHOWN) == hand.trades
    skipped = {reason: n for reason, n in result.diagnostics.skipped_entries.items() if n}
    found = (skipped, result.diagnostics.detail_mismatch)
    assert found == (hand.skipped, hand.mismatches)
    assert Prepared(worked).differences() == []


def test_finer_bars_have_the_factor_of_their_day() -> None:
    # Day 2 counts half: fills at 100, levels at 90 and 110 of prices that were twice these.
    [hand] = [hand for hand in HANDS if hand.label == "the stop came first, pessimistic"]
    given = as_case(hand, price_adjustment="splits_dividends")
    factors = [1.0, 1.0, 0.5, 1.0]
    doubled = given.bars.assign(adj_close=given.bars["close"])
    prices = ["open", "high", "low", "close"]
    doubled[prices] = doubled[prices].div(factors, axis=0)
    detail = given.detail
    assert detail is not None
    detail[prices] = detail[prices].div([f for f in factors for _ in range(2)], axis=0)
    result = engine(Case(given.spec, doubled, given.capital, 0.0, 0.0, 0, detail=detail))
    assert result.diagnostics.detail_mismatch == 0
    assert result.trades[["exit_price", "certain"]].to_numpy().tolist() == [[90.0, True]]
    assert differences(result) == []


def test_only_what_lies_within_the_session_is_judged() -> None:
    # Before the open it fell to 80, and after the close: neither counts.
    [hand] = [hand for hand in HANDS if hand.label == "the target came first, pessimistic"]
    given = as_case(hand)
    assert given.detail is not None
    day = given.bars.index[2]
    early, late = (
        given.detail.iloc[[0]].set_axis([day + pd.Timedelta(hours=hour)], axis=0)
        for hour in (14.0, 21.0)
    )
    more = pd.concat([given.detail, early.assign(low=80.0), late.assign(low=80.0)]).sort_index()
    case = Case(given.spec, given.bars, given.capital, 0.0, 0.0, 0, detail=more)
    assert oracle(case).detail_mismatch == 0
    assert Prepared(case).differences() == []


def test_the_last_hour_of_a_session_is_cut_short() -> None:
    # Hours from 14:30 on, the last from 20:30 to the close at 21:00, in which the stop is met.
    [hand] = [hand for hand in HANDS if hand.label == "the target came first, pessimistic"]
    given = as_case(hand, detail="1h", take_profit={"price": "close + 50"})
    assert given.detail is not None
    hours = [day + pd.Timedelta(hours=hour) for day in given.bars.index for hour in (14.5, 20.5)]
    detail = given.detail.set_axis(pd.DatetimeIndex(hours), axis=0)
    # Hours within a day, so that they are known for hours.
    between = [day + pd.Timedelta(hours=hour) for day in given.bars.index for hour in (15.5, 16.5)]
    still = detail.iloc[[k - k % 2 for k in range(len(detail))]].set_axis(between, axis=0)
    for name in ("open", "high", "low"):
        still[name] = still["close"]
    detail = pd.concat([detail, still]).sort_index()
    case = Case(given.spec, given.bars, given.capital, 0.0, 0.0, 0, detail=detail)
    run = oracle(case)
    assert run.detail_mismatch == 0
    assert [(t.exit_price, t.exit_reason) for t in run.trades] == [(90.0, "stop_loss")]
    assert Prepared(case).differences() == []


def test_bars_within_a_session_have_finer_ones_of_their_own() -> None:
    # Hours of two half hours each: decided at 15:30's, bought at 16:30's open, which comes to the
    # target in its first half and to the stop in its second.
    hours = pd.date_range("2018-01-02 14:30", periods=4, freq="60min", tz="UTC")
    halves = pd.date_range("2018-01-02 14:30", periods=8, freq="30min", tz="UTC")
    days = [QUIET, QUIET, [UP, (105, 106, 88, 100)], QUIET]
    names = ["open", "high", "low", "close"]
    bars = pd.DataFrame([made_up(day) for day in days], index=hours, columns=names).astype(float)
    finer = pd.DataFrame([bar for day in days for bar in day], index=halves, columns=names)
    [hand] = [hand for hand in HANDS if hand.label == "the target came first, pessimistic"]
    case = Case(
        as_case(hand).spec,
        bars.assign(volume=[1000.0, 7.0, 1000.0, 1000.0]),
        100_000.0,
        0.0,
        0.0,
        0,
        detail=finer.astype(float).assign(volume=500.0),
    )
    for trades in (oracle(case).trades, list(engine(case).trades.itertuples())):
        assert [(t.exit_price, t.certain) for t in trades] == [(110.0, True)]
    assert Prepared(case).differences() == []
