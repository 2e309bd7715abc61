"""What a kind of spec is simulated from, and how what it did becomes a result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.conditions.columns import ColumnEvaluator
from btkit.conditions.evaluators import evaluator_over
from btkit.conditions.over_time import KeptCalls
from btkit.data import WARMUP_BARS, DataInfo, Finding
from btkit.decisions import Clauses
from btkit.decisions.records import NO_FINER, FinerBars
from btkit.engine.inputs import Floats
from btkit.indicators import EventDates, FeatureSet
from btkit.markets import Annualisation, Interval, known_bars, shortest_first
from btkit.metrics import Metrics, TradeColumns, compute_metrics
from btkit.simulation.benchmark import BenchmarkCloses, own_benchmark
from btkit.simulation.beside import OtherInstrument
from btkit.simulation.finer import Detail, MatchedDetail
from btkit.simulation.result import Result
from btkit.simulation.simulated import Positions
from btkit.spec import BaseSpec

if TYPE_CHECKING:
    from btkit.engine import Carry, ChunkedRun, Outcome
    from btkit.models.asked_bars import AskedBars
    from btkit.models.classifiers import Classified, Classifier
    from btkit.models.timeline import KnownBundle

Loop = Callable[["ChunkedRun"], "Outcome"]
"""Runs a loop to its end and returns what it came to: at once, or watched, saved and stopped."""

InSample = Literal["apart", "scored", "refused"]
"""What becomes of bars that a model was trained on: a run apart, scored as any, or an error."""


def in_one_piece(loop: ChunkedRun) -> Outcome:
    """Run a loop over all bars at once.

    Parameters
    ----------
    loop
        As a kind of spec gives it.
    """
    return loop.finish(chunk_bars=loop.bars)


@dataclass(frozen=True)
class Inputs:
    """What is simulated, checked.

    Parameters
    ----------
    spec
        Of the kind that is simulated.
    bars, quality, stated
        Checked bars, what was found in them, and what a loader said of them.
    events
        The dates of the user's events that concern the instrument.
    start, begin
        The first deciding bar, and the first one that indicators of the bars' own interval see.
    capital, commission, slippage
        The account.
    annualisation
        How returns are taken and annualised.
    benchmark
        What the run is measured against.
    risk_free
        float64 (n_bars,): the rate a year known before each bar; None for 0.
    carry
        What is paid at each bar before its fills; None for nothing.
    loop
        Runs the loop.
    others
        The other instruments that conditions read, by symbol.
    detail
        The finer bars that say what came first inside a bar; None goes by the bars alone.
    outputs
        Where a kind of spec leaves what it works out for each bar beside the columns that
        conditions read, such as a model's probabilities: arrays of shape (n_bars,) by name. That
        they do not look ahead is checked as it is of those columns.
    bundles
        Those of a model spec, the oldest first.
    classifiers
        Those of the spec.
    in_sample
        What becomes of bars that these were trained on.
    warmup
        Bars before the first deciding one that bundles see at most, however many were loaded
        (SEMANTICS 1.3).
    """

    spec: BaseSpec
    bars: pd.DataFrame
    quality: list[Finding]
    stated: DataInfo | None
    events: dict[str, EventDates]
    start: int
    begin: int
    capital: float
    commission: float
    slippage: float
    annualisation: Annualisation
    benchmark: BenchmarkCloses
    risk_free: Floats | None
    carry: Carry | None
    loop: Loop
    others: Mapping[str, OtherInstrument] = field(default_factory=dict)
    detail: Detail | None = None
    outputs: dict[str, Floats] = field(default_factory=dict)
    bundles: tuple[KnownBundle, ...] = ()
    classifiers: tuple[Classifier, ...] = ()
    in_sample: InSample = "apart"
    warmup: int = WARMUP_BARS

    def cut(self, first: int, last: int, **changes: Any) -> Inputs:  # noqa: ANN401 - any field
        """Return what is simulated of some of the bars.

        Parameters
        ----------
        first, last
            The first of them, and the one after the last.
        **changes
            Other fields, such as ``start``, which counts from `first` then.
        """
        rows = slice(first, last)
        return replace(
            self,
            bars=self.bars.iloc[rows],
            benchmark=replace(self.benchmark, closes=self.benchmark.closes[rows]),
            risk_free=None if self.risk_free is None else self.risk_free[rows],
            carry=None if self.carry is None else self.carry.cut(rows),
            **changes,
        )

    def deciding_from(self, start: int) -> Inputs:
        """Return what a run of bundles rests on that decides first at a bar.

        Its history is its own: it is the same run whatever was loaded, or decided, before.

        Parameters
        ----------
        start
            The bar's place.
        """
        begin = max(self.begin, start - self.warmup)
        if (start, begin) == (self.start, self.begin):
            return self
        benchmark = self.benchmark
        if benchmark.with_dividends:
            benchmark = own_benchmark(self.bars, self.carry, start)
        return replace(self, start=start, begin=begin, benchmark=benchmark)

    def known(self, symbol: str) -> npt.NDArray[np.int64]:
        """Return the place of the last bar of another instrument that closed by each bar's close.

        Parameters
        ----------
        symbol
            The other's; -1 stands where none had closed.
        """
        if symbol not in self._known:
            other = self.others[symbol]
            self._known[symbol] = known_bars(
                pd.DatetimeIndex(self.bars.index),
                pd.DatetimeIndex(other.bars.index),
                self.annualisation.interval,
                calendar=self.spec.calendar,
                other_calendar=other.calendar,
            ).last
        return self._known[symbol]

    @cached_property
    def _known(self) -> dict[str, npt.NDArray[np.int64]]:
        return {}

    @cached_property
    def matched(self) -> MatchedDetail | None:
        """The finer bars beside the bars; None without any."""
        return None if self.detail is None else self.detail.matched(self.bars, self.annualisation)

    @property
    def finer(self) -> FinerBars:
        """The same as the loop takes them."""
        return NO_FINER if self.matched is None else self.matched.finer

    @property
    def symbol(self) -> str | None:
        """The instrument, where a loader said it."""
        return None if self.stated is None else self.stated.symbol or None

    @cached_property
    def slower_intervals(self) -> tuple[Interval, ...]:
        """The slower intervals whose bars conditions and bundles read, the shortest first."""
        return shortest_first(self.spec.slower_intervals, self.slower_lookbacks)

    @cached_property
    def slower_lookbacks(self) -> dict[Interval, int]:
        """The longest lookback of bundles on each slower interval, in bars of that."""
        known = (*self.bundles, *(one for each in self.classifiers for one in each.bundles))
        found: dict[Interval, int] = {}
        for one in known:
            for interval, bars in one.bundle.features.slower_lookbacks.items():
                found[interval] = max(found.get(interval, 0), bars)
        return found

    @cached_property
    def asked(self) -> AskedBars:
        """The bars as bundles are asked about them."""
        # Only who has bundles waits for networks.
        from btkit.models.asked_bars import AskedBars  # noqa: PLC0415

        return AskedBars(
            self.bars,
            symbol=self.symbol,
            interval=self.annualisation.interval,
            calendar=self.spec.calendar,
            start=self.start,
            begin=max(self.begin, self.start - self.warmup),
        )

    @cached_property
    def features(self) -> FeatureSet:
        """The columns that conditions may read."""
        texts = {found.name: found.texts for found in self.classified}
        return FeatureSet(
            self.bars.assign(**texts) if texts else self.bars,
            bars_per_year=self.annualisation.bars_per_year,
            calendar=self.spec.calendar,
            interval=self.annualisation.interval,
            events=self.events,
            start=self.start,
            begin=self.begin,
            columns=self.spec.declared,
            others=self.others,
            copy=False,
        )

    @cached_property
    def classified(self) -> tuple[Classified, ...]:
        """What each classifier says of the bars."""
        if not self.classifiers:
            return ()
        from btkit.models.classifiers import classify_bars  # noqa: PLC0415 - as above

        return tuple(classify_bars(classifier, self.asked) for classifier in self.classifiers)

    def evaluator(self, *, kept: KeptCalls | None = None) -> ColumnEvaluator:
        """Return what evaluates conditions over those columns.

        Parameters
        ----------
        kept
            Where calls over time are kept for other sets of parameters.
        """
        return evaluator_over(self.features, kept=kept)


def measure_outcome(inputs: Inputs, outcome: Outcome, positions: Positions) -> Metrics:
    """Return the metrics of what a run did.

    Parameters
    ----------
    inputs, outcome, positions
        As for `conclude`.
    """
    start, closed = inputs.start, positions.whole
    index = pd.DatetimeIndex(inputs.bars.index)
    # Without the zone, or each time would be an object of its own.
    times = index.tz_localize(None).to_numpy()
    return compute_metrics(
        outcome.curve.equity[start:],
        index[start:],
        initial_capital=inputs.capital,
        periods_per_year=inputs.annualisation.periods_per_year,
        period_ends=inputs.annualisation.period_ends(index[start:]),
        trades=TradeColumns(
            closed.pnl,
            closed.return_pct,
            closed.fill_value,
            times[closed.entry_bar],
            times[closed.exit_bar],
        ),
        ruined=outcome.ruined,
        risk_free=None if inputs.risk_free is None else inputs.risk_free[start:],
        benchmark=inputs.benchmark.closes[start:],
    )


def conclude(inputs: Inputs, clauses: Clauses, outcome: Outcome, positions: Positions) -> Result:
    """Measure what a run did.

    Parameters
    ----------
    inputs
        What was simulated.
    clauses
        Its conditions.
    outcome
        What the loop came to.
    positions
        What it held and closed.
    """
    return Result(
        spec=inputs.spec,
        initial_capital=inputs.capital,
        commission=inputs.commission,
        slippage=inputs.slippage,
        annualisation=inputs.annualisation,
        benchmark=inputs.benchmark,
        all_risk_free=inputs.risk_free,
        metrics=measure_outcome(inputs, outcome, positions),
        quality=inputs.quality,
        stated=inputs.stated,
        others=inputs.others,
        detail=inputs.detail,
        matched=inputs.matched,
        all_bars=inputs.bars,
        clauses=clauses,
        feature_set=inputs.features,
        outcome=outcome,
        positions=positions,
        # What went into them and came out nobody reads any more, and a long run has much of it.
        classified=tuple(replace(found, outputs={}) for found in inputs.classified),
    )
