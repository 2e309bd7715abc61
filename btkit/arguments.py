"""Arguments of public functions: what they may be, whatever a caller passes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import TypeVar

from btkit.errors import UsageError
from btkit.spelling import did_you_mean

Choice = TypeVar("Choice", bound=str)
# As much as SQLite and NumPy count to.
MOST = 2**63 - 1
SHOWN_CHARACTERS = 60


def quoted(value: str) -> str:
    """Return a text in quotes for a message, shortened, nothing but ASCII in it."""
    # A slice is a plain text, whatever class of texts the value is of.
    shown = value[:SHOWN_CHARACTERS] + ("..." if len(value) > SHOWN_CHARACTERS else "")
    return ascii(shown)


def kind_of_value(value: object) -> str:
    """Return what was found, in a few words: ``the text '10'``, ``null``, ``a list``."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        whole = is_text(value)
        return f"the text {quoted(value)}" if whole else "a text with half of a surrogate pair"
    if isinstance(value, int | float):
        long = isinstance(value, int) and abs(value) >= 10**SHOWN_CHARACTERS
        return "a number of more than 60 digits" if long else f"the number {value}"
    if isinstance(value, list | tuple):
        return "a list"
    return "a mapping" if isinstance(value, dict) else f"a value of type {type(value).__name__}"


def is_text(value: object) -> bool:
    """Return whether a value is a text that can be written as UTF-8."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(value: object) -> str:
    """Return how a message shows a value: short, even if it has no representation of its own.

    Parameters
    ----------
    value
        Anything.

    Examples
    --------
    >>> shown(5), shown("SPY"), shown(None), shown([1, 2])
    ('5', "'SPY'", 'None', 'a list')
    """
    if value is None or isinstance(value, bool):
        return str(value)
    return kind_of_value(value).removeprefix("the number ").removeprefix("the text ")


def refusal(value: object, name: str, *, rule: str, hint: str) -> UsageError:
    """Return the error for an argument that breaks a rule.

    Parameters
    ----------
    value
        What came.
    name
        The argument's.
    rule
        What it must be, such as ``a number above 0``.
    hint
        What to give instead.
    """
    return UsageError(
        f"{name} is {shown(value)}; it must be {rule}.",
        hint=hint,
        details={"argument": name, "received": shown(value)},
    )


def check_text(value: object, name: str, *, hint: str) -> str:
    """Return an argument that is a text.

    Parameters
    ----------
    value, name, hint
        As for `refusal`.

    Raises
    ------
    UsageError
        If it is none, or no text that can be written down.
    """
    if isinstance(value, str) and is_text(value):
        return value
    raise refusal(value, name, rule="a text", hint=hint)


def check_choice(value: object, choices: Sequence[Choice], *, name: str, noun: str) -> Choice:
    """Return the one of some names that an argument is.

    Parameters
    ----------
    value, name
        As for `refusal`.
    choices
        The names.
    noun
        What they are names of.

    Raises
    ------
    UsageError
        If it is none of them.
    """
    for choice in choices:
        if isinstance(value, str) and value == choice:
            return choice
    close = did_you_mean(value, choices) if isinstance(value, str) else None
    offered = f"Choose one of {' '.join(choices)}."
    raise UsageError(
        f"There is no {noun} {shown(value)}.",
        hint=offered if close is None else f"{offered[:-1]}; {close}",
        details={"argument": name, "received": shown(value), "known": list(choices)},
    )


def check_whole(value: object, name: str, *, least: int, hint: str, most: int = MOST) -> int:
    """Return an argument that is a whole number.

    Parameters
    ----------
    value, name, hint
        As for `refusal`; 10.0 is a whole number, too.
    least, most
        The smallest and the largest that it may be.

    Raises
    ------
    UsageError
        If it is none, or too small or too large to count with.
    """
    whole = isinstance(value, Integral) or (isinstance(value, float) and value.is_integer())
    if whole and not isinstance(value, bool):
        number = int(value)  # type: ignore[call-overload]  # one of the two, as just seen
        if least <= number <= most:
            return int(number)
        bound = f"at least {least}" if number < least else f"at most {most:,}"
        raise refusal(value, name, rule=bound, hint=hint)
    raise refusal(value, name, rule=f"a whole number of at least {least}", hint=hint)


def check_number(
    value: object, name: str, *, rule: str, good: Callable[[float], bool], hint: str
) -> float:
    """Return an argument that is a finite number.

    Parameters
    ----------
    value, name, hint
        As for `refusal`.
    rule
        What number it must be, such as ``above 0``.
    good
        Whether a finite number keeps the rule.

    Raises
    ------
    UsageError
        If it is none, or breaks the rule.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise refusal(value, name, rule=f"a number {rule}", hint=hint)
    try:
        number = float(value)
    except OverflowError:  # a whole number beyond every float
        number = math.inf
    if not (math.isfinite(number) and good(number)):
        raise refusal(value, name, rule=rule, hint=hint)
    return number


def check_account(
    *, capital: object, commission: object, slippage: object
) -> tuple[float, float, float]:
    """Return what a run starts with and pays.

    Parameters
    ----------
    capital
        $ at the start, above 0.
    commission
        In the unit of the spec's commission model, 0 or more.
    slippage
        Fraction of the price lost per fill, from 0 to below 1.

    Raises
    ------
    UsageError
        If one is no finite number, or out of its bounds.
    """
    return (
        check_number(
            capital,
            "capital",
            rule="above 0",
            good=lambda value: value > 0,
            hint="100,000 is the usual account.",
        ),
        check_number(
            commission,
            "commission",
            rule="at least 0",
            good=lambda value: value >= 0,
            hint="0 charges nothing.",
        ),
        check_number(
            slippage,
            "slippage",
            rule="at least 0 and below 1",
            good=lambda value: 0 <= value < 1,
            hint="0.005 is half a percent.",
        ),
    )


def check_flag(value: object, name: str) -> bool:
    """Return an argument that is True or False.

    Parameters
    ----------
    value, name
        As for `refusal`.

    Raises
    ------
    UsageError
        If it is neither.
    """
    if value is True or value is False:
        return value
    raise refusal(value, name, rule="True or False", hint="Write True or False.")
