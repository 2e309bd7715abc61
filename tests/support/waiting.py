"""Wait for what another process does, for as long as a loaded machine may take."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 400.0


def until(found: Callable[[], T], *, what: str) -> T:
    """Return the first true value of a function, asked time and again; fail if there is none."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        value = found()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)
