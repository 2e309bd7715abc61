"""What `RunBrowser` shows of the jobs that are selected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from IPython.display import HTML, display

from btkit.errors import UsageError
from btkit.jobs import list_runs, load_run
from btkit.jobs.files import load_stored
from btkit.jobs.job import JOB_KINDS
from btkit.render import show, sweep, walk_forward
from btkit.render.compare import compare
from btkit.render.inline import display_sections
from btkit.render.pages import markup
from btkit.settings import Settings
from btkit.storage import JobKind

Display = Callable[[], None]
"""Displays what was loaded."""


def stored_view(jobs: Sequence[tuple[JobKind, str]], settings: Settings) -> Display:
    """Load what is selected, and return what displays it.

    Parameters
    ----------
    jobs
        Kinds and ids, in the order in which they were selected.
    settings
        Where the store is.

    Raises
    ------
    StoreError
        If something cannot be read, or is no run and not selected alone.
    UsageError
        If it is a batch without a complete run.
    """
    if not jobs:
        return _advice
    if len(jobs) == 1:
        kind, job_id = jobs[0]
        return _ONE.get(kind, _run)(job_id, settings)
    return compare([load_run(job_id, settings=settings) for _, job_id in jobs]).display


def _advice() -> None:
    words = "Select a run for its report, several to compare them."
    display(HTML(markup("widgets.advice", words)))


def _run(job_id: str, settings: Settings) -> Display:
    return partial(show, load_run(job_id, settings=settings))


def _walk_forward(job_id: str, settings: Settings) -> Display:
    page = walk_forward.WalkForwardPage.of(*load_stored("walk-forward", job_id, settings=settings))
    return partial(display_sections, walk_forward.SECTIONS, page)


def _sweep(job_id: str, settings: Settings) -> Display:
    page = sweep.SweepPage.of(*load_stored("sweep", job_id, settings=settings))
    return partial(display_sections, sweep.SECTIONS, page)


def _batch(job_id: str, settings: Settings) -> Display:
    jobs = list_runs(parent=job_id, status="complete", limit=10_000, settings=settings)
    ids = [job["run_id"] for job in jobs if JOB_KINDS[job["kind"]].exported == "runs"]
    if not ids:
        raise UsageError(
            f"The batch {job_id} has no complete run to show.",
            hint=f"`backtest report --run-id {job_id}` tells what became of its jobs.",
        )
    return compare([load_run(run_id, settings=settings) for run_id in ids]).display


_ONE: dict[JobKind, Callable[[str, Settings], Display]] = {
    "walk-forward": _walk_forward,
    "sweep": _sweep,
    "batch": _batch,
}
