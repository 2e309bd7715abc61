"""Errors as problem documents (RFC 9457): a status for each, and nothing of the server's disk."""

from __future__ import annotations

import inspect
import json
import logging
import re
import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from btkit import errors
from btkit.errors import BtkitError, InternalError, Problem, UsageError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5
"""Seconds after which what was too much, or not there for a moment, is worth another try."""

_LATER = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS})
_LOG = logging.getLogger("btkit.service")

STATUSES: Mapping[type[BtkitError], int] = {
    errors.SpecError: 422,
    errors.UsageError: 422,
    errors.DataError: 422,
    errors.BundleError: 422,
    errors.SourceError: 424,
    errors.ServerError: 502,
    errors.PluginError: 500,
    errors.StoreError: 500,
    errors.StoreBusyError: 503,
    errors.StoreFullError: 507,
    errors.RunNotFoundError: 404,
    errors.OperationNotFoundError: 404,
    errors.RenderError: 500,
    errors.InterruptedRunError: 503,
    errors.WorkerLostError: 503,
    errors.OutOfMemoryError: 503,
    errors.WorkerUnavailableError: 503,
    errors.WorkerRefusedError: 403,
    errors.AccessError: 403,
    errors.ConflictError: 409,
    errors.PlanChangedError: 409,
    errors.QueueFullError: 503,
    errors.LeaseLostError: 410,
    errors.InternalError: 500,
}
"""By type; one that is not here has the status of the type it is made of."""


class Refused(Exception):  # noqa: N818 - it is how an error is answered, no error of its own
    """An error that is answered with another status than its type has, or with headers.

    Parameters
    ----------
    error
        What is wrong.
    status
        Of the answer; None takes that of the error's type.
    headers
        Of the answer.
    """

    def __init__(
        self, error: BtkitError, status: int | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(error.message)
        self.error, self.status, self.headers = error, status, dict(headers or {})


class ProblemDocument(BaseModel):
    """What went wrong, in the form of RFC 9457, with what the command line says of an error."""

    type: str = Field(description="One for each error type: urn:btkit:error:NAME")
    title: str = Field(description="What the error type means, the same for all of its kind")
    status: int = Field(ge=400, le=599, description="Of the answer")
    detail: str = Field(description="What was wrong, and where")
    instance: str = Field(description="The path that was asked for")
    error_type: str = Field(description="As the command line has it, such as SpecError")
    hint: str = Field(description="What to do about it")
    retryable: bool = Field(description="Whether the same may succeed later, nothing changed")
    details: dict[str, Any] = Field(
        description="Values for programs: of a refused request problems, each with path, pointer "
        "(RFC 6901), message and hint"
    )


def status_of(error: BtkitError) -> int:
    """Return the HTTP status of an error.

    Parameters
    ----------
    error
        Any of btkit's.

    Examples
    --------
    >>> status_of(UsageError("No.", hint="Yes."))
    422
    """
    return next(
        (STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES),
        int(HTTPStatus.INTERNAL_SERVER_ERROR),
    )


def problem_of(error: BtkitError, *, status: int, instance: str) -> dict[str, Any]:
    """Return the problem document of an error.

    Parameters
    ----------
    error
        What went wrong.
    status
        Of the answer.
    instance
        The path that was asked for.
    """
    said = error_of(error)
    kind = said.pop("type")
    return {
        "type": f"urn:btkit:error:{kind}",
        "title": _meaning(type(error)),
        "status": status,
        "detail": said.pop("message"),
        "instance": instance,
        "error_type": kind,
        **said,
    }


def error_of(error: BtkitError) -> dict[str, Any]:
    """Return what the command line prints under ``error``, without paths of the server.

    Parameters
    ----------
    error
        What went wrong.
    """
    return without_paths(error.to_document()["error"])  # type: ignore[no-any-return]  # a mapping stays one


# What a path ends at, in a sentence or a URL.
_END = r"\s\"'`,;:()<>\[\]{}|"
_PATH = re.compile(rf"(?:file://)?(?<![\w.:/~-])/(?:[^/{_END}]+/)+(?P<last>[^/{_END}]*)")
# What the service itself is asked under, and JSON Pointers, are no places on its disk.
_OURS = (
    "backtests",
    "lease",
    "data",
    "operations",
    "runs",
    "workers",
    "plan",
    "health",
    "session",
    "openapi.json",
)


def without_paths(value: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    """Return plain values in which a path of the disk is the name of its file alone.

    Parameters
    ----------
    value
        What is to be said to somebody who need not know where things lie here.

    Examples
    --------
    >>> without_paths({"message": "/srv/btkit/results.db cannot be read.", "pointer": "/a/0"})
    {'message': 'results.db cannot be read.', 'pointer': '/a/0'}
    """
    if isinstance(value, str):
        return _PATH.sub(_name_alone, value)
    if isinstance(value, Mapping):
        return {
            key: item if key == "pointer" else without_paths(item) for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [without_paths(item) for item in value]
    return value


def _name_alone(found: re.Match[str]) -> str:
    whole = found[0]
    if whole.startswith(tuple(f"/{name}" for name in _OURS)):
        return whole
    return found["last"] or whole.rstrip("/").rpartition("/")[2]


def _meaning(kind: type[BtkitError]) -> str:
    return (inspect.getdoc(kind) or "").partition("\n")[0].removesuffix(".")


def answer(refused: Refused | BtkitError, *, instance: str) -> Response:
    """Return the answer that says what went wrong.

    Parameters
    ----------
    refused
        The error, or how it is to be answered.
    instance
        The path that was asked for.
    """
    known = refused if isinstance(refused, Refused) else Refused(refused)
    status = known.status or status_of(known.error)
    headers = {"Cache-Control": "no-store", **known.headers}
    if status in _LATER:
        headers.setdefault("Retry-After", str(RETRY_AFTER_S))
    document = problem_of(known.error, status=status, instance=instance)
    text = json.dumps(_strict(document), allow_nan=False)
    return Response(text, status, headers, media_type=MEDIA_TYPE)


def _strict(value: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    # An error must not fail on its own details.
    return json.loads(json.dumps(value, default=str), parse_constant=str)


def fault(error: Exception, *, instance: str) -> Response:
    """Return the answer to a fault in btkit; the log has the rest, under the same incident.

    Parameters
    ----------
    error
        That nobody expected.
    instance
        The path that was asked for.
    """
    incident = uuid.uuid4().hex
    _LOG.error("incident %s, asked for %s", incident, instance, exc_info=error)
    known = InternalError(
        "btkit failed in a way it should not.",
        hint="This is a fault in btkit; the server's log has it under this incident.",
        details={"incident": incident},
    )
    return answer(known, instance=instance)


def install(app: FastAPI) -> None:
    """Answer every error with a problem document, those of the framework included.

    Parameters
    ----------
    app
        That has them.
    """
    app.add_exception_handler(BtkitError, _answered)
    app.add_exception_handler(Refused, _answered)
    app.add_exception_handler(HTTPException, _of_the_framework)
    app.add_exception_handler(RequestValidationError, _of_a_request)


async def _answered(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused | BtkitError)
    return answer(error, instance=request.url.path)


async def _of_the_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path, status = request.url.path, error.status_code
    headers = dict(error.headers or {})
    if status == HTTPStatus.BAD_REQUEST:
        # What it says of a body that is no text, or nested beyond measure.
        return answer(
            UsageError(
                "The body of the request is not JSON.",
                hint="Send JSON in UTF-8, nested no deeper than a spec is.",
            ),
            instance=path,
        )
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        # It names the methods of the first function of the path, and there may be several.
        headers["Allow"] = ", ".join(_methods(request.app, path))
    said = UsageError(
        f"{request.method} {path}: {HTTPStatus(status).phrase.lower()}.",
        hint="GET /openapi.json describes every path and what it takes.",
        details={"method": request.method, "path": path},
    )
    return answer(Refused(said, status, headers), instance=path)


def _methods(app: FastAPI, path: str) -> list[str]:
    return sorted(
        method.upper()
        for template, methods in app.openapi()["paths"].items()
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
        for method in methods
    )


async def _of_a_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problems = [
        Problem(
            ".".join(str(step) for step in found["loc"]),
            str(found["msg"]),
            "GET /openapi.json describes what it may be.",
        )
        for found in error.errors()
    ]
    first, more = problems[0], len(problems) - 1
    others = f" (and {more} more problem{'s' if more > 1 else ''})" if more else ""
    said = UsageError(
        f"{first.path}: {first.message}{others}.",
        hint=first.hint,
        details={"problems": [problem.to_document() for problem in problems]},
    )
    return answer(said, instance=request.url.path)


class _Documented(NamedTuple):
    # What a status means here, and an error that is answered with it.

    meaning: str
    kind: type[BtkitError]
    message: str
    hint: str


_DOCUMENTED: Mapping[int, _Documented] = {
    400: _Documented(
        "The request broke off",
        errors.UsageError,
        "The request broke off.",
        "Send it again.",
    ),
    401: _Documented(
        "No token, or another one than the server's",
        errors.AccessError,
        "The request has no token.",
        "Send the header Authorization: Bearer TOKEN.",
    ),
    403: _Documented(
        "Whoever asks may not have this",
        errors.AccessError,
        "spec: 'passwd' is outside the folders allowed.",
        "Name a file of a folder that BT_ALLOWED_DIRS of the server has.",
    ),
    404: _Documented(
        "There is none of this id",
        errors.OperationNotFoundError,
        "There is no operation 'x'.",
        "GET /operations lists those there are.",
    ),
    408: _Documented(
        "The body did not come in time",
        errors.UsageError,
        "The body did not come within 30 s.",
        "Send it whole; what is asked for is a few kilobytes.",
    ),
    409: _Documented(
        "It contradicts how things stand",
        errors.ConflictError,
        "There is an operation x already.",
        "Leave the id out, or take another one.",
    ),
    410: _Documented(
        "The lease was lost: its piece is another worker's, or is wanted no more",
        errors.LeaseLostError,
        "There is no such lease any more. It expired, or its operation ended.",
        "Stop the work; whatever is wanted of it was given to another worker.",
    ),
    413: _Documented(
        "The request is too long",
        errors.UsageError,
        "The request is longer than 1,000,000 bytes.",
        "BT_MAX_REQUEST_BYTES of the server is the limit; a spec is a few kilobytes.",
    ),
    415: _Documented(
        "The body is not JSON",
        errors.UsageError,
        "The body is of another type than JSON.",
        "Send JSON, with the header Content-Type: application/json.",
    ),
    421: _Documented(
        "The name of the host is not this server's",
        errors.AccessError,
        "The request is for another host than this server.",
        "Ask for it as 127.0.0.1 or localhost; for other names set BT_API_TOKEN.",
    ),
    422: _Documented(
        "Something in the request is refused; details.problems has all of it",
        errors.UsageError,
        "end_date is '2018-12-32', which is no date.",
        "Write dates as YYYY-MM-DD, such as 2018-12-31.",
    ),
    429: _Documented(
        "Too many requests at once",
        errors.QueueFullError,
        "More than 6,000 requests a minute came from 127.0.0.1.",
        "Wait as Retry-After says; BT_REQUESTS_PER_MINUTE of the server is the limit.",
    ),
    424: _Documented(
        "The source of the bars is not there, or did not answer",
        errors.SourceError,
        "yahoo needs the package yfinance, which is not installed.",
        "Install it where the server runs, or name another source.",
    ),
    500: _Documented(
        "A fault in btkit, or in what it stored",
        errors.InternalError,
        "btkit failed in a way it should not.",
        "This is a fault in btkit; the server's log has it under this incident.",
    ),
    503: _Documented(
        "The queue is full, or something is busy; ask again",
        errors.QueueFullError,
        "1,000 operations wait or are at work, and the server takes no more for now.",
        "Try again later; BT_QUEUE_LIMIT is the server's limit.",
    ),
    507: _Documented(
        "There is no room on the server's disk; send it again later",
        errors.StoreFullError,
        "What a worker brings cannot be written: No space left on device.",
        "Make space in BT_SERVICE_DIR of the server, and let it be writable.",
    ),
}
ALWAYS: tuple[int, ...] = (401, 421, 429, 500, 503)
"""What any path may answer."""


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of the problems that a path answers with, as FastAPI takes it.

    Parameters
    ----------
    *statuses
        Beside those of `ALWAYS`.
    """
    return {status: _described(status) for status in sorted({*statuses, *ALWAYS})}


def _described(status: int) -> dict[str, Any]:
    known = _DOCUMENTED[status]
    example = problem_of(
        known.kind(known.message, hint=known.hint), status=status, instance="/backtests/start"
    )
    schema = {"$ref": "#/components/schemas/ProblemDocument"}
    content = {MEDIA_TYPE: {"schema": schema, "example": example}}
    described: dict[str, Any] = {"description": known.meaning, "content": content}
    if status in _LATER:
        whole = {"type": "integer", "minimum": 1}
        described["headers"] = {"Retry-After": {"description": "Seconds", "schema": whole}}
    return described
