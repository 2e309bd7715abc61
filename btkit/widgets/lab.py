"""What the labs share: fields at the left, the outcome at the right, work in a thread."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

import ipywidgets as ipw
from IPython.display import display

from btkit.conditions import parameter_names
from btkit.errors import (
    BtkitError,
    DataError,
    InterruptedRunError,
    Problem,
    SourceError,
    SpecError,
)
from btkit.render.pages import markup
from btkit.settings import Settings
from btkit.spec import StrategySpec
from btkit.widgets.closing import close_all, let_go
from btkit.widgets.coalesce import Coalescer
from btkit.widgets.lab_fields import LabField
from btkit.widgets.latest import LatestTask
from btkit.widgets.lifecycle import replace_older
from btkit.widgets.market import LoadedMarket, MarketRequest
from btkit.widgets.progress import Progress
from btkit.widgets.request_bar import RequestBar
from btkit.widgets.style import styles

Answer = TypeVar("Answer")
Work = Callable[[Progress[Answer]], Answer]


class Lab(ABC, Generic[Answer]):
    """Fields that ask a question, and the answer beside them, computed in a thread.

    A change asks anew; changes in quick succession ask once, and the last one wins. While the
    question makes no sense, the last answer stays, dimmed, and the reason stands by the field that
    it belongs to.

    Parameters
    ----------
    request
        The bars to ask about.
    settings
        The BT_* environment.
    title
        What the work is called while it lasts.
    """

    def __init__(self, request: MarketRequest, *, settings: Settings, title: str) -> None:
        self._settings, self._title = settings, title
        self._market = LoadedMarket(request, settings=settings)
        self._answer: Answer | None = None
        self._error: BaseException | None = None
        self.fields: dict[str, LabField] = {}
        self._task: LatestTask[Answer] = LatestTask(began=self._began, ended=self._ended)
        self._coalescer = Coalescer(self._ask)
        self.progress: Progress[Answer] | None = None
        self._progress_place = ipw.VBox([])
        self._progress_place.add_class("bt-lab-progress")
        self._progress_place.add_class("bt-lab-full")
        self._bar = RequestBar(request, self._on_request, settings=settings)
        self._bar_problem = ipw.HTML()
        self._reason = ipw.HTML()
        self._reason.add_class("bt-edit-reason")
        self._shown = ipw.VBox([])
        self._shown.add_class("bt-edit-result")

    @abstractmethod
    def _question(self) -> Work[Answer]:
        """Return the work that the fields ask for; they are read now, not in the thread.

        Raises
        ------
        BtkitError
            If they make no sense.
        """

    @abstractmethod
    def _present(self, answer: Answer) -> None:
        """Show an answer."""

    @property
    def result(self) -> Answer:
        """The answer to the last question that made sense; waits for work under way.

        Raises
        ------
        BtkitError
            If there has been none yet: why.
        """
        self._coalescer.flush()
        self._task.wait()
        if self._answer is None:
            assert self._error is not None
            raise self._error
        return self._answer

    def close(self) -> None:
        """Stop the work, take the lab off the screen and let go of what it holds.

        It cannot be used again.
        """
        if not hasattr(self, "widget"):
            return
        self._coalescer.cancel()
        self._task.close()
        if self.progress is not None:
            self.progress.close()
        self._close_parts()
        close_all(self.widget)
        let_go(self)

    def _blamed(self, error: BaseException) -> dict[str, tuple[str, str]]:
        """Return what is wrong, and what to do, by the field that an error is about."""
        return _by_field(error)

    def _close_parts(self) -> None:
        """Close what `close_all` does not reach, such as the data of figures."""

    def _ipython_display_(self) -> None:
        display(self.widget)

    def _arrange(
        self, left: list[ipw.Widget], right: list[ipw.Widget], *, wide: bool = False
    ) -> None:
        """Put everything together, and ask for the first time."""
        self._shown.children = right
        column = ipw.VBox([*left, self._progress_place])
        column.add_class("bt-edit-left")
        main = ipw.VBox([self._bar.box, self._bar_problem, self._reason, self._shown])
        main.add_class("bt-edit-right")
        body = ipw.HBox([column, main])
        body.add_class("bt-edit")
        body.add_class("bt-lab")
        if wide:
            body.add_class("bt-lab-wide")
        self.widget = ipw.VBox([ipw.HTML(styles("labs.css")), body])
        self.widget.add_class("bt-edit-box")
        replace_older(self)
        self._ask()

    def _changed(self) -> None:
        self._coalescer.ask()

    def _on_request(self, changes: Mapping[str, Any]) -> None:
        self._market = LoadedMarket(
            self._market.request.changed(**changes), settings=self._settings
        )
        self._coalescer.ask()

    def _ask(self) -> None:
        try:
            work = self._question()
        except BtkitError as error:
            self._refuse(error)
            return
        self._task.start(work, title=self._title)

    def _began(self, progress: Progress[Answer]) -> None:
        before, self.progress = self.progress, progress
        self._progress_place.children = [progress.widget]
        if before is not None:
            before.close()

    def _ended(self, progress: Progress[Answer]) -> None:
        try:
            answer = progress.result
        except BaseException as error:  # noqa: BLE001 - shown, and raised where the result is asked for
            self._refuse(error)
            return
        progress.put_away()
        self._answer, self._error = answer, None
        self._mark(None)
        self._reason.value = ""
        self._shown.remove_class("bt-stale")
        self._present(answer)

    def _refuse(self, error: BaseException) -> None:
        """Dim the last answer and say why it is not a new one."""
        self._error = error
        self._mark(error)
        self._shown.add_class("bt-stale")
        message, hint = _said(error)
        head = "Stopped: " if isinstance(error, InterruptedRunError) else "Not updated: "
        self._reason.value = markup("widgets.refused", head, f"{message} {hint}".strip())

    def _mark(self, error: BaseException | None) -> None:
        """Say beside the field that an error belongs to what is wrong with it."""
        problems = {} if error is None else self._blamed(error)
        message, hint = ("", "") if error is None else _said(error)
        for name, field in self.fields.items():
            field.mark(*problems.get(name, ("", "")))
        costs = dict(zip(("capital", "commission", "slippage"), self._bar.costs, strict=True))
        asked = {name: getattr(self._bar, name) for name in ("symbol", "source", "start", "end")}
        own = [name for name in (*asked, *costs) if name in problems]
        for name, control in (asked | costs).items():
            (control.add_class if name in own else control.remove_class)("bt-edit-wrong")
        said = f"{message} {hint}".strip()
        self._bar_problem.value = markup("widgets.said", said, "bt-problem", "alert") if own else ""


def _said(error: BaseException) -> tuple[str, str]:
    if isinstance(error, InterruptedRunError):
        return "the picture is not of the fields as they stand.", "Change one to start anew."
    if isinstance(error, BtkitError):
        return _sentence(error.message), _sentence(error.hint)
    return f"{type(error).__name__}: {error}", ""


def _sentence(words: str) -> str:
    if not words:
        return ""
    return words[0].upper() + words[1:] + ("" if words[-1] in ".?!" else ".")


def _field_of(problem: Problem) -> str:
    return problem.path.partition("[")[0].rpartition(".")[2]


def blame_axes(
    error: BaseException, spec: StrategySpec, axes: Iterable[str]
) -> dict[str, tuple[str, str]]:
    """Return what is wrong with the values of parameters, where they make a spec be refused.

    Parameters
    ----------
    error
        What happened.
    spec
        Whose conditions the parameters stand in.
    axes
        The parameters that are varied.
    """
    if not isinstance(error, SpecError):
        return {}
    found: dict[str, tuple[str, str]] = {}
    for problem in error.problems:
        texts = getattr(spec, _field_of(problem), ())
        named = parameter_names(" ".join([texts] if isinstance(texts, str) else texts))
        found |= dict.fromkeys(set(named) & set(axes), _said(error))
    return found


def _by_field(error: BaseException) -> dict[str, tuple[str, str]]:
    if isinstance(error, SpecError):
        return {
            _field_of(problem): (_sentence(problem.message), _sentence(problem.hint))
            for problem in error.problems
        }
    if isinstance(error, (DataError, SourceError)):
        return {"symbol": _said(error)}
    details = error.details if isinstance(error, BtkitError) else {}
    named = {str(details[key]) for key in ("argument", "parameter") if key in details}
    named |= set(details) & {"constraint", "start", "end", "windows", "is_ratio"}
    return dict.fromkeys(named, _said(error))
