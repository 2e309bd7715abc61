"""Long work of which only the latest counts: one thread at a time, the last request always wins."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

import ipywidgets as ipw

from btkit.widgets.parts import styled
from btkit.widgets.progress import Progress
from btkit.widgets.sharing import make_widget

Answer = TypeVar("Answer")
Work = Callable[[Progress[Answer]], Answer]


class LatestTask(Generic[Answer]):
    """Does work in a thread; a newer request cancels the one under way and takes its place.

    Where no event loop runs, as in a plain script, the work is done before `start` returns.

    Parameters
    ----------
    began
        Handed the `Progress` of work that begins, to show it.
    ended
        Handed it again once it ended, on the loop that asked for the work. Work that a newer
        request took the place of ends unheard.
    """

    def __init__(
        self,
        *,
        began: Callable[[Progress[Answer]], None],
        ended: Callable[[Progress[Answer]], None],
    ) -> None:
        self._began, self._ended = began, ended
        self._running: Progress[Answer] | None = None
        self._waiting: tuple[Work[Answer], str] | None = None
        # JupyterLab may deliver events on another thread than the one that runs cells.
        self._lock = threading.RLock()

    @property
    def busy(self) -> bool:
        """Whether work is under way, or its end not yet reported."""
        return self._running is not None

    def start(self, work: Work[Answer], *, title: str) -> None:
        """Do this instead of whatever is under way.

        Parameters
        ----------
        work
            Takes a `Progress`, as ``btkit.run`` and the like do.
        title
            What is being done.
        """
        with self._lock:
            if self._running is None:
                self._begin(work, title)
            else:
                self._waiting = (work, title)
                self._running.cancel()

    def wait(self) -> None:
        """Wait until nothing is under way, and everything that ended was reported."""
        while (running := self._running) is not None:
            running.wait()
            self._settle(running)

    def close(self) -> None:
        """Stop what is under way; nothing more is reported."""
        with self._lock:
            running, self._running, self._waiting = self._running, None, None
            if running is not None:
                running.close()

    def _begin(self, work: Work[Answer], title: str) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            progress = Progress(work, title=title)
            self._take(progress)
            self._settle(progress)
            return

        def watched(progress: Progress[Answer]) -> Answer:
            try:
                return work(progress)
            finally:
                # A loop that was closed meanwhile has nobody left to tell.
                with suppress(RuntimeError):
                    loop.call_soon_threadsafe(self._settle, progress)

        self._take(Progress(watched, title=title))

    def _take(self, progress: Progress[Answer]) -> None:
        self._running = progress
        self._began(progress)

    def _settle(self, progress: Progress[Answer]) -> None:
        """Tell of an end, once, and begin what waits."""
        with self._lock:
            progress.wait()
            if progress is not self._running:
                return
            self._running = None
            waiting, self._waiting = self._waiting, None
            if waiting is not None:
                self._begin(*waiting)
            else:
                self._ended(progress)


class AnsweredTask(LatestTask[Answer]):
    """A `LatestTask` whose progress stands in a place of its own, and whose answer is kept.

    Parameters
    ----------
    answered
        Called with an answer.
    failed
        Called with what the work raised instead; `InterruptedRunError` if it was cancelled.
    """

    def __init__(
        self, *, answered: Callable[[Answer], None], failed: Callable[[BaseException], None]
    ) -> None:
        super().__init__(began=self._show, ended=self._keep)
        self._answered, self._failed = answered, failed
        self.progress: Progress[Answer] | None = None
        self.answer: Answer | None = None
        self.error: BaseException | None = None
        self.place = styled(make_widget(ipw.VBox, []), "bt-lab-progress", "bt-lab-full")

    @property
    def result(self) -> Answer:
        """The last answer; waits for work under way.

        Raises
        ------
        BaseException
            If there has been none yet: why.
        """
        self.wait()
        if self.answer is None:
            assert self.error is not None, "nothing was asked, or it is closed"
            raise self.error
        return self.answer

    def fail(self, error: BaseException) -> None:
        """Take why there is no other answer."""
        self.error = error
        self._failed(error)

    def close(self) -> None:
        """Stop what is under way, and let go of the answer."""
        super().close()
        if self.progress is not None:
            self.progress.close()
        self.answer = self.error = None

    def _show(self, progress: Progress[Answer]) -> None:
        before, self.progress = self.progress, progress
        self.place.children = [progress.widget]
        if before is not None:
            before.close()

    def _keep(self, progress: Progress[Answer]) -> None:
        try:
            answer = progress.result
        except BaseException as error:  # noqa: BLE001 - handed over, and raised where the result is asked for
            self.fail(error)
            return
        progress.put_away()
        self.answer, self.error = answer, None
        self._answered(answer)
