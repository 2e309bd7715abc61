"""A scheduler and workers of our own on this machine: started, watched, and started again."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import shutil
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from distributed.security import Security

from btkit.errors import StoreError, UsageError
from btkit.owner import is_running, this_process
from btkit.service.doors import Door
from btkit.service.scratch import clear_scratch
from btkit.settings import Settings
from btkit.writing import make_folder, write_whole

_LOG = logging.getLogger("btkit.service")
# A process that begins afresh, with this one's way to find modules and no other.
_CODE = """
import json, sys
given = json.loads(sys.stdin.buffer.readline())
sys.path[:] = given["path"]
from btkit.service.children import main
main(given)
"""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 30.0
# Who has lived for so long is started again at once.
_LIVED_S = 60.0
_START_S = 120.0
_LAST_WORDS_S = 3.0
_FOLDERS = "cluster-"
_NOTE, _OWNER = "door.json", "owner.json"


class OwnCluster:
    """A scheduler on a free port of 127.0.0.1, and ``BT_LOCAL_WORKERS`` worker processes.

    They speak TLS with keys that are made at each start and that only this user may read: other
    users of the machine reach its ports, too.

    Parameters
    ----------
    settings
        How many workers, and where the folder of the service is.
    worker_ttl_s
        As for `configure_dask`.

    Raises
    ------
    StoreError
        If that folder cannot be written.
    """

    def __init__(self, settings: Settings, *, worker_ttl_s: float) -> None:
        self.door: Door | None = None
        self._is_open = asyncio.Event()
        self._count = settings.local_workers
        self._ttl_s = worker_ttl_s
        self._root = settings.service_dir.absolute()
        self._folder = self._root / f"{_FOLDERS}{os.getpid()}-{secrets.token_hex(4)}"
        self._scheduler: Process | None = None
        self._workers: dict[int, Process] = {}
        self._lay_out()
        _sweep(self._root)

    def _lay_out(self) -> None:
        try:
            make_folder(self._folder, private=True)
            owner = json.dumps(this_process()._asdict())
            write_whole(self._folder / _OWNER, owner.encode(), private=True)
        except OSError as error:
            raise StoreError(
                f"The service's folder {self._root} cannot be written: {error.strerror or error}.",
                hint="Let BT_SERVICE_DIR name a folder that this process may write to.",
                details={"variable": "BT_SERVICE_DIR"},
            ) from error

    async def run(self) -> None:
        """Keep all processes running until this task is cancelled, and end them then."""
        self._lay_out()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_scheduler())
                for _ in range(self._count):
                    group.create_task(self._keep_worker())
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)
            # Of workers that had to be killed.
            clear_scratch()

    def end_scheduler(self) -> None:
        """End a scheduler that answers no more; another one is started."""
        if self._scheduler is not None:
            _kill(self._scheduler)

    def end_worker(self, pid: int) -> None:
        """End a worker that the scheduler has lost, if it is ours; another one is started."""
        if pid in self._workers:
            _kill(self._workers[pid])

    async def _keep_scheduler(self) -> None:
        pause = _Pause()
        while True:
            pause.begin()
            keys = self._make_keys()
            async with self._child("scheduler", keys) as process:
                self._scheduler = process
                try:
                    line = await asyncio.wait_for(_line(process), _START_S)
                    self.door = Door(str(line["scheduler"]), keys.cert, keys.key, keys.ca)
                    self._note(self.door)
                    self._is_open.set()
                    code = await process.wait()
                    why = f"ended with {code}"
                except (TimeoutError, EOFError) as error:
                    why = f"did not start: {type(error).__name__}"
                finally:
                    self._is_open.clear()
                    self.door = self._scheduler = None
            _LOG.warning("the scheduler %s; it is started again", why)
            await pause.end()

    async def _keep_worker(self) -> None:
        pause = _Pause()
        while True:
            await self._is_open.wait()
            pause.begin()
            door = self.door
            assert door is not None
            async with self._child("worker", door) as process:
                self._workers[process.pid] = process
                try:
                    with suppress(EOFError):
                        while True:
                            _report(await _line(process))
                    code = await process.wait()
                finally:
                    del self._workers[process.pid]
            _LOG.warning("a worker process ended with %s; another one is started", code)
            await pause.end()

    def _make_keys(self) -> Door:
        made = Security.temporary()
        keys = Door(
            "", *(self._folder / f"{name}-{secrets.token_hex(4)}.pem" for name in ("cert", "key"))
        )
        assert keys.cert is not None
        assert keys.key is not None
        write_whole(keys.cert, made.tls_scheduler_cert.encode(), private=True)
        write_whole(keys.key, made.tls_scheduler_key.encode(), private=True)
        # Signed by itself, it is its own authority.
        return Door("", keys.cert, keys.key, keys.cert)

    def _note(self, door: Door) -> None:
        """Leave word for `backtest worker` of this user."""
        write_whole(self._folder / _NOTE, json.dumps(_plain(door)).encode(), private=True)

    @asynccontextmanager
    async def _child(self, role: str, door: Door) -> AsyncIterator[Process]:
        given = {
            "role": role,
            "door": _plain(door),
            "folder": str(self._folder / "dask"),
            "worker_ttl_s": self._ttl_s,
            "path": sys.path,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-c", _CODE, stdin=PIPE, stdout=PIPE
        )
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps(given).encode() + b"\n")
            yield process
        finally:
            await _end(process)


class _Pause:
    """Between two starts: growing, where a process does not live long."""

    def __init__(self) -> None:
        self._next, self._began = _FIRST_PAUSE_S, 0.0

    def begin(self) -> None:
        self._began = time.monotonic()

    async def end(self) -> None:
        if time.monotonic() - self._began > _LIVED_S:
            self._next = _FIRST_PAUSE_S
        await asyncio.sleep(self._next)
        self._next = min(2 * self._next, _LONGEST_PAUSE_S)


def door_nearby(settings: Settings) -> Door | None:
    """Return the door of a server's own cluster on this machine; None if there is none.

    Parameters
    ----------
    settings
        Whose ``BT_SERVICE_DIR`` the server has, too.
    """
    notes = settings.service_dir.absolute().glob(f"{_FOLDERS}*/{_NOTE}")
    for note in sorted(notes, key=_changed, reverse=True):
        said = _read(note)
        if said is not None and _has_owner(note.parent):
            paths = {name: Path(said[name]) for name in ("cert", "key", "ca")}
            return Door(said["scheduler"], **paths)
    return None


def door_known(settings: Settings, outside: Door | None) -> Door:
    """Return where a worker finds its scheduler.

    Parameters
    ----------
    settings
        With the service's folder.
    outside
        The door that ``BT_DASK_SCHEDULER`` names.

    Raises
    ------
    UsageError
        If there is none.
    """
    found = outside or door_nearby(settings)
    if found is None:
        raise UsageError(
            "There is no scheduler to join: BT_DASK_SCHEDULER is not set, and no server of yours "
            f"runs on this machine with the folder {settings.service_dir.absolute()}.",
            hint="Set BT_DASK_SCHEDULER to the scheduler's address, or start `backtest serve` "
            "first, with the same BT_SERVICE_DIR.",
            details={"service_dir": str(settings.service_dir.absolute())},
        )
    return found


def _changed(note: Path) -> float:
    try:
        return note.stat().st_mtime
    except OSError:  # its server has just ended
        return 0.0


def _read(note: Path) -> dict[str, Any] | None:
    try:
        said: dict[str, Any] = json.loads(note.read_bytes())
    except (OSError, ValueError):  # its server has just ended
        return None
    return said


def _has_owner(folder: Path) -> bool:
    said = _read(folder / _OWNER)
    return said is not None and is_running(said["pid"], said["started"])


def _sweep(root: Path) -> None:
    """Remove what servers left that were killed, and their workers."""
    for owner in root.glob(f"{_FOLDERS}*/{_OWNER}"):
        if not _has_owner(owner.parent):
            shutil.rmtree(owner.parent, ignore_errors=True)
    clear_scratch()


def _plain(door: Door) -> dict[str, str | None]:
    return {name: None if value is None else str(value) for name, value in asdict(door).items()}


async def _line(process: Process) -> dict[str, Any]:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise EOFError
    said: dict[str, Any] = json.loads(line)
    return said


def _report(said: dict[str, Any]) -> None:
    if "error" in said:
        _LOG.warning("a worker ended: %s", said["error"]["message"])
    else:
        _LOG.debug("%s", said["said"])


def _kill(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()


async def _end(process: Process) -> None:
    """End a process, by force where it takes too long."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _LAST_WORDS_S)
        except TimeoutError:
            _kill(process)
            await process.wait()
