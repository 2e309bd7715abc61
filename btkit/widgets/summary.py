"""Verdict and tiles above the live picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import pandas as pd

from btkit.metrics import THRESHOLDS, spanned_days, verdict_of
from btkit.render import text
from btkit.render.pages import markup
from btkit.render.tiles import Mark, Shown, Tile, TileLine
from btkit.render.words import LABELS, in_sentence, needs, tile_metrics
from btkit.spelling import listed
from btkit.widgets.market import BuyAndHold

if TYPE_CHECKING:
    from btkit.simulation import Result

_NAMES = {"cagr": "CAGR", "sharpe_ratio": "Sharpe", "max_drawdown_pct": "Max drawdown"}
_SENSES = {"at_least": "≥", "at_most": "≤"}
_NO_VALUE = "undefined for this run"


def summary(result: Result, held: BuyAndHold, *, least: int) -> str:
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
    names = [in_sentence(bound.metric) for bound in missed]
    why = f"misses {listed(names)}" if names else f"keeps all {len(THRESHOLDS)} thresholds"
    if verdict == "too_few_trades":
        why = f"{text.plural(trades, 'trade')}, a verdict needs {least}; it {why}"
    days = spanned_days(pd.DatetimeIndex(result.bars.index))
    tiles = [_tile(result, held, name) for name in tile_metrics(days)]
    warnings = [warning["message"] for warning in result.warnings]
    return markup("widgets.summary", verdict, why, tiles, warnings)


def _tile(result: Result, held: BuyAndHold, name: str) -> Tile:
    label = LABELS[name]
    other = held.metrics.get(name)
    lines: list[TileLine | str] = []
    if name == "total_trades":
        won, lost = result.metrics.winning_trades, result.metrics.losing_trades
        lines = [f"{won:,} won, {lost:,} lost"]
    elif other is not None and name not in {"win_rate", "profit_factor"}:
        lines = [TileLine("B&H ", label.show(other), hover="Buy-and-hold of the same bars")]
    value = float(getattr(result.metrics, name))
    return Tile(
        _NAMES.get(name, label.name),
        _shown(name, value),
        lines,
        meaning=label.meaning,
        mark=_mark(name, value),
    )


def _mark(name: str, value: float) -> Mark | None:
    bound = next((bound for bound in THRESHOLDS if bound.metric == name), None)
    if bound is None:
        return None
    limit = f"{_SENSES[bound.sense]} {LABELS[name].show(bound.bound)}"
    met: Literal["met", "missed"] = "met" if bound.passes(value) else "missed"
    return Mark(met, met, limit, hover=needs(bound))


def _shown(name: str, value: float) -> Shown:
    if math.isnan(value):
        return Shown(text.DASH, _NO_VALUE)
    return Shown("∞" if math.isinf(value) else LABELS[name].show(value))
