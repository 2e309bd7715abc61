"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from btkit.errors import StoreError

if TYPE_CHECKING:
    import pandas as pd


def make_folder(folder: Path) -> None:
    """Make a folder and those above it.

    Raises
    ------
    StoreError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as Parquet.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    make_folder(path.parent)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        table.to_parquet(partial)
        partial.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        partial.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    make_folder(path.parent)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        partial.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{path} cannot be written: {error.strerror or error}.",
        hint="Set BT_REPORT_DIR to a folder that you may write to and that has space left.",
        details={"path": str(path)},
    )
