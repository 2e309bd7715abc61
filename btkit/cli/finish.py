"""What follows a stored job: its report files, the table for people, the document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from btkit.cli.batch_pages import leave_pages, show_index
from btkit.cli.next_steps import (
    Step,
    after_batch,
    after_run,
    after_stored_run,
    after_sweep,
    after_walk_forward,
)
from btkit.cli.outcome import PASSED, SOFT_FAILURE, CommandOutcome
from btkit.cli.progress import open_progress
from btkit.cli.summary import show_summary
from btkit.cli.verdicts import show_sweep, show_walk_forward
from btkit.errors import StoreError
from btkit.jobs import ProgressListener, load_document
from btkit.jobs.job import Rendering
from btkit.render.leaving import leave_report, prepare_folder
from btkit.settings import Settings
from btkit.storage import Store, check_job_id


@dataclass(frozen=True)
class Presentation:
    """How a kind of job is presented.

    Parameters
    ----------
    show
        Writes its verdict to stderr, for people.
    after
        Returns what may be done then.
    files
        What it leaves in BT_REPORT_DIR in any case: endings by name.
    leave
        Makes its pages, as `leave_report` does, and returns their paths.
    """

    show: Callable[[Mapping[str, Any], Mapping[str, Path]], None]
    after: Callable[[Mapping[str, Any]], list[Step]]
    files: Mapping[str, str] = field(default_factory=dict)
    leave: Callable[..., dict[str, Path]] = leave_report


_RUN = Presentation(show_summary, after_run)
PRESENTED: Mapping[str, Presentation] = {
    "run": _RUN,
    "options-sim": _RUN,
    "walk-forward": Presentation(
        show_walk_forward,
        after_walk_forward,
        {"curve": ".parquet", "json": ".json"},
    ),
    "sweep": Presentation(
        show_sweep,
        after_sweep,
        {"table": ".parquet", "json": ".json", "specs": "-top"},
    ),
    "batch": Presentation(show_index, after_batch, leave=leave_pages),
}
"""By kind of job."""


def finish(
    job_id: str,
    *,
    settings: Settings,
    progress: ProgressListener,
    rendering: Rendering | None,
    quiet: bool,
) -> CommandOutcome:
    """Render what was stored, and present it.

    Parameters
    ----------
    job_id
        A complete job.
    settings
        Where the store and the report folder are.
    progress
        Notified of each stage.
    rendering
        How notebook and HTML are made, and where they go; None makes no files.
    quiet
        Whether to write nothing to stderr.

    Returns
    -------
    CommandOutcome
        The stored document.
    """
    kind = Store.from_settings(settings).kind_of(job_id)
    known = PRESENTED[kind]
    document = load_document(job_id, settings=settings)
    folder = settings.report_dir.expanduser().absolute()
    paths = {"database": settings.db_path.expanduser().absolute()}
    paths |= {name: folder / f"{job_id}{ending}" for name, ending in known.files.items()}
    if rendering is not None:
        paths |= known.leave(
            job_id, document, rendering, kind=kind, settings=settings, progress=progress
        )
    code = PASSED if document["passed"] else SOFT_FAILURE
    outcome = CommandOutcome(document, code, next=known.after(document))
    return outcome if quiet else replace(outcome, closing=partial(known.show, document, paths))


def render_stored(
    run_id: str, rendering: Rendering, *, settings: Settings, quiet: bool
) -> Callable[[], None] | None:
    """Make the pages of what is stored later: after a kill, a full disk, or `--no-report`.

    Parameters
    ----------
    run_id
        Of any job.
    rendering, settings, quiet
        As for `finish`.

    Returns
    -------
    callable or None
        Writes to stderr what people are to read of it, as `CommandOutcome.closing`.

    Raises
    ------
    StoreError
        If it is not complete, so that there is nothing to make pages of.
    RenderError
        If a page cannot be made.
    """
    job_id = check_job_id(run_id)
    document = load_document(job_id, settings=settings)
    if "error" in document or ("run" in document and document["metrics"] is None):
        status = document["run"]["status"]
        raise StoreError(
            f"The {document['kind']} {job_id} is {status}; there is nothing to make pages of.",
            hint=f"`backtest report --run-id {job_id}` without --render says how it stands.",
            details={"run_id": job_id, "status": status},
        )
    prepare_folder(settings)
    progress = open_progress(quiet=quiet)
    return finish(
        job_id, settings=settings, progress=progress, rendering=rendering, quiet=quiet
    ).closing


def after_report(run_id: str, document: Mapping[str, Any], *, settings: Settings) -> list[Step]:
    """Return what may be done with what is stored.

    Parameters
    ----------
    run_id, document
        Of any job.
    settings
        Where it is stored.
    """
    if "run" in document:
        return after_stored_run(document)
    return PRESENTED[Store.from_settings(settings).kind_of(run_id)].after(document)
