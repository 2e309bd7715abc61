"""The spec under the hand: every edit, what is wrong with it, undo and redo."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Any

from btkit.errors import Problem, SpecError
from btkit.settings import Settings
from btkit.spec import BaseSpec, build_spec, dump_spec

MERGE_S = 1.0
"""Edits of one field that follow each other within this many seconds are undone together."""


class SpecDocument:
    """A spec while it is edited: it may be wrong, and it remembers its past.

    Parameters
    ----------
    spec
        Where editing starts.
    settings
        What a loaded spec takes from the environment.
    clock
        Seconds, for merging edits that belong together.
    """

    def __init__(
        self,
        spec: BaseSpec,
        *,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._past: list[dict[str, Any]] = []
        self._future: list[dict[str, Any]] = []
        self._last: tuple[str, float] = ("", -MERGE_S)
        self.fields = fields_of(spec)
        self.spec, self._events = spec, spec.events
        self.problems: list[Problem] = []

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to take back."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether there is an edit to make again."""
        return bool(self._future)

    def edit(self, name: str, value: object) -> None:
        """Set one field, valid or not.

        Parameters
        ----------
        name
            The field.
        value
            Plain JSON; None leaves the field out.
        """
        if self.fields.get(name) == value:
            return
        now = self._clock()
        field, when = self._last
        if field != name or now - when > MERGE_S:
            self._past.append(copy.deepcopy(self.fields))
        self._future.clear()
        self._last = (name, now)
        if value is None:
            self.fields.pop(name, None)
        else:
            self.fields[name] = copy.deepcopy(value)
        self._check()

    def replace(self, spec: BaseSpec) -> None:
        """Take another spec of the same kind, as one edit that can be undone."""
        self._past.append(self.fields)
        self._future.clear()
        self._events = spec.events
        self._settle(fields_of(spec))

    def undo(self) -> None:
        """Take the last edit back; does nothing where there is none."""
        if self._past:
            self._future.append(self.fields)
            self._settle(self._past.pop())

    def redo(self) -> None:
        """Make the edit that was undone again; does nothing where there is none."""
        if self._future:
            self._past.append(self.fields)
            self._settle(self._future.pop())

    def checked(self) -> BaseSpec:
        """Return the spec as it stands.

        Raises
        ------
        SpecError
            If it is not valid.
        """
        return build_spec(self.spec.kind, self.fields, settings=self._settings, events=self._events)

    def _settle(self, fields: dict[str, Any]) -> None:
        self.fields = fields
        self._last = ("", -MERGE_S)
        self._check()

    def _check(self) -> None:
        try:
            self.spec = self.checked()
        except SpecError as error:
            self.problems = error.problems
            return
        self.problems = []


def fields_of(spec: BaseSpec) -> dict[str, Any]:
    """Return a spec as plain JSON, each field written out."""
    return spec.model_dump(mode="json", exclude_none=True)


def text_of(spec: BaseSpec, *, suffix: str) -> str:
    """Return a spec as the text of a file.

    Parameters
    ----------
    spec
        The spec.
    suffix
        Of the file's name: ``.yaml`` or ``.yml`` gives YAML, all else JSON.
    """
    return dump_spec(spec, format="yaml" if suffix.lower() in {".yaml", ".yml"} else "json")
