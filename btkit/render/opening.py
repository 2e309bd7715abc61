"""What the templates of runs open: a run from the store, or a new one, whose files are left."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from btkit.announcing import compiling_announced
from btkit.documents import RunDocument
from btkit.jobs import Silent, execute, load_document, load_run
from btkit.jobs.dispatch import HANDLERS
from btkit.render.leaving import leave_report, prepare_folder
from btkit.render.parameters import OPTIONS, RUN, NotebookTemplate
from btkit.render.taking import take
from btkit.settings import Settings


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
    run_id, settings = opened(names, RUN)
    return load_run(run_id, settings=settings)


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
    run_id, settings = opened(names, OPTIONS)
    return load_run(run_id, settings=settings)


def opened(names: Mapping[str, Any], template: NotebookTemplate) -> tuple[Any, Settings]:
    """Return the id of what a notebook's parameters ask for, and where it is stored.

    What is new is carried out first, and leaves the files that its command leaves; where they are
    is printed.

    Parameters
    ----------
    names
        What ``globals()`` gives in the notebook.
    template
        What it takes.

    Raises
    ------
    UsageError
        When a parameter is missing, unknown or none of its kind.
    BtkitError
        As the verb of the job's kind.
    """
    taken = take(names, template)
    settings, job = taken.settings, taken.job
    if job is None:
        return taken.stored, settings
    if job.leaves_files:
        prepare_folder(settings)
    # The notebook, and the page made of it, are the same at the first run as at all others.
    with compiling_announced(_on_the_terminal):
        job_id = HANDLERS[job.kind].id_of(execute(job, settings=settings))
        if job.rendering is not None:
            document = load_document(job_id, settings=settings)
            files = leave_report(
                job_id, document, job.rendering, kind=job.kind, settings=settings, progress=Silent()
            )
            for name, path in files.items():
                print(f"{name:<9} {path}")  # noqa: T201 - for whoever reads the notebook
    return job_id, settings


def _on_the_terminal(text: str) -> None:
    # Not below the cell, which sys.stderr would be in a notebook.
    if sys.__stderr__ is not None:
        print(text, file=sys.__stderr__, flush=True)
