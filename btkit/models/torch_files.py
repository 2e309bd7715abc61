"""``model.pt``: the archive that ``torch.save`` writes, read without PyTorch."""

from __future__ import annotations

import io
import math
import struct
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from btkit.errors import BundleError
from btkit.models.pickled import STATE_DICT, Claim, Storage, read_claims, shorten

_AGAIN = (
    "Save it again with a current PyTorch: torch.save(torch.load(path, weights_only=True), path)."
)
_DAMAGED = "Copy the file again, or save it again."
# What a file of weights has of each; what a made one may have would fill the memory.
_MOST_ENTRIES = 4_000
_MOST_PICKLED = 2**20
_MOST_DIMENSIONS = 8
# What zipfile raises at a damaged archive, and at what it does not know.
_BROKEN = (
    zipfile.BadZipFile,
    RuntimeError,
    ValueError,
    EOFError,
    OverflowError,
    struct.error,
    OSError,
)
_BYTE_ORDERS = {b"little": "<", b"big": ">"}
_KINDS = {
    "DoubleStorage": "f8",
    "FloatStorage": "f4",
    "HalfStorage": "f2",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
}


def read_torch_file(
    content: bytes, origin: str, *, most_tensors: int, most_weights: int
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield each tensor of a file that ``torch.save(module.state_dict(), path)`` wrote.

    Parameters
    ----------
    content
        The whole file.
    origin
        What messages call it.
    most_tensors, most_weights
        How many tensors there may be, and how many numbers in all of them.

    Yields
    ------
    tuple of str and ndarray
        The tensor's name, and a view of its numbers, in the file's order.

    Raises
    ------
    BundleError
        If it is no such file, is damaged, or says of a tensor what cannot be.
    """
    archive = _Archive(content, origin)
    claims = read_claims(archive.read("data.pkl", most=_MOST_PICKLED), origin)
    _check_claims(claims, origin, most_tensors=most_tensors, most_weights=most_weights)
    order = archive.byte_order()
    stored = {claim.storage.key: archive.storage(claim.storage, order) for claim in claims.values()}
    for name, claim in claims.items():
        yield name, _view(stored[claim.storage.key], claim)


class _Archive:
    """The entries of the file, none of which is compressed, and whose names lead nowhere."""

    def __init__(self, content: bytes, origin: str) -> None:
        self.origin = origin
        if content.startswith(b"\x80"):
            self._refuse(
                "it is in PyTorch's legacy format, a bare pickle, which is not read", _AGAIN
            )
        # Each entry begins with this, and is an object of some size before it can be counted.
        if content.count(b"PK\x01\x02") > _MOST_ENTRIES:
            self._refuse(f"its archive has more than {_MOST_ENTRIES:,} entries")
        try:
            self._file = zipfile.ZipFile(io.BytesIO(content))
        except _BROKEN as error:
            raise BundleError(
                f"{origin} is no archive of torch.save, or its end is missing", hint=_DAMAGED
            ) from error
        self._entries = self._check(self._file.infolist(), len(content))

    def read(self, name: str, *, most: int) -> bytes:
        """Return an entry's content, of at most so many bytes."""
        entry = self._entries.get(name)
        if entry is None:
            self._refuse(f"its archive has no entry {shorten(name)!r}")
        if entry.file_size > most:
            self._refuse(f"its entry {shorten(name)!r} is larger than {most:,} bytes")
        try:
            content = self._file.read(entry)
        except _BROKEN as error:
            raise BundleError(
                f"{self.origin} is damaged: its entry {shorten(name)!r} cannot be read",
                hint=_DAMAGED,
            ) from error
        if len(content) != entry.file_size:
            self._refuse(f"its entry {shorten(name)!r} is shorter than the archive says", _DAMAGED)
        return content

    def byte_order(self) -> str:
        """Return numpy's sign for the order of bytes; files of old are in a PC's."""
        if "byteorder" not in self._entries:
            return "<"
        told = self.read("byteorder", most=len(b"little"))
        if told not in _BYTE_ORDERS:
            self._refuse(f"its byte order is {told!r}, neither little nor big")
        return _BYTE_ORDERS[told]

    def storage(self, storage: Storage, order: str) -> NDArray[Any]:
        """Return the numbers of a storage, as many as both the pickle and the entry say."""
        if storage.kind not in _KINDS:
            self._refuse(
                f"its weights are in a {storage.kind}, which is none of {', '.join(_KINDS)}",
                "Save them in single precision: model.float() before state_dict().",
            )
        dtype = np.dtype(order + _KINDS[storage.kind])
        name = f"data/{storage.key}"
        content = self.read(name, most=storage.count * dtype.itemsize)
        if len(content) != storage.count * dtype.itemsize:
            self._refuse(
                f"its entry {shorten(name)!r} has {len(content):,} bytes, and should have "
                f"{storage.count * dtype.itemsize:,}",
                _DAMAGED,
            )
        return np.frombuffer(content, dtype)

    def _check(self, entries: list[zipfile.ZipInfo], size: int) -> dict[str, zipfile.ZipInfo]:
        if sum(entry.file_size for entry in entries) > size:
            self._refuse("its entries are larger than the file: they are compressed, or overlap")
        if any(entry.filename.endswith("/constants.pkl") for entry in entries):
            self._refuse("it is a TorchScript program, not weights")
        if len({entry.filename.partition("/")[0] for entry in entries}) > 1:
            self._refuse("its archive has more than one folder")
        known: dict[str, zipfile.ZipInfo] = {}
        for entry in entries:
            path = PurePosixPath(entry.filename)
            if path.is_absolute() or ".." in path.parts or "\\" in entry.filename:
                self._refuse(f"its entry {shorten(entry.filename)!r} leads out of the archive")
            if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
                self._refuse(f"its entry {shorten(entry.filename)!r} is compressed")
            _, _, name = entry.filename.partition("/")
            if name in known:
                self._refuse(f"its archive has the entry {shorten(name)!r} twice")
            known[name] = entry
        return known

    def _refuse(self, message: str, hint: str = STATE_DICT) -> NoReturn:
        raise BundleError(f"{self.origin} was refused: {message}", hint=hint)


def _check_claims(
    claims: dict[str, Claim], origin: str, *, most_tensors: int, most_weights: int
) -> None:
    """Refuse what no tensor can be, before one of them is made."""
    refusal = _find_refusal(claims, most_tensors, most_weights)
    if refusal is not None:
        raise BundleError(f"{origin} was refused: {refusal}", hint=STATE_DICT)


def _find_refusal(claims: dict[str, Claim], most_tensors: int, most_weights: int) -> str | None:
    if len(claims) > most_tensors:
        return f"it holds {len(claims):,} tensors, more than {most_tensors:,}"
    weights = 0
    spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
    kinds: dict[str, Storage] = {}
    for name, claim in claims.items():
        wrong = _find_misplaced(claim)
        if wrong is not None:
            return f"its tensor {shorten(name)!r} {wrong}"
        weights += math.prod(claim.size)
        if weights > most_weights:
            return f"its tensors hold more than {most_weights:,} numbers"
        if kinds.setdefault(claim.storage.key, claim.storage) != claim.storage:
            return f"its storage {shorten(claim.storage.key)!r} is told in two ways"
        spans[claim.storage.key].append((claim.offset, claim.offset + _reach(claim)))
    for key, ends in spans.items():
        ends.sort()
        if any(last >= begin for (_, last), (begin, _) in pairwise(ends)):
            return f"two of its tensors overlap in the storage {shorten(key)!r}"
    return None


def _find_misplaced(claim: Claim) -> str | None:
    if len(claim.size) != len(claim.stride) or len(claim.size) > _MOST_DIMENSIONS:
        return f"has {len(claim.size)} sizes and {len(claim.stride)} strides"
    if min(claim.size, default=1) < 1:
        return "is empty, or of negative size"
    if min(claim.stride, default=0) < 0 or claim.offset < 0:
        return "begins before its storage, or runs backwards"
    reach = 0
    for stride, size in sorted(zip(claim.stride, claim.size, strict=True)):
        if size > 1 and stride <= reach:
            return "overlaps itself"
        reach += stride * (size - 1)
    if claim.offset + reach >= claim.storage.count:
        return f"reaches beyond its storage of {claim.storage.count:,} numbers"
    return None


def _reach(claim: Claim) -> int:
    return sum(stride * (size - 1) for stride, size in zip(claim.stride, claim.size, strict=True))


def _view(numbers: NDArray[Any], claim: Claim) -> NDArray[Any]:
    strides = tuple(stride * numbers.itemsize for stride in claim.stride)
    # numpy itself checks the bounds once more.
    return np.ndarray(claim.size, numbers.dtype, numbers, claim.offset * numbers.itemsize, strides)
