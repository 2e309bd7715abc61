"""Networks as plain NumPy has them, one row after the other, and weights for them."""

import math
from itertools import pairwise

import numpy as np

PLAIN = {
    "identity": lambda x: x,
    "relu": lambda x: max(x, 0.0),
    "leaky_relu": lambda x: x if x > 0 else 0.01 * x,
    "tanh": math.tanh,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "silu": lambda x: x / (1 + math.exp(-x)),
    "elu": lambda x: x if x > 0 else math.expm1(x),
    "gelu": lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2,
}


def mlp_weights(rng, *sizes, step=3):
    """Return weights as nn.Sequential names them, with an activation and dropout after each."""
    tensors = {}
    for place, (inputs, units) in enumerate(pairwise(sizes)):
        tensors[f"{place * step}.weight"] = rng.normal(size=(units, inputs)) / math.sqrt(inputs)
        tensors[f"{place * step}.bias"] = rng.normal(size=units)
    return tensors


def recurrent_weights(rng, kind, inputs, units, layers, outputs):
    gates = {"lstm": 4, "gru": 3}[kind]
    tensors = {}
    for layer in range(layers):
        shapes = {"weight_ih": (gates * units, units if layer else inputs)}
        shapes |= {"weight_hh": (gates * units, units)}
        shapes |= {"bias_ih": (gates * units,), "bias_hh": (gates * units,)}
        for part, shape in shapes.items():
            tensors[f"{kind}.{part}_l{layer}"] = rng.normal(size=shape) / math.sqrt(units)
    tensors["fc.weight"] = rng.normal(size=(outputs, units))
    tensors["fc.bias"] = rng.normal(size=outputs)
    return tensors


def plain_mlp(tensors, activation, row):
    """Return what the definition gives for a row, layer after layer."""
    function = np.vectorize(PLAIN[activation], otypes=[float])
    names = [name.removesuffix(".weight") for name in tensors if name.endswith(".weight")]
    for name in names:
        row = tensors[f"{name}.weight"] @ row + tensors[f"{name}.bias"]
        row = row if name == names[-1] else function(row)
    return row


def plain_recurrent(tensors, kind, window):
    """Return what PyTorch's documentation of LSTM and GRU says of a window, then the head."""
    layers = sum(name.startswith(f"{kind}.weight_ih") for name in tensors)
    rows = list(window)
    for layer in range(layers):
        wi, wh, bi, bh = (
            tensors[f"{kind}.{part}_l{layer}"]
            for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        h = c = np.zeros(wh.shape[1])
        for place, row in enumerate(rows):
            if kind == "lstm":
                i, f, g, o = np.split(wi @ row + bi + wh @ h + bh, 4)
                c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
                h = _sigmoid(o) * np.tanh(c)
            else:
                (r, z, n), (hr, hz, hn) = np.split(wi @ row + bi, 3), np.split(wh @ h + bh, 3)
                update = _sigmoid(z + hz)
                h = (1 - update) * np.tanh(n + _sigmoid(r + hr) * hn) + update * h
            rows[place] = h
    return tensors["fc.weight"] @ rows[-1] + tensors["fc.bias"]


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))
