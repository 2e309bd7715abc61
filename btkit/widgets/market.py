"""The bars that an editor simulates on, loaded as `run` loads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd

from btkit.arguments import check_account
from btkit.data import LoadedBars, take_bars
from btkit.documents import buy_and_hold, buy_and_hold_equity
from btkit.errors import NoDataError
from btkit.jobs import ProgressListener, Silent, execute
from btkit.jobs.asking import make_job
from btkit.jobs.execution import Execution
from btkit.jobs.job import RunJob, SpecJob
from btkit.jobs.loading import bars_of, slower_intervals_of
from btkit.jobs.prepare import USUAL_INTERVAL, prepare
from btkit.jobs.requests import Traded, check_detail, check_interval, check_source, frames_in
from btkit.markets import Interval, check_symbol, read_day
from btkit.metrics import drawdown_series
from btkit.settings import Settings
from btkit.spec import BaseSpec

J = TypeVar("J", bound=SpecJob)

if TYPE_CHECKING:
    from btkit.simulation import Result


@dataclass(frozen=True)
class MarketRequest:
    """What to simulate on, and what trading costs.

    Parameters
    ----------
    symbol, start, end, interval, source
        As `btkit.run` takes them; of bars that were handed over the symbol is what they are called.
    capital, commission, slippage
        None takes the setting.
    bars
        Those that were handed over; None where they are loaded.
    detail
        The finer bars of those, where a spec goes by some.
    """

    symbol: str
    start: str
    end: str
    interval: str = "1d"
    source: str | None = None
    capital: float | None = None
    commission: float | None = None
    slippage: float | None = None
    bars: pd.DataFrame | Mapping[str, pd.DataFrame] | None = field(default=None, compare=False)
    detail: pd.DataFrame | None = field(default=None, compare=False)

    @classmethod
    def of(
        cls,
        symbol: Traded,
        start: str | None,
        end: str | None,
        *,
        interval: str | None = None,
        meant: Mapping[str, str] | None = None,
        usual: tuple[str, str] = ("1999-01-04", "2018-12-31"),
        **others: Any,  # noqa: ANN401 - the other fields
    ) -> MarketRequest:
        """Return what a widget is asked, its defaults filled in.

        Parameters
        ----------
        symbol
            The instrument, or its bars as `btkit.run` takes them; None takes the one that is
            meant, else SPX, where a spec is asked.
        start, end
            The range; None takes the usual one, of bars all of them.
        interval
            Of the bars; None takes the one that is meant, else 1d.
        meant
            What a spec says that it is run on; None where none is asked.
        usual
            First and last day where a symbol comes without.
        **others
            The other fields.

        Raises
        ------
        UsageError
            If an argument makes no sense.
        DataError
            If the bars are broken beyond harmless repair.
        NoDataError
            If there are none.
        """
        if symbol is None and meant is not None:
            symbol = meant.get("symbol", "SPX")
        if interval is None:
            interval = (meant or {}).get("interval", USUAL_INTERVAL)
        bars = frames_in(symbol)
        check_detail(others.get("detail"), bars)
        if bars is not None:
            usual = _days_of([bars] if isinstance(bars, pd.DataFrame) else list(bars.values()))
            symbol = "DataFrame"
        # A field shows a text that makes no sense and says why; what is no text it cannot show.
        request = cls(
            symbol if isinstance(symbol, str) else check_symbol(symbol),
            *_days(start, end, usual),
            interval=interval,
            bars=bars,
            **others,
        )
        check_interval(request.interval)
        check_source(request.source)
        check_account(
            capital=1.0 if request.capital is None else request.capital,
            commission=0.0 if request.commission is None else request.commission,
            slippage=0.0 if request.slippage is None else request.slippage,
        )
        return request

    def changed(self, **parts: Any) -> MarketRequest:  # noqa: ANN401 - any field
        """Return a copy with some parts changed."""
        return replace(self, **parts)


def _days_of(frames: Sequence[pd.DataFrame]) -> tuple[str, str]:
    """Return the first and the last day that all of some frames have."""
    spans = [take_bars(frame).bars.index for frame in frames]
    if not spans or not all(map(len, spans)):
        raise NoDataError("There are no bars.", hint="Hand over a frame that has some.")
    first, last = (edge(index[place] for index in spans) for edge, place in ((max, 0), (min, -1)))
    return first.date().isoformat(), last.date().isoformat()


def _days(start: object, end: object, usual: tuple[str, str]) -> tuple[str, str]:
    first = usual[0] if start is None else read_day(start, name="start").isoformat()
    last = usual[1] if end is None else read_day(end, name="end").isoformat()
    return first, last


class LoadedMarket:
    """Bars of one request, kept so that an edit of the spec loads nothing.

    Parameters
    ----------
    request
        What to load.
    settings
        The BT_* environment.
    """

    def __init__(self, request: MarketRequest, *, settings: Settings) -> None:
        self.request = request
        self._settings = settings
        self._loaded: dict[tuple[object, ...], LoadedBars] = {}

    def job(self, kind: type[J], spec: BaseSpec, **more: Any) -> J:  # noqa: ANN401 - its own fields
        """Return the job that asks for a spec on this market.

        Parameters
        ----------
        kind
            Its class.
        spec
            What it runs.
        **more
            Its other fields.

        Raises
        ------
        UsageError
            If anything makes no sense.
        """
        request = self.request
        names = ("start", "end", "interval", "source", "capital", "commission", "slippage")
        values = {name: getattr(request, name) for name in names}
        given = request.bars is not None
        values |= {"spec": spec, "symbol": None if given else request.symbol, **more}
        job = make_job(kind, values, settings=self._settings, loads=not given)
        return prepare(job, settings=self._settings)

    def simulate(self, spec: BaseSpec) -> Result:
        """Simulate a spec exactly as `run` would.

        Raises
        ------
        BtkitError
            If bars cannot be had or an argument makes no sense.
        """
        job = self.job(RunJob, spec)
        result: Result = execute(job, settings=self._settings, bars=self.bars_for(job))
        return result

    def execute(self, job: SpecJob, progress: ProgressListener) -> Any:  # noqa: ANN401 - by the job's kind
        """Carry out a job on its bars; nothing is stored.

        Parameters
        ----------
        job
            As `job` returned it.
        progress
            Notified of each stage.

        Raises
        ------
        BtkitError
            As the verb of its kind.
        """
        with progress.stage("load bars"):
            loaded = self.bars_for(job)
        return execute(job, settings=self._settings, progress=progress, bars=loaded)

    def bars_for(self, job: SpecJob) -> LoadedBars:
        """Return the bars of a job; what its spec does not read is not loaded."""
        spec = job.strategy
        slower: tuple[Interval, ...] = ()
        if self.request.bars is None:
            slower = slower_intervals_of(spec, symbol=job.symbol, interval=job.bars_interval)
        others = tuple((symbol, *sorted(names)) for symbol, names in spec.others_read.items())
        calendars = tuple(sorted(spec.calendars.items()))
        key = (
            spec.needs_iv, spec.needs_vix, spec.own_columns, spec.calendar, slower, others,
            calendars, spec.detail_interval,
        )  # fmt: skip
        if key not in self._loaded:
            # An edit may take the spec's own word of finer bars away, and give it back.
            detail = None if spec.detail_interval is None else self.request.detail
            given = Execution(self._settings, Silent(), self.request.bars, detail=detail)
            self._loaded[key] = bars_of(job, given)
        return self._loaded[key]


def _held(result: Result) -> pd.DataFrame:
    # With the dividends that are paid in cash.
    known = result.benchmark
    closes = result.benchmark_closes if known.bars is None else result.bars["close"]
    return pd.DataFrame({"close": np.asarray(closes)}, index=result.bars.index)


class BuyAndHold:
    """Buy-and-hold on the bars of a result: what every edit is compared with."""

    def __init__(self, result: Result) -> None:
        self._bars = _held(result)
        self._capital = result.initial_capital
        self._annualisation = result.annualisation

    def fits(self, result: Result) -> bool:
        """Tell whether another result is of the same bars and capital."""
        bars = _held(result)
        return (
            self._capital == result.initial_capital
            and self._annualisation == result.annualisation
            and len(bars) == len(self._bars)
            and bars.index[0] == self._bars.index[0]
            and bool(np.array_equal(bars["close"], self._bars["close"]))
        )

    @cached_property
    def equity(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Account value in $ at each close."""
        return np.asarray(buy_and_hold_equity(self._bars, capital=self._capital), np.float64)

    @cached_property
    def falls(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Fall from the last high at each close, in percent, at most 0."""
        return np.asarray(drawdown_series(self.equity, self._capital)) * 100

    @cached_property
    def metrics(self) -> dict[str, float | None]:
        """Metrics by name; None where undefined."""
        found = buy_and_hold(
            self._bars, capital=self._capital, annualisation=self._annualisation
        ).model_dump()
        names = set(found) - {"name", "definition", "undefined"}
        return {name: None if name in found["undefined"] else found[name] for name in names}

    @cached_property
    def times(self) -> pd.DatetimeIndex:
        """Bar times."""
        return pd.DatetimeIndex(self._bars.index)
