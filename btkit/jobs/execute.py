"""What every stored run goes through: load, simulate, report, store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from btkit.data import (
    DataInfo,
    FormatSource,
    LoadedBars,
    check_symbol,
    load_from_source,
    load_stated,
)
from btkit.documents import (
    Report,
    RunDocument,
    RunInfo,
    build_provenance,
    build_report,
    gather_versions,
)
from btkit.errors import name_run
from btkit.jobs.delivering import deliver_queued
from btkit.jobs.handed_over import take_range
from btkit.jobs.keeping import Keeper
from btkit.jobs.progress import Progress, check_progress
from btkit.jobs.requests import (
    Costs,
    check_interval,
    check_range,
    check_source,
    format_flag,
)
from btkit.jobs.run_request import RunRequest
from btkit.jobs.watching import current_part, record_end
from btkit.settings import Settings
from btkit.spec import BaseSpec
from btkit.storage import Part, Store, new_run_id

if TYPE_CHECKING:
    from btkit.simulation import Result

WARMUP_BARS = 2_000
"""Bars loaded before the first day of a run, so that no indicator depends on who asks."""


def run_checked(  # noqa: PLR0913 - as `run`
    spec: BaseSpec,
    symbol: str | pd.DataFrame,
    start: date | str | None,
    end: date | str | None,
    *,
    costs: Costs,
    interval: str,
    source: str | None,
    bar_format: FormatSource | None,
    path: str | None,
    settings: Settings,
    progress: Progress | None,
) -> Result:
    """Do what `run` does for a spec of any kind whose costs are known.

    Parameters
    ----------
    spec, costs
        Loaded and checked.
    symbol, start, end, interval, source, settings, progress
        As for `run`.
    bar_format
        As `run` takes it as ``format``.
    path
        The file that the spec was read from, None if it was no file.

    Returns
    -------
    Result
        With the id of the stored run, if it was stored.

    Raises
    ------
    UsageError, NoDataError, DataError, SourceError, StoreError
        As `run`.
    """
    observer = check_progress(progress)
    known_interval, known_source = check_interval(interval), check_source(source)
    if isinstance(symbol, pd.DataFrame):
        # Nothing is loaded and nothing stored.
        given = take_range(symbol, spec, start, end, bar_format=bar_format)
        return _simulate(spec, given.bars, costs, start=given.start)
    known_symbol = check_symbol(symbol)
    first, last = check_range(start, end)
    request = RunRequest(
        spec=spec,
        symbol=known_symbol,
        start=first,
        end=last,
        interval=known_interval,
        source=known_source or settings.data_source,
        costs=costs,
        path=path,
        min_trades_required=settings.min_trades_required,
        bar_format=load_stated(bar_format),
    )
    store = Store.from_settings(settings)
    info = begin(store, request, part=current_part())
    return carry_out(request, info, store, settings=settings, progress=observer)


def _simulate(
    spec: BaseSpec,
    bars: pd.DataFrame,
    costs: Costs,
    *,
    start: pd.Timestamp | None,
    keeper: Keeper | None = None,
) -> Result:
    # The compiled loop is slow to import, and listing or reading runs does without it.
    from btkit.simulation import simulate_with  # noqa: PLC0415
    from btkit.simulation.simulate import in_one_piece  # noqa: PLC0415 - as above

    return simulate_with(
        in_one_piece if keeper is None else keeper.finish,
        spec,
        bars,
        capital=costs.capital,
        commission=costs.commission,
        slippage=costs.slippage,
        start=start,
    )


def carry_out(
    request: RunRequest,
    info: RunInfo,
    store: Store,
    *,
    settings: Settings,
    progress: Progress,
    is_resumed: bool = False,
) -> Result:
    """Load, simulate and store a run that was begun or claimed.

    Parameters
    ----------
    request
        What was asked for.
    info
        With the run's id.
    store
        Where its row is.
    settings
        Where bars come from, and how often the run is saved.
    progress
        Told of each stage.
    is_resumed
        Whether it may go on from a checkpoint.

    Returns
    -------
    Result
        With the run's id.

    Raises
    ------
    BtkitError
        As `run`. The row says how the run ended.
    """
    run_id = str(info.run_id)
    keeper = Keeper(store, run_id, settings=settings, progress=progress, is_resumed=is_resumed)
    with keeper:
        try:
            result = _carry_out(request, info, store, settings, progress, keeper)
        except BaseException as error:
            record_end(error, run_id, cancel=keeper.cancel, fail=partial(_fail, store, run_id))
            raise
    try:
        deliver_queued(store, progress, first=run_id)
    except BaseException as error:
        name_run(error, run_id, status="complete")
        error.add_note(f"The run itself is complete and stored, under the id {run_id}.")
        raise
    return replace(result, run_id=run_id)


def _carry_out(
    request: RunRequest,
    info: RunInfo,
    store: Store,
    settings: Settings,
    progress: Progress,
    keeper: Keeper,
) -> Result:
    with progress.stage("load bars") as note:
        loaded = _load(request, settings)
        note(_describe(loaded))
    keeper.check()
    with progress.stage("simulate") as note:
        result = _simulate(
            request.spec, loaded.bars, request.costs, start=loaded.start, keeper=keeper
        )
        if keeper.resumed_bars:
            note(f"went on after {keeper.resumed_bars:,} bars")
        note(f"{len(result.trades):,} trades in {len(result.equity):,} bars")
    keeper.check()
    with progress.stage("report and store") as note:
        report = _report(request, result, loaded, info)
        store.complete(RunDocument.from_result(result, report))
        note(f"run {keeper.job_id}")
    return result


def run_again(request: RunRequest, info: RunInfo, *, settings: Settings) -> RunDocument:
    """Load and simulate as `carry_out` does, and store nothing.

    Parameters
    ----------
    request
        What was asked for.
    info
        Of the run that was stored.
    settings
        Where bars come from.

    Returns
    -------
    RunDocument
        What would be stored now.

    Raises
    ------
    BtkitError
        As `run`.
    """
    loaded = _load(request, settings)
    result = _simulate(request.spec, loaded.bars, request.costs, start=loaded.start)
    return RunDocument.from_result(result, _report(request, result, loaded, info))


def begin(store: Store, request: RunRequest, *, part: Part | None = None) -> RunInfo:
    """Store the row of a run that is about to start, and return what it says.

    Parameters
    ----------
    store
        Where the row goes.
    request
        What was asked for.
    part
        Its place within another job; None where it was asked for itself.

    Raises
    ------
    StoreError
        If it cannot be stored.
    """
    info = RunInfo(
        run_id=new_run_id(),
        strategy_name=request.spec.name,
        strategy_version=request.spec.version,
        symbol=request.symbol,
        start_date=request.start.isoformat(),
        end_date=request.end.isoformat(),
        initial_capital=request.costs.capital,
        commission_per_contract=request.costs.commission,
        slippage_pct=request.costs.slippage,
        created_at=_now(),
        status="running",
    )
    store.begin(
        info, interval=request.interval, kind=request.kind, request=request.to_json(), part=part
    )
    return info


def _load(request: RunRequest, settings: Settings) -> LoadedBars:
    return load_from_source(
        request.symbol,
        request.start,
        request.end,
        interval=request.interval,
        settings=settings,
        source=request.source,
        warmup=WARMUP_BARS,
        needs_iv=request.spec.needs_iv,
        needs_vix=request.spec.needs_vix,
        calendar=request.spec.calendar,
        bar_format=request.bar_format,
    )


def _report(request: RunRequest, result: Result, loaded: LoadedBars, info: RunInfo) -> Report:
    finished = RunInfo.model_validate(
        {**info.model_dump(), "status": "complete", "completed_at": _now()}
    )
    provenance = build_provenance(
        result,
        versions=gather_versions(),
        command=_command(request, loaded.info),
    )
    return build_report(
        result,
        finished,
        min_trades_required=request.min_trades_required,
        provenance=provenance,
    )


def _command(request: RunRequest, info: DataInfo) -> list[str] | None:
    if request.path is None:
        return None
    flags = {
        "strategy": request.path,
        "symbol": request.symbol,
        "start": request.start.isoformat(),
        "end": request.end.isoformat(),
        "capital": repr(request.costs.capital),
        "commission": repr(request.costs.commission),
        "slippage": repr(request.costs.slippage),
        "interval": request.interval,
        "source": info.source,
        **format_flag(info),
    }
    parts = (part for name in flags for part in (f"--{name}", flags[name]))
    return ["backtest", request.kind, *parts]


def _describe(loaded: LoadedBars) -> str:
    info = loaded.info
    rows = f"{info.rows:,} bars of {info.symbol} from {info.source}, {info.first} to {info.last}"
    return f"{rows}, {info.warmup_rows:,} before them"


def _fail(store: Store, run_id: str, message: str) -> None:
    store.fail(run_id, error_message=message, completed_at=_now())


def _now() -> datetime:
    return datetime.now(UTC)
