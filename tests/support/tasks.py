"""What a worker does in tests of the crew alone: an importable function of a text."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path


def leave_marks(order: str) -> None:
    """Write a line when it begins and one when it ends, and take the time between them."""
    given = json.loads(order)
    path = Path(given["marks"])
    _mark(path, "begin", given["number"])
    if "fails" in given:
        raise ValueError(given["fails"])
    deadline = time.monotonic() + given.get("seconds", 0.0)
    while time.monotonic() < deadline and not path.with_suffix(".go").exists():
        time.sleep(0.01)
    _mark(path, "end", given["number"])


def _mark(path, what, number):
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{os.getpid()} {what} {number}\n")


def marks(path: Path) -> list[tuple[int, str, int]]:
    """Return the process, what it marked, and the number of the order, in order."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [(int(pid), what, int(number)) for pid, what, number in map(str.split, lines)]
