"""Several runs side by side: which did best, their curves over each other, their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from btkit.errors import UsageError
from btkit.render import text, theme
from btkit.render.figures.lines import end_labels, line, scale_for
from btkit.render.pieces import Chart, Html, Section, asset, table, tag
from btkit.render.series import display_rows, floats, milliseconds
from btkit.render.verdict import mark, shown
from btkit.render.view import View
from btkit.render.words import BOUNDS, LABELS
from btkit.report import RunDocument
from btkit.runs import load_run, read_settings

HEIGHT = 460
TOP, BOTTOM = 56, 36
NAMED_AT_END = 3
# Blue, vermilion, green, purple, amber, sky: apart for colour-blind eyes; beyond six, dashes.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES = ("solid", "dash", "dot", "dashdot")
COMPARED = (
    "cagr",
    "sharpe_ratio",
    "max_drawdown_pct",
    "win_rate",
    "profit_factor",
    "consecutive_losses_max",
    "total_trades",
    "sortino_ratio",
)


def compare(documents: Sequence[RunDocument]) -> Section:
    """Return several runs side by side, ranked by Sharpe ratio.

    Parameters
    ----------
    documents
        At least one stored run.

    Raises
    ------
    UsageError
        When there is none.
    """
    views = ranked(documents)
    return Section([verdict(views), overlay(views), numbers(views)])


def ranked(documents: Sequence[RunDocument]) -> list[View]:
    """Return the views of runs, the best Sharpe ratio first, those without one last.

    Raises
    ------
    UsageError
        When there is none.
    """
    if not documents:
        raise UsageError("There is no run to compare.", hint="Name one run or more.")
    views = [View.of(document) for document in documents]
    return sorted(views, key=_sharpe, reverse=True)


def _sharpe(view: View) -> float:
    value = view.metric("sharpe_ratio").number
    return float("-inf") if value is None else value


def open_runs(run_ids: Sequence[str], *, database: str = "") -> list[RunDocument]:
    """Return stored runs.

    Parameters
    ----------
    run_ids
        Their ids.
    database
        Path of the SQLite store; empty takes BT_DB_PATH.

    Raises
    ------
    RunNotFoundError
        When the store lacks one.
    """
    settings = read_settings()
    if database:
        settings = settings.model_copy(update={"db_path": Path(database)})
    return [load_run(run_id, settings=settings) for run_id in run_ids]


def verdict(views: Sequence[View]) -> Html:
    """Return the headline: how many runs, which is best, how many pass."""
    best, passed = views[0], sum(bool(view.report["passed"]) for view in views)
    held = best.benchmark("sharpe_ratio").number
    own = text.ratio(best.metric("sharpe_ratio").number)
    sentence = (
        f"{run_name(best)} has the best Sharpe ratio, {own} against {text.ratio(held)} for buying "
        f"and holding; {passed} of {len(views)} {'keeps' if passed == 1 else 'keep'} every "
        "threshold."
    )
    body = [
        tag("p", "Comparison", class_="bt-eyebrow"),
        tag("h1", escape(text.plural(len(views), "run"))),
        tag("p", escape(sentence), class_="bt-sentence"),
    ]
    return Html(
        tag("style", asset("report.css")) + tag("header", "".join(body), class_="bt-headline"),
        title=f"Comparison of {text.plural(len(views), 'run')}",
    )


def run_name(view: View) -> str:
    """Return what a reader calls a run: strategy and symbol."""
    return f"{view.run['strategy_name']} on {view.symbol}"


def overlay(views: Sequence[View]) -> Chart:
    """Return the equity curves over each other, each from 100, so that capital does not matter.

    Parameters
    ----------
    views
        In the order in which they are named.
    """
    data, ends = [], []
    for place, view in enumerate(views):
        curve = floats(view.equity) / view.initial * 100
        kept = display_rows(curve)
        colour = COLOURS[place % len(COLOURS)]
        trace = line(
            milliseconds(view.times[kept]),
            curve[kept],
            name=escape(run_name(view)),
            colour=colour,
            hover="%{y:,.1f}",
        )
        trace["line"]["dash"] = DASHES[place // len(COLOURS) % len(DASHES)]
        data.append(trace)
        ends.append((f"{escape(run_name(view))}<br>{curve[-1]:,.0f}", float(curve[-1]), colour))
    scale = scale_for(*(np.asarray(trace["y"]) for trace in data), [100.0])
    few = len(views) <= NAMED_AT_END
    arrangement = theme.layout(
        height=HEIGHT,
        title=_title(views),
        hovermode="x unified",
        margin={"l": 58, "r": 170 if few else 16, "t": TOP, "b": BOTTOM},
        xaxis=theme.time_axis(),
        yaxis=scale.axis(tickformat=",~r"),
        annotations=end_labels(ends, scale, pixels=HEIGHT - TOP - BOTTOM, yref="y", gap=34)
        if few
        else [],
    )
    keys = () if few else tuple((trace["name"], trace["line"]["color"]) for trace in data)
    return Chart(
        theme.figure(data, arrangement),
        name="comparison",
        note=f"Account value, 100 at the start{', log scale' if scale.log else ''}.",
        keys=keys,
        narrow={"margin.l": 46, "margin.r": 110 if few else 10, "xaxis.nticks": 4},
    )


def _title(views: Sequence[View]) -> str:
    growth = {run_name(view): float(view.equity.iloc[-1]) / view.initial for view in views}
    best = max(growth, key=lambda name: growth[name])
    return f"{escape(best)} made the most of 100: {growth[best] * 100:,.0f}"


def numbers(views: Sequence[View]) -> Html:
    """Return the metrics of the runs, one row a run, thresholds marked."""
    head = ["Run", "Verdict", *(LABELS[name].name for name in COMPARED)]
    lines = []
    for view in views:
        kind, word = ("bt-met", "✓ PASS") if view.report["passed"] else ("bt-missed", "✕ FAIL")
        span = f"{text.day(view.times[0])} to {text.day(view.times[-1])}"
        name = escape(run_name(view)) + tag("div", escape(span), class_="bt-need")
        cells = [name, tag("span", word, class_=kind)]
        for metric in COMPARED:
            cell = shown(view.metric(metric), metric)
            if metric in BOUNDS:
                cell += tag("div", mark(view, metric), class_="bt-need")
            cells.append(cell)
        lines.append(cells)
    return Html(table(head, lines, numeric=range(2, len(head))))
