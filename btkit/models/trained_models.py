"""The models that can be saved, each with how it is written and what it answers itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from btkit.arguments import kind_of_value
from btkit.errors import BundleError, UsageError
from btkit.models.conversion import (
    ask_estimator,
    check_probabilities,
    classes_of,
    convert,
    is_estimator,
    is_fitted,
)
from btkit.models.folder import ONNX, SAFETENSORS, STATE_DICT
from btkit.models.forward import Network
from btkit.models.metadata import Activation, ModelType
from btkit.models.networks import network_of
from btkit.models.onnx_network import OnnxNetwork
from btkit.models.tensors import read_tensors
from btkit.models.weights import Weights, ask_module, is_module, save_state_dict, weights_of
from btkit.writing import write_whole

Floats = NDArray[np.float64]

# A network is the same weights in float64; ONNX is what another library made of a model.
_SAME, _CONVERTED = 1e-6, 1e-4
# Windows overlap, and would take a thousand times the memory of their rows.
_MOST_WINDOWS = 2_000


class TrainedModel(Protocol):
    """A model to be saved."""

    @property
    def source(self) -> str:
        """What it is called."""

    @property
    def file(self) -> str:
        """The file that its weights are read from."""

    @property
    def classes(self) -> tuple[str, ...] | None:
        """What each output stands for, None where it does not know it."""

    @property
    def activation(self) -> Activation:
        """What the outputs of a classifier are."""

    @property
    def tolerance(self) -> float:
        """The largest difference of an output."""

    @property
    def attempts(self) -> int:
        """In how many ways it can be written, the best first."""

    @property
    def metadata(self) -> dict[str, Any]:
        """What metadata say of it."""

    @property
    def section(self) -> dict[str, Any] | None:
        """What config.json says of it."""

    def write(self, folder: Path, rows: Floats, *, attempt: int) -> Network:
        """Write its files, and return the network that is read from them."""

    def answers(self, rows: Floats) -> Floats | None:
        """Return what it says itself of rows in time's order, the last ones; None if it cannot."""


@dataclass(frozen=True)
class NetworkModel:
    """Layers of PyTorch, or their weights.

    Parameters
    ----------
    weights
        By name.
    module
        None for weights alone.
    between
        The activation between layers, None for an LSTM or GRU.
    window
        Rows that it reads, None for an MLP.
    stated
        What a strategy says of the network.
    """

    weights: Weights
    module: object | None
    between: str | None
    window: int | None
    stated: dict[str, Any]

    file = SAFETENSORS
    classes = None
    activation: Activation = "logits"
    tolerance = _SAME
    attempts = 1

    @property
    def source(self) -> str:
        """What it is called."""
        return "weights" if self.module is None else type(self.module).__name__

    @property
    def type(self) -> ModelType:
        """What kind of network it is."""
        return self.weights.type

    @property
    def metadata(self) -> dict[str, Any]:
        """What metadata say of it."""
        return {"model_type": self.type, "sequence_length": self.window}

    @property
    def section(self) -> dict[str, Any]:
        """What config.json says of it."""
        architecture = dict(self.stated.get("architecture") or {})
        if self.between is not None:
            architecture["activation"] = self.between
        if self.window is not None:
            architecture["sequence_length"] = self.window
        return {**self.stated, "type": self.type, "architecture": architecture}

    def write(self, folder: Path, rows: Floats, *, attempt: int) -> Network:
        """Write its files, and return the network that is read from them."""
        del rows, attempt
        write_whole(folder / SAFETENSORS, save(self.weights.tensors))
        if self.module is not None:
            save_state_dict(self.module, folder / STATE_DICT)
        return network_of(
            read_tensors(folder / SAFETENSORS),
            model_type=self.type,
            activation=self.between,
            sequence_length=self.window,
        )

    def answers(self, rows: Floats) -> Floats | None:
        """Return what it says itself of rows in time's order, the last ones; None if it cannot."""
        if self.module is None:
            return None
        window = self.window or 1
        last = rows if window == 1 else rows[-_MOST_WINDOWS - window :]
        return ask_module(self.module, last, window=window)


@dataclass(frozen=True)
class EstimatorModel:
    """A fitted estimator or pipeline of scikit-learn."""

    estimator: object

    file = ONNX
    activation: Activation = "probabilities"
    tolerance = _CONVERTED
    attempts = 2
    section = None

    @property
    def source(self) -> str:
        """What it is called."""
        steps = getattr(self.estimator, "steps", None)
        names = [type(step).__name__ for _, step in steps] if steps else []
        return " > ".join(names) or type(self.estimator).__name__

    @property
    def classes(self) -> tuple[str, ...] | None:
        """What each output stands for."""
        return classes_of(self.estimator)

    @property
    def metadata(self) -> dict[str, Any]:
        """What metadata say of it."""
        return {"model_type": None, "sequence_length": None}

    def write(self, folder: Path, rows: Floats, *, attempt: int) -> Network:
        """Write its files, and return the network that is read from them."""
        write_whole(folder / ONNX, convert(self.estimator, rows, double=attempt == 0))
        return OnnxNetwork(folder / ONNX)

    def answers(self, rows: Floats) -> Floats:
        """Return what it says itself of rows."""
        return ask_estimator(self.estimator, rows)


def model_of(
    model: object, *, activation: str | None, stated: dict[str, Any], window: int | None
) -> TrainedModel:
    """Return a model as it can be saved.

    Parameters
    ----------
    model
        A module of PyTorch, weights by name, or an estimator of scikit-learn.
    activation
        What is said of the layers.
    stated
        What the strategy says of the network.
    window
        Rows that it reads.

    Raises
    ------
    UsageError
        If it is none of these, or says too little.
    BundleError
        If it was not trained.
    """
    if is_module(model) or isinstance(model, Mapping):
        return _network(model, activation, stated, window)
    if not is_estimator(model):
        raise UsageError(
            f"A model is a torch.nn.Module, a state dict, or an estimator of scikit-learn, not "
            f"{kind_of_value(model)}.",
            hint="Give the trained model itself.",
        )
    if activation is not None or window is not None:
        raise UsageError(
            "activation and sequence_length are of networks, and this is an estimator.",
            hint="Leave them out.",
        )
    if not is_fitted(model):
        raise BundleError(
            f"{type(model).__name__} was not fitted.", hint="Fit it on the rows, and save it then."
        )
    check_probabilities(model)
    return EstimatorModel(model)


def _network(
    model: object, activation: str | None, stated: dict[str, Any], window: int | None
) -> NetworkModel:
    weights = weights_of(model)
    architecture = stated.get("architecture") or {}
    said = architecture if isinstance(architecture, Mapping) else {}
    between = activation or weights.activation or said.get("activation")
    if weights.type == "mlp":
        if between is None:
            raise UsageError(
                "Nobody says which activation is between the layers, or there are several.",
                hint="Give activation, such as relu: one is between all layers, none at the end.",
            )
        if window is not None:
            raise UsageError(
                "An MLP reads one row, and a sequence_length is given.", hint="Leave it out."
            )
        return NetworkModel(weights, model if is_module(model) else None, between, None, stated)
    window = window or said.get("sequence_length")
    if window is None:
        raise UsageError(
            f"Nobody says how many rows the {weights.type.upper()} reads.",
            hint="Give sequence_length, as it was trained.",
        )
    return NetworkModel(weights, model if is_module(model) else None, None, window, stated)
