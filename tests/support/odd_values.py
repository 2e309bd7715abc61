"""Documents in which one value is something that nobody expects there."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st


def _places(part: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    entries = part.items() if isinstance(part, dict) else enumerate(part)
    found = [((*before, key), value) for key, value in entries]
    inner = [_places(value, path) for path, value in found if isinstance(value, dict | list)]
    return [path for path, _ in found] + [path for more in inner for path in more]


_ODD = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
              st.sampled_from(["all", "1d", "5m", "rsi_14", "bands.upper", "\ud800", 10**400])),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)  # fmt: skip


@st.composite
def with_something_odd(draw: st.DrawFn, document: dict[str, Any]) -> dict[str, Any]:
    """Draw a copy of a document of plain values with one of them replaced."""
    *keys, last = draw(st.sampled_from(_places(document)))
    whole = part = copy.deepcopy(document)
    for key in keys:
        part = part[key]
    part[last] = draw(_ODD)
    return whole
