"""Bars with another future: cut off, or there and different."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from btkit.data.quality import PRICE_COLUMNS, REQUIRED_COLUMNS
from btkit.indicators import OTHER_WARMUP, EventDates
from btkit.simulation import Inputs

CUT_OFF = "cut off"
MISSING_BEFORE = "cut off, values being missing before it"
HALVED = "followed by a split that halves every earlier price"
# So many bars before the cut are without optional values in one of the checks: who fills them
# from behind needs the future for it.
_GAP = 3
_NEEDED = frozenset({*REQUIRED_COLUMNS, "adj_close", "splits", "dividends"})


def cut_off(inputs: Inputs, last: int) -> Inputs:
    """Return what was known at a bar's close.

    Parameters
    ----------
    inputs
        What a run rests on.
    last
        The bar's place.

    Returns
    -------
    Inputs
        With the bars up to it, those of other instruments that had closed by then, and of the
        user's events those that were known of or had happened.
    """
    known = np.datetime64(inputs.features.dates[last], "D")
    return replace(
        inputs,
        bars=inputs.bars.iloc[: last + 1],
        start=min(inputs.start, last),
        begin=min(inputs.begin, last),
        events={name: _known(dates, known) for name, dates in inputs.events.items()},
        others={
            symbol: replace(
                other,
                bars=other.bars.iloc[: inputs.known(symbol)[last] + 1],
                events={name: _known(dates, known) for name, dates in other.events.items()},
            )
            for symbol, other in inputs.others.items()
        },
        outputs={},
    )


def window(inputs: Inputs, first: int, last: int) -> Inputs:
    """Return what a run would rest on whose history begins and ends elsewhere.

    Parameters
    ----------
    inputs
        What a run rests on.
    first, last
        Its first bar, and the one after its last.
    """
    if first == 0 and last == len(inputs.bars):
        return inputs
    start = min(max(inputs.start - first, 0), last - first - 1)
    begin = max(inputs.begin - first, 0)
    return inputs.cut(first, last, start=start, begin=begin, outputs={})


def with_history(inputs: Inputs, begins: int) -> Inputs:
    """Return what a run would rest on whose own history begins at a bar.

    What comes before it stays where slower intervals read it, which see 600 bars of their own.
    """
    if inputs.slower_intervals:
        return replace(inputs, begin=begins, outputs={})
    return window(inputs, begins, len(inputs.bars))


def with_half_of_others(inputs: Inputs) -> Inputs:
    """Return a run's inputs with half of the earlier bars of other instruments that it sees."""
    others = {}
    for symbol, other in inputs.others.items():
        earlier = int(inputs.known(symbol)[inputs.start]) + 1
        left_out = earlier - min(earlier, OTHER_WARMUP) // 2
        others[symbol] = replace(other, bars=other.bars.iloc[left_out:])
    return replace(inputs, others=others, outputs={}) if others else inputs


def with_gap(inputs: Inputs, last: int) -> Inputs:
    """Return a run's inputs with optional values missing at a bar and just before it."""
    others = {
        symbol: replace(other, bars=_without_optional(other.bars, inputs.known(symbol)[last]))
        for symbol, other in inputs.others.items()
    }
    return replace(inputs, bars=_without_optional(inputs.bars, last), others=others, outputs={})


def _without_optional(bars: pd.DataFrame, last: int) -> pd.DataFrame:
    bars = bars.copy()
    rows = slice(max(last + 1 - _GAP, 0), last + 1)
    for name in optional_columns(bars):
        kept = np.ones(len(bars), np.bool_)
        kept[rows] = False
        bars[name] = bars[name].where(kept)
    return bars


def halved(inputs: Inputs, symbol: str | None = None) -> Inputs:
    """Return a run's inputs with every price halved, as a later split halves adjusted prices.

    A power of two changes no mantissa, so whatever is a ratio of prices stays the same to the bit.

    Parameters
    ----------
    inputs
        What a run rests on.
    symbol
        Whose prices, of the other instruments that conditions read; None for the run's own.
    """
    if symbol is None:
        return replace(inputs, bars=_at_half(inputs.bars), outputs={})
    other = inputs.others[symbol]
    others = {**inputs.others, symbol: replace(other, bars=_at_half(other.bars))}
    return replace(inputs, others=others, outputs={})


def _at_half(bars: pd.DataFrame) -> pd.DataFrame:
    bars = bars.copy()
    for name in PRICE_COLUMNS:
        bars[name] = bars[name].to_numpy(np.float64) * 0.5
    return bars


def _shuffled(later: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return later.iloc[rng.permutation(len(later))].set_axis(later.index, axis="index")


def _scaled(later: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    numbers = later.select_dtypes(np.float64)
    scaled = numbers.mul(np.exp(rng.normal(0.0, 1.0, len(later))), axis="index")
    return later.assign(**{str(name): scaled[name] for name in scaled})


def _flat(later: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    del rng
    first = float(later["open"].iloc[0])
    return later.assign(**dict.fromkeys(PRICE_COLUMNS, first), volume=0.0)


def _missing(later: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    del rng
    nowhere = np.zeros(len(later), np.bool_)
    return later.assign(**{name: later[name].where(nowhere) for name in optional_columns(later)})


ALTERATIONS: dict[str, Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]] = {
    "shuffled": _shuffled,
    "scaled at random": _scaled,
    "flat": _flat,
    "without any optional value": _missing,
}
"""What becomes of the bars after a cut, by what is said of it; the times stay as they are."""


def altered(inputs: Inputs, last: int, how: str, rng: np.random.Generator) -> Inputs:
    """Return a run's inputs with other bars after one of them.

    Parameters
    ----------
    inputs
        What a run rests on.
    last
        The last bar that stays, which is not the last of all.
    how
        One of `ALTERATIONS`.
    rng
        What is random of it is drawn from this.
    """
    others = {
        symbol: replace(other, bars=_altered(other.bars, inputs.known(symbol)[last], how, rng))
        for symbol, other in inputs.others.items()
    }
    return replace(inputs, bars=_altered(inputs.bars, last, how, rng), others=others, outputs={})


def _altered(bars: pd.DataFrame, last: int, how: str, rng: np.random.Generator) -> pd.DataFrame:
    known, later = bars.iloc[: last + 1], bars.iloc[last + 1 :]
    return pd.concat([known, ALTERATIONS[how](later, rng)]) if len(later) else bars


def _known(dates: EventDates, day: np.datetime64) -> EventDates:
    return replace(
        dates,
        days=dates.days[dates.days <= day],
        foreseen=tuple(one for one in dates.foreseen if one.since <= day),
    )


def optional_columns(bars: pd.DataFrame) -> list[str]:
    """Return the columns whose values may be missing, and come from elsewhere than the prices."""
    # What prices are adjusted with, and what an account is paid, has to be there.
    return [name for name in bars.columns if name not in _NEEDED]
