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
    # question, two sentences that say what to look for, section
    ("", "", headline),
    (
        "How did the money grow, and how far did it fall?",
        (
            "The account beside someone who bought the underlying at the first close and held. "
            "Selling spreads earns small and often; look at what the falls cost."
        ),
        growth,
    ),
    (
        "What became of each spread?",
        (
            "The underlying against the strikes sold and bought, and beneath what buying each "
            "spread back would have cost. Trouble starts where the price meets the amber line."
        ),
        lifetimes,
    ),
    (
        "How much of the credit was kept?",
        (
            "Credit kept, what each kind of exit brought, and whether a high IV rank at entry "
            "paid. A few large losses against many small gains are the nature of the trade."
        ),
        outcomes,
    ),
    (
        "Which months and years paid?",
        (
            "A steady seller of premium has few red cells. "
            "Ask of each deep one what the market did then."
        ),
        months,
    ),
    (
        "Which spreads decided it?",
        (
            "Best and worst, and every spread with its strikes and IV. Credit and close are in $ a "
            "share, 100 to a lot; the return is on the max loss; costs are fees and slippage."
        ),
        trades,
    ),
    (
        "What was the book exposed to?",
        (
            "The greeks of all open spreads at each close. "
            "Theta is what the strategy lives on; gamma and vega are what it pays with."
        ),
        exposure,
    ),
    (
        "What can one spread make or lose?",
        (
            "The payoff of the last spread by where the underlying ends. "
            "For another one write render.payoff(document, spread=0), 0 being the first to exit."
        ),
        payoff,
    ),
    (
        "What does this rest on?",
        (
            "First what the model leaves out, then data, costs and rules. "
            "The command at the end gives the same numbers again."
        ),
        rests_on,
    ),
)
"""The report's order: the question each section answers, what to look for, and its maker."""
