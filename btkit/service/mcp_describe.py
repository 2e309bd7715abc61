"""What an agent has to know before it asks for anything, a topic at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from btkit.arguments import check_choice
from btkit.conditions import CALLS
from btkit.data import source_names
from btkit.errors import error_types
from btkit.indicators import catalogue
from btkit.jobs.job import JOB_KINDS
from btkit.metrics import METRICS
from btkit.service.folders import AllowedFolders
from btkit.service.mcp_tables import ROWS, TABLES, TEMPLATE
from btkit.settings import Settings
from btkit.spec import KINDS

_MOST_NAMES = 12
_EXAMPLE = {
    "name": "dip_in_an_uptrend",
    "parameters": {"fast": 10, "slow": 200},
    "entry_conditions": ["close > sma_{slow}", "close < sma_{fast}", "not in_position"],
    "exit_conditions": ["close > sma_{fast}"],
    "stop_conditions": ["position_pnl_pct < -0.08"],
    "position_sizing_formula": "capital / close",
}
_GRAMMAR = (
    "Conditions are Python expressions of names (topic names), numbers, and or not, comparisons, "
    "+ - * / // % **, x if c else y, abs round min max int float bool len, calls over time (topic "
    "names) such as mean(volume, 20) and crossed_above(close, sma_50), "
    'on("1w", x) for bars of a slower interval, of("SPY", x) for another instrument\'s. '
    "All conditions of a list must hold. They are judged at a bar's close, and orders fill at the "
    "next open. A missing value does not hold. "
    "{fast} is filled from parameters. Fractions, not percent: 0.1 is 10 %."
)


def describe(
    topic: str | None, kind: str | None, search: str | None, *, settings: Settings
) -> dict[str, Any]:
    """Return what there is to know of a topic.

    Parameters
    ----------
    topic
        One of `TOPICS`; None gives what one has to know first.
    kind
        Of a spec, or of a job.
    search
        A word, for names and metrics.
    settings
        What is the usual here.

    Raises
    ------
    UsageError
        If there is no such topic or kind.
    """
    if topic is None:
        return _overview(settings)
    known = check_choice(topic, tuple(TOPICS), name="topic", noun="topic")
    return TOPICS[known](kind, (search or "").strip().lower())


def _overview(settings: Settings) -> dict[str, Any]:
    return {
        "what": "Backtests of trading strategies on bars. A spec says when to enter and exit; a "
        "job runs it on bars, and is stored under an id.",
        "spec_example": _EXAMPLE,
        "conditions": _GRAMMAR,
        "kinds": {
            name: (kind.__doc__ or "").partition("\n")[0] for name, kind in JOB_KINDS.items()
        },
        "example_strategies": AllowedFolders.of(settings).names(),
        "sources": source_names(),
        "usual": {
            "source": settings.data_source,
            "capital": settings.initial_capital,
            "commission": settings.default_commission,
            "slippage": settings.default_slippage,
        },
        "sample": "Source sample has daily SPX and IXIC, 1999-01-04 to 2018-12-31.",
        "how": "validate a spec, plan a job, run it with plan_hash; a good run means little until "
        "walk-forward and sweep say that it is no fluke: count what was tried (plan: trials).",
        "passes_if": "win_rate >= 0.5, profit_factor >= 1.5, sharpe_ratio >= 1, "
        "max_drawdown_pct <= 0.25 and enough trades; see failures.",
        "topics": list(TOPICS),
        "tables": {"address": TEMPLATE, "rows": ROWS, **{n: t.what for n, t in TABLES.items()}},
    }


def _specs(kind: str | None, search: str) -> dict[str, Any]:
    known = check_choice(kind or "rules", tuple(KINDS), name="kind", noun="kind of spec")
    fields = KINDS[known].spec.model_fields
    return {
        "kind": known,
        "fields": {
            name: (field.description or "") + (" [required]" if field.is_required() else "")
            for name, field in fields.items()
            if search in name
        },
        "other_kinds": [name for name in KINDS if name != known],
    }


def _names(_kind: str | None, search: str) -> dict[str, Any]:
    entries = catalogue()
    if not search:
        groups: dict[str, list[str]] = {}
        for entry in entries:
            groups.setdefault(entry.group, []).append(entry.name)
        names = {group: " ".join(names) for group, names in groups.items()}
        return {"names": names | {"calls": ", ".join(call.written for call in CALLS.values())}}
    told = {
        call.written: f"{call.meaning} Such as {call.example}"
        for call in CALLS.values()
        if search in f"{call.name} calls {call.meaning}".lower()
    }
    told |= {
        entry.name: f"{entry.meaning} First value at bar {entry.lookback}."
        for entry in entries
        if search in f"{entry.name} {entry.group} {entry.meaning}".lower()
    }
    return {"found": len(told), "names": dict(islice(told.items(), _MOST_NAMES))}


def _jobs(kind: str | None, search: str) -> dict[str, Any]:
    known = check_choice(kind or "run", tuple(JOB_KINDS), name="kind", noun="kind of job")
    return {
        "kind": known,
        "fields": {
            name: (field.description or "") + (" [required]" if field.is_required() else "")
            for name, field in JOB_KINDS[known].model_fields.items()
            if search in name and name not in {"kind", "path", "rendering"}
        },
    }


def _metrics(_kind: str | None, search: str) -> dict[str, Any]:
    return {"metrics": {name: metric.meaning for name, metric in METRICS.items() if search in name}}


def _errors(_kind: str | None, search: str) -> dict[str, Any]:
    return {
        "errors": {
            entry["type"]: entry["meaning"]
            for entry in error_types()
            if search in entry["type"].lower()
        }
    }


TOPICS: Mapping[str, Callable[[str | None, str], dict[str, Any]]] = {
    "spec": _specs,
    "names": _names,
    "job": _jobs,
    "metrics": _metrics,
    "errors": _errors,
}
"""By name."""
