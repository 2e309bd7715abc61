"""What workers ask the server for, and bring it, each under the lease of its piece."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Depends, Request, Response
from fastapi import Path as InPath
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError
from starlette.requests import ClientDisconnect

from btkit.errors import (
    AccessError,
    LeaseLostError,
    RunNotFoundError,
    StoreError,
    StoreFullError,
    UsageError,
)
from btkit.service.blobs import SHA256, Blobs
from btkit.service.digests import content_digest, read_digest
from btkit.service.lease_client import PIECE_HEADER
from btkit.service.problems import Refused, answers
from btkit.service.sending import file_answer, sent_file
from btkit.settings import Settings
from btkit.storage import Lease, OperationTable, Store
from btkit.writing import is_full, make_folder, sweep_once, writing_aside

B = TypeVar("B", bound=BaseModel)

MOST_UPLOAD: Final = 2 * 1024**3
"""Bytes of a result, or of a parcel: a run of a hundred million bars."""

_MOST_BEAT = 2_000
_MOST_FAILURE = 1_000_000
_CHUNK = 1_000_000
_OCTETS = "application/octet-stream"
_LEASE = HTTPBearer(
    auto_error=False,
    scheme_name="lease",
    description="The token of an order: the right to one piece of one operation, while it lasts",
)


def _finite(details: dict[str, JsonValue]) -> dict[str, JsonValue]:
    # Python's JSON has NaN and infinity, and JSON has not; a ValueError is a refusal.
    json.dumps(details, allow_nan=False)
    return details


class Beat(BaseModel):
    """That a worker is at work, and how far it is."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"example": {
        "done": 1200, "total": 5000, "unit": "sets",
    }})  # fmt: skip

    done: int | None = Field(default=None, ge=0, le=2**53, description="Of the stage under way")
    total: int | None = Field(default=None, ge=0, le=2**53, description="Of the stage under way")
    unit: str | None = Field(default=None, max_length=20, description="Such as sets or bars")


class Heard(BaseModel):
    """What the server says to a beat."""

    model_config = ConfigDict(json_schema_extra={"example": {"stop": False}})

    stop: bool = Field(description="Whether the worker is to stop, and to say so by a failure")


class WorkError(BaseModel):
    """What went wrong, as the command line says it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: str = Field(pattern="^[A-Za-z]{1,60}$", description="Such as NoDataError")
    message: str = Field(max_length=10_000)
    hint: str = Field(max_length=10_000)
    retryable: bool = Field(description="Whether another worker may succeed")
    details: Annotated[dict[str, JsonValue], AfterValidator(_finite)] = Field(
        description="Values for programs"
    )


class WorkFailure(BaseModel):
    """Why a piece came to nothing."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"example": {"error": {
        "type": "InterruptedRunError", "message": "This worker ends.",
        "hint": "Resume the operation.", "retryable": True, "details": {},
    }}})  # fmt: skip

    error: WorkError = Field(
        description="Of type InterruptedRunError it gives the piece back, which is no attempt"
    )


def lease_router(store: Store, settings: Settings) -> APIRouter:
    """Return the paths of workers.

    Parameters
    ----------
    store
        Its operations say what a lease is the right to.
    settings
        BT_SERVICE_DIR has the bars, and room for what arrives; BT_LEASE_SECONDS is how long a
        lease lasts from a beat on.
    """
    router = APIRouter(tags=["workers"])
    _Leases(store.operations, settings).add_to(router)
    return router


async def _token(
    known: Annotated[HTTPAuthorizationCredentials | None, Depends(_LEASE)],
) -> str:
    if known is None:
        raise Refused(
            AccessError(
                "The request has no token of a lease.",
                hint="Send the header Authorization: Bearer TOKEN, with the token of the order.",
            ),
            HTTPStatus.UNAUTHORIZED,
            {"WWW-Authenticate": "Bearer"},
        )
    return known.credentials


Token = Annotated[str, Depends(_token)]


class _Leases:
    def __init__(self, operations: OperationTable, settings: Settings) -> None:
        self._operations = operations
        self._seconds = settings.lease_seconds
        self._blobs = Blobs.from_settings(settings)
        self._incoming = settings.service_dir.expanduser().absolute() / "incoming"
        self._private = settings.private

    def add_to(self, router: APIRouter) -> None:
        """Let a router lead here."""
        empty: dict[str, Any] = {"status_code": HTTPStatus.NO_CONTENT, "response_class": Response}
        router.post(
            "/lease/beat",
            summary="Say that a worker is at work; hear whether it is to stop",
            response_model=Heard,
            responses=answers(410, 413, 422),
            openapi_extra=_json_body(Beat),
        )(self.beat)
        router.get(
            "/lease/parcel",
            summary="Fetch how far an earlier worker came with a whole job",
            response_class=Response,
            responses={
                200: file_answer(_OCTETS),
                204: {"description": "Nothing yet"},
                **answers(410),
            },
        )(self.fetch_parcel)
        router.put(
            "/lease/parcel",
            summary="Hand in how far a whole job is",
            responses=answers(400, 410, 413, 422, 507),
            openapi_extra=_file_body(_OCTETS),
            **empty,
        )(self.put_parcel)
        router.put(
            "/lease/result",
            summary="Hand in what a piece came to; the lease ends",
            responses=answers(400, 410, 413, 422, 507),
            openapi_extra=_file_body(_OCTETS),
            **empty,
        )(self.put_result)
        router.put(
            "/lease/failure",
            summary="Say why a piece came to nothing; the lease ends",
            responses=answers(410, 413, 422),
            openapi_extra=_json_body(WorkFailure),
            **empty,
        )(self.put_failure)
        router.get(
            "/lease/contents/{number}",
            summary="Fetch one of the contents that are to be put together",
            response_class=Response,
            responses={200: file_answer(_OCTETS), **answers(404, 410, 422)},
        )(self.fetch_content)
        router.get(
            "/data/{sha256}",
            summary="Fetch the bars of a piece by their SHA-256",
            response_class=Response,
            responses={200: file_answer(_OCTETS), **answers(404, 410, 422)},
        )(self.fetch_data)

    async def beat(self, request: Request, token: Token) -> Heard:
        said = await _read(request, Beat, most=_MOST_BEAT)
        stop = await run_in_threadpool(
            self._operations.beat,
            token,
            done=said.done,
            total=said.total,
            unit=said.unit,
            seconds=self._seconds,
        )
        return Heard(stop=stop)

    def fetch_parcel(self, token: Token) -> Response:
        path = self._operations.files.parcel_of(self._lease(token).operation_id)
        if path is None:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        return sent_file(path, _OCTETS)

    async def put_parcel(self, request: Request, token: Token) -> None:
        await run_in_threadpool(self._lease, token)
        async with self._arrived(request) as path:
            await run_in_threadpool(self._operations.keep_parcel, token, path)

    async def put_result(self, request: Request, token: Token) -> None:
        if await run_in_threadpool(self._was_taken, token):
            return
        async with self._arrived(request) as path:
            await run_in_threadpool(self._operations.accept, token, path)

    async def put_failure(self, request: Request, token: Token) -> None:
        said = await _read(request, WorkFailure, most=_MOST_FAILURE)
        await run_in_threadpool(self._operations.fail, token, said.error.model_dump())

    def fetch_content(
        self, number: Annotated[int, InPath(ge=0, le=2**31)], token: Token
    ) -> Response:
        found = self._operations.content(token, number)
        if found is None:
            raise RunNotFoundError(
                f"There is no content {number}.", hint="They are numbered from 0, without a gap."
            )
        piece, path = found
        return sent_file(path, _OCTETS, {PIECE_HEADER: f"{piece.group}/{piece.lo}/{piece.hi}"})

    def fetch_data(
        self, sha256: Annotated[str, InPath(pattern=f"^{SHA256}$")], token: Token
    ) -> Response:
        # Of all that lies there, a lease shows the bars of its own piece.
        if self._lease(token).bars != sha256 or not self._blobs.has(sha256):
            raise RunNotFoundError(
                f"There are no bars {sha256} for this lease.",
                hint="Ask for those that the order names; where they were lost, resuming the "
                "operation has them loaded again.",
            )
        return sent_file(self._blobs.path_of(sha256), _OCTETS)

    def _lease(self, token: str) -> Lease:
        return self._operations.leased(token)

    def _was_taken(self, token: str) -> bool:
        """Tell whether a result was taken before; who has no lease has nothing read."""
        try:
            self._lease(token)
        except LeaseLostError:
            # That lease is over, so that this takes nothing: it says whether a result was taken.
            return not self._operations.accept(token, b"")
        return False

    @asynccontextmanager
    async def _arrived(self, request: Request) -> AsyncIterator[Path]:
        """Write a request's body to a file that is gone after the block."""
        with self._explained():
            make_folder(self._incoming, private=True)
            sweep_once(self._incoming)
        with self._arriving() as (path, take):
            digest, size = hashlib.sha256(), 0
            _check_length(request, MOST_UPLOAD)
            async for chunk in _chunks(request):
                size += len(chunk)
                if size > MOST_UPLOAD:
                    raise _too_long(MOST_UPLOAD)
                digest.update(chunk)
                await run_in_threadpool(take, chunk)
            if not size:
                raise UsageError("The body is empty.", hint="Send the content as the body.")
            await run_in_threadpool(take, b"")
            stated = read_digest(request.headers.get("Content-Digest", ""))
            if stated is not None and stated != digest.digest():
                raise UsageError(
                    "What came is not what Content-Digest says.",
                    hint="Send it again.",
                    details={"received": content_digest(digest.digest())},
                )
            yield path

    @contextmanager
    def _arriving(self) -> Iterator[tuple[Path, Callable[[bytes], None]]]:
        with self._explained():
            opened = writing_aside(self._incoming / secrets.token_hex(8), private=True)
            with opened as aside:

                def take(chunk: bytes) -> None:
                    with self._explained():
                        aside.file.write(chunk)
                        if not chunk:
                            aside.finish()

                yield aside.partial, take

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            kind = StoreFullError if is_full(error) else StoreError
            raise kind(
                f"What a worker brings cannot be written: {error.strerror or error}.",
                hint="Make space in BT_SERVICE_DIR of the server, and let it be writable.",
            ) from error


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    """Yield a body in parts of about a megabyte: each is a way to the disk in another thread."""
    held: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            held.append(part)
            size += len(part)
            if size >= _CHUNK:
                yield b"".join(held)
                held, size = [], 0
    except ClientDisconnect:
        raise Refused(
            UsageError("The request broke off.", hint="Send it again."), HTTPStatus.BAD_REQUEST
        ) from None
    if size:
        yield b"".join(held)


async def _read(request: Request, kind: type[B], *, most: int) -> B:
    """Return a body of JSON, read up to a number of bytes, and nested no deeper than is sane."""
    _check_length(request, most)
    body = b""
    async for chunk in _chunks(request):
        body += chunk
        if len(body) > most:
            raise _too_long(most)
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise RequestValidationError(
            [{**found, "loc": ("body", *found["loc"])} for found in error.errors(include_url=False)]
        ) from error


def _check_length(request: Request, most: int) -> None:
    stated = request.headers.get("Content-Length", "")
    if stated.isdecimal() and int(stated) > most:
        raise _too_long(most)


def _too_long(most: int) -> Refused:
    return Refused(
        UsageError(f"The body is longer than {most:,} bytes.", hint="Send less at a time."),
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    )


def _json_body(kind: type[BaseModel]) -> dict[str, Any]:
    schema = kind.model_json_schema()
    return _body("application/json", _inlined(schema, schema.get("$defs", {})))


def _inlined(schema: Any, parts: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON of any shape
    """Return a schema without references: those of a body lead nowhere in OpenAPI."""
    if isinstance(schema, list):
        return [_inlined(one, parts) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(parts[schema["$ref"].rpartition("/")[2]], parts) | {
            name: value for name, value in schema.items() if name != "$ref"
        }
    return {name: _inlined(value, parts) for name, value in schema.items() if name != "$defs"}


def _file_body(media_type: str) -> dict[str, Any]:
    return _body(media_type, {"type": "string", "format": "binary"})


def _body(media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}
