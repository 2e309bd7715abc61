"""What the numbers of a sweep or a walk-forward validation rest on, and what makes them again."""

from __future__ import annotations

from collections.abc import Mapping

from btkit.documents.sweeps import SweepReport
from btkit.documents.walk_forward import WalkForwardReport
from btkit.render import text
from btkit.render.basis import fallbacks, others
from btkit.render.page_head import PageHead, page_head
from btkit.render.pages import markup
from btkit.render.pieces import Html
from btkit.render.view import RunTerms


def verdict(report: SweepReport | WalkForwardReport, kind: str, sentence: str) -> Html:
    """Return the head of a page: who, when, the verdict, one sentence, and every warning.

    Parameters
    ----------
    report
        The document.
    kind
        What the page is.
    sentence
        The result in plain words.
    """
    symbol = report.symbol or "bars handed over"
    head = PageHead(
        kind=kind,
        name=report.strategy_name,
        sentence=sentence,
        verdict=report.verdict,
        facts=[
            f"version {report.strategy_version}",
            symbol,
            f"{report.start_date} to {report.end_date}",
            f"{text.count(report.data.rows)} bars from {report.data.source}",
        ],
        warnings=report.warnings,
    )
    return page_head(head, title=f"{report.strategy_name}, {symbol}: {kind.lower()}")


def grounds(
    report: SweepReport | WalkForwardReport,
    command: list[str] | None,
    *,
    own: Mapping[str, str],
    stored: Mapping[str, str],
) -> Html:
    """Return what the numbers rest on: how, which bars and costs, where, and what makes them again.

    Parameters
    ----------
    report
        The document.
    command
        What makes it again; None where nothing does.
    own, stored
        What is known of it alone, above the bars; and where its table lies, beneath the costs.
    """
    data, kept = report.data, report.provenance
    terms = RunTerms.model_validate(kept.settings)
    found = [finding.message.rstrip(".") for finding in data.quality]
    facts = {
        **own,
        "Bars": f"{text.count(data.rows)} from {data.source}, {data.first} to {data.last}. "
        f"{data.description}",
        **others(data),
        "Quality": "; ".join(found) or "the checks found nothing",
        "Fallbacks": "; ".join(fallbacks(data)) or "none",
        "Costs": f"commission {terms.commission:g} ({terms.commission_model}), "
        f"slippage {text.percent(terms.slippage, digits=2)} a fill, "
        f"{text.money(terms.capital)} at the start",
        **stored,
        "Hashes": f"spec {kept.spec_hash[:12]}, bars {kept.bars_hash[:12]}"
        + "".join(f", {symbol} {sha[:12]}" for symbol, sha in kept.others_hash.items())
        + ("" if kept.detail_hash is None else f", finer bars {kept.detail_hash[:12]}"),
        "Versions": ", ".join(f"{name} {value}" for name, value in kept.versions.items()),
        "Again": markup("pieces.command", text.command_parts(command))
        if command
        else "no command line: the spec or the bars were handed over in memory",
    }
    if kept.plugins:
        facts["Registered"] = "; ".join(
            f"{one['kind']} {one['name']}, code {str(one['code_hash'])[:12]}"
            for one in kept.plugins
        )
    return Html(markup("pieces.facts", facts.items()))
