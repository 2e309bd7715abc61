"""The bars of another instrument that conditions read with `of` (SEMANTICS 2.11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import pandas as pd

from btkit.indicators.announcements import EventDates


@dataclass(frozen=True, eq=False)
class OtherBars:
    """Another instrument beside the one of a run.

    Parameters
    ----------
    bars
        Checked and adjusted, of the run's interval.
    calendar
        Its own: a name of `exchange_calendars`.
    events
        The dates of the user's events, by name, that concern it.
    columns
        The declared columns that are read of it.
    """

    bars: pd.DataFrame
    calendar: str
    events: Mapping[str, EventDates] = field(default_factory=dict)
    columns: tuple[str, ...] = ()


NO_OTHERS: Mapping[str, OtherBars] = MappingProxyType({})
