"""Markets: bar intervals, exchange calendars and sessions, and what makes a year."""

from btkit.markets.annualisation import Annualisation
from btkit.markets.bar_sessions import (
    last_days,
    last_sessions,
    session_dates,
    session_ends,
    still_forming,
)
from btkit.markets.calendars import (
    Days,
    closed_schedule,
    schedule,
    session_minutes,
    sessions,
    sessions_per_year,
    zone_of,
)
from btkit.markets.dates import (
    FIRST_DAY,
    LAST_DAY,
    ONE_DAY,
    as_bar_time,
    read_day,
    read_days,
    read_moment,
    read_range,
)
from btkit.markets.expiries import monthly_expiries
from btkit.markets.inference import infer_interval
from btkit.markets.interval import FORMS, Interval

__all__ = [
    "FIRST_DAY",
    "FORMS",
    "LAST_DAY",
    "ONE_DAY",
    "Annualisation",
    "Days",
    "Interval",
    "as_bar_time",
    "closed_schedule",
    "infer_interval",
    "last_days",
    "last_sessions",
    "monthly_expiries",
    "read_day",
    "read_days",
    "read_moment",
    "read_range",
    "schedule",
    "session_dates",
    "session_ends",
    "session_minutes",
    "sessions",
    "sessions_per_year",
    "still_forming",
    "zone_of",
]
