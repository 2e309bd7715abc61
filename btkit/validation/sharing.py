"""Work on many sets, shared out among threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def share_out(count: int, threads: int, work: Callable[[int, int], T]) -> list[T]:
    """Let each thread work on one part of what there is.

    Parameters
    ----------
    count
        Of what there is.
    threads
        How many parts; none of them differs from another by more than one.
    work
        Takes the first of a part and the one after its last. Compiled, so that others run beside.

    Returns
    -------
    list
        What each returned, in order.

    Examples
    --------
    >>> share_out(5, 2, lambda first, last: (first, last))
    [(0, 2), (2, 5)]
    """
    edges = [count * part // threads for part in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, edges[:-1], edges[1:]))
