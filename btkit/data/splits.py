"""Splits that prices are not adjusted for: SEMANTICS 1.4."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.data.info import Finding, finding, format_times
from btkit.errors import DataError

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

SPLIT_CODE: Final = "split_like_jump"
# What adj_close / close steps by at a split; a dividend steps by less.
STATED_RATIOS: Final = np.log([5 / 4, 4 / 3, 3 / 2, 2.0, 3.0, 4.0, 5.0, 10.0, 20.0])
STATED_TOLERANCE: Final = 0.005
LEAST_STEP: Final = 5 / 4 * (1.0 - STATED_TOLERANCE)
EXACT: Final = 1e-6
# Jumps of the price alone: by 3 for 2 and whole numbers, whatever the day was like.
THREE_FOR_TWO: Final = 1.5
WHOLE_SPLITS: Final = (2.0, 100.0)
JUMP_TOLERANCE: Final = 0.03
LEAST_JUMP: Final = np.log(THREE_FOR_TWO * (1.0 - JUMP_TOLERANCE))
# A fifth or a quarter is also what a stock loses over night on bad news. That night's day is wild
# and its volume many times the usual; the day of a split is a day like those around it.
SMALL_SPLITS: Final = np.log([5 / 4, 4 / 3])
LEAST_SMALL_JUMP: Final = SMALL_SPLITS[0] - JUMP_TOLERANCE
LEAST_TOLERANCE: Final = 0.005
USUAL_NIGHTS: Final = 4.0
USUAL_RANGES: Final = 2.5
USUAL_VOLUMES: Final = 3.0
NEIGHBOURS: Final = 20


def split_ratios(bars: pd.DataFrame) -> Array:
    """Return how many shares one becomes at each bar's open, 1 where there is no split.

    Sources write 2 for a two-for-one split, 0.1 for a reverse split of ten; 0, 1 and NaN for none.
    """
    ratios = told_column(
        bars, "splits", "write 2 for a two-for-one split, 0.1 for one share for ten, and 0 for none"
    )
    return np.where(ratios == 0.0, 1.0, ratios)


def told_column(bars: pd.DataFrame, name: str, hint: str) -> Array:
    """Return a column in which a source tells of some days, 0 on all others.

    Parameters
    ----------
    bars
        With that column; NaN there is 0, too.
    name, hint
        Its name, and what to write into it.

    Raises
    ------
    DataError
        If some of it is negative or infinite.
    """
    told = bars[name].to_numpy(dtype=np.float64)
    broken = (told < 0.0) | np.isinf(told)
    if broken.any():
        dates = format_times(pd.DatetimeIndex(bars.index[broken]))
        raise DataError(
            f"{name} is negative or infinite on {int(broken.sum())} bars, the first {dates[0]}",
            hint=hint,
            details={"column": name, "dates": dates, "count": int(broken.sum())},
        )
    return np.where(np.isnan(told), 0.0, told)


def find_splits(bars: pd.DataFrame) -> list[Finding]:
    """Look for splits that the prices are not adjusted for; ``split_like_jump``, at most twice.

    First the splits that the source tells: in a column ``splits``, where the price is nearer to
    the split than to none; else by a step of adj_close / close within 0.5 % of 5/4, 4/3, 3/2, 2,
    3, 4, 5, 10, 20 or an inverse, unless a column ``dividends`` has a dividend on that bar. Then
    other jumps: the open over the close before within 3 % of 3/2, of a whole number from 2 to
    100, or of an inverse; and near 5/4, 4/3 or an inverse, where night, range and volume are
    otherwise usual and neither splits nor adj_close contradicts.
    """
    jumps = np.log(bars["open"].to_numpy()[1:] / bars["close"].to_numpy()[:-1])
    stated = _stated(bars, jumps)
    found = []
    if len(stated):
        remedy = "splits" if "splits" in bars else "splits_dividends"
        message = (
            "The source tells stock splits that its prices are not adjusted for; "
            f"price_adjustment: {remedy} in the spec adjusts them."
        )
        found.append(finding(SPLIT_CODE, message, bars.index[stated]))
    alone = _jumps(bars, jumps)
    if len(stated):
        alone = alone[~np.isin(alone, stated)]
    if len(alone):
        message = (
            "The open differs from the close before by a ratio near that of a stock split; "
            "prices may not be adjusted for it. With a source that has adj_close, "
            "price_adjustment: splits_dividends in the spec adjusts them."
        )
        found.append(finding(SPLIT_CODE, message, bars.index[alone]))
    return found


def shown_splits(bars: pd.DataFrame) -> Places:
    """Return the bars at whose open the price jumps by a split that the source tells.

    Parameters
    ----------
    bars
        Checked bars.

    Returns
    -------
    ndarray of int64
        Places of bars at which the price is nearer to the split than to none.
    """
    jumps = np.log(bars["open"].to_numpy()[1:] / bars["close"].to_numpy()[:-1])
    told = _stated(bars, jumps)
    if "splits" in bars or not len(told):
        return told
    steps = np.log(_adjustment_steps(bars)[told - 1])
    shown: Places = told[np.abs(jumps[told - 1] + steps) < np.abs(jumps[told - 1])]
    return shown


def judge_splits_again(findings: list[Finding], bars: pd.DataFrame) -> list[Finding]:
    """Replace the splits among findings by those that bars have now.

    Adjusted prices do not jump where a split was, so a jump that was found before the adjustment
    and is explained by it no longer has to be reported.

    Parameters
    ----------
    findings
        What `check_bars` found.
    bars
        The same bars after `adjust_prices`.

    Returns
    -------
    list of Finding
        A new list; findings of other kinds are kept as they are.
    """
    others = [found for found in findings if found.code != SPLIT_CODE]
    return [*others, *find_splits(bars)]


def _stated(bars: pd.DataFrame, jumps: Array) -> Places:
    if "splits" in bars:
        steps = np.log(split_ratios(bars)[1:])
        # Many sources adjust their prices for the splits that they tell.
        unadjusted = np.abs(jumps + steps) < np.abs(jumps)
        return np.flatnonzero((steps != 0.0) & unadjusted) + 1
    steps = _adjustment_steps(bars)
    large = np.flatnonzero((steps >= LEAST_STEP) | (steps <= 1.0 / LEAST_STEP))
    # Where adj_close is 0 or below there is no telling.
    large = large[(steps[large] > 0.0) & np.isfinite(steps[large])]
    if not len(large):
        return large
    distances = np.abs(np.abs(np.log(steps[large]))[:, None] - STATED_RATIOS)
    near: Places = large[distances.min(axis=1) <= STATED_TOLERANCE] + 1
    if "dividends" in bars:
        near = near[~(bars["dividends"].to_numpy(dtype=np.float64)[near] > 0.0)]
    return near


def _adjustment_steps(bars: pd.DataFrame) -> Array:
    """Return what adj_close / close changes by from bar to bar, NaN where it is not known."""
    if "adj_close" not in bars:
        return np.array([])
    factors: Array = bars["adj_close"].to_numpy() / bars["close"].to_numpy()
    with np.errstate(invalid="ignore", divide="ignore"):
        steps: Array = factors[1:] / factors[:-1]
    return steps


def _jumps(bars: pd.DataFrame, jumps: Array) -> Places:
    sizes = np.abs(jumps)
    candidates = np.flatnonzero(sizes >= LEAST_SMALL_JUMP)
    if not len(candidates):
        return candidates
    ratios = np.exp(sizes[candidates])
    splits = (
        np.full_like(ratios, THREE_FOR_TWO),
        np.clip(np.floor(ratios), *WHOLE_SPLITS),
        np.clip(np.ceil(ratios), *WHOLE_SPLITS),
    )
    distances = np.minimum.reduce([np.abs(ratios / split - 1.0) for split in splits])
    near = (distances <= JUMP_TOLERANCE) & (sizes[candidates] >= LEAST_JUMP)
    # A source that tells splits or dividends would have stated such a split.
    if "splits" not in bars and not (np.abs(_adjustment_steps(bars) - 1.0) > EXACT).any():
        near |= [_is_small_split(bars, jumps, int(place)) for place in candidates]
    found: Places = candidates[near] + 1
    return found


def _is_small_split(bars: pd.DataFrame, jumps: Array, place: int) -> bool:
    """Return whether a bar is like its neighbours, a split of 5 or 4 for one less apart."""
    first, last = max(0, place - NEIGHBOURS), place + 1 + NEIGHBOURS
    nights = np.abs(np.delete(jumps[first:last], place - first))
    near = bars.iloc[first : last + 1]
    ranges = np.log(near["high"].to_numpy() / near["low"].to_numpy())
    volumes = near["volume"].to_numpy()
    here = place + 1 - first
    if not len(nights):
        return False
    allowed = min(max(USUAL_NIGHTS * float(np.median(nights)), LEAST_TOLERANCE), JUMP_TOLERANCE)
    return bool(
        np.abs(abs(jumps[place]) - SMALL_SPLITS).min() <= allowed
        and ranges[here] <= USUAL_RANGES * np.median(np.delete(ranges, here))
        and volumes[here] <= USUAL_VOLUMES * np.median(np.delete(volumes, here))
    )
