"""Pictures of a run for the notebook: one figure, or the whole report inline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from btkit.documents import (
    RunDocument,
    build_provenance,
    build_report,
    check_result,
    describe_run,
    gather_versions,
)
from btkit.metrics import VERDICT_WORDS
from btkit.render import text, words
from btkit.render.figures import equity_chart
from btkit.render.kinds import PAGES
from btkit.render.pages import markup
from btkit.render.pieces import Html, ReportSection
from btkit.render.view import RunView
from btkit.settings import Settings

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from btkit.simulation import Result

Shown = TypeVar("Shown")


def plot(run: RunDocument | Result) -> Figure:
    """Return the picture that decides: equity against buy-and-hold, drawdown beneath.

    Parameters
    ----------
    run
        A stored run, or the result of a simulation.

    Returns
    -------
    plotly.graph_objects.Figure
        To show, restyle or save; it holds every bar up to 20,000, above that the highs and lows.

    Examples
    --------
    >>> plot(bt.load_run(run_id)).show()  # doctest: +SKIP
    """
    return equity_chart(RunView.of(as_document(run))).figure


def show(run: RunDocument | Result) -> None:
    """Display the whole report inline, section by section.

    Outside IPython, where nothing can be displayed, the verdict is printed in a few lines.

    Parameters
    ----------
    run
        A stored run, or the result of a simulation.
    """
    from IPython.core.getipython import get_ipython  # noqa: PLC0415 - slow to import

    document = as_document(run)
    if get_ipython() is None:
        print("\n".join(_lines(RunView.of(document))))  # noqa: T201 - asked for
        return
    display_sections(PAGES[document.report.kind].sections(), document)


def display_sections(
    sections: Sequence[tuple[str, Callable[[Shown], ReportSection]]], subject: Shown
) -> None:
    """Display every section of a page, each beneath its question.

    Parameters
    ----------
    sections
        Questions and makers, from the top.
    subject
        What the makers take.
    """
    for question, section in sections:
        if question:
            Html(markup("pieces.question", question))._ipython_display_()
        section(subject).display()


def _lines(view: RunView) -> list[str]:
    run, report = f"{view.run.strategy_name} on {view.symbol}", view.report
    span = f"{text.day(view.times[0])} to {text.day(view.times[-1])}"
    return [
        f"{VERDICT_WORDS[report.verdict]}  {run}, {span}",
        words.headline(view),
        *(f"warning: {warning.message}" for warning in report.warnings),
        *(f"no trades: {sentence}" for sentence in report.diagnostics.explanation),
        *(f"note: {sentence}" for sentence in report.diagnostics.never_fired),
    ]


def as_document(run: RunDocument | Result) -> RunDocument:
    """Return a run as it would be stored; a result is reported first.

    Parameters
    ----------
    run
        A stored run, which is returned as it is, or the result of a simulation.
    """
    if isinstance(run, RunDocument):
        return run
    check_result(run)
    now = datetime.now(UTC)
    info = describe_run(run, run_id=run.run_id, created_at=now, completed_at=now)
    provenance = build_provenance(run, versions=gather_versions())
    least = int(Settings.model_fields["min_trades_required"].default)
    report = build_report(run, info, min_trades_required=least, provenance=provenance)
    return RunDocument.from_result(run, report)
