"""Jobs of a batch: each a command line, run here or in processes of their own."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.synchronize import Event
from types import FrameType
from typing import Any

from btkit.announcing import tell_of_compiling, unheard
from btkit.cli.next_steps import documents
from btkit.cli.outcome import Outcome, failure
from btkit.cli.streams import say
from btkit.errors import WorkerLostError

# Between two looks whether the batch is to stop, and for a worker's job whose batch is gone.
_CHECK_S = 0.5
_LAST_WORDS_S = 1.0

Task = tuple[int, list[str]]
"""A job's number, and its command line after ``backtest``."""


def answers(
    tasks: Sequence[Task],
    workers: int,
    *,
    batch_id: str = "",
    check: Callable[[], None] = lambda: None,
    quiet: bool = False,
) -> Iterator[dict[str, Any]]:
    """Run jobs, and yield the line of each as it ends.

    Parameters
    ----------
    tasks
        The jobs.
    workers
        How many run at a time. One runs them in this process, in their order.
    batch_id
        The batch that they are parts of; empty for none.
    check
        Called time and again; what it raises stops the jobs.
    quiet
        Whether workers say nothing on stderr.

    Yields
    ------
    dict
        A line of `run_job`. A job whose process dies is tried once more, alone, and only then
        reported: it may have been another one's fault.
    """
    if workers == 1 or len(tasks) == 1:
        _import_lightly()
        for task in tasks:
            check()
            with _as_part(batch_id, task[0]):
                line = run_job(*task)
            yield line
        check()
        return
    lost: list[Task] = []
    yield from _pooled(tasks, workers, lost, batch_id, check, quiet=quiet)
    for task in lost:
        dead: list[Task] = []
        yield from _pooled([task], 1, dead, batch_id, check, quiet=quiet)
        if dead:
            error = WorkerLostError(
                "The process of this job ended before the job did.",
                hint="Memory may have run out: try fewer --jobs, or fewer bars.",
            )
            yield line_of(*task, failure(error, task[1]), seconds=0.0)


def _as_part(batch_id: str, number: int) -> AbstractContextManager[None]:
    from btkit.jobs.watching import as_part  # noqa: PLC0415 - only where jobs run
    from btkit.storage import Part  # noqa: PLC0415 - likewise

    return as_part(Part(batch_id, number)) if batch_id else nullcontext()


def _pooled(
    tasks: Sequence[Task],
    workers: int,
    lost: list[Task],
    batch_id: str,
    check: Callable[[], None],
    *,
    quiet: bool,
) -> Iterator[dict[str, Any]]:
    # Processes that begin afresh: one that is forked would inherit threads and locks half-way.
    context = get_context("spawn")
    count = min(workers, len(tasks))
    given = (batch_id, None if quiet else context.Event())
    with ProcessPoolExecutor(
        count, mp_context=context, initializer=_begin_worker, initargs=given
    ) as pool:
        waiting: dict[Future[dict[str, Any]], Task] = {}
        try:
            for task in tasks:
                waiting[pool.submit(_work, *task)] = task
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

    batch_id = ""
    working = False
    stopped = False

    @classmethod
    def stop(cls, number: int, frame: FrameType | None) -> None:  # noqa: ARG003 - as signal calls
        first, cls.stopped = not cls.stopped, True
        if cls.working and first:
            raise KeyboardInterrupt


def _begin_worker(batch_id: str, said: Event | None) -> None:
    _Worker.batch_id = batch_id
    tell_of_compiling(unheard if said is None else partial(_say_once, said))
    threading.Thread(target=_outlive_nobody, name="parent", daemon=True).start()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        # What this process was started to ignore, as by nohup, its workers ignore as well.
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _Worker.stop)
    _import_lightly()


def _say_once(said: Event, text: str) -> None:
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


def _work(number: int, arguments: list[str]) -> dict[str, Any]:
    if _Worker.stopped:
        raise KeyboardInterrupt
    _Worker.working = True
    try:
        with _as_part(_Worker.batch_id, number):
            return run_job(number, arguments)
    finally:
        _Worker.working = False


def _import_lightly() -> None:
    from btkit.cli.start_up import (  # noqa: PLC0415 - only where jobs run
        import_numba_lightly,
        import_papermill_lightly,
    )

    import_numba_lightly()
    import_papermill_lightly()


def run_job(number: int, arguments: list[str]) -> dict[str, Any]:
    """Run one job as its own command line would, and return its line.

    Parameters
    ----------
    number
        Its place in the batch.
    arguments
        After ``backtest``.

    Returns
    -------
    dict
        job, command, strategy, symbol, start, end, exit_code, seconds, passed and next; then error,
        and run_id if there is one; or run_id, metrics, document and files.
    """
    from btkit.cli.app import parse  # noqa: PLC0415 - a worker begins here

    began = time.perf_counter()
    try:
        work = parse(arguments)
        assert not isinstance(work, int), "a job asks for no help"
        outcome = work()
    except Exception as error:  # noqa: BLE001 - one job's failure is its line, and stops no other
        outcome = failure(error, arguments)
    return line_of(number, arguments, outcome, seconds=time.perf_counter() - began)


def line_of(
    number: int, arguments: list[str], outcome: Outcome, *, seconds: float
) -> dict[str, Any]:
    """Return the line of a job.

    Parameters
    ----------
    number
        Its place in the batch.
    arguments
        Its command line after ``backtest``.
    outcome
        What it came to.
    seconds
        How long it took.
    """
    given = dict(part[2:].split("=", 1) for part in arguments[1:] if "=" in part)
    line: dict[str, Any] = {
        "job": number,
        "command": arguments[0],
        "strategy": given["strategy"],
        **{name: given[name] for name in ("symbol", "start", "end")},
        "exit_code": outcome.exit_code,
        "seconds": seconds,
    }
    document = outcome.document
    steps = documents(outcome.next)
    if "error" in document:
        return {**line, **document, "next": steps}
    known_id, name, metrics = _result(document)
    line |= {"strategy": name, "run_id": known_id}
    line |= {name: document[name] for name in ("passed", "verdict")}
    line |= {"metrics": metrics, "document": document, "next": steps}
    files = {} if "--no-report" in arguments else _files(known_id)
    return {**line, "files": files} if files else line


def _result(document: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """Return id, strategy and metrics: those out of sample, or of the best set, if it has such."""
    if "walk_forward_id" in document:
        return document["walk_forward_id"], document["strategy_name"], document["stitched"]
    if "sweep_id" in document:
        return document["sweep_id"], document["strategy_name"], document["best"]["metrics"]
    run = document["run"]
    return run["run_id"], run["strategy_name"], document["metrics"]


def _files(run_id: str) -> dict[str, str]:
    from btkit.jobs import read_settings  # noqa: PLC0415 - lazy start-up

    folder = read_settings().report_dir.expanduser().absolute()
    places = {"notebook": "ipynb", "html": "html", "json": "json", "csv": "trades.csv"}
    paths = {kind: folder / f"{run_id}.{suffix}" for kind, suffix in places.items()}
    return {kind: str(path) for kind, path in paths.items() if path.exists()}
