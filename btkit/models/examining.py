"""Whether a folder is a bundle that can be trusted, and every reason why it is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from btkit.errors import BtkitError
from btkit.models.architecture import describe_network, examine_stated, stated_layers
from btkit.models.bundle import Bundle
from btkit.models.consistency import (
    check_count,
    check_files,
    choose_model,
    listed,
)
from btkit.models.decided import examine_decisions, settings_of
from btkit.models.features import FeaturePlan
from btkit.models.findings import AS_SAVED, BundleFindings
from btkit.models.folder import ONNX, BundleFolder, read_folder
from btkit.models.forward import Network
from btkit.models.manifest import MANIFEST, Manifest, hash_bundle, hash_features
from btkit.models.metadata import (
    CONFIG,
    FEATURES,
    METADATA,
    BundleMetadata,
    FeatureCount,
    TrainedConfig,
)
from btkit.models.networks import network_of
from btkit.models.onnx_network import OnnxNetwork
from btkit.models.outputs import Outputs, Stated, examine_outputs
from btkit.models.planning import plan_features
from btkit.models.tensors import Tensors, read_tensors
from btkit.models.training import TrainingSpan, examine_timeframes, examine_training
from btkit.spelling import count_of


@dataclass(frozen=True)
class Examined:
    """What was found in a folder.

    Parameters
    ----------
    folder
        Its files.
    findings
        Why it is refused, and what its user has to know.
    metadata, config, manifest
        What its files say, None where they are missing or refused.
    timeframes, features, outputs, training, architecture
        What comes of that, None where it is refused.
    decisions
        The settings of decisions that are stated, by name.
    bundle
        None if it is refused.
    """

    folder: BundleFolder
    findings: BundleFindings
    metadata: BundleMetadata | None = None
    config: TrainedConfig | None = None
    manifest: Manifest | None = None
    timeframes: tuple[str, ...] | None = None
    features: FeaturePlan | None = None
    outputs: Outputs | None = None
    training: TrainingSpan | None = None
    architecture: str | None = None
    decisions: Mapping[str, float | bool] = field(default_factory=dict)
    bundle: Bundle | None = None

    @property
    def hash(self) -> str:
        """SHA-256 over the files and the formulas, as far as they can be read."""
        files = {name: found.sha256 for name, found in self.folder.files.items()}
        plan = self.features
        return hash_bundle(files, hash_features(plan.names, plan.formulas) if plan else "")


def examine(path: Path, stated: Stated) -> Examined:
    """Look at everything that a bundle says, and at its weights.

    Parameters
    ----------
    path
        Of its folder.
    stated
        What is said from outside of it.
    """
    findings = BundleFindings()
    folder = read_folder(path, findings)
    metadata = folder.document(METADATA, BundleMetadata, findings)
    config = folder.document(CONFIG, TrainedConfig, findings)
    manifest = folder.document(MANIFEST, Manifest, findings)
    counted = folder.document(FEATURES, FeatureCount, findings)
    known = Examined(folder, findings, metadata, config, manifest)
    if manifest is not None:
        check_files(folder, manifest, findings)
    model_file = choose_model(folder, manifest, findings)
    tensors = _tensors(folder, model_file, findings)
    if metadata is None:
        return known
    check_count(metadata, counted, findings)
    decisions = examine_decisions(metadata, config, findings)
    timeframes = examine_timeframes(metadata, config, findings)
    outputs = examine_outputs(
        metadata,
        manifest,
        stated,
        configured=decisions[CONFIG].output_classes if CONFIG in decisions else None,
        is_onnx=model_file == ONNX,
        findings=findings,
    )
    features = None if timeframes is None else examine_features(metadata, findings)
    if features is not None and manifest is not None:
        _check_formulas(features, manifest, findings)
    training = None
    if timeframes is not None:
        training = examine_training(metadata, manifest, interval=timeframes[0], findings=findings)
    known = replace(
        known,
        timeframes=timeframes,
        features=features,
        outputs=outputs,
        training=training,
        decisions=settings_of(decisions),
    )
    network = _onnx(known) if model_file == ONNX else _network(known, tensors)
    if network is None:
        return known
    known = replace(known, architecture=network[1])
    _check_sizes(known, network[0])
    return replace(known, bundle=_bundle(known, network[0]))


def _bundle(known: Examined, network: Network) -> Bundle | None:
    features, outputs, training = known.features, known.outputs, known.training
    metadata, manifest, findings = known.metadata, known.manifest, known.findings
    assert metadata is not None
    if findings.problems or not (features and outputs and training):
        return None
    assert known.timeframes is not None
    assert known.architecture is not None
    return Bundle(
        path=known.folder.path,
        hash=known.hash,
        name=metadata.strategy_name,
        symbols=tuple(metadata.training_symbols),
        timeframes=known.timeframes,
        features=features,
        network=network,
        architecture=known.architecture,
        output_type=metadata.output_type,
        classes=outputs.classes,
        activation=outputs.activation,
        temperature=outputs.temperature,
        trained_from=training.first,
        trained_until=training.until,
        rows_until=training.rows_until,
        label_horizon=training.horizon,
        label=manifest.label if manifest else None,
        ranges=manifest.ranges if manifest else {},
        decisions=known.decisions,
        conversion=manifest.conversion if manifest else None,
        seed=manifest.seed if manifest else None,
        versions=manifest.versions if manifest else {},
        warnings=tuple(findings.warnings),
    )


def examine_features(metadata: BundleMetadata, findings: BundleFindings) -> FeaturePlan | None:
    """Return what a bundle's features are; None if they are refused.

    Parameters
    ----------
    metadata
        Of the bundle.
    findings
        Takes reasons to refuse it, and what its user has to know.
    """
    try:
        plan = plan_features(metadata.model_dump())
    except BtkitError as error:
        findings.refuse_for(METADATA, error)
        return None
    for note in plan.notes:
        findings.warn("features", note)
    return plan


def _check_formulas(plan: FeaturePlan, manifest: Manifest, findings: BundleFindings) -> None:
    if hash_features(plan.names, plan.formulas) == manifest.features_sha256:
        return
    changed = [
        name
        for name, formula in zip(plan.names, plan.formulas, strict=True)
        if manifest.formulas.get(name) != formula
    ]
    findings.refuse(
        MANIFEST,
        "Its features are worked out otherwise here than where it was trained: "
        f"{listed(changed) if changed else 'their order differs'}.",
        "Train it again with this version of btkit, or load it with the one that saved it.",
        "features_sha256",
    )


def _tensors(
    folder: BundleFolder, model_file: str | None, findings: BundleFindings
) -> Tensors | None:
    if model_file in {None, ONNX}:
        return None
    assert model_file is not None
    try:
        return read_tensors(folder.path / model_file, folder.models[model_file])
    except BtkitError as error:
        findings.refuse_for(model_file, error)
        return None


def _network(known: Examined, tensors: Tensors | None) -> tuple[Network, str] | None:
    assert known.metadata is not None
    stated = examine_stated(known.metadata, known.config, known.findings)
    if stated is None or tensors is None:
        return None
    try:
        network = network_of(
            tensors,
            model_type=stated.type,
            activation=stated.activation,
            sequence_length=stated.sequence_length,
            hidden=stated_layers(stated, tensors),
        )
    except BtkitError as error:
        known.findings.refuse_for("weights", error)
        return None
    return network, describe_network(tensors, stated)


def _onnx(known: Examined) -> tuple[Network, str] | None:
    try:
        network = OnnxNetwork(known.folder.path / ONNX, known.folder.models[ONNX])
    except BtkitError as error:
        known.findings.refuse_for(ONNX, error)
        return None
    source = known.manifest.conversion if known.manifest else None
    made_of = f" of {source.source}" if source else ""
    inputs, outputs = count_of(network.inputs, "feature"), count_of(network.outputs, "output")
    return network, f"ONNX{made_of}, {inputs}, {outputs}"


def _check_sizes(known: Examined, network: Network) -> None:
    metadata = known.metadata
    assert metadata is not None
    features = len(metadata.resolved_features)
    if network.inputs != features:
        known.findings.refuse(
            METADATA,
            f"It lists {count_of(features, 'feature')}, and the network takes {network.inputs:,}.",
            AS_SAVED,
            "resolved_features",
        )
    if known.outputs is not None and network.outputs != known.outputs.count:
        wanted = count_of(known.outputs.count, "output")
        known.findings.refuse(
            METADATA,
            f"A {metadata.output_type} of this kind has {wanted}, and the network "
            f"{network.outputs:,}.",
            "Say which output_type and output_classes it was trained with.",
            "output_type",
        )
