"""Whether this worker is about to end, and gives back what it has begun."""

from __future__ import annotations

import threading

_LEAVING = threading.Event()


def leave() -> None:
    """Ask the work of this process to come to an end: to keep a checkpoint, and give itself back.

    Examples
    --------
    >>> is_leaving()
    False
    """
    _LEAVING.set()


def is_leaving() -> bool:
    """Tell whether the work of this process is to be given back; asked as often as a lease beats.

    Returns
    -------
    bool
        It stays True until the process ends.
    """
    return _LEAVING.is_set()
