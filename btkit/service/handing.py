"""What Dask runs on a worker: a plain function of a plain text, and what it knows of the worker.

A scheduler imports the module of whatever passes through it, so this one imports next to nothing.
"""

from __future__ import annotations

import os
import queue
import socket
import threading
from dataclasses import dataclass, field
from typing import Any, Final

from btkit.errors import WorkerUnavailableError
from btkit.service.leaving import is_leaving


@dataclass
class _AtHand:
    lock: threading.Lock = field(default_factory=threading.Lock)
    working: int = 0
    done: int = 0


_AT_HAND = _AtHand()
VERDICTS: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
"""What servers say to this worker at the door, as it comes."""
LEFT: Final = "btkit: it was told to end"
"""Why a worker leaves its scheduler that was not lost, as the scheduler notes it."""


def do(order: str) -> None:
    """Do a piece of work, on a worker.

    Parameters
    ----------
    order
        A `WorkOrder` as JSON.

    Raises
    ------
    WorkerUnavailableError
        If this worker is about to end: the piece was not begun.
    """
    if is_leaving():
        raise WorkerUnavailableError(
            "The worker ends, and has not begun with the piece.",
            hint="Nothing has to be done: another worker gets it.",
        )
    with _AT_HAND.lock:
        _AT_HAND.working += 1
    try:
        # Brings all that simulates, which a scheduler does without.
        from btkit.service.work import work  # noqa: PLC0415 - as above

        work(order)
    finally:
        with _AT_HAND.lock:
            _AT_HAND.working -= 1
            _AT_HAND.done += 1


def passes(task: object) -> bool:
    """Tell, on a scheduler, that it can take apart what it is to pass on.

    Parameters
    ----------
    task
        What workers are to call. A scheduler that cannot import it fails before it gets here.
    """
    return callable(task)


def pieces() -> tuple[int, int]:
    """Return how many pieces this worker is at, and how many it has done."""
    with _AT_HAND.lock:
        return _AT_HAND.working, _AT_HAND.done


def introduce() -> dict[str, Any]:
    """Say who this worker is; a server asks each one that joins.

    Returns
    -------
    dict
        ``host``, ``pid`` and ``versions``.
    """
    # Brings numba and TA-Lib.
    from btkit.service.versions import fingerprint  # noqa: PLC0415 - not on the scheduler

    return {"host": socket.gethostname(), "pid": os.getpid(), "versions": fingerprint()}


def hear(verdict: dict[str, Any]) -> None:
    """Take a server's answer to the introduction.

    Parameters
    ----------
    verdict
        ``differences``, as `btkit.service.versions.differences` returns them: none lets it in.
    """
    VERDICTS.put(verdict)
