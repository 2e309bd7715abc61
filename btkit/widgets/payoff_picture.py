"""The live payoff: profit and greeks of a spread by price, at expiry, when sold, and now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from btkit.render import text, theme
from btkit.render.figures.lines import line, panel_title, scale_for
from btkit.render.figures.marks import dots, upright
from btkit.render.options.payoff import strike_names, strike_rules, with_names
from btkit.render.options.position import OpenSpread
from btkit.render.series import Floats
from btkit.widgets.figure import discard, make_figure, publish

if TYPE_CHECKING:
    from plotly.graph_objects import Layout

HEIGHT = 580
ROOM, NAMES_ROOM = 0.6, 0.2
EXPIRY, SOLD, NOW = theme.STRATEGY, theme.BENCHMARK, theme.ATTENTION
GREEKS = {
    # greek: axis number, what it is called, how a value is written on hover
    "delta": (2, "Delta, shares", ",.1f"),
    "gamma": (3, "Gamma, shares per $", ",.3f"),
    "theta": (4, "Theta, $ a day", "$,.2f"),
    "vega": (5, "Vega, $ an IV point", "$,.2f"),
}
_PAYOFF = [0.53, 1.0]
_ROWS = ([0.26, 0.41], [0.0, 0.15])
_SIDES = ([0.0, 0.46], [0.56, 1.0])
_AT_EXPIRY, _WHEN_SOLD, _AS_NOW, _POINT = range(4)
_EACH = 3


class PayoffPicture:
    """Five panels over the price of the underlying, drawn once and then only changed."""

    def __init__(self) -> None:
        self.figure = make_figure(_traces(), _layout(), name="payoff")
        self._before: OpenSpread | None = None
        self._grid: Floats = np.zeros(0)
        self._shapes, self._notes = [_now_rule(0.0)], _panel_titles("")

    def show(self, position: OpenSpread) -> None:
        """Change the picture to a position; one message carries all of it.

        Parameters
        ----------
        position
            What to show.
        """
        before, self._before = self._before, position
        another = before is None or (
            before.legs, before.contracts, before.sold, before.credit
        ) != (position.legs, position.contracts, position.sold, position.credit)  # fmt: skip
        if another:
            self._grid = position.prices(room=ROOM)
        figure, grid = self.figure, self._grid
        gains, curves = _curves(position, grid, another=another)
        notes = _panel_titles(_title(position, float(gains[0, -1])))
        with figure.batch_update():
            if another:
                _scale(figure.layout, grid, gains)
            for place, change in curves.items():
                figure.data[place].update(change)
            shapes = [_now_rule(position.now.spot), *strike_rules(position.legs)]
            self._shapes = _put(figure.layout, "shapes", self._shapes, shapes)
            notes = [*notes, *strike_names(position.legs)]
            self._notes = _put(figure.layout, "annotations", self._notes, notes)
        publish(figure)

    def close(self) -> None:
        """Take the figure off the screen and drop its data."""
        discard(self.figure)


def _curves(
    position: OpenSpread, grid: Floats, *, another: bool
) -> tuple[Floats, dict[int, dict[str, Any]]]:
    """Return the gains as things stand, and of another spread when sold and at expiry, too.

    Their last column is where the underlying stands. Beside them, what changes in the picture.
    """
    now, sold = position.now, position.sold
    # The point goes along with the grid, and each moment is a row: one call of each formula.
    prices = np.append(grid, now.spot)
    moments = [(now.days, now.iv)]
    if another:
        moments += [(sold.days, sold.iv), (0, now.iv)]
    days, iv = np.array(moments).T[:, :, None]
    gains = position.profit(prices, days=days, iv=iv)
    curves = dict(zip((_AS_NOW, _WHEN_SOLD, _AT_EXPIRY), gains, strict=False))
    points: dict[int, NDArray[np.floating]] = {_POINT: gains[0, -1:]}
    for place, name in enumerate(GREEKS):
        values = position.greek(name, prices, days=days[:2], iv=iv[:2])
        then, line_now, point = range(_POINT + 1 + _EACH * place, _POINT + 1 + _EACH * (place + 1))
        curves |= dict(zip((line_now, then), values, strict=False))
        points[point] = _drawn(values[0, -1:])
    over = {"x": grid} if another else {}
    changes = {place: {**over, "y": _drawn(values[:-1])} for place, values in curves.items()}
    return gains, changes | {place: {"x": prices[-1:], "y": y} for place, y in points.items()}


def _drawn(values: Floats) -> NDArray[np.float32]:
    # At expiry a greek is infinite at the strike; a line has a gap there.
    return np.where(np.isfinite(values), values, np.nan).astype(np.float32)


def _traces() -> list[dict[str, Any]]:
    none: Floats = np.zeros(0)
    hover = "%{y:$,.0f} at %{x:,.2f}"
    found = [
        line(none, none, name="At expiry", colour=EXPIRY, hover=hover),
        line(none, none, name="When sold", colour=SOLD, hover=hover),
        line(none, none, name="Now", colour=NOW, hover=hover),
        _dot("y", "x", hover),
    ]
    for place in (0, 2):
        found[place]["line"]["width"] = 2.4
    for axis, _, form in GREEKS.values():
        where = {"xaxis": f"x{axis}", "yaxis": f"y{axis}"}
        shown = f"%{{y:{form}}} at %{{x:,.2f}}"
        found += [
            line(none, none, name="When sold", colour=SOLD, hover=shown, **where),
            line(none, none, name="Now", colour=NOW, hover=shown, **where),
            _dot(where["yaxis"], where["xaxis"], shown),
        ]
    return found


def _dot(yaxis: str, xaxis: str, hover: str) -> dict[str, Any]:
    marker = {"color": NOW, "size": 10, "line": {"color": theme.INK, "width": 1}}
    shown = f"Now {hover}<extra></extra>"
    return dots([], [], marker=marker, hover=shown, xaxis=xaxis, yaxis=yaxis)


def _layout() -> dict[str, Any]:
    axes: dict[str, Any] = {
        "xaxis": theme.axis(anchor="y", tickformat=",~r", nticks=9, zeroline=False),
        "yaxis": theme.axis(domain=_PAYOFF, anchor="x", tickformat="$~s", nticks=6),
    }
    for place, (axis, _, _) in enumerate(GREEKS.values()):
        row, side = divmod(place, 2)
        axes[f"xaxis{axis}"] = theme.axis(
            domain=_SIDES[side], anchor=f"y{axis}", matches="x", tickformat=",~r", nticks=5,
            zeroline=False, showticklabels=row == 1,
        )  # fmt: skip
        axes[f"yaxis{axis}"] = theme.axis(
            domain=_ROWS[row], anchor=f"x{axis}", tickformat=",.3~f", nticks=4
        )
    return theme.layout(
        height=HEIGHT,
        title="",
        margin={"l": 56, "r": 14, "t": 46, "b": 30},
        shapes=[_now_rule(0.0)],
        annotations=_panel_titles(""),
        **axes,
    )


def _panel_titles(first: str) -> list[dict[str, Any]]:
    notes = [panel_title(first, yref="y")]
    for place, (axis, label, _) in enumerate(GREEKS.values()):
        notes.append(panel_title(label, yref=f"y{axis}") | {"x": _SIDES[place % 2][0]})
    return notes


def _scale(layout: Layout, grid: Floats, gains: Floats) -> None:
    now, _, expiry = gains[:, :-1]
    fitted = scale_for(expiry, now, [0.0], allow_log=False, room=0.12)
    layout.yaxis.range = with_names(fitted, NAMES_ROOM).range
    layout.xaxis.range = [float(grid[0]), float(grid[-1])]


def _put(
    layout: Layout, name: str, shown: list[dict[str, Any]], wanted: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Show other shapes or annotations, and return them.

    As many are changed where they differ: plotly checks all that it is given, and that is slow.
    """
    if len(shown) != len(wanted):
        setattr(layout, name, wanted)
        return wanted
    for place, (before, after) in enumerate(zip(shown, wanted, strict=True)):
        changed = {key: value for key, value in after.items() if before[key] != value}
        if changed:
            layout[name][place].update(changed)
    return wanted


def _now_rule(spot: float) -> dict[str, Any]:
    return upright(spot, NOW, dash="solid") | {"xref": "x", "yref": "y domain"}


def _title(position: OpenSpread, profit: float) -> str:
    lines = (("at expiry", EXPIRY), ("when sold", SOLD), (_when(position), NOW))
    # The title names the lines, so that they need no legend.
    names = ", ".join(f'<span style="color:{colour}">▬ {name}</span>' for name, colour in lines)
    gain = text.money(profit, sign=True)
    return f"P&L now <b>{gain}</b>: {names}"


def _when(position: OpenSpread) -> str:
    return f"now, {text.plural(position.now.days, 'day')} left"
