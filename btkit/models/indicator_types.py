"""The indicator types of v3 strategies, by every spelling that they have there.

Types, parameters with their bounds and defaults, and outputs are those of the system whose models
these are (read in its public code, April 2026).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from btkit.models.indicator_parameters import IndicatorType
from btkit.models.momentum_types import MOMENTUM_TYPES, VOLUME_TYPES
from btkit.models.trend_types import TREND_TYPES

INDICATOR_TYPES: Final[Mapping[str, IndicatorType]] = {
    kind.name: kind for kind in (*TREND_TYPES, *MOMENTUM_TYPES, *VOLUME_TYPES)
}
"""Every type that can be computed, by name."""

WITHOUT_VALUES: Final[Mapping[str, str]] = {
    "zigzag": "its points are set with the bars that come after them",
    "supertrend": "the system that it comes from computes no value of it: its bands never start",
}
"""Types of the other system that no model can have been trained on, and why."""

_BY_SPELLING: Final = {
    spelling: kind
    for kind in INDICATOR_TYPES.values()
    for spelling in (kind.name, *kind.other_names)
}


def plain_type(text: str) -> str:
    """Return a type's spelling without what the other system does not mind: case and underscores.

    Parameters
    ----------
    text
        As a strategy writes it, such as ``RSI`` or ``williams_r``.

    Examples
    --------
    >>> plain_type("Williams_R"), plain_type("RSIIndicator")
    ('williamsr', 'rsi')
    """
    return text.lower().replace("_", "").removesuffix("indicator")


def indicator_type(text: str) -> IndicatorType | None:
    """Return the type that a strategy names, or None if none is known.

    Parameters
    ----------
    text
        As a strategy writes it.

    Examples
    --------
    >>> indicator_type("BollingerBands").name
    'bbands'
    """
    return _BY_SPELLING.get(plain_type(text))
