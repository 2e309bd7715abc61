"""The HTML that people see: the macros beside this module, in which every value is escaped."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from btkit.render import text, theme
from btkit.render.pieces import asset, script_json
from btkit.render.pill import VERDICTS
from btkit.spelling import some_of

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\].*?(?:\x07|\x1b\\)")


def markup(macro: str, /, *values: object, **named: object) -> Markup:
    """Return what a macro makes of values.

    Parameters
    ----------
    macro
        Its file and its name, such as ``"pieces.tile"``.
    values, named
        Its arguments. Text is escaped; what another macro made is taken as it is.

    Returns
    -------
    Markup
        HTML.

    Raises
    ------
    jinja2.UndefinedError
        If the macro reads what a value does not have.

    Examples
    --------
    >>> markup("pieces.code", "a < b")
    Markup('<code>a &lt; b</code>')
    """
    file, _, name = macro.partition(".")
    made: Markup = getattr(_environment().get_template(f"{file}.html.j2").module, name)(
        *values, **named
    )
    return made


def page(file: str, **values: object) -> str:
    """Return a whole page.

    Parameters
    ----------
    file
        Name of its template, such as ``"index"``.
    values
        What it shows.
    """
    return _environment().get_template(f"{file}.html.j2").render(values)


@cache
def _environment() -> Environment:
    # Whoever wants no page does not wait for these; a process compiles each template once.
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - as above
    from markupsafe import Markup  # noqa: PLC0415 - likewise

    made = Environment(
        loader=PackageLoader("btkit.render", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    made.globals |= {"verdicts": VERDICTS, "asset": lambda name: Markup(asset(name))}  # noqa: S704 - our own
    made.filters |= {
        name: getattr(text, name)
        for name in (
            "percent",
            "ratio",
            "count",
            "money",
            "day",
            "plural",
            "span",
        )
    }
    made.filters |= {
        "reason": theme.reason_name,
        "some_of": some_of,
        "json": lambda value: Markup(script_json(value)),  # noqa: S704 - nothing ends its script
        "markdown": _markdown,
        "without_terminal_codes": lambda said: _TERMINAL_CODES.sub("", said),
    }
    return made


def _markdown(source: str) -> Any:  # noqa: ANN401 - Markup
    from markupsafe import Markup  # noqa: PLC0415 - as above

    return Markup(_reader()(source))  # noqa: S704 - a notebook's own words


@cache
def _reader() -> Any:  # noqa: ANN401 - mistune's
    import mistune  # noqa: PLC0415 - for words between cells alone

    return mistune.create_markdown(escape=False, plugins=["table"])
