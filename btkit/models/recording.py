"""Write the files of a bundle, and see that they are read as they were meant."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.errors import BundleError
from btkit.models.calibration import fit_temperature
from btkit.models.comparing import compare
from btkit.models.definition import StrategyDefinition
from btkit.models.examining import examine
from btkit.models.findings import refused_bundle
from btkit.models.folder import MODEL_FILES
from btkit.models.forward import Network
from btkit.models.manifest import (
    MANIFEST,
    Calibration,
    Conversion,
    Manifest,
    hash_features,
    measure_ranges,
)
from btkit.models.metadata import CONFIG, FEATURES, METADATA, OutputType
from btkit.models.outputs import Outputs, Stated
from btkit.models.trained_models import TrainedModel
from btkit.spelling import count_of
from btkit.writing import write_whole

# What decides numbers; those that are not installed took no part.
_PROGRAMS = ("btkit", "numpy", "torch", "scikit-learn", "skl2onnx", "onnx")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Record:
    """All that is written of a trained model, as `save_bundle` is told it."""

    definition: StrategyDefinition
    model: TrainedModel
    outputs: Outputs
    output_type: OutputType
    rows: Floats
    span: tuple[pd.Timestamp | None, pd.Timestamp | None]
    rows_until: pd.Timestamp | None
    label: dict[str, Any] | None
    horizon: int | None
    calibration: tuple[Floats, list[object]] | None
    seed: int | None
    metrics: dict[str, Any]
    created_at: str


def write_bundle(folder: Path, record: Record, *, place: Path) -> None:
    """Write a bundle into a folder that is not there yet.

    Parameters
    ----------
    folder
        Where to.
    record
        What to write.
    place
        What messages call the folder.

    Raises
    ------
    BundleError
        If what is written answers otherwise than the model, or cannot be written down.
    """
    folder.mkdir()
    network, conversion = _write_model(folder, record)
    calibration = _calibrate(network, record)
    outputs = record.outputs
    if calibration is not None:
        outputs = replace(outputs, temperature=calibration.temperature)
    names = list(record.definition.plan.names)
    documents = {
        METADATA: _metadata(record, outputs),
        CONFIG: _config(record),
        FEATURES: {"feature_count": len(names)},
    }
    for name, values in documents.items():
        _write_json(folder / name, values)
    manifest = _manifest(folder, record, outputs, calibration, conversion)
    _write_json(folder / MANIFEST, manifest.model_dump(mode="json"))
    examined = examine(folder, Stated())
    if examined.bundle is None:
        raise refused_bundle(place, examined.findings.documents())


def _write_model(folder: Path, record: Record) -> tuple[Network, Conversion | None]:
    model = record.model
    refused: BundleError | None = None
    for attempt in range(model.attempts):
        try:
            network = model.write(folder, record.rows, attempt=attempt)
            return network, _compared(network, record)
        except BundleError as error:
            refused = refused or error
    assert refused is not None
    raise refused


def _compared(network: Network, record: Record) -> Conversion | None:
    features, outputs = record.rows.shape[1], record.outputs.count
    if (network.inputs, network.outputs) != (features, outputs):
        raise BundleError(
            f"The network takes {count_of(network.inputs, 'feature')} and has "
            f"{count_of(network.outputs, 'output')}; the strategy gives "
            f"{count_of(features, 'feature')}, and its output_type {count_of(outputs, 'output')}.",
            hint="Give the strategy and the output_classes that it was trained with.",
        )
    answers = record.model.answers(record.rows)
    if answers is None:
        return None
    saved = network.forward(record.rows)
    return compare(
        saved[len(saved) - len(answers) :],
        answers,
        meaning=record.outputs,
        settings=record.definition.settings,
        tolerance=record.model.tolerance,
        source=record.model.source,
    )


def _calibrate(network: Network, record: Record) -> Calibration | None:
    if record.calibration is None:
        return None
    if record.outputs.classes is None or record.outputs.activation != "logits":
        raise BundleError(
            "There are no logits to calibrate: the model answers with "
            f"{record.outputs.activation or 'one number'}.",
            hint="Calibrate an estimator with CalibratedClassifierCV before it is saved.",
        )
    rows, labels = record.calibration
    return fit_temperature(network.forward(rows), labels, record.outputs.classes)


def _metadata(record: Record, outputs: Outputs) -> dict[str, Any]:
    definition = record.definition
    stated = {
        "output_classes": list(outputs.classes) if outputs.classes else None,
        "output_activation": outputs.activation,
        "temperature": outputs.temperature if outputs.temperature != 1.0 else None,
        **dict(zip(("trained_from", "trained_until"), map(_time, record.span), strict=True)),
        "label_horizon_bars": record.horizon,
    }
    return {
        "model_name": definition.name,
        "strategy_name": definition.name,
        "created_at": record.created_at,
        "strategy_version": "3.0",
        "indicators": definition.parts.get("indicators", {}),
        "fuzzy_sets": definition.parts.get("fuzzy_sets", {}),
        "nn_inputs": definition.parts.get("nn_inputs", []),
        "resolved_features": list(definition.plan.names),
        "training_symbols": definition.symbols,
        "training_timeframes": definition.timeframes,
        "training_metrics": record.metrics,
        "output_type": record.output_type,
        **record.model.metadata,
        "normalization_params": definition.parts["normalization_params"],
        **{name: value for name, value in stated.items() if value is not None},
    }


def _config(record: Record) -> dict[str, Any]:
    definition = record.definition
    section = record.model.section
    return {
        "name": definition.name,
        "version": "3.0",
        **({} if section is None else {"model": section}),
        "decisions": definition.decisions,
        "training_data": definition.training_data,
    }


def _manifest(
    folder: Path,
    record: Record,
    outputs: Outputs,
    calibration: Calibration | None,
    conversion: Conversion | None,
) -> Manifest:
    plan = record.definition.plan
    written = (METADATA, CONFIG, FEATURES, *MODEL_FILES)
    contents = {name: folder / name for name in written if (folder / name).exists()}
    first, until = map(_time, record.span)
    return Manifest(
        format=1,
        model_file=record.model.file,
        files={
            name: hashlib.sha256(place.read_bytes()).hexdigest() for name, place in contents.items()
        },
        features_sha256=hash_features(plan.names, plan.formulas),
        formulas=dict(zip(plan.names, plan.formulas, strict=True)),
        output_classes=list(outputs.classes) if outputs.classes else None,
        output_activation=outputs.activation,
        trained_from=first,
        trained_until=until,
        rows_until=_time(record.rows_until),
        label_horizon_bars=record.horizon,
        label=record.label,
        ranges=measure_ranges(plan.names, record.rows),
        calibration=calibration,
        conversion=conversion,
        seed=record.seed,
        versions={"python": platform.python_version(), **_versions()},
    )


def _versions() -> dict[str, str]:
    found = {}
    for name in _PROGRAMS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _time(moment: pd.Timestamp | None) -> str | None:
    if moment is None:
        return None
    return moment.isoformat() if moment.tz is not None else moment.date().isoformat()


def _write_json(path: Path, values: dict[str, Any]) -> None:
    try:
        text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
        write_whole(path, f"{text}\n")
    except (TypeError, ValueError, RecursionError) as error:
        raise BundleError(
            f"{path.name} cannot be written as JSON: {error}",
            hint="Strategy, decisions, label and metrics hold texts, numbers, lists and mappings.",
        ) from error
