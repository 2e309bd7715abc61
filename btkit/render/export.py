"""From an executed notebook to one HTML file that needs no network."""

from __future__ import annotations

import copy
import json
from functools import cache
from html import unescape
from typing import TYPE_CHECKING, Any, NamedTuple

from btkit.render.pages import markup, page
from btkit.render.pieces import METADATA, PLOTLY_MIME

if TYPE_CHECKING:
    from nbformat import NotebookNode

TITLE_ROOM = 40
"""Pixels of a figure's top margin that its title takes, which the page shows as a heading."""

MANY_TEXTS = 40
"""Fewer hover texts in a figure than this are left as they are."""

MANY_BYTES = 1_000
"""A shorter array is written where it belongs."""


class _FigureHead(NamedTuple):
    # What stands around a figure: heading, note, keys of its colours, buttons of its ranges.

    name: str
    title: str
    note: str
    keys: list[tuple[str, str]]
    buttons: list[tuple[str, str]]
    height: int


Numbers = dict[tuple[tuple[str, Any], ...], int]
"""Arrays as plotly writes them, and the place of each in the page's list."""


def to_html(
    notebook: NotebookNode, *, title: str, foot: str = "", library: str | None = None
) -> str:
    """Return an executed notebook as a page: code hidden behind a button, figures drawn offline.

    Parameters
    ----------
    notebook
        An executed notebook; it is not changed.
    title
        Of the page.
    foot
        The line at the end of the page, plain text.
    library
        File name of plotly's script in the page's folder, see `shared_library`; None puts the
        script into the page.

    Returns
    -------
    str
        HTML with plotly.js once, and no address of anything outside its folder.
    """
    numbers: Numbers = {}
    filled = _with_fragments(notebook, numbers)
    return page(
        "page",
        nb=filled,
        title=title,
        foot=foot,
        # Inside a script element nothing but this ends the script.
        plotly="" if library else _plotly_script().replace("</script", "<\\/script"),
        library=library,
        numbers=[dict(written) for written in numbers],
    )


def shared_library() -> tuple[str, str]:
    """Return the file name and the text of the script that pages of one folder share.

    The name holds plotly.js's version, so that pages of another version keep their own.
    """
    from plotly.offline import get_plotlyjs_version  # noqa: PLC0415 - slow to import

    return f"plotly-{get_plotlyjs_version()}.min.js", _plotly_script()


@cache
def _plotly_script() -> str:
    from plotly.offline import get_plotlyjs  # noqa: PLC0415 - slow to import

    return str(get_plotlyjs())


def _with_fragments(notebook: NotebookNode, numbers: Numbers) -> NotebookNode:
    # nbconvert's templates have no place for plotly's mime type and leave the cell empty
    # (plotly/plotly.py#5365), so a figure becomes a fragment of HTML here, without its library.
    changed = copy.deepcopy(notebook)
    for cell in changed.cells:
        for output in cell.get("outputs", ()):
            figure = output.get("data", {}).get(PLOTLY_MIME)
            if figure is not None:
                about = output.metadata.get(METADATA, {})
                output["data"] = {"text/html": fragment(dict(figure), about, numbers)}
    return changed


def fragment(figure: dict[str, Any], about: dict[str, Any], numbers: Numbers) -> str:
    """Return a figure as HTML: heading, note, buttons, an empty box, and the JSON to draw there.

    Parameters
    ----------
    figure
        data, layout and config as in plotly's mime type.
    about
        The metadata that `Chart.bundle` left: name, note, keys, narrow.
    numbers
        Long arrays of the figure are added to it; the page has to write them once.
    """
    layout = dict(figure["layout"])
    title = layout.pop("title", {}).get("text", "")
    menus = layout.pop("updatemenus", [])
    margin = dict(layout.get("margin", {}))
    narrow = dict(about.get("narrow", {}))
    if title and "t" in margin:
        # The page writes the title itself, where it wraps; its room in the figure goes.
        margin["t"] -= TITLE_ROOM
        layout["height"] -= TITLE_ROOM
        if "margin.t" in narrow:
            narrow["margin.t"] -= TITLE_ROOM
    layout["margin"] = margin
    data, texts = _shared_texts(_shared_times(figure["data"]))
    spec = {
        "data": [_shared_numbers(trace, numbers) for trace in data],
        "texts": texts,
        "layout": layout,
        "config": figure.get("config", {}),
        "narrow": narrow,
    }
    # plotly reads a title as HTML: what came from outside is escaped in it.
    title = unescape(title)
    shown = _FigureHead(
        name=str(about.get("name", "figure")),
        title=_unbroken(title),
        note=_unbroken(about.get("note", "")),
        keys=[(unescape(name), colour) for name, colour in about.get("keys", ())],
        buttons=[
            (button["label"], json.dumps(button["args"][0]))
            for menu in menus[:1]
            for button in menu["buttons"]
        ],
        height=layout["height"],
    )
    return markup("figure.figure", shown, spec)


def _unbroken(words: str) -> str:
    # A minus sign stays with its amount where a line ends.
    return words.replace("\u2212$", "\u2212\u2060$")


def _shared_times(data: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return traces in which times that an earlier trace has are only referred to.

    Several lines of a figure share one time axis; written once, a page is half as long.
    """
    shared: list[dict[str, Any]] = []
    for trace in data:
        same = next((i for i, other in enumerate(shared) if other.get("x") == trace.get("x")), None)
        repeated = same is not None and isinstance(trace.get("x"), dict)
        shared.append({**trace, "x": {"as": same}} if repeated else trace)
    return shared


def _shared_texts(data: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return traces in which hover texts are numbers into a list, if many of them are the same.

    An entry and its exit say the same of their trade; written once, a page of many trades is a
    third shorter.
    """
    found = [trace["text"] for trace in data if isinstance(trace.get("text"), list)]
    every = [text for texts in found for text in texts]
    if not all(isinstance(text, str) for text in every):
        return data, []
    places = {text: place for place, text in enumerate(dict.fromkeys(every))}
    if len(every) < MANY_TEXTS or len(places) > len(every) / 2:
        return data, []
    shared = [
        {**trace, "text": {"of": [places[text] for text in trace["text"]]}}
        if isinstance(trace.get("text"), list)
        else trace
        for trace in data
    ]
    return shared, list(places)


def _shared_numbers(trace: dict[str, Any], numbers: Numbers) -> dict[str, Any]:
    """Return a trace in which long arrays are places in the page's list.

    Most figures of a report have the same times, and some the same prices or equity.
    """
    shared = {}
    for key, value in trace.items():
        if isinstance(value, dict) and len(value.get("bdata", "")) >= MANY_BYTES:
            place = numbers.setdefault(tuple(sorted(value.items())), len(numbers))
            shared[key] = {"in_page": place}
        else:
            shared[key] = value
    return shared
