"""`walk_forward`: whether a rule still holds on bars that it was not chosen on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from btkit.data import History, LoadedBars
from btkit.documents import (
    MetricsSection,
    ReportWarning,
    bars_hash,
    detail_hash,
    others_hashes,
    stitched_benchmark,
)
from btkit.documents.crashed import CrashedSets, describe_crashed, warn_of_crashed
from btkit.documents.walk_forward import (
    WalkForwardReport,
    WindowOutcome,
    build_window,
    carried_by_one,
    describe_data,
    gather_warnings,
    judge,
    learnt_in_sample,
)
from btkit.jobs.commands import command_of
from btkit.jobs.delivering import deliver_queued
from btkit.jobs.execution import Execution, new_row
from btkit.jobs.files import write_bytes, write_table
from btkit.jobs.job import WalkForwardJob
from btkit.jobs.loading import bars_of
from btkit.jobs.prepare import prepare
from btkit.jobs.walk_forward_parts import (
    StoredValidation,
    WindowChoice,
    choose,
    history_of,
    run_part,
    slice_part,
    spec_file,
)
from btkit.jobs.watching import Watch
from btkit.markets import infer_interval
from btkit.metrics import verdict_of
from btkit.spec import spec_hash
from btkit.spelling import listed
from btkit.storage import Store, new_job_id

if TYPE_CHECKING:
    from btkit.simulation import Result
    from btkit.validation.windows import Window


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
        crosses a boundary. The benchmark holds the instrument, or the one that was named, in the
        same stretches.
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


def execute_walk_forward(job: WalkForwardJob, given: Execution) -> WalkForwardResult:
    """Run a strategy in and out of sample, window by window, and store each run and the whole.

    What goes on is done again under its own id, without the sets that it has tried; the runs of its
    windows are made anew.
    """
    known = prepare(job, settings=given.settings)
    if not given.is_stored:
        return _walk(known, cut_windows(known, bars_of(known, given)), None, given)
    store = Store.from_settings(given.settings)
    if given.claimed is not None:
        with _watched(store, given.claimed.job_id, given) as stored:
            for part in store.runs(parent=stored.walk_forward_id, limit=None):
                store.delete(part["run_id"])
            return _walk(known, cut_windows(known, bars_of(known, given)), stored, given)
    if known.sets is not None:
        from btkit.validation import check_sets  # noqa: PLC0415 - brings numba

        check_sets(known.rules, known.optimize, known.sets, known.constraint)
    # What no bars are there for, or too few, is not begun.
    cut = cut_windows(known, bars_of(known, given))
    known_id = new_job_id()
    store.jobs.begin(new_row(known, known_id, given.part))
    with _watched(store, known_id, given) as stored:
        return _walk(known, cut, stored, given)


@contextmanager
def _watched(store: Store, known_id: str, given: Execution) -> Iterator[StoredValidation]:
    """Watch over a validation that was begun, and say how it ended."""
    watch = Watch(store.jobs, known_id, progress=given.progress, what="Walk-forward")
    stored = StoredValidation(store, known_id, given.settings, watch)
    try:
        with watch:
            yield stored
    except BaseException as error:
        if stored.kept:
            error.add_note(
                "The sets tried so far are kept; the same command goes on with them, too."
            )
        raise
    for kept in stored.kept:
        kept.remove()
    deliver_queued(store, given.progress)


@dataclass(frozen=True)
class Cut:
    """Bars cut into windows, which count from `offset`, the first deciding bar."""

    loaded: LoadedBars
    offset: int
    windows: list[Window]
    history: History
    calendar: str

    def part(self, first: int, last: int) -> LoadedBars:
        """Return the bars of a part, whose places count from the first day."""
        return slice_part(
            self.loaded,
            self.offset + first,
            self.offset + last,
            history=self.history,
            calendar=self.calendar,
        )


def cut_windows(job: WalkForwardJob, loaded: LoadedBars) -> Cut:
    """Return the windows that a prepared job validates over.

    Raises
    ------
    UsageError
        If a part would hold too few bars.
    """
    from btkit.validation.windows import (  # noqa: PLC0415 - brings numba
        cut_between_days,
        make_windows,
    )

    index = pd.DatetimeIndex(loaded.bars.index)
    offset = int(index.searchsorted(loaded.start))
    made = make_windows(
        len(index) - offset, windows=job.windows, is_ratio=job.is_ratio, scheme=job.scheme
    )
    if infer_interval(index, stated=loaded.info.interval).is_intraday:
        made = cut_between_days(made, index[offset:].to_numpy(dtype="datetime64[D]"))
    return Cut(loaded, offset, made, history_of(job, loaded), job.strategy.calendar)


def _walk(
    job: WalkForwardJob, cut: Cut, stored: StoredValidation | None, given: Execution
) -> WalkForwardResult:
    from btkit.validation.windows import efficiency_of  # noqa: PLC0415 - brings numba

    loaded = cut.loaded
    outcomes: list[WindowOutcome] = []
    choices: list[WindowChoice] = []
    for window in cut.windows:
        if stored is not None:
            stored.watch.reach(window.index, job.windows, "windows")
        with given.progress.stage(f"window {window.index + 1}") as note:
            part = cut.part(window.is_first, window.is_last)
            choice = choose(job, part, window.index, stored, given)
            choices.append(choice)
            spec = choice.spec
            path = spec_file(job, spec, stored, window.index)
            place = 2 * window.index + 1
            inside = run_part(job, spec, part, stored, path, place=place)
            part = cut.part(window.oos_first, window.oos_last)
            sharpe = inside.result.metrics.sharpe_ratio
            outside = run_part(job, spec, part, stored, path, place=place + 1, is_sharpe=sharpe)
            achieved = outside.result.metrics.sharpe_ratio
            outcomes.append(
                WindowOutcome(inside, outside, efficiency_of(sharpe, achieved), choice.tried)
            )
            note(f"Sharpe {_shown(sharpe)} in, {_shown(achieved)} out of sample")
    result = _conclude(job, loaded, stored, outcomes, choices)
    if stored is not None:
        stored.store.jobs.complete(stored.walk_forward_id, result.report.to_dict())
    return result


def _shown(ratio: float) -> str:
    return "undefined" if np.isnan(ratio) else f"{ratio:.2f}".replace("-", "−")


def _few(choices: list[WindowChoice], minimum: int) -> list[ReportWarning]:
    """Warn of the windows that chose among sets with too few trades."""
    sparse = [window for window, choice in enumerate(choices, start=1) if choice.few]
    if not sparse:
        return []
    which = f"window{'s' if len(sparse) > 1 else ''} {listed([str(number) for number in sparse])}"
    return [
        ReportWarning(
            code="few_trades",
            message=f"In {which} no parameter set made {minimum} trades in sample; the best of "
            "those with fewer was chosen.",
        )
    ]


def _crashed(choices: list[WindowChoice]) -> CrashedSets | None:
    found = [
        (one, window) for window, choice in enumerate(choices, start=1) for one in choice.crashed
    ]
    return describe_crashed([one for one, _ in found], windows=[window for _, window in found])


def _conclude(
    job: WalkForwardJob,
    loaded: LoadedBars,
    stored: StoredValidation | None,
    outcomes: list[WindowOutcome],
    choices: list[WindowChoice],
) -> WalkForwardResult:
    from btkit.validation.stitching import (  # noqa: PLC0415 - brings numba
        stitch,
        stitched_metrics,
        stitched_rates,
    )
    from btkit.validation.windows import (  # noqa: PLC0415 - likewise
        EFFICIENCY_NEEDED,
        average_efficiency,
    )

    windows = [build_window(index, outcome) for index, outcome in enumerate(outcomes)]
    outside = [outcome.outside for outcome in outcomes]
    results = [part.result for part in outside]
    efficiencies = [outcome.efficiency for outcome in outcomes]
    average = average_efficiency(efficiencies)
    curve = stitch(results, capital=job.account["capital"])
    metrics = stitched_metrics(results, curve, capital=job.account["capital"])
    failures, conclusion = judge(
        efficiencies, average=average, needed=EFFICIENCY_NEEDED, gain=metrics.total_return_pct
    )
    least = job.least_trades
    crashed = _crashed(choices)
    stitched = MetricsSection(run_id=None, **metrics.to_json_values())
    is_mean = float(np.mean([window.is_sharpe for window in windows]))
    index = pd.DatetimeIndex(loaded.bars.index)
    rows = len(index) - int(index.searchsorted(loaded.start))
    report = WalkForwardReport(
        walk_forward_id=None if stored is None else stored.walk_forward_id,
        strategy_name=job.strategy.name,
        strategy_version=job.strategy.version,
        symbol=loaded.info.symbol or None,
        start_date=loaded.start if stored is None else job.start,
        end_date=index[-1] if stored is None else job.end,
        scheme=job.scheme,
        is_ratio=job.is_ratio,
        objective=job.objective,
        optimized=job.optimize,
        constraint=job.constraint,
        windows=windows,
        avg_efficiency=average,
        avg_oos_sharpe=float(np.mean([window.oos_sharpe for window in windows])),
        avg_is_sharpe=is_mean,
        stitched_efficiency=stitched.sharpe_ratio / is_mean if is_mean > 0.0 else None,
        stitched=stitched,
        benchmark=stitched_benchmark(results, curve["benchmark"], stitched_rates(results)),
        passed=not failures,
        failures=failures,
        verdict=verdict_of(passed=not failures, trades=stitched.total_trades, least=least),
        min_trades_required=least,
        conclusion=conclusion,
        curve_url=None if stored is None else _table_file(stored).as_uri(),
        crashed_sets=crashed,
        warnings=[
            *carried_by_one(efficiencies, needed=EFFICIENCY_NEEDED),
            *_few(choices, least),
            *warn_of_crashed(crashed),
            *learnt_in_sample([outcome.inside for outcome in outcomes]),
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
            "spec_hash": spec_hash(job.strategy),
            "spec": job.strategy.model_dump(mode="json"),
            "bars_hash": bars_hash(loaded.bars, columns=job.strategy.hashed_columns),
            "benchmark_hash": None if loaded.benchmark is None else bars_hash(loaded.benchmark),
            "others_hash": others_hashes(loaded.others, job.strategy),
            "detail_hash": detail_hash(loaded.detail, job.strategy),
            "command": None if stored is None else command_of(job, loaded.info),
        },
    )
    if stored is not None:
        owner, settings = stored.walk_forward_id, stored.settings
        write_table(owner, f"{owner}.parquet", curve, kind="table", settings=settings)
        content = report.to_json().encode() + b"\n"
        write_bytes(owner, f"{owner}.json", content, kind="json", settings=settings)
    return WalkForwardResult(
        report, [outcome.inside.result for outcome in outcomes], results, curve
    )


def _table_file(stored: StoredValidation) -> Path:
    return stored.folder / f"{stored.walk_forward_id}.parquet"
