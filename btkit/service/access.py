"""Who gets in: the token, the name of the host, and how much anybody may ask at once."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from btkit.errors import AccessError, BtkitError, QueueFullError, UsageError
from btkit.service.doors import is_loopback
from btkit.service.problems import Refused, answer, fault
from btkit.settings import Settings

COOKIE = "btkit_session"
SESSION_S = 12 * 3600
"""Seconds for which a browser that signed in may go on."""
OPEN_PATHS = frozenset({"/", "/health", "/session"})
"""What answers without a token; `/` then answers with the form to sign in, and nothing else."""
LEASED = ("/lease/", "/data/")
"""Paths of workers, whose right is a lease, and whose requests are as large as their results."""

_BODY_S = 30.0
_CLIENTS = 10_000
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


@dataclass(frozen=True)
class AccessRules:
    """Who may ask, and how much.

    Parameters
    ----------
    token
        That every request has to bring; None on loopback, where none is set.
    is_local
        Whether the server is reached from its own machine alone.
    most_bytes
        Of a request's body.
    per_minute
        Requests of one client.
    """

    token: bytes | None
    is_local: bool
    most_bytes: int
    per_minute: int

    @classmethod
    def of(cls, settings: Settings, *, host: str) -> AccessRules:
        """Return the rules of a server.

        Parameters
        ----------
        settings
            BT_API_TOKEN, BT_MAX_REQUEST_BYTES and BT_REQUESTS_PER_MINUTE.
        host
            What it listens on.

        Raises
        ------
        AccessError
            If others could reach it, and there is no token.
        """
        known = settings.api_token
        token = None if known is None else known.get_secret_value().encode()
        local = is_loopback(host)
        if not token and not local:
            raise AccessError(
                f"{host} can be reached from other machines, and BT_API_TOKEN is not set.",
                hint="Set BT_API_TOKEN to a long random text, such as `openssl rand -hex 32` "
                "prints, or serve on 127.0.0.1.",
                details={"host": host},
            )
        return cls(token or None, local, settings.max_request_bytes, settings.requests_per_minute)

    def knows(self, token: str) -> bool:
        """Return whether a token is the server's; how long that takes tells nothing of it.

        Parameters
        ----------
        token
            As it was sent.
        """
        sent = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        return hmac.compare_digest(sent, hashlib.sha256(self.token or b"").digest())

    def new_session(self, now: float) -> str:
        """Return the value of a cookie that stands for the token until it ends.

        Parameters
        ----------
        now
            Seconds since 1970.
        """
        ends = str(int(now) + SESSION_S)
        return f"{ends}.{self._signature(ends)}"

    def knows_session(self, value: str, now: float) -> bool:
        """Return whether a cookie is one that the server gave, and has not ended.

        Parameters
        ----------
        value
            Of the cookie.
        now
            Seconds since 1970.
        """
        ends, _, signature = value.partition(".")
        good = hmac.compare_digest(signature.encode(), self._signature(ends).encode())
        return good and now < int(ends)

    def _signature(self, ends: str) -> str:
        key = self.token or b""
        return hmac.new(key, b"btkit session until " + ends.encode(), hashlib.sha256).hexdigest()


class TokenBuckets:
    """How many requests each client may still make, refilled as time goes by.

    Parameters
    ----------
    per_minute
        Of one client; as many at once as in ten seconds, and ten at least.
    clock
        Seconds.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = per_minute / 60
        self._most = max(self._rate * 10, 10.0)
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_of(self, client: str) -> float:
        """Take one request of a client; return 0, or the seconds until it may make one.

        Parameters
        ----------
        client
            Its address.
        """
        now = self._clock()
        left, at = self._known.pop(client, (self._most, now))
        left = min(self._most, left + (now - at) * self._rate)
        wait = 0.0 if left >= 1 else (1 - left) / self._rate
        self._known[client] = (left if wait else left - 1, now)
        # Whoever was not here longest is forgotten first: memory has a bound.
        if len(self._known) > _CLIENTS:
            self._known.popitem(last=False)
        return wait


class RequestGate:
    """What every request goes through before anything is done about it.

    Parameters
    ----------
    app
        What it leads to.
    rules
        Who gets in.
    """

    def __init__(self, app: ASGIApp, rules: AccessRules) -> None:
        self._app, self._rules = app, rules
        self._buckets = TokenBuckets(rules.per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = False

        async def sending(message: Message) -> None:
            nonlocal began
            if message["type"] == "http.response.start":
                began = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        path = scope["path"]
        try:
            body = await self._admit(scope, receive)
            await self._app(scope, body, sending)
        except (Refused, BtkitError) as refused:
            await answer(refused, instance=path)(scope, receive, sending)
        except Exception as error:
            if began:
                raise
            await fault(error, instance=path)(scope, receive, sending)

    async def _admit(self, scope: Scope, receive: Receive) -> Receive:
        """Return where the body of a request is to be read from, if it is let in."""
        headers, path = Headers(scope=scope), scope["path"]
        self._check_host(headers)
        if path.startswith(LEASED):
            return receive
        client = (scope.get("client") or ("unknown", 0))[0]
        if wait := self._buckets.wait_of(client):
            raise Refused(
                QueueFullError(
                    f"More than {self._rules.per_minute:,} requests a minute came from {client}.",
                    hint="Wait as Retry-After says; BT_REQUESTS_PER_MINUTE of the server is the "
                    "limit.",
                ),
                HTTPStatus.TOO_MANY_REQUESTS,
                {"Retry-After": str(int(wait) + 1)},
            )
        scope.setdefault("state", {})["signed_in"] = signed_in = self._is_known(headers)
        if not signed_in and path not in OPEN_PATHS:
            raise _unknown(headers)
        if scope["method"] in _SAFE:
            return receive
        _check_origin(headers)
        return await self._bounded(headers, receive)

    def _check_host(self, headers: Headers) -> None:
        # A page of a stranger may point a name of its own at this machine (DNS rebinding). With a
        # token it gains nothing by that.
        if self._rules.token is not None or not self._rules.is_local:
            return
        host = urlsplit(f"//{headers.get('host', '')}").hostname
        if not is_loopback(host or ""):
            raise Refused(
                AccessError(
                    "The request is for another host than this server.",
                    hint="Ask for it as 127.0.0.1 or localhost; for other names set BT_API_TOKEN.",
                ),
                HTTPStatus.MISDIRECTED_REQUEST,
            )

    def _is_known(self, headers: Headers) -> bool:
        if self._rules.token is None:
            return True
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._rules.knows(token.strip())
        cookie = _cookie(headers)
        return cookie is not None and self._rules.knows_session(cookie, time.time())

    async def _bounded(self, headers: Headers, receive: Receive) -> Receive:
        most = self._rules.most_bytes
        stated = headers.get("content-length", "0")
        if stated.isdecimal() and int(stated) > most:
            raise _too_long(most)
        body = b""
        with anyio.move_on_after(_BODY_S) as limit:
            # Also of one that states no length, and comes in chunks.
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return _disconnected
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > most:
                    raise _too_long(most)
        if limit.cancelled_caught:
            raise Refused(
                UsageError(
                    f"The body did not come within {_BODY_S:.0f} s.",
                    hint="Send it whole; what is asked for is a few kilobytes.",
                ),
                HTTPStatus.REQUEST_TIMEOUT,
            )
        # Only a page of one's own may send this type: browsers ask the server before.
        if body and not _is_json(headers.get("content-type", "")):
            raise Refused(
                UsageError(
                    "The body is of another type than JSON.",
                    hint="Send JSON, with the header Content-Type: application/json.",
                ),
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            )
        return _replayed(body, receive)


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json"


def _cookie(headers: Headers) -> str | None:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return None if found is None else found.value


def _check_origin(headers: Headers) -> None:
    """Refuse what the page of a stranger has a browser send."""
    origin = headers.get("origin")
    # Of a proxy that speaks TLS for the server, the scheme is another.
    if origin is None or urlsplit(origin).netloc == headers.get("host"):
        return
    raise AccessError(
        "The request comes from the page of another site.",
        hint="Send it from a program, or from this server's own page.",
    )


def _unknown(headers: Mapping[str, str]) -> Refused:
    message = "The request has no token."
    if "authorization" in headers or COOKIE in headers.get("cookie", ""):
        message = "The token is not the server's, or the session has ended."
    return Refused(
        AccessError(
            message,
            hint="Send the header Authorization: Bearer TOKEN, with the server's BT_API_TOKEN; in "
            "a browser sign in at /.",
        ),
        HTTPStatus.UNAUTHORIZED,
        {"WWW-Authenticate": "Bearer"},
    )


def _too_long(most: int) -> Refused:
    return Refused(
        UsageError(
            f"The request is longer than {most:,} bytes.",
            hint="BT_MAX_REQUEST_BYTES of the server is the limit; a spec is a few kilobytes.",
        ),
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        # What is still on its way is not read.
        {"Connection": "close"},
    )


async def _disconnected() -> Message:
    return {"type": "http.disconnect"}


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
