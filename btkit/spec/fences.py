"""Specs in fenced blocks, as chat programs and Markdown files have them."""

from __future__ import annotations

import re
from textwrap import dedent

from btkit.errors import Problem, SpecError

_FORMS = {"json": "json", "yaml": "yaml", "yml": "yaml"}
# At the beginning of a line, so that a block inside a YAML text is none.
_OPENING = re.compile(r"^(```+|~~~+)[ \t]*([A-Za-z0-9]*)[^\n]*\n", re.MULTILINE)
_ONE_LINE = re.compile(r"\s*```+[ \t]*(json|ya?ml)?[ \t]+([^\n`]+?)[ \t]*```+\s*", re.IGNORECASE)


def unfenced(text: str, form: str | None) -> tuple[str, str | None]:
    r"""Return what stands in the fenced block of a text; the text itself where there is none.

    Parameters
    ----------
    text
        Such as ``"Here it is:\n```json\n{...}\n```\n"``.
    form
        ``"json"``, ``"yaml"`` or None, as the file's name has it; the fence knows better.

    Returns
    -------
    tuple of str and str or None
        The block, on the lines where it stood, and its form.

    Raises
    ------
    SpecError
        If there are several blocks.

    Examples
    --------
    >>> unfenced("```yaml\nname: dip\n```", None)
    ('\nname: dip\n', 'yaml')
    """
    inline = _ONE_LINE.fullmatch(text)
    if inline:
        return inline[2], _FORMS.get((inline[1] or "").lower())
    if text.lstrip().startswith(("```", "~~~")):
        # As it stands in a list's item, or in an indented string of a program.
        text = dedent(text)
    opening = _OPENING.search(text)
    if opening is None:
        return text, form
    body, rest = _until_closed(text, opening)
    if _OPENING.search(rest):
        message = "the text holds several fenced blocks"
        raise SpecError([Problem("spec", message, "keep the block that is the spec")])
    lines_before = text.count("\n", 0, opening.end())
    return "\n" * lines_before + body, _FORMS.get(opening[2].lower())


def _until_closed(text: str, opening: re.Match[str]) -> tuple[str, str]:
    # A text that was cut off has no closing fence; one from Windows ends its lines in \r\n.
    fence = re.compile(rf"^{opening[1]}{opening[1][0]}*[ \t\r]*$", re.MULTILINE)
    closing = fence.search(text, opening.end())
    if closing is None:
        return text[opening.end() :], ""
    return text[opening.end() : closing.start()], text[closing.end() :]
