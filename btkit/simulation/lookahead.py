"""What checking a run for look-ahead came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Shown: TypeAlias = float | bool | None
LeakKind = Literal["bars", "column", "feature", "output", "condition", "decision"]


@dataclass(frozen=True)
class Leak:
    """Something whose value at a bar depends on later bars.

    Parameters
    ----------
    name
        What it is: a column of the bars, a name of the conditions, an output of a model, a
        condition with its place in the spec, or what is decided.
    kind
        Which of those: a ``column`` stands ready in the bars, ``bars`` are those that the loader
        makes of a source.
    bar
        The first bar with another value, as its time is written.
    known_until
        The last bar that was left as it was.
    altered
        What was done to the bars after it.
    was, became
        The value with the bars as they are, and with the altered ones; None where it is missing.
    """

    name: str
    kind: LeakKind
    bar: str
    known_until: str
    altered: str
    was: Shown
    became: Shown

    @property
    def sentence(self) -> str:
        """What is wrong, for people."""
        return (
            f"The {self.kind} {self.name} at {self.bar} is {_written(self.was)}, and "
            f"{_written(self.became)} once what comes after {self.known_until} is {self.altered}."
        )


@dataclass(frozen=True)
class Lookahead:
    """A check of one run for look-ahead.

    Parameters
    ----------
    checks
        How often the run's features, outputs, conditions and decisions were worked out again
        without the bars that follow, or with others.
    bars
        How many bars that was done at.
    whole
        Whether each began where the run's own history does; else a long run's began some thousand
        bars before, and both sides of the comparison did.
    leaks
        What changed, each name once.
    """

    checks: int
    bars: int
    whole: bool
    leaks: tuple[Leak, ...]


def _written(value: Shown) -> str:
    if value is None:
        return "missing"
    return str(value).lower() if isinstance(value, bool) else f"{value:.10g}"
