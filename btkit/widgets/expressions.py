"""Conditions and formulas to type in: checked and completed while one types."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import anywidget
import ipywidgets as ipw
import traitlets

from btkit.conditions import CALLS
from btkit.errors import Problem
from btkit.indicators import NO_USER_EVENTS, UserEvents, catalogue
from btkit.widgets.parts import own_text
from btkit.widgets.problems import labelled, problem_markup

Changed = Callable[[str, Any], None]

_LENGTHS = (20, 50, 200)
_FURTHER = {
    "risk_pct": "Share of the capital risked per trade.",
    "multiplier": "What one unit gains per point, in $.",
    "commission": "Commission of the run, as the spec's commission_model counts.",
    "slippage": "Fraction of the price lost per fill.",
}


class _ExpressionList(anywidget.AnyWidget):
    # Expressions beneath a heading, to add, remove and move; one alone without a heading.

    _esm: ClassVar[str] = own_text("expressions.js")

    title: traitlets.Unicode[str, str | bytes] = traitlets.Unicode().tag(sync=True)
    note: traitlets.Unicode[str, str | bytes] = traitlets.Unicode().tag(sync=True)
    single: traitlets.Bool[bool, bool | int] = traitlets.Bool(default_value=False).tag(sync=True)
    texts: traitlets.List[Any] = traitlets.List(traitlets.Unicode()).tag(sync=True)
    words: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """Names to complete, each with its meaning."""
    problems: traitlets.List[Any] = traitlets.List(traitlets.Unicode()).tag(sync=True)
    """What is wrong with each expression, as markup; empty where nothing is."""
    problem: traitlets.Unicode[str, str | bytes] = traitlets.Unicode().tag(sync=True)
    """What is wrong with the list itself."""


class Expressions:
    """A field that is a list of conditions, or one formula.

    Parameters
    ----------
    name
        The field.
    title, note
        Heading, and what it means in a few words.
    changed
        Called with the field's name and its new value.
    events
        The user's, whose names are completed, too.
    single
        For a field that is one expression rather than a list of them: the names that it may read
        beside those of every expression.
    """

    def __init__(
        self,
        name: str,
        title: str,
        note: str,
        changed: Changed,
        *,
        events: UserEvents = NO_USER_EVENTS,
        single: Collection[str] | None = None,
    ) -> None:
        self._events, self._further = events, single or ()
        self.name, self._changed, self._quiet = name, changed, False
        self._single = single is not None
        self.list = _ExpressionList(title=title, note=note, single=self._single)
        self.list.observe(lambda _: self._on_texts(), "texts")
        self.box: ipw.Widget = labelled(title, self.list, note) if self._single else self.list

    @property
    def texts(self) -> list[str]:
        """The expressions as they stand."""
        return list(self.list.texts)

    @texts.setter
    def texts(self, texts: Sequence[str]) -> None:
        self.list.texts = list(texts)

    def show(self, fields: dict[str, Any]) -> None:
        """Show the field without telling anybody that it changed."""
        value = fields.get(self.name, "" if self._single else ())
        self.offer(fields)
        self._quiet = True
        try:
            self.texts = [str(value)] if self._single else list(value)
        finally:
            self._quiet = False

    def offer(self, fields: dict[str, Any]) -> None:
        """Complete what the fields of a spec declare, too: parameters, columns, classifiers."""
        known = words(
            _names(fields.get("parameters")),
            events=self._events,
            columns=_names(fields.get("columns")),
            classifiers=_names(fields.get("classifiers")),
        )
        further = [[name, _FURTHER[name]] for name in self._further]
        self.list.words = sorted([*known, *further])

    def rest(self, value: Any) -> None:  # noqa: ANN401 - plain JSON
        """Say nothing: what is left out is empty."""

    def mark(self, problems: Sequence[Problem]) -> None:
        """Show each problem beneath its expression."""
        texts, found = self.texts, []
        for position, text in enumerate(texts):
            path = self.name if self._single else f"{self.name}[{position}]"
            own = [problem for problem in problems if problem.path == path]
            found.append("".join(problem_markup(problem, text) for problem in own))
        self.list.problems = found
        rest = [] if self._single else [p for p in problems if p.path == self.name]
        self.list.problem = "".join(problem_markup(problem, "") for problem in rest)

    def _on_texts(self) -> None:
        if not self._quiet:
            self._changed(self.name, self.texts[0] if self._single else self.texts)


def _names(declared: object) -> list[str]:
    # A field may be anything while it is typed.
    found = declared if isinstance(declared, Mapping | list | tuple) else ()
    return [name for name in found if isinstance(name, str)]


def words(
    parameters: Iterable[str],
    *,
    events: UserEvents = NO_USER_EVENTS,
    columns: Iterable[str] = (),
    classifiers: Iterable[str] = (),
) -> list[list[str]]:
    """Return every name and every call that an expression can hold, each with its meaning.

    Parameters
    ----------
    parameters
        Of the spec; they stand in braces, alone or as the length of an average.
    events
        The user's.
    columns
        Those of the bars that the spec declares.
    classifiers
        Those that the spec declares.

    Returns
    -------
    list of list of str
        Name and meaning, sorted by name.
    """
    entries = [*catalogue(), *events.indicators()]
    found = {entry.name: entry.meaning for entry in entries if "<" not in entry.name}
    families = [entry for entry in entries if "_<n>" in entry.name]
    for entry in families:
        for length in (*_LENGTHS, *(f"{{{name}}}" for name in parameters)):
            meaning = entry.meaning.replace("<n>", str(length)).replace(" n ", f" {length} ")
            found.setdefault(entry.name.replace("<n>", str(length)), meaning)
    found |= {call.name: f"{call.meaning} {call.example}" for call in CALLS.values()}
    found |= {f"{{{name}}}": "Parameter of this spec." for name in parameters}
    found |= dict.fromkeys(columns, "Column of the bars that this spec declares.")
    found |= dict.fromkeys(classifiers, "What this spec's classifier says of the bar: a text.")
    return [[name, meaning] for name, meaning in sorted(found.items())]
