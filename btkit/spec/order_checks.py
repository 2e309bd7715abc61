"""What is wrong between the parts of a spec's orders inside the bar, and what they read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from btkit.arguments import is_text
from btkit.errors import Problem
from btkit.spec.fields import parameter_refusal
from btkit.spec.orders import (
    BRACED,
    COUNT,
    GAIN,
    ORDER_FIELDS,
    POSITIVE,
    SHARE,
    Bounds,
    OrderPart,
)

NUMBERS: Final[Mapping[str, Bounds]] = {
    "stop_loss": SHARE,
    "take_profit": POSITIVE,
    "trailing_stop.fraction": SHARE,
    "trailing_stop.atr": POSITIVE,
    "trailing_stop.after": GAIN,
    "entry_order.valid_bars": COUNT,
}
PRICES: Final = (
    "stop_loss.price",
    "take_profit.price",
    "entry_order.limit",
    "entry_order.stop",
)
_ONE_OF: Final[Mapping[str, tuple[str, str]]] = {
    "trailing_stop": ("fraction", "atr"),
    "entry_order": ("limit", "stop"),
}
_EXAMPLES: Final[Mapping[str, str]] = {
    "trailing_stop": "trailing_stop: {fraction: 0.08}",
    "entry_order": 'entry_order: {limit: "close * 0.99"}',
}


def order_expressions(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of each expression for a price, of one side as it came."""
    for path in PRICES:
        text = _at(data, path)
        if is_text(text) and text:
            yield path, text


def order_parameters(data: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Bounds]]:
    """Yield path, text, parameter and bounds of each number that a parameter stands for."""
    for path, bounds in NUMBERS.items():
        text = _at(data, path)
        found = BRACED.fullmatch(text) if is_text(text) else None
        if found is not None:
            yield path, str(text), found[1], bounds


def _at(data: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401 - whatever came
    value: Any = data
    for name in path.split("."):
        if isinstance(value, OrderPart):
            value = getattr(value, name, None)
        else:
            value = value.get(name) if isinstance(value, dict) else None
    return value


def order_problems(data: Mapping[str, Any], within: str = "") -> list[Problem]:
    """Return what is wrong between the parts of one side's orders.

    Parameters
    ----------
    data
        The fields as they came.
    within
        What stands before a field in paths, such as ``short.``.
    """
    problems = []
    for field, (one, other) in _ONE_OF.items():
        if not isinstance(data.get(field), dict | OrderPart):
            continue
        given = [name for name in (one, other) if _at(data, f"{field}.{name}") is not None]
        if len(given) != 1:
            found = "neither" if not given else "both"
            problems.append(
                Problem(
                    f"{within}{field}",
                    f"must have one of {one} and {other}, and has {found}",
                    "keep one of the two" if given else f"write for example {_EXAMPLES[field]}",
                )
            )
    return problems


def detail_problems(data: Mapping[str, Any]) -> list[Problem]:
    """Return that finer bars are asked for where nothing goes by them, if it is so.

    Parameters
    ----------
    data
        The fields of the spec as they came.
    """
    short = data.get("short")
    sides = [data, short] if isinstance(short, dict) else [data]
    stated = any(side.get(field) is not None for side in sides for field in ORDER_FIELDS)
    if data.get("detail") is None or stated:
        return []
    return [
        Problem(
            "detail",
            "there are no orders inside the bar, which alone go by finer bars",
            "leave it out, or add one, such as stop_loss: 0.05",
        )
    ]


def mirror_problems(data: Mapping[str, Any], own: Mapping[str, Any], within: str) -> list[Problem]:
    """Return what of the long side's orders cannot be mirrored for lack of the short side's own.

    Parameters
    ----------
    data
        The fields of the spec as they came.
    own
        Those of its short side; none where it has no place for them.
    within
        What stands before a field of the short side in paths.
    """
    problems = [
        Problem(
            f"{within}{field}",
            f"is missing, and what the long side has, {path}, is a price that cannot be mirrored",
            f"write the short side's own {field}",
        )
        for path in PRICES
        for field in [path.partition(".")[0]]
        if own.get(field) is None and is_text(_at(data, path))
    ]
    field = "take_profit"
    if own.get(field) is None:
        return problems + gain_problems(data, field, data.get(field))
    return problems + gain_problems(data, f"{within}{field}", own[field])


def gain_problems(data: Mapping[str, Any], path: str, target: object) -> list[Problem]:
    """Return that a target lies beyond what a short can gain, if it does.

    Parameters
    ----------
    data
        The fields of the spec as they came.
    path
        Where the target stands.
    target
        As it came.
    """
    parameters = data.get("parameters")
    found = BRACED.fullmatch(target) if isinstance(target, str) else None
    if found is not None and isinstance(parameters, dict):
        target = parameters.get(found[1])
    if parameter_refusal(target) is not None:
        return []
    assert isinstance(target, int | float)
    if target < 1:
        return []
    return [
        Problem(
            path,
            f"must be below 1 for a short, which gains 100 % at most, not {target:g}",
            "write a smaller fraction, such as 0.10",
        )
    ]
