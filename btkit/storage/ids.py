"""Run ids: how they are made, and what may pass for one."""

from __future__ import annotations

import re
import uuid

from btkit.arguments import shown
from btkit.errors import RunNotFoundError

# Ids name files, so nothing but this pattern may come near a path.
_PATTERN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Of what is no run: walk-forward validations, sweeps, batches.
_OTHERS = re.compile(r"[0-9a-f]{16}")


def new_run_id() -> str:
    """Return a fresh run id: a random UUID as lower-case text."""
    return str(uuid.uuid4())


def new_job_id() -> str:
    """Return a fresh id of a job that is no run: 16 hexadecimal digits."""
    return uuid.uuid4().hex[:16]


def check_job_id(job_id: object) -> str:
    """Return the id of a job of any kind in lower case.

    Raises
    ------
    RunNotFoundError
        If it cannot be an id, so that no job can have it.
    """
    known = _plain(job_id)
    return known if _OTHERS.fullmatch(known) else check_run_id(job_id)


def check_run_id(run_id: object) -> str:
    """Return the id of a run in lower case.

    Raises
    ------
    RunNotFoundError
        If it is no UUID, so that no run can have it.
    """
    known = _plain(run_id)
    if not _PATTERN.fullmatch(known):
        raise RunNotFoundError(
            f"{shown(run_id)} is not a run id.",
            hint="A run id looks like 123e4567-e89b-42d3-a456-426614174000; "
            "`backtest list` shows those that exist.",
            details={"run_id": shown(run_id)},
        )
    return known


def _plain(stored_id: object) -> str:
    return stored_id.strip().lower() if isinstance(stored_id, str) else ""
