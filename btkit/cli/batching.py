"""A batch as the command runs it: a line as each job ends, and the pages that rank them."""

from __future__ import annotations

import json
import time
from functools import partial
from typing import IO

from btkit.cli.asked import carry_out
from btkit.cli.batch_pages import write_pages
from btkit.cli.finish import PRESENTED
from btkit.cli.next_steps import after_error, documents
from btkit.cli.outcome import CommandOutcome, failure
from btkit.cli.streams import say
from btkit.errors import BtkitError
from btkit.jobs.batch_run import BatchResult, line_of
from btkit.jobs.commands import command_of
from btkit.jobs.execution import BatchHooks
from btkit.jobs.job import JOB, SpecJob
from btkit.jobs.pool import Line, Task
from btkit.metrics import VERDICT_WORDS
from btkit.settings import Settings
from btkit.storage import Part


def hooks_for(*, settings: Settings, out: IO[str], quiet: bool) -> BatchHooks:
    """Return what the command does about the jobs of a batch.

    Parameters
    ----------
    settings
        Where they are stored.
    out
        Gets a line of JSON as each job ends.
    quiet
        Whether to write nothing to stderr.
    """

    def on_line(line: Line, place: int, total: int) -> None:
        out.write(json.dumps(line, allow_nan=False) + "\n")
        out.flush()
        if not quiet:
            _say(line, place, total)

    return BatchHooks(
        do_task,
        finish_line=partial(_finish_line, settings=settings),
        on_line=on_line,
        pages=partial(write_pages, settings=settings),
        say=None if quiet else say,
    )


def outcome_of_batch(result: BatchResult, *, quiet: bool) -> CommandOutcome:
    """Return what the command comes to."""
    index = result.document["batch"]["index"]
    closing = None if quiet or index is None else partial(say, f"index     {index}")
    return CommandOutcome(
        result.document,
        result.exit_code,
        indent=None,
        next=PRESENTED["batch"].after(result.document),
        closing=closing,
    )


def do_task(task: Task) -> Line:
    """Do a job of a batch as its own command would, and return its line."""
    job, began = JOB.validate_json(task.job), time.perf_counter()
    assert isinstance(job, SpecJob)
    try:
        part = Part(task.batch_id, task.number)
        outcome = carry_out(job, settings=task.settings, quiet=True, part=part)
    except Exception as error:  # noqa: BLE001 - one job's failure is its line, and stops no other
        outcome = failure(error, _arguments(job))
    seconds = time.perf_counter() - began
    line = line_of(task.number, job, outcome.document, exit_code=outcome.exit_code, seconds=seconds)
    return {**line, "next": documents(outcome.next), **_files(line, job, task.settings)}


def _finish_line(line: Line, job: SpecJob, error: BtkitError | None, *, settings: Settings) -> Line:
    """Add what a job's own process would have added, had it come so far."""
    if error is not None:
        steps = after_error(error, _arguments(job))
    else:
        steps = PRESENTED[job.kind].after(line["document"])
    return {**line, "next": documents(steps), **_files(line, job, settings)}


def _arguments(job: SpecJob) -> list[str]:
    return (command_of(job) or ["backtest", job.kind])[1:]


def _files(line: Line, job: SpecJob, settings: Settings) -> dict[str, dict[str, str]]:
    if job.rendering is None or "error" in line:
        return {}
    folder, stem = settings.report_dir.expanduser().absolute(), line["run_id"]
    places = {"notebook": "ipynb", "html": "html", "json": "json", "csv": "trades.csv"}
    paths = {kind: folder / f"{stem}.{suffix}" for kind, suffix in places.items()}
    found = {kind: str(path) for kind, path in paths.items() if path.exists()}
    return {"files": found} if found else {}


def _say(line: Line, place: int, total: int) -> None:
    what = f"{line['strategy']} on {line['symbol']}, {line['command']}"
    if "error" in line:
        verdict = line["error"]["message"].split("\n", 1)[0]
    else:
        verdict = VERDICT_WORDS[line["verdict"]]
    say(f"{place:>4} of {total}  {line['seconds']:6.2f} s  {what}: {verdict}")
