"""What the templates of runs open: a run from the store, or a new one, whose files are left."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from btkit.announcing import compiling_told
from btkit.documents import RunDocument
from btkit.jobs import load_document, load_run, options_sim, queue_report, run
from btkit.render.leaving import prepare_folder, write_report_files
from btkit.render.parameters import Asked, RunParameters
from btkit.render.taking import take
from btkit.settings import Settings
from btkit.storage import Store


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
    return _open(names, run)


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
    return _open(names, options_sim)


def _open(names: Mapping[str, Any], verb: Callable[..., Any]) -> RunDocument:
    taken = take(names, RunParameters)
    settings, asked = taken.settings, taken.asked
    if asked is None:
        return load_run(taken.stored, settings=settings)
    with reported(asked, settings) as leave:
        run_id = verb(**asked.arguments(), settings=settings).run_id
        leave(run_id)
    return load_run(run_id, settings=settings)


@contextmanager
def reported(asked: Asked, settings: Settings) -> Iterator[Callable[[str], None]]:
    """Enclose new work in a notebook: what the command does before and after it.

    Parameters
    ----------
    asked
        What is asked for, and which files are to be left.
    settings
        Where the store and the report folder are.

    Yields
    ------
    callable
        Takes the id of what was stored; leaves its files in BT_REPORT_DIR, and prints where.
    """
    # The tables of sweeps and validations lie there in any case.
    if asked.place == "folder" or not asked.no_report:
        prepare_folder(settings.report_dir, private=settings.private)
    # The notebook, and the page made of it, are the same at the first run as at all others.
    with compiling_told(_on_the_terminal):
        yield lambda job_id: None if asked.no_report else _leave(job_id, asked, settings)


def _leave(job_id: str, asked: Asked, settings: Settings) -> None:
    document = load_document(job_id, settings=settings)
    kind = Store.from_settings(settings).kind_of(job_id)
    files = write_report_files(
        document, kind=kind, settings=settings, html_assets=asked.html_assets
    )
    if asked.upload_reports:
        queue_report(job_id, files, settings=settings)
    for name, path in files.items():
        print(f"{name:<9} {path}")  # noqa: T201 - for whoever reads the notebook


def _on_the_terminal(text: str) -> None:
    # Not below the cell, which sys.stderr would be in a notebook.
    if sys.__stderr__ is not None:
        print(text, file=sys.__stderr__, flush=True)
