"""What sweeps and walk-forward validations leave in the report folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from btkit.errors import StoreError
from btkit.storage import make_folder, parquet_of, write_whole

if TYPE_CHECKING:
    import pandas as pd


def write_table(path: Path, table: pd.DataFrame, *, private: bool) -> None:
    """Write a table as Parquet.

    Parameters
    ----------
    path
        Of the file.
    table
        What it is to hold, its index included.
    private
        BT_PRIVATE.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    write_bytes(path, parquet_of(table), private=private)


def write_bytes(path: Path, content: bytes, *, private: bool) -> None:
    """Write a file.

    Parameters
    ----------
    path
        Of the file; its folder is made if it is not there.
    content
        What it is to hold.
    private
        BT_PRIVATE.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    with explained(path):
        make_folder(path.parent, private=private)
        write_whole(path, content, private=private)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Report what the file system refuses as a StoreError.

    Parameters
    ----------
    path
        A file or folder in the report folder, for the message.
    """
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {error.strerror or error}.",
            hint="Set BT_REPORT_DIR to a folder that you may write to and that has space left.",
            details={"path": str(path)},
        ) from error
