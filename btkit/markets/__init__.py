"""Markets: bar intervals, exchange calendars and sessions, and what makes a year."""

from btkit.markets.annualisation import Annualisation
from btkit.markets.bar_sessions import (
    bar_dates,
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
from btkit.markets.closes import KnownBars, known_bars
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
from btkit.markets.finer import bar_spans, bars_inside, check_finer
from btkit.markets.inference import infer_interval
from btkit.markets.interval import FORMS, Interval, shortest_first
from btkit.markets.session_times import SessionPlaces, month_places, session_places
from btkit.markets.slower import SlowerBars, check_slower, slower_bars
from btkit.markets.symbols import check_symbol

__all__ = [
    "FIRST_DAY",
    "FORMS",
    "LAST_DAY",
    "ONE_DAY",
    "Annualisation",
    "Days",
    "Interval",
    "KnownBars",
    "SessionPlaces",
    "SlowerBars",
    "as_bar_time",
    "bar_dates",
    "bar_spans",
    "bars_inside",
    "check_finer",
    "check_slower",
    "check_symbol",
    "closed_schedule",
    "infer_interval",
    "known_bars",
    "last_days",
    "last_sessions",
    "month_places",
    "monthly_expiries",
    "read_day",
    "read_days",
    "read_moment",
    "read_range",
    "schedule",
    "session_dates",
    "session_ends",
    "session_minutes",
    "session_places",
    "sessions",
    "sessions_per_year",
    "shortest_first",
    "slower_bars",
    "still_forming",
    "zone_of",
]
