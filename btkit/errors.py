"""One family of errors: a message, a hint, an exit code, and details a program can read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar


class BtkitError(Exception):
    """The root of every error that btkit raises on purpose.

    Parameters
    ----------
    message
        What was wrong, and where, in one sentence.
    hint
        What to do about it, in one sentence.
    details
        Values a program can read: plain JSON types only.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, *, hint: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details or {}
        # Shown under the message in a traceback, so that a notebook tells what the command does.
        for note in self.notes():
            self.add_note(note)

    def notes(self) -> list[str]:
        """Return what a traceback should say beside the message."""
        return [f"Hint: {self.hint}"]

    def __reduce__(self) -> tuple[Any, ...]:
        # Keyword arguments do not survive the default pickling, and errors cross processes.
        return (_rebuild, (type(self), self.args), self.__dict__)

    def to_document(self) -> dict[str, Any]:
        """Return the JSON document that the command prints for this error."""
        return {
            "error": {
                "type": type(self).__name__,
                "message": self.message,
                "hint": self.hint,
                "details": self.details,
            }
        }


def _rebuild(kind: type[BtkitError], arguments: tuple[Any, ...]) -> BtkitError:
    error = kind.__new__(kind)
    error.args = arguments
    return error


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a spec or a request.

    Parameters
    ----------
    path
        Where it stands, such as ``entry_conditions[0]``.
    message
        What is wrong, in one sentence.
    hint
        What to write instead, or where to look, in one sentence.
    column
        Zero-based character offset inside the text at `path`, or None.
    """

    path: str
    message: str
    hint: str
    column: int | None = None

    def __str__(self) -> str:
        return f"{self.path}: {self.message}; {self.hint}"


class SpecError(BtkitError):
    """A spec was refused; `problems` holds every reason at once.

    Parameters
    ----------
    problems
        At least one problem.
    origin
        The file or other place the spec came from, for the message.
    """

    def __init__(self, problems: list[Problem], *, origin: str = "spec") -> None:
        self.problems = problems
        others = len(problems) - 1
        more = f" (and {others} more problem{'s' if others > 1 else ''})" if others else ""
        super().__init__(
            f"{origin} was refused: {problems[0].path}: {problems[0].message}{more}",
            hint=problems[0].hint,
            details={"problems": [asdict(problem) for problem in problems]},
        )

    def notes(self) -> list[str]:
        """Return every problem, one a line."""
        return [f"- {problem}" for problem in self.problems]


class UsageError(BtkitError):
    """An argument, flag, date or setting makes no sense."""


class DataError(BtkitError):
    """Bars are broken beyond harmless repair, or a data file cannot be read."""


class NoDataError(DataError):
    """A source answered, and has nothing for the question."""

    exit_code = 1


class SourceError(BtkitError):
    """A source could not answer: missing command, time-out, malformed output."""


class StoreError(BtkitError):
    """The database or a report folder cannot be read or written."""


class RunNotFoundError(StoreError):
    """No stored run has the id that was asked for."""


class RenderError(BtkitError):
    """A notebook failed while it ran, or could not be exported."""


class InterruptedRunError(BtkitError):
    """The user stopped the run."""
