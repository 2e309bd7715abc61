"""What an indicator type is: parameters, outputs, and the first bar that has a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from btkit.arguments import kind_of_value
from btkit.models.trend_lines import Bars, Lines

Value: TypeAlias = bool | int | float | str
Parameters: TypeAlias = Mapping[str, Value]
SOURCES: Final = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True)
class Parameter:
    """What a parameter of an indicator type may be.

    Parameters
    ----------
    default
        Its value where a strategy leaves it out.
    rule
        What it must be, in words.
    good
        Whether a value keeps the rule.
    """

    default: Value
    rule: str
    good: Callable[[Any], bool]

    def refusal(self, value: object) -> str | None:
        """Return what is wrong with a value, or None."""
        return None if self.good(value) else f"must be {self.rule}, not {kind_of_value(value)}"

    def read(self, value: Any) -> Value:  # noqa: ANN401 - what keeps the rule
        """Return a value that keeps the rule, of the default's type: 2 is 2.0 for a multiplier."""
        kind: type[Value] = type(self.default)
        return kind(value)


def whole(default: int, least: int, most: int) -> Parameter:
    """Return a whole number between bounds."""
    return Parameter(
        default,
        f"a whole number from {least} to {most}",
        lambda value: type(value) is int and least <= value <= most,
    )


def number(default: float, least: float, most: float, *, above: bool = False) -> Parameter:
    """Return a number between bounds, the lower one excluded with `above`."""

    def good(value: Any) -> bool:  # noqa: ANN401 - whatever a strategy writes
        if type(value) not in {int, float} or not least <= value <= most:
            return False
        return not (above and value == least)

    bound = f"above {least:g} and at most" if above else f"from {least:g} to"
    return Parameter(default, f"a number {bound} {most:g}", good)


def choice(default: str, *others: str) -> Parameter:
    """Return one of some texts."""
    choices = (default, *others)
    return Parameter(default, f"one of {', '.join(choices)}", lambda value: value in choices)


def flag(*, default: bool) -> Parameter:
    """Return true or false."""
    return Parameter(default, "true or false", lambda value: type(value) is bool)


SOURCE: Final = Parameter("close", f"one of {', '.join(SOURCES)}", lambda value: value in SOURCES)
WIDTH: Final = number(2.0, 0.0, 10.0, above=True)


@dataclass(frozen=True)
class Output:
    """A line of an indicator.

    Parameters
    ----------
    name
        What a strategy writes after the dot; empty where there is one line only.
    lookback
        Of the parameters: the index of the first bar that has a value.
    decay
        Of the parameters: the share of the seed's weight that each bar leaves of a recursive line,
        1 of what is counted from the first bar on; None of a window of bars.
    """

    name: str
    lookback: Callable[..., int]
    decay: Callable[..., float | None] = lambda **_: None


@dataclass(frozen=True)
class IndicatorType:
    """An indicator that a strategy may define with parameters of its own.

    Parameters
    ----------
    name
        As a strategy writes it.
    parameters
        By name.
    outputs
        At least one; the first is meant where a strategy names none.
    compute
        Takes columns of bars and the parameters, and returns the lines of the outputs.
    meaning
        What it is, for people.
    other_names
        Further spellings.
    """

    name: str
    parameters: Mapping[str, Parameter]
    outputs: tuple[Output, ...]
    compute: Callable[..., Lines]
    meaning: str
    other_names: tuple[str, ...] = ()

    def output(self, name: str | None) -> int | None:
        """Return the place of an output, the first of none; None if there is no such output."""
        if name is None:
            return 0
        names = [output.name for output in self.outputs if output.name]
        return names.index(name) if name in names else None

    def lookback(self, parameters: Parameters, output: int) -> int:
        """Return the index of the first bar at which an output has a value, on clean data."""
        return self.outputs[output].lookback(**parameters)

    def decay(self, parameters: Parameters, output: int) -> float | None:
        """Return the share of its seed's weight that a bar leaves; None of a window of bars."""
        return self.outputs[output].decay(**parameters)

    def lines(self, bars: Bars, parameters: Parameters) -> Lines:
        """Return the lines of the outputs, shape (n_bars,) each, NaN where there is no value."""
        return self.compute(bars, **parameters)


def one(lookback: Callable[..., int], **decay: Callable[..., float | None]) -> tuple[Output, ...]:
    """Return the only output of a type."""
    return every(lookback, "", **decay)


def window(period: int, **_: Value) -> int:
    """Return the lookback of a window of some bars."""
    return period - 1


def change(period: int, **_: Value) -> int:
    """Return the lookback of a change over some bars."""
    return period


def at_once(**_: Value) -> int:
    """Return the lookback of what has a value from the first bar on."""
    return 0


def every(
    lookback: Callable[..., int], *names: str, **decay: Callable[..., float | None]
) -> tuple[Output, ...]:
    """Return outputs that begin together, and forget alike."""
    return tuple(Output(name, lookback, **decay) for name in names)


def of_span(*names: str) -> Callable[..., float]:
    """Return the decay of exponential averages of the spans that parameters give."""
    return lambda **parameters: max(1.0 - 2.0 / (parameters[name] + 1) for name in names)


def of_wilder(period: int, **_: Value) -> float:
    """Return the decay of averages with alpha 1/period."""
    return 1.0 - 1.0 / period


def of_sum(**_: Value) -> float:
    """Return the decay of what is counted from the first bar on."""
    return 1.0
