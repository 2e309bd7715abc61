"""Which part of a long range a chart shows first, and the buttons for the others."""

from __future__ import annotations

from typing import Any

import pandas as pd

from btkit.render import text

ALL = "All"
YEARS = (2, 5, 10)

View = tuple[str, dict[str, Any]]
"""What a button says, and the ranges that it sets."""


def spans(times: pd.DatetimeIndex) -> list[tuple[str, pd.Timestamp]]:
    """Return the last years that can be shown alone and the whole, each with its first moment."""
    last, start = times[-1], times[0]
    years = [(text.plural(count, "year"), last - pd.DateOffset(years=count)) for count in YEARS]
    shorter = [span for span in years if span[1] > start + pd.DateOffset(months=6)]
    return [*shorter, (ALL, start)]


def padded(first: pd.Timestamp, last: pd.Timestamp) -> pd.Timedelta:
    """Return the room that is left at both ends of a range."""
    return max((last - first) * 0.015, pd.Timedelta(0))


def buttons(views: list[View]) -> dict[str, Any]:
    """Return what a layout needs for a button each; nothing where there is no choice."""
    if len(views) < 2:  # noqa: PLR2004 - see above
        return {}
    menu = {
        "type": "buttons",
        "direction": "right",
        "buttons": [
            {"label": name, "method": "relayout", "args": [patch]} for name, patch in views
        ],
        "x": 1,
        "xanchor": "right",
        "y": 1.02,
        "yanchor": "bottom",
        "pad": {"t": 0, "b": 0},
    }
    return {"updatemenus": [menu]}


def first_shown(views: list[View]) -> str:
    """Return the sentence that says which part is shown first, or nothing."""
    name = views[0][0]
    return "" if name == ALL else f" Shows the last {name} first."
