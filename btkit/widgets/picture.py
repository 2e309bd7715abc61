"""The live picture: equity, drawdown and trades in one figure that changes in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from btkit.documents import whole_lots
from btkit.metrics import drawdown_series
from btkit.render import text, theme
from btkit.render.figures.levels import LEVEL_REASONS, LevelSource, level_line, level_steps
from btkit.render.figures.lines import area, line, panel_title, scale_for
from btkit.render.figures.marks import dots
from btkit.render.series import Floats, compact, display_rows, floats, milliseconds, thinned_note
from btkit.widgets.figure import discard, make_figure, publish
from btkit.widgets.market import BuyAndHold

if TYPE_CHECKING:
    from btkit.simulation import Result

HEIGHT = 510
_MONEY, _FALL, _PRICE = [0.60, 1.0], [0.40, 0.53], [0.0, 0.33]
_HELD, _OWN, _HELD_FALL, _OWN_FALL, _CLOSE, _ENTRIES, _EXITS = range(7)


class Picture:
    """Three panels on one time axis, drawn once and then only changed.

    Parameters
    ----------
    result
        What is shown first.
    held
        Buy-and-hold on the same bars.
    """

    def __init__(self, result: Result, held: BuyAndHold) -> None:
        self._held: BuyAndHold | None = None
        self._drawn: set[str] = set()
        self.widget = make_figure(_traces(), _layout(), name="backtest")
        self.show(result, held)

    def show(self, result: Result, held: BuyAndHold) -> None:
        """Change the picture to another result; one message carries all of it.

        Parameters
        ----------
        result
            What to show.
        held
            Buy-and-hold on its bars.
        """
        figure = self.widget
        changes = _contents(result, held, full=held is not self._held) + self._levels(result)
        with figure.batch_update():
            for position, change in enumerate(changes):
                if change:
                    figure.data[position].update(change)
            money = scale_for(np.asarray(result.equity), held.equity)
            axis = {"range": money.range, "type": "log" if money.log else "linear"}
            figure.layout.yaxis.update(axis)
            for note, title in zip(figure.layout.annotations, _titles(result, held), strict=True):
                note.text = title
        publish(figure)
        self._held = held

    def _levels(self, result: Result) -> list[dict[str, Any] | None]:
        steps = level_steps(LevelSource.of_result(result))
        moved = self._drawn | set(steps)
        self._drawn = set(steps)
        nowhere = np.array([], dtype=np.float64), np.array([], dtype=np.float64)
        points = [steps.get(reason, nowhere) for reason in LEVEL_REASONS]
        return [
            {"x": x, "y": compact(y)} if reason in moved else None
            for reason, (x, y) in zip(LEVEL_REASONS, points, strict=True)
        ]

    def close(self) -> None:
        """Take the figure off the screen and drop its data."""
        discard(self.widget)


def _traces() -> list[dict[str, Any]]:
    none: Floats = np.array([], dtype=np.float64)
    held = {"name": "Buy-and-hold", "colour": theme.BENCHMARK}
    return [
        line(none, none, hover="%{y:$,.0f}", **held),
        line(none, none, name="Strategy", colour=theme.STRATEGY, hover="%{y:$,.0f}"),
        line(none, none, hover="%{y:.1f} %", yaxis="y2", **held),
        area(none, none, name="Strategy", hover="%{y:.1f} %", yaxis="y2"),
        line(none, none, name="Close", colour=theme.BENCHMARK, hover="%{y:,.2f}", yaxis="y3"),
        *(dots(none, none, marker={}, name=name, yaxis="y3") for name in ("Entry", "Exit")),
        *(level_line(reason, none, none) | {"yaxis": "y3"} for reason in LEVEL_REASONS),
    ]


def _layout() -> dict[str, Any]:
    return theme.layout(
        height=HEIGHT,
        title="",
        hovermode="closest",
        margin={"l": 56, "r": 14, "t": 28, "b": 30},
        xaxis=theme.time_axis(anchor="y3"),
        yaxis=theme.axis(domain=_MONEY, tickformat="$~s", anchor="x", zeroline=False, nticks=6),
        yaxis2=theme.axis(domain=_FALL, ticksuffix=" %", anchor="x", nticks=4),
        yaxis3=theme.axis(domain=_PRICE, tickformat=",~r", anchor="x", zeroline=False, nticks=5),
        annotations=[panel_title("", yref=axis) for axis in ("y", "y2", "y3")],
    )


def _contents(result: Result, held: BuyAndHold, *, full: bool) -> list[dict[str, Any] | None]:
    own = floats(result.outcome.curve.equity[result.outcome.start :])
    falls = floats(drawdown_series(own, result.initial_capital)) * 100
    rows = display_rows(own)
    x = milliseconds(held.times[rows])
    thinned = len(rows) != len(own)
    changes: list[dict[str, Any] | None] = [None] * 7
    changes[_OWN] = {"y": compact(own[rows])}
    changes[_OWN_FALL] = {"y": compact(falls[rows])}
    if full or thinned:
        close = floats(result.bars["close"])
        # A restyled x lets plotly.js guess the type of its axis anew, from the first trace: from
        # milliseconds it would make a line of numbers. The other traces may stay binary.
        dates = np.datetime_as_string(x.astype("datetime64[ms]"))
        changes[_HELD] = {"x": dates.astype(object), "y": compact(held.equity[rows])}
        changes[_HELD_FALL] = {"x": x, "y": compact(held.falls[rows])}
        changes[_CLOSE] = {"x": x, "y": compact(close[rows])}
        for own_line in (_OWN, _OWN_FALL):
            changes[own_line] = {"x": x, **(changes[own_line] or {})}
    changes[_ENTRIES], changes[_EXITS] = _markers(result)
    return changes


def _markers(result: Result) -> tuple[dict[str, Any], dict[str, Any]]:
    # A lot that left in parts was entered once.
    trades, lots = result.trades, whole_lots(result.trades)
    reasons = trades["exit_reason"].tolist()
    names = ["Entry"] * len(lots)
    marker = theme.entry_marker(up=not result.spec.is_short)
    if "direction" in lots:
        names = [f"{side} entry".capitalize() for side in lots["direction"]]
        ups = [theme.entry_marker(up=side == "long") for side in lots["direction"]]
        marker["symbol"] = [up["symbol"] for up in ups]
    entry = {
        "x": milliseconds(pd.DatetimeIndex(lots["entry_date"])),
        "y": floats(lots["entry_price"]),
        "text": [f"{name}, P&L {gain}" for name, gain in zip(names, _gains(lots), strict=True)],
        # Whole, since the browser replaces what is named.
        "marker": marker,
    }
    leave = {
        "x": milliseconds(pd.DatetimeIndex(trades["exit_date"])),
        "y": floats(trades["exit_price"]),
        "text": [
            f"{theme.reason_name(reason)}, P&L {gain}"
            for reason, gain in zip(reasons, _gains(trades), strict=True)
        ],
        "marker": {
            "symbol": [theme.reason_symbol(reason) for reason in reasons],
            "color": [theme.reason_colour(reason) for reason in reasons],
            "size": theme.MARKER,
        },
    }
    return entry, leave


def _gains(trades: pd.DataFrame) -> list[str]:
    return [
        f"{text.money(pnl, sign=True)} ({text.percent(share, sign=True)})"
        for pnl, share in zip(trades["pnl"].tolist(), trades["return_pct"].tolist(), strict=True)
    ]


def _titles(result: Result, held: BuyAndHold) -> list[str]:
    ended = text.money(float(result.equity.iloc[-1]))
    money = (
        f"{text.money(result.initial_capital)} became {_named('strategy', theme.STRATEGY)} "
        f"<b>{ended}</b>, {_named('buy-and-hold', theme.BENCHMARK)} "
        f"{text.money(float(held.equity[-1]))}"
    )
    fall = (
        f"Worst fall {text.percent(result.metrics.max_drawdown_pct)}, "
        f"buy-and-hold {text.percent(held.metrics['max_drawdown_pct'])}"
    )
    drawn = thinned_note(len(display_rows(held.equity)), len(held.equity))
    made = text.plural(result.metrics.total_trades, "trade")
    return [money, fall, f"{result.symbol or 'Price'} with {made}{drawn}"]


def _named(name: str, colour: str) -> str:
    # The title names the lines, so that they need no legend.
    return f'<span style="color:{colour}">▬ {name}</span>'
