"""What every source of bars offers, and the question it is asked."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Protocol

import pandas as pd

from btkit.data.info import Coverage, Finding
from btkit.errors import NoDataError


@dataclass(frozen=True)
class Request:
    """One question to a source.

    Parameters
    ----------
    symbol
        The instrument.
    interval
        A label of `btkit.markets.Interval`, such as ``30m`` or ``1d``.
    first, last
        Earliest and latest bar time wanted, both included: naive dates for daily and longer bars,
        UTC times for intraday ones.
    calendar
        The exchange calendar by which a bar that is stamped the evening before finds its session.
    columns
        Further columns that are wanted where the source has them.
    """

    symbol: str
    interval: str
    first: pd.Timestamp
    last: pd.Timestamp
    calendar: str = "XNYS"
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What a source said to a request.

    Parameters
    ----------
    frame
        Bars as the source has them, in btkit's column names, on a naive-date or UTC index; not
        yet checked, and possibly more than was asked for. Optional columns may be present.
    description
        What the source is, in a sentence.
    gaps
        Missing ranges inside the request as the source tells them, both ends included; None when
        it does not tell.
    coverage
        What the source says of the request as a whole, or None.
    exact_calendar
        The exchange calendar that the instrument is known by, and `gaps` to agree with, so that
        nobody has to compare the bars with its sessions; None where they are the source's word
        only.
    live
        Whether bars that begin only later than now are still forming, too, and to be dropped: not
        so in a file, whose dates may be invented.
    findings, notes
        As in `btkit.data.DataInfo`.
    bar_format
        What was stated about the file, as plain JSON values; None where nothing was.
    """

    frame: pd.DataFrame
    description: str
    gaps: list[tuple[pd.Timestamp, pd.Timestamp]] | None = None
    coverage: Coverage | None = None
    exact_calendar: str | None = None
    live: bool = False
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    bar_format: dict[str, Any] | None = None


@dataclass(frozen=True)
class Observations:
    """Daily values that join bars by date.

    Parameters
    ----------
    frame
        Shape (n_days, n_columns) on naive dates; empty when there are none. NaN = unknown.
    findings, notes
        As in `btkit.data.DataInfo`.
    """

    frame: pd.DataFrame
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Source(Protocol):
    """Where bars come from.

    Derive from it and write `bars`; `btkit.register_source` makes it known under a name. The
    others say that there is nothing, until they are written, too.
    """

    @property
    def name(self) -> str:
        """The name that reports show, such as ``files``."""
        return type(self).__name__.lower()

    def bars(self, request: Request) -> Answer:
        """Return what the source has for the request; an empty frame when that is nothing.

        Raises
        ------
        SourceError
            The source could not answer.
        DataError
            It answered with something broken.
        """

    def vix(self, request: Request) -> Observations:
        """Return daily closes of the VIX in a column ``vix``.

        `request.symbol` is the instrument that they are to stand beside.
        """
        del request
        return no_observations("vix")

    def implied_volatility(self, request: Request) -> Observations:
        """Return daily iv_rank, iv_percentile and current_iv of the symbol."""
        del request
        return no_observations("iv_rank", "iv_percentile", "current_iv")


def no_observations(*columns: str, note: str | None = None) -> Observations:
    """Return observations without any row, and why, for the report."""
    frame = pd.DataFrame(
        {name: pd.Series(dtype="float64") for name in columns},
        index=pd.DatetimeIndex([], dtype="datetime64[ns]"),
    )
    return Observations(frame, notes=[note] if note else [])


def check_offered(interval: str, offered: Collection[str], *, source: str) -> None:
    """Refuse an interval that a source does not have; nothing is resampled without being asked."""
    if interval not in offered:
        raise NoDataError(
            f"{source} has no {interval} bars",
            hint=f"it has {' '.join(offered)}; other intervals come from files in BT_DATA_DIR",
            details={"interval": interval, "offered": list(offered)},
        )


def backfill_advice(request: Request) -> str:
    """Say which command fills the IV history that a request lacks."""
    return (
        f"Fill it with: market-data iv-rank-backfill --symbol {request.symbol} "
        f"--start {request.first.date().isoformat()} --yes"
    )
