"""Option spreads over bars: the result of an option spec, and how it comes about."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.conditions.columns import ColumnEvaluator
from btkit.data import HANDED_OVER, DataInfo, Finding, describe_bars
from btkit.engine import Clauses, Decisions, parse_clauses, plan_decisions
from btkit.engine.books.spread_lives import Lives, follow
from btkit.engine.books.spread_records import (
    CLOSE_VALUE,
    CONTRACTS,
    CREDIT,
    ENTRY_BAR,
    EXIT_BAR,
    EXPIRY,
    OPTION_POSITION_NAMES,
    REASON,
    SHARES_PER_CONTRACT,
    OptionMarket,
    SpreadReason,
    SpreadRules,
)
from btkit.engine.spread_run import SpreadOutcome
from btkit.errors import UsageError
from btkit.indicators import (
    OPTION_POSITION_DEFAULTS,
    EventDates,
    FeatureSet,
    is_truth_value,
    lookup,
)
from btkit.markets import Annualisation
from btkit.metrics import Metrics, TradeColumns, compute_metrics
from btkit.pricing.spreads import Spread
from btkit.simulation.diagnostics import Diagnostics
from btkit.simulation.option_inputs import option_market, spread_rules
from btkit.simulation.spread_diagnostics import diagnose_spreads
from btkit.simulation.spreads import SpreadValues, list_spreads, value_spreads
from btkit.simulation.warnings import TELLING_SHARE, fallback_bars, find_warnings
from btkit.spec import OptionsSpec

# Open interest is the one name of the option position that no run knows.
_CONSTANTS = {
    name: value
    for name, value in OPTION_POSITION_DEFAULTS.items()
    if name not in OPTION_POSITION_NAMES
}

_OVERSTATED = (
    "It errs in favour of whoever sells: over 2002-2025 on SPY it overstated a seller's yearly "
    "income by 5 to 6 points against Cboe's BXM and PUT indices. 0.85 times the VIX came within 1 "
    "point: set iv_source: vix and iv_scale: 0.85."
)
_TWENTY = "It errs in favour of whoever sells while markets are calm, and against them in a panic."
ESTIMATES = {
    "iv_atm": ("an estimate, hv_30 * 1.20, instead of implied volatility", _OVERSTATED),
    "vix": ("a VIX of 20, which stands in where it is not known,", _TWENTY),
}
"""For each iv_source what stands in where it is not known, and which way that errs."""


class SpreadEngine(Protocol):
    """Runs the loop: `run_options`, or someone who watches it, saves it or stops it."""

    def __call__(
        self,
        market: OptionMarket,
        decisions: Decisions,
        rules: SpreadRules,
        *,
        capital: float,
        start: int = 0,
    ) -> SpreadOutcome:
        """Return what a run did, as `run_options` does."""


@dataclass(frozen=True, eq=False, repr=False)
class OptionsResult:
    """One simulated run of an option spec.

    Parameters
    ----------
    spec
        The strategy as it ran.
    initial_capital, commission, slippage
        The account: $, $ a contract and leg, fraction of each leg's price.
    annualisation
        How returns are taken and annualised, from the bars' interval, calendar and spec.
    metrics
        True values; NaN where undefined. A trade is a spread.
    quality
        What checking the bars found and repaired.
    told
        What was said of them in ``attrs["btkit"]``, None where nothing was.
    all_bars
        The bars after checks and price adjustment, warm-up included.
    clauses, feature_set, market, rules, outcome, spread_values
        What tables and diagnostics are made from.
    run_id
        The stored run, None if it was not stored.
    """

    spec: OptionsSpec
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
    market: OptionMarket
    rules: SpreadRules
    outcome: SpreadOutcome
    spread_values: SpreadValues
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
        """Account value in $ at each bar's close, open spreads at mid."""
        return self._series(self.outcome.curve.equity, "equity")

    @property
    def cash(self) -> pd.Series[float]:
        """Cash in $ that no spread reserves, at each bar's close, after its fills."""
        return self._series(self.outcome.curve.cash, "cash")

    @property
    def invested(self) -> pd.Series[float]:
        """Reserve of the open spreads less what they are worth, in $ at each bar's close."""
        return (self.equity - self.cash).rename("invested")

    @cached_property
    def spreads(self) -> list[Spread]:
        """Closed spreads in order of exit, with their legs and their greeks at entry."""
        return list_spreads(
            self.market,
            self.rules,
            self.outcome.rows,
            self.outcome.marks,
            index=pd.DatetimeIndex(self.all_bars.index),
            iv_rank=self.feature_set.column("iv_rank"),
            lives=self._lives,
        )

    @cached_property
    def trades(self) -> pd.DataFrame:
        """One row a spread in order of exit.

        ``entry_price`` is the credit and ``exit_price`` the cost of buying back, in $ a share;
        ``shares`` are 100 a contract, ``return_pct`` is the profit over the max loss.
        """
        values, marks, made = self.outcome.rows, self.outcome.marks, self.spread_values
        index = self.all_bars.index
        return pd.DataFrame(
            {
                "entry_date": index[marks[:, ENTRY_BAR]],
                "exit_date": index[marks[:, EXIT_BAR]],
                "entry_price": values[:, CREDIT],
                "exit_price": values[:, CLOSE_VALUE],
                "shares": values[:, CONTRACTS] * SHARES_PER_CONTRACT,
                "pnl": made.pnl,
                "return_pct": made.return_pct,
                "exit_reason": pd.array(
                    [SpreadReason(reason).name.lower() for reason in marks[:, REASON]], dtype="str"
                ),
                "bars_held": made.bars_held,
                "commission": made.commission,
                "slippage_cost": made.slippage_cost,
            }
        )

    @cached_property
    def lives(self) -> pd.DataFrame:
        """Every spread at every close at which it was open, spread by spread.

        ``spread`` counts in the order of `spreads`; ``mid`` and ``to_close`` are in $ a share,
        ``days_to_expiry`` are calendar days, ``short_delta`` is absolute.
        """
        lives = self._lives
        expiry = self.outcome.marks[lives.spread, EXPIRY]
        return pd.DataFrame(
            {
                "spread": lives.spread,
                "time": self.all_bars.index[lives.bar],
                "spot": self.market.close[lives.bar],
                "mid": lives.mid,
                "to_close": lives.to_close,
                "short_delta": lives.short_delta,
                "days_to_expiry": np.maximum(expiry - self.market.day[lives.bar], 0),
            }
        )

    @cached_property
    def features(self) -> pd.DataFrame:
        """Every per-bar column that the run reads, from the first deciding bar on."""
        start = self.outcome.start
        return pd.DataFrame(
            {name: self.feature_set.column(name)[start:] for name in self._names},
            index=self.all_bars.index[start:],
        )

    @cached_property
    def diagnostics(self) -> Diagnostics:
        """How often each condition held, what was skipped, and why nothing was sold."""
        return diagnose_spreads(self)

    @cached_property
    def fallbacks(self) -> dict[str, int]:
        """For each name that the run reads: bars on which its value is a documented fallback."""
        start = self.outcome.start
        counts = fallback_bars(self.clauses, self.feature_set, start)
        source = self.spec.iv_source
        estimated = self.feature_set.fallback(source)
        if estimated is not None and estimated[start:].any():
            counts[source] = int(estimated[start:].sum())
        return counts

    @cached_property
    def warnings(self) -> list[dict[str, str]]:
        """What a reader must know before trusting the numbers: ``{code, message}``."""
        source = self.spec.iv_source
        found = find_warnings(self, needs_volatility=source == "iv_atm")
        estimated, bars = self.fallbacks.get(source, 0), len(self.bars)
        if estimated > TELLING_SHARE * bars:
            stand_in, error = ESTIMATES[source]
            found.append(
                {
                    "code": "estimated_volatility",
                    "message": f"Spreads were priced with {stand_in} on {estimated:,} of {bars:,} "
                    f"bars ({estimated / bars:.0%}). {error}",
                }
            )
        return found

    @cached_property
    def warmup(self) -> dict[str, Any]:
        """How far the bars before the start reach, as in `Result.warmup`."""
        start = self.outcome.start
        index = self.all_bars.index
        missing: dict[str, str | None] = {}
        drift: dict[str, float] = {}
        for name in self._names:
            present = np.isfinite(self.feature_set.column(name)[start:])
            if not present[0]:
                first = int(present.argmax())
                missing[name] = _date(index[start + first]) if present[first] else None
            entry = lookup(name)
            if entry is not None and entry.decay is not None:
                drift[name] = entry.decay ** max(start - entry.lookback, 0)
        return {"bars": start, "missing_until": missing, "drift": drift}

    @cached_property
    def _lives(self) -> Lives:
        return follow(self.market, self.rules, self.outcome.rows, self.outcome.marks)

    @property
    def _names(self) -> list[str]:
        return sorted(self.clauses.names() | {self.spec.iv_source})

    def __repr__(self) -> str:
        metrics = self.metrics
        index = self.bars.index
        kind = self.spec.spread_type.replace("_", " ")
        lines = [
            f"{self.spec.name} on {self.symbol or 'the bars given'}: {kind}s",
            f"  {_date(index[0])} to {_date(index[-1])}, {len(index)} bars",
            f"  CAGR          {_percent(metrics.cagr)}",
            f"  Sharpe        {_ratio(metrics.sharpe_ratio)}",
            f"  max drawdown  {_percent(metrics.max_drawdown_pct)}",
            f"  win rate      {_percent(metrics.win_rate)}",
            f"  profit factor {_ratio(metrics.profit_factor)}",
            f"  spreads       {metrics.total_trades:>8}",
        ]
        return "\n".join(lines)

    def _series(self, values: NDArray[np.float64], name: str) -> pd.Series[float]:
        start = self.outcome.start
        return pd.Series(values[start:], index=self.all_bars.index[start:], name=name)


@dataclass(frozen=True)
class OptionsRequest:
    """What is simulated, checked.

    Parameters
    ----------
    spec
        An option spec.
    bars, quality, told
        Checked bars, what was found in them, and what a loader said of them.
    events
        The dates of the user's events that concern the instrument.
    start
        The first deciding bar.
    capital, commission, slippage
        The account.
    annualisation
        How returns are taken and annualised.
    engine
        Gives the outcome of decisions, as `run_options` does.
    """

    spec: OptionsSpec
    bars: pd.DataFrame
    quality: list[Finding]
    told: DataInfo | None
    events: dict[str, EventDates]
    start: int
    capital: float
    commission: float
    slippage: float
    annualisation: Annualisation
    engine: SpreadEngine


def simulate_options(request: OptionsRequest) -> OptionsResult:
    """Simulate an option spec; pure.

    Parameters
    ----------
    request
        What `simulate` checked.

    Raises
    ------
    UsageError
        If the bars are weekly or longer, inside which spreads would expire unseen.
    """
    interval = request.annualisation.interval
    if interval.is_longer:
        raise UsageError(
            f"option spreads cannot be simulated on {interval.adjective} bars, which do "
            "not show the close of an expiry session nor the days left to it",
            hint="use daily bars: --interval 1d",
            details={"interval": interval.label},
        )
    spec, bars, start = request.spec, request.bars, request.start
    features = FeatureSet(
        bars,
        bars_per_year=request.annualisation.bars_per_year,
        calendar=spec.calendar,
        interval=interval,
        events=request.events,
    )
    # A spread's size follows from its max loss, so there is no formula to read.
    clauses = parse_clauses(
        spec.filled_conditions, "1", risk_pct=spec.per_trade_risk_pct, constants=_CONSTANTS
    )
    decisions = plan_decisions(
        clauses,
        ColumnEvaluator(features.column, is_truth_value),
        len(bars),
        filter_all=spec.filter_scope == "all",
        positions=OPTION_POSITION_NAMES,
    )
    market = option_market(spec, bars, features)
    rules = spread_rules(spec, commission=request.commission, slippage=request.slippage)
    outcome = request.engine(market, decisions, rules, capital=request.capital, start=start)
    values = value_spreads(market, rules, outcome.rows, outcome.marks)
    index = pd.DatetimeIndex(bars.index)
    # Without the zone, or each time would be an object of its own.
    times = index.tz_localize(None).to_numpy()
    metrics = compute_metrics(
        outcome.curve.equity[start:],
        index[start:],
        initial_capital=request.capital,
        periods_per_year=request.annualisation.periods_per_year,
        period_ends=request.annualisation.period_ends(index[start:]),
        trades=TradeColumns(
            values.pnl,
            values.return_pct,
            times[outcome.marks[:, ENTRY_BAR]],
            times[outcome.marks[:, EXIT_BAR]],
        ),
        ruined=outcome.ruined,
    )
    return OptionsResult(
        spec=spec,
        initial_capital=request.capital,
        commission=request.commission,
        slippage=request.slippage,
        annualisation=request.annualisation,
        metrics=metrics,
        quality=request.quality,
        told=request.told,
        all_bars=bars,
        clauses=clauses,
        feature_set=features,
        market=market,
        rules=rules,
        outcome=outcome,
        spread_values=values,
    )


def _date(stamp: pd.Timestamp) -> str:
    return stamp.isoformat() if stamp.tz is not None else stamp.date().isoformat()


def _percent(value: float) -> str:
    return f"{value:8.1%}" if np.isfinite(value) else f"{'–':>8}"


def _ratio(value: float) -> str:
    return f"{value:8.2f}" if np.isfinite(value) else f"{'–':>8}"
