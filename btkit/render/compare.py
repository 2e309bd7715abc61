"""Several runs side by side: which did best, their curves over each other, their numbers."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from btkit.documents import RunDocument
from btkit.errors import UsageError
from btkit.jobs import load_run
from btkit.metrics import Verdict
from btkit.render import text, theme
from btkit.render.figures.lines import Scale, end_labels, line, scale_for
from btkit.render.page_head import PageHead, page_head
from btkit.render.pages import markup
from btkit.render.pieces import Chart, Html, ReportSection
from btkit.render.series import (
    DISPLAY_LIMIT,
    display_rows,
    floats,
    milliseconds,
    thinned_note,
)
from btkit.render.taking import take_ids
from btkit.render.tiles import Mark, Shown
from btkit.render.verdict import mark, shown
from btkit.render.view import RunView
from btkit.render.words import LABELS

HEIGHT = 460
TOP, BOTTOM = 56, 36
NAMED_AT_END = 3
# Letters of 12 pixels that stand beside the lines, and the height of a line of them.
WIDE_LETTERS, NARROW_LETTERS, LABEL_LINE = 21, 13, 16
# Two points for every other pixel: a chart of very many curves is not thinned beyond that.
LEAST_POINTS = 600
# Blue, vermilion, green, purple, amber, sky: apart for colour-blind eyes. Beyond six nobody can
# follow a line by its colour: the rest is drawn faintly behind, and named on hover.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
FAINT = "rgba(140, 140, 140, 0.35)"
COMPARED = (
    "cagr",
    "sharpe_ratio",
    "max_drawdown_pct",
    "win_rate",
    "profit_factor",
    "consecutive_losses_max",
    "total_trades",
)


def compare(documents: Sequence[RunDocument]) -> ReportSection:
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
    return ReportSection([verdict(views), overlay(views), numbers(views)])


def ranked(documents: Sequence[RunDocument]) -> list[RunView]:
    """Return the views of runs, the best Sharpe ratio first, those without one last.

    Raises
    ------
    UsageError
        When there is none.
    """
    if not documents:
        raise UsageError("There is no run to compare.", hint="Name one run or more.")
    views = [RunView.of(document) for document in documents]
    return sorted(views, key=_sharpe, reverse=True)


def _sharpe(view: RunView) -> float:
    value = view.metric("sharpe_ratio").number
    return float("-inf") if value is None else value


def open_runs(names: Mapping[str, Any]) -> list[RunDocument]:
    """Return the stored runs that a notebook's parameters name.

    Parameters
    ----------
    names
        What ``globals()`` gives in the notebook: ``run_ids``, and ``database`` for another store
        than BT_DB_PATH.

    Raises
    ------
    UsageError
        When a parameter is missing or unknown.
    RunNotFoundError
        When the store lacks one.
    """
    run_ids, settings = take_ids(names)
    return [load_run(run_id, settings=settings) for run_id in run_ids]


def verdict(views: Sequence[RunView]) -> Html:
    """Return the headline: how many runs, which is best, how many pass."""
    best, passed = views[0], sum(view.report.passed for view in views)
    held, other = best.benchmark("sharpe_ratio").number, best.report.benchmark
    holding = other.words if other.symbol else "buying and holding"
    own = text.ratio(best.metric("sharpe_ratio").number)
    sentence = (
        f"{_run_name(best)} has the best Sharpe ratio, {own} against {text.ratio(held)} for "
        f"{holding}; {passed} of {len(views)} {'keeps' if passed == 1 else 'keep'} every "
        "threshold."
    )
    many = text.plural(len(views), "run")
    return page_head(PageHead("Comparison", many, sentence), title=f"Comparison of {many}")


def _run_name(view: RunView) -> str:
    return f"{view.run.strategy_name} on {view.symbol}"


def overlay(views: Sequence[RunView]) -> Chart:
    """Return the equity curves over each other, each from 100, so that capital does not matter.

    Parameters
    ----------
    views
        In the order in which they are named; the first six get a colour.
    """
    names = _curve_names(views)
    limit = max(DISPLAY_LIMIT // len(views), LEAST_POINTS)
    data, ends, drawn = [], [], 0
    for place, (view, name) in enumerate(zip(views, names, strict=True)):
        curve = floats(view.equity) / view.initial * 100
        kept = display_rows(curve, limit=limit)
        drawn += len(kept)
        colour = COLOURS[place] if place < len(COLOURS) else FAINT
        trace = line(
            milliseconds(view.times[kept]),
            curve[kept],
            name=escape(name),
            colour=colour,
            hover="%{y:,.1f}",
        )
        data.append(trace)
        ends.append((name, float(curve[-1]), colour))
    scale = scale_for(*(np.asarray(trace["y"]) for trace in data), [100.0])
    few = len(views) <= NAMED_AT_END
    coloured = data[: len(COLOURS)]
    figure = theme.figure(
        # The best ones last, on top of the others.
        data[::-1],
        height=HEIGHT,
        title=_title(views),
        # One box for all lines would hide them where there are many.
        hovermode="x unified" if len(data) == len(coloured) else "closest",
        margin={"l": 58, "r": 170 if few else 16, "t": TOP, "b": BOTTOM},
        xaxis=theme.time_axis(),
        yaxis=scale.axis(tickformat=",~r"),
        annotations=_end_names(ends, scale, letters=WIDE_LETTERS) if few else [],
    )
    tight = _end_names(ends, scale, letters=NARROW_LETTERS) if few else []
    names_on_a_phone = {
        f"annotations[{place}].{key}": note[key]
        for place, note in enumerate(tight)
        for key in ("text", "y", "font")
    }
    bars = sum(len(view.equity) for view in views)
    keys = () if few else tuple((trace["name"], trace["line"]["color"]) for trace in coloured)
    return Chart(
        figure,
        name="comparison",
        note=_note(len(data) - len(coloured), log=scale.log) + thinned_note(drawn, bars),
        keys=keys,
        narrow={
            "margin.l": 46,
            "margin.r": 110 if few else 10,
            "xaxis.nticks": 4,
            **names_on_a_phone,
        },
    )


def _end_names(
    ends: list[tuple[str, float, str]], scale: Scale, *, letters: int
) -> list[dict[str, Any]]:
    """Return what names the lines at their ends, in lines of so many letters."""
    labels, most = [], 0
    for name, value, colour in ends:
        lines = [*textwrap.wrap(name, letters, max_lines=3, placeholder=" …"), f"{value:,.0f}"]
        most = max(most, len(lines))
        labels.append(("<br>".join(map(escape, lines)), value, colour))
    pixels = HEIGHT - TOP - BOTTOM
    return end_labels(labels, scale, pixels=pixels, yref="y", gap=LABEL_LINE * most + 2)


def _curve_names(views: Sequence[RunView]) -> list[str]:
    plain = [_run_name(view) for view in views]
    return [
        f"{name}, {view.times[0]:%Y}–{view.times[-1]:%Y}" if plain.count(name) > 1 else name
        for name, view in zip(plain, views, strict=True)
    ]


def _note(others: int, *, log: bool) -> str:
    words = f"Account value, 100 at the start of each run{', log scale' if log else ''}."
    if others:
        words += (
            f" In colour the {len(COLOURS)} best by Sharpe ratio; in grey the other {others}, "
            "named on hover."
        )
    return words


def _title(views: Sequence[RunView]) -> str:
    growth = [float(view.equity.iloc[-1]) / view.initial for view in views]
    best = int(np.argmax(growth))
    return f"{escape(_curve_names(views)[best])} made the most of 100: {growth[best] * 100:,.0f}"


@dataclass(frozen=True)
class _ComparedRun:
    # A run in the table: each metric as it is shown, and whether it kept its threshold.

    name: str
    span: str
    verdict: Verdict
    metrics: Sequence[tuple[Shown, Mark | None]]


def numbers(views: Sequence[RunView]) -> Html:
    """Return the metrics of the runs, one row a run, thresholds marked."""
    runs = [
        _ComparedRun(
            _run_name(view),
            f"{text.day(view.times[0])} to {text.day(view.times[-1])}",
            view.report.verdict,
            [(shown(view.metric(name), name), mark(view, name)) for name in COMPARED],
        )
        for view in views
    ]
    return Html(markup("compare.numbers", [LABELS[name].name for name in COMPARED], runs))
