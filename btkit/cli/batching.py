"""A batch at work: its jobs, the pages that put them side by side, its sum."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import IO, Any

from btkit.cli.finish import PRESENTED, outcome_of
from btkit.cli.job_pool import answers, line_of
from btkit.cli.next_steps import after_batch
from btkit.cli.outcome import FAILED, PASSED, Outcome, failure
from btkit.cli.streams import say
from btkit.errors import BtkitError, InterruptedRunError
from btkit.jobs import Silent
from btkit.jobs.files import write_bytes
from btkit.jobs.job_requests import BatchRequest, Rendering
from btkit.jobs.watching import Watch, record_end
from btkit.metrics import VERDICT_WORDS
from btkit.render.leaving import note_report_files, prepare_folder
from btkit.settings import Settings
from btkit.storage import SHARED_PAGES, Claimed, NewJob, Store, new_job_id

COMPARED = ("run", "options-sim")
"""Commands that leave a run with an equity curve to lay over others."""

Lines = list[dict[str, Any]]


def begin_batch(request: BatchRequest, *, settings: Settings, out: IO[str], quiet: bool) -> Outcome:
    """Run the jobs of a batch, and store what they come to.

    Parameters
    ----------
    request
        The jobs.
    settings
        Where they are stored.
    out
        Gets a line of JSON as each job ends.
    quiet
        Whether to write nothing to stderr.

    Returns
    -------
    Outcome
        The sum.

    Raises
    ------
    InterruptedRunError
        If it was stopped; it can be resumed then.
    StoreError
        If the database cannot be written.
    """
    batch_id = new_job_id()
    symbols = {str(job.options["symbol"]) for job in request.jobs}
    Store.from_settings(settings).jobs.begin(
        NewJob(
            batch_id,
            "batch",
            request.to_json(),
            strategy_name=request.name,
            symbol=symbols.pop() if len(symbols) == 1 else None,
        )
    )
    return _Batch(batch_id, request, settings, out, quiet=quiet).run(())


def go_on_with_batch(claimed: Claimed, *, settings: Settings, out: IO[str], quiet: bool) -> Outcome:
    """Run the jobs that an unfinished batch still lacks.

    Parameters
    ----------
    claimed
        The batch. Jobs of it that did not come to an end are run anew.
    settings, out, quiet
        As for `begin_batch`.

    Returns
    -------
    Outcome
        The sum of all jobs.

    Raises
    ------
    InterruptedRunError, StoreError
        As `begin_batch`.
    """
    request = BatchRequest.from_json(claimed.request)
    batch = _Batch(claimed.job_id, request, settings, out, quiet=quiet)
    return batch.run(batch.take_stock())


class _Batch:
    def __init__(
        self,
        batch_id: str,
        request: BatchRequest,
        settings: Settings,
        out: IO[str],
        *,
        quiet: bool,
    ) -> None:
        self._id, self._request, self._settings = batch_id, request, settings
        self._store = Store.from_settings(settings)
        self._out, self._is_quiet = out, quiet
        self._done: Lines = []
        flags = ["--quiet"]
        if request.rendering is None:
            flags.append("--no-report")
        else:
            shown = request.rendering
            flags += [f"--engine={shown.engine}", f"--html-assets={shown.html_assets}"]
        self._tasks = {job.number: [*job.arguments, *flags] for job in request.jobs}

    def take_stock(self) -> Lines:
        """Return the lines of the jobs that are complete, and clear the others away."""
        found = []
        for part in self._store.runs(parent=self._id, limit=None):
            job_id, number = part["run_id"], part["part"]
            if part["status"] == "complete" and not part["resumable"]:
                outcome = outcome_of(self._store.document(job_id), PRESENTED[part["kind"]])
                seconds = _seconds(part["created_at"], part["completed_at"])
                found.append(line_of(number, self._tasks[number], outcome, seconds=seconds))
            elif part["kind"] != "sweep":
                # A sweep begins again under the same id, with the sets that it has tried.
                self._store.delete(job_id)
        return found

    def run(self, before: Sequence[dict[str, Any]]) -> Outcome:
        jobs = self._store.jobs
        began = time.perf_counter()
        with Watch(jobs, self._id, progress=Silent(), what="Batch") as watch:
            try:
                for line in before:
                    self._tell(line)
                self._work(watch)
                outcome = self._conclude(began)
            except (KeyboardInterrupt, InterruptedRunError) as error:
                self._record_end(error)
                pages = self._pages(compared=False) if self._done else {}
                raise self._stopped(pages.get("index")) from error
            except BaseException as error:
                self._record_end(error)
                raise
        return outcome

    def _work(self, watch: Watch) -> None:
        has = {line["job"] for line in self._done}
        tasks = [task for task in self._tasks.items() if task[0] not in has]
        total = len(self._tasks)
        for line in answers(
            tasks,
            self._request.workers,
            batch_id=self._id,
            check=lambda: self._look(watch),
            quiet=self._is_quiet,
        ):
            self._tell(line)
            watch.reach(len(self._done), total, "jobs")

    def _look(self, watch: Watch) -> None:
        watch.reach(len(self._done), len(self._tasks), "jobs")

    def _tell(self, line: dict[str, Any]) -> None:
        self._done.append(line)
        self._out.write(json.dumps(line, allow_nan=False) + "\n")
        self._out.flush()
        if not self._is_quiet:
            _say(line, len(self._done), len(self._tasks))

    def _conclude(self, began: float) -> Outcome:
        done = sorted(self._done, key=lambda line: int(line["job"]))
        codes = [int(line["exit_code"]) for line in done]
        summary: dict[str, Any] = {
            "batch_id": self._id,
            "jobs": len(done),
            "passed": codes.count(PASSED),
            "soft_failures": sum(PASSED < code < FAILED for code in codes),
            "errors": sum(code >= FAILED for code in codes),
            "too_few_trades": sum(line.get("verdict") == "too_few_trades" for line in done),
        }
        try:
            summary |= self._pages(compared=True)
        except BtkitError as error:
            # Every job has had its line; that they could not be put side by side is told with
            # the sum.
            fault = failure(error, ["batch", self._request.name]).document["error"]
            summary |= {"index": None, "comparison": None, "error": fault}
            codes.append(FAILED)
        summary["seconds"] = time.perf_counter() - began
        passed = max(codes) == PASSED
        judged = "too_few_trades" if summary["too_few_trades"] else "pass"
        verdict = judged if passed else "fail"
        document = {"run_id": self._id, "passed": passed, "verdict": verdict, "batch": summary}
        # The documents of the jobs are stored with these.
        kept = [{name: line[name] for name in line if name != "document"} for line in done]
        self._store.jobs.complete(self._id, document | {"results": kept})
        shown = summary["index"] and not self._is_quiet
        closing = partial(say, f"index     {summary['index']}") if shown else None
        return Outcome(
            document, max(codes), indent=None, next=after_batch(document), closing=closing
        )

    def _pages(self, *, compared: bool) -> dict[str, Any]:
        return write_pages(
            self._id,
            self._done,
            self._request.rendering,
            settings=self._settings,
            compared=compared,
        )

    def _record_end(self, error: BaseException) -> None:
        jobs = self._store.jobs
        record_end(
            error,
            self._id,
            cancel=lambda reason: jobs.cancel(self._id, error_message=reason),
            fail=lambda message: jobs.fail(self._id, error_message=message),
            what="batch",
        )

    def _stopped(self, index: str | None) -> InterruptedRunError:
        done, total = len(self._done), len(self._tasks)
        hint = f"{index} links what was done. " if index else ""
        return InterruptedRunError(
            f"The batch was stopped after {done} of {total} jobs.",
            hint=f"{hint}`backtest resume --run-id {self._id}` goes on with the others.",
            details={
                "jobs": total, "done": done, "index": index, "run_id": self._id,
                "status": "cancelled",
            },
        )  # fmt: skip


def write_pages(
    batch_id: str,
    lines: Lines,
    rendering: Rendering | None,
    *,
    settings: Settings,
    compared: bool = True,
) -> dict[str, Any]:
    """Write the page that ranks the jobs of a batch, and the comparison of its runs.

    Parameters
    ----------
    batch_id
        Names the page; ``index.html`` is the same, until the next batch.
    lines
        Of the jobs.
    rendering
        How pages are made; None makes none.
    settings
        Where they go.
    compared
        Whether the comparison is wanted, too.

    Returns
    -------
    dict
        ``index`` and ``comparison``: the paths, None for a page that was not made.

    Raises
    ------
    RenderError, StoreError
        If a page cannot be written.
    """
    pages: dict[str, Any] = {"index": None, "comparison": None}
    if rendering is None:
        return pages
    # plotly takes long to import, and the jobs come first.
    from btkit.render import execute_template  # noqa: PLC0415 - as above
    from btkit.render.index import index_page  # noqa: PLC0415 - as above

    folder = settings.report_dir.expanduser().absolute()
    prepare_folder(folder, private=settings.private)
    stored = [line["run_id"] for line in lines if "metrics" in line and line["command"] in COMPARED]
    if stored and compared:
        files = execute_template(
            "compare",
            {"run_ids": stored, "database": str(settings.db_path.expanduser().absolute())},
            out_dir=folder,
            run_id="compare",
            private=settings.private,
            engine=rendering.engine,
            html_assets=rendering.html_assets,
        )
        note_report_files(SHARED_PAGES, {"notebook": files.notebook, "html": files.html}, settings)
        pages["comparison"] = str(files.html)
    comparison = Path(pages["comparison"]).name if pages["comparison"] else None
    page = index_page(lines, comparison=comparison).encode()
    for owner, name in ((batch_id, f"{batch_id}.html"), (SHARED_PAGES, "index.html")):
        write_bytes(owner, name, page, kind="html", settings=settings)
    pages["index"] = str(folder / "index.html")
    return pages


def _say(line: dict[str, Any], place: int, total: int) -> None:
    what = f"{line['strategy']} on {line['symbol']}, {line['command']}"
    if "error" in line:
        verdict = line["error"]["message"].split("\n", 1)[0]
    else:
        verdict = VERDICT_WORDS[line["verdict"]]
    say(f"{place:>4} of {total}  {line['seconds']:6.2f} s  {what}: {verdict}")


def _seconds(began: str, ended: str) -> float:
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()
