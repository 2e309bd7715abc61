"""A control for every field of a spec: each says when it changed, and shows what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, get_args

import ipywidgets as ipw

from btkit.conditions import parameter_names
from btkit.errors import Problem
from btkit.indicators import UserEvents
from btkit.spec import StrategySpec
from btkit.widgets.expressions import Expressions
from btkit.widgets.fields import LabelledField
from btkit.widgets.numbers import Number, Parameters

Changed = Callable[[str, Any], None]

LISTS: dict[str, tuple[str, str]] = {
    "entry_conditions": ("Enter when", "all hold"),
    "exit_conditions": ("Exit when", "all hold; never if empty"),
    "stop_conditions": ("Stop when", "all hold, judged before exits"),
    "filter_conditions": ("Only while", "all hold; gates entries"),
}
"""What a list of conditions is called, and what it means in a few words."""

_LABELS = {
    "parameters": "Parameters",
    "position_sizing_formula": "Size, shares",
    "per_trade_risk_pct": "Risk a trade, %",
    "max_holding_bars": "Hold at most, bars",
    "max_concurrent_positions": "Positions at once",
    "direction": "Direction",
    "short": "Short side, JSON",
    "fill": "Orders fill at",
    "filter_scope": "Filters gate",
    "allow_fractional": "Fractions of a share",
    "commission_model": "Commission",
    "price_adjustment": "Adjust prices for",
    "name": "Name",
    "version": "Version",
    "description": "Description",
    "instruments": "Meant for",
    "timeframe": "Timeframe",
    "calendar": "Calendar",
    "columns": "Columns of the bars",
    "classifiers": "Classifiers, JSON",
    "bars_per_year": "Bars a year",
    "sharpe_risk_free": "Risk-free rate",
    "asset_class": "Asset class",
    "requires_options_data": "Needs IV history",
    "metadata": "Metadata, JSON",
}
_UNSET = "by asset class"
_UNSET_NUMBERS = {
    "bars_per_year": "from the calendar",
    "sharpe_risk_free": "0; such as 0.03, or a column of the bars",
}
_LISTED = {"instruments": "such as SPY, QQQ", "columns": "such as signal, regime"}
_MOST_BARS = 2**31 - 1
_MOST_POSITIONS = 10_000
_RISK = (0.0005, 0.02, 0.0005)
# Rows on the screen, an example, and how far what stands within is indented.
_AS_JSON: dict[str, tuple[int, str, int | None]] = {
    "metadata": (2, '{"author": "me"}', None),
    "classifiers": (2, '{"regime": "models/regime/SPX_1d"}', None),
    "short": (
        8,
        '{"entry_conditions": ["close < sma_50"], "exit_conditions": [], "stop_conditions": []}',
        1,
    ),
}


class Control(Protocol):
    """One field on the screen."""

    box: ipw.Widget

    def show(self, fields: dict[str, Any]) -> None:
        """Show the field's value without telling anybody that it changed."""

    def mark(self, problems: Sequence[Problem]) -> None:
        """Show what is wrong with the field, or that nothing is."""


@dataclass(frozen=True)
class _ControlKind:
    # What edits a field, and how its value becomes plain JSON and is made of it.

    control: ipw.Widget | Number
    read: Callable[[Any], Any] = lambda value: value
    write: Callable[[Any], Any] = lambda value: value


class Field(LabelledField):
    """A field of the spec with one value.

    Parameters
    ----------
    name
        The field.
    kind
        What edits it.
    changed
        Called with the field's name and its new value.
    """

    def __init__(self, name: str, kind: _ControlKind, changed: Changed) -> None:
        about = StrategySpec.model_fields[name]
        self._name, self._kind = name, kind
        self._default = about.get_default(call_default_factory=True)
        if isinstance(kind.control, ipw.Widget):
            kind.control.tooltip = about.description
        super().__init__(
            label_of(name),
            kind.control,
            lambda: changed(name, kind.read(self.value)),
            meaning=f"{about.description} ({name})",
        )

    def show(self, fields: dict[str, Any]) -> None:
        """Show the field's value without telling anybody that it changed."""
        self.put(self._kind.write(fields.get(self._name, self._default)))


def label_of(name: str) -> str:
    """Return what a field is called on the screen."""
    return LISTS[name][0] if name in LISTS else _LABELS[name]


def field_controls(changed: Changed, *, events: UserEvents) -> dict[str, Control]:
    """Return a control for every field of a rule spec, by the field's name.

    Parameters
    ----------
    changed
        Notified of each edit.
    events
        The user's, whose names conditions complete.
    """
    return {name: _control(name, changed, events) for name in StrategySpec.model_fields}


def _control(name: str, changed: Changed, events: UserEvents) -> Control:
    label, meaning = label_of(name), str(StrategySpec.model_fields[name].description)
    if name in LISTS:
        return Expressions(name, *LISTS[name], changed, events=events)
    if name == "parameters":
        return Parameters(changed)
    if name == "position_sizing_formula":
        return Expressions(name, label, meaning, changed, events=events, single=True)
    return Field(name, _kind(name), changed)


def _kind(name: str) -> _ControlKind:  # noqa: PLR0911 - one case a kind of control
    choices = [choice for choice in _choices(name) if choice is not None]
    if choices:
        options = [(choice.replace("_", " "), choice) for choice in choices]
        if StrategySpec.model_fields[name].default is not None:
            return _ControlKind(ipw.Dropdown(options=options))
        # A drop-down that is set to None shows nothing at all.
        return _ControlKind(
            ipw.Dropdown(options=[(_UNSET, ""), *options]),
            read=lambda value: value or None,
            write=lambda value: value or "",
        )
    if name == "per_trade_risk_pct":
        return _ControlKind(Number(_RISK[0], span=_RISK, percent=True, name=label_of(name)))
    if name in {"allow_fractional", "requires_options_data"}:
        return _ControlKind(ipw.Checkbox(indent=False))
    if name in {"max_holding_bars", "max_concurrent_positions"}:
        most = _MOST_BARS if name == "max_holding_bars" else _MOST_POSITIONS
        return _ControlKind(ipw.BoundedIntText(min=1, max=most))
    if name in _LISTED:
        return _ControlKind(ipw.Text(placeholder=_LISTED[name]), read=_listed, write=", ".join)
    if name in _UNSET_NUMBERS:
        return _ControlKind(
            ipw.Text(placeholder=_UNSET_NUMBERS[name]),
            read=_number,
            write=_written,
        )
    if name in _AS_JSON:
        rows, example, indent = _AS_JSON[name]
        return _ControlKind(
            ipw.Textarea(rows=rows, continuous_update=False, placeholder=f"such as {example}"),
            read=_json,
            write=lambda value: (
                json.dumps(value, ensure_ascii=False, indent=indent) if value else ""
            ),
        )
    if name == "description":
        return _ControlKind(ipw.Textarea(rows=4, continuous_update=False))
    return _ControlKind(ipw.Text(continuous_update=True))


def _choices(name: str) -> Iterable[Any]:
    def leaves(annotation: Any) -> Iterable[Any]:  # noqa: ANN401 - a type of any shape
        for part in get_args(annotation):
            if isinstance(part, str):
                yield part
            else:
                yield from leaves(part)

    annotation = StrategySpec.model_fields[name].annotation
    return leaves(annotation) if "Literal" in repr(annotation) else ()


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _json(text: str) -> object:
    try:
        return json.loads(text) if text.strip() else None
    except ValueError:
        return text  # the spec refuses it, and says why


def _number(text: str) -> float | str | None:
    try:
        return float(text) if text.strip() else None
    except ValueError:
        return text  # as above


def _written(value: float | str | None) -> str:
    return value or "" if isinstance(value, str | None) else f"{value:.17g}"


def _texts_of(fields: dict[str, Any]) -> list[str]:
    listed = [
        text
        for name, texts in fields.items()
        if name.endswith("_conditions") and isinstance(texts, list | tuple)
        for text in texts
        if isinstance(text, str)
    ]
    return [*listed, str(fields.get("position_sizing_formula") or "")]


def missing_parameters(fields: dict[str, Any]) -> set[str]:
    """Return the parameters that conditions name and the spec does not have."""
    short = fields.get("short")
    texts = _texts_of(fields) + (_texts_of(short) if isinstance(short, dict) else [])
    named = {name for text in texts for name in parameter_names(text)}
    return named - set(fields.get("parameters") or {})
