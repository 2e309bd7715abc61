"""How returns are taken from a curve, and how many of them make a year (SEMANTICS 5)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.markets.bar_sessions import session_ends
from btkit.markets.interval import Interval


@dataclass(frozen=True)
class Annualisation:
    """What a bar's interval, a calendar and the spec say of a year.

    Returns go from bar to bar for daily and longer bars. For intraday ones they go from the last
    bar of a session to the last bar of the next, so that bars that are thin or missing change
    nothing: returns of single minutes would be annualised as if each minute of the year had one.

    Parameters
    ----------
    interval
        Of the bars.
    calendar
        A name of `exchange_calendars`.
    stated
        The spec's own number of bars in a year, or None. With it returns go from bar to bar.

    Examples
    --------
    >>> hourly = Annualisation.of("1h")
    >>> hourly.periods_per_year, hourly.bars_per_year
    (252.0, 1764.0)
    """

    interval: Interval = Interval.DAY
    calendar: str = "XNYS"
    stated: float | None = None

    @classmethod
    def of(
        cls, interval: Interval | str, calendar: str = "XNYS", stated: float | None = None
    ) -> Self:
        """Return the annualisation of an interval or its label.

        Raises
        ------
        UsageError
            If there is no such interval.
        """
        return cls(Interval.parse(interval), calendar, stated)

    @property
    def by_session(self) -> bool:
        """Whether a return spans a session, not a bar."""
        return self.interval.is_intraday and self.stated is None

    @cached_property
    def periods_per_year(self) -> float:
        """A: how many returns make a year.

        Raises
        ------
        UsageError
            If no exchange has the calendar's name.
        """
        return self.stated or self.interval.periods_per_year(self.calendar)

    @cached_property
    def bars_per_year(self) -> float:
        """How many bars make a year, for the realised volatilities among the indicators.

        Raises
        ------
        UsageError
            If no exchange has the calendar's name.
        """
        return self.stated or self.interval.bars_per_year(self.calendar)

    def period_ends(self, index: pd.DatetimeIndex) -> npt.NDArray[np.int64] | None:
        """Return the bars at which returns end.

        Parameters
        ----------
        index
            Ascending times of bars.

        Returns
        -------
        ndarray of int64, shape (n_returns,), or None
            Positions; None where each bar ends one.

        Raises
        ------
        UsageError
            If no exchange has the calendar's name.
        """
        return session_ends(index, calendar=self.calendar) if self.by_session else None
