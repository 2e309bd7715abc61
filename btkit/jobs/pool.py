"""The processes that the jobs of a batch run in."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.synchronize import Event
from types import FrameType
from typing import Any

from btkit.announcing import tell_of_compiling, unheard
from btkit.settings import Settings

# Between two looks whether the batch is to stop, and for a worker's job whose batch is gone.
_CHECK_S = 0.5
_LAST_WORDS_S = 1.0

Line = dict[str, Any]
"""What is printed of a job that has ended."""


@dataclass(frozen=True)
class Task:
    """One job of a batch, as it travels to a process: as JSON, with its place."""

    batch_id: str
    number: int
    job: str
    settings: Settings


TaskFunction = Callable[[Task], Line]
"""Does a task; a function of a module, which another process can import."""


def done(
    tasks: Sequence[Task],
    work: TaskFunction,
    *,
    workers: int,
    check: Callable[[], None],
    say: Callable[[str], None] | None,
) -> Iterator[Line | Task]:
    """Do tasks, and yield the line of each as it ends.

    Parameters
    ----------
    tasks
        The jobs.
    work
        Does one.
    workers
        How many run at a time. One runs them in this process, in their order.
    check
        Called time and again; what it raises stops the jobs.
    say
        Called, once, as code is being compiled; None for nobody.

    Yields
    ------
    dict or Task
        The line of a job. A job whose process dies is tried once more, alone: it may have been
        another one's fault; then the task itself is given back.
    """
    if workers == 1 or len(tasks) <= 1:
        for task in tasks:
            check()
            yield work(task)
        check()
        return
    lost: list[Task] = []
    yield from _pooled(tasks, work, workers, lost, check, say)
    for task in lost:
        dead: list[Task] = []
        yield from _pooled([task], work, 1, dead, check, say)
        yield from dead


def _pooled(
    tasks: Sequence[Task],
    work: TaskFunction,
    workers: int,
    lost: list[Task],
    check: Callable[[], None],
    say: Callable[[str], None] | None,
) -> Iterator[Line]:
    # Processes that begin afresh: one that is forked would inherit threads and locks half-way.
    context = get_context("spawn")
    count = min(workers, len(tasks))
    given = (say, context.Event())
    with ProcessPoolExecutor(
        count, mp_context=context, initializer=_begin_worker, initargs=given
    ) as pool:
        waiting: dict[Future[Line], Task] = {}
        try:
            for task in tasks:
                waiting[pool.submit(_work, work, task)] = task
        except BrokenProcessPool:
            pass  # those that were handed over say so below
        lost += tasks[len(waiting) :]
        try:
            pending = set(waiting)
            while pending:
                check()
                done, pending = wait(pending, _CHECK_S, FIRST_COMPLETED)
                for future in done:
                    try:
                        yield future.result()
                    except BrokenProcessPool:
                        lost.append(waiting[future])
        except BaseException:
            # The workers may not have heard of it; the jobs that run are to end as interrupted.
            for process in active_children():
                process.terminate()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


class _Worker:
    """A worker's part in an interrupt: its job is stopped, no other begins, and nothing is said."""

    working = False
    stopped = False

    @classmethod
    def stop(cls, number: int, frame: FrameType | None) -> None:  # noqa: ARG003 - as signal calls
        first, cls.stopped = not cls.stopped, True
        if cls.working and first:
            raise KeyboardInterrupt


def _begin_worker(say: Callable[[str], None] | None, said: Event) -> None:
    tell_of_compiling(unheard if say is None else partial(_say_once, say, said))
    threading.Thread(target=_outlive_nobody, name="parent", daemon=True).start()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        # What this process was started to ignore, as by nohup, its workers ignore as well.
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _Worker.stop)


def _say_once(say: Callable[[str], None], said: Event, text: str) -> None:
    # All workers begin to compile at the same time.
    if not said.is_set():
        said.set()
        say(text)


def _outlive_nobody() -> None:
    """End this process soon after the one that started it."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    # The job that runs is to end as interrupted, if it can do so in time.
    os.kill(os.getpid(), signal.SIGTERM)
    ends = time.monotonic() + _LAST_WORDS_S
    while _Worker.working and time.monotonic() < ends:
        time.sleep(_CHECK_S / 10)
    os._exit(1)


def _work(work: TaskFunction, task: Task) -> Line:
    if _Worker.stopped:
        raise KeyboardInterrupt
    _Worker.working = True
    try:
        return work(task)
    finally:
        _Worker.working = False
