"""SEMANTICS 2.9: what a call over time is worth, bar by bar.

Written from the text, with a loop for each bar and each of the bars before it, and nothing of what
works on whole arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from btkit.crosscheck.evaluation import RAISED, TimeCall, calls_over_time, evaluate

LONGEST = 500
"""2.9: `bars_since` looks back so many bars."""


class OverTime:
    """2.9: Calls over time, over the bars that there are.

    Parameters
    ----------
    columns
        What an expression may read, by name or key: one value a bar.
    bars
        How many there are.
    """

    def __init__(self, columns: Mapping[str, Sequence[object]], bars: int) -> None:
        self.scopes: list[dict[str, object]] = [
            {name: column[i] for name, column in columns.items()} for i in range(bars)
        ]
        self.known: dict[str, list[object]] = {}
        self.kinds: dict[str, Callable[[TimeCall, int], object]] = {
            "lag": self.lag,
            "change": self.change,
            "highest": self.highest,
            "lowest": self.lowest,
            "mean": self.mean,
            "std": self.std,
            "total": self.total,
            "percentile": self.percentile,
            "count": self.count,
            "bars_since": self.bars_since,
            "crossed_above": self.crossed_above,
            "crossed_below": self.crossed_below,
        }

    def values(self, texts: Iterable[str]) -> dict[str, list[object]]:
        """Return what every call in some expressions is at each bar, by its key."""
        found: dict[str, list[object]] = {}
        for text in texts:
            for call in calls_over_time(text):
                # What stands inside comes first: the call reads it from the scopes.
                found |= self.values(call.texts)
                found[call.key] = self.column(call)
                for scope, value in zip(self.scopes, found[call.key], strict=True):
                    scope[call.key] = value
        return found

    def column(self, call: TimeCall) -> list[object]:
        """Return what a call is at each bar."""
        kind = self.kinds[call.name]
        return [self.finite(kind(call, i)) for i in range(len(self.scopes))]

    def finite(self, value: object) -> object:
        """2.2: NaN and infinity are missing in what a call gives, as in any feature."""
        return None if isinstance(value, float) and not math.isfinite(value) else value

    def at(self, text: str, i: int) -> object:
        """2.9: Return x at a bar; None where it raises or is missing, and before the first bar."""
        if i < 0:
            return None
        if text not in self.known:
            self.known[text] = [self.evaluated(text, j) for j in range(len(self.scopes))]
        return self.finite(self.known[text][i])

    def evaluated(self, text: str, i: int) -> object:
        """Return what Python makes of an expression at a bar; None where it raises."""
        try:
            return evaluate(text, self.scopes[i])
        except RAISED:
            return None

    def number_at(self, text: str, i: int) -> float | None:
        """2.1: A text has no arithmetic, and stands for nothing where a number is wanted."""
        value = self.at(text, i)
        return float(value) if isinstance(value, float | bool) else None

    def window(self, call: TimeCall, i: int) -> list[float] | None:
        """2.9: Return x at the last n bars, this one included, oldest first; all or nothing."""
        found = [self.number_at(call.texts[0], j) for j in range(i - call.bars + 1, i + 1)]
        numbers = [value for value in found if value is not None]
        return numbers if len(numbers) == call.bars else None

    def added(self, numbers: Iterable[float]) -> float:
        """2.9: Sums are Neumaier's, oldest to newest."""
        total, lost = 0.0, 0.0
        for number in numbers:
            more = total + number
            if abs(total) >= abs(number):
                lost += (total - more) + number
            else:
                lost += (number - more) + total
            total = more
        return total + lost

    def lag(self, call: TimeCall, i: int) -> object:
        """2.9: Return x, whatever it is, n bars before."""
        return self.at(call.texts[0], i - call.bars)

    def change(self, call: TimeCall, i: int) -> float | None:
        """2.9: Return x less what it was n bars before."""
        now = self.number_at(call.texts[0], i)
        before = self.number_at(call.texts[0], i - call.bars)
        return None if now is None or before is None else now - before

    def highest(self, call: TimeCall, i: int) -> float | None:
        """2.9: Return the highest of the last n values."""
        found = self.window(call, i)
        return None if found is None else max(found)

    def lowest(self, call: TimeCall, i: int) -> float | None:
        """2.9: Return the lowest of the last n values."""
        found = self.window(call, i)
        return None if found is None else min(found)

    def total(self, call: TimeCall, i: int) -> float | None:
        """2.9: Return the sum of the last n values."""
        found = self.window(call, i)
        return None if found is None else self.added(found)

    def mean(self, call: TimeCall, i: int) -> float | None:
        """2.9: Return the sum of the last n values over n."""
        total = self.total(call, i)
        return None if total is None else total / call.bars

    def std(self, call: TimeCall, i: int) -> float | None:
        """2.9: Return the standard deviation of the last n values, with n - 1 below (ddof 1)."""
        found, mean = self.window(call, i), self.mean(call, i)
        if found is None or mean is None:
            return None
        squares = self.added((value - mean) * (value - mean) for value in found)
        return math.sqrt(squares / (call.bars - 1)) if math.isfinite(squares) else None

    def percentile(self, call: TimeCall, i: int) -> float | None:
        """2.9: Return the percent of the last n values, this one included, that are <= x."""
        found = self.window(call, i)
        if found is None:
            return None
        return 100.0 * sum(value <= found[-1] for value in found) / call.bars

    def met(self, text: str, i: int) -> bool:
        """2.9: A bar at which c raises or is missing is one on which it is not met."""
        if text not in self.known:
            self.known[text] = [self.evaluated(text, j) for j in range(len(self.scopes))]
        return bool(self.known[text][i])

    def count(self, call: TimeCall, i: int) -> float | None:
        """2.9: Return the bars among the last n on which c was met; None where they begin later."""
        first = i - call.bars + 1
        if first < 0:
            return None
        return float(sum(self.met(call.texts[0], j) for j in range(first, i + 1)))

    def bars_since(self, call: TimeCall, i: int) -> float | None:
        """2.9: Return 0 on a bar that meets c; None if none of the 500 before it does either."""
        for back in range(min(i, LONGEST) + 1):
            if self.met(call.texts[0], i - back):
                return float(back)
        return None

    def crossed_above(self, call: TimeCall, i: int) -> bool | None:
        """2.9: Return whether a > b is met here, and a <= b one bar before."""
        return self.crossed(call.texts[0], call.texts[1], i)

    def crossed_below(self, call: TimeCall, i: int) -> bool | None:
        """2.9: Return whether a < b is met here, and a >= b one bar before."""
        return self.crossed(call.texts[1], call.texts[0], i)

    def crossed(self, upper: str, lower: str, i: int) -> bool | None:
        """2.9: Both are needed at both bars."""
        a, b = self.number_at(upper, i), self.number_at(lower, i)
        a_before, b_before = self.number_at(upper, i - 1), self.number_at(lower, i - 1)
        if a is None or b is None or a_before is None or b_before is None:
            return None
        return a > b and a_before <= b_before
