"""`Progress`: long work in a thread, with a bar, and a Cancel button that works."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

import ipywidgets as ipw
from IPython.display import display

from btkit.errors import BtkitError, InterruptedRunError
from btkit.jobs import Note
from btkit.render.pages import markup
from btkit.widgets.lifecycle import replace_older
from btkit.widgets.parts import close_all
from btkit.widgets.sharing import layout, make_widget

Answer = TypeVar("Answer")


class Progress(Generic[Answer]):
    """Runs long work in a thread, so that the kernel stays free, and shows how far it is.

    The work is handed this object. It calls `stage`, `update` or `check` every now and then;
    after Cancel the next such call raises `InterruptedRunError`, which ends the work.

    Parameters
    ----------
    work
        Called with this object; its answer becomes `result`. ``btkit.run`` and the like take it
        as their `progress`.
    title
        What is being done.

    Examples
    --------
    >>> Progress(lambda progress: bt.run("strategies/golden_cross.yaml", "SPX", "1999-01-04",
    ...          "2018-12-31", source="sample", progress=progress))  # doctest: +SKIP
    """

    def __init__(
        self, work: Callable[[Progress[Answer]], Answer], *, title: str = "Working"
    ) -> None:
        self._work = work
        self._stop = threading.Event()
        self._answer: list[Answer] = []
        self._error: BaseException | None = None
        self._began = time.monotonic()
        self.bar = ipw.FloatProgress(min=0.0, max=1.0, description=title)
        self.bar.style.description_width = "initial"
        self.bar.layout.width = "min(420px, 60%)"
        self.cancel_button = make_widget(
            ipw.Button, description="Cancel", icon="stop", tooltip="Stop the work"
        )
        self.cancel_button.on_click(lambda _: self.cancel())
        self.label = make_widget(ipw.HTML)
        self._line = make_widget(ipw.HBox, [self.bar, self.cancel_button])
        self.widget = make_widget(ipw.VBox, [self._line, self.label])
        self._thread = threading.Thread(target=self._run, daemon=True, name="btkit-progress")
        self._thread.start()
        replace_older(self)

    @property
    def state(self) -> str:
        """``running``, ``done``, ``cancelled`` or ``failed``."""
        if self._thread.is_alive():
            return "running"
        if isinstance(self._error, InterruptedRunError):
            return "cancelled"
        return "done" if self._error is None else "failed"

    @property
    def result(self) -> Answer:
        """The work's answer; waits for it.

        Raises
        ------
        BaseException
            What the work raised; `InterruptedRunError` if it was cancelled.
        """
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._answer[0]

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the work to end, at most so many seconds; tell whether it did."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def cancel(self) -> None:
        """Ask the work to stop at its next step."""
        self._stop.set()
        if self._thread.is_alive():
            self._say("Stopping at the next step …")

    def check(self) -> None:
        """Stop here if somebody asked for it.

        Raises
        ------
        InterruptedRunError
            After Cancel.
        """
        if self._stop.is_set():
            raise InterruptedRunError(
                "The work was cancelled.", hint="Run the cell again to start anew."
            )

    def update(self, done: float, total: float, remark: str = "") -> None:
        """Show how much is done.

        Parameters
        ----------
        done, total
            In any unit.
        remark
            What to say beside it.

        Raises
        ------
        InterruptedRunError
            After Cancel.
        """
        self.check()
        self.bar.value = min(1.0, done / total) if total else 1.0
        self._say(remark or f"{done:,.0f} of {total:,.0f}")

    def count(self, done: int, total: int, unit: str) -> None:
        """Show how many pieces of the stage are done.

        Parameters
        ----------
        done, total
            Pieces of work.
        unit
            What they are, such as ``"sets"``.

        Raises
        ------
        InterruptedRunError
            After Cancel.
        """
        self.update(done, total, f"{done:,} of {total:,} {unit}")

    @contextmanager
    def stage(self, name: str) -> Iterator[Note]:
        """Enclose one stage.

        Parameters
        ----------
        name
            What is done.

        Yields
        ------
        callable
            Takes a remark on the outcome.

        Raises
        ------
        InterruptedRunError
            After Cancel, before the stage begins.
        """
        self.check()
        self._say(f"{name} …")
        yield lambda remark: self._say(f"{name}: {remark}")

    def put_away(self) -> None:
        """Leave nothing on the screen but how long it took."""
        self._line.layout = layout(display="none")

    def close(self) -> None:
        """Ask the work to stop and take the bar off the screen."""
        self._stop.set()
        close_all(self.widget)

    def _ipython_display_(self) -> None:
        display(self.widget)

    def _run(self) -> None:
        try:
            self._answer.append(self._work(self))
        except BaseException as error:  # noqa: BLE001 - kept, and raised where the result is asked for
            self._error = error
            message = (
                error.message
                if isinstance(error, BtkitError)
                else f"{type(error).__name__}: {error}"
            )
            self.bar.bar_style = "warning" if isinstance(error, InterruptedRunError) else "danger"
            self._say(message)
        else:
            self.bar.value = 1.0
            self.bar.bar_style = "success"
            self._say(f"Done in {time.monotonic() - self._began:,.1f} s")
        finally:
            self.cancel_button.disabled = True

    def _say(self, words: str) -> None:
        self.label.value = markup("widgets.status", words)
