"""Numbers to drag or to type: a slider, and beside it the exact value."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any

import ipywidgets as ipw

from btkit.errors import Problem
from btkit.widgets.parts import button, refill, styled
from btkit.widgets.problems import labelled, show_problems
from btkit.widgets.sharing import layout, make_widget

Changed = Callable[[str, Any], None]

_NEW = 20
"""What an added parameter is at first: a length that is good for most averages."""


class Number:
    """A number with a slider and a text.

    A browser's slider snaps to its steps and tells the kernel so as soon as it is drawn. A value
    between two steps must survive that, and 0.01 must not become 0.010000000000000002: what the
    slider says counts only where it is another step than the value's own.

    Parameters
    ----------
    value
        Whole numbers stay whole while they are dragged.
    on_change
        Called with a new value; what is typed and is no number comes as text.
    span
        Lowest and highest value and step of the slider; None chooses them around the value.
    percent
        Whether the text shows hundredths.
    rounded
        Whether it shows two decimals only, until a value is typed.
    name
        What it is called where it is hovered.
    unset
        Whether it may be left empty; then its value is None, and the slider stands where the value
        that holds instead is, see `rest`.
    """

    def __init__(
        self,
        value: float,
        on_change: Callable[[float | str | None], None] = lambda _: None,
        *,
        span: tuple[float, float, float] | None = None,
        percent: bool = False,
        rounded: bool = False,
        name: str = "",
        unset: bool = False,
    ) -> None:
        self.on_change, self._percent, self._rounded, self._quiet = (
            on_change,
            percent,
            rounded,
            False,
        )
        self._unset, self._rest = unset, value
        self.value: float | str | None = value
        low, high, step = span or _span(value)
        self._digits = max(0, -math.floor(math.log10(step)))
        kind = ipw.IntSlider if isinstance(value, int) else ipw.FloatSlider
        self.slider = kind(
            value=value, min=low, max=high, step=step, readout=False, continuous_update=True,
            tooltip=name,
        )  # fmt: skip
        exactly = make_widget(ipw.Text, continuous_update=False, tooltip=f"{name}, exactly")
        self.text = styled(exactly, "bt-number")
        self._step = step
        self.show(value)
        self.slider.observe(lambda change: self._on_slider(change["new"]), "value")
        self.text.observe(lambda change: self._on_text(change["new"]), "value")
        self.box = styled(make_widget(ipw.HBox, [self.slider, self.text]), "bt-number-row")

    def fits(self, value: object) -> bool:
        """Tell whether the slider is of the right kind for a value."""
        return isinstance(value, str) or isinstance(value, int) == isinstance(
            self.slider, ipw.IntSlider
        )

    def show(self, value: float | str | None) -> None:
        """Show a value without telling anybody that it changed."""
        self._quiet = True
        try:
            self.value = value
            self.text.value = "" if value is None else self._written(value)
            shown = self._rest if value is None else value
            if isinstance(shown, str) or not math.isfinite(shown):
                return
            self.slider.min = min(self.slider.min, shown)
            self.slider.max = max(self.slider.max, shown)
            self.slider.value = shown
        finally:
            self._quiet = False

    def rest(self, value: float) -> None:
        """Say what holds while it is empty."""
        self._rest = value
        self.text.placeholder = self._written(value)
        if self.value is None:
            self.show(None)

    def _on_slider(self, new: float) -> None:
        if self._quiet:
            return
        if isinstance(new, float):
            new = round(new, self._digits)
            own = self._rest if self.value is None else self.value
            if isinstance(own, float) and abs(new - own) <= self._step / 2 * (1 + 1e-9):
                return
        self._settle(new)

    def _on_text(self, text: str) -> None:
        if not self._quiet:
            self._settle(self._read(text))

    def _settle(self, value: float | str | None) -> None:
        self.show(value)
        self.on_change(value)

    def _written(self, value: float | str) -> str:
        if self._rounded and isinstance(value, float):
            return f"{value * 100 if self._percent else value:.2f}".removesuffix(".00")
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not self._percent:
            return str(value)
        return f"{(Decimal(repr(value)) * 100).normalize():f}"

    def _read(self, text: str) -> float | str | None:
        if self._unset and not text.strip():
            return None
        try:
            if self._percent:
                return float(Decimal(text.strip().rstrip("%").strip()) / 100)
            return int(text)
        except (ValueError, InvalidOperation):
            pass
        try:
            return float(text)
        except ValueError:
            return text  # the spec refuses it, and says why


def _span(value: float) -> tuple[float, float, float]:
    if isinstance(value, int):
        return (2, max(2 * value, 20), 1) if value >= 2 else (min(2 * value, -10), 20, 1)  # noqa: PLR2004
    size = abs(value) or 1.0
    step = 10.0 ** (math.floor(math.log10(size)) - 2)
    return (0.0 if value >= 0 else -3 * size, 3 * size, step)


class Parameters:
    """The spec's parameters, one slider each; more can be added.

    Parameters
    ----------
    changed
        Called with ``"parameters"`` and its new value.
    """

    name = "parameters"

    def __init__(self, changed: Changed) -> None:
        self._changed = changed
        self.numbers: dict[str, Number] = {}
        self._list = make_widget(ipw.VBox, [])
        self._problem = make_widget(ipw.HTML)
        self._new = make_widget(
            ipw.Text, placeholder="another, such as fast", tooltip="Name of a parameter",
            layout=layout(width="170px"),
        )  # fmt: skip
        add = button("Add", "plus", "Add a parameter", lambda: self.add(self._new.value))
        more = styled(make_widget(ipw.HBox, [self._new, add]), "bt-edit-bar")
        self.box = make_widget(ipw.VBox, [self._list, self._problem, more])
        self.mark(())

    @property
    def sliders(self) -> dict[str, ipw.Widget]:
        """The slider of each parameter."""
        return {name: number.slider for name, number in self.numbers.items()}

    def show(self, fields: dict[str, Any]) -> None:
        """Show the parameters without telling anybody that they changed."""
        values = dict(fields.get("parameters") or {})
        if list(values) != list(self.numbers) or not all(
            number.fits(values[name]) for name, number in self.numbers.items()
        ):
            self._build(values)
        for name, value in values.items():
            self.numbers[name].show(value)

    def offer(self, fields: dict[str, Any]) -> None:
        """Complete nothing."""

    def rest(self, value: Any) -> None:  # noqa: ANN401 - plain JSON
        """Say nothing: what is left out is empty."""

    def mark(self, problems: Sequence[Problem]) -> None:
        """Show what is wrong with the parameters."""
        show_problems(self._problem, self._list, problems, "")

    def add(self, name: str) -> None:
        """Add a parameter; does nothing where the name is empty or taken."""
        name = name.strip()
        if name and name not in self.numbers:
            self._settle({**self._values(), name: _NEW})
            self._new.value = ""

    def remove(self, name: str) -> None:
        """Take a parameter off the spec."""
        self._settle({key: value for key, value in self._values().items() if key != name})

    def _build(self, values: dict[str, Any]) -> None:
        self.numbers, rows = {}, []
        for name, value in values.items():
            number = Number(
                value if isinstance(value, int | float) else _NEW,
                partial(self._on_value, name),
                name=name,
            )
            remove = button("", "times", f"Remove {name}", partial(self.remove, name))
            remove.layout = layout(width="26px")
            row = labelled(
                name, make_widget(ipw.HBox, [number.box, remove]), "Parameter of this spec"
            )
            self.numbers[name] = number
            rows.append(styled(row, "bt-parameter"))
        refill(self._list, rows)

    def _values(self) -> dict[str, float | str | None]:
        return {name: number.value for name, number in self.numbers.items()}

    def _on_value(self, name: str, value: float | str | None) -> None:
        values = self._values()
        if not self.numbers[name].fits(value):
            self._build(values)
        self._changed("parameters", values)

    def _settle(self, values: dict[str, float | str | None]) -> None:
        self.show({"parameters": values})
        self._changed("parameters", values)
