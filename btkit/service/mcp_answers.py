"""What an agent reads of a document: the sum of it, within a budget, and where the rest is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from btkit.extract import LEFT_OUT, Extract

CHARACTERS_PER_TOKEN = 2.5
"""Of JSON full of digits; of words it is 4, so that what is counted is rather too much."""
ANSWER_TOKENS, ASKED_TOKENS = 2_000, 8_000
"""What an answer has at most: by itself, and where fields were asked for."""

_ROWS = (10, 5, 3, 2, 1, 0)
_TEXTS = (600, 200, 80)
_METRICS = (
    "total_trades", "total_return_pct", "cagr", "sharpe_ratio", "sortino_ratio",
    "max_drawdown_pct", "win_rate", "profit_factor", "expectancy_per_trade", "exposure",
    "undefined",
)  # fmt: skip
_DATA = ("source", "rows", "first", "last", "coverage", "fallbacks")
_JUDGED = ("passed", "verdict", "failures", "warnings")


@dataclass(frozen=True)
class Outline:
    """What is told of a kind of job, and what more there is.

    Parameters
    ----------
    fields
        Of its document; one that it lacks is left out.
    tables
        Resources by name.
    """

    fields: Sequence[str]
    tables: Sequence[str] = ()


def _below(name: str, fields: Sequence[str]) -> list[str]:
    return [f"{name}.{each}" for each in fields]


_RUN = Outline(
    [
        *_below("run", ("strategy_name", "symbol", "start_date", "end_date", "status")),
        *_JUDGED,
        "trade_count",
        *_below("metrics", _METRICS),
        *_below(
            "benchmark",
            ("name", "symbol", "total_return_pct", "cagr", "sharpe_ratio", "max_drawdown_pct"),
        ),
        *_below("data", _DATA),
        "diagnostics.explanation",
        "diagnostics.never_fired",
        "error",
    ],
    ("trades", "equity"),
)
OUTLINES: Mapping[str, Outline] = {
    "run": _RUN,
    "options-sim": _RUN,
    "walk-forward": Outline(
        [
            "strategy_name", "symbol", "start_date", "end_date", *_JUDGED, "conclusion",
            "avg_efficiency", "avg_is_sharpe", "avg_oos_sharpe",
            *_below("stitched", _METRICS),
            *_below("windows", ("oos_start", "oos_end", "is_sharpe", "oos_sharpe", "efficiency",
                                "parameters")),
            *_below("data", _DATA), "run", "error",
        ],
        ("windows", "equity"),
    ),
    "sweep": Outline(
        [
            "strategy_name", "symbol", "start_date", "end_date", *_JUDGED, "sets", "objective",
            "best.parameters", *_below("best.metrics", _METRICS),
            *_below("overfitting", ("trials", "sharpe_ratio", "expected_maximum_sharpe",
                                    "deflated_sharpe_ratio", "probability_of_overfitting",
                                    "holding_spa_p")),
            "top.rank", "top.parameters", "top.metrics.sharpe_ratio",
            *_below("data", _DATA), "run", "error",
        ],
        ("sets",),
    ),
    "batch": Outline(
        [
            "passed", "verdict", "batch",
            *_below("results", ("job", "command", "strategy", "symbol", "run_id", "verdict",
                                "metrics.sharpe_ratio", "metrics.total_trades", "error.message")),
            "run", "error",
        ],
        ("jobs",),
    ),
    "plan": Outline(
        [
            "kind", "name", "strategy_name", "symbol", "start_date", "end_date", "capital",
            "commission", "slippage", *_below("data", _DATA), "data.warmup.bars",
            "warmup_wanted", "benchmark", "conditions", "names", "bundles.path",
            "bundles.trained_until", "work", "estimate.seconds", "estimate.memory_bytes",
            "trials.same_bars", "trials.same_range", "trials.adds", "warnings", "jobs.job",
            "jobs.error", "jobs.plan.strategy_name", "jobs.plan.symbol", "jobs.plan.data.rows",
            "errors", "adds", "plan_hash",
        ]
    ),
}  # fmt: skip
"""By kind of job, and of a plan."""


@dataclass(frozen=True)
class NextCall:
    """A call that may follow."""

    tool: str
    why: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def to_document(self) -> dict[str, Any]:
        """Return the step as answers have it."""
        return {"tool": self.tool, "arguments": dict(self.arguments), "why": self.why}


def tokens(text: str) -> int:
    """Return how many tokens a text has at most, as it is counted here."""
    return -int(-len(text) // CHARACTERS_PER_TOKEN)


def written(document: Mapping[str, Any]) -> str:
    """Return a document as answers carry it: strict JSON without blanks."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def summed_up(
    document: Mapping[str, Any],
    form: str,
    extract: Extract,
    steps: Sequence[NextCall],
    **more: object,
) -> dict[str, Any]:
    """Return what is told of a document.

    Parameters
    ----------
    document
        The whole.
    form
        Of `OUTLINES`.
    extract
        What was asked for; without fields it is the summary.
    steps
        What may follow.
    **more
        Stands before all else.

    Returns
    -------
    dict
        At most `ANSWER_TOKENS` long, its numbers rounded to six digits; or `ASKED_TOKENS` where
        fields were asked for, and these as they are.

    Raises
    ------
    UsageError
        If the document lacks a field that was asked for.
    """
    asked = extract.fields is not None
    fields = extract.fields or tuple(OUTLINES[form].fields)
    part = Extract(fields, extract.max_rows, is_lenient=not asked).cut(document)
    part = part if asked else _rounded(part)
    following = {"next": [each.to_document() for each in steps]}
    return within({**more, **part, **following}, ASKED_TOKENS if asked else ANSWER_TOKENS)


def within(document: Mapping[str, Any], most: int) -> dict[str, Any]:
    """Return a document with as many rows and as much of its texts as a number of tokens allows.

    What `next` has stays whole; `left_out` counts the rows that do not stand in it.
    """
    if tokens(written(document)) <= most:
        return dict(document)
    following = document.get("next", [])
    rest = {name: value for name, value in document.items() if name not in {"next", LEFT_OUT}}
    before = document.get(LEFT_OUT, {})
    short: dict[str, Any] = rest
    for rows, longest in [(rows, longest) for longest in _TEXTS for rows in _ROWS]:
        cut = Extract(None, rows).cut(rest)
        left_out = {
            name: count + before.get(name, 0) for name, count in cut.pop(LEFT_OUT, {}).items()
        }
        short = _shortened({**cut, LEFT_OUT: {**before, **left_out}, "next": following}, longest)
        if tokens(written(short)) <= most:
            return short
    # So many fields that no rows are left to leave out.
    known = {name: value for name, value in short.items() if not isinstance(value, dict | list)}
    return {**known, "too_long": sorted(rest.keys() - known.keys()), "next": following}


def _rounded(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _shortened(value: Any, longest: int) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {
            name: each if name == "next" else _shortened(each, longest)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_shortened(each, longest) for each in value]
    if isinstance(value, str) and len(value) > longest:
        return value[:longest] + "..."
    return value
