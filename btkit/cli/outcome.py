"""What a command comes to: one JSON document and an exit code."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from btkit.errors import BtkitError, InterruptedRunError, UsageError

PASSED, SOFT_FAILURE, FAILED = 0, 1, 2


@dataclass(frozen=True)
class Outcome:
    """The end of a command.

    Parameters
    ----------
    document
        For stdout: plain JSON values.
    exit_code
        0 passed, 1 soft failure, 2 error.
    """

    document: dict[str, Any]
    exit_code: int = PASSED

    def to_json(self) -> str:
        """Return the document as strict JSON: ASCII, no NaN or Infinity."""
        return json.dumps(self.document, indent=2, allow_nan=False)


Work = Callable[[], Outcome]
"""What parsing a command line gives: the work itself, not yet begun."""


def failure(error: BaseException) -> Outcome:
    """Turn whatever was raised into an error document.

    Parameters
    ----------
    error
        An error of btkit's own, of the command line parser, an interrupt, or a fault.

    Returns
    -------
    Outcome
        With the exit code that belongs to the error.
    """
    known = _translate(error)
    document = known.to_document()
    if not isinstance(known, (InterruptedRunError, UsageError)) and known is not error:
        document["error"]["type"] = "InternalError"
    # What an error notes of itself, for tracebacks, is its hint and its problems once more.
    told = known.notes()
    notes = [note for note in getattr(error, "__notes__", []) if note not in told]
    if notes:
        document["error"]["details"] = {**document["error"]["details"], "notes": notes}
    return Outcome(_strict(document), known.exit_code)


def _translate(error: BaseException) -> BtkitError:
    if isinstance(error, BtkitError):
        return error
    # typer raises its own Abort where it meets an interrupt.
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort":
        return InterruptedRunError(
            "The command was stopped before it was done.",
            hint="Run it again; what was stored before is as it was.",
        )
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
    kind = type(error).__name__
    return BtkitError(
        f"btkit failed in a way it should not: {kind}: {error}".rstrip(": "),
        hint="This is a fault in btkit. Run the command again with --debug for the traceback.",
        details={"exception": kind},
    )


def _strict(value: object) -> Any:  # noqa: ANN401 - JSON of any shape
    """Return a value as JSON can carry it; an error must not fail on its own details."""
    if isinstance(value, str):
        # File names may hold bytes that are no text.
        return value.encode("utf-8", "replace").decode("utf-8")
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {_strict(str(key)): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_strict(item) for item in value]
    return _strict(str(value))
