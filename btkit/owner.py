"""Which process a job belongs to, and whether that process is still there.

psutil says when a process started; only the name of the container is read by hand. A lock of
`filelock` could not say it: another machine does not see it, and whoever only reads would write.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

HEARTBEAT_S = 10.0
"""How often a process at work says that it is alive, in seconds."""

_SILENCE = timedelta(seconds=120)


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

    On this machine, whether that process exists; of another machine, whether it was heard of
    within two minutes.
    """
    if owner.host == _host():
        return is_running(owner.pid, owner.started)
    return datetime.fromisoformat(heartbeat_at) > datetime.now(UTC) - _SILENCE


def is_running(pid: int, started: str) -> bool:
    """Tell whether a process of this machine, told apart by its start, is still there."""
    return _started(pid) == started


def now_text() -> str:
    """Return the present moment as the tables hold it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@lru_cache(maxsize=1)
def _host() -> str:
    name = socket.gethostname()
    # Containers may share the host's name, but then they number processes on their own.
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{name} {Path('/proc/self/ns/pid').readlink()} {boot}"
    return name


def _started(pid: int) -> str | None:
    import psutil  # noqa: PLC0415 - slow to import, and most commands own nothing

    # Before the process is looked at: earlier versions of psutil keep it for what comes then.
    booted = psutil.boot_time()
    try:
        process = psutil.Process(pid)
        if process.status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}:
            return None
        created = process.create_time()
    except psutil.NoSuchProcess:
        return None
    if not psutil.LINUX:
        return f"{created:.2f}"
    # Counted from the boot, as the kernel does: the moment by the clock moves whenever it is set.
    return f"{(created - booted) * os.sysconf('SC_CLK_TCK'):.0f}"
