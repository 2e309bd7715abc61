"""`simulate`: a spec and bars in, a result out; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol, overload

import numpy as np
import pandas as pd

from btkit.arguments import check_account, shown
from btkit.conditions.columns import ColumnEvaluator
from btkit.data import GivenBars, adjust_prices, judge_splits_again, take_bars
from btkit.data.times import FIRST_DAY, LAST_DAY
from btkit.engine import (
    Clauses,
    Decisions,
    Market,
    Outcome,
    Rules,
    commission_rules,
    parse_clauses,
    plan_decisions,
    run_decisions,
    value_trades,
)
from btkit.errors import NoDataError, UsageError
from btkit.indicators import FeatureSet, is_truth_value
from btkit.markets import Annualisation, infer_interval
from btkit.metrics import TradeColumns, compute_metrics
from btkit.settings import Settings
from btkit.simulation.result import Result
from btkit.spec import AnySpec, BaseSpec, Kind, OptionsSpec, StrategySpec, load_spec

if TYPE_CHECKING:
    from btkit.simulation.options import OptionsResult, SpreadEngine


class Engine(Protocol):
    """What runs the simulation loop."""

    def __call__(
        self, market: Market, decisions: Decisions, rules: Rules, *, capital: float, start: int
    ) -> Outcome:
        """Simulate from bar `start` to the last one; see `btkit.engine.run_decisions`."""


@overload
def simulate(
    spec: OptionsSpec,
    bars: pd.DataFrame,
    *,
    capital: float = 100_000,
    commission: float = 0.65,
    slippage: float = 0.005,
    start: str | date | np.datetime64 | None = None,
) -> OptionsResult: ...


@overload
def simulate(
    spec: StrategySpec,
    bars: pd.DataFrame,
    *,
    capital: float = 100_000,
    commission: float = 0.65,
    slippage: float = 0.005,
    start: str | date | np.datetime64 | None = None,
) -> Result: ...


@overload
def simulate(
    spec: AnySpec | Mapping[str, Any],
    bars: pd.DataFrame,
    *,
    capital: float = 100_000,
    commission: float = 0.65,
    slippage: float = 0.005,
    start: str | date | np.datetime64 | None = None,
) -> Result | OptionsResult: ...


def simulate(
    spec: AnySpec | Mapping[str, Any],
    bars: pd.DataFrame,
    *,
    capital: float = 100_000,
    commission: float = 0.65,
    slippage: float = 0.005,
    start: str | date | np.datetime64 | None = None,
) -> Result | OptionsResult:
    """Simulate a strategy over bars; no file, network, clock or environment is read.

    Parameters
    ----------
    spec
        A `StrategySpec` or an `OptionsSpec`, or a mapping with its fields.
    bars
        The bars of one symbol: open, high, low, close and volume, optionally adj_close, splits,
        dividends, iv_rank, iv_percentile, current_iv and vix. Headings in any usual spelling,
        two levels of them as yfinance has them, times as the index or a column, as text or
        numbers, are read as from a file; without a column volume it is 0. Times of intraday bars
        are those of their opening, without a zone taken as UTC. The frame stays as it is. Of a
        polars or Arrow table pass ``.to_pandas()``.
    capital
        $ at the start.
    commission
        What the spec's ``commission_model`` multiplies: $ an order, a share or a contract, or a
        fraction of the amount.
    slippage
        Fraction by which each fill is worse than the price.
    start
        The first date on which orders are decided; earlier bars only warm the indicators up.
        None starts at the first bar.

    Returns
    -------
    Result or OptionsResult
        Trades, equity, features, metrics and diagnostics; for an option spec spreads, too.

    Raises
    ------
    SpecError
        If the spec is refused.
    DataError
        If the bars are broken beyond harmless repair.
    NoDataError
        If there is no bar at or after `start`.
    UsageError
        If a number or `start` makes no sense.

    Examples
    --------
    >>> result = simulate(load_spec("strategies/golden_cross.yaml"), bars)  # doctest: +SKIP
    >>> result.metrics.sharpe_ratio  # doctest: +SKIP
    0.31
    """
    strategy = _any_spec(spec)
    if isinstance(strategy, OptionsSpec):
        return _simulate_options(
            strategy, bars, capital=capital, commission=commission, slippage=slippage, start=start
        )
    return simulate_with(
        run_decisions,
        strategy,
        bars,
        capital=capital,
        commission=commission,
        slippage=slippage,
        start=start,
    )


def simulate_with(
    engine: Engine,
    spec: AnySpec | Mapping[str, Any],
    bars: pd.DataFrame,
    *,
    capital: float = 100_000,
    commission: float = 0.65,
    slippage: float = 0.005,
    start: str | date | np.datetime64 | None = None,
) -> Result:
    """`simulate`, with the loop run by someone who watches, saves or stops it.

    Parameters
    ----------
    engine
        Gives the outcome of decisions, as `run_decisions` does.
    spec, bars, capital, commission, slippage, start
        See `simulate`.

    Returns
    -------
    Result
        That of `simulate`, where `engine` gives what `run_decisions` gives.

    Raises
    ------
    SpecError, DataError, NoDataError, UsageError
        As `simulate`.
    """
    strategy = _rule_spec(spec)
    capital, commission, slippage = check_account(
        capital=capital, commission=commission, slippage=slippage
    )
    given = _take(bars, strategy)
    checked = given.bars
    index = checked.index
    assert isinstance(index, pd.DatetimeIndex)
    first = _first_bar(index, start)
    annualisation = _annualisation(index, strategy, given)
    clauses = _clauses(strategy)
    features = FeatureSet(
        checked,
        bars_per_year=annualisation.bars_per_year,
        calendar=strategy.calendar,
        interval=annualisation.interval,
        events=strategy.events.of(_symbol(given)),
    )
    decisions = plan_decisions(
        clauses,
        ColumnEvaluator(features.column, is_truth_value),
        len(checked),
        filter_all=strategy.filter_scope == "all",
    )
    market = Market(*(np.array(checked[name], np.float64) for name in ("open", "close")))
    rules = rules_of(strategy, commission=commission, slippage=slippage)
    outcome = engine(market, decisions, rules, capital=capital, start=first)
    values = value_trades(outcome.trades, market, rules)
    # Without the zone, or each time would be an object of its own.
    times = index.tz_localize(None).to_numpy()
    metrics = compute_metrics(
        outcome.curve.equity[first:],
        index[first:],
        initial_capital=capital,
        periods_per_year=annualisation.periods_per_year,
        period_ends=annualisation.period_ends(index[first:]),
        trades=TradeColumns(
            values.pnl,
            values.return_pct,
            times[outcome.trades.entry_bar],
            times[outcome.trades.exit_bar],
        ),
        ruined=outcome.ruined,
    )
    return Result(
        spec=strategy,
        initial_capital=capital,
        commission=commission,
        slippage=slippage,
        annualisation=annualisation,
        metrics=metrics,
        quality=given.findings,
        told=given.told,
        all_bars=_with_origin(checked, given),
        clauses=clauses,
        feature_set=features,
        outcome=outcome,
        trade_values=values,
    )


def simulate_spreads_with(
    engine: SpreadEngine,
    spec: OptionsSpec,
    bars: pd.DataFrame,
    *,
    capital: float,
    commission: float,
    slippage: float,
    start: str | date | np.datetime64 | None = None,
) -> OptionsResult:
    """`simulate` for an option spec, with the loop run by someone who watches, saves or stops it.

    Parameters
    ----------
    engine
        Gives the outcome of decisions, as `btkit.engine.spread_run.run_options` does.
    spec, bars, capital, commission, slippage, start
        See `simulate`.

    Raises
    ------
    SpecError, DataError, NoDataError, UsageError
        As `simulate`.
    """
    return _simulate_options(
        spec,
        bars,
        capital=capital,
        commission=commission,
        slippage=slippage,
        start=start,
        engine=engine,
    )


def _simulate_options(
    strategy: OptionsSpec,
    bars: pd.DataFrame,
    *,
    capital: float,
    commission: float,
    slippage: float,
    start: str | date | np.datetime64 | None,
    engine: SpreadEngine | None = None,
) -> OptionsResult:
    capital, commission, slippage = check_account(
        capital=capital, commission=commission, slippage=slippage
    )
    given = _take(bars, strategy)
    index = pd.DatetimeIndex(given.bars.index)
    annualisation = _annualisation(index, strategy, given)
    # Rule runs, the far more frequent ones, start faster without it.
    from btkit.engine.spread_run import run_options  # noqa: PLC0415
    from btkit.simulation.options import OptionsRequest, simulate_options  # noqa: PLC0415

    return simulate_options(
        OptionsRequest(
            engine=engine or run_options,
            spec=strategy,
            bars=_with_origin(given.bars, given),
            quality=given.findings,
            told=given.told,
            events=strategy.events.of(_symbol(given)),
            start=_first_bar(index, start),
            capital=capital,
            commission=commission,
            slippage=slippage,
            annualisation=annualisation,
        )
    )


def _any_spec(spec: AnySpec | Mapping[str, Any], *, kind: Kind | None = None) -> AnySpec:
    if not isinstance(spec, BaseSpec | Mapping):
        raise UsageError(
            f"simulate reads no files, and the spec is {shown(spec)}",
            hint="load it with load_spec first",
        )
    # The defaults, not the environment's: the result may depend on the arguments alone.
    return load_spec(spec, settings=Settings.model_construct(), kind=kind)


def _rule_spec(spec: AnySpec | Mapping[str, Any]) -> StrategySpec:
    loaded = _any_spec(spec, kind="rules")
    assert isinstance(loaded, StrategySpec)
    return loaded


def _take(bars: pd.DataFrame, strategy: AnySpec) -> GivenBars:
    given = take_bars(bars, calendar=strategy.calendar)
    if given.bars.empty:
        raise NoDataError("there are no bars to simulate", hint="check symbol and dates")
    # Tables and diagnostics are worked out when they are first asked for; by then the caller may
    # have changed the frame that was given.
    bars, findings = given.bars.copy(deep=True), given.findings
    if strategy.price_adjustment != "none":
        bars = adjust_prices(bars, strategy.price_adjustment)
        findings = judge_splits_again(findings, bars)
    return replace(given, bars=bars, findings=findings)


def _annualisation(index: pd.DatetimeIndex, spec: AnySpec, given: GivenBars) -> Annualisation:
    interval = infer_interval(index, told=given.interval)
    return Annualisation(interval, spec.calendar, spec.bars_per_year)


def _with_origin(bars: pd.DataFrame, given: GivenBars) -> pd.DataFrame:
    # Whoever simulates on the bars of a result again is told where they come from. Earlier, each
    # step above would have copied it along.
    if given.told is not None:
        bars.attrs["btkit"] = given.told.model_dump()
    return bars


def _symbol(given: GivenBars) -> str | None:
    return None if given.told is None else given.told.symbol or None


def _first_bar(index: pd.DatetimeIndex, start: str | date | np.datetime64 | None) -> int:
    if start is None:
        return 0
    stamp = _moment(start)
    if index.tz is not None and stamp.tz is None:
        stamp = stamp.tz_localize(index.tz)
    elif index.tz is None and stamp.tz is not None:
        stamp = stamp.tz_localize(None)
    first = int(index.searchsorted(stamp))
    if first == len(index):
        raise NoDataError(
            f"no bar at or after {stamp.date()}; the last is of {index[-1].date()}",
            hint="choose an earlier start",
        )
    return first


def _moment(given: object) -> pd.Timestamp:
    # A bare number would count nanoseconds since 1970: 2015 would be a moment in 1970. And "now"
    # would read the clock.
    start = None if isinstance(given, str) and not given.strip()[:1].isdigit() else given
    try:
        if isinstance(start, str | date | np.datetime64):
            stamp = pd.Timestamp(start).as_unit("ns")
            if FIRST_DAY < stamp.tz_localize(None) < LAST_DAY:
                return stamp
    except (ValueError, TypeError, OverflowError):
        pass  # told below
    raise UsageError(
        f"start is {shown(given)}, which is no date from {FIRST_DAY.year} to {LAST_DAY.year}",
        hint="write it as YYYY-MM-DD",
    )


def _clauses(strategy: StrategySpec) -> Clauses:
    return parse_clauses(
        strategy.filled_conditions, strategy.filled_sizing, risk_pct=strategy.per_trade_risk_pct
    )


def rules_of(strategy: StrategySpec, *, commission: float, slippage: float) -> Rules:
    """Return the numbers of a spec and an account as the loop reads them.

    Parameters
    ----------
    strategy
        A rule spec.
    commission, slippage
        See `simulate`.
    """
    return Rules(
        short=strategy.direction == "short",
        at_close=strategy.fill == "close",
        fractional=strategy.allow_fractional,
        filter_all=strategy.filter_scope == "all",
        max_holding=strategy.max_holding_bars,
        max_positions=strategy.max_concurrent_positions,
        slippage=slippage,
        **commission_rules(strategy.commission_kind, commission),
    )
