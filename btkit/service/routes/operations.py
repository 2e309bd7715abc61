"""Operations: what was asked for, how it stands, what happens to it, and how it is stopped."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from btkit.errors import ConflictError, OperationNotFoundError
from btkit.service.documents import OperationDocument, OperationList, Stands, describe
from btkit.service.problems import RETRY_AFTER_S, answers, without_paths
from btkit.service.shared import Service, ServiceOf
from btkit.storage import Operation
from btkit.storage.operation_rows import ENDED

router = APIRouter(tags=["operations"])

IDENTITY = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
LOOK_S = 0.2
"""Seconds between two looks at how an operation stands."""
_DELETED_WITHIN_S = 10.0
# Of an event, which SQLite keeps in 64 bits; what is none is as good as nothing.
_SEQUENCE = re.compile(r"[0-9]{1,18}")

OperationId = Annotated[
    str, Path(max_length=128, pattern=IDENTITY, description="As start answered it")
]
PageSize = Annotated[int, Query(ge=1, le=200, description="At most so many")]
PAGE_SAID = "What the page before came with; without it the first"


def document_of(
    service: Service, operation: Operation, *, with_result: bool = True
) -> OperationDocument:
    """Return what is said of an operation, and of a complete one what it came to.

    Parameters
    ----------
    service
        Where it is.
    operation
        As it stands.
    with_result
        Whether the document of its outcome is wanted.
    """
    result: dict[str, Any] | None = None
    if with_result and operation.status == "complete" and operation.job_id is not None:
        result = service.store.document(operation.job_id)
    return describe(operation, workers=service.admitted(), result=result)


@router.get("/operations", responses=answers(422))
def list_operations(
    service: ServiceOf,
    status: Annotated[Stands | None, Query(description="Only those that stand so")] = None,
    page_size: PageSize = 50,
    page_token: Annotated[
        str | None, Query(pattern=r"^[0-9]{1,18}$", description=PAGE_SAID)
    ] = None,
) -> OperationList:
    """List what was asked for, the newest first."""
    found, following = service.store.operations.list(
        status, page_size=page_size, page_token=page_token
    )
    return OperationList(
        operations=[document_of(service, each, with_result=False) for each in found],
        next_page_token=following,
    )


@router.get("/operations/{operation_id}", responses=answers(404, 422))
def get_operation(service: ServiceOf, operation_id: OperationId) -> OperationDocument:
    """Say how an operation stands; of a complete one with the document that it came to."""
    return document_of(service, service.store.operations.get(operation_id))


@router.post("/operations/{operation_id}/cancel", status_code=202, responses=answers(404, 422))
def cancel_operation(service: ServiceOf, operation_id: OperationId) -> OperationDocument:
    """Ask an operation to stop; of one that has ended, or is to stop already, nothing changes.

    It is `cancelled` once no worker is at it. `POST /backtests/resume` goes on with it.
    """
    return document_of(service, _stopped(service, operation_id), with_result=False)


def _stopped(service: Service, operation_id: str) -> Operation:
    table = service.store.operations
    operation = table.get(operation_id)
    if operation.has_ended:
        return operation
    try:
        operation = table.request_cancel(operation_id)
    except ConflictError:
        # It ended in between.
        return table.get(operation_id)
    service.dispatcher.wake()
    return operation


@router.delete(
    "/operations/{operation_id}",
    status_code=204,
    response_class=Response,
    responses={
        202: {
            "model": OperationDocument,
            "description": "It is to stop, and has not yet; ask again then",
            "headers": {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}},
        },
        **answers(404, 409, 422),
    },
)
async def delete_operation(service: ServiceOf, operation_id: OperationId) -> Response:
    """Forget an operation, after it was stopped; what it came to stays among the runs."""
    stopped = operation = await run_in_threadpool(_stopped, service, operation_id)
    with anyio.move_on_after(_DELETED_WITHIN_S):
        while not operation.has_ended:
            await anyio.sleep(LOOK_S)
            operation = await run_in_threadpool(service.store.operations.get, operation_id)
            if operation.number != stopped.number:
                # Somebody else was faster, and another one has its id.
                return Response(status_code=204)
    if not operation.has_ended:
        said = document_of(service, operation, with_result=False)
        return Response(
            said.model_dump_json(),
            202,
            {"Retry-After": str(RETRY_AFTER_S)},
            media_type="application/json",
        )
    await run_in_threadpool(service.store.operations.delete, operation_id)
    return Response(status_code=204)


def _known_operation(service: ServiceOf, operation_id: OperationId) -> str:
    # Before the answer begins, so that what is not there is a problem document.
    return service.store.operations.get(operation_id).operation_id


@router.get(
    "/operations/{operation_id}/events",
    response_class=EventSourceResponse,
    responses={
        200: {
            "description": "Events with their numbers as ids. After the last one comes `done`, "
            "with the operation as its data, and the stream ends.",
            "content": {
                "text/event-stream": {
                    "example": 'event: progress\ndata: {"done":500,"total":1000}\nid: 3\n\n'
                }
            },
        },
        **answers(404, 422),
    },
)
async def follow_operation(
    request: Request,
    service: ServiceOf,
    operation_id: Annotated[str, Depends(_known_operation)],
    last_event_id: Annotated[
        str | None, Header(max_length=200, description="Only what came after this event")
    ] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Follow an operation: what has happened to it, then what happens, as server-sent events."""
    table = service.store.operations
    after, may_have_ended = _number_of(last_event_id), True
    while not service.stopping.is_set() and not await request.is_disconnected():
        # In this order: what happened before it ended is there when it has.
        operation = None
        try:
            if may_have_ended:
                operation = await run_in_threadpool(table.get, operation_id)
            found = await run_in_threadpool(table.events, operation_id, after)
        except OperationNotFoundError:
            # It was forgotten meanwhile; who comes again is told so.
            return
        for event in found:
            after = event.seq
            yield ServerSentEvent(
                event=event.kind,
                id=str(event.seq),
                data={"at": event.at, **without_paths(event.data)},
            )
        if operation is not None and operation.has_ended:
            said = await run_in_threadpool(document_of, service, operation)
            yield ServerSentEvent(event="done", data=said.model_dump(mode="json"))
            return
        may_have_ended = any(event.kind in ENDED for event in found)
        if not may_have_ended:
            await anyio.sleep(LOOK_S)


def _number_of(last_event_id: str | None) -> int:
    known = last_event_id or ""
    return int(known) if _SEQUENCE.fullmatch(known) else 0
