"""``model.onnx`` through onnxruntime, always in batches of one size."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from llvmlite import binding

from btkit.errors import BundleError
from btkit.models.forward import Floats, check_rows
from btkit.models.onnx_checks import check_model
from btkit.models.onnx_sizes import BATCH, refuse, told
from btkit.models.pickled import shorten
from btkit.models.tensors import read_whole

MOST_MEMORY = 2 * 2**30
"""Bytes that all networks of a process may take at once while they run."""
# As onnxruntime says it, whose errors have no class of their own for it.
_NO_ROOM = "is smaller than requested bytes"
_PROVIDER = "CPUExecutionProvider"
_TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64}


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
    content
        What it holds, where it was read already.

    Raises
    ------
    BundleError
        If onnxruntime is not installed; the file is not there, no ONNX model, or damaged; it names
        other files, operators that ONNX does not define, that draw random numbers or may not end;
        a tensor in it has more than 64 million values, or as many as nobody can tell before it
        runs; or its inputs and outputs are not as said.

    Examples
    --------
    >>> OnnxNetwork("model.onnx").forward(rows)  # doctest: +SKIP
    array([[0.2, 0.5, 0.3]])
    """

    window = 1

    def __init__(self, path: str | Path, content: bytes | None = None) -> None:
        path = Path(path)
        self._name = path.name
        onnx, onnxruntime = _import()
        if content is None:
            content = read_whole(path)
        check_model(content, self._name, onnx)
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
            if _NO_ROOM in str(error):
                refuse(
                    self._name,
                    f"it asks for more than {MOST_MEMORY:,} bytes of memory while it runs",
                    "Export a smaller network.",
                )
            refuse(self._name, f"onnxruntime cannot run it: {told(error)}")
        if found.ndim != 2 or len(found) != BATCH or not found.shape[1]:  # noqa: PLR2004 - rows of outputs
            refuse(
                self._name,
                f"{BATCH:,} rows give an output {self._output!r} of shape {found.shape}",
                "Let it give one row of numbers for each row.",
            )
        return np.array(found, np.float64)


def _import() -> tuple[Any, Any]:
    try:
        import onnx.inliner  # noqa: PLC0415 - an extra, and slow to import
        import onnxruntime  # noqa: PLC0415 - as above
    except ImportError as error:
        raise BundleError(
            f"model.onnx needs the package {error.name}, which is not installed.",
            hint="Install it with: pip install 'btkit[onnx]'",
        ) from error
    return onnx, onnxruntime


def _open(content: bytes, origin: str, onnxruntime: Any) -> Any:  # noqa: ANN401 - onnxruntime's own
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    # What is asked for beyond it is an error, and not the end of the machine.
    options.add_session_config_entry("session.use_env_allocators", "1")
    _bound_memory(onnxruntime)
    # What goes wrong is raised.
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(content, options, providers=[_PROVIDER])
    except Exception as error:  # noqa: BLE001 - as in `_run`
        refuse(origin, f"onnxruntime cannot load it: {told(error)}")


@cache
def _bound_memory(onnxruntime: Any) -> None:  # noqa: ANN401 - a module
    kind, use = onnxruntime.OrtAllocatorType, onnxruntime.OrtMemType
    cpu = onnxruntime.OrtMemoryInfo("Cpu", kind.ORT_ARENA_ALLOCATOR, 0, use.DEFAULT)
    arena = onnxruntime.OrtArenaCfg({"max_mem": MOST_MEMORY})
    onnxruntime.create_and_register_allocator(cpu, arena)


def _find_input(session: Any, origin: str) -> tuple[str, int, type[Any]]:  # noqa: ANN401 - as above
    inputs = session.get_inputs()
    if len(inputs) != 1:
        refuse(
            origin,
            f"it takes {len(inputs)} inputs",
            "Export it with one input of rows of all features: FloatTensorType([None, n]).",
        )
    (only,) = inputs
    if only.type not in _TYPES:
        refuse(
            origin,
            f"its input is of {only.type}, which is none of {', '.join(_TYPES)}",
            "Export it with one input of rows of all features: FloatTensorType([None, n]).",
        )
    # A dimension that is open is a name, or None.
    rows, *features = only.shape or [0]
    fits = rows == BATCH or not isinstance(rows, int)
    if not fits or len(features) != 1 or not isinstance(features[0], int) or features[0] < 1:
        refuse(
            origin,
            f"its input is of shape {only.shape}, and should be of any number of rows of features",
            "Export it with an open first dimension; windows of rows run as model.pt.",
        )
    return only.name, features[0], _TYPES[only.type]


def _find_output(session: Any, origin: str) -> str:  # noqa: ANN401 - as above
    outputs = session.get_outputs()
    if any(output.type.startswith("seq(") for output in outputs):
        refuse(
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
        refuse(
            origin,
            f"{len(usable)} of its outputs are rows of numbers, of: {shorten(listed)}",
            "Export it with one output of (rows, classes), or (rows, 1) for a regression.",
        )
    return str(usable[0])
