"""What the templates of runs open: a run from the store, or a new one, whose files are left."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from btkit.announcing import compiling_told
from btkit.documents import RunDocument
from btkit.jobs import Silent, execute, load_document, load_run
from btkit.jobs.dispatch import HANDLERS
from btkit.jobs.job import Rendering, SpecJob
from btkit.render.leaving import leave_report, prepare_folder
from btkit.render.parameters import OPTIONS, RUN, NotebookTemplate
from btkit.render.taking import take
from btkit.settings import Settings
from btkit.storage import JobKind


def open_run(names: Mapping[str, Any]) -> RunDocument:
    """Return the run that a notebook's parameters ask for.

    A new one leaves what ``backtest run`` leaves: the stored run, and its JSON, notebook and HTML
    in BT_REPORT_DIR.

    Parameters
    ----------
    names
        What ``globals()`` gives in the notebook: either a ``run_id``, or the options of the
        command, by themselves or in ``request``.

    Raises
    ------
    UsageError
        When a parameter is missing, unknown or none of its kind.
    RunNotFoundError
        When the store has no such run.
    """
    return _open(names, RUN)


def open_options(names: Mapping[str, Any]) -> RunDocument:
    """Return the option run that a notebook's parameters ask for.

    Parameters
    ----------
    names
        As for `open_run`, with the options of ``backtest options-sim``.

    Raises
    ------
    UsageError, RunNotFoundError
        As `open_run`.
    """
    return _open(names, OPTIONS)


def _open(names: Mapping[str, Any], template: NotebookTemplate) -> RunDocument:
    taken = take(names, template)
    settings, job = taken.settings, taken.job
    if job is None:
        return load_run(taken.stored, settings=settings)
    return load_run(execute_and_leave(job, settings).run_id, settings=settings)


def execute_and_leave(job: SpecJob, settings: Settings) -> Any:  # noqa: ANN401 - by kind of job
    """Carry out what a notebook asks for, and leave the files that the command leaves.

    Parameters
    ----------
    job
        What is asked for. Where its files are is printed.
    settings
        Where the store and the report folder are.

    Raises
    ------
    BtkitError
        As the verb of the job's kind.
    """
    if job.leaves_files:
        prepare_folder(settings)
    # The notebook, and the page made of it, are the same at the first run as at all others.
    with compiling_told(_on_the_terminal):
        result = execute(job, settings=settings)
        if job.rendering is not None:
            _leave(HANDLERS[job.kind].id_of(result), job.kind, job.rendering, settings)
    return result


def _leave(job_id: str, kind: JobKind, rendering: Rendering, settings: Settings) -> None:
    document = load_document(job_id, settings=settings)
    files = leave_report(
        job_id, document, rendering, kind=kind, settings=settings, progress=Silent()
    )
    for name, path in files.items():
        print(f"{name:<9} {path}")  # noqa: T201 - for whoever reads the notebook


def _on_the_terminal(text: str) -> None:
    # Not below the cell, which sys.stderr would be in a notebook.
    if sys.__stderr__ is not None:
        print(text, file=sys.__stderr__, flush=True)
