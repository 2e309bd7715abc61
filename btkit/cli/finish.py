"""What follows a stored job: its report files, the table for people, the document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from btkit.cli.next_steps import Step, after_run, after_sweep, after_walk_forward
from btkit.cli.outcome import PASSED, SOFT_FAILURE, CommandOutcome
from btkit.cli.summary import show_summary
from btkit.cli.verdicts import show_sweep, show_walk_forward
from btkit.jobs import ProgressListener, load_document, queue_report
from btkit.jobs.job import Rendering
from btkit.render.leaving import write_report_files
from btkit.settings import Settings
from btkit.storage import Store


@dataclass(frozen=True)
class Presentation:
    """How a kind of job is presented.

    Parameters
    ----------
    show
        Writes its verdict to stderr, for people.
    after
        Tells what may be done then.
    files
        What it leaves in BT_REPORT_DIR in any case: endings by name.
    """

    show: Callable[[Mapping[str, Any], Mapping[str, Path]], None]
    after: Callable[[Mapping[str, Any]], list[Step]]
    files: Mapping[str, str]


_RUN = Presentation(show_summary, after_run, {})
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
}
"""By kind, batches aside."""


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
        A complete run, sweep or walk-forward validation.
    settings
        Where the store and the report folder are.
    progress
        Told of each stage.
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
        with progress.stage("render report") as note:
            files = write_report_files(
                document,
                kind=kind,
                settings=settings,
                engine=rendering.engine,
                html_assets=rendering.html_assets,
            )
            note("notebook, HTML and JSON")
        paths |= files
        if rendering.upload:
            with progress.stage("upload report") as note:
                delivery = queue_report(job_id, files, settings=settings)
                note(f"{len(delivery['delivered'])} delivered, {delivery['waiting']} queued")
    outcome = outcome_of(document, known)
    return outcome if quiet else replace(outcome, closing=partial(known.show, document, paths))


def outcome_of(document: dict[str, Any], known: Presentation) -> CommandOutcome:
    """Return what a command comes to whose outcome is stored.

    Parameters
    ----------
    document
        As it was stored.
    known
        How its kind is presented.
    """
    code = PASSED if document["passed"] else SOFT_FAILURE
    return CommandOutcome(document, code, next=known.after(document))
