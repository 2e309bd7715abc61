"""Two sizes of a test: what every change waits for, and what `make deep` takes its time for."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

Size = TypeVar("Size")
DEEP = os.environ.get("DEEP") == "1"


def sized(usual: Size, deep: Size) -> Size:
    """Return the size that this run is for."""
    return deep if DEEP else usual


class Steps:
    """Says how far a deep test is, twenty times on its way, so that a cut run says something.

    Parameters
    ----------
    write
        Takes a line.
    total, unit
        How many steps of what there will be.
    """

    def __init__(self, write: Callable[[str], object], total: int, unit: str) -> None:
        self.write, self.total, self.unit = write, total, unit
        self.done, self.began = 0, time.monotonic()

    def __call__(self) -> None:
        """Count one step that went well."""
        self.done += 1
        if DEEP and self.done % max(self.total // 20, 1) == 0:
            seconds = time.monotonic() - self.began
            self.write(f"{self.done:,} of {self.total:,} {self.unit} in {seconds:,.0f} s")
