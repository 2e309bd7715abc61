"""HTTP to a server that may be slow, endless or no server of ours: bounded in time and size.

urllib3 does the rest. Its limits of time, like those of requests, httpx and boto3, count anew at
each byte: a server that sends one now and then would hold a caller for as long as it likes.
"""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, cast

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import TimeoutError as TimedOutError
from urllib3.response import BaseHTTPResponse, HTTPResponse

LONGEST_ERROR: Final = 1_000_000
"""Bytes of an answer that says what went wrong."""

LONGEST_OBJECT: Final = 2_000_000_000
"""Bytes of an object; a curve of a million bars has some ten million."""

_CHUNK: Final = 1_000_000
_OK: Final = 200


class BoundedPool(urllib3.PoolManager):
    """Connections for the `minio` client on which no request lasts, or answers, without end.

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
        answer = super().urlopen(method, url, redirect=False, preload_content=False, **options)
        return HTTPResponse(
            body=io.BytesIO(self._read(cast("HTTPResponse", answer))),
            headers=answer.headers,
            status=answer.status,
            reason=answer.reason,
            preload_content=not wants_stream,
            request_method=method,
        )

    def _read(self, answer: HTTPResponse) -> bytes:
        longest = LONGEST_OBJECT if answer.status == _OK else LONGEST_ERROR
        connection = cast("_Bounded", answer.connection)
        content = bytearray()
        try:
            with connection.in_time():
                while chunk := answer.read(_CHUNK):
                    content += chunk
                    if len(content) > longest:
                        answer.close()
                        message = f"the answer is longer than {longest:,} bytes"
                        raise OSError(message)
                    connection.allow(self._timeout_s)
        finally:
            connection.stop()
        answer.release_conn()
        return bytes(content)


class _Bounded(HTTPConnection):
    _clock: threading.Timer | None = None
    _known: socket.socket | None = None
    _is_late = False

    def allow(self, seconds: float) -> None:
        self.stop()
        self._clock = threading.Timer(seconds, self._cut)
        self._clock.daemon = True
        self._clock.start()

    def stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()

    @contextmanager
    def in_time(self) -> Iterator[None]:
        message = "timed out: the server answers too slowly"
        try:
            yield
        except Exception as error:
            self.stop()
            if self._is_late:
                raise TimedOutError(message) from error
            raise
        # An answer without a length just ends where it is cut off.
        if self._is_late:
            raise TimedOutError(message)

    def request(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - urllib3's
        self._is_late = False
        # To connect, to send and to wait; urllib3 says the limit of the first.
        self.allow(3 * cast("float", self.timeout))
        super().request(*arguments, **options)

    def connect(self) -> None:
        super().connect()
        # An answer without a length takes it over, and the connection forgets it.
        self._known = self.sock

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3's own does
        with self.in_time():
            return super().getresponse()

    def _cut(self) -> None:
        self._is_late = True
        if self._known is not None:
            with suppress(OSError):  # closed by now
                self._known.shutdown(socket.SHUT_RDWR)


class _BoundedTLS(_Bounded, HTTPSConnection):
    """The same, through urllib3's own TLS, which is a plain connection's subclass."""


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _Bounded


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _BoundedTLS
