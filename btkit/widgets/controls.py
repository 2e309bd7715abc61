"""A control for every field of a spec: each says when it changed, and shows what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any, Protocol, get_args

import ipywidgets as ipw

from btkit.conditions import parameter_names
from btkit.errors import Problem
from btkit.indicators import POSITION_NAMES, catalogue
from btkit.render.pieces import tag
from btkit.spec import StrategySpec

Changed = Callable[[str, Any], None]

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*$")
_MAX_COMPLETIONS = 12
_WIDE = {"description_width": "128px"}


class Control(Protocol):
    """One field on the screen."""

    box: ipw.Widget

    def show(self, fields: dict[str, Any]) -> None:
        """Show the field's value without telling anybody that it changed."""

    def mark(self, problems: Sequence[Problem]) -> None:
        """Show what is wrong with the field, or that nothing is."""


class Field:
    """A field with one value.

    Parameters
    ----------
    name
        The field.
    control
        What edits it.
    changed
        Told the field's name and its new value.
    read, write
        From the control's value to plain JSON, and back.
    """

    def __init__(
        self,
        name: str,
        control: ipw.Widget,
        changed: Changed,
        *,
        read: Callable[[Any], Any] = lambda value: value,
        write: Callable[[Any], Any] = lambda value: value,
    ) -> None:
        about = StrategySpec.model_fields[name]
        self.name, self.control = name, control
        self._changed, self._read, self._write = changed, read, write
        self._default = about.get_default(call_default_factory=True)
        self._quiet = False
        control.tooltip = about.description
        control.layout.width = "100%"
        self._problem = ipw.HTML()
        self.box = ipw.VBox([control, self._problem])
        self._problem.layout.display = "none"
        control.observe(self._on_value, "value")

    def show(self, fields: dict[str, Any]) -> None:
        """Show the field's value without telling anybody that it changed."""
        self._quiet = True
        try:
            self.control.value = self._write(fields.get(self.name, self._default))
        finally:
            self._quiet = False

    def mark(self, problems: Sequence[Problem]) -> None:
        """Show what is wrong with the field, or that nothing is."""
        text = self.control.value if isinstance(self.control.value, str) else ""
        show_problems(self._problem, self.control, problems, text)

    def _on_value(self, change: dict[str, Any]) -> None:
        if isinstance(self.control, ipw.Combobox):
            self.control.options = completions(str(change["new"]))
        if not self._quiet:
            self._changed(self.name, self._read(change["new"]))


def show_problems(
    place: ipw.HTML, control: ipw.Widget, problems: Sequence[Problem], text: str
) -> None:
    """Write problems beneath the control that they belong to, the offending column marked.

    Parameters
    ----------
    place
        Where they are written; hidden when there are none.
    control
        Gets a red border while there are some.
    problems
        Those of this control.
    text
        Its text, which their columns count in.
    """
    place.layout.display = "" if problems else "none"
    place.value = "".join(_problem(problem, text) for problem in problems)
    (control.add_class if problems else control.remove_class)("bt-edit-wrong")


def _problem(problem: Problem, text: str) -> str:
    where = ""
    if problem.column is not None and text:
        start = min(problem.column, len(text) - 1)
        found = re.match(r"\{?[A-Za-z0-9_.]+\}?|.", text[start:])
        end = start + (found.end() if found else 1)
        marked = tag("mark", escape(text[start:end]))
        where = tag("pre", escape(text[:start]) + marked + escape(text[end:]))
    hint = tag("div", escape(problem.hint), class_="bt-hint") if problem.hint else ""
    body = tag("div", escape(problem.message)) + where + hint
    return tag("div", tag("div", body, class_="bt-problem", role="alert"), class_="bt")


def completions(text: str) -> list[str]:
    """Return the expression as it would be with its last word completed.

    Parameters
    ----------
    text
        What was typed so far.

    Returns
    -------
    list of str
        At most a dozen, those that begin with the word before those that contain it.
    """
    found = _WORD.search(text)
    if found is None:
        return []
    word = found.group()
    head = text[: found.start()]
    names = _names()
    begin = [name for name in names if name.startswith(word) and name != word]
    inside = [name for name in names if word in name and not name.startswith(word)]
    return [head + name for name in (begin + inside)[:_MAX_COMPLETIONS]]


def _names() -> list[str]:
    known = [entry.name for entry in catalogue() if "<" not in entry.name]
    families = [
        entry.name.replace("<n>", length)
        for entry in catalogue()
        if entry.name.endswith("_<n>")
        for length in ("20", "50", "200")
    ]
    return sorted({*known, *families, *POSITION_NAMES})


class Conditions:
    """A list of conditions: add, remove, move up and down.

    Parameters
    ----------
    name
        The field.
    title, note
        Heading, and what it means in a few words.
    changed
        Told the field's name and its new value.
    """

    def __init__(self, name: str, title: str, note: str, changed: Changed) -> None:
        self.name, self._changed = name, changed
        heading = ipw.HTML(
            tag(
                "div",
                tag("div", f"{title} <small>{note}</small>", class_="bt-edit-heading"),
                class_="bt",
            )
        )
        self._rows: list[_Row] = []
        self._list = ipw.VBox([])
        self._problem = ipw.HTML()
        self._problem.layout.display = "none"
        add = ipw.Button(
            description="Add condition", icon="plus", tooltip=f"Add to {title.lower()}"
        )
        add.layout.width = "auto"
        add.on_click(lambda _: self._add())
        self.box = ipw.VBox([heading, self._list, self._problem, add])

    @property
    def texts(self) -> list[str]:
        """The conditions as they stand."""
        return [row.text.value for row in self._rows]

    def show(self, fields: dict[str, Any]) -> None:
        """Show the list without telling anybody that it changed."""
        texts = list(fields.get(self.name, ()))
        if texts == self.texts:
            return
        while len(self._rows) > len(texts):
            self._rows.pop().close()
        while len(self._rows) < len(texts):
            self._rows.append(_Row(self))
        for row, text in zip(self._rows, texts, strict=True):
            row.show(text)
        self._list.children = tuple(row.box for row in self._rows)

    def mark(self, problems: Sequence[Problem]) -> None:
        """Show each problem beneath its condition."""
        for position, row in enumerate(self._rows):
            path = f"{self.name}[{position}]"
            own = [problem for problem in problems if problem.path == path]
            show_problems(row.problem, row.text, own, row.text.value)
        rest = [problem for problem in problems if problem.path == self.name]
        show_problems(self._problem, self._list, rest, "")

    def tell(self) -> None:
        """Tell that the list changed."""
        self._changed(self.name, self.texts)

    def move(self, row: _Row, by: int) -> None:
        """Move a condition up or down; does nothing at the ends."""
        texts, place = self.texts, self._rows.index(row)
        if 0 <= place + by < len(texts):
            texts[place], texts[place + by] = texts[place + by], texts[place]
            self._settle(texts)

    def remove(self, row: _Row) -> None:
        """Take a condition off the list."""
        texts = self.texts
        texts.pop(self._rows.index(row))
        self._settle(texts)

    def _add(self) -> None:
        self._settle([*self.texts, "close > sma_50"])

    def _settle(self, texts: list[str]) -> None:
        self.show({self.name: texts})
        self.tell()


class _Row:
    def __init__(self, owner: Conditions) -> None:
        self._owner, self._quiet = owner, False
        self.text = ipw.Combobox(
            placeholder="such as close > sma_50", ensure_option=False, continuous_update=True
        )
        self.problem = ipw.HTML()
        self.problem.layout.display = "none"
        buttons = []
        for icon, tooltip, work in (
            ("arrow-up", "Move up", lambda _: owner.move(self, -1)),
            ("arrow-down", "Move down", lambda _: owner.move(self, 1)),
            ("times", "Remove", lambda _: owner.remove(self)),
        ):
            button = ipw.Button(icon=icon, tooltip=tooltip)
            button.on_click(work)
            buttons.append(button)
        line = ipw.HBox([self.text, *buttons])
        line.add_class("bt-edit-row")
        self.box = ipw.VBox([line, self.problem])
        self.text.observe(self._on_text, "value")

    def show(self, text: str) -> None:
        self._quiet = True
        try:
            self.text.value = text
        finally:
            self._quiet = False

    def close(self) -> None:
        close_all(self.box)

    def _on_text(self, change: dict[str, Any]) -> None:
        self.text.options = completions(str(change["new"]))
        if not self._quiet:
            self._owner.tell()


class Parameters:
    """The spec's parameters as sliders, one for each; those that conditions name can be added.

    Parameters
    ----------
    changed
        Told ``"parameters"`` and its new value.
    """

    name = "parameters"

    def __init__(self, changed: Changed) -> None:
        self._changed, self._quiet = changed, False
        self._sliders: dict[str, ipw.Widget] = {}
        self._list = ipw.VBox([])
        self._problem = ipw.HTML()
        self._problem.layout.display = "none"
        self._new = ipw.Text(placeholder="new parameter, such as fast")
        self._new.layout.width = "190px"
        add = ipw.Button(description="Add", icon="plus", tooltip="Add a parameter")
        add.layout.width = "70px"
        add.on_click(lambda _: self._add())
        line = ipw.HBox([self._new, add])
        self.box = ipw.VBox([self._list, self._problem, line])

    @property
    def sliders(self) -> dict[str, ipw.Widget]:
        """The slider of each parameter."""
        return dict(self._sliders)

    def show(self, fields: dict[str, Any]) -> None:
        """Show the parameters without telling anybody that they changed."""
        values = dict(fields.get("parameters") or {})
        self._quiet = True
        try:
            if list(values) != list(self._sliders) or any(
                isinstance(values[name], int) != isinstance(slider, ipw.IntSlider)
                for name, slider in self._sliders.items()
            ):
                self._build(values)
            for name, value in values.items():
                slider = self._sliders[name]
                if not slider.min <= value <= slider.max:
                    slider.min, slider.max = min(slider.min, value), max(slider.max, value)
                slider.value = value
        finally:
            self._quiet = False

    def mark(self, problems: Sequence[Problem]) -> None:
        """Show what is wrong with the parameters."""
        show_problems(self._problem, self._list, problems, "")

    def _build(self, values: dict[str, int | float]) -> None:
        for row in self._list.children:
            close_all(row)
        self._sliders = {name: _slider(name, value) for name, value in values.items()}
        rows = []
        for name, slider in self._sliders.items():
            slider.observe(self._on_value, "value")
            remove = ipw.Button(icon="times", tooltip=f"Remove {name}")
            remove.on_click(lambda _, name=name: self._remove(name))
            row = ipw.HBox([slider, remove])
            row.add_class("bt-edit-row")
            rows.append(row)
        self._list.children = tuple(rows)

    def _values(self) -> dict[str, int | float]:
        return {name: slider.value for name, slider in self._sliders.items()}

    def _on_value(self, _change: dict[str, Any]) -> None:
        if not self._quiet:
            self._changed("parameters", self._values())

    def _add(self) -> None:
        name = self._new.value.strip()
        if name and name not in self._sliders:
            self._settle({**self._values(), name: 20})
            self._new.value = ""

    def _remove(self, name: str) -> None:
        self._settle({key: value for key, value in self._values().items() if key != name})

    def _settle(self, values: dict[str, int | float]) -> None:
        self.show({"parameters": values})
        self._changed("parameters", values)


def _slider(name: str, value: float) -> ipw.Widget:
    options = {
        "description": name,
        "continuous_update": True,
        "style": {"description_width": "90px"},
    }
    layout = {"flex": "1 1 auto", "width": "auto"}
    if isinstance(value, int):
        low, high = (2, max(2 * value, 20)) if value >= 2 else (min(2 * value, -10), 20)  # noqa: PLR2004
        return ipw.IntSlider(value=value, min=low, max=high, layout=layout, **options)
    size = abs(value) or 1.0
    step = 10.0 ** (len(f"{size:.0f}") - 3) if size >= 1 else size / 50
    start = 0.0 if value >= 0 else -3 * size
    return ipw.FloatSlider(
        value=value,
        min=start,
        max=3 * size,
        step=step,
        readout_format=".4g",
        layout=layout,
        **options,
    )


def close_all(widget: ipw.Widget) -> None:
    """Close a widget and all that stand inside it."""
    for child in getattr(widget, "children", ()):
        close_all(child)
    for part in ("layout", "style"):
        inner = getattr(widget, part, None)
        if isinstance(inner, ipw.Widget):
            inner.close()
    widget.unobserve_all()
    widget.close()


def field_controls(changed: Changed) -> dict[str, Control]:
    """Return a control for every field of a rule spec, by the field's name."""
    lists = (
        ("entry_conditions", "Enter when", "all hold"),
        ("exit_conditions", "Exit when", "all hold; never if empty"),
        ("stop_conditions", "Stop when", "all hold, judged before exits"),
        ("filter_conditions", "Only while", "all hold; gates entries"),
    )
    controls: dict[str, Control] = {
        name: Conditions(name, title, note, changed) for name, title, note in lists
    }
    controls["parameters"] = Parameters(changed)
    for name in StrategySpec.model_fields:
        if name not in controls:
            controls[name] = _field(name, changed)
    return controls


def _field(name: str, changed: Changed) -> Field:  # noqa: PLR0911 - one case a kind of control
    label = {"description": name.replace("_", " "), "style": _WIDE}
    choices = [choice for choice in _choices(name) if choice is not None]
    if choices:
        if StrategySpec.model_fields[name].default is None:
            drop = ipw.Dropdown(
                options=[("by asset class", None), *((choice, choice) for choice in choices)],
                **label,
            )
        else:
            drop = ipw.Dropdown(options=choices, **label)
        return Field(name, drop, changed)
    if name in {"allow_fractional", "requires_options_data"}:
        return Field(name, ipw.Checkbox(**label), changed)
    if name in {"max_holding_bars", "max_concurrent_positions"}:
        top = 2**31 - 1 if name == "max_holding_bars" else 10_000
        return Field(name, ipw.BoundedIntText(min=1, max=top, **label), changed)
    if name == "per_trade_risk_pct":
        slider = ipw.FloatSlider(
            min=0.0005, max=0.02, step=0.0005, readout_format=".2%", continuous_update=True, **label
        )
        return Field(name, slider, changed)
    if name == "position_sizing_formula":
        box = ipw.Combobox(ensure_option=False, continuous_update=True, **label)
        box.add_class("bt-edit-code")
        return Field(name, box, changed)
    if name == "instruments":
        return Field(name, ipw.Text(**label), changed, read=_listed, write=", ".join)
    if name == "bars_per_year":
        return Field(
            name,
            ipw.Text(placeholder="from the calendar", **label),
            changed,
            read=_number,
            write=lambda value: "" if value is None else f"{value:g}",
        )
    if name == "description":
        return Field(name, ipw.Textarea(rows=6, continuous_update=False, **label), changed)
    return Field(name, ipw.Text(continuous_update=True, **label), changed)


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


def _number(text: str) -> float | str | None:
    try:
        return float(text) if text.strip() else None
    except ValueError:
        return text  # the spec refuses it, and says why


def missing_parameters(fields: dict[str, Any]) -> set[str]:
    """Return the parameters that conditions name and the spec does not have."""
    texts = [text for name in fields if name.endswith("_conditions") for text in fields[name]]
    texts.append(str(fields.get("position_sizing_formula", "")))
    named = {name for text in texts for name in parameter_names(text)}
    return named - set(fields.get("parameters") or {})
