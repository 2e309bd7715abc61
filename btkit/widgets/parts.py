"""What all widgets are put together from: styled boxes, buttons, and what closes them for good."""

from __future__ import annotations

from collections.abc import Callable, Collection
from importlib.resources import files
from typing import Any, TypeVar

import ipywidgets as ipw
from IPython.display import display

from btkit.errors import BtkitError
from btkit.render.pages import markup
from btkit.render.pieces import asset
from btkit.widgets.lifecycle import replace_older
from btkit.widgets.sharing import is_shared, layout, make_widget

W = TypeVar("W", bound=ipw.Widget)


class CellWidget:
    """Something that a cell shows as its last line; it makes room when the cell is run again."""

    widget: ipw.Widget
    _kept: Collection[str] = ()
    """Attributes that still mean something once it is closed."""

    def close(self) -> None:
        """Take it off the screen and let go of what it holds; it cannot be used again.

        A notebook keeps what a cell displayed in ``Out`` for as long as the kernel lives: a closed
        editor would hold its hundreds of widgets and the figure's data along with it.
        """
        if not hasattr(self, "widget"):
            return
        self._close_parts()
        close_all(self.widget)
        for name in set(vars(self)) - set(self._kept):
            delattr(self, name)

    def _close_parts(self) -> None:
        """Stop work, and close what `close_all` does not reach, such as the data of figures."""

    def _put_on_screen(self, children: list[ipw.Widget], *sheets: str) -> None:
        self.widget = make_widget(ipw.VBox, [make_widget(ipw.HTML, styles(*sheets)), *children])
        replace_older(self)

    def _ipython_display_(self) -> None:
        display(self.widget)


class Note(ipw.HTML):  # type: ignore[misc]  # ipywidgets has no types
    """The line beneath some buttons that tells how what one of them asked for went."""

    def say(self, words: str, *, bad: bool = False) -> None:
        """Say something; nothing, where there are no words."""
        kind = "bt-problem" if bad else "bt-edit-note"
        self.value = markup("widgets.said", words, kind) if words else ""

    def fail(self, error: BtkitError) -> None:
        """Say what went wrong, and what to do."""
        self.say(f"{error.message} {error.hint}", bad=True)

    def attempt(self, work: Callable[[], Any]) -> None:
        """Do what a button asks for, and say what it returns, or why it failed."""
        try:
            said = work()
        except BtkitError as error:
            self.fail(error)
        else:
            if said is not None:
                self.say(said)


def styled(widget: W, *classes: str) -> W:
    """Return a widget, with these classes."""
    for name in classes:
        widget.add_class(name)
    return widget


def button(words: str, icon: str, tooltip: str, work: Callable[[], Any]) -> ipw.Button:
    """Return a button as wide as its words.

    Parameters
    ----------
    words, icon, tooltip
        On it, before its words, and when it is hovered.
    work
        Called at every click.
    """
    made = make_widget(
        ipw.Button, description=words, icon=icon, tooltip=tooltip, layout=layout(width="auto")
    )
    made.on_click(lambda _: work())
    return made


def close_all(widget: ipw.Widget) -> None:
    """Close a widget and all that stand inside it."""
    for child in getattr(widget, "children", ()):
        close_all(child)
    for part in ("layout", "style"):
        inner = getattr(widget, part, None)
        if isinstance(inner, ipw.Widget) and not is_shared(inner):
            inner.close()
    widget.unobserve_all()
    widget.close()


def refill(box: ipw.Box, children: Collection[ipw.Widget]) -> None:
    """Put other widgets into a box, and close for good those that stood in it."""
    before = box.children
    box.children = tuple(children)
    for child in before:
        close_all(child)


def styles(*more: str) -> str:
    """Return the report's styles, the widgets' own and those of further files as one element."""
    sheets = [asset("report.css"), *(own_text(name) for name in ("widgets.css", *more))]
    return f"<style>{''.join(sheets)}</style>"


def own_text(name: str) -> str:
    """Return the text of a file shipped beside this package's modules."""
    return files("btkit.widgets").joinpath("assets", name).read_text(encoding="utf-8")
