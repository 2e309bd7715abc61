"""One part of a walk-forward validation: its bars, its parameters, its stored run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from btkit.data import WARMUP_BARS, History, LoadedBars
from btkit.documents import (
    Report,
    RunInfo,
    bars_hash,
    build_provenance,
    build_report,
    describe_run,
    detail_hash,
    gather_versions,
    others_hashes,
)
from btkit.documents.walk_forward import WindowRun
from btkit.jobs.commands import command_of
from btkit.jobs.execution import Execution
from btkit.jobs.files import report_folder, write_spec
from btkit.jobs.finished_sets import FinishedSets, brought_by_user, identify, measure_rest
from btkit.jobs.job import RunJob, WalkForwardJob
from btkit.jobs.loading import slower_intervals_of
from btkit.jobs.measured_sets import Floats, Settled, settle, sweeper_of
from btkit.jobs.progress import ProgressListener
from btkit.jobs.requests import check_source
from btkit.jobs.single_run import begin, document_of, simulate_checked
from btkit.jobs.watching import Watch, count, record_end
from btkit.markets import Interval
from btkit.metrics import MEASURED, columns_for
from btkit.settings import Settings, usable_cores
from btkit.storage import Part, Store

if TYPE_CHECKING:
    from btkit.simulation import Result
    from btkit.simulation.inputs import InSample
    from btkit.spec import BaseSpec
    from btkit.validation import ParameterSets, Sweeper
    from btkit.validation.sweep import CrashedSet


@dataclass(frozen=True)
class StoredValidation:
    """Where a validation of bars from a source leaves things; bars handed over leave nothing.

    Parameters
    ----------
    store
        Takes the runs.
    walk_forward_id
        Names the files.
    settings
        Where the files go.
    watch
        Over the whole validation.
    kept
        The sets that windows have tried, until the validation is done.
    """

    store: Store
    walk_forward_id: str
    settings: Settings
    watch: Watch
    kept: list[FinishedSets] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return report_folder(self.settings)


def history_of(job: WalkForwardJob, loaded: LoadedBars) -> History:
    """Return what each part of a validation sees of the bars before it."""
    info = loaded.info
    slower = slower_intervals_of(job.strategy, symbol=info.symbol or None, interval=info.interval)
    return History(WARMUP_BARS, slower)


def slice_part(
    loaded: LoadedBars, first: int, last: int, *, history: History, calendar: str
) -> LoadedBars:
    """Return the bars from one place to another as a load of just their range would."""
    index = pd.DatetimeIndex(loaded.bars.index)
    begin_at, _ = history.first(
        index, first, interval=Interval.parse(loaded.info.interval), calendar=calendar
    )
    bars = loaded.bars.iloc[begin_at : last + 1].copy()
    begins, ends = _text(index[first]), _text(index[last])
    gaps = [gap for gap in loaded.info.gaps if gap["end"] >= begins and gap["start"] <= ends]
    info = loaded.info.model_copy(
        update={
            "rows": last - first + 1,
            "first": begins,
            "last": ends,
            "gaps": gaps,
            "coverage": "partial" if gaps else "complete",
            "warmup_rows": first - begin_at,
            "seen_from": history.seen_from(index, first, begin_at),
        }
    )
    bars.attrs["btkit"] = info.model_dump()
    return LoadedBars(
        bars, lambda: info, index[first], loaded.benchmark, loaded.others, loaded.detail
    )


def _text(time: pd.Timestamp) -> str:
    return time.date().isoformat() if time.tzinfo is None else time.isoformat()


class WindowChoice(NamedTuple):
    """What a window runs.

    Parameters
    ----------
    spec
        With the parameters that were chosen.
    tried
        How many sets it was chosen from; 0 where none was.
    few
        Whether no set made enough trades.
    crashed
        Sets that could not be measured.
    """

    spec: BaseSpec
    tried: int = 0
    few: bool = False
    crashed: tuple[CrashedSet, ...] = ()


def choose(
    job: WalkForwardJob,
    part: LoadedBars,
    window: int,
    stored: StoredValidation | None,
    given: Execution,
) -> WindowChoice:
    """Return the spec to run in a window, and what it was chosen from.

    Parameters
    ----------
    job
        What is asked.
    part
        The bars to choose on.
    window
        From 0.
    stored
        Where the sets go that were tried; None for nowhere.
    given
        Notified of each chunk of sets, and may know all of them already.
    """
    if job.sets is None:
        return WindowChoice(job.strategy)
    from btkit.validation import rank_sets, with_parameters  # noqa: PLC0415 - brings numba

    if given.measured is None:
        rows = _measure(job, job.sets, part, stored, given.progress)
        found = Settled(job.sets, rows)
    else:
        found = settle(job.sets, given.measured[window])
    sets, rows, crashed = found
    minimum = job.least_trades
    best = int(rank_sets(rows, objective=job.objective, min_trades=minimum)[0])
    few = bool(rows[best, MEASURED.index("total_trades")] < minimum)
    return WindowChoice(with_parameters(job.rules, sets.at(best)), len(job.sets), few, crashed)


def _measure(
    job: WalkForwardJob,
    sets: ParameterSets,
    part: LoadedBars,
    stored: StoredValidation | None,
    progress: ProgressListener,
) -> Floats:
    sweeper = sweeper_of(job, part, sets, threads=usable_cores())

    def on_progress(done: int, total: int) -> None:
        if stored is None:
            count(progress, done, total, "sets")
        else:
            stored.watch.count(done, total, "sets")

    kept = None
    if stored is not None:
        folder = stored.folder / f".{_fingerprint(job, part, sweeper)}.parts"
        kept = FinishedSets(
            folder,
            job_id=stored.walk_forward_id,
            columns=sweeper.columns,
            private=stored.settings.private,
        )
        stored.kept.append(kept)
    try:
        return measure_rest(sets, sweeper, kept, on_progress)
    finally:
        if kept is not None:
            kept.flush()


def _fingerprint(job: WalkForwardJob, part: LoadedBars, sweeper: Sweeper) -> str:
    """Return an id that is the same for the same sets over the same bars."""
    return identify(
        {
            "spec": job.rules.model_dump(mode="json"),
            "axes": job.ordered_axes,
            "columns": columns_for(job.objective),
            "constraint": job.constraint,
            "costs": list(job.account.values()),
            "bars": bars_hash(part.bars, columns=job.rules.hashed_columns),
            **brought_by_user(
                job.rules,
                part.info.symbol or None,
                job.objective,
                classifiers=sweeper.inputs.classifiers,
            ),
            "start": part.start.isoformat(),
            **({} if part.benchmark is None else {"benchmark": bars_hash(part.benchmark)}),
            **({"others": hashes} if (hashes := others_hashes(part.others, job.rules)) else {}),
            **({} if (finer := detail_hash(part.detail, job.rules)) is None else {"detail": finer}),
        }
    )


def spec_file(
    job: WalkForwardJob, spec: BaseSpec, stored: StoredValidation | None, window: int
) -> str | None:
    """Return the file that a window's spec is in, written if its parameters were chosen."""
    if stored is None or job.sets is None:
        return job.path
    owner = stored.walk_forward_id
    name = f"{owner}-windows/window-{window + 1:02d}.json"
    return str(write_spec(owner, name, spec, settings=stored.settings))


def run_part(
    job: WalkForwardJob,
    spec: BaseSpec,
    part: LoadedBars,
    stored: StoredValidation | None,
    path: str | None,
    *,
    place: int,
    is_sharpe: float | None = None,
) -> WindowRun:
    """Simulate one part and store it; an out-of-sample one says what it is compared with.

    Parameters
    ----------
    job, spec, part
        What is asked, what runs, and over which bars.
    stored
        Where the run goes; None for nowhere.
    path
        The file that the spec is in.
    place
        Among the runs of the validation, from 1.
    is_sharpe
        Of the in-sample part, NaN where undefined; None for that part itself.
    """
    from btkit.simulation.trained import ModelResult  # noqa: PLC0415 - brings numba

    if stored is None:
        result = _simulate(job, spec, part, is_sharpe)
        info = describe_run(result, created_at=datetime.now(UTC))
        return WindowRun(result, _report(job, result, info), None)
    run, store = _run_of(job, spec, part, path), stored.store
    info = begin(store, run, part=Part(stored.walk_forward_id, place))
    run_id = str(info.run_id)
    try:
        result = _simulate(job, spec, part, is_sharpe)
        # No command scores what a model was trained on.
        scores_training = isinstance(result, ModelResult) and result.in_sample_scored > 0
        command = None if scores_training else command_of(run, part.info)
        report = store.complete(document_of(run, result, info, command=command)).report
    except BaseException as error:
        # The whole says how it is gone on with.
        record_end(error, store.jobs, run_id)
        raise
    return WindowRun(replace(result, run_id=run_id), report, run_id)


def _simulate(
    job: WalkForwardJob, spec: BaseSpec, part: LoadedBars, is_sharpe: float | None
) -> Result:
    from btkit.validation.windows import efficiency_of  # noqa: PLC0415 - brings numba

    # By its name an in-sample part may be what a model was trained on; the other may not.
    kept: InSample = "scored" if is_sharpe is None else "refused"
    result = simulate_checked(spec, part, job.account, in_sample=kept)
    if is_sharpe is None:
        return result
    compared = {
        "is_sharpe": is_sharpe,
        "oos_sharpe": result.metrics.sharpe_ratio,
        "walk_forward_efficiency": efficiency_of(is_sharpe, result.metrics.sharpe_ratio),
    }
    return replace(result, metrics=result.metrics.model_copy(update=compared))


def _run_of(job: WalkForwardJob, spec: BaseSpec, part: LoadedBars, path: str | None) -> RunJob:
    run = RunJob(
        spec={},
        path=path,
        symbol=part.info.symbol,
        start=part.start.date(),
        end=pd.DatetimeIndex(part.bars.index)[-1].date(),
        interval=part.info.interval,
        source=check_source(part.info.source),
        format=part.info.format,
        benchmark=job.benchmark,
        capital=job.capital,
        commission=job.commission,
        slippage=job.slippage,
        min_trades_required=job.min_trades_required,
        model_path=job.model_path,
    )
    return run.with_strategy(spec)


def _report(job: WalkForwardJob, result: Result, info: RunInfo) -> Report:
    return build_report(
        result,
        info,
        min_trades_required=job.least_trades,
        provenance=build_provenance(result, versions=gather_versions()),
    )
