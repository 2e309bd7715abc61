"""Packages as `pip install` leaves them, small and made up."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent

import pytest


def install(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    module: str,
    code: str,
    entry_points: str,
    version: str = "1.0",
) -> None:
    """Put a package of one module where imports and `importlib.metadata` find it."""
    name = module.replace("_", "-")
    (folder / f"{module}.py").write_text(dedent(code), encoding="utf-8")
    info = folder / f"{module}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8"
    )
    (info / "entry_points.txt").write_text(dedent(entry_points), encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    # Set, so that undoing it takes away what an import leaves there.
    monkeypatch.setitem(sys.modules, module, None)
    del sys.modules[module]
