"""The verbs: what an analyst types. Each makes a job and has it carried out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from os import PathLike
from typing import TYPE_CHECKING, Any

import pandas as pd

from btkit.data import FormatSource
from btkit.errors import UsageError
from btkit.jobs.asking import make_job
from btkit.jobs.dispatch import execute
from btkit.jobs.job import MAX_SETS, OptionsJob, RunJob, SpecJob, SweepJob, WalkForwardJob
from btkit.jobs.progress import ProgressListener, check_progress
from btkit.jobs.requests import SpecSource, Traded, check_detail, frames_in, path_text
from btkit.settings import Settings, read_settings

if TYPE_CHECKING:
    from btkit.jobs.walk_forward import WalkForwardResult
    from btkit.simulation import Result
    from btkit.validation import SweepResult


def run(  # noqa: PLR0913 - the costs and the data, each with its default
    spec: SpecSource,
    symbol: Traded,
    start: date | str | None = None,
    end: date | str | None = None,
    *,
    capital: float | None = None,
    commission: float | None = None,
    slippage: float | None = None,
    interval: str | None = None,
    source: str | None = None,
    format: FormatSource | None = None,  # noqa: A002 - the word for it
    benchmark: str | pd.DataFrame | None = None,
    detail: pd.DataFrame | None = None,
    model_path: str | PathLike[str] | None = None,
    settings: Settings | None = None,
    progress: ProgressListener | None = None,
) -> Result:
    """Load bars, simulate a strategy on them, and store the outcome.

    Parameters
    ----------
    spec
        A `StrategySpec` or of another kind that trades the instrument itself, or what `load_spec`
        takes: a path, a dict, or JSON or YAML text.
    symbol
        The instrument, None for that of a model spec; or a DataFrame of bars, then nothing is
        loaded and nothing stored. Where conditions read other instruments, frames by symbol: the
        one is traded that no condition reads.
    start, end
        The first and the last day, both included. Bars before `start` only warm indicators up.
        Both may be left out for a DataFrame.
    capital
        $ at the start; None takes BT_INITIAL_CAPITAL.
    commission
        In the unit of the spec's commission model; None takes BT_DEFAULT_COMMISSION, of a model
        spec 0.001.
    slippage
        Fraction of the price lost per fill; None takes BT_DEFAULT_SLIPPAGE, of a model spec 0.001.
    interval
        Of the bars to load: ``<n>m``, ``<n>h``, ``1d``, ``<n>w`` or ``<n>mo``, such as ``30m``;
        None takes ``1d``, or what a model spec says.
    source
        Where bars come from; None takes BT_DATA_SOURCE.
    format
        How the file of bars is written, as `bt.load_bars` takes it; None looks beside it.
    benchmark
        What the run is measured against, by `beta`, `alpha` and the like, and drawn beside: another
        instrument from the same source; of bars that were handed over its bars, as `simulate`
        takes them. None holds the instrument that is traded.
    detail
        Of bars that were handed over the finer ones that the spec's `detail` names, as `simulate`
        takes them; else they are loaded from the same source.
    model_path
        The bundle's folder of a model spec, if it lies elsewhere than that says.
    settings
        None reads the BT_* environment.
    progress
        Notified of each stage.

    Returns
    -------
    Result
        With the id of the stored run, or None as `run_id` for a DataFrame.

    Raises
    ------
    SpecError
        If the spec is refused.
    UsageError
        If an argument makes no sense. Nothing is stored then.
    NoDataError, DataError, SourceError, StoreError
        If bars cannot be had or the run not be stored. Its row says ``failed``, and the
        error's ``details["run_id"]`` which row that is.

    Examples
    --------
    >>> result = run("strategies/spy_momentum_v1.json", "SPX", "2005-01-01", "2018-12-31",
    ...              source="sample")  # doctest: +SKIP
    >>> result.metrics.sharpe_ratio  # doctest: +SKIP
    """
    given = {
        "capital": capital, "commission": commission, "slippage": slippage,
        "interval": interval, "source": source, "format": format, "benchmark": benchmark,
        "model_path": path_text(model_path), "detail": detail,
    }  # fmt: skip
    result: Result = _ask(RunJob, spec, symbol, start, end, given, settings, progress)
    return result


def options_sim(  # noqa: PLR0913 - the costs and the data, each with its default
    spec: SpecSource,
    symbol: Traded,
    start: date | str | None = None,
    end: date | str | None = None,
    *,
    capital: float | None = None,
    commission: float | None = None,
    slippage: float | None = None,
    interval: str | None = None,
    source: str | None = None,
    format: FormatSource | None = None,  # noqa: A002 - the word for it
    benchmark: str | pd.DataFrame | None = None,
    settings: Settings | None = None,
    progress: ProgressListener | None = None,
) -> Result:
    """Load bars and implied volatility, simulate option spreads on them, store the outcome.

    Parameters
    ----------
    spec
        An `OptionsSpec`, or what `load_spec` takes: a path, a dict, or JSON or YAML text. An
        option spec without ``spread_type`` sells put spreads.
    symbol
        The underlying; or a DataFrame of bars, as for `run`.
    commission
        $ a contract and leg; None takes BT_DEFAULT_COMMISSION.
    slippage
        Fraction of each leg's price lost per fill; None takes BT_DEFAULT_SLIPPAGE.
    start, end, capital, interval, source, format, benchmark, settings, progress
        As for `run`; implied volatility comes from the source of the bars.

    Returns
    -------
    Result
        With the id of the stored run, or None as `run_id` for a DataFrame. Without any implied
        volatility, spreads are priced with ``hv_30 * 1.20``, and `warnings` says so.

    Raises
    ------
    BtkitError
        As `run`.

    Examples
    --------
    >>> result = options_sim("strategies/vrp_short_put_spread.json", "SPX", "2014-01-02",
    ...                      "2018-12-31", source="sample", capital=1_000_000)  # doctest: +SKIP
    >>> result.spreads[0].credit  # doctest: +SKIP
    """
    given = {
        "capital": capital, "commission": commission, "slippage": slippage,
        "interval": interval, "source": source, "format": format, "benchmark": benchmark,
    }  # fmt: skip
    result: Result = _ask(OptionsJob, spec, symbol, start, end, given, settings, progress)
    return result


def sweep(  # noqa: PLR0913 - the data, the costs and the search, each with its default
    spec: SpecSource,
    symbol: Traded,
    start: date | str | None = None,
    end: date | str | None = None,
    *,
    parameters: Mapping[str, Iterable[int | float]],
    constraint: str | None = None,
    method: str = "grid",
    objective: str = "sharpe_ratio",
    samples: int = 1_000,
    seed: int = 0,
    capital: float | None = None,
    commission: float | None = None,
    slippage: float | None = None,
    interval: str | None = None,
    source: str | None = None,
    format: FormatSource | None = None,  # noqa: A002 - the word for it
    benchmark: str | pd.DataFrame | None = None,
    detail: pd.DataFrame | None = None,
    max_sets: int = MAX_SETS,
    threads: int | None = None,
    overfitting_sample: int | None = None,
    settings: Settings | None = None,
    progress: ProgressListener | None = None,
) -> SweepResult:
    """Simulate a strategy with many sets of parameters.

    Parameters
    ----------
    spec
        A `StrategySpec`, or what `load_spec` takes, with the parameters that are to be varied.
    symbol, start, end, capital, commission, slippage, interval, source, format, benchmark,
    detail, settings, progress
        As for `run`. With a DataFrame for the symbol nothing is loaded and nothing stored.
    parameters
        The values of each parameter, such as ``{"fast": range(5, 50, 5)}``, or of a number of the
        spec's orders inside the bar and its rates, by its path: ``stop_loss``,
        ``trailing_stop.atr``. That is the parameter ``trailing_stop_atr`` then, in the table and to
        `constraint`.
    constraint
        An expression over these parameters in the grammar of conditions, such as
        ``"fast < slow"``; sets at which it does not hold are not tried.
    method
        ``"grid"`` tries every combination, ``"random"`` some of them, ``"optuna"`` those that its
        sampler proposes.
    objective
        The metric that makes a set the best, among those with BT_MIN_TRADES_REQUIRED trades.
    samples
        How many sets ``random`` and ``optuna`` try.
    seed
        Of their draws.
    max_sets
        A grid with more sets, the constraint not yet applied, is refused.
    threads
        None takes as many as the process may use. The results do not depend on it.
    overfitting_sample
        Of how many sets at the most `overfitting` takes the returns: a seeded sample with the best
        one. None takes all; each is simulated once more for it.

    Returns
    -------
    SweepResult
        `table`, one row a set; `best`, `top`, `run`, and `overfitting`, which says how much of the
        best set's result is chance.

    Raises
    ------
    SpecError
        If the spec is refused, with any set's values.
    UsageError
        If a parameter, the constraint or another argument makes no sense.
    NoDataError, DataError, SourceError, StoreError
        If bars cannot be had or the table not be written.

    Examples
    --------
    >>> result = sweep("strategies/golden_cross.yaml", "SPX", "2005-01-01", "2018-12-31",
    ...                parameters={"fast": range(10, 60, 10), "slow": [100, 200]},
    ...                source="sample")  # doctest: +SKIP
    >>> result.best, result.overfitting().deflated  # doctest: +SKIP
    """
    given = {
        "parameters": parameters, "constraint": constraint, "method": method,
        "objective": objective, "samples": samples, "seed": seed, "capital": capital,
        "commission": commission, "slippage": slippage, "interval": interval, "source": source,
        "format": format, "benchmark": benchmark, "max_sets": max_sets, "threads": threads,
        "overfitting_sample": overfitting_sample, "overfitting": False, "detail": detail,
    }  # fmt: skip
    result: SweepResult = _ask(SweepJob, spec, symbol, start, end, given, settings, progress)
    return result


def walk_forward(  # noqa: PLR0913 - the data, the costs and the windows, each with its default
    spec: SpecSource,
    symbol: Traded,
    start: date | str | None = None,
    end: date | str | None = None,
    *,
    windows: int = 3,
    is_ratio: float = 0.70,
    scheme: str = "rolling",
    optimize: Mapping[str, Iterable[int | float]] | None = None,
    constraint: str | None = None,
    objective: str = "sharpe_ratio",
    max_sets: int = MAX_SETS,
    capital: float | None = None,
    commission: float | None = None,
    slippage: float | None = None,
    interval: str | None = None,
    source: str | None = None,
    format: FormatSource | None = None,  # noqa: A002 - the word for it
    benchmark: str | pd.DataFrame | None = None,
    detail: pd.DataFrame | None = None,
    model_path: str | PathLike[str] | None = None,
    settings: Settings | None = None,
    progress: ProgressListener | None = None,
) -> WalkForwardResult:
    """Run a strategy in and out of sample, window by window (SEMANTICS 6).

    Parameters
    ----------
    spec, symbol, start, end, capital, commission, slippage, interval, source, format, benchmark,
    detail, model_path, settings, progress
        As for `run`. Each part is a stored run; with a DataFrame for the symbol nothing is loaded
        and nothing stored.
    windows, is_ratio, scheme
        As for `make_windows`: ``"rolling"``, ``"anchored"`` or ``"disjoint"``.
    optimize
        The values of parameters, as for `sweep`, among which each in-sample part chooses; only the
        out-of-sample part is scored with its choice. None runs the spec as it is.
    constraint, max_sets
        As for `sweep`.
    objective
        What the choice goes by, among sets with BT_MIN_TRADES_REQUIRED trades in sample.

    Returns
    -------
    WalkForwardResult
        `report`, the runs, and the stitched out-of-sample curve.

    Raises
    ------
    SpecError, UsageError
        If the spec or an argument makes no sense, or a part would hold fewer than 30 bars.
    NoDataError, DataError, SourceError, StoreError
        If bars cannot be had or a run not be stored.

    Examples
    --------
    >>> result = walk_forward("strategies/spy_momentum_v1.json", "SPX", "2005-01-01", "2018-12-31",
    ...                       source="sample")  # doctest: +SKIP
    >>> result.report.avg_efficiency  # doctest: +SKIP
    """
    given = {
        "windows": windows, "is_ratio": is_ratio, "scheme": scheme, "constraint": constraint,
        "objective": objective, "max_sets": max_sets, "capital": capital,
        "commission": commission, "slippage": slippage, "interval": interval, "source": source,
        "format": format, "benchmark": benchmark, "optimize": {} if optimize is None else optimize,
        "model_path": path_text(model_path), "detail": detail,
    }  # fmt: skip
    result: WalkForwardResult = _ask(
        WalkForwardJob, spec, symbol, start, end, given, settings, progress
    )
    return result


def _ask(
    kind: type[SpecJob],
    spec: SpecSource,
    symbol: Traded,
    start: date | str | None,
    end: date | str | None,
    given: Mapping[str, Any],
    settings: Settings | None,
    progress: ProgressListener | None,
) -> Any:  # noqa: ANN401 - each kind of job has its own outcome
    known, watcher = read_settings(settings), check_progress(progress)
    bars = frames_in(symbol)
    beside = given["benchmark"] if isinstance(given["benchmark"], pd.DataFrame) else None
    if beside is not None:
        if bars is None:
            raise UsageError(
                "The benchmark is a frame of bars, and what is stored has to name it.",
                hint="Name its symbol, or hand over both: the bars of the run, too.",
                details={"argument": "benchmark"},
            )
        given = {**given, "benchmark": None}
    # Bars that are loaded bring theirs along.
    given = {**given}
    detail = given.pop("detail", None)
    check_detail(detail, bars)
    asked = {"spec": spec, "symbol": symbol if bars is None else None, "start": start, "end": end}
    job = make_job(kind, {**asked, **given}, settings=known, loads=bars is None)
    return execute(
        job, settings=known, progress=watcher, bars=bars, benchmark=beside, detail=detail
    )
