"""The report of a sweep: could it be chance, the surface, the sets, and what it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from btkit.documents import Benchmark
from btkit.documents.sweeps import (
    DEFLATED_SHARPE_NEEDED,
    OVERFITTING_ALLOWED,
    SIGNIFICANT_P,
    OverfittingSection,
)
from btkit.jobs.files import load_stored
from btkit.metrics import Failure
from btkit.render import text
from btkit.render.grounds import grounds, verdict
from btkit.render.opening import opened
from btkit.render.pages import markup
from btkit.render.parameters import SWEEP
from btkit.render.pieces import Html, ReportSection
from btkit.render.sweep_charts import SweepPage, lines, metric_label, surface
from btkit.render.tiles import Shown, Tile, tiles
from btkit.render.words import LABELS, failed
from btkit.spelling import listed

BESIDE = ("sharpe_ratio", "cagr", "max_drawdown_pct", "win_rate", "profit_factor", "total_trades")


class _RankedRow(NamedTuple):
    # One of the best sets in the table: parameters and metrics as they are shown.

    rank: int
    parameters: list[str]
    metrics: list[Shown]


def open_sweep(names: Mapping[str, Any]) -> SweepPage:
    """Return the sweep that a notebook's parameters ask for.

    A new one leaves what ``backtest sweep`` leaves: table, specs, JSON, notebook and HTML in
    BT_REPORT_DIR.

    Parameters
    ----------
    names
        What ``globals()`` gives in the notebook: either a ``sweep_id``, or the options of the
        command, by themselves or in ``request``.

    Raises
    ------
    UsageError
        When a parameter is missing, unknown or none of its kind.
    StoreError
        When there is no such sweep.
    """
    job_id, settings = opened(names, SWEEP)
    return SweepPage.of(*load_stored("sweep", job_id, settings=settings))


def headline(page: SweepPage) -> ReportSection:
    """Return the verdict, and how much of it chance alone would bring."""
    report = page.report
    truth, best = report.overfitting, report.best
    yearly = report.metrics.cagr
    sentence = (
        f"The best of {text.plural(report.sets, 'parameter set')}, {_named(best.parameters)}, "
        f"{'lost' if yearly < 0 else 'made'} {text.percent(abs(yearly))} a year, "
        f"{report.benchmark.words} {_yearly(report.benchmark)}. Its Sharpe ratio is "
        f"{text.ratio(truth.sharpe_ratio)}; the best of as many without any skill would "
        f"reach {text.ratio(truth.expected_maximum_sharpe)}. {_judged(truth)}"
        f"{_beaten(truth, report.benchmark.words)}{_missed(report.failures)}"
    )
    return ReportSection(
        [
            verdict(report, "Parameter sweep", sentence),
            tiles(overfitting_tiles(truth, report.benchmark.words)),
        ]
    )


def overfitting_tiles(truth: OverfittingSection, held: str = "buy-and-hold") -> list[Tile]:
    """Return what says whether the best set could be chance, six tiles; `held` is the benchmark."""
    interval = truth.sharpe_interval
    span = (
        text.DASH
        if interval is None
        else f"95 %: {text.ratio(interval.low)} to {text.ratio(interval.high)}"
    )
    return [
        Tile(
            "Sharpe of the best",
            text.ratio(truth.sharpe_ratio),
            [span],
            meaning="Annualised; the interval is a stationary block bootstrap.",
        ),
        Tile(
            "Expected by chance",
            text.ratio(truth.expected_maximum_sharpe),
            [f"best of {text.count(truth.trials)} without skill"],
            meaning="Expected maximum Sharpe ratio (Bailey and López de Prado 2014).",
        ),
        Tile(
            "Deflated Sharpe",
            text.ratio(truth.deflated_sharpe_ratio),
            [f"needs {DEFLATED_SHARPE_NEEDED:.2f}"],
            meaning="Probability that the true Sharpe ratio is above 0, all trials counted.",
        ),
        Tile(
            "Overfitting",
            text.percent(truth.probability_of_overfitting, digits=0),
            [f"at most {text.percent(OVERFITTING_ALLOWED, digits=0)}"],
            meaning="Probability of backtest overfitting by CSCV (Bailey et al. 2015).",
        ),
        _superiority(truth.spa_p, truth.reality_check_p, "nothing", "doing nothing"),
        _superiority(truth.holding_spa_p, truth.holding_reality_check_p, "holding", held),
    ]


def _superiority(hansen: float | None, white: float | None, short: str, benchmark: str) -> Tile:
    return Tile(
        f"SPA against {short}",
        _p_value(hansen),
        [f"reality check {_p_value(white)}"],
        meaning=f"SPA test (Hansen 2005) and reality check (White 2000): the p-values that no "
        f"parameter set earns more than {benchmark}. Skill is below {SIGNIFICANT_P:.2f}.",
    )


def best_sets(page: SweepPage) -> ReportSection:
    """Return the best ten parameter sets, and how to run one again."""
    report = page.report
    metrics = list(BESIDE)
    if report.objective not in metrics:
        metrics.insert(0, report.objective)
    rows = [
        _RankedRow(
            entry.rank,
            [f"{entry.parameters[name]:g}" for name in report.parameters],
            [_cell(entry.metrics, name) for name in metrics],
        )
        for entry in report.top
    ]
    head = ["Rank", *report.parameters, *(metric_label(name) for name in metrics)]
    shown = Html(markup("sweep.best", head, rows))
    command = report.best.command
    again = [Html(markup("sweep.command", text.command_parts(command)))] if command else []
    return ReportSection([shown, *again])


def rests_on(page: SweepPage) -> ReportSection:
    """Return what the sweep rests on."""
    report = page.report
    truth = report.overfitting
    own = {
        "Parameter sets": f"{text.count(report.sets)}, by {report.method}"
        + (f", where {report.constraint}" if report.constraint else ""),
        "Objective": f"{metric_label(report.objective)}, among parameter sets with at least "
        f"{text.plural(report.min_trades_required, 'trade')}",
        "Statistics": f"{text.count(truth.periods)} returns, one a {truth.period}"
        + (f", of {text.count(truth.sampled)} sets drawn at random" if truth.sampled else "")
        + f"; CSCV on {truth.blocks or text.DASH} blocks; 1,000 resamples with seed 0",
    }
    stored = {"Table": report.table_url or "not stored"}
    return ReportSection([grounds(report, report.command, own=own, stored=stored)])


def _judged(truth: OverfittingSection) -> str:
    deflated, overfitted = truth.deflated_sharpe_ratio, truth.probability_of_overfitting
    if deflated is None:
        return "It cannot be told from chance."
    halves = (
        ""
        if overfitted is None
        else f", and in {text.percent(overfitted, digits=0)} of the splits what was best in one "
        "half was below the middle in the other"
    )
    known = text.percent(deflated, digits=0)
    return f"That it is more than chance has a probability of {known}{halves}."


def _beaten(truth: OverfittingSection, held: str) -> str:
    """Return what Hansen's test says against each benchmark, as a sentence of its own."""
    said = [
        f"{'skill' if value < SIGNIFICANT_P else 'none'} against {benchmark} ({_p_value(value)})"
        for value, benchmark in (
            (truth.spa_p, "doing nothing"),
            (truth.holding_spa_p, held),
        )
        if value is not None
    ]
    return f" Hansen's test finds {listed(said)}." if said else ""


def _missed(failures: Sequence[Failure]) -> str:
    """Return which bounds were missed, as a sentence of its own."""
    shown = [failed(one.metric, one.value, one.threshold) for one in failures]
    return f" It fails on {listed(shown)}." if shown else ""


def _p_value(value: float | None) -> str:
    if value is None:
        return text.DASH
    # A thousand resamples tell nothing finer.
    return f"p {value:.3f}" if value >= 0.001 else "p < 0.001"  # noqa: PLR2004 - as above


def _yearly(benchmark: Benchmark) -> str:
    return text.DASH if "cagr" in benchmark.undefined else text.percent(benchmark.cagr)


def _named(parameters: Mapping[str, float]) -> str:
    return listed([f"{name} {value:g}" for name, value in parameters.items()])


def _cell(metrics: Mapping[str, Any], name: str) -> Shown:
    if name in metrics["undefined"]:
        return Shown(text.DASH, "undefined")
    return Shown(LABELS[name].show(metrics[name]))


SECTIONS = (
    ("", headline),
    ("Is the best set on a plateau or on a needle?", surface),
    ("Which values do the good parameter sets share?", lines),
    ("Which parameter sets came out best?", best_sets),
    ("What does this rest on?", rests_on),
)
"""The page's order: the question that each section answers, and its maker."""

__all__ = [
    "SECTIONS",
    "SweepPage",
    "best_sets",
    "headline",
    "lines",
    "metric_label",
    "open_sweep",
    "overfitting_tiles",
    "rests_on",
    "surface",
]
