"""A batch at work: its jobs, the line of each, their sum."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from btkit.errors import BtkitError, InterruptedRunError, WorkerLostError
from btkit.jobs.execution import Execution
from btkit.jobs.job import BatchJob, SpecJob
from btkit.jobs.pool import Line, Task, done
from btkit.jobs.watching import Watch
from btkit.storage import SHARED_KINDS, JobRow, Store, new_job_id

PASSED, SOFT_FAILURE, FAILED = 0, 1, 2


@dataclass(frozen=True)
class BatchResult:
    """The outcome of a batch.

    Parameters
    ----------
    batch_id
        Its id.
    document
        The sum, as it is stored but for the lines.
    exit_code
        The worst of all jobs: 0 passed, 1 soft failure, 2 error.
    lines
        Of the jobs, in their order.
    """

    batch_id: str
    document: dict[str, Any]
    exit_code: int
    lines: list[Line]


def execute_batch(job: BatchJob, given: Execution) -> BatchResult:
    """Run the jobs of a batch, each in a process, and store what they come to.

    Of a batch that goes on only the jobs that it lacks are run; those that did not come to an end
    are run anew.

    Raises
    ------
    InterruptedRunError
        If it was stopped; it can be resumed then.
    StoreError
        If the database cannot be written.
    """
    if given.claimed is not None:
        batch = _Batch(given.claimed.job_id, job, given)
        return batch.run(batch.take_stock())
    return _Batch(begin_batch(job, given), job, given).run([])


def begin_batch(job: BatchJob, given: Execution) -> str:
    """Store the row of a batch that is about to start, and return its id."""
    batch_id = new_job_id()
    symbols = {one.symbol for one in job.jobs}
    row = JobRow(
        batch_id,
        job.kind,
        job.to_json(),
        given.part,
        strategy_name=job.name,
        symbol=symbols.pop() if len(symbols) == 1 else None,
    )
    Store.from_settings(given.settings).jobs.begin(row)
    return batch_id


def conclude_batch(
    batch_id: str, job: BatchJob, lines: list[Line], given: Execution, *, worked_s: float
) -> BatchResult:
    """Store what a batch comes to that was begun, and of which every job has its line.

    Parameters
    ----------
    batch_id, job, given
        The batch, and where it is.
    lines
        Of all its jobs, in any order.
    worked_s
        For how long its jobs were worked on, in seconds.

    Raises
    ------
    StoreError
        If the database cannot be written.
    """
    return _Batch(batch_id, job, given).run(lines, worked_s=worked_s)


def line_of(
    number: int, job: SpecJob, document: Mapping[str, Any], *, exit_code: int, seconds: float
) -> Line:
    """Return the line of a job that has ended.

    Parameters
    ----------
    number
        Its place in the batch.
    job
        What was asked for.
    document
        What came of it, or the document of its error.
    exit_code, seconds
        Of its command.

    Returns
    -------
    dict
        job, command, strategy, symbol, start, end, exit_code, seconds and passed; then error, and
        run_id if there is one; or run_id, verdict, metrics (those out of sample, or of the best
        set, if it has such) and document.
    """
    line: Line = {
        "job": number,
        "command": job.kind,
        "strategy": job.strategy_path or _name_of(job),
        "symbol": job.symbol,
        "start": str(job.start),
        "end": str(job.end),
        "exit_code": exit_code,
        "seconds": seconds,
    }
    if "error" in document:
        return {**line, **document}
    known_id, name, metrics = job.headline(document)
    return line | {
        "strategy": name,
        "run_id": known_id,
        "passed": document["passed"],
        "verdict": document["verdict"],
        "metrics": metrics,
        "document": document,
    }


def _name_of(job: SpecJob) -> object:
    assert isinstance(job.spec, dict), "it is in no file"
    return job.spec.get("name")


class _Batch:
    def __init__(self, batch_id: str, job: BatchJob, given: Execution) -> None:
        assert given.batch is not None
        self._id, self._job, self._given = batch_id, job, given
        self._hooks = given.batch
        self._store = Store.from_settings(given.settings)
        self._done: list[Line] = []

    def take_stock(self) -> list[Line]:
        """Return the lines of the jobs that are complete, and clear the others away."""
        found = []
        for part in self._store.runs(parent=self._id, limit=None):
            job_id, number = part["run_id"], part["part"]
            if part["status"] == "complete" and not part["resumable"]:
                seconds = _seconds(part["created_at"], part["completed_at"])
                document = self._store.document(job_id)
                code = PASSED if document["passed"] else SOFT_FAILURE
                job = self._job.jobs[number - 1]
                line = line_of(number, job, document, exit_code=code, seconds=seconds)
                found.append(self._hooks.finish_line(line, job, None))
            elif part["kind"] not in SHARED_KINDS:
                # Those begin again under the same id, such as a sweep with the sets it has tried.
                self._store.delete(job_id)
        return found

    def run(self, before: list[Line], *, worked_s: float = 0.0) -> BatchResult:
        began = time.perf_counter() - worked_s
        try:
            with Watch(
                self._store.jobs, self._id, progress=self._given.progress, what="Batch"
            ) as watch:
                for line in before:
                    self._take(line)
                self._work(watch)
                return self._conclude(began)
        except (KeyboardInterrupt, InterruptedRunError) as error:
            pages = self._pages(self._done, compared=False) if self._done else {}
            raise self._stopped(pages.get("index")) from error

    def _work(self, watch: Watch) -> None:
        has = {line["job"] for line in self._done}
        tasks = [
            Task(self._id, number, job.model_dump_json(), self._given.settings)
            for number, job in enumerate(self._job.jobs, start=1)
            if number not in has
        ]

        def look() -> None:
            watch.reach(len(self._done), len(self._job.jobs), "jobs")

        for outcome in done(
            tasks, self._hooks.work, workers=self._job.workers, check=look, say=self._hooks.say
        ):
            self._take(self._lost(outcome) if isinstance(outcome, Task) else outcome)
            look()

    def _lost(self, task: Task) -> Line:
        error = WorkerLostError(
            "The process of this job ended before the job did.",
            hint="Memory may have run out: try fewer --jobs, or fewer bars.",
        )
        job = self._job.jobs[task.number - 1]
        line = line_of(
            task.number, job, error.to_document(), exit_code=error.exit_code, seconds=0.0
        )
        return self._hooks.finish_line(line, job, error)

    def _take(self, line: Line) -> None:
        self._done.append(line)
        self._hooks.on_line(line, len(self._done), len(self._job.jobs))

    def _conclude(self, began: float) -> BatchResult:
        lines = sorted(self._done, key=lambda line: int(line["job"]))
        codes = [int(line["exit_code"]) for line in lines]
        summary: dict[str, Any] = {
            "batch_id": self._id,
            "jobs": len(lines),
            "passed": codes.count(PASSED),
            "soft_failures": codes.count(SOFT_FAILURE),
            "errors": sum(code >= FAILED for code in codes),
            "too_few_trades": sum(line.get("verdict") == "too_few_trades" for line in lines),
        }
        try:
            summary |= self._pages(lines, compared=True)
        except BtkitError as error:
            # Every job has had its line; that they could not be put side by side stands
            # with the sum.
            fault = error.to_document()["error"]
            summary |= {"index": None, "comparison": None, "error": fault}
            codes.append(FAILED)
        summary["seconds"] = time.perf_counter() - began
        passed = max(codes) == PASSED
        judged = "too_few_trades" if summary["too_few_trades"] else "pass"
        verdict = judged if passed else "fail"
        document = {"run_id": self._id, "passed": passed, "verdict": verdict, "batch": summary}
        # The documents of the jobs are stored with these.
        kept = [{name: line[name] for name in line if name != "document"} for line in lines]
        self._store.jobs.complete(self._id, document | {"results": kept})
        return BatchResult(self._id, document, max(codes), lines)

    def _pages(self, lines: list[Line], *, compared: bool) -> dict[str, Any]:
        return self._hooks.pages(self._id, lines, self._job.rendering, compared=compared)

    def _stopped(self, index: str | None) -> InterruptedRunError:
        done_, total = len(self._done), len(self._job.jobs)
        hint = f"{index} links what was done. " if index else ""
        return InterruptedRunError(
            f"The batch was stopped after {done_} of {total} jobs.",
            hint=f"{hint}`backtest resume --run-id {self._id}` goes on with the others.",
            details={
                "jobs": total, "done": done_, "index": index, "run_id": self._id,
                "status": "cancelled",
            },
        )  # fmt: skip


def _seconds(began: str, ended: str) -> float:
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()
