"""Price with every entry and exit; the last two years first on long ranges."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import pandas as pd

from btkit.render import text, theme
from btkit.render.figures.levels import MOST, level_lines
from btkit.render.figures.lines import price_line, scale_for
from btkit.render.figures.marks import ENDS, dots
from btkit.render.figures.windows import View, buttons, first_shown, padded, spans
from btkit.render.pieces import Chart
from btkit.render.series import Floats, display_rows, floats, milliseconds, thinned_note
from btkit.render.view import RunView, Trade, trade_rows

HEIGHT = 460


def price_chart(view: RunView) -> Chart:
    """Return the price with entries, and exits coloured and shaped by their reason."""
    close = floats(view.curve["close"])
    log = scale_for(close).log
    rows = display_rows(close)
    views = price_views(view, close, log=log)
    first = views[0][1]
    figure = theme.figure(
        [
            price_line(
                view.times[rows],
                close[rows],
                line={"color": theme.BENCHMARK, "width": 1.2},
                showlegend=False,
            ),
            *_trips(view),
            *(levels := level_lines(view)),
            *_markers(view),
        ],
        height=HEIGHT,
        title=_title(view.of_lots, first["xaxis.range"]),
        showlegend=True,
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1,
            "xanchor": "left",
            "yanchor": "bottom",
            "itemsizing": "constant",
        },
        margin={"l": 58, "r": 16, "t": 92, "b": 36},
        xaxis=theme.time_axis(range=first["xaxis.range"]),
        yaxis=theme.axis(
            zeroline=False,
            tickformat=",~r",
            range=first["yaxis.range"],
            type="log" if log else "linear",
            nticks=7,
        ),
        **buttons(views),
    )
    note = "Entries and exits at their fill prices; hover over one for dates, size, P&L and reason."
    note += _levels_note(view, drawn=bool(levels))
    note += first_shown(views) + thinned_note(len(rows), len(close)) + view.shown_note
    return Chart(
        figure,
        name="price",
        note=note,
        narrow={"margin.l": 48, "margin.t": 112, "xaxis.nticks": 4},
    )


def _levels_note(view: RunView, *, drawn: bool) -> str:
    if not drawn:
        return ""
    lots = len(view.of_lots.trades)
    some = f" of the latest {MOST} of {lots:,} trades" if lots > MOST else ""
    sides = [view.rule.orders_of(short=short) for short in (False, True)]
    is_left_out = any(
        side.stop_price or side.target_price or (side.trailing_stop and side.trailing_stop.atr)
        for side in sides
    )
    left_out = "; those of expressions and ATRs are not" if is_left_out else ""
    return f" Levels{some} that are fractions of the fill are drawn while they stood{left_out}."


def _title(view: RunView, window: list[str]) -> str:
    trades = view.trades
    if not len(trades):
        return f"{escape(view.symbol)} without a single trade"
    inside = _inside(view, window)
    total = text.plural(len(trades), "trade")
    if inside == len(trades):
        return f"{escape(view.symbol)} with its {total}"
    return f"{escape(view.symbol)}: {inside} of {total} fall into the last two years"


def _inside(view: RunView, window: list[str]) -> int:
    entered = _naive(view.trades["entry_date"])
    first, last = (pd.Timestamp(end) for end in window)
    return int(((entered >= first) & (entered <= last)).sum())


def _naive(column: pd.Series[Any]) -> pd.DatetimeIndex:
    index = pd.DatetimeIndex(column)
    return index.tz_convert(None) if index.tz is not None else index


def price_views(view: RunView, close: Floats, *, log: bool) -> list[View]:
    """Return the parts of a run that its price can be shown of, the one that is shown first first.

    Parameters
    ----------
    view
        The run.
    close
        Of its bars.
    log
        Whether the axis of the price is logarithmic.
    """
    last = view.times[-1]
    views: list[View] = []
    for label, first in spans(view.times):
        inside = close[np.asarray(view.times >= first)]
        if log:
            y_range = [float(np.log10(end)) for end in (inside.min() * 0.96, inside.max() * 1.04)]
        else:
            y_range = scale_for(inside, allow_log=False, room=0.08).range
        pad = padded(first, last)
        x_range = [str(first - pad), str(last + pad)]
        views.append((label, {"xaxis.range": x_range, "yaxis.range": y_range}))
    if not _inside(view, views[0][1]["xaxis.range"]):
        views.insert(0, views.pop())  # nothing to see in the last years: all of it first
    return views


def _trips(view: RunView) -> list[dict[str, Any]]:
    """Return a faint line from each entry to its exit, gains and losses apart."""
    trades = view.shown
    traces = []
    for won, name, colour, _ in ENDS:
        part = trades[(trades["pnl"] > 0) == won]
        if not len(part):
            continue
        x = np.full((len(part), 3), np.nan)
        y = np.full((len(part), 3), np.nan)
        x[:, 0], x[:, 1] = (milliseconds(_naive(part[k])) for k in ("entry_date", "exit_date"))
        y[:, 0], y[:, 1] = part["entry_price"], part["exit_price"]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": x.ravel(),
                "y": y.ravel(),
                "connectgaps": False,
                "line": {"color": colour, "width": 1.6, "dash": "solid" if won else "dot"},
                "hoverinfo": "skip",
                "name": name,
                "showlegend": True,
            }
        )
    return traces


def _markers(view: RunView) -> list[dict[str, Any]]:
    if not len(view.shown):
        return []
    # The texts are the same at the entry and the exit: an export writes equal ones only once.
    trades, lots = (
        shown.assign(words=[_hover(view, trade) for trade in trade_rows(shown)])
        for shown in (view.shown, view.of_lots.shown)
    )
    traces = [
        dots(
            milliseconds(_naive(part["entry_date"])),
            floats(part["entry_price"]),
            name=name,
            marker=theme.entry_marker(up=up),
            text=list(part["words"]),
            hover=f"<b>{name}</b><br>%{{text}}<extra></extra>",
        )
        for name, up, part in _entries(view, lots)
        if len(part)
    ]
    for reason, part in trades.groupby("exit_reason", sort=True):
        leaves = dots(
            milliseconds(_naive(part["exit_date"])),
            floats(part["exit_price"]),
            name=escape(theme.reason_name(str(reason))),
            marker=theme.reason_marker(str(reason)),
            text=list(part["words"]),
            hover="<b>Exit</b><br>%{text}<extra></extra>",
        )
        traces.append(leaves)
    return traces


def _entries(view: RunView, trades: pd.DataFrame) -> list[tuple[str, bool, pd.DataFrame]]:
    """Return the entries that share a marker: their name, whether they gain upwards, which."""
    if "direction" not in trades:
        return [("Entry", view.terms.direction != "short", trades)]
    short = trades["direction"] == "short"
    return [("Long entry", True, trades[~short]), ("Short entry", False, trades[short])]


def _hover(view: RunView, trade: Trade) -> str:
    gain = f"{text.money(trade.pnl, sign=True)} ({text.percent(trade.return_pct, sign=True)})"
    entered = f"{text.day(trade.entry_date)} at {text.price(trade.entry_price)}"
    left = f"{text.day(trade.exit_date)} at {text.price(trade.exit_price)}"
    reason = escape(theme.reason_name(trade.exit_reason)).lower()
    side = f" {trade.direction}" if trade.direction else ""
    return (
        f"In {entered}<br>Out {left}, {reason}{_fill(view, trade)}<br>"
        f"{_shares(trade.shares)} shares{side}, {text.plural(int(trade.bars_held), 'bar')}<br>"
        f"P&L {gain}"
    )


def _fill(view: RunView, trade: Trade) -> str:
    places = {"level": f" inside the bar at {_level(view, trade)}", "gap": " at a gap beyond it"}
    unsure = "" if trade.certain else "<br>Whether stop or target came first is not known"
    return places.get(trade.fill_kind, "") + unsure


def _level(view: RunView, trade: Trade) -> str:
    # A stop pays slippage from its level, a target none.
    is_target = trade.exit_reason == "take_profit"
    is_short = (trade.direction or view.terms.direction) == "short"
    slip = 0.0 if is_target else view.terms.slippage
    return text.price(trade.exit_price / (1.0 + slip if is_short else 1.0 - slip))


def _shares(number: float) -> str:
    # Whole, or with up to four decimals where it is a fraction.
    return text.count(number) if float(number).is_integer() else text.ratio(number, digits=4)
