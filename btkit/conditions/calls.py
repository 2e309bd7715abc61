"""The calls that a condition may make beside Python's own: over time, ``on`` and ``of``.

SEMANTICS 2.9 to 2.11. What is read and refused, worked out, listed, completed in an editor and told
to an agent all follows from the entries here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from btkit.conditions.forms import MAX_COMPARED
from btkit.spelling import near

PYTHONS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "abs": (1, 1),
        "round": (1, 2),
        "min": (1, MAX_COMPARED),
        "max": (1, MAX_COMPARED),
        "int": (0, 1),
        "float": (0, 1),
        "bool": (0, 1),
        "len": (1, 1),
    }
)
"""Python's own functions that can be called, with the fewest and the most arguments."""

LONGEST = 500
"""The most bars that a call looks back, as the longest indicator does."""

_LENGTH = "n"
_OTHER_WORDS = {
    "lag": ("shift", "ref", "prev", "previous", "delay", "offset"),
    "change": ("diff", "delta", "mom", "momentum"),
    "highest": ("hhv", "rolling_max"),
    "lowest": ("llv", "rolling_min"),
    "mean": ("avg", "average", "ma", "rolling_mean"),
    "std": ("stdev", "stddev", "sd", "rolling_std"),
    "total": ("sum", "rolling_sum"),
    "percentile": ("percentrank", "percent_rank", "pctrank", "rank"),
    "count": ("countif", "sumbars"),
    "bars_since": ("barssince", "barslast"),
    "crossed_above": (
        "cross",
        "crosses",
        "crossover",
        "cross_over",
        "cross_above",
        "crosses_above",
    ),
    "crossed_below": ("crossunder", "cross_under", "cross_below"),
    "of": ("security", "request_security", "symbol", "foreign"),
}
"""What other programs call it."""


@dataclass(frozen=True)
class Call:
    """One call: what it takes, and what it says.

    Parameters
    ----------
    name
        As it is written.
    arguments
        What stands between its parentheses; ``n`` is a whole number of bars.
    meaning
        What its value is, in a sentence.
    formula
        How it is computed.
    example
        A condition that makes it.
    least
        The smallest n.
    reach
        How many bars before its own it reads, by n.
    kind
        What its value is: a number, a truth value, or whatever it looks at.
    needs_all
        Whether it is None where any of the bars that it reads is missing; else a bar that is
        missing is one on which its condition was not met.
    """

    name: str
    arguments: tuple[str, ...]
    meaning: str
    formula: str
    example: str
    least: int = 1
    reach: Callable[[int], int] = lambda n: n - 1
    kind: str = "float"
    needs_all: bool = True

    @property
    def written(self) -> str:
        """How it is written, such as ``lag(x, n)``."""
        return f"{self.name}({', '.join(self.arguments)})"

    @property
    def takes_length(self) -> bool:
        """Whether its last argument is a number of bars."""
        return self.arguments[-1] == _LENGTH

    @property
    def operands(self) -> int:
        """How many expressions it looks back at."""
        return len(self.arguments) - self.takes_length

    @property
    def lookback(self) -> int:
        """Index, from 0, of the first bar at which it can have a value, at its smallest n."""
        return self.reach(self.least) if self.needs_all or self.takes_length else 0


_ENTRIES = (
    Call(
        "lag",
        ("x", "n"),
        "What x was n bars before.",
        "x[i-n]",
        "close > lag(close, 5)",
        reach=lambda n: n,
        kind="any",
    ),
    Call(
        "change",
        ("x", "n"),
        "How much x has risen since n bars before, in the unit of x.",
        "x[i] - x[i-n]",
        "change(rsi_14, 3) > 10",
        reach=lambda n: n,
    ),
    Call(
        "highest",
        ("x", "n"),
        "Highest x of the last n bars, this one included.",
        "max(x[i-n+1..i])",
        "close >= highest(close, 55)",
    ),
    Call(
        "lowest",
        ("x", "n"),
        "Lowest x of the last n bars, this one included.",
        "min(x[i-n+1..i])",
        "close <= lowest(close, 20)",
    ),
    Call(
        "mean",
        ("x", "n"),
        "Arithmetic mean of x over the last n bars, this one included.",
        "total(x, n) / n",
        "volume > 2 * mean(volume, 20)",
    ),
    Call(
        "std",
        ("x", "n"),
        "Standard deviation of x over the last n bars, this one included, n - 1 below (ddof 1).",
        "sqrt(sum((x[i-n+1..i] - mean(x, n)) ** 2) / (n - 1))",
        "close > mean(close, 20) + 2 * std(close, 20)",
        least=2,
    ),
    Call(
        "total",
        ("x", "n"),
        "Sum of x over the last n bars, this one included, added by Neumaier from the oldest.",
        "sum(x[i-n+1..i])",
        "total(volume, 5) > 1000000",
    ),
    Call(
        "percentile",
        ("x", "n"),
        "Percent of the last n values of x, this one included, that are at most x.",
        "100 * count(x[i-n+1..i] <= x[i]) / n",
        "percentile(hv_20, 252) < 20",
    ),
    Call(
        "count",
        ("c", "n"),
        "On how many of the last n bars, this one included, the condition c was met.",
        "number of met c[i-n+1..i]",
        "count(close > lag(close, 1), 10) >= 7",
        needs_all=False,
    ),
    Call(
        "bars_since",
        ("c",),
        "Bars since the condition c was met: 0 where it is; None if not within 500 bars.",
        "i - last bar that met c",
        "bars_since(crossed_above(close, sma_50)) <= 3",
        reach=lambda _: LONGEST,
        needs_all=False,
    ),
    Call(
        "crossed_above",
        ("a", "b"),
        "True where a is above b, and was not one bar before.",
        "a[i] > b[i] and a[i-1] <= b[i-1]",
        "crossed_above(mean(close, 10), mean(close, 30))",
        reach=lambda _: 1,
        kind="bool",
    ),
    Call(
        "crossed_below",
        ("a", "b"),
        "True where a is below b, and was not one bar before.",
        "a[i] < b[i] and a[i-1] >= b[i-1]",
        "crossed_below(close, sma_50)",
        reach=lambda _: 1,
        kind="bool",
    ),
)
OVER_TIME: Mapping[str, Call] = MappingProxyType({entry.name: entry for entry in _ENTRIES})
"""The calls over time, by name."""
ON = Call(
    "on",
    ("interval", "x"),
    "x on these bars made into slower ones, as of the last that has closed.",
    "x[last closed bar of the interval]",
    'on("1w", close > sma_10)',
    reach=lambda _: 0,
    kind="any",
)
OF = Call(
    "of",
    ("symbol", "x"),
    "x on another instrument's bars, as of the last that has closed; None after 5 sessions.",
    "x[last closed bar of the symbol]",
    'close / of("SPY", close) > 1.1',
    reach=lambda _: 0,
    kind="any",
)
AS_OF: Mapping[str, Call] = MappingProxyType({ON.name: ON, OF.name: OF})
"""The calls that read other bars, by name: none of them stands inside of another."""
CALLS: Mapping[str, Call] = MappingProxyType({**OVER_TIME, **AS_OF})
"""Every call that is no function of Python's."""


def listed_calls() -> list[dict[str, Any]]:
    """Return the calls as documents list them, in order.

    Examples
    --------
    >>> listed_calls()[0]["call"], listed_calls()[0]["lookback"]
    ('lag(x, n)', 1)
    """
    return [
        {
            "name": call.name,
            "call": call.written,
            "kind": call.kind,
            "lookback": call.lookback,
            "meaning": call.meaning,
            "formula": call.formula,
            "example": call.example,
        }
        for call in CALLS.values()
    ]


def meant(name: str) -> str | None:
    """Return the call that was meant by a name that is none; None where none is near.

    Parameters
    ----------
    name
        Such as ``lagg``, or what another program calls it.

    Examples
    --------
    >>> meant("lagg"), meant("crossover"), meant("exp")
    ('lag', 'crossed_above', None)
    """
    plain = name.lower()
    if plain in CALLS:
        return plain
    for call, words in _OTHER_WORDS.items():
        if plain in words:
            return call
    found = near(plain, tuple(CALLS))
    return found[0] if found else None
