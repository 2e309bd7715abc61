"""`backtest batch`."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from btkit.cli.options import AssetsKind, Debug, Engine, EngineName, HtmlAssets, Quiet
from btkit.cli.outcome import FAILED, PASSED, Outcome, Work, failure

NAME = "batch"
HELP = """
Run many jobs, render their reports, and rank them in one page.

JOBS.yaml is a list; each entry has spec, symbol, start and end, and may have command, capital,
commission, slippage, interval, source and flags. spec, symbol and command may be lists, and a
spec may be a pattern: every combination is a job. stdout gets one line of JSON as each job ends,
and a last line with the sum. BT_REPORT_DIR gets the reports, index.html, which ranks and links
them, and compare.html. A job that fails stops no other.
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


@dataclass(frozen=True)
class BatchOutcome(Outcome):
    """The sum of a batch, as the last line of JSON Lines."""

    def to_json(self) -> str:
        """Return the document as one line of strict JSON."""
        return json.dumps(self.document, allow_nan=False)


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
    from btkit.cli.streams import say  # noqa: PLC0415 - lazy start-up
    from btkit.runs.batch import read_jobs  # noqa: PLC0415 - lazy start-up

    found = read_jobs(path)
    began = time.perf_counter()
    tasks = [(job.number, [*job.arguments, *flags]) for job in found]
    answers = []
    for answer in _answers(tasks, workers):
        lines.write(json.dumps(answer, allow_nan=False) + "\n")
        lines.flush()
        answers.append(answer)
        if not quiet:
            verdict = {0: "passed", 1: "missed a threshold or had no data"}.get(
                answer["exit_code"], "failed"
            )
            what = f"{answer.get('strategy', '?')} on {answer.get('symbol', '?')}"
            say(f"{len(answers):>4} of {len(found)}  {answer['seconds']:6.2f} s  {what}: {verdict}")
    answers.sort(key=lambda answer: int(answer["job"]))
    codes = [int(answer["exit_code"]) for answer in answers]
    summary: dict[str, Any] = {
        "jobs": len(answers),
        "passed": codes.count(PASSED),
        "soft_failures": sum(PASSED < code < FAILED for code in codes),
        "errors": sum(code >= FAILED for code in codes),
        "seconds": time.perf_counter() - began,
    }
    if render:
        summary |= _pages(answers, flags)
        if not quiet:
            say(f"index     {summary['index']}")
    return BatchOutcome({"batch": summary}, max(codes))


def _answers(tasks: list[tuple[int, list[str]]], workers: int) -> Iterator[dict[str, Any]]:
    """Yield the line of each job as it ends."""
    if workers == 1 or len(tasks) == 1:
        _prepare()
        for number, arguments in tasks:
            yield run_job(number, arguments)
        return
    # Processes that begin afresh: one that is forked would inherit threads and locks half-way.
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_prepare) as pool:
        waiting = {pool.submit(run_job, *task): task for task in tasks}
        try:
            for future in as_completed(waiting):
                number, arguments = waiting[future]
                error = future.exception()
                if error is None:
                    yield future.result()
                else:  # the process died
                    yield _line(number, arguments, failure(error), seconds=0.0)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _prepare() -> None:
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
    """
    from btkit.cli.app import parse  # noqa: PLC0415 - a worker begins here

    began = time.perf_counter()
    try:
        work = parse(arguments)
        assert not isinstance(work, int), "a job asks for no help"
        outcome = work()
    except Exception as error:  # noqa: BLE001 - one job's failure is its line, and stops no other
        outcome = failure(error)
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
    if "error" in document:
        return {**line, "error": document["error"]}
    run = document.get("run") or {}
    run_id = run.get("run_id") or document.get("run_id")
    line |= {"run_id": run_id, "passed": document.get("passed"), "document": document}
    if document.get("metrics"):
        line |= {"strategy": run.get("strategy_name", line["strategy"])}
        line |= {"metrics": document["metrics"]}
    files = _files(run_id) if run_id and "--no-report" not in arguments else {}
    return {**line, "files": files} if files else line


def _files(run_id: str) -> dict[str, str]:
    from btkit.runs import read_settings  # noqa: PLC0415 - lazy start-up

    folder = read_settings().report_dir.expanduser().absolute()
    places = {"notebook": "ipynb", "html": "html", "json": "json"}
    paths = {kind: folder / f"{run_id}.{suffix}" for kind, suffix in places.items()}
    return {kind: str(path) for kind, path in paths.items() if path.exists()}


def _pages(answers: list[dict[str, Any]], flags: list[str]) -> dict[str, Any]:
    from btkit.render import execute_template  # noqa: PLC0415 - lazy start-up
    from btkit.render.index import index_page  # noqa: PLC0415 - lazy start-up
    from btkit.runs import read_settings  # noqa: PLC0415 - lazy start-up

    settings = read_settings()
    folder = settings.report_dir.expanduser().absolute()
    folder.mkdir(parents=True, exist_ok=True)
    stored = [line["run_id"] for line in answers if "metrics" in line and line["command"] == "run"]
    pages: dict[str, Any] = {"index": str(folder / "index.html"), "comparison": None}
    if stored:
        options = dict(flag[2:].replace("-", "_").split("=", 1) for flag in flags if "=" in flag)
        database = str(settings.db_path.expanduser().absolute())
        files = execute_template(
            "compare",
            {"run_ids": stored, "database": database},
            out_dir=folder,
            run_id="compare",
            **options,  # type: ignore[arg-type]  # engine and html_assets, as the flags took them
        )
        pages["comparison"] = str(files.html)
    page = index_page(answers, comparison="compare.html" if stored else None)
    partial_page = folder / ".index.html.partial"
    partial_page.write_text(page, encoding="utf-8")
    partial_page.replace(folder / "index.html")
    return pages
