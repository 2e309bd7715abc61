"""The `backtest` command: parse, call one library function, present."""

from __future__ import annotations

# The entry point is btkit.cli.main:command. Nothing is handed on here, so that importing the
# package costs nothing and a Ctrl-C during start-up already meets the guard in `main`.
__all__: list[str] = []
