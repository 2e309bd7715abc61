"""What a session has been: pivots of the one before, and range, mean price and opening of this."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.indicators.arrays import Array
from btkit.indicators.base import Columns, Definition, Indicator
from btkit.indicators.clock import nothing, places_of
from btkit.indicators.entries import family, single
from btkit.markets.session_times import MINUTE

GROUP = "session"


@dataclass(frozen=True, eq=False)
class _Bars:
    """The bars of sessions whose opening was loaded, in their order.

    `rows` are their places among all bars, `session` the number of each one's session.
    """

    rows: npt.NDArray[np.int64]
    session: npt.NDArray[np.int64]

    def spread(self, values: pd.Series[float], count: int) -> Array:
        column = np.full(count, np.nan)
        column[self.rows] = values.to_numpy()
        return column


def _bars(columns: Columns) -> _Bars:
    def compute() -> _Bars:
        places = places_of(columns)
        # What traded before the first bar of all, nobody knows.
        first = places.begins[0] if len(places.begins) else 0
        rows = np.flatnonzero(places.inside & (places.opened >= first))
        return _Bars(rows, places.place[rows])

    return columns.shared("session_bars", compute)


def _so_far(columns: Columns, values: Array, how: str) -> Array:
    bars = _bars(columns)
    groups = pd.Series(values[bars.rows]).groupby(bars.session)
    return bars.spread(getattr(groups, how)(), len(values))


def _session_high(high: Array, columns: Columns) -> Array:
    return _so_far(columns, high, "cummax") if columns.interval.is_intraday else nothing(columns)


def _session_low(low: Array, columns: Columns) -> Array:
    return _so_far(columns, low, "cummin") if columns.interval.is_intraday else nothing(columns)


def _vwap(high: Array, low: Array, close: Array, volume: Array, columns: Columns) -> Array:
    mean = nothing(columns)
    if columns.interval.is_intraday:
        money = _so_far(columns, (high + low + close) / 3.0 * volume, "cumsum")
        traded = _so_far(columns, volume, "cumsum")
        np.divide(money, traded, out=mean, where=traded > 0.0)
    return mean


def _opening_range(columns: Columns, values: Array, minutes: int, how: str) -> Array:
    if not columns.interval.is_intraday:
        return nothing(columns)
    places, bars = places_of(columns), _bars(columns)
    over = places.opened[bars.rows] + minutes * MINUTE
    begins, ends = places.begins[bars.rows], places.ends[bars.rows]
    early = pd.Series(values[bars.rows]).where(begins < over).groupby(bars.session)
    found = getattr(early, how)().groupby(bars.session).ffill()
    # Of a bar that goes on after those minutes nobody knows what it did within them.
    torn = pd.Series((begins < over) & (ends > over)).groupby(bars.session).cummax().to_numpy()
    return bars.spread(found.where((ends >= over) & ~torn), len(values))


def _opening_range_high(high: Array, columns: Columns, n: int) -> Array:
    return _opening_range(columns, high, n, "cummax")


def _opening_range_low(low: Array, columns: Columns, n: int) -> Array:
    return _opening_range(columns, low, n, "cummin")


def _before(columns: Columns) -> tuple[Array, Array, Array]:
    """Return high, low and close of the session before each bar's, of the bar before if longer."""
    names = ("high", "low", "close")
    if not columns.interval.is_intraday:
        high, low, close = (columns.column(f"prev_{name}") for name in names)
        return high, low, close

    def compute() -> tuple[Array, Array, Array]:
        places, bars = places_of(columns), _bars(columns)
        table = pd.DataFrame({name: columns.column(name)[bars.rows] for name in names})
        whole = table.groupby(bars.session).agg({"high": "max", "low": "min", "close": "last"})
        high, low, close = whole.reindex(places.before).to_numpy(np.float64).T
        return high, low, close

    return columns.shared("session_before", compute)


def _pivot(columns: Columns) -> Array:
    high, low, close = _before(columns)
    return (high + low + close) / 3.0


def _pivot_r1(columns: Columns) -> Array:
    return 2.0 * _pivot(columns) - _before(columns)[1]


def _pivot_s1(columns: Columns) -> Array:
    return 2.0 * _pivot(columns) - _before(columns)[0]


def _gap(columns: Columns) -> Array:
    return columns.column("open") / columns.column("prev_close") - 1.0


def _level(
    name: str, compute: Callable[[Columns], Array], meaning: str, formula: str
) -> Definition:
    needs = ("high", "low", "close")
    return Definition(
        Indicator(
            name, GROUP, "float", 1,
            f"{meaning} of the session before by the exchange's calendar, in the instrument's "
            "currency; of daily and longer bars, of the bar before. Missing where no bar of that "
            "session is there, or its opening was not loaded.",
            formula, "floor traders' pivots", needs=needs,
        ),
        compute,
    )  # fmt: skip


_INTRADAY = "intraday bars alone have it, within a session whose opening was loaded"
_UNIT = "in the instrument's currency"

ENTRIES = (
    _level(
        "pivot", _pivot, "Pivot: the typical price",
        "p = (h + l + c) / 3; h, l, c: high, low and close of the session before",
    ),
    _level("pivot_r1", _pivot_r1, "First resistance above the pivot", "2 * p - l"),
    _level("pivot_s1", _pivot_s1, "First support below the pivot", "2 * p - h"),
    Definition(
        Indicator(
            "gap_pct", GROUP, "float", 1,
            "Opening gap: the bar's open against the close of the bar before, a fraction (0.01 is "
            "1 %).",
            "open[i] / close[i-1] - 1", "bars", needs=("open", "prev_close"),
        ),
        _gap,
    ),
    single(
        "vwap",
        _vwap,
        group=GROUP,
        lookback=0,
        meaning="Mean typical price since the session's open, weighted by volume, in the "
        f"instrument's currency; missing until something is traded; {_INTRADAY}.",
        formula="sum(t * volume) / sum(volume) from the session's first bar to this one; "
        "t = (high + low + close) / 3",
        source="bars",
        intraday=True,
    ),
    single(
        "session_high",
        _session_high,
        group=GROUP,
        lookback=0,
        meaning=f"Highest high of the session so far, {_UNIT}; {_INTRADAY}.",
        formula="max(high) from the session's first bar to this one",
        source="bars",
        intraday=True,
    ),
    single(
        "session_low",
        _session_low,
        group=GROUP,
        lookback=0,
        meaning=f"Lowest low of the session so far, {_UNIT}; {_INTRADAY}.",
        formula="min(low) from the session's first bar to this one",
        source="bars",
        intraday=True,
    ),
    family(
        "opening_range_high_<n>",
        _opening_range_high,
        group=GROUP,
        lookback=0,
        meaning="Highest high of the session's first <n> minutes, known once they are over, "
        f"{_UNIT}; missing where a bar reaches beyond them, or none is there; {_INTRADAY}.",
        formula="max(high) of the bars that end within <n> minutes of the session's open",
        source="bars",
        varies="n is minutes, not bars",
        usual=30,
        intraday=True,
    ),
    family(
        "opening_range_low_<n>",
        _opening_range_low,
        group=GROUP,
        lookback=0,
        meaning="Lowest low of the session's first <n> minutes, known once they are over, "
        f"{_UNIT}; missing where a bar reaches beyond them, or none is there; {_INTRADAY}.",
        formula="min(low) of the bars that end within <n> minutes of the session's open",
        source="bars",
        varies="n is minutes, not bars",
        usual=30,
        intraday=True,
    ),
)  # fmt: skip
