"""The verdict: pill, one sentence, warnings, six tiles, and all numbers beside buy-and-hold's."""

from __future__ import annotations

import math
from html import escape
from typing import Any

from btkit.markets import Interval
from btkit.render import text, words
from btkit.render.pieces import Html, asset, tag
from btkit.render.pill import pill
from btkit.render.view import Value, View

TILES = ("cagr", "sharpe_ratio", "max_drawdown_pct", "win_rate", "profit_factor", "total_trades")
TILE_NAMES = {"cagr": "CAGR", "sharpe_ratio": "Sharpe"}
COMPARED = "Return and risk"
GROUPS = {
    COMPARED: (
        "total_return_pct",
        "cagr",
        "volatility",
        "sharpe_ratio",
        "sortino_ratio",
        "calmar_ratio",
        "max_drawdown_pct",
        "max_drawdown_duration_days",
    ),
    "Trades": (
        "total_trades",
        "win_rate",
        "profit_factor",
        "consecutive_losses_max",
        "avg_win_pct",
        "avg_loss_pct",
        "avg_holding_period",
    ),
    "In dollars": (
        "total_return",
        "max_drawdown",
        "recovery_factor",
        "expectancy_per_trade",
        "avg_win",
        "avg_loss",
        "largest_win",
        "largest_loss",
    ),
}
NORMAL_95 = 1.959964  # two-sided 95 % quantile of the normal distribution


def verdict(view: View) -> Html:
    """Return the headline: who, when, the verdict, one sentence, and every warning."""
    run = view.run
    facts = [
        f"version {run['strategy_version']}",
        view.symbol,
        f"{text.day(view.times[0])} to {text.day(view.times[-1])}",
        f"{text.count(len(view.times))} {_adjective(view.interval)} bars",
        _side(view),
    ]
    title = tag("h1", escape(str(run["strategy_name"]))) + pill(view.report["verdict"])
    parts = [
        tag("p", "Backtest report", class_="bt-eyebrow"),
        tag("div", title, class_="bt-title"),
        tag("p", " · ".join(escape(fact) for fact in facts), class_="bt-facts"),
        tag("p", escape(words.headline(view)), class_="bt-sentence"),
        _explanation(view),
        _warnings(view),
    ]
    return Html(
        # The styles come with the first fragment, so that they are there in JupyterLab, too.
        tag("style", asset("report.css")) + tag("header", "".join(parts), class_="bt-headline"),
        title=f"{run['strategy_name']}, {view.symbol}: backtest report",
    )


def _adjective(interval: str) -> str:
    # Bars without a name of their interval, of a stored run, are only bars.
    return Interval.parse(interval).adjective if interval else ""


def _side(view: View) -> str:
    if "spread_type" in view.spec:
        return str(view.spec["spread_type"]).replace("_", " ")
    return "short" if view.settings.get("direction") == "short" else "long only"


def _explanation(view: View) -> str:
    lines = view.report["diagnostics"].get("explanation") or []
    if len(view.trades) or not lines:
        return ""
    items = "".join(tag("li", escape(str(line))) for line in lines)
    return tag(
        "div",
        tag("strong", "Why nothing was traded") + tag("ul", items),
        class_="bt-callout",
        role="note",
    )


def _warnings(view: View) -> str:
    warnings: list[dict[str, Any]] = view.report["warnings"]
    if not warnings:
        return ""
    items = "".join(
        tag("li", escape(str(warning["message"])), title=str(warning["code"]))
        for warning in warnings
    )
    title = f"{text.plural(len(warnings), 'warning')}: read before you trust the numbers"
    return tag(
        "div",
        tag("strong", escape(title)) + tag("ul", items),
        class_="bt-callout bt-attention",
        role="note",
    )


def tiles(view: View) -> Html:
    """Return the six tiles, each with its threshold, buy-and-hold's value and an interval."""
    return Html(tag("div", "".join(_tile(view, name) for name in TILES), class_="bt-tiles"))


def _tile(view: View, name: str) -> str:
    label = words.LABELS[name]
    value = view.metric(name)
    lines = [
        tag("div", TILE_NAMES.get(name, label.name), class_="bt-tile-name", title=label.meaning),
        tag("div", shown(value, name), class_="bt-tile-value"),
        _threshold(view, name),
    ]
    if name == "total_trades":
        lines.append(_line(_trades_line(view)))
    elif name in {"win_rate", "profit_factor"}:
        if name == "profit_factor" and len(view.trades):
            lines += [_line(f"mean win {text.money(view.metric('avg_win').number)}")]
            lines += [_line(f"mean loss {text.money(view.metric('avg_loss').number)}")]
    else:
        held = view.benchmark(name)
        lines.append(_line(f"buy-and-hold {shown(held, name)}", markup=True))
    bounds = interval(view, name)
    if bounds:
        low, high = (label.show(bound) for bound in bounds)
        lines.append(_line(f"95{text.NARROW}%: {low} to {high}", title=INTERVALS[name]))
    return tag("div", "".join(lines), class_="bt-tile")


INTERVALS = {
    "sharpe_ratio": "95 % confidence interval, Lo (2002), assuming independent returns: "
    "standard error √((1 + SR²/2)/n) of the ratio per return, annualised",
    "win_rate": "95 % confidence interval, Wilson (1927), assuming independent trades",
}


def interval(view: View, name: str) -> tuple[float, float] | None:
    """Return a 95 % confidence interval of a metric where one is known, else None.

    Notes
    -----
    Sharpe ratio: Lo, A. (2002), "The statistics of Sharpe ratios", Financial Analysts Journal
    58(4), the independent case. Win rate: Wilson, E. B. (1927), "Probable inference, the law of
    succession, and statistical inference", JASA 22(158).
    """
    value = view.metric(name).number
    if value is None:
        return None
    if name == "sharpe_ratio" and len(view.equity) > 1:
        per_year = view.annualisation.periods_per_year
        single = value / math.sqrt(per_year)
        error = math.sqrt((1 + single**2 / 2) / len(view.period_ends) * per_year)
        return value - NORMAL_95 * error, value + NORMAL_95 * error
    if name == "win_rate" and len(view.trades):
        n, z2 = len(view.trades), NORMAL_95**2
        middle = (value + z2 / (2 * n)) / (1 + z2 / n)
        half = NORMAL_95 / (1 + z2 / n) * math.sqrt(value * (1 - value) / n + z2 / (4 * n * n))
        return middle - half, middle + half
    return None


def _line(content: str, *, title: str | None = None, markup: bool = False) -> str:
    return tag("div", content if markup else escape(content), class_="bt-tile-line", title=title)


def _trades_line(view: View) -> str:
    won, lost = view.metric("winning_trades").number, view.metric("losing_trades").number
    return f"{text.count(won)} won, {text.count(lost)} lost"


def _threshold(view: View, name: str) -> str:
    if name == "total_trades":
        return tag("div", _trades_mark(view), class_="bt-tile-line")
    if name not in words.BOUNDS:
        return ""
    return tag("div", mark(view, name), class_="bt-tile-line")


def _trades_mark(view: View) -> str:
    few = view.report["verdict"] == "too_few_trades"
    sign, kind, word = ("!", "bt-unsure", "too few") if few else ("✓", "bt-met", "enough")
    need = f"needs ≥ {text.count(view.report['min_trades_required'])}"
    return tag("span", f'<span aria-label="{word}">{sign}</span> {need}', class_=kind)


def mark(view: View, name: str) -> str:
    """Return what a metric needs and whether it got there, told by shape as well as by colour."""
    failed = any(failure["metric"] == name for failure in view.report["failures"])
    need = escape(words.needs(words.BOUNDS[name]))
    sign, kind = ("✕", "bt-missed") if failed else ("✓", "bt-met")
    word = "missed" if failed else "met"
    return tag("span", f'<span aria-label="{word}">{sign}</span> {need}', class_=kind)


def shown(value: Value, name: str) -> str:
    """Return a metric as markup; an undefined one is a dash that says why on hover."""
    if value.number is None:
        return tag("span", text.DASH, title=value.reason, class_="bt-undefined")
    return escape(words.LABELS[name].show(value.number))


def comparison(view: View) -> Html:
    """Return every metric beside buy-and-hold's and beside its threshold."""
    blocks = "".join(_group(view, title, names) for title, names in GROUPS.items())
    return Html(tag("div", blocks, class_="bt-columns"))


def _group(view: View, title: str, names: tuple[str, ...]) -> str:
    compared = title == COMPARED
    rows = "".join(_row(view, name, compared=compared) for name in names)
    heads = (
        tag("th", title, scope="col")
        + tag("th", "Strategy", scope="col", class_="num")
        + (tag("th", "Buy-and-hold", scope="col", class_="num") if compared else "")
    )
    return tag(
        "table",
        tag("thead", tag("tr", heads)) + tag("tbody", rows),
        class_="bt-table bt-metrics",
    )


def _row(view: View, name: str, *, compared: bool) -> str:
    label = words.LABELS[name]
    below = tag("div", mark(view, name), class_="bt-need") if name in words.BOUNDS else ""
    cells = tag("th", escape(label.name) + below, scope="row", title=label.meaning)
    cells += tag("td", shown(view.metric(name), name), class_="num")
    if compared:
        cells += tag("td", shown(view.benchmark(name), name), class_="num bt-faint")
    return tag("tr", cells)
