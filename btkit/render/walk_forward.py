"""The report of a walk-forward validation: verdict, stitched curve, windows, parameters."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd

from btkit.jobs.walk_forward import load_walk_forward
from btkit.jobs.walk_forward import walk_forward as run_walk_forward
from btkit.markets import Annualisation
from btkit.metrics import TradeColumns, compute_metrics
from btkit.render import text, theme
from btkit.render.campaign import data_facts, facts_table, provenance_facts, tile, verdict
from btkit.render.figures.lines import Scale, end_labels, line, panel_title, scale_for
from btkit.render.opening import reported
from btkit.render.parameters import WalkForwardParameters
from btkit.render.pieces import Chart, Html, Section, table, tag
from btkit.render.series import display_rows, floats, milliseconds, thinned_note
from btkit.render.taking import take
from btkit.validation.windows import EFFICIENCY_NEEDED

Page = tuple[dict[str, Any], pd.DataFrame]
"""The document of a validation, and its stitched curve."""

HEIGHT, TOP, BOTTOM = 560, 56, 36
UPPER, LOWER = (0.40, 1.0), (0.0, 0.29)
MOST_LABELLED = 6


def open_walk_forward(names: Mapping[str, Any]) -> Page:
    """Return the validation that a notebook's parameters ask for.

    A new one leaves what ``backtest walk-forward`` leaves: the stored runs, and the curve, JSON,
    notebook and HTML in BT_REPORT_DIR.

    Parameters
    ----------
    names
        What ``globals()`` gives in the notebook: either a ``walk_forward_id``, or the options of
        the command, by themselves or in ``request``.

    Raises
    ------
    UsageError
        When a parameter is missing, unknown or none of its kind.
    StoreError
        When there is no such validation.
    """
    taken = take(names, WalkForwardParameters)
    settings, asked = taken.settings, taken.asked
    if asked is None:
        return load_walk_forward(taken.stored, settings=settings)
    with reported(asked, settings) as leave:
        result = run_walk_forward(**asked.arguments(), settings=settings)
        leave(str(result.report.walk_forward_id))
    return result.report.to_dict(), result.curve


def headline(page: Page) -> Section:
    """Return the verdict in words, and the tiles."""
    document, curve = page
    stitched = document["stitched"]
    held = _held(document, curve)
    tiles = [
        tile(
            "Efficiency",
            text.percent(document["avg_efficiency"], digits=0),
            f"needs {text.percent(EFFICIENCY_NEEDED, digits=0)}",
            meaning="Share of the in-sample Sharpe ratio that held out of sample, on average; "
            "a window whose in-sample ratio is not above 0 counts as 0.",
        ),
        tile(
            "Out-of-sample Sharpe",
            text.ratio(document["avg_oos_sharpe"]),
            f"in sample {text.ratio(document['avg_is_sharpe'])}",
            meaning="Mean over the windows, annualised.",
        ),
        tile(
            "Stitched Sharpe",
            _defined(stitched, "sharpe_ratio", text.ratio),
            f"buy-and-hold {_defined(held, 'sharpe_ratio', text.ratio)}",
            meaning="Of the out-of-sample parts put together. Over the mean in-sample one: "
            f"{text.percent(document['stitched_efficiency'], digits=0)}.",
        ),
        tile(
            "Stitched CAGR",
            _defined(stitched, "cagr", text.percent),
            f"buy-and-hold {_defined(held, 'cagr', text.percent)}",
            meaning="Return per year of the out-of-sample parts put together.",
        ),
        tile(
            "Worst drawdown",
            _defined(stitched, "max_drawdown_pct", text.percent),
            f"buy-and-hold {_defined(held, 'max_drawdown_pct', text.percent)}",
            meaning="Deepest fall of the stitched curve.",
        ),
        tile(
            "Trades",
            text.count(stitched["total_trades"]),
            f"in {text.plural(len(document['windows']), 'window')}",
            meaning="Closed trades out of sample.",
        ),
    ]
    yearly = float(stitched["cagr"])
    sentence = (
        f"Out of sample it {'lost' if yearly < 0 else 'made'} {text.percent(abs(yearly))} a year, "
        f"buy-and-hold {_defined(held, 'cagr', text.percent)}; worst fall "
        f"{_defined(stitched, 'max_drawdown_pct', text.percent)} against "
        f"{_defined(held, 'max_drawdown_pct', text.percent)}. {document['conclusion']}"
    )
    return Section(
        [
            verdict(document, "Walk-forward validation", sentence),
            Html(tag("div", "".join(tiles), class_="bt-tiles")),
        ]
    )


def stitched(page: Page, *, height: int = HEIGHT) -> Section:
    """Return the stitched out-of-sample curve and its drawdown, so many pixels high."""
    document, curve = page
    own, held = floats(curve["equity"]), floats(curve["benchmark"])
    rows = display_rows(own)
    x = milliseconds(pd.DatetimeIndex(curve.index)[rows])
    fall = floats(curve["drawdown"])[rows] * 100
    money = scale_for(own, held)
    depth = Scale(min(-1.0, float(fall.min())) * 1.08, 0.0, log=False)
    data = [
        line(x, held[rows], name="Buy-and-hold", colour=theme.BENCHMARK, hover="%{y:$,.0f}"),
        line(x, own[rows], name="Out of sample", colour=theme.STRATEGY, hover="%{y:$,.0f}"),
        line(x, fall, name="Fall", colour=theme.STRATEGY, hover="%{y:.1f} %", yaxis="y2",
             fill="tozeroy", fillcolor="rgba(0,114,178,0.14)"),
    ]  # fmt: skip
    ends = [
        (f"Out of sample<br>{text.money(float(own[-1]))}", float(own[-1]), theme.STRATEGY),
        (f"Buy-and-hold<br>{text.money(float(held[-1]))}", float(held[-1]), theme.BENCHMARK),
    ]
    pixels = (height - TOP - BOTTOM) * (UPPER[1] - UPPER[0])
    worst = document["stitched"]["max_drawdown_pct"]
    shapes = [
        {
            "type": "line",
            "x0": window["oos_start"],
            "x1": window["oos_start"],
            "yref": "paper",
            "y0": 0,
            "y1": 1,
            "line": {"color": theme.ZERO, "width": 1, "dash": "dot"},
        }
        for window in document["windows"][1:]
    ]
    verb = "grew" if own[-1] > own[0] else "shrank"
    arrangement = theme.layout(
        height=height,
        title=f"Out of sample the account {verb} to {text.money(float(own[-1]))}; "
        f"buy-and-hold ended at {text.money(float(held[-1]))}",
        hovermode="x unified",
        hoversubplots="axis",
        margin={"l": 58, "r": 104, "t": TOP, "b": BOTTOM},
        xaxis=theme.time_axis(anchor="y2"),
        yaxis=money.axis(domain=list(UPPER), tickformat="$~s", anchor="x"),
        yaxis2=depth.axis(domain=list(LOWER), ticksuffix=" %", anchor="x", nticks=5),
        shapes=shapes,
        annotations=[
            panel_title(f"Worst fall {text.percent(worst)}", yref="y2"),
            *end_labels(ends, money, pixels=pixels, yref="y", gap=34),
        ],
    )
    return Section(
        [
            Chart(
                theme.figure(data, arrangement),
                name="stitched",
                note="Each window goes on with what the one before left; dotted lines part them. "
                "No position crosses them." + thinned_note(len(rows), len(own)),
                narrow={
                    "margin.l": 46,
                    "margin.r": 92,
                    "annotations[1].font.size": 11,
                    "annotations[2].font.size": 11,
                    "xaxis.nticks": 4,
                },
            )
        ]
    )


def windows(page: Page) -> Section:
    """Return the windows on a time axis, and in-sample against out-of-sample Sharpe ratios."""
    document = page[0]
    return Section([_spans(document), _sharpes(document)])


def chosen(page: Page) -> Section:
    """Return what each window was run with, and its stored runs."""
    document = page[0]
    rows = [
        [
            str(window["window_index"] + 1),
            escape(f"{window['oos_start'][:10]} to {window['oos_end'][:10]}"),
            escape(", ".join(f"{k} {v:g}" for k, v in window["parameters"].items()) or "–"),
            text.count(window["sets_tried"]) if window["sets_tried"] else "–",
            _sharpe(window, "is_sharpe"),
            _sharpe(window, "oos_sharpe"),
            text.percent(window["efficiency"], digits=0),
            text.percent(window["oos_return_pct"]),
            text.count(window["oos_trades"]),
        ]
        for window in document["windows"]
    ]
    head = ["Window", "Out of sample", "Parameters", "Chosen from", "Sharpe in", "Sharpe out",
            "Kept", "Return out", "Trades out"]  # fmt: skip
    shown = Html(table(head, rows, numeric=(0, 3, 4, 5, 6, 7, 8)))
    return Section([shown, *_stored_runs(document)])


def _stored_runs(document: Mapping[str, Any]) -> list[Html]:
    rows = [
        [
            str(window["window_index"] + 1),
            *(tag("code", escape(str(window[key]))) for key in ("is_run_id", "oos_run_id")),
        ]
        for window in document["windows"]
        if window["oos_run_id"] is not None
    ]
    if not rows:
        return []
    head = ["Window", "Run in sample", "Run out of sample"]
    listed = tag("summary", "The ids of the stored runs") + table(head, rows, numeric=(0,))
    return [Html(tag("details", listed))]


def rests_on(page: Page) -> Section:
    """Return what the validation rests on."""
    document = page[0]
    optimized = ", ".join(
        f"{name} ({text.count(len(values))} values)"
        for name, values in document["optimized"].items()
    )
    return Section(
        [
            facts_table(
                {
                    "Scheme": f"{document['scheme']}, "
                    f"{text.percent(document['is_ratio'], digits=0)} in sample",
                    "Chosen": f"{optimized} by {document['objective'].replace('_', ' ')}"
                    if optimized
                    else "nothing: the spec ran as it is",
                    "Efficiency": "out-of-sample over in-sample Sharpe ratio, from −200 % to "
                    "200 %; 0 where the in-sample ratio is not above 0",
                    **data_facts(document),
                    "Curve": document["curve_url"] or "not stored",
                    **provenance_facts(document, document["provenance"]["command"]),
                }
            )
        ]
    )


def _held(document: Mapping[str, Any], curve: pd.DataFrame) -> dict[str, Any]:
    """Return the metrics of holding the instrument over the out-of-sample parts."""
    provenance = document["provenance"]
    settings, spec = provenance["settings"], provenance["spec"]
    annualisation = Annualisation.of(settings["interval"], spec["calendar"], spec["bars_per_year"])
    index = pd.DatetimeIndex(curve.index)
    return compute_metrics(
        floats(curve["benchmark"]),
        index,
        initial_capital=settings["capital"],
        periods_per_year=annualisation.periods_per_year,
        period_ends=annualisation.period_ends(index),
        trades=TradeColumns.empty(),
    ).to_json_values()


def _sharpe(window: Mapping[str, Any], name: str) -> str:
    return text.DASH if name in window["undefined"] else text.ratio(window[name])


def _defined(metrics: Mapping[str, Any], name: str, form: Any) -> str:  # noqa: ANN401 - a formatter
    return "–" if name in metrics["undefined"] else str(form(metrics[name]))


def _spans(document: Mapping[str, Any]) -> Chart:
    parts = (
        ("In sample", "is_start", "is_end", theme.BENCHMARK),
        ("Out of sample", "oos_start", "oos_end", theme.STRATEGY),
    )
    data: list[dict[str, Any]] = []
    for name, first, last, colour in parts:
        x: list[Any] = []
        y: list[Any] = []
        for window in document["windows"]:
            x += [window[first], window[last], None]
            y += [f"Window {window['window_index'] + 1}"] * 2 + [None]
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": x,
                "y": y,
                "name": name,
                "line": {"color": colour, "width": 16},
                "hovertemplate": f"{name} %{{x}}<extra></extra>",
            }
        )
    count = len(document["windows"])
    arrangement = theme.layout(
        height=110 + 34 * count,
        title=f"{text.plural(count, 'window')}, {document['scheme']}",
        margin={"l": 84, "r": 16, "t": 56, "b": 36},
        xaxis=theme.time_axis(),
        yaxis=theme.axis(type="category", autorange="reversed", showgrid=False),
    )
    return Chart(
        theme.figure(data, arrangement),
        name="windows",
        keys=[(name, colour) for name, _, _, colour in parts],
        narrow={"xaxis.nticks": 4},
    )


def _sharpes(document: Mapping[str, Any]) -> Chart:
    names = [f"Window {window['window_index'] + 1}" for window in document["windows"]]
    kept = sum(
        1 for window in document["windows"] if (window["efficiency"] or 0.0) >= EFFICIENCY_NEEDED
    )
    # More would not fit beside each other.
    few = len(names) <= MOST_LABELLED
    data = [
        {
            "type": "bar",
            "x": names,
            "y": [window[key] for window in document["windows"]],
            "name": label,
            "marker": {"color": colour, "pattern": {"shape": shape}},
            "text": [_sharpe(window, key) for window in document["windows"]] if few else None,
            "textposition": "outside",
            "cliponaxis": False,
            "hovertemplate": f"{label} %{{y:.2f}}<extra></extra>",
        }
        for key, label, colour, shape in (
            ("is_sharpe", "In sample", theme.BENCHMARK, "/"),
            ("oos_sharpe", "Out of sample", theme.STRATEGY, ""),
        )
    ]
    arrangement = theme.layout(
        height=340,
        title=f"{kept} of {len(names)} windows kept at least "
        f"{text.percent(EFFICIENCY_NEEDED, digits=0)} of their Sharpe ratio",
        xaxis=theme.axis(type="category", showgrid=False),
        yaxis=theme.axis(title={"text": "Sharpe ratio"}),
        barmode="group",
        uniformtext={"minsize": 9, "mode": "hide"},
        bargap=0.35,
        margin={"l": 58, "r": 16, "t": 56, "b": 36},
    )
    return Chart(
        theme.figure(data, arrangement),
        name="sharpes",
        keys=[("In sample", theme.BENCHMARK), ("Out of sample", theme.STRATEGY)],
    )


__all__ = [
    "chosen",
    "headline",
    "open_walk_forward",
    "rests_on",
    "stitched",
    "windows",
]
