"""What a worker keeps, so that the pieces of one job fetch and unpack it once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

_MEGABYTE = 1_000_000


class Kept(Generic[T]):
    """What was made at some cost, the latest used of it, up to a number of bytes.

    Threads that want the same at once wait for the first of them to make it.

    Parameters
    ----------
    megabytes
        All that is kept takes no more; what is larger by itself is not kept.
    """

    def __init__(self, megabytes: int) -> None:
        self._most = megabytes * _MEGABYTE
        self._known: OrderedDict[str, tuple[T, int]] = OrderedDict()
        self._lock = threading.Lock()
        self._makers: dict[str, threading.Lock] = {}

    @property
    def size(self) -> int:
        """How many bytes are kept."""
        with self._lock:
            return sum(size for _, size in self._known.values())

    def get(self, name: str, make: Callable[[], tuple[T, int]]) -> T:
        """Return what has a name, made now if it is not kept.

        Parameters
        ----------
        name
            Such as the digest of bars.
        make
            Returns it, and how many bytes it takes.

        Examples
        --------
        >>> kept = Kept[str](megabytes=1)
        >>> kept.get("a", lambda: ("made", 4)), kept.get("a", lambda: ("made again", 10))
        ('made', 'made')
        """
        with self._lock:
            maker = self._makers.setdefault(name, threading.Lock())
        with maker:
            with self._lock:
                if name in self._known:
                    self._known.move_to_end(name)
                    return self._known[name][0]
            try:
                made, size = make()
                self._keep(name, made, size)
            finally:
                with self._lock:
                    self._makers.pop(name, None)
        return made

    def _keep(self, name: str, made: T, size: int) -> None:
        with self._lock:
            if size > self._most:
                return
            self._known[name] = made, size
            total = sum(one for _, one in self._known.values())
            while total > self._most:
                _, (_, gone) = self._known.popitem(last=False)
                total -= gone
