"""HTTP to a server that may be slow, endless or no server of ours: bounded in time and size."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import BaseHTTPResponse

LONGEST_ERROR: Final = 1_000_000
"""Bytes of an answer that says what went wrong."""

LONGEST_OBJECT: Final = 2_000_000_000
"""Bytes of an object; a curve of a million bars has some ten million."""

_CHUNK: Final = 1_000_000
_OK: Final = 200


class BoundedPool(urllib3.PoolManager):
    """Connections for the `minio` client on which no request lasts, or answers, without end.

    urllib3's own limits are per operation on the socket, so that a server which sends a byte now
    and then holds a caller for as long as it likes.

    Parameters
    ----------
    timeout_s
        What connecting, sending, and waiting for an answer may take each, in seconds; and each
        further megabyte of an answer.
    """

    def __init__(self, *, timeout_s: float) -> None:
        # One request, one try: what fails is queued, and tried again by a later run. urllib3
        # sends under the limit for connecting, so that one must fit a part of a file as well.
        super().__init__(
            timeout=urllib3.Timeout(connect=timeout_s, read=timeout_s),
            retries=urllib3.Retry(total=0),
        )
        self.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
        self._timeout_s = timeout_s

    def urlopen(  # type: ignore[override]  # as urllib3's own does
        self,
        method: str,
        url: str,
        redirect: bool = True,  # noqa: ARG002, FBT001, FBT002 - the client's; credentials stay here
        **options: Any,  # noqa: ANN401 - urllib3's
    ) -> BaseHTTPResponse:
        """Send a request, and return its whole answer.

        Parameters
        ----------
        method, url, redirect, options
            As urllib3 takes them. Redirects are not followed.

        Raises
        ------
        urllib3.exceptions.HTTPError, OSError
            If there is no answer, or it is too slow or too long.
        """
        wants_stream = not options.pop("preload_content", True)
        with _limited(3 * self._timeout_s) as use:
            answer = super().urlopen(method, url, redirect=False, preload_content=False, **options)
            content = self._read(answer, use)
        return urllib3.HTTPResponse(
            body=io.BytesIO(content),
            headers=answer.headers,
            status=answer.status,
            reason=answer.reason,
            preload_content=not wants_stream,
            request_method=method,
        )

    def _read(self, answer: BaseHTTPResponse, use: _Use) -> bytes:
        longest = LONGEST_OBJECT if answer.status == _OK else LONGEST_ERROR
        content = bytearray()
        while chunk := answer.read(_CHUNK):
            content += chunk
            if len(content) > longest:
                use.cut()
                message = f"the answer is longer than {longest:,} bytes"
                raise OSError(message)
            use.extend(self._timeout_s)
        answer.release_conn()
        return bytes(content)


class _Use:
    """The sockets of one request, and the clock that cuts them off."""

    def __init__(self, seconds: float) -> None:
        self.is_late = False
        self._sockets: list[socket.socket] = []
        self._clock = self._start(seconds)

    def note(self, known: socket.socket | None) -> None:
        if known is not None:
            self._sockets.append(known)

    def extend(self, seconds: float) -> None:
        self._clock.cancel()
        self._clock = self._start(seconds)

    def stop(self) -> None:
        self._clock.cancel()

    def cut(self) -> None:
        for known in self._sockets:
            # Closed by now, or the one that TLS took over.
            with suppress(OSError):
                known.shutdown(socket.SHUT_RDWR)

    def _start(self, seconds: float) -> threading.Timer:
        clock = threading.Timer(seconds, self._end)
        clock.daemon = True
        clock.start()
        return clock

    def _end(self) -> None:
        self.is_late = True
        self.cut()


class _Current(threading.local):
    use: _Use | None = None


_current = _Current()


@contextmanager
def _limited(seconds: float) -> Iterator[_Use]:
    use = _Use(seconds)
    _current.use = use
    try:
        yield use
    except Exception as error:
        if use.is_late:
            raise _late() from error
        raise
    finally:
        use.stop()
        _current.use = None
    # An answer without a length just ends where it is cut off.
    if use.is_late:
        raise _late()


def _late() -> TimeoutError:
    return TimeoutError("timed out: the server answers too slowly")


def _note(known: socket.socket | None) -> None:
    if _current.use is not None:
        _current.use.note(known)


class _Noting(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        known = super()._new_conn()
        _note(known)
        return known

    def request(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - urllib3's
        # Kept from an earlier request, or what TLS has put over the first one by now.
        _note(self.sock)
        super().request(*arguments, **options)


class _NotingTLS(_Noting, HTTPSConnection):
    """The same, through urllib3's own TLS, which is a plain connection's subclass."""


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _Noting


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _NotingTLS
