"""The workers as the server sees them: who is there, who may work, and who was lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class WorkerInfo:
    """One process that does what the server hands over.

    Parameters
    ----------
    name
        Its name, which no other worker has had since the server began.
    address
        Where its scheduler reaches it.
    threads
        How many pieces it does at a time.
    host, pid
        The machine, and the process there; empty and None until it has said so.
    versions
        What its numbers depend on, as `btkit.service.versions.fingerprint` gives it.
    admitted
        Whether it may be given work now.
    reason
        Why not, in one sentence; None for an admitted one.
    leases
        The pieces that were handed to it, and of which it is not known that they ended.
    heard_s
        How long ago it was last heard of, in seconds.
    """

    name: str
    address: str
    threads: int
    host: str = ""
    pid: int | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    admitted: bool = False
    reason: str | None = None
    leases: tuple[str, ...] = ()
    heard_s: float = 0.0

    def to_document(self) -> dict[str, Any]:
        """Return it as plain JSON values, which name no address and no lease."""
        return {
            "name": self.name,
            "host": self.host,
            "pid": self.pid,
            "threads": self.threads,
            "busy": len(self.leases),
            "admitted": self.admitted,
            "reason": self.reason,
            "heard_s": round(self.heard_s, 3),
            "versions": dict(self.versions),
        }


@dataclass(frozen=True)
class HandoverFailure:
    """A piece that was handed over, and did not come to a regular end on its worker.

    Parameters
    ----------
    lease_id
        The lease it was handed over under.
    worker
        The worker's name.
    message
        What is known of it, in one sentence.
    """

    lease_id: str
    worker: str
    message: str


class Crew(Protocol):
    """All workers. Every method returns at once, and may be called from any thread.

    What a worker made of a piece comes by HTTP under the piece's lease, never from here.
    """

    def workers(self) -> list[WorkerInfo]:
        """Return who is there now, by name: admitted ones and refused ones."""
        ...

    def hand_over(self, worker: str, order: str, lease_id: str) -> None:
        """Give a piece of work to one worker, which is to do it and no other.

        Parameters
        ----------
        worker
            The name of an admitted one. If it is lost or refused by now, `failures` says so.
        order
            A `WorkOrder` as JSON.
        lease_id
            A new one for each time that a piece is handed over.
        """
        ...

    def take_back(self, lease_id: str) -> None:
        """Let a piece not begin that has not begun; what runs is stopped by its lease alone.

        It takes a moment to get there: a piece that begins meanwhile is stopped like one that runs.

        Parameters
        ----------
        lease_id
            One that is not known is of no consequence.
        """
        ...

    def gone(self) -> set[str]:
        """Return the names of the workers that were lost, or left, since the last call."""
        ...

    def failures(self) -> list[HandoverFailure]:
        """Return what did not end as it should since the last call, each piece once.

        Those of lost workers are among them.
        """
        ...

    def close(self) -> None:
        """End what this crew has started. It does nothing a second time."""
        ...
