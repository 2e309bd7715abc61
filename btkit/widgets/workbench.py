"""What the spec editor and the labs share: fields at the left, what comes of them at the right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as ipw

from btkit.errors import BtkitError, DataError, Problem, SourceError, SpecError
from btkit.render.pages import markup
from btkit.settings import Settings
from btkit.widgets.coalesce import Coalescer
from btkit.widgets.market import LoadedMarket, MarketRequest
from btkit.widgets.parts import CellWidget, styled
from btkit.widgets.request_bar import RequestBar
from btkit.widgets.sharing import layout, make_widget


class Workbench(CellWidget):
    """Fields at the left, the outcome at the right, and above it the bars and the costs.

    While what is asked for makes no sense, the last outcome stays, dimmed, and the reason stands
    above it.

    Parameters
    ----------
    request
        The bars to ask about.
    settings
        The BT_* environment.
    work
        Called soon after a change, once for all changes that came until then.
    costs
        Commission and slippage where none are given; None takes the settings'.
    """

    def __init__(
        self,
        request: MarketRequest,
        *,
        settings: Settings,
        work: Callable[[], None],
        costs: tuple[float, float] | None = None,
    ) -> None:
        self._settings = settings
        self._market = LoadedMarket(request, settings=settings)
        self._coalescer = Coalescer(work)
        self._bar = RequestBar(request, self._on_request, settings=settings, usual=costs)
        self._bar_problem = make_widget(ipw.HTML)
        self._bar_problem.layout = layout(display="none")
        self._reason = styled(make_widget(ipw.HTML), "bt-edit-reason")
        self._shown = styled(make_widget(ipw.VBox, []), "bt-edit-result")

    def _close_parts(self) -> None:
        self._coalescer.cancel()

    def _arrange(
        self,
        left: list[ipw.Widget],
        right: list[ipw.Widget],
        *classes: str,
        sheets: tuple[str, ...] = (),
    ) -> None:
        """Put everything together; `classes` and `sheets` style it beyond what all share."""
        self._shown.children = right
        fields = styled(make_widget(ipw.VBox, left), "bt-edit-left")
        outcome = make_widget(
            ipw.VBox, [self._bar.box, self._bar_problem, self._reason, self._shown]
        )
        body = make_widget(ipw.HBox, [fields, styled(outcome, "bt-edit-right")])
        self._put_on_screen([styled(body, "bt-edit", *classes)], *sheets)
        self.widget.add_class("bt-edit-box")

    def _on_request(self, changes: Mapping[str, Any]) -> None:
        request = self._market.request.changed(**changes)
        self._market = LoadedMarket(request, settings=self._settings)
        self._coalescer.ask()

    def _mark_request(
        self, error: BaseException | None, problems: Mapping[str, tuple[str, str]]
    ) -> None:
        """Say beneath the bars and costs what is wrong, if it is with one of them."""
        words = ""
        if self._bar.mark(problems) and error is not None:
            words = markup("widgets.said", " ".join(said(error)).strip(), "bt-problem", "alert")
        self._bar_problem.value = words
        self._bar_problem.layout = layout(display="" if words else "none")

    def _dim(self, head: str, words: str) -> None:
        """Dim the last outcome and say why it is not a new one."""
        self._shown.add_class("bt-stale")
        self._reason.value = markup("widgets.refused", head, words)

    def _light(self) -> None:
        """Say that the outcome is that of the fields."""
        self._shown.remove_class("bt-stale")
        self._reason.value = ""


def said(error: BaseException) -> tuple[str, str]:
    """Return what went wrong, and what to do, as sentences."""
    if isinstance(error, BtkitError):
        return sentence(error.message), sentence(error.hint)
    return f"{type(error).__name__}: {error}", ""


def fields_of(error: BaseException) -> dict[str, tuple[str, str]]:
    """Return what is wrong, and what to do, by the field that an error is about."""
    if isinstance(error, SpecError):
        return {
            field_of(problem): (sentence(problem.message), sentence(problem.hint))
            for problem in error.problems
        }
    if isinstance(error, (DataError, SourceError)):
        return {"symbol": said(error)}
    details = error.details if isinstance(error, BtkitError) else {}
    named = {str(details[key]) for key in ("argument", "parameter") if key in details}
    named |= set(details) & {"constraint", "start", "end", "windows", "is_ratio"}
    return dict.fromkeys(named, said(error))


def field_of(problem: Problem) -> str:
    """Return the field of a spec that a problem is about."""
    return problem.path.partition("[")[0].rpartition(".")[2]


def sentence(words: str) -> str:
    """Return words with a capital and a full stop; nothing of nothing."""
    return words and words[0].upper() + words[1:] + ("" if words[-1] in ".?!" else ".")
