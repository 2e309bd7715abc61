"""A batch as the command runs it: a line as each job ends, and the pages that rank them."""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path
from typing import IO, Any

from btkit.cli.asked import carry_out
from btkit.cli.finish import PRESENTED
from btkit.cli.next_steps import after_batch, after_error, documents
from btkit.cli.outcome import CommandOutcome, failure
from btkit.cli.streams import say
from btkit.errors import BtkitError
from btkit.jobs import execute
from btkit.jobs.batch_run import BatchResult, line_of
from btkit.jobs.commands import command_of
from btkit.jobs.execution import BatchHooks
from btkit.jobs.files import write_bytes
from btkit.jobs.job import JOB, BatchJob, Rendering, SpecJob
from btkit.jobs.pool import Line, Task
from btkit.metrics import VERDICT_WORDS
from btkit.render.leaving import note_report_files, prepare_folder
from btkit.settings import Settings
from btkit.storage import SHARED_PAGES, Part

COMPARED = ("run", "options-sim")
"""Jobs that leave a run with an equity curve to lay over others."""


def run_batch(job: BatchJob, *, settings: Settings, out: IO[str], quiet: bool) -> CommandOutcome:
    """Run the jobs of a batch, and put them side by side.

    Parameters
    ----------
    job
        The jobs.
    settings
        Where they are stored.
    out
        Gets a line of JSON as each job ends.
    quiet
        Whether to write nothing to stderr.

    Returns
    -------
    CommandOutcome
        The sum.

    Raises
    ------
    InterruptedRunError
        If it was stopped; it can be resumed then.
    StoreError
        If the database cannot be written.
    """
    hooks = hooks_for(settings=settings, out=out, quiet=quiet)
    result: BatchResult = execute(job, settings=settings, batch=hooks)
    return outcome_of_batch(result, quiet=quiet)


def hooks_for(*, settings: Settings, out: IO[str], quiet: bool) -> BatchHooks:
    """Return what the command does about the jobs of a batch.

    Parameters
    ----------
    settings, out, quiet
        As for `run_batch`.
    """

    def heard(line: Line, place: int, total: int) -> None:
        out.write(json.dumps(line, allow_nan=False) + "\n")
        out.flush()
        if not quiet:
            _say(line, place, total)

    return BatchHooks(
        do_task,
        finish_line=partial(_finish_line, settings=settings),
        heard=heard,
        pages=partial(write_pages, settings=settings),
        say=None if quiet else say,
    )


def outcome_of_batch(result: BatchResult, *, quiet: bool) -> CommandOutcome:
    """Return what the command comes to.

    Parameters
    ----------
    result
        Of the batch.
    quiet
        Whether to write nothing to stderr.
    """
    index = result.document["batch"]["index"]
    closing = None if quiet or index is None else partial(say, f"index     {index}")
    return CommandOutcome(
        result.document,
        result.exit_code,
        indent=None,
        next=after_batch(result.document),
        closing=closing,
    )


def do_task(task: Task) -> Line:
    """Do a job of a batch as its own command would, and return its line.

    Parameters
    ----------
    task
        The job, as it came to this process.
    """
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


def write_pages(
    batch_id: str,
    lines: list[Line],
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
