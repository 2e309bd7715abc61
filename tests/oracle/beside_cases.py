"""Cases of `of`: other calendars, holidays, stale bars, sessions, markets that never close.

Apart from the battery, whose cases have one instrument each.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from oracle.battery import case, half_hours
from oracle.harness import Prepared


def path(index: pd.DatetimeIndex, seed: int) -> pd.DataFrame:
    """Return bars at some times that wander about 100."""
    rng = np.random.default_rng(seed)
    closes = np.round(100.0 * np.cumprod(1 + rng.normal(0.0, 0.01, len(index))), 2)
    opens = np.round(closes * (1 + rng.normal(0.0, 0.004, len(index))), 2)
    return pd.DataFrame(
        {
            "open": opens,
            "high": np.maximum(opens, closes),
            "low": np.minimum(opens, closes),
            "close": closes,
            "volume": rng.uniform(1.0, 9.0, len(index)).round(2),
        },
        index=index,
    )


TEXTS = (
    "close > of('QQQ', close)",
    "of('QQQ', close > open)",
    "of('QQQ', close) is None",
    "change(close / of('QQQ', close), 2) > 0",
    "mean(of('QQQ', close), 3) < of('QQQ', mean(close, 3))",
    "of('QQQ', weekday) == 4 or of('QQQ', sma_3) < close",
    "of('QQQ', 1 / (close - prev_close)) > 0",
    "count(of('QQQ', crossed_above(close, open)), 5) >= 1",
)
_QUICK = {"exit_conditions": ["bars_held >= 1 and close > open"], "max_holding_bars": 2}


def _each(
    bars: pd.DataFrame, other: pd.DataFrame, own: str, its: str | None, *, start: int = 3
) -> list[dict[str, Any]]:
    calendars = {} if its is None else {"QQQ": its}
    fields = _QUICK | {"calendar": own, "calendars": calendars}
    return [
        {"spec": {"entry_conditions": [text]} | fields, "bars": bars, "start_index": start,
         "others": {"QQQ": other}}
        for text in TEXTS
    ]  # fmt: skip


@cache
def beside_cases() -> list[Prepared]:
    """Return the cases; each comment says what one is there for."""
    days = pd.bdate_range("2018-03-12", "2018-06-08")  # Easter, May Day, Memorial Day
    sessions = {
        "XNYS": days.drop([pd.Timestamp("2018-03-30"), pd.Timestamp("2018-05-28")]),
        "XLON": days.drop(pd.to_datetime(["2018-03-30", "2018-04-02", "2018-05-07", "2018-05-28"])),
    }
    new_york, london = path(sessions["XNYS"], 1), path(sessions["XLON"], 2)
    every_day = path(pd.date_range("2018-03-01", "2018-06-08"), 3)
    # bars are missing for five sessions, and for eight
    holed = new_york.drop(new_york.index[[*range(10, 15), *range(25, 33)]])
    found = [
        *_each(new_york, london, "XNYS", "XLON"),
        *_each(london, new_york, "XLON", "XNYS"),
        *_each(new_york, holed, "XNYS", None),
        *_each(london, holed, "XLON", "XNYS"),
        *_each(new_york, every_day, "XNYS", "24/7"),
        *_each(every_day, new_york, "24/7", "XNYS"),
        # it begins later, and ends sooner
        *_each(new_york, london.iloc[9:30], "XNYS", "XLON"),
    ]
    weeks = path(pd.date_range("2018-01-01", "2018-12-24", freq="W-MON"), 4)
    found += _each(weeks, path(weeks.index, 5), "XLON", "XNYS")
    half, thin = (half_hours("2018-11-14", "2018-12-06", kept=kept) for kept in (1.0, 0.6))
    around = path(pd.date_range("2018-11-12", "2018-12-06", freq="30min", tz="UTC"), 6)
    found += [
        *_each(half, thin, "XNYS", None),
        *_each(half, around, "XNYS", "24/7"),
        *_each(around, thin, "24/7", "XNYS"),
    ]
    # a market whose bars are cut by the clock, the first one at the opening
    cut = path(
        pd.DatetimeIndex(
            [
                f"2018-06-{day:02d} {hour}"
                for day in (4, 5, 6, 7)
                for hour in ("13:30", "14:00", "15:00", "16:00", "17:00", "18:00", "19:00")
            ],
            tz="UTC",
        ),
        7,
    )
    hours = path(pd.date_range("2018-06-03 23:30", "2018-06-08", freq="h", tz="UTC"), 8)
    found += [*_each(cut, hours, "XNYS", "24/7"), *_each(hours, cut, "24/7", "XNYS")]
    # of more than 600 earlier bars the last 600 are there
    long = path(pd.bdate_range("2015-01-05", periods=700), 9)
    spec = {"entry_conditions": ["lag(lag(of('QQQ', close), 500), 120) is None"]} | _QUICK
    early = path(pd.bdate_range("2014-01-06", periods=960), 10)
    found += [
        {"spec": spec | {"calendar": own, "calendars": {"QQQ": its}}, "bars": long,
         "start_index": 650, "others": {"QQQ": early}}
        for own, its in (("24/5", "24/5"), ("24/5", "24/7"), ("24/7", "24/5"))
    ]  # fmt: skip
    return [Prepared(case(**each)) for each in found]
