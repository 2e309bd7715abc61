"""`sweep`: load, try every set of parameters, keep what is done, tell the truth about the best."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from btkit.data import LoadedBars
from btkit.jobs.commands import command_of
from btkit.jobs.execution import Execution, new_row
from btkit.jobs.files import report_folder, write_bytes, write_spec, write_table
from btkit.jobs.finished_sets import FinishedSets, brought_by_user, identify, measure_rest
from btkit.jobs.job import RunJob, SweepJob
from btkit.jobs.loading import bars_of
from btkit.jobs.measured_sets import Settled, settle, sweeper_of
from btkit.jobs.prepare import prepare
from btkit.jobs.progress import ProgressListener, check_progress
from btkit.jobs.watching import Watch, count
from btkit.markets import read_day
from btkit.settings import Settings, read_settings
from btkit.storage import JobTable, Store

if TYPE_CHECKING:
    from btkit.documents.sweeps import SweepReport
    from btkit.jobs.measured_sets import Floats, Places
    from btkit.validation import Overfitting, ParameterSets, Sweeper, SweepResult

TOP = 10
"""Best sets that the document lists and that get a spec file each."""


def execute_sweep(job: SweepJob, given: Execution) -> SweepResult:
    """Load bars, measure every set, and store the table, and the document if it is wanted.

    A sweep that goes on has the sets that it had measured before.
    """
    claimed = given.claimed
    if claimed is None:
        known = _prepare(job, given)
        loaded = bars_of(known, given)
    else:
        with _watch(Store.from_settings(given.settings).jobs, claimed.job_id, given.progress):
            known = _prepare(job, given)
            loaded = bars_of(known, given)
    result = _search(known, loaded, given)
    if given.is_stored and (job.overfitting or claimed is not None):
        describe_sweep(
            result,
            start=known.start,
            end=known.end,
            settings=given.settings,
            progress=given.progress,
        )
    return result


def _prepare(job: SweepJob, given: Execution) -> SweepJob:
    from btkit.validation import check_sets, with_parameters  # noqa: PLC0415 - brings numba

    known = prepare(job, settings=given.settings)
    if given.bars is None:
        # What any set's values spoil must not wait until bars are loaded.
        if known.sets is not None:
            with_parameters(known.rules, known.sets.at(0))
        check_sets(known.rules, known.parameters, known.sets, known.constraint)
    return known


def describe_sweep(
    result: SweepResult,
    *,
    start: date | str | None = None,
    end: date | str | None = None,
    settings: Settings | None = None,
    progress: ProgressListener | None = None,
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
        Notified of the stage.

    Raises
    ------
    StoreError
        If a file cannot be written.
    """
    known = read_settings(settings)
    observer = check_progress(progress)
    days = tuple(
        None if day is None else read_day(day, name=name)
        for name, day in (("start", start), ("end", end))
    )
    if result.sweep_id is None:
        return _describe(result, days, known, observer, partial(count, observer))
    jobs = Store.from_settings(known).jobs
    jobs.take(result.sweep_id)
    with _watch(jobs, result.sweep_id, observer) as watch:
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
    progress: ProgressListener,
    counted: Callable[[int, int, str], None],
) -> SweepReport:
    from btkit.documents import gather_versions  # noqa: PLC0415 - as `sweep`
    from btkit.documents.sweeps import build_sweep_report  # noqa: PLC0415 - as `sweep`

    total = result.sampled
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


def _search(job: SweepJob, loaded: LoadedBars, given: Execution) -> SweepResult:
    from btkit.validation import SweepResult  # noqa: PLC0415 - brings numba
    from btkit.validation.grid import decode  # noqa: PLC0415 - likewise

    settings, progress = given.settings, given.progress
    settled = _settled(job, given)
    # What crashed is not tried here either.
    probe = job.sets if settled is None else settled.sets
    if probe is None:
        probe = decode(job.parameters, np.zeros(1, np.int64))
    sweeper = sweeper_of(job, loaded, probe, threads=job.threads or 1)

    def found(settled: Settled) -> SweepResult:
        return SweepResult(
            spec=job.rules,
            sets=settled.sets,
            rows=settled.rows,
            crashed=settled.crashed,
            overfitting_sample=job.overfitting_sample,
            objective=job.objective,
            min_trades=job.least_trades,
            sweeper=sweeper,
            method=job.method,
            constraint=job.constraint,
        )

    if not given.is_stored:
        return found(_measure(job, sweeper, None, progress, partial(count, progress)))
    mark = fingerprint(job, sweeper)
    jobs = Store.from_settings(settings).jobs
    sweep_id = _begin(job, mark, jobs, given)
    folder = report_folder(settings)
    finished = FinishedSets(
        folder / f".{mark}.parts",
        job_id=sweep_id,
        columns=sweeper.columns,
        private=settings.private,
    )
    name = f"{sweep_id}.parquet"
    with _watch(jobs, sweep_id, progress) as watch:
        if settled is None:
            settled = _measure(job, sweeper, finished, progress, watch.count)
        result = found(settled)
        path = write_table(sweep_id, name, result.table, kind="table", settings=settings)
        jobs.complete(sweep_id, None)
    finished.remove()
    command = command_of(job, loaded.info)
    return replace(result, sweep_id=sweep_id, files={"table": str(path)}, command=command)


def _settled(job: SweepJob, given: Execution) -> Settled | None:
    if given.measured is None:
        return None
    assert job.sets is not None, "sets that are proposed one after the other are not divided"
    return settle(job.sets, given.measured[0])


def _begin(job: SweepJob, mark: str, jobs: JobTable, given: Execution) -> str:
    """Return the sweep's id, its row written: the same for the same question, but in a batch."""
    if given.claimed is not None:
        return given.claimed.job_id
    part, sample = given.part, job.overfitting_sample
    total = job.samples if job.sets is None else len(job.sets)
    # The same sets under another id: other statistics are said of them.
    more = [] if sample is None or sample >= total else [f"sample {sample}"]
    more += [] if part is None else [part.parent_id]
    name = " ".join([mark, *more])
    sweep_id = hashlib.sha256(name.encode()).hexdigest()[:16] if more else mark
    jobs.begin(new_row(job, sweep_id, part))
    return sweep_id


def fingerprint(job: SweepJob, sweeper: Sweeper) -> str:
    """Return an id that is the same for the same question about the same bars."""
    from btkit.documents import (  # noqa: PLC0415 - as the sweep
        bars_hash,
        benchmark_hash,
        seen_detail_hash,
        seen_others,
    )

    first = sweeper.first
    drawn = [job.method] if job.method == "grid" else [job.method, job.samples, job.seed]
    asked = {
        "spec": job.rules.model_dump(mode="json", exclude={"metadata"}),
        "axes": job.ordered_axes,
        "constraint": job.constraint,
        "method": drawn,
        # With it, which set is the best.
        "objective": [job.objective, job.least_trades],
        "costs": list(job.account.values()),
        "bars": bars_hash(first.all_bars, columns=job.rules.hashed_columns),
        **brought_by_user(
            job.rules, first.symbol, job.objective, classifiers=sweeper.inputs.classifiers
        ),
        "start": first.outcome.start,
        **({} if first.benchmark.bars is None else {"benchmark": benchmark_hash(first)}),
        **({"others": seen_others(first)} if first.others else {}),
        **({} if (finer := seen_detail_hash(first)) is None else {"detail": finer}),
    }
    return identify(asked)


def _watch(jobs: JobTable, sweep_id: str, progress: ProgressListener) -> Watch:
    return Watch(jobs, sweep_id, progress=progress, what="Sweep")


def _measure(
    job: SweepJob,
    sweeper: Sweeper,
    kept: FinishedSets | None,
    progress: ProgressListener,
    counted: Callable[[int, int, str], None],
) -> Settled:
    """Measure what no earlier attempt has; whatever stops it, what is done is kept."""
    total = job.samples if job.sets is None else len(job.sets)

    def on_progress(done: int, total: int) -> None:
        counted(done, total, "sets")

    began = time.perf_counter()
    with progress.stage("sweep") as note:
        try:
            if job.sets is None:
                sets, rows = _propose(job, sweeper, kept, on_progress)
            else:
                sets, rows = job.sets, measure_rest(job.sets, sweeper, kept, on_progress)
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
    return Settled(sets, rows)


def _propose(
    job: SweepJob,
    sweeper: Sweeper,
    kept: FinishedSets | None,
    on_progress: Callable[[int, int], None],
) -> tuple[ParameterSets, Floats]:
    from btkit.validation.search import search  # noqa: PLC0415 - brings numba

    known = {} if kept is None else dict(zip(kept.read()[0].tolist(), kept.read()[1], strict=True))

    def keep(done: int, places: Places, rows: Floats) -> None:
        if kept is not None:
            kept.add(places, rows)
        on_progress(done, job.samples)

    return search(
        sweeper,
        job.parameters,
        count=job.samples,
        objective=job.objective,
        min_trades=job.least_trades,
        constraint=job.constraint,
        seed=job.seed,
        known=known,
        on_batch=keep,
    )


def _rerun_commands(
    result: SweepResult, settings: Settings, asked: tuple[date, date] | None
) -> list[list[str] | None]:
    """Write a spec file for each of the best sets, and return the commands that run them."""
    from btkit.validation import with_parameters  # noqa: PLC0415 - brings numba

    best = min(TOP, len(result.sets))
    first = result.sweeper.first
    if result.sweep_id is None or asked is None:
        return [None] * best
    commands: list[list[str] | None] = []
    for rank, place in enumerate(result.order[:best].tolist(), start=1):
        name = f"{result.sweep_id}-top/rank-{rank:02d}.json"
        spec = with_parameters(result.spec, result.sets.at(place))
        job = RunJob(
            spec=str(write_spec(result.sweep_id, name, spec, settings=settings)),
            symbol=first.symbol,
            start=asked[0],
            end=asked[1],
            capital=first.initial_capital,
            commission=first.commission,
            slippage=first.slippage,
            benchmark=first.benchmark.symbol,
        )
        commands.append(command_of(job, first.data))
    return commands


def _in_words(found: Overfitting) -> str:
    cscv = found.backtest_overfitting
    chance = "" if cscv is None else f", probability of overfitting {cscv.probability:.0%}"
    return f"deflated Sharpe {found.deflated:.2f}{chance}"
