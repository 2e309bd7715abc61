"""Say that functions are compiled, once and before it happens: a first run waits for it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_ONCE = (
    "compiling btkit's loops: done once per version, takes some seconds.\n"
    "`backtest warm-up` does it beforehand."
)
_EACH_TIME = (
    "compiling btkit's loops: takes some seconds at each start, since no folder can keep\n"
    "what was compiled. Set NUMBA_CACHE_DIR to one that you may write to."
)


def _below_the_cell(text: str) -> None:
    if sys.stderr is not None:
        print(text, file=sys.stderr, flush=True)  # noqa: T201 - where a notebook shows it


def unheard(text: str) -> None:
    """Tell nobody.

    Parameters
    ----------
    text
        What is not announced.
    """


class _Compiling:
    tell: Callable[[str], None] = staticmethod(_below_the_cell)
    announced = False
    functions = 0


def compiling_begins(*, kept: bool) -> None:
    """Take note that a function is about to be compiled, and tell of the first.

    Parameters
    ----------
    kept
        Whether what is compiled is kept on disk.
    """
    _Compiling.functions += 1
    if not _Compiling.announced:
        _Compiling.announced = True
        _Compiling.tell(_ONCE if kept else _EACH_TIME)


def functions_compiled() -> int:
    """Return how many functions this process has compiled, rather than found on disk."""
    return _Compiling.functions


def tell_of_compiling(tell: Callable[[str], None]) -> Callable[[str], None]:
    """Announce compilation to somebody else than stderr, from now on.

    Parameters
    ----------
    tell
        Takes the sentence. It is called once in a process.

    Returns
    -------
    callable
        To whom it was announced until now.
    """
    before, _Compiling.tell = _Compiling.tell, staticmethod(tell)
    return before


@contextmanager
def compiling_announced(tell: Callable[[str], None]) -> Iterator[None]:
    """Announce compilation to somebody else than stderr, in the ``with`` block.

    Parameters
    ----------
    tell
        As for `tell_of_compiling`.

    Examples
    --------
    >>> with compiling_announced(print):
    ...     pass  # a first run here says so on stdout
    """
    before = tell_of_compiling(tell)
    try:
        yield
    finally:
        tell_of_compiling(before)
