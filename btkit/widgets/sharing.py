"""Widgets that share what looks alike: each layout and style of its own is a channel to the page.

An editor of 160 controls would open 493 channels, and a cell that is run again closes as many as it
opens. ZeroMQ holds 1,000 messages for a server that is busy, and drops what comes after them.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, TypeVar

import ipywidgets as ipw

W = TypeVar("W", bound=ipw.Widget)

_shared: dict[Hashable, ipw.Widget] = {}


def make_widget(kind: type[W], *given: Any, **traits: Any) -> W:  # noqa: ANN401 - whatever the kind takes
    """Return a new widget; what is not said of its layout and its style is shared with others.

    Parameters
    ----------
    kind
        A class of ipywidgets.
    given, traits
        What it takes. Its ``layout`` comes from `layout`; give one of its own to what is changed.

    Examples
    --------
    >>> make_widget(ipw.Text, value="a").layout is make_widget(ipw.HBox).layout
    True
    """
    known = kind.class_traits()
    if "layout" not in traits:
        traits["layout"] = layout()
    if "style" in known and "style" not in traits:
        traits["style"] = _one(known["style"].klass)
    made: W = kind(*given, **traits)
    return made


def layout(**traits: str) -> ipw.Layout:
    """Return the layout with these traits, one for all; it is replaced in a widget, not changed.

    Parameters
    ----------
    traits
        Such as ``width="auto"``.

    Examples
    --------
    >>> layout(display="none").display
    'none'
    """
    return _one(ipw.Layout, **traits)


def is_shared(widget: ipw.Widget) -> bool:
    """Tell whether other widgets have it, too, so that it stays when one of them is closed."""
    return any(widget is one for one in _shared.values())


def _one(kind: type[W], **traits: str) -> W:
    key = (kind, *sorted(traits.items()))
    found = _shared.get(key)
    # None, where somebody has closed every widget of the kernel.
    if found is None or found.comm is None:
        found = _shared[key] = kind(**traits)
        found.observe(_refuse)
    return found  # type: ignore[no-any-return]  # ipywidgets has no types


def _refuse(change: dict[str, Any]) -> None:
    name, one = change["name"], change["owner"]
    if name == "comm":
        return
    one.unobserve(_refuse)
    one.set_trait(name, change["old"])
    one.observe(_refuse)
    raise TypeError(f"{name!r} of a shared {type(one).__name__} was set: it is set for all")
