"""What a command comes to: one JSON document and an exit code."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from btkit.cli.next_steps import Step, after_error, documents
from btkit.errors import (
    BtkitError,
    InternalError,
    InterruptedRunError,
    OutOfMemoryError,
    UsageError,
    name_run,
    strict_json,
)
from btkit.extract import Extract

PASSED, SOFT_FAILURE, FAILED = 0, 1, 2

# What documents call the id of what they tell.
_IDS = ("run_id", "sweep_id", "walk_forward_id")
_TEXT = {"type": "string"}
NEXT_SCHEMA: dict[str, Any] = {
    "description": "Commands that may follow, as a shell takes them. Not part of what is stored.",
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"command": _TEXT, "why": _TEXT},
        "required": ["command", "why"],
    },
}
"""The JSON Schema of ``next`` in every answer."""

ERROR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "passed": {"const": False},
        "run_id": {**_TEXT, "description": "The stored run that the error ended or is about."},
        "error": {
            "type": "object",
            "properties": {
                "type": {**_TEXT, "description": "One of error_types."},
                "message": _TEXT,
                "hint": _TEXT,
                "retryable": {
                    "type": "boolean",
                    "description": "Whether the same command may succeed later, nothing changed.",
                },
                "details": {
                    "type": "object",
                    "description": "For a refused spec: problems, each with path, pointer (RFC "
                    "6901), message, hint and column.",
                },
            },
            "required": ["type", "message", "hint", "retryable", "details"],
        },
        "next": NEXT_SCHEMA,
    },
    "required": ["passed", "error", "next"],
}
"""The JSON Schema of an error document."""


@dataclass(frozen=True)
class CommandOutcome:
    """The end of a command.

    Parameters
    ----------
    document
        For stdout: plain JSON values.
    exit_code
        0 passed, 1 soft failure, 2 error.
    next
        What may be done then. It belongs to the answer, not to what is stored.
    indent
        Spaces per level; None writes one line, as among JSON Lines.
    closing
        Writes to stderr what people are to read last: before the document, or below it where
        both go to a terminal.
    people
        Shows at a terminal, on stdout, what stands in for the document there.
    part
        What of the answer is wanted; None for all.
    is_printed
        Whether the document goes to stdout in the end; not where it did so earlier, or where a
        protocol of its own went there.
    """

    document: dict[str, Any]
    exit_code: int = PASSED
    indent: int | None = 2
    next: list[Step] = field(kw_only=True)
    closing: Callable[[], None] | None = None
    people: Callable[[], None] | None = None
    part: Extract | None = None
    is_printed: bool = True

    def only(self, part: Extract) -> Self:
        """Return the same with a part of its answer, which goes to a terminal, too."""
        return replace(self, part=part, people=None)

    @property
    def answer(self) -> dict[str, Any]:
        """The document with, under ``next``, what may be done then; or the part that is wanted.

        Raises
        ------
        UsageError
            If it lacks a field that is wanted. What the command did, and stored, is done.
        """
        whole = {**self.document, "next": documents(self.next)}
        if self.part is None:
            return whole
        try:
            return self.part.cut(whole)
        except UsageError as error:
            if (job_id := _id_in(whole)) is not None:
                name_run(error, job_id, status="complete")
            raise

    def to_json(self) -> str:
        """Return the answer as strict JSON: ASCII, no NaN or Infinity."""
        return json.dumps(self.answer, indent=self.indent, allow_nan=False)


def _id_in(document: Mapping[str, Any]) -> str | None:
    """Return under which id a command stored what its document tells."""
    places = (document, document.get("run"))
    known = [place.get(name) for place in places if isinstance(place, dict) for name in _IDS]
    return next((found for found in known if isinstance(found, str)), None)


DeferredCommand = Callable[[], CommandOutcome]
"""What parsing a command line gives: the work itself, not yet begun."""


def failure(error: BaseException, arguments: Sequence[str]) -> CommandOutcome:
    """Turn whatever was raised into an error document.

    Parameters
    ----------
    error
        An error of btkit's own, of the command line parser, an interrupt, or a fault.
    arguments
        The command line after ``backtest``.

    Returns
    -------
    CommandOutcome
        With the exit code that belongs to the error.
    """
    known = _translate(error)
    document = known.to_document()
    # What an error notes of itself, for tracebacks, is its hint and its problems once more.
    said = known.notes()
    notes = [note for note in getattr(error, "__notes__", []) if note not in said]
    if notes:
        document["error"]["details"] = {**document["error"]["details"], "notes": notes}
    given = [str(strict_json(argument)) for argument in arguments]
    return CommandOutcome(
        strict_json(document),
        known.exit_code,
        indent=None if given[:1] == ["batch"] else 2,
        next=after_error(known, given),
    )


def _translate(error: BaseException) -> BtkitError:
    if isinstance(error, BtkitError):
        return error
    # As `name_run` left them, on an error that is not ours.
    known = vars(error)
    named = ("run_id", "operation_id", "status")
    run: dict[str, Any] = {name: known[name] for name in named if name in known}
    # typer raises its own Abort where it meets an interrupt.
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort":
        if "operation_id" in run:
            return InterruptedRunError(
                f"The command was stopped, and the operation {run['operation_id']} with it.",
                hint=f"`backtest resume --operation-id {run['operation_id']}` goes on with it.",
                details=run,
            )
        return InterruptedRunError(
            "The command was stopped before it was done.",
            hint="Run it again; what was stored before is as it was.",
            details=run,
        )
    if isinstance(error, MemoryError):
        return OutOfMemoryError.of(error, details=run)
    # The parser's errors have had several homes in typer's history; all can format themselves.
    format_message = getattr(error, "format_message", None)
    if callable(format_message):
        context = getattr(error, "ctx", None)
        command = getattr(context, "command_path", "backtest")
        return UsageError(
            str(format_message()),
            hint=f"`{command} --help` shows what it takes, with an example.",
            details={"command": command},
        )
    hint = "Run the command again with --debug for the traceback."
    return InternalError.of(error, hint=hint, details=run)
