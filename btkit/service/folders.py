"""The folders whose files a request may name, and no others."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from btkit.arguments import quoted
from btkit.errors import AccessError, Problem, UsageError
from btkit.jobs.fields import names_file
from btkit.settings import Settings
from btkit.shipped import shipped

Place = tuple[str | int, ...]
SPEC_ENDINGS = (".json", ".yaml", ".yml")
_HINT = (
    "Name a file of a folder that BT_ALLOWED_DIRS of the server has, or give the spec by its "
    "fields."
)
# What names bundles in a spec: a path, or paths by whatever key.
_OF_BUNDLES = ("model_path", "models", "classifiers")
_NO_PATHS = "allow_other"


@dataclass(frozen=True)
class AllowedFolders:
    """The folders that requests may name files of, and what lies in them.

    Parameters
    ----------
    folders
        Absolute, with links followed.
    """

    folders: tuple[Path, ...]

    @classmethod
    def of(cls, settings: Settings) -> AllowedFolders:
        """Return the folders of a server.

        Parameters
        ----------
        settings
            BT_ALLOWED_DIRS: folders with a colon between them; where it is not set, ``strategies``
            and ``models`` of the working folder. What comes with btkit is allowed in any case.

        Raises
        ------
        UsageError
            If one of them is no folder.
        """
        own = [shipped("strategies"), shipped("models")]
        if settings.allowed_dirs is None:
            asked = [path for path in map(Path, ("strategies", "models")) if path.is_dir()]
        else:
            names = [name for name in settings.allowed_dirs.split(os.pathsep) if name.strip()]
            asked = [Path(name).expanduser() for name in names]
            odd = [str(path) for path in asked if not path.is_dir()]
            if odd:
                raise UsageError(
                    f"BT_ALLOWED_DIRS names {quoted(odd[0])}, which is no folder.",
                    hint="Name folders that exist, with a colon between two of them.",
                    details={"argument": "BT_ALLOWED_DIRS", "folders": odd},
                )
        return cls(tuple(dict.fromkeys(path.resolve() for path in (*asked, *own))))

    def has(self, text: str) -> bool:
        """Return whether a path leads into one of the folders, whatever links are on the way.

        Parameters
        ----------
        text
            The path, from the working folder.
        """
        # What reads it later takes "~" for somebody's home.
        if text.startswith("~"):
            return False
        try:
            place = Path(text).resolve()
            # The files of a bundle's folder, and of its dates, have to lie there, too.
            below = [child.resolve() for form in ("*", "*/*") for child in place.glob(form)]
            return all(map(self._is_inside, (place, *below)))
        except (OSError, ValueError, RuntimeError):
            # Too long, a character that no path has, or links in a circle.
            return False

    def _is_inside(self, place: Path) -> bool:
        return any(place.is_relative_to(folder) for folder in self.folders)

    def check(self, named: Iterator[tuple[Place, str]]) -> None:
        """Refuse paths that lead elsewhere, all at once.

        Parameters
        ----------
        named
            Where each stands in the request, and the path.

        Raises
        ------
        AccessError
            If any does; whether there is such a file it does not tell.
        """
        problems = [
            Problem(
                _text_of(place),
                f"{quoted(path)} is outside the folders allowed",
                _HINT,
                location=place,
            )
            for place, path in named
            if not self.has(path)
        ]
        if problems:
            raise AccessError(
                f"{problems[0].path}: {problems[0].message}.",
                hint=_HINT,
                details={"problems": [problem.to_document() for problem in problems]},
            )

    def find(self, name: str) -> str | None:
        """Return the file of a strategy that is called by its name alone.

        Parameters
        ----------
        name
            Such as ``"golden_cross"``: of its file, or of the folder that it is the strategy of.
        """
        for folder in self.folders:
            places = [folder / f"{name}{ending}" for ending in SPEC_ENDINGS]
            for place in (*places, folder / name / "strategy.yaml"):
                if self.has(str(place)) and place.is_file():
                    return str(place)
        return None

    def names(self) -> list[str]:
        """Return the names that `find` finds, in alphabetical order."""
        found = {
            path.stem
            for folder in self.folders
            for path in folder.glob("*")
            if path.suffix in SPEC_ENDINGS
        }
        found |= {
            path.parent.name for each in self.folders for path in each.glob("*/strategy.yaml")
        }
        return sorted(found)


def paths_of_job(values: Mapping[str, Any], place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Yield every path that the fields of a job name, and where.

    Parameters
    ----------
    values
        Plain values, not yet checked.
    place
        Of the job in the request.
    """
    for name in ("spec", "path", "model_path"):
        if isinstance(values.get(name), str):
            yield (*place, name), values[name]
    stated = values.get("format")
    if names_file(stated):
        yield (*place, "format"), stated
    if isinstance(values.get("spec"), Mapping):
        yield from paths_of_spec(values["spec"], (*place, "spec"))


def paths_of_spec(values: Mapping[str, Any], place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Yield every path that the fields of a spec name, and where."""
    for name in _OF_BUNDLES:
        yield from _texts(values.get(name), (*place, name))


def _texts(value: object, place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if key != _NO_PATHS:
                yield from _texts(item, (*place, key))


def _text_of(place: Place) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)[1:]
