"""`simulate`: a spec and bars in, a result out; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from btkit.arguments import check_account, shown
from btkit.data import (
    GivenBars,
    adjust_prices,
    adjustment_factors,
    judge_splits_again,
    take_bars,
)
from btkit.data.info import seen_from
from btkit.engine.inputs import Floats
from btkit.errors import NoDataError, UsageError
from btkit.markets import Annualisation, Interval, as_bar_time, infer_interval, read_moment
from btkit.settings import Settings
from btkit.simulation.benchmark import own_benchmark, take_benchmark
from btkit.simulation.beside import choose_traded, take_others
from btkit.simulation.carry import carry_of, known_rate
from btkit.simulation.finer import check_there, take_detail
from btkit.simulation.inputs import Inputs, InSample, Loop, in_one_piece
from btkit.simulation.kinds import SIMULATIONS
from btkit.simulation.result import Result
from btkit.spec import BaseSpec, ModelSpec, load_spec

if TYPE_CHECKING:
    from btkit.models.bundle import Bundle
    from btkit.models.classifiers import Classifier
    from btkit.models.timeline import KnownBundle

NO_FRAMES: Mapping[str, pd.DataFrame] = MappingProxyType({})
_USUAL_COSTS = 0.65, 0.005
"""Commission and slippage where neither the caller nor the kind of spec says them."""


def simulate(  # noqa: PLR0913 - the data and the costs, each with its default
    spec: BaseSpec | Mapping[str, Any],
    bars: pd.DataFrame | Mapping[str, pd.DataFrame],
    *,
    symbol: str | None = None,
    capital: float = 100_000,
    commission: float | None = None,
    slippage: float | None = None,
    start: str | date | np.datetime64 | None = None,
    benchmark: pd.DataFrame | None = None,
    detail: pd.DataFrame | None = None,
    models: Bundle | Mapping[str, Bundle] | None = None,
) -> Result:
    """Simulate a strategy over bars; no network, clock or environment is read.

    Nor any file, but for the bundles that a spec names and nobody hands over.

    Parameters
    ----------
    spec
        Of any kind, such as a `StrategySpec` or an `OptionsSpec`, or a mapping with its fields.
    bars
        The bars of one symbol: open, high, low, close and volume, optionally adj_close, splits,
        dividends, iv_rank, iv_percentile, current_iv and vix. Headings in any usual spelling,
        two levels of them as yfinance has them, times as the index or a column, as text or
        numbers, are read as from a file; without a column volume it is 0. Times of intraday bars
        are those of their opening, without a zone taken as UTC. The frame stays as it is. Of a
        polars or Arrow table pass ``.to_pandas()``. Where conditions read other instruments, with
        ``of("SPY", ...)``, frames by symbol.
    symbol
        Of frames by symbol the one that is traded; the others ``of`` alone sees.
    capital
        $ at the start.
    commission
        What the spec's ``commission_model`` multiplies: $ an order, a share or a contract, or a
        fraction of the amount. None takes 0.65, and 0.001 for a model spec.
    slippage
        Fraction by which each fill is worse than the price; None takes 0.005, and 0.001 for a
        model spec.
    start
        The first date on which orders are decided; earlier bars only warm the indicators up: all
        of them those of rules, the last 2,000 a model spec and what any bundle says, and of slower
        timeframes the last 600 of their own. None starts at the first bar.
    benchmark
        The bars of what the run is measured against, of the same interval: `beta`, `alpha` and
        the like, and the line beside the account's. Where its market was closed its last close
        stands in. None holds the instrument itself, from the first close on.
    detail
        Of a spec with `detail` the bars of that finer interval, not adjusted: they say what came
        first inside each bar that they make up.
    models
        Of a model spec: its bundle, loaded, or one for each date from which it was known, as
        YYYY-MM-DD. Of a spec with classifiers: their bundles, by their names. None loads those
        that the spec names, from the working folder.

    Returns
    -------
    Result
        Trades, equity, features, metrics and diagnostics; of an option spec spreads and their
        legs, too; of a model spec the bars that the model was not trained on, and in `in_sample`
        those that it was.

    Raises
    ------
    SpecError
        If the spec is refused.
    DataError
        If the bars are broken beyond harmless repair.
    NoDataError
        If there is no bar at or after `start`, or none that a model was not trained on, or the
        benchmark lacks the closes.
    BundleError
        If a bundle is refused, or was trained on something else.
    UsageError
        If a number or `start` makes no sense.

    Examples
    --------
    >>> result = simulate(load_spec("strategies/golden_cross.yaml"), bars)  # doctest: +SKIP
    >>> result.metrics.sharpe_ratio  # doctest: +SKIP
    0.31
    """
    traded, frames, known = choose_traded(bars, symbol)
    return simulate_inputs(
        check_inputs(
            in_one_piece,
            spec,
            traded,
            others=frames,
            symbol=known,
            capital=capital,
            commission=commission,
            slippage=slippage,
            start=start,
            benchmark=benchmark,
            detail=detail,
            models=models,
            copy=True,
        )
    )


def check_inputs(  # noqa: PLR0913 - what `simulate` takes, and who runs the loop
    loop: Loop,
    spec: BaseSpec | Mapping[str, Any],
    bars: object,
    *,
    others: Mapping[str, pd.DataFrame] = NO_FRAMES,
    symbol: str | None = None,
    capital: float = 100_000,
    commission: float | None = None,
    slippage: float | None = None,
    start: str | date | np.datetime64 | None = None,
    benchmark: pd.DataFrame | None = None,
    detail: pd.DataFrame | None = None,
    models: Bundle | Mapping[str, Bundle] | None = None,
    in_sample: InSample = "apart",
    copy: bool = False,
) -> Inputs:
    """Check what a simulation rests on.

    Parameters
    ----------
    loop
        Runs a loop to its end, as `in_one_piece` does, or watches, saves and stops it.
    spec, bars, capital, commission, slippage, start, benchmark, detail, models
        See `simulate`; bars are those that are traded.
    others
        The bars of the other instruments that conditions read, by symbol.
    symbol
        Of the bars, where they do not say it.
    in_sample
        What becomes of bars that a model was trained on: a run ``apart``, ``scored`` like any
        other, or ``refused``.
    copy
        Whether the bars may change while the result is in use, so that it needs its own.

    Raises
    ------
    SpecError, DataError, NoDataError, UsageError
        As `simulate`.
    """
    strategy = _loaded(spec)
    usual_commission, usual_slippage = strategy.default_costs or _USUAL_COSTS
    capital, commission, slippage = check_account(
        capital=capital,
        commission=usual_commission if commission is None else commission,
        slippage=usual_slippage if slippage is None else slippage,
    )
    given, factors = _take(bars, strategy, copy=copy)
    index = pd.DatetimeIndex(given.bars.index)
    first, measured = _first_bar(index, start), _annualisation(index, strategy, given)
    strategy.check_interval(measured.interval)
    carry = carry_of(strategy, given.bars, first, measured=measured)
    held = own_benchmark(given.bars, carry, first)
    symbol = _symbol(given) or symbol
    deciding, classifying = _given_models(strategy, models)
    if benchmark is not None:
        held = take_benchmark(benchmark, strategy, index, start=first, measured=measured)
    inputs = Inputs(
        spec=strategy,
        bars=given.bars,
        quality=given.findings,
        stated=given.stated,
        events=strategy.events.of(symbol),
        start=first,
        begin=min(first, seen_from(index, given.stated)),
        capital=capital,
        commission=commission,
        slippage=slippage,
        annualisation=measured,
        benchmark=held,
        risk_free=known_rate(strategy, strategy.free_of_risk, given.bars, first),
        carry=carry,
        others=take_others(others, strategy, index, measured=measured),
        detail=take_detail(detail, strategy, index, factors, copy=copy),
        loop=loop,
        bundles=_bundles(strategy, deciding, symbol, measured.interval),
        classifiers=_classifiers(strategy, classifying),
        in_sample=in_sample,
    )
    check_there(inputs.matched, index, first)
    return inputs


def _given_models(
    spec: BaseSpec, models: Bundle | Mapping[str, Bundle] | None
) -> tuple[Bundle | Mapping[str, Bundle] | None, dict[str, Bundle]]:
    """Return the bundles that decide, and those that classify."""
    classifying: dict[str, Bundle] = {}
    if isinstance(models, Mapping) and spec.classifiers:
        classifying = {name: models[name] for name in spec.classifiers if name in models}
        models = {name: models[name] for name in models if name not in classifying} or None
    if models is None or spec.kind == "model":
        return models, classifying
    raise UsageError(
        f"The spec {spec.name!r} trades by its own conditions, and models were handed over"
        + (" that are none of its classifiers." if spec.classifiers else "."),
        hint="Leave models out, give a model spec, or name classifiers in the spec.",
        details={"argument": "models"},
    )


def _bundles(
    spec: BaseSpec,
    given: Bundle | Mapping[str, Bundle] | None,
    symbol: str | None,
    interval: Interval,
) -> tuple[KnownBundle, ...]:
    if not isinstance(spec, ModelSpec):
        return ()
    # Likewise.
    from btkit.models.timeline import bundles_of  # noqa: PLC0415

    return tuple(bundles_of(spec, symbol=symbol, interval=interval.label, given=given))


def _classifiers(spec: BaseSpec, given: Mapping[str, Bundle]) -> tuple[Classifier, ...]:
    if not spec.classifiers:
        return ()
    # Only who has bundles waits for networks.
    from btkit.models.classifiers import load_classifiers  # noqa: PLC0415

    return load_classifiers(spec.classifier_sources, given)


def simulate_inputs(inputs: Inputs) -> Result:
    """Simulate what was checked.

    Parameters
    ----------
    inputs
        What `check_inputs` returned.

    Raises
    ------
    DataError, UsageError
        As `simulate`.
    """
    for found in inputs.classified:
        inputs.outputs.update(found.outputs)
    result = SIMULATIONS[inputs.spec.kind](inputs)
    # Whoever simulates on the bars of a result again learns where they come from. Earlier, each
    # step would have copied it along.
    if inputs.stated is not None:
        inputs.bars.attrs["btkit"] = inputs.stated.model_dump()
    return result


def _loaded(spec: BaseSpec | Mapping[str, Any]) -> BaseSpec:
    if not isinstance(spec, BaseSpec | Mapping):
        raise UsageError(
            f"simulate reads no files, and the spec is {shown(spec)}",
            hint="load it with load_spec first",
        )
    # The defaults, not the environment's: the result may depend on the arguments alone.
    return load_spec(spec, settings=Settings.model_construct())


def _take(bars: object, strategy: BaseSpec, *, copy: bool) -> tuple[GivenBars, Floats]:
    """Return the bars, and what their prices were multiplied by."""
    given = take_bars(bars, calendar=strategy.calendar, columns=strategy.own_columns)
    if given.bars.empty:
        raise NoDataError("there are no bars to simulate", hint="check symbol and dates")
    # Tables and diagnostics are worked out when they are first asked for; by then the caller may
    # have changed the frame that was given.
    own, findings = given.bars.copy(deep=copy), given.findings
    factors = adjustment_factors(own, strategy.price_adjustment)
    if strategy.price_adjustment != "none":
        own = adjust_prices(own, strategy.price_adjustment)
        findings = judge_splits_again(findings, own)
    return replace(given, bars=own, findings=findings), factors


def _annualisation(index: pd.DatetimeIndex, spec: BaseSpec, given: GivenBars) -> Annualisation:
    interval = infer_interval(index, stated=given.interval)
    return Annualisation(interval, spec.calendar, spec.bars_per_year)


def _symbol(given: GivenBars) -> str | None:
    return None if given.stated is None else given.stated.symbol or None


def _first_bar(index: pd.DatetimeIndex, start: str | date | np.datetime64 | None) -> int:
    if start is None:
        return 0
    stamp = as_bar_time(read_moment(start, name="start"), index)
    first = int(index.searchsorted(stamp))
    if first == len(index):
        raise NoDataError(
            f"no bar at or after {stamp.date()}; the last is of {index[-1].date()}",
            hint="choose an earlier start",
        )
    return first
