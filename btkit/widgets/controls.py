"""A control for every field of a spec: each says when it changed, and shows what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

import ipywidgets as ipw
from pydantic.fields import FieldInfo

from btkit.conditions import parameter_names
from btkit.errors import Problem
from btkit.indicators import UserEvents
from btkit.spec import BaseSpec
from btkit.spec.carry import rate_parameters
from btkit.spec.order_checks import order_expressions, order_parameters
from btkit.widgets.control_kinds import control_kind
from btkit.widgets.expressions import Expressions
from btkit.widgets.fields import LabelledField
from btkit.widgets.numbers import Parameters

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
    "scale_out": "Part exits, JSON",
    "stop_loss": "Stop loss",
    "take_profit": "Take profit",
    "trailing_stop": "Trailing stop, JSON",
    "entry_order": "Entry order, JSON",
    "intrabar": "First in a bar",
    "limit_touch": "Touch fills limits",
    "detail": "Finer bars",
    "direction": "Direction",
    "short": "Short side, JSON",
    "fill": "Orders fill at",
    "filter_scope": "Filters gate",
    "allow_fractional": "Fractions of a share",
    "commission_model": "Commission",
    "multiplier": "Gain per point, $",
    "initial_margin": "Margin a unit, $",
    "cash_rate": "Cash earns a year",
    "borrow_rate": "Shorts pay a year",
    "dividends": "Dividends paid in",
    "price_adjustment": "Adjust prices for",
    "name": "Name",
    "version": "Version",
    "description": "Description",
    "instruments": "Meant for",
    "timeframe": "Timeframe",
    "calendar": "Calendar",
    "calendars": "Those of others, JSON",
    "columns": "Columns of the bars",
    "classifiers": "Classifiers, JSON",
    "bars_per_year": "Bars a year",
    "sharpe_risk_free": "Risk-free rate",
    "asset_class": "Asset class",
    "requires_options_data": "Needs IV history",
    "metadata": "Metadata, JSON",
    "model_path": "Bundle",
    "models": "Bundles by date",
    "symbol": "Trained for",
    "interval": "Bars of",
    "allow_other": "May be another",
    "output_classes": "Classes, in order",
    "output_activation": "Outputs are",
    "trained_until": "Trained until",
    "label_horizon": "Label looks ahead, bars",
    "confidence_threshold": "Least probability",
    "position_awareness": "Minds its position",
    "allow_short_from_flat": "May sell short",
    "min_signal_separation": "Hours between trades",
    "round_trip_cost": "Round trip costs, %",
    "min_edge_multiplier": "Edge, times that",
    "features": "Features, JSON",
}


class Control(Protocol):
    """One field on the screen."""

    box: ipw.Widget

    def show(self, fields: dict[str, Any]) -> None:
        """Show the field's value without telling anybody that it changed."""

    def mark(self, problems: Sequence[Problem]) -> None:
        """Show what is wrong with the field, or that nothing is."""

    def offer(self, fields: dict[str, Any]) -> None:
        """Complete the names that a spec's fields declare."""

    def rest(self, value: Any) -> None:  # noqa: ANN401 - plain JSON
        """Say what holds where the field is left out."""


class Field(LabelledField):
    """A field of the spec with one value.

    Parameters
    ----------
    name
        The field.
    about
        Its type, its default and what it means.
    changed
        Called with the field's name and its new value.
    """

    def __init__(self, name: str, about: FieldInfo, changed: Changed) -> None:
        self._name, self._kind = name, control_kind(name, about)
        self._default = "" if about.is_required() else about.get_default(call_default_factory=True)
        kind = self._kind
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

    def offer(self, fields: dict[str, Any]) -> None:
        """Complete nothing."""

    def rest(self, value: Any) -> None:  # noqa: ANN401 - plain JSON
        """Say what holds where the field is left out."""
        self.quietly(lambda: self._kind.rest(value))


def label_of(name: str) -> str:
    """Return what a field is called on the screen."""
    return LISTS[name][0] if name in LISTS else _LABELS.get(name, name.replace("_", " "))


def field_controls(
    kind: type[BaseSpec], changed: Changed, *, events: UserEvents, leave_out: Collection[str] = ()
) -> dict[str, Control]:
    """Return a control for every field of a kind of spec, by the field's name.

    Parameters
    ----------
    kind
        Its class.
    changed
        Notified of each edit.
    events
        The user's, whose names conditions complete.
    leave_out
        Fields that may have one value only.
    """
    return {
        name: _control(name, about, changed, events, kind.sizing_names)
        for name, about in kind.model_fields.items()
        if name not in leave_out
    }


def _control(
    name: str, about: FieldInfo, changed: Changed, events: UserEvents, sizing: Collection[str]
) -> Control:
    if name in LISTS:
        return Expressions(name, *LISTS[name], changed, events=events)
    if name == "parameters":
        return Parameters(changed)
    if name == "position_sizing_formula":
        meaning = str(about.description)
        return Expressions(name, label_of(name), meaning, changed, events=events, single=sizing)
    return Field(name, about, changed)


def _texts_of(fields: dict[str, Any]) -> list[str]:
    listed = [
        text
        for name, texts in fields.items()
        if name.endswith("_conditions") and isinstance(texts, list | tuple)
        for text in texts
        if isinstance(text, str)
    ]
    parts = fields.get("scale_out")
    stated = [
        str(part.get(name) or "")
        for part in (parts if isinstance(parts, list | tuple) else ())
        if isinstance(part, dict)
        for name in ("when", "fraction")
    ]
    levels = [text for _, text in order_expressions(fields)]
    numbers = [
        text
        for found in (order_parameters(fields), rate_parameters(fields))
        for _, text, *_ in found
    ]
    formula = str(fields.get("position_sizing_formula") or "")
    return [*listed, *stated, *levels, *numbers, formula]


def missing_parameters(fields: dict[str, Any]) -> set[str]:
    """Return the parameters that conditions name and the spec does not have."""
    short = fields.get("short")
    texts = _texts_of(fields) + (_texts_of(short) if isinstance(short, dict) else [])
    named = {name for text in texts for name in parameter_names(text)}
    known = fields.get("parameters")
    return named - set(known if isinstance(known, dict) else ())
