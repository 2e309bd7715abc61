"""Orders inside the bar worked out by hand (SEMANTICS 9); engine and oracle must both agree.

Among them the faults that other tools are known for. Prices, fractions and slippages are such that
every number is exact in binary.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pytest
from oracle.harness import engine, oracle, plain_rows, traded_rows
from oracle.strategies import Case

Bar = tuple[float, float, float, float]  # open, high, low, close
# entry bar, exit bar, entry price, exit price, shares, reason, fill kind, certain
Row = tuple[int, int, float, float, float, str, str, bool]
SHOWN = ("entry_price", "exit_price", "shares", "exit_reason", "fill_kind", "certain")

LIMIT = {"entry_order": {"limit": "close - 4"}}
STOP = {"entry_order": {"stop": "close + 4"}}
BOTH = {"stop_loss": {"price": "close - 10"}, "take_profit": {"price": "close + 10"}}
SHORT_BOTH = {
    "direction": "short",
    "stop_loss": {"price": "close + 10"},
    "take_profit": {"price": "close - 10"},
}
QUIET: Bar = (100, 100, 100, 100)
TIGHT: Bar = (100, 101, 99, 100)
MODES = ("pessimistic", "path", "optimistic")


@dataclass(frozen=True)
class Hand:
    """A run and its trades; an entry is decided at the close of each bar of `enter`."""

    label: str
    bars: list[Bar]
    spec: dict[str, Any]
    trades: list[Row]
    enter: tuple[int, ...] = (0,)
    slippage: float = 0.0
    capital: float = 100_000.0
    skipped: dict[str, int] = field(default_factory=dict)
    unfilled: int = 0


def modes(label: str, bars: list[Bar], spec: dict[str, Any], *rows: Row) -> list[Hand]:
    """Return one run for each mode: pessimistic, path, optimistic."""
    return [
        Hand(f"{label}, {mode}", bars, spec | {"intrabar": mode}, [row])
        for mode, row in zip(MODES, rows, strict=True)
    ]


# A fault report against another tool (backtesting.py, 1157): stop orders came two bars late, not at
# all at their own price, and left before they entered.
REPORTED: list[Bar] = [(14, 19, 13, 18), (16, 17, 10, 12), (15, 16, 14, 15), (11, 11, 11, 11)]

HANDS = [
    Hand(
        "1157: a stop order is met by its own price, on the very next bar",
        REPORTED,
        {"entry_order": {"stop": "close - 2"}},
        [(1, 3, 16, 11, 10, "end_of_data", "close", True)],
    ),
    Hand(
        "1157: a stop order to sell short likewise",
        REPORTED,
        {"entry_order": {"stop": "close - 2"}, "direction": "short"},
        [(1, 3, 16, 11, 10, "end_of_data", "close", True)],
    ),
    # O = 16 is above it, L = 10 below: sold at 14. S = 18.5 is above all that follows.
    Hand(
        "1157: no exit before its entry",
        REPORTED,
        {
            "entry_order": {"stop": "close - 4"},
            "direction": "short",
            "stop_loss": {"price": "close + 0.5"},
        },
        [(1, 3, 14, 11, 10, "end_of_data", "close", True)],
    ),
    Hand(
        "1157: a stop on the bar of entry",
        REPORTED,
        {"entry_order": {"stop": "close - 2"}, "stop_loss": {"price": "close - 6"}},
        [(1, 1, 16, 12, 10, "stop_loss", "level", True)],
    ),
    # Bought at 100 * 1.25; S = 90; the next bar opens at 80: 80 * 0.75 = 60, not 90.
    Hand(
        "a gap through the stop fills at the open, with slippage",
        [QUIET, TIGHT, (80, 85, 78, 82)],
        {"stop_loss": {"price": "close - 10"}},
        [(1, 2, 125, 60, 10, "stop_loss", "gap", True)],
        slippage=0.25,
    ),
    # T = 110; the next bar opens at 120, and a limit order gets that, without slippage.
    Hand(
        "a gap through the target fills at the open, without slippage",
        [QUIET, TIGHT, (120, 121, 119, 120)],
        {"take_profit": {"price": "close + 10"}},
        [(1, 2, 125, 120, 10, "take_profit", "gap", True)],
        slippage=0.25,
    ),
    # O = T is not beyond T; that bar's high is: at T.
    Hand(
        "an open at the target is no gap",
        [QUIET, TIGHT, (110, 111, 109, 110)],
        {"take_profit": {"price": "close + 10"}},
        [(1, 2, 100, 110, 10, "take_profit", "level", True)],
    ),
    Hand(
        "an open at the stop is one",
        [QUIET, TIGHT, (90, 91, 89, 90)],
        {"stop_loss": {"price": "close - 10"}},
        [(1, 2, 100, 90, 10, "stop_loss", "gap", True)],
    ),
    Hand(
        "a high at the target is not enough",
        [QUIET, TIGHT, (101, 110, 100, 104), TIGHT],
        {"take_profit": {"price": "close + 10"}},
        [(1, 3, 100, 100, 10, "end_of_data", "close", True)],
    ),
    Hand(
        "unless a touch is",
        [QUIET, TIGHT, (101, 110, 100, 104), TIGHT],
        {"take_profit": {"price": "close + 10"}, "limit_touch": True},
        [(1, 2, 100, 110, 10, "take_profit", "level", True)],
    ),
    # S = 90 at L = 90: 90 * 0.75 = 67.5.
    Hand(
        "a low at the stop is enough, and pays slippage",
        [QUIET, TIGHT, (100, 104, 90, 104)],
        {"stop_loss": {"price": "close - 10"}},
        [(1, 2, 125, 67.5, 10, "stop_loss", "level", True)],
        slippage=0.25,
    ),
    # Fill 64 * 1.25 = 80: S = 80 * (1 - 0.5) = 40, T = 80 * (1 + 0.5) = 120.
    Hand(
        "a fraction is of the fill, slippage included",
        [(64, 64, 64, 64), (64, 64, 41, 64), (64, 64, 39, 64)],
        {"stop_loss": 0.5},
        [(1, 2, 80, 30, 10, "stop_loss", "level", True)],
        slippage=0.25,
    ),
    Hand(
        "and so is a target",
        [(64, 64, 64, 64), (64, 119, 64, 64), (64, 121, 64, 64)],
        {"take_profit": 0.5},
        [(1, 2, 80, 120, 10, "take_profit", "level", True)],
        slippage=0.25,
    ),
    # A short: sold at 64 * 0.75 = 48; S = 48 * 1.5 = 72, bought back at 72 * 1.25 = 90.
    Hand(
        "mirrored for a short",
        [(64, 64, 64, 64), (64, 71, 64, 64), (64, 72, 64, 64)],
        {"stop_loss": 0.5, "direction": "short"},
        [(1, 2, 48, 90, 10, "stop_loss", "level", True)],
        slippage=0.25,
    ),
    # T = 48 * 0.5 = 24 is not beyond 24; 23 is.
    Hand(
        "mirrored for a short's target",
        [(64, 64, 64, 64), (64, 64, 24, 64), (64, 64, 23, 64)],
        {"take_profit": 0.5, "direction": "short"},
        [(1, 2, 48, 24, 10, "take_profit", "level", True)],
        slippage=0.25,
    ),
    Hand(
        "a stop on the bar of a market entry",
        [QUIET, (100, 104, 89, 103), TIGHT],
        BOTH,
        [(1, 1, 100, 90, 10, "stop_loss", "level", True)],
    ),
    Hand(
        "a target on the bar of a market entry",
        [QUIET, (100, 111, 91, 103), TIGHT],
        BOTH,
        [(1, 1, 100, 110, 10, "take_profit", "level", True)],
    ),
    Hand(
        "a target already behind the price: out at once, not at a profit that never was",
        [QUIET, (120, 125, 80, 120), TIGHT],
        BOTH,
        [(1, 1, 150, 90, 10, "crossed_at_entry", "open", True)],
        slippage=0.25,
    ),
    Hand(
        "a stop above the entry likewise",
        [QUIET, (80, 125, 70, 120), TIGHT],
        BOTH,
        [(1, 1, 80, 80, 10, "crossed_at_entry", "open", True)],
    ),
    Hand(
        "a stop at the entry likewise",
        [QUIET, (90, 95, 85, 92), TIGHT],
        BOTH,
        [(1, 1, 90, 90, 10, "crossed_at_entry", "open", True)],
    ),
    Hand(
        "a target at the entry likewise, whatever a touch is",
        [QUIET, (110, 115, 109, 112), TIGHT],
        BOTH,
        [(1, 1, 110, 110, 10, "crossed_at_entry", "open", True)],
    ),
    # Fill 64 * 1.125 = 72, S = 72 * (1 - 0.0625) = 67.5 >= 64; out at 64 * 0.875.
    Hand(
        "a stop that slippage put above the price",
        [(64, 64, 64, 64), (64, 90, 64, 80), (80, 80, 80, 80)],
        {"stop_loss": 0.0625},
        [(1, 1, 72, 56, 10, "crossed_at_entry", "open", True)],
        slippage=0.125,
    ),
    # In at E = 104, where T = 103 lies behind.
    Hand(
        "a target behind a stop order's price",
        [QUIET, (100, 106, 100, 105), TIGHT],
        STOP | {"take_profit": {"price": "close + 3"}},
        [(1, 1, 104, 104, 10, "crossed_at_entry", "level", True)],
    ),
    # fill: close: bought at bar 0's close, across its stop; its high and low came before.
    Hand(
        "a stop above a close that fills",
        [(100, 140, 60, 100), TIGHT],
        {"fill": "close", "stop_loss": {"price": "close + 1"}},
        [(0, 0, 100, 100, 10, "crossed_at_entry", "close", True)],
    ),
    Hand(
        "a lot filled at a close has levels from the next bar",
        [(100, 140, 60, 100), (100, 104, 90, 100)],
        BOTH | {"fill": "close"},
        [(0, 1, 100, 90, 10, "stop_loss", "level", True)],
    ),
    # Trailing 1/4: 75 at bar 1, whose high 160 gives 120 from bar 2 on; 100 < 120 was before.
    Hand(
        "a bar's own high does not raise the stop that it is judged by",
        [QUIET, (100, 160, 100, 130), (130, 200, 121, 160), (160, 160, 149, 155)],
        {"trailing_stop": {"fraction": 0.25}},
        [(1, 3, 100, 150, 10, "trailing_stop", "level", True)],
    ),
    # In at 104: bar 1 counts by 104 and its close 108, not by its high 200: 0.75 * 108 = 81.
    Hand(
        "the bar of an entry inside counts by fill and close",
        [QUIET, (100, 200, 100, 108), (100, 104, 82, 100), (100, 104, 81, 100)],
        STOP | {"trailing_stop": {"fraction": 0.25}},
        [(1, 3, 104, 81, 10, "trailing_stop", "level", True)],
    ),
    # Bought at 100 * 1.25 = 125, above the close: h = 125, 93.75; out at 93.75 * 0.75.
    Hand(
        "the bar of an entry at its close by fill and close, too",
        [(100, 200, 100, 100), (100, 124, 94, 100), (100, 100, 93, 100)],
        {"trailing_stop": {"fraction": 0.25}, "fill": "close"},
        [(0, 2, 125, 70.3125, 10, "trailing_stop", "level", True)],
        slippage=0.25,
    ),
    # With a gain of 0 the level comes into being at the very close of the fill, 125 * 0.9375, above
    # that close, 100: for the next bar, which opens below it. Nothing was crossed at the entry.
    Hand(
        "a trailing stop after no gain at all begins at the close of the fill",
        [(100, 140, 60, 100), (90, 91, 89, 90), QUIET],
        {"trailing_stop": {"fraction": 0.0625, "after": 0.0}, "fill": "close"},
        [(0, 1, 125, 67.5, 10, "trailing_stop", "gap", True)],
        slippage=0.25,
    ),
    # No level before a high of 125 at a close; bar 2 reaches it, bar 3 has 0.75 * 128 = 96.
    Hand(
        "no trailing stop before the gain",
        [QUIET, (100, 124, 50, 100), (100, 128, 50, 100), (100, 104, 96, 100)],
        {"trailing_stop": {"fraction": 0.25, "after": 0.25}},
        [(1, 3, 100, 96, 10, "trailing_stop", "level", True)],
    ),
    # A level only rises: 0.75 * 160 = 120 stays when the lot's later highs are lower.
    Hand(
        "the higher of stop and trailing stop",
        [QUIET, (100, 160, 100, 150), (150, 150, 130, 140), (119, 119, 110, 115)],
        {"trailing_stop": {"fraction": 0.25}, "stop_loss": 0.125},
        [(1, 3, 100, 119, 10, "trailing_stop", "gap", True)],
    ),
    Hand(
        "the stop while it is the higher one",
        [QUIET, (100, 104, 87, 100)],
        {"trailing_stop": {"fraction": 0.25}, "stop_loss": 0.125},
        [(1, 1, 100, 87.5, 10, "stop_loss", "level", True)],
    ),
    Hand(
        "on a tie the stop",
        [QUIET, (100, 104, 75, 100)],
        {"trailing_stop": {"fraction": 0.25}, "stop_loss": 0.25},
        [(1, 1, 100, 75, 10, "stop_loss", "level", True)],
    ),
    # A short: 100 * 1.25 = 125, lowest low 64 gives 80 from bar 2 on.
    Hand(
        "a short's trailing stop falls with the lows",
        [QUIET, (100, 124, 64, 70), (70, 79, 70, 75), (75, 80, 75, 75)],
        {"trailing_stop": {"fraction": 0.25}, "direction": "short"},
        [(1, 3, 100, 80, 10, "trailing_stop", "level", True)],
    ),
    # Every bar's true range is 8, so atr_14 is 8: 100 - 2 * 8 = 84, then 120 - 16 = 104.
    Hand(
        "a trailing stop in atr_14 of the deciding bar",
        [(100, 104, 96, 100)] * 16
        + [(100, 120, 85, 110), (110, 112, 105, 110), (110, 110, 104, 110)],
        {"trailing_stop": {"atr": 2}},
        [(16, 18, 100, 104, 10, "trailing_stop", "level", True)],
        enter=(15,),
    ),
    Hand(
        "no entry where its atr_14 is missing",
        [(100, 104, 96, 100)] * 3,
        {"trailing_stop": {"atr": 2}},
        [],
        skipped={"price_missing": 1},
    ),
    Hand(
        "no entry without a price above 0",
        [QUIET] * 3,
        {"stop_loss": {"price": "close - 100"}},
        [],
        skipped={"price_not_positive": 1},
    ),
    Hand(
        "a limit better than the market fills at the open, without slippage",
        [QUIET, (90, 92, 89, 91)],
        LIMIT,
        [(1, 1, 90, 68.25, 10, "end_of_data", "close", True)],
        slippage=0.25,
    ),
    Hand(
        "a limit order inside the bar pays no slippage",
        [QUIET, (100, 100, 95, 100), QUIET],
        LIMIT,
        [(1, 2, 96, 75, 10, "end_of_data", "close", True)],
        slippage=0.25,
    ),
    Hand(
        "a stop order inside the bar does",
        [QUIET, (100, 104, 99, 100), QUIET],
        STOP,
        [(1, 2, 130, 75, 10, "end_of_data", "close", True)],
        slippage=0.25,
    ),
    Hand(
        "a limit that is only touched expires",
        [QUIET, (100, 100, 96, 100), QUIET],
        LIMIT,
        [],
        skipped={"order_expired": 1},
    ),
    Hand(
        "unless a touch fills it",
        [QUIET, (100, 100, 96, 100), QUIET],
        LIMIT | {"limit_touch": True},
        [(1, 2, 96, 100, 10, "end_of_data", "close", True)],
    ),
    # Touched at the open it fills there, so all of the bar follows: H = 111 is a target.
    Hand(
        "a limit touched by the open fills there",
        [QUIET, (96, 111, 96, 100), QUIET],
        LIMIT | BOTH | {"limit_touch": True},
        [(1, 1, 96, 110, 10, "take_profit", "level", True)],
    ),
    # E = 96 on bars 1, 2 and 3: filled on the third.
    Hand(
        "an order rests as long as it is valid",
        [QUIET, TIGHT, TIGHT, (100, 100, 95, 100), QUIET],
        {"entry_order": {"limit": "close - 4", "valid_bars": 3}},
        [(3, 4, 96, 100, 10, "end_of_data", "close", True)],
    ),
    Hand(
        "and no longer",
        [QUIET, TIGHT, TIGHT, (100, 100, 95, 100), QUIET],
        {"entry_order": {"limit": "close - 4", "valid_bars": 2}},
        [],
        skipped={"order_expired": 1},
    ),
    Hand(
        "an order that outlives the data is unfilled",
        [QUIET, TIGHT, TIGHT],
        {"entry_order": {"limit": "close - 4", "valid_bars": 9}},
        [],
        unfilled=1,
    ),
    # Its last bar is bar 1: at that close there is a place again. Bar 2 fills what it decides.
    Hand(
        "an order that expires makes room at that close",
        [QUIET, TIGHT, (96, 96, 95, 96), QUIET],
        {"entry_order": {"limit": "close - 4"}},
        [(2, 3, 96, 100, 10, "end_of_data", "close", True)],
        enter=(0, 1, 2),
        skipped={"order_expired": 1},
    ),
    # With fill: close an entry order rests from the next bar, and exits fill at closes.
    Hand(
        "an order rests whatever fill says",
        [(100, 100, 90, 100), (100, 100, 95, 100), QUIET, QUIET],
        LIMIT | {"fill": "close", "exit_conditions": ["bars_held >= 1"]},
        [(1, 2, 96, 100, 10, "exit", "close", True)],
    ),
    # The exit decided at bar 1's close fills at bar 2's open, 80: below the stop, but no gap.
    Hand(
        "an exit that was decided comes before the stop",
        [QUIET, TIGHT, (80, 85, 78, 82)],
        BOTH | {"exit_conditions": ["bars_held == 0"]},
        [(1, 2, 100, 80, 10, "exit", "open", True)],
    ),
    # Lot 1: 10 of 10, 50 left. At bar 2 its target 12 is passed, and a limit of 9 reached: the 120
    # came, as far as anyone knows, after it. 5 shares.
    Hand(
        "what leaves inside a bar does not pay for what enters in it",
        [(10, 10, 10, 10), (10, 10, 10, 10), (10, 13, 8, 10), (10, 10, 10, 10)],
        {
            "entry_order": {"limit": "close - (1 if in_position else -1)"},
            "take_profit": {"price": "12 if not in_position else close * 9"},
            "max_concurrent_positions": 2,
        },
        [
            (1, 2, 10, 12, 10, "take_profit", "level", True),
            (2, 3, 9, 10, 5, "end_of_data", "close", True),
        ],
        enter=(0, 1),
        capital=150.0,
    ),
    # 9.6, certain: H comes after a stop order's fill, L after a limit order's; so may the close.
    Hand(
        "a stop order's target",
        [QUIET, (100, 111, 91, 100), TIGHT],
        STOP | BOTH,
        [(1, 1, 104, 110, 10, "take_profit", "level", True)],
    ),
    Hand(
        "a stop order's stop at the close",
        [QUIET, (100, 110, 89, 90), TIGHT],
        STOP | BOTH,
        [(1, 1, 104, 90, 10, "stop_loss", "level", True)],
    ),
    Hand(
        "a limit order's stop",
        [QUIET, (100, 110, 90, 109), TIGHT],
        LIMIT | BOTH,
        [(1, 1, 96, 90, 10, "stop_loss", "level", True)],
    ),
    Hand(
        "a limit order's target at the close",
        [QUIET, (100, 112, 91, 111), TIGHT],
        LIMIT | BOTH,
        [(1, 1, 96, 110, 10, "take_profit", "level", True)],
    ),
    # Both within reach of a lot held at the open: 12 down, 12 up, so the path goes down first.
    *modes(
        "both in one bar",
        [QUIET, TIGHT, (100, 112, 88, 100), TIGHT],
        BOTH,
        (1, 2, 100, 90, 10, "stop_loss", "level", False),
        (1, 2, 100, 90, 10, "stop_loss", "level", False),
        (1, 2, 100, 110, 10, "take_profit", "level", False),
    ),
    *modes(
        "both in one bar, the high nearer",
        [QUIET, TIGHT, (101, 112, 88, 100), TIGHT],
        BOTH,
        (1, 2, 100, 90, 10, "stop_loss", "level", False),
        (1, 2, 100, 110, 10, "take_profit", "level", False),
        (1, 2, 100, 110, 10, "take_profit", "level", False),
    ),
    # The path is the bar's, not the side's: down first is a short's target.
    *modes(
        "both in one bar, short",
        [QUIET, TIGHT, (100, 112, 88, 100), TIGHT],
        SHORT_BOTH,
        (1, 2, 100, 110, 10, "stop_loss", "level", False),
        (1, 2, 100, 90, 10, "take_profit", "level", False),
        (1, 2, 100, 90, 10, "take_profit", "level", False),
    ),
    # A stop order at 104 and a low of 89: before it or after? The close is above the stop.
    *modes(
        "a stop order and a stop, the low nearer",
        [QUIET, (97, 106, 89, 101), QUIET],
        STOP | BOTH,
        (1, 1, 104, 90, 10, "stop_loss", "level", False),
        (1, 2, 104, 100, 10, "end_of_data", "close", False),
        (1, 2, 104, 100, 10, "end_of_data", "close", False),
    ),
    *modes(
        "a stop order and a stop, the high nearer",
        [QUIET, (100, 106, 89, 101), QUIET],
        STOP | BOTH,
        (1, 1, 104, 90, 10, "stop_loss", "level", False),
        (1, 1, 104, 90, 10, "stop_loss", "level", False),
        (1, 2, 104, 100, 10, "end_of_data", "close", False),
    ),
    # A limit order at 96 and a high of 112: on the path down first it is a target.
    *modes(
        "a limit order and a target, the low nearer",
        [QUIET, (100, 112, 95, 101), QUIET],
        LIMIT | BOTH,
        (1, 2, 96, 100, 10, "end_of_data", "close", False),
        (1, 1, 96, 110, 10, "take_profit", "level", False),
        (1, 1, 96, 110, 10, "take_profit", "level", False),
    ),
    *modes(
        "a limit order and a target, the high nearer",
        [QUIET, (108, 112, 95, 101), QUIET],
        LIMIT | BOTH,
        (1, 2, 96, 100, 10, "end_of_data", "close", False),
        (1, 2, 96, 100, 10, "end_of_data", "close", False),
        (1, 1, 96, 110, 10, "take_profit", "level", False),
    ),
    # Both paths come to the stop, and yet 96, 110, 90 is a way through the bar.
    *modes(
        "a limit order with both within reach",
        [QUIET, (100, 112, 88, 100), QUIET],
        LIMIT | BOTH,
        (1, 1, 96, 90, 10, "stop_loss", "level", False),
        (1, 1, 96, 90, 10, "stop_loss", "level", False),
        (1, 1, 96, 110, 10, "take_profit", "level", False),
    ),
    *modes(
        "a stop order with both within reach",
        [QUIET, (100, 112, 88, 100), QUIET],
        STOP | BOTH,
        (1, 1, 104, 90, 10, "stop_loss", "level", False),
        (1, 1, 104, 110, 10, "take_profit", "level", False),
        (1, 1, 104, 110, 10, "take_profit", "level", False),
    ),
    # Decided at bar 1's close: the long leaves at bar 2's open, the short's stop order at 96 rests
    # from that open and fills inside the same bar.
    Hand(
        "a reversal by an order that rests",
        [QUIET, TIGHT, (100, 100, 95, 97), (97, 97, 97, 97)],
        {
            "direction": "both",
            "exit_conditions": ["bars_held == 0"],
            "short": {
                "entry_conditions": ["in_position", "bars_held == 0"],
                "exit_conditions": [],
                "stop_conditions": [],
                "entry_order": {"stop": "close - 4"},
            },
        },
        [
            (1, 2, 100, 100, 10, "exit", "open", True),
            (2, 3, 96, 97, 10, "end_of_data", "close", True),
        ],
    ),
    # The long's order rests through bar 2: what the short side wants at bars 1 and 2 is barred.
    # At bar 2 it is over before the close is judged, so the short enters at bar 3.
    Hand(
        "what rests on one side bars the other",
        [QUIET, TIGHT, TIGHT, (104, 104, 104, 104)],
        {
            "direction": "both",
            "entry_order": {"limit": "close - 4", "valid_bars": 2},
            "short": {
                "entry_conditions": ["volume != 7"],
                "exit_conditions": [],
                "stop_conditions": [],
                "entry_order": {"limit": "close + 4"},
                "stop_loss": {"price": "close + 90"},
            },
            "limit_touch": True,
        },
        [(3, 3, 104, 104, 10, "end_of_data", "close", True)],
        skipped={"order_expired": 1},
    ),
]


def as_case(hand: Hand) -> Case:
    spec = {
        "name": "by hand",
        "entry_conditions": ["volume == 7"],
        "exit_conditions": [],
        "stop_conditions": [],
        "position_sizing_formula": "10",
        "max_holding_bars": 50,
    }
    bars = pd.DataFrame(
        [[float(price) for price in bar] for bar in hand.bars],
        columns=["open", "high", "low", "close"],
        index=pd.bdate_range("2018-01-02", periods=len(hand.bars)),
    ).assign(volume=[7.0 if i in hand.enter else 1000.0 for i in range(len(hand.bars))])
    return Case(spec | hand.spec, bars, hand.capital, 0.0, hand.slippage, 0)


@pytest.mark.parametrize("hand", HANDS, ids=lambda hand: hand.label)
def test_oracle(hand: Hand) -> None:
    run = oracle(as_case(hand))
    assert plain_rows(run, *SHOWN) == hand.trades
    assert (run.skipped, run.unfilled) == (hand.skipped, hand.unfilled)


@pytest.mark.parametrize("hand", HANDS, ids=lambda hand: hand.label)
def test_engine(hand: Hand) -> None:
    worked = as_case(hand)
    result = engine(worked)
    assert traded_rows(worked, result, *SHOWN) == hand.trades
    skipped = {reason: n for reason, n in result.diagnostics.skipped_entries.items() if n}
    assert (skipped, result.diagnostics.unfilled_orders) == (hand.skipped, hand.unfilled)
