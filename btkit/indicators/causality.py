"""Whether an indicator keeps its word: no look into the future, values from its lookback on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from btkit.errors import PluginError
from btkit.indicators.arrays import Array, Mask
from btkit.indicators.base import Definition
from btkit.indicators.features import FeatureSet

LENGTHS_CHECKED = (2, 37)
"""The members of a family that are checked."""
_SPARE_BARS = 400
_CUTS = (1, 2, 35, 250)
ROUNDING = 1e-9
"""What sums of another length may differ by, as a share of the largest value."""
_SEEDS = (20, 21)


def check_definition(definition: Definition) -> None:
    """Refuse an indicator that looks ahead, or whose lookback is not what it says.

    It is computed on made-up bars: twice, with the later bars cut off, and with other later bars.

    Parameters
    ----------
    definition
        Of a per-bar name.

    Raises
    ------
    PluginError
        If a value at a bar depends on later bars, differs from one time to the next, or comes
        before the bar that `lookback` names; or if the first one comes after it, and none is
        missing from then on.
    """
    entry = definition.indicator
    bars = _made_up(entry.lookback + _SPARE_BARS, _SEEDS[0])
    whole = _column(definition, bars)
    if not np.array_equal(whole, _column(definition, bars), equal_nan=True):
        raise PluginError(
            f"the indicator {entry.name!r} has other values each time on the same bars.",
            hint="A result has to come again: seed its random numbers, and keep no state between "
            "calls.",
            details={"name": entry.name},
        )
    others = _made_up(len(bars), _SEEDS[1])
    others[["open", "high", "low", "close"]] *= 1e4
    for cut in (*_CUTS, entry.lookback + 1, len(bars) - 1):
        _refuse_other(entry.name, whole, _column(definition, bars.iloc[:cut]), "without them")
        mixed = pd.concat([bars.iloc[:cut], others.iloc[cut:]])
        _refuse_other(entry.name, whole, _column(definition, mixed)[:cut], "with others")
    _check_lookback(entry.name, entry.lookback, np.isfinite(whole))


def _column(definition: Definition, bars: pd.DataFrame) -> Array:
    assert definition.compute is not None
    return definition.compute(FeatureSet(bars, bars_per_year=252.0))


def changed_bars(known: Array, again: Array, *, rounding: float = ROUNDING) -> Mask:
    """Return at which bars a column is another one when it is computed again.

    Parameters
    ----------
    known, again
        Shape (n_bars,); NaN equals NaN.
    rounding
        What a value may differ by, as a share of itself and of the largest one; 0 wants the same
        bits.

    Examples
    --------
    >>> changed_bars(np.array([np.nan, 1.0]), np.array([np.nan, 2.0]))
    array([False,  True])
    """
    same: Mask = (known == again) | ((known != known) & (again != again))  # noqa: PLR0124 - NaN alone
    if rounding and not same.all():
        largest = np.abs(known[np.isfinite(known)]).max(initial=0.0)
        same |= np.isclose(known, again, rtol=rounding, atol=rounding * largest)
    return ~same


def _refuse_other(name: str, whole: Array, part: Array, how: str) -> None:
    known = whole[: len(part)]
    changed = changed_bars(known, part)
    if changed.any():
        bar = int(np.argmax(changed))
        raise PluginError(
            f"the indicator {name!r} looks ahead: its value at bar {bar} is {known[bar]:.6g} with "
            f"the bars from {len(part)} on and {part[bar]:.6g} {how}.",
            hint="A value may rest on its own bar and earlier ones: no shift by a negative number, "
            "no centred window, no mean, scale or fit over all bars, no filling backwards.",
            details={"name": name, "bar": bar, "bars_before_the_cut": len(part)},
        )


def _check_lookback(name: str, lookback: int, present: Mask) -> None:
    first = int(present.argmax()) if present.any() else len(present)
    if first < lookback or (first > lookback and present[first:].all()):
        known = f"at bar {first}" if first < len(present) else "nowhere"
        raise PluginError(
            f"the indicator {name!r} has its first value {known}, and its lookback is {lookback}.",
            hint="lookback is the index, from 0, of the first bar with a value: correct it, or "
            "give NaN before it.",
            details={"name": name, "lookback": lookback, "first": first},
        )


def _made_up(count: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(rng.normal(0.0, 0.012, count).cumsum())
    opened = close * np.exp(rng.normal(0.0, 0.006, count))
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close) * (1 + rng.uniform(0.0, 0.01, count)),
            "low": np.minimum(opened, close) * (1 - rng.uniform(0.0, 0.01, count)),
            "close": close,
            "volume": rng.integers(1_000, 9_000, count).astype(np.float64),
            "iv_rank": rng.uniform(0.0, 100.0, count),
            "iv_percentile": rng.uniform(0.0, 100.0, count),
            "current_iv": rng.uniform(0.1, 0.4, count),
            "vix": rng.uniform(10.0, 40.0, count),
        },
        index=pd.bdate_range("2018-06-01", periods=count),
    )
