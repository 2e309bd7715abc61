"""How long an ONNX model works, told from its graph before it is run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import prod
from typing import Any, Final, TypeAlias

from btkit.models.onnx_sizes import BATCH, SMALLER, Shape, refuse

MOST_WORK: Final = 2**38
"""Multiplications of one batch at most: four times what a network of as many weights takes as a
file may have, and seconds on one thread."""

# What they do hangs on a number that no shape shows.
_UNTOLD: Final = frozenset({"MaxRoiPool", "NonMaxSuppression", "RoiAlign"})
_Sizes: TypeAlias = list[list[int]]


def check_work(nodes: Iterable[Any], known: Mapping[str, Shape], origin: str) -> None:
    """Refuse a model that would not end in any time that somebody waits.

    Parameters
    ----------
    nodes
        Every operator, with the model's functions written out.
    known
        The shape of each value, as far as it can be told: an open dimension is taken for that of a
        batch's rows.
    origin
        The name of its file, for messages.

    Raises
    ------
    BundleError
        If its operators come to more than `MOST_WORK` multiplications, or one may come to any.
    """

    def sizes(names: Iterable[str]) -> _Sizes:
        return [[BATCH if size is None else size for size in known.get(one, ())] for one in names]

    work = 0
    for node in nodes:
        if node.op_type in _UNTOLD:
            refuse(origin, f"how long its operator {node.op_type!r} works shows only while it runs")
        inputs, outputs = sizes(node.input), sizes(node.output)
        # Each value is read or written once, whatever else is done.
        work += max(map(prod, [*inputs, *outputs]), default=1)
        work += _products(node, inputs, max(map(prod, outputs), default=1))
        if work > MOST_WORK:
            rule = f"{MOST_WORK:,} multiplications for a batch of rows"
            refuse(origin, f"its operators come to more than {rule}", SMALLER)


def _products(node: Any, inputs: _Sizes, values: int) -> int:  # noqa: ANN401 - onnx's own type
    attributes = {attribute.name: attribute for attribute in node.attribute}
    # An operator lacks the inputs that it needs only in a model that does not load.
    whole = [*inputs, [], [], [], []]
    if node.op_type in _PRODUCTS:
        return _PRODUCTS[node.op_type](attributes, whole, values)
    if "kernel_shape" in attributes:
        return values * prod(map(int, attributes["kernel_shape"].ints))
    return 0


def _of_matrices(_: Mapping[str, Any], inputs: _Sizes, values: int) -> int:
    return values * (inputs[0][-1] if inputs[0] else 1)


def _of_gemm(attributes: Mapping[str, Any], inputs: _Sizes, values: int) -> int:
    turned = "transA" in attributes and attributes["transA"].i
    return _of_matrices(attributes, [inputs[0][::-1] if turned else inputs[0]], values)


def _of_convolution(weights: int) -> Callable[[Mapping[str, Any], _Sizes, int], int]:
    return lambda _, inputs, values: values * prod(inputs[weights][1:])


def _of_steps(_: Mapping[str, Any], inputs: _Sizes, values: int) -> int:
    del values
    return prod(inputs[0][:2]) * (prod(inputs[1]) + prod(inputs[2]))


def _of_squares(_: Mapping[str, Any], inputs: _Sizes, values: int) -> int:
    return values * max(inputs[0], default=1) ** 2


def _of_labels(attributes: Mapping[str, Any], inputs: _Sizes, values: int) -> int:
    del values
    labels: dict[str, int] = {}
    equation = attributes["equation"].s.decode("utf-8", "replace") if attributes else ""
    terms = equation.partition("->")[0].replace(" ", "").split(",")
    for term, shape in zip(terms, inputs, strict=False):
        if "." in term:
            # What an ellipsis stands for has no labels: each dimension counts for itself.
            return prod(map(prod, inputs))
        labels |= dict(zip(term, shape, strict=False))
    return prod(labels.values())


_PRODUCTS: Final[Mapping[str, Callable[[Mapping[str, Any], _Sizes, int], int]]] = {
    **dict.fromkeys(("MatMul", "MatMulInteger", "QLinearMatMul"), _of_matrices),
    "Gemm": _of_gemm,
    **dict.fromkeys(("Conv", "ConvInteger", "ConvTranspose", "DeformConv"), _of_convolution(1)),
    "QLinearConv": _of_convolution(3),
    **dict.fromkeys(("GRU", "LSTM", "RNN"), _of_steps),
    "Einsum": _of_labels,
    **dict.fromkeys(("Det", "LRN"), _of_squares),
}
