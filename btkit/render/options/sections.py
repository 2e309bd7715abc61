"""The option report from the top: one function a section, as in `btkit.render.sections`."""

from __future__ import annotations

from btkit.documents import RunDocument
from btkit.render.figures import distribution_chart, reasons_chart, through_time_chart
from btkit.render.options.basis import basis
from btkit.render.options.book import SpreadBook
from btkit.render.options.exposure import greeks_chart
from btkit.render.options.lifetimes import lifetimes_chart
from btkit.render.options.outcomes import kept_chart, rank_chart
from btkit.render.options.payoff import payoff_chart
from btkit.render.pages import markup
from btkit.render.pieces import Chart, Html, ReportSection
from btkit.render.sections import Sections, growth, headline, months
from btkit.render.trade_table import TableColumn, extremes, full_table
from btkit.render.view import RunView

COLUMNS: tuple[TableColumn, ...] = (
    TableColumn("entry_date", "Sold", "date"),
    TableColumn("exit_date", "Out", "date"),
    TableColumn("expiry", "Expiry", "date"),
    TableColumn("strikes", "Sold/bought", "text"),
    TableColumn("contracts", "Lots", "count"),
    TableColumn("entry_price", "Credit", "cost"),
    TableColumn("exit_price", "Close", "cost"),
    TableColumn("pnl", "P&L, $", "money"),
    TableColumn("return_pct", "On risk, %", "percent"),
    TableColumn("mae_pct", "Worst, %", "percent"),
    TableColumn("mfe_pct", "Best, %", "percent"),
    TableColumn("exit_reason", "Reason", "reason"),
    TableColumn("iv_entry", "IV, %", "share"),
    TableColumn("iv_rank_entry", "IV rank", "count"),
    TableColumn("costs", "Costs, $", "cost"),
)


def lifetimes(document: RunDocument) -> ReportSection:
    """Return the lifetime of each spread: price and strikes, value against credit, time left."""
    view = RunView.of(document)
    return ReportSection(
        [lifetimes_chart(view, SpreadBook(view))] if len(view.trades) else [_nothing()]
    )


def outcomes(document: RunDocument) -> ReportSection:
    """Return credit kept, profit by exit reason, and profit against the IV rank at entry."""
    view = RunView.of(document)
    if not len(view.trades):
        return ReportSection([_nothing()])
    book = SpreadBook(view)
    pieces: list[Html | Chart] = [kept_chart(book), reasons_chart(view)]
    pieces.append(rank_chart(book) or distribution_chart(view))
    return ReportSection(pieces)


def trades(document: RunDocument) -> ReportSection:
    """Return the best and worst spreads, and the full table."""
    view = RunView.of(document)
    if not len(view.trades):
        return ReportSection([_nothing()])
    return ReportSection(
        [*extremes(view), full_table(view, COLUMNS, trades=SpreadBook(view).listed())]
    )


def exposure(document: RunDocument) -> ReportSection:
    """Return the greeks of the book through time, rolling Sharpe ratio and exposure."""
    view = RunView.of(document)
    steady = through_time_chart(view)
    return ReportSection(
        [greeks_chart(view, SpreadBook(view)), steady] if len(view.trades) else [steady]
    )


def payoff(document: RunDocument, spread: int = -1) -> ReportSection:
    """Return the payoff diagram of one spread, counted in order of exit; -1 is the last."""
    view = RunView.of(document)
    shown = (
        [payoff_chart(view, SpreadBook(view), spread=spread)] if len(view.trades) else [_nothing()]
    )
    return ReportSection(shown)


def rests_on(document: RunDocument) -> ReportSection:
    """Return the model's caveats, and the data, costs and provenance behind the numbers."""
    view = RunView.of(document)
    return ReportSection(basis(view, SpreadBook(view)))


def _nothing() -> Html:
    return Html(markup("pieces.empty", "There is no spread to show."))


SECTIONS: Sections = (
    ("", headline),
    ("How did the money grow, and how far did it fall?", growth),
    ("What became of each spread?", lifetimes),
    ("How much of the credit was kept?", outcomes),
    ("Which months and years paid?", months),
    ("Which spreads decided it?", trades),
    ("What was the book exposed to?", exposure),
    ("What can one spread make or lose?", payoff),
    ("What does this rest on?", rests_on),
)
"""The report's order: the question that each section answers, and its maker."""
