"""The report from the top: one function a section, each returning pieces that show themselves."""

from __future__ import annotations

from collections.abc import Callable

from btkit.documents import RunDocument
from btkit.render import verdict as verdicts
from btkit.render.basis import basis
from btkit.render.figures import (
    distribution_chart,
    equity_chart,
    holding_chart,
    months_chart,
    price_chart,
    reasons_chart,
    through_time_chart,
)
from btkit.render.pages import markup
from btkit.render.pieces import Html, ReportSection
from btkit.render.trade_table import extremes, full_table
from btkit.render.view import RunView


def headline(document: RunDocument) -> ReportSection:
    """Return verdict, sentence, warnings and the six tiles."""
    view = RunView.of(document)
    return ReportSection([verdicts.verdict(view), verdicts.tiles(view)])


def growth(document: RunDocument) -> ReportSection:
    """Return equity and drawdown against buy-and-hold, and all numbers side by side."""
    view = RunView.of(document)
    falls = [Html(markup("run.drawdowns", view.falls))] if view.falls else []
    found = view.report.carry
    carry = [] if found is None else [Html(markup("run.carry", found))]
    return ReportSection([equity_chart(view), verdicts.comparison(view), *carry, *falls])


def price(document: RunDocument) -> ReportSection:
    """Return the price with every entry and exit."""
    return ReportSection([price_chart(RunView.of(document))])


def months(document: RunDocument) -> ReportSection:
    """Return the heat map of months and years."""
    return ReportSection([months_chart(RunView.of(document))])


def trades(document: RunDocument) -> ReportSection:
    """Return what single trades brought, the best and worst, and the full table."""
    view = RunView.of(document)
    if not len(view.trades):
        return ReportSection([Html(markup("pieces.empty", "There is no trade to show."))])
    lots, found = view.of_lots, view.report.intrabar
    charts = [distribution_chart(lots), holding_chart(lots), reasons_chart(view)]
    passes = [] if found is None else [Html(markup("run.passes", found))]
    return ReportSection([*charts, *passes, *extremes(lots), full_table(view)])


def through_time(document: RunDocument) -> ReportSection:
    """Return rolling Sharpe ratio and volatility, and exposure."""
    return ReportSection([through_time_chart(RunView.of(document))])


def rests_on(document: RunDocument) -> ReportSection:
    """Return the data, costs, conditions and provenance behind the numbers."""
    return ReportSection(basis(RunView.of(document)))


Sections = tuple[tuple[str, Callable[[RunDocument], ReportSection]], ...]
SECTIONS: Sections = (
    ("", headline),
    ("How did the money grow, and how far did it fall?", growth),
    ("Where did it buy and sell?", price),
    ("Which months and years paid?", months),
    ("What did single trades bring?", trades),
    ("Did it hold up through time?", through_time),
    ("What does this rest on?", rests_on),
)
"""The report's order: the question that each section answers, and its maker."""
