"""The fields of a lab: each a control, with room beneath it for what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as ipw

from btkit.errors import Problem, UsageError
from btkit.metrics import objectives
from btkit.render.pages import markup
from btkit.render.words import LABELS
from btkit.validation import check_objective
from btkit.validation.grid import Number as Plain
from btkit.validation.grid import read_axis
from btkit.widgets.numbers import Number
from btkit.widgets.problems import labelled, show_problems


class LabField:
    """One control of a lab, with its label, and room beneath it for what is wrong.

    Parameters
    ----------
    label
        In a trader's words, with the unit.
    control
        What is changed by hand: a widget with a value, or a `Number`.
    changed
        Called at every change.
    meaning
        Shown when the label is hovered.
    """

    def __init__(
        self,
        label: str,
        control: ipw.Widget | Number,
        changed: Callable[[], None],
        *,
        meaning: str = "",
    ) -> None:
        self.label, self.control = label, control
        self._changed, self._quiet = changed, False
        self._edge: ipw.Widget = control.text if isinstance(control, Number) else control
        self._problem = ipw.HTML()
        self._problem.layout.display = "none"
        inner = control.box if isinstance(control, Number) else control
        self.box = ipw.VBox([labelled(label, inner, meaning), self._problem])
        if not isinstance(control, Number):
            control.observe(lambda _: self.tell(), "value")

    @property
    def value(self) -> Any:  # noqa: ANN401 - whatever the control holds
        """What the control shows; text where a number is asked for and none was typed."""
        return self.control.value

    @property
    def problem(self) -> str:
        """What is said beneath it, as markup; empty where nothing is wrong."""
        return str(self._problem.value)

    def tell(self) -> None:
        """Tell that it changed."""
        if not self._quiet:
            self._changed()

    def put(self, value: Any, **traits: Any) -> None:  # noqa: ANN401 - of any control
        """Show a value without telling anybody that it changed; other traits are set before."""
        self._quiet = True
        try:
            if isinstance(self.control, Number):
                self.control.show(value)
                return
            for name, trait in traits.items():
                setattr(self.control, name, trait)
            self.control.value = value
        finally:
            self._quiet = False

    def number(self, name: str) -> int | float:
        """Return the value of a `Number`.

        Raises
        ------
        UsageError
            With `name` as the argument, if what was typed is no number.
        """
        value = self.value
        if isinstance(value, int | float):
            return value
        raise UsageError(
            f"{self.label} is {str(value)!r}, which is no number.",
            hint="Write a number such as 5 or 0.25.",
            details={"argument": name, "received": str(value)},
        )

    def mark(self, message: str = "", hint: str = "") -> None:
        """Say what is wrong with it; nothing, where the message is empty."""
        found = [Problem("", message, hint)] if message else []
        show_problems(self._problem, self._edge, found, "")


class Rounded(Number):
    """A number that is shown with two decimals, and kept with every digit until one is typed."""

    def _written(self, value: float | str) -> str:
        if isinstance(value, float):
            return f"{value * 100 if self._percent else value:.2f}".removesuffix(".00")
        return super()._written(value)


def number_field(
    label: str,
    value: float,
    changed: Callable[[], None],
    *,
    span: tuple[float, float, float] | None = None,
    percent: bool = False,
    rounded: bool = False,
    meaning: str = "",
) -> LabField:
    """Return a field with a slider and an exact value beside it.

    Parameters
    ----------
    label, changed, meaning
        As for `LabField`.
    value, span, percent
        As for `Number`.
    rounded
        Whether to show two decimals only.
    """
    # The number tells the field, which is made from the number.
    made: list[LabField] = []
    kind = Rounded if rounded else Number
    number = kind(
        value, lambda _: made[0].tell(), span=span, percent=percent, name=meaning or label
    )
    made.append(LabField(label, number, changed, meaning=meaning))
    return made[0]


def heading(words: str, note: str = "") -> ipw.HTML:
    """Return what stands above a group of fields."""
    made = ipw.HTML(markup("widgets.heading", words, note))
    made.add_class("bt-lab-full")
    return made


def axis_field(
    name: str, values: Sequence[Plain], changed: Callable[[], None], *, placeholder: str
) -> LabField:
    """Return a field that takes the values of a parameter as ``lo:hi:step`` or ``a,b,c``."""
    control = ipw.Text(value=axis_text(values), placeholder=placeholder, continuous_update=True)
    control.add_class("bt-edit-code")
    meaning = f"Values of {name}: lo:hi:step, such as 5:50:5, or a,b,c"
    control.tooltip = meaning
    return LabField(name, control, changed, meaning=meaning)


def axis_text(values: Sequence[Plain]) -> str:
    """Return values as `read_axis` takes them: a range where they are evenly spaced whole ones."""
    if not values:
        return ""
    if len(values) > 2 and all(isinstance(value, int) for value in values):  # noqa: PLR2004 - a range has three
        step = values[1] - values[0]
        if step > 0 and list(values) == list(range(int(values[0]), int(values[-1]) + 1, int(step))):
            return f"{values[0]}:{values[-1]}:{step}"
    return ",".join(repr(value) for value in values)


def read_axes(fields: Mapping[str, LabField]) -> dict[str, list[Plain]]:
    """Return the values of the parameters whose fields are not empty.

    Raises
    ------
    UsageError
        With the parameter in its details, if one is no list of numbers.
    """
    axes: dict[str, list[Plain]] = {}
    for name, field in fields.items():
        text = str(field.value).strip()
        if not text:
            continue
        try:
            axes[name] = read_axis(f"{name}={text}")[1]
        except UsageError as error:
            raise UsageError(
                error.message, hint=error.hint, details={**error.details, "parameter": name}
            ) from error
    return axes


def plain_axes(axes: Mapping[str, Any] | None) -> dict[str, list[Plain]]:
    """Return ranges, arrays or lists of numbers as lists of Python's own."""
    return {
        name: [value.item() if hasattr(value, "item") else value for value in values]
        for name, values in (axes or {}).items()
    }


def whole(value: float, *, name: str) -> int:
    """Return a whole number.

    Raises
    ------
    UsageError
        If it is none.
    """
    if value != int(value):
        raise UsageError(
            f"{name} is {value:g}, not a whole number.",
            hint=f"Write {round(value)}, say.",
            details={"argument": name},
        )
    return int(value)


def objective_field(objective: str, changed: Callable[[], None]) -> LabField:
    """Return a field that chooses the metric which makes a set the best."""
    options = [(LABELS[name].name, name) for name in objectives()]
    control = ipw.Dropdown(options=options, value=check_objective(objective))
    return LabField(
        "Best by", control, changed, meaning="The metric that makes a parameter set the best"
    )


def constraint_field(constraint: str | None, changed: Callable[[], None]) -> LabField:
    """Return a field for an expression over the parameters."""
    control = ipw.Text(value=constraint or "", placeholder="all, or such as fast < slow")
    control.add_class("bt-edit-code")
    return LabField("Only where", control, changed, meaning="Sets at which this holds are tried")
