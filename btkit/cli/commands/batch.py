"""`backtest batch`."""

from __future__ import annotations

import json
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from btkit.cli.files import note_report_files, prepare_folder
from btkit.cli.job_pool import answers
from btkit.cli.next_steps import step
from btkit.cli.options import AssetsKind, Debug, Engine, EngineName, HtmlAssets, Quiet
from btkit.cli.outcome import FAILED, PASSED, Outcome, Work, failure
from btkit.cli.streams import say
from btkit.errors import BtkitError, InterruptedRunError

NAME = "batch"
HELP = """
Run many jobs, render their reports, and rank them in one page.

JOBS.yaml is a list; each entry has spec, symbol, start and end, and may have command, capital,
commission, slippage, interval, source and flags. spec, symbol and command may be lists, a spec
may be a pattern, and ranges, a list of pairs, may stand for start and end: every combination is a
job. stdout gets one line of JSON as each job ends, and a last line with the sum. BT_REPORT_DIR
gets the reports, index.html, which ranks and links them, and compare.html. A job that fails stops
no other.
Exit codes: the worst of all jobs: 0 passed, 1 missed a threshold or had no data, 2 error.

\b
Example:
  backtest batch JOBS.yaml --jobs 2
with JOBS.yaml:
  - spec: strategies/*.yaml
    symbol: [SPX, IXIC]
    start: 2005-01-01
    end: 2018-12-31
    source: sample
"""

COMPARED = ("run", "options-sim")
"""Commands that leave a run with an equity curve to lay over others."""


def command(
    *,
    jobs_file: Annotated[Path, typer.Argument(metavar="JOBS.yaml", help="The list of jobs.")],
    jobs: Annotated[
        int, typer.Option("--jobs", min=1, help="How many jobs run at a time, each in a process.")
    ] = 1,
    no_report: Annotated[
        bool, typer.Option("--no-report", help="Skip notebooks and pages; the JSON is the same.")
    ] = False,
    engine: Engine = EngineName.BTKIT,
    html_assets: HtmlAssets = AssetsKind.SHARED,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001 - `main` looks for it, since parsing may fail
) -> Work:
    """Return the work of a batch."""
    flags = ["--quiet"]
    flags += (
        ["--no-report"] if no_report else [f"--engine={engine}", f"--html-assets={html_assets}"]
    )
    # Before stdout is kept clean of everything but the last document.
    lines = _own_stdout()
    return partial(
        _batch, jobs_file, workers=jobs, flags=flags, render=not no_report, lines=lines, quiet=quiet
    )


def _own_stdout() -> IO[str]:
    if sys.stdout is sys.__stdout__ and sys.stdout is not None:
        return os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    return sys.stdout


def _batch(
    path: Path, *, workers: int, flags: list[str], render: bool, lines: IO[str], quiet: bool
) -> Outcome:
    from btkit.runs.batch import read_jobs  # noqa: PLC0415 - lazy start-up

    found = read_jobs(path)
    began = time.perf_counter()
    tasks = [(job.number, [*job.arguments, *flags]) for job in found]
    done: list[dict[str, Any]] = []
    try:
        for answer in answers(tasks, workers):
            done.append(answer)
            lines.write(json.dumps(answer, allow_nan=False) + "\n")
            lines.flush()
            if not quiet:
                _say(answer, len(done), len(found))
    except KeyboardInterrupt as error:
        pages = _pages(done, render=render) if done else {}
        raise _interrupted(done, len(found), pages) from error
    done.sort(key=lambda answer: int(answer["job"]))
    codes = [int(answer["exit_code"]) for answer in done]
    summary: dict[str, Any] = {
        "jobs": len(done),
        "passed": codes.count(PASSED),
        "soft_failures": sum(PASSED < code < FAILED for code in codes),
        "errors": sum(code >= FAILED for code in codes),
    }
    try:
        summary |= _pages(done, render=render, flags=flags)
    except BtkitError as error:
        # Every job has had its line; that they could not be put side by side is told with the sum.
        fault = failure(error, ["batch", str(path)]).document["error"]
        summary |= {"index": None, "comparison": None, "error": fault}
        codes.append(FAILED)
    summary["seconds"] = time.perf_counter() - began
    if not quiet and summary["index"]:
        say(f"index     {summary['index']}")
    return Outcome(
        {"batch": summary},
        max(codes),
        indent=None,
        next=[step("Shows the runs that are stored, the newest first.", "list")],
    )


def _say(answer: dict[str, Any], place: int, total: int) -> None:
    what = f"{answer['strategy']} on {answer['symbol']}, {answer['command']}"
    if "error" in answer:
        verdict = answer["error"]["message"].split("\n", 1)[0]
    else:
        verdict = "passed" if answer["passed"] else "missed a threshold"
    say(f"{place:>4} of {total}  {answer['seconds']:6.2f} s  {what}: {verdict}")


def _interrupted(
    done: list[dict[str, Any]], total: int, pages: dict[str, Any]
) -> InterruptedRunError:
    index = pages.get("index")
    hint = f"{index} links what was done. " if index else ""
    return InterruptedRunError(
        f"The batch was stopped after {len(done)} of {total} jobs.",
        hint=hint + "`backtest resume` goes on with a run that was under way.",
        details={"jobs": total, "done": len(done), "index": index},
    )


def _pages(
    done: list[dict[str, Any]], *, render: bool, flags: list[str] | None = None
) -> dict[str, Any]:
    """Write the index, and, if there are `flags` to render it with, the comparison."""
    pages: dict[str, Any] = {"index": None, "comparison": None}
    if not render:
        return pages
    from btkit.render import execute_template  # noqa: PLC0415 - lazy start-up
    from btkit.render.index import index_page  # noqa: PLC0415 - lazy start-up
    from btkit.runs import read_settings  # noqa: PLC0415 - lazy start-up
    from btkit.runs.files import write_bytes  # noqa: PLC0415 - lazy start-up

    settings = read_settings()
    folder = settings.report_dir.expanduser().absolute()
    prepare_folder(folder, private=settings.private)
    stored = [line["run_id"] for line in done if "metrics" in line and line["command"] in COMPARED]
    if stored and flags is not None:
        options = dict(flag[2:].replace("-", "_").split("=", 1) for flag in flags if "=" in flag)
        database = str(settings.db_path.expanduser().absolute())
        files = execute_template(
            "compare",
            {"run_ids": stored, "database": database},
            out_dir=folder,
            run_id="compare",
            private=settings.private,
            **options,  # type: ignore[arg-type]  # engine and html_assets, as the flags took them
        )
        note_report_files(NAME, {"notebook": files.notebook, "html": files.html}, settings)
        pages["comparison"] = str(files.html)
    comparison = Path(pages["comparison"]).name if pages["comparison"] else None
    page = index_page(done, comparison=comparison).encode()
    write_bytes(NAME, "index.html", page, kind="html", settings=settings)
    pages["index"] = str(folder / "index.html")
    return pages
