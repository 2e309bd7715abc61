"""What follows a stored run: its report files, the table for people, the document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from btkit.cli.files import write_report_files
from btkit.cli.next_steps import after_run
from btkit.cli.outcome import PASSED, SOFT_FAILURE, Outcome
from btkit.cli.summary import show_summary
from btkit.runs import Progress, load_document, queue_report
from btkit.settings import Settings


def finish(
    run_id: str,
    *,
    settings: Settings,
    progress: Progress,
    rendering: dict[str, Any] | None,
    upload: bool,
    quiet: bool,
) -> Outcome:
    """Render a run that was stored, and present it.

    Parameters
    ----------
    run_id
        A complete run.
    settings
        Where the store and the report folder are.
    progress
        Told of each stage.
    rendering
        How notebook and HTML are made, as `write_report_files` takes it; None makes no files.
    upload
        Whether they go to object storage as well.
    quiet
        Whether to write nothing to stderr.

    Returns
    -------
    Outcome
        The stored document.
    """
    document = load_document(run_id, settings=settings)
    paths: dict[str, Path] = {"database": settings.db_path.expanduser().absolute()}
    if rendering is not None:
        with progress.stage("render report") as note:
            files = write_report_files(document, settings=settings, **rendering)
            note("notebook, HTML and JSON")
        paths |= files
        if upload:
            with progress.stage("upload report") as note:
                delivery = queue_report(run_id, files, settings=settings)
                note(f"{len(delivery['delivered'])} delivered, {delivery['waiting']} queued")
    if not quiet:
        show_summary(document, paths)
    code = PASSED if document["passed"] else SOFT_FAILURE
    return Outcome(document, code, next=after_run(document))
