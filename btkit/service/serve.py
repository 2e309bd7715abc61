"""The server as a process: it listens, gives work out, and ends in good order."""

from __future__ import annotations

import errno
import logging
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from types import FrameType
from typing import Any

import uvicorn

from btkit.errors import BtkitError, UsageError
from btkit.service.access import AccessRules
from btkit.service.app import make_app
from btkit.service.dask_crew import DaskCrew
from btkit.service.dispatcher import Dispatcher
from btkit.service.doors import is_loopback
from btkit.service.folders import AllowedFolders
from btkit.settings import Settings
from btkit.storage import Store

_LOG = logging.getLogger("btkit.service")
_LAST_ANSWERS_S = 5
_WAITING = 2_048
# What stands for all addresses of a machine is none to go to.
_NEAR = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - what is looked for, not listened on
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


def serve(
    settings: Settings, *, host: str, port: int, ready: Callable[[dict[str, Any]], None]
) -> None:
    """Serve until a signal, or Ctrl-C.

    Parameters
    ----------
    settings
        Everything else: the store, the workers, who gets in.
    host, port
        What to listen on; port 0 takes any that is free.
    ready
        Called once it answers, with what to know of it.

    Raises
    ------
    AccessError
        If others could reach it, and there is no token.
    UsageError
        If it cannot listen there, or a setting makes no sense.
    StoreError
        If the store cannot be used, or another server has it.
    """
    # What makes no sense is said before anything begins.
    AccessRules.of(settings, host=host)
    AllowedFolders.of(settings)
    with ExitStack() as stack:
        listening = stack.enter_context(_listening(host, port))
        _log_to_stderr()
        encryption = _encryption(settings, host)
        url = _url(listening, host, encrypted=encryption is not None)
        known = settings.model_copy(update={"server_url": _for_workers(settings, url)})
        store = Store.from_settings(known)
        # It is asked many times a second, by beats alone.
        stack.enter_context(store.database.kept_open())
        crew = stack.enter_context(closing(DaskCrew(known)))
        dispatcher = Dispatcher(store, crew, known)
        app = make_app(store, dispatcher, known, host=host)
        service = app.state.service
        stack.callback(service.pages.close)
        dispatcher.start()
        stack.callback(dispatcher.stop)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            # Who asks is who is connected: a header may say anything.
            proxy_headers=False,
            timeout_graceful_shutdown=_LAST_ANSWERS_S,
        )
        if encryption is not None:
            config.load()
            config.ssl = encryption
        about = {
            "url": url,
            "workers": settings.local_workers if settings.dask_scheduler is None else None,
            "scheduler": settings.dask_scheduler,
            "database": str(store.path),
            "needs_token": service.rules.token is not None,
            "folders": [str(folder) for folder in service.folders.folders],
        }
        server = _Server(config, lambda: ready(about), service.stopping)
        server.run(sockets=[listening])


def with_workers(settings: Settings, workers: int | None) -> Settings:
    """Return settings with another number of workers that start with the server.

    Parameters
    ----------
    settings
        As they are.
    workers
        None leaves them so.

    Raises
    ------
    UsageError
        If the workers are those of a scheduler elsewhere.
    """
    if workers is None:
        return settings
    if settings.dask_scheduler is not None:
        raise UsageError(
            "--workers says how many workers start with the server, and BT_DASK_SCHEDULER names "
            "those of another scheduler.",
            hint="Leave --workers out, or unset BT_DASK_SCHEDULER.",
            details={"argument": "workers"},
        )
    return settings.model_copy(update={"local_workers": workers})


class _Server(uvicorn.Server):
    """uvicorn's, which says when it answers, and ends its streams when it is to end."""

    def __init__(
        self, config: uvicorn.Config, ready: Callable[[], None], stopping: threading.Event
    ) -> None:
        super().__init__(config)
        self._ready, self._stopping = ready, stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say so."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End: whoever follows an operation is let go."""
        self._stopping.set()
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let signals end the server, and nothing more: its own would raise them once again."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before: dict[int, Any] = {}
        for name in _SIGNALS:
            number = getattr(signal, name, None)
            # nohup means that SIGHUP shall be ignored.
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:
                before[number] = signal.signal(number, self.handle_exit)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.create_server((host, port), family=family, backlog=_WAITING)
    except OSError as error:
        raise _not_listening(error, host, port) from error
    # What it accepts inherits this; asyncio sets it itself only for sockets that say they are TCP.
    # Without, an answer in two writes waits for the 40 ms of a delayed acknowledgement.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _not_listening(error: OSError, host: str, port: int) -> BtkitError:
    details = {"host": host, "port": port}
    if error.errno == errno.EADDRINUSE:
        return UsageError(
            f"Port {port} of {host} is taken.",
            hint=f"Another server may run there: ask it at http://{host}:{port}/health, or take "
            "another port, such as --port 8433, or 0 for any that is free.",
            details={**details, "argument": "port"},
        )
    if error.errno in {errno.EACCES, errno.EPERM}:
        return UsageError(
            f"Port {port} of {host} may not be listened on: {error.strerror}.",
            hint="Take a port above 1023.",
            details={**details, "argument": "port"},
        )
    return UsageError(
        f"{host} is no address of this machine: {error.strerror or error}.",
        hint="Take 127.0.0.1 for this machine alone, 0.0.0.0 for all of its addresses.",
        details={**details, "argument": "host"},
    )


def _url(listening: socket.socket, host: str, *, encrypted: bool) -> str:
    named = f"[{host}]" if ":" in host else host
    return f"{'https' if encrypted else 'http'}://{named}:{listening.getsockname()[1]}"


def _for_workers(settings: Settings, url: str) -> str:
    """Return under which address workers reach the server."""
    # Those of another machine, or with a certificate's name to check, need one that is stated.
    if settings.dask_scheduler is not None or url.startswith("https:"):
        return settings.server_url
    for anywhere, near in _NEAR.items():
        url = url.replace(f"//{anywhere}:", f"//{near}:")
    return url


def _encryption(settings: Settings, host: str) -> ssl.SSLContext | None:
    """Return what the server proves itself with to other machines, where it is asked by https."""
    if is_loopback(host):
        return None
    cert, key = settings.tls_cert, settings.tls_key
    if not settings.server_url.startswith("https:") or cert is None or key is None:
        _LOG.warning(
            "Token and results go over the network as they are. Set BT_SERVER_URL to https://..., "
            "BT_TLS_CERT and BT_TLS_KEY, or let a proxy on this machine speak TLS for 127.0.0.1."
        )
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"The certificate of BT_TLS_CERT and BT_TLS_KEY cannot be used: "
            f"{error.strerror or error}.",
            hint="Name two PEM files that this process may read, and a key that belongs to the "
            "certificate.",
            details={"cert": str(cert), "key": str(key)},
        ) from error
    return context


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    # Who joins and who leaves is said, too.
    for name, level in (("btkit.service", logging.INFO), ("uvicorn.error", logging.WARNING)):
        log = logging.getLogger(name)
        log.addHandler(handler)
        log.setLevel(level)
        log.propagate = False
