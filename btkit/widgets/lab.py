"""What the labs share: fields that ask a question, and the answer, worked out in a thread."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Generic, TypeVar

import ipywidgets as ipw

from btkit.conditions import parameter_names
from btkit.errors import BtkitError, InterruptedRunError, SpecError
from btkit.jobs.job import SpecJob
from btkit.settings import Settings
from btkit.spec import BaseSpec
from btkit.spec.varied import with_varied_fields
from btkit.widgets.fields import LabelledField
from btkit.widgets.latest import AnsweredTask
from btkit.widgets.market import MarketRequest
from btkit.widgets.progress import Progress
from btkit.widgets.workbench import Workbench, field_of, fields_of, said

Answer = TypeVar("Answer")


class Lab(Workbench, ABC, Generic[Answer]):
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
    costs
        Commission and slippage where none are given; None takes the settings'.
    """

    def __init__(
        self,
        request: MarketRequest,
        *,
        settings: Settings,
        title: str,
        costs: tuple[float, float] | None = None,
    ) -> None:
        super().__init__(request, settings=settings, work=self._ask, costs=costs)
        self._title = title
        self.fields: dict[str, LabelledField] = {}
        self._task: AnsweredTask[Answer] = AnsweredTask(
            answered=self._on_answer, failed=self._refuse
        )

    @abstractmethod
    def _question(self) -> SpecJob:
        """Return the job that the fields ask for.

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
        return self._task.result

    @property
    def progress(self) -> Progress[Answer] | None:
        """The work on the last question; None before the first."""
        return self._task.progress

    def _blamed(self, error: BaseException) -> dict[str, tuple[str, str]]:
        """Return what is wrong, and what to do, by the field that an error is about."""
        return fields_of(error)

    def _close_parts(self) -> None:
        super()._close_parts()
        self._task.close()

    def _show(self, left: list[ipw.Widget], right: list[ipw.Widget], *, wide: bool = False) -> None:
        """Put everything together, and ask for the first time."""
        classes = ("bt-lab", "bt-lab-wide") if wide else ("bt-lab",)
        self._arrange([*left, self._task.place], right, *classes, sheets=("labs.css",))
        self._ask()

    def _changed(self) -> None:
        self._coalescer.ask()

    def _ask(self) -> None:
        try:
            job = self._question()
        except BtkitError as error:
            self._task.fail(error)
            return
        market = self._market

        def work(progress: Progress[Answer]) -> Answer:
            answer: Answer = market.execute(job, progress)
            return answer

        self._task.start(work, title=self._title)

    def _on_answer(self, answer: Answer) -> None:
        self._mark(None)
        self._light()
        self._present(answer)

    def _refuse(self, error: BaseException) -> None:
        self._mark(error)
        if isinstance(error, InterruptedRunError):
            words = "the picture is not of the fields as they stand. Change one to start anew."
            self._dim("Stopped: ", words)
        else:
            self._dim("Not updated: ", " ".join(said(error)).strip())

    def _mark(self, error: BaseException | None) -> None:
        """Say beside the field that an error belongs to what is wrong with it."""
        problems = {} if error is None else self._blamed(error)
        for name, field in self.fields.items():
            field.blame(*problems.get(name, ("", "")))
        self._mark_request(error, problems)


def blame_axes(
    error: BaseException, spec: BaseSpec, axes: Iterable[str]
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
    fields = with_varied_fields(spec, axes).model_dump(mode="json")
    for problem in error.problems:
        named = parameter_names(json.dumps(fields.get(field_of(problem))))
        found |= dict.fromkeys(named & set(axes), said(error))
    return found
