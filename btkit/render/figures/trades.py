"""What single trades brought: their spread, how long they took, and why they ended."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from btkit.render import text, theme
from btkit.render.figures.lines import scale_for
from btkit.render.figures.marks import ENDS, bin_edges, bins, counts_axis, dots, gain_colours
from btkit.render.pieces import Chart
from btkit.render.series import Floats, floats
from btkit.render.view import RunView, trade_rows

HEIGHT = 340
# Of the span of all bars: the room that an amount of money takes up in a third of a page.
LABEL_ROOM = 0.4
MARGIN = {"l": 52, "r": 12, "t": 56, "b": 46}


def distribution_chart(view: RunView) -> Chart:
    """Return how profits and losses are spread; no bin mixes the two."""
    pnl = floats(view.trades["pnl"])
    bars = bins(
        pnl,
        bin_edges(pnl),
        lambda low, high: f"{text.money(low, sign=True)} to {text.money(high, sign=True)}",
        noun="trade",
    )
    figure = theme.figure(
        [bars],
        height=HEIGHT,
        title=_spread_title(pnl),
        margin=MARGIN,
        xaxis=theme.axis("P&L of a trade, $", tickformat="$~s", nticks=6),
        yaxis=counts_axis("Trades", bars["y"], tickformat=",d", nticks=6),
    )
    return Chart(figure, name="pnl-distribution", width="third")


def _spread_title(pnl: Floats) -> str:
    median = f"Median trade {text.money(float(np.median(pnl)), sign=True)}"
    if len(pnl) == 1:
        return f"One trade, {text.money(float(pnl[0]), sign=True)}"
    return f"{median}, from {text.money(float(pnl.min()))} to {text.money(float(pnl.max()))}"


def holding_chart(view: RunView) -> Chart:
    """Return P&L against bars held."""
    data = []
    for won, name, colour, symbol in ENDS:
        part = view.shown[(view.shown["pnl"] > 0) == won]
        hover = [
            f"{text.day(trade.entry_date)} to {text.day(trade.exit_date)}<br>"
            f"{text.plural(int(trade.bars_held), 'bar')}, {text.money(trade.pnl, sign=True)}"
            for trade in trade_rows(part)
        ]
        if hover:
            marker = {"color": colour, "symbol": symbol, "size": 7, "opacity": 0.7}
            x, y = floats(part["bars_held"]), floats(part["pnl"])
            data.append(dots(x, y, marker=marker, name=name, text=hover))
    scale = scale_for(view.shown["pnl"], [0.0], allow_log=False)
    figure = theme.figure(
        data,
        height=HEIGHT,
        title=_holding_title(view),
        margin=MARGIN,
        xaxis=theme.axis("Bars held", tickformat=",d", nticks=6, rangemode="tozero"),
        yaxis=scale.axis(title="P&L, $", tickformat="$~s", nticks=6),
    )
    return Chart(figure, name="pnl-against-bars", note=view.shown_note.strip(), width="third")


def _holding_title(view: RunView) -> str:
    trades = view.trades
    won = trades.loc[trades["pnl"] > 0, "bars_held"]
    lost = trades.loc[trades["pnl"] < 0, "bars_held"]
    if len(won) and len(lost):
        return f"Winners were held {won.mean():.1f} bars, losers {lost.mean():.1f}"
    kind = "winner" if len(won) else "loser"
    return f"Every trade a {kind}, held {trades['bars_held'].mean():.1f} bars on average"


def reasons_chart(view: RunView) -> Chart:
    """Return what trades of each exit reason brought together."""
    groups = view.trades.groupby("exit_reason")["pnl"].agg(["sum", "count", "mean"])
    groups = groups.sort_values("sum")
    names = [theme.reason_name(str(reason)) for reason in groups.index]
    noun = "exit" if view.in_parts else "trade"
    totals = floats(groups["sum"])
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "y": [
                f"{name}<br>{text.plural(int(number), noun)}"
                for name, number in zip(names, groups["count"], strict=True)
            ],
            "x": totals,
            "width": 0.5,
            "marker": {"color": gain_colours(totals)},
            "text": [text.money(float(total), sign=True) for total in totals],
            "textposition": np.where(_long(totals), "inside", "outside").tolist(),
            "cliponaxis": False,
            "customdata": [text.money(float(mean), sign=True) for mean in groups["mean"]],
            "hovertemplate": "%{y}<br>together %{text}<br>"
            f"{_each(noun)} %{{customdata}}<extra></extra>",
        }
    ]
    figure = theme.figure(
        data,
        height=HEIGHT,
        title=_reasons_title(names, totals),
        margin={**MARGIN, "l": 84},
        xaxis=theme.axis("Sum of P&L, $", tickformat="$~s", nticks=5, range=_sums_range(totals)),
        yaxis=theme.axis(showgrid=False, zeroline=False, type="category"),
    )
    return Chart(figure, name="pnl-by-reason", width="third")


def _each(noun: str) -> str:
    return f"{'an' if noun == 'exit' else 'a'} {noun}"


def _long(totals: Floats) -> NDArray[np.bool_]:
    """Return which bars have room for their own text."""
    span = max(0.0, float(totals.max())) - min(0.0, float(totals.min()))
    return np.abs(totals) >= LABEL_ROOM * span


def _sums_range(totals: Floats) -> list[float] | None:
    """Return a range in which the text beside a short bar does not run into the axis' own."""
    low, high = min(0.0, float(totals.min())), max(0.0, float(totals.max()))
    if low == high:
        return None
    room = LABEL_ROOM * (high - low)
    short = totals[~_long(totals)]
    lowest = min([low, *(short[short < 0.0] - room).tolist()])
    highest = max([high, *(short[short >= 0.0] + room).tolist()])
    edge = 0.04 * (highest - lowest)
    return [lowest - edge * (low < 0.0), highest + edge * (high > 0.0)]


def _reasons_title(names: list[str], totals: Floats) -> str:
    best = f"{names[-1]} {text.money(float(totals[-1]), sign=True)}"
    if len(names) == 1:
        return f"All by {names[0].lower()}, {text.money(float(totals[0]), sign=True)}"
    return f"{best}, {names[0].lower()} {text.money(float(totals[0]), sign=True)}"
