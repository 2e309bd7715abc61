"""Rows of the benchmark table, and how to time one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple


class Row(NamedTuple):
    """One line of the table; `target` is what the value should stay below, if anything."""

    name: str
    value: float
    unit: str
    target: float | None


def best(work: Callable[[], object], *, repeats: int) -> float:
    """Return the least time in seconds that `work` took, after one unmeasured call.

    The least, not the mean: on a shared machine everything above it is somebody else's work.
    """
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)
