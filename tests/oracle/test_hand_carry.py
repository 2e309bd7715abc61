"""Carry worked out by hand (SEMANTICS 3.14); engine and oracle must both come to these numbers.

Money is in multiples of 365, so that every number is exact in binary: 3,650 at half a year's rate
earn 5 a day. The bars are of a Thursday, a Friday and the Monday after, three days on.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pytest
from oracle.battery import frame
from oracle.harness import engine, oracle
from oracle.strategies import Case

from btkit.crosscheck.dividends import Dividends, PaidColumns

NONE = math.nan


@dataclass(frozen=True)
class Hand:
    """A run and what its carry comes to at each bar; a curve of None is not worked out."""

    label: str
    closes: tuple[float, ...]
    spec: dict[str, Any]
    interest: list[float] | None = None
    borrow_fees: list[float] | None = None
    dividends: list[float] | None = None
    cash: list[float] | None = None
    equity: list[float] | None = None
    pnl: list[float] = field(default_factory=list)
    capital: float = 3650.0
    columns: dict[str, list[float]] = field(default_factory=dict)
    opens: tuple[float, ...] = ()
    times: tuple[str, ...] = ()
    ruined: bool = False


FLAT = {"entry_conditions": ["close < 0"]}
SHORT = {"direction": "short"}
HANDS = [
    # 3650 * 0.5 / 365 = 5 on Friday, then 49 bought for 15 each: 3655 - 735 = 2920. From Friday to
    # Monday 2920 * 0.5 * 3 / 365 = 12; what the shares are worth earns nothing.
    Hand(
        "cash earns for the calendar days, before the fills, and from the second bar on",
        (15, 15, 15),
        {"cash_rate": 0.5, "position_sizing_formula": "49"},
        interest=[0, 5, 12],
        cash=[3650, 2920, 2932 + 735],
        equity=[3650, 3655, 3667],
        pnl=[0],
    ),
    # 365 * 365 at 1 a year earn 365 on Friday; Monday has Friday's rate: 365 * 366 / 2 * 3 / 365.
    Hand(
        "a rate that a column has is known the bar before",
        (15, 15, 15),
        FLAT | {"cash_rate": "bill"},
        interest=[0, 365, 549],
        equity=[133225, 133590, 134139],
        capital=133225.0,
        columns={"bill": [1.0, 0.5, 0.25]},
    ),
    Hand(
        "a rate that is a parameter, and below zero",
        (15, 15),
        FLAT | {"cash_rate": "{rate}", "parameters": {"rate": -0.5}},
        interest=[0, -5],
        equity=[3650, 3645],
    ),
    # 3650 + 5 - 73.5 * 10 = 2920 is what earns, neither the proceeds of 735 nor the 735 beside.
    Hand(
        "a short's collateral earns nothing",
        (15, 15, 15),
        SHORT | {"cash_rate": 0.5, "position_sizing_formula": "49"},
        interest=[0, 5, 12],
        borrow_fees=[0, 0, 0],
        cash=[3650, 2920, 2932 + 735],
        pnl=[0],
    ),
    # 49 contracts of 10 points' worth at a margin of 15: 735 set aside. At Friday's close each has
    # lost 10: `capital` is 2920 - 490, and what earns is 2920 all the same.
    Hand(
        "margin earns nothing, and what is lost on paper still earns",
        (15, 14, 14),
        {
            "cash_rate": 0.5,
            "position_sizing_formula": "49",
            "multiplier": 10.0,
            "initial_margin": 15.0,
        },
        interest=[0, 5, 12],
        cash=[3650, 2920 - 490, 2932 + 735 - 490],
        pnl=[-490],
        opens=(15, 15, 14),
    ),
    # Sold short on Friday at 10: nothing is due that day. At its close it is 20: on Monday
    # 20 * 73 * 0.5 * 3 / 365 = 6, on Tuesday, from Monday's close of 30, 30 * 73 * 0.5 / 365 = 3.
    Hand(
        "shorts pay for what they are worth at the last close",
        (10, 20, 30, 30),
        SHORT | {"borrow_rate": 0.5, "position_sizing_formula": "73"},
        borrow_fees=[0, 0, 6, 3],
        interest=[0, 0, 0, 0],
        cash=[3650, 2920, 2914, 2911 + 73 * (20 - 30)],
        equity=[3650, 2920, 2184, 2181],
        pnl=[-1460],
        opens=(10, 10, 30, 30),
    ),
    Hand(
        "a long borrows nothing",
        (10, 20, 30),
        {"borrow_rate": 0.5},
        borrow_fees=[0, 0, 0],
        pnl=[200],
        opens=(10, 10, 30),
    ),
    # Two contracts of 36.5 each: 20 * 73 as above.
    Hand(
        "contracts borrow by their multiplier",
        (10, 20, 30),
        SHORT | {"borrow_rate": 0.5, "position_sizing_formula": "2", "multiplier": 36.5},
        borrow_fees=[0, 0, 6],
        pnl=[-1460],
        opens=(10, 10, 30),
    ),
    # The exit that was decided on Friday fills at Monday's open: the shares were held at Friday's
    # close, so Monday's fee is due, and Tuesday's is not.
    Hand(
        "what leaves at an open was short until then",
        (10, 20, 30, 30),
        SHORT
        | {"borrow_rate": 0.5, "position_sizing_formula": "73"}
        | {"entry_conditions": ["close == 10"], "exit_conditions": ["close == 20"]},
        borrow_fees=[0, 0, 6, 0],
        pnl=[-1460],
        opens=(10, 10, 30, 30),
    ),
    # Filled at Thursday's close, it is short overnight; bought back at Friday's close, no more.
    Hand(
        "a fill at the close is held at that close",
        (20, 30, 30),
        SHORT
        | {"fill": "close", "borrow_rate": 0.5, "position_sizing_formula": "73"}
        | {"entry_conditions": ["close == 20"], "exit_conditions": ["close == 30"]},
        borrow_fees=[0, 2, 0],
        pnl=[-730],
    ),
    # Bought at Friday's open: Friday's dividend is not theirs. Monday's is, though an exit fills at
    # that open; Tuesday's no more. P&L and dividends are told apart: 10 * (32 - 16).
    Hand(
        "a dividend is paid on what was held at the close before, even if it leaves at the open",
        (16, 16, 32, 32),
        {"dividends": "cash", "entry_conditions": ["close == 16 and not in_position"]}
        | {"exit_conditions": ["bars_held == 0"]},
        dividends=[0, 0, 20, 0],
        cash=[3650, 3490, 3510 + 320, 3830],
        equity=[3650, 3650, 3830, 3830],
        pnl=[160],
        columns={"dividends": [8, 1, 2, 4]},
    ),
    Hand(
        "a short pays the dividend",
        (16, 16, 16),
        SHORT | {"dividends": "cash"},
        dividends=[0, 0, -20],
        cash=[3650, 3490, 3630],
        pnl=[0],
        columns={"dividends": [NONE, 0, 2]},
    ),
    Hand(
        "contracts are paid by their multiplier",
        (16, 16, 16),
        {"dividends": "cash", "multiplier": 4.0},
        dividends=[0, 0, 80],
        pnl=[0],
        columns={"dividends": [NONE, 0, 2]},
    ),
    # Of ten shares five leave at Monday's open: Monday's dividend is of ten, Tuesday's of five.
    Hand(
        "a part is paid until it leaves",
        (16, 16, 16, 16),
        {"dividends": "cash", "scale_out": [{"when": "bars_held == 0", "fraction": 0.5}]},
        dividends=[0, 0, 20, 20],
        pnl=[0, 0],
        columns={"dividends": [NONE, 0, 2, 4]},
    ),
    Hand(
        "without dividends: cash a column pays nothing",
        (16, 16, 16),
        {"dividends": "none"},
        dividends=[0, 0, 0],
        pnl=[0],
        columns={"dividends": [NONE, 0, 2]},
    ),
    # Monday's interest is of Friday's 2920, not of what the dividend brings that day.
    Hand(
        "interest is on what lay there before the day's dividend",
        (15, 15, 15),
        {"cash_rate": 0.5, "dividends": "cash", "position_sizing_formula": "49"},
        interest=[0, 5, 12],
        dividends=[0, 0, 98],
        cash=[3650, 2920, 2932 + 98 + 735],
        pnl=[0],
        columns={"dividends": [0, 0, 2]},
    ),
    # 73 sold short at 10 are all the cash. Monday's dividend of 5 takes it to -365, which earns
    # nothing, nor costs.
    Hand(
        "cash below zero earns nothing",
        (10, 10, 10, 10),
        SHORT | {"cash_rate": "bill", "dividends": "cash", "position_sizing_formula": "73"},
        interest=[0, 0, 0, 0],
        dividends=[0, 0, -365, 0],
        cash=[730, 0, -365, 365],
        pnl=[0],
        capital=730.0,
        columns={"dividends": [0, 0, 5, 0], "bill": [0.0, 0.5, 0.5, 0.5]},
    ),
    # Equity at Monday's close is 730 - 73 * 10 = 0: ruin. Nothing is due on Tuesday.
    Hand(
        "nothing is due after ruin",
        (10, 10, 10, 10),
        SHORT | {"borrow_rate": 0.5, "dividends": "cash", "position_sizing_formula": "73"},
        borrow_fees=[0, 0, 3, 0],
        dividends=[0, 0, -730, 0],
        equity=[730, 730, -3, -3],
        pnl=[0],
        capital=730.0,
        columns={"dividends": [0, 0, 10, 10]},
        ruined=True,
    ),
    # Two bars of Thursday's session, one of Friday's, two of Monday's: by the session, not by bar.
    Hand(
        "within a session nothing is earned",
        (15, 15, 15, 15, 15),
        FLAT | {"cash_rate": "bill"},
        interest=[0, 0, 365, 549, 0],
        capital=133225.0,
        columns={"bill": [0.0, 1.0, 0.5, 1.0, 1.0]},
        times=(
            "2018-01-04 20:00",
            "2018-01-04 20:30",
            "2018-01-05 14:30",
            "2018-01-08 14:30",
            "2018-01-08 15:00",
        ),
    ),
    # f is 14 / 16 on Friday, and 1 on Monday: 16 * (1 - 0.875) = 2 a share. Whole dollars leave
    # half of one open, which explains no such step.
    Hand(
        "a dividend that adj_close implies",
        (16, 16, 16),
        {"dividends": "cash"},
        dividends=[0, 0, 20],
        pnl=[0],
        columns={"adj_close": [14, 14, 16]},
    ),
    Hand(
        "what the column says goes before what adj_close implies",
        (16, 16, 16),
        {"dividends": "cash"},
        dividends=[0, 0, 10],
        pnl=[0],
        columns={"adj_close": [14, 14, 16], "dividends": [0, 0, 1]},
    ),
]


def as_case(hand: Hand) -> Case:
    spec = {
        "name": "by hand",
        "entry_conditions": ["not in_position"],
        "exit_conditions": [],
        "stop_conditions": [],
        "position_sizing_formula": "10",
        "max_holding_bars": 50,
    }
    days = pd.bdate_range("2018-01-04", periods=len(hand.closes))
    bars = frame(hand.opens or hand.closes, hand.closes)
    bars.index = pd.DatetimeIndex(hand.times) if hand.times else days
    bars = bars.assign(**{name: [*map(float, values)] for name, values in hand.columns.items()})
    return Case(spec | hand.spec, bars, hand.capital, 0.0, 0.0, 0)


def agrees(hand: Hand, run: Any, pnl: list[float], *, ruined: bool) -> None:
    for name in ("interest", "borrow_fees", "dividends", "cash", "equity"):
        expected = getattr(hand, name)
        assert expected is None or list(getattr(run, name)) == expected, name
    assert pnl == hand.pnl
    assert ruined == hand.ruined
    # 3.14: each is an item of its own; nothing else is earned or lost.
    carried = sum(run.interest) - sum(run.borrow_fees) + sum(run.dividends)
    assert list(run.equity)[-1] - hand.capital == sum(pnl) + carried


@pytest.mark.parametrize("hand", HANDS, ids=lambda hand: hand.label)
def test_oracle(hand: Hand) -> None:
    run = oracle(as_case(hand))
    agrees(hand, run, [trade.pnl for trade in run.trades], ruined=run.ruined)


@pytest.mark.parametrize("hand", HANDS, ids=lambda hand: hand.label)
def test_engine(hand: Hand) -> None:
    result = engine(as_case(hand))
    agrees(hand, result, result.trades["pnl"].tolist(), ruined=result.ruined)


# closes, adj_close, splits, what each bar pays
IMPLIED: dict[str, tuple[list[float], list[float], list[float] | None, list[float]]] = {
    # f is 0.875 / 0.9375 / 1: 16 * (1 - 0.875 / 0.9375) and, from 20, 20 * (1 - 0.9375)
    "each from its own step": ([16, 16, 20, 20], [14, 15, 18.75, 20], None, [0, 16 / 15, 0, 1.25]),
    # f falls: 1, then 0.75
    "a negative one is none": ([16, 16], [16, 12], None, [0, 0]),
    # from 1 / 2 to 1, within half a percent or not
    "two for one": ([16, 16], [8, 16], None, [0, 0]),
    "nearly two for one": ([16, 16], [8.03, 16], None, [0, 0]),
    "not quite two for one": ([16, 16], [8.25, 16], None, [0, 16 * (1 - 8.25 / 16)]),
    "five for four": ([16, 16], [12.8, 16], None, [0, 0]),
    # a column splits decides which step is one
    "no split is told": ([16, 16], [8, 16], [1, 1], [0, 8]),
    "a split is told": ([16, 16], [8, 16], [1, 2], [0, 0]),
    "seven for one": ([14, 14], [2, 14], [math.nan, 7], [0, 0]),
    "a told split explains no other step": ([16, 16], [14, 16], [1, 2], [0, 2]),
    # cents: 7.33 / 22 and 7.00 / 21 are both a third
    "rounded to cents": ([22, 21], [7.33, 7.00], None, [0, 0]),
    # a third of 22 and of 21 once more, where the last digits are known
    "not rounded to cents": (
        [22, 21],
        [7.33, 7.0000001],
        None,
        [0, 22 * (1 - (7.33 / 22) / (7.0000001 / 21))],
    ),
    # thirds in single precision: of 22 a little low
    "in single precision": ([22, 21], [7.333333015441895, 7.0], None, [0, 0]),
}


@pytest.mark.parametrize("label", IMPLIED)
def test_what_adj_close_implies(label: str) -> None:
    closes, adjusted, splits, paid = IMPLIED[label]
    found = Dividends(PaidColumns(closes, adjusted=adjusted, splits=splits)).paid()
    assert found == pytest.approx(paid, rel=1e-12, abs=1e-15)
    assert [value == 0 for value in found] == [value == 0 for value in paid]


def measured(spec: dict[str, Any], columns: dict[str, list[float]]) -> tuple[Any, Any]:
    case = as_case(Hand("", (16, 16, 16), FLAT | spec, capital=133225.0, columns=columns))
    return oracle(case).metrics, engine(case).metrics


def test_sharpe_is_of_what_is_earned_above_cash() -> None:
    # 365 on Friday, then three days at a half a year on 133590: 549. Each less the rate that was
    # known before it, a 252nd of a year; Thursday has its own.
    gains = [0.0, 365 / 133225, 549 / 133590]
    for free, rates in ((None, [1.0, 1.0, 0.5]), (0.0, [0.0] * 3), (0.25, [0.25] * 3)):
        excess = [gain - rate / 252 for gain, rate in zip(gains, rates, strict=True)]
        expected = statistics.mean(excess) / statistics.stdev(excess) * math.sqrt(252)
        stated = {} if free is None else {"sharpe_risk_free": free}
        plain, ours = measured(stated | {"cash_rate": "bill"}, {"bill": [1.0, 0.5, 0.25]})
        assert plain["sharpe_ratio"] == pytest.approx(expected, rel=1e-12)
        assert ours.sharpe_ratio == pytest.approx(expected, rel=1e-12)


def test_what_is_bought_and_held_is_paid_dividends() -> None:
    # Bought on Thursday: its dividend is not theirs. 16, 16 + 4, 20 + 5 in the hand.
    steps = [0.0, 4 / 16, 5 / 20]
    for told, held in (("cash", steps), ("none", [0.0] * 3)):
        plain, ours = measured({"dividends": told}, {"dividends": [8, 4, 5]})
        expected = statistics.stdev(held) * math.sqrt(252)
        assert plain["tracking_error"] == pytest.approx(expected, rel=1e-12)
        assert ours.tracking_error == pytest.approx(expected, rel=1e-12)
