"""Stopping what runs in this very thread after a time, as Ctrl-C would."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")

_AGAIN = 1.0
"""Seconds until code that caught the interrupt is interrupted once more."""


def can_be_stopped() -> bool:
    """Tell whether what runs in this thread could be stopped: only the main thread gets signals."""
    return threading.current_thread() is threading.main_thread() and hasattr(signal, "pthread_kill")


def call_within(seconds: float, work: Callable[[], T]) -> T:
    """Call a function, and interrupt it when it takes too long.

    Parameters
    ----------
    seconds
        How long it may take.
    work
        The function; it sees a KeyboardInterrupt. A single call into compiled code is not
        interrupted before it comes back.

    Returns
    -------
    object
        What `work` returns.

    Raises
    ------
    TimeoutError
        When it was interrupted, whatever it made of that.
    """
    limit = _Limit(signal.getsignal(signal.SIGINT))
    watcher = threading.Thread(
        target=limit.watch, args=(seconds,), name="btkit-time-limit", daemon=True
    )
    signal.signal(signal.SIGINT, limit.interrupt)
    try:
        watcher.start()
        return _uninterrupted(work, limit)
    finally:
        limit.done.set()
        watcher.join()
        # Unless the function has made it its own.
        if signal.getsignal(signal.SIGINT) == limit.interrupt:
            signal.signal(signal.SIGINT, limit.before)


def _uninterrupted(work: Callable[[], T], limit: _Limit) -> T:
    try:
        try:
            result = work()
        finally:
            limit.done.set()
    except KeyboardInterrupt as error:
        if limit.expired.is_set():
            raise TimeoutError("It was stopped: it took too long.") from error
        raise
    if limit.expired.is_set():
        raise TimeoutError("It took too long, and did not let itself be stopped.")
    return result


class _Limit:
    def __init__(self, before: Any) -> None:  # noqa: ANN401 - a handler of any kind
        self.before = before
        self.done, self.expired = threading.Event(), threading.Event()

    def watch(self, seconds: float) -> None:
        thread = threading.main_thread().ident
        assert thread is not None, "the main thread has begun"
        while not self.done.wait(seconds):
            self.expired.set()
            # A sleeping or waiting call notices a signal, which a flag for Python alone does not.
            signal.pthread_kill(thread, signal.SIGINT)
            seconds = _AGAIN

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.expired.is_set():
            if not self.done.is_set():
                raise KeyboardInterrupt
        elif callable(self.before):
            self.before(number, frame)
        elif self.before != signal.SIG_IGN:
            raise KeyboardInterrupt
