"""Run a template notebook with papermill, and leave it beside its HTML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from btkit.documents import kind_of_report
from btkit.errors import RenderError, UsageError
from btkit.render.kinds import PAGES
from btkit.render.pieces import METADATA
from btkit.shipped import shipped
from btkit.writing import folder_aside, make_folder, write_whole

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from papermill import PapermillExecutionError

    from btkit.settings import Settings
    from btkit.storage import JobKind

Engine = Literal["btkit", "nbclient"]
"""Where a notebook runs: in this process, or in a kernel that is started for it."""

HtmlAssets = Literal["inline", "shared"]
"""Where a page has its libraries from: itself, or files beside it that all pages share."""


# Of jobs that are more than one run: the template, and its parameter that takes the id.
_TEMPLATES: Mapping[str, tuple[str, str]] = {
    "walk-forward": ("walk_forward", "walk_forward_id"),
    "sweep": ("sweep", "sweep_id"),
}


@dataclass(frozen=True)
class ReportFiles:
    """What a rendered run leaves.

    Parameters
    ----------
    notebook
        The executed notebook.
    html
        Its export, which opens without a network.
    """

    notebook: Path
    html: Path


def execute_template(
    template: str,
    parameters: Mapping[str, Any],
    *,
    out_dir: Path | str,
    run_id: str,
    engine: Engine = "btkit",
    html_assets: HtmlAssets = "inline",
    private: bool = False,
) -> ReportFiles:
    """Execute a template notebook and export it.

    Parameters
    ----------
    template
        Name of a template, such as ``"run"``.
    parameters
        Values for the template's ``parameters`` cell: plain JSON, so that every value arrives
        with its type.
    out_dir
        Folder of the files; made if it is not there.
    run_id
        Stem of the files' names.
    engine
        ``"btkit"`` runs the cells in this process; ``"nbclient"`` starts a kernel for them, as
        papermill does by itself. What the cells show is the same.
    html_assets
        ``"inline"`` makes a page that is whole by itself. ``"shared"`` puts plotly's script once
        into `out_dir`, for all pages there.
    private
        Whether only their owner may read the files.

    Returns
    -------
    ReportFiles
        ``<run_id>.ipynb`` and ``<run_id>.html``. Neither appears before it is whole.

    Raises
    ------
    UsageError
        When a parameter is not plain JSON, no template has that name, or there is no such engine.
    RenderError
        When a cell fails; ``details`` name the cell, its source and the error, and the notebook
        as far as it came is kept as ``<run_id>.failed.ipynb``. Also when the folder cannot be
        written or the export fails.
    """
    _check_engine(engine)
    source = template_path(template)
    plain = _plain_parameters(parameters)
    folder = Path(out_dir)
    files = ReportFiles(notebook=folder / f"{run_id}.ipynb", html=folder / f"{run_id}.html")
    failed = folder / f"{run_id}.failed.ipynb"
    from papermill import PapermillExecutionError  # noqa: PLC0415 - loads slowly

    try:
        make_folder(folder, private=private)
        # papermill writes by a name, so it is given a folder that nobody else can enter.
        with folder_aside(files.notebook) as aside:
            saved = aside / files.notebook.name
            try:
                notebook = _execute(source, plain, engine=engine, saved=saved)
            except PapermillExecutionError as error:
                write_whole(failed, saved.read_bytes(), private=private)
                raise _cell_failure(error, failed) from error
            executed = saved.read_bytes()
        foot = "btkit" if run_id == template else f"btkit, {template.replace('_', ' ')} {run_id}"
        library = _library(folder, html_assets, private=private)
        html = _export(notebook, run_id, foot=foot, library=library)
        write_whole(files.html, html, private=private)
        write_whole(files.notebook, executed, private=private)
    except OSError as error:
        raise RenderError(
            f"The report folder {folder} cannot be written: {error.strerror or error}.",
            hint="Set BT_REPORT_DIR to a folder that you may write to.",
            details={"folder": str(folder)},
        ) from error
    failed.unlink(missing_ok=True)
    return files


def template_for(
    kind: JobKind, document: Mapping[str, Any], settings: Settings
) -> tuple[str, dict[str, Any]]:
    """Return the template of a stored job, and its parameters.

    Parameters
    ----------
    kind
        What was asked for; not a batch, which has an index instead.
    document
        Its document, complete.
    settings
        Where the store and the report folder are.
    """
    if kind in _TEMPLATES:
        # Runs are read from the store; the tables of all others lie in the folder.
        template, parameter = _TEMPLATES[kind]
        job_id = document[parameter]
        place = {"folder": str(settings.report_dir.expanduser().absolute())}
    else:
        template, parameter = PAGES[kind_of_report(document)].template, "run_id"
        job_id = document["run"]["run_id"]
        place = {"database": str(settings.db_path.expanduser().absolute())}
    return template, {parameter: job_id, **place, "request": {}}


def template_path(name: str) -> Path:
    """Return where a template stands.

    Raises
    ------
    UsageError
        When no template has that name.
    """
    folder = shipped("templates")
    path = folder / f"{name}.ipynb"
    if name.isidentifier() and path.is_file():
        return path
    known = sorted(path.stem for path in folder.glob("*.ipynb"))
    raise UsageError(
        f"No report template is called {name!r}.",
        hint=f"Known templates: {', '.join(known)}.",
        details={"template": name, "known": known},
    )


def _plain_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    # papermill writes anything it does not know as a string, so a date or a numpy number would
    # reach the notebook as text without a word.
    plain: dict[str, Any] = {}
    for name, value in parameters.items():
        try:
            plain[name] = json.loads(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise _not_plain(name, str(error)) from error
        # What JSON changes without a word.
        if plain[name] != value:
            raise _not_plain(name, "a tuple, or a key that is no text, would arrive changed")
    return plain


def _not_plain(name: str, why: str) -> UsageError:
    return UsageError(
        f"Parameter {name!r} of the report template is not plain JSON: {why}.",
        hint="Pass text, numbers, true, false, null, lists and dictionaries only.",
        details={"parameter": name},
    )


def _check_engine(engine: str) -> Engine:
    known: tuple[Engine, ...] = get_args(Engine)
    for name in known:
        if engine == name:
            return name
    raise UsageError(
        f"There is no notebook engine {engine!r}.",
        hint="Choose btkit, which runs in this process, or nbclient, which starts a kernel.",
        details={"argument": "engine", "received": engine, "known": list(known)},
    )


def _execute(
    source: Path, parameters: dict[str, Any], *, engine: Engine, saved: Path
) -> NotebookNode:
    from papermill import execute_notebook  # noqa: PLC0415 - loads slowly

    try:
        executed: NotebookNode = execute_notebook(
            str(source),
            str(saved),
            parameters=parameters,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            log_output=False,
            # Saved when it is done, or has failed, not twice a cell.
            request_save_on_cell_execute=False,
            **_engine_options(engine),
        )
    # What nbclient raises for a kernel that dies, never answers, or never shows what it answered.
    except (RuntimeError, TimeoutError) as error:
        raise RenderError(
            f"The report notebook's kernel stopped: {error}",
            hint="Check the memory limit, and that ipykernel is installed.",
        ) from error
    return executed


def _engine_options(engine: Engine) -> dict[str, Any]:
    if engine == "nbclient":
        from btkit.render.kernel import kernel_options  # noqa: PLC0415 - needs jupyter_client

        return {"engine_name": engine, **kernel_options()}
    from papermill.engines import papermill_engines  # noqa: PLC0415 - as in _execute

    from btkit.render.engine import InProcessEngine  # noqa: PLC0415 - likewise

    # papermill finds it by its entry point, but only where btkit was installed.
    papermill_engines.register(engine, InProcessEngine)
    return {"engine_name": engine}


def _cell_failure(error: PapermillExecutionError, failed: Path) -> RenderError:
    # A magic that is misused fails without an error of its own: it says why on stderr.
    name, said = error.ename, error.evalue or _last_words(failed, error.exec_count)
    return RenderError(
        f"Cell {error.exec_count} of the report notebook failed: {name}: {said}".rstrip(": "),
        hint=f"Open {failed} to see the cell and what it printed.",
        details={
            "notebook": str(failed),
            "cell": error.exec_count,
            "source": error.source,
            "error": name,
            "message": said,
        },
    )


def _last_words(notebook: Path, count: int) -> str:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    for cell in cells:
        if cell.get("execution_count") == count:
            texts = [out["text"] for out in cell["outputs"] if out["output_type"] == "stream"]
            return "".join(texts[-1]).strip() if texts else ""
    return ""


def _library(folder: Path, assets: HtmlAssets, *, private: bool) -> str | None:
    """Return the name of the script that pages share, written if it is not there; else None."""
    if assets == "inline":
        return None
    from btkit.render.export import shared_library  # noqa: PLC0415 - loads plotly

    name, script = shared_library()
    if not (folder / name).exists():
        write_whole(folder / name, script, private=private)
    return name


def _export(notebook: NotebookNode, run_id: str, *, foot: str, library: str | None) -> str:
    from btkit.render.export import to_html  # noqa: PLC0415 - the figures' library is large

    try:
        return to_html(
            notebook,
            title=_title(notebook, run_id),
            foot=foot,
            library=library,
        )
    except (ValueError, KeyError, LookupError) as error:
        raise RenderError(
            f"The report notebook could not be exported: {error}",
            hint="Where the template was edited, run it in JupyterLab to see which cell it is.",
        ) from error


def _title(notebook: NotebookNode, run_id: str) -> str:
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            title = output.get("metadata", {}).get(METADATA, {}).get("title")
            if title:
                return str(title)
    return f"Run {run_id}"
