"""What stands beside a field: its label, and beneath it what is wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence

import ipywidgets as ipw

from btkit.errors import Problem
from btkit.render.pages import markup
from btkit.widgets.parts import styled
from btkit.widgets.sharing import layout, make_widget

_FIRST_WORD = re.compile(r"[A-Za-z0-9_.{}]+|.")


def problem_markup(problem: Problem, text: str) -> str:
    """Return a problem as markup, the offending column marked.

    Parameters
    ----------
    problem
        What is wrong.
    text
        What its column counts in; empty shows the message alone.
    """
    start = end = 0
    if problem.column is not None and text:
        start = min(problem.column, len(text) - 1)
        found = _FIRST_WORD.match(text[start:])
        end = start + (found.end() if found else 1)
    return markup("widgets.problem", problem, text[:start], text[start:end], text[end:])


def show_problems(
    place: ipw.HTML, control: ipw.Widget, problems: Sequence[Problem], text: str
) -> None:
    """Write problems beneath the control that they belong to.

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
    place.layout = layout(display="" if problems else "none")
    place.value = "".join(problem_markup(problem, text) for problem in problems)
    (control.add_class if problems else control.remove_class)("bt-edit-wrong")


def labelled(label: str, control: ipw.Widget, meaning: str) -> ipw.HBox:
    """Return a control with its label at the left.

    Parameters
    ----------
    label
        In a trader's words, with the unit.
    control
        What edits the field.
    meaning
        Shown when the label is hovered.
    """
    name = make_widget(ipw.HTML, markup("widgets.label", label, "bt-field-name", meaning))
    return styled(make_widget(ipw.HBox, [name, control]), "bt-field")
