"""What the service answers with: typed, so that OpenAPI says all of it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from btkit.service.problems import without_paths
from btkit.storage import Operation

Stands = Literal["queued", "running", "complete", "failed", "cancelled"]
"""How an operation stands."""


class ProgressDocument(BaseModel):
    """How far an operation is."""

    done: int | None = Field(description="Of unit; null before it is known")
    total: int | None
    unit: str | None = Field(description="bars, sets or jobs")
    fraction: float | None = Field(description="Of the whole, 0 to 1; null before it is known")


class OperationDocument(BaseModel):
    """Something that was asked for, and how it stands."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "operation_id": "0f9c1d7e5a3b4c62",
                "kind": "run",
                "strategy_name": "golden_cross",
                "symbol": "SPX",
                "start_date": "2005-01-03",
                "end_date": "2018-12-31",
                "done": False,
                "status": "running",
                "cancel_requested": False,
                "progress": {"done": 1500, "total": 3523, "unit": "bars", "fraction": 0.4258},
                "bars": 1500,
                "rate": 12000.0,
                "eta": 0.2,
                "attempt": 1,
                "workers": 2,
                "best": None,
                "crashed": 0,
                "created_at": "2026-01-05T10:00:00.000Z",
                "started_at": "2026-01-05T10:00:00.100Z",
                "completed_at": None,
                "run_id": None,
                "error": None,
                "result": None,
            }
        }
    )

    operation_id: str = Field(description="The task_id that was given, or an id of its own")
    kind: str = Field(description="run, options-sim, walk-forward, sweep or batch")
    strategy_name: str = Field(description="Of the spec; of a batch its name")
    symbol: str | None = Field(description="Null for a batch")
    start_date: str | None
    end_date: str | None
    done: bool = Field(description="Whether nothing more is done for it")
    status: Stands
    cancel_requested: bool = Field(description="Whether it is to stop and has not yet")
    progress: ProgressDocument
    bars: int | None = Field(description="Bars done, where they are what is counted")
    rate: float | None = Field(description="Units a second, lately")
    eta: float | None = Field(description="Seconds that it may still take; null if unknown")
    attempt: int = Field(description="How often it was queued")
    workers: int = Field(description="Workers that are there now; with none it stays queued")
    best: dict[str, Any] | None = Field(description="Of a sweep the best sets so far")
    crashed: int = Field(description="Units given up because each ended three workers")
    created_at: str
    started_at: str | None
    completed_at: str | None
    run_id: str | None = Field(description="Under which its outcome is stored: GET /runs/{id}")
    error: dict[str, Any] | None = Field(
        description="Of a failed one, as the command line prints it: type, message, hint, "
        "retryable, details"
    )
    result: dict[str, Any] | None = Field(
        description="Of a complete one the document that its command prints; null in lists"
    )


class OperationList(BaseModel):
    """A page of operations, the newest first."""

    operations: list[OperationDocument]
    next_page_token: str | None = Field(description="Of the next page; null on the last")


class RunList(BaseModel):
    """A page of what is stored, the newest first."""

    count: int = Field(description="On this page")
    runs: list[dict[str, Any]] = Field(description="As `backtest list` prints them")
    next_page_token: str | None = Field(description="Of the next page; null on the last")


class TradeList(BaseModel):
    """A page of the trades of a run, in their order."""

    run_id: str
    total: int = Field(description="Of the run")
    trades: list[dict[str, Any]] = Field(description="As `backtest report` prints them")
    next_page_token: str | None = Field(description="Of the next page; null on the last")


class WorkerList(BaseModel):
    """Who does the work."""

    count: int = Field(description="Those that may be given work")
    workers: list[dict[str, Any]] = Field(
        description="name, host, pid, threads, admitted, reason, versions: also those refused"
    )


class HealthDocument(BaseModel):
    """Whether the server can do what it is for."""

    status: Literal["ok", "unavailable"]


class SignIn(BaseModel):
    """What a browser signs in with."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"token": "..."}})

    token: str = Field(min_length=1, max_length=4_096, description="The server's BT_API_TOKEN")


class ResumeRequest(BaseModel):
    """Which operation goes on."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"operation_id": "0f9c1d7e5a3b4c62"}}
    )

    operation_id: str = Field(min_length=1, max_length=128)


def describe(
    operation: Operation, *, workers: int, result: dict[str, Any] | None = None
) -> OperationDocument:
    """Return what is said of an operation.

    Parameters
    ----------
    operation
        As it is stored.
    workers
        How many may be given work now.
    result
        The document of its outcome, where it is complete and wanted.
    """
    request = operation.request
    spec = request.get("spec")
    name = spec.get("name") if isinstance(spec, dict) else None
    return OperationDocument(
        operation_id=operation.operation_id,
        kind=operation.kind,
        strategy_name=str(name or request.get("name") or operation.kind),
        symbol=request.get("symbol"),
        start_date=request.get("start"),
        end_date=request.get("end"),
        done=operation.has_ended,
        status=operation.status,
        cancel_requested=operation.cancel_requested,
        progress=ProgressDocument(
            done=operation.done,
            total=operation.total,
            unit=operation.unit,
            fraction=_fraction(operation),
        ),
        bars=operation.done if operation.unit == "bars" else None,
        rate=operation.rate,
        eta=_eta(operation),
        attempt=operation.attempt,
        workers=workers,
        best=operation.best,
        crashed=operation.crashed,
        created_at=operation.created_at,
        started_at=operation.started_at,
        completed_at=operation.completed_at,
        run_id=operation.job_id,
        error=None if operation.error is None else without_paths(operation.error),
        result=result,
    )


def _fraction(operation: Operation) -> float | None:
    if operation.status == "complete":
        return 1.0
    if operation.done is None or not operation.total:
        return None
    return min(operation.done / operation.total, 1.0)


def _eta(operation: Operation) -> float | None:
    if operation.has_ended or not operation.rate:
        return None
    if operation.done is None or operation.total is None:
        return None
    return max(operation.total - operation.done, 0) / operation.rate
