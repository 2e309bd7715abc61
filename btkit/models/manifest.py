"""bundle.json: what makes sure that a bundle is the one that was trained, and how it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from btkit.models.metadata import (
    MAX_FEATURES,
    Activation,
    BundleDocument,
    Classes,
    Finite,
    Text,
    Whole,
)
from btkit.writing import digest_of_json

MANIFEST = "bundle.json"
"""The name of the file."""

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
"""Of each feature over the training rows, by linear interpolation."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Part(BundleDocument):
    # Nobody but btkit writes it.
    model_config = ConfigDict(extra="forbid")


class FeatureRange(_Part):
    """How a feature was distributed over the rows that a model was trained on.

    Parameters
    ----------
    min, max, mean, std
        Of the feature as the model takes it; `std` with n in the denominator.
    quantiles
        By their level as a text, such as ``"0.05"``.
    """

    min: Finite
    max: Finite
    mean: Finite
    std: Annotated[Finite, Field(ge=0)]
    quantiles: Annotated[dict[Text, Finite], Field(max_length=100)] = Field(default_factory=dict)


class Calibration(_Part):
    """What logits are divided by, and on how many rows that was found.

    Parameters
    ----------
    temperature
        Above 1 makes a model less sure of itself.
    rows
        That it was fitted on.
    log_loss, log_loss_before
        Mean negative logarithm of the probability of the class that came, with it and without.
    """

    temperature: Annotated[Finite, Field(gt=0, le=1_000_000)]
    rows: Whole
    log_loss: Finite
    log_loss_before: Finite


class Conversion(_Part):
    """How a model that was converted compares with the one that was trained.

    Parameters
    ----------
    source
        The class that was converted.
    rows
        On which both were compared.
    max_abs_difference
        The largest difference of one output.
    """

    source: Text
    rows: Whole
    max_abs_difference: Annotated[Finite, Field(ge=0)]


class Manifest(_Part):
    """bundle.json.

    Parameters
    ----------
    format
        Of this file.
    model_file
        Which of the files has the weights that are read.
    files
        SHA-256 of each file that is read.
    features_sha256
        Of the ordered features and their formulas; see `hash_features`.
    formulas
        By feature, in the model's order.
    output_classes, output_activation
        As in metadata_v3.json.
    trained_from, trained_until
        Times of the first and the last bar that training saw, in ISO 8601.
    rows_until
        Time of the last of the rows that it was saved with, None where they had no dates.
    label_horizon_bars
        Bars after which a label was known at the latest.
    label
        What the model learnt, so that it can be worked out again.
    ranges
        By feature.
    calibration, conversion, seed
        None where there was none.
    versions
        Of the programs that trained and saved it.
    """

    format: Literal[1]
    model_file: Text
    files: Annotated[dict[Text, Sha256], Field(max_length=100)]
    features_sha256: Sha256
    formulas: Annotated[dict[Text, str], Field(max_length=MAX_FEATURES)]
    output_classes: Classes | None = None
    output_activation: Activation | None = None
    trained_from: Text | None = None
    trained_until: Text | None = None
    rows_until: Text | None = None
    label_horizon_bars: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    label: dict[str, Any] | None = None
    ranges: Annotated[dict[Text, FeatureRange], Field(max_length=MAX_FEATURES)] = Field(
        default_factory=dict
    )
    calibration: Calibration | None = None
    conversion: Conversion | None = None
    seed: Whole | None = None
    versions: Annotated[dict[Text, Text], Field(max_length=100)] = Field(default_factory=dict)


def hash_features(names: Sequence[str], formulas: Sequence[str]) -> str:
    """Return the SHA-256 of ordered features and their formulas, in hexadecimal digits.

    Parameters
    ----------
    names, formulas
        In the model's order.
    """
    return digest_of_json([[name, formula] for name, formula in zip(names, formulas, strict=True)])


def hash_bundle(files: Mapping[str, str], features_sha256: str) -> str:
    """Return what tells a bundle from every other: the SHA-256 of its files and formulas.

    Parameters
    ----------
    files
        SHA-256 of each file that is read, by name.
    features_sha256
        As `hash_features` returns it.
    """
    return digest_of_json({"files": dict(files), "features": features_sha256})


def measure_ranges(names: Sequence[str], rows: NDArray[np.float64]) -> dict[str, FeatureRange]:
    """Return how each feature is distributed over training rows.

    Parameters
    ----------
    names
        Of the features.
    rows
        Shape (n_rows, n_features), finite, at least one row.
    """
    quantiles = np.quantile(rows, QUANTILES, axis=0)
    return {
        name: FeatureRange(
            min=float(column.min()),
            max=float(column.max()),
            mean=float(column.mean()),
            std=float(column.std()),
            quantiles={
                str(level): float(value)
                for level, value in zip(QUANTILES, quantiles[:, place], strict=True)
            },
        )
        for place, (name, column) in enumerate(zip(names, rows.T, strict=True))
    }
