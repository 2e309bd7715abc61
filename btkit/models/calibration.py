"""How sure of itself a model may be: the temperature that its logits are divided by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from btkit.arguments import quoted
from btkit.errors import BundleError
from btkit.models.manifest import Calibration
from btkit.models.outputs import class_probabilities

_COLDEST, _HOTTEST = 0.01, 100.0
_LEAST_ROWS = 10
_LEAST_PROBABILITY = 1e-300


def fit_temperature(
    logits: NDArray[np.float64], labels: Sequence[object], classes: Sequence[str]
) -> Calibration:
    """Return the temperature by which rows that training did not see are the least surprising.

    The mean negative logarithm of the probability of the class that came is the smallest
    (temperature scaling: Guo, Pleiss, Sun and Weinberger, 2017, "On Calibration of Modern Neural
    Networks"). It is convex in 1/T, so that there is one such temperature.

    Parameters
    ----------
    logits
        Outputs for each row, shape (n_rows, n_classes); rows of NaN are left out.
    labels
        The class that came, by name, shape (n_rows,).
    classes
        What each output stands for.

    Returns
    -------
    Calibration

    Raises
    ------
    BundleError
        If there are fewer than 10 rows, or a label is no class.

    Examples
    --------
    >>> sure = np.array([[4.0, 0.0], [0.0, 4.0]] * 10)
    >>> came = ["BUY", "SELL"] * 9 + ["SELL", "BUY"]
    >>> fit_temperature(sure, came, ["BUY", "SELL"]).temperature > 1
    True
    """
    from scipy.optimize import minimize_scalar  # noqa: PLC0415 - slow, and only to calibrate

    codes = _codes(labels, classes)
    if len(codes) != len(logits):
        raise BundleError(
            f"There are {len(logits):,} rows to calibrate on, and {len(codes):,} labels.",
            hint="Give one label a row, in the same order.",
        )
    known = np.isfinite(logits).all(axis=1)
    logits, codes = logits[known], codes[known]
    if len(codes) < _LEAST_ROWS:
        raise BundleError(
            f"There are {len(codes)} rows to calibrate on; at least {_LEAST_ROWS} are needed.",
            hint="Set a slice after the training rows aside for it, or leave calibration out.",
        )
    places = np.arange(len(codes))

    def loss(logarithm: float) -> float:
        probabilities = class_probabilities(
            logits, activation="logits", temperature=float(np.exp(logarithm))
        )
        chosen = np.maximum(probabilities[places, codes], _LEAST_PROBABILITY)
        return float(-np.log(chosen).mean())

    found = minimize_scalar(
        loss,
        bounds=(np.log(_COLDEST), np.log(_HOTTEST)),
        method="bounded",
        options={"xatol": 1e-10},
    )
    return Calibration(
        temperature=float(np.exp(found.x)),
        rows=len(codes),
        log_loss=float(found.fun),
        log_loss_before=loss(0.0),
    )


def _codes(labels: Sequence[object], classes: Sequence[str]) -> NDArray[np.int64]:
    places = {name: place for place, name in enumerate(classes)}
    named = [str(label) for label in labels]
    strange = sorted({name for name in named if name not in places})
    if strange:
        raise BundleError(
            f"The label {quoted(strange[0])} to calibrate on is none of the classes "
            f"{', '.join(classes)}.",
            hint="Give labels by the names that output_classes has.",
        )
    return np.array([places[name] for name in named], dtype=np.int64)
