"""What Python says of texts, for those that the bars of a declared column have."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from btkit.indicators import NO_COLUMNS, DeclaredColumns

Floats = NDArray[np.float64]
_OF_ONE: dict[str, Callable[[str], float]] = {
    "len": len,
    "int": lambda text: float(int(text)),
    "float": float,
}


def of_each(op: str, codes: Floats, declared: DeclaredColumns) -> tuple[Floats, NDArray[np.bool_]]:
    """Return ``len``, ``int`` or ``float`` of texts, and where it raises.

    Parameters
    ----------
    op
        Which.
    codes
        The numbers that they travel as; whatever is none gives anything.
    declared
        Whose texts they are.
    """
    return _by_text(codes, [declared], lambda texts: _OF_ONE[op](texts[0]))


def within(
    first: tuple[Floats, DeclaredColumns | str], second: tuple[Floats, DeclaredColumns | str]
) -> Floats:
    """Return where a text stands inside of another.

    Parameters
    ----------
    first, second
        The numbers that they travel as, with whose they are, or a text that is written out.
    """
    pairs = np.stack(np.broadcast_arrays(np.atleast_1d(first[0]), np.atleast_1d(second[0])))
    found, _ = _by_text(pairs, [first[1], second[1]], lambda texts: float(texts[0] in texts[1]))
    return found


def _by_text(
    codes: Floats,
    whose: Sequence[DeclaredColumns | str],
    function: Callable[[tuple[str, ...]], float],
) -> tuple[Floats, NDArray[np.bool_]]:
    # A column has few texts: each combination of them is asked about once.
    rows = np.atleast_2d(codes)
    distinct, places = np.unique(rows, axis=1, return_inverse=True)
    values, wrong = np.zeros(distinct.shape[1]), np.zeros(distinct.shape[1], np.bool_)
    for place in range(distinct.shape[1]):
        texts = [_text(code, of) for code, of in zip(distinct[:, place], whose, strict=True)]
        if None in texts:
            continue
        try:
            values[place] = function(tuple(str(text) for text in texts))
        except (ValueError, OverflowError):
            wrong[place] = True
    return values[places.reshape(-1)], wrong[places.reshape(-1)]


def _text(code: float, whose: DeclaredColumns | str) -> str | None:
    if isinstance(whose, str):
        return whose
    return whose.text(code) if whose.has(code) else None


__all__ = ["NO_COLUMNS", "DeclaredColumns", "of_each", "within"]
