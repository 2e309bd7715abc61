"""What a bundle's network gives for each bar, worked out once for the same bundle and bars."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.conditions.compiled import sources_hash

if TYPE_CHECKING:
    from btkit.models.asked_bars import AskedBars
    from btkit.models.bundle import Bundle

MOST_BYTES = 64_000_000
"""How much of earlier predictions a process keeps."""
_ALIGNED = 1_024


class Prediction(NamedTuple):
    """What came out, and whether anything went in.

    Parameters
    ----------
    outputs
        float64 (n_bars, n_outputs): of the network; NaN before `first`.
    missing
        bool (n_bars,): where a feature of the row, or of its window, had no value.
    features
        float64 (n_bars, n_features): what went in.
    """

    outputs: NDArray[np.float64]
    missing: NDArray[np.bool_]
    features: NDArray[np.float64]


_kept: OrderedDict[str, Prediction] = OrderedDict()
_lock = Lock()


def predict(bundle: Bundle, asked: AskedBars, *, first: int = 0) -> Prediction:
    """Return what a bundle's network gives for each bar.

    What was worked out before, in this process, is returned again: it is known by the hashes of
    the bundle, of the bars and of btkit's code and by what of the bars may be seen, never by a
    name.

    Parameters
    ----------
    bundle
        Its features and its network.
    asked
        The bars.
    first
        The first bar that is asked for: what comes before may be left out.

    Returns
    -------
    Prediction
        Not to be written to.
    """
    seen = (asked.interval.label, asked.calendar, str(asked.start), str(asked.begin), str(first))
    key = "|".join((bundle.hash, hash_bars(asked.bars), *seen, _code()))
    with _lock:
        known = _kept.get(key)
        if known is not None:
            _kept.move_to_end(key)
            return known
    made = _predict(bundle, asked, first)
    for array in made:
        array.flags.writeable = False
    with _lock:
        _kept[key] = made
        while _kept and sum(map(_bytes, _kept.values())) > MOST_BYTES:
            _kept.popitem(last=False)
    return made


def hash_bars(bars: pd.DataFrame) -> str:
    """Return a fingerprint of all that bars hold: their times, and each column that is numeric.

    Parameters
    ----------
    bars
        By time.
    """
    index = pd.DatetimeIndex(bars.index)
    digest = hashlib.sha256(f"{len(bars)} {index.tz}".encode())
    digest.update(index.as_unit("ns").asi8.data)
    for name in bars.columns:
        column = bars[name]
        if pd.api.types.is_numeric_dtype(column.dtype):
            digest.update(str(name).encode())
            digest.update(np.ascontiguousarray(column, np.float64).data)
    return digest.hexdigest()


def _predict(bundle: Bundle, asked: AskedBars, first: int) -> Prediction:
    features = bundle.features.matrix(
        asked.bars, interval=asked.interval, calendar=asked.calendar, start=asked.start,
        begin=asked.begin,
    )  # fmt: skip
    network = bundle.network
    # A batch of ONNX's begins at a multiple of its size, by the first bar that is seen.
    earliest = max(asked.begin, first - network.window + 1)
    begin = earliest - (earliest - asked.begin) % _ALIGNED
    outputs = np.full((len(asked), network.outputs), np.nan)
    missing = np.zeros(len(asked), np.bool_)
    if begin < len(asked):
        rows = np.ascontiguousarray(features[begin:])
        outputs[begin:] = network.forward(rows)
        lacking = np.logical_or.reduce(~np.isfinite(rows), axis=1)
        missing[begin:] = _within(lacking, network.window)
    return Prediction(outputs, missing, features)


def _within(flags: NDArray[np.bool_], window: int) -> NDArray[np.bool_]:
    """Return where one of the last rows is flagged, or there are too few of them."""
    count = np.cumsum(flags)
    before = np.concatenate([np.zeros(min(window, len(flags)), count.dtype), count[:-window]])
    found: NDArray[np.bool_] = count > before
    found[: window - 1] = True
    return found


def _bytes(made: Prediction) -> int:
    return sum(array.nbytes for array in made)


@cache
def _code() -> str:
    return sources_hash("models", "indicators", "markets")
