"""Which process a run belongs to, and whether that process is still there."""

from __future__ import annotations

import os
import socket
import sys
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

HEARTBEAT_S = 10.0
"""How often a process at work says that it is alive, in seconds."""

_SILENCE = timedelta(seconds=120)
_ON_LINUX = sys.platform == "linux"
# Fields of /proc/<pid>/stat after the command's name, which may hold anything.
_STATE, _STARTED = 0, 19
_GONE = {"Z", "X", "x"}


class Owner(NamedTuple):
    """A process, told apart from all others.

    Parameters
    ----------
    host
        The machine, and the container on it.
    pid
        The process id there.
    started
        When it was started: ids are used again.
    """

    host: str
    pid: int
    started: str


def this_process() -> Owner:
    """Return who is asking."""
    pid = os.getpid()
    return Owner(_host(), pid, _started(pid) or "")


def is_alive(owner: Owner, heartbeat_at: str) -> bool:
    """Tell whether an owner is still at work.

    Parameters
    ----------
    owner
        As it was stored.
    heartbeat_at
        When it last said so, ISO 8601 UTC.

    Returns
    -------
    bool
        On this machine, whether that process exists; for another machine, whether it was heard
        of within two minutes.
    """
    if owner.host == _host():
        return is_running(owner.pid, owner.started)
    return _moment_of(heartbeat_at) > datetime.now(UTC) - _SILENCE


def is_running(pid: int, started: str) -> bool:
    """Tell whether a process of this machine, told apart by its start, is still there."""
    return _started(pid) == started


def now_text() -> str:
    """Return the present moment as the tables hold it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _moment_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


@lru_cache(maxsize=1)
def _host() -> str:
    name = socket.gethostname()
    if not _ON_LINUX:
        return name
    # Containers may share the host's name, but then they number processes on their own.
    return f"{name} {_link('/proc/self/ns/pid')} {_text('/proc/sys/kernel/random/boot_id')}"


def _started(pid: int) -> str | None:
    """Return when a process started, None if there is none."""
    if not _ON_LINUX:
        return _started_elsewhere(pid)
    stat = _text(f"/proc/{pid:d}/stat")
    fields = stat.rpartition(")")[2].split()
    if len(fields) <= _STARTED or fields[_STATE] in _GONE:
        return None
    return fields[_STARTED]


def _started_elsewhere(pid: int) -> str | None:
    # Slow to import, and Linux, whose kernel tells exactly, does without it.
    import psutil  # noqa: PLC0415

    try:
        return f"{psutil.Process(pid).create_time():.2f}"
    except psutil.NoSuchProcess:
        return None


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _link(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 - the link's text is wanted; it leads to no file
    except OSError:
        return ""
