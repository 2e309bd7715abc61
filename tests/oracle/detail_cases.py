"""Cases of finer bars inside of each bar (SEMANTICS 9.8)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from oracle.battery import bracket, case, wicked
from oracle.harness import Prepared
from oracle.strategies import Case

from btkit.markets import schedule

_PRICES = ["open", "high", "low", "close"]
_PARTS = 3


def days(
    *, opens: str = "1d", size: int = 48, hours: float = 14.5
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return bars, each made up of three half hours but for some, and those half hours.

    Parameters
    ----------
    opens
        How far apart bars open: a day, or hours.
    size
        How many there are.
    hours
        When the first opens, UTC.
    """
    finer = wicked(size * _PARTS)[_PRICES]
    daily = opens == "1d"
    start = pd.Timestamp("2018-01-02")
    index = (
        pd.bdate_range(start, periods=size)
        if daily
        else pd.date_range(start + pd.Timedelta(hours=hours), periods=size, freq=opens, tz="UTC")
    )
    first = index + pd.Timedelta(hours=hours) if daily else index
    half = pd.Timedelta(minutes=30)
    times = [opened + k * half for opened in first for k in range(_PARTS)]
    finer = finer.set_axis(pd.DatetimeIndex(times), axis=0)
    grouped = finer.groupby(np.arange(len(finer)) // _PARTS)
    bars = pd.DataFrame(
        {
            "open": grouped["open"].first(),
            "high": grouped["high"].max(),
            "low": grouped["low"].min(),
            "close": grouped["close"].last(),
        }
    ).set_axis(index, axis=0)
    # Every fourth is off: in each price by itself, by little, or by less than is a difference.
    bars.iloc[3::16, 1] += 1.0
    bars.iloc[7::16, 2] -= 1.0
    bars.iloc[11::16, 1] *= 1 + 2e-6
    bars.iloc[15::16, 1] *= 1 + 5e-7
    for place, name in ((5, "open"), (9, "close"), (21, "open"), (25, "close")):
        bar = bars.iloc[place]
        bars.iloc[place, bars.columns.get_loc(name)] = (
            bar["low"] if bar[name] > bar["low"] else bar["high"]
        )
    kept = [place // _PARTS % 16 not in {1, 13} for place in range(len(finer))]
    return bars.assign(volume=1000.0), finer[kept].assign(volume=500.0)


def months_and_weeks(unit: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return weekly or monthly bars, one of them missing, and the days that make them up."""
    sessions = schedule("XNYS", pd.Timestamp("2018-01-02"), pd.Timestamp("2019-03-29")).index
    finer = wicked(len(sessions))[_PRICES].set_axis(pd.DatetimeIndex(sessions), axis=0)
    made = finer.groupby(finer.index.to_period(unit)).agg(
        {"open": "first", "high": "max", "low": "min", "close": "last"}
    )
    bars = made.set_axis(made.index.start_time, axis=0).drop(index=made.index[7].start_time)
    return bars.assign(volume=1000.0), finer.assign(volume=500.0)


def outside(finer: pd.DataFrame) -> pd.DataFrame:
    """Return finer bars with some before the session and some after it, which nobody may judge."""
    dates = pd.DatetimeIndex(finer.index).normalize().unique()
    lower = finer.iloc[: len(dates)].mul(0.9)
    found = [
        lower.set_axis(dates + pd.Timedelta(hours=hour), axis=0) for hour in (13.5, 21.0, 23.5)
    ]
    return pd.concat([finer, *found]).sort_index()


def _of(spec: dict[str, Any], bars: pd.DataFrame, finer: pd.DataFrame, **account: Any) -> Case:
    made = case(spec | {"detail": "30m"}, bars=bars, **account)
    return Case(**{**vars(made), "detail": finer})


def _cases() -> Iterator[Case]:
    bars, finer = days()
    for side in ("long", "short"):
        losing, winning = ("-", "+") if side == "long" else ("+", "-")
        limit = {"entry_order": {"limit": f"close {losing} 2", "valid_bars": 2}}
        stop = {"entry_order": {"stop": f"close {winning} 2"}}
        levels = bracket(side)
        # of most days one level is in reach, or both
        wide = {"direction": side, "stop_loss": 0.08, "take_profit": 0.08, "max_holding_bars": 9}
        for mode in ("pessimistic", "optimistic", "path"):
            for entry in ({}, limit, stop):
                yield _of(levels | entry | {"intrabar": mode}, bars, finer)
                yield _of(wide | entry | {"intrabar": mode}, bars, finer)
        trailing = {"direction": side, "trailing_stop": {"fraction": 0.04}}
        several = {"max_concurrent_positions": 3, "position_sizing_formula": "capital / close / 2"}
        changes: list[dict[str, Any]] = [
            trailing | stop | {"max_holding_bars": 9},
            trailing | limit | {"take_profit": 0.03, "max_holding_bars": 9},
            trailing | {"max_holding_bars": 9, "fill": "close"},
            levels | limit | several,
            levels | stop | several | {"limit_touch": True},
            # crossed at the entry, at the open of a finer bar, too
            levels | limit | {"stop_loss": {"price": f"close {losing} 3"}},
            levels | stop | {"take_profit": {"price": f"close {winning} 3"}},
            # what is remembered of a lot that was entered inside
            wide | limit | {"exit_conditions": ["close < highest_since_entry - 6"]},
            wide | stop | {"exit_conditions": ["close > lowest_since_entry + 6"]},
        ]
        for change in changes:
            yield _of(change, bars, finer, capital=2_500.0, start_index=4)
        yield _of(levels | stop, bars, outside(finer))
        # the factor of each bar
        factors = np.linspace(0.4, 1.0, len(bars))
        adjusted = bars.assign(adj_close=bars["close"] * factors)
        yield _of(levels | limit | {"price_adjustment": "splits_dividends"}, adjusted, finer)
        for unit in ("W", "M"):
            longer, sessions = months_and_weeks(unit)
            made = case(levels | limit | {"detail": "1d"}, bars=longer)
            yield Case(**{**vars(made), "detail": sessions})
        # bars of an hour and a half within sessions, the last of each cut short, and beyond
        hours, halves = days(opens="90min")
        yield _of(levels | limit, hours, halves)


@cache
def detail_cases() -> list[Prepared]:
    """Return the cases of finer bars."""
    return [Prepared(made) for made in _cases()]
