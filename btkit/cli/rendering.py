"""The pages of what is stored, made later: after a kill, a full disk, or `--no-report`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from btkit.cli.batching import write_pages
from btkit.cli.finish import finish
from btkit.cli.progress import open_progress
from btkit.cli.streams import say
from btkit.errors import StoreError
from btkit.jobs import load_document, read_settings
from btkit.jobs.job import Rendering
from btkit.render.leaving import prepare_folder
from btkit.storage import Store, check_job_id


def render_stored(
    run_id: str, *, rendering: dict[str, Any], quiet: bool
) -> Callable[[], None] | None:
    """Make notebook, page and JSON of a complete job, or the index of a batch.

    Parameters
    ----------
    run_id
        Of a run, a sweep, a walk-forward validation or a batch.
    rendering
        The fields of a `Rendering`.
    quiet
        Whether to write nothing to stderr.

    Returns
    -------
    callable or None
        Writes to stderr what people are to read of it, as `Outcome.closing`.

    Raises
    ------
    StoreError
        If it is not complete, so that there is nothing to make pages of.
    RenderError
        If a page cannot be made.
    """
    settings = read_settings()
    store = Store.from_settings(settings)
    job_id = check_job_id(run_id)
    kind = store.kind_of(job_id)
    document = load_document(job_id, settings=settings)
    if "error" in document or ("run" in document and document["metrics"] is None):
        status = document["run"]["status"]
        raise StoreError(
            f"The {kind} {job_id} is {status}; there is nothing to make pages of.",
            hint=f"`backtest report --run-id {job_id}` without --render says how it stands.",
            details={"run_id": job_id, "status": status},
        )
    how = Rendering.model_validate(rendering)
    prepare_folder(settings.report_dir, private=settings.private)
    if kind == "batch":
        pages = write_pages(job_id, document["results"], how, settings=settings)
        return None if quiet else partial(say, f"index     {pages['index']}")
    return finish(
        job_id,
        settings=settings,
        progress=open_progress(quiet=quiet),
        rendering=how,
        quiet=quiet,
    ).closing
