"""A worker: joins a scheduler, does what it is given, and gives back what it has begun."""

from __future__ import annotations

import asyncio
import queue
import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from distributed import Worker

from btkit.errors import ServerError, UsageError
from btkit.jobs.warming import warm_up
from btkit.service.cluster import door_known
from btkit.service.dask_settings import configure_dask
from btkit.service.doors import Door, is_loopback, outside_door
from btkit.service.handing import LEFT, VERDICTS, pieces
from btkit.service.leaving import leave
from btkit.service.scratch import own_folder
from btkit.service.versions import fingerprint, refusal
from btkit.settings import Settings

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
_JOIN_S = 30.0
_CLOSE_S = 10.0
# What a piece has for its checkpoint, when its worker is to end.
_GIVE_BACK_S = 20.0
_LOOK_S = 0.05
_GOODBYE_S = 5.0


@dataclass(frozen=True)
class Stay:
    """How a worker is to live.

    Parameters
    ----------
    find_door
        Returns where the scheduler is now; asked before each attempt to join.
    folder
        For what Dask may write; nothing is left in it.
    worker_ttl_s
        As for `configure_dask`.
    comes_again
        Whether it joins again when the connection breaks, until it is ended.
    say
        Takes a line about how it goes, for people.
    """

    find_door: Callable[[], Door]
    folder: Path
    worker_ttl_s: float
    comes_again: bool
    say: Callable[[str], None]


class _Visit:
    """One connection to a scheduler, in a thread of its own: a signal must not tear Dask's loop."""

    def __init__(self, stay: Stay, door: Door, name: str) -> None:
        self.name = name
        self.ended = threading.Event()
        self.error: BaseException | None = None
        self._stay, self._door = stay, door
        self._is_to_end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="visit", daemon=True)

    def begin(self) -> None:
        """Join."""
        self._thread.start()

    def end(self) -> None:
        """Leave the scheduler, and wait for it."""
        self._is_to_end.set()
        self.ended.wait(_CLOSE_S)

    def _run(self) -> None:
        try:
            asyncio.run(self._stand_by())
        except BaseException as error:  # noqa: BLE001 - told by the thread that waits
            self.error = error
        finally:
            self.ended.set()

    async def _stand_by(self) -> None:
        worker = Worker(
            self._door.scheduler,
            host="127.0.0.1" if is_loopback(self._door.host) else None,
            nthreads=1,
            name=self.name,
            memory_limit=0,
            security=self._door.security(),
            dashboard=False,
            dashboard_address="127.0.0.1:0",
            death_timeout=_JOIN_S,
        )
        try:
            await worker
            # Dask's status comes with no event, and ours is another thread's.
            while worker.status.name == "running" and not self._is_to_end.is_set():  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_S)
            if self._is_to_end.is_set():
                await _say_goodbye(worker)
        finally:
            # Work goes on in its thread: its lease says whether it is still wanted.
            await worker.close(executor_wait=False, timeout=_CLOSE_S)


async def _say_goodbye(worker: Worker) -> None:
    """Tell the scheduler that this worker was not lost, and wait until it has heard it.

    The reason that Dask sends as it closes is not answered, and on a busy machine the scheduler had
    at times not got it.
    """
    with suppress(OSError, TimeoutError):
        await asyncio.wait_for(
            worker.scheduler.log_event(topic=worker.address, msg={"reason": LEFT}), _GOODBYE_S
        )


def stay_at_work(stay: Stay) -> None:
    """Be a worker until the process is interrupted, or until the scheduler is lost.

    Compiled code is made ready before the scheduler hears of this worker.

    Parameters
    ----------
    stay
        Where and how.

    Raises
    ------
    KeyboardInterrupt
        When it was interrupted, and has given back what it had begun.
    WorkerRefusedError
        If the server does not let it in.
    ServerError
        If the scheduler is lost or cannot be reached, and it is not to come again.
    """
    configure_dask(worker_ttl_s=stay.worker_ttl_s, folder=stay.folder)
    warm_up()
    fingerprint()
    attempt, pause = 0, _FIRST_PAUSE_S
    try:
        while True:
            attempt += 1
            began = time.monotonic()
            try:
                why = _visit(stay, attempt)
            except UsageError as error:
                # A server on this machine that has ended may be started again.
                why = error.message.removesuffix(".")
            if not stay.comes_again:
                raise ServerError(
                    f"The scheduler is lost: {why}.",
                    hint="Start the worker again once the scheduler is there.",
                )
            if time.monotonic() - began > _LONGEST_PAUSE_S:
                pause = _FIRST_PAUSE_S
            stay.say(f"not connected: {why}; trying again in {pause:.1f} s")
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
    except KeyboardInterrupt:
        leave()
        raise


def _visit(stay: Stay, attempt: int) -> str:
    """Join once, and return why it came to an end."""
    door = stay.find_door()
    visit = _Visit(stay, door, f"{_host()}-{secrets.token_hex(4)}-{attempt}")
    try:
        visit.begin()
        while not visit.ended.is_set():
            try:
                verdict = VERDICTS.get(timeout=_LOOK_S)
            except queue.Empty:
                continue
            if verdict["differences"]:
                raise refusal(visit.name, verdict["differences"])
            stay.say(f"worker {visit.name} is admitted, at {door.scheduler}")
    except KeyboardInterrupt:
        _give_back()
        raise
    finally:
        visit.end()
    _finish_piece()
    return _reason(visit.error, door)


def _reason(error: BaseException | None, door: Door) -> str:
    if error is None:
        return f"the connection to {door.scheduler} was closed"
    return f"{door.scheduler} did not take us in: {type(error).__name__}: {error}".rstrip(": ")


def _give_back() -> None:
    leave()
    deadline = time.monotonic() + _GIVE_BACK_S
    while pieces()[0] and time.monotonic() < deadline:
        time.sleep(_LOOK_S)


def _finish_piece() -> None:
    """Wait for a piece that was begun: two at a time would share what is one worker's."""
    while pieces()[0]:
        time.sleep(_LOOK_S)


@lru_cache(maxsize=1)
def _host() -> str:
    return socket.gethostname()


def join(settings: Settings, *, say: Callable[[str], None]) -> dict[str, Any]:
    """Be a worker until this process is interrupted.

    Parameters
    ----------
    settings
        ``BT_DASK_SCHEDULER`` and certificates, or the folder of a server on this machine.
    say
        Takes a line about how it goes, for people.

    Returns
    -------
    dict
        ``passed``, ``pieces`` (how many it did) and ``versions``.

    Raises
    ------
    UsageError
        If there is no scheduler to join, or it would let anybody in.
    WorkerRefusedError
        If the server does not let it in.
    """
    outside = outside_door(settings)
    door_known(settings, outside)
    with own_folder() as folder:
        stay = Stay(
            find_door=lambda: door_known(settings, outside),
            folder=folder,
            worker_ttl_s=2 * settings.lease_seconds,
            comes_again=True,
            say=say,
        )
        with suppress(KeyboardInterrupt):
            stay_at_work(stay)
    return {"passed": True, "pieces": pieces()[1], "versions": fingerprint()}
