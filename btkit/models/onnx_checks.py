"""What of an ONNX model is refused before onnxruntime sees it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from btkit.errors import BundleError
from btkit.models.onnx_sizes import check_sizes, check_values, refuse, walk
from btkit.models.onnx_work import check_work
from btkit.models.pickled import shorten

_DOMAINS = {"", "ai.onnx", "ai.onnx.ml"}
_RANDOM = {
    "Bernoulli",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
}
_ENDLESS = {"Loop", "Scan"}


def check_model(content: bytes, origin: str, onnx: Any) -> None:  # noqa: ANN401 - a module
    """Refuse what is no ONNX model of numbers in and numbers out, or may take too much to run.

    Parameters
    ----------
    content
        Of the file.
    origin
        Its name, for messages.
    onnx
        The package.

    Raises
    ------
    BundleError
        With the first reason.
    """
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:
        raise BundleError(
            f"{origin} is no ONNX model, or is damaged",
            hint="Copy the file again, or export the model again.",
        ) from error
    own = {(function.domain, function.name) for function in model.functions}
    nodes = [*model.graph.node, *(node for part in model.functions for node in part.node)]
    for tensor in _weights(model.graph):
        _check_tensor(tensor, origin, onnx)
    for node in walk(nodes):
        if (node.domain, node.op_type) not in own and node.domain not in _DOMAINS:
            refuse(
                origin, f"its operator {shorten(f'{node.domain}.{node.op_type}')!r} is not ONNX's"
            )
        if node.op_type in _RANDOM:
            refuse(origin, f"its operator {node.op_type!r} draws random numbers")
        if node.op_type in _ENDLESS:
            refuse(origin, f"its operator {node.op_type!r} may not end")
        for attribute in node.attribute:
            for tensor in _tensors(attribute):
                _check_tensor(tensor, origin, onnx)
    check_work(*check_sizes(model, origin, onnx), origin)


def _tensors(attribute: Any) -> Iterator[Any]:  # noqa: ANN401 - onnx's own type
    yield from (attribute.t, *attribute.tensors)
    yield from (attribute.sparse_tensor, *attribute.sparse_tensors)
    for graph in (attribute.g, *attribute.graphs):
        yield from _weights(graph)


def _weights(graph: Any) -> Iterator[Any]:  # noqa: ANN401 - as above
    yield from (*graph.initializer, *graph.sparse_initializer)


def _check_tensor(tensor: Any, origin: str, onnx: Any) -> None:  # noqa: ANN401 - as above
    if isinstance(tensor, onnx.SparseTensorProto):
        check_values(f"its weights {shorten(tensor.values.name)!r}", tensor.dims, origin)
        for part in (tensor.values, tensor.indices):
            _check_tensor(part, origin, onnx)
        return
    check_values(f"its weights {shorten(tensor.name)!r}", tensor.dims, origin)
    if tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL:
        refuse(
            origin,
            f"its weights {shorten(tensor.name)!r} are in another file",
            "Export it with its weights inside: external_data=False.",
        )
