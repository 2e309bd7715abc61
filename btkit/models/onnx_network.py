"""``model.onnx`` through onnxruntime, always in batches of one size."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from llvmlite import binding

from btkit.errors import BundleError
from btkit.models.forward import Floats, check_rows
from btkit.models.pickled import shorten
from btkit.models.tensors import read_whole

BATCH = 1_024
"""Rows that are handed over at once, whatever is asked for: onnxruntime does not promise that a
row's outputs are the same in batches of other sizes."""

_PROVIDER = "CPUExecutionProvider"
_TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64}
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


class OnnxNetwork:
    """A network in the form of ONNX: one input of rows, and one output of numbers a row.

    Rows are handed over in batches of 1,024 by their index from the first one, the last filled up
    with zeros, on one thread of the CPU, in whole or single precision as the model has it. On the
    same machine, and with the same onnxruntime, a row's outputs are the same bit for bit however
    many rows follow.

    Parameters
    ----------
    path
        A file of at most 256 MiB, with its weights in it.

    Raises
    ------
    BundleError
        If onnxruntime is not installed; the file is not there, no ONNX model, or damaged; it names
        other files, operators that ONNX does not define, that draw random numbers or may not end;
        or its inputs and outputs are not as said.

    Examples
    --------
    >>> OnnxNetwork("model.onnx").forward(rows)  # doctest: +SKIP
    array([[0.2, 0.5, 0.3]])
    """

    window = 1

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        self._name = path.name
        onnx, onnxruntime = _import()
        content = read_whole(path)
        _check_model(content, self._name, onnx)
        self._session = _open(content, self._name, onnxruntime)
        self._input, self.inputs, self._type = _find_input(self._session, self._name)
        self._output = _find_output(self._session, self._name)
        self.outputs = int(self._run(np.zeros((BATCH, self.inputs), self._type)).shape[1])
        self.provenance: Mapping[str, str] = {
            "onnxruntime": str(onnxruntime.__version__),
            "provider": _PROVIDER,
            "cpu": f"{binding.get_host_cpu_name()} ({platform.machine()})",
        }
        """What the outputs hang on beside model and rows: to be kept with a result."""

    def forward(self, rows: Floats) -> Floats:
        """Return the outputs of each row, as `Network.forward` says."""
        rows = check_rows(rows, self.inputs)
        outputs = np.empty((len(rows), self.outputs))
        for begin in range(0, len(rows), BATCH):
            part = rows[begin : begin + BATCH]
            batch = np.zeros((BATCH, self.inputs), self._type)
            # What single precision cannot hold becomes infinite, and so counts as missing.
            with np.errstate(over="ignore"):
                batch[: len(part)] = part
            known = np.isfinite(batch).all(axis=1)
            batch[~known] = 0.0
            found = self._run(batch)
            found[~known] = np.nan
            outputs[begin : begin + BATCH] = found[: len(part)]
        return outputs

    def _run(self, batch: np.ndarray[Any, Any]) -> Floats:
        try:
            (found,) = self._session.run([self._output], {self._input: batch})
        except Exception as error:  # noqa: BLE001 - onnxruntime's errors have no class in common
            _refuse(self._name, f"onnxruntime cannot run it: {_told(error)}")
        if found.ndim != 2 or len(found) != BATCH or not found.shape[1]:  # noqa: PLR2004 - rows of outputs
            _refuse(
                self._name,
                f"{BATCH:,} rows give an output {self._output!r} of shape {found.shape}",
                "Let it give one row of numbers for each row.",
            )
        return np.array(found, np.float64)


def _import() -> tuple[Any, Any]:
    try:
        import onnx  # noqa: PLC0415 - an extra, and slow to import
        import onnxruntime  # noqa: PLC0415 - as above
    except ImportError as error:
        raise BundleError(
            f"model.onnx needs the package {error.name}, which is not installed.",
            hint="Install it with: pip install 'btkit[onnx]'",
        ) from error
    return onnx, onnxruntime


def _check_model(content: bytes, origin: str, onnx: Any) -> None:  # noqa: ANN401 - a module
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:
        raise BundleError(
            f"{origin} is no ONNX model, or is damaged",
            hint="Copy the file again, or export the model again.",
        ) from error
    own = {(function.domain, function.name) for function in model.functions}
    nodes = [*model.graph.node, *(node for part in model.functions for node in part.node)]
    for tensor in (*model.graph.initializer, *_sparse(model.graph)):
        _check_tensor(tensor, origin, onnx)
    for node in _walk(nodes):
        if (node.domain, node.op_type) not in own and node.domain not in _DOMAINS:
            _refuse(
                origin, f"its operator {shorten(f'{node.domain}.{node.op_type}')!r} is not ONNX's"
            )
        if node.op_type in _RANDOM:
            _refuse(origin, f"its operator {node.op_type!r} draws random numbers")
        if node.op_type in _ENDLESS:
            _refuse(origin, f"its operator {node.op_type!r} may not end")
        for attribute in node.attribute:
            for tensor in _tensors(attribute):
                _check_tensor(tensor, origin, onnx)


def _walk(nodes: Iterable[Any]) -> Iterator[Any]:
    """Yield each node, and those of the graphs in it."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                yield from _walk(graph.node)


def _sparse(graph: Any) -> Iterator[Any]:  # noqa: ANN401 - onnx's own type
    for tensor in graph.sparse_initializer:
        yield from (tensor.values, tensor.indices)


def _tensors(attribute: Any) -> Iterator[Any]:  # noqa: ANN401 - as above
    yield from (attribute.t, *attribute.tensors)
    for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
        yield from (sparse.values, sparse.indices)
    for graph in (attribute.g, *attribute.graphs):
        yield from (*graph.initializer, *_sparse(graph))


def _check_tensor(tensor: Any, origin: str, onnx: Any) -> None:  # noqa: ANN401 - as above
    if tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL:
        _refuse(
            origin,
            f"its weights {shorten(tensor.name)!r} are in another file",
            "Export it with its weights inside: external_data=False.",
        )


def _open(content: bytes, origin: str, onnxruntime: Any) -> Any:  # noqa: ANN401 - onnxruntime's own
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    # What goes wrong is raised.
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(content, options, providers=[_PROVIDER])
    except Exception as error:  # noqa: BLE001 - as in `_run`
        _refuse(origin, f"onnxruntime cannot load it: {_told(error)}")


def _find_input(session: Any, origin: str) -> tuple[str, int, type[Any]]:  # noqa: ANN401 - as above
    inputs = session.get_inputs()
    if len(inputs) != 1:
        _refuse(
            origin,
            f"it takes {len(inputs)} inputs",
            "Export it with one input of rows of all features: FloatTensorType([None, n]).",
        )
    (only,) = inputs
    if only.type not in _TYPES:
        _refuse(
            origin,
            f"its input is of {only.type}, which is none of {', '.join(_TYPES)}",
            "Export it with one input of rows of all features: FloatTensorType([None, n]).",
        )
    # A dimension that is open is a name, or None.
    rows, *features = only.shape or [0]
    fits = rows == BATCH or not isinstance(rows, int)
    if not fits or len(features) != 1 or not isinstance(features[0], int) or features[0] < 1:
        _refuse(
            origin,
            f"its input is of shape {only.shape}, and should be of any number of rows of features",
            "Export it with an open first dimension; windows of rows run as model.pt.",
        )
    return only.name, features[0], _TYPES[only.type]


def _find_output(session: Any, origin: str) -> str:  # noqa: ANN401 - as above
    outputs = session.get_outputs()
    if any(output.type.startswith("seq(") for output in outputs):
        _refuse(
            origin,
            "it gives probabilities as a sequence of mappings (ZipMap)",
            "Convert it with to_onnx(model, X[:1], options={'zipmap': False}).",
        )
    usable = [
        output.name
        for output in outputs
        # Labels, of one dimension, say less than the probabilities beside them.
        if output.type in _TYPES and len(output.shape) == 2  # noqa: PLR2004 - rows of outputs
    ]
    if len(usable) != 1:
        listed = ", ".join(f"{output.name}: {output.type} {output.shape}" for output in outputs)
        _refuse(
            origin,
            f"{len(usable)} of its outputs are rows of numbers, of: {shorten(listed)}",
            "Export it with one output of (rows, classes), or (rows, 1) for a regression.",
        )
    return str(usable[0])


def _told(error: Exception) -> str:
    return shorten(" ".join(str(error).split()))


def _refuse(
    origin: str, message: str, hint: str = "Export it again, with the operators of ONNX alone."
) -> NoReturn:
    raise BundleError(f"{origin} was refused: {message}", hint=hint)
