"""Monthly returns as a heat map: years in rows, with their totals."""

from __future__ import annotations

import numpy as np
import pandas as pd

from btkit.metrics import monthly_returns
from btkit.render import text, theme
from btkit.render.pieces import Chart
from btkit.render.series import Floats, compact, floats
from btkit.render.view import RunView

ROW = 26
TOP, BOTTOM = 84, 12
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# Through transparent in the middle, so that nothing happening looks like paper, light or dark.
COLOURS = [
    [0.0, "rgba(213,94,0,0.75)"],
    [0.4999, "rgba(213,94,0,0.03)"],
    [0.5, "rgba(128,138,150,0.05)"],
    [0.5001, "rgba(0,158,115,0.03)"],
    [1.0, "rgba(0,158,115,0.75)"],
]


def months_chart(view: RunView) -> Chart:
    """Return the heat map of calendar months and years."""
    table = monthly_returns(view.equity, view.initial)
    held = monthly_returns(view.held, view.initial)
    years = [str(year) for year in table.index]
    cells, other = floats(table) * 100, floats(held) * 100
    whose = view.report.benchmark.heading
    data = [
        _heat(cells[:, :12], other[:, :12], list(MONTHS), years, whose=whose, xaxis="x"),
        _heat(cells[:, 12:], other[:, 12:], ["Year"], years, whose=whose, xaxis="x2"),
    ]
    figure = theme.figure(
        data,
        height=TOP + BOTTOM + ROW * len(years),
        title=_title(table),
        margin={"l": 44, "r": 8, "t": TOP, "b": BOTTOM},
        xaxis=_columns(domain=[0, 0.905]),
        xaxis2=_columns(domain=[0.925, 1]),
        yaxis={
            "autorange": "reversed",
            "type": "category",
            "showgrid": False,
            "ticks": "",
            "fixedrange": True,
            "nticks": len(years),
            "dtick": 1,
        },
    )
    return Chart(
        figure,
        name="months",
        note="Return of the account in %, by calendar month; the first and last may be cut short.",
        narrow={
            "margin.l": 34,
            "margin.r": 0,
            "xaxis.tickvals": [MONTHS[position] for position in (0, 3, 6, 9)],
            "xaxis.domain": [0, 0.86],
            "xaxis2.domain": [0.88, 1],
            "font.size": 10,
            "data[0].text": _written(cells[:, :12], digits=0),
            "data[1].text": _written(cells[:, 12:], digits=0),
        },
    )


def _columns(**extra: object) -> dict[str, object]:
    return {
        "side": "top",
        "type": "category",
        "showgrid": False,
        "zeroline": False,
        "ticks": "",
        "fixedrange": True,
        **extra,
    }


def _heat(
    cells: Floats,
    other: Floats,
    columns: list[str],
    years: list[str],
    *,
    whose: str,
    xaxis: str,
) -> dict[str, object]:
    known = cells[np.isfinite(cells)]
    # One crash month must not bleach all others.
    limit = max(1.0, float(np.percentile(np.abs(known), 97))) if known.size else 1.0
    written = _written(cells, digits=1)
    hover = [
        ["" if np.isnan(cell) else f"{text.percent(cell / 100)}" for cell in row] for row in other
    ]
    return {
        "type": "heatmap",
        "x": columns,
        "y": years,
        "z": compact(cells),
        "zmin": -limit,
        "zmax": limit,
        "colorscale": COLOURS,
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
        "text": written,
        "hovertext": written,
        "texttemplate": "%{text}",
        "customdata": hover,
        "hoverongaps": False,
        "hovertemplate": f"%{{x}} %{{y}}<br>Strategy %{{hovertext}} %<br>{whose} %{{customdata}}"
        "<extra></extra>",
        "xaxis": xaxis,
        "yaxis": "y",
    }


def _written(cells: Floats, *, digits: int) -> list[list[str]]:
    return [
        ["" if np.isnan(cell) else text.ratio(cell, digits=digits) for cell in row] for row in cells
    ]


def _title(table: pd.DataFrame) -> str:
    cells = floats(table)[:, :12]
    known = np.isfinite(cells)
    if not (cells[known] != 0).any():
        return "No month moved: nothing was traded"

    def named(cell: int) -> str:
        row, column = divmod(cell, 12)
        gain = text.percent(float(cells[row, column]), sign=True)
        return f"{MONTHS[column]} {table.index[row]} {gain}"

    best, worst = named(int(np.nanargmax(cells))), named(int(np.nanargmin(cells)))
    share = text.percent(float((cells[known] > 0).mean()))
    return f"{share} of months gained; best {best}, worst {worst}"
