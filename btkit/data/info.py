"""What a loader knows about the bars it hands over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from btkit.errors import UsageError
from btkit.markets import Interval

MOST_DATES = 20

Coverage = Literal["complete", "partial", "missing"]


class Finding(BaseModel):
    """Something about the bars that a reader of the result should know.

    Parameters
    ----------
    code
        A stable short name, such as ``split_like_jump``.
    message
        What was found and what was done about it, in one sentence.
    count
        How many bars it concerns.
    dates
        Those bars' times, the first 20 of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    message: str
    count: int
    dates: list[str]


class DataInfo(BaseModel):
    """Where bars came from and how complete they are.

    Parameters
    ----------
    source
        Name of the source, such as ``market-data``.
    symbol
        The instrument as it was asked for.
    interval
        ``1m`` to ``1w``.
    description
        What the source is, in a sentence for the report.
    rows
        Bars inside the requested range.
    first, last
        Times of the first and last bar inside the requested range, ISO 8601.
    coverage
        ``complete`` when no session of the requested range lacks its bars, else ``partial``.
    gaps
        Ranges of missing sessions inside the requested range, as ``{"start", "end"}``, both
        included.
    quality
        What the checks found, in the warm-up and in the range.
    notes
        Sentences about choices the loader made and things it could not get.
    warmup_rows
        Bars handed over before the requested start.
    seen_from
        Time of the first bar that indicators of the bars' own interval see; earlier ones are
        there for bars of slower intervals alone. None where they see all.
    format
        What was stated about the file they were read from; None where nothing was.
    calendar
        The exchange calendar that the source knows them by; None where it knows none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    symbol: str
    interval: str
    description: str
    rows: int
    first: str
    last: str
    coverage: Coverage
    gaps: list[dict[str, str]]
    quality: list[Finding]
    notes: list[str]
    warmup_rows: int
    seen_from: str | None = None
    format: dict[str, Any] | None = None
    calendar: str | None = None


@dataclass(frozen=True)
class LoadedBars:
    """Bars ready for a simulation.

    Parameters
    ----------
    bars
        Warm-up and requested range: float64 columns on a ``DatetimeIndex``, ``attrs["btkit"]``
        holding `info` as a plain dict; without it where the bars alone say as much.
    describe
        Returns `info`.
    start
        Time of the first bar at or after the requested start.
    benchmark
        The bars of what a run is measured against; None holds the instrument itself.
    others
        Those of the other instruments that conditions read, by symbol.
    detail
        Those of the finer interval that a spec goes by inside each bar; None for none.
    """

    bars: pd.DataFrame
    describe: Callable[[], DataInfo]
    start: pd.Timestamp
    benchmark: pd.DataFrame | None = None
    others: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    detail: pd.DataFrame | None = None

    @cached_property
    def info(self) -> DataInfo:
        """Where they came from."""
        return self.describe()


@dataclass(frozen=True)
class Remark:
    """A finding about a table as a whole, before its times are known.

    Parameters
    ----------
    code, message
        As in `Finding`.
    """

    code: str
    message: str

    def about(self, times: pd.Index[Any]) -> Finding:
        """Return the finding about all the table's bars."""
        return finding(self.code, self.message, times)


def read_info(attributes: Mapping[Any, Any]) -> tuple[DataInfo | None, Interval | None]:
    """Return what a loader wrote into the ``attrs`` of a frame, and the interval in it.

    They may be somebody else's: then they say nothing.
    """
    info = attributes.get("btkit")
    if not isinstance(info, dict):
        return None, None
    label = info.get("interval")
    try:
        stated = Interval.parse(label) if isinstance(label, str) else None
    except UsageError:
        stated = None
    try:
        return DataInfo.model_validate(info), stated
    except ValidationError:
        return None, stated


def seen_from(index: pd.DatetimeIndex, stated: DataInfo | None) -> int:
    """Return the place of the first bar that indicators of the bars' own interval see.

    Parameters
    ----------
    index
        Ascending times of bars.
    stated
        What a loader said of them; None for nothing.
    """
    if stated is None or stated.seen_from is None:
        return 0
    try:
        moment = pd.Timestamp(stated.seen_from)
    except ValueError:
        return 0  # frames carry attributes of other origin
    if (moment.tz is None) != (index.tz is None):
        return 0
    return int(index.searchsorted(moment))


def format_times(times: pd.DatetimeIndex) -> list[str]:
    """Return the first 20 of `times` as ISO 8601 text, dates alone where all are midnights."""
    return [format_time(time) for time in times[:MOST_DATES]]


def format_time(time: pd.Timestamp) -> str:
    """Return a bar's time as ISO 8601 text: the date alone for a naive midnight."""
    if time.tzinfo is None and time == time.normalize():
        return time.date().isoformat()
    return time.isoformat()


def finding(code: str, message: str, times: pd.Index[Any]) -> Finding:
    """Build a finding from the bars it concerns."""
    index = pd.DatetimeIndex(times)
    return Finding(code=code, message=message, count=len(index), dates=format_times(index))
