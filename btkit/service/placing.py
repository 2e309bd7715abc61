"""Which worker has room for what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from btkit.service.crew import WorkerInfo
from btkit.storage import Lease, Piece

DEPTH = 2
"""Pieces that a thread of a worker has at a time: one under way, and one so that it never waits."""


class Places:
    """The workers that may be given work, and what they have.

    A job that is not divided, and the finishing of one that is, take a thread of their own: nobody
    knows for how long. What waits behind one is short.

    Parameters
    ----------
    workers
        All; only those that are admitted count.
    leases
        What they have.
    """

    def __init__(self, workers: Sequence[WorkerInfo], leases: Sequence[Lease]) -> None:
        self.workers = [worker for worker in workers if worker.admitted]
        self.leases = list(leases)
        self._all = Counter(lease.worker for lease in leases)
        self._long = Counter(lease.worker for lease in leases if _is_long(lease.piece))

    @property
    def threads(self) -> int:
        """How many pieces are done at a time."""
        return sum(worker.threads for worker in self.workers)

    @property
    def room(self) -> int:
        """How many pieces all workers may have, those they have included."""
        return DEPTH * self.threads

    @property
    def has_room(self) -> bool:
        """Whether any worker takes more."""
        return any(self._all[worker.name] < DEPTH * worker.threads for worker in self.workers)

    def by_load(self) -> list[WorkerInfo]:
        """Return the workers that take more, the least busy first."""
        free = [
            worker for worker in self.workers if self._all[worker.name] < DEPTH * worker.threads
        ]
        return sorted(free, key=lambda worker: self._all[worker.name] / worker.threads)

    def takes(self, worker: WorkerInfo, piece: Piece) -> bool:
        """Tell whether a worker that has room takes such a piece."""
        long = self._long[worker.name]
        if _is_long(piece):
            return long < worker.threads
        # Behind what takes long nothing waits.
        return self._all[worker.name] < DEPTH * worker.threads - (DEPTH - 1) * long

    def note(self, lease: Lease) -> None:
        """Take what was given out just now."""
        self.leases.append(lease)
        self._all[lease.worker] += 1
        self._long[lease.worker] += _is_long(lease.piece)

    def busy(self, operation_id: str) -> int:
        """Return how many threads are at an operation."""
        has = sum(lease.operation_id == operation_id for lease in self.leases)
        return max(1, min(has, self.threads))


def _is_long(piece: Piece) -> bool:
    return piece.group < 0
