"""A folder of dated bundles: what is in it already, what belongs there, and adding to it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from btkit.errors import BundleError, StoreError
from btkit.models import Bundle, load_bundle
from btkit.models.findings import refused_bundle
from btkit.writing import folder_aside, make_folder, publish_folder, write_whole

RECORD = "retraining.json"
"""What a dated bundle was made of, beside its other files."""

_DATED = re.compile(r"\d{4}-\d{2}-\d{2}")
_LONGEST_RECORD = 10_000_000


@dataclass(frozen=True)
class DatedBundles:
    """A folder of bundles of one retraining, each by the date from which it is known.

    Parameters
    ----------
    folder
        Made when the first is added.
    asked
        What was asked for, plain JSON values: the same for all bundles of the folder.
    private
        Whether only its owner may read what is written.
    """

    folder: Path
    asked: Mapping[str, Any]
    private: bool

    def check(self) -> None:
        """Refuse a folder that has bundles of something else, which would decide, too.

        Raises
        ------
        StoreError
            If it has, or cannot be read.
        """
        try:
            if self.folder.exists() and not self.folder.is_dir():
                raise self._refused("is no folder", "Name another one.")
            found = sorted(self.folder.iterdir()) if self.folder.exists() else []
        except OSError as error:
            raise self.unreadable(error) from error
        for path in found:
            if not _DATED.fullmatch(path.name):
                continue
            record = self._record(path)
            if record is None:
                raise self._refused(
                    f"has a bundle of {path.name} that no retraining made",
                    "Name another folder: at each bar the newest of all its bundles decides.",
                )
            other = [
                name for name, value in self.asked.items() if record["asked"].get(name) != value
            ]
            if other:
                raise self._refused(
                    f"has bundles of another retraining: {', '.join(other)} differ",
                    "Name another folder, or remove this one.",
                )

    def kept(self, date: str, learnt: str) -> Bundle | None:
        """Return the bundle of a date that is there already, None if there is none.

        Parameters
        ----------
        date
            As YYYY-MM-DD.
        learnt
            What it is to have learnt; see `Lesson.sha256`.

        Raises
        ------
        StoreError
            If that of this date learnt something else.
        BundleError
            If it is not what was saved.
        """
        path = self.folder / date
        if not path.exists():
            return None
        record = self._record(path)
        bundle = load_bundle(path)
        if record is None or record["learnt"] != learnt or record["bundle"] != bundle.hash:
            raise self._refused(
                f"has a bundle of {date} that learnt from other bars",
                "Name another folder, or remove this one: bars or btkit changed since.",
            )
        return bundle

    def add(self, date: str, learnt: str, save: Callable[[Path], Bundle]) -> Bundle:
        """Add a bundle; it is there whole, with the record of what made it, or not at all.

        Parameters
        ----------
        date, learnt
            As for `kept`.
        save
            Saves it in the folder that it is given.

        Raises
        ------
        BundleError
            If what is saved is refused as a bundle.
        StoreError
            If the folder cannot be written.
        """
        place = self.folder / date
        try:
            make_folder(self.folder, private=self.private)
            with folder_aside(place) as aside:
                written = aside / date
                bundle = save(written)
                record = {"asked": self.asked, "learnt": learnt, "bundle": bundle.hash}
                write_whole(written / RECORD, json.dumps(record, indent=2), private=self.private)
                publish_folder(written, place)
        except BundleError as error:
            if "problems" not in error.details:
                raise
            # It was looked at where it was written, which is gone by now.
            raise refused_bundle(place, error.details["problems"]) from None
        except OSError as error:
            raise self.unreadable(error) from error
        return bundle

    def _record(self, path: Path) -> dict[str, Any] | None:
        try:
            with (path / RECORD).open("rb") as file:
                record = json.loads(file.read(_LONGEST_RECORD))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise self.unreadable(error) from error
        shape = {"asked": dict, "learnt": str, "bundle": str}
        whole = isinstance(record, dict) and all(
            isinstance(record.get(name), kind) for name, kind in shape.items()
        )
        return record if whole else None

    def _refused(self, what: str, hint: str) -> StoreError:
        return StoreError(f"{self.folder} {what}.", hint=hint, details={"folder": str(self.folder)})

    def unreadable(self, error: Exception) -> StoreError:
        """Return the error that says why the folder cannot be read or written."""
        reason = getattr(error, "strerror", None) or error
        return self._refused(
            f"cannot be read or written: {reason}",
            "Name a folder that you may write to and that has space left.",
        )
