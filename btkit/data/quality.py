"""Checks of bars before anything is computed from them: SEMANTICS 1.2 and 1.4."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.data.declared import ready_column
from btkit.data.gaps import stretches
from btkit.data.info import Finding, finding, format_times
from btkit.data.splits import find_splits
from btkit.errors import DataError
from btkit.indicators import plain_values

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

PRICE_COLUMNS: Final = ("open", "high", "low", "close")
REQUIRED_COLUMNS: Final = (*PRICE_COLUMNS, "volume")
IV_COLUMNS: Final = ("iv_rank", "iv_percentile", "current_iv")
OPTIONAL_COLUMNS: Final = ("adj_close", "splits", "dividends", *IV_COLUMNS, "vix")

TOLERANCE: Final = 1e-6
FLAT_BARS_DAILY: Final = 5
FLAT_BARS_INTRADAY: Final = 60
# Thinly traded instruments have minutes without a trade; only many of them say something.
ZERO_VOLUME_SHARE_INTRADAY: Final = 0.25


def check_bars(
    bars: pd.DataFrame, *, columns: Sequence[str] = ()
) -> tuple[pd.DataFrame, list[Finding]]:
    """Check bars, repair what is harmless to repair, and say what was found.

    Repaired: order, exact duplicates, the columns' type, a time zone other than UTC, columns
    that mean nothing to btkit. Refused: all else that SEMANTICS 1.2 rules out, to 1e-6 relative.
    The bars given are never changed; bars that need no repair are returned as they are.

    Parameters
    ----------
    bars
        Shape (n_bars, n_columns): columns open, high, low, close, volume and any of adj_close,
        splits, dividends, iv_rank, iv_percentile, current_iv, vix (NaN = unknown) on a
        ``DatetimeIndex`` of naive dates or of time-zone aware bar-open times.
    columns
        Further columns that somebody wants: of numbers, truth values or texts.

    Returns
    -------
    tuple of DataFrame and list of Finding
        The bars, sorted and unique, all float64, but for further columns ``boolean`` of truth
        values and ``category`` of texts; and the findings: ``sorted``,
        ``duplicates_dropped``, ``split_like_jump``, ``identical_bars``, ``zero_volume``.

    Raises
    ------
    DataError
        Bars are broken beyond harmless repair; ``details["problems"]`` lists every check that
        failed with a count and the first 20 dates, ``details["dates"]`` those of the first.
    """
    ordered, findings = order_bars(bars, columns=columns)
    _check_values(ordered)
    findings += _suspicions(ordered)
    return ordered, findings


def order_bars(
    bars: pd.DataFrame, *, columns: Sequence[str] = ()
) -> tuple[pd.DataFrame, list[Finding]]:
    """Bring bars into btkit's form, their values unjudged: typed, on a sorted, unique index."""
    bars = _with_columns(bars, columns)
    index = _plain_index(bars.index)
    if index is not bars.index:
        bars = bars.set_axis(index, axis="index")
    findings: list[Finding] = []
    steps = np.diff(index.asi8)
    if not (steps > 0).all():
        if (steps < 0).any():
            findings.append(
                finding("sorted", "Rows were out of order and were sorted.", index[1:][steps < 0])
            )
            bars = bars.sort_index(kind="stable")
        bars, dropped = _without_duplicates(bars)
        findings += dropped
    return bars, findings


def _with_columns(bars: pd.DataFrame, wanted: Sequence[str]) -> pd.DataFrame:
    if not isinstance(bars, pd.DataFrame):
        raise DataError(
            f"bars must be a pandas DataFrame, not {type(bars).__name__}",
            hint="pass what bt.load_bars returns, or a DataFrame of the same form",
        )
    columns = list(bars.columns)
    missing = [name for name in REQUIRED_COLUMNS if name not in columns]
    if missing:
        raise DataError(
            f"bars lack the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}",
            hint="bars need the columns open, high, low, close, volume, in lower case",
            details={"missing": missing, "columns": [str(name) for name in columns]},
        )
    lacking = [name for name in wanted if name not in columns]
    if lacking:
        raise DataError(
            f"bars lack the column {lacking[0]}, which the spec names",
            hint="add it to the frame or the file, under that very name",
            details={"missing": lacking, "columns": [str(name) for name in columns]},
        )
    readable = {*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS, *wanted}
    known = [name for name in columns if name in readable]
    repeated = sorted({name for name in known if known.count(name) > 1})
    if repeated:
        raise DataError(
            f"bars have more than one column {repeated[0]}",
            hint="keep one column of each name",
            details={"repeated": repeated},
        )
    if len(known) < len(columns):
        bars = bars[known]
    if all(dtype == np.float64 for dtype in bars.dtypes):
        return bars
    further = [name for name in wanted if name not in {*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS}]
    others = [name for name in known if name not in further]
    changed = {name: ready_column(bars[name], name) for name in further}
    if not all(bars[name].dtype == np.float64 for name in others):
        floats = _as_floats(bars[others])
        changed |= {name: floats[name] for name in others}
    return bars.assign(**changed)


def _as_floats(bars: pd.DataFrame) -> pd.DataFrame:
    try:
        return bars.astype(np.float64)
    except (TypeError, ValueError):
        pass
    problems = []
    for name in bars.columns:
        numbers = pd.to_numeric(bars[name], errors="coerce")
        broken = np.asarray(numbers.isna() & bars[name].notna(), dtype=bool)
        if broken.any():
            problems.append(_problem(f"{name}_not_a_number", bars.index[broken]))
    raise DataError(
        "bars hold values that are not numbers",
        hint="every column must be numeric; write an unknown optional value as NaN",
        details=_details(problems),
    )


def _plain_index(index: pd.Index[Any]) -> pd.DatetimeIndex:
    if not isinstance(index, pd.DatetimeIndex):
        raise DataError(
            f"the bars' index must be a DatetimeIndex, not {type(index).__name__}",
            hint="set it with bars.set_index(pd.to_datetime(...))",
        )
    if index.hasnans:
        raise DataError(
            f"{np.count_nonzero(index.isna())} bars have no time",
            hint="remove the rows whose date is empty",
        )
    if index.unit != "ns":
        index = _in_nanoseconds(index)
    if index.tz is None:
        if len(index) and not _midnights(index):
            raise DataError(
                "intraday bars must say their time zone, these times have none",
                hint='localize them, for example bars.tz_localize("UTC")',
                details={"dates": format_times(index)},
            )
        return index
    if str(index.tz) == "UTC" and not _midnights(index):
        return index
    if _midnights(index.tz_localize(None)):
        # Daily bars that carry their exchange's time zone: the date is what they mean.
        return index.tz_localize(None)
    return index.tz_convert("UTC")


def _in_nanoseconds(index: pd.DatetimeIndex) -> pd.DatetimeIndex:
    try:
        return index.as_unit("ns")
    except pd.errors.OutOfBoundsDatetime as error:
        raise DataError(
            f"the bars' times are out of range: {index.min()} to {index.max()}",
            hint="dates must lie between 1678 and 2262",
        ) from error


def _midnights(index: pd.DatetimeIndex) -> bool:
    nanoseconds_per_day = 86_400_000_000_000
    return not bool((index.asi8 % nanoseconds_per_day).any())


def _without_duplicates(bars: pd.DataFrame) -> tuple[pd.DataFrame, list[Finding]]:
    again = np.asarray(bars.index.duplicated(keep="first"))
    if not again.any():
        return bars, []
    values = np.column_stack([plain_values(bars[name]) for name in bars.columns])
    # A repeated row must equal the first row of its time in every column, NaN equal to NaN.
    first = np.maximum.accumulate(np.where(again, 0, np.arange(len(again))))
    same = (values == values[first]) | (np.isnan(values) & np.isnan(values[first]))
    conflicting = pd.DatetimeIndex(bars.index[~same.all(axis=1)]).unique()
    if len(conflicting):
        raise DataError(
            f"{len(conflicting)} bar times have two different rows, "
            f"the first {format_times(conflicting)[0]}",
            hint="decide in the source which row is right; btkit does not guess",
            details=_details([_problem("conflicting_duplicates", conflicting)]),
        )
    dropped = finding(
        "duplicates_dropped", "Repeated identical rows were dropped.", bars.index[again]
    )
    return bars[~again], [dropped]


def _check_values(bars: pd.DataFrame) -> None:
    open_, high, low, close, volume = (bars[name].to_numpy() for name in REQUIRED_COLUMNS)
    body_high, body_low = np.maximum(open_, close), np.minimum(open_, close)
    # One pass over clean bars; NaN and infinity fail one of these comparisons, too.
    good = (
        (high >= body_high * (1.0 - TOLERANCE))
        & (low <= body_low * (1.0 + TOLERANCE))
        & (body_low > 0.0)
        & (low > 0.0)
        & (high < np.inf)
        & (body_high < np.inf)
        & (volume >= 0.0)
        & (volume < np.inf)
    )
    if good.all():
        return
    problems: list[dict[str, Any]] = []

    def report(check: str, broken: Mask) -> None:
        if broken.any():
            problems.append(_problem(check, bars.index[broken]))

    fields = {"open": open_, "high": high, "low": low, "close": close, "volume": volume}
    for name, values in fields.items():
        report(f"{name}_missing", ~np.isfinite(values))
    for name in PRICE_COLUMNS:
        report(f"{name}_not_positive", fields[name] <= 0.0)
    report("volume_negative", volume < 0.0)
    report("high_below_open_or_close", high < body_high * (1.0 - TOLERANCE))
    report("low_above_open_or_close", low > body_low * (1.0 + TOLERANCE))
    worst = problems[0]
    others = len(problems) - 1
    more = f" (and {others} more kind{'s' if others > 1 else ''} of fault)" if others else ""
    raise DataError(
        f"bars are broken: {worst['check'].replace('_', ' ')} on {worst['count']:,} of "
        f"{len(bars):,} bars, the first {worst['dates'][0]}{more}",
        hint="correct or remove these rows in the source; btkit does not invent prices",
        details=_details(problems),
    )


def _problem(check: str, times: pd.Index[Any]) -> dict[str, Any]:
    if isinstance(times, pd.DatetimeIndex):
        return {"check": check, "count": len(times), "dates": format_times(times)}
    return {"check": check, "count": len(times), "dates": [str(time) for time in times[:20]]}


def _details(problems: list[dict[str, Any]]) -> dict[str, Any]:
    return {"dates": problems[0]["dates"] if problems else [], "problems": problems}


def _suspicions(bars: pd.DataFrame) -> list[Finding]:
    checks: tuple[Callable[[pd.DataFrame], Finding | None], ...] = (_identical_bars, _zero_volume)
    others = [found for check in checks if (found := check(bars)) is not None]
    return [*find_splits(bars), *others]


def _identical_bars(bars: pd.DataFrame) -> Finding | None:
    shortest = FLAT_BARS_DAILY if _is_daily(bars) else FLAT_BARS_INTRADAY
    close = bars["close"].to_numpy()
    same = close[1:] == close[:-1]
    # Most series have no equal neighbours at all: look at the other columns only if needed.
    if np.count_nonzero(same) < shortest - 1:
        return None
    for name in ("open", "high", "low"):
        values = bars[name].to_numpy()
        same &= values[1:] == values[:-1]
    alike = [(start, stop + 1) for start, stop in stretches(same) if stop + 1 - start >= shortest]
    if not alike:
        return None
    repeated = np.concatenate([np.arange(start, stop) for start, stop in alike])
    return finding(
        "identical_bars",
        f"At least {shortest} bars in a row have the same open, high, low and close; "
        "the source may have filled in missing data.",
        bars.index[repeated],
    )


def _zero_volume(bars: pd.DataFrame) -> Finding | None:
    none = bars["volume"].to_numpy() == 0.0
    count = int(np.count_nonzero(none))
    if not count or (not _is_daily(bars) and count < ZERO_VOLUME_SHARE_INTRADAY * len(bars)):
        return None
    message = (
        "No bar has any volume; names that read it mean nothing here."
        if count == len(bars)
        else "Bars without any volume."
    )
    return finding("zero_volume", message, bars.index[none])


def _is_daily(bars: pd.DataFrame) -> bool:
    return isinstance(bars.index, pd.DatetimeIndex) and bars.index.tz is None
