"""Networks made of their weights: shapes are read from these, and what is said must agree."""

from __future__ import annotations

from typing import NoReturn

from btkit.errors import BundleError
from btkit.models.forward import MLP, Floats, Network, Recurrent
from btkit.models.kernels import ACTIVATIONS, GRU_GATES, LSTM_GATES
from btkit.models.pickled import shorten
from btkit.models.tensors import Tensors, counted
from btkit.spelling import some_of

MODEL_TYPES = ("mlp", "lstm", "gru")
_GATES = {"lstm": LSTM_GATES, "gru": GRU_GATES}
_PARTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
_LONGEST_WINDOW = 10_000


def network_of(
    tensors: Tensors,
    *,
    model_type: str,
    activation: str | None = None,
    sequence_length: int | None = None,
    inputs: int | None = None,
    outputs: int | None = None,
    hidden: tuple[int, ...] | None = None,
) -> Network:
    """Make a network of its weights; what else is said of it must agree with them.

    Parameters
    ----------
    tensors
        The weights by name, as `read_tensors` gives them. Of an MLP one ``weight`` and ``bias`` a
        layer, whose names differ in numbers alone (the head may have a name of its own); dropout
        and activations take numbers, too, so that their order counts, not their values. Of an LSTM
        or GRU ``lstm.*`` or ``gru.*`` as ``torch.nn.LSTM`` names them, ``fc.weight``, ``fc.bias``.
    model_type
        ``"mlp"``, ``"lstm"`` or ``"gru"``.
    activation
        Of an MLP with hidden layers: one of `ACTIVATIONS`, in capitals or not, each as PyTorch has
        it: the exact ``gelu``, ``leaky_relu`` of a slope of 0.01, ``elu`` of an alpha of 1.
    sequence_length
        Rows a window, of an LSTM or GRU.
    inputs, outputs
        How many features the bundle has, and outputs it means; None where nothing says.
    hidden
        The units of each hidden layer, such as ``(64, 32)``; None where nothing says.

    Raises
    ------
    BundleError
        If a weight is missing, unknown or of a shape that fits nowhere, or what is said differs
        from the weights; the message has both numbers.

    Examples
    --------
    >>> layer = {"0.weight": np.ones((1, 2)), "0.bias": np.zeros(1)}
    >>> network_of(layer, model_type="mlp").forward(np.array([[1.0, 2.0]]))
    array([[3.]])
    """
    if model_type not in MODEL_TYPES:
        _refuse(
            f"the model type {model_type!r} is not known",
            f"It is one of {', '.join(MODEL_TYPES)}; others run as model.onnx.",
        )
    network: Network
    if model_type == "mlp":
        network, found = _mlp_of(tensors, activation, sequence_length)
    else:
        network, found = _recurrent_of(tensors, model_type, sequence_length)
    _compare("features", inputs, network.inputs)
    _compare("outputs", outputs, network.outputs)
    _compare("hidden layers", None if hidden is None else len(hidden), len(found))
    for place, (said, has) in enumerate(zip(hidden or (), found, strict=False)):
        _compare(f"units in hidden layer {place + 1}", said, has)
    return network


def _mlp_of(
    tensors: Tensors, activation: str | None, sequence_length: int | None
) -> tuple[MLP, list[int]]:
    if sequence_length not in {None, 1}:
        _refuse(
            f"an MLP reads one row, and sequence_length is {sequence_length}",
            "Leave sequence_length out, or say that the model is an lstm or gru.",
        )
    names = _order_layers(tensors)
    layers: list[tuple[Floats, Floats]] = []
    for name in names:
        weights, biases = (_part(tensors, name, part) for part in ("weight", "bias"))
        if weights.ndim != 2:  # noqa: PLR2004 - units, inputs
            _refuse(
                f"{_full(name, 'weight')!r} is of shape {weights.shape}, which no linear layer has",
                "An MLP is linear layers, activations and dropout; others run as model.onnx.",
            )
        inputs = layers[-1][0].shape[0] if layers else weights.shape[1]
        _check_shape(_full(name, "weight"), weights, (len(weights), inputs))
        _check_shape(_full(name, "bias"), biases, (len(weights),))
        layers.append((weights, biases))
    return MLP(layers, _activation_of(activation, len(layers))), [len(b) for _, b in layers[:-1]]


def _order_layers(tensors: Tensors) -> list[str]:
    names = sorted({_split(name)[0] for name in tensors}, key=counted)
    numbered = [name for name in names if any(char.isdigit() for char in name)]
    others = [name for name in names if name not in numbered]
    stems = {tuple(text for _, text in counted(name)) for name in numbered}
    if not names or len(stems) > 1 or len(others) > 1:
        listed = ", ".join(repr(shorten(name)) for name in names[:5])
        _refuse(
            f"the order of its layers cannot be told: {listed or 'there are none'}",
            "Build an MLP as one nn.Sequential, whose layers are named by numbers.",
        )
    return numbered + others


def _split(name: str) -> tuple[str, str]:
    layer, _, part = name.rpartition(".")
    if part not in {"weight", "bias"}:
        _refuse(
            f"{shorten(name)!r} is no part of a linear layer",
            "An MLP is linear layers, activations and dropout; others run as model.onnx.",
        )
    return layer, part


def _full(layer: str, part: str) -> str:
    return shorten(f"{layer}.{part}" if layer else part)


def _part(tensors: Tensors, layer: str, part: str) -> Floats:
    name = f"{layer}.{part}" if layer else part
    if name not in tensors:
        _refuse(f"there is no {shorten(name)!r}", "Each linear layer needs weights and biases.")
    return tensors[name]


def _activation_of(activation: str | None, layers: int) -> str:
    known = f"It is one of {', '.join(ACTIVATIONS)}."
    if activation is None:
        if layers > 1:
            _refuse("it has hidden layers, and nothing says their activation", known)
        return ACTIVATIONS[0]
    if activation.lower() not in ACTIVATIONS:
        _refuse(f"the activation {shorten(activation)!r} is not known", known)
    return activation.lower()


def _recurrent_of(
    tensors: Tensors, model_type: str, sequence_length: int | None
) -> tuple[Recurrent, list[int]]:
    if sequence_length is None or not 1 <= sequence_length <= _LONGEST_WINDOW:
        _refuse(
            f"the sequence_length of its windows is {sequence_length}",
            f"Give sequence_length, 1 to {_LONGEST_WINDOW:,} rows, as it was trained with.",
        )
    count = sum(name.startswith(f"{model_type}.weight_ih_l") for name in tensors)
    names = [[f"{model_type}.{part}_l{layer}" for part in _PARTS] for layer in range(max(1, count))]
    head = ["fc.weight", "fc.bias"]
    _check_names(tensors, {*head, *(name for layer in names for name in layer)}, model_type)
    gates, units, below = _GATES[model_type], 0, 0
    for place, layer in enumerate(names):
        if not place:
            units, below = (_last_size(tensors, layer[part]) for part in (1, 0))
        for name, shape in zip(
            layer,
            [(gates * units, below), (gates * units, units), (gates * units,), (gates * units,)],
            strict=True,
        ):
            _check_shape(name, tensors[name], shape)
        below = units
    outputs = len(tensors[head[1]]) if tensors[head[1]].ndim else 0
    _check_shape(head[0], tensors[head[0]], (outputs, units))
    _check_shape(head[1], tensors[head[1]], (outputs,))
    layers = [tuple(tensors[name] for name in layer) for layer in names]
    network = Recurrent(
        gates,
        layers,  # type: ignore[arg-type]  # four of each, as `_PARTS` has
        (tensors[head[0]], tensors[head[1]]),
        sequence_length,
    )
    return network, [units] * len(layers)


def _check_names(tensors: Tensors, expected: set[str], model_type: str) -> None:
    differences = {
        "missing": sorted(expected - tensors.keys()),
        "unknown": sorted(tensors.keys() - expected),
    }
    if any(differences.values()):
        listed = "; ".join(
            f"{kind} {some_of([repr(shorten(name)) for name in names], most=5)}"
            for kind, names in differences.items()
            if names
        )
        _refuse(
            f"the weights are not those of {model_type} and fc: {listed}",
            f"It is torch.nn.{model_type.upper()} in one direction, with biases and without "
            "projections, as 'lstm' or 'gru', then one linear layer 'fc'.",
        )


def _last_size(tensors: Tensors, name: str) -> int:
    return tensors[name].shape[-1] if tensors[name].ndim else 0


def _check_shape(name: str, tensor: Floats, shape: tuple[int, ...]) -> None:
    if tensor.shape != shape or not tensor.size:
        _refuse(
            f"{shorten(name)!r} is of shape {tensor.shape}, where {shape} fits",
            "The weights are not of one network; save it again with state_dict().",
        )


def _compare(what: str, said: int | None, has: int) -> None:
    if said is not None and said != has:
        _refuse(
            f"the bundle says {said} {what}, and the weights have {has}",
            "Bring the folder's metadata and configuration and its weights from one training. Of "
            "a bundle that is being saved, the strategy's model.architecture says it.",
        )


def _refuse(message: str, hint: str) -> NoReturn:
    raise BundleError(f"The network was refused: {message}", hint=hint)
