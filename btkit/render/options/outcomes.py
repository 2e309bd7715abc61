"""What the spreads kept of their credits, and whether the IV rank at entry foretold it."""

from __future__ import annotations

import numpy as np

from btkit.render import text, theme
from btkit.render.figures.marks import ENDS, bin_edges, bins, counts_axis, dots
from btkit.render.figures.trades import HEIGHT, MARGIN
from btkit.render.options.book import SpreadBook, number
from btkit.render.pieces import Chart
from btkit.render.series import Floats, floats

MIDDLE_RANK = 50.0


def kept_chart(book: SpreadBook) -> Chart:
    """Return how much of the credit the spreads kept; no bin mixes keeping and losing."""
    kept = floats(
        [1.0 - lifetime.spread.close_value / lifetime.spread.credit for lifetime in book.lifetimes]
    )
    edges = bin_edges(kept * 100.0)
    # More than all of it cannot be kept.
    edges[-1] = min(edges[-1], 100.0)
    bars = bins(
        kept * 100.0,
        edges,
        lambda low, high: f"{low:.0f} to {high:.0f} % of the credit",
        noun="spread",
    )
    figure = theme.figure(
        [bars],
        height=HEIGHT,
        title=_kept_title(book, kept),
        margin=MARGIN,
        xaxis=theme.axis("Credit kept, %, before commission", nticks=6),
        yaxis=counts_axis("Spreads", bars["y"], tickformat=",d", nticks=6),
    )
    return Chart(figure, name="credit-kept", width="third")


def _kept_title(book: SpreadBook, kept: Floats) -> str:
    shares = floats(
        [lifetime.spread.contracts * lifetime.spread.credit for lifetime in book.lifetimes]
    )
    together = float((kept * shares).sum() / shares.sum())
    median = text.percent(float(np.median(kept)), digits=0)
    verb = "kept" if together >= 0 else "lost"
    whole = text.percent(abs(together), digits=0)
    return f"Of all credits together {whole} was {verb}; the median spread kept {median}"


def rank_chart(book: SpreadBook) -> Chart | None:
    """Return profit against the IV rank at entry; None where no rank is known."""
    ranks = floats([number(lifetime.spread.iv_rank_entry) for lifetime in book.lifetimes])
    known = [book.lifetimes[place].spread for place in np.flatnonzero(np.isfinite(ranks))]
    if not known:
        return None
    drawn = {id(lifetime.spread) for lifetime in book.shown}
    rank = ranks[np.isfinite(ranks)]
    made = floats([spread.pnl / spread.max_loss for spread in known])
    data = []
    for won, name, colour, symbol in ENDS:
        part = [
            index
            for index, spread in enumerate(known)
            if (made[index] > 0) == won and id(spread) in drawn
        ]
        hover = [
            f"{known[index].entry_date}<br>IV rank {rank[index]:.0f}<br>"
            f"{text.money(known[index].pnl, sign=True)}, "
            f"{text.percent(float(made[index]), sign=True)} of the max loss"
            for index in part
        ]
        if hover:
            marker = {"color": colour, "symbol": symbol, "size": 8, "opacity": 0.75}
            data.append(dots(rank[part], made[part] * 100.0, marker=marker, name=name, text=hover))
    figure = theme.figure(
        data,
        height=HEIGHT,
        title=_rank_title(rank, made),
        margin=MARGIN,
        xaxis=theme.axis("IV rank at entry", range=[-4, 104], nticks=6, zeroline=False),
        yaxis=theme.axis("P&L, % of max loss", nticks=6),
    )
    unknown = len(book.lifetimes) - len(known)
    left_out = f"{text.plural(unknown, 'spread')} without a known rank left out." if unknown else ""
    return Chart(
        figure,
        name="iv-rank",
        note=(left_out + book.view.shown_note).strip(),
        width="third",
    )


def _rank_title(rank: Floats, made: Floats) -> str:
    high, low = made[rank >= MIDDLE_RANK], made[rank < MIDDLE_RANK]
    if not (len(high) and len(low)):
        side = "50 or above" if len(high) else "below 50"
        return f"Every entry at an IV rank {side}; mean {_mean(made)} of the max loss"
    return (
        f"{len(high)} sold at an IV rank of 50 or above: mean {_mean(high)} of the max loss; "
        f"{len(low)} below: {_mean(low)}"
    )


def _mean(made: Floats) -> str:
    return text.percent(float(made.mean()), sign=True)
