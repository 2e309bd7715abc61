"""Lines over time with their names at their ends, and axes that fit them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.render import theme
from btkit.render.series import Floats, milliseconds

LOG_FROM = 4.0  # a range wider than this factor is drawn on a log scale
LABEL_GAP = 17  # pixels that keep two labels apart


@dataclass(frozen=True)
class Scale:
    """A value axis whose range is known, so that labels can be placed in pixels.

    Parameters
    ----------
    low, high
        Ends of the axis, in values.
    log
        Whether the axis is logarithmic.
    """

    low: float
    high: float
    log: bool

    @property
    def range(self) -> list[float]:
        """The range as plotly wants it: exponents on a log axis."""
        ends = [self.low, self.high]
        return [math.log10(end) for end in ends] if self.log else ends

    def position(self, value: float) -> float:
        """Return where a value stands: 0 at the bottom, 1 at the top."""
        low, high = self.range
        where = math.log10(max(value, self.low)) if self.log else value
        return min(1.0, max(0.0, (where - low) / (high - low)))

    def axis(self, **extra: object) -> dict[str, Any]:
        """Return the plotly axis."""
        kind: dict[str, Any] = {"range": self.range}
        if self.log:
            kind |= {"type": "log", "tickvals": _log_ticks(self.low, self.high)}
        return theme.axis(**kind, **extra)


def scale_for(*lines: npt.ArrayLike, allow_log: bool = True, room: float = 0.05) -> Scale:
    """Return a scale that fits all lines with some room, logarithmic when they span over ×4."""
    ends = [end for line in lines for end in _finite_ends(np.asarray(line, dtype=np.float64))]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    if allow_log and low > 0 and high / low > LOG_FROM:
        factor = (high / low) ** room
        return Scale(low / factor, high * factor, log=True)
    pad = (high - low) * room or abs(high) * room or 1.0
    return Scale(low - pad, high + pad, log=False)


def _finite_ends(values: Floats) -> list[float]:
    known = np.isfinite(values)
    if not known.all():
        values = values[known]
    return [float(values.min()), float(values.max())] if values.size else []


def _log_ticks(low: float, high: float) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    wide, medium = high / low > 200, high / low > 12  # noqa: PLR2004 - two decades, one decade
    steps = (1.0,) if wide else (1.0, 2.0, 5.0) if medium else (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
    ticks = [step * 10.0**decade for decade in decades for step in steps]
    return [tick for tick in ticks if low <= tick <= high]


def line(
    x: Floats, y: npt.ArrayLike, *, name: str, colour: str, hover: str, **extra: object
) -> dict[str, Any]:
    """Return a line trace; `hover` is what follows its name on hover."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": np.asarray(y, dtype=np.float32),
        "name": name,
        "line": {"color": colour, "width": 1.6},
        "hovertemplate": f"{name} {hover}<extra></extra>",
    } | extra


def price_line(times: pd.DatetimeIndex, close: Floats, **extra: object) -> dict[str, Any]:
    """Return the line of the price, its date on hover."""
    hover = {"hovertemplate": "%{x|%Y-%m-%d}<br>Close %{y:,.2f}<extra></extra>"}
    made = line(milliseconds(times), close, name="Close", colour=theme.BENCHMARK, hover="")
    return made | hover | extra


def area(
    x: Floats, y: npt.ArrayLike, *, name: str, hover: str, yaxis: str, **extra: object
) -> dict[str, Any]:
    """Return a line of the strategy with a wash between it and zero."""
    ground: dict[str, object] = {"fill": "tozeroy", "fillcolor": theme.WASH, **extra}
    return line(x, y, name=name, colour=theme.STRATEGY, hover=hover, yaxis=yaxis, **ground)


def end_labels(
    ends: list[tuple[str, float, str]],
    scale: Scale,
    *,
    pixels: float,
    yref: str,
    gap: float = LABEL_GAP,
) -> list[dict[str, Any]]:
    """Return annotations that name lines at their right end, moved apart where they would touch.

    Parameters
    ----------
    ends
        For each line its label, last value and colour.
    scale
        The axis they stand on.
    pixels
        Height of that axis.
    yref
        Name of that axis, such as ``y``.
    gap
        Pixels that keep the middles of two labels apart.
    """
    spots = sorted(
        ((scale.position(value) * pixels, label, colour) for label, value, colour in ends)
    )
    moved: list[float] = []
    for wanted, _, _ in spots:
        moved.append(max(wanted, moved[-1] + gap) if moved else wanted)
    # Pushed apart upwards only, the group would drift: centre it on where it wanted to be.
    drift = sum(new - old for new, (old, _, _) in zip(moved, spots, strict=True)) / len(spots)
    return [
        {
            "text": label,
            "xref": "paper",
            "x": 1,
            "xanchor": "left",
            "xshift": 6,
            "yref": f"{yref} domain",
            "y": (place - drift) / pixels,
            "yanchor": "middle",
            "showarrow": False,
            "font": {"color": colour, "size": 12},
            "align": "left",
        }
        for place, (_, label, colour) in zip(moved, spots, strict=True)
    ]


def panel_title(text: str, *, yref: str) -> dict[str, Any]:
    """Return the title of one panel of a figure, above its left end."""
    return {
        "text": text,
        "xref": "paper",
        "x": 0,
        "xanchor": "left",
        "yref": f"{yref} domain",
        "y": 1,
        "yanchor": "bottom",
        "yshift": 6,
        "showarrow": False,
        "font": {"size": 13},
        "align": "left",
    }
