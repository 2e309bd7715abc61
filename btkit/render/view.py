"""One stored run as the report's sections read it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from btkit.documents import (
    Benchmark,
    MetricsSection,
    Report,
    RunDocument,
    RunInfo,
    buy_and_hold_equity,
    whole_lots,
)
from btkit.markets import Annualisation
from btkit.metrics import Drawdown, deepest_drawdowns, spanned_days
from btkit.metrics.curves import risk_free_returns
from btkit.spec.orders import (
    ORDER_FIELDS,
    EntryOrderField,
    StatedOrders,
    StopLoss,
    TakeProfit,
    TrailingStopField,
    filled_levels,
)

LATEST, LARGEST = 2_000, 2_000
"""Of a run with more trades than both together, a page shows so many of the latest, and of those
with the largest profit or loss."""

NO_TRADE = "no trade was made"
UNDEFINED_BECAUSE: dict[str, str] = {
    "win_rate": NO_TRADE,
    "profit_factor": "no trade lost, so there is nothing to divide by",
    "expectancy_per_trade": NO_TRADE,
    "avg_win_pct": "no trade won",
    "avg_loss_pct": "no trade lost",
    "avg_win": "no trade won",
    "avg_loss": "no trade lost",
    "avg_holding_period": NO_TRADE,
    "avg_win_holding_period": "no trade won",
    "avg_loss_holding_period": "no trade lost",
    "sharpe_ratio": "the account did not move, so there is no risk to divide by",
    "sortino_ratio": "no bar lost money, so there is no downside risk to divide by",
    "calmar_ratio": "the account never fell, so there is no drawdown to divide by",
    "recovery_factor": "the account never fell, so there is no drawdown to divide by",
    "cagr": "the run is too short to be annualised",
    "annualized_return": "the run is too short to be annualised",
    "volatility": "too few bars to measure it",
    "beta": "the benchmark did not move",
    "alpha": "the benchmark did not move",
    "correlation": "the account or the benchmark did not move",
    "information_ratio": "the account did what the benchmark did",
    "tracking_error": "too few bars to measure it",
}


@dataclass(frozen=True)
class MetricValue:
    """A metric with its true value, or None and the reason why there is none."""

    number: float | None
    reason: str = ""


class Trade(NamedTuple):
    """One row of the list of trades; prices per share, pnl and costs in $."""

    entry_date: pd.Timestamp
    exit_date: pd.Timestamp
    entry_price: float
    exit_price: float
    shares: float
    pnl: float
    return_pct: float
    exit_reason: str
    bars_held: int
    commission: float
    slippage_cost: float
    # Empty where the strategy takes one side.
    direction: str = ""
    # Of lots of shares; a run of an earlier version does not say it.
    fill_kind: str = ""
    certain: bool = True


def trade_rows(trades: pd.DataFrame) -> list[Trade]:
    """Return trades as typed rows, in the order of the table."""
    names = [name for name in Trade._fields if name in trades]
    columns = [trades[name].tolist() for name in names]
    return [Trade(**dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)]


class RunTerms(BaseModel):
    """What a run was charged and how its orders filled, as its report's settings say it."""

    model_config = ConfigDict(frozen=True)

    capital: float
    commission: float
    commission_model: str
    slippage: float
    interval: str
    # A run of spreads has no direction, and that of an earlier version no fill rule.
    fill: str = "next_open"
    direction: str = "long"


class ShortFacts(BaseModel):
    """What pages read of the short side of a spec that takes both; None where it is the long's."""

    model_config = ConfigDict(frozen=True)

    position_sizing_formula: str | None = None
    per_trade_risk_pct: float | None = None
    stop_loss: StopLoss = None
    take_profit: TakeProfit = None
    trailing_stop: TrailingStopField = None
    entry_order: EntryOrderField = None


class RuleFacts(BaseModel):
    """What pages read of a spec as it ran; a report of an earlier version lacks some of it."""

    model_config = ConfigDict(frozen=True)

    calendar: str
    bars_per_year: float | None
    per_trade_risk_pct: float
    max_holding_bars: int
    max_concurrent_positions: int
    position_sizing_formula: str = ""
    short: ShortFacts | None = None
    multiplier: float | None = None
    initial_margin: float | None = None
    parameters: dict[str, float] = {}
    cash_rate: float | str | None = None
    borrow_rate: float | str | None = None
    dividends: str = "none"
    stop_loss: StopLoss = None
    take_profit: TakeProfit = None
    trailing_stop: TrailingStopField = None
    entry_order: EntryOrderField = None

    def orders_of(self, *, short: bool) -> StatedOrders:
        """Return what it says of orders inside the bar for one side, parameters filled in.

        Parameters
        ----------
        short
            Whether of its shorts; what they lack is mirrored.
        """
        own = self.short if short else None
        said = {name: getattr(own, name, None) or getattr(self, name) for name in ORDER_FIELDS}
        return filled_levels(**said, parameters=self.parameters)


@dataclass(frozen=True)
class RunView:
    """What the sections of a report read, taken from a stored run and nothing else.

    Parameters
    ----------
    report
        The document.
    trades
        One row a trade; of a run whose lots may leave in parts one row a part.
    curve
        One row a bar: equity, cash, invested, open, high, low, close; what a benchmark was worth
        that is not these closes, the risk-free rate a year known before the bar, and what was
        paid for holding, where there are such.
    """

    report: Report
    trades: pd.DataFrame
    curve: pd.DataFrame

    @classmethod
    def of(cls, document: RunDocument) -> Self:
        """Return the view of a stored run."""
        return cls(report=document.report, trades=document.trades, curve=document.curve)

    @property
    def run(self) -> RunInfo:
        """Identity and settings of the run."""
        return self.report.run

    @property
    def initial(self) -> float:
        """Account value in $ before the first bar."""
        return self.run.initial_capital

    @property
    def side(self) -> str:
        """Which side of the instrument the strategy takes, in words."""
        return self.report.side

    @cached_property
    def rule(self) -> RuleFacts:
        """The strategy spec as it ran."""
        return RuleFacts.model_validate(self.report.provenance.spec)

    @cached_property
    def terms(self) -> RunTerms:
        """Costs, fill rule and clock of the run."""
        return RunTerms.model_validate(self.report.provenance.settings)

    @property
    def symbol(self) -> str:
        """The symbol, or ``bars`` when the run was given bars and no name."""
        return self.run.symbol or "bars"

    @cached_property
    def times(self) -> pd.DatetimeIndex:
        """Bar times, UTC and naive."""
        index = pd.DatetimeIndex(self.curve.index)
        return index.tz_convert(None) if index.tz is not None else index

    @cached_property
    def equity(self) -> pd.Series[float]:
        """Account value in $ at each close."""
        return self._by_time(np.asarray(self.curve["equity"], dtype=np.float64))

    @cached_property
    def invested(self) -> pd.Series[float]:
        """Value in $ of the open positions at each close."""
        return self._by_time(np.asarray(self.curve["invested"], dtype=np.float64))

    @cached_property
    def held(self) -> pd.Series[float]:
        """Value in $ of buying the benchmark at the start and holding, at each close."""
        bars = self.curve
        if "benchmark" in bars:
            bars = bars[["benchmark"]].set_axis(["close"], axis="columns")
        curve = buy_and_hold_equity(bars, capital=self.initial)
        return self._by_time(np.asarray(curve, dtype=np.float64))

    def _by_time(self, values: NDArray[np.float64]) -> pd.Series[float]:
        # In the memory of the curve, which of a long run is not to be there twice.
        return pd.Series(values, index=self.times, copy=False)

    @property
    def rates(self) -> NDArray[np.float64]:
        """What of each return is free of risk; empty for nothing."""
        known = self.curve["risk_free"].to_numpy() if "risk_free" in self.curve else None
        return risk_free_returns(known, self.period_ends, self.annualisation.periods_per_year)

    @cached_property
    def days(self) -> int:
        """Calendar days from the first bar to the last."""
        return spanned_days(self.times)

    @cached_property
    def annualisation(self) -> Annualisation:
        """How returns are taken and annualised in what is drawn."""
        rule = self.rule
        return Annualisation.of(self.terms.interval, rule.calendar, rule.bars_per_year)

    @cached_property
    def period_ends(self) -> NDArray[np.int64]:
        """The bars at which returns end: every one, or the last of each session."""
        ends = self.annualisation.period_ends(self.times)
        return np.arange(len(self.times)) if ends is None else ends

    @cached_property
    def fall(self) -> Drawdown | None:
        """The account's deepest fall; None when it never fell."""
        return self.falls[0] if self.falls else None

    @cached_property
    def falls(self) -> list[Drawdown]:
        """The five deepest falls of the account, the deepest first."""
        return deepest_drawdowns(self.equity, self.initial)

    @cached_property
    def ruined(self) -> bool:
        """Whether the run ended because nothing was left."""
        return bool((self.equity <= 0).any()) or bool((self.trades["exit_reason"] == "ruin").any())

    @cached_property
    def of_lots(self) -> Self:
        """The same run with whole lots for trades, where some left in parts: what metrics take."""
        return replace(self, trades=whole_lots(self.trades))

    @property
    def in_parts(self) -> bool:
        """Whether a lot might leave in parts, and each of them is a row of the trades."""
        return "lot" in self.trades

    @cached_property
    def shown_places(self) -> NDArray[np.int64]:
        """Places of the trades that a page shows one by one: all, or the latest and largest."""
        total = len(self.trades)
        if not is_cut(total):
            return np.arange(total)
        pnl = np.abs(self.trades["pnl"].to_numpy(dtype=np.float64))
        largest = np.argsort(-pnl, kind="stable")[:LARGEST]
        return np.union1d(largest, np.arange(total - LATEST, total))

    @cached_property
    def shown(self) -> pd.DataFrame:
        """Those trades, in order of exit."""
        return self.trades.iloc[self.shown_places]

    @property
    def shown_note(self) -> str:
        """The sentence that a chart with fewer trades than there are says, or nothing."""
        total = len(self.trades)
        if not is_cut(total):
            return ""
        noun = "exits" if self.in_parts else "trades"
        return (
            f" Drawn with {len(self.shown):,} of {total:,} {noun}, the latest and those with the "
            "largest profit or loss; all numbers use every trade."
        )

    def metric(self, name: str) -> MetricValue:
        """Return a metric of the strategy."""
        return metric_value(self.report.metrics, name)

    def benchmark(self, name: str) -> MetricValue:
        """Return the same metric of holding the benchmark."""
        return metric_value(self.report.benchmark, name)


def is_cut(trades: int) -> bool:
    """Tell whether a page shows only some of so many trades."""
    return trades > LATEST + LARGEST


def metric_value(metrics: MetricsSection | Benchmark, name: str) -> MetricValue:
    """Return a metric with its true value, or why it has none.

    Parameters
    ----------
    metrics
        A document's.
    name
        The metric's.
    """
    number = getattr(metrics, name, None)
    if number is None:
        return MetricValue(None, "not measured here")
    if name not in metrics.undefined:
        return MetricValue(float(number))
    if not getattr(metrics, "total_trades", 0) and name in {"profit_factor", "avg_win", "avg_loss"}:
        return MetricValue(None, NO_TRADE)
    return MetricValue(None, UNDEFINED_BECAUSE.get(name, "undefined for this run"))
