"""The pictures of a sweep: its surface, its sets as parallel lines, how they are spread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from btkit.documents.sweeps import SweepReport
from btkit.metrics import lower_is_better
from btkit.render import text, theme
from btkit.render.figures.marks import counts_axis, heat_map, ring, upright
from btkit.render.pages import markup
from btkit.render.pieces import Chart, Html, ReportSection
from btkit.render.series import floats
from btkit.render.words import LABELS
from btkit.spelling import listed

MOST_LINES = 1_500


@dataclass(frozen=True)
class SweepPage:
    """What the pages of a sweep read.

    Parameters
    ----------
    report
        Its document.
    sets
        The table of its parameter sets, a row for each.
    """

    report: SweepReport
    sets: pd.DataFrame

    @classmethod
    def of(cls, document: Mapping[str, Any], sets: pd.DataFrame) -> Self:
        """Return the page of a stored sweep."""
        return cls(SweepReport.model_validate(document), sets)


def metric_label(name: str) -> str:
    """Return what a reader calls a metric.

    Parameters
    ----------
    name
        As in the document.
    """
    return "CAGR" if name == "cagr" else LABELS[name].name


def surface(page: SweepPage) -> ReportSection:
    """Return the objective over the two parameters that move it most."""
    report, sets = page.report, page.sets
    names = _by_influence(report, sets)
    if len(names) < 2:  # noqa: PLR2004 - a surface has two sides
        return ReportSection([_curve(report, sets, names[0])])
    across, up = names[:2]
    objective = report.objective
    # Undefined and infinite values leave their cell empty.
    known = sets.copy()
    known[objective] = sets[objective].where(np.isfinite(sets[objective]))
    grid = known.pivot_table(index=up, columns=across, values=objective, aggfunc="median")
    best = report.best.parameters
    data: list[dict[str, Any]] = [
        heat_map(
            [f"{value:g}" for value in grid.columns],
            [f"{value:g}" for value in grid.index],
            grid.to_numpy(np.float32),
            hover=f"{across} %{{x}}, {up} %{{y}}<br>{metric_label(objective)} %{{z:.3f}}",
            colorbar={"thickness": 12},
        ),
        ring(f"{best[across]:g}", f"{best[up]:g}"),
    ]
    others = "" if len(names) == 2 else ", the median over all others"  # noqa: PLR2004 - as above
    figure = theme.figure(
        data,
        height=460,
        title=_surface_title(report, sets, grid),
        margin={"l": 64, "r": 16, "t": 56, "b": 52},
        xaxis=theme.axis(across, type="category", showgrid=False, nticks=14),
        yaxis=theme.axis(up, type="category", showgrid=False, nticks=14),
    )
    chart = Chart(
        figure,
        name="surface",
        note=f"{metric_label(objective)} by {across} and {up}{others}; "
        f"the ring is the best parameter set.{_uncounted(report, sets)}",
        narrow={"margin.l": 44, "xaxis.nticks": 6, "yaxis.nticks": 8},
    )
    return ReportSection([chart])


def lines(page: SweepPage) -> ReportSection:
    """Return the sets as parallel lines, and how their objective is spread."""
    report, sets = page.report, page.sets
    objective = report.objective
    shown = sets[np.isfinite(sets[objective])]
    if shown.empty:
        none = markup("pieces.empty", "No parameter set has a defined objective.")
        return ReportSection([Html(none)])
    ranked = shown.sort_values(objective)
    rows = np.unique(np.linspace(0, len(ranked) - 1, MOST_LINES).astype(int))
    drawn = ranked.iloc[rows]
    sign = -1 if lower_is_better(objective) else 1
    columns = dict.fromkeys([*report.parameters, "total_trades", "max_drawdown_pct", objective])
    data = [
        {
            "type": "parcoords",
            "line": {
                "color": drawn[objective].to_numpy(np.float32) * sign,
                "colorscale": theme.RANKED,
                "showscale": False,
            },
            "dimensions": [
                _dimension(
                    name if name in report.parameters else metric_label(name),
                    drawn[name].to_numpy(np.float32),
                    kind=_kind(report, name),
                )
                for name in columns
            ],
            "labelfont": {"size": 12},
            "labelangle": -12,
        }
    ]
    part = "" if len(drawn) == len(sets) else f" {text.count(len(drawn))} of them are drawn."
    parallel = Chart(
        theme.figure(
            data,
            height=420,
            title=_shared(report, ranked),
            margin={"l": 64, "r": 64, "t": 110, "b": 24},
        ),
        name="sets",
        note="Each line is a parameter set, the better the stronger its colour; drag along an axis "
        f"to filter.{part}",
        narrow={
            "margin.l": 30,
            "margin.r": 62,
            "height": 380,
            "font.size": 10,
            "data[0].labelangle": -20,
            "data[0].labelfont": {"size": 9},
        },
    )
    return ReportSection([parallel, _spread(report, shown)])


def _kind(report: SweepReport, name: str) -> str:
    if name in report.parameters:
        return "parameter"
    return "percent" if LABELS[name].show is text.percent else "number"


def _dimension(label: str, values: Any, *, kind: str) -> dict[str, Any]:  # noqa: ANN401 - an array
    as_percent = kind == "percent"
    return {
        "label": f"{label}, %" if as_percent else label,
        "values": values * 100 if as_percent else values,
        # Ticks of a metric stand where 0 may come out as its rounding error.
        "tickformat": ".6~g" if kind == "parameter" else ".2~f",
    }


def _shared(report: SweepReport, ranked: pd.DataFrame) -> str:
    """Say between which values of each parameter the best tenth lies, nine in ten of them."""
    names = [name for name, values in report.parameters.items() if len(values) > 1]
    lowest = lower_is_better(report.objective)
    count = max(1, len(ranked) // 10)
    best = ranked.head(count) if lowest else ranked.tail(count)
    spans = []
    for name in names:
        low, high = np.quantile(best[name], [0.05, 0.95], method="nearest")
        spans.append(f"{name} {low:g}" if low == high else f"{name} {low:g} to {high:g}")
    return f"The best tenth has {listed(spans)}" if spans else "Every parameter set is the same"


def _by_influence(report: SweepReport, sets: pd.DataFrame) -> list[str]:
    """Return the parameters, those first whose values spread the objective most."""
    objective = sets[report.objective].where(np.isfinite(sets[report.objective]))
    varied = [name for name, values in report.parameters.items() if len(values) > 1]
    names = varied or list(report.parameters)

    def spread(name: str) -> float:
        means = objective.groupby(sets[name]).mean()
        return float(means.std()) if len(means) > 1 else 0.0

    order = sorted(names, key=lambda name: -np.nan_to_num(spread(name)))
    return sorted(order[:2], key=names.index) + order[2:]


def _best(report: SweepReport) -> float:
    return float(getattr(report.metrics, report.objective))


def _surface_title(report: SweepReport, sets: pd.DataFrame, grid: pd.DataFrame) -> str:
    values = sets[report.objective]
    cells = grid.to_numpy()
    best = _best(report)
    near = float(np.nanmean(cells >= 0.8 * best)) if best > 0 and np.isfinite(cells).any() else 0.0
    middle = float(values[np.isfinite(values)].median()) if np.isfinite(values).any() else np.nan
    return (
        f"Best {text.ratio(best)}, median {text.ratio(middle)}; "
        f"{text.percent(near, digits=0)} of the surface is within a fifth of the best"
    )


def _curve(report: SweepReport, sets: pd.DataFrame, name: str) -> Chart:
    objective = report.objective
    ranked = sets[[name, objective]].sort_values(name)
    curve = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": floats(ranked[name]),
        "y": floats(ranked[objective].where(np.isfinite(ranked[objective]))),
        "line": {"color": theme.STRATEGY},
        "hovertemplate": f"{name} %{{x}}: %{{y:.3f}}<extra></extra>",
    }
    best = report.best.parameters[name]
    figure = theme.figure(
        [curve, ring(best, _best(report))],
        height=380,
        title=f"{metric_label(objective)} is best at {name} {best:g}",
        xaxis=theme.axis(name),
        yaxis=theme.axis(metric_label(objective)),
        margin={"l": 58, "r": 16, "t": 56, "b": 52},
    )
    note = f"The ring is the best parameter set.{_uncounted(report, sets)}"
    return Chart(figure, name="surface", note=note)


def _uncounted(report: SweepReport, sets: pd.DataFrame) -> str:
    few = int((sets["total_trades"] < report.min_trades_required).sum())
    if not few:
        return ""
    verb = "does" if few == 1 else "do"
    return (
        f" {text.plural(few, 'parameter set')} with fewer than "
        f"{text.plural(report.min_trades_required, 'trade')} {verb} not count."
    )


def _spread(report: SweepReport, shown: pd.DataFrame) -> Chart:
    objective = report.objective
    values = shown[objective].to_numpy(np.float64)
    counts, edges = np.histogram(values, bins=min(60, max(8, len(values) // 12)))
    truth = report.overfitting
    # Not the highest of all: sets with too few trades do not count.
    marks = [(_best(report), "best", theme.STRATEGY)]
    if objective == "sharpe_ratio":
        marks.append((truth.expected_maximum_sharpe, "expected by chance", theme.ATTENTION))
    data = [
        {
            "type": "bar",
            "x": (edges[:-1] + edges[1:]) / 2,
            "y": counts,
            "width": np.diff(edges),
            "marker": {"color": theme.BENCHMARK, "opacity": 0.7},
            "hovertemplate": "%{y} parameter sets near %{x:.3f}<extra></extra>",
        }
    ]
    notes = [
        {
            "x": at,
            "yref": "paper",
            "y": 1.0,
            "yanchor": "bottom",
            "yshift": 2 + 15 * place,
            "text": label,
            "showarrow": False,
            "xanchor": "right",
            "xshift": 4,
            "font": {"color": colour},
        }
        for place, (at, label, colour) in enumerate(marks)
    ]
    share = float((values > 0).mean())
    figure = theme.figure(
        data,
        height=340,
        title=f"{text.percent(share, digits=0)} of the parameter sets are above 0",
        xaxis=theme.axis(metric_label(objective)),
        yaxis=counts_axis("Parameter sets", counts),
        shapes=[upright(at, colour, width=2) for at, _, colour in marks],
        annotations=notes,
        bargap=0.02,
        margin={"l": 58, "r": 16, "t": 84, "b": 52},
    )
    note = "How the parameter sets are spread."
    return Chart(figure, name="spread", note=note)
