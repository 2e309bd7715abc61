"""What one spread makes or loses, by where the underlying ends."""

from __future__ import annotations

from dataclasses import replace
from html import escape

import numpy as np

from btkit.pricing.spreads import Spread
from btkit.render import text, theme
from btkit.render.figures.lines import end_labels, line, scale_for
from btkit.render.options.book import DAYS, SHARES, SpreadBook, days_between, moment
from btkit.render.pieces import Chart
from btkit.render.series import Floats, floats
from btkit.render.view import RunView

HEIGHT = 420
TOP, BOTTOM = 56, 52
STEPS = 301
NAMES_ROOM = 0.25


def payoff_chart(view: RunView, book: SpreadBook, *, spread: int = -1) -> Chart:
    """Return a spread's profit at expiry, and on the day it was sold, by price.

    Parameters
    ----------
    view
        The run.
    book
        Its spreads; at least one.
    spread
        Which of them, in order of exit; -1 is the last.
    """
    sold = book.lifetimes[spread].spread
    grid = _grid(sold)
    at_expiry, at_entry = _profits(view, book, sold, grid)
    fitted = scale_for(at_expiry, at_entry, [0.0], allow_log=False, room=0.1)
    # Room beneath the curves, where the strikes are named.
    scale = replace(fitted, low=fitted.low - NAMES_ROOM * (fitted.high - fitted.low))
    data = [
        line(
            grid,
            at_entry,
            name="On the day it was sold",
            colour=theme.BENCHMARK,
            hover="%{y:$,.0f} at %{x:,.2f}",
        ),
        line(
            grid,
            at_expiry,
            name="At expiry",
            colour=theme.STRATEGY,
            hover="%{y:$,.0f} at %{x:,.2f}",
        ),
    ]
    data[1]["line"]["width"] = 2.4
    ends = [
        ("At expiry", float(at_expiry[-1]), theme.STRATEGY),
        ("When sold", float(at_entry[-1]), theme.BENCHMARK),
    ]
    figure = theme.figure(
        data,
        height=HEIGHT,
        title=_title(sold, grid, at_expiry),
        margin={"l": 62, "r": 84, "t": TOP, "b": BOTTOM},
        xaxis=theme.axis(f"{escape(view.symbol)}, $", tickformat=",~r", nticks=7, zeroline=False),
        yaxis=scale.axis(title="P&L, $", tickformat="$~s", nticks=6),
        shapes=[_upright(leg.strike, "dot" if leg.side == "short" else "dash") for leg in sold.legs]
        + [_upright(sold.spot_entry, "solid")],
        annotations=[
            *end_labels(ends, scale, pixels=HEIGHT - TOP - BOTTOM, yref="y"),
            *_names(sold),
        ],
    )
    return Chart(
        figure,
        name="payoff",
        note=f"{text.plural(sold.contracts, 'contract')} sold {sold.entry_date}, "
        f"expiry {sold.expiry}; commission at entry included, slippage at exit not. "
        f"This one was closed {sold.exit_date} "
        f"({theme.reason_name(sold.exit_reason).lower()}) with "
        f"{text.money(sold.pnl, sign=True)}.",
        narrow={"margin.l": 50, "margin.r": 82, "xaxis.nticks": 4},
    )


def _grid(sold: Spread) -> Floats:
    strikes = sorted(leg.strike for leg in sold.legs)
    spot = sold.spot_entry
    low, high = min(strikes[0], spot), max(strikes[-1], spot)
    room = max(high - low, (strikes[-1] - strikes[0])) * 0.45
    # The corners of the payoff are drawn where they are.
    steps = np.linspace(max(low - room, low * 0.01), high + room, STEPS)
    return np.unique(np.concatenate([steps, strikes, [spot]]))


def _profits(view: RunView, book: SpreadBook, sold: Spread, grid: Floats) -> tuple[Floats, Floats]:
    entered = np.array([moment(sold.entry_date).date()], dtype="datetime64[D]")
    years = float(days_between(entered, sold.expiry)[0]) / DAYS
    shares = SHARES * sold.contracts
    fee = view.terms.commission * len(sold.legs) * sold.contracts
    profits = []
    for left in (0.0, years):
        value = np.zeros(len(grid))
        for leg in sold.legs:
            sign = 1.0 if leg.side == "short" else -1.0
            value += sign * book.value(leg, grid, left, sold.iv_entry)
        profits.append(floats(shares * (sold.credit - value) - fee))
    return profits[0], profits[1]


def _title(sold: Spread, grid: Floats, profit: Floats) -> str:
    kind = "Spread" if len(sold.legs) == 2 else "Condor"  # noqa: PLR2004 - two legs or four
    gain, loss = text.money(float(profit.max())), text.money(-float(profit.min()))
    crossings = np.flatnonzero(np.diff(np.sign(profit)) != 0)
    even = [
        float(np.interp(0.0, *_rising(profit[at : at + 2], grid[at : at + 2]))) for at in crossings
    ]
    where = f", even at {text.listed([f'{value:,.0f}' for value in even])}" if even else ""
    return f"{kind} of {sold.entry_date}: keeps up to {gain}, loses up to {loss}{where}"


def _rising(profit: Floats, grid: Floats) -> tuple[Floats, Floats]:
    order = np.argsort(profit)
    return profit[order], grid[order]


def _upright(at: float, dash: str) -> dict[str, object]:
    return {
        "type": "line",
        "xref": "x",
        "x0": at,
        "x1": at,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": {"color": theme.ZERO, "width": 1, "dash": dash},
    }


def _names(sold: Spread) -> list[dict[str, object]]:
    """Return the names of the uprights: strikes at the bottom, the price at the top."""
    names = [(leg.strike, f"{leg.side} {leg.right}", 0.0, "bottom") for leg in sold.legs]
    names.append((sold.spot_entry, "price at entry", 1.0, "top"))
    return [
        {
            "text": name,
            "xref": "x",
            "x": at,
            "yref": "paper",
            "y": y,
            "yanchor": anchor,
            "xanchor": "left",
            "xshift": 3,
            "textangle": -90 if y == 0.0 else 0,
            "showarrow": False,
            "font": {"size": 11},
        }
        for at, name, y, anchor in names
    ]
