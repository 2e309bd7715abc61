"""The heat map of a sweep: a cell for each set, the one shown marked, each one to be clicked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from btkit.metrics import MEASURED, columns_for
from btkit.render import text, theme
from btkit.render.figures.marks import dots, heat_map
from btkit.render.pieces import Chart
from btkit.render.sweep import metric_label
from btkit.validation import SweepResult
from btkit.validation.axes import Number

Codes = npt.NDArray[np.int64]
HEIGHT = 330


@dataclass(frozen=True, eq=False)
class Surface:
    """The sets of a sweep on the grid of their values.

    Parameters
    ----------
    result
        A sweep whose method is ``grid``.
    """

    result: SweepResult

    @cached_property
    def axes(self) -> dict[str, list[Number]]:
        """The values of each parameter, ascending."""
        sets = self.result.sets
        return {
            name: [
                int(value) if name in sets.whole else float(value) for value in np.unique(column)
            ]
            for name, column in sets.columns.items()
        }

    @cached_property
    def codes(self) -> dict[str, Codes]:
        """Which of its axis' values each set has."""
        columns = self.result.sets.columns
        return {
            name: np.searchsorted(np.asarray(axis, np.float64), columns[name])
            for name, axis in self.axes.items()
        }

    @cached_property
    def values(self) -> npt.NDArray[np.float64]:
        """The objective of every set; NaN where undefined."""
        # Not from the table by its name: a parameter may be called like the metric.
        return self.result.rows[:, columns_for(self.result.objective).index(self.result.objective)]

    @cached_property
    def _places(self) -> dict[tuple[int, ...], int]:
        keys = zip(*(codes.tolist() for codes in self.codes.values()), strict=True)
        return {key: place for place, key in enumerate(keys)}

    def place_of(self, values: Mapping[str, Number]) -> int | None:
        """Return the place of a set in the table; None where it was not tried."""
        if set(values) != set(self.axes):
            return None
        if any(values[name] not in axis for name, axis in self.axes.items()):
            return None
        return self._places.get(tuple(axis.index(values[name]) for name, axis in self.axes.items()))

    def cells(self, across: str, up: str | None, place: int) -> npt.NDArray[np.float64]:
        """Return the objective by two parameters, the others as the set at `place` has them.

        Returns
        -------
        ndarray of float64, shape (values of `up`, values of `across`)
            NaN where no set was tried or the objective is undefined or infinite.
        """
        column = self.values
        kept = np.ones(len(column), np.bool_)
        for name, codes in self.codes.items():
            if name not in (across, up):
                kept &= codes == codes[place]
        rows = self.codes[up][kept] if up else np.zeros(int(kept.sum()), np.int64)
        found = np.full((len(self.axes[up]) if up else 1, len(self.axes[across])), np.nan)
        values = column[kept]
        found[rows, self.codes[across][kept]] = np.where(np.isfinite(values), values, np.nan)
        return found

    def chart(self, across: str, up: str | None, place: int) -> Chart:
        """Return the heat map; the ring is the best set, the square the one at `place`."""
        result = self.result
        objective = metric_label(result.objective)
        cells = self.cells(across, up, place)
        x = written(self.axes[across])
        y = written(self.axes[up]) if up else [""]
        over = f"{across} %{{x}}" + (f", {up} %{{y}}" if up else "")
        data: list[dict[str, Any]] = [
            heat_map(
                x,
                y,
                # JSON knows no NaN, and a kernel complains of one in red.
                [[None if np.isnan(cell) else cell for cell in row] for row in cells.tolist()],
                hover=f"{over}<br>{objective} %{{z:.3f}}",
                xgap=1,
                ygap=1,
                colorbar={"thickness": 10, "nticks": 6},
            ),
            self._mark(across, up, result.winner, place, "circle-open", 13),
            self._mark(across, up, place, place, "square-open", 20),
        ]
        figure = theme.figure(
            data,
            height=HEIGHT if up else HEIGHT // 2,
            title="",
            dragmode=False,
            margin={"l": 50, "r": 10, "t": 8, "b": 44},
            xaxis=theme.axis(across, type="category", showgrid=False, nticks=12,
                             categoryorder="array", categoryarray=x, fixedrange=True),
            yaxis=theme.axis(up or "", type="category", showgrid=False, nticks=12,
                             categoryorder="array", categoryarray=y, fixedrange=True),
        )  # fmt: skip
        return Chart(figure, name="surface", note=self._note(objective))

    def _mark(
        self, across: str, up: str | None, marked: int, place: int, symbol: str, size: int
    ) -> dict[str, Any]:
        others = [name for name in self.axes if name not in (across, up)]
        here = all(self.codes[name][marked] == self.codes[name][place] for name in others)
        at = {name: self.axes[name][int(self.codes[name][marked])] for name in self.axes}
        return dots(
            written([at[across]]) if here else [],
            (written([at[up]]) if up else [""]) if here else [],
            marker={"symbol": symbol, "size": size, "color": theme.LOSS, "line": {"width": 2.5}},
            # The cell beneath is what is hovered over and clicked.
            hover="",
            hoverinfo="skip",
        )

    def _note(self, objective: str) -> str:
        result = self.result
        values = self.values
        known = values[np.isfinite(values)]
        best = text.ratio(float(values[result.winner]))
        middle = text.ratio(float(np.median(known))) if known.size else text.DASH
        few = result.rows[:, MEASURED.index("total_trades")] < result.min_trades
        scarce = (
            f" Sets with fewer than {result.min_trades} trades cannot be the best."
            if few.any() and not few.all()
            else ""
        )
        return (
            f"{objective}: the best of {text.plural(len(values), 'set')} {best}, the middle one "
            f"{middle}. Ring: the best; square: the one shown. Click a cell to show it.{scarce}"
        )


def written(values: list[Number]) -> list[str]:
    """Return the values of an axis as its categories."""
    return [f"{value:.15g}" for value in values]
