"""What a simulation gives: plain data, with tables made when they are first asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from btkit.data import HANDED_OVER, DataInfo, Finding, describe_bars
from btkit.engine import Clauses, Outcome, Reason, TradeValues
from btkit.indicators import FeatureSet, lookup
from btkit.markets import Annualisation
from btkit.metrics import Metrics
from btkit.simulation.diagnostics import Diagnostics, diagnose
from btkit.simulation.warnings import fallback_bars, find_warnings
from btkit.spec import StrategySpec


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """One simulated run.

    Parameters
    ----------
    spec
        The strategy as it ran.
    initial_capital, commission, slippage
        The account: $, what the commission model multiplies, fraction of the price.
    annualisation
        How returns are taken and annualised, from the bars' interval, calendar and spec.
    metrics
        True values; NaN where undefined.
    quality
        What checking the bars found and repaired.
    told
        What was said of them in ``attrs["btkit"]``, None where nothing was.
    all_bars
        The bars after checks and price adjustment, warm-up included.
    clauses, feature_set, outcome, trade_values
        What tables and diagnostics are made from.
    run_id
        The stored run, None if it was not stored.
    """

    spec: StrategySpec
    initial_capital: float
    commission: float
    slippage: float
    annualisation: Annualisation
    metrics: Metrics
    quality: list[Finding]
    told: DataInfo | None
    all_bars: pd.DataFrame
    clauses: Clauses
    feature_set: FeatureSet
    outcome: Outcome
    trade_values: TradeValues
    run_id: str | None = None

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
        return self.told if self.told is not None and self.told.source != HANDED_OVER else None

    @cached_property
    def data(self) -> DataInfo:
        """Where the bars come from, what was found in them, which sessions they lack."""
        return describe_bars(
            pd.DatetimeIndex(self.all_bars.index),
            start=self.outcome.start,
            interval=self.annualisation.interval,
            calendar=self.spec.calendar,
            findings=self.quality,
            told=self.told,
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
    def equity(self) -> pd.Series[float]:
        """Account value in $ at each bar's close."""
        return self._series(self.outcome.curve.equity, "equity")

    @property
    def cash(self) -> pd.Series[float]:
        """Free cash in $ at each bar's close, after its fills."""
        return self._series(self.outcome.curve.cash, "cash")

    @property
    def invested(self) -> pd.Series[float]:
        """Value of the open lots in $ at each bar's close, a short's collateral included."""
        return (self.equity - self.cash).rename("invested")

    @cached_property
    def trades(self) -> pd.DataFrame:
        """Closed lots in order of exit, one row each; prices per share, the rest in $."""
        trades, values = self.outcome.trades, self.trade_values
        index = self.all_bars.index
        return pd.DataFrame(
            {
                "entry_date": index[trades.entry_bar],
                "exit_date": index[trades.exit_bar],
                "entry_price": trades.entry_price,
                "exit_price": trades.exit_price,
                "shares": trades.shares,
                "pnl": values.pnl,
                "return_pct": values.return_pct,
                "exit_reason": pd.array(
                    [Reason(reason).name.lower() for reason in trades.reason], dtype="str"
                ),
                "bars_held": values.bars_held,
                "commission": values.commission,
                "slippage_cost": values.slippage_cost,
            }
        )

    @cached_property
    def features(self) -> pd.DataFrame:
        """Every per-bar column that the spec reads, from the first deciding bar on."""
        names = sorted(self.clauses.names())
        start = self.outcome.start
        return pd.DataFrame(
            {name: self.feature_set.column(name)[start:] for name in names},
            index=self.all_bars.index[start:],
        )

    @cached_property
    def diagnostics(self) -> Diagnostics:
        """How often each condition held, what was skipped, and why nothing was traded."""
        return diagnose(self.clauses, self.feature_set, self.outcome, self.all_bars, self.spec)

    @cached_property
    def fallbacks(self) -> dict[str, int]:
        """For each name that the spec reads: bars on which its value is a documented fallback."""
        return fallback_bars(self.clauses, self.feature_set, self.outcome.start)

    @cached_property
    def warnings(self) -> list[dict[str, str]]:
        """What a reader must know before trusting the numbers: ``{code, message}``."""
        return find_warnings(self, needs_volatility=self.spec.requires_options_data)

    @cached_property
    def warmup(self) -> dict[str, Any]:
        """How far the bars before the start reach.

        ``bars``: their number. ``missing_until``: for each name still missing at the start, the
        date of its first value, None if it has none. ``drift``: for each recursive name, the
        weight that its seed still has at the start (0 is none).
        """
        start = self.outcome.start
        index = self.all_bars.index
        missing: dict[str, str | None] = {}
        drift: dict[str, float] = {}
        for name in sorted(self.clauses.names()):
            present = np.isfinite(self.feature_set.column(name)[start:])
            if not present[0]:
                first = int(present.argmax())
                missing[name] = _date(index[start + first]) if present[first] else None
            entry = lookup(name)
            if entry is not None and entry.decay is not None:
                drift[name] = entry.decay ** max(start - entry.lookback, 0)
        return {"bars": start, "missing_until": missing, "drift": drift}

    def __repr__(self) -> str:
        metrics = self.metrics
        index = self.bars.index
        lines = [
            f"{self.spec.name} on {self.symbol or 'the bars given'}",
            f"  {_date(index[0])} to {_date(index[-1])}, {len(index)} bars",
            f"  CAGR          {_percent(metrics.cagr)}",
            f"  Sharpe        {_ratio(metrics.sharpe_ratio)}",
            f"  max drawdown  {_percent(metrics.max_drawdown_pct)}",
            f"  win rate      {_percent(metrics.win_rate)}",
            f"  profit factor {_ratio(metrics.profit_factor)}",
            f"  trades        {metrics.total_trades:>8}",
        ]
        return "\n".join(lines)

    def _series(self, values: np.ndarray[Any, Any], name: str) -> pd.Series[float]:
        start = self.outcome.start
        return pd.Series(values[start:], index=self.all_bars.index[start:], name=name)


def _date(stamp: pd.Timestamp) -> str:
    return stamp.isoformat() if stamp.tz is not None else stamp.date().isoformat()


def _percent(value: float) -> str:
    return f"{value:8.1%}" if np.isfinite(value) else f"{'–':>8}"


def _ratio(value: float) -> str:
    return f"{value:8.2f}" if np.isfinite(value) else f"{'–':>8}"
