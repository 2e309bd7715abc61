"""The best so far, and how all others lie: what can be said of sets before every one is done."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from btkit.metrics import json_number, lower_is_better

TOP = 5
"""Best sets that a summary has."""
BIN = 0.1
"""Width of the histogram's bins: of the inverse hyperbolic sine of a value, so that they are about
even around 0, grow with large values, and are the same in every summary."""


@dataclass(frozen=True)
class Leader:
    """One of the best sets so far.

    Parameters
    ----------
    group, place
        Where it is, as in a `Piece`.
    parameters
        Its values.
    value
        Of the objective; None where undefined.
    trades
        How many it made.
    """

    group: int
    place: int
    parameters: Mapping[str, int | float]
    value: float | None
    trades: int

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain JSON values; an infinite value as in every document."""
        value = None if self.value is None else json_number(self.value)
        return {
            "group": self.group,
            "place": self.place,
            "parameters": dict(self.parameters),
            "value": value,
            "trades": self.trades,
        }


@dataclass(frozen=True)
class Summary:
    """What some sets came to; two of different sets become one.

    Parameters
    ----------
    objective, min_trades
        What makes a set the best: sets with fewer trades come after all others.
    leaders
        The best `TOP`, the best first, in the order of `rank_sets`.
    count, crashed
        Sets that were measured, and that killed whoever worked on them.
    defined, total, squares
        How many have an objective that is a finite number, their sum and the sum of their squares.
    histogram
        How many of these lie in each bin: bin ``n`` has those with an ``asinh(value)`` from
        ``n * BIN`` to ``(n + 1) * BIN``.

    Examples
    --------
    >>> def one(place, value):
    ...     found = Leader(0, place, {"fast": place}, value, trades=40)
    ...     return Summary("sharpe_ratio", 30, (found,), 1, 0, 1, value, value**2, {0: 1})
    >>> both = one(0, 0.5).merge(one(1, 0.7))
    >>> both.leaders[0].parameters, both.mean
    ({'fast': 1}, 0.6)
    """

    objective: str
    min_trades: int
    leaders: tuple[Leader, ...] = ()
    count: int = 0
    crashed: int = 0
    defined: int = 0
    total: float = 0.0
    squares: float = 0.0
    histogram: Mapping[int, int] = field(default_factory=dict)

    @property
    def mean(self) -> float | None:
        """The mean of the defined values; None where there are none."""
        return self.total / self.defined if self.defined else None

    def merge(self, other: Self) -> Self:
        """Return the summary of the sets of both."""
        leaders = sorted([*self.leaders, *other.leaders], key=self._key)
        return type(self)(
            self.objective,
            self.min_trades,
            tuple(leaders[:TOP]),
            self.count + other.count,
            self.crashed + other.crashed,
            self.defined + other.defined,
            self.total + other.total,
            self.squares + other.squares,
            dict(Counter(self.histogram) + Counter(other.histogram)),
        )

    def _key(self, leader: Leader) -> tuple[bool, bool, float, int, int]:
        value = leader.value
        sign = 1.0 if lower_is_better(self.objective) else -1.0
        merit = math.inf if value is None else sign * value
        few = leader.trades < self.min_trades
        return few, value is None, merit, leader.group, leader.place

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON values, bins by their number as text."""
        return {
            "objective": self.objective,
            "min_trades": self.min_trades,
            "leaders": [leader.to_json() for leader in self.leaders],
            "count": self.count,
            "crashed": self.crashed,
            "defined": self.defined,
            "total": json_number(self.total),
            "squares": json_number(self.squares),
            "histogram": {str(number): many for number, many in sorted(self.histogram.items())},
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Return the summary that `to_json` wrote."""
        return cls(
            **{
                **fields,
                "leaders": tuple(Leader(**leader) for leader in fields["leaders"]),
                "histogram": {int(number): many for number, many in fields["histogram"].items()},
            }
        )
