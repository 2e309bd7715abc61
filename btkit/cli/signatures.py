"""Flags that several commands share, as typer reads them: out of a function's signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def joined(
    *functions: Callable[..., Any], described: Mapping[str, object] | None = None
) -> inspect.Signature:
    """Return the flags of several functions as the signature of one.

    Parameters
    ----------
    *functions
        Their keyword arguments are flags; the first that has one says what it is.
    described
        Annotations by name that stand in for those.
    """
    flags: dict[str, inspect.Parameter] = {}
    for function in functions:
        for name, flag in inspect.signature(function, eval_str=True).parameters.items():
            flags.setdefault(name, flag)
    for name, annotation in (described or {}).items():
        flags[name] = flags[name].replace(annotation=annotation)
    return inspect.Signature(list(flags.values()))


def called_with(function: Callable[..., T], flags: Mapping[str, Any]) -> T:
    """Call a function with those flags that it takes.

    Parameters
    ----------
    function
        With keyword arguments alone.
    flags
        By name.
    """
    return function(**{name: flags[name] for name in inspect.signature(function).parameters})
