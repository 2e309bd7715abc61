"""The one writer: files that appear whole or not at all, follow no link, and say whose they are.

Whatever btkit leaves on a disk is first written under a name that nobody can know beforehand, and
then takes its own. That name carries the process, so that what a killed one left can be told from
what another one is writing now.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING

from btkit.owner import is_running, this_process

if TYPE_CHECKING:
    import pandas as pd
    from _typeshed import ReadableBuffer

# A name may have 255 bytes, and a letter four.
_LONGEST_STEM = 60
_PARTIAL = re.compile(r"\..+\.(?P<pid>\d+)-(?P<started>[\d.]*)-(?P<host>[0-9a-f]{8})-\w+\.partial")
# What another machine, or an earlier version, is writing for longer than this is given up.
_ABANDONED_AFTER_S = 86_400.0


@dataclass(frozen=True)
class Aside:
    """A file that is being written under another name.

    Parameters
    ----------
    file
        Takes its content.
    path
        The name that it is to have.
    partial
        The name that it has now.
    """

    file: IO[bytes]
    path: Path
    partial: Path

    def finish(self, *, durable: bool = False) -> None:
        """Write out what is buffered, to the disk where `durable`; nothing can be added then."""
        if self.file.closed:
            return
        self.file.flush()
        if durable:
            os.fsync(self.file.fileno())
        self.file.close()

    def publish(self) -> None:
        """Give the file its name, in place of whatever has it now, be it a link."""
        self.finish()
        self.partial.replace(self.path)


class Summed(io.RawIOBase):
    """A file that is being written, and what its checksum comes to.

    Parameters
    ----------
    file
        Takes what is written.
    """

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file, self._digest, self.size = file, hashlib.sha256(), 0

    @property
    def sha256(self) -> str:
        """Of what was written so far, in hexadecimal digits."""
        return self._digest.hexdigest()

    def writable(self) -> bool:
        """Tell that it can be written."""
        return True

    def write(self, content: ReadableBuffer) -> int:
        """Write all of some content, and return how many bytes that is."""
        count = self._file.write(content)
        self._digest.update(content)
        self.size += count
        return count


def is_full(error: OSError) -> bool:
    """Tell whether something could not be written because there is no room left for it."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of some content, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def digest_of_json(value: object) -> str:
    """Return the SHA-256 of plain JSON values, in hexadecimal digits.

    In which order a mapping names its keys makes no difference. Where it does to what is asked,
    that is a list of pairs.

    Parameters
    ----------
    value
        Mappings, sequences, texts, numbers, truth values and None.

    Examples
    --------
    >>> digest_of_json({"a": 1, "b": 2}) == digest_of_json({"b": 2, "a": 1})
    True
    >>> digest_of_json([["a", 1], ["b", 2]]) == digest_of_json([["b", 2], ["a", 1]])
    False
    """
    return digest_of(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


def make_folder(folder: Path, *, private: bool = False) -> None:
    """Make a folder and those above it; one that is there stays as it is.

    Parameters
    ----------
    folder
        To be made.
    private
        Whether only its owner may enter those that are made.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    mode = 0o700 if private else 0o777
    missing = [above for above in folder.parents if not above.exists()]
    for path in (*reversed(missing), folder):
        path.mkdir(mode=mode, exist_ok=True)


@contextmanager
def writing_aside(path: Path, *, private: bool = False) -> Iterator[Aside]:
    """Write a file that appears under its name only when, and if, it is published.

    Parameters
    ----------
    path
        The name; its folder must be there.
    private
        Whether only its owner may read it.

    Yields
    ------
    Aside
        Open. What was not published when the block ends is removed.

    Raises
    ------
    OSError
        If it cannot be written.

    Examples
    --------
    >>> with writing_aside(Path("table.csv")) as aside:  # doctest: +SKIP
    ...     aside.file.write(b"time,close")
    ...     aside.publish()
    """
    partial = _partial_name(path)
    # O_EXCL alone refuses a link; O_NOFOLLOW says so where a file system takes it otherwise.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    for name in ("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY"):
        flags |= getattr(os, name, 0)
    descriptor = os.open(partial, flags, 0o600 if private else 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield Aside(file, path, partial)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def folder_aside(path: Path) -> Iterator[Path]:
    """Yield a folder beside a file to be, for those who write by a path of their own.

    Parameters
    ----------
    path
        What will be made of it.

    Yields
    ------
    Path
        Of a folder that only its owner may enter, and that is removed in the end.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    folder = _partial_name(path)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish_folder(written: Path, path: Path) -> None:
    """Give a folder that was written aside its name, in place of the folder that has it now.

    Parameters
    ----------
    written
        On the same file system, as a folder in one of `folder_aside` is.
    path
        The name that it is to have.

    Raises
    ------
    OSError
        If it cannot have it; what was there is as it was.
    """
    with folder_aside(path) as aside:
        before = aside / path.name
        # A folder that has something in it cannot be replaced in one step.
        with suppress(FileNotFoundError):
            path.rename(before)
        try:
            written.rename(path)
        except BaseException:
            if before.exists():
                before.rename(path)
            raise


def write_whole(
    path: Path, content: bytes | str, *, private: bool = False, durable: bool = False
) -> None:
    """Write a file.

    Parameters
    ----------
    path
        Its name, in a folder that is there. What has it now is replaced: several processes may
        write it at a time.
    content
        A text is written as UTF-8.
    private
        Whether only its owner may read it.
    durable
        Whether to wait until it is on the disk itself.

    Raises
    ------
    OSError
        If it cannot be written; what was there is as it was.

    Examples
    --------
    >>> write_whole(Path("run.json"), "{}")  # doctest: +SKIP
    """
    with writing_aside(path, private=private) as aside:
        aside.file.write(content.encode() if isinstance(content, str) else content)
        aside.finish(durable=durable)
        aside.publish()


def parquet_of(table: pd.DataFrame) -> bytes:
    """Return a table as Parquet, its index included."""
    buffer = io.BytesIO()
    table.to_parquet(buffer)
    return buffer.getvalue()


def abandoned(folder: Path, pattern: str = "*") -> list[Path]:
    """Return what processes that are gone were writing in a folder.

    Parameters
    ----------
    folder
        Where to look; not below it.
    pattern
        Of the names that the files were to have, such as ``"*.html"``.

    Returns
    -------
    list of Path
        Files and folders: of a process of this machine that has ended, or a day old.
    """
    found = folder.glob(f".{pattern}.partial") if folder.is_dir() else ()
    return sorted(path for path in found if _is_abandoned(path))


def sweep(folder: Path, pattern: str = "*") -> list[Path]:
    """Remove what processes that are gone were writing in a folder; see `abandoned`."""
    found = abandoned(folder, pattern)
    for path in found:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            # A read-only folder is no reason to fail whoever only tidies up.
            with suppress(OSError):
                path.unlink(missing_ok=True)
    return [path for path in found if not path.exists()]


@lru_cache(maxsize=64)
def sweep_once(folder: Path) -> None:
    """Remove what killed processes left in a folder, when this one first writes there."""
    sweep(folder)


def _partial_name(path: Path) -> Path:
    owner = this_process()
    host = digest_of(owner.host.encode())[:8]
    whose = f"{owner.pid}-{owner.started}-{host}-{secrets.token_hex(4)}"
    return path.with_name(f".{path.name[:_LONGEST_STEM]}.{whose}.partial")


def _is_abandoned(path: Path) -> bool:
    found = _PARTIAL.fullmatch(path.name)
    mine = this_process()
    if found is not None and found["host"] == digest_of(mine.host.encode())[:8]:
        return not is_running(int(found["pid"]), found["started"])
    try:
        return time.time() - path.lstat().st_mtime > _ABANDONED_AFTER_S
    except OSError:  # gone meanwhile
        return False
