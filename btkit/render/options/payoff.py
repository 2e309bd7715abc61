"""What one spread makes or loses, by where the underlying ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape
from typing import Any

from btkit.pricing.spreads import Spread
from btkit.render import text, theme
from btkit.render.figures.lines import Scale, end_labels, line, scale_for
from btkit.render.figures.marks import upright
from btkit.render.options.book import SpreadBook
from btkit.render.options.position import OpenSpread, PositionLeg
from btkit.render.pieces import Chart
from btkit.render.series import Floats
from btkit.render.view import RunView
from btkit.spelling import listed

HEIGHT = 420
TOP, BOTTOM = 56, 52
_ROOM = 0.45
_HOVER = "%{y:$,.0f} at %{x:,.2f}"


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
    position = book.position(sold)
    grid = position.prices(room=_ROOM)
    at_expiry, at_entry = position.profit(grid, days=0), position.profit(grid)
    scale = with_names(scale_for(at_expiry, at_entry, [0.0], allow_log=False, room=0.1), 0.25)
    data = [
        line(grid, at_entry, name="On the day it was sold", colour=theme.BENCHMARK, hover=_HOVER),
        line(grid, at_expiry, name="At expiry", colour=theme.STRATEGY, hover=_HOVER),
    ]
    data[1]["line"]["width"] = 2.4
    ends = [
        ("At expiry", float(at_expiry[-1]), theme.STRATEGY),
        ("When sold", float(at_entry[-1]), theme.BENCHMARK),
    ]
    at_sale = _name(sold.spot_entry, "price at entry")
    figure = theme.figure(
        data,
        height=HEIGHT,
        title=_title(position, sold, at_expiry),
        margin={"l": 62, "r": 84, "t": TOP, "b": BOTTOM},
        xaxis=theme.axis(f"{escape(view.symbol)}, $", tickformat=",~r", nticks=7, zeroline=False),
        yaxis=scale.axis(title="P&L, $", tickformat="$~s", nticks=6),
        shapes=[*strike_rules(position.legs), upright(sold.spot_entry, theme.ZERO, dash="solid")],
        annotations=[
            *end_labels(ends, scale, pixels=HEIGHT - TOP - BOTTOM, yref="y"),
            *strike_names(position.legs),
            at_sale | {"y": 1, "yanchor": "top", "textangle": 0},
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


def with_names(scale: Scale, room: float) -> Scale:
    """Return a scale with room beneath the curves, where the strikes are named."""
    return replace(scale, low=scale.low - room * (scale.high - scale.low))


def strike_rules(legs: Sequence[PositionLeg]) -> list[dict[str, Any]]:
    """Return a rule at each strike: dots where an option was sold, dashes where one was bought."""
    return [
        upright(leg.strike, theme.ZERO, dash="dot" if leg.side == "short" else "dash")
        | {"xref": "x", "yref": "y domain"}
        for leg in legs
    ]


def strike_names(legs: Sequence[PositionLeg]) -> list[dict[str, Any]]:
    """Return the names of the strikes, upright at the bottom."""
    return [_name(leg.strike, leg.name) for leg in legs]


def _name(at: float, words: str) -> dict[str, Any]:
    return {
        "text": words,
        "xref": "x",
        "x": at,
        "yref": "y domain",
        "y": 0,
        "yanchor": "bottom",
        "xanchor": "left",
        "xshift": 3,
        "textangle": -90,
        "showarrow": False,
        "font": {"size": 11},
    }


def _title(position: OpenSpread, sold: Spread, profit: Floats) -> str:
    kind = "Spread" if len(sold.legs) == 2 else "Condor"  # noqa: PLR2004 - two legs or four
    gain, loss = text.money(float(profit.max())), text.money(-float(profit.min()))
    evens = [f"{price:,.0f}" for price in position.evens]
    where = f", even at {listed(evens)}" if evens else ""
    return f"{kind} of {sold.entry_date}: keeps up to {gain}, loses up to {loss}{where}"
