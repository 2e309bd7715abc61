"""How Dask is set up here: by us alone, in every process, whatever a machine's own files say."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import dask
from distributed.versions import VersionMismatchWarning

_SLOWEST_POLL = "10s"
# Their lines say what goes on inside of Dask; what becomes of workers, we say.
_SPEAKERS = ("distributed", "tornado", "asyncio")


def configure_dask(*, worker_ttl_s: float, folder: Path | None = None) -> None:
    """Set all of Dask that matters in this process: scheduler, worker or client.

    Parameters
    ----------
    worker_ttl_s
        After how many seconds a scheduler gives a worker up that says nothing.
    folder
        For what a scheduler or a worker writes, and may leave when it is killed; None for a client,
        which writes nothing.
    """
    given: dict[str, Any] = {
        "scheduler.allowed-failures": 0,
        "scheduler.work-stealing": False,
        "scheduler.worker-saturation": 1.0,
        "scheduler.worker-ttl": f"{worker_ttl_s}s",
        "scheduler.http.routes": [],
        "scheduler.active-memory-manager.start": False,
        "scheduler.preload": [],
        "scheduler.events-cleanup-delay": "1m",
        "scheduler.idle-timeout": None,
        "scheduler.no-workers-timeout": None,
        "worker.http.routes": [],
        "worker.preload": [],
        "worker.use-file-locking": False,
        "worker.lifetime.duration": None,
        "worker.profile.enabled": False,
        "worker.profile.interval": _SLOWEST_POLL,
        "worker.profile.cycle": _SLOWEST_POLL,
        "worker.memory.target": False,
        "worker.memory.spill": False,
        "worker.memory.pause": False,
        "worker.memory.terminate": False,
        "nanny.preload": [],
        "diagnostics.nvml": False,
        "comm.retry.count": 0,
        "comm.timeouts.connect": "10s",
        "comm.timeouts.tcp": "30s",
        "admin.system-monitor.gil.enabled": False,
        "admin.system-monitor.disk": False,
        # Else each process wakes fifty times a second, which takes a hundredth of a core.
        "admin.tick.interval": _SLOWEST_POLL,
        "admin.tick.limit": "1h",
    }
    dask.config.set({f"distributed.{name}": value for name, value in given.items()})
    if folder is not None:
        dask.config.set({"temporary-directory": str(folder)})
    for name in [*_SPEAKERS, *logging.root.manager.loggerDict]:
        if name.partition(".")[0] in _SPEAKERS:
            logging.getLogger(name).setLevel(logging.CRITICAL)
    # We compare versions ourselves, and refuse.
    warnings.filterwarnings("ignore", category=VersionMismatchWarning)
