"""A source that remembers what it answered, and answers again as of an earlier bar."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from btkit.data.observe import CLOSES_WITH_NEW_YORK
from btkit.data.source import Answer, Observations, Request, Source, no_observations
from btkit.markets import ONE_DAY, Interval, last_days


class Recorded(Source):
    """A source whose answers are kept.

    Parameters
    ----------
    source
        Where they come from.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self.answer: Answer | None = None
        self.beside: dict[str, Observations] = {}

    @property
    def name(self) -> str:
        """The name of the source itself."""
        return self._source.name

    def bars(self, request: Request) -> Answer:
        """Return the source's answer, the widest of which is kept."""
        answer = self._source.bars(request)
        if self.answer is None or len(answer.frame) > len(self.answer.frame):
            self.answer = answer
        return answer

    def vix(self, request: Request) -> Observations:
        """Return the source's answer, which is kept."""
        return self._kept("vix", self._source.vix(request))

    def implied_volatility(self, request: Request) -> Observations:
        """Return the source's answer, which is kept."""
        return self._kept("iv", self._source.implied_volatility(request))

    def _kept(self, name: str, found: Observations) -> Observations:
        # Whoever asks again asks for less.
        self.beside.setdefault(name, found)
        return found

    @property
    def columns(self) -> list[str]:
        """What stands in its bars."""
        return [] if self.answer is None else [str(name) for name in self.answer.frame.columns]

    @property
    def knows_vix(self) -> bool:
        """Whether it gave the VIX, so that nobody else was asked for it."""
        found = self.beside.get("vix")
        return found is not None and bool(found.frame.notna().to_numpy().any())

    def until(self, bar: pd.Timestamp, *, interval: Interval, calendar: str) -> Source:
        """Return what would have been answered at a bar's close.

        Parameters
        ----------
        bar
            The time of the bar.
        interval, calendar
            Of the bars.
        """
        assert self.answer is not None, "the source was asked before"
        day = bar.tz_localize(None).normalize()
        if interval.is_intraday:
            # A day's values are known at its close, which none of its bars comes after for sure.
            day = vix_day = day - ONE_DAY
        else:
            if interval.is_longer:
                day = pd.Timestamp(last_days(pd.DatetimeIndex([bar]), interval)[0])
            vix_day = day if calendar in CLOSES_WITH_NEW_YORK else day - ONE_DAY
        frame = self.answer.frame
        known = replace(self.answer, frame=frame[pd.DatetimeIndex(frame.index) <= bar], gaps=None)
        days = {"vix": vix_day, "iv": day}
        beside = {
            name: replace(found, frame=found.frame[found.frame.index <= days[name]])
            for name, found in self.beside.items()
        }
        return _AsOf(self.name, known, beside)


@dataclass(frozen=True)
class _AsOf(Source):
    label: str
    answer: Answer
    beside: dict[str, Observations]

    @property
    def name(self) -> str:
        return self.label

    def bars(self, request: Request) -> Answer:
        del request
        return self.answer

    def vix(self, request: Request) -> Observations:
        del request
        return self.beside.get("vix", no_observations("vix"))

    def implied_volatility(self, request: Request) -> Observations:
        del request
        return self.beside.get("iv", no_observations("iv_rank", "iv_percentile", "current_iv"))
