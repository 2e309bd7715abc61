"""The lifetime of each spread: price against strikes, value against credit, days to expiry."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from btkit.render import text, theme
from btkit.render.figures.lines import Scale, end_labels, panel_title, price_line
from btkit.render.figures.marks import dots, level
from btkit.render.figures.windows import View, buttons, first_shown, padded, spans
from btkit.render.options.book import SpreadBook, SpreadLifetime, moment
from btkit.render.pieces import Chart
from btkit.render.series import Floats, compact, display_rows, floats, milliseconds, thinned_note
from btkit.render.view import RunView

HEIGHT = 760
TOP, BOTTOM = 96, 36
PANELS = {"y": (0.52, 1.0), "y2": (0.20, 0.43), "y3": (0.0, 0.11)}
# Beside a single spread at least this much time is seen before and after it.
AROUND = pd.Timedelta(days=10)
# A spread that ran against the strategy is seen up to here; what lies above is cut off.
HIGHEST = 6.0
SHORT_STRIKE = theme.ATTENTION
LONG_STRIKE = "#CC79A7"
SIDES = ("short", "long")


def lifetimes_chart(view: RunView, book: SpreadBook) -> Chart:
    """Return the underlying with the strikes of every spread, and beneath it what each was worth.

    Parameters
    ----------
    view
        The run.
    book
        Its spreads; at least one.
    """
    close = floats(view.curve["close"])
    rows = display_rows(close)
    data = [
        price_line(view.times[rows], close[rows]),
        _strikes(view, book, "long", LONG_STRIKE),
        _strikes(view, book, "short", SHORT_STRIKE),
        *_exits(book),
        _values(view, book),
        _days(view, book),
    ]
    stop = book.rule.stop_loss_pct
    target = 1.0 - book.rule.profit_target_pct
    worst = max(float(lifetime.value.max() / lifetime.spread.credit) for lifetime in book.lifetimes)
    scale = Scale(0.0, min(max(worst, stop, 1.0) * 1.08, HIGHEST), log=False)
    views = _ranges(view, book, close)
    first = views[0][1]
    marks = [("Credit", 1.0, theme.INK), ("Target", target, theme.GAIN)]
    if stop <= scale.high:
        marks.append(("Stop", stop, theme.LOSS))
    pixels = (HEIGHT - TOP - BOTTOM) * (PANELS["y2"][1] - PANELS["y2"][0])
    figure = theme.figure(
        data,
        height=HEIGHT,
        title=_title(book),
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom"},
        margin={"l": 58, "r": 62, "t": TOP, "b": BOTTOM},
        xaxis=theme.time_axis(anchor="y3", range=first["xaxis.range"]),
        yaxis=theme.axis(
            domain=list(PANELS["y"]),
            zeroline=False,
            tickformat=",~r",
            range=first["yaxis.range"],
            nticks=7,
        ),
        yaxis2=scale.axis(domain=list(PANELS["y2"]), anchor="x", nticks=5, ticksuffix="×"),
        yaxis3=theme.axis(domain=list(PANELS["y3"]), anchor="x", nticks=3, rangemode="tozero"),
        annotations=[
            panel_title("Cost to close, as a multiple of the credit", yref="y2"),
            panel_title("Days to expiry", yref="y3"),
            *end_labels(marks, scale, pixels=pixels, yref="y2", gap=15),
        ],
        shapes=[level(value, colour, yref="y2") for _, value, colour in marks],
        **buttons(views),
    )
    return Chart(
        figure,
        name="spreads",
        note="Each spread from entry to exit: the strikes sold and bought, exits by their reason, "
        "and at each close what buying it back would have cost."
        + first_shown(views)
        + (" Worst and Last show one spread." if len(book.lifetimes) > 1 else "")
        + thinned_note(len(rows), len(close))
        + view.shown_note,
        narrow={"margin.l": 46, "margin.r": 48, "margin.t": 136, "xaxis.nticks": 4},
    )


def _title(book: SpreadBook) -> str:
    breached = [lifetime for lifetime in book.lifetimes if _breached(lifetime)]
    total = text.plural(len(book.lifetimes), "spread")
    if not breached:
        return f"{total}: the short strike was never crossed at a close"
    word = "spread" if len(book.lifetimes) == 1 else "spreads"
    return f"The short strike was crossed in {len(breached)} of {len(book.lifetimes)} {word}"


def _breached(lifetime: SpreadLifetime) -> bool:
    return any(
        bool(
            (lifetime.close < leg.strike).any()
            if leg.right == "put"
            else (lifetime.close > leg.strike).any()
        )
        for leg in lifetime.spread.legs
        if leg.side == "short"
    )


def _strikes(view: RunView, book: SpreadBook, side: str, colour: str) -> dict[str, Any]:
    x: list[float] = []
    y: list[float] = []
    hover: list[str] = []
    for lifetime in book.shown:
        ends = milliseconds(pd.DatetimeIndex(_ends(lifetime))).tolist()
        # A spread that came and went on one bar is still to be seen.
        ends[1] = max(ends[1], ends[0] + _bar(view))
        for strike in lifetime.strikes(side):
            x += [*ends, np.nan]
            y += [strike, strike, np.nan]
            hover += [_story(lifetime)] * 3
    return {
        "type": "scatter",
        "mode": "lines",
        "x": floats(x),
        "y": compact(y),
        "connectgaps": False,
        "line": {"color": colour, "width": 2.4 if side == "short" else 1.4},
        "name": "Strike sold" if side == "short" else "Strike bought",
        "text": hover,
        "hovertemplate": "%{text}<extra></extra>",
    }


def _ends(lifetime: SpreadLifetime) -> list[pd.Timestamp]:
    return [moment(lifetime.spread.entry_date), moment(lifetime.spread.exit_date)]


def _bar(view: RunView) -> float:
    return float(np.median(np.diff(milliseconds(view.times)))) if len(view.times) > 1 else 0.0


def _story(lifetime: SpreadLifetime) -> str:
    spread = lifetime.spread
    strikes = ", ".join(
        f"{leg.side} {leg.right} {text.price(leg.strike)}" for leg in lifetime.spread.legs
    )
    return (
        f"<b>{text.plural(lifetime.spread.contracts, 'contract')}</b><br>{strikes}<br>"
        f"Sold {spread.entry_date} at {text.price(spread.credit)}, "
        f"IV {text.percent(spread.iv_entry)}<br>"
        f"Out {spread.exit_date} at {text.price(spread.close_value)}, "
        f"{theme.reason_name(spread.exit_reason).lower()}<br>"
        f"Expiry {spread.expiry}<br>P&L {text.money(spread.pnl, sign=True)}"
    )


def _exits(book: SpreadBook) -> list[dict[str, Any]]:
    traces = []
    for reason in sorted({str(lifetime.spread.exit_reason) for lifetime in book.shown}):
        part = [lifetime for lifetime in book.shown if lifetime.spread.exit_reason == reason]
        leaves = dots(
            milliseconds(pd.DatetimeIndex([moment(one.spread.exit_date) for one in part])),
            [one.spread.spot_exit for one in part],
            name=theme.reason_name(reason),
            marker=theme.reason_marker(reason),
            text=[_story(one) for one in part],
        )
        traces.append(leaves)
    return traces


def _values(view: RunView, book: SpreadBook) -> dict[str, Any]:
    x, y = _joined(view, book, [lifetime.value / lifetime.spread.credit for lifetime in book.shown])
    return _panel_line(x, y, axis="y2", hover="%{y:.2f} × the credit")


def _days(view: RunView, book: SpreadBook) -> dict[str, Any]:
    x, y = _joined(view, book, [lifetime.days for lifetime in book.shown])
    return _panel_line(x, y, axis="y3", hover="%{y:.0f} days to expiry")


def _joined(
    view: RunView, book: SpreadBook, parts: list[Floats]
) -> tuple[list[float], list[float]]:
    """Return all spreads as one line with gaps: one trace draws faster than hundreds."""
    x: list[float] = []
    y: list[float] = []
    times = milliseconds(view.times)
    for lifetime, values in zip(book.shown, parts, strict=True):
        x += [*times[lifetime.rows].tolist(), np.nan]
        y += [*values.tolist(), np.nan]
    return x, y


def _panel_line(x: list[float], y: list[float], *, axis: str, hover: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": floats(x),
        "y": compact(y),
        "yaxis": axis,
        "connectgaps": False,
        "line": {"color": theme.STRATEGY, "width": 1.4},
        "marker": {"size": 3, "color": theme.STRATEGY},
        "showlegend": False,
        "hovertemplate": "%{x|%Y-%m-%d}<br>" + hover + "<extra></extra>",
    }


def _ranges(view: RunView, book: SpreadBook, close: Floats) -> list[View]:
    """Return the windows to choose from, the one to begin with first."""
    last, start = view.times[-1], view.times[0]
    views, single = [], []
    if len(book.lifetimes) > 1:
        worst = min(book.lifetimes, key=lambda lifetime: lifetime.spread.pnl)
        single = [("Worst", worst), ("Last", book.lifetimes[-1])]
    for label, first in spans(view.times):
        inside = [
            lifetime for lifetime in book.lifetimes if moment(lifetime.spread.exit_date) >= first
        ]
        if inside:
            pad = padded(first, last)
            views.append((label, _window(view, close, inside, first, last, pad)))
    for label, lifetime in single:
        first, out = _ends(lifetime)
        pad = max((out - first) * 0.5, min(AROUND, (last - start) * 0.05))
        views.append((label, _window(view, close, [lifetime], first, out, pad)))
    return views


def _window(
    view: RunView,
    close: Floats,
    lifetimes: list[SpreadLifetime],
    first: pd.Timestamp,
    last: pd.Timestamp,
    pad: pd.Timedelta,
) -> dict[str, Any]:
    """Return the ranges that show some spreads and the price from `first` to `last`."""
    within = np.asarray((view.times >= first - pad) & (view.times <= last + pad))
    seen = close[within].tolist()
    seen += [
        strike for lifetime in lifetimes for side in SIDES for strike in lifetime.strikes(side)
    ]
    room = (max(seen) - min(seen)) * 0.05
    return {
        "xaxis.range": [str(first - pad), str(last + pad)],
        "yaxis.range": [min(seen) - room, max(seen) + room],
    }
