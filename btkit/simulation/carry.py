"""What holding brings and costs in a run: rates and dividends, put beside its bars (3.14)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.data import paid_dividends, shown_splits
from btkit.data.info import format_times
from btkit.engine.carry import NO_CARRY, Carry
from btkit.engine.inputs import Floats
from btkit.errors import DataError
from btkit.markets import Annualisation, bar_dates
from btkit.spec import BaseSpec


def carry_of(
    spec: BaseSpec, bars: pd.DataFrame, first: int, *, measured: Annualisation
) -> Carry | None:
    """Return what is paid at each bar before its fills; None where nothing ever is.

    Parameters
    ----------
    spec
        Rates and dividends.
    bars
        Checked and adjusted, warm-up included.
    first
        The first deciding bar.
    measured
        Interval and calendar of the bars.

    Raises
    ------
    DataError
        If a column lacks what it is to say, if prices jump by a split, or if dividends stand
        within a session.
    """
    cash, borrow = (known_rate(spec, field, bars, first) for field in ("cash_rate", "borrow_rate"))
    paid = paid_dividends(bars) if spec.pays_dividends else None
    if cash is None and borrow is None and paid is None:
        return None
    index = pd.DatetimeIndex(bars.index)
    dates = bar_dates(index, measured.interval, calendar=measured.calendar)
    days = np.diff(dates, prepend=dates[:1]).astype(np.float64)
    if paid is not None:
        _check_splits(spec, bars, first)
        _check_sessions(index, days, paid, first)
    nothing = np.zeros(len(bars))
    return Carry(
        NO_CARRY.due,
        days,
        nothing if cash is None else cash,
        nothing if borrow is None else borrow,
        nothing if paid is None else paid,
    )


def known_rate(spec: BaseSpec, field: str, bars: pd.DataFrame, first: int) -> Floats | None:
    """Return the rate a year that was known before each bar; None for 0.

    Parameters
    ----------
    spec
        States it.
    field
        Under which name.
    bars
        With the column that it may name.
    first
        The first bar at which it is asked for.

    Raises
    ------
    DataError
        If that column holds no numbers, or lacks some.
    """
    rate = spec.rates.get(field)
    if rate is None or rate == 0.0:
        return None
    if not isinstance(rate, str):
        return np.full(len(bars), rate)
    if bars[rate].dtype != np.float64:
        raise DataError(
            f"the column {rate}, which {field} names, does not hold numbers",
            hint="a rate is a fraction a year: 0.03 is 3 %",
            details={"column": rate},
        )
    known = bars[rate].to_numpy(dtype=np.float64)
    # No bar stands before the first: its own rate stands in.
    before = np.append(known[:1], known[:-1])
    missing = first + np.flatnonzero(~np.isfinite(before[first:]))
    if missing.size:
        dates = format_times(pd.DatetimeIndex(bars.index[np.maximum(missing - 1, 0)]))
        raise DataError(
            f"the column {rate}, which {field} names, has no number on "
            f"{missing.size:,} bars, first on {dates[0]}",
            hint=f'a rate holds until the next is known: bars["{rate}"] = bars["{rate}"].ffill()',
            details={"column": rate, "dates": dates},
        )
    return before


def _check_splits(spec: BaseSpec, bars: pd.DataFrame, first: int) -> None:
    """Refuse prices that jump by a split while shares may be held: as many shares are not kept."""
    shown = shown_splits(bars)
    shown = shown[shown > first]
    if not shown.size:
        return
    dates = format_times(pd.DatetimeIndex(bars.index[shown]))
    remedy = (
        "write price_adjustment: splits"
        if "splits" in bars and spec.price_adjustment == "none"
        else "use bars that are adjusted for splits, or have a column splits and "
        "price_adjustment: splits"
    )
    raise DataError(
        f"dividends are paid in cash on shares whose prices jump by a split on {dates[0]}"
        + (f" and {shown.size - 1} more bars" if shown.size > 1 else ""),
        hint=f"{remedy}; or leave dividends out, with price_adjustment: splits_dividends",
        details={"dates": dates, "count": int(shown.size)},
    )


def _check_sessions(index: pd.DatetimeIndex, days: Floats, paid: Floats, first: int) -> None:
    """Refuse dividends within a session: they are paid before its first fill."""
    late: NDArray[np.int64] = np.flatnonzero((paid != 0.0) & (days == 0.0))
    late = late[late > first]
    if not late.size:
        return
    times = format_times(index[late])
    raise DataError(
        f"dividends are paid before the first fill of a session, and {late.size} bars within one "
        f"have a dividend, the first {times[0]}",
        hint="keep a session's dividend on its first bar alone",
        details={"dates": times, "count": int(late.size)},
    )
