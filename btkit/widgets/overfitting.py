"""Whether a sweep's best set could be chance: worked out in a thread, shown as tiles."""

from __future__ import annotations

import ipywidgets as ipw

from btkit.documents.sweeps import SweepReport
from btkit.jobs.sweep import describe_sweep
from btkit.render.pages import markup
from btkit.render.sweep import overfitting_tiles
from btkit.settings import Settings
from btkit.validation import SweepResult
from btkit.widgets.latest import AnsweredTask
from btkit.widgets.parts import styled
from btkit.widgets.progress import Progress
from btkit.widgets.sharing import make_widget


class OverfittingTiles:
    """Tiles of the statistics of overfitting, and how far the work on them is.

    Parameters
    ----------
    settings
        The BT_* environment.
    """

    def __init__(self, *, settings: Settings) -> None:
        self._settings = settings
        # The bar says what the work raised, and `report` raises it.
        self._task: AnsweredTask[SweepReport] = AnsweredTask(
            answered=self._show, failed=lambda _: None
        )
        self.tiles, self.place = styled(make_widget(ipw.HTML), "bt-lab-full"), self._task.place

    @property
    def report(self) -> SweepReport:
        """The document of the sweep that was asked about last; waits for it.

        Raises
        ------
        BaseException
            What the work raised; `InterruptedRunError` if it was cancelled.
        """
        return self._task.result

    def ask(self, sweep: SweepResult) -> None:
        """Work it out for a sweep, instead of for the one before."""
        self._task.answer = None
        self.tiles.add_class("bt-stale")

        def work(progress: Progress[SweepReport]) -> SweepReport:
            return describe_sweep(sweep, settings=self._settings, progress=progress)

        self._task.start(work, title="Overfitting")

    def close(self) -> None:
        """Stop the work and let go of the sweep."""
        self._task.close()

    def _show(self, report: SweepReport) -> None:
        self.tiles.remove_class("bt-stale")
        tiles = markup("pieces.tiles", overfitting_tiles(report.overfitting))
        self.tiles.value = markup("widgets.framed", [tiles])
