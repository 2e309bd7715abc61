"""What may follow an answer: calls that can be made as they stand, and why one would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from btkit.errors import BtkitError, PlanChangedError, RunNotFoundError, SpecError
from btkit.service.mcp_answers import NextCall

_MOST_VALUES = 20


def after_cancel(known_id: str) -> list[NextCall]:
    """Return what may be done about what was asked to stop."""
    return [NextCall("result", "Tells whether it has stopped.", {"id": known_id})]


def after_job(known_id: str, kind: str, document: Mapping[str, Any], status: str) -> list[NextCall]:
    """Return what may be done with a job, by its document and how it stands."""
    if status == "running":
        return [NextCall("cancel", "Asks it to stop.", {"id": known_id})]
    if status != "complete":
        return [NextCall("run", "Asks for it once more.", {"like": known_id})]
    if kind == "run" and document["passed"]:
        asked = {"like": known_id, "kind": "walk-forward"}
        return [NextCall("run", "Tells whether it holds up out of sample.", asked)]
    if kind == "sweep":
        chosen = {"kind": "walk-forward", "optimize": document["parameters"], "like": known_id}
        few = sum(map(len, document["parameters"].values())) <= _MOST_VALUES
        why = "Tells whether choosing among these sets holds up out of sample."
        return [NextCall("run", why, chosen if few else {**chosen, "optimize": "..."})]
    if kind == "batch":
        ids = [one["run_id"] for one in document["results"] if one.get("metrics")]
        return [NextCall("compare", "Puts its jobs side by side.", {"ids": ids[:_MOST_VALUES]})]
    more = {"id": known_id, "fields": "provenance.spec,provenance.settings"}
    return [NextCall("result", "Any part of the document, by fields.", more)]


def after_error(error: BtkitError, tool: str) -> list[NextCall]:
    """Return what may be done about an error of a tool."""
    if isinstance(error, SpecError):
        return [
            NextCall("describe", "Lists the names that conditions may use.", {"topic": "names"}),
            NextCall("validate", "Checks the spec again, once it is corrected."),
        ]
    if isinstance(error, PlanChangedError):
        return [NextCall("plan", "Plans it as it is now.")]
    if isinstance(error, RunNotFoundError):
        return [NextCall("result", "Lists what is stored.")]
    if error.details.get("argument") == "id":
        return [NextCall("result", "Lists what is stored, and what runs.")]
    if error.retryable:
        return [NextCall(tool, "The same may succeed later.")]
    return [NextCall("describe", "Says what there is, and how it is asked for.")]
