"""How a run reports its stages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, runtime_checkable

from btkit.arguments import refusal

Note = Callable[[str], None]
"""Takes what there is to say about a stage, once it is known."""


@runtime_checkable
class ProgressListener(Protocol):
    """Notified of each stage as it begins and ends."""

    def stage(self, name: str) -> AbstractContextManager[Note]:
        """Enclose the work of one stage.

        Parameters
        ----------
        name
            What is done, such as ``"load bars"``.

        Returns
        -------
        context manager
            Gives a function that takes a remark on the outcome.
        """


@runtime_checkable
class Counting(Protocol):
    """A `ProgressListener` that also wants to know how far a long stage is."""

    def count(self, done: int, total: int, unit: str) -> None:
        """Take how far the stage under way is.

        Parameters
        ----------
        done, total
            Pieces of work.
        unit
            What they are, such as ``"bars"``.
        """


@runtime_checkable
class Identifying(Protocol):
    """A `ProgressListener` that also wants to know under which id the job is stored."""

    def identify(self, job_id: str) -> None:
        """Take the id, as soon as there is one; a job that has two stages gives it twice.

        Parameters
        ----------
        job_id
            Of the job itself, not of its parts.
        """


class Silent:
    """Ignores every stage."""

    @contextmanager
    def stage(self, name: str) -> Iterator[Note]:  # noqa: ARG002 - the protocol's parameter
        """Drop every remark."""
        yield lambda _text: None


def check_progress(progress: object) -> ProgressListener:
    """Return what is notified of the stages.

    Parameters
    ----------
    progress
        A `ProgressListener`; None notifies nobody.

    Raises
    ------
    UsageError
        If it is something else.
    """
    if progress is None:
        return Silent()
    if isinstance(progress, ProgressListener) and not isinstance(progress, type):
        return progress
    raise refusal(
        progress,
        "progress",
        rule="an object with a method stage",
        hint="Leave it out, or give for example a btkit.widgets.Progress.",
    )
