"""Indicators that users add to the namespace."""

from __future__ import annotations

import inspect
import keyword
import re
from collections.abc import Callable
from typing import Any

from btkit.arguments import (
    check_choice,
    check_flag,
    check_number,
    check_text,
    check_whole,
    refusal,
)
from btkit.errors import UsageError
from btkit.indicators.base import LARGEST, SMALLEST, Definition, Family, Kind
from btkit.indicators.causality import LENGTHS_CHECKED, check_definition
from btkit.indicators.entries import BARS_PER_YEAR, family, single
from btkit.indicators.event_names import split_event_name
from btkit.indicators.guard import guarded
from btkit.indicators.names import name_hint
from btkit.indicators.registry import (
    DOCUMENTED,
    FAMILIES,
    MEMBER,
    PREVIOUS,
    REGISTERED,
    lookup,
)

GROUP = "user"
_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_OF_FAMILY = "_<n>"
_LONGEST = 60
_DEEPEST = 10_000
# Words that a condition or a formula reads as something else.
_RESERVED = frozenset(keyword.kwlist) | {
    "abs", "round", "min", "max", "int", "float", "bool", "len", "n", "risk_pct", "multiplier",
    BARS_PER_YEAR,
}  # fmt: skip


def register_indicator(  # noqa: PLR0913 - an entry of the namespace, each part by its name
    name: str,
    function: Callable[..., Any],
    *,
    lookback: int | Callable[[int], int],
    meaning: str,
    group: str = GROUP,
    kind: Kind = "float",
    decay: float | Callable[[int], float] | None = None,
    formula: str | None = None,
    source: str | None = None,
    replace: bool = False,
) -> None:
    """Add an indicator, or a family of them, to the names that conditions may use.

    It is refused unless it keeps its word on made-up bars: the same bars give the same values,
    later bars change none, and the first value comes at `lookback`.

    It is known in this process. A batch, a kernel and another notebook have processes of their
    own: for them, register it in a function that a package names as an entry point of the group
    ``btkit.indicators``.

    Parameters
    ----------
    name
        Such as ``my_range``, or ``my_avg_<n>`` for one of every n from 2 to 500: lower-case
        letters, digits and ``_``, a letter first.
    function
        Its parameters are per-bar names, such as ``close`` and ``sma_20``; it is handed their
        columns, float64 arrays of shape (n_bars,) that refuse to be written to, NaN where
        missing. Of a family it takes ``n``, too. ``bars_per_year`` is the number of bars in a
        year. A parameter with a default keeps it. It returns one value a bar, NaN where there is
        none; with fewer bars than `lookback` names it is not called.
    lookback
        Index, from 0, of the first bar that has a value; for a family an int or a function of n.
    meaning
        What it says, with its unit, for people; ``<n>`` is the number of bars.
    group
        The heading of `backtest indicators` that it is listed under.
    kind
        ``"bool"`` for one that is true or false.
    decay
        For a recursive indicator, the share of its starting value's weight that is left after
        each further bar; for a family also a function of n.
    formula
        How it is computed, for people; ``<n>`` as in `meaning`. None names the function.
    source
        Whose definition it is, for people. None names the function's module.
    replace
        Whether it may take the place of another that was registered under the name.

    Raises
    ------
    UsageError
        If the name cannot be had, or an argument makes no sense.
    PluginError
        If the function fails, does not return one number a bar, or breaks its word.

    Examples
    --------
    >>> import pandas as pd
    >>> register_indicator(
    ...     "typical_avg_<n>",
    ...     lambda high, low, close, n: pd.Series((high + low + close) / 3).rolling(n).mean(),
    ...     lookback=lambda n: n - 1,
    ...     meaning="Mean of <n> typical prices, in the instrument's currency.",
    ... )
    >>> lookup("typical_avg_7").lookback
    6
    """
    is_family = _check_name(name)
    reads = _parameters(function, is_family=is_family)
    described = {
        "meaning": meaning,
        "group": group,
        "formula": f"{_label(function)}({', '.join(reads)})" if formula is None else formula,
        "source": _home(function) if source is None else source,
    }
    for argument, text in described.items():
        check_text(text, argument, hint="It is for people: words, in one line.")
    check_choice(kind, ("float", "bool"), name="kind", noun="kind of indicator")
    length = _whole_of(lookback, is_family=is_family)
    texts: dict[str, Any] = {**described, "kind": kind}
    computed = guarded(name, function, lookback=length, kind=kind)
    entry: Definition | Family
    share = None if decay is None else _share_of(decay)
    if is_family:
        entry = family(name, computed, lookback=length, decay=share, **texts)
        members = [entry.define(n) for n in LENGTHS_CHECKED]
    else:
        entry = single(
            name, computed, lookback=length(SMALLEST), decay=share and share(SMALLEST), **texts
        )
        members = [entry]
    for member in members:
        check_definition(member)
    REGISTERED.add(name, entry, code=function, replace=check_flag(replace, "replace"))


def _check_name(name: object) -> bool:
    stem = name.removesuffix(_OF_FAMILY) if isinstance(name, str) else ""
    if not _NAME.fullmatch(stem) or len(stem) > _LONGEST:
        raise refusal(
            name,
            "name",
            rule=f"lower-case letters, digits and _, a letter first, at most {_LONGEST} of them",
            hint="Such as my_range, or my_avg_<n> for one of every n from 2 to 500.",
        )
    is_family = stem != name
    taken = _taken(stem, is_family=is_family)
    if taken is not None:
        raise UsageError(
            f"an indicator cannot be called {name!r}: it {taken}.",
            hint="Choose another name, such as one that begins with my_.",
            details={"argument": "name", "received": name},
        )
    return is_family


def _taken(stem: str, *, is_family: bool) -> str | None:
    registered = REGISTERED.entries()
    reasons = {
        "reads like another name one bar before": stem.startswith(PREVIOUS),
        "is btkit's own, which cannot be redefined": stem
        in (FAMILIES if is_family else DOCUMENTED),
    }
    if is_family:
        alike = [one for one in (*DOCUMENTED, *registered) if _stem_of(one) == stem]
        reasons[f"would be {alike[0]!r}, too, which is there already" if alike else ""] = bool(
            alike
        )
    else:
        of = _stem_of(stem)
        reasons |= {
            "is a word of its own in a condition": stem in _RESERVED,
            "reads like the name of an event, which BT_EVENTS may bring": (
                split_event_name(stem) is not None
            ),
            f"has the form of btkit's own {of}{_OF_FAMILY}": of in FAMILIES,
            f"is one of {of}{_OF_FAMILY}, which is registered": f"{of}{_OF_FAMILY}" in registered,
        }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _stem_of(name: str) -> str | None:
    member = MEMBER.fullmatch(name)
    return None if member is None else member[1]


def _label(function: object) -> str:
    return str(getattr(function, "__qualname__", type(function).__qualname__))


def _home(function: object) -> str:
    return str(getattr(function, "__module__", None) or type(function).__module__)


def _parameters(function: object, *, is_family: bool) -> list[str]:
    if not callable(function):
        raise refusal(
            function, "function", rule="a function of columns", hint="Such as lambda high, low: ..."
        )
    try:
        known = inspect.signature(function).parameters.values()
    except ValueError as error:  # compiled, and without a signature
        raise UsageError(
            f"nothing tells which columns {_label(function)} reads.",
            hint="Wrap it: lambda close: f(close).",
        ) from error
    wanted = [one for one in known if one.default is one.empty]
    if any(one.kind in {one.VAR_POSITIONAL, one.VAR_KEYWORD} for one in wanted):
        raise UsageError(
            f"{_label(function)} takes any number of arguments, so that nothing tells which "
            "columns it reads.",
            hint="Wrap it: lambda close: f(close).",
        )
    names = [one.name for one in wanted]
    further = {"n", BARS_PER_YEAR} if is_family else {BARS_PER_YEAR}
    for name in names:
        known_name = lookup(name)
        if name not in further and (known_name is None or not known_name.per_bar):
            hint = name_hint(name)
            if name == "n":
                hint = "only a family, whose name ends in _<n>, takes a number of bars"
            elif known_name is not None:
                hint = "conditions may read what describes the position, indicators cannot"
            raise UsageError(
                f"{_label(function)} has a parameter {name!r}, which is no per-bar name.",
                hint=hint,
                details={"argument": "function", "parameter": name},
            )
    if is_family and "n" not in names:
        raise UsageError(
            f"{_label(function)} takes no n, and a family's function has to.",
            hint="Give it a parameter n, or register it under a name without <n>.",
        )
    if set(names) <= further:
        raise UsageError(
            f"{_label(function)} reads no column.",
            hint="Name its parameters after columns: close, high, low, open, volume, ...",
        )
    return names


def _whole_of(lookback: object, *, is_family: bool) -> Callable[[int], int]:
    hint = "The index, from 0, of the first bar with a value" + (
        "; or a function of n, such as lambda n: n - 1." if is_family else "."
    )

    def check(value: object) -> int:
        depth = check_whole(value, "lookback", least=0, hint=hint)
        if depth > _DEEPEST:
            raise refusal(value, "lookback", rule=f"at most {_DEEPEST:,}", hint=hint)
        return depth

    if not (is_family and callable(lookback)):
        depth = check(lookback)
        return lambda _: depth
    depths = {n: check(_of(lookback, n, "lookback")) for n in range(SMALLEST, LARGEST + 1)}
    return depths.__getitem__


def _share_of(decay: object) -> Callable[[int], float]:
    def check(value: object) -> float:
        return check_number(
            value, "decay", rule="above 0 and at most 1", good=lambda share: 0 < share <= 1,
            hint="The share of the start's weight that is left after each bar; None for none.",
        )  # fmt: skip

    if not callable(decay):
        share = check(decay)
        return lambda _: share
    return lambda n: check(_of(decay, n, "decay"))


def _of(function: Callable[[int], object], n: int, name: str) -> object:
    try:
        return function(n)
    except Exception as error:
        raise UsageError(
            f"{name} failed for n = {n}: {type(error).__name__}: {error}.",
            hint=f"{name} has to be a number, or a function of n that returns one.",
        ) from error
