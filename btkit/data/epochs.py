"""Times as numbers counted from 1970, in whichever unit each row has."""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.data.info import Finding, finding
from btkit.errors import DataError

Unit = Literal["s", "ms", "us", "ns"]
UNITS: Final[tuple[Unit, ...]] = ("s", "ms", "us", "ns")
NANOSECONDS: Final = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
# Seconds from 1973 on; smaller numbers are dates such as 20240131, or count something else.
LEAST: Final = 1e8
# Seconds until 2100: what would be later is counted in a finer unit.
LATEST: Final = 4.1e9
EARLIEST: Final = pd.Timestamp(LEAST, unit="s", tz="UTC")
HINT: Final = "write them as YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ, or state time_format"


def epoch_numbers(values: pd.Series[Any]) -> pd.Series[Any] | None:
    """Return a column as numbers since 1970, or None where it holds something else."""
    numbers = values
    if values.dtype.kind not in "fiu":
        texts = values.astype(str)
        if not texts.str.fullmatch(r"-?[0-8]?\d{1,18}(\.\d+)?").all():
            return None
        whole = texts.str.fullmatch(r"-?\d+").all()
        numbers = texts.astype("int64") if whole else texts.astype("float64")
    return numbers if numbers.max() >= LEAST else None


def from_epoch(numbers: pd.Series[Any], *, origin: str) -> tuple[pd.DatetimeIndex, list[Finding]]:
    """Turn numbers since 1970 into UTC times; a unit that changes between rows is reported."""
    sizes = np.abs(numbers.to_numpy(dtype=np.float64))
    # The coarsest unit that does not lead beyond 2100: a day in 1970 is never meant by it.
    chosen = np.digitize(sizes, [LATEST, LATEST * 1e3, LATEST * 1e6, LATEST * 1e9])
    times = _convert(numbers, np.minimum(chosen, len(UNITS) - 1))
    # Between the units lies what would be before 1973 in one and after 2100 in the next.
    if chosen.max() == len(UNITS) or times.max() < EARLIEST:
        raise DataError(f"{origin} has times out of range, such as {numbers.max()}", hint=HINT)
    # A long history in a fine unit reaches back to 1970 and below, through small numbers.
    finer = np.full(len(chosen), chosen.max())
    if (finer != chosen).any():
        alike = _convert(numbers, finer)
        if _widest_gap(alike) < _widest_gap(times):
            times, chosen = alike, finer
    findings = []
    others = chosen != chosen[0]
    if others.any():
        names = " and ".join(UNITS[unit] for unit in np.unique(chosen))
        message = f"{origin} counts its times in {names} by turns; each row was read in its own."
        findings.append(finding("times_change_unit", message, times[others]))
    return times, findings


def from_epoch_unit(numbers: pd.Series[Any], unit: Unit, *, origin: str) -> pd.DatetimeIndex:
    """Turn numbers of one stated unit into UTC times; NaN, where no number stood, is refused."""
    longest = 9.2e18 / NANOSECONDS[unit]
    wrong = ~(numbers.abs().to_numpy(dtype=np.float64) < longest)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"{origin} has a time in row {row + 1} that is no number of {unit} since 1970",
            hint="correct time_format in the stated format, or leave it out",
            details={"row": row + 1},
        )
    return _convert(numbers, np.full(len(numbers), UNITS.index(unit)))


def _convert(numbers: pd.Series[Any], units: npt.NDArray[np.int64]) -> pd.DatetimeIndex:
    factors = np.array([NANOSECONDS[unit] for unit in UNITS])[units]
    values = numbers.to_numpy()
    if values.dtype.kind == "f":
        whole = np.floor(values)
        parts = np.round((values - whole) * factors).astype(np.int64)
        nanoseconds = whole.astype(np.int64) * factors + parts
    else:
        nanoseconds = values.astype(np.int64) * factors
    return pd.DatetimeIndex(nanoseconds.astype("datetime64[ns]"), tz="UTC")


def _widest_gap(times: pd.DatetimeIndex) -> int:
    return int(np.diff(np.sort(times.asi8), prepend=times.asi8.min()).max())
