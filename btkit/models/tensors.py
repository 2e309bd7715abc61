"""The weights of a trained model: arrays of numbers out of an untrusted file, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize

from btkit.errors import BundleError
from btkit.models.pickled import shorten
from btkit.models.torch_files import read_torch_file

Tensors: TypeAlias = dict[str, NDArray[np.float64]]

MOST_BYTES = 256 * 2**20
"""What a file of weights may hold; a network of 64 million weights in single precision does."""
MOST_TENSORS = 1_000
_MOST_CONTENTS = 2**20
_MOST_WEIGHTS = MOST_BYTES // 4
# Whole numbers up to this are kept as they are.
_EXACT = 2**53

# The names of safetensors. What is not here is refused: numpy has no bfloat16, and a network has
# no use for truth values or complex numbers.
_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "<i1",
    "U8": "<u1",
}


def read_tensors(path: str | Path, content: bytes | None = None) -> Tensors:
    """Read the weights of ``model.safetensors``, or of a ``model.pt`` without PyTorch.

    Of ``model.pt`` only a mapping of names to tensors is understood, as
    ``torch.save(module.state_dict(), path)`` writes it. Whatever else a file asks for is refused:
    nothing in it is ever run, and what it says of sizes is checked before anything is allocated.

    Parameters
    ----------
    path
        A file that ends in ``.safetensors``, ``.pt`` or ``.pth``, of at most 256 MiB.
    content
        What it holds, where it was read already.

    Returns
    -------
    dict of str to ndarray
        Each tensor by its name, as float64, C-contiguous, of the file's shape; in the file's order,
        or for safetensors, which keeps none, in that of the names, numbers in them counted as such.
        Single and half precision and whole numbers are kept exactly.

    Raises
    ------
    BundleError
        If there is no such file, it is not of its kind, asks for anything but tensors, is not
        whole, is too large, or holds a weight that is NaN or infinite.

    Examples
    --------
    >>> read_tensors("model.safetensors")["0.weight"].shape  # doctest: +SKIP
    (64, 24)
    """
    path = Path(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise BundleError(
            f"{path.name} is none of {', '.join(_READERS)}, which weights are read from",
            hint="Save them with safetensors, or with torch.save(model.state_dict(), 'model.pt').",
        )
    tensors: Tensors = {}
    whole = read_whole(path) if content is None else content
    for name, tensor in reader(whole, path.name):
        tensors[name] = _as_weights(tensor, shorten(name), path.name)
    return tensors


def read_whole(path: Path) -> bytes:
    """Return the content of a file of weights, of at most `MOST_BYTES`."""
    try:
        # A pipe or device may never end.
        if not path.is_file():
            raise BundleError(
                f"There is no file {path}", hint="Check the path; a bundle is a folder of files."
            )
        size = path.stat().st_size
        content = path.read_bytes() if size <= MOST_BYTES else b""
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no path can look like this"
        raise BundleError(f"{path} cannot be read: {reason}", hint="Check the path.") from error
    if size > MOST_BYTES:
        raise BundleError(
            f"{path.name} is larger than {MOST_BYTES:,} bytes",
            hint="Networks of this size are not run here; train a smaller one.",
        )
    return content


def _read_safetensors(content: bytes, origin: str) -> Iterator[tuple[str, NDArray[Any]]]:
    # The table of contents comes first, behind its length.
    if int.from_bytes(content[:8], "little") > _MOST_CONTENTS:
        raise BundleError(
            f"{origin} was refused: it is no safetensors file, or has a table of contents of more "
            f"than {_MOST_CONTENTS:,} bytes",
            hint="Save the weights of one network alone, with the safetensors library.",
        )
    try:
        found = deserialize(content)  # type: ignore[no-untyped-call]  # as safetensors has it
    except SafetensorError as error:
        raise BundleError(
            f"{origin} is no whole safetensors file: {shorten(str(error))}",
            hint="Copy the file again, or save it again.",
        ) from error
    if len(found) > MOST_TENSORS:
        raise BundleError(
            f"{origin} was refused: it holds {len(found):,} tensors, more than {MOST_TENSORS:,}",
            hint="A bundle holds the weights of one network.",
        )
    for name, tensor in sorted(found, key=lambda entry: counted(entry[0])):
        if tensor["dtype"] not in _DTYPES:
            raise BundleError(
                f"{origin} was refused: its tensor {shorten(name)!r} is of {tensor['dtype']}, "
                f"which is none of {', '.join(_DTYPES)}",
                hint="Save the weights in single precision (F32).",
            )
        dtype = np.dtype(_DTYPES[tensor["dtype"]])
        yield name, np.frombuffer(tensor["data"], dtype).reshape(tensor["shape"])


def counted(name: str) -> list[tuple[int, str]]:
    """Return what puts names in the order of the numbers in them: 10.weight after 2.weight."""
    return [
        (int(part), "") if part.isdecimal() else (-1, part)
        for part in re.split(r"(\d{1,9})", name, flags=re.ASCII)
    ]


def _read_torch(content: bytes, origin: str) -> Iterator[tuple[str, NDArray[Any]]]:
    return read_torch_file(content, origin, most_tensors=MOST_TENSORS, most_weights=_MOST_WEIGHTS)


_Reader: TypeAlias = Callable[[bytes, str], Iterator[tuple[str, NDArray[Any]]]]
_READERS: dict[str, _Reader] = {
    ".safetensors": _read_safetensors,
    ".pt": _read_torch,
    ".pth": _read_torch,
}


def _as_weights(tensor: NDArray[Any], name: str, origin: str) -> NDArray[np.float64]:
    weights = np.array(tensor, np.float64, order="C")
    if not np.isfinite(weights).all():
        count = int(np.count_nonzero(~np.isfinite(weights)))
        raise BundleError(
            f"{origin} was refused: {count:,} of the {weights.size:,} weights of {name!r} are NaN "
            "or infinite",
            hint="The training diverged; train again with a smaller learning rate.",
        )
    if tensor.dtype.kind in "iu" and np.abs(weights).max(initial=0.0) > _EXACT:
        raise BundleError(
            f"{origin} was refused: {name!r} holds whole numbers above 2**53",
            hint="Save the weights in single precision.",
        )
    return weights
