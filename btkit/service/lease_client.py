"""What a worker says to the server, and what it fetches there, under the lease of its piece."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx

from btkit.errors import BtkitError, LeaseLostError, ServerError
from btkit.jobs.pieces import Piece
from btkit.service.digests import content_digest
from btkit.service.requesting import Requesting, no_answer, said_of, save

T = TypeVar("T")

HAND_IN_S: Final = 600.0
"""How long a worker tries to hand in what it has while the server does not answer, in seconds."""

FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 30.0
"""Between two tries; each pause is longer than the one before."""

PIECE_HEADER: Final = "Btkit-Piece"
"""Of a content to be put together: the piece, as ``group/lo/hi``."""

# The next one may come through where this one is not answered, before the lease expires.
_BEAT_TIMEOUT_S = 5.0


class LeaseClient(Requesting):
    """The HTTP of one lease. It may be used from several threads at once.

    Parameters
    ----------
    server, settings, transport
        As `Requesting` takes them.
    token
        Of the lease.
    """

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
        with self.request("POST", "/lease/beat", json=said, timeout=_BEAT_TIMEOUT_S) as answer:
            answer.read()
            try:
                return bool(answer.json()["stop"])
            except (ValueError, TypeError, KeyError) as error:
                raise no_answer("it says neither to stop nor to go on") from error

    def fetch_parcel(self, path: Path) -> bool:
        """Write what an earlier worker had done to a file; return whether there is anything.

        Parameters
        ----------
        path
            The file.
        """
        with self.request("GET", "/lease/parcel") as answer:
            if answer.status_code == HTTPStatus.NO_CONTENT:
                return False
            save(answer, path)
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
        with self.request("PUT", "/lease/failure", json={"error": strict}) as answer:
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
        with self.request("GET", f"/lease/contents/{number}") as answer:
            save(answer, path)
            try:
                group, lo, hi = map(int, answer.headers[PIECE_HEADER].split("/"))
            except (KeyError, ValueError) as error:
                raise no_answer("it does not say of which piece a content is") from error
        return Piece(group, lo, hi)

    def fetch_data(self, sha256: str) -> bytes:
        """Return bars by their digest; that they have it is checked.

        Parameters
        ----------
        sha256
            64 hexadecimal digits.
        """
        with self.request("GET", f"/data/{sha256}") as answer:
            content = answer.read()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise no_answer("the bars are not those that were asked for")
        return content

    def _put(self, place: str, path: Path) -> None:
        with path.open("rb") as file:
            digest = content_digest(hashlib.file_digest(file, "sha256").digest())
            file.seek(0)
            headers = {"Content-Type": "application/octet-stream", "Content-Digest": digest}
            with self.request("PUT", place, content=file, headers=headers) as answer:
                answer.read()

    def refusal(self, answer: httpx.Response, asked: str) -> BtkitError:
        """Return the error that an answer is."""
        said = said_of(answer)
        if answer.status_code == HTTPStatus.GONE:
            return LeaseLostError(said["detail"], hint=said["hint"])
        return ServerError(
            f"The server refuses {asked}: {said['detail']}",
            hint=said["hint"],
            details={"status": answer.status_code},
        )


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
