"""The processes that a server starts on its own machine: a scheduler, and workers.

Each ends soon after the server, however that ends: it reads from a pipe that nobody writes to, and
whose other end closes with the server's process.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from distributed import Scheduler

from btkit.announcing import tell_of_compiling, unheard
from btkit.errors import BtkitError
from btkit.service.dask_settings import configure_dask
from btkit.service.doors import Door
from btkit.service.leaving import leave

_LAST_WORDS_S = 1.0


def main(given: Mapping[str, Any]) -> None:
    """Be one of a server's processes until it ends.

    Parameters
    ----------
    given
        ``role`` (of `ROLES`), ``door`` (the fields of a `Door`), ``folder`` and ``worker_ttl_s``.
    """
    # Ctrl-C at a terminal reaches every process there; the server ends its own.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _keep_line_clean()
    threading.Thread(target=_outlive_nobody, name="server", daemon=True).start()
    tell_of_compiling(unheard)
    door = {
        name: None if value is None or name == "scheduler" else Path(value)
        for name, value in given["door"].items()
    }
    ROLES[given["role"]](
        Door(**{**door, "scheduler": given["door"]["scheduler"]}),
        Path(given["folder"]),
        float(given["worker_ttl_s"]),
    )


def _outlive_nobody() -> None:
    """End this process soon after the server."""
    while sys.stdin.buffer.read(1):
        pass
    # What runs may keep a checkpoint, if somebody else still answers.
    leave()
    time.sleep(_LAST_WORDS_S)
    os._exit(1)


def _keep_line_clean() -> None:
    """Send what libraries print to stderr; the server alone reads stdout, and reads JSON."""
    line = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _LINE.append(os.fdopen(line, "w", encoding="utf-8"))


_LINE: list[IO[str]] = []


def _tell(**said: object) -> None:
    print(json.dumps(said), file=_LINE[-1], flush=True)


def _schedule(door: Door, folder: Path, worker_ttl_s: float) -> None:
    configure_dask(worker_ttl_s=worker_ttl_s, folder=folder)
    asyncio.run(_serve(door))


async def _serve(door: Door) -> None:
    scheduler = Scheduler(
        host="127.0.0.1",
        port=0,
        protocol="tls",
        security=door.security(),
        dashboard=False,
        dashboard_address="127.0.0.1:0",
    )
    await scheduler
    _tell(scheduler=scheduler.address)
    await scheduler.finished()


def _work(door: Door, folder: Path, worker_ttl_s: float) -> None:
    # Brings all that simulates.
    from btkit.service.joining import Stay, stay_at_work  # noqa: PLC0415 - not for a scheduler

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    stay = Stay(
        find_door=lambda: door,
        folder=folder,
        worker_ttl_s=worker_ttl_s,
        comes_again=False,
        say=lambda line: _tell(said=line),
    )
    try:
        stay_at_work(stay)
    except KeyboardInterrupt:
        os._exit(0)
    except BtkitError as error:
        _tell(**error.to_document())
        os._exit(error.exit_code)


ROLES: Mapping[str, Callable[[Door, Path, float], None]] = {
    "scheduler": _schedule,
    "worker": _work,
}
"""What a process may be, by name."""
