"""A control with its label at the left, and room beneath it for what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as ipw

from btkit.errors import Problem
from btkit.widgets.numbers import Number
from btkit.widgets.problems import labelled, show_problems
from btkit.widgets.sharing import make_widget


class LabelledField:
    """One control, with its label, and room beneath it for what is wrong.

    Parameters
    ----------
    label
        In a trader's words, with the unit.
    control
        What is changed by hand: a widget with a value, or a `Number`.
    changed
        Called at every change by a hand.
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
        self._problem = make_widget(ipw.HTML)
        if isinstance(control, Number):
            self._edge, inner = control.text, control.box
            control.on_change = lambda _: self._tell()
        else:
            self._edge = inner = control
            control.observe(lambda _: self._tell(), "value")
        self.box = make_widget(ipw.VBox, [labelled(label, inner, meaning), self._problem])
        self.mark(())

    @property
    def value(self) -> Any:  # noqa: ANN401 - whatever the control holds
        """What the control shows; text where a number is asked for and none was typed."""
        return self.control.value

    @property
    def problem(self) -> str:
        """What is said beneath it, as markup; empty where nothing is wrong."""
        return str(self._problem.value)

    def put(self, value: Any, **traits: Any) -> None:  # noqa: ANN401 - of any control
        """Show a value without telling anybody that it changed; other traits are set before."""
        self.quietly(lambda: self._put(value, traits))

    def quietly(self, work: Callable[[], None]) -> None:
        """Do something to the control, and tell nobody that it changed."""
        self._quiet = True
        try:
            work()
        finally:
            self._quiet = False

    def _put(self, value: Any, traits: dict[str, Any]) -> None:  # noqa: ANN401 - of any control
        if isinstance(self.control, Number):
            self.control.show(value)
            return
        for name, trait in traits.items():
            setattr(self.control, name, trait)
        self.control.value = value

    def mark(self, problems: Sequence[Problem]) -> None:
        """Show what is wrong, or that nothing is."""
        text = self.value if isinstance(self.value, str) else ""
        show_problems(self._problem, self._edge, problems, text)

    def blame(self, message: str = "", hint: str = "") -> None:
        """Say what is wrong with it; nothing, where the message is empty."""
        self.mark([Problem("", message, hint)] if message else [])

    def _tell(self) -> None:
        if not self._quiet:
            self._changed()
