"""Asking for backtests: start, resume, and what one would take."""

from __future__ import annotations

import re
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from btkit.errors import ConflictError, QueueFullError
from btkit.jobs.planning import plan_job
from btkit.service.asked import read_asked, read_body
from btkit.service.documents import OperationDocument, ResumeRequest
from btkit.service.problems import Refused, answers
from btkit.service.routes.operations import LOOK_S, document_of
from btkit.service.shared import Service, ServiceOf
from btkit.storage import Operation
from btkit.writing import digest_of_json

router = APIRouter(tags=["backtests"])

LONGEST_WAIT_S = 60
"""Seconds that `Prefer: wait` may ask for at most."""
_POLL_AFTER_S = 1
_WAIT = re.compile(r"\s*wait\s*=\s*\"?(\d{1,9})\"?\s*", re.IGNORECASE)


async def _body(request: Request) -> bytes:
    return await request.body()


BodyOf = Annotated[bytes, Depends(_body)]


_TEXT = {"type": "string"}
_DAY = {"type": "string", "format": "date"}
_NUMBER = {"type": ["number", "null"]}
_START_SCHEMA: dict[str, Any] = {
    "title": "Backtest",
    "description": "A backtest whose spec tells its kind. Other kinds, and more of it, are said "
    "by a Job with its kind.",
    "type": "object",
    "properties": {
        "strategy_name": {
            "type": ["string", "null"],
            "description": "The name of a strategy, such as golden_cross, or the path of its file "
            "in a folder that is allowed",
        },
        "spec": {
            "type": ["object", "null"],
            "description": "Its fields, instead of strategy_name",
        },
        "symbol": {"type": ["string", "null"], "description": "Null takes what the spec says"},
        "start_date": _DAY,
        "end_date": {**_DAY, "description": "Included"},
        "initial_capital": {**_NUMBER, "exclusiveMinimum": 0, "description": "$"},
        "commission": {**_NUMBER, "minimum": 0, "description": "As the spec's model counts"},
        "slippage": {**_NUMBER, "minimum": 0, "exclusiveMaximum": 1, "description": "Of a fill"},
        "timeframe": {"type": ["string", "null"], "description": "Of the bars, such as 1h or 1d"},
        "source": {"type": ["string", "null"], "description": "Of the bars"},
        "model_path": {
            "type": ["string", "null"],
            "description": "The bundle of a model spec, if it lies elsewhere than that says",
        },
        "task_id": {
            "type": ["string", "null"],
            "maxLength": 128,
            "pattern": r"^[A-Za-z0-9][A-Za-z0-9_-]*$",
            "description": "What the operation is to be called",
        },
    },
    "required": ["start_date", "end_date"],
    "anyOf": [{"required": ["strategy_name"]}, {"required": ["spec"]}],
    "additionalProperties": False,
}
_EXAMPLE = {
    "strategy_name": "golden_cross",
    "symbol": "SPX",
    "start_date": "2005-01-03",
    "end_date": "2018-12-31",
    "initial_capital": 100000.0,
    "commission": 0.65,
    "slippage": 0.0002,
    "source": "sample",
}
_JOB_EXAMPLE = {
    "kind": "sweep",
    "spec": {
        "name": "crossing",
        "entry_conditions": ["close > sma_{n}"],
        "exit_conditions": ["close < sma_{n}"],
        "stop_conditions": [],
        "position_sizing_formula": "capital / close",
        "parameters": {"n": 50},
    },
    "symbol": "SPX",
    "start": "2005-01-03",
    "end": "2018-12-31",
    "source": "sample",
    "parameters": {"n": [20, 50, 100, 200]},
}


def _body_schema(examples: dict[str, Any]) -> dict[str, Any]:
    schema = {"anyOf": [_START_SCHEMA, {"$ref": "#/components/schemas/Job"}]}
    content = {"schema": schema, "examples": {name: {"value": examples[name]} for name in examples}}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


_SECONDS = {"description": "Seconds until it is worth a look", "schema": {"type": "integer"}}
_PREFERENCE = {"description": "wait, where it was asked for", "schema": _TEXT}
_LINK = {
    "operationId": "get_operation_operations__operation_id__get",
    "parameters": {"operation_id": "$response.body#/operation_id"},
}
_STARTED: dict[int | str, dict[str, Any]] = {
    200: {
        "model": OperationDocument,
        "description": "It is done, within the time that Prefer: wait gave it",
        "headers": {"Preference-Applied": _PREFERENCE},
    },
    202: {
        "description": "It is queued, or under way",
        "headers": {
            "Location": {"description": "Of the operation", "schema": _TEXT},
            "Retry-After": _SECONDS,
            "Preference-Applied": _PREFERENCE,
        },
        "links": {"operation": _LINK},
    },
}
Prefer = Annotated[
    str | None,
    Header(
        max_length=200,
        description="wait=10: answer when it is done, or after 10 seconds (RFC 7240; 60 at most)",
        examples=["wait=5"],
    ),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        description="The same key with the same body is the same operation, however often it comes",
    ),
]


@router.post(
    "/backtests/start",
    status_code=202,
    response_model=OperationDocument,
    responses={**_STARTED, **answers(403, 408, 409, 413, 415, 422)},
    openapi_extra=_body_schema({"backtest": _EXAMPLE, "job": _JOB_EXAMPLE}),
)
async def start(
    request: Request,
    service: ServiceOf,
    body: BodyOf,
    prefer: Prefer = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Queue a backtest, a sweep, a walk-forward validation or a batch.

    It is read, and refused with everything that is wrong with it, at once; its bars are loaded
    when it is its turn.
    """
    operation = await run_in_threadpool(_submitted, service, body, idempotency_key)
    return await _answer(request, service, operation, prefer)


def _submitted(service: Service, body: bytes, key: str | None) -> Operation:
    values = read_body(body)
    asked = read_asked(values, folders=service.folders, settings=service.settings)
    try:
        operation, is_new = service.store.operations.submit(
            asked.job.to_json(),
            kind=asked.job.kind,
            operation_id=asked.operation_id,
            idempotency_key=key,
            # Blanks and the order of keys make no other request of it, but where they are axes.
            body_hash=digest_of_json([values, asked.job.ordered_axes]),
            limit=service.settings.queue_limit,
        )
    except ConflictError as error:
        reused = error.details.get("reason") == "idempotency_key"
        raise Refused(error, 422 if reused else None) from error
    if is_new:
        service.dispatcher.wake()
    return operation


@router.post(
    "/backtests/resume",
    status_code=202,
    response_model=OperationDocument,
    responses={**_STARTED, **answers(404, 408, 409, 413, 415, 422)},
)
async def resume(
    request: Request, service: ServiceOf, asked: ResumeRequest, prefer: Prefer = None
) -> Response:
    """Go on with an operation that was cancelled, or failed, where it stopped.

    What comes of it has the bits of one that was never stopped.
    """
    operation = await run_in_threadpool(_requeued, service, asked.operation_id)
    return await _answer(request, service, operation, prefer)


def _requeued(service: Service, operation_id: str) -> Operation:
    operation = service.store.operations.requeue(operation_id)
    service.dispatcher.wake()
    return operation


@router.post(
    "/plan",
    response_model=dict[str, Any],
    responses={
        200: {"description": "What `backtest plan` prints"},
        **answers(403, 408, 413, 415, 422, 424),
    },
    openapi_extra=_body_schema({"backtest": _EXAMPLE, "job": _JOB_EXAMPLE}),
)
def plan(service: ServiceOf, body: BodyOf) -> Response:
    """Say what it would rest on, take and add: its bars are loaded, nothing is run or stored."""
    asked = read_asked(read_body(body), folders=service.folders, settings=service.settings)
    if not service.planning.acquire(blocking=False):
        raise QueueFullError("Other plans are being made.", hint="Ask again in a few seconds.")
    try:
        document = plan_job(asked.job, settings=service.settings)
    finally:
        service.planning.release()
    return JSONResponse(document)


async def _answer(
    request: Request, service: Service, operation: Operation, prefer: str | None
) -> Response:
    seconds = _seconds(prefer)
    if seconds is not None:
        with anyio.move_on_after(seconds):
            while not operation.has_ended and not service.stopping.is_set():
                if await request.is_disconnected():
                    break
                await anyio.sleep(LOOK_S)
                table = service.store.operations
                operation = await run_in_threadpool(table.get, operation.operation_id)
    said = await run_in_threadpool(document_of, service, operation)
    headers = {} if seconds is None else {"Preference-Applied": f"wait={seconds}"}
    if seconds is not None and operation.has_ended:
        return _json(said, 200, headers)
    headers |= {
        "Location": f"/operations/{operation.operation_id}",
        "Retry-After": str(_POLL_AFTER_S),
    }
    return _json(said, 202, headers)


def _json(said: OperationDocument, status: int, headers: dict[str, str]) -> Response:
    return Response(said.model_dump_json(), status, headers, media_type="application/json")


def _seconds(prefer: str | None) -> int | None:
    for preference in (prefer or "").split(","):
        # What it does not know, it may leave (RFC 7240, 2).
        if found := _WAIT.fullmatch(preference.partition(";")[0]):
            return min(int(found[1]), LONGEST_WAIT_S)
    return None
