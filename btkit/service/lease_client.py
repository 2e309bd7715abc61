"""What a worker says to the server, and what it fetches there, under the lease of its piece."""

from __future__ import annotations

import hashlib
import json
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import httpx

from btkit.errors import LeaseLostError, ServerError, StoreError
from btkit.jobs.pieces import Piece
from btkit.service.digests import content_digest, read_digest
from btkit.settings import Settings

T = TypeVar("T")

HAND_IN_S: Final = 600.0
"""How long a worker tries to hand in what it has while the server does not answer, in seconds."""

FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 30.0
"""Between two tries; each pause is longer than the one before."""

PIECE_HEADER: Final = "Btkit-Piece"
"""Of a content to be put together: the piece, as ``group/lo/hi``."""

# Connecting, and each wait for a part of an answer: a server under load may take seconds.
_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
# The next one may come through where this one is not answered, before the lease expires.
_BEAT_TIMEOUT_S = 5.0
_CHUNK = 1_000_000


class LeaseClient:
    """The HTTP of one lease. It may be used from several threads at once.

    Parameters
    ----------
    server
        URL of the REST service.
    token
        Of the lease.
    settings
        BT_TLS_CA has the authority that signed the server's certificate, where it is none that
        everybody knows.
    transport
        What requests go through; None is the network.

    Raises
    ------
    StoreError
        If BT_TLS_CA cannot be read.
    """

    def __init__(
        self,
        server: str,
        token: str,
        *,
        settings: Settings,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(
            base_url=server,
            headers={"Authorization": f"Bearer {token}"},
            timeout=_TIMEOUT,
            verify=_authorities(settings) if server.startswith("https:") else False,
            # A proxy of the environment would be shown the token, and is not asked for workers.
            trust_env=False,
            transport=transport,
        )

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close its connections."""
        self._http.close()

    def beat(self, done: int | None, total: int | None, unit: str | None) -> bool:
        """Say that the worker is at work, and how far it is; return whether it is to stop.

        Parameters
        ----------
        done, total, unit
            None before they are known.

        Raises
        ------
        LeaseLostError, ServerError
            As all methods: the lease is another's, or the server does not answer.
        """
        said = {"done": done, "total": total, "unit": unit}
        with self._request("POST", "/lease/beat", json=said, timeout=_BEAT_TIMEOUT_S) as answer:
            answer.read()
            try:
                return bool(answer.json()["stop"])
            except (ValueError, TypeError, KeyError) as error:
                raise _no_answer("it says neither to stop nor to go on") from error

    def fetch_parcel(self, path: Path) -> bool:
        """Write what an earlier worker had done to a file; return whether there is anything.

        Parameters
        ----------
        path
            The file.
        """
        with self._request("GET", "/lease/parcel") as answer:
            if answer.status_code == HTTPStatus.NO_CONTENT:
                return False
            _save(answer, path)
        return True

    def put_parcel(self, path: Path) -> None:
        """Hand in what is done so far, so that another worker can go on with it.

        Parameters
        ----------
        path
            The file of the parcel.
        """
        self._put("/lease/parcel", path)

    def put_result(self, path: Path) -> None:
        """Hand in what the piece came to. The lease ends.

        Parameters
        ----------
        path
            The file of the content.
        """
        self._put("/lease/result", path)

    def put_failure(self, error: Mapping[str, Any]) -> None:
        """Say why the piece came to nothing. The lease ends.

        Parameters
        ----------
        error
            ``type``, ``message``, ``hint``, ``retryable`` and ``details``, as
            `BtkitError.to_document` has them. An InterruptedRunError gives the piece back: it is
            another worker's, and did not fail.
        """
        # Details are anybody's; what is no JSON is written as a text.
        strict = json.loads(json.dumps(dict(error), default=str), parse_constant=str)
        with self._request("PUT", "/lease/failure", json={"error": strict}) as answer:
            answer.read()

    def fetch_content(self, number: int, path: Path) -> Piece:
        """Write one of the contents that are to be put together to a file; return its piece.

        Parameters
        ----------
        number
            From 0.
        path
            The file.
        """
        with self._request("GET", f"/lease/contents/{number}") as answer:
            _save(answer, path)
            try:
                group, lo, hi = map(int, answer.headers[PIECE_HEADER].split("/"))
            except (KeyError, ValueError) as error:
                raise _no_answer("it does not say of which piece a content is") from error
        return Piece(group, lo, hi)

    def fetch_data(self, sha256: str) -> bytes:
        """Return bars by their digest; that they have it is checked.

        Parameters
        ----------
        sha256
            64 hexadecimal digits.
        """
        with self._request("GET", f"/data/{sha256}") as answer:
            content = answer.read()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise _no_answer("the bars are not those that were asked for")
        return content

    def _put(self, place: str, path: Path) -> None:
        with path.open("rb") as file:
            digest = content_digest(hashlib.file_digest(file, "sha256").digest())
            file.seek(0)
            headers = {"Content-Type": "application/octet-stream", "Content-Digest": digest}
            with self._request("PUT", place, content=file, headers=headers) as answer:
                answer.read()

    @contextmanager
    def _request(
        self,
        method: str,
        place: str,
        **sent: Any,  # noqa: ANN401 - as httpx takes it
    ) -> Iterator[httpx.Response]:
        try:
            with self._http.stream(method, place, **sent) as answer:
                if not answer.is_success:
                    answer.read()
                    raise _refusal(answer, f"{method} {place}")
                yield answer
        except httpx.HTTPError as error:
            raise ServerError(
                f"The server at {self._http.base_url} does not answer {method} {place}: "
                f"{str(error) or type(error).__name__}.",
                hint="Check that `backtest serve` runs there, and can be reached from here.",
            ) from error


def persist(
    call: Callable[[], T],
    *,
    seconds: float = HAND_IN_S,
    wait: Callable[[float], object] = time.sleep,
) -> T:
    """Return what a call returns, trying again while the server is away.

    Parameters
    ----------
    call
        Of a `LeaseClient`.
    seconds
        How long to try.
    wait
        Passes the pause between two tries.

    Raises
    ------
    LeaseLostError
        At once.
    ServerError
        Of the last try; or at once, where the server refuses what another try would not mend.
    """
    ends, pause = time.monotonic() + seconds, FIRST_PAUSE_S
    while True:
        try:
            return call()
        except ServerError as error:
            if not is_temporary(error) or time.monotonic() + pause > ends:
                raise
            say(f"{error.message} Again in {pause:.1f} s.")
        wait(pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)


def is_temporary(error: ServerError) -> bool:
    """Return whether what the server said, or did not, may be otherwise soon.

    Parameters
    ----------
    error
        Of a `LeaseClient`.
    """
    status = error.details.get("status")
    return status is None or status == HTTPStatus.TOO_MANY_REQUESTS or status >= _FAULTS


_FAULTS = HTTPStatus.INTERNAL_SERVER_ERROR


def say(text: str) -> None:
    """Write a line to the worker's log, which is its stderr.

    Parameters
    ----------
    text
        The line.
    """
    if sys.stderr is not None:
        print(text, file=sys.stderr, flush=True)  # noqa: T201 - the log


def _save(answer: httpx.Response, path: Path) -> None:
    stated = read_digest(answer.headers.get("Content-Digest", ""))
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for chunk in answer.iter_bytes(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
    if stated is not None and digest.digest() != stated:
        raise _no_answer("what came is not what was sent")


def _no_answer(why: str) -> ServerError:
    return ServerError(
        f"The server's answer is none of btkit's: {why}.",
        hint="Check what is between worker and server: a proxy, or another btkit.",
    )


def _refusal(answer: httpx.Response, asked: str) -> ServerError | LeaseLostError:
    try:
        said = answer.json()
        detail, hint = str(said["detail"]), str(said["hint"])
    except (ValueError, TypeError, KeyError):
        detail, hint = f"status {answer.status_code}", "Look into the server's log."
    status = answer.status_code
    if status == HTTPStatus.GONE:
        return LeaseLostError(detail, hint=hint)
    return ServerError(
        f"The server refuses {asked}: {detail}", hint=hint, details={"status": status}
    )


def _authorities(settings: Settings) -> ssl.SSLContext:
    known = settings.tls_ca
    try:
        return ssl.create_default_context(cafile=None if known is None else str(known))
    except OSError as error:
        raise StoreError(
            f"BT_TLS_CA, {known}, cannot be read: {error.strerror or error}.",
            hint="Let it name the certificate, PEM, of who signed the server's.",
            details={"variable": "BT_TLS_CA"},
        ) from error
