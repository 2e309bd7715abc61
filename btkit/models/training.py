"""When a model was trained, on what bars, and how far its labels looked ahead."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from btkit.arguments import check_text, quoted
from btkit.data import format_time
from btkit.errors import UsageError
from btkit.markets import bar_dates, read_range
from btkit.models.findings import BundleFindings
from btkit.models.manifest import MANIFEST, Manifest
from btkit.models.metadata import CONFIG, METADATA, BundleMetadata, TrainedConfig
from btkit.models.timeframes import fastest, timeframe_interval

_FROM, _UNTIL, _ROWS = "trained_from", "trained_until", "rows_until"
_NO_DATES = (
    "Nobody says until when the model was trained{rows}: bars that it learnt from cannot be told "
    "from bars that it never saw, and its results may be of the former. trained_until in the spec "
    f"or in {METADATA} says it."
)


@dataclass(frozen=True)
class TrainingSpan:
    """What training saw.

    Parameters
    ----------
    first, until
        Times of the first and the last bar, None where unknown.
    horizon
        Bars after which a label was known at the latest, None where unknown.
    rows_until
        Time of the last row that it was saved with, None where unknown.
    """

    first: pd.Timestamp | None
    until: pd.Timestamp | None
    horizon: int | None
    rows_until: pd.Timestamp | None


def examine_timeframes(
    metadata: BundleMetadata, config: TrainedConfig | None, findings: BundleFindings
) -> tuple[str, ...] | None:
    """Return the lengths of a bundle's bars, those that it decides on first; None if refused.

    Parameters
    ----------
    metadata, config
        Of the bundle. The bars' is the ``base_timeframe`` of the config, else the fastest.
    findings
        Takes reasons to refuse it.
    """
    try:
        named = {text: timeframe_interval(text) for text in metadata.training_timeframes}
        said = config.base_timeframe if config else None
        fast = fastest(metadata.training_timeframes)
        base = fast if said is None else check_text(said, "base_timeframe", hint="Such as 1h.")
        is_fastest = timeframe_interval(base) == named[fast]
    except UsageError as error:
        findings.refuse(METADATA, error.message, error.hint, "training_timeframes")
        return None
    if not is_fastest:
        findings.refuse(
            CONFIG,
            f"The base timeframe is {quoted(base)}, and the model was trained on "
            f"{', '.join(map(quoted, named))}.",
            "The base timeframe is the fastest of those that it was trained on.",
        )
        return None
    others = (interval.label for interval in named.values())
    return tuple(dict.fromkeys([named[fast].label, *others]))


def examine_training(
    metadata: BundleMetadata,
    manifest: Manifest | None,
    *,
    interval: str,
    findings: BundleFindings,
) -> TrainingSpan:
    """Return what a bundle says of its training (SEMANTICS 10.6).

    Parameters
    ----------
    metadata, manifest
        Of the bundle.
    interval
        Of its bars.
    findings
        Takes reasons to refuse it, and warnings.
    """
    first = _one(metadata, manifest, "trained_from", findings)
    until = _one(metadata, manifest, "trained_until", findings)
    horizon = _one(metadata, manifest, "label_horizon_bars", findings)
    saved = manifest.rows_until if manifest else None
    if until is None:
        rows = f" (the rows that it was saved with go on until {saved})" if saved else ""
        findings.warn("training_dates_unknown", _NO_DATES.format(rows=rows))
    elif horizon is None:
        findings.warn(
            "label_horizon_unknown",
            "Nobody says how many bars its labels looked ahead: bars right after its training may "
            "have been seen by it. label_horizon in the spec says it.",
        )
    try:
        moments = read_span(first, until, interval=interval)
        _, rows_until = read_span(None, saved, interval=interval, names=(_ROWS, _ROWS))
        check_rows(moments[1], rows_until, "rows")
    except UsageError as error:
        where = error.details.get("argument", _UNTIL)
        findings.refuse(MANIFEST if manifest else METADATA, error.message, error.hint, where)
        return TrainingSpan(None, None, None, None)
    return TrainingSpan(*moments, None if horizon is None else int(horizon), rows_until)


def read_span(
    first: object,
    until: object,
    *,
    interval: str,
    names: tuple[str, str] = (_FROM, _UNTIL),
) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
    """Return times of the first and the last bar of a training.

    Parameters
    ----------
    first, until
        As `btkit.markets.read_range` takes them, or None.
    interval
        Of the bars: dates for daily and longer ones, UTC times for others.
    names
        Of the first and the last, for messages.

    Raises
    ------
    UsageError
        If one cannot be read, or they are in the wrong order.
    """
    if first is None and until is None:
        return None, None
    said, last = (until, until) if first is None else (first, first if until is None else until)
    # What is said of one alone is said of it.
    called = (names[1], names[1]) if first is None else names
    intraday = timeframe_interval(interval).is_intraday
    start, end = read_range(said, last, intraday=intraday, names=called)
    return (None if first is None else start), (None if until is None else end)


def last_time(rows: object, *, interval: str) -> pd.Timestamp | None:
    """Return the time of the last of some rows, None where they are not dated.

    Parameters
    ----------
    rows
        Whatever has an index of times, or of times and something else, such as symbols.
    interval
        Of their bars: a date for daily and longer ones, a UTC time for others.
    """
    index, length = getattr(rows, "index", None), timeframe_interval(interval)
    if not isinstance(index, pd.Index):
        return None
    levels = [index.get_level_values(place) for place in range(index.nlevels)]
    dated = [
        pd.DatetimeIndex(level).dropna()
        for level in levels
        if isinstance(level, pd.DatetimeIndex) or level.inferred_type == "date"
    ]
    if not dated or not len(dated[0]):
        return None
    times = dated[0].unique().sort_values()
    if length.is_intraday:
        return times[-1].tz_localize("UTC") if times.tz is None else times[-1].tz_convert("UTC")
    days = times.tz_localize(None).normalize()
    # A longer bar may be keyed by a day after its last session.
    return min(days[-1], pd.Timestamp(bar_dates(days, length)[-1]))


def check_rows(until: pd.Timestamp | None, last: pd.Timestamp | None, what: str) -> None:
    """Refuse a training that is said to have ended before the last of its rows.

    Parameters
    ----------
    until
        When it is said to have ended, None where nobody says it.
    last
        Time of the last row, None where it is unknown.
    what
        Which rows these are.

    Raises
    ------
    UsageError
        If rows are later: bars that were learnt from would count as bars that were never seen.
    """
    if until is None or last is None or last <= until:
        return
    raise UsageError(
        f"trained_until is {format_time(until)}, and the last of the {what} is of "
        f"{format_time(last)}: a run would take bars that the model learnt from for bars that it "
        "never saw.",
        hint=f"Give trained_until={format_time(last)!r}, or leave out later {what} if it did not "
        "learn from them.",
        details={"argument": "trained_until", "rows_until": format_time(last)},
    )


def _one(
    metadata: BundleMetadata, manifest: Manifest | None, name: str, findings: BundleFindings
) -> str | int | None:
    written: str | int | None = getattr(metadata, name)
    kept: str | int | None = getattr(manifest, name) if manifest else None
    if written is not None and kept is not None and written != kept:
        findings.refuse(
            MANIFEST,
            f"{name} is {written} by {METADATA}, and {kept} by {MANIFEST}.",
            "Save the bundle again; both are written by bt.save_bundle.",
            name,
        )
    return written if kept is None else kept
