"""`sweep`: load, try every set of parameters, keep what is done, tell the truth about the best."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from btkit.data import FormatSource, LoadedBars, check_symbol, load_stated
from btkit.jobs.campaigns import (
    command_line,
    load_range,
    load_stored,
    write_spec,
)
from btkit.jobs.files import report_folder, write_bytes, write_table
from btkit.jobs.finished_sets import FinishedSets, measure_rest
from btkit.jobs.handed_over import take_range
from btkit.jobs.job_requests import SweepRequest
from btkit.jobs.progress import Progress, check_progress
from btkit.jobs.requests import (
    Costs,
    SpecSource,
    check_interval,
    check_range,
    check_source,
    parse_day,
)
from btkit.jobs.sweep_question import (
    MAX_SETS,
    Question,
    ask,
    ask_again,
    command_of,
    fingerprint,
    id_of,
    request_of,
)
from btkit.jobs.watching import Watch, count, current_part, record_end
from btkit.settings import Settings, read_settings
from btkit.storage import Claimed, Jobs, Store

if TYPE_CHECKING:
    from btkit.documents.sweeps import SweepReport
    from btkit.jobs.finished_sets import Floats, Places
    from btkit.validation import Overfitting, ParameterSets, Sweeper, SweepResult

TOP = 10
"""Best sets that the document lists and that get a spec file each."""


def sweep(  # noqa: PLR0913 - the data, the costs and the search, each with its default
    spec: SpecSource,
    symbol: str | pd.DataFrame,
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
    interval: str = "1d",
    source: str | None = None,
    format: FormatSource | None = None,  # noqa: A002 - the word for it
    max_sets: int = MAX_SETS,
    threads: int | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> SweepResult:
    """Simulate a strategy with many sets of parameters.

    Parameters
    ----------
    spec
        A `StrategySpec`, or what `load_spec` takes, with the parameters that are to be varied.
    symbol, start, end, capital, commission, slippage, interval, source, format, settings,
    progress
        As for `run`. With a DataFrame for the symbol nothing is loaded and nothing stored.
    parameters
        The values of each parameter, such as ``{"fast": range(5, 50, 5)}``.
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

    Returns
    -------
    SweepResult
        `table`, one row a set; `best`, `top`, `run`, and `overfitting`, which says how much of the
        best set's result could be chance.

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
    from btkit.validation import check_sets, with_parameters  # noqa: PLC0415 - brings numba

    known = read_settings(settings)
    observer = check_progress(progress)
    question = ask(
        spec, parameters, constraint=constraint, method=method, objective=objective,
        samples=samples, seed=seed, max_sets=max_sets, threads=threads, settings=known,
        capital=capital, commission=commission, slippage=slippage,
    )  # fmt: skip
    interval, source = check_interval(interval), check_source(source)
    if isinstance(symbol, pd.DataFrame):
        loaded = take_range(symbol, question.spec, start, end, bar_format=format)
        return _search(question, loaded, None, settings=known, progress=observer)
    known_symbol, asked = check_symbol(symbol), check_range(start, end)
    # What any set's values spoil must not wait until bars are loaded.
    if question.sets is not None:
        with_parameters(question.spec, question.sets.at(0))
    check_sets(question.spec, question.axes, question.sets, question.constraint)
    request = request_of(
        question, known_symbol, asked, interval=interval,
        source=source or known.data_source,
        min_trades_required=known.min_trades_required, bar_format=load_stated(format),
    )  # fmt: skip
    loaded = _load(question, request, known, observer)
    kept = _Kept(Store.from_settings(known).jobs, request, None)
    return _search(question, loaded, kept, settings=known, progress=observer)


def go_on_with_sweep(claimed: Claimed, *, settings: Settings, progress: Progress) -> SweepResult:
    """Measure the sets that an unfinished sweep still lacks, and store its document.

    Parameters
    ----------
    claimed
        The sweep.
    settings
        Where bars come from and files go.
    progress
        Told of each stage.

    Raises
    ------
    BtkitError
        As `sweep`.
    """
    request = SweepRequest.from_json(claimed.request)
    known = settings.model_copy(update={"min_trades_required": request.min_trades_required})
    jobs = Store.from_settings(known).jobs
    with _watched(jobs, claimed.job_id, progress):
        question = ask_again(request, known)
        loaded = _load(question, request, known, progress)
    kept = _Kept(jobs, request, claimed.job_id)
    result = _search(question, loaded, kept, settings=known, progress=progress)
    describe_sweep(result, start=request.start, end=request.end, settings=known, progress=progress)
    return result


def _load(
    question: Question, request: SweepRequest, settings: Settings, progress: Progress
) -> LoadedBars:
    return load_range(
        question.spec, request.symbol, request.start, request.end, interval=request.interval,
        source=request.source, bar_format=request.format, settings=settings, progress=progress,
    )  # fmt: skip


def describe_sweep(
    result: SweepResult,
    *,
    start: date | str | None = None,
    end: date | str | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> SweepReport:
    """Return the document of a sweep, the statistics of overfitting included.

    Parameters
    ----------
    result
        What `sweep` returned. If its table was stored, the document and the specs of the best
        sets are stored beside it.
    start, end
        The range as requested.
    settings
        None reads the BT_* environment.
    progress
        Told of the stage.

    Raises
    ------
    StoreError
        If a file cannot be written.
    """
    known = read_settings(settings)
    observer = check_progress(progress)
    days = tuple(
        None if day is None else parse_day(day, name=name)
        for name, day in (("start", start), ("end", end))
    )
    if result.sweep_id is None:
        return _describe(result, days, known, observer, partial(count, observer))
    jobs = Store.from_settings(known).jobs
    jobs.take(result.sweep_id)
    with _watched(jobs, result.sweep_id, observer) as watch:
        try:
            report = _describe(result, days, known, observer, watch.count)
        except BaseException as error:
            error.add_note(f"The table of all parameter sets is complete: {result.files['table']}.")
            raise
        content = report.to_json().encode() + b"\n"
        name = f"{result.sweep_id}.json"
        write_bytes(result.sweep_id, name, content, kind="json", settings=known)
        jobs.complete(result.sweep_id, report.to_dict())
    return report


def _describe(
    result: SweepResult,
    days: tuple[date | None, ...],
    settings: Settings,
    progress: Progress,
    counted: Callable[[int, int, str], None],
) -> SweepReport:
    from btkit.documents import gather_versions  # noqa: PLC0415 - as `sweep`
    from btkit.documents.sweeps import build_sweep_report  # noqa: PLC0415 - as `sweep`

    total = len(result.sets)
    with progress.stage("overfitting") as note:
        found = result.overfitting(
            on_chunk=lambda first, rows: counted(first + len(rows), total, "sets")
        )
        note(_in_words(found))
    first, last = days
    asked = None if first is None or last is None else (first, last)
    return build_sweep_report(
        result,
        found,
        created_at=datetime.now(UTC).isoformat(),
        start_date=None if first is None else first.isoformat(),
        end_date=None if last is None else last.isoformat(),
        table_url=Path(result.files["table"]).as_uri() if "table" in result.files else None,
        commands=_rerun_commands(result, settings, asked),
        versions=gather_versions(),
    )


def load_sweep(
    sweep_id: str, *, settings: Settings | None = None
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return the document and the table of a stored sweep.

    Parameters
    ----------
    sweep_id
        As in the document.
    settings
        None reads the BT_* environment.

    Raises
    ------
    StoreError
        If there is no such sweep, or it cannot be read.
    """
    known = read_settings(settings)
    return load_stored("sweep", sweep_id, known)


@dataclass(frozen=True)
class _Kept:
    """Where a sweep of bars from a source leaves things; bars handed over leave nothing.

    Parameters
    ----------
    jobs
        Takes the sweep.
    request
        What was asked for.
    sweep_id
        Of a sweep that goes on; None for one that begins.
    """

    jobs: Jobs
    request: SweepRequest
    sweep_id: str | None

    def begin(self, mark: str) -> str:
        """Return the sweep's id, its row written."""
        if self.sweep_id is not None:
            return self.sweep_id
        part = current_part()
        job = self.request.as_job(id_of(mark, part), part)
        self.jobs.begin(job)
        return job.job_id


def _search(
    question: Question,
    loaded: LoadedBars,
    kept: _Kept | None,
    *,
    settings: Settings,
    progress: Progress,
) -> SweepResult:
    from btkit.validation import SweepResult, prepare  # noqa: PLC0415 - brings numba
    from btkit.validation.grid import decode  # noqa: PLC0415 - likewise

    probe = question.sets
    if probe is None:
        probe = decode(question.axes, np.zeros(1, np.int64))
    sweeper = prepare(
        question.spec,
        loaded.bars,
        probe,
        capital=question.costs.capital,
        commission=question.costs.commission,
        slippage=question.costs.slippage,
        start=loaded.start,
        threads=question.threads,
    )

    def found(sets: ParameterSets, rows: Floats) -> SweepResult:
        return SweepResult(
            spec=question.spec,
            sets=sets,
            rows=rows,
            objective=question.objective,
            min_trades=settings.min_trades_required,
            sweeper=sweeper,
            method=question.method,
            constraint=question.constraint,
        )

    minimum = settings.min_trades_required
    if kept is None:
        counted = partial(count, progress)
        return found(*_measure(question, sweeper, None, minimum, progress, counted))
    mark = fingerprint(question, sweeper)
    sweep_id = kept.begin(mark)
    folder = report_folder(settings)
    finished = FinishedSets(folder / f".{mark}.parts", job_id=sweep_id, private=settings.private)
    name = f"{sweep_id}.parquet"
    with _watched(kept.jobs, sweep_id, progress) as watch:
        measured = _measure(question, sweeper, finished, minimum, progress, watch.count)
        result = found(*measured)
        path = write_table(sweep_id, name, result.table, kind="table", settings=settings)
        kept.jobs.complete(sweep_id, None)
    finished.remove()
    asked = kept.request.start, kept.request.end
    return replace(
        result,
        sweep_id=sweep_id,
        files={"table": str(path)},
        command=command_of(question, loaded, asked=asked),
    )


@contextmanager
def _watched(jobs: Jobs, sweep_id: str, progress: Progress) -> Iterator[Watch]:
    with Watch(jobs, sweep_id, progress=progress, what="Sweep") as watch:
        try:
            yield watch
        except BaseException as error:
            record_end(
                error,
                sweep_id,
                cancel=lambda reason: jobs.cancel(sweep_id, error_message=reason),
                fail=lambda message: jobs.fail(sweep_id, error_message=message),
                what="sweep",
            )
            raise


def _measure(
    question: Question,
    sweeper: Sweeper,
    kept: FinishedSets | None,
    minimum: int,
    progress: Progress,
    counted: Callable[[int, int, str], None],
) -> tuple[ParameterSets, Floats]:
    """Measure what no earlier attempt has; whatever stops it, what is done is kept."""
    total = question.samples if question.sets is None else len(question.sets)

    def told(done: int, total: int) -> None:
        counted(done, total, "sets")

    began = time.perf_counter()
    with progress.stage("sweep") as note:
        try:
            if question.sets is None:
                sets, rows = _propose(question, sweeper, kept, minimum, told)
            else:
                sets, rows = question.sets, measure_rest(question.sets, sweeper, kept, told)
        except BaseException as error:
            if kept is not None:
                kept.flush()
                error.add_note(
                    f"{len(kept.read()[0]):,} of {total:,} sets are kept; the same command goes "
                    "on with the others."
                )
            raise
        seconds = time.perf_counter() - began
        note(
            f"{len(sets):,} sets in {seconds:.1f} s, {len(sets) / max(seconds, 1e-9):,.0f} a second"
        )
    return sets, rows


def _propose(
    question: Question,
    sweeper: Sweeper,
    kept: FinishedSets | None,
    minimum: int,
    told: Callable[[int, int], None],
) -> tuple[ParameterSets, Floats]:
    from btkit.validation.search import search  # noqa: PLC0415 - brings numba

    known = {} if kept is None else dict(zip(kept.read()[0].tolist(), kept.read()[1], strict=True))

    def keep(done: int, places: Places, rows: Floats) -> None:
        if kept is not None:
            kept.add(places, rows)
        told(done, question.samples)

    return search(
        sweeper,
        question.axes,
        count=question.samples,
        objective=question.objective,
        min_trades=minimum,
        constraint=question.constraint,
        seed=question.seed,
        known=known,
        on_batch=keep,
    )


def _rerun_commands(
    result: SweepResult, settings: Settings, asked: tuple[date, date] | None
) -> list[list[str] | None]:
    """Write a spec file for each of the best sets, and return the commands that run them."""
    from btkit.validation import with_parameters  # noqa: PLC0415 - brings numba

    count = min(TOP, len(result.sets))
    first = result.sweeper.first
    if result.sweep_id is None or asked is None:
        return [None] * count
    costs = Costs(first.initial_capital, first.commission, first.slippage)
    commands: list[list[str] | None] = []
    for rank, place in enumerate(result.order[:count].tolist(), start=1):
        name = f"{result.sweep_id}-top/rank-{rank:02d}.json"
        spec = with_parameters(result.spec, result.sets.at(place))
        file = write_spec(result.sweep_id, name, spec, settings=settings)
        commands.append(
            command_line("run", str(file), first.data, start=asked[0], end=asked[1], costs=costs)
        )
    return commands


def _in_words(found: Overfitting) -> str:
    cscv = found.backtest_overfitting
    chance = "" if cscv is None else f", probability of overfitting {cscv.probability:.0%}"
    return f"deflated Sharpe {found.deflated:.2f}{chance}"
