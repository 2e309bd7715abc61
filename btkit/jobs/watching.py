"""A job that is watched over: its heartbeat, its cancellation, and how it ends."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Literal, Self

from btkit.errors import BtkitError, InterruptedRunError, StoreError, name_run
from btkit.jobs.progress import Counting, Identifying, ProgressListener
from btkit.storage import HEARTBEAT_S, Checkpoint, JobProgress, JobTable

LOOK_S = 0.5
"""Seconds between two looks whether somebody wants a job to stop."""
# A look that also stores how far the job is.
_STORE_S = 2.0


class Watch:
    """Watches over one job of this process, from its beginning to its end.

    Use it as a context manager: while it is open, a thread tells other processes that this one
    is alive, and hears whether one of them wants the job to stop. What ends the job before its
    time is stored with it.

    Parameters
    ----------
    jobs
        Where the job was begun or claimed.
    job_id
        The job.
    progress
        Notified how far it is, if it counts.
    what
        What it is called in messages.
    """

    def __init__(
        self, jobs: JobTable, job_id: str, *, progress: ProgressListener, what: str = "Run"
    ) -> None:
        self.job_id = job_id
        self._jobs = jobs
        self._progress = progress
        self._what = what
        self._reached: JobProgress | None = None
        self._looked_at = self._stored_at = time.monotonic()
        self._is_over = threading.Event()
        self._is_cancelled = threading.Event()
        self._heart = threading.Thread(target=self._beat, name=f"heartbeat {job_id}", daemon=True)

    def __enter__(self) -> Self:
        """Start the heartbeat."""
        self._heart.start()
        if isinstance(self._progress, Identifying):
            self._progress.identify(self.job_id)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the heartbeat, and store how the job ended where that was before its time."""
        self._is_over.set()
        self._heart.join()
        if error is not None:
            _say_end(error, self.job_id, self._record(error), what=self._what.lower())

    def _record(self, error: BaseException) -> str:
        return record_end(error, self._jobs, self.job_id, what=self._what.lower())

    def check(self) -> None:
        """Stop here if somebody wants the job to stop; call it between its stages.

        Raises
        ------
        InterruptedRunError
            If so.
        """
        if self._is_cancelled.is_set() or self._jobs.is_cancel_requested(self.job_id):
            raise InterruptedRunError(
                f"{self._what} {self.job_id} was cancelled.",
                hint=f"`backtest resume --run-id {self.job_id}` goes on with it.",
                details={"run_id": self.job_id},
            )

    def count(self, done: int, total: int, unit: str) -> None:
        """Do what `reach` does, and notify the progress."""
        self.reach(done, total, unit)
        count(self._progress, done, total, unit)

    def reach(self, done: int, total: int, unit: str) -> None:
        """Take how far the job is, and stop it here if somebody wants that.

        Parameters
        ----------
        done, total
            Pieces of work.
        unit
            What they are, such as ``"sets"``.

        Raises
        ------
        InterruptedRunError
            If the job is to stop.
        StoreError
            If it was deleted or taken over.
        """
        self._reached = JobProgress(done, total, unit)
        now = time.monotonic()
        if now - self._stored_at >= _STORE_S:
            self._stored_at = self._looked_at = now
            if self._jobs.beat(self.job_id, self._reached):
                self._is_cancelled.set()
        elif now - self._looked_at >= LOOK_S:
            self._looked_at = now
            self.check()
        if self._is_cancelled.is_set():
            self.check()

    def _beat(self) -> None:
        while not self._is_over.wait(HEARTBEAT_S):
            try:
                if self._jobs.beat(self.job_id, self._reached):
                    self._is_cancelled.set()
            except StoreError:
                # A database that is locked for long, or a job that was taken over: whoever next
                # writes about the job learns of it, in the thread that can answer for it.
                continue


def count(progress: ProgressListener, done: int, total: int, unit: str) -> None:
    """Notify a progress how far a stage is, if it counts."""
    if isinstance(progress, Counting):
        progress.count(done, total, unit)


def record_end(
    error: BaseException,
    jobs: JobTable,
    job_id: str,
    *,
    what: str = "run",
    checkpoint: Checkpoint | None = None,
    first_part: int = 0,
) -> str:
    """Store how a job ended before its time.

    Parameters
    ----------
    error
        What ended it.
    jobs, job_id
        The job.
    what
        What it is called.
    checkpoint, first_part
        How far a run came, as `JobTable.end` takes it.

    Returns
    -------
    str
        How it stands: ``"running"`` where that could not be stored.
    """
    stopped = isinstance(error, KeyboardInterrupt | InterruptedRunError)
    status: Literal["cancelled", "failed"] = "cancelled" if stopped else "failed"
    if stopped:
        message = f"InterruptedRunError: The {what} was stopped before it was complete."
    else:
        said = error.message if isinstance(error, BtkitError) else error
        message = f"{type(error).__name__}: {said}"
    try:
        is_ended = jobs.end(
            job_id, status, error_message=message, checkpoint=checkpoint, first_part=first_part
        )
    except StoreError as second:
        # The first error is the cause; that its row could not be closed is a remark on it.
        error.add_note(f"Run {job_id} could not be marked as {status}: {second.message}")
        return "running"
    return status if is_ended else "complete"


def _say_end(error: BaseException, job_id: str, status: str, *, what: str) -> None:
    name_run(error, job_id, status=status)
    if status == "running":
        return
    if not isinstance(error, BtkitError):
        error.add_note(f"The {what} was stored as {status}, under the id {job_id}.")
    if status == "cancelled":
        error.add_note(f"`backtest resume --run-id {job_id}` goes on with it.")
