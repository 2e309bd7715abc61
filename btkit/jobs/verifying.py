"""Running a stored run again, to see whether it gives the same numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from btkit.documents import Report, RunDocument
from btkit.errors import UsageError
from btkit.indicators import UserEvents
from btkit.jobs.dispatch import execute
from btkit.jobs.job import SPEC_JOBS
from btkit.jobs.progress import ProgressListener, check_progress
from btkit.jobs.requests import check_source
from btkit.jobs.single_run import document_of
from btkit.markets import read_day
from btkit.settings import Settings, read_settings
from btkit.spec import KINDS, kind_of, load_spec
from btkit.storage import EXCURSIONS, FILLS, OWN_COLUMNS, Store

_MOST = 20
# What is of one run and not of its numbers, or only says with what they were made.
_OWN = {"run", "equity_curve_url", "provenance", "warnings"}
# What an earlier version did not report.
_LATER = {"carry", "drawdowns", "intrabar", "lookahead"}
# What a walk-forward noted beside a window's own numbers is not of the run.
_NOTED = ("is_sharpe", "oos_sharpe", "walk_forward_efficiency")


def verify(
    run_id: str, *, settings: Settings | None = None, progress: ProgressListener | None = None
) -> dict[str, Any]:
    """Run a stored run again from its provenance, and compare to the last bit; nothing is stored.

    Parameters
    ----------
    run_id
        A complete run on bars from a source.
    settings
        Where the store is and where bars come from; None reads the BT_* environment.
    progress
        Notified of each stage.

    Returns
    -------
    dict
        ``run_id``; ``reproduced``; ``same``, whether ``bars``, ``trades``, ``equity_curve`` and
        ``report`` are the same; ``versions``, what was installed, registered or trained then and
        now where that differs; and ``differences``, the first 20 values that are not the same:
        path, stored and now.

    Raises
    ------
    RunNotFoundError
        If there is no such run.
    StoreError
        If it is not complete.
    UsageError
        If it cannot be run again, because its bars were handed over.
    BtkitError
        If the bars cannot be had any more.
    """
    known = read_settings(settings)
    watch = check_progress(progress)
    with watch.stage("read run") as note:
        stored = Store.from_settings(known).load(run_id)
        note(f"run {stored.report.run.run_id}")
    with watch.stage("run again") as note:
        now = rerun(stored.report, known)
        note(f"{now.report.trade_count:,} trades in {len(now.curve):,} bars")
    with watch.stage("compare") as note:
        document = _compare(stored, now)
        note("the same to the last bit" if document["reproduced"] else "not the same")
    return document


def rerun(report: Report, settings: Settings) -> RunDocument:
    """Run a stored run again from its provenance; nothing is stored.

    Raises
    ------
    UsageError
        If its bars were handed over.
    BtkitError
        If the bars cannot be had any more.
    """
    run, provenance = report.run, report.provenance
    source = None if provenance.source == "dataframe" else check_source(provenance.source)
    if source is None or run.symbol is None:
        raise UsageError(
            f"The bars of run {run.run_id} were handed over; they cannot be loaded again.",
            hint="Simulate the spec on the same frame, and compare the trades.",
            details={"run_id": run.run_id},
        )
    spec = load_spec(
        dict(provenance.spec),
        settings=Settings.model_construct(),
        events=UserEvents.from_json(provenance.events),
    )
    command = KINDS[kind_of(spec)[0]].command
    job = SPEC_JOBS[command](
        kind=command,
        spec={},
        symbol=run.symbol,
        start=read_day(run.start_date, name="start"),
        end=read_day(run.end_date, name="end"),
        interval=report.data.interval,
        source=source,
        format=report.data.format,
        benchmark=report.benchmark.symbol,
        capital=run.initial_capital,
        commission=run.commission_per_contract,
        slippage=run.slippage_pct,
        min_trades_required=report.min_trades_required,
    )
    job = job.with_strategy(spec)
    result = execute(job, settings=settings, store=False, scores_training=report.scores_training())
    return document_of(job, result, run, command=None)


def differing_values(stored: Report, now: Report) -> list[dict[str, Any]]:
    """Return the values of a run's two reports that are not the same to the last bit.

    What is of each run alone, such as its times and its provenance, is left out.
    """
    before, after = stored.to_dict(), now.to_dict()
    for name in _OWN:
        before.pop(name), after.pop(name)
    for name in _LATER - stored.model_fields_set:
        before.pop(name), after.pop(name)
    known = before["metrics"]
    # An earlier version did not work out what came later, nor what was registered since.
    left_out = {*_NOTED, *(name for name in after["metrics"] if known.get(name) is None)}
    for metrics in (known, after["metrics"]):
        for name in left_out & metrics.keys():
            metrics.pop(name)
        metrics["undefined"] = [name for name in metrics["undefined"] if name not in left_out]
    return list(_unequal(before, after, ""))


def _compare(stored: RunDocument, now: RunDocument) -> dict[str, Any]:
    lacking = [name for name in EXCURSIONS if stored.trades[name].isna().all()]
    lacking += [name for name in FILLS if name not in stored.trades]
    if not len(stored.trades):
        # Without a trade nothing stored says whether any might have had one.
        lacking += OWN_COLUMNS
    then_trades, now_trades = (
        part.trades.drop(columns=lacking, errors="ignore") for part in (stored, now)
    )
    groups = {
        "bars": list(_unequal(_bars(stored.report), _bars(now.report), "provenance")),
        "trades": list(_unequal_frames(then_trades, now_trades, "trades")),
        "equity_curve": list(_unequal_frames(stored.curve, now.curve, "equity_curve")),
        "report": differing_values(stored.report, now.report),
    }
    then, versions = (_versions(document.report) for document in (stored, now))
    return {
        "run_id": stored.report.run.run_id,
        "reproduced": not any(groups.values()),
        "same": {name: not found for name, found in groups.items()},
        "versions": {
            name: {"stored": then.get(name), "now": versions.get(name)}
            for name in sorted({*then, *versions})
            if then.get(name) != versions.get(name)
        },
        "differences": [entry for found in groups.values() for entry in found][:_MOST],
    }


def _bars(report: Report) -> dict[str, Any]:
    provenance = report.provenance
    return {
        "bars_hash": provenance.bars_hash,
        "benchmark_hash": provenance.benchmark_hash,
        "others_hash": provenance.others_hash,
        "detail_hash": provenance.detail_hash,
    }


def _versions(report: Report) -> dict[str, str]:
    """Return the versions of packages, and the hashes of registered code and of models."""
    registered = {
        f"{plugin['kind']} {plugin['name']}": str(plugin["code_hash"])
        for plugin in report.provenance.plugins
    }
    return {**report.provenance.versions, **registered, **report.rests_on()}


def _unequal(before: Any, after: Any, path: str) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - JSON
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            yield from _unequal(
                before.get(name), after.get(name), f"{path}.{name}" if path else name
            )
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for position, pair in enumerate(zip(before, after, strict=True)):
            yield from _unequal(*pair, f"{path}[{position}]")
    elif before != after:
        yield {"path": path, "stored": before, "now": after}


def _unequal_frames(
    before: pd.DataFrame, after: pd.DataFrame, path: str
) -> Iterator[dict[str, Any]]:
    if len(before) != len(after):
        yield {"path": path, "stored": f"{len(before)} rows", "now": f"{len(after)} rows"}
        return
    pairs = {name: (np.asarray(before[name]), np.asarray(after[name])) for name in before.columns}
    if path == "equity_curve":
        pairs["time"] = np.asarray(before.index), np.asarray(after.index)
    for name, (ours, theirs) in pairs.items():
        differs = ours != theirs
        if ours.dtype.kind == theirs.dtype.kind == "f":
            # What is missing in both is the same.
            differs &= ~(np.isnan(ours) & np.isnan(theirs))
        for row in np.flatnonzero(differs)[:_MOST]:
            yield {
                "path": f"{path}[{row}].{name}",
                "stored": str(ours[row]),
                "now": str(theirs[row]),
            }
