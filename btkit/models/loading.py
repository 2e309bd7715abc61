"""Load a bundle, or say everything about it that can be said without loading it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel

from btkit.arguments import check_choice, is_text, refusal
from btkit.models.bundle import Bundle
from btkit.models.examining import Examined, examine, examine_features
from btkit.models.features import Feature, FeaturePlan
from btkit.models.findings import BundleFindings, refused_bundle
from btkit.models.folder import BundleFolder, read_files
from btkit.models.metadata import METADATA, Activation, BundleMetadata
from btkit.models.outputs import Stated, take_classes

_ACTIVATIONS: tuple[Activation, ...] = ("logits", "probabilities")


def load_bundle(
    path: str | Path,
    *,
    output_classes: Sequence[str] | None = None,
    output_activation: str | None = None,
) -> Bundle:
    """Load a trained model from its folder, checked from the checksums to the weights.

    Nothing in it is run: weights are read as numbers alone. PyTorch is not needed.

    Parameters
    ----------
    path
        Of the folder that holds ``metadata_v3.json`` and one of ``model.safetensors``,
        ``model.pt`` and ``model.onnx``, such as ``models/dip/SPX_1d``.
    output_classes
        What each output stands for, in their order, for a bundle that does not say it. One that
        says something else is refused.
    output_activation
        Likewise, whether its outputs are ``logits`` or ``probabilities``.

    Returns
    -------
    Bundle
        Its own repr is a small table.

    Raises
    ------
    BundleError
        If it cannot be trusted; ``details["problems"]`` has every reason.
    UsageError
        If an argument makes no sense.

    Examples
    --------
    >>> load_bundle("models/dip/SPX_1d").classes  # doctest: +SKIP
    ('BUY', 'SELL', 'HOLD')
    """
    examined = _examined(path, output_classes, output_activation)
    if examined.bundle is None:
        raise refused_bundle(examined.folder.path, examined.findings.documents())
    return examined.bundle


def inspect_bundle(
    path: str | Path,
    *,
    output_classes: Sequence[str] | None = None,
    output_activation: str | None = None,
) -> dict[str, Any]:
    """Return what a bundle is, and every reason why it would be refused.

    Parameters
    ----------
    path, output_classes, output_activation
        As for `load_bundle`.

    Returns
    -------
    dict
        Plain JSON values: ``usable``; ``problems``, each with path, pointer, message and hint;
        ``warnings``; and what could be read of it, None for what could not.

    Raises
    ------
    UsageError
        If an argument makes no sense; a folder that is no bundle is an answer.

    Examples
    --------
    >>> inspect_bundle("no such folder")["usable"]
    False
    """
    return document_of(_examined(path, output_classes, output_activation))


def read_features(path: str) -> FeaturePlan | None:
    """Return what a bundle's features are by its documents alone; nothing else is looked at.

    Parameters
    ----------
    path
        Of its folder.

    Returns
    -------
    FeaturePlan or None
        None where they do not say it: why, whoever loads the bundle is told.
    """
    folder, findings = BundleFolder(_folder(path)), BundleFindings()
    read_files(folder, (METADATA,), findings)
    metadata = folder.document(METADATA, BundleMetadata, findings)
    return None if metadata is None else examine_features(metadata, findings)


def document_of(examined: Examined) -> dict[str, Any]:
    """Return what was found in a folder as plain JSON values."""
    metadata, manifest, plan = examined.metadata, examined.manifest, examined.features
    outputs, training = examined.outputs, examined.training
    features = {feature.name: feature for feature in plan.features} if plan else {}
    findings, files = examined.findings, examined.folder.files
    return {
        "path": str(examined.folder.path),
        "usable": examined.bundle is not None,
        "problems": findings.documents(),
        "warnings": list(findings.warnings),
        "hash": examined.hash if files else None,
        "name": metadata.strategy_name if metadata else None,
        "symbols": list(metadata.training_symbols) if metadata else None,
        "timeframes": list(examined.timeframes) if examined.timeframes else None,
        "output_type": metadata.output_type if metadata else None,
        "output_classes": list(outputs.classes) if outputs and outputs.classes else None,
        "output_activation": outputs.activation if outputs else None,
        "temperature": outputs.temperature if outputs else None,
        "network": examined.architecture,
        "features": [
            _feature(name, features.get(name))
            for name in (metadata.resolved_features if metadata else ())
        ],
        "lookback_bars": plan.lookback if plan else None,
        "decisions": examined.decisions,
        "trained_from": _time(training.first) if training else None,
        "trained_until": _time(training.until) if training else None,
        "label_horizon_bars": training.horizon if training else None,
        "label": manifest.label if manifest else None,
        "ranges": {name: _one(part) for name, part in manifest.ranges.items()} if manifest else {},
        "calibration": _one(manifest.calibration) if manifest else None,
        "conversion": _one(manifest.conversion) if manifest else None,
        "seed": manifest.seed if manifest else None,
        "versions": manifest.versions if manifest else {},
        "files": [
            {"name": name, "bytes": found.size, "sha256": found.sha256}
            for name, found in files.items()
        ],
    }


def _examined(path: object, classes: object, activation: object) -> Examined:
    if not isinstance(path, str | os.PathLike) or not is_text(os.fspath(path)) or not str(path):
        raise refusal(
            path,
            "path",
            rule="the path of a bundle's folder",
            hint="Such as models/dip/SPX_1d.",
        )
    known = None if classes is None else take_classes(classes)
    return examine(_folder(path), Stated(known, _activation(activation)))


def _folder(path: str | os.PathLike[str]) -> Path:
    # Of a user who is not there it leaves the path as it is, where Path's own raises.
    return Path(os.path.expanduser(path))  # noqa: PTH111


def _activation(activation: object) -> Activation | None:
    if activation is None:
        return None
    return check_choice(
        activation, _ACTIVATIONS, name="output_activation", noun="output activation"
    )


def _feature(name: str, known: Feature | None) -> dict[str, str | None]:
    return {
        "name": name,
        "formula": None if known is None else known.formula,
        "description": None if known is None else known.description,
    }


def _time(moment: pd.Timestamp | None) -> str | None:
    if moment is None:
        return None
    return moment.isoformat() if moment.tz is not None else moment.date().isoformat()


def _one(part: BaseModel | None) -> dict[str, Any] | None:
    return None if part is None else part.model_dump(mode="json")
