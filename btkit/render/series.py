"""Arrays made ready for drawing: thinned only when huge, and packed tightly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

DISPLAY_LIMIT = 20_000
"""Of more bars than this only some are drawn."""

DRAWN = 10_000
"""How many then; on a screen they stand closer than its pixels."""


def floats(values: npt.ArrayLike) -> Floats:
    """Return values as float64, shape as given."""
    return np.asarray(values, dtype=np.float64)


def display_rows(*lines: Floats, limit: int = DISPLAY_LIMIT) -> npt.NDArray[np.int64]:
    """Return the rows to draw: all, or the extremes of equal slices when there are too many.

    Parameters
    ----------
    lines
        What the lines of a figure show, each of shape (n_bars,).
    limit
        How many rows may be drawn whole.

    Returns
    -------
    ndarray of int64
        Row numbers in order. First and last row are always drawn, and no high or low of a slice
        of any line is lost. At most `DRAWN`, and no more than `limit`.
    """
    total = len(lines[0])
    if total <= limit:
        return np.arange(total)
    from tsdownsample import MinMaxDownsampler  # noqa: PLC0415 - only for charts this large

    each = (min(limit, DRAWN) - 2) // len(lines) // 2 * 2
    kept = [
        MinMaxDownsampler().downsample(np.ascontiguousarray(line), n_out=each) for line in lines
    ]
    return np.unique(np.concatenate([*kept, [0, total - 1]]).astype(np.int64))


def thinned_note(drawn: int, bars: int) -> str:
    """Return the sentence that a chart with fewer points than bars says, or nothing."""
    if drawn == bars:
        return ""
    return (
        f" Drawn with {drawn:,} of {bars:,} bars, highs and lows kept; all numbers use every bar."
    )


def compact(values: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return display values as 32-bit floats: seven significant digits in half the space."""
    return np.asarray(values, dtype=np.float32)


def milliseconds(times: pd.DatetimeIndex) -> Floats:
    """Return times as milliseconds since 1970, which plotly packs tightly and reads as UTC."""
    naive = times.tz_convert(None) if times.tz is not None else times
    return naive.to_numpy(dtype="datetime64[ms]").astype(np.int64).astype(np.float64)
