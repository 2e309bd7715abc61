"""Colours and the common layout of every figure: one meaning per colour, everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

STRATEGY = "#0072B2"
BENCHMARK = "#8C8C8C"
GAIN = "#009E73"
LOSS = "#D55E00"
ATTENTION = "#E69F00"
SALE = "#56B4E9"
"""Of leaving by the rule, and of what is said of selling."""
WASH = "rgba(0,114,178,0.14)"
"""Beneath a line of the strategy."""

# Cividis without the end that the ground swallows, the better the stronger: on a light ground
# from sand to navy, and on a dark one, see report.js, from slate to yellow.
RANKED = ((0.0, "#c3b369"), (0.5, "#707173"), (1.0, "#00224e"))

# These read on white and on near-black alike, so a figure is legible before any script restyles it.
INK = "#6B7480"
GRID = "rgba(128,138,150,0.18)"
ZERO = "rgba(128,138,150,0.65)"
CLEAR = "rgba(0,0,0,0)"

_AXIS = {"automargin": True, "title": {"standoff": 15}}
_BAR = {
    "line": {"color": "#E5ECF6", "width": 0.5},
    "pattern": {"fillmode": "overlay", "size": 10, "solidity": 0.2},
}
TEMPLATE = {
    "data": {"bar": [{"type": "bar", "marker": _BAR}]},
    "layout": {
        "autotypenumbers": "strict",
        "hoverlabel": {"align": "left"},
        "xaxis": _AXIS,
        "yaxis": _AXIS,
    },
}

MARKER = 9
"""Pixels of a trade's marker."""

FONT = (
    "-apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto, 'Helvetica Neue', "
    "'Liberation Sans', Arial, sans-serif"
)

EXIT_REASONS: dict[str, tuple[str, str, str]] = {
    # reason: what a reader calls it, colour, marker
    "exit": ("Exit rule", SALE, "triangle-down"),
    "stop": ("Stop rule", "#CC79A7", "x"),
    "max_holding": ("Time limit", ATTENTION, "diamond"),
    "scale_out": ("Part exit", GAIN, "triangle-left"),
    "stop_loss": ("Stop loss", "#CC79A7", "x-thin-open"),
    "trailing_stop": ("Trailing stop", "#CC79A7", "cross"),
    "take_profit": ("Take profit", GAIN, "circle-open-dot"),
    "crossed_at_entry": ("Crossed at entry", BENCHMARK, "hourglass"),
    "profit_target": ("Profit target", GAIN, "triangle-up"),
    "expiration": ("Expiration", STRATEGY, "circle"),
    "end_of_data": ("End of data", BENCHMARK, "square"),
    "margin_call": ("Margin call", LOSS, "hexagon"),
    "ruin": ("Ruin", LOSS, "star"),
}


def reason_name(reason: str) -> str:
    """Return what a reader calls an exit reason."""
    return EXIT_REASONS.get(reason, (reason.replace("_", " ").capitalize(), "", ""))[0]


def reason_colour(reason: str) -> str:
    """Return the colour of an exit reason; unknown ones are grey."""
    return EXIT_REASONS.get(reason, ("", BENCHMARK, ""))[1]


def reason_symbol(reason: str) -> str:
    """Return the plotly marker of an exit reason, so that shape tells what colour tells."""
    return EXIT_REASONS.get(reason, ("", "", "circle"))[2]


def reason_marker(reason: str) -> dict[str, Any]:
    """Return plotly's marker of an exit for a reason."""
    symbol = reason_symbol(reason)
    # An open one is nothing but its line.
    line = {"line": {"width": 2}} if "open" in symbol else {}
    return {"symbol": symbol, "size": MARKER, "color": reason_colour(reason), **line}


def entry_marker(*, up: bool) -> dict[str, Any]:
    """Return plotly's marker of an entry that earns as the price rises, or as it falls."""
    symbol = "triangle-up" if up else "triangle-down"
    return {"symbol": symbol, "size": MARKER, "color": STRATEGY}


def layout(*, height: int, title: str, **extra: object) -> dict[str, Any]:
    """Return the layout that every figure starts from.

    Parameters
    ----------
    height
        Of the whole figure, in pixels; the width follows the page.
    title
        What is to be seen, made from the data.
    extra
        Further plotly layout entries, which win.
    """
    base: dict[str, Any] = {
        "title": {"text": title, "x": 0, "xanchor": "left", "font": {"size": 15}},
        "height": height,
        "autosize": True,
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "font": {"family": FONT, "size": 12, "color": INK},
        "margin": {"l": 58, "r": 16, "t": 56, "b": 36, "pad": 0},
        "showlegend": False,
        "hovermode": "closest",
        "hoverlabel": {"font": {"family": FONT, "size": 12}},
        "dragmode": "zoom",
        "uirevision": "kept",
        # An empty template would bring back plotly's own, grey panels and 7 kB a figure.
        "template": TEMPLATE,
    }
    return base | extra


def axis(title: str = "", /, **extra: object) -> dict[str, Any]:
    """Return a plain axis: faint grid, visible zero line, no box."""
    base: dict[str, Any] = {
        "gridcolor": GRID,
        "zeroline": True,
        "zerolinecolor": ZERO,
        "zerolinewidth": 1,
        "showline": False,
        "ticks": "",
        "ticklabelstandoff": 6,
        "automargin": True,
        "fixedrange": False,
    }
    named = {"title": {"text": title}} if title else {}
    return base | named | extra


def time_axis(**extra: object) -> dict[str, Any]:
    """Return a time axis; hovering tells ISO dates."""
    return axis(
        type="date",
        showgrid=False,
        zeroline=False,
        hoverformat="%Y-%m-%d",
        ticks="outside",
        ticklen=4,
        tickcolor=ZERO,
        nticks=9,
        ticklabelstandoff=2,
        **extra,
    )


def config(name: str) -> dict[str, Any]:
    """Return the plotly configuration: no tool bar but "download picture".

    Parameters
    ----------
    name
        File name of a downloaded picture, without its extension.
    """
    return {
        "displaylogo": False,
        "responsive": True,
        # Two dollar signs in a title are two amounts of money, no formula.
        "typesetMath": False,
        "modeBarButtons": [["toImage"]],
        "toImageButtonOptions": {"filename": name, "scale": 2},
    }


def figure(data: list[dict[str, Any]], *, height: int, title: str, **extra: object) -> Figure:
    """Return a plotly figure of plain traces; what else it takes is that of `layout`.

    Figures are written as dictionaries so that only this function needs plotly, which takes longer
    to import than the rest of btkit together.
    """
    from plotly.graph_objects import Figure  # noqa: PLC0415 - see the docstring

    return Figure(data=data, layout=layout(height=height, title=title, **extra))
