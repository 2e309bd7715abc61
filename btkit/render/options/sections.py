"""The option report from the top: one function a section, as in `btkit.render.sections`."""

from __future__ import annotations

from btkit.documents import RunDocument
from btkit.render.figures import distribution_chart, reasons_chart, through_time_chart
from btkit.render.options.basis import basis
from btkit.render.options.book import Book
from btkit.render.options.exposure import greeks_chart
from btkit.render.options.lives import lives_chart
from btkit.render.options.outcomes import kept_chart, rank_chart
from btkit.render.options.payoff import payoff_chart
from btkit.render.pieces import Chart, Html, Section, tag
from btkit.render.sections import Sections, growth, headline, months
from btkit.render.trade_table import Columns, extremes, full_table
from btkit.render.view import View

COLUMNS: Columns = (
    # column of the trade list, heading with its unit, how to show it
    ("entry_date", "Sold", "date"),
    ("exit_date", "Out", "date"),
    ("expiry", "Expiry", "date"),
    ("strikes", "Sold/bought", "text"),
    ("contracts", "Lots", "count"),
    ("entry_price", "Credit", "cost"),
    ("exit_price", "Close", "cost"),
    ("pnl", "P&L, $", "money"),
    ("return_pct", "On risk, %", "percent"),
    ("exit_reason", "Reason", "reason"),
    ("iv_entry", "IV, %", "share"),
    ("iv_rank_entry", "IV rank", "count"),
    ("costs", "Costs, $", "cost"),
)


def lives(document: RunDocument) -> Section:
    """Return each spread's life: strikes on the underlying, value against credit, time left."""
    view = View.of(document)
    return Section([lives_chart(view, Book(view))] if len(view.trades) else [_nothing()])


def outcomes(document: RunDocument) -> Section:
    """Return credit kept, profit by exit reason, and profit against the IV rank at entry."""
    view = View.of(document)
    if not len(view.trades):
        return Section([_nothing()])
    book = Book(view)
    pieces: list[Html | Chart] = [kept_chart(book), reasons_chart(view)]
    pieces.append(rank_chart(book) or distribution_chart(view))
    return Section(pieces)


def trades(document: RunDocument) -> Section:
    """Return the best and worst spreads, and the full table."""
    view = View.of(document)
    if not len(view.trades):
        return Section([_nothing()])
    return Section([*extremes(view), full_table(view, COLUMNS, trades=Book(view).listed())])


def exposure(document: RunDocument) -> Section:
    """Return the greeks of the book through time, rolling Sharpe ratio and exposure."""
    view = View.of(document)
    steady = through_time_chart(view)
    return Section([greeks_chart(view, Book(view)), steady] if len(view.trades) else [steady])


def payoff(document: RunDocument, spread: int = -1) -> Section:
    """Return the payoff diagram of one spread, counted in order of exit; -1 is the last."""
    view = View.of(document)
    shown = [payoff_chart(view, Book(view), spread=spread)] if len(view.trades) else [_nothing()]
    return Section(shown)


def rests_on(document: RunDocument) -> Section:
    """Return the model's caveats, and the data, costs and provenance behind the numbers."""
    return Section(basis(View.of(document)))


def _nothing() -> Html:
    return Html(tag("p", "There is no spread to show.", class_="bt-empty"))


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
        lives,
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
