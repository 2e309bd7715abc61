"""The list of workers and of what was handed to them: what is known, and nothing that acts."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from btkit.service.crew import HandoverFailure, WorkerInfo

_ASKED = "it has been asked for its versions, and has not answered yet"


@dataclass
class _Member:
    name: str
    address: str
    threads: int
    last_seen: float
    heard_at: float
    host: str = ""
    pid: int | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = _ASKED
    leases: dict[str, None] = field(default_factory=dict)


class Roll:
    """Who is there, and what each has been given; safe to use from any thread.

    Parameters
    ----------
    silence_s
        For how long a worker may say nothing before it gets no more work, in seconds.
    """

    def __init__(self, *, silence_s: float) -> None:
        self._silence_s = silence_s
        self._lock = threading.RLock()
        self._members: dict[str, _Member] = {}
        self._names: set[str] = set()
        self._gone: set[str] = set()
        self._failed: list[HandoverFailure] = []

    def see(
        self,
        found: Mapping[str, Mapping[str, Any]],
        now: float,
        *,
        left: AbstractSet[str] = frozenset(),
    ) -> list[str]:
        """Take note of who the scheduler knows.

        Parameters
        ----------
        found
            Name, ``nthreads`` and ``last_seen`` by address, as a scheduler says it.
        now
            Seconds of a clock that never goes back.
        left
            The addresses of those that are there no more because they were told to end.

        Returns
        -------
        list of str
            The addresses of those that are new, and to be asked who they are.
        """
        with self._lock:
            new = []
            for address in set(self._members) - set(found):
                self._lose(address, "left" if address in left else "was lost")
            for address, said in found.items():
                member = self._members.get(address)
                if member is None:
                    self._members[address] = self._join(address, said, now)
                    new.append(address)
                elif member.last_seen != said["last_seen"]:
                    # The scheduler's clock may be another one: what counts is that it moves.
                    member.last_seen, member.heard_at = said["last_seen"], now
            return new

    def _join(self, address: str, said: Mapping[str, Any], now: float) -> _Member:
        name = given = str(said["name"])
        number = 1
        while name in self._names:
            number += 1
            name = f"{given}#{number}"
        self._names.add(name)
        return _Member(name, address, int(said["nthreads"]), said["last_seen"], now)

    def judge(
        self, address: str, *, reason: str | None, introduction: Mapping[str, Any] | None = None
    ) -> str | None:
        """Let a worker in, or refuse it.

        Parameters
        ----------
        address
            The worker's.
        reason
            Why it is refused; None lets it in.
        introduction
            What it said of itself.

        Returns
        -------
        str or None
            Its name; None if it is gone.
        """
        with self._lock:
            member = self._members.get(address)
            if member is None:
                return None
            if introduction is not None:
                member.host, member.pid = str(introduction["host"]), int(introduction["pid"])
                member.versions = dict(introduction["versions"])
            member.reason = reason
            return member.name

    def hand(self, worker: str, lease_id: str) -> str | None:
        """Take note that a worker is given a piece.

        Returns
        -------
        str or None
            The worker's address; None if it may not work, which is then among the failures.
        """
        with self._lock:
            for member in self._members.values():
                if member.name == worker and member.reason is None:
                    member.leases[lease_id] = None
                    return member.address
            self._fail(lease_id, worker, "was lost or refused before the piece reached it")
            return None

    def end(self, lease_id: str, *, why: str | None = None) -> None:
        """Take note that a piece ended, or is wanted no more.

        Parameters
        ----------
        lease_id
            Of a piece that has ended already, nothing is noted.
        why
            What went wrong, as the end of a sentence about the worker.
        """
        with self._lock:
            for member in self._members.values():
                if lease_id in member.leases:
                    del member.leases[lease_id]
                    if why is not None:
                        self._fail(lease_id, member.name, why)

    def lose_all(self, why: str) -> None:
        """Take note that the scheduler is lost, and with it everybody who was there."""
        with self._lock:
            for address in list(self._members):
                self._lose(address, why)

    def _lose(self, address: str, why: str) -> None:
        member = self._members.pop(address)
        self._gone.add(member.name)
        for lease_id in member.leases:
            self._fail(lease_id, member.name, why)

    def _fail(self, lease_id: str, worker: str, why: str) -> None:
        self._failed.append(HandoverFailure(lease_id, worker, f"The worker {worker} {why}."))

    def infos(self, now: float) -> list[WorkerInfo]:
        """Return everybody by name; who says nothing for too long is not admitted meanwhile."""
        with self._lock:
            return sorted(
                (self._info(member, now - member.heard_at) for member in self._members.values()),
                key=lambda info: info.name,
            )

    def _info(self, member: _Member, silence: float) -> WorkerInfo:
        reason = member.reason
        if reason is None and silence > self._silence_s:
            reason = f"it has not been heard of for {silence:.0f} s"
        return WorkerInfo(
            name=member.name,
            address=member.address,
            threads=member.threads,
            host=member.host,
            pid=member.pid,
            versions=member.versions,
            admitted=reason is None,
            reason=reason,
            leases=tuple(member.leases),
            heard_s=silence,
        )

    def take_gone(self) -> set[str]:
        """Return who was lost, or left, since the last call."""
        with self._lock:
            gone, self._gone = self._gone, set()
            return gone

    def take_failures(self) -> list[HandoverFailure]:
        """Return the pieces that failed since the last call."""
        with self._lock:
            failed, self._failed = self._failed, []
            return failed
