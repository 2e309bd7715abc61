"""Waiting inside an event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 120.0
"""What never happens is told after this time; no machine is so busy that it takes as long."""


async def until(happened: Callable[[], object], otherwise: str) -> None:
    """Let the loop run until something has happened."""
    end = time.monotonic() + PATIENCE_S
    while not happened():
        if time.monotonic() > end:
            raise AssertionError(otherwise)
        await asyncio.sleep(0.005)


async def until_idle(newest: Any) -> None:
    """Let the loop run until nothing is under way."""
    await until(lambda: not newest.busy, "the work does not end")
