"""`RunBrowser`: what is stored in a table; reports, side by side, rendered, or deleted."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import ipywidgets as ipw
from IPython.core.getipython import get_ipython
from IPython.display import HTML

from btkit.errors import BtkitError
from btkit.jobs import delete, list_runs, load_document, read_settings
from btkit.render import execute_template, text
from btkit.render.notebook import Engine, template_for
from btkit.render.pages import markup
from btkit.settings import Settings
from btkit.widgets.parts import CellWidget, Note, button, styled
from btkit.widgets.run_table import RunTable, columns, rows
from btkit.widgets.sharing import layout, make_widget
from btkit.widgets.stored_view import stored_view


class RunBrowser(CellWidget):
    """Browse what is stored: sort, filter, select; see one report or several runs side by side.

    Runs, sweeps, walk-forward validations and batches have a row each; a batch shows its runs side
    by side.

    Parameters
    ----------
    symbol
        Only runs on this instrument; None for all.
    limit
        At most so many, the newest.
    settings
        None reads the BT_* environment.

    Raises
    ------
    StoreError
        If the store cannot be read.

    Examples
    --------
    >>> RunBrowser()  # doctest: +SKIP
    """

    def __init__(
        self, *, symbol: str | None = None, limit: int = 500, settings: Settings | None = None
    ) -> None:
        self._settings = read_settings(settings)
        self._symbol, self._limit = symbol, limit
        # What is refused here leaves no widget behind.
        runs = self._stored()
        self.table = RunTable(columns=columns())
        self._asking = False
        self._view = make_widget(ipw.Output)
        self._links = make_widget(ipw.Output)
        self._note = make_widget(Note)
        self._build()
        self._fill(runs)
        self.table.observe(lambda _: self._on_select(), "selected")
        self._on_select()

    @property
    def selected(self) -> list[str]:
        """The ids of the selected runs, in the order in which they were selected."""
        return list(self.table.selected)

    def select(self, *run_ids: str) -> None:
        """Select runs as a hand would; none to select nothing."""
        self.table.selected = list(run_ids)

    def refresh(self) -> None:
        """Read the store again; what is selected stays selected if it still exists.

        Raises
        ------
        StoreError
            If the store cannot be read.
        """
        self._fill(self._stored())

    def _stored(self) -> list[dict[str, Any]]:
        return list_runs(self._symbol, limit=self._limit, settings=self._settings)

    def _fill(self, runs: list[dict[str, Any]]) -> None:
        self._kinds = {run["run_id"]: run["kind"] for run in runs}
        self.table.rows = rows(runs)
        self.table.selected = [run_id for run_id in self.table.selected if run_id in self._kinds]
        if not runs:
            place = self._settings.db_path.expanduser().absolute()
            self._note.say(f"No run is stored in {place} yet; btkit.run makes one.")

    def report(self, run_id: str | None = None) -> Path:
        """Render a run's notebook and page, if that was not done yet.

        Parameters
        ----------
        run_id
            None takes the one that is selected.

        Returns
        -------
        Path
            The notebook, beside which the page stands.

        Raises
        ------
        RenderError
            If it cannot be rendered.
        """
        if run_id is None:
            (run_id,) = self.selected
        folder = self._settings.report_dir.expanduser().absolute()
        notebook = folder / f"{run_id}.ipynb"
        if not notebook.exists() or not notebook.with_suffix(".html").exists():
            document = load_document(run_id, settings=self._settings)
            template, parameters = template_for(self._kinds[run_id], document, self._settings)
            # Cells that run meanwhile own the streams of this process: there, a kernel renders.
            engine: Engine = "btkit" if get_ipython() is None else "nbclient"
            execute_template(template, parameters, out_dir=folder, run_id=run_id, engine=engine)
        return notebook

    def open(self) -> None:
        """Render the selected run's notebook, and link to it; the kernel stays free meanwhile."""
        self._open.disabled = True
        self._note.say("Rendering the notebook …")
        self._links.outputs = ()
        (chosen,) = self.selected
        self._rendering = threading.Thread(
            target=self._show_links, args=(chosen,), daemon=True, name="btkit-render"
        )
        self._rendering.start()

    def delete(self) -> int:
        """Delete the selected runs for good, without asking.

        Returns
        -------
        int
            How many runs are gone.

        Raises
        ------
        StoreError
            If one cannot be deleted; those before it are gone.
        """
        gone = self.selected
        try:
            for run_id in gone:
                delete(run_id, settings=self._settings)
        finally:
            self.refresh()
        return len(gone)

    def _build(self) -> None:
        self._open = button(
            "Open notebook", "book", "Render it if need be, and link to it", self.open
        )
        self._delete = button("Delete", "trash", "Delete the selected runs", self._ask)
        self._sure = button("Delete for good", "trash", "There is no way back", self._delete_now)
        self._sure.button_style = "danger"
        self._keep = button("Keep", "", "Delete nothing", self._ask_no_more)
        reload = button("Refresh", "sync", "Read the store again", self._read_again)
        bar = make_widget(ipw.HBox, [self._open, self._delete, self._sure, self._keep, reload])
        parts = [self.table, styled(bar, "bt-edit-bar"), self._note, self._links, self._view]
        self._put_on_screen(parts)

    def _on_select(self) -> None:
        chosen = self.selected
        self._open.disabled = not self._has_notebook(chosen)
        self._delete.disabled = not chosen
        self._links.outputs = ()
        self._ask_no_more()
        self._note.attempt(self._show_selected)

    def _has_notebook(self, chosen: list[str]) -> bool:
        return len(chosen) == 1 and self._kinds[chosen[0]] != "batch"

    def _show_selected(self) -> None:
        chosen = self.selected
        shown = stored_view([(self._kinds[run_id], run_id) for run_id in chosen], self._settings)
        self._view.clear_output(wait=True)
        with self._view:
            shown()

    def _show_links(self, run_id: str) -> None:
        try:
            notebook = self.report(run_id)
        except BtkitError as error:
            self._note.fail(error)
        else:
            links = [
                (f"{name} {path.name}", _relative(path))
                for name, path in (("Notebook", notebook), ("Page", notebook.with_suffix(".html")))
            ]
            if self.selected == [run_id]:
                # In an output, unlike in a widget, JupyterLab opens a link to a file itself.
                self._links.append_display_data(HTML(markup("widgets.links", links)))
            self._note.say(f"Rendered in {notebook.parent}.")
        finally:
            self._open.disabled = not self._has_notebook(self.selected)

    def _read_again(self) -> None:
        self._note.attempt(self.refresh)

    def _delete_now(self) -> None:
        self._note.attempt(lambda: f"Deleted {text.plural(self.delete(), 'run')}.")

    def _ask(self) -> None:
        self._offer_deletion("")
        number = len(self.selected)
        what = "this run" if number == 1 else f"these {number} runs"
        self._note.say(f"Delete {what} with trades and equity curve? There is no way back.")
        self._asking = True

    def _ask_no_more(self) -> None:
        self._offer_deletion("none")
        if self._asking:
            self._note.say("")
        self._asking = False

    def _offer_deletion(self, display: str) -> None:
        self._sure.layout = self._keep.layout = layout(width="auto", display=display)


def _relative(path: Path) -> str:
    try:
        return os.path.relpath(path)
    except ValueError:  # another drive
        return str(path)
