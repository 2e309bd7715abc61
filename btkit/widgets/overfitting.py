"""Whether a sweep's best set could be chance: worked out in a thread, shown as tiles."""

from __future__ import annotations

import ipywidgets as ipw

from btkit.documents.sweeps import SweepReport
from btkit.jobs.sweep import describe_sweep
from btkit.render.pages import markup
from btkit.render.sweep import overfitting_tiles
from btkit.settings import Settings
from btkit.validation import SweepResult
from btkit.widgets.closing import close_all
from btkit.widgets.latest import LatestTask
from btkit.widgets.progress import Progress


class OverfittingTiles:
    """Tiles of the statistics of overfitting, and how far the work on them is.

    Parameters
    ----------
    settings
        The BT_* environment.
    """

    def __init__(self, *, settings: Settings) -> None:
        self._settings = settings
        self._task: LatestTask[SweepReport] = LatestTask(began=self._began, ended=self._ended)
        self._report: SweepReport | None = None
        self._error: BaseException | None = None
        self.tiles = ipw.HTML()
        self.place = ipw.VBox([])
        self.place.add_class("bt-lab-progress")
        for part in (self.tiles, self.place):
            part.add_class("bt-lab-full")

    @property
    def report(self) -> SweepReport:
        """The document of the sweep that was asked about last; waits for it.

        Raises
        ------
        BaseException
            What the work raised; `InterruptedRunError` if it was cancelled.
        """
        self._task.wait()
        if self._report is None:
            assert self._error is not None, "nothing was asked, or it is closed"
            raise self._error
        return self._report

    def ask(self, sweep: SweepResult) -> None:
        """Work it out for a sweep, instead of for the one before."""
        self._report = None

        def work(progress: Progress[SweepReport]) -> SweepReport:
            return describe_sweep(sweep, settings=self._settings, progress=progress)

        self._task.start(work, title="Overfitting")

    def close(self) -> None:
        """Stop the work and let go of the sweep."""
        self._task.close()
        self._report = self._error = None

    def _began(self, progress: Progress[SweepReport]) -> None:
        before = self.place.children
        self.place.children = [progress.widget]
        self.tiles.add_class("bt-stale")
        for widget in before:
            close_all(widget)

    def _ended(self, progress: Progress[SweepReport]) -> None:
        try:
            report = progress.result
        except BaseException as error:  # noqa: BLE001 - the bar says it, and `report` raises it
            self._error = error
            return
        self._report, self._error = report, None
        progress.put_away()
        self.tiles.remove_class("bt-stale")
        tiles = markup("pieces.tiles", overfitting_tiles(report.overfitting))
        self.tiles.value = markup("widgets.framed", [tiles])
