"""What the page of a model run shows beside that of any: what decided, and what it learnt from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from btkit.documents import ModelReport, RunDocument
from btkit.documents.trained import BundleEntry, DecisionCounts, InSampleSection
from btkit.render import sections, text, theme
from btkit.render.basis import Facts
from btkit.render.evidence import answers, listening, skill
from btkit.render.figures.lines import line, panel_title, scale_for
from btkit.render.figures.marks import upright
from btkit.render.pages import markup
from btkit.render.pieces import Chart, Html, ReportSection
from btkit.render.sections import (
    Sections,
    growth,
    headline,
    months,
    price,
    rests_on,
    through_time,
    trades,
)
from btkit.render.series import display_rows, floats, milliseconds
from btkit.render.view import RunView

SHADE = "rgba(140,140,140,0.16)"
"""Beneath bars that a model was trained on."""
_HEIGHT = 380
_SHOWN_BUNDLES = 8


def model(document: RunDocument) -> ReportSection:
    """Return what decided, how often, and the account on the bars that it was trained on."""
    view, report = RunView.of(document), document.report
    assert isinstance(report, ModelReport)
    said = report.model
    pieces: list[Html | Chart] = []
    if said.in_sample is not None:
        pieces.append(_account(view, said.in_sample))
    pieces.append(Html(markup("model.bundles", _bundles(said.bundles)), width="half"))
    rows = _decisions(view, said.decisions, said.in_sample)
    learnt = said.in_sample is not None
    pieces.append(Html(markup("model.decisions", rows, learnt=learnt), width="half"))
    return ReportSection(pieces)


def _account(view: RunView, learnt: InSampleSection) -> Chart:
    """Return the account before and after the end of the training, each begun with the capital."""
    before = pd.DatetimeIndex([point.time for point in learnt.curve])
    before = before.tz_convert(None) if before.tz is not None else before
    own = np.array([point.equity for point in learnt.curve])
    after = floats(view.equity)
    rows = display_rows(after)
    scale = scale_for(own, after, [view.initial])
    times = milliseconds(view.times)
    hover = "%{x|%Y-%m-%d} $%{y:,.0f}"
    figure = theme.figure(
        [
            line(milliseconds(before), own, name="Trained on", colour=theme.BENCHMARK, hover=hover),
            line(times[rows], after[rows], name="Unseen", colour=theme.STRATEGY, hover=hover),
        ],
        height=_HEIGHT,
        title=_account_title(view, learnt),
        margin={"l": 58, "r": 16, "t": 76, "b": 36},
        xaxis=theme.time_axis(),
        yaxis=scale.axis(tickformat="~s"),
        shapes=[
            _shade(float(milliseconds(before)[0]), float(times[0])),
            upright(view.times[0], theme.ZERO),
        ],
        annotations=[panel_title("Account in $; on grey ground the training", yref="y")],
    )
    return Chart(
        figure,
        name="training",
        note="The account begins again with the capital at the first bar that no training saw, and "
        "only from there on is it scored.",
    )


def _account_title(view: RunView, learnt: InSampleSection) -> str:
    trained, unseen = (
        "undefined" if "sharpe_ratio" in metrics.undefined else text.ratio(metrics.sharpe_ratio)
        for metrics in (learnt.metrics, view.report.metrics)
    )
    return f"Sharpe {trained} on what it was trained on, {unseen} on what it had not seen"


def _shade(first: float, last: float) -> dict[str, Any]:
    return {
        "type": "rect",
        "xref": "x",
        "yref": "paper",
        "x0": first,
        "x1": last,
        "y0": 0,
        "y1": 1,
        "fillcolor": SHADE,
        "line": {"width": 0},
        "layer": "below",
    }


def _bundles(bundles: list[BundleEntry]) -> Facts:
    newest = bundles[-1]
    shown = bundles[-_SHOWN_BUNDLES:]
    by_date = [f"{known.known_from}: {known.path}" for known in shown if known.known_from]
    left = len(bundles) - len(shown)
    horizon = newest.label_horizon_bars
    until = newest.trained_until or "nobody says when"
    trained = f"{newest.trained_from} to {until}" if newest.trained_from else f"until {until}"
    return [
        ("Bundle", [newest.name, newest.path, f"sha256 {newest.hash[:12]}"]),
        ("Network", newest.architecture),
        ("Outputs", ", ".join(newest.classes or ["the return that is foreseen"])),
        ("Trained on", f"{', '.join(newest.symbols)}, {', '.join(newest.timeframes)} bars"),
        ("Trained", trained),
        ("Label looks ahead", text.plural(horizon, "bar") if horizon is not None else "unknown"),
        ("Features", [f"{newest.features:,} of them", *newest.notes]),
        ("By date", [*([f"{left:,} earlier ones"] if left else []), *by_date]),
        ("Believed if", _settings(newest)),
    ]


def _settings(bundle: BundleEntry) -> list[str]:
    known = bundle.settings
    hours = f"{known['min_signal_separation']:g} hours after the last entry or exit"
    if bundle.output_type == "regression":
        edge = known["round_trip_cost"] * known["min_edge_multiplier"]
        return [f"the return foreseen exceeds {text.percent(edge, digits=2)}", hours]
    return [f"its probability is at least {text.percent(known['confidence_threshold'])}", hours]


def _decisions(
    view: RunView, counts: DecisionCounts, learnt: InSampleSection | None
) -> list[tuple[str, str, str]]:
    """Return rows: what was decided or held, on how many bars of the run, and of the training."""
    from btkit.models.decisions import HELD_WORDS, Held  # noqa: PLC0415 - brings numba

    other = None if learnt is None else learnt.decisions

    def row(words: str, own: int, before: int | None) -> tuple[str, str, str]:
        share = f"{own:,} ({text.percent(own / max(1, len(view.times)))})"
        return words, share, "" if before is None else f"{before:,}"

    rows = [
        row("Orders to buy", counts.buy, None if other is None else other.buy),
        row("Orders to sell", counts.sell, None if other is None else other.sell),
    ]
    more = other.held if other is not None else {}
    for name in [*counts.held, *(name for name in more if name not in counts.held)]:
        words = HELD_WORDS[Held[name.upper()]]
        before = None if other is None else other.held.get(name, 0)
        rows.append(row(f"Held: {words}", counts.held.get(name, 0), before))
    return rows


_OWN: Sections = (
    ("What decided, and what was it trained on?", model),
    ("What did it say, and when?", answers),
    ("Are its answers better than chance?", skill),
    ("What does it listen to, and had it seen the like?", listening),
)
SECTIONS: Sections = tuple(
    entry
    for known in sections.SECTIONS
    for entry in ([known, *_OWN] if known[1] is growth else [known])
)
"""As those of any run, and after the first what only a model has."""

__all__ = [
    "SECTIONS",
    "answers",
    "growth",
    "headline",
    "listening",
    "model",
    "months",
    "price",
    "rests_on",
    "skill",
    "through_time",
    "trades",
]
