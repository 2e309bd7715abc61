"""What the template notebook opens: a run from the store, or a new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from btkit.errors import UsageError
from btkit.render.inline import as_document
from btkit.report import RunDocument
from btkit.runs import load_run, read_settings, run


def open_run(
    run_id: str,
    *,
    database: str = "",
    request: Mapping[str, Any],
    verb: Callable[..., Any] = run,
) -> RunDocument:
    """Return the run that a notebook's parameters ask for.

    Parameters
    ----------
    run_id
        A stored run; empty to make a new one from `request`.
    database
        Path of the SQLite store; empty takes BT_DB_PATH.
    request
        Without a `run_id`: the arguments of `verb`.
    verb
        What makes a new run: `btkit.run` or `btkit.options_sim`.

    Raises
    ------
    UsageError
        When there is neither a run id nor a request.
    RunNotFoundError
        When the store has no such run.
    """
    settings = read_settings()
    if database:
        settings = settings.model_copy(update={"db_path": Path(database)})
    if run_id:
        return load_run(run_id, settings=settings)
    if not request:
        raise UsageError(
            "The notebook has neither a run_id nor a request.",
            hint='Set run_id, or request = {"spec": ..., "symbol": ..., "start": ..., "end": ...}.',
        )
    result = verb(**request, settings=settings)
    return (
        as_document(result) if result.run_id is None else load_run(result.run_id, settings=settings)
    )
