"""What kind of network a bundle states, held against the shapes of its weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from btkit.arguments import quoted
from btkit.errors import BtkitError
from btkit.models.findings import BundleFindings
from btkit.models.metadata import CONFIG, METADATA, BundleMetadata, ModelType, TrainedConfig
from btkit.models.strategy_settings import Architecture, StrategyModel, read_model
from btkit.models.tensors import Tensors

# Softmax after a linear head is what logits are for.
_LINEAR_HEADS = {None, "linear", "none", "identity", "softmax"}
_MATRIX = 2


@dataclass(frozen=True)
class StatedNetwork:
    """What a bundle states of its network.

    Parameters
    ----------
    type
        What kind it is.
    activation
        Between the layers of an MLP, None where nobody says it.
    sequence_length
        Rows that an LSTM or GRU reads; None for an MLP.
    architecture
        What else is said of it.
    """

    type: ModelType
    activation: str | None
    sequence_length: int | None
    architecture: Architecture


def examine_stated(
    metadata: BundleMetadata, config: TrainedConfig | None, findings: BundleFindings
) -> StatedNetwork | None:
    """Return what a bundle states of its network, None if that contradicts itself.

    Parameters
    ----------
    metadata, config
        Of the bundle.
    findings
        Takes reasons to refuse it.
    """
    before = len(findings.problems)
    section = config.network if config else None
    said = _read(section, findings)
    if len(findings.problems) > before:
        return None
    configured = said.type if said is not None and section and "type" in section else None
    kind = metadata.model_type or configured
    if kind is None:
        findings.refuse(
            METADATA,
            "It does not say what kind of network it has: MLP, LSTM and GRU are known.",
            f"Write model_type: mlp, lstm or gru into {METADATA}, or export the model to ONNX.",
            "model_type",
        )
        return None
    if configured not in {None, kind}:
        findings.refuse(
            METADATA,
            f"Its model_type is {kind}, and {configured} in {CONFIG}.",
            "State in both what was trained.",
            "model_type",
        )
    architecture = said.architecture if said is not None else Architecture()
    _check_window(metadata, kind, architecture, findings)
    if architecture.output_activation not in _LINEAR_HEADS:
        findings.refuse(
            CONFIG,
            f"Its output_activation is {quoted(str(architecture.output_activation))}; heads are "
            "linear here, and softmax comes after them.",
            "Train it with a linear head, or export the model to ONNX.",
            "architecture",
            "output_activation",
        )
    if len(findings.problems) > before:
        return None
    activation = architecture.activation
    return StatedNetwork(
        kind, activation.lower() if activation else None, metadata.sequence_length, architecture
    )


def _read(section: dict[str, Any] | None, findings: BundleFindings) -> StrategyModel | None:
    if section is None:
        return None
    try:
        return read_model(section)
    except BtkitError as error:
        findings.refuse_for(CONFIG, error)
        return None


def _check_window(
    metadata: BundleMetadata, kind: ModelType, architecture: Architecture, findings: BundleFindings
) -> None:
    length, said = metadata.sequence_length, architecture.sequence_length
    if kind == "mlp" and length is not None:
        findings.refuse(
            METADATA,
            f"An MLP reads one row, and this one has a sequence_length of {length}.",
            "Leave sequence_length out, or say which model_type it is.",
            "sequence_length",
        )
    elif kind != "mlp" and length is None:
        findings.refuse(
            METADATA,
            f"It is of type {kind}, and does not say how many rows it reads.",
            "Write the sequence_length that it was trained with.",
            "sequence_length",
        )
    elif kind != "mlp" and said not in {None, length}:
        findings.refuse(
            METADATA,
            f"Its sequence_length is {length}, and {said} in {CONFIG}.",
            "State the sequence_length that it was trained with in both.",
            "sequence_length",
        )


def stated_layers(stated: StatedNetwork, tensors: Tensors) -> tuple[int, ...] | None:
    """Return the units of each hidden layer as a bundle states them, None where it does not.

    Parameters
    ----------
    stated
        What it says of its network.
    tensors
        Weights by name, for what it leaves out.
    """
    said = stated.architecture
    if stated.type == "mlp":
        return said.hidden_layers
    if said.hidden_size is None and said.num_layers is None:
        return None
    units, layers = _recurrent(tensors)
    return (said.hidden_size or units,) * (said.num_layers or layers)


def describe_network(tensors: Tensors, stated: StatedNetwork) -> str:
    """Return what a network is, such as ``MLP 24-64-32-3, relu``, of weights that make one."""
    if stated.type != "mlp":
        units, layers = _recurrent(tensors)
        return f"{stated.type.upper()} {layers} × {units}, window {stated.sequence_length}"
    matrices = [(name, tensor.shape) for name, tensor in tensors.items() if tensor.ndim == _MATRIX]
    # Layers are numbered, but for a head that has a name of its own.
    matrices.sort(key=lambda entry: not any(map(str.isdecimal, entry[0])))
    sizes = [matrices[0][1][1], *(shape[0] for _, shape in matrices)]
    activation = f", {stated.activation}" if stated.activation else ""
    return f"MLP {'-'.join(map(str, sizes))}{activation}"


def _recurrent(tensors: Tensors) -> tuple[int, int]:
    states = [tensor.shape for name, tensor in tensors.items() if ".weight_hh_l" in name]
    return (states[0][-1] if states and states[0] else 0), len(states)
