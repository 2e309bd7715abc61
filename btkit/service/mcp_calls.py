"""Work that goes on when the call that asked for it has been answered."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from btkit.errors import BtkitError, InterruptedRunError, QueueFullError
from btkit.jobs import Note, cancel
from btkit.settings import Settings, usable_cores

Work = Callable[["CallProgress"], dict[str, Any]]
"""Does what was asked, and returns the whole document of it."""

_MOST = 1_000
_IN_FLIGHT = 100


class CallProgress:
    """How far a call is, and whether it is still wanted; a `ProgressListener`."""

    def __init__(self) -> None:
        self.job_id: str | None = None
        self.stage_name: str | None = None
        self.counted: dict[str, Any] | None = None
        self.is_unwanted = threading.Event()

    @contextmanager
    def stage(self, name: str) -> Iterator[Note]:
        """Take the name of a stage, and begin none of a call that is not wanted any more."""
        self._check()
        self.stage_name, self.counted = name, None
        yield lambda _text: None

    def count(self, done: int, total: int, unit: str) -> None:
        """Take how far the stage is."""
        self.counted = {"done": done, "total": total, "unit": unit}
        self._check()

    def identify(self, job_id: str) -> None:
        """Take under which id the job is stored."""
        self.job_id = job_id

    def _check(self) -> None:
        if self.is_unwanted.is_set():
            hint = "Ask for it again." if self.job_id is None else "It can be gone on with."
            raise InterruptedRunError("The call was cancelled.", hint=hint)


@dataclass(frozen=True)
class ToolCall:
    """Something that was asked for.

    Parameters
    ----------
    number
        What it is called while nothing is stored of it.
    tool
        Which was called.
    progress
        How far it is.
    future
        Its document, or its error, once it is there.
    """

    number: str
    tool: str
    progress: CallProgress = field(default_factory=CallProgress)
    future: Future[dict[str, Any]] = field(default_factory=Future)

    @property
    def id(self) -> str:
        """What it is asked after by: the id of the stored job, as soon as there is one."""
        return self.progress.job_id or self.number

    @property
    def is_done(self) -> bool:
        """Whether its document is there, or its error."""
        return self.future.done()


class Calls:
    """The calls of one client, the latest 1,000 of them.

    Parameters
    ----------
    settings
        Where jobs are stored.
    threads
        How many are worked on at a time; the others wait.
    """

    def __init__(self, settings: Settings, *, threads: int | None = None) -> None:
        self._settings = settings
        self._pool = ThreadPoolExecutor(threads or usable_cores(), thread_name_prefix="call")
        self._numbers = itertools.count(1)
        self._known: dict[str, ToolCall] = {}
        self._lock = threading.Lock()

    def start(self, tool: str, work: Work) -> ToolCall:
        """Begin with something.

        Parameters
        ----------
        tool
            Which was called.
        work
            Done in a thread of its own.

        Raises
        ------
        QueueFullError
            If too many calls wait already.
        """
        with self._lock:
            waiting = sum(not call.is_done for call in self._known.values())
            if waiting >= _IN_FLIGHT:
                raise QueueFullError(
                    f"{waiting} calls are not done yet, and no more are taken.",
                    hint="Ask for the result of one of them, or cancel some.",
                )
            call = ToolCall(f"call-{next(self._numbers)}", tool)
            self._known[call.number] = call
            for number in [name for name, each in self._known.items() if each.is_done][:-_MOST]:
                del self._known[number]
        self._pool.submit(self._do, call, work)
        return call

    def _do(self, call: ToolCall, work: Work) -> None:
        with self._lock:
            if call.is_done or not call.future.set_running_or_notify_cancel():
                return
        try:
            call.future.set_result(work(call.progress))
        except BaseException as error:  # noqa: BLE001 - whoever asks for it is told
            call.future.set_exception(error)

    def find(self, known_id: str) -> ToolCall | None:
        """Return the call that has an id, its own or that of its job; None if none has."""
        with self._lock:
            calls = list(reversed(self._known.values()))
        return next((call for call in calls if known_id in {call.number, call.id}), None)

    def unfinished(self) -> list[ToolCall]:
        """Return the calls that are not done, in their order."""
        with self._lock:
            return [call for call in self._known.values() if not call.is_done]

    @staticmethod
    def wait(call: ToolCall, seconds: float) -> bool:
        """Wait until a call is done, at most so long, and return whether it is."""
        wait([call.future], timeout=seconds)
        return call.is_done

    def stop(self, call: ToolCall) -> None:
        """Ask a call to stop; a stored job keeps how far it is, and can be gone on with."""
        call.progress.is_unwanted.set()
        with self._lock:
            is_new = not call.is_done and call.future.cancel()
            if is_new:
                # Else whoever waits for it is not told.
                call.future.set_running_or_notify_cancel()
        if is_new or call.progress.job_id is None:
            return
        with suppress(BtkitError):  # it is complete by now
            cancel(call.progress.job_id, settings=self._settings)

    def close(self) -> None:
        """Stop what is at work, and wait until it has kept how far it is."""
        for call in self.unfinished():
            self.stop(call)
        self._pool.shutdown(wait=True, cancel_futures=True)
