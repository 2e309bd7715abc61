"""The page that ranks and links the reports of a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from btkit.metrics import Verdict
from btkit.render import text
from btkit.render.page_head import PageHead
from btkit.render.pages import page
from btkit.render.words import LABELS

NUMBERS = ("sharpe_ratio", "cagr", "max_drawdown_pct", "win_rate", "profit_factor", "total_trades")
# Whose numbers a line shows, where they are not those of one plain run.
SHOWN = {"walk-forward": "walk-forward, out of sample", "sweep": "sweep, its best parameter set"}


class _BatchMetrics(BaseModel):
    # What a line of a batch reached, of what its index shows.

    model_config = ConfigDict(frozen=True)

    sharpe_ratio: float
    cagr: float
    max_drawdown_pct: float
    win_rate: float
    profit_factor: float
    total_trades: int
    undefined: list[str] = []


class _BatchError(BaseModel):
    # Why a line of a batch has none.

    model_config = ConfigDict(frozen=True)

    message: str
    hint: str | None = None


class _BatchLine(BaseModel):
    # What a batch printed of one of its jobs.

    model_config = ConfigDict(frozen=True)

    command: str
    strategy: str
    symbol: str
    start: str
    end: str
    passed: bool = False
    verdict: Verdict = "fail"
    metrics: _BatchMetrics | None = None
    files: dict[str, str] = {}
    error: _BatchError | None = None

    @property
    def name(self) -> str:
        name = f"{self.strategy} on {self.symbol}"
        whose = SHOWN.get(self.command, self.command)
        return name if self.command == "run" else f"{name}, {whose}"

    @property
    def span(self) -> str:
        return f"{self.start} to {self.end}"

    @property
    def sharpe(self) -> float:
        known = self.metrics is not None and "sharpe_ratio" not in self.metrics.undefined
        return self.metrics.sharpe_ratio if known and self.metrics else float("-inf")

    @property
    def numbers(self) -> list[str]:
        assert self.metrics is not None, "only what is done is ranked"
        undefined = self.metrics.undefined
        return [
            LABELS[name].show(None if name in undefined else getattr(self.metrics, name))
            for name in NUMBERS
        ]

    def link(self, kind: str) -> str:
        return self.files.get(kind, "")


class _VerdictReason(NamedTuple):
    # Why jobs failed, and which did.

    error: _BatchError
    jobs: list[str]


def _beside(path: str) -> str:
    return Path(path).name


def index_page(
    jobs: Sequence[Mapping[str, Any]],
    *,
    comparison: str | None = None,
    link: Callable[[str], str] = _beside,
) -> str:
    """Return the page of a batch: its runs ranked by Sharpe ratio, then what failed.

    Parameters
    ----------
    jobs
        The lines that the batch printed.
    comparison
        File name of the comparison's page, None if there is none.
    link
        Makes the address of what is among the files of a line; usually that of a file beside the
        page.

    Returns
    -------
    str
        HTML that loads nothing.
    """
    lines = [_BatchLine.model_validate(_linked(job, link)) for job in jobs]
    done = [line for line in lines if line.metrics is not None]
    done.sort(key=lambda line: line.sharpe, reverse=True)
    failed = [line for line in lines if line.metrics is None]
    many = text.plural(len(lines), "job")
    return page(
        "index",
        title=f"Batch of {many}",
        head=PageHead("Batch", many, _sentence(done, failed)),
        headings=[LABELS[name].name for name in NUMBERS],
        done=done,
        alike=all(line.command not in SHOWN for line in done),
        comparison=comparison,
        reasons=_reasons(failed),
    )


def _linked(job: Mapping[str, Any], link: Callable[[str], str]) -> dict[str, Any]:
    files = job.get("files", {})
    return {**job, "files": {kind: link(path) for kind, path in files.items()}}


def _sentence(done: Sequence[_BatchLine], failed: Sequence[_BatchLine]) -> str:
    passed = sum(line.passed for line in done)
    sentence = f"{passed} of {text.plural(len(done), 'report')} kept every threshold"
    if done and done[0].sharpe != float("-inf"):
        ratio = LABELS["sharpe_ratio"].show(done[0].sharpe)
        sentence += f"; the best Sharpe ratio is {ratio}, {done[0].name}"
    if failed:
        sentence += f"; {text.plural(len(failed), 'job')} failed"
    return f"{sentence}."


def _reasons(failed: Sequence[_BatchLine]) -> list[_VerdictReason]:
    reasons: dict[_BatchError, list[str]] = {}
    for line in failed:
        assert line.error is not None, "what has neither numbers nor an error is no line"
        jobs = reasons.setdefault(line.error, [])
        job = f"{line.name}, {line.span}"
        if job not in jobs:
            jobs.append(job)
    return [_VerdictReason(error, jobs) for error, jobs in reasons.items()]
