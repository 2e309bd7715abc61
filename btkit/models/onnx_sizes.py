"""How large the tensors of an ONNX model become, told from its graph before it is run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NoReturn, TypeAlias

from btkit.errors import BundleError
from btkit.models.pickled import shorten

Shape: TypeAlias = Sequence[int | None]

BATCH: Final = 1_024
"""Rows that are handed over at once, whatever is asked for: onnxruntime does not promise that a
row's outputs are the same in batches of other sizes."""
MOST_VALUES: Final = 2**26
"""Values of one tensor at most, of a batch as well: 256 MiB in single precision."""
MOST_OPERATORS: Final = 100_000
"""With each function of the model counted as often as it is called."""

SMALLER: Final = "Export a smaller network, whose operators say what shapes they give."
"""What to do about a model that takes too much."""

# Their outputs may be of any size, whatever goes in.
_GROWING: Final = frozenset(
    {"CenterCropPad", "ConstantOfShape", "Expand", "OneHot", "Pad", "Range", "Resize", "Tile",
     "Upsample"}
)  # fmt: skip
_DEEPEST: Final = 50


def check_sizes(
    model: Any,  # noqa: ANN401 - onnx's own types
    origin: str,
    onnx: Any,  # noqa: ANN401 - a module
) -> tuple[list[Any], dict[str, Shape]]:
    """Refuse a model with a tensor that takes too much, or of which nobody knows how much.

    Parameters
    ----------
    model
        As it was read.
    origin
        The name of its file, for messages.
    onnx
        The package.

    Returns
    -------
    tuple
        Every operator, with the model's functions written out, and the shape of each value by its
        name, as far as it can be told.

    Raises
    ------
    BundleError
        If a shape that is declared, or follows for a batch of rows, has more than `MOST_VALUES`;
        an operator makes a tensor whose size shows only while it runs; or functions of the model
        call one another too often.
    """
    _check_calls(model, origin)
    sized = onnx.ModelProto()
    sized.CopyFrom(model)
    for value in sized.graph.input:
        dimensions = value.type.tensor_type.shape.dim
        if dimensions and not dimensions[0].dim_value:
            dimensions[0].dim_value = BATCH
    try:
        sized = onnx.inliner.inline_local_functions(sized)
        sized = onnx.shape_inference.infer_shapes(sized, data_prop=True)
    except Exception as error:
        raise BundleError(
            f"{origin} was refused: what shapes it works with cannot be told: {told(error)}",
            hint=SMALLER,
        ) from error
    known: dict[str, Shape] = {}
    for graph in _graphs(sized.graph):
        for value in (*graph.input, *graph.output, *graph.value_info):
            known[value.name] = shape = _shape_of(value)
            check_values(f"its value {shorten(value.name)!r}", shape, origin)
        known |= {tensor.name: list(tensor.dims) for tensor in graph.initializer}
        known |= {tensor.values.name: list(tensor.dims) for tensor in graph.sparse_initializer}
    nodes = list(walk(sized.graph.node))
    for node in nodes:
        if node.op_type in _GROWING:
            _check_growing(node, known, origin)
    return nodes, known


def check_values(what: str, shape: Shape, origin: str) -> None:
    """Refuse a tensor of too many values.

    Parameters
    ----------
    what
        It, as the subject of a sentence.
    shape
        None for what is not known, which counts for nothing.
    origin
        The name of the file.
    """
    count = math.prod(size for size in shape if size is not None)
    if count > MOST_VALUES:
        rule = f"{count:.2g} values, and {MOST_VALUES:,} are the most that a tensor may have"
        refuse(origin, f"{what} would come to {rule}", SMALLER)


def walk(nodes: Iterable[Any]) -> Iterator[Any]:
    """Yield each node, and those of the graphs in it."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                yield from walk(graph.node)


def told(error: Exception) -> str:
    """Return what an error of another library says, in one short line."""
    return shorten(" ".join(str(error).split()))


def refuse(
    origin: str, message: str, hint: str = "Export it again, with the operators of ONNX alone."
) -> NoReturn:
    """Refuse a model.

    Parameters
    ----------
    origin
        The name of its file.
    message, hint
        Why, and what to do.
    """
    raise BundleError(f"{origin} was refused: {message}", hint=hint)


def _graphs(graph: Any) -> Iterator[Any]:  # noqa: ANN401 - onnx's own type
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _graphs(inner)


def _shape_of(value: Any) -> Shape:  # noqa: ANN401 - as above
    # What is no tensor has no dimensions here, and is made of tensors that have.
    return [
        size.dim_value if size.HasField("dim_value") else None
        for size in value.type.tensor_type.shape.dim
    ]


def _check_growing(node: Any, known: Mapping[str, Shape], origin: str) -> None:  # noqa: ANN401
    for name in node.output:
        shape = known.get(name, [None])
        if None in shape:
            refuse(
                origin,
                f"how large its operator {node.op_type!r} makes {shorten(name)!r} shows only while "
                "it runs",
                SMALLER,
            )


def _check_calls(model: Any, origin: str) -> None:  # noqa: ANN401 - as above
    bodies = {(part.domain, part.name): list(walk(part.node)) for part in model.functions}
    counted: dict[tuple[str, str], int] = {}

    def count(nodes: Iterable[Any], above: frozenset[tuple[str, str]]) -> int:
        total = 0
        for node in nodes:
            key = (node.domain, node.op_type)
            if key in above or len(above) > _DEEPEST:
                refuse(
                    origin,
                    f"its function {shorten(node.op_type)!r} calls itself, or stands in more than "
                    f"{_DEEPEST} others",
                )
            if key in bodies and key not in counted:
                counted[key] = count(bodies[key], above | {key})
            total += counted.get(key, 1)
        return total

    total = count(walk(model.graph.node), frozenset())
    if total > MOST_OPERATORS:
        refuse(
            origin,
            f"it comes to {total:,} operators, and {MOST_OPERATORS:,} are the most",
            "Export a smaller network.",
        )
