"""What the numbers rest on: data, costs and fills, conditions, and how to get them again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from html import escape
from typing import Any

from btkit.data import some_of
from btkit.render import text, words
from btkit.render.pieces import Html, table, tag
from btkit.render.view import View

SKIPPED: dict[str, str] = {
    "size_missing": "the size had no value, since something it reads was missing",
    "size_not_positive": "the size came to zero or less",
    "size_below_one_share": "the size came to less than one share",
    "insufficient_cash": "the cash did not pay for one share at the fill",
}
VISIBLE_DRIFT = 1e-4  # a hundredth of a percent; less shows in no decision
LISTS: dict[str, str] = {
    "entry_conditions": "Entry",
    "exit_conditions": "Exit",
    "stop_conditions": "Stop",
    "filter_conditions": "Filter",
}


def basis(view: View) -> list[Html]:
    """Return where the data came from, what trading cost, what held, and the reproduction."""
    return [
        _data(view),
        _costs(view),
        *_conditions(view),
        _provenance(view),
    ]


def _facts(pairs: list[tuple[str, str]]) -> str:
    """Return a list of facts; values are taken as markup."""
    items = "".join(tag("dt", escape(name)) + tag("dd", value) for name, value in pairs if value)
    return tag("dl", items, class_="bt-facts-list")


def _data(view: View) -> Html:
    data = view.report["data"]
    warmup = data["warmup"]
    pairs = [
        ("Source", escape(f"{data['source']}: {data['description']}")),
        ("Bars", escape(f"{text.count(data['rows'])} from {data['first']} to {data['last']}")),
        ("Coverage", escape(_coverage(data))),
        ("Warm-up", escape(_warmup(warmup))),
        ("Fallbacks", _fallbacks(data)),
        ("Quality", _quality(data["quality"])),
        ("Notes", _items([str(note) for note in data["notes"]])),
    ]
    return Html(tag("h3", "Data") + _facts(pairs), width="half")


def _coverage(data: dict[str, Any]) -> str:
    said = {
        "complete": "complete, no session is missing",
        "partial": "partial",
        "missing": "missing",
        "unknown": "unknown: the bars were handed over, so nobody checked them against a calendar",
    }[data["coverage"]]
    gaps = data["gaps"]
    if not gaps:
        return said
    shown = some_of([f"{gap['start']} to {gap['end']}" for gap in gaps], most=5)
    return f"{said}, {text.plural(len(gaps), 'gap')}: {shown}"


def _warmup(warmup: dict[str, Any]) -> str:
    sentence = f"{text.plural(int(warmup['bars']), 'bar')} before the first one"
    late = warmup["missing_until"]
    if late:
        named = [f"{name} until {when or 'the end'}" for name, when in sorted(late.items())]
        sentence += f"; no value of {'; '.join(named)}"
    drift = {
        name: weight
        for name, weight in warmup["drift"].items()
        if weight > VISIBLE_DRIFT and name not in late
    }
    if drift:
        named = [
            f"{name} by {text.percent(weight, digits=2)}" for name, weight in sorted(drift.items())
        ]
        sentence += f"; at first the start of the data still weighs on {', '.join(named)}"
    return sentence


def _fallbacks(data: dict[str, Any]) -> str:
    used = {name: bars for name, bars in data["fallbacks"].items() if bars}
    if not used:
        return "none"
    rows = max(1, int(data["rows"]))
    return _items(
        [
            f"{name}: assumed on {text.plural(bars, 'bar')} ({text.percent(bars / rows)})"
            for name, bars in sorted(used.items())
        ]
    )


def _quality(findings: list[dict[str, Any]]) -> str:
    if not findings:
        return "the checks found nothing"
    items = []
    for finding in findings:
        dates = some_of(finding["dates"], count=finding["count"], most=len(finding["dates"]))
        items.append(tag("li", escape(finding["message"]), title=dates))
    return tag("ul", "".join(items))


def _items(lines: list[str]) -> str:
    return tag("ul", "".join(tag("li", escape(line)) for line in lines)) if lines else ""


def _costs(view: View) -> Html:
    diagnostics = view.report["diagnostics"]
    skipped = diagnostics["skipped_entries"]
    lines = [
        f"{text.count(number)}: {SKIPPED.get(reason, reason.replace('_', ' '))}"
        for reason, number in sorted(skipped.items(), key=lambda item: -item[1])
    ]
    unfilled = int(diagnostics["unfilled_orders"])
    spec = view.spec
    limit = int(spec["max_holding_bars"])
    pairs = [
        ("In words", _items(words.costs(view))),
        ("Position size", tag("code", escape(str(spec.get("position_sizing_formula", ""))))),
        ("Risk a trade", text.percent(spec.get("per_trade_risk_pct"), digits=2)),
        (
            "Time limit",
            text.plural(limit, "bar") if limit < len(view.times) else "none in this run",
        ),
        ("Positions", f"at most {text.count(spec.get('max_concurrent_positions'))} at once"),
        ("Entries skipped", _items(lines) or "none"),
        (
            "Unfilled",
            text.plural(unfilled, "order") + " left by the end of data" if unfilled else "none",
        ),
        ("Buy-and-hold", escape(view.report["benchmark"]["definition"])),
    ]
    return Html(tag("h3", "Costs, fills and size") + _facts(pairs), width="half")


def _conditions(view: View) -> list[Html]:
    counts = view.report["diagnostics"]["conditions"]
    if not counts:
        return []
    # Orders are not decided at the last bar, nor after ruin; the share is of the bars that count.
    bars = max(1, int(view.report["diagnostics"].get("decided_bars", len(view.times))))
    rows = [
        [
            escape(LISTS.get(count["list"], count["list"])),
            tag("code", escape(count["text"])),
            text.count(count["held"]),
            _share(count["held"] / bars),
            text.count(count["raised"]) if count["raised"] else tag("span", "0", class_="bt-faint"),
        ]
        for count in counts
    ]
    head = ["List", "Condition", "Bars it held", "Share of bars", "Bars without a value"]
    title = tag("h3", f"How often each condition held, of {text.plural(bars, 'deciding bar')}")
    return [Html(title + table(head, rows, numeric=(2, 3, 4)) + _never_fired(view))]


def _never_fired(view: View) -> str:
    # A run stored by an earlier version does not say it.
    sentences = view.report["diagnostics"].get("never_fired", [])
    if not sentences:
        return ""
    items = "".join(tag("li", escape(str(sentence))) for sentence in sentences)
    title = tag("strong", "What never ended a trade")
    return tag("div", title + tag("ul", items), class_="bt-callout", role="note")


def _share(fraction: float) -> str:
    """Return a percentage over a bar of that length."""
    filled = tag("i", style=f"width:{min(1.0, fraction) * 100:.1f}%")
    return tag("span", filled, class_="bt-share") + tag("span", text.percent(fraction))


def _events_read(kept: Mapping[str, Any]) -> list[tuple[str, str]]:
    # The report of an earlier version says nothing of events.
    events = kept.get("events")
    if not events:
        return []
    listed = text.listed(
        [f"{name} ({text.plural(len(rows), 'date')})" for name, rows in events.items()]
    )
    code = tag("code", escape(f"sha256 {kept['events_hash']}"), class_="bt-hash")
    return [("Events", f"{escape(listed)} {code}")]


def _provenance(view: View) -> Html:
    kept = view.report["provenance"]
    run = view.run
    command = kept["command"]
    versions = ", ".join(f"{name} {number}" for name, number in kept["versions"].items())
    pairs = [
        ("Run", tag("code", escape(str(run["run_id"] or "not stored")))),
        ("Made", escape(f"{run['created_at']} UTC")),
        ("Asked for", escape(f"{run['start_date']} to {run['end_date']}")),
        ("Spec", tag("code", escape(f"sha256 {kept['spec_hash']}"), class_="bt-hash")),
        ("Bars", tag("code", escape(f"sha256 {kept['bars_hash']}"), class_="bt-hash")),
        *_events_read(kept),
        ("Versions", escape(versions)),
        (
            "Again",
            tag("pre", tag("code", escape(shlex.join(command))))
            if command
            else "no command line: the bars were handed over in memory",
        ),
    ]
    spec = tag(
        "details",
        tag("summary", "The spec as it ran") + tag("pre", tag("code", escape(_spec(view.spec)))),
    )
    return Html(tag("h3", "To get the same numbers again") + _facts(pairs) + spec)


def _spec(spec: dict[str, Any]) -> str:
    return json.dumps(spec, indent=2, ensure_ascii=False)
