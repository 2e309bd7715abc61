"""An account's money beside buy-and-hold's, and how far it fell, on one time axis."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from btkit.render import text, theme
from btkit.render.figures.lines import Scale, area, end_labels, line, panel_title, scale_for
from btkit.render.series import Floats, display_rows, milliseconds, thinned_note

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_TOP, _BOTTOM = 56, 36
_UPPER, _LOWER = (0.40, 1.0), (0.0, 0.29)
_MONEY, _FALL = "%{y:$,.0f}", "%{y:.1f} %"


@dataclass(frozen=True)
class AccountCurves:
    """What is drawn of an account: money in $, and falls from the last high in percent, by bar.

    Parameters
    ----------
    times
        Of the bars.
    own, held
        The account's money and the benchmark's.
    own_fall, held_fall
        Their falls, at most 0; None where that of the benchmark is not drawn.
    name, fall_name, held_name
        What the account's lines are called, and the benchmark's.
    also
        Further amounts that the axis has room for.
    """

    times: pd.DatetimeIndex
    own: Floats
    held: Floats
    own_fall: Floats
    held_fall: Floats | None = None
    name: str = "Strategy"
    fall_name: str = "Strategy"
    held_name: str = "Buy-and-hold"
    also: list[float] = field(default_factory=list)

    @property
    def money(self) -> Scale:
        """The axis of the money."""
        return scale_for(self.own, self.held, self.also)

    def draw(
        self, *, height: int, title: str, fall_title: str, **extra: object
    ) -> tuple[Figure, str]:
        """Return the figure, and the sentence that a chart with fewer points than bars says."""
        falls = [fall for fall in (self.own_fall, self.held_fall) if fall is not None]
        rows = display_rows(self.own, self.held, *falls)
        x = milliseconds(self.times[rows])
        low = min(-1.0, *(float(fall[rows].min()) for fall in falls)) * 1.08
        depth = Scale(low, 0.0, log=False)
        held = {"name": self.held_name, "colour": theme.BENCHMARK}
        beside = (
            []
            if self.held_fall is None
            else [line(x, self.held_fall[rows], hover=_FALL, yaxis="y2", **held)]
        )
        data = [
            line(x, self.held[rows], hover=_MONEY, **held),
            line(x, self.own[rows], name=self.name, colour=theme.STRATEGY, hover=_MONEY),
            *beside,
            area(x, self.own_fall[rows], name=self.fall_name, hover=_FALL, yaxis="y2"),
        ]
        figure = theme.figure(
            data,
            height=height,
            title=title,
            hovermode="x unified",
            hoversubplots="axis",
            margin={"l": 58, "r": 104, "t": _TOP, "b": _BOTTOM},
            xaxis=theme.time_axis(anchor="y2"),
            yaxis=self.money.axis(domain=list(_UPPER), tickformat="$~s", anchor="x"),
            yaxis2=depth.axis(domain=list(_LOWER), ticksuffix=" %", anchor="x", nticks=5),
            annotations=[panel_title(fall_title, yref="y2"), *self._ends(height)],
            **extra,
        )
        return figure, thinned_note(len(rows), len(self.own))

    def _ends(self, height: int) -> list[dict[str, Any]]:
        ends = [
            (f"{name}<br>{text.money(value)}", value, colour)
            for name, value, colour in (
                (self.name, float(self.own[-1]), theme.STRATEGY),
                (self.held_name, float(self.held[-1]), theme.BENCHMARK),
            )
        ]
        pixels = (height - _TOP - _BOTTOM) * (_UPPER[1] - _UPPER[0])
        return end_labels(ends, self.money, pixels=pixels, yref="y", gap=34)


NARROW: dict[str, Any] = {
    "margin.l": 46,
    "annotations[1].font.size": 11,
    "annotations[2].font.size": 11,
    "xaxis.nticks": 4,
}
"""What changes where it is narrow."""
