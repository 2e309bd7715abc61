"""The price, and beneath it what the model said at each bar, zoomed together."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.documents import stored_decisions
from btkit.documents.trained import ModelReport
from btkit.render import text, theme
from btkit.render.figures.lines import line, panel_title, price_line, scale_for
from btkit.render.figures.marks import dots, level
from btkit.render.figures.price import price_views
from btkit.render.figures.windows import buttons, first_shown
from btkit.render.pieces import Chart
from btkit.render.series import Floats, display_rows, floats, milliseconds, thinned_note
from btkit.render.view import RunView

HEIGHT = 560
PANELS = ((0.47, 1.0), (0.0, 0.36))
Integers = NDArray[np.int64]

COLOURS = {"BUY": theme.STRATEGY, "SELL": theme.SALE}
"""Of what is said of buying and selling."""

# On hover there is little room; the whole sentence stands in the table above.
_HELD = {
    "no_model": "no model yet",
    "warm_up": "too few bars before",
    "missing_feature": "feature missing",
    "not_finite": "no finite output",
    "answer": "said HOLD",
    "threshold": "below threshold",
    "separation": "too soon",
    "position": "position was so",
    "filter": "filtered",
    "not_filled": "did not fill",
}


def answers_chart(view: RunView, report: ModelReport) -> Chart:
    """Return the price, and beneath it the probabilities or the return that was foreseen.

    Parameters
    ----------
    view, report
        Of a stored model run.
    """
    told = stored_decisions(report, view.curve)
    close = floats(view.curve["close"])
    lines = _lines(told)
    rows = display_rows(close, *(np.nan_to_num(values) for values in lines.values()))
    times = view.times[rows]
    x = milliseconds(times)
    settings = report.model.bundles[-1].settings
    regression = "output" in told
    log = scale_for(close).log
    views = price_views(view, close, log=log)
    first = views[0][1]
    figure = theme.figure(
        [
            price_line(
                times,
                close[rows],
                text=_words(told, rows),
                hovertemplate="Close %{y:,.2f}<br>%{text}<extra></extra>",
            ),
            _entries(view),
            *(
                line(
                    x,
                    values[rows] * 100,
                    name=name,
                    colour=COLOURS.get(name, theme.STRATEGY),
                    hover="%{y:.2f} %" if regression else "%{y:.0f} %",
                    yaxis="y2",
                )
                for name, values in lines.items()
            ),
        ],
        height=HEIGHT,
        title=_title(report, told),
        hovermode="x unified",
        hoversubplots="axis",
        margin={"l": 58, "r": 16, "t": 62, "b": 36},
        xaxis=theme.time_axis(anchor="y2", range=first["xaxis.range"]),
        yaxis=theme.axis(
            domain=list(PANELS[0]),
            zeroline=False,
            tickformat=",~r",
            range=first["yaxis.range"],
            nticks=6,
            type="log" if log else "linear",
            anchor="x",
        ),
        yaxis2=_axis(lines, regression=regression, edge=_bound(settings, regression=regression)),
        shapes=[
            level(bound, theme.INK, yref="y2", dash="dash")
            for bound in _bounds(settings, regression=regression)
        ],
        annotations=[
            panel_title("Close, with entries", yref="y"),
            panel_title(_panel(regression=regression), yref="y2"),
        ],
        **buttons(views),
    )
    return Chart(
        figure,
        name="answers",
        note=f"{_seen(report)} Hover over a bar to see what was said, and what kept "
        "it from an order; drag to zoom both."
        + first_shown(views)
        + thinned_note(len(rows), len(close)),
        keys=[(name, COLOURS[name]) for name in lines if name in COLOURS],
        narrow={"margin.l": 46, "xaxis.nticks": 4, "annotations[1].font.size": 11},
    )


def is_unseen(report: ModelReport) -> bool:
    """Tell whether somebody says that no training saw any bar of a run.

    Parameters
    ----------
    report
        Of a model run.
    """
    unknown = any(warning.code == "training_dates_unknown" for warning in report.warnings)
    return not (unknown or report.scores_training())


def _seen(report: ModelReport) -> str:
    if is_unseen(report):
        return "Only bars that no training saw."
    if report.scores_training():
        return f"It was trained on {report.model.in_sample_scored:,} of these bars."
    return "Nobody says until when it was trained: it may have learnt these very bars."


def _lines(told: pd.DataFrame) -> dict[str, Floats]:
    if "output" in told:
        return {"Return foreseen": floats(told["output"])}
    columns = {name: f"p_{name.lower()}" for name in COLOURS}
    return {name: floats(told[column]) for name, column in columns.items() if column in told}


def _words(told: pd.DataFrame, rows: Integers) -> list[str]:
    drawn = told.iloc[rows]
    answers = drawn["answer"].fillna("no answer").tolist()
    held = drawn["held_by"].fillna("order").tolist()
    said = {
        pair: f"{escape(pair[0])}: {_HELD.get(pair[1], escape(pair[1]))}"
        for pair in set(zip(answers, held, strict=True))
    }
    return [said[pair] for pair in zip(answers, held, strict=True)]


def _entries(view: RunView) -> dict[str, Any]:
    trades = view.shown
    entered = pd.DatetimeIndex(trades["entry_date"])
    entered = entered.tz_convert(None) if entered.tz is not None else entered
    return dots(
        milliseconds(entered),
        floats(trades["entry_price"]),
        name="Entry",
        marker=theme.entry_marker(up=True),
        hover="",
        hoverinfo="skip",
    )


def _bound(settings: dict[str, float | bool], *, regression: bool) -> float:
    if regression:
        return float(settings["round_trip_cost"]) * float(settings["min_edge_multiplier"]) * 100
    return float(settings["confidence_threshold"]) * 100


def _bounds(settings: dict[str, float | bool], *, regression: bool) -> list[float]:
    bound = _bound(settings, regression=regression)
    return [bound, -bound] if regression else [bound]


def _axis(lines: dict[str, Floats], *, regression: bool, edge: float) -> dict[str, Any]:
    place = {"domain": list(PANELS[1]), "anchor": "x", "ticksuffix": " %", "nticks": 6}
    if not regression:
        return theme.axis(range=[0, 100], **place)
    values = [output * 100 for output in lines.values()]
    return scale_for(*values, [edge, -edge], allow_log=False).axis(**place)


def _panel(*, regression: bool) -> str:
    if regression:
        return "Return foreseen (dashed: what it has to exceed)"
    return "Probability (dashed: the threshold)"


def _title(report: ModelReport, told: pd.DataFrame) -> str:
    answers = told["answer"].value_counts()
    counts = report.model.decisions
    buys, sells = int(answers.get("BUY", 0)), int(answers.get("SELL", 0))
    return (
        f"Said BUY on {text.plural(buys, 'bar')} and SELL on {text.count(sells)}; "
        f"{text.plural(counts.buy + counts.sell, 'order')} came of it"
    )
