"""What sweeps and walk-forward validations leave in the report folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from btkit.errors import StoreError, UsageError
from btkit.jobs.job import SPEC_JOBS
from btkit.settings import Settings, read_settings
from btkit.storage import FileKind, JobKind, Store
from btkit.writing import parquet_of

if TYPE_CHECKING:
    from btkit.spec import BaseSpec


def report_folder(settings: Settings) -> Path:
    """Return the folder that tables, documents and spec files are left in."""
    return settings.report_dir.expanduser().absolute()


def write_table(
    owner_id: str, name: str, table: pd.DataFrame, *, kind: FileKind, settings: Settings
) -> Path:
    """Write a table as Parquet, its index included; see `write_bytes`."""
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
    """Report what the file system refuses about a path of the report folder as a StoreError."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {error.strerror or error}.",
            hint="Set BT_REPORT_DIR to a folder that you may write to and that has space left.",
            details={"path": str(path)},
        ) from error


def write_spec(owner_id: str, name: str, spec: BaseSpec, *, settings: Settings) -> Path:
    """Write a spec file that a run takes; see `write_bytes`."""
    text = json.dumps(spec.model_dump(mode="json", exclude_none=True), indent=2)
    content = text.encode() + b"\n"
    return write_bytes(owner_id, name, content, kind="spec", settings=settings)


def load_stored(
    kind: JobKind, job_id: str, *, settings: Settings | None = None
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return the document and the table of a sweep, or of a walk-forward validation.

    Parameters
    ----------
    kind
        ``"sweep"`` or ``"walk-forward"``.
    job_id
        As in the document.
    settings
        Where the files are; None reads the BT_* environment.

    Raises
    ------
    UsageError
        If it cannot be an id.
    StoreError
        If there is none of this kind, or it cannot be read.
    CorruptFileError
        If it is not what was written.
    """
    known = read_settings(settings)
    folder, identity = report_folder(known), SPEC_JOBS[kind].identity
    details = {identity: job_id, "folder": str(folder)}
    hint = f"Its document, {folder}/ID.json, names it as {identity}."
    if not job_id.isalnum():
        raise UsageError(f"{job_id!r} is not the id of a {kind}.", hint=hint, details=details)
    files = Store.from_settings(known).files
    try:
        document = json.loads(files.read(job_id, folder, f"{job_id}.json"))
        table = pd.read_parquet(BytesIO(files.read(job_id, folder, f"{job_id}.parquet")))
    except (OSError, ValueError) as error:
        raise StoreError(
            f"The {kind} {job_id} cannot be read from {folder}: {error}.",
            hint=f"BT_REPORT_DIR names the folder that each {kind} is stored in.",
            details=details,
        ) from error
    if not isinstance(document, dict) or document.get(identity) != job_id:
        raise StoreError(f"{job_id} is not the id of a {kind}.", hint=hint, details=details)
    return document, table
