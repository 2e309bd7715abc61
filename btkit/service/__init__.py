"""Backtests that come by HTTP, done by workers on any number of machines."""

from __future__ import annotations

__all__: list[str] = []
