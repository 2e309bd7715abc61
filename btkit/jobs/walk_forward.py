"""`walk_forward`: whether a rule still holds on bars that it was not chosen on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from btkit.arguments import check_whole
from btkit.data import FormatSource, LoadedBars, check_symbol, load_stated
from btkit.documents import (
    MetricsSection,
    ReportWarning,
    bars_hash,
)
from btkit.documents.walk_forward import (
    WalkForwardReport,
    WindowOutcome,
    build_window,
    carried_by_one,
    describe_data,
    gather_warnings,
    judge,
)
from btkit.errors import UsageError
from btkit.jobs.campaigns import (
    command_line,
    load_range,
    load_stored,
)
from btkit.jobs.delivering import deliver_queued
from btkit.jobs.files import report_folder, write_bytes, write_table
from btkit.jobs.handed_over import take_range
from btkit.jobs.job_requests import WalkForwardRequest
from btkit.jobs.progress import Progress, check_progress
from btkit.jobs.requests import (
    SpecSource,
    check_costs,
    check_interval,
    check_range,
    check_source,
    rule_spec,
    strategy_path,
)
from btkit.jobs.walk_forward_parts import (
    Plan,
    Stored,
    choose,
    run_part,
    slice_part,
    spec_file,
)
from btkit.jobs.watching import Watch, current_part, record_end
from btkit.markets import infer_interval
from btkit.metrics import verdict_of
from btkit.settings import Settings, read_settings
from btkit.spec import spec_hash
from btkit.storage import Claimed, Store, new_job_id

if TYPE_CHECKING:
    from btkit.simulation import Result
    from btkit.validation.windows import Window

MAX_SETS = 1_000_000
"""Sets that a grid may have if nobody says otherwise."""


@dataclass(frozen=True, eq=False)
class WalkForwardResult:
    """The outcome of a walk-forward validation.

    Parameters
    ----------
    report
        The document.
    in_sample, out_of_sample
        The runs of each window.
    curve : DataFrame
        The stitched out-of-sample curve by bar time: equity and benchmark in $, drawdown as a
        fraction, and the window. Each part goes on with what the one before left; no position
        crosses a boundary. The benchmark holds the instrument in the same stretches.
    """

    report: WalkForwardReport
    in_sample: list[Result]
    out_of_sample: list[Result]
    curve: pd.DataFrame

    @property
    def passed(self) -> bool:
        """Whether enough held out of sample: see `WalkForwardReport.passed`."""
        return self.report.passed

    @property
    def windows(self) -> pd.DataFrame:
        """One row a window."""
        return pd.DataFrame([window.model_dump() for window in self.report.windows])

    def __repr__(self) -> str:
        return self.report.conclusion


def walk_forward(  # noqa: PLR0913 - the data, the costs and the windows, each with its default
    spec: SpecSource,
    symbol: str | pd.DataFrame,
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
    interval: str = "1d",
    source: str | None = None,
    format: FormatSource | None = None,  # noqa: A002 - the word for it
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> WalkForwardResult:
    """Run a strategy in and out of sample, window by window (SEMANTICS 6).

    Parameters
    ----------
    spec, symbol, start, end, capital, commission, slippage, interval, source, format, settings,
    progress
        As for `run`. Each part is a stored run; with a DataFrame for the symbol nothing is loaded
        and nothing stored.
    windows, is_ratio, scheme
        As for `make_windows`: ``"rolling"``, ``"anchored"`` or ``"disjoint"``.
    optimize
        The values of parameters among which each in-sample part chooses; only the out-of-sample
        part is scored with its choice. None runs the spec as it is.
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
    observer = check_progress(progress)
    plan = _ask(
        spec, windows=windows, is_ratio=is_ratio, scheme=scheme, optimize=optimize,
        constraint=constraint, objective=objective, max_sets=max_sets, capital=capital,
        commission=commission, slippage=slippage,
        settings=read_settings(settings),
    )  # fmt: skip
    interval, source = check_interval(interval), check_source(source)
    if isinstance(symbol, pd.DataFrame):
        given = take_range(symbol, plan.spec, start, end, bar_format=format)
        return _walk(plan, _cut(plan, given), None, observer)
    known_symbol = check_symbol(symbol)
    first, last = check_range(start, end)
    known_format = load_stated(format)
    if plan.sets is not None:
        from btkit.validation import check_sets  # noqa: PLC0415 - brings numba

        check_sets(plan.spec, plan.optimized, plan.sets, plan.constraint)
    request = WalkForwardRequest(
        spec=plan.spec.model_dump(mode="json"),
        events=plan.spec.events_read(known_symbol).to_json(),
        path=plan.path,
        symbol=known_symbol,
        start=first,
        end=last,
        interval=interval,
        source=source or plan.settings.data_source,
        format=None if known_format is None else known_format.stated(),
        capital=plan.costs.capital,
        commission=plan.costs.commission,
        slippage=plan.costs.slippage,
        objective=plan.objective,
        constraint=plan.constraint,
        max_sets=plan.max_sets,
        min_trades_required=plan.settings.min_trades_required,
        windows=plan.windows,
        is_ratio=plan.is_ratio,
        scheme=plan.scheme,
        optimize=plan.optimized,
    )
    # What no bars are there for, or too few, is not begun.
    cut = _cut(plan, _load(plan, request, observer))
    store = Store.from_settings(plan.settings)
    known_id = new_job_id()
    store.jobs.begin(request.as_job(known_id, current_part()))
    with _kept(plan, request, store, known_id, observer) as stored:
        return _walk(plan, cut, stored, observer)


def go_on_with_walk_forward(
    claimed: Claimed, *, settings: Settings, progress: Progress
) -> WalkForwardResult:
    """Do an unfinished validation again, under its own id, without the sets it has tried.

    Parameters
    ----------
    claimed
        The validation. The runs of its windows are made anew.
    settings
        Where bars come from and files go.
    progress
        Told of each stage.

    Raises
    ------
    BtkitError
        As `walk_forward`.
    """
    request = WalkForwardRequest.from_json(claimed.request)
    plan = _ask(
        request.load_spec(), windows=request.windows, is_ratio=request.is_ratio,
        scheme=request.scheme, optimize=request.optimize, constraint=request.constraint,
        objective=request.objective, max_sets=request.max_sets, capital=request.capital,
        commission=request.commission, slippage=request.slippage,
        settings=settings.model_copy(update={"min_trades_required": request.min_trades_required}),
    )  # fmt: skip
    plan = replace(plan, path=request.path)
    store = Store.from_settings(settings)
    with _kept(plan, request, store, claimed.job_id, progress) as stored:
        for part in store.runs(parent=claimed.job_id, limit=None):
            store.delete(part["run_id"])
        return _walk(plan, _cut(plan, _load(plan, request, progress)), stored, progress)


def _load(plan: Plan, request: WalkForwardRequest, progress: Progress) -> LoadedBars:
    return load_range(
        plan.spec, request.symbol, request.start, request.end, interval=request.interval,
        source=request.source, bar_format=request.format, settings=plan.settings, progress=progress,
    )  # fmt: skip


@contextmanager
def _kept(
    plan: Plan, request: WalkForwardRequest, store: Store, known_id: str, progress: Progress
) -> Iterator[Stored]:
    """Watch over a validation that was begun, and say how it ended."""
    jobs = store.jobs
    with Watch(jobs, known_id, progress=progress, what="Walk-forward") as watch:
        asked = request.start, request.end
        stored = Stored(store, known_id, asked, report_folder(plan.settings), watch)
        try:
            yield stored
        except BaseException as error:
            record_end(
                error,
                known_id,
                cancel=lambda reason: jobs.cancel(known_id, error_message=reason),
                fail=lambda message: jobs.fail(known_id, error_message=message),
                what="walk-forward",
            )
            if stored.kept:
                error.add_note(
                    "The sets tried so far are kept; the same command goes on with them, too."
                )
            raise
    for kept in stored.kept:
        kept.remove()
    deliver_queued(store, progress)


def load_walk_forward(
    walk_forward_id: str, *, settings: Settings | None = None
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return the document and the stitched curve of a stored walk-forward validation.

    Parameters
    ----------
    walk_forward_id
        As in the document.
    settings
        None reads the BT_* environment.

    Raises
    ------
    StoreError
        If there is none, or it cannot be read.
    """
    known = read_settings(settings)
    return load_stored("walk_forward", walk_forward_id, known)


def _ask(  # noqa: PLR0913 - as `walk_forward`
    spec: SpecSource,
    *,
    windows: int,
    is_ratio: float,
    scheme: str,
    optimize: Mapping[str, Iterable[int | float]] | None,
    constraint: str | None,
    objective: str,
    max_sets: int,
    capital: float | None,
    commission: float | None,
    slippage: float | None,
    settings: Settings,
) -> Plan:
    from btkit.validation import (  # noqa: PLC0415 - brings numba
        check_axes,
        check_constraint,
        check_objective,
        make_grid,
    )
    from btkit.validation.windows import check_scheme, check_windows  # noqa: PLC0415 - likewise

    rules = rule_spec(spec, settings=settings)
    costs = check_costs(
        rules, capital=capital, commission=commission, slippage=slippage, settings=settings
    )
    windows, is_ratio = check_windows(windows, is_ratio)
    constraint = check_constraint(constraint)
    max_sets = check_whole(max_sets, "max_sets", least=1, hint="Leave it out for the default.")
    axes = {} if optimize is None else check_axes(rules, optimize)
    if constraint and not axes:
        raise UsageError(
            "A constraint needs parameters that are optimised.",
            hint="Name them, such as --optimize fast=5:50:5.",
        )
    return Plan(
        spec=rules,
        costs=costs,
        windows=windows,
        is_ratio=is_ratio,
        scheme=check_scheme(scheme),
        sets=make_grid(axes, constraint=constraint, max_sets=max_sets) if axes else None,
        optimized=axes,
        constraint=constraint,
        objective=check_objective(objective),
        max_sets=max_sets,
        settings=settings,
        path=strategy_path(spec),
    )


@dataclass(frozen=True)
class _Cut:
    """Bars, and the windows they are cut into.

    Parameters
    ----------
    loaded
        The bars.
    offset
        The place of the first bar that is asked for.
    windows
        Places from there on.
    """

    loaded: LoadedBars
    offset: int
    windows: list[Window]


def _cut(plan: Plan, loaded: LoadedBars) -> _Cut:
    from btkit.validation.windows import (  # noqa: PLC0415 - brings numba
        cut_between_days,
        make_windows,
    )

    index = pd.DatetimeIndex(loaded.bars.index)
    offset = int(index.searchsorted(loaded.start))
    made = make_windows(
        len(index) - offset, windows=plan.windows, is_ratio=plan.is_ratio, scheme=plan.scheme
    )
    if infer_interval(index, told=loaded.info.interval).is_intraday:
        made = cut_between_days(made, index[offset:].to_numpy(dtype="datetime64[D]"))
    return _Cut(loaded, offset, made)


def _walk(plan: Plan, cut: _Cut, stored: Stored | None, progress: Progress) -> WalkForwardResult:
    from btkit.validation.windows import efficiency_of  # noqa: PLC0415 - brings numba

    loaded, offset = cut.loaded, cut.offset
    outcomes: list[WindowOutcome] = []
    sparse: list[int] = []
    for window in cut.windows:
        if stored is not None:
            stored.watch.reach(window.index, plan.windows, "windows")
        with progress.stage(f"window {window.index + 1}") as note:
            part = slice_part(loaded, offset + window.is_first, offset + window.is_last)
            spec, tried, few = choose(plan, part, stored, progress)
            path = spec_file(plan, spec, stored, window.index)
            place = 2 * window.index + 1
            inside = run_part(plan, spec, part, stored, path, place=place)
            if few:
                sparse.append(window.index + 1)
            part = slice_part(loaded, offset + window.oos_first, offset + window.oos_last)
            sharpe = inside.result.metrics.sharpe_ratio
            outside = run_part(plan, spec, part, stored, path, place=place + 1, is_sharpe=sharpe)
            achieved = outside.result.metrics.sharpe_ratio
            outcomes.append(WindowOutcome(inside, outside, efficiency_of(sharpe, achieved), tried))
            note(f"Sharpe {_shown(sharpe)} in, {_shown(achieved)} out of sample")
    result = _conclude(plan, loaded, stored, outcomes, sparse)
    if stored is not None:
        stored.store.jobs.complete(stored.walk_forward_id, result.report.to_dict())
    return result


def _shown(ratio: float) -> str:
    return "undefined" if np.isnan(ratio) else f"{ratio:.2f}".replace("-", "−")


def _few(sparse: list[int], minimum: int) -> list[ReportWarning]:
    """Warn of the windows that chose among sets with too few trades."""
    if not sparse:
        return []
    *others, last = (str(number) for number in sparse)
    which = f"windows {', '.join(others)} and {last}" if others else f"window {last}"
    return [
        ReportWarning(
            code="few_trades",
            message=f"In {which} no parameter set made {minimum} trades in sample; the best of "
            "those with fewer was chosen.",
        )
    ]


def _conclude(
    plan: Plan,
    loaded: LoadedBars,
    stored: Stored | None,
    outcomes: list[WindowOutcome],
    sparse: list[int],
) -> WalkForwardResult:
    from btkit.validation.stitching import stitch, stitched_metrics  # noqa: PLC0415 - numba
    from btkit.validation.windows import (  # noqa: PLC0415 - likewise
        EFFICIENCY_NEEDED,
        average_efficiency,
    )

    windows = [build_window(index, outcome) for index, outcome in enumerate(outcomes)]
    outside = [outcome.outside for outcome in outcomes]
    results = [part.result for part in outside]
    efficiencies = [outcome.efficiency for outcome in outcomes]
    average = average_efficiency(efficiencies)
    curve = stitch(results, capital=plan.costs.capital)
    metrics = stitched_metrics(results, curve, capital=plan.costs.capital)
    failures, conclusion = judge(
        efficiencies, average=average, needed=EFFICIENCY_NEEDED, gain=metrics.total_return_pct
    )
    least = plan.settings.min_trades_required
    stitched = MetricsSection(run_id=None, **metrics.to_json_values())
    is_mean = float(np.mean([window.is_sharpe for window in windows]))
    index = pd.DatetimeIndex(loaded.bars.index)
    rows = len(index) - int(index.searchsorted(loaded.start))
    report = WalkForwardReport(
        walk_forward_id=None if stored is None else stored.walk_forward_id,
        strategy_name=plan.spec.name,
        strategy_version=plan.spec.version,
        symbol=loaded.info.symbol or None,
        start_date=loaded.start if stored is None else stored.asked[0],
        end_date=index[-1] if stored is None else stored.asked[1],
        scheme=plan.scheme,
        is_ratio=plan.is_ratio,
        objective=plan.objective,
        optimized=plan.optimized,
        constraint=plan.constraint,
        windows=windows,
        avg_efficiency=average,
        avg_oos_sharpe=float(np.mean([window.oos_sharpe for window in windows])),
        avg_is_sharpe=is_mean,
        stitched_efficiency=stitched.sharpe_ratio / is_mean if is_mean > 0.0 else None,
        stitched=stitched,
        passed=not failures,
        failures=failures,
        verdict=verdict_of(passed=not failures, trades=stitched.total_trades, least=least),
        min_trades_required=least,
        conclusion=conclusion,
        curve_url=None if stored is None else _table_file(stored).as_uri(),
        warnings=[
            *carried_by_one(efficiencies, needed=EFFICIENCY_NEEDED),
            *_few(sparse, least),
            *gather_warnings(outside),
        ],
        data=describe_data(
            outside,
            rows=rows,
            first=loaded.start,
            last=index[-1],
            gaps=loaded.info.gaps,
        ),
        provenance={
            **outside[0].report.provenance.model_dump(),
            "spec_hash": spec_hash(plan.spec),
            "spec": plan.spec.model_dump(mode="json"),
            "bars_hash": bars_hash(loaded.bars),
            "command": None if stored is None else _command(plan, loaded, stored.asked),
        },
    )
    if stored is not None:
        owner, settings = stored.walk_forward_id, plan.settings
        write_table(owner, f"{owner}.parquet", curve, kind="table", settings=settings)
        content = report.to_json().encode() + b"\n"
        write_bytes(owner, f"{owner}.json", content, kind="json", settings=settings)
    return WalkForwardResult(
        report, [outcome.inside.result for outcome in outcomes], results, curve
    )


def _table_file(stored: Stored) -> Path:
    return stored.folder / f"{stored.walk_forward_id}.parquet"


def _command(plan: Plan, loaded: LoadedBars, asked: tuple[date, date]) -> list[str] | None:
    if plan.path is None:
        return None
    more: dict[str, object] = {
        "windows": plan.windows,
        "is-ratio": plan.is_ratio,
        "scheme": plan.scheme,
    }
    if plan.sets is not None:
        more |= {
            "objective": plan.objective,
            "constraint": plan.constraint,
            "max-sets": None if plan.max_sets == MAX_SETS else plan.max_sets,
        }
    return command_line(
        "walk-forward", plan.path, loaded.info, start=asked[0], end=asked[1], costs=plan.costs,
        more=more, axes=("optimize", plan.optimized),
    )  # fmt: skip
