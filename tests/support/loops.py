"""Waiting inside an event loop."""

from __future__ import annotations

import asyncio
from typing import Any

TURNS = 2_000


async def until_idle(newest: Any) -> None:
    """Let the loop run until nothing is under way."""
    for _ in range(TURNS):
        if not newest.busy:
            return
        await asyncio.sleep(0.005)
    raise AssertionError("the work does not end")
