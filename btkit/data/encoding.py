"""The text of a file, in whichever encoding it was written."""

from __future__ import annotations

from typing import Final, NoReturn

import numpy as np

from btkit.data.info import Remark
from btkit.errors import DataError

NULS: Final = 0.3
BOMS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"),
)  # fmt: skip


def decode(content: bytes, *, origin: str) -> tuple[str, list[Remark]]:
    """Return a file's text, its lines ended by line feeds; an encoding that was guessed is told."""
    encoding = next((name for mark, name in BOMS if content.startswith(mark)), None)
    if encoding is None:
        encoding = _without_mark(content)
    remarks = []
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        try:
            text = content.decode("cp1252")
        except UnicodeDecodeError:
            _refuse_binary(origin)
        remarks.append(Remark("encoding", f"{origin} is no UTF-8; it was read as Windows-1252."))
    text = text.rstrip("\0")
    if "\0" in text:
        _refuse_binary(origin)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text, remarks


def _without_mark(content: bytes) -> str:
    sample = np.frombuffer(content[:2_000], dtype=np.uint8)
    if len(sample) < 2:  # noqa: PLR2004 - no two bytes, no pattern
        return "utf-8"
    even, odd = np.mean(sample[::2] == 0), np.mean(sample[1::2] == 0)
    if odd > 1 - NULS and even < NULS:
        return "utf-16-le"
    return "utf-16-be" if even > 1 - NULS and odd < NULS else "utf-8"


def _refuse_binary(origin: str) -> NoReturn:
    raise DataError(
        f"{origin} is no text", hint="fetch or export it again as a CSV in UTF-8, or as Parquet"
    )
