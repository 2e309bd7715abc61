"""What the numbers rest on: data, costs and fills, conditions, and how to get them again."""

from __future__ import annotations

import json
from collections.abc import Sequence

from btkit.documents import (
    DataSection,
    DetailData,
    DiagnosticsSection,
    LookaheadSection,
    OtherData,
    WarmupSection,
)
from btkit.render import text, words
from btkit.render.pages import markup
from btkit.render.pieces import Html
from btkit.render.view import RunView, ShortFacts
from btkit.spec.skipping import SKIPPED
from btkit.spelling import some_of

Facts = Sequence[tuple[str, str | Sequence[str]]]
"""Names and what is known of them: text, or lines one beneath the other."""

VISIBLE_DRIFT = 1e-4  # a hundredth of a percent; less shows in no decision
LISTS: dict[str, str] = {
    "entry_conditions": "Entry",
    "exit_conditions": "Exit",
    "stop_conditions": "Stop",
    "filter_conditions": "Filter",
    "short.entry_conditions": "Short entry",
    "short.exit_conditions": "Short exit",
    "short.stop_conditions": "Short stop",
}
COVERAGE: dict[str, str] = {
    "complete": "complete, no session is missing",
    "partial": "partial",
    "missing": "missing",
    "unknown": "unknown: the bars were handed over, so nobody checked them against a calendar",
}


def basis(view: RunView) -> list[Html]:
    """Return where the data came from, what trading cost, what held, and the reproduction."""
    return [data(view), costs(_costs(view)), *conditions(view), provenance(view)]


def data(view: RunView) -> Html:
    """Return where the bars came from, and how good they are."""
    found = view.report.data
    facts = {
        "coverage": _coverage(found),
        "warmup": _warmup(found.warmup),
        "fallbacks": fallbacks(found),
        "lookahead": lookahead(view.report.lookahead),
        "others": others(found),
    }
    return Html(markup("run.data", found, **facts), width="half")


def others(found: DataSection) -> dict[str, str]:
    """Return what is known of the bars beside the run's own, by what they are called."""
    beside = {f"Bars of {other.symbol}": _other(other) for other in found.others}
    return beside if found.detail is None else {**beside, "Finer bars": _detail(found.detail)}


def _detail(finer: DetailData) -> str:
    quality = "; ".join(finding.message.rstrip(".") for finding in finer.quality)
    return (
        f"{text.count(finer.rows)} of {finer.interval} from {finer.source}, {finer.first} to "
        f"{finer.last}; {text.plural(finer.mismatches, 'bar')} that they do not make up; coverage "
        f"{finer.coverage}. {finer.description}" + (f" {quality}." if quality else "")
    )


def _other(other: OtherData) -> str:
    assumed = ", the spec's since nobody said another" if other.is_assumed else ""
    quality = "; ".join(finding.message.rstrip(".") for finding in other.quality)
    return (
        f"{text.count(other.rows)} from {other.source}, {other.first} to {other.last}, "
        f"{text.count(other.warmup_rows)} before them; calendar {other.calendar}{assumed}; "
        f"coverage {other.coverage}. {other.description}" + (f" {quality}." if quality else "")
    )


def _coverage(found: DataSection) -> str:
    said = COVERAGE[found.coverage]
    if not found.gaps:
        return said
    shown = some_of([f"{gap.start} to {gap.end}" for gap in found.gaps], most=5)
    return f"{said}, {text.plural(len(found.gaps), 'gap')}: {shown}"


def _warmup(warmup: WarmupSection) -> str:
    sentence = f"{text.plural(warmup.bars, 'bar')} before the first one"
    late = warmup.missing_until
    if late:
        named = [f"{name} until {when or 'the end'}" for name, when in sorted(late.items())]
        sentence += f"; no value of {'; '.join(named)}"
    drift = {
        name: weight
        for name, weight in warmup.drift.items()
        if weight > VISIBLE_DRIFT and name not in late
    }
    if drift:
        named = [
            f"{name} by {text.percent(weight, digits=2)}" for name, weight in sorted(drift.items())
        ]
        sentence += f"; at first the start of the data still weighs on {', '.join(named)}"
    return sentence


def lookahead(found: LookaheadSection | None) -> list[str]:
    """Return what a check for look-ahead came to, a line for each thing that looks ahead."""
    if found is None:
        return ["not checked"]
    if not found.leaks:
        checks = text.plural(found.checks, "check")
        return [f"{checks}, no dependence on the future"]
    return [
        f"{leak.name} depends on bars after {leak.known_until}: at {leak.bar} it is "
        f"{_value(leak.was)}, and {_value(leak.became)} once these are {leak.altered}"
        for leak in found.leaks
    ]


def _value(value: float | bool | None) -> str:  # noqa: FBT001 - whatever the value is
    if value is None:
        return "missing"
    return str(value).lower() if isinstance(value, bool) else f"{value:.6g}"


def fallbacks(found: DataSection) -> list[str]:
    """Return on how many bars a column rests on a documented fallback, a line for each."""
    rows = max(1, found.rows)
    return [
        f"{name}: assumed on {text.plural(bars, 'bar')} ({text.percent(bars / rows)})"
        for name, bars in sorted(found.fallbacks.items())
        if bars
    ]


def costs(facts: Facts) -> Html:
    """Return what trading cost, how orders filled, and how large they were."""
    return Html(markup("run.costs", facts), width="half")


def _costs(view: RunView) -> Facts:
    rule = view.rule
    limit = rule.max_holding_bars
    return [
        ("In words", words.costs(view)),
        ("Position size", markup("pieces.code", rule.position_sizing_formula)),
        ("Risk a trade", text.percent(rule.per_trade_risk_pct, digits=2)),
        *_short_size(rule.short),
        (
            "Time limit",
            text.plural(limit, "bar") if limit < len(view.times) else "none in this run",
        ),
        *orders(view),
    ]


def _short_size(short: ShortFacts | None) -> Facts:
    facts: list[tuple[str, str | Sequence[str]]] = []
    if short is not None and short.position_sizing_formula is not None:
        facts.append(("Short position size", markup("pieces.code", short.position_sizing_formula)))
    if short is not None and short.per_trade_risk_pct is not None:
        facts.append(("Risk a short trade", text.percent(short.per_trade_risk_pct, digits=2)))
    return facts


def orders(view: RunView) -> Facts:
    """Return which orders came to nothing, and what the run is compared with."""
    diagnostics = view.report.diagnostics
    unfilled = diagnostics.unfilled_orders
    return [
        ("Positions", f"at most {text.count(view.rule.max_concurrent_positions)} at once"),
        ("Entries skipped", _skipped(diagnostics) or "none"),
        (
            "Unfilled",
            f"{text.plural(unfilled, 'order')} left by the end of data" if unfilled else "none",
        ),
        (view.report.benchmark.heading, view.report.benchmark.definition),
    ]


def _skipped(diagnostics: DiagnosticsSection) -> list[str]:
    return [
        f"{text.count(number)}: {SKIPPED.get(reason, reason.replace('_', ' '))}"
        for reason, number in sorted(
            diagnostics.skipped_entries.items(), key=lambda entry: -entry[1]
        )
    ]


def conditions(view: RunView) -> list[Html]:
    """Return how often each condition held, and which never ended a trade."""
    diagnostics = view.report.diagnostics
    if not diagnostics.conditions:
        return []
    # Orders are not decided at the last bar, nor after ruin; the share is of the bars that count.
    # A report of an earlier version does not say how many.
    bars = max(1, int(getattr(diagnostics, "decided_bars", len(view.times))))
    shown = markup("run.conditions", diagnostics.conditions, LISTS, bars, diagnostics.never_fired)
    return [Html(shown)]


def provenance(view: RunView) -> Html:
    """Return what gives the same numbers again."""
    kept = view.report.provenance
    command = text.command_parts(kept.command) if kept.command else ()
    spec = json.dumps(kept.spec, indent=2, ensure_ascii=False)
    learnt = view.report.scores_training()
    return Html(markup("run.provenance", view.run, kept, command, spec, learnt))
