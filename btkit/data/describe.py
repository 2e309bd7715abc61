"""What is known of the bars under a result, whoever loaded them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

import pandas as pd

from btkit.data.coverage import Span, judge_coverage
from btkit.data.gaps import gap_documents
from btkit.data.info import DataInfo, Finding, format_time
from btkit.data.source import Answer
from btkit.data.splits import SPLIT_CODE
from btkit.markets import ONE_DAY, Interval

HANDED_OVER: Final = "dataframe"
COVERAGE_CODES: Final = frozenset({"bars_outside_sessions", "thin_sessions"})


def describe_bars(
    index: pd.DatetimeIndex,
    *,
    start: int,
    interval: Interval,
    calendar: str,
    findings: Sequence[Finding],
    stated: DataInfo | None = None,
) -> DataInfo:
    """Say where bars come from, what was found in them, and which sessions they lack.

    The calendar is asked for the range of the bars themselves, so no clock is read. Where a
    loader described just these bars, its word stands; bars that were cut or thinned out since
    are judged anew.

    Parameters
    ----------
    index
        Shape (n_bars,): times of all bars, sorted.
    start
        Place of the first bar that is not warm-up.
    interval
        Of the bars.
    calendar
        The exchange calendar.
    findings
        What the checks of the bars found, after any adjustment of prices.
    stated
        What a loader said, if one did.

    Raises
    ------
    UsageError
        There is no such calendar.
    """
    inside = index[start:]
    extent = {
        "rows": len(inside),
        "first": format_time(inside[0]),
        "last": format_time(inside[-1]),
        "warmup_rows": start,
    }
    if stated is not None and extent == {name: getattr(stated, name) for name in extent}:
        return stated.model_copy(update={"quality": _united(stated.quality, findings)})
    base = stated or DataInfo(
        source=HANDED_OVER, symbol="", interval=interval.label, coverage="complete", gaps=[],
        description="Bars handed over as a DataFrame.", quality=[], notes=[], **extent,
    )  # fmt: skip
    gaps = [(pd.Timestamp(gap["start"]), pd.Timestamp(gap["end"])) for gap in base.gaps]
    answer = Answer(pd.DataFrame(), base.description, gaps=gaps or None)
    days, span = _span(inside, interval, calendar)
    judged = judge_coverage(answer, days, span)
    known = [found for found in base.quality if found.code not in COVERAGE_CODES]
    return base.model_copy(
        update={
            **extent,
            "interval": interval.label,
            "coverage": judged.coverage,
            "gaps": gap_documents(judged.gaps),
            "quality": _united(known, [*findings, *judged.findings]),
            "notes": [*base.notes, *judged.notes],
        }
    )


def _united(stated: Sequence[Finding], found: Sequence[Finding]) -> list[Finding]:
    # Whoever simulates knows whether prices were adjusted for a split; the loader does not.
    kept = [entry for entry in stated if entry.code != SPLIT_CODE]
    seen = {(entry.code, entry.message) for entry in kept}
    return [*kept, *(entry for entry in found if (entry.code, entry.message) not in seen)]


def _span(
    index: pd.DatetimeIndex, interval: Interval, calendar: str
) -> tuple[pd.DatetimeIndex, Span]:
    if interval.is_intraday:
        length = interval.length
    else:
        index, length = index.tz_localize(None).normalize(), 0 * ONE_DAY
    # Every session of the range is over: its last bar is there.
    over = (index[-1] + 2 * ONE_DAY).to_pydatetime(warn=False).replace(tzinfo=dt.UTC)
    return index, Span(index[0], index[-1] + length, interval, calendar, over)
