"""Whether what was saved answers as what was trained does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from btkit.errors import BundleError
from btkit.models.manifest import Conversion
from btkit.models.outputs import Outputs, class_probabilities
from btkit.models.strategy_settings import StrategyDecisions

Floats = NDArray[np.float64]


def compare(
    saved: Floats,
    trained: Floats,
    *,
    meaning: Outputs,
    settings: StrategyDecisions,
    tolerance: float,
    source: str,
) -> Conversion:
    """Compare the answers of a saved model with those of the trained one.

    Parameters
    ----------
    saved, trained
        Outputs for the same rows, shape (n_rows, n_outputs).
    meaning
        What outputs mean.
    settings
        By which they are decided on.
    tolerance
        The largest difference of an output.
    source
        What the trained model is called.

    Returns
    -------
    Conversion

    Raises
    ------
    BundleError
        If an output differs by more, or a decision is another one.
    """
    if saved.shape != trained.shape:
        raise BundleError(
            f"{source} gives {trained.shape[-1]} outputs a row, and what is saved "
            f"{saved.shape[-1]}.",
            hint="A classifier has one output a class, a regression one number.",
        )
    difference = float(np.abs(saved - trained).max(initial=0.0))
    if not difference <= tolerance:
        raise BundleError(
            f"What is saved answers otherwise than {source}: an output differs by "
            f"{difference:.3g}, and {tolerance:g} is allowed.",
            hint="Networks are layers with one activation between them and a linear head (no "
            "softmax, no normalisation layers); take another estimator, or scale in the pipeline.",
            details={"max_abs_difference": difference, "rows": len(saved)},
        )
    flipped = np.flatnonzero(
        _decide(saved, meaning, settings) != _decide(trained, meaning, settings)
    )
    if len(flipped):
        raise BundleError(
            f"What is saved decides otherwise than {source} in {len(flipped):,} of {len(saved):,} "
            f"rows, the first of them row {flipped[0]}.",
            hint="Its inputs lie on the edges of splits: round them, or train without splits that "
            "fall between neighbouring numbers.",
            details={"rows": flipped[:100].tolist(), "max_abs_difference": difference},
        )
    return Conversion(source=source, rows=len(saved), max_abs_difference=difference)


def _decide(outputs: Floats, meaning: Outputs, settings: StrategyDecisions) -> NDArray[np.int64]:
    if meaning.classes is None:
        edge = settings.round_trip_cost * settings.min_edge_multiplier
        return np.where(outputs[:, 0] > edge, 1, np.where(outputs[:, 0] < -edge, -1, 0))
    probabilities = class_probabilities(
        outputs, activation=meaning.activation, temperature=meaning.temperature
    )
    sure = probabilities.max(axis=1) >= settings.confidence_threshold
    return np.where(sure, probabilities.argmax(axis=1), -1)
