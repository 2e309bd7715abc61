"""The weights of a model that was trained with PyTorch, or that somebody has as arrays."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from btkit.arguments import kind_of_value
from btkit.errors import BundleError
from btkit.models.conversion import first_line
from btkit.models.metadata import ModelType

Array = NDArray[Any]
_RECURRENT: tuple[ModelType, ...] = ("lstm", "gru")


@dataclass(frozen=True)
class Weights:
    """A state dict, and what it is of.

    Parameters
    ----------
    tensors
        By name, as numpy arrays of the precision that they were trained in.
    type
        The kind of network, by the names of its weights.
    activation
        What a module has between its layers, None where it has none or several, or is no module.
    """

    tensors: dict[str, Array]
    type: ModelType
    activation: str | None


def is_module(model: object) -> bool:
    """Tell whether a model is a module of PyTorch; if nobody imported PyTorch, it is none."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


def weights_of(model: Any) -> Weights:  # noqa: ANN401 - a module, which may not be imported here
    """Return the weights of a module, or of a mapping of names to arrays or tensors.

    Raises
    ------
    BundleError
        If a value of the mapping is no array of numbers.
    """
    state = model.state_dict() if is_module(model) else model
    tensors = {str(name): _array(name, value) for name, value in state.items()}
    if not tensors:
        raise BundleError("The model has no weights.", hint="Train it first, and save it then.")
    for kind in _RECURRENT:
        if any(f"{kind}." in name for name in tensors):
            return Weights(tensors, kind, None)
    return Weights(tensors, "mlp", _activation(model) if is_module(model) else None)


def _array(name: object, value: Any) -> Array:  # noqa: ANN401 - an array, a tensor, or anything
    try:
        array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    except (TypeError, ValueError):  # of precisions that numpy has not, and of ragged lists
        array = np.array(None)
    if array.dtype.kind not in "fiu":
        raise BundleError(
            f"The weights {name!s} are {kind_of_value(value)}, and must be an array of numbers.",
            hint="Give a torch.nn.Module, or its state_dict(), in single or double precision.",
        )
    return np.ascontiguousarray(array)


def _activation(module: Any) -> str | None:  # noqa: ANN401 - a module
    torch = sys.modules["torch"]
    silent = (torch.nn.Linear, torch.nn.Dropout, torch.nn.Identity, torch.nn.Flatten)
    found = {
        type(part).__name__.lower()
        for part in module.modules()
        if not any(part.children()) and not isinstance(part, silent)
    }
    return found.pop() if len(found) == 1 else None


def ask_module(module: Any, rows: Array, *, window: int) -> NDArray[np.float64]:  # noqa: ANN401
    """Return what a module itself answers, in float64, without dropout.

    Parameters
    ----------
    module
        Of PyTorch; it stays as it is.
    rows
        Shape (n_rows, n_features).
    window
        Rows that it reads; above 1 it is given (n_windows, window, n_features).

    Returns
    -------
    ndarray, shape (n_rows - window + 1, n_outputs)
        Of each row that has a whole window, in their order.
    """
    import copy  # noqa: PLC0415 - with torch alone

    torch = sys.modules["torch"]
    twin = copy.deepcopy(module).double().eval()
    given = np.ascontiguousarray(rows, dtype=np.float64)
    if window > 1:
        windows = np.lib.stride_tricks.sliding_window_view(given, window, axis=0)
        given = np.ascontiguousarray(windows.transpose(0, 2, 1))
    try:
        with torch.no_grad():
            outputs = twin(torch.from_numpy(given)).cpu().numpy()
        return np.asarray(outputs, dtype=np.float64).reshape(len(given), -1)
    except Exception as error:  # whatever a module's own code raises
        raise BundleError(
            f"{type(module).__name__} cannot be asked what it answers: {first_line(error)}",
            hint="It takes (n_rows, n_features), or (n_windows, rows, n_features) where it reads "
            "several rows, and returns one output a class.",
        ) from error


def save_state_dict(module: Any, path: Path) -> None:  # noqa: ANN401 - a module
    """Write what other programs load with ``weights_only=True``.

    Parameters
    ----------
    module
        Of PyTorch.
    path
        Of the file.
    """
    sys.modules["torch"].save(module.state_dict(), path)
