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
from btkit.markets.slower import SlowerBars, check_slower, slower_bars

__all__ = [
    "FIRST_DAY",
    "FORMS",
    "LAST_DAY",
    "ONE_DAY",
    "Annualisation",
    "Days",
    "Interval",
    "SlowerBars",
    "as_bar_time",
    "check_slower",
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
    "slower_bars",
    "still_forming",
    "zone_of",
]
