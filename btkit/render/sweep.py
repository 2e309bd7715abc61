"""The report of a sweep: the truth first, then the surface, the sets, and what it rests on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from btkit.errors import UsageError
from btkit.render import text, theme
from btkit.render.pieces import Chart, Html, Section, asset, table, tag
from btkit.runs import read_settings
from btkit.runs.sweep import describe_sweep, load_sweep
from btkit.runs.sweep import sweep as run_sweep

Page = tuple[dict[str, Any], pd.DataFrame]
"""The document of a sweep, and the table of its sets."""

MOST_LINES = 1_500
_MONEY = frozenset(
    {"total_return", "max_drawdown", "expectancy_per_trade", "avg_win", "avg_loss", "largest_win",
     "largest_loss"}
)  # fmt: skip


def open_sweep(sweep_id: str, *, folder: str = "", request: Mapping[str, Any]) -> Page:
    """Return the sweep that a notebook's parameters ask for.

    Parameters
    ----------
    sweep_id
        A stored sweep; empty to make a new one from `request`.
    folder
        Where it is stored; empty takes BT_REPORT_DIR.
    request
        Without a `sweep_id`: the arguments of `btkit.sweep`.

    Raises
    ------
    UsageError
        When there is neither an id nor a request.
    StoreError
        When there is no such sweep.
    """
    settings = read_settings()
    if folder:
        settings = settings.model_copy(update={"report_dir": Path(folder)})
    if sweep_id:
        return load_sweep(sweep_id, settings=settings)
    if not request:
        raise UsageError(
            "The notebook has neither a sweep_id nor a request.",
            hint='Set sweep_id, or request = {"spec": ..., "symbol": ..., "parameters": ...}.',
        )
    result = run_sweep(**request, settings=settings)
    report = describe_sweep(
        result, start=request.get("start"), end=request.get("end"), settings=settings
    )
    return report.to_dict(), result.table


def headline(page: Page) -> Section:
    """Return the verdict, and what is luck in it."""
    document = page[0]
    truth, best = document["overfitting"], document["best"]
    sentence = (
        f"The best of {text.plural(document['sets'], 'set')}, {_named(best['parameters'])}, has a "
        f"Sharpe ratio of {text.ratio(truth['sharpe_ratio'])}; as many sets without any skill "
        f"would reach {text.ratio(truth['expected_maximum_sharpe'])}. {_judged(truth)}"
    )
    return Section([verdict(document, "Parameter sweep", sentence), _tiles(document)])


def verdict(document: Mapping[str, Any], kind: str, sentence: str) -> Html:
    """Return the head of a page: who, when, PASS or FAIL, one sentence, and every warning.

    Parameters
    ----------
    document
        Of a sweep or a walk-forward validation.
    kind
        What the page is.
    sentence
        The result in plain words.
    """
    passed = bool(document["passed"])
    sign, word = ("✓", "PASS") if passed else ("✕", "FAIL")
    pill = tag(
        "span",
        f'<span aria-hidden="true">{sign}</span> {word}',
        class_=f"bt-pill {'bt-pass' if passed else 'bt-fail'}",
    )
    symbol = document["symbol"] or "bars handed over"
    facts = [
        f"version {document['strategy_version']}",
        symbol,
        f"{document['start_date']} to {document['end_date']}",
    ]
    items = "".join(tag("li", escape(entry["message"])) for entry in document["warnings"])
    warned = tag("div", tag("ul", items), class_="bt-callout bt-attention", role="note")
    parts = [
        tag("p", escape(kind), class_="bt-eyebrow"),
        tag("div", tag("h1", escape(document["strategy_name"])) + pill, class_="bt-title"),
        tag("p", escape(" · ".join(facts)), class_="bt-facts"),
        tag("p", escape(sentence), class_="bt-sentence"),
        warned if items else "",
    ]
    return Html(
        tag("style", asset("report.css")) + tag("header", "".join(parts), class_="bt-headline"),
        title=f"{document['strategy_name']}, {symbol}: {kind.lower()}",
    )


def tile(name: str, value: str, beneath: str, *, meaning: str) -> str:
    """Return one tile: a number, and what to compare it with.

    Parameters
    ----------
    name, value, beneath
        What it is, the number, and the line under it.
    meaning
        Shown on hover.
    """
    return tag(
        "div",
        tag("div", escape(name), class_="bt-tile-name", title=meaning)
        + tag("div", escape(value), class_="bt-tile-value")
        + tag("div", escape(beneath), class_="bt-tile-line"),
        class_="bt-tile",
    )


def _tiles(document: Mapping[str, Any]) -> Html:
    truth = document["overfitting"]
    interval = truth["sharpe_interval"]
    span = (
        "–"
        if interval is None
        else f"95 %: {text.ratio(interval['low'])} to {text.ratio(interval['high'])}"
    )
    tiles = [
        tile(
            "Sharpe of the best",
            text.ratio(truth["sharpe_ratio"]),
            span,
            meaning="Annualised; the interval is a stationary block bootstrap.",
        ),
        tile(
            "Expected by luck",
            text.ratio(truth["expected_maximum_sharpe"]),
            f"best of {text.count(truth['trials'])} without skill",
            meaning="Expected maximum Sharpe ratio (Bailey and López de Prado 2014).",
        ),
        tile(
            "Deflated Sharpe",
            text.ratio(truth["deflated_sharpe_ratio"]),
            "needs 0.95",
            meaning="Probability that the true Sharpe ratio is above 0, all trials counted.",
        ),
        tile(
            "Overfitting",
            text.percent(truth["probability_of_overfitting"], digits=0),
            "at most 50 %",
            meaning="Probability of backtest overfitting by CSCV (Bailey et al. 2015).",
        ),
        tile(
            "SPA test",
            f"p {text.ratio(truth['spa_p'])}",
            "skill below 0.05",
            meaning="Hansen 2005: that no set earns more than nothing.",
        ),
        tile(
            "Reality check",
            f"p {text.ratio(truth['reality_check_p'])}",
            "skill below 0.05",
            meaning="White 2000: that no set earns more than nothing.",
        ),
    ]
    return Html(tag("div", "".join(tiles), class_="bt-tiles"))


def surface(page: Page) -> Section:
    """Return the objective over the two parameters that move it most."""
    document, sets = page
    names = _by_influence(document, sets)
    if len(names) < 2:  # noqa: PLR2004 - a surface has two sides
        return Section([_curve(document, sets, names[0])])
    across, up = names[:2]
    objective = document["objective"]
    # Undefined and infinite values leave their cell empty.
    known = sets.copy()
    known[objective] = sets[objective].where(np.isfinite(sets[objective]))
    grid = known.pivot_table(index=up, columns=across, values=objective, aggfunc="median")
    best = document["best"]["parameters"]
    data: list[dict[str, Any]] = [
        {
            "type": "heatmap",
            "x": [f"{value:g}" for value in grid.columns],
            "y": [f"{value:g}" for value in grid.index],
            "z": grid.to_numpy(np.float32),
            "colorscale": "Cividis",
            "hoverongaps": False,
            "colorbar": {"thickness": 12, "outlinewidth": 0, "tickformat": ".3~g"},
            "hovertemplate": f"{across} %{{x}}, {up} %{{y}}<br>{_label(objective)} %{{z:.3f}}"
            "<extra></extra>",
        },
        {
            "type": "scatter",
            "mode": "markers",
            "x": [f"{best[across]:g}"],
            "y": [f"{best[up]:g}"],
            "marker": {
                "symbol": "circle-open",
                "size": 15,
                "color": theme.LOSS,
                "line": {"width": 3},
            },
            "hovertemplate": "the best set<extra></extra>",
        },
    ]
    others = "" if len(names) == 2 else ", the median over all others"  # noqa: PLR2004 - as above
    arrangement = theme.layout(
        height=460,
        title=_surface_title(document, sets, grid),
        margin={"l": 64, "r": 16, "t": 56, "b": 52},
        xaxis=theme.axis(type="category", title={"text": across}, showgrid=False, nticks=14),
        yaxis=theme.axis(type="category", title={"text": up}, showgrid=False, nticks=14),
    )
    return Section(
        [
            Chart(
                theme.figure(data, arrangement),
                name="surface",
                note=f"{_label(objective)} by {across} and {up}{others}; the ring is the best set.",
                narrow={"margin.l": 44, "xaxis.nticks": 6, "yaxis.nticks": 8},
            )
        ]
    )


def lines(page: Page) -> Section:
    """Return the sets as parallel lines, and how their objective is spread."""
    document, sets = page
    objective = document["objective"]
    shown = sets[np.isfinite(sets[objective])]
    if shown.empty:
        return Section([Html(tag("p", "No set has a defined objective.", class_="bt-empty"))])
    ranked = shown.sort_values(objective)
    rows = np.unique(np.linspace(0, len(ranked) - 1, MOST_LINES).astype(int))
    drawn = ranked.iloc[rows]
    columns = dict.fromkeys(
        [*document["parameters"], "total_trades", "max_drawdown_pct", objective]
    )
    data = [
        {
            "type": "parcoords",
            "line": {
                "color": drawn[objective].to_numpy(np.float32),
                "colorscale": "Cividis",
                "showscale": False,
            },
            "dimensions": [
                {"label": _label(name), "values": drawn[name].to_numpy(np.float32)}
                for name in columns
            ],
            "labelfont": {"size": 12},
            "labelangle": -12,
        }
    ]
    part = "" if len(drawn) == len(sets) else f" {text.count(len(drawn))} of them are drawn."
    parallel = Chart(
        theme.figure(
            data,
            theme.layout(
                height=420,
                title="Which values the good sets share",
                margin={"l": 64, "r": 64, "t": 110, "b": 24},
            ),
        ),
        name="sets",
        note=f"Each line is a set, bright ones are better; drag along an axis to filter.{part}",
        narrow={"margin.l": 40, "margin.r": 40, "height": 380},
    )
    return Section([parallel, _spread(document, shown)])


def best_sets(page: Page) -> Section:
    """Return the best ten, and how to run one again."""
    document = page[0]
    names = list(document["parameters"])
    metrics = ["sharpe_ratio", "cagr", "max_drawdown_pct", "win_rate", "profit_factor",
               "total_trades"]  # fmt: skip
    if document["objective"] not in metrics:
        metrics.insert(0, document["objective"])
    rows = [
        [str(entry["rank"])]
        + [f"{entry['parameters'][name]:g}" for name in names]
        + [_cell(entry["metrics"], name) for name in metrics]
        for entry in document["top"]
    ]
    head = ["Rank", *names, *(_label(name) for name in metrics)]
    shown = table(head, rows, numeric=range(len(head)))
    return Section([Html(shown), *_commands(document)])


def rests_on(page: Page) -> Section:
    """Return what the sweep rests on."""
    document = page[0]
    data, provenance = document["data"], document["provenance"]
    settings = provenance["settings"]
    facts = {
        "Sets tried": f"{text.count(document['sets'])}, by {document['method']}"
        + (f", where {document['constraint']}" if document["constraint"] else ""),
        "Objective": _label(document["objective"]),
        "Bars": f"{text.count(data['rows'])} from {data['source']}, {data['first']} to "
        f"{data['last']}. {data['description']}",
        "Costs": f"commission {settings['commission']:g} ({settings['commission_model']}), "
        f"slippage {text.percent(settings['slippage'], digits=2)} a fill",
        "Statistics": f"{text.count(document['overfitting']['periods'])} returns, one a "
        f"{document['overfitting']['period']}; CSCV on {document['overfitting']['blocks'] or '–'} "
        "blocks; 1,000 resamples with seed 0",
        "Table": document["table_url"] or "not stored",
        "Hashes": f"spec {provenance['spec_hash'][:12]}, bars {provenance['bars_hash'][:12]}",
        "Versions": ", ".join(f"{name} {value}" for name, value in provenance["versions"].items()),
    }
    return Section([facts_table(facts)])


def facts_table(facts: Mapping[str, str]) -> Html:
    """Return names and what is known of them, as a table.

    Parameters
    ----------
    facts
        Plain text.
    """
    rows = "".join(
        tag("dt", escape(name)) + tag("dd", escape(value)) for name, value in facts.items()
    )
    return Html(tag("dl", rows, class_="bt-facts-list"))


def _judged(truth: Mapping[str, Any]) -> str:
    deflated, overfitted = truth["deflated_sharpe_ratio"], truth["probability_of_overfitting"]
    if deflated is None:
        return "It cannot be told from luck."
    chance = (
        ""
        if overfitted is None
        else f", and in {text.percent(overfitted, digits=0)} of the splits what was best in one "
        "half was below the middle in the other"
    )
    luck = text.percent(deflated, digits=0)
    return f"That it is more than luck has a probability of {luck}{chance}."


def _named(parameters: Mapping[str, float]) -> str:
    return text.listed([f"{name} {value:g}" for name, value in parameters.items()])


def _label(name: str) -> str:
    known = {"cagr": "CAGR", "max_drawdown_pct": "Worst drawdown", "total_trades": "Trades"}
    return known.get(name, name.replace("_pct", "").replace("_", " ").capitalize())


def _cell(metrics: Mapping[str, Any], name: str) -> str:
    if name in metrics["undefined"]:
        return '<span title="undefined">–</span>'
    value = metrics[name]
    form: Callable[[float], str] = text.ratio
    if name in {"cagr", "win_rate", "volatility"} or name.endswith("_pct"):
        form = text.percent
    elif name in _MONEY:
        form = text.money
    elif isinstance(value, int):
        form = text.count
    return form(value)


def _by_influence(document: Mapping[str, Any], sets: pd.DataFrame) -> list[str]:
    """Return the parameters, those first whose values spread the objective most."""
    objective = sets[document["objective"]].where(np.isfinite(sets[document["objective"]]))
    varied = [name for name, values in document["parameters"].items() if len(values) > 1]
    names = varied or list(document["parameters"])

    def spread(name: str) -> float:
        means = objective.groupby(sets[name]).mean()
        return float(means.std()) if len(means) > 1 else 0.0

    order = sorted(names, key=lambda name: -np.nan_to_num(spread(name)))
    return sorted(order[:2], key=names.index) + order[2:]


def _surface_title(document: Mapping[str, Any], sets: pd.DataFrame, grid: pd.DataFrame) -> str:
    values = sets[document["objective"]]
    cells = grid.to_numpy()
    best = document["best"]["metrics"][document["objective"]]
    near = float(np.nanmean(cells >= 0.8 * best)) if best > 0 and np.isfinite(cells).any() else 0.0
    middle = float(values[np.isfinite(values)].median()) if np.isfinite(values).any() else np.nan
    return (
        f"Best {text.ratio(best)}, middle set {text.ratio(middle)}; "
        f"{text.percent(near, digits=0)} of the surface is within a fifth of the best"
    )


def _curve(document: Mapping[str, Any], sets: pd.DataFrame, name: str) -> Chart:
    objective = document["objective"]
    ranked = sets[[name, objective]].sort_values(name)
    data = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": ranked[name].to_numpy(np.float64),
            "y": ranked[objective].where(np.isfinite(ranked[objective])).to_numpy(np.float64),
            "line": {"color": theme.STRATEGY},
            "hovertemplate": f"{name} %{{x}}: %{{y:.3f}}<extra></extra>",
        }
    ]
    arrangement = theme.layout(
        height=380,
        title=f"{_label(objective)} is best at {name} {document['best']['parameters'][name]:g}",
        xaxis=theme.axis(title={"text": name}),
        yaxis=theme.axis(title={"text": _label(objective)}),
        margin={"l": 58, "r": 16, "t": 56, "b": 52},
    )
    return Chart(theme.figure(data, arrangement), name="surface")


def _spread(document: Mapping[str, Any], shown: pd.DataFrame) -> Chart:
    objective = document["objective"]
    values = shown[objective].to_numpy(np.float64)
    counts, edges = np.histogram(values, bins=min(60, max(8, len(values) // 12)))
    truth = document["overfitting"]
    # Not the highest of all: sets with too few trades do not count.
    marks = [(document["best"]["metrics"][objective], "best", theme.STRATEGY)]
    if objective == "sharpe_ratio":
        marks.append((truth["expected_maximum_sharpe"], "expected by luck", theme.ATTENTION))
    data = [
        {
            "type": "bar",
            "x": (edges[:-1] + edges[1:]) / 2,
            "y": counts,
            "width": np.diff(edges),
            "marker": {"color": theme.BENCHMARK, "opacity": 0.7},
            "hovertemplate": "%{y} sets near %{x:.3f}<extra></extra>",
        }
    ]
    shapes = [
        {
            "type": "line",
            "x0": at,
            "x1": at,
            "yref": "paper",
            "y0": 0,
            "y1": 1,
            "line": {"color": colour, "width": 2, "dash": "dot"},
        }
        for at, _, colour in marks
    ]
    notes = [
        {
            "x": at,
            "yref": "paper",
            "y": 1.0,
            "yanchor": "bottom",
            "yshift": 2 + 15 * place,
            "text": label,
            "showarrow": False,
            "xanchor": "right",
            "xshift": 4,
            "font": {"color": colour},
        }
        for place, (at, label, colour) in enumerate(marks)
    ]
    share = float((values > 0).mean())
    arrangement = theme.layout(
        height=340,
        title=f"{text.percent(share, digits=0)} of the sets are above 0",
        xaxis=theme.axis(title={"text": _label(objective)}),
        yaxis=theme.axis(title={"text": "sets"}),
        shapes=shapes,
        annotations=notes,
        bargap=0.02,
        margin={"l": 58, "r": 16, "t": 84, "b": 52},
    )
    return Chart(theme.figure(data, arrangement), name="spread", note="How the sets are spread.")


def _commands(document: Mapping[str, Any]) -> list[Html]:
    command = document["best"]["command"]
    if command is None:
        return []
    import shlex  # noqa: PLC0415 - here alone

    return [
        Html(
            tag("p", "The best set again, in full; the spec files of the others lie beside it:")
            + tag("pre", escape(shlex.join(command)))
        )
    ]
