"""Verdict and tiles above the live picture."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from btkit.metrics import THRESHOLDS, verdict_of
from btkit.render import text
from btkit.render.pieces import tag
from btkit.render.pill import pill
from btkit.render.words import LABELS, needs
from btkit.widgets.market import Held

if TYPE_CHECKING:
    from btkit.simulation import Result
    from btkit.simulation.options import OptionsResult

TILES = ("cagr", "sharpe_ratio", "max_drawdown_pct", "win_rate", "profit_factor", "total_trades")
_NAMES = {"cagr": "CAGR", "sharpe_ratio": "Sharpe", "max_drawdown_pct": "Worst fall"}
_SENSES = {"at_least": "≥", "at_most": "≤"}
_NO_VALUE = "undefined for this run"


def summary(result: Result | OptionsResult, held: Held, *, least: int) -> str:
    """Return verdict and six tiles as markup, each with its threshold and buy-and-hold's value.

    Parameters
    ----------
    result
        What is judged.
    held
        What it is compared with.
    least
        BT_MIN_TRADES_REQUIRED.
    """
    missed = [
        bound
        for bound in THRESHOLDS
        if not bound.passes(float(getattr(result.metrics, bound.metric)))
    ]
    trades = result.metrics.total_trades
    verdict = verdict_of(passed=not missed, trades=trades, least=least)
    names = [_word(bound.metric) for bound in missed]
    why = f"misses {text.listed(names)}" if names else f"keeps all {len(THRESHOLDS)} thresholds"
    if verdict == "too_few_trades":
        why = f"{text.plural(trades, 'trade')}, a verdict needs {least}; it {why}"
    head = pill(verdict) + tag("span", escape(why))
    tiles = "".join(_tile(result, held, name) for name in TILES)
    warnings = "".join(tag("li", escape(str(warning["message"]))) for warning in result.warnings)
    notes = tag(
        "details",
        tag("summary", f"{text.plural(len(result.warnings), 'warning')} about this run")
        + tag("ul", warnings),
        class_="bt-edit-warnings",
    )
    return tag(
        "div",
        tag("div", head, class_="bt-edit-verdict", role="status")
        + tag("div", tiles, class_="bt-tiles")
        + (notes if warnings else ""),
        class_="bt",
    )


def _tile(result: Result | OptionsResult, held: Held, name: str) -> str:
    label = LABELS[name]
    value = float(getattr(result.metrics, name))
    bound = next((bound for bound in THRESHOLDS if bound.metric == name), None)
    lines = [
        tag(
            "div", escape(_NAMES.get(name, label.name)), class_="bt-tile-name", title=label.meaning
        ),
        tag("div", _shown(name, value), class_="bt-tile-value"),
    ]
    if bound is not None:
        met = bound.passes(value)
        sign, kind = ("✓", "bt-met") if met else ("✕", "bt-missed")
        limit = f"{_SENSES[bound.sense]} {label.show(bound.bound)}"
        need = tag("span", f"{sign} {escape(limit)}", class_=kind, title=needs(bound))
        lines.append(tag("div", need, class_="bt-tile-line"))
    other = held.metrics.get(name)
    if name == "total_trades":
        won, lost = result.metrics.winning_trades, result.metrics.losing_trades
        lines.append(tag("div", f"{won:,} won, {lost:,} lost", class_="bt-tile-line"))
    elif other is not None and name not in {"win_rate", "profit_factor"}:
        lines.append(tag("div", f"held {escape(label.show(other))}", class_="bt-tile-line"))
    return tag("div", "".join(lines), class_="bt-tile")


def _word(metric: str) -> str:
    name = LABELS[metric].name
    return name if metric == "sharpe_ratio" else name.lower()  # a person's name


def _shown(name: str, value: float) -> str:
    if math.isnan(value):
        return tag("span", text.DASH, title=_NO_VALUE, class_="bt-undefined")
    return "∞" if math.isinf(value) else escape(LABELS[name].show(value))
