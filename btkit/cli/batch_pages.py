"""The pages of a batch: the index that ranks its jobs, and the comparison of its runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from btkit.cli.streams import say
from btkit.jobs import ProgressListener
from btkit.jobs.files import write_bytes
from btkit.jobs.job import JOB_KINDS, Rendering
from btkit.jobs.pool import Line
from btkit.render.leaving import note_report_files, prepare_folder
from btkit.settings import Settings
from btkit.storage import SHARED_PAGES


def write_pages(
    batch_id: str,
    lines: list[Line],
    rendering: Rendering | None,
    *,
    settings: Settings,
    compared: bool = True,
) -> dict[str, Any]:
    """Write the page that ranks the jobs of a batch, and the comparison of its runs.

    Parameters
    ----------
    batch_id
        Names the page; ``index.html`` is the same, until the next batch.
    lines
        Of the jobs.
    rendering
        How pages are made; None makes none.
    settings
        Where they go.
    compared
        Whether the comparison is wanted, too.

    Returns
    -------
    dict
        ``index`` and ``comparison``: the paths, None for a page that was not made.

    Raises
    ------
    RenderError, StoreError
        If a page cannot be written.
    """
    pages: dict[str, Any] = {"index": None, "comparison": None}
    if rendering is None:
        return pages
    # plotly takes long to import, and the jobs come first.
    from btkit.render import execute_template  # noqa: PLC0415 - as above
    from btkit.render.index import index_page  # noqa: PLC0415 - as above

    folder = settings.report_dir.expanduser().absolute()
    prepare_folder(settings)
    # Others have no equity curve to lay over the rest.
    stored = [
        line["run_id"]
        for line in lines
        if "metrics" in line and JOB_KINDS[line["command"]].exported == "runs"
    ]
    if stored and compared:
        files = execute_template(
            "compare",
            {"run_ids": stored, "database": str(settings.db_path.expanduser().absolute())},
            out_dir=folder,
            run_id="compare",
            private=settings.private,
            engine=rendering.engine,
            html_assets=rendering.html_assets,
        )
        note_report_files(SHARED_PAGES, {"notebook": files.notebook, "html": files.html}, settings)
        pages["comparison"] = str(files.html)
    comparison = Path(pages["comparison"]).name if pages["comparison"] else None
    page = index_page(lines, comparison=comparison).encode()
    for owner, name in ((batch_id, f"{batch_id}.html"), (SHARED_PAGES, "index.html")):
        write_bytes(owner, name, page, kind="html", settings=settings)
    pages["index"] = str(folder / "index.html")
    return pages


def leave_pages(
    batch_id: str,
    document: Mapping[str, Any],
    rendering: Rendering,
    *,
    kind: str,
    settings: Settings,
    progress: ProgressListener,
) -> dict[str, Path]:
    """Make the pages of a stored batch, as `leave_report` makes those of other jobs."""
    del kind, progress
    pages = write_pages(batch_id, document["results"], rendering, settings=settings)
    return {"index": Path(pages["index"])}


def show_index(_document: Mapping[str, Any], paths: Mapping[str, Path]) -> None:
    """Say where the index is."""
    if "index" in paths:
        say(f"index     {paths['index']}")
