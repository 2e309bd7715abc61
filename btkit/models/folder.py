"""The files of a bundle, as they are found on a disk: looked at by name, following no link."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from btkit.arguments import kind_of_value
from btkit.errors import SpecError
from btkit.models.findings import BundleFindings
from btkit.models.manifest import MANIFEST
from btkit.models.metadata import CONFIG, FEATURES, METADATA
from btkit.models.tensors import MOST_BYTES
from btkit.spec.reading import MAX_BYTES, parse_text
from btkit.spelling import some_of

SAFETENSORS, STATE_DICT, ONNX = "model.safetensors", "model.pt", "model.onnx"
MODEL_FILES: Final = (SAFETENSORS, STATE_DICT, ONNX)
"""The files that may hold a model."""

DOCUMENTS: Final = (METADATA, CONFIG, FEATURES, MANIFEST)
"""The files that say what it is."""

# A folder of a stranger's choice may have more entries than anybody waits for.
_MOST_ENTRIES, _MOST_NAMED = 1_000, 3
_NO_LINK: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)

Document = TypeVar("Document", bound=BaseModel)


@dataclass(frozen=True)
class FoundFile:
    """A file of a bundle.

    Parameters
    ----------
    size
        In bytes.
    sha256
        In hexadecimal digits.
    """

    size: int
    sha256: str


@dataclass
class BundleFolder:
    """What a bundle's folder holds of the files that are read; any others are left alone.

    Parameters
    ----------
    path
        Of the folder.
    files
        By name.
    values
        What the documents among them say, by name: mappings, not yet checked.
    models
        What those hold that may be its model, by name, so that what is run are the bytes whose
        checksum was compared, whatever is on the disk by then.
    """

    path: Path
    files: dict[str, FoundFile] = field(default_factory=dict)
    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    models: dict[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def model_files(self) -> list[str]:
        """The files that may hold its model."""
        return [name for name in MODEL_FILES if name in self.files]

    def document(
        self, name: str, kind: type[Document], findings: BundleFindings
    ) -> Document | None:
        """Return what a document says, checked; None where it is missing or refused."""
        if name not in self.values:
            return None
        try:
            return kind.model_validate(self.values[name])
        except ValidationError as error:
            findings.refuse_fields(name, error)
            return None


def read_folder(path: Path, findings: BundleFindings) -> BundleFolder:
    """Read a bundle's documents, and the checksums of all its files.

    Parameters
    ----------
    path
        Of the folder. It may be a link itself; its files may not.
    findings
        Takes what is wrong.
    """
    folder = BundleFolder(path)
    try:
        is_folder, exists = path.is_dir(), path.exists()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no path can look like this"
        findings.refuse("bundle", f"It cannot be read: {reason}.", "Check the path.")
        return folder
    if not is_folder:
        what = "a file, and a bundle is a folder" if exists else "no folder that exists"
        findings.refuse("bundle", f"This is {what}.", _where(path.parent, exists=exists))
        return folder
    read_files(folder, (*DOCUMENTS, *MODEL_FILES), findings)
    missing = {METADATA} - folder.files.keys()
    if not folder.files and not findings.problems:
        findings.refuse(
            "bundle",
            f"This folder is no bundle: it has neither {METADATA} nor a model.",
            _where(path, exists=True),
        )
    elif missing and not any(problem.path == METADATA for problem in findings.problems):
        findings.refuse(METADATA, "The file is missing.")
    return folder


def read_files(folder: BundleFolder, names: Iterable[str], findings: BundleFindings) -> None:
    """Read some of the files of a folder, those of them that are there.

    Parameters
    ----------
    folder
        Takes what they are, and what documents among them say.
    names
        Of `DOCUMENTS` and `MODEL_FILES`.
    findings
        Takes what is wrong with one.
    """
    for name in names:
        _read(folder, name, findings)


def _where(folder: Path, *, exists: bool) -> str:
    try:
        entries = sorted(islice(folder.iterdir(), _MOST_ENTRIES))
        found = [str(one) for one in entries if (one / METADATA).is_file()]
    except (OSError, ValueError):
        found = []
    found = [name for name in found if name.isprintable()]
    named = some_of(found, most=_MOST_NAMED)
    hint = f"Name the folder that holds {METADATA}{f': {named}' if found else ''}."
    astray = not (exists or found or folder.is_absolute())
    return f"{hint} It is looked for from the working folder." if astray else hint


def _read(folder: BundleFolder, name: str, findings: BundleFindings) -> None:
    place = folder.path / name
    is_document = name in DOCUMENTS
    try:
        state = place.lstat()
        if not stat.S_ISREG(state.st_mode):
            what = "a link" if stat.S_ISLNK(state.st_mode) else "no regular file"
            findings.refuse(name, f"It is {what}.", "Put the file itself into the bundle's folder.")
            return
        most = MAX_BYTES if is_document else MOST_BYTES
        size, content = state.st_size, b""
        if size <= most:
            content = _content(place, most)
            size = len(content)
        if size > most:
            findings.refuse(name, f"It is too big: {size:,} bytes, and {most:,} are read.")
            return
    except FileNotFoundError:
        return
    except OSError as error:
        findings.refuse(
            name, f"It cannot be read: {error.strerror}.", "Check who may read the file."
        )
        return
    folder.files[name] = FoundFile(size, hashlib.sha256(content).hexdigest())
    if is_document:
        _parse(folder, name, content, findings)
    else:
        folder.models[name] = content


def _content(place: Path, most: int) -> bytes:
    with os.fdopen(os.open(place, _NO_LINK), "rb") as file:
        # One byte more shows that it has grown since it was looked at; what is no file by now may
        # have nothing to read.
        return file.read(most + 1) or b""


def _parse(folder: BundleFolder, name: str, content: bytes, findings: BundleFindings) -> None:
    try:
        values = parse_text(content.decode("utf-8-sig"), form="json")
    except UnicodeDecodeError as error:
        findings.refuse(name, f"It is no UTF-8 text: byte {error.start} fits nowhere.")
    except SpecError as error:
        message = error.problems[0].message
        findings.refuse(name, f"{message[:1].upper()}{message[1:]}.")
    else:
        if not isinstance(values, dict):
            findings.refuse(name, f"It must be a mapping, not {kind_of_value(values)}.")
        elif reason := _unwritable(values):
            findings.refuse(name, f"It holds {reason}.")
        else:
            folder.values[name] = values


def _unwritable(values: dict[str, Any]) -> str | None:
    """Return what could not be written down again: JSON can escape it, or count beyond it."""
    try:
        json.dumps(values, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        return "half of a surrogate pair, which is no character"
    except ValueError:
        return "a number that is too large for any float"
    return None
