"""The page that ranks and links the reports of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from btkit.render import text
from btkit.render.pieces import asset, table, tag
from btkit.render.words import LABELS

NUMBERS = ("sharpe_ratio", "cagr", "max_drawdown_pct", "total_trades")


def index_page(jobs: Sequence[Mapping[str, Any]], *, comparison: str | None = None) -> str:
    """Return the page of a batch: its runs ranked by Sharpe ratio, then what failed.

    Parameters
    ----------
    jobs
        The lines that the batch printed.
    comparison
        File name of the comparison's page, None if there is none.
    """
    done = [job for job in jobs if "metrics" in job]
    done.sort(key=lambda job: _rank(job["metrics"]), reverse=True)
    failed = [job for job in jobs if "metrics" not in job]
    passed = sum(bool(job["passed"]) for job in done)
    facts = f"{passed} of {text.plural(len(done), 'run')} kept every threshold"
    if failed:
        facts += f"; {text.plural(len(failed), 'job')} failed"
    body = [tag("h1", "Batch of " + text.plural(len(jobs), "job")), tag("p", escape(facts) + ".")]
    if comparison:
        body.append(tag("p", tag("a", "All equity curves side by side", href=comparison)))
    if done:
        head = ["", "Run", "Verdict", *(LABELS[name].name for name in NUMBERS), "Files"]
        rows = [_row(place, job) for place, job in enumerate(done, start=1)]
        body.append(table(head, rows, numeric=range(3, 3 + len(NUMBERS))))
    if failed:
        lines = [[escape(_name(job)), escape(str(job["error"]["message"]))] for job in failed]
        body += [tag("h2", "What failed"), table(["Job", "Why"], lines)]
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><title>Batch</title>'
        + tag("style", asset("report.css") + asset("page.css"))
        + '</head><body class="bt"><main class="bt-main">'
        + "".join(body)
        + "</main></body></html>"
    )


def _rank(metrics: Mapping[str, Any]) -> float:
    undefined = "sharpe_ratio" in metrics.get("undefined", ())
    return float("-inf") if undefined else float(metrics["sharpe_ratio"])


def _row(place: int, job: Mapping[str, Any]) -> list[str]:
    metrics = job["metrics"]
    kind, word = ("bt-met", "✓ PASS") if job["passed"] else ("bt-missed", "✕ FAIL")
    files = job.get("files", {})
    page = files.get("html")
    span = tag("div", escape(f"{job['start']} to {job['end']}"), class_="bt-need")
    name = escape(_name(job))
    title = tag("a", name, href=Path(page).name) if page else name
    cells = [str(place), title + span, tag("span", word, class_=kind)]
    for metric in NUMBERS:
        undefined = metric in metrics.get("undefined", ())
        cells.append(escape(LABELS[metric].show(None if undefined else metrics[metric])))
    links = (
        tag("a", label, href=Path(files[label]).name)
        for label in ("notebook", "json")
        if label in files
    )
    return [*cells, " · ".join(links)]


def _name(job: Mapping[str, Any]) -> str:
    return f"{job.get('strategy', '?')} on {job.get('symbol', '?')}, {job['command']}"
