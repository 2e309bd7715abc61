"""One module per command: `NAME`, `HELP`, and `command`, which gives the work to do."""

from __future__ import annotations

__all__: list[str] = []
