"""The paths of the service, a module for each thing that is asked about."""

from __future__ import annotations

from fastapi import APIRouter

from btkit.service.routes import backtests, front, operations, runs, server

ROUTERS: tuple[APIRouter, ...] = (
    backtests.router,
    operations.router,
    runs.router,
    server.router,
    front.router,
)
"""All of them, in the order of the description."""
