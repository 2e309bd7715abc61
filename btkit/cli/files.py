"""The files that `run` leaves beside the store."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from btkit.errors import BtkitError, StoreError, name_run
from btkit.settings import Settings
from btkit.storage import FileKind, Store, make_folder

if TYPE_CHECKING:
    from btkit.render.notebook import Engine, HtmlAssets


def prepare_folder(folder: Path, *, private: bool = False) -> None:
    """Make the report folder, before anything is run that could not be reported.

    Parameters
    ----------
    folder
        BT_REPORT_DIR.
    private
        BT_PRIVATE.

    Raises
    ------
    StoreError
        If it cannot be made or written.
    """
    try:
        make_folder(folder, private=private)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError("permission denied")
    except OSError as error:
        raise StoreError(
            f"The report folder {folder} cannot be written: {error.strerror or error}.",
            hint="Set BT_REPORT_DIR to a folder that you may write to, or use --no-report.",
            details={"folder": str(folder)},
        ) from error


def write_report_files(
    document: dict[str, Any],
    *,
    settings: Settings,
    engine: Engine = "btkit",
    html_assets: HtmlAssets = "inline",
) -> dict[str, Path]:
    """Write a stored run's JSON, notebook and HTML.

    Parameters
    ----------
    document
        The run's document, complete.
    settings
        Where the store and the report folder are.
    engine, html_assets
        As `execute_template` takes them.

    Returns
    -------
    dict
        Absolute paths by kind: ``json``, ``notebook``, ``html``.

    Raises
    ------
    RenderError, StoreError
        If one cannot be made. The run stays stored; ``details["run_id"]`` names it.
    """
    # papermill and plotly take long to import.
    from btkit.cli.start_up import import_papermill_lightly  # noqa: PLC0415 - see above

    import_papermill_lightly()
    from btkit.render import execute_template  # noqa: PLC0415

    run_id = document["run"]["run_id"]
    folder = settings.report_dir.expanduser().absolute()
    try:
        written = _write_json(document, folder, settings)
        files = execute_template(
            "options_sim" if "spreads" in document else "run",
            {
                "run_id": run_id,
                "database": str(settings.db_path.expanduser().absolute()),
                "request": {},
            },
            out_dir=folder,
            run_id=run_id,
            engine=engine,
            html_assets=html_assets,
            private=settings.private,
        )
        note_report_files(run_id, {"notebook": files.notebook, "html": files.html}, settings)
    except BtkitError as error:
        name_run(error, run_id, status="complete")
        error.details["passed"] = document["passed"]
        error.hint += f" The run itself is complete: `backtest report --run-id {run_id}` prints it."
        raise
    except BaseException as error:
        name_run(error, run_id, status="complete")
        error.add_note(f"The run itself is complete and stored, under the id {run_id}.")
        raise
    return {"json": written, "notebook": files.notebook, "html": files.html}


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


def _write_json(document: dict[str, Any], folder: Path, settings: Settings) -> Path:
    run_id = document["run"]["run_id"]
    path = folder / f"{run_id}.json"
    content = (json.dumps(document, indent=2, allow_nan=False) + "\n").encode()
    try:
        Store.from_settings(settings).files.write(run_id, folder, path.name, content, kind="json")
    except OSError as error:
        raise StoreError(
            f"The report {path} cannot be written: {error.strerror or error}.",
            hint="Set BT_REPORT_DIR to a folder that you may write to and that has space left.",
            details={"path": str(path)},
        ) from error
    return path
