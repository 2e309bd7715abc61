"""The head of every page: who, when, the verdict, one sentence, and every warning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from btkit.documents import ReportWarning
from btkit.metrics import Verdict
from btkit.render.pages import markup
from btkit.render.pieces import Html


@dataclass(frozen=True)
class PageHead:
    """What the head of a page says.

    Parameters
    ----------
    kind
        What the page is.
    name
        Whose it is.
    sentence
        The result in plain words.
    verdict
        None where a page has none.
    facts
        Version, instrument, range and bars.
    untraded
        Why there was no trade.
    warnings
        What a reader must know before trusting the numbers.
    """

    kind: str
    name: str
    sentence: str
    verdict: Verdict | None = None
    facts: Sequence[str] = ()
    untraded: Sequence[str] = ()
    warnings: Sequence[ReportWarning] = ()


def page_head(head: PageHead, *, title: str) -> Html:
    """Return the head of a page, and the styles of all that follows.

    Parameters
    ----------
    head
        What it says.
    title
        Of the page, plain text.
    """
    # The styles come with the first fragment, so that they are there in JupyterLab, too.
    return Html(
        markup("pieces.style", ["report.css"]) + markup("pieces.headline", head), title=title
    )
