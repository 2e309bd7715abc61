"""What the spreads kept of their credits, and whether the IV rank at entry told it."""

from __future__ import annotations

from typing import Any

import numpy as np

from btkit.render import text, theme
from btkit.render.figures.trades import bin_edges
from btkit.render.options.book import SpreadBook, number
from btkit.render.pieces import Chart
from btkit.render.series import Floats, floats

HEIGHT = 340
MARGIN = {"l": 52, "r": 12, "t": 56, "b": 46}
MIDDLE_RANK = 50.0


def kept_chart(book: SpreadBook) -> Chart:
    """Return how much of the credit the spreads kept; no bin mixes keeping and losing."""
    kept = floats(
        [1.0 - lifetime.spread.close_value / lifetime.spread.credit for lifetime in book.lifetimes]
    )
    edges = bin_edges(kept * 100.0)
    # More than all of it cannot be kept.
    edges[-1] = min(edges[-1], 100.0)
    counts, _ = np.histogram(kept * 100.0, bins=edges)
    middles = (edges[:-1] + edges[1:]) / 2
    data = [
        {
            "type": "bar",
            "x": middles,
            "y": counts,
            "width": np.diff(edges) * 0.92,
            "marker": {"color": np.where(middles > 0, theme.GAIN, theme.LOSS).tolist()},
            "text": [
                f"{low:.0f} to {high:.0f} % of the credit<br>{text.plural(int(number), 'spread')}"
                for low, high, number in zip(edges[:-1], edges[1:], counts, strict=True)
            ],
            "textposition": "none",
            "hovertemplate": "%{text}<extra></extra>",
        }
    ]
    arrangement = theme.layout(
        height=HEIGHT,
        title=_kept_title(book, kept),
        margin=MARGIN,
        xaxis=theme.axis(title={"text": "Credit kept, %, before commission"}, nticks=6),
        yaxis=theme.axis(title={"text": "Spreads"}, tickformat=",d", nticks=6),
    )
    return Chart(theme.figure(data, arrangement), name="credit-kept", width="third")


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
    data: list[dict[str, Any]] = []
    for won, name, colour, symbol in (
        (True, "Gain", theme.GAIN, "circle"),
        (False, "Loss", theme.LOSS, "x"),
    ):
        part = [
            index
            for index, spread in enumerate(known)
            if (made[index] > 0) == won and id(spread) in drawn
        ]
        if not part:
            continue
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": rank[part],
                "y": made[part] * 100.0,
                "marker": {"color": colour, "symbol": symbol, "size": 8, "opacity": 0.75},
                "text": [
                    f"{known[index].entry_date}<br>IV rank {rank[index]:.0f}<br>"
                    f"{text.money(known[index].pnl, sign=True)}, "
                    f"{text.percent(float(made[index]), sign=True)} of the max loss"
                    for index in part
                ],
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
    arrangement = theme.layout(
        height=HEIGHT,
        title=_rank_title(rank, made),
        margin=MARGIN,
        xaxis=theme.axis(
            title={"text": "IV rank at entry"}, range=[-4, 104], nticks=6, zeroline=False
        ),
        yaxis=theme.axis(title={"text": "P&L, % of max loss"}, nticks=6),
    )
    unknown = len(book.lifetimes) - len(known)
    left_out = f"{text.plural(unknown, 'spread')} without a known rank left out." if unknown else ""
    return Chart(
        theme.figure(data, arrangement),
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
