"""Bars for workers: loaded here once, packed, and kept under their digest while there is room."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from btkit.data.packed import pack_bars
from btkit.jobs.execution import Execution
from btkit.jobs.job import SpecJob
from btkit.jobs.loading import bars_of, slower_intervals_of
from btkit.jobs.progress import Silent
from btkit.service.blobs import Blobs
from btkit.settings import Settings

MOST_BYTES = 2_000_000_000
"""Packed bars that no piece needs now are kept up to this, in bytes, the latest used of them."""

# Who asks at the same time for the same bars gets the same; who asks later, what there is then.
_SAME_FOR_S = 5.0


@dataclass(frozen=True)
class _Loaded:
    sha256: str
    at: float


class BarStore:
    """Packed bars below BT_SERVICE_DIR.

    Parameters
    ----------
    settings
        Where they come from and go to.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.blobs = Blobs.from_settings(settings)
        self._loaded: dict[str, _Loaded] = {}
        self._loading: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def keep(self, job: SpecJob) -> str:
        """Load the bars of a prepared job, and return the SHA-256 under which they are kept.

        Raises
        ------
        BtkitError
            If they cannot be had, or not be written.
        """
        key = _key(job)
        with self._lock:
            one_at_a_time = self._loading.setdefault(key, threading.Lock())
        with one_at_a_time:
            known = self._loaded.get(key)
            if known is not None and time.monotonic() - known.at < _SAME_FOR_S:
                return known.sha256
            loaded = bars_of(job, Execution(self._settings, Silent()))
            sha256 = self.blobs.keep(pack_bars(loaded))
            with self._lock:
                self._loaded[key] = _Loaded(sha256, time.monotonic())
        with self._lock:
            self._forget_old()
        return sha256

    def tidy(self, needed: Collection[str]) -> None:
        """Remove what has not been used for the longest time, beyond `MOST_BYTES`.

        Parameters
        ----------
        needed
            SHA-256 of bars that stay.
        """
        if not self.blobs.folder.is_dir():
            return
        free = [path for path in self.blobs.folder.iterdir() if path.name not in needed]
        known = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in free)
        total = sum(size for _, size, _ in known)
        for _, size, path in known:
            if total <= MOST_BYTES:
                return
            path.unlink(missing_ok=True)
            total -= size

    def _forget_old(self) -> None:
        now = time.monotonic()
        for key in [key for key, one in self._loaded.items() if now - one.at >= _SAME_FOR_S]:
            del self._loaded[key]
            self._loading.pop(key, None)


def _key(job: SpecJob) -> str:
    fields: dict[str, Any] = job.model_dump(
        mode="json",
        include={"symbol", "start", "end", "interval", "source", "format", "benchmark"},
    )
    spec = job.strategy
    reads = [spec.calendar, spec.needs_iv, spec.needs_vix, *map(str, spec.own_columns)]
    slower = slower_intervals_of(spec, symbol=job.symbol, interval=job.bars_interval)
    others = [
        [symbol, sorted(names), spec.calendars.get(symbol)]
        for symbol, names in spec.others_read.items()
    ]
    lengths = [str(one) for one in slower], str(spec.detail_interval)
    return json.dumps([fields, reads, lengths, others], sort_keys=True)
