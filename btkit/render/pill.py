"""How a verdict is shown: by shape and word as well as by colour."""

from __future__ import annotations

from btkit.metrics import VERDICT_WORDS, Verdict
from btkit.render.pieces import tag

_SIGNS: dict[Verdict, str] = {"pass": "✓", "fail": "✕", "too_few_trades": "!"}
_PILLS: dict[Verdict, str] = {"pass": "bt-pass", "fail": "bt-fail", "too_few_trades": "bt-few"}
_MARKS: dict[Verdict, str] = {"pass": "bt-met", "fail": "bt-missed", "too_few_trades": "bt-unsure"}


def pill(verdict: Verdict) -> str:
    """Return the verdict of a headline, as markup.

    Parameters
    ----------
    verdict
        As a document has it.
    """
    sign = tag("span", _SIGNS[verdict], aria_hidden="true")
    return tag("span", f"{sign} {VERDICT_WORDS[verdict]}", class_=f"bt-pill {_PILLS[verdict]}")


def in_line(verdict: Verdict) -> str:
    """Return the verdict in a row of a table, as markup.

    Parameters
    ----------
    verdict
        As a document has it.
    """
    return tag("span", as_text(verdict), class_=_MARKS[verdict])


def as_text(verdict: Verdict) -> str:
    """Return the verdict where there is no markup.

    Parameters
    ----------
    verdict
        As a document has it.

    Examples
    --------
    >>> as_text("pass")
    '✓ PASS'
    """
    return f"{_SIGNS[verdict]} {VERDICT_WORDS[verdict]}"
