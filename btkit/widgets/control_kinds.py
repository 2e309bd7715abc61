"""What edits each field of a spec, and how a value becomes plain JSON and is made of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import ipywidgets as ipw
from pydantic.fields import FieldInfo

from btkit.spec.trained import NO_LIMIT
from btkit.widgets.numbers import Number
from btkit.widgets.sharing import make_widget

_MOST_BARS = 2**31 - 1
_MOST_POSITIONS = 10_000
_RISK = (0.0005, 0.02, 0.0005)


@dataclass(frozen=True)
class ControlKind:
    """What edits a field.

    Parameters
    ----------
    control
        Is changed by hand.
    read
        Makes plain JSON of its value; None leaves the field out.
    write
        Makes its value of plain JSON.
    rest
        Takes what holds while the field is left out, and shows it in the empty control.
    """

    control: ipw.Widget | Number
    read: Callable[[Any], Any] = lambda value: value
    write: Callable[[Any], Any] = lambda value: value
    rest: Callable[[Any], None] = lambda _: None


Maker = Callable[[str, FieldInfo], ControlKind]


def control_kind(name: str, about: FieldInfo) -> ControlKind:
    """Return what edits a field.

    Parameters
    ----------
    name
        Of the field.
    about
        Its type, its default and what it means.
    """
    made = _BY_NAME.get(name)
    if made is not None:
        return made(name, about)
    choices = [choice for choice in _choices(about) if choice is not None]
    if choices:
        return _choice(choices, about)
    return ControlKind(make_widget(ipw.Text, continuous_update=True))


def _choice(choices: Sequence[str], about: FieldInfo) -> ControlKind:
    options = [(choice.replace("_", " "), choice) for choice in choices]
    if about.default is not None:
        return ControlKind(make_widget(ipw.Dropdown, options=options))
    return _may_be_unset(options)


def _may_be_unset(options: Sequence[tuple[str, str]]) -> ControlKind:
    # A drop-down that is set to None shows nothing at all.
    control = make_widget(ipw.Dropdown, options=[(_UNSET, ""), *options])
    names = {value: name for name, value in options}

    def rest(value: Any) -> None:  # noqa: ANN401 - plain JSON
        chosen, words = control.value, names.get(_written_choice(value), _UNSET)
        label = words if words == _UNSET else f"{words}, as trained"
        if control.options[0][0] != label:
            with control.hold_trait_notifications():
                control.options = [(label, ""), *options]
                control.value = chosen

    return ControlKind(control, read=lambda value: value or None, write=_written_choice, rest=rest)


def _written_choice(value: Any) -> str:  # noqa: ANN401 - plain JSON
    return json.dumps(value) if isinstance(value, bool) else value or ""


def _yes_or_no(_name: str, _about: FieldInfo) -> ControlKind:
    return ControlKind(make_widget(ipw.Checkbox, indent=False))


def _yes_no_or_unset(_name: str, _about: FieldInfo) -> ControlKind:
    kind = _may_be_unset([("yes", "true"), ("no", "false")])
    said = {"true": True, "false": False}
    return ControlKind(kind.control, read=said.get, write=kind.write, rest=kind.rest)


def _text(placeholder: str, *, waits: bool = False) -> Maker:
    def make(_name: str, _about: FieldInfo) -> ControlKind:
        control = make_widget(ipw.Text, placeholder=placeholder, continuous_update=not waits)
        return ControlKind(
            control, read=lambda text: text.strip() or None, write=lambda value: value or "",
            rest=_into_placeholder(control),
        )  # fmt: skip

    return make


def _into_placeholder(control: ipw.Text) -> Callable[[Any], None]:
    def rest(value: Any) -> None:  # noqa: ANN401 - plain JSON
        listed = isinstance(value, list | tuple)
        control.placeholder = f"{', '.join(value) if listed else value}, as trained"

    return rest


def _listed(placeholder: str, *, unset: bool = False) -> Maker:
    def read(text: str) -> list[str] | None:
        parts = [part.strip() for part in text.split(",") if part.strip()]
        return None if unset and not parts else parts

    def make(_name: str, _about: FieldInfo) -> ControlKind:
        control = make_widget(ipw.Text, placeholder=placeholder)
        write = _written_list
        return ControlKind(control, read=read, write=write, rest=_into_placeholder(control))

    return make


def _written_list(value: Any) -> str:  # noqa: ANN401 - plain JSON
    return ", ".join(value or ())


def _number_as_text(placeholder: str) -> Maker:
    def make(_name: str, _about: FieldInfo) -> ControlKind:
        control = make_widget(ipw.Text, placeholder=placeholder)
        return ControlKind(control, read=_number, write=_written, rest=_into_placeholder(control))

    return make


def _slider(*, span: tuple[float, float, float], start: float, percent: bool = False) -> Maker:
    def make(name: str, about: FieldInfo) -> ControlKind:
        unset = about.default is None
        number = Number(start, span=span, percent=percent, name=name, unset=unset)
        return ControlKind(number, rest=number.rest)

    return make


def _as_json(rows: int, example: str, indent: int | None = None) -> Maker:
    def write(value: Any) -> str:  # noqa: ANN401 - plain JSON
        if not value or isinstance(value, str):
            return value or ""
        return json.dumps(value, ensure_ascii=False, indent=indent)

    def make(_name: str, _about: FieldInfo) -> ControlKind:
        placeholder = f"such as {example}"
        area = make_widget(
            ipw.Textarea, rows=rows, continuous_update=False, placeholder=placeholder
        )
        return ControlKind(area, read=_json, write=write)

    return make


def _bars(_name: str, about: FieldInfo) -> ControlKind:
    if about.default == NO_LIMIT:
        control = make_widget(ipw.Text, placeholder="never for its age alone")
        return ControlKind(
            control, read=_whole, write=lambda value: "" if value == NO_LIMIT else str(value)
        )
    return ControlKind(make_widget(ipw.BoundedIntText, min=1, max=_MOST_BARS))


def _positions(_name: str, _about: FieldInfo) -> ControlKind:
    return ControlKind(make_widget(ipw.BoundedIntText, min=1, max=_MOST_POSITIONS))


def _long_text(_name: str, _about: FieldInfo) -> ControlKind:
    return ControlKind(make_widget(ipw.Textarea, rows=4, continuous_update=False))


_UNSET = "by asset class"
_BY_NAME: dict[str, Maker] = {
    "per_trade_risk_pct": _slider(span=_RISK, start=_RISK[0], percent=True),
    "allow_fractional": _yes_or_no,
    "requires_options_data": _yes_or_no,
    "max_holding_bars": _bars,
    "max_concurrent_positions": _positions,
    "instruments": _listed("such as SPY, QQQ"),
    "columns": _listed("such as signal, regime"),
    "bars_per_year": _number_as_text("from the calendar"),
    "sharpe_risk_free": _number_as_text("as cash_rate; such as 0.03, or a column of the bars"),
    "cash_rate": _number_as_text("0; such as 0.03, {rate}, or a column of the bars"),
    "borrow_rate": _number_as_text("0; such as 0.02, {rate}, or a column of the bars"),
    "multiplier": _number_as_text("1"),
    "initial_margin": _number_as_text("none: the price is paid"),
    "metadata": _as_json(2, '{"author": "me"}'),
    "calendars": _as_json(1, '{"SPY": "XNYS"}'),
    "classifiers": _as_json(2, '{"regime": "models/regime/SPX_1d"}'),
    "scale_out": _as_json(2, '[{"when": "position_pnl_pct > 0.05", "fraction": 0.5}]'),
    "short": _as_json(
        8,
        '{"entry_conditions": ["close < sma_50"], "exit_conditions": [], "stop_conditions": []}',
        1,
    ),
    "stop_loss": _as_json(1, '0.05, {stop}, or {"price": "close - 2 * atr_14"}'),
    "take_profit": _as_json(1, '0.10, {gain}, or {"price": "close + 3 * atr_14"}'),
    "trailing_stop": _as_json(1, '{"fraction": 0.08, "after": 0.05}, or {"atr": 3}'),
    "entry_order": _as_json(1, '{"limit": "close * 0.99", "valid_bars": 3}, or {"stop": "high"}'),
    "limit_touch": _yes_or_no,
    "detail": _text("such as 1m"),
    "description": _long_text,
    "model_path": _text("models/<name>/<SYMBOL>_<timeframe>", waits=True),
    "models": _as_json(2, 'models/dip/SPX_1d, or {"2012-01-03": "models/first"}', 1),
    "symbol": _text("SPX"),
    "interval": _text("1d"),
    "allow_other": _listed("such as symbol, timeframe"),
    "output_classes": _listed("as the bundle says", unset=True),
    "trained_until": _text("such as 2011-12-30"),
    "label_horizon": _number_as_text("as the bundle says"),
    "confidence_threshold": _slider(span=(0.0, 1.0, 0.01), start=0.5),
    "position_awareness": _yes_no_or_unset,
    "allow_short_from_flat": _yes_no_or_unset,
    "min_signal_separation": _slider(span=(0.0, 480.0, 1.0), start=4.0),
    "round_trip_cost": _slider(span=(0.0, 0.02, 0.0005), start=0.003, percent=True),
    "min_edge_multiplier": _slider(span=(0.1, 5.0, 0.1), start=1.5),
    "features": _as_json(5, "indicators, fuzzy_sets and nn_inputs of the training", 1),
}


def _choices(about: FieldInfo) -> Iterable[Any]:
    def leaves(annotation: Any) -> Iterable[Any]:  # noqa: ANN401 - a type of any shape
        for part in get_args(annotation):
            if isinstance(part, str):
                yield part
            else:
                yield from leaves(part)

    return leaves(about.annotation) if "Literal" in repr(about.annotation) else ()


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


def _whole(text: str) -> int | str | None:
    try:
        return int(text) if text.strip() else None
    except ValueError:
        return text  # as above


def _written(value: float | str | None) -> str:
    return value or "" if isinstance(value, str | None) else f"{value:.17g}"
