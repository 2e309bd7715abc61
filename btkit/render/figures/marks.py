"""What stands on a chart beside its lines: dots, rings, rules across it, bars of how often."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from btkit.render import text, theme
from btkit.render.series import Floats, floats

FEW = 6
"""Up to so many of anything get a tick each."""

RING = {"symbol": "circle-open", "size": 15, "color": theme.LOSS, "line": {"width": 3}}
"""What marks the best of many."""

ENDS = ((True, "Gain", theme.GAIN, "circle"), (False, "Loss", theme.LOSS, "x"))
"""Gains and losses: whether it won, its name, colour and symbol."""


def dots(
    x: Any,  # noqa: ANN401 - as plotly takes it
    y: Any,  # noqa: ANN401 - as above
    *,
    marker: dict[str, Any],
    hover: str = "%{text}<extra></extra>",
    **extra: object,
) -> dict[str, Any]:
    """Return a trace of single points."""
    about = {"marker": marker, "hovertemplate": hover}
    return {"type": "scatter", "mode": "markers", "x": x, "y": y, **about, **extra}


def heat_map(
    x: Sequence[str],
    y: Sequence[str],
    z: Any,  # noqa: ANN401 - as plotly takes it
    *,
    hover: str,
    **extra: Any,  # noqa: ANN401 - as above
) -> dict[str, Any]:
    """Return the cells of a surface; `extra` may say more of its colour bar."""
    bar = {"outlinewidth": 0, "tickformat": ".3~g"} | extra.pop("colorbar", {})
    return {
        "type": "heatmap",
        "x": x,
        "y": y,
        "z": z,
        "colorscale": "Cividis",
        "hoverongaps": False,
        "colorbar": bar,
        "hovertemplate": f"{hover}<extra></extra>",
    } | extra


def ring(x: Any, y: Any) -> dict[str, Any]:  # noqa: ANN401 - as plotly takes them
    """Return the trace that marks the best parameter set."""
    return dots([x], [y], marker=RING, hover="the best parameter set<extra></extra>")


def upright(at: object, colour: str, *, width: float = 1, dash: str = "dot") -> dict[str, Any]:
    """Return a rule from the bottom of a chart to its top."""
    place = {"x0": at, "x1": at, "yref": "paper", "y0": 0, "y1": 1}
    return {"type": "line", **place, "line": {"color": colour, "width": width, "dash": dash}}


def level(at: float, colour: str, *, yref: str, dash: str = "dot") -> dict[str, Any]:
    """Return a rule from the left of a chart to its right, on one of its value axes."""
    place = {"xref": "paper", "x0": 0, "x1": 1, "yref": yref, "y0": at, "y1": at}
    return {"type": "line", **place, "line": {"color": colour, "width": 1, "dash": dash}}


def bin_edges(values: Floats) -> Floats:
    """Return bin edges of one width with an edge at zero, so that no bin mixes gain and loss."""
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    if low == high:
        return np.array([-1.0, 0.0, 1.0])
    wanted = int(np.clip(np.sqrt(len(values)) * 2, 8, 40))
    width = (high - low) / wanted
    first, last = int(np.floor(low / width)), int(np.ceil(high / width))
    # What lies exactly at a rounded outer edge must not fall out of the last bin.
    edges = np.arange(first, last + 1) * width
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    return floats(edges)


def bins(
    values: Floats, edges: Floats, words: Callable[[float, float], str], *, noun: str
) -> dict[str, Any]:
    """Return the bars of how many values lie in each bin, gains and losses in their colours.

    Parameters
    ----------
    values, edges
        What is counted, and the bins.
    words
        Says the ends of a bin on hover.
    noun
        What one value is.
    """
    counts, _ = np.histogram(values, bins=edges)
    lows, highs = edges[:-1], edges[1:]
    return {
        "type": "bar",
        "x": (lows + highs) / 2,
        "y": counts,
        "width": np.diff(edges) * 0.92,
        "marker": {"color": gain_colours(lows + highs)},
        "text": [
            f"{words(low, high)}<br>{text.plural(int(number), noun)}"
            for low, high, number in zip(lows, highs, counts, strict=True)
        ],
        "textposition": "none",
        "hovertemplate": "%{text}<extra></extra>",
    }


def gain_colours(values: Floats) -> list[str]:
    """Return the colour of a gain for what is above zero, and that of a loss for all else."""
    colours: list[str] = np.where(values > 0, theme.GAIN, theme.LOSS).tolist()
    return colours


def counts_axis(title: str, counts: npt.NDArray[np.int64], **extra: object) -> dict[str, Any]:
    """Return an axis of how many; few would get ticks at fractions of one."""
    ticks = {"dtick": 1} if counts.max() <= FEW else {}
    return theme.axis(title, **ticks, **extra)
