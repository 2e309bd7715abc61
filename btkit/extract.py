"""A part of a document: the fields that somebody wants, and so many rows of its lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from btkit.arguments import check_whole
from btkit.errors import UsageError
from btkit.spelling import did_you_mean, some_of

Wanted = dict[str, "Wanted"]

_MOST_NAMED = 40
LEFT_OUT = "left_out"
"""Under this name a document says how many rows of its lists are not in it, by their place."""


@dataclass(frozen=True)
class Extract:
    """Which part of a document is wanted.

    Parameters
    ----------
    fields
        Names with a dot between a field and one in it, such as ``metrics.sharpe_ratio``; in a list
        it is that of each entry. None for all.
    max_rows
        How many entries of each list are wanted; None for all.
    is_lenient
        Whether a field that a document lacks is left out, and no error.
    """

    fields: tuple[str, ...] | None = None
    max_rows: int | None = None
    is_lenient: bool = False

    @classmethod
    def of(cls, fields: str | Iterable[str] | None, max_rows: int | None) -> Self:
        """Return what is wanted, as people write it: fields with commas between them.

        Raises
        ------
        UsageError
            If no field is named, or the number is below 0.
        """
        texts = fields.split(",") if isinstance(fields, str) else fields
        named = None if texts is None else tuple(text.strip() for text in texts)
        if named is not None and not all(named):
            raise UsageError(
                "A name of a field is empty.",
                hint="Write such as metrics.sharpe_ratio,warnings.",
                details={"argument": "fields"},
            )
        if max_rows is not None:
            hint = "Give how many rows of each list are wanted, such as 5."
            max_rows = check_whole(max_rows, "max_rows", least=0, hint=hint)
        return cls(named, max_rows)

    def cut(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return that part of a document, in the document's order.

        Where rows are left out, ``left_out`` says how many, by the list's place.

        Raises
        ------
        UsageError
            If it lacks a field; the hint has the one that was meant, and those there are.

        Examples
        --------
        >>> Extract.of("a.b", None).cut({"a": {"b": 1, "c": 2}, "d": 3})
        {'a': {'b': 1}}
        """
        found: Any = dict(document)
        if self.fields is not None:
            wanted: Wanted = {}
            for name in self.fields:
                _want(wanted, name.split("."))
            found = _chosen(found, wanted, (), is_lenient=self.is_lenient)
        if self.max_rows is None:
            return dict(found)
        left_out: dict[str, int] = {}
        short = _shortened(found, self.max_rows, "", left_out)
        return {**short, **({LEFT_OUT: left_out} if left_out else {})}


def _want(wanted: Wanted, steps: list[str]) -> None:
    """Add a field; one that is wanted whole stays so."""
    first, *others = steps
    if not others:
        wanted[first] = {}
    elif wanted.get(first, True):
        _want(wanted.setdefault(first, {}), others)


def _chosen(
    value: Any,  # noqa: ANN401 - JSON
    wanted: Wanted,
    path: tuple[str, ...],
    *,
    is_lenient: bool,
) -> Any:  # noqa: ANN401 - JSON
    if not wanted or value is None:
        return value
    entries = value if isinstance(value, list) else [value]
    if not is_lenient and entries:
        # Entries of one list may differ in what they have.
        names = list(dict.fromkeys(name for entry in entries for name in _names(entry, path)))
        for name in wanted:
            if name not in names:
                raise _unknown(name, names, path)
    found = [
        {
            name: _chosen(entry[name], wanted[name], (*path, name), is_lenient=is_lenient)
            for name in (entry if isinstance(entry, dict) else ())
            if name in wanted
        }
        for entry in entries
    ]
    return found if isinstance(value, list) else found[0]


def _names(value: object, path: tuple[str, ...]) -> list[str]:
    if isinstance(value, dict):
        return list(value)
    place = ".".join(path)
    raise UsageError(
        f"{place} has no fields of its own.",
        hint=f"Ask for {place} itself.",
        details={"argument": "fields", "field": place},
    )


def _unknown(name: str, known: list[str], path: tuple[str, ...]) -> UsageError:
    where = f"{'.'.join(path)} of the document" if path else "The document"
    meant = did_you_mean(name, known)
    shown = some_of(known, most=_MOST_NAMED)
    return UsageError(
        f"{where} has no field {name!r}.",
        hint=(f"{meant[0].upper()}{meant[1:]} " if meant else "") + f"It has {shown}.",
        details={"argument": "fields", "field": ".".join((*path, name)), "known": known},
    )


def _shortened(value: Any, most: int, path: str, left_out: dict[str, int]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {
            name: _shortened(entry, most, f"{path}.{name}" if path else name, left_out)
            for name, entry in value.items()
        }
    if not isinstance(value, list):
        return value
    if len(value) > most:
        left_out[path] = left_out.get(path, 0) + len(value) - most
    return [_shortened(entry, most, path, left_out) for entry in value[:most]]
