"""The files that a run, a sweep and a validation leave in the folder of reports."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from btkit.errors import BtkitError, StoreError, name_run
from btkit.jobs import ProgressListener, load_document, queue_report
from btkit.jobs.files import report_folder, write_bytes
from btkit.jobs.job import Rendering
from btkit.render.notebook import Engine, HtmlAssets, execute_template, template_for
from btkit.settings import Settings
from btkit.storage import FileKind, JobKind, Store
from btkit.writing import make_folder, sweep_once


def prepare_folder(settings: Settings) -> None:
    """Make the report folder, before anything is run that could not be reported.

    Parameters
    ----------
    settings
        BT_REPORT_DIR and BT_PRIVATE.

    Raises
    ------
    StoreError
        If it cannot be made or written.
    """
    folder = settings.report_dir
    try:
        make_folder(folder, private=settings.private)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError("permission denied")
        # What killed processes were writing here.
        sweep_once(folder)
    except OSError as error:
        raise StoreError(
            f"The report folder {folder} cannot be written: {error.strerror or error}.",
            hint="Set BT_REPORT_DIR to a folder that you may write to, or use --no-report.",
            details={"folder": str(folder)},
        ) from error


def leave_report(
    job_id: str,
    document: dict[str, Any],
    rendering: Rendering,
    *,
    kind: JobKind,
    settings: Settings,
    progress: ProgressListener,
) -> dict[str, Path]:
    """Leave what a command leaves of a job: its files, and copies in object storage if wanted.

    Parameters
    ----------
    job_id, document, kind, settings
        As for `write_report_files`.
    rendering
        How pages are made, and where they go.
    progress
        Notified of each stage.

    Returns
    -------
    dict
        As `write_report_files`.

    Raises
    ------
    RenderError, StoreError
        As `write_report_files`.
    """
    with progress.stage("render report") as note:
        files = write_report_files(
            job_id,
            document,
            kind=kind,
            settings=settings,
            engine=rendering.engine,
            html_assets=rendering.html_assets,
        )
        note("notebook, HTML and JSON")
    if rendering.upload:
        with progress.stage("upload report") as note:
            delivery = queue_report(job_id, files, settings=settings)
            note(f"{len(delivery['delivered'])} delivered, {delivery['waiting']} queued")
    return files


def write_report_files(
    job_id: str,
    document: dict[str, Any],
    *,
    kind: JobKind,
    settings: Settings,
    engine: Engine = "btkit",
    html_assets: HtmlAssets = "inline",
) -> dict[str, Path]:
    """Write the JSON, the notebook and the HTML of what is stored.

    Parameters
    ----------
    job_id, document
        The job, and its document, complete.
    kind
        What was asked for; not a batch.
    settings
        Where the store and the report folder are.
    engine, html_assets
        As `execute_template` takes them.

    Returns
    -------
    dict
        Absolute paths by kind: ``json``, ``notebook``, ``html``; ``csv``, all trades, where they
        are too many for a page.

    Raises
    ------
    RenderError, StoreError
        If one cannot be made. What is stored stays; ``details["run_id"]`` names it.
    """
    folder = report_folder(settings)
    template, parameters = template_for(kind, document, settings)
    try:
        written = _write_json(document, job_id, settings)
        trades = _write_trades(document, settings)
        files = execute_template(
            template,
            parameters,
            out_dir=folder,
            run_id=job_id,
            engine=engine,
            html_assets=html_assets,
            private=settings.private,
        )
        note_report_files(job_id, {"notebook": files.notebook, "html": files.html}, settings)
    except BtkitError as error:
        name_run(error, job_id, status="complete")
        error.details["passed"] = document["passed"]
        error.hint += (
            f" The {kind} itself is complete: `backtest report --run-id {job_id}` prints it, and "
            "with --render makes its pages."
        )
        raise
    except BaseException as error:
        name_run(error, job_id, status="complete")
        error.add_note(f"The {kind} itself is complete and stored, under the id {job_id}.")
        error.add_note(f"`backtest report --run-id {job_id} --render` makes its pages.")
        raise
    paths = {"json": written, "notebook": files.notebook, "html": files.html}
    return paths if trades is None else {**paths, "csv": trades}


def note_report_files(owner_id: str, files: Mapping[FileKind, Path], settings: Settings) -> None:
    """Note the checksums of report files that were written just now.

    Parameters
    ----------
    owner_id
        The run, sweep or walk-forward validation that they belong to.
    files
        By kind.
    settings
        Where the store is.

    Raises
    ------
    StoreError
        If a file cannot be read or the database not be written.
    """
    try:
        Store.from_settings(settings).files.note(owner_id, files)
    except OSError as error:
        raise StoreError(
            f"The report cannot be read again: {error.strerror or error}.",
            hint="Check the folder that BT_REPORT_DIR names; another program may have removed it.",
            details={"path": str(error.filename)},
        ) from error


def _write_json(document: dict[str, Any], job_id: str, settings: Settings) -> Path:
    content = (json.dumps(document, indent=2, allow_nan=False) + "\n").encode()
    return write_bytes(job_id, f"{job_id}.json", content, kind="json", settings=settings)


def _write_trades(document: dict[str, Any], settings: Settings) -> Path | None:
    """Write the list of all trades, if a page cannot show it."""
    # The tables of pages bring pandas.
    from btkit.jobs.spreadsheet import csv_content  # noqa: PLC0415 - likewise
    from btkit.render.trade_table import trades_file  # noqa: PLC0415 - see above
    from btkit.render.view import is_cut  # noqa: PLC0415 - likewise

    # Sweeps and walk-forward validations have no trades of their own.
    if not is_cut(document.get("trade_count", 0)):
        return None
    run_id = document["run"]["run_id"]
    listed = load_document(run_id, trades=True, settings=settings)["trades"]
    content = csv_content(listed)
    return write_bytes(run_id, trades_file(run_id), content, kind="csv", settings=settings)
