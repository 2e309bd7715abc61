"""How a verdict is shown: by shape and word as well as by colour."""

from __future__ import annotations

from typing import NamedTuple

from btkit.metrics import VERDICT_WORDS, Verdict


class _VerdictLook(NamedTuple):
    # A verdict's sign and word, and the styles of its pill and of its mark in a row.

    sign: str
    word: str
    pill: str
    mark: str


VERDICTS: dict[Verdict, _VerdictLook] = {
    "pass": _VerdictLook("✓", VERDICT_WORDS["pass"], "bt-pass", "bt-met"),
    "fail": _VerdictLook("✕", VERDICT_WORDS["fail"], "bt-fail", "bt-missed"),
    "too_few_trades": _VerdictLook("!", VERDICT_WORDS["too_few_trades"], "bt-few", "bt-unsure"),
}


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
    look = VERDICTS[verdict]
    return f"{look.sign} {look.word}"
