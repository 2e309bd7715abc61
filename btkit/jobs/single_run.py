"""One run of a spec: load, simulate, report, store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from btkit.data import LoadedBars
from btkit.documents import (
    RunDocument,
    RunInfo,
    build_provenance,
    build_report,
    gather_versions,
)
from btkit.errors import name_run
from btkit.jobs.commands import command_of
from btkit.jobs.delivering import deliver_queued
from btkit.jobs.execution import Execution
from btkit.jobs.job import SpecJob
from btkit.jobs.loading import bars_of
from btkit.jobs.prepare import prepare
from btkit.jobs.run_watch import RunWatch
from btkit.markets import check_symbol, read_days
from btkit.spec import BaseSpec
from btkit.storage import ClaimedJob, Part, Store, new_run_id

if TYPE_CHECKING:
    from btkit.simulation import Result
    from btkit.simulation.inputs import InSample

_UNFINISHED = {"status": "running", "completed_at": None, "error_message": None}


def execute_run(job: SpecJob, given: Execution) -> Result:
    """Load bars, simulate, and store the outcome; of bars that were handed over nothing is stored.

    Where a run was begun, its row says how it ended.
    """
    known = prepare(job, settings=given.settings)
    if not given.is_stored:
        kept: InSample = "scored" if given.scores_training else "apart"
        return simulate_checked(
            known.strategy, bars_of(known, given), known.account, in_sample=kept
        )
    store = Store.from_settings(given.settings)
    if given.claimed is None:
        info = begin(store, known, part=given.part)
    else:
        info = _info_of(given.claimed)
    return _carry_out(known, info, store, given)


def simulate_checked(
    spec: BaseSpec,
    loaded: LoadedBars,
    account: Mapping[str, Any],
    *,
    watch: RunWatch | None = None,
    in_sample: InSample = "apart",
) -> Result:
    """Simulate a spec over bars that were loaded, and check it briefly for look-ahead.

    Parameters
    ----------
    spec, loaded
        What is simulated, and over which bars.
    account
        As `simulate` takes it.
    watch
        Saves the loop and stops it; None lets it run in one piece.
    in_sample
        What becomes of bars that a model was trained on.
    """
    # The compiled loop is slow to import, and listing or reading runs does without it.
    from btkit.simulation import check_inputs, in_one_piece, simulate_inputs  # noqa: PLC0415
    from btkit.validation import check_briefly  # noqa: PLC0415 - likewise

    finish = in_one_piece if watch is None else watch.finish
    inputs = check_inputs(
        finish,
        spec,
        loaded.bars,
        **account,
        start=loaded.start,
        benchmark=loaded.benchmark,
        others=loaded.others,
        detail=loaded.detail,
        in_sample=in_sample,
    )
    result = simulate_inputs(inputs)
    return replace(result, lookahead=check_briefly(inputs, result))


def _carry_out(job: SpecJob, info: RunInfo, store: Store, given: Execution) -> Result:
    run_id, progress = str(info.run_id), given.progress
    watch = RunWatch(
        store, run_id, settings=given.settings, progress=progress,
        is_resumed=given.claimed is not None,
    )  # fmt: skip
    with watch:
        result = _watched(job, info, store, given, watch)
    try:
        deliver_queued(store, progress, first=run_id)
    except BaseException as error:
        name_run(error, run_id, status="complete")
        error.add_note(f"The run itself is complete and stored, under the id {run_id}.")
        raise
    return replace(result, run_id=run_id)


def _watched(
    job: SpecJob, info: RunInfo, store: Store, given: Execution, watch: RunWatch
) -> Result:
    progress = given.progress
    loaded = bars_of(job, given)
    watch.check()
    with progress.stage("simulate") as note:
        result = simulate_checked(job.strategy, loaded, job.account, watch=watch)
        if watch.resumed_bars:
            note(f"went on after {watch.resumed_bars:,} bars")
        note(f"{result.metrics.total_trades:,} trades in {len(result.equity):,} bars")
    command = command_of(job, loaded.info)
    # The result has its own, and the report of a long run needs the room.
    del loaded
    watch.check()
    with progress.stage("report and store") as note:
        store.complete(document_of(job, result, info, command=command))
        note(f"run {watch.job_id}")
    return result


def document_of(
    job: SpecJob, result: Result, info: RunInfo, *, command: list[str] | None
) -> RunDocument:
    """Return what is stored of a run that has just been simulated.

    Parameters
    ----------
    job
        What was asked for.
    result
        What came of it.
    info
        Of the run, as it began.
    command
        The command that gives the same numbers; None where there is none.
    """
    finished = RunInfo.model_validate(
        {**info.model_dump(), "status": "complete", "completed_at": _now()}
    )
    report = build_report(
        result,
        finished,
        min_trades_required=job.least_trades,
        provenance=build_provenance(result, versions=gather_versions(), command=command),
    )
    return RunDocument.from_result(result, report)


def begin(store: Store, job: SpecJob, *, part: Part | None = None) -> RunInfo:
    """Store the row of a prepared run that is about to start, and return what it says."""
    symbol = check_symbol(job.symbol)
    first, last = read_days(job.start, job.end)
    info = RunInfo(
        run_id=new_run_id(),
        strategy_name=job.strategy.name,
        strategy_version=job.strategy.version,
        symbol=symbol,
        start_date=first.isoformat(),
        end_date=last.isoformat(),
        initial_capital=job.account["capital"],
        commission_per_contract=job.account["commission"],
        slippage_pct=job.account["slippage"],
        created_at=_now(),
        status="running",
    )
    store.begin(info, interval=job.bars_interval, kind=job.kind, request=job.to_json(), part=part)
    return info


def _info_of(claimed: ClaimedJob) -> RunInfo:
    fields = {name: claimed.run[name] for name in RunInfo.model_fields}
    return RunInfo.model_validate(fields | _UNFINISHED)


def _now() -> datetime:
    return datetime.now(UTC)
