"""What a run came to, as the loop left it: what every table and diagnosis is made from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

import numpy as np
import pandas as pd

from btkit.conditions.evaluators import evaluator_over
from btkit.conditions.nodes import AsOf, Column, Over
from btkit.conditions.values import Value
from btkit.data import HANDED_OVER, DataInfo, Finding
from btkit.decisions import Clauses
from btkit.engine.inputs import Floats, Integers
from btkit.indicators import AsOfFeatures, FeatureSet, features_as_of
from btkit.markets import Annualisation
from btkit.metrics import Metrics
from btkit.simulation.benchmark import BenchmarkCloses
from btkit.simulation.beside import OtherInstrument
from btkit.simulation.finer import Detail, MatchedDetail
from btkit.simulation.lookahead import Lookahead
from btkit.spec import BaseSpec

if TYPE_CHECKING:
    from btkit.engine import Outcome
    from btkit.models.classifiers import Classified
    from btkit.pricing.spreads import Spread
    from btkit.simulation.intrabar import Ambiguity


class Closed(NamedTuple):
    """Closed trades in order of exit, (n_trades,); `Result.trades` says what each column is."""

    entry_bar: Integers
    exit_bar: Integers
    entry_price: Floats
    exit_price: Floats
    shares: Floats
    pnl: Floats
    return_pct: Floats
    reason: Integers
    bars_held: Integers
    commission: Floats
    slippage_cost: Floats
    multiplier: float = 1.0

    @property
    def fill_value(self) -> Floats:
        """$ of entry fill and exit fill, added."""
        prices: Floats = np.abs(self.entry_price) + np.abs(self.exit_price)
        return self.shares * self.multiplier * prices


class Positions(Protocol):
    """What a run held and closed, whatever it trades; one implementation for each kind of it."""

    noun: ClassVar[str]
    """What one trade is called: ``trade`` or ``spread``."""
    reasons: ClassVar[type[IntEnum]]
    """What the numbers in `Closed.reason` mean."""

    @property
    def directed(self) -> bool:
        """Whether each trade's side needs saying, since the run might hold either."""

    @property
    def closed(self) -> Closed:
        """The closed trades, a row for each part of a lot that left in parts."""

    @property
    def whole(self) -> Closed:
        """The closed trades, a lot's parts as one at its last exit: what metrics are of."""

    @property
    def fills(self) -> dict[str, Any]:
        """How each trade left, as further columns of `Result.trades`."""

    @property
    def spreads(self) -> list[Spread]:
        """Each trade with its legs; empty where trades have none."""

    @property
    def valuations(self) -> pd.DataFrame:
        """Each spread at every close at which it was open; see `Result.valuations`."""

    def excursions(self, bars: pd.DataFrame) -> tuple[Floats, Floats]:
        """Return the worst and the best that each trade came to, as `Result.trades` has them.

        Parameters
        ----------
        bars
            Every bar, warm-up included.
        """

    def decided_upon(self) -> tuple[Integers, Integers]:
        """Return of each trade the first bar that could decide upon it, and the one after."""

    def known(self, bars: Integers, trades: Integers) -> dict[str, Callable[[], Floats]]:
        """Return what gives the position's names as conditions saw them.

        Parameters
        ----------
        bars
            Bars at which orders were decided.
        trades
            A trade that was open there, or -1 for none.
        """

    def warnings(self, fallbacks: Mapping[str, int], bars: int) -> list[dict[str, str]]:
        """Return what a reader must know of this kind of position, as ``{code, message}``.

        Parameters
        ----------
        fallbacks
            For each name that is read: bars on which its value is a documented fallback.
        bars
            Bars in all.
        """


@dataclass(frozen=True, eq=False, repr=False)
class Simulated:
    """One simulated run of any kind of spec.

    Parameters
    ----------
    spec
        The strategy as it ran.
    initial_capital, commission, slippage
        The account: $, what the commission model multiplies, fraction of the price.
    annualisation
        How returns are taken and annualised, from the bars' interval, calendar and spec.
    benchmark
        What the run is measured against.
    all_risk_free
        float64 (n_bars,): the rate a year known before each bar, warm-up included; None for 0.
    metrics
        True values; NaN where undefined.
    quality
        What checking the bars found and repaired.
    stated
        What was said of them in ``attrs["btkit"]``, None where nothing was.
    all_bars
        The bars after checks and price adjustment, warm-up included.
    clauses, feature_set, outcome, positions
        What tables and diagnostics are made from.
    run_id
        The stored run, None if it was not stored.
    classified
        What each classifier of the spec says of the bars.
    lookahead
        What a check for look-ahead came to; None where nobody checked, as after `simulate`.
    others
        The other instruments that conditions read, by symbol.
    ambiguity
        How much of it hangs on what came first inside a bar; None without orders inside the bar.
    detail, matched
        The finer bars that said it, and what they are to the bars; None without any.
    """

    spec: BaseSpec
    initial_capital: float
    commission: float
    slippage: float
    annualisation: Annualisation
    benchmark: BenchmarkCloses
    all_risk_free: Floats | None
    metrics: Metrics
    quality: list[Finding]
    stated: DataInfo | None
    all_bars: pd.DataFrame
    clauses: Clauses
    feature_set: FeatureSet
    outcome: Outcome
    positions: Positions
    run_id: str | None = None
    classified: tuple[Classified, ...] = ()
    lookahead: Lookahead | None = None
    others: Mapping[str, OtherInstrument] = field(default_factory=dict)
    ambiguity: Ambiguity | None = None
    detail: Detail | None = None
    matched: MatchedDetail | None = None

    @property
    def interval(self) -> str:
        """The bars' interval, such as ``1d``."""
        return self.annualisation.interval.label

    @property
    def bars_per_year(self) -> float:
        """Bars in a year, which realised volatilities are annualised with."""
        return self.annualisation.bars_per_year

    @property
    def periods_per_year(self) -> float:
        """A of the annualised metrics: returns in a year."""
        return self.annualisation.periods_per_year

    @property
    def info(self) -> DataInfo | None:
        """What the loader said of the bars; None for bars that were handed over."""
        return (
            self.stated if self.stated is not None and self.stated.source != HANDED_OVER else None
        )

    @property
    def symbol(self) -> str | None:
        """The symbol, if the bars say it."""
        return None if self.info is None else self.info.symbol

    @property
    def commission_model(self) -> str:
        """The commission model in force."""
        return self.spec.commission_kind

    @property
    def ruined(self) -> bool:
        """Whether the account was lost."""
        return self.outcome.ruined

    @property
    def bars(self) -> pd.DataFrame:
        """The bars from the first deciding one on; the index of equity."""
        return self.all_bars.iloc[self.outcome.start :]

    @property
    def benchmark_closes(self) -> Floats:
        """Closes of the benchmark at `bars`."""
        return self.benchmark.closes[self.outcome.start :]

    @property
    def risk_free(self) -> Floats | None:
        """The risk-free rate a year that was known before each of `bars`; None for 0."""
        return None if self.all_risk_free is None else self.all_risk_free[self.outcome.start :]

    @property
    def detail_mismatch(self) -> int:
        """Bars whose finer bars are missing, or do not make them up: judged alone (9.8)."""
        if self.matched is None:
            return 0
        return int(np.count_nonzero(~self.matched.agrees[self.outcome.start :]))

    @property
    def seen_detail(self) -> pd.DataFrame | None:
        """The finer bars from the first inside of `bars` to the last; None without any."""
        if self.detail is None or self.matched is None:
            return None
        first, after = self.matched.first[self.outcome.start], self.matched.after[-1]
        return self.detail.bars.iloc[first:after]

    def seen_of(self, symbol: str) -> pd.DataFrame:
        """Return the bars of another instrument that the run saw.

        Parameters
        ----------
        symbol
            The other's.
        """
        features, bars = features_as_of(self.feature_set, symbol).features, self.others[symbol].bars
        first = 0 if features is None else int(bars.index.searchsorted(features.index[0]))
        return bars.iloc[first : first + (0 if features is None else len(features))]

    @property
    def names(self) -> list[str]:
        """Every per-bar name that the run reads, in order, also inside of ``on`` and ``of``."""
        return sorted(self.clauses.names() | self.spec.always_read)

    def columns(self) -> Iterator[tuple[str, FeatureSet | AsOfFeatures, str]]:
        """Yield every per-bar column that the run reads; see `columns_read`."""
        return columns_read(self.feature_set, self.clauses, self.spec)

    def calls(self) -> Iterator[tuple[Over | AsOf, Value]]:
        """Yield every call over time that the run makes, and what it is at every bar."""
        evaluator = evaluator_over(self.feature_set)
        for call in self.clauses.calls():
            with np.errstate(all="ignore"):
                value = evaluator.evaluate(call)
            yield call, value.spread(len(self.all_bars))
            evaluator.forget()


def columns_read(
    features: FeatureSet, clauses: Clauses, spec: BaseSpec
) -> Iterator[tuple[str, FeatureSet | AsOfFeatures, str]]:
    """Yield every column that conditions read, in order, those of other bars last.

    Yields
    ------
    tuple
        How it is written, what gives its values and masks, and the name to ask that for.
    """
    found = clauses.columns()
    own = {column.name for column in found if isinstance(column, Column)} | spec.always_read
    columns: list[Column | AsOf] = [Column(name) for name in sorted(own)]
    columns += [column for column in found if isinstance(column, AsOf)]
    for column in columns:
        yield column.label, *reader_of(features, column)


def reader_of(features: FeatureSet, column: Column | AsOf) -> tuple[FeatureSet | AsOfFeatures, str]:
    """Return what gives a column's values and masks at each bar, and the name to ask it for."""
    if isinstance(column, Column):
        return features, column.name
    assert isinstance(column.operand, Column)
    return features_as_of(features, column.where), column.operand.name
