"""What goes on beside a piece of work: the server hears how far it is, and says when to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

from btkit.errors import BtkitError, InterruptedRunError, LeaseLostError, ServerError
from btkit.jobs.progress import Note
from btkit.service.lease_client import LeaseClient, say
from btkit.service.leaving import is_leaving

BEAT_S: Final = 0.2
"""Seconds between two beats: as soon as that a worker hears that it is to stop."""

# Of a server that is away, asked again and again by every thread of every worker.
_LONGEST_PAUSE_S = 2.0
# Of the time, no more than this part goes into sending how far a job is.
_SENDING_SHARE = 0.1


class Beats:
    """Beats under a lease, in threads of their own, as long as the block goes on.

    It is the progress of what is done in the block: it hears how far that is, and raises there
    when the work is to stop, which is how every kind of job is stopped between two steps.

    Parameters
    ----------
    client
        Of the lease.
    save
        Hands in how far a whole job is, if that has changed; None for what is not gone on with.
    every_s
        How often that is, in seconds; less often where it takes long.
    is_leaving
        Whether this process is to end, asked as often as the lease beats.
    """

    def __init__(
        self,
        client: LeaseClient,
        *,
        save: Callable[[], object] | None = None,
        every_s: float = 10.0,
        is_leaving: Callable[[], bool] = is_leaving,
    ) -> None:
        self._client = client
        self._save = save
        self._every_s = every_s
        self._is_leaving = is_leaving
        self._reached: tuple[int | None, int | None, str | None] = None, None, None
        self._is_over = threading.Event()
        self._why: BtkitError | None = None
        jobs = [self._beat] if save is None else [self._beat, self._saving]
        self._threads = [threading.Thread(target=job, name="lease", daemon=True) for job in jobs]

    def __enter__(self) -> Self:
        """Begin to beat."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop beating."""
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    @contextmanager
    def stage(self, name: str) -> Iterator[Note]:  # noqa: ARG002 - the protocol's parameter
        """Stop here if the work is to stop."""
        self.check()
        yield lambda _text: None

    def count(self, done: int, total: int, unit: str) -> None:
        """Take how far a stage is, and stop here if the work is to stop.

        Parameters
        ----------
        done, total, unit
            As `Counting` has them.

        Raises
        ------
        InterruptedRunError, LeaseLostError
            As `check`.
        """
        self._reached = done, total, unit
        self.check()

    def check(self) -> None:
        """Stop here if the work is to stop.

        Raises
        ------
        InterruptedRunError
            If the server wants that, or this worker is to end.
        LeaseLostError
            If the lease is gone: then nothing of it is wanted any more.
        """
        # Each raises its own: what it ends adds notes to it.
        why = self._why
        if why is not None:
            raise type(why)(why.message, hint=why.hint)

    def wait(self, seconds: float) -> None:
        """Pass some time, in which the lease may be lost.

        Parameters
        ----------
        seconds
            How long.

        Raises
        ------
        LeaseLostError
            If it is.
        """
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            if isinstance(self._why, LeaseLostError):
                self.check()
            time.sleep(min(left, BEAT_S))

    def _beat(self) -> None:
        pause = BEAT_S
        while True:
            try:
                stops = self._client.beat(*self._reached)
            except LeaseLostError as error:
                self._why = error
                return
            except ServerError as error:
                # The work goes on: the server may be back before the lease expires.
                if pause == BEAT_S:
                    say(error.message)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
            else:
                pause = BEAT_S
                if stops:
                    self._stop("The server wants it to stop.")
            if self._is_leaving():
                self._stop("This worker ends.")
            if self._is_over.wait(pause):
                return

    def _stop(self, why: str) -> None:
        if self._why is None:
            self._why = InterruptedRunError(
                f"The work was stopped before it was complete. {why}",
                hint="Resume the operation; it goes on from here.",
            )

    def _saving(self) -> None:
        assert self._save is not None
        pause = self._every_s
        while not self._is_over.wait(pause):
            began = time.monotonic()
            try:
                self._save()
            except LeaseLostError as error:
                self._why = error
                return
            except BtkitError as error:
                # What is not kept now is kept the next time; only a loss would cost it.
                say(f"How far the work is could not be handed in: {error.message}")
            took = time.monotonic() - began
            pause = max(self._every_s, took / _SENDING_SHARE)
