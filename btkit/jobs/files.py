"""What sweeps and walk-forward validations leave in the report folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from btkit.errors import StoreError
from btkit.settings import Settings
from btkit.storage import FileKind, Store, parquet_of

if TYPE_CHECKING:
    import pandas as pd


def report_folder(settings: Settings) -> Path:
    """Return the folder that tables, documents and spec files are left in."""
    return settings.report_dir.expanduser().absolute()


def write_table(
    owner_id: str, name: str, table: pd.DataFrame, *, kind: FileKind, settings: Settings
) -> Path:
    """Write a table as Parquet into the report folder, and note its checksum.

    Parameters
    ----------
    owner_id, name, kind, settings
        As for `write_bytes`.
    table
        What it is to hold, its index included.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    StoreError
        If it cannot be written, or the database cannot.
    """
    return write_bytes(owner_id, name, parquet_of(table), kind=kind, settings=settings)


def write_bytes(
    owner_id: str, name: str, content: bytes, *, kind: FileKind, settings: Settings
) -> Path:
    """Write a file into the report folder, and note its checksum.

    Parameters
    ----------
    owner_id
        The sweep or walk-forward validation that it belongs to.
    name
        The file's, with ``/`` between folders, which are made if they are not there.
    content
        What it is to hold.
    kind
        What it is.
    settings
        Where the report folder and the database are.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    StoreError
        If it cannot be written, or the database cannot.
    """
    folder = report_folder(settings)
    files = Store.from_settings(settings).files
    with explained(folder / name):
        return files.write(owner_id, folder, name, content, kind=kind)


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
