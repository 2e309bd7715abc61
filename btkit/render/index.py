"""The page that ranks and links the reports of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from btkit.render import text
from btkit.render.pieces import asset, table, tag
from btkit.render.pill import in_line
from btkit.render.words import LABELS

NUMBERS = ("sharpe_ratio", "cagr", "max_drawdown_pct", "win_rate", "profit_factor", "total_trades")
# Whose numbers a line shows, where they are not those of one plain run.
SHOWN = {"walk-forward": "walk-forward, out of sample", "sweep": "sweep, its best set"}

Job = Mapping[str, Any]


def index_page(jobs: Sequence[Job], *, comparison: str | None = None) -> str:
    """Return the page of a batch: its runs ranked by Sharpe ratio, then what failed.

    Parameters
    ----------
    jobs
        The lines that the batch printed.
    comparison
        File name of the comparison's page, None if there is none.

    Returns
    -------
    str
        HTML that loads nothing; its links lead to files beside it.
    """
    done = [job for job in jobs if "metrics" in job]
    done.sort(key=lambda job: _rank(job["metrics"]), reverse=True)
    failed = [job for job in jobs if "metrics" not in job]
    body = [_head(jobs, done, failed)]
    if done:
        body.append(_section("Which did best?", *_ranking(done, comparison)))
    if failed:
        why = "One row a reason; the hint stands beneath it."
        body.append(
            _section("What failed, and why?", tag("p", why, class_="bt-facts"), _why(failed))
        )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{_title(jobs)}</title>'
        + tag("style", asset("report.css") + asset("page.css") + asset("index.css"))
        + '</head><body class="bt"><main class="bt-main bt-index">'
        + "".join(body)
        + "</main></body></html>"
    )


def _title(jobs: Sequence[Job]) -> str:
    return "Batch of " + text.plural(len(jobs), "job")


def _head(jobs: Sequence[Job], done: Sequence[Job], failed: Sequence[Job]) -> str:
    passed = sum(bool(job["passed"]) for job in done)
    sentence = f"{passed} of {text.plural(len(done), 'report')} kept every threshold"
    if done and _rank(done[0]["metrics"]) != float("-inf"):
        best = done[0]
        ratio = LABELS["sharpe_ratio"].show(best["metrics"]["sharpe_ratio"])
        sentence += f"; the best Sharpe ratio is {ratio}, {_name(best)}"
    if failed:
        sentence += f"; {text.plural(len(failed), 'job')} failed"
    return tag(
        "header",
        tag("p", "Batch", class_="bt-eyebrow")
        + tag("h1", escape(text.plural(len(jobs), "job")))
        + tag("p", escape(sentence) + ".", class_="bt-sentence"),
    )


def _section(heading: str, *parts: str) -> str:
    return tag("section", tag("h2", escape(heading)) + "".join(parts))


def _ranking(done: Sequence[Job], comparison: str | None) -> tuple[str, str]:
    words = "Ranked by Sharpe ratio; a link opens the report."
    if any(job["command"] in SHOWN for job in done):
        words += (
            " A sweep's best set was picked for its numbers, and an out-of-sample part was not:"
            " the two do not compare."
        )
    link = ""
    if comparison:
        link = " " + tag("a", "All equity curves side by side", href=comparison)
    head = ["", "Run", *(LABELS[name].name for name in NUMBERS), "Files"]
    rows = [_row(place, job) for place, job in enumerate(done, start=1)]
    lines = table(head, rows, numeric=range(2, 2 + len(NUMBERS)))
    return tag("p", escape(words) + link, class_="bt-facts"), lines


def _rank(metrics: Mapping[str, Any]) -> float:
    undefined = "sharpe_ratio" in metrics.get("undefined", ())
    return float("-inf") if undefined else float(metrics["sharpe_ratio"])


def _row(place: int, job: Job) -> list[str]:
    metrics, files = job["metrics"], job.get("files", {})
    page = files.get("html")
    name = escape(_name(job))
    about = in_line(job["verdict"]) + tag("span", escape(f"{job['start']} to {job['end']}"))
    cells = [
        tag("span", str(place), class_="bt-rank"),
        (tag("a", name, href=Path(page).name) if page else name)
        + tag("div", about, class_="bt-run"),
    ]
    for metric in NUMBERS:
        undefined = metric in metrics.get("undefined", ())
        cells.append(escape(LABELS[metric].show(None if undefined else metrics[metric])))
    links = (
        tag("a", label, href=Path(files[label]).name)
        for label in ("notebook", "json")
        if label in files
    )
    return [*cells, " · ".join(links)]


def _why(failed: Sequence[Job]) -> str:
    reasons: dict[tuple[str, str], list[str]] = {}
    for job in failed:
        reason = str(job["error"]["message"]), str(job["error"].get("hint") or "")
        jobs = reasons.setdefault(reason, [])
        span = f"{_name(job)}, {job['start']} to {job['end']}"
        if span not in jobs:
            jobs.append(span)
    rows = [
        [
            escape(message) + (tag("div", escape(hint), class_="bt-run") if hint else ""),
            "<br>".join(escape(job) for job in jobs),
        ]
        for (message, hint), jobs in reasons.items()
    ]
    return tag("div", table(["Why", "Jobs"], rows), class_="bt-wide")


def _name(job: Job) -> str:
    command = str(job["command"])
    name = f"{job['strategy']} on {job['symbol']}"
    return name if command == "run" else f"{name}, {SHOWN.get(command, command)}"
