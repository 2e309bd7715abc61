"""One module a picture; each turns a run into plotly figures with titles made from the data."""

from __future__ import annotations

from btkit.render.figures.equity import equity_chart
from btkit.render.figures.months import months_chart
from btkit.render.figures.price import price_chart
from btkit.render.figures.through_time import through_time_chart
from btkit.render.figures.trades import distribution_chart, holding_chart, reasons_chart

__all__ = [
    "distribution_chart",
    "equity_chart",
    "holding_chart",
    "months_chart",
    "price_chart",
    "reasons_chart",
    "through_time_chart",
]
