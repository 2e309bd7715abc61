"""One family of errors: a message, a hint, an exit code, and details a program can read."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterator, Mapping
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
    retryable: ClassVar[bool] = False
    """Whether the same command may succeed later with nothing changed."""

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

    @property
    def run_id(self) -> str | None:
        """The stored run that this error ended or is about, if there is one."""
        known: str | None = self.details.get("run_id")
        return known

    def to_document(self) -> dict[str, Any]:
        """Return the JSON document that the command prints for this error."""
        known = {} if self.run_id is None else {"run_id": self.run_id}
        return {
            "passed": False,
            **known,
            "error": {
                "type": type(self).__name__,
                "message": self.message,
                "hint": self.hint,
                "retryable": self.retryable,
                "details": self.details,
            },
        }


def strict_json(value: object) -> Any:  # noqa: ANN401 - JSON of any shape
    """Return a value as JSON can carry it: an error must not fail on its own details.

    Parameters
    ----------
    value
        Of any kind; what JSON has no form of is written as a text.
    """
    if isinstance(value, str):
        # File names may hold bytes that are no text.
        return value.encode("utf-8", "replace").decode("utf-8")
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {strict_json(str(key)): strict_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [strict_json(item) for item in value]
    return strict_json(str(value))


def _rebuild(kind: type[BtkitError], arguments: tuple[Any, ...]) -> BtkitError:
    error = kind.__new__(kind)
    error.args = arguments
    return error


WHOLE = frozenset({"spec", "format"})
"""The paths of a problem that is the whole document's: a spec's, or a file format's."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a spec or a request.

    Parameters
    ----------
    path
        Where it stands, such as ``entry_conditions[0]``; ``spec`` is the whole of it.
    message
        What is wrong, in one sentence.
    hint
        What to write instead, or where to look, in one sentence.
    column
        Zero-based character offset inside the text at `path`, or None.
    location
        The keys and indices that lead there, for a path that does not show them whole.
    """

    path: str
    message: str
    hint: str
    column: int | None = None
    location: tuple[str | int, ...] | None = None

    @property
    def pointer(self) -> str:
        """The place as a JSON Pointer (RFC 6901), such as ``/entry_conditions/0``."""
        if self.location is not None:
            steps = [str(step) for step in self.location]
        elif self.path in WHOLE:
            steps = []
        else:
            steps = re.findall(r"[^.\[\]]+", self.path)
        return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)

    def to_document(self) -> dict[str, Any]:
        """Return the problem as plain JSON values."""
        known = asdict(self)
        del known["location"]
        return {"path": self.path, "pointer": self.pointer, **known}

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
            details={"problems": [problem.to_document() for problem in problems]},
        )

    def notes(self) -> list[str]:
        """Return every problem, one a line."""
        return [f"- {problem}" for problem in self.problems]


class FormatError(SpecError):
    """What somebody states about a file of bars was refused; `problems` holds every reason."""


class UsageError(BtkitError):
    """An argument, flag, date or setting makes no sense."""


class SpecKindError(UsageError):
    """A rule spec was given where an option spec is needed, or the reverse."""


class DataError(BtkitError):
    """Bars are broken beyond harmless repair, or a data file cannot be read."""


class NoDataError(DataError):
    """A source answered, and has nothing for the question."""

    exit_code = 1


class SourceError(BtkitError):
    """A source of bars is missing, is not set up, or gave what cannot be read."""


class SourceUnavailableError(SourceError):
    """A source of bars did not answer in time, or could not be reached."""

    retryable = True


class BundleError(BtkitError):
    """A trained model cannot be read, or is not what it says, or does not fit the run."""


class PluginError(BtkitError):
    """What a user registered, or an installed package registers, fails or breaks its rules."""


class StoreError(BtkitError):
    """The database or a report folder cannot be read or written, or not for this purpose."""


class StoreBusyError(StoreError):
    """Another process has the database locked, or is at work on the run."""

    retryable = True


class StoreFullError(StoreError):
    """There is no room on the disk for what was to be stored."""

    retryable = True


class RunNotFoundError(StoreError):
    """Nothing that is stored has the id that was asked for."""

    @property
    def run_id(self) -> None:
        """None: there is no such run."""


class CorruptFileError(StoreError):
    """A stored file, or a part of the database, is not what was written."""


class RenderError(BtkitError):
    """A notebook failed while it ran, or could not be exported."""


class InterruptedRunError(BtkitError):
    """The work was stopped before it was done: by Ctrl-C, a signal, or `cancel`."""

    retryable = True


class WorkerLostError(BtkitError):
    """The process of a job ended before the job did."""

    retryable = True


class OutOfMemoryError(BtkitError):
    """There was not the memory for the work."""

    retryable = True

    @classmethod
    def of(
        cls, error: MemoryError, *, details: Mapping[str, Any] | None = None
    ) -> OutOfMemoryError:
        """Return the error that says how much was asked for, where that is known.

        Parameters
        ----------
        error
            NumPy's says it, Python's own does not.
        details
            What else is known.

        Examples
        --------
        >>> OutOfMemoryError.of(MemoryError("Unable to allocate 7.28 TiB for an array")).message
        'There is not the memory for this: 7.28 TiB more were asked for.'
        """
        asked = re.search(r"allocate ([\d.]+ \w+)", str(error))
        more = "" if asked is None else f": {asked[1]} more were asked for"
        return cls(
            f"There is not the memory for this{more}.",
            hint="Ask for fewer bars, parameter sets or lots at once, have fewer jobs done at a "
            "time, or use a machine, or a worker, with more memory.",
            details={**(details or {}), **({} if asked is None else {"asked": asked[1]})},
        )


class WorkerUnavailableError(BtkitError):
    """Three workers in turn were lost while they were at the same work."""

    retryable = True


class WorkerRefusedError(BtkitError):
    """A worker's code or versions are not the server's, so its results would differ."""


class ServerError(BtkitError):
    """A server could not be reached, or gave an answer that is none of btkit's."""

    retryable = True


class AccessError(BtkitError):
    """A request without the right to what it asks for."""


class OperationNotFoundError(BtkitError):
    """There is no such operation."""


class ConflictError(BtkitError):
    """What is asked contradicts how things stand, such as a second operation of one id."""


class QueueFullError(BtkitError):
    """The server takes no more work for now, or too many requests came at once."""

    retryable = True


class LeaseLostError(BtkitError):
    """Work was given to another worker, or is wanted no more; what is done of it is not taken."""


class PlanChangedError(BtkitError):
    """The spec, the data, the arguments or the code are not those that were planned with."""


class InternalError(BtkitError):
    """A fault in btkit itself."""

    @classmethod
    def of(cls, error: BaseException, *, hint: str, details: dict[str, Any]) -> InternalError:
        """Return the error that tells of a fault.

        Parameters
        ----------
        error
            That nobody expected.
        hint
            Where its traceback is.
        details
            What is known beside it.
        """
        kind = type(error).__name__
        return cls(
            f"btkit failed in a way it should not: {kind}: {error}".rstrip(": "),
            hint=f"This is a fault in btkit. {hint}",
            details={"exception": kind, **details},
        )


def read_error(kind: str, message: str, *, hint: str, details: Mapping[str, Any]) -> BtkitError:
    """Return the error that a document of another process tells.

    Parameters
    ----------
    kind
        Its type; of one that is not known here it becomes a `ServerError`.
    message, hint, details
        As the document has them.

    Examples
    --------
    >>> read_error("NoDataError", "There are none.", hint="Ask for others.", details={})
    NoDataError('There are none.')
    """
    found = next((known for known in _kinds(BtkitError) if known.__name__ == kind), ServerError)
    error = found.__new__(found)
    if isinstance(error, SpecError):
        error.problems = [_problem_of(each) for each in details.get("problems", ())]
    BtkitError.__init__(error, message, hint=hint, details=dict(details))
    return error


def _problem_of(said: Mapping[str, Any]) -> Problem:
    return Problem(said["path"], said["message"], said["hint"], said.get("column"))


def error_types() -> list[dict[str, Any]]:
    """Return every ``error.type`` that a document may have, in alphabetical order.

    Returns
    -------
    list of dict
        ``type``, ``meaning``, ``exit_code`` and ``retryable``: whether the same command may
        succeed later with nothing changed.

    Examples
    --------
    >>> [entry["exit_code"] for entry in error_types() if entry["type"] == "NoDataError"]
    [1]
    """
    return [
        {
            "type": kind.__name__,
            "meaning": (inspect.getdoc(kind) or "").partition("\n")[0],
            "exit_code": kind.exit_code,
            "retryable": kind.retryable,
        }
        for kind in sorted(_kinds(BtkitError), key=lambda kind: kind.__name__)
    ]


def _kinds(kind: type[BtkitError]) -> Iterator[type[BtkitError]]:
    for below in kind.__subclasses__():
        yield below
        yield from _kinds(below)


def name_run(error: BaseException, run_id: str, *, status: str) -> None:
    """Say of an error which stored run it ended, and how that run stands now.

    Parameters
    ----------
    error
        Of any kind. What is named already stays.
    run_id
        The run's id.
    status
        ``"complete"``, ``"cancelled"`` or ``"failed"``.
    """
    details = error.details if isinstance(error, BtkitError) else vars(error)
    details.setdefault("run_id", run_id)
    details.setdefault("status", status)
