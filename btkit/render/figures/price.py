"""Price with every entry and exit; the last two years first on long ranges."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import pandas as pd

from btkit.render import text, theme
from btkit.render.figures.lines import line, scale_for
from btkit.render.pieces import Chart
from btkit.render.series import Floats, display_rows, milliseconds, thinned_note
from btkit.render.view import RunView, Trade, trade_rows

HEIGHT = 460
ALL = "All"
BUTTON_YEARS = (2, 5, 10)


def price_chart(view: RunView) -> Chart:
    """Return the price with entries, and exits coloured and shaped by their reason."""
    close = view.curve["close"].to_numpy(dtype=np.float64)
    rows = display_rows(close)
    x = milliseconds(view.times[rows])
    price = line(x, close[rows], name="Close", colour=theme.BENCHMARK, hover="%{y:,.2f}")
    price["line"]["width"] = 1.2
    price["showlegend"] = False
    price["hovertemplate"] = "%{x|%Y-%m-%d}<br>Close %{y:,.2f}<extra></extra>"
    data = [price, *_trips(view), *_markers(view)]

    views = _ranges(view, close)
    if not _inside(view, views[0][1]["xaxis.range"]):
        views.insert(0, views.pop())  # nothing to see in the last years: all of it first
    first = views[0][1]
    log = scale_for(close).log
    arrangement = theme.layout(
        height=HEIGHT,
        title=_title(view, first["xaxis.range"]),
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
    )
    if len(views) > 1:
        arrangement["updatemenus"] = [_menu(views)]
    note = "Entries and exits at their fill prices; hover over one for dates, size, P&L and reason."
    if len(views) > 1 and views[0][0] != ALL:
        note += f" Shows the last {views[0][0]} first."
    note += thinned_note(len(rows), len(close)) + view.shown_note
    return Chart(
        theme.figure(data, arrangement),
        name="price",
        note=note,
        narrow={"margin.l": 48, "margin.t": 112, "xaxis.nticks": 4},
    )


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
    return index.tz_convert("UTC").tz_localize(None) if index.tz is not None else index


def _ranges(view: RunView, close: Floats) -> list[tuple[str, dict[str, Any]]]:
    last, start = view.times[-1], view.times[0]
    spans = [
        (f"{years} years", last - pd.DateOffset(years=years))
        for years in BUTTON_YEARS
        if last - pd.DateOffset(years=years) > start + pd.DateOffset(months=6)
    ]
    log = scale_for(close).log
    views = []
    for label, first in [*spans, (ALL, start)]:
        inside = np.asarray(view.times >= first)
        fitted = scale_for(close[inside], allow_log=False, room=0.08)
        if log:
            ends = [close[inside].min() * 0.96, close[inside].max() * 1.04]
            y_range = [float(np.log10(end)) for end in ends]
        else:
            y_range = fitted.range
        pad = max((last - first) * 0.015, pd.Timedelta(0))
        x_range = [str(first - pad), str(last + pad)]
        views.append((label, {"xaxis.range": x_range, "yaxis.range": y_range}))
    return views


def _menu(views: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    buttons = [{"label": name, "method": "relayout", "args": [patch]} for name, patch in views]
    return {
        "type": "buttons",
        "direction": "right",
        "buttons": buttons,
        "x": 1,
        "xanchor": "right",
        "y": 1.02,
        "yanchor": "bottom",
        "pad": {"t": 0, "b": 0},
    }


def _trips(view: RunView) -> list[dict[str, Any]]:
    """Return a faint line from each entry to its exit, gains and losses apart."""
    trades = view.shown
    traces = []
    for won, colour, dash in ((True, theme.GAIN, "solid"), (False, theme.LOSS, "dot")):
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
                "line": {"color": colour, "width": 1.6, "dash": dash},
                "hoverinfo": "skip",
                "name": "Gain" if won else "Loss",
                "showlegend": True,
            }
        )
    return traces


def _markers(view: RunView) -> list[dict[str, Any]]:
    trades = view.shown
    if not len(trades):
        return []
    up = view.terms.direction != "short"
    traces = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": milliseconds(_naive(trades["entry_date"])),
            "y": trades["entry_price"].to_numpy(dtype=np.float64),
            "name": "Entry",
            "marker": {
                "symbol": "triangle-up" if up else "triangle-down",
                "size": 9,
                "color": theme.STRATEGY,
            },
            "text": [_hover(trade) for trade in trade_rows(trades)],
            "hovertemplate": "<b>Entry</b><br>%{text}<extra></extra>",
        }
    ]
    for reason, part in trades.groupby("exit_reason", sort=True):
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": milliseconds(_naive(part["exit_date"])),
                "y": part["exit_price"].to_numpy(dtype=np.float64),
                "name": escape(theme.reason_name(str(reason))),
                "marker": {
                    "symbol": theme.reason_symbol(str(reason)),
                    "size": 9,
                    "color": theme.reason_colour(str(reason)),
                },
                # As at the entry: an export writes equal texts only once.
                "text": [_hover(trade) for trade in trade_rows(part)],
                "hovertemplate": "<b>Exit</b><br>%{text}<extra></extra>",
            }
        )
    return traces


def _hover(trade: Trade) -> str:
    gain = f"{text.money(trade.pnl, sign=True)} ({text.percent(trade.return_pct, sign=True)})"
    entered = f"{text.day(trade.entry_date)} at {text.price(trade.entry_price)}"
    left = f"{text.day(trade.exit_date)} at {text.price(trade.exit_price)}"
    reason = escape(theme.reason_name(trade.exit_reason)).lower()
    return (
        f"In {entered}<br>Out {left}, {reason}<br>"
        f"{shares(trade.shares)} shares, {text.plural(int(trade.bars_held), 'bar')}<br>P&L {gain}"
    )


def shares(number: float) -> str:
    """Return a number of shares: whole, or with up to four decimals when fractional."""
    return text.count(number) if float(number).is_integer() else text.ratio(number, digits=4)
