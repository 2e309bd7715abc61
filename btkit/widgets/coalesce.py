"""Redraw once for many changes: while a hand drags, only the last value counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

# Long enough for the kernel to take in every slider event that waits, too short to be seen.
PAUSE_S = 0.008


class Coalescer:
    """Calls a function soon after a change, once for all changes that came until then.

    Where no event loop runs, as in a plain script, the function is called at once.

    Parameters
    ----------
    work
        What a change asks for; it reads the latest values itself.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._waiting: asyncio.TimerHandle | None = None

    def ask(self) -> None:
        """Ask for the work."""
        if self._waiting is not None and not self._waiting.cancelled():
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._work()
            return
        self._waiting = loop.call_later(PAUSE_S, self.flush)

    def flush(self) -> None:
        """Do the work now, if it was asked for."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.cancel()
            self._work()

    def cancel(self) -> None:
        """Forget what was asked for."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.cancel()
