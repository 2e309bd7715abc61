"""Jobs of a batch: each a command line, run here or in processes of their own."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context
from types import FrameType
from typing import Any

from btkit.cli.next_steps import documents
from btkit.cli.outcome import Outcome, failure
from btkit.errors import WorkerLostError

Task = tuple[int, list[str]]
"""A job's number, and its command line after ``backtest``."""


def answers(tasks: Sequence[Task], workers: int) -> Iterator[dict[str, Any]]:
    """Run jobs, and yield the line of each as it ends.

    Parameters
    ----------
    tasks
        The jobs.
    workers
        How many run at a time. One runs them in this process, in their order.

    Yields
    ------
    dict
        A line of `run_job`. A job whose process dies is tried once more, alone, and only then
        reported: it may have been another one's fault.
    """
    if workers == 1 or len(tasks) == 1:
        _import_lightly()
        for task in tasks:
            yield run_job(*task)
        return
    lost: list[Task] = []
    yield from _pooled(tasks, workers, lost)
    for task in lost:
        dead: list[Task] = []
        yield from _pooled([task], 1, dead)
        if dead:
            error = WorkerLostError(
                "The process of this job ended before the job did.",
                hint="Memory may have run out: try fewer --jobs, or fewer bars.",
            )
            yield _line(*task, failure(error, task[1]), seconds=0.0)


def _pooled(tasks: Sequence[Task], workers: int, lost: list[Task]) -> Iterator[dict[str, Any]]:
    # Processes that begin afresh: one that is forked would inherit threads and locks half-way.
    context = get_context("spawn")
    count = min(workers, len(tasks))
    with ProcessPoolExecutor(count, mp_context=context, initializer=_begin_worker) as pool:
        waiting: dict[Future[dict[str, Any]], Task] = {}
        try:
            for task in tasks:
                waiting[pool.submit(_work, *task)] = task
        except BrokenProcessPool:
            pass  # those that were handed over say so below
        lost += tasks[len(waiting) :]
        try:
            for future in as_completed(waiting):
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


def _begin_worker() -> None:
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        # What this process was started to ignore, as by nohup, its workers ignore as well.
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _Worker.stop)
    _import_lightly()


def _work(number: int, arguments: list[str]) -> dict[str, Any]:
    if _Worker.stopped:
        raise KeyboardInterrupt
    _Worker.working = True
    try:
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
    return _line(number, arguments, outcome, seconds=time.perf_counter() - began)


def _line(number: int, arguments: list[str], outcome: Outcome, *, seconds: float) -> dict[str, Any]:
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
    line |= {"strategy": name, "run_id": known_id, "passed": document["passed"]}
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
    from btkit.runs import read_settings  # noqa: PLC0415 - lazy start-up

    folder = read_settings().report_dir.expanduser().absolute()
    places = {"notebook": "ipynb", "html": "html", "json": "json"}
    paths = {kind: folder / f"{run_id}.{suffix}" for kind, suffix in places.items()}
    return {kind: str(path) for kind, path in paths.items() if path.exists()}
