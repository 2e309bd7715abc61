"""The server itself: its workers, its health, and who is signed in."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from btkit.errors import AccessError, StoreError
from btkit.service.access import COOKIE, SESSION_S
from btkit.service.documents import HealthDocument, SignIn, WorkerList
from btkit.service.problems import Refused, answers
from btkit.service.shared import ServiceOf

router = APIRouter(tags=["server"])


@router.get("/workers", responses=answers())
def get_workers(service: ServiceOf) -> WorkerList:
    """List the workers: those that may be given work, and those that were refused, and why."""
    found = service.dispatcher.crew.workers()
    return WorkerList(
        count=sum(worker.admitted for worker in found),
        workers=[worker.to_document() for worker in found],
    )


_HEALTH: dict[int | str, dict[str, Any]] = {
    503: {"model": HealthDocument, "description": "The store or the dispatcher is not at work"}
}


@router.get("/health", responses={**answers(), **_HEALTH}, response_model=HealthDocument)
def get_health(service: ServiceOf) -> Response:
    """Say whether the server is at work; without a token, and nothing else."""
    try:
        service.store.operations.list(page_size=1)
        well = service.dispatcher.is_alive()
    except StoreError:
        well = False
    said = HealthDocument(status="ok" if well else "unavailable")
    return JSONResponse(said.model_dump(), 200 if well else 503)


@router.post(
    "/session", status_code=204, response_class=Response, responses=answers(403, 413, 415, 422)
)
def sign_in(service: ServiceOf, request: Request, asked: SignIn) -> Response:
    """Sign a browser in: the token becomes a cookie that no script reads, and no other site."""
    if service.rules.token is None or not service.rules.knows(asked.token):
        raise Refused(
            AccessError(
                "The token is not the server's.",
                hint="It is BT_API_TOKEN in the environment of the server.",
            ),
            401,
            {"WWW-Authenticate": "Bearer"},
        )
    answer = Response(status_code=204)
    answer.set_cookie(
        COOKIE,
        service.rules.new_session(time.time()),
        max_age=SESSION_S,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return answer


@router.delete("/session", status_code=204, response_class=Response, responses=answers(403))
def sign_out() -> Response:
    """Sign a browser out."""
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer
