"""Print how fast btkit is on this machine, part by part: `make bench`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

PARTS = ("core", "options", "sweep", "models", "render", "widgets", "service")


def main(chosen: list[str]) -> None:
    """Measure the parts named, or all, and print each table as it is done."""
    for part in chosen or PARTS:
        module = importlib.import_module(part)
        print(f"\n{module.__doc__.splitlines()[0]}")
        for name, value, unit, target in module.rows():
            limit = "" if target is None else f"  target {target:g} {unit}"
            met = "" if target is None else ("  met" if value <= target else "  MISSED")
            print(f"  {name:<58} {value:>10.4g} {unit:<6}{limit}{met}")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main(sys.argv[1:])
