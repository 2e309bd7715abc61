"""Fixed cases, small and various, in which every rule of the engine makes a difference.

They are prepared once, for the agreement of engine and plain simulation and for every broken rule.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from oracle.contracts import Contract, share_contracts, side_contracts
from oracle.harness import Prepared
from oracle.strategies import Case

from btkit.markets import schedule

# Sixteen bars with gaps both ways, two equal closes, and no two steps alike.
OPENS = (100, 101, 99, 104, 103, 96, 97, 97, 108, 107, 90, 92, 94, 95, 93, 99)
CLOSES = (101, 98, 103, 105, 97, 97, 99, 106, 105, 91, 92, 95, 94, 94, 100, 97)
IV_RANK = (10, None, 35, 60, None, None, 45, 20, 80, None, 31, 30, 29, None, 55, 40)

BASE: dict[str, Any] = {
    "name": "battery",
    "entry_conditions": ["close > 0"],
    "exit_conditions": [],
    "stop_conditions": [],
    "position_sizing_formula": "10",
    "max_holding_bars": 3,
}


def frame(opens: tuple[float, ...] = OPENS, closes: tuple[float, ...] = CLOSES) -> pd.DataFrame:
    """Return daily bars with the least highs and lows that are valid."""
    size = len(opens)
    iv_rank = [math.nan if value is None else float(value) for value in (IV_RANK * 40)[:size]]
    return pd.DataFrame(
        {
            "open": [float(value) for value in opens],
            "high": [float(max(pair)) for pair in zip(opens, closes, strict=True)],
            "low": [float(min(pair)) for pair in zip(opens, closes, strict=True)],
            "close": [float(value) for value in closes],
            "volume": 1000.0,
            "iv_rank": iv_rank,
        },
        index=pd.bdate_range("2018-01-02", periods=size),
    )


def case(
    spec: dict[str, Any],
    *,
    bars: pd.DataFrame | None = None,
    capital: float = 100_000.0,
    commission: float = 1.5,
    slippage: float = 0.01,
    start_index: int = 0,
    others: dict[str, pd.DataFrame] | None = None,
) -> Case:
    """Return a case that differs from the plainest one only in what is named."""
    return Case(
        spec=BASE | spec,
        bars=frame() if bars is None else bars,
        capital=capital,
        commission=commission,
        slippage=slippage,
        start_index=start_index,
        others=others or {},
    )


def of_contract(contract: Contract) -> Case:
    """Return the case of some contracts."""
    bars = None if contract.prices is None else frame(*contract.prices)
    return case(contract.spec, bars=bars, **contract.account)


_LOTS = {"max_concurrent_positions": 3, "max_holding_bars": 4}
_ALL_IN = {"position_sizing_formula": "capital / close", "max_holding_bars": 2}
_STOPPED = {
    "stop_conditions": ["close < 98"],
    "exit_conditions": ["close < 100"],
    "max_holding_bars": 5,
}
_GAIN, _AGE = "position_pnl_pct > 0.01", "bars_held >= 1"


def _parts(*pairs: tuple[str, float], **changes: Any) -> dict[str, Any]:
    stated = [{"when": when, "fraction": fraction} for when, fraction in pairs]
    several = {"max_holding_bars": 5, "max_concurrent_positions": 2}
    return several | {"position_sizing_formula": "11", "scale_out": stated} | changes


_FILTERED = {
    "filter_conditions": ["close > 95"],
    "stop_conditions": ["close < 95"],
    "exit_conditions": ["position_pnl_pct > 0.02"],
}


_ACCOUNT: tuple[dict[str, Any], ...] = (
    {"entry_conditions": ["losing_streak < 2"], "max_concurrent_positions": 2},
    {"entry_conditions": ["open_lots < 2"], "max_concurrent_positions": 3},
    {"exit_conditions": ["open_lots == 2"], "max_concurrent_positions": 3},
    {"entry_conditions": ["bars_since_exit is None or bars_since_exit > 1"]},
    {"exit_conditions": ["bars_since_exit == 1"], "max_concurrent_positions": 2},
    {"entry_conditions": ["last_pnl is None or last_pnl < 0"]},
    {"entry_conditions": ["last_return_pct is None or last_return_pct > -0.05"]},
    {"entry_conditions": ["last_return_pct is None"]},
    # Any other profit or return has other digits.
    {"entry_conditions": ["last_pnl is None or last_pnl % 2 < 1"]},
    {"exit_conditions": ["last_return_pct * 1000 % 2 < 1"], "max_concurrent_positions": 2},
    {"stop_conditions": ["last_return_pct < 0", "losing_streak == 1"]},
)
_REMEMBERED: tuple[dict[str, Any], ...] = (
    *_ACCOUNT,
    {"exit_conditions": ["close < highest_since_entry * 0.96"], "max_holding_bars": 9},
    {"exit_conditions": ["close > lowest_since_entry * 1.04"], "max_holding_bars": 9},
    {"stop_conditions": ["abs(close - entry_price) > 4"], "max_holding_bars": 9},
    {"entry_conditions": ["entry_price is None or entry_price > 200"]},
    _LOTS | {"stop_conditions": ["high > entry_price * 1.03 or close < highest_since_entry - 6"]},
    _LOTS | {"entry_conditions": ["entry_price is None or highest_since_entry > 104"]},
    {"entry_conditions": ["equity > 99985 or equity < 99950"], "exit_conditions": ["equity > 1e5"]},
    _LOTS | {"position_sizing_formula": "equity / close / (4 + losing_streak)"},
    {"position_sizing_formula": "5 + open_lots", "max_concurrent_positions": 2},
    _LOTS | {"filter_conditions": ["last_pnl is None or last_pnl > -40"], "filter_scope": "all"},
)


def part_cases(long: pd.DataFrame) -> list[Case]:
    """Return the cases of part exits; some are of `long`, dozens of bars."""
    both = [{"fill": fill} for fill in ("next_open", "close")]
    directed = [mode | {"direction": side} for mode in both for side in ("long", "short")]
    # part exits: at a gain and by age, in the order of the spec; several at one bar, more than is
    # left, one share, and none; conditions that do not read the position; filters of either scope
    leaving = [
        _parts((_GAIN, 0.5), ("bars_held >= 2", 0.3)),
        _parts((_AGE, 0.7), (_GAIN, 0.7), stop_conditions=["close < 95"]),
        _parts((_AGE, 0.1), (_AGE, 0.05), ("bars_held == 2", 0.5), ("close > open", 0.25)),
        _parts(("close > open", 0.5), exit_conditions=["close < 95"]),
        _parts((_GAIN, 0.5), filter_conditions=["close > 97"]),
        _parts((_AGE, 0.5), filter_conditions=["close > 97"], filter_scope="all"),
        _parts(("iv_rank > 30", 0.5), (_AGE, 1.0)),
        _parts((_AGE, 0.5), filter_conditions=["position_pnl_pct > -0.02"], filter_scope="all"),
        # what is remembered of whole lots alone
        _parts((_AGE, 0.5), entry_conditions=["last_pnl is None or losing_streak < 1"]),
        _parts((_AGE, 0.5), ("last_return_pct > 0 or bars_since_exit == 0", 0.2)),
    ]
    found = [case(change | mode) for change in leaving for mode in directed]
    # fractions that add up to one but for rounding, of what is less than a share
    thirds = _parts((_AGE, 0.7), ("bars_held >= 2", 0.2), ("bars_held >= 3", 0.1))
    thirds |= {"allow_fractional": True, "position_sizing_formula": "capital / close / 900"}
    found += [case(thirds | mode) for mode in both]
    # a part at one of dozens of bars at which nothing else happens, flat and with a lot
    rare = _parts(("close == 91", 0.5), max_holding_bars=90, max_concurrent_positions=1)
    found += [case(rare | {"entry_conditions": ["close == 205"]} | m, bars=long) for m in directed]
    return found


@cache
def share_cases() -> list[Prepared]:
    """Return the cases of shares; each list below says what it is there for."""
    both = [{"fill": fill} for fill in ("next_open", "close")]
    directed = [mode | {"direction": side} for mode in both for side in ("long", "short")]
    # A cut that a large commission moves by several shares. These come first: a broken cut must
    # be noticed here, since with fractional shares it would be mended one last bit at a time.
    found = [
        case(_ALL_IN | {"commission_model": model}, capital=1234.0, commission=commission)
        for model, commission in (("per_order", 450.0), ("per_share", 60.0), ("rate", 0.6))
    ]
    found += [case(mode) for mode in directed]
    # several lots, each with its own age and gain; orders in order of age
    found += [case(_LOTS | {"exit_conditions": ["position_pnl_pct > 0.03"]} | m) for m in directed]
    found += [case(_LOTS | {"entry_conditions": ["bars_held < 2"]} | mode) for mode in both]
    # all in: the cut to the cash, commission included, under every model, whole and fractional
    for model, commission in (("per_order", 9.0), ("per_share", 0.4), ("rate", 0.003)):
        found += [
            case(
                _ALL_IN | {"commission_model": model, "allow_fractional": fractional} | mode,
                capital=1234.0,
                commission=commission,
            )
            for fractional in (False, True)
            for mode in directed
        ]
    found.append(case(_ALL_IN | {"commission_model": "per_contract"}, capital=1234.0))
    # 83.46 / (6 * 1.07) comes to 13 in doubles, but 13 shares cost more than 83.46: 12 it is
    tight = {"commission_model": "rate", "position_sizing_formula": "99"}
    flat = frame((6, 6, 6, 6), (6, 6, 6, 6))
    found.append(case(tight, bars=flat, capital=83.46, commission=0.07, slippage=0.0))
    # rotation: the sale at an open pays for the purchase at the same open
    rotation = {"max_concurrent_positions": 2, "max_holding_bars": 1}
    found += [case(rotation | mode, capital=1100.0) for mode in directed]
    # reasons and their order; filters and their scope
    found += [case(_STOPPED | mode) for mode in directed]
    found += [
        case(_FILTERED | {"filter_scope": scope} | mode)
        for scope in ("entries", "all")
        for mode in directed
    ]
    # the same with conditions that read the position, lot by lot, and may raise
    personal = {
        "filter_conditions": ["position_pnl_pct > -0.03"],
        "stop_conditions": ["bars_held >= 1", "position_pnl_pct < 0"],
        "exit_conditions": ["bars_held == 2"],
        "max_holding_bars": 6,
        "max_concurrent_positions": 2,
    }
    found += [
        case(personal | {"filter_scope": scope} | m) for scope in ("entries", "all") for m in both
    ]
    found += [
        case({"entry_conditions": ["1 / (1 - bars_held) > 0.6"]} | _LOTS),
        case({"exit_conditions": ["iv_rank > 30 + bars_held"]} | _LOTS),
    ]
    # missing values, parameters, what the position names say when flat
    found += [
        case({"entry_conditions": ["iv_rank < 50"], "position_sizing_formula": "iv_rank"}),
        case({"entry_conditions": ["iv_rank is None or iv_rank >= 30"]}),
        case({"entry_conditions": ["close > {level}"], "parameters": {"level": 97}}),
        case({"entry_conditions": ["not in_position", "bars_held == 0", "position_pnl_pct == 0"]}),
        case({"position_sizing_formula": "capital / 1000 + bars_held"} | _LOTS),
        case({"position_sizing_formula": "risk_pct * capital / 7"} | _LOTS),
    ]
    # sizes that make no trade
    found += [
        case({"position_sizing_formula": size, "allow_fractional": fractional})
        for size in ("0.4", "99 - close", "1 / (close - 97)", "iv_rank / 50 - 1")
        for fractional in (False, True)
    ]
    found.append(case({}, capital=50.0))
    # ruin of a short, before and after the fills of a bar, and at the end
    crash = frame((10, 10, 11, 14, 19, 23, 22, 21), (10, 10, 12, 15, 22, 22, 21, 20))
    for mode in both:
        short = (
            mode | {"direction": "short", "max_holding_bars": 20} | {"max_concurrent_positions": 2}
        )
        found.append(case(short, bars=crash, capital=150.0))
        found.append(case(short | {"max_holding_bars": 3}, bars=crash, capital=150.0))
    exactly = frame((10, 10, 20, 5), (10, 10, 20, 5))
    spec = {"direction": "short", "max_holding_bars": 9}
    found.append(case(spec, bars=exactly, capital=100.0, commission=0.0, slippage=0.0))
    # what the size is told while a lot leaves: its position is open, its cash not back yet
    leaving = {"max_concurrent_positions": 2, "max_holding_bars": 1}
    for size in ("10 if in_position else 20", "capital / close / 2"):
        found += [case(leaving | {"position_sizing_formula": size} | mode) for mode in both]
    # the sizes that the loop reads at a glance, and one that only looks like them
    for size in ("0.5 * capital / close", "capital * 0.5 / open", "1000 * bars_held / close"):
        found += [case({"position_sizing_formula": size} | mode) for mode in both]
    # a stop where no exit is due; dozens of bars at which nothing happens, flat and with a lot
    found += [case({"stop_conditions": ["close < 98"], "max_holding_bars": 9} | m) for m in both]
    shifts = [level for level in (0, 0, 0, 100, 0, 0) for _ in OPENS]
    long = frame(
        *(
            tuple(price + shift for price, shift in zip(prices * 6, shifts, strict=True))
            for prices in (OPENS, CLOSES)
        )
    )
    for entry, stop in (("close == 105", "close > 200"), ("close == 205", "close < 92")):
        spec = {"entry_conditions": [entry], "stop_conditions": [stop], "max_holding_bars": 90}
        found += [case(spec | mode, bars=long) for mode in directed]
    # futures pay by the contract; of lots that leave on one bar, at its open and its close, the
    # older comes first
    found.append(case({"asset_class": "futures"}))
    younger = {
        "entry_conditions": ["close == 8 or close == 2"],
        "exit_conditions": ["position_pnl_pct >= 2"],
        "max_concurrent_positions": 2,
        "max_holding_bars": 9,
    }
    found.append(case(younger, bars=frame((8, 8, 2, 6), (8, 2, 6, 7)), slippage=0.0))
    # what is remembered of lots, trades and the account, also over bars that are passed over
    found += [case(change | mode) for change in _REMEMBERED for mode in directed]
    quiet = {
        "entry_conditions": ["not in_position", "close == 100"],
        "exit_conditions": ["close < 99", "close < highest_since_entry * 0.85"],
        "stop_conditions": ["close > 121", "close > lowest_since_entry * 1.2"],
        "max_holding_bars": 14,
    }
    far = (100, 101, 120, 110, 104, 98, 101, 102, 100, 101, 99, 101, 122, 120)
    found += [case(quiet | mode, bars=frame(far, far)) for mode in directed]
    even = frame((10, 10, 10, 10, 10, 8), (10, 10, 10, 10, 10, 8))
    streak = {"entry_conditions": ["losing_streak < 1", "not in_position"], "max_holding_bars": 1}
    found.append(case(streak, bars=even, commission=0.0, slippage=0.0))
    found += [*part_cases(long), *map(of_contract, share_contracts())]
    # warm-up bars before the start; a run of one bar
    found += [case(_LOTS | mode, start_index=6) for mode in both]
    found += [case(mode, bars=frame(OPENS[:1], CLOSES[:1])) for mode in both]
    return [Prepared(made) for made in found]


def half_hours(first: str, last: str, *, kept: float = 1.0) -> pd.DataFrame:
    """Return half-hourly bars of New York's sessions, the half day of Thanksgiving among them."""
    each = [
        pd.date_range(row.open, row.close, freq="30min", inclusive="left")
        for row in schedule("XNYS", pd.Timestamp(first), pd.Timestamp(last)).itertuples()
    ]
    rng = np.random.default_rng(3)
    index = each[0].append(each[1:])
    index = index[rng.random(len(index)) < kept]
    closes = np.round(100.0 * np.cumprod(1 + rng.normal(0.0, 0.004, len(index))), 2)
    opens = np.append(100.0, closes[:-1])
    return pd.DataFrame(
        {
            "open": opens,
            "high": np.maximum(opens, closes),
            "low": np.minimum(opens, closes),
            "close": closes,
            "volume": rng.uniform(1.0, 9.0, len(index)),
        },
        index=index,
    )


@cache
def slower_cases() -> list[Prepared]:
    """Return the cases of `on`: weeks with holidays, half days, missing bars, a late beginning."""
    daily = underlying().round(2)
    intraday = (
        half_hours("2018-11-14", "2018-12-06"),
        half_hours("2018-11-14", "2018-12-06", kept=0.7),
    )
    texts = (
        "close > on('1w', prev_close)",
        "on('1w', open) < on('1w', close)",
        "close >= on('1w', high) or close <= on('1w', low)",
        "on('1mo', volume) > 19000",
        "on('1w', 1 / (close - prev_close)) > 0",
    )
    found = [case({"entry_conditions": [text]}, bars=daily, start_index=40) for text in texts]
    found += [
        case({"exit_conditions": [text]} | _LOTS, bars=daily.iloc[3:], start_index=7)
        for text in texts
    ]
    shorter = (
        "close > on('1h', open)",
        "on('2h', volume) > on('2h', prev_volume)",
        "close > on('1d', high) or on('1w', close) is None",
        "on('4h', close > prev_close)",
    )
    found += [
        case({"entry_conditions": [text], "exit_conditions": ["bars_held >= 2"]}, bars=bars)
        for text in shorter
        for bars in intraday
    ]
    return [Prepared(made) for made in found]


_UNLIKE = "1 if close == 98 else 1e16 if close == 103 else -1e16 if close == 105 else 0.5"


@cache
def over_time_cases() -> list[Prepared]:
    """Return the cases of calls over time: missing values, infinities, first bars, long waits."""
    texts = (
        "lag(close, 2) > 98",
        "lag(opex_week, 1) is True",
        "change(close, 2) > 0",
        "close >= highest(close, 3)",
        "close <= lowest(close, 3)",
        "close > mean(close, 4)",
        "std(close, 3) > 3",
        "total(close - open, 2) > 0",
        "percentile(close, 4) >= 75",
        "count(close > open, 3) >= 2",
        "count(close > open, 3) is not None",
        "bars_since(close > 105) > 1",
        "bars_since(close > 105) is None",
        "crossed_above(close, open)",
        "crossed_below(close, open)",
        "crossed_above(close, 100) is None",
        # what is missing, raises, or is no finite number
        "mean(iv_rank, 2) > 30",
        "lag(iv_rank, 1) is None",
        "count(iv_rank > 30, 3) >= 1",
        "bars_since(iv_rank > 50) >= 1",
        "bars_since(iv_rank is None) == 1",
        "change(1 / (close - 97), 1) is None",
        "lag(close * 1e308, 1) is None",
        "total(close * 1e306, 3) is None",
        "crossed_below(iv_rank, 40) is None",
        # calls in calls
        "mean(lag(close, 1), 3) < close",
        "crossed_above(mean(close, 2), mean(close, 3))",
        "count(close > lag(close, 1), 3) >= 2",
        # sums that keep what a large number takes, whichever comes first
        f"total({_UNLIKE}, 3) > 0.3",
        f"mean({_UNLIKE}, 3) > 0.1",
        f"std({_UNLIKE}, 3) > 1",
    )
    found = [
        case({"entry_conditions": [text]}, start_index=index) for text in texts for index in (0, 5)
    ]
    found += [case({"exit_conditions": [text]} | _LOTS) for text in texts]
    # the condition was met on the first bar alone, 500 bars and more before
    waiting = frame((9.0, *[8.0] * 503), (9.0, *[8.0] * 503))
    for text in ("bars_since(close == 9) == 500", "bars_since(close == 9) is None"):
        found.append(case({"entry_conditions": [text]}, bars=waiting))
    sized = {
        "position_sizing_formula": "10 * mean(close, 2) / lag(close, 1)",
        "allow_fractional": True,
    }
    weekly = {
        "entry_conditions": ["on('1w', change(close, 1)) > 0 or lag(on('1w', close), 2) > 98"]
    }
    found += [case(sized), case(weekly), case(weekly, bars=underlying().round(2), start_index=40)]
    return [Prepared(made) for made in found]


_TURNING = {
    "direction": "both",
    "entry_conditions": ["close > open"],
    "exit_conditions": ["close < open"],
    "max_holding_bars": 6,
    "short": {
        "entry_conditions": ["close < open"],
        "exit_conditions": ["close > open"],
        "stop_conditions": [],
    },
}


@cache
def side_cases() -> list[Prepared]:
    """Return the cases of specs that take both sides; each comment says what one is there for."""
    modes = [{"fill": fill} for fill in ("next_open", "close")]

    def turning(short: dict[str, Any], **changes: Any) -> dict[str, Any]:
        return _TURNING | changes | {"short": _TURNING["short"] | short}

    all_in = {"position_sizing_formula": "capital / close"}
    several = {"max_concurrent_positions": 3, "max_holding_bars": 4}
    changes: list[dict[str, Any]] = [
        # a reversal on one bar, whole and in fractions, with all that the leaving lots bring
        _TURNING,
        _TURNING | all_in,
        _TURNING | all_in | {"allow_fractional": True},
        # several lots of a side, which leave one by one: none turns before all do
        turning({"exit_conditions": ["bars_held >= 2"]}, **several),
        turning({}, **several, exit_conditions=["position_pnl_pct < 0"]),
        turning(
            {"entry_conditions": ["close > 0"]}, max_concurrent_positions=3, max_holding_bars=2
        ),
        # part exits of either side, the long one's for both or each its own; those that take all
        # of every lot let the other side enter
        _TURNING | _parts((_GAIN, 0.5), (_AGE, 0.3), max_holding_bars=6),
        turning({"scale_out": []}, **_parts((_AGE, 0.5), max_concurrent_positions=1)),
        turning(
            {"exit_conditions": [], "scale_out": [{"when": "close > open", "fraction": 1.0}]},
            exit_conditions=[],
            **_parts(("close < open", 1.0)),
        ),
        turning({"exit_conditions": []}, exit_conditions=[], **_parts((_AGE, 0.5))),
        # both sides would enter; one of them only when flat
        turning({"entry_conditions": ["close > 0"]}),
        turning({"entry_conditions": ["not in_position"]}),
        turning({}, entry_conditions=["not in_position", "close > open"]),
        # a size, a risk of its own
        turning({"position_sizing_formula": "3"}),
        turning({"per_trade_risk_pct": 0.02}, position_sizing_formula="risk_pct * capital / 50"),
        # what conditions and filters are told of a reversal
        turning({"entry_conditions": ["capital > 99000"]}, position_sizing_formula="400"),
        turning({"entry_conditions": ["bars_held >= 1", "position_pnl_pct < 0.05"]}),
        _TURNING | {"filter_conditions": ["capital > 97000"], "position_sizing_formula": "400"},
        _TURNING | {"filter_conditions": ["bars_held < 2"], "filter_scope": "all"},
        _TURNING | {"filter_conditions": ["close > 95"], "filter_scope": "all"},
        # what is remembered of lots and trades of either side
        turning({"exit_conditions": ["close > lowest_since_entry * 1.03"]}, **several),
        turning({"entry_conditions": ["losing_streak < 2"]}, exit_conditions=["open_lots > 1"]),
        _TURNING | {"filter_conditions": ["last_pnl is None or equity > 40900"]},
        # stops of each side by its own list and its own gain
        turning(
            {"stop_conditions": ["position_pnl_pct < -0.02"], "exit_conditions": []},
            stop_conditions=["position_pnl_pct < -0.02"],
            exit_conditions=[],
        ),
        # parameters in both
        turning(
            {"exit_conditions": ["close > {level}"]},
            exit_conditions=["close < {level}"],
            parameters={"level": 98},
        ),
    ]
    found = [case(change | mode, capital=41_000.0) for change in changes for mode in modes]
    found += [case(change | mode) for change in changes[-8:] for mode in modes]
    # a cut to the cash that the exit has just brought; ruin of the short side
    found += [case(_TURNING | all_in | mode, capital=1234.0, commission=9.0) for mode in modes]
    crash = frame((10, 10, 11, 14, 19, 23, 22, 21), (9, 11, 10, 15, 22, 22, 21, 20))
    lost = turning({"exit_conditions": []}, max_holding_bars=20)
    found += [case(lost | mode, bars=crash, capital=120.0) for mode in modes]
    found += [of_contract(contract) for contract in side_contracts(_TURNING)]
    # dozens of bars at which nothing happens, flat and with a lot of either side
    shifts = [level for level in (0, 0, 100, 0, 0) for _ in OPENS]
    long = frame(
        *(
            tuple(price + shift for price, shift in zip(prices * 5, shifts, strict=True))
            for prices in (OPENS, CLOSES)
        )
    )
    rare = turning(
        {"entry_conditions": ["close == 205"], "exit_conditions": ["close == 91"]},
        entry_conditions=["close == 106"],
        exit_conditions=["close > 200"],
        max_holding_bars=90,
    )
    found += [case(rare | mode, bars=long) for mode in modes]
    half = rare | _parts(("close == 105", 0.5), max_holding_bars=90, max_concurrent_positions=1)
    found += [case(half | mode, bars=long) for mode in modes]
    found += [
        case(rare | {"max_holding_bars": 9, "stop_conditions": ["close == 97"]} | mode, bars=long)
        for mode in modes
    ]
    # orders inside the bar, on both sides: each by its own, or mirrored; one that rests, and bars
    rests = {"entry_order": {"limit": "close - 2", "valid_bars": 3}}
    sold = {"entry_order": {"limit": "close + 2", "valid_bars": 2}, "stop_loss": 0.02}
    orders: list[dict[str, Any]] = [
        turning({}, stop_loss=0.03, take_profit=0.03, trailing_stop={"fraction": 0.04}),
        turning({"stop_loss": {"price": "close + 3"}}, stop_loss={"price": "close - 3"}),
        turning(sold, **rests, take_profit=0.02),
        turning({"entry_order": {"stop": "close - 1"}}, stop_loss=0.01, **several),
        turning(sold | {"entry_conditions": ["close != 97"]}, **rests, **several),
        turning({"exit_conditions": ["bars_held >= 1"], **sold}, **rests),
    ]
    found += [
        case(change | mode, bars=wicked(), capital=9_000.0) for change in orders for mode in modes
    ]
    return [Prepared(made) for made in found]


def wicked(size: int = 60, *, unit: float = 1.0) -> pd.DataFrame:
    """Return daily bars in whole ticks, with gaps, wicks of either side and many ties."""
    rng = np.random.default_rng(11)
    gaps = rng.choice([-3, -1, 0, 0, 0, 1, 3], size)
    bodies = rng.choice([-4, -2, -1, 0, 1, 2, 4], size)
    above, below = rng.choice([0, 0, 1, 2, 5], (2, size))
    rows, price = [], 100
    for gap, body, up, down in zip(gaps, bodies, above, below, strict=True):
        opened = price + gap + (2 if price < 90 else -2 if price > 110 else 0)
        price = opened + body
        high, low = max(opened, price) + up, min(opened, price) - down
        rows.append([unit * float(tick) for tick in (opened, high, low, price)])
    bars = pd.DataFrame(
        rows,
        columns=["open", "high", "low", "close"],
        index=pd.bdate_range("2018-01-02", periods=size),
    )
    missing = [math.nan if at % 7 == 3 else 100.0 for at in range(size)]
    return bars.assign(volume=1000.0, iv_rank=missing)


def bracket(side: str) -> dict[str, Any]:
    """Return a stop and a target, three ticks away."""
    losing, winning = ("-", "+") if side == "long" else ("+", "-")
    return {
        "direction": side,
        "stop_loss": {"price": f"close {losing} 3"},
        "take_profit": {"price": f"close {winning} 3"},
    }


@cache
def order_cases() -> list[Prepared]:
    """Return the cases of orders inside the bar."""
    bars, found = wicked(), []
    for side in ("long", "short"):
        losing, winning = ("-", "+") if side == "long" else ("+", "-")
        limit = {"entry_order": {"limit": f"close {losing} 1"}}
        stop = {"entry_order": {"stop": f"close {winning} 1"}}
        resting = {"entry_order": {"limit": f"close {losing} 2", "valid_bars": 3}}
        several = {"max_concurrent_positions": 3, "position_sizing_formula": "capital / close / 2"}
        levels = bracket(side)
        trailing = {"direction": side, "trailing_stop": {"fraction": 0.04}}
        # every mode, a touch or not, what was held, entered at the open and inside
        found += [
            case(levels | entry | {"intrabar": mode, "limit_touch": touch}, bars=bars)
            for mode in ("pessimistic", "optimistic", "path")
            for touch in (False, True)
            for entry in ({}, limit, stop)
        ]
        changes: list[dict[str, Any]] = [
            # fractions of the fill; trailing ones, on a tie with the stop, and alone
            {"direction": side, "stop_loss": 0.03, "take_profit": 0.03},
            trailing | {"stop_loss": 0.04},
            trailing | {"max_holding_bars": 9},
            trailing | {"max_holding_bars": 9, "take_profit": 0.06},
            {"direction": side, "trailing_stop": {"fraction": 0.03, "after": 0.02}},
            {"direction": side, "trailing_stop": {"atr": 0.75, "after": 0.0}},
            {"direction": side, "trailing_stop": {"atr": 1.0}, "max_holding_bars": 9},
            trailing | stop | {"max_holding_bars": 9},
            trailing | limit | {"max_holding_bars": 9},
            # orders that rest, several at once, that expire, and compete for the cash
            levels | resting,
            levels | resting | several,
            levels | stop | several | {"allow_fractional": True},
            levels | resting | {"exit_conditions": ["close > open"]} | several,
            # prices that are missing, raise, have no end or are none
            levels | {"stop_loss": {"price": "iv_rank * 0.9"}},
            levels | {"take_profit": {"price": "close + 3 if close > open else 1 / (close - 97)"}},
            levels | {"entry_order": {"limit": "close - 1 if close > 97 else 97 - close"}},
            levels | {"stop_loss": {"price": "close * 1e308 * 10"}},
            # crossed at the entry
            levels | {"stop_loss": {"price": f"close {winning} 1"}},
            levels | stop | {"take_profit": {"price": f"close {losing} 1"}},
            levels | limit | {"stop_loss": {"price": f"close {winning} 1"}},
            {"direction": side, "trailing_stop": {"fraction": 0.005}},
            # levels stand whatever filters say, and what was decided comes first
            levels | {"filter_conditions": ["close > 98"], "filter_scope": "all"},
            levels | several | {"exit_conditions": ["close < open"]},
            # what the prices are told of the position
            levels | several | {"take_profit": {"price": "close * 2 if in_position else open"}},
        ]
        # a gain that is reached exactly: highs at the fill
        at_once = {"direction": side, "trailing_stop": {"fraction": 0.03, "after": 0.0}}
        found.append(case(at_once, bars=bars, slippage=0.0))
        for fill in ("next_open", "close"):
            found += [case(change | {"fill": fill}, bars=bars) for change in changes]
            found += [
                case(change | {"fill": fill}, bars=bars, capital=900.0, slippage=0.0)
                for change in changes[9:13]
            ]
    return [Prepared(made) for made in found + _quiet_orders()]


def _quiet_orders() -> list[Case]:
    """Return cases in which dozens of bars reach no level, and trailing stops follow meanwhile."""
    found, calm = [], wicked(150)
    for side, entry in (("long", "close < 92"), ("short", "close > 108")):
        base = {"direction": side, "entry_conditions": [entry], "max_holding_bars": 60}
        for change in (
            {"stop_loss": 0.08, "take_profit": 0.14},
            {"trailing_stop": {"fraction": 0.1}},
            {"trailing_stop": {"fraction": 0.07, "after": 0.05}, "stop_loss": 0.2},
            {"trailing_stop": {"atr": 2.0, "after": 0.1}, "take_profit": 0.3},
            {"stop_loss": 0.5, "take_profit": 0.5, "exit_conditions": ["close == 100"]},
            {"stop_loss": 0.5, "take_profit": 0.5, "stop_conditions": ["close == 100"]},
        ):
            for places in (1, 2):
                spec = base | change | {"max_concurrent_positions": places}
                found += [
                    case(spec | {"fill": fill}, bars=calm, capital=2_500.0)
                    for fill in ("next_open", "close")
                ]
    # ruin of a short before its level is reached
    crash = frame((10, 10, 11, 14, 19, 23, 22, 21), (10, 10, 12, 15, 22, 22, 21, 20))
    lost = {"direction": "short", "max_holding_bars": 20, "take_profit": 0.9}
    return [*found, case(lost | {"max_concurrent_positions": 2}, bars=crash, capital=150.0)]


SPREADS: dict[str, Any] = {
    "name": "battery",
    "spread_type": "short_put_spread",
    "entry_conditions": ["close > 0"],
    "max_concurrent_positions": 2,
    "max_holding_bars": 30,
    "per_trade_risk_pct": 0.02,
}


def underlying() -> pd.DataFrame:
    """Return 120 daily bars with three large gaps, an implied volatility and a VIX."""
    rng = np.random.default_rng(5)
    gaps, bodies = rng.normal(0.0, 0.008, (2, 120))
    gaps[[30, 61, 90]] = 0.09, -0.11, 0.07
    closes = 1000.0 * np.cumprod((1 + gaps) * (1 + bodies))
    opens = closes / (1 + bodies)
    return pd.DataFrame(
        {
            "open": opens,
            "high": np.maximum(opens, closes),
            "low": np.minimum(opens, closes),
            "close": closes,
            "volume": 1000.0,
            "current_iv": 0.2 * np.exp(np.cumsum(rng.normal(0.0, 0.06, 120))),
            "vix": rng.uniform(12.0, 30.0, 120),
        },
        index=pd.bdate_range("2018-01-02", periods=120),
    )


@cache
def spread_cases() -> list[Prepared]:
    """Return the cases of spreads."""
    changes = [
        {},
        {"spread_type": "iron_condor", "skew": 0.1, "filter_conditions": ["close > open"]},
        {"spread_type": "short_call_spread", "dividend_yield": 0.03, "strike_step": 5.0},
        {
            "stop_conditions": ["short_leg_delta > 0.35"],
            "exit_conditions": ["pnl_pct_of_max_credit > 0.1 or position_pnl_pct < -0.1"],
            "filter_conditions": ["close > open"],
            "filter_scope": "all",
        },
        {"fill": "close", "max_holding_bars": 4, "profit_target_pct": 1.0},
        {"entry_conditions": ["not in_position"], "target_dte": 5, "stop_loss_pct": 90.0},
        {"entry_conditions": ["not in_position and capital > 995000"]},
        {"stop_conditions": ["bars_held >= 2"], "profit_target_pct": 0.1},
        {"iv_source": "vix", "iv_scale": 0.85, "skew": 0.1},
        {"expiry": "monthly", "target_dte": 30, "stop_loss_pct": 90.0, "max_holding_bars": 60},
        {"expiry": "weekly", "spread_type": "iron_condor", "parameters": {}, "target_dte": 9},
    ]
    # What conditions are told: the oldest spread, what is missing, what raises; lists and filters.
    several = {"max_concurrent_positions": 3, "stop_loss_pct": 90.0}
    changes += [
        several | {"entry_conditions": ["bars_held < 2"]},
        {"entry_conditions": ["iv_rank is None", "close > open", "close > prev_close"]},
        {"entry_conditions": ["iv_rank > 30"]},
        several | {"filter_conditions": ["close > open"], "exit_conditions": ["bars_held >= 2"]},
        several | {"fill": "close", "max_concurrent_positions": 200, "per_trade_risk_pct": 0.001},
    ]
    # The delta of the short leg, flat and of a condor; puts with a wider wing than the calls; a
    # skew under which what is bought comes to be worth more than what is sold.
    condor = {"spread_type": "iron_condor"}
    held = {"stop_loss_pct": 90.0, "profit_target_pct": 1.0, "max_holding_bars": 90}
    changes += [
        {"entry_conditions": ["short_leg_delta == 0.3 or bars_held > 1"], "short_delta": 0.3},
        condor | {"stop_conditions": ["short_leg_delta > 0.25"], "stop_loss_pct": 90.0},
        condor | {"strike_step": 15.0},
        held | {"skew": -0.3, "short_delta": 0.9, "long_delta": 0.6, "target_dte": 60},
    ]
    # What is not sold, and why.
    changes += [
        {"short_delta": 0.95, "long_delta": 0.9, "dividend_yield": 0.9, "target_dte": 60},
        {"strike_step": 300.0},
        {"spread_type": "iron_condor", "short_delta": 0.6, "long_delta": 0.3},
        {"target_dte": 1, "max_concurrent_positions": 1},
        {"per_trade_risk_pct": 0.0001},
        {"skew": -2.0},
    ]
    # What is not reserved earns, and no more.
    changes.append({"cash_rate": 0.05})
    # What is remembered of trades and of the account.
    changes += [
        several | change | {"fill": fill, "target_dte": 9}
        for change in _ACCOUNT
        for fill in ("next_open", "close")
    ]
    changes.append({"entry_conditions": ["equity > 999000"], "exit_conditions": ["equity < 1e6"]})
    cases = [spread_case(change) for change in changes]
    cases.append(spread_case({"short_delta": 0.5, "long_delta": 0.45}, slippage=0.5))
    # The reserve, not the risk, decides the size.
    cases.append(spread_case({"short_delta": 0.999, "long_delta": 0.99}, slippage=0.0))
    # Far in the money under a negative rate, where the model leaves what a spread can be worth.
    crash = underlying()
    crash.loc[crash.index[60] :, ["open", "high", "low", "close"]] *= 0.4
    beyond = {"risk_free_rate": -0.4, "target_dte": 200, "stop_loss_pct": 900.0}
    cases.append(spread_case(beyond, bars=crash))
    # Deep in the money it would even bring more than its wing.
    deep = {"short_delta": 0.95, "long_delta": 0.9}
    cases.append(spread_case(beyond | deep, slippage=0.0))
    # Bars within sessions: what expires does so at the last one.
    hours = underlying().iloc[:100]
    days = pd.bdate_range("2018-01-02", periods=20).tz_localize("UTC")
    hours.index = pd.DatetimeIndex(
        [day + pd.Timedelta(hours=n) for day in days for n in range(15, 20)]
    )
    soon = {"target_dte": 3, "stop_loss_pct": 90.0, "profit_target_pct": 1.0}
    cases.append(spread_case(soon, bars=hours))
    # Nothing known for a while: no entries, and what is held keeps the last volatility.
    unknown = underlying()
    unknown.loc[unknown.index[10:14], "current_iv"] = math.nan
    many = {"max_concurrent_positions": 9, "stop_loss_pct": 90.0, "profit_target_pct": 1.0}
    cases.append(spread_case(many, bars=unknown))
    # Slippage on legs far in the money is no part of the max loss: it can take everything.
    closes = np.array([1000.0] * 63 + [1e6, 1e6, 1e6])
    opens = np.array([1000.0] * 64 + [1e6, 1e6])
    ruin = underlying().iloc[:66].assign(open=opens, close=closes, current_iv=0.2)
    ruin = ruin.assign(high=ruin[["open", "close"]].max(axis=1))
    ruin = ruin.assign(low=ruin[["open", "close"]].min(axis=1))
    lost = {
        "spread_type": "short_call_spread",
        "entry_conditions": ["close < 2000"],
        "max_concurrent_positions": 60,
        "target_dte": 200,
        "max_holding_bars": 500,
        "short_delta": 0.5,
        "long_delta": 0.4,
    }
    older = lost | {"exit_conditions": ["bars_held >= 30"], "stop_loss_pct": 900.0}
    cases += [
        spread_case(spec | {"fill": fill}, bars=ruin, commission=0.0, slippage=0.001)
        for spec in (lost, older)
        for fill in ("next_open", "close")
    ]
    return [Prepared(made) for made in cases]


def spread_case(
    change: dict[str, Any],
    *,
    bars: pd.DataFrame | None = None,
    capital: float = 1e6,
    commission: float = 1.3,
    slippage: float = 0.01,
) -> Case:
    """Return a case of spreads that differs from the plainest one only in what is named."""
    return Case(
        SPREADS | change,
        underlying() if bars is None else bars,
        capital,
        commission,
        slippage,
        start_index=3,
    )
