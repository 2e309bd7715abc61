"""Every indicator over bars that somebody hands over, as one table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from btkit.arguments import check_number, check_text
from btkit.data.given import take_bars
from btkit.indicators import FeatureSet, catalogue
from btkit.markets import infer_interval


def compute_indicators(
    bars: pd.DataFrame, *, calendar: str = "XNYS", bars_per_year: float | None = None
) -> pd.DataFrame:
    """Compute every documented and every registered per-bar name.

    What a condition asks of earlier bars with a call, such as ``mean(volume, 20)``, is no name: a
    run's `Result.features` has a column for each call that it makes.

    Parameters
    ----------
    bars
        As `simulate` takes them.
    calendar
        A name of `exchange_calendars`.
    bars_per_year
        Bars in a year, for annualised volatility; None takes it from the bars' interval and
        the calendar.

    Returns
    -------
    pd.DataFrame
        By bar time, in order; one column a name, in the reference's order. Floats are NaN where
        they are missing, bool names are of pandas' nullable ``boolean``.

    Raises
    ------
    UsageError
        If the interval or the calendar is not known, or `bars_per_year` is no number above 0.
    DataError
        If the bars are broken beyond harmless repair.

    Examples
    --------
    >>> closes = [100.0, 101.0, 99.0]
    >>> bars = pd.DataFrame(
    ...     {"Open": closes, "High": closes, "Low": closes, "Close": closes},
    ...     index=pd.DatetimeIndex(["2024-01-04", "2024-01-05", "2024-01-08"]),
    ... )
    >>> compute_indicators(bars)["prev_close"].tolist()
    [nan, 100.0, 101.0]
    """
    calendar = check_text(calendar, "calendar", hint="XNYS is the New York Stock Exchange's.")
    given = take_bars(bars, calendar=calendar)
    index = pd.DatetimeIndex(given.bars.index)
    interval = infer_interval(index, stated=given.interval)
    if bars_per_year is None:
        bars_per_year = interval.bars_per_year(calendar)
    else:
        bars_per_year = check_number(
            bars_per_year,
            "bars_per_year",
            rule="above 0",
            good=lambda value: value > 0,
            hint="252 is the number of daily bars.",
        )
    features = FeatureSet(
        given.bars, bars_per_year=bars_per_year, calendar=calendar, interval=interval
    )
    columns: dict[str, pd.Series] = {}
    for entry in catalogue():
        if entry.per_bar and "<" not in entry.name:
            values = pd.Series(features.column(entry.name), index=index)
            values = values.where(np.isfinite(values))
            columns[entry.name] = values.astype("boolean") if entry.kind == "bool" else values
    return pd.DataFrame(columns, index=index)
