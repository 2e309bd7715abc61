"""What the reports of sweeps and walk-forward validations share: head, tiles, what they rest on."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from html import escape
from typing import Any

from btkit.render import text
from btkit.render.pieces import Html, asset, tag
from btkit.render.pill import pill


def verdict(document: Mapping[str, Any], kind: str, sentence: str) -> Html:
    """Return the head of a page: who, when, the verdict, one sentence, and every warning.

    Parameters
    ----------
    document
        Of a sweep or a walk-forward validation.
    kind
        What the page is.
    sentence
        The result in plain words.
    """
    symbol = document["symbol"] or "bars handed over"
    facts = [
        f"version {document['strategy_version']}",
        symbol,
        f"{document['start_date']} to {document['end_date']}",
        f"{text.count(document['data']['rows'])} bars from {document['data']['source']}",
    ]
    items = "".join(
        tag("li", escape(entry["message"]), title=entry["code"]) for entry in document["warnings"]
    )
    many = text.plural(len(document["warnings"]), "warning")
    warned = tag(
        "div",
        tag("strong", f"{many}: read before you trust the numbers") + tag("ul", items),
        class_="bt-callout bt-attention",
        role="note",
    )
    title = tag("h1", escape(document["strategy_name"])) + pill(document["verdict"])
    parts = [
        tag("p", escape(kind), class_="bt-eyebrow"),
        tag("div", title, class_="bt-title"),
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


def data_facts(document: Mapping[str, Any]) -> dict[str, str]:
    """Return what is known of the bars and the costs, for `facts_table`.

    Parameters
    ----------
    document
        Of a sweep or a walk-forward validation.
    """
    data, settings = document["data"], document["provenance"]["settings"]
    rows = max(1, int(data["rows"]))
    fallbacks = [
        f"{name} assumed on {text.plural(bars, 'bar')} ({text.percent(bars / rows)})"
        for name, bars in sorted(data["fallbacks"].items())
        if bars
    ]
    found = [finding["message"].rstrip(".") for finding in data["quality"]]
    return {
        "Bars": f"{text.count(data['rows'])} from {data['source']}, {data['first']} to "
        f"{data['last']}. {data['description']}",
        "Quality": "; ".join(found) or "the checks found nothing",
        "Fallbacks": "; ".join(fallbacks) or "none",
        "Costs": f"commission {settings['commission']:g} ({settings['commission_model']}), "
        f"slippage {text.percent(settings['slippage'], digits=2)} a fill, "
        f"{text.money(settings['capital'])} at the start",
    }


def provenance_facts(document: Mapping[str, Any], command: list[str] | None) -> dict[str, str]:
    """Return what the same numbers can be had from again, for `facts_table`.

    Parameters
    ----------
    document
        Of a sweep or a walk-forward validation.
    command
        Its own; None where there is none.
    """
    provenance = document["provenance"]
    versions = ", ".join(f"{name} {value}" for name, value in provenance["versions"].items())
    return {
        "Hashes": f"spec {provenance['spec_hash'][:12]}, bars {provenance['bars_hash'][:12]}",
        "Versions": versions,
        "Again": shlex.join(command)
        if command
        else "no command line: the spec or the bars were handed over in memory",
    }


def facts_table(facts: Mapping[str, str]) -> Html:
    """Return names and what is known of them, as a table.

    Parameters
    ----------
    facts
        Plain text, but for a list, whose lines stand one beneath the other.
    """
    rows = "".join(
        tag("dt", escape(name)) + tag("dd", escape(value)) for name, value in facts.items()
    )
    return Html(tag("dl", rows, class_="bt-facts-list"))
