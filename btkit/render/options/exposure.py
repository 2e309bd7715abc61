"""What the book of open spreads gains or loses as the market moves: its greeks through time."""

from __future__ import annotations

import numpy as np

from btkit.render import text, theme
from btkit.render.figures.lines import area, panel_title
from btkit.render.options.book import SpreadBook
from btkit.render.pieces import Chart
from btkit.render.series import display_rows, milliseconds, thinned_note
from btkit.render.view import RunView

HEIGHT = 620
NAMES = {
    "delta": "Delta: $ gained per $1 that the underlying rises",
    "gamma": "Gamma: change of delta per $1",
    "theta": "Theta: $ gained by the passing of a day",
    "vega": "Vega: $ gained per point of implied volatility",
}
SHORT = {"delta": "Delta, $ per $1", "gamma": "Gamma", "theta": "Theta, $ a day", "vega": "Vega, $"}
GAP = 0.075


def greeks_chart(view: RunView, book: SpreadBook) -> Chart:
    """Return delta, gamma, theta and vega of the whole book at each close, one panel each."""
    greeks = book.greeks()
    known = [np.where(np.isfinite(values), values, np.nan) for values in greeks.values()]
    rows = display_rows(*known)
    x = milliseconds(view.times[rows])
    data, panels, axes = [], [], {}
    height = (1.0 - GAP * (len(NAMES) - 1)) / len(NAMES)
    for number, ((name, title), values) in enumerate(zip(NAMES.items(), known, strict=True)):
        suffix = "" if number == 0 else str(number + 1)
        data.append(
            area(x, values[rows], name=name.capitalize(), hover="%{y:,.4~g}", yaxis=f"y{suffix}")
        )
        top = 1.0 - number * (height + GAP)
        axes[f"yaxis{suffix}"] = theme.axis(
            domain=[top - height, top],
            anchor="x",
            nticks=4,
            tickformat=",.3~r" if name == "gamma" else "~s",
        )
        panels.append(panel_title(title, yref=f"y{suffix}"))
    figure = theme.figure(
        data,
        height=HEIGHT,
        title=_title(greeks["theta"], greeks["delta"]),
        hovermode="x unified",
        hoversubplots="axis",
        margin={"l": 58, "r": 16, "t": 76, "b": 36},
        xaxis=theme.time_axis(anchor=f"y{len(NAMES)}"),
        annotations=panels,
        **axes,
    )
    narrow = {f"annotations[{number}].text": short for number, short in enumerate(SHORT.values())}
    return Chart(
        figure,
        name="greeks",
        note="All open spreads together at each close, priced as they were marked."
        + thinned_note(len(rows), len(view.times)),
        narrow={"margin.l": 48, "xaxis.nticks": 4, **narrow},
    )


def _title(theta: np.ndarray, delta: np.ndarray) -> str:
    held = (theta != 0.0) | (delta != 0.0)
    if not held.any():
        return "No spread was open at any close"
    share = text.percent(float(held.mean()), digits=0)
    # At expiry, on the strike itself, theta is infinite.
    finite = theta[held & np.isfinite(theta)]
    mean = text.money(float(finite.mean()) if len(finite) else None, sign=True)
    return f"Open on {share} of the bars, where a day's passing brought {mean} on average"
