"""What the execution of a job needs beside the job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from btkit.data import LoadedBars
from btkit.errors import BtkitError
from btkit.jobs.job import SearchJob, SpecJob
from btkit.jobs.measured_sets import MeasuredSets
from btkit.jobs.pool import Line, TaskFunction
from btkit.jobs.progress import ProgressListener
from btkit.settings import Settings
from btkit.storage import ClaimedJob, JobRow, Part

_NO_PAGES: dict[str, Any] = {"index": None, "comparison": None}


@dataclass(frozen=True)
class BatchHooks:
    """What whoever runs a batch does about its jobs.

    Parameters
    ----------
    work
        Does a job and returns its line; another process must be able to import it.
    finish_line
        Adds to the line of a job that was done before, or whose process died with that error.
    on_line
        Takes each line, how many there are by now, and how many there will be.
    pages
        Puts the jobs side by side: takes the batch's id, the lines, how pages are made (None
        makes none), and whether runs are to be ``compared``; returns the paths of ``index`` and
        ``comparison``, None for what is not made.
    say
        Called by the processes as code is being compiled; None for nobody.
    """

    work: TaskFunction
    finish_line: Callable[[Line, SpecJob, BtkitError | None], Line] = lambda line, *_: line
    on_line: Callable[[Line, int, int], None] = lambda _line, _place, _total: None
    pages: Callable[..., dict[str, Any]] = lambda *_, **__: dict(_NO_PAGES)
    say: Callable[[str], None] | None = None


@dataclass(frozen=True)
class Execution:
    """Where and with what a job is executed.

    Parameters
    ----------
    settings
        Where bars come from, and where outcomes go.
    progress
        Notified of each stage.
    bars
        Those that were handed over, by symbol where conditions read other instruments, too; None
        loads those of the job.
    no_bars
        Why bars cannot be had, which is raised where they would be loaded; None loads them.
    benchmark
        The bars of what those are measured against; None for the job's own or none.
    detail
        The finer bars of those that were handed over, where the spec goes by some.
    is_stored
        Whether the outcome is stored.
    part
        The place of the job within another; None where it was asked for itself.
    claimed
        The stored job that goes on; None begins one.
    batch
        What whoever runs a batch does about its jobs.
    scores_training
        Whether bars count that a model was trained on, as in the in-sample part of a validation.
    measured
        All sets of a search that were measured elsewhere, by their index among the sets of the job,
        for each group (see `btkit.jobs.pieces.Piece`); None measures them here.
    """

    settings: Settings
    progress: ProgressListener
    bars: pd.DataFrame | Mapping[str, pd.DataFrame] | LoadedBars | None = None
    no_bars: BtkitError | None = None
    benchmark: pd.DataFrame | None = None
    detail: pd.DataFrame | None = None
    is_stored: bool = True
    part: Part | None = None
    claimed: ClaimedJob | None = None
    batch: BatchHooks | None = None
    scores_training: bool = False
    measured: Mapping[int, MeasuredSets] | None = None


def new_row(job: SearchJob, job_id: str, part: Part | None) -> JobRow:
    """Return the row of a prepared sweep or validation that begins."""
    return JobRow(
        job_id,
        job.kind,
        job.to_json(),
        part,
        strategy_name=job.strategy.name,
        strategy_version=job.strategy.version,
        symbol=job.symbol,
        interval=job.interval,
        start_date=str(job.start),
        end_date=str(job.end),
    )
