"""Small runs worked out by hand; the engine and the oracle must both come to these numbers.

Prices, sizes and slippages are such that every number is exact in binary.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from oracle.battery import case, frame
from oracle.harness import engine, oracle, plain_rows, traded_rows
from oracle.strategies import Case

# entry bar, exit bar, entry price, exit price, shares, P&L, reason
Row = tuple[int, int, float, float, float, float, str]
SHOWN = ("entry_price", "exit_price", "shares", "pnl", "exit_reason")


@dataclass(frozen=True)
class Hand:
    """A run and what it must come to; a curve of None is not worked out."""

    label: str
    opens: tuple[float, ...]
    closes: tuple[float, ...]
    spec: dict[str, Any]
    trades: list[Row]
    equity: list[float] | None = None
    cash: list[float] | None = None
    capital: float = 1000.0
    commission: float = 0.0
    slippage: float = 0.0
    start: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    unfilled: int = 0
    ruined: bool = False


HANDS = [
    # Decided at the close of bar 0. Bought at 16 * 1.25 = 20: 1000 - (10 * 20 + 1) = 799.
    # Stop decided at close 16 of bar 2, sold at open 32 * 0.75 = 24: 799 + 10 * 24 - 1 = 1038.
    # Marks: bar 1 799 + 10 * 24, bar 2 799 + 10 * 16. P&L 10 * 4 - 1 - 1 = 38.
    Hand(
        "next open, slippage and commission on both sides",
        (8, 16, 32, 32),
        (8, 24, 16, 32),
        {
            "entry_conditions": ["close == 8"],
            "stop_conditions": ["close < 20"],
            "max_holding_bars": 9,
        },
        [(1, 3, 20, 24, 10, 38, "stop")],
        equity=[1000, 1039, 959, 1038],
        cash=[1000, 799, 799, 1038],
        commission=1.0,
        slippage=0.25,
    ),
    # The bars of a well-known stop-order fault: the stop is met, with equality, at the close of
    # the bar of entry, and fills at the very next open, not two bars on. 10 * (15 - 16) = -10.
    Hand(
        "stop on the bar of entry, at equality, one bar later",
        (14, 16, 15, 11),
        (18, 12, 15, 11),
        {
            "entry_conditions": ["close == 18"],
            "stop_conditions": ["close <= 12"],
            "max_holding_bars": 9,
        },
        [(1, 2, 16, 15, 10, -10, "stop")],
        equity=[1000, 960, 990, 990],
        cash=[1000, 840, 990, 990],
    ),
    # The stop level 90 is passed in a gap: the fill is the open 60, not 90. 10 * -40 = -400.
    Hand(
        "a gap below the stop fills at the open",
        (100, 100, 60, 60),
        (100, 80, 60, 60),
        {
            "entry_conditions": ["close == 100"],
            "stop_conditions": ["close < 90"],
            "max_holding_bars": 9,
        },
        [(1, 2, 100, 60, 10, -400, "stop")],
        equity=[1000, 800, 600, 600],
    ),
    # The price gaps beyond the target before the purchase fills: bought at 150, and the exit,
    # true on the bar of entry, sells at the next open 140.
    Hand(
        "a target already behind the price at the fill",
        (100, 150, 140, 140),
        (100, 150, 140, 140),
        {
            "entry_conditions": ["close == 100"],
            "exit_conditions": ["close > 120"],
            "max_holding_bars": 9,
        },
        [(1, 2, 150, 140, 10, -100, "exit")],
        capital=2000.0,
        equity=[2000, 2000, 1900, 1900],
    ),
    # All the cash is in the first lot. Its sale at open 2 (8 * 10 = 80, bought for 10 * 10)
    # pays for the purchase at open 2: floor(80 / 8) = 10. The second goes at open 4 for 12.
    # Entries decided at bars 0, 1; at bar 2 the lot is new; bar 3 sells; the last bar's is open.
    Hand(
        "a sale at an open pays for the purchase at the same open",
        (10, 10, 8, 8, 12),
        (10, 10, 8, 8, 12),
        {
            "entry_conditions": ["close == 10"],
            "exit_conditions": ["bars_held == 0 and close == 10 or close == 8 and bars_held == 1"],
            "max_concurrent_positions": 2,
            "max_holding_bars": 9,
        },
        [(1, 2, 10, 8, 10, -20, "exit"), (2, 4, 8, 12, 10, 40, "exit")],
        capital=100.0,
        equity=[100, 100, 80, 80, 120],
        cash=[100, 0, 0, 0, 120],
    ),
    # max_holding 2: held 0 at bar 1, 1 at bar 2, 2 at bar 3, sold at open 4: 3 in the list. The
    # lot counts as open at bar 3, so the next entry is decided at bar 4 and fills at bar 5.
    Hand(
        "a max_holding of 2 shows 3, and its bar takes no entry",
        (4, 4, 4, 4, 8, 8, 16),
        (4, 4, 4, 4, 8, 8, 16),
        {"max_holding_bars": 2},
        [(1, 4, 4, 8, 10, 40, "max_holding"), (5, 6, 8, 16, 10, 80, "end_of_data")],
        equity=[1000, 1000, 1000, 1000, 1040, 1040, 1120],
    ),
    # Filled at the deciding close: bought at bar 0 for 4, held 2 at bar 2, sold at its close 4.
    # Bar 2 saw an open lot, so no entry until bar 3, at 8; the last bar's entry does not fill
    # since a lot is open, and its max_holding exit does.
    Hand(
        "fill at the close",
        (1, 1, 1, 1, 1, 1),
        (4, 4, 4, 8, 8, 16),
        {"max_holding_bars": 2, "fill": "close"},
        [(0, 2, 4, 4, 10, 0, "max_holding"), (3, 5, 8, 16, 10, 80, "max_holding")],
        equity=[1000, 1000, 1000, 1000, 1000, 1080],
        cash=[960, 960, 1000, 920, 920, 1080],
    ),
    # The last bar wants both an exit (bought at open 1 for 4, held 1) and, with room for two
    # lots, an entry: neither fills. The lot goes at the close 16 * 0.75 = 12, cost 4 * 1.25 = 5.
    Hand(
        "orders of the last bar are counted, open lots are closed with slippage",
        (4, 4, 8),
        (4, 4, 16),
        {
            "entry_conditions": ["close != 4 or not in_position"],
            "exit_conditions": ["close == 16"],
            "max_concurrent_positions": 2,
        },
        [(1, 2, 5, 12, 10, 68, "end_of_data")],
        equity=[1000, 989, 1068],
        commission=1.0,
        slippage=0.25,
        unfilled=2,
    ),
    # An exit that holds while flat sells nothing short; stop and exit together make one order.
    Hand(
        "a left-over exit opens nothing",
        (4, 4, 4, 8, 8),
        (4, 2, 2, 2, 2),
        {
            "entry_conditions": ["close == 4"],
            "stop_conditions": ["close == 2"],
            "exit_conditions": ["close == 2"],
        },
        [(1, 2, 4, 4, 10, 0, "stop")],
        equity=[1000, 980, 1000, 1000, 1000],
        cash=[1000, 960, 1000, 1000, 1000],
    ),
    # Wanted 10 a piece at 10 with 100 in cash. floor((100 - 1) / 10) = 9 and 100 - 90 - 1 = 9.
    Hand(
        "the cut leaves the commission: per order",
        (10, 10, 10),
        (10, 10, 10),
        {"entry_conditions": ["not in_position"]},
        [(1, 2, 10, 10, 9, -2, "end_of_data")],
        capital=100.0,
        commission=1.0,
        equity=[100, 99, 98],
        cash=[100, 9, 98],
    ),
    # floor(100 / (10 + 1)) = 9, commission 9 a side: 100 - 99 = 1, then 1 + 90 - 9 = 82.
    Hand(
        "the cut leaves the commission: per share",
        (10, 10, 10),
        (10, 10, 10),
        {"entry_conditions": ["not in_position"], "commission_model": "per_share"},
        [(1, 2, 10, 10, 9, -18, "end_of_data")],
        capital=100.0,
        commission=1.0,
        equity=[100, 91, 82],
        cash=[100, 1, 82],
    ),
    # Futures are charged by the contract unless told otherwise: the same numbers.
    Hand(
        "the cut leaves the commission: per contract",
        (10, 10, 10),
        (10, 10, 10),
        {"entry_conditions": ["not in_position"], "asset_class": "futures"},
        [(1, 2, 10, 10, 9, -18, "end_of_data")],
        capital=100.0,
        commission=1.0,
        equity=[100, 91, 82],
    ),
    # floor(100 / (10 * 1.25)) = 8, commission 0.25 * 80 = 20: 100 - 100 = 0, then 80 - 20 = 60.
    Hand(
        "the cut leaves the commission: rate",
        (10, 10, 10),
        (10, 10, 10),
        {"entry_conditions": ["not in_position"], "commission_model": "rate"},
        [(1, 2, 10, 10, 8, -40, "end_of_data")],
        capital=100.0,
        commission=0.25,
        equity=[100, 80, 60],
        cash=[100, 0, 60],
    ),
    # 100 / 16 = 6.25 shares, kept whole by nothing: all the cash goes in, 6.25 * 20 = 125 out.
    Hand(
        "fractional shares",
        (16, 16, 20),
        (16, 16, 20),
        {
            "entry_conditions": ["not in_position"],
            "position_sizing_formula": "capital / close",
            "allow_fractional": True,
        },
        [(1, 2, 16, 20, 6.25, 25, "end_of_data")],
        capital=100.0,
        equity=[100, 100, 125],
        cash=[100, 0, 125],
    ),
    # The filter fails at bars 1 and 2. It gates entries only: the stop of bar 1 sells at open 2.
    Hand(
        "a filter does not switch off a stop",
        (8, 8, 4, 4, 4),
        (8, 4, 4, 8, 8),
        {
            "entry_conditions": ["close == 8 and not in_position"],
            "stop_conditions": ["close < 8"],
            "filter_conditions": ["close > 5"],
            "max_holding_bars": 9,
        },
        [(1, 2, 8, 4, 10, -40, "stop"), (4, 4, 4, 8, 10, 40, "end_of_data")],
        equity=[1000, 960, 960, 960, 1000],
    ),
    # With the scope "all" it does; max_holding is judged all the same: held 1 at bar 2, sold at
    # open 3. The last bar's entry is refused room by nothing: bar 3 decides it, bar 4 fills it.
    Hand(
        "with filter scope all, only max_holding is left",
        (8, 8, 4, 4, 4),
        (8, 4, 4, 8, 8),
        {
            "entry_conditions": ["close == 8 and not in_position"],
            "stop_conditions": ["close < 8"],
            "filter_conditions": ["close > 5"],
            "filter_scope": "all",
            "max_holding_bars": 1,
        },
        [(1, 3, 8, 4, 10, -40, "max_holding"), (4, 4, 4, 8, 10, 40, "end_of_data")],
        equity=[1000, 960, 960, 960, 1000],
    ),
    # Bought at open 1 for 8 and at open 2 for 2. At bar 2 (close 6) the younger lot has gained
    # 200 % and leaves at open 3; the older waits for the end. On one bar the oldest comes first.
    Hand(
        "each lot has its own gain; trades in order of exit",
        (8, 8, 2, 6, 6),
        (8, 2, 6, 6, 6),
        {
            "entry_conditions": ["close == 8 or close == 2"],
            "exit_conditions": ["position_pnl_pct >= 2"],
            "max_concurrent_positions": 2,
            "max_holding_bars": 9,
        },
        [(2, 3, 2, 6, 10, 40, "exit"), (1, 4, 8, 6, 10, -20, "end_of_data")],
        equity=[1000, 940, 1020, 1020, 1020],
        cash=[1000, 920, 900, 960, 1020],
    ),
    # The same, one bar shorter: both leave on bar 3, one at its open, one at its close.
    Hand(
        "of two trades that end on one bar the older lot's comes first",
        (8, 8, 2, 6),
        (8, 2, 6, 7),
        {
            "entry_conditions": ["close == 8 or close == 2"],
            "exit_conditions": ["position_pnl_pct >= 2"],
            "max_concurrent_positions": 2,
            "max_holding_bars": 9,
        },
        [(1, 3, 8, 7, 10, -10, "end_of_data"), (2, 3, 2, 6, 10, 40, "exit")],
        equity=[1000, 940, 1020, 1030],
    ),
    # Bought at open 1 for 16. Highs since: 24, 28, 28; at close 20 of bar 3 it is 8 below, and open
    # 4 sells for 20. An exit has filled by then: bar 5, at 16 like bar 0, decides no entry.
    Hand(
        "an exit below the highest high since the entry, and an entry before any exit alone",
        (16, 16, 24, 28, 20, 16, 16),
        (16, 24, 28, 20, 16, 16, 16),
        {
            "entry_conditions": ["close == 16 and bars_since_exit is None"],
            "exit_conditions": ["close <= highest_since_entry - 8"],
            "max_holding_bars": 9,
        },
        [(1, 4, 16, 20, 10, 40, "exit")],
        equity=[1000, 1080, 1120, 1040, 1040, 1040, 1040],
    ),
    # Bar 0 falls from 64 to 16, where 16 * 1.25 = 20 buys: it counts by 20 and 16, not by its high
    # of 64. At bar 1 the low is 12 and the highest still 20; it sells for 12 * 0.75 = 9.
    Hand(
        "the bar of an entry at its close counts by its fill and close",
        (64, 16, 12),
        (16, 12, 12),
        {
            "entry_conditions": ["entry_price is None and close == 16"],
            "exit_conditions": ["highest_since_entry == 20", "lowest_since_entry == 12"],
            "stop_conditions": ["highest_since_entry > 20 or lowest_since_entry == 16"],
            "fill": "close",
            "max_holding_bars": 9,
        },
        [(0, 1, 20, 9, 10, -110, "exit")],
        equity=[960, 890, 890],
        slippage=0.25,
    ),
    # Each lot is sold at the second open after its own: 10 from 16 to 12, 5 from 12 to 8 (-20, a
    # third of 60), then 2 from 8 to 8, which is no loss and ends the streak: the next is of 10.
    Hand(
        "sizes by the losing streak, which what breaks even ends",
        (16, 16, 16, 12, 12, 8, 8, 8, 8, 8, 8),
        (16, 16, 12, 12, 8, 8, 8, 8, 8, 8, 8),
        {
            "entry_conditions": ["not in_position"],
            "max_holding_bars": 1,
            "position_sizing_formula": "10 if losing_streak == 0 else 5 if losing_streak == 1 "
            "else 2 if last_pnl == -20 and last_return_pct < -0.3 else 1",
        },
        [
            (1, 3, 16, 12, 10, -40, "max_holding"),
            (4, 6, 12, 8, 5, -20, "max_holding"),
            (7, 9, 8, 8, 2, 0, "max_holding"),
            (10, 10, 8, 8, 10, 0, "end_of_data"),
        ],
    ),
    # Two lots at once; both leave at the open of bar 3, the older listed first: the one closed
    # last is the younger, 10 * (12 - 8) = 40. With one lot gone, open_lots would be below 2.
    Hand(
        "of lots that leave on one bar the younger is the one closed last",
        (16, 16, 8, 12, 12, 12),
        (16, 8, 8, 8, 12, 12),
        {
            "entry_conditions": ["last_pnl is None or last_pnl == -40", "open_lots < 2"],
            "exit_conditions": ["open_lots == 2"],
            "max_concurrent_positions": 2,
            "max_holding_bars": 9,
        },
        [(1, 3, 16, 12, 10, -40, "exit"), (2, 3, 8, 12, 10, 40, "exit")],
        equity=[1000, 920, 920, 1000, 1000, 1000],
    ),
    # What fills at this close is not known when it decides. Bought for 8 at close 0, sold for 16 at
    # close 1: bar 1 decides with the lot in the equity, 920 + 10 * 16, before any trade, and buys
    # 1 beside it. At bar 3, two bars on, the next entry comes too late to fill.
    Hand(
        "fills at this close are not known when it decides",
        (8, 8, 16, 16),
        (8, 16, 16, 16),
        {
            "entry_conditions": ["last_pnl is None or bars_since_exit == 2"],
            "exit_conditions": ["equity == 1080", "open_lots == 1", "bars_since_exit is None"],
            "fill": "close",
            "max_concurrent_positions": 2,
            "max_holding_bars": 9,
            "position_sizing_formula": "10 if last_pnl is None and open_lots == 0 else 1",
        },
        [
            (0, 1, 8, 16, 10, 80, "exit"),
            (1, 3, 16, 16, 1, 0, "end_of_data"),
        ],
        equity=[1000, 1080, 1080, 1080],
        unfilled=1,
    ),
    # Sold short at 16 * 0.75 = 12, bought back at 8 * 1.25 = 10: 10 * 2 - 2 = 18. While open,
    # cash 1000 - 121 = 879 and the lot is worth 10 * (24 - 8) = 160 at bars 1 and 2.
    Hand(
        "a short sale",
        (16, 16, 8, 8),
        (16, 8, 8, 8),
        {
            "direction": "short",
            "entry_conditions": ["close == 16"],
            "max_holding_bars": 1,
        },
        [(1, 3, 12, 10, 10, 18, "max_holding")],
        equity=[1000, 1039, 1039, 1018],
        cash=[1000, 879, 879, 1018],
        commission=1.0,
        slippage=0.25,
    ),
    # All 100 are collateral for 10 shares short at 10. At the close 20 they are worth
    # 10 * (20 - 20) = 0: ruin, and nothing follows, though the price comes back.
    Hand(
        "a short is ruined at equity 0",
        (10, 10, 20, 5, 5),
        (10, 10, 20, 5, 5),
        {"direction": "short", "max_holding_bars": 9},
        [(1, 2, 10, 20, 10, -100, "ruin")],
        capital=100.0,
        equity=[100, 100, 0, 0, 0],
        cash=[100, 0, 0, 0, 0],
        ruined=True,
    ),
    # Bought back at 20 * 1.25 = 25, short at 10 * 0.75 = 7.5: 75 + 10 * (15 - 25) - 5 - 5 ...
    # cash 100 - 75 - 5 = 20; marked at 20: 20 + 10 * (15 - 20) = -30, ruin; then
    # 20 + 10 * (15 - 25) - 5 = -85, the curve's last value. P&L 10 * (7.5 - 25) - 10 = -185.
    Hand(
        "ruin pays slippage and commission and may end below zero",
        (10, 10, 20, 5),
        (10, 8, 20, 5),
        {"direction": "short", "max_holding_bars": 9},
        [(1, 2, 7.5, 25, 10, -185, "ruin")],
        capital=100.0,
        commission=5.0,
        slippage=0.25,
        equity=[100, 90, -85, -85],
        cash=[100, 20, -85, -85],
        ruined=True,
    ),
    # At bars 0 to 4 the size is -1, 0, 0.5, missing (a division by 0), and 50, for which 10 in
    # cash cannot buy one share at 16. Bar 5 is the last and its order never fills.
    Hand(
        "every reason to skip an entry",
        (16,) * 6,
        (7, 8, 8.5, 1, 58, 58),
        {
            "position_sizing_formula": "close - 8 if close != 1 else 1 / (close - 1)",
        },
        [],
        capital=10.0,
        equity=[10] * 6,
        cash=[10] * 6,
        skipped={
            "size_not_positive": 2,
            "size_below_one_share": 1,
            "size_missing": 1,
            "insufficient_cash": 1,
        },
        unfilled=1,
    ),
    # 8 at 16: 1000 - 129 = 871. Bar 1 closes at twice that, bar 2 at 2.5 times: 4 leave at open
    # 32, 2 at open 40; the stop of bar 3 takes the rest at 16. The entry's $1 is shared 4:2:2. P&L
    # 4 * 16 - 0.5 - 1, 2 * 24 - 0.25 - 1, 2 * 0 - 0.25 - 1; cash + 127, + 79, + 31.
    Hand(
        "half leaves at a gain, a quarter at a larger one, the rest at a stop",
        (8, 16, 32, 40, 16, 24),
        (8, 32, 40, 20, 24, 24),
        {
            "entry_conditions": ["close == 8"],
            "stop_conditions": ["close < 22"],
            "max_holding_bars": 9,
            "position_sizing_formula": "8",
            "scale_out": [
                {"when": "position_pnl_pct >= 1", "fraction": 0.5},
                {"when": "position_pnl_pct >= 1.5", "fraction": 0.25},
            ],
        },
        [
            (1, 2, 16, 32, 4, 62.5, "scale_out"),
            (1, 3, 16, 40, 2, 46.75, "scale_out"),
            (1, 4, 16, 16, 2, -1.25, "stop"),
        ],
        commission=1.0,
        equity=[1000, 1127, 1158, 1117, 1108, 1108],
        cash=[1000, 871, 998, 1077, 1108, 1108],
    ),
    # At one close both: 2 of 4, and of 3 that would be asked for the 2 that are left. Nothing is
    # left, so the next close at 8 finds a place.
    Hand(
        "several parts at one bar take no more than there is",
        (8, 8, 8, 8),
        (8, 16, 8, 16),
        {
            "entry_conditions": ["close == 8"],
            "fill": "close",
            "max_holding_bars": 9,
            "position_sizing_formula": "4",
            "scale_out": [
                {"when": "position_pnl_pct >= 1", "fraction": 0.5},
                {"when": "close == 16", "fraction": 0.75},
            ],
        },
        [
            (0, 1, 8, 16, 2, 14.5, "scale_out"),
            (0, 1, 8, 16, 2, 14.5, "scale_out"),
            (2, 3, 8, 16, 2, 14.5, "scale_out"),
            (2, 3, 8, 16, 2, 14.5, "scale_out"),
        ],
        commission=1.0,
        equity=[999, 1029, 1028, 1058],
        cash=[967, 1029, 996, 1058],
    ),
    # floor(0.5 * 3) = 1 leaves, floor(0.25 * 3) = 0 never does; the last bar's part is unfilled.
    Hand(
        "parts are floored, and less than a share stays",
        (8, 8, 16, 16),
        (8, 16, 16, 32),
        {
            "entry_conditions": ["close == 8"],
            "max_holding_bars": 9,
            "position_sizing_formula": "3",
            "scale_out": [
                {"when": "close == 16", "fraction": 0.5},
                {"when": "close > 0", "fraction": 0.25},
                {"when": "close == 32", "fraction": 0.5},
            ],
        },
        [(1, 2, 8, 16, 1, 8, "scale_out"), (1, 3, 8, 32, 2, 48, "end_of_data")],
        equity=[1000, 1024, 1024, 1056],
        cash=[1000, 976, 992, 1056],
        unfilled=1,
    ),
    # 4 bought at 16 leave as a part that is the whole, so the short side enters at the same open.
    Hand(
        "a part that is the whole lets the other side enter",
        (8, 16, 32, 16),
        (8, 32, 16, 16),
        {
            "direction": "both",
            "entry_conditions": ["close == 8"],
            "max_holding_bars": 9,
            "position_sizing_formula": "4",
            "scale_out": [{"when": "position_pnl_pct >= 1", "fraction": 1.0}],
            "short": {
                "entry_conditions": ["close == 32"],
                "exit_conditions": [],
                "stop_conditions": [],
            },
        },
        [(1, 2, 16, 32, 4, 64, "scale_out"), (2, 3, 32, 16, 4, 64, "end_of_data")],
        equity=[1000, 1064, 1128, 1128],
        cash=[1000, 936, 936, 1128],
    ),
    # As on a broker's statement: 2 E-mini contracts, $50 a point, margin $12,000 and $2.25 each.
    # Bought at 4,000: 50,000 - 24,000 - 4.5 = 25,995.5 in cash. At 4,012.5 an open gain of
    # 2 * 50 * 12.5 = 1,250, at 4,025 of 2,500; sold at 4,040: 25,995.5 + 24,000 + 4,000 - 4.5.
    Hand(
        "contracts on margin: the gain is points times multiplier",
        (3990, 4000, 4015, 4040),
        (4000, 4012.5, 4025, 4040),
        {
            "asset_class": "futures",
            "multiplier": 50,
            "initial_margin": 12_000,
            "entry_conditions": ["close == 4000"],
            "exit_conditions": ["close > 4020"],
            "position_sizing_formula": "2 if multiplier == 50 else 0",
            "max_holding_bars": 9,
        },
        [(1, 3, 4000, 4040, 2, 3991, "exit")],
        equity=[50_000, 51_245.5, 52_495.5, 53_991],
        cash=[50_000, 25_995.5, 25_995.5, 53_991],
        capital=50_000.0,
        commission=2.25,
    ),
    # 5 are wanted; floor(50,000 / 12,002.25) = 4: 50,000 - 48,009 = 1,991. At 3,995 they have lost
    # 1,000, which cannot be spent: 991. At 3,985 they have lost 3,000: 46,991 is below the margins'
    # 48,000, all leave at 3,980: 1,991 + 48,000 - 4,000 - 9, though the close is at 4,100.
    Hand(
        "an account below its margins is called at the next open",
        (3990, 4000, 3990, 3980, 4100),
        (4000, 3995, 3985, 4100, 4100),
        {
            "asset_class": "futures",
            "multiplier": 50,
            "initial_margin": 12_000,
            "entry_conditions": ["close == 4000"],
            "position_sizing_formula": "5",
            "max_holding_bars": 9,
        },
        [(1, 3, 4000, 3980, 4, -4018, "margin_call")],
        equity=[50_000, 48_991, 46_991, 45_982, 45_982],
        cash=[50_000, 991, -1_009, 45_982, 45_982],
        capital=50_000.0,
        commission=2.25,
    ),
    # Sold short at 4,000: 50,000 - 12,000 in cash; at 3,980 a gain of 1,000. A second one at 3,990,
    # decided at 4,030: the first has lost 1,500 there, and nothing at the fill but 500 gained. At
    # 4,010 they have lost 500 and 1,000: 26,000 - 1,500 is free.
    Hand(
        "short contracts: each lot's own loss",
        (4010, 4000, 4000, 3990, 4010),
        (4000, 3980, 4030, 4010, 4010),
        {
            "asset_class": "futures",
            "direction": "short",
            "multiplier": 50,
            "initial_margin": 12_000,
            "entry_conditions": ["close in (4000, 4030)"],
            "position_sizing_formula": "1 if capital == 50000 or capital == 36500 else 0",
            "max_concurrent_positions": 2,
            "max_holding_bars": 9,
        },
        [
            (1, 4, 4000, 4010, 1, -500, "end_of_data"),
            (3, 4, 3990, 4010, 1, -1000, "end_of_data"),
        ],
        equity=[50_000, 51_000, 48_500, 48_500, 48_500],
        cash=[50_000, 38_000, 36_500, 24_500, 48_500],
        capital=50_000.0,
    ),
    # The loss of a margined long may be more than there is: 10 * 50 * -100 = -50,000 of 13,000.
    Hand(
        "ruin holds for margined lots",
        (4000, 4000, 4000, 3900),
        (4000, 4000, 3900, 3900),
        {
            "asset_class": "futures",
            "multiplier": 50,
            "initial_margin": 1_200,
            "entry_conditions": ["close == 4000"],
            "position_sizing_formula": "10",
            "max_holding_bars": 9,
        },
        [(1, 2, 4000, 3900, 10, -50_000, "ruin")],
        equity=[13_000, 13_000, -37_000, -37_000],
        cash=[13_000, 1_000, -37_000, -37_000],
        capital=13_000.0,
        ruined=True,
    ),
    # Without a margin an entry takes 2 * 25 * 8 = 400 and pays 0.25 % of it; the exit's is of 800.
    Hand(
        "a multiplier without a margin: the price is paid, and the rate is of it",
        (8, 8, 16, 16),
        (8, 8, 16, 16),
        {
            "multiplier": 25,
            "commission_model": "rate",
            "entry_conditions": ["close == 8"],
            "position_sizing_formula": "2",
            "max_holding_bars": 1,
        },
        [(1, 3, 8, 16, 2, 397, "max_holding")],
        equity=[1000, 999, 1399, 1397],
        cash=[1000, 599, 599, 1397],
        commission=0.0025,
    ),
    # Bars before the start decide nothing, fill nothing, and are no points of the curve.
    Hand(
        "nothing happens before the start",
        (4, 4, 4, 8),
        (4, 4, 4, 8),
        {},
        [(3, 3, 8, 8, 10, 0, "end_of_data")],
        equity=[1000, 1000],
        start=2,
    ),
]


def as_case(hand: Hand) -> Case:
    return case(
        hand.spec,
        bars=frame(hand.opens, hand.closes),
        capital=hand.capital,
        commission=hand.commission,
        slippage=hand.slippage,
        start_index=hand.start,
    )


@pytest.mark.parametrize("hand", HANDS, ids=lambda hand: hand.label)
def test_oracle(hand: Hand) -> None:
    outcome = oracle(as_case(hand))
    assert plain_rows(outcome, *SHOWN) == hand.trades
    assert hand.equity is None or outcome.equity == hand.equity
    assert hand.cash is None or outcome.cash == hand.cash
    assert outcome.skipped == hand.skipped
    assert (outcome.unfilled, outcome.ruined) == (hand.unfilled, hand.ruined)


@pytest.mark.parametrize("hand", HANDS, ids=lambda hand: hand.label)
def test_engine(hand: Hand) -> None:
    worked = as_case(hand)
    result = engine(worked)
    assert traded_rows(worked, result, *SHOWN) == hand.trades
    assert hand.equity is None or result.equity.tolist() == hand.equity
    assert hand.cash is None or result.cash.tolist() == hand.cash
    skipped = {reason: n for reason, n in result.diagnostics.skipped_entries.items() if n}
    assert skipped == hand.skipped
    assert (result.diagnostics.unfilled_orders, result.ruined) == (hand.unfilled, hand.ruined)


def test_a_lot_that_leaves_in_parts_is_one_trade_of_the_metrics() -> None:
    # 62.5 + 46.75 - 1.25 = 108 on 8 * 16 = 128, from bar 1 to bar 4: 2018-01-03 to 2018-01-08.
    # The fills' value over two, by the mean of the account, in seven days.
    [hand] = [hand for hand in HANDS if hand.label.startswith("half leaves")]
    expected = {
        "total_trades": 1,
        "winning_trades": 1,
        "losing_trades": 0,
        "win_rate": 1.0,
        "expectancy_per_trade": 108.0,
        "avg_win": 108.0,
        "avg_win_pct": 108 / 128,
        "largest_win": 108.0,
        "largest_loss": 0.0,
        "consecutive_losses_max": 0,
        "avg_holding_period": 120.0,
        "exposure": 3 / 6,
        "turnover": (128 + 128 + 80 + 32) / 2 / (6618 / 6) * 365.25 / 7,
    }
    plain, measured = oracle(as_case(hand)).metrics, engine(as_case(hand)).metrics
    for name, value in expected.items():
        assert plain[name] == pytest.approx(value, rel=1e-12), name
        assert getattr(measured, name) == pytest.approx(value, rel=1e-12), name
    result = engine(as_case(hand))
    assert result.trades["lot"].tolist() == [1, 1, 1]
    assert result.trades["commission"].tolist() == [1.5, 1.25, 1.25]
    assert result.diagnostics.never_fired == []


def test_costs_stand_apart_from_the_price() -> None:
    # Of the first run: commission 1 + 1; slippage 10 * (20 - 16) + 10 * (32 - 24) = 120;
    # return 38 / (10 * 20) = 0.19; bought on bar 1 and sold on bar 3 is 2 bars.
    trade = oracle(as_case(HANDS[0])).trades[0]
    assert (trade.commission, trade.slippage_cost, trade.bars_held) == (2, 120, 2)
    row = engine(as_case(HANDS[0])).trades.iloc[0]
    assert (row["commission"], row["slippage_cost"], row["bars_held"]) == (2, 120, 2)
    assert trade.return_pct == row["return_pct"] == 0.19


def test_a_channel_that_holds_its_own_bar_never_breaks() -> None:
    bars = frame(tuple(range(10, 20)), tuple(range(11, 21)))
    spec = {"entry_conditions": ["close > highest_3"]}
    result = engine(case(spec, bars=bars))
    assert oracle(case(spec, bars=bars)).trades == []
    assert len(result.trades) == 0
    assert any("close > highest_3" in line for line in result.diagnostics.explanation)
    spec = {"entry_conditions": ["close > prev_highest_3"]}
    assert len(engine(case(spec, bars=bars)).trades) > 0


def test_ruin_by_the_costs_of_the_last_close() -> None:
    # Two lots of 10 short at 8 * 0.75 = 6, all 120 in. At the last close, 11, each is worth
    # 10 * (12 - 11) = 10: equity 20. The older (held 2) leaves at 11 * 1.25 = 13.75, which
    # returns 10 * (12 - 13.75) = -17.5, and -17.5 + 10 <= 0: ruin takes the younger.
    closes = (8, 8, 11)
    spec = {
        "direction": "short",
        "fill": "close",
        "max_holding_bars": 2,
        "max_concurrent_positions": 2,
    }
    worked = case(spec, bars=frame(closes, closes), capital=120.0, commission=0.0, slippage=0.25)
    outcome, result = oracle(worked), engine(worked)
    reasons = ["max_holding", "ruin"]
    assert [trade.exit_reason for trade in outcome.trades] == reasons
    assert outcome.equity == result.equity.tolist() == [100, 80, -35]
    assert outcome.ruined
    assert result.ruined
    assert result.trades["exit_reason"].tolist() == reasons
