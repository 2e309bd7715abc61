"""Two sizes of a test: what every change waits for, and what `make deep` takes its time for."""

from __future__ import annotations

import os
from typing import TypeVar

Size = TypeVar("Size")
DEEP = os.environ.get("DEEP") == "1"


def sized(usual: Size, deep: Size) -> Size:
    """Return the size that this run is for."""
    return deep if DEEP else usual
