"""From the times of a table to the keys of bars: SEMANTICS 1.2."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.data.formats import NO_FORMAT, BarFormat
from btkit.data.info import Finding, finding
from btkit.data.local_times import local_time_findings
from btkit.data.stamps import Stamps, read_stamps
from btkit.errors import DataError
from btkit.markets import ONE_DAY, Interval, schedule, zone_of

Mask = npt.NDArray[np.bool_]

# New Zealand's midnight is 11:00 of the day before in UTC.
LATE = pd.Timedelta(hours=10)
NOON = pd.Timedelta(hours=12)
WEEK = pd.Timedelta(days=7)
USUALLY = 0.9
FRIDAY, SATURDAY, SUNDAY = 4, 5, 6
# Of five evenings a week one is a Sunday's.
LEAST_SUNDAYS = 0.1
FEWEST_SESSIONS = 3


def read_times(
    column: pd.Series[Any] | pd.DatetimeIndex,
    *,
    interval: str,
    origin: str,
    bar_format: BarFormat = NO_FORMAT,
    calendar: str | None = None,
) -> tuple[pd.DatetimeIndex, list[Finding]]:
    """Turn a table's time column into the keys of its bars, in the order of the rows.

    Daily and weekly times become naive dates, the date as it is written, whatever the offset
    beside it; a daily bar that is stamped the evening before, when its session opens, gets that
    session's date. Intraday times become UTC bar-open times, and those without a zone are taken
    as UTC.
    """
    stamps = read_stamps(column, origin=origin, bar_format=bar_format)
    asked = Interval.parse(interval)
    place = _intraday if asked.is_intraday else _daily
    index, findings = place(
        stamps, interval=asked, origin=origin, bar_format=bar_format, calendar=calendar
    )
    return index, [*stamps.findings, *findings]


def _intraday(
    stamps: Stamps, *, interval: Interval, origin: str, bar_format: BarFormat, calendar: str | None
) -> tuple[pd.DatetimeIndex, list[Finding]]:
    if bar_format.bar_time == "session_open":
        raise DataError(
            f"the format of {origin} says bar_time: session_open, but {interval} bars were asked "
            "for",
            hint="intraday bars are stamped at their open or close",
        )
    findings: list[Finding] = []
    length = interval.length
    index = stamps.instants
    if index is None:
        index = stamps.written.tz_localize("UTC")
        message = (
            f"{origin} gives times without a zone; they were read as UTC. If they are local "
            "times, state time_zone in a format."
        )
        findings.append(finding("times_taken_as_utc", message, index))
        findings += local_time_findings(
            stamps.written, length=length, origin=origin, calendar=calendar
        )
    if bar_format.bar_time == "close":
        index = _opens_of(index, length, calendar)
    elif bar_format.bar_time is None and calendar is not None and len(index):
        findings += _close_doubts(index, length, origin, calendar)
    return index, findings


def _close_doubts(
    index: pd.DatetimeIndex, length: pd.Timedelta, origin: str, calendar: str
) -> list[Finding]:
    first, last = (time.tz_localize(None).normalize() for time in (index.min(), index.max()))
    days = schedule(calendar, first, last)
    opens, closes = pd.DatetimeIndex(days["open"]), pd.DatetimeIndex(days["close"])
    present = index.sort_values()
    held = present.searchsorted(closes, side="right") > present.searchsorted(opens)
    at_open, at_close = (np.asarray(times[held].isin(index)) for times in (opens, closes))
    # Bars that go on after the close are of hours that the calendar does not have.
    after = present.searchsorted(closes[held] + length, side="right")
    alone = after == present.searchsorted(closes[held], side="right")
    suspect = at_close & alone
    if np.count_nonzero(held) < FEWEST_SESSIONS or suspect.mean() < USUALLY or at_open.any():
        return []
    message = (
        f"{origin} has a bar at the close of each session of {calendar} and none at the open, as "
        "where times are those of the bars' closes; they were taken as opens. If they are closes, "
        "state bar_time: close in a format."
    )
    return [finding("may_be_closes", message, closes[held][suspect])]


def _opens_of(
    closes: pd.DatetimeIndex, length: pd.Timedelta, calendar: str | None
) -> pd.DatetimeIndex:
    # A bar that the session's end cuts short opens where the one before it closes, and one that
    # the session's opening cuts short opens with the session.
    unique = closes.unique().sort_values()
    opens = unique - length
    before = np.concatenate(([opens.asi8[0] - 1], unique.asi8[:-1])) if len(unique) else opens.asi8
    result = np.maximum(opens.asi8, before)
    if calendar is not None and len(unique):
        days = (unique[0].tz_localize(None).normalize(), unique[-1].tz_localize(None).normalize())
        begins = (
            pd.DatetimeIndex(schedule(calendar, days[0] - ONE_DAY, days[1] + ONE_DAY)["open"])
            .as_unit("ns")
            .asi8
        )
        spots = np.searchsorted(begins, unique.asi8, side="left") - 1
        latest = np.where(spots >= 0, begins[np.maximum(spots, 0)], opens.asi8)
        cut = (before < opens.asi8) & (latest > opens.asi8)
        result = np.where(cut, latest, result)
    keys = pd.DatetimeIndex(result.astype("datetime64[ns]"), tz="UTC")
    return keys[unique.get_indexer(closes)]


def _daily(
    stamps: Stamps, *, interval: Interval, origin: str, bar_format: BarFormat, calendar: str | None
) -> tuple[pd.DatetimeIndex, list[Finding]]:
    written = stamps.written
    if bar_format.bar_time == "close" and stamps.has_clock:
        # Midnight ends the day before.
        written = written - pd.Timedelta(1, unit="ns")
    dates = written.normalize()
    if len(written.unique()) > len(dates.unique()):
        raise DataError(
            f"{origin} has several bars a day, but {interval} bars were asked for",
            hint="ask for the interval that it holds, with --interval",
        )
    forced = bar_format.bar_time == "session_open"
    if bar_format.bar_time in {"open", "close"}:
        return dates, []
    if not interval.is_daily:
        return _periods(written, origin)
    if not stamps.has_clock or (written == dates).all():
        if forced:
            raise DataError(
                f"the format of {origin} says bar_time: session_open, but its times are dates "
                "without a time of day",
                hint="leave bar_time out",
            )
        # Midnights of a zone to the east, counted in UTC, are no midnights.
        return dates, []
    sessions = _sessions_opened(stamps, calendar, forced=forced)
    moved = np.asarray(sessions != dates)
    if not moved.any():
        return dates, _evening_doubts(stamps, origin, calendar)
    if sessions.has_duplicates and not dates.has_duplicates:
        raise DataError(
            f"{origin} has bars of one session under two times, such as "
            f"{written[sessions.duplicated(keep=False)][0]}",
            hint="state bar_time: open in a format if each bar is of the date that it names",
        )
    named = "" if calendar is None else f" of the calendar {calendar}"
    message = (
        f"{origin} stamps bars at the opening of their sessions, the evening before; they were "
        f"given the dates of the sessions{named} that they open."
    )
    return sessions, [finding("stamped_at_session_open", message, sessions[moved])]


def _periods(written: pd.DatetimeIndex, origin: str) -> tuple[pd.DatetimeIndex, list[Finding]]:
    # Midnights of a zone to the east, counted in UTC, fall on the last day of the period before.
    dates, nearest = written.normalize(), (written + NOON).normalize()
    moved = np.asarray(dates != nearest)
    begins = np.asarray(nearest.day == 1) | np.asarray(nearest.day_of_week == 0)
    if not moved.any() or not begins.all():
        return dates, []
    message = (
        f"{origin} stamps bars in the evening before their periods begin; they were given the "
        "dates on which these begin."
    )
    return nearest, [finding("stamped_at_session_open", message, nearest[moved])]


def _sessions_opened(stamps: Stamps, calendar: str | None, *, forced: bool) -> pd.DatetimeIndex:
    written, dates = stamps.written, stamps.written.normalize()
    evening = np.asarray(written - dates >= LATE)
    labels = pd.DatetimeIndex([])
    if calendar is not None:
        days = schedule(calendar, dates.min() - WEEK, dates.max() + WEEK)
        labels = pd.DatetimeIndex(days.index)
    if labels.empty:
        # Without a calendar, or outside its years: weekdays.
        labels = pd.bdate_range(dates.min() - WEEK, dates.max() + WEEK).as_unit("ns")
        result = dates
    else:
        result = _containing(stamps, days, str(calendar))
    undecided = np.asarray(result == dates) & evening
    following = labels[np.minimum(labels.searchsorted(dates, side="right"), len(labels) - 1)]
    after = result.where(~undecided, following)
    if forced:
        return after
    # Sundays among the dates, no two bars of one session, and each evening is the one before:
    # a close stamped on a Friday evening would be three days from the next session.
    strange = undecided & ~np.asarray(dates.isin(labels))
    next_day = np.asarray(following - dates == ONE_DAY)[undecided]
    if strange.any() and after.is_unique and next_day.mean() > USUALLY:
        return after
    return _weekdays_opened(dates, evening, labels) if undecided.any() else result


def _weekdays_opened(
    dates: pd.DatetimeIndex, evening: Mask, labels: pd.DatetimeIndex
) -> pd.DatetimeIndex:
    # Evenings from Sunday to Thursday and no others open weekdays, even where the calendar is
    # another market's; but in Tel Aviv they close them.
    days = np.asarray(dates.day_of_week)
    known = set(labels.day_of_week)
    if SUNDAY in known and SATURDAY not in known:
        return dates
    if not evening.all() or np.isin(days, (FRIDAY, SATURDAY)).any():
        return dates
    return dates + ONE_DAY if (days == SUNDAY).mean() >= LEAST_SUNDAYS else dates


def _containing(stamps: Stamps, days: pd.DataFrame, calendar: str) -> pd.DatetimeIndex:
    dates = stamps.written.normalize()
    labels = pd.DatetimeIndex(days.index)
    opens, closes = pd.DatetimeIndex(days["open"]), pd.DatetimeIndex(days["close"])
    instants = stamps.instants
    if instants is None:
        instants = _at_local_openings(stamps.written, opens, calendar)
    if instants is None:
        return dates
    spots = opens.searchsorted(instants, side="right") - 1
    inside = (spots >= 0) & np.asarray(instants < closes[np.maximum(spots, 0)])
    return dates.where(~inside, labels[np.maximum(spots, 0)])


def _at_local_openings(
    written: pd.DatetimeIndex, opens: pd.DatetimeIndex, calendar: str
) -> pd.DatetimeIndex | None:
    zone = zone_of(calendar)
    local = written.tz_localize(zone, ambiguous=True, nonexistent="shift_forward")
    instants = local.tz_convert("UTC")
    return instants if np.asarray(instants.isin(opens)).all() else None


def _evening_doubts(stamps: Stamps, origin: str, calendar: str | None) -> list[Finding]:
    written, dates = stamps.written, stamps.written.normalize()
    evening = np.asarray(written - dates >= LATE)
    if calendar is None or not evening.all():
        return []
    days = schedule(calendar, dates.min() - WEEK, dates.max() + WEEK)
    if days.empty:
        return []
    opens, closes = pd.DatetimeIndex(days["open"]), pd.DatetimeIndex(days["close"])
    instants = stamps.instants if stamps.instants is not None else written.tz_localize("UTC")
    spots = np.maximum(opens.searchsorted(instants, side="right") - 1, 0)
    inside = np.asarray((instants >= opens[spots]) & (instants <= closes[spots]))
    if inside.any():
        return []
    message = (
        f"{origin} stamps daily bars in the evening, outside the sessions of {calendar}; the "
        "dates were taken as written. If they open the next session, state bar_time: "
        "session_open in a format; if they are midnights elsewhere, state time_zone."
    )
    return [finding("dates_as_written", message, dates)]
