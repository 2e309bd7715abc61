"""What comes with btkit, such as notebooks and strategies, and a folder to work in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from btkit.errors import StoreError, UsageError

KINDS: Mapping[str, tuple[str, ...]] = {
    "models": ("*/strategy.yaml", "*/*/*.json", "*/*/model.pt", "*/*/model.safetensors"),
    "notebooks": ("*.ipynb",),
    "skills": ("*/SKILL.md", "*/references/*.md"),
    "strategies": ("*.json", "*.yaml"),
    "templates": ("*.ipynb",),
}
"""What comes with btkit, as the folders that `lay_out` makes are called; which files it has."""

_PACKAGE = Path(__file__).resolve().parent


def shipped(kind: str) -> Path:
    """Return the folder of what comes with btkit.

    Parameters
    ----------
    kind
        One of `KINDS`.

    Returns
    -------
    Path
        In a wheel inside the package; in a source tree, and so in an editable install, beside it.

    Examples
    --------
    >>> sorted(path.stem for path in shipped("templates").glob("s*.ipynb"))
    ['sweep']
    """
    # Apart from the package's own folders, of which one is called models.
    inside = _PACKAGE / "files" / kind
    # First: beside an installed package stand those of others, which may have such a name.
    return inside if inside.is_dir() else _PACKAGE.parent / kind


@dataclass(frozen=True)
class Layout:
    """What `lay_out` did.

    Parameters
    ----------
    folder
        Where, absolute.
    written
        Files that were not there.
    left
        Files that were there, and stay as they are.
    changed
        Those among them that are not as btkit ships them.
    """

    folder: Path
    written: list[Path]
    left: list[Path]
    changed: list[Path]


def lay_out(folder: Path | str) -> Layout:
    """Copy what comes with btkit into a folder; what is there is never overwritten.

    Parameters
    ----------
    folder
        Where to; made if it is not there. Each of `KINDS` becomes a folder in it.

    Returns
    -------
    Layout
        Which files were written, and which were there already.

    Raises
    ------
    UsageError
        If no folder is named, or a file stands where a folder should.
    StoreError
        If the folder cannot be written.
    """
    if not str(folder).strip() or "\0" in str(folder):
        raise UsageError(
            f"{str(folder)!r} names no folder.",
            hint="Name one, such as my-backtests, or . for the one you are in.",
            details={"argument": "folder", "received": str(folder)},
        )
    root = Path(os.path.abspath(folder))  # noqa: PTH100 - without following links, unlike resolve
    sources = {
        root / kind / source.relative_to(shipped(kind)): source.read_bytes()
        for kind, patterns in KINDS.items()
        # Whoever works in a source tree may have saved something beside them.
        for source in sorted(path for form in patterns for path in shipped(kind).glob(form))
        if source.is_file()
    }
    # All places are looked at before anything is written.
    for path in {root, *(target.parent for target in sources)}:
        _check_folder(path)
    written, left, changed = [], [], []
    for target, content in sources.items():
        try:
            if _write_new(target, content):
                written.append(target)
                continue
            left.append(target)
            if not target.is_file() or target.read_bytes() != content:
                changed.append(target)
        except OSError as error:
            raise StoreError(
                f"{target} cannot be written: {error.strerror or error}.",
                hint="Name a folder that you may write to and that has space left.",
                details={"path": str(target), "written": [str(path) for path in written]},
            ) from error
    return Layout(root, written, left, changed)


def _check_folder(path: Path) -> None:
    for place in (path, *path.parents):
        if os.path.lexists(place):
            if place.is_dir():
                return
            raise UsageError(
                f"{place} is no folder.",
                hint="Name another folder, or move that file away.",
                details={"argument": "folder", "path": str(place)},
            )


def _write_new(target: Path, content: bytes) -> bool:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        # "x" neither overwrites a file nor writes through a link, also not one that leads nowhere.
        with target.open("xb") as file:
            try:
                file.write(content)
                file.flush()
            except BaseException:
                # Half a file would be left by every further call.
                target.unlink()
                raise
    except FileExistsError:
        return False
    return True
