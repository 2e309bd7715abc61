"""Asking a server by HTTP: one connection, and what its refusals and its silence are called."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from btkit.errors import BtkitError, ServerError, StoreError
from btkit.service.digests import read_digest
from btkit.settings import Settings

# Connecting, and each wait for a part of an answer: a server under load may take seconds.
_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
_CHUNK = 1_000_000


class Requesting:
    """Asks one server. It may be used from several threads at once.

    Parameters
    ----------
    server
        URL of the REST service.
    token
        That it is asked with; None for none.
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
        token: str | None,
        *,
        settings: Settings,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(
            base_url=server,
            headers={} if token is None else {"Authorization": f"Bearer {token}"},
            timeout=_TIMEOUT,
            verify=_authorities(settings) if server.startswith("https:") else False,
            # A proxy of the environment would be shown the token.
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

    @contextmanager
    def request(
        self,
        method: str,
        place: str,
        **sent: Any,  # noqa: ANN401 - as httpx takes it
    ) -> Iterator[httpx.Response]:
        """Ask, and give the answer, whose body is yet to be read.

        Parameters
        ----------
        method, place
            Such as ``GET`` and ``/runs``.
        **sent
            As `httpx.Client.stream` takes it.

        Raises
        ------
        ServerError
            If the server does not answer.
        BtkitError
            What `refusal` makes of an answer that is none.
        """
        try:
            with self._http.stream(method, place, **sent) as answer:
                if not answer.is_success:
                    answer.read()
                    raise self.refusal(answer, f"{method} {place}")
                yield answer
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ServerError(
                f"The server at {self._http.base_url} does not answer {method} {place}: "
                f"{str(error) or type(error).__name__}.",
                hint="Check that `backtest serve` runs there, and can be reached from here.",
            ) from error

    def refusal(self, answer: httpx.Response, asked: str) -> BtkitError:
        """Return the error that an answer is.

        Parameters
        ----------
        answer
            Not a success, its body read.
        asked
            What was asked, in words.
        """
        raise NotImplementedError


def said_of(answer: httpx.Response) -> dict[str, Any]:
    """Return the members of a problem document; ``detail`` and ``hint`` whatever it is.

    Parameters
    ----------
    answer
        Not a success, its body read.
    """
    try:
        said = answer.json()
        return {**said, "detail": str(said["detail"]), "hint": str(said["hint"])}
    except (ValueError, TypeError, KeyError):
        return {"detail": f"status {answer.status_code}", "hint": "Look into the server's log."}


def save(answer: httpx.Response, path: Path) -> None:
    """Write the body of an answer to a file, and check that it is what was sent.

    Parameters
    ----------
    answer
        Not yet read.
    path
        The file.

    Raises
    ------
    ServerError
        If it is not.
    """
    stated = read_digest(answer.headers.get("Content-Digest", ""))
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for chunk in answer.iter_bytes(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
    if stated is not None and digest.digest() != stated:
        raise no_answer("what came is not what was sent")


def no_answer(why: str) -> ServerError:
    """Return the error of an answer that no server of btkit gives.

    Parameters
    ----------
    why
        What is wrong with it.
    """
    return ServerError(
        f"The server's answer is none of btkit's: {why}.",
        hint="Check what is between it and here: a proxy, or another btkit.",
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
