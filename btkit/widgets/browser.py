"""`RunBrowser`: what is stored in a table; reports, side by side, rendered, or deleted."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import ipywidgets as ipw
from IPython.core.getipython import get_ipython
from IPython.display import HTML, display

from btkit.errors import BtkitError
from btkit.jobs import delete, list_runs, load_document, read_settings
from btkit.render import execute_template
from btkit.render.notebook import Engine, template_for
from btkit.render.pages import markup
from btkit.settings import Settings
from btkit.widgets.closing import close_all, let_go
from btkit.widgets.lifecycle import replace_older
from btkit.widgets.run_table import RunTable, columns, rows
from btkit.widgets.stored_view import stored_view
from btkit.widgets.style import styles


class RunBrowser:
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
        self.table = RunTable(columns=columns())
        self._asking = False
        self._view = ipw.Output()
        self._links = ipw.Output()
        self._note = ipw.HTML()
        self._build()
        self.refresh()
        self.table.observe(lambda _: self._on_select(), "selected")
        self._on_select()
        replace_older(self)

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
        runs = list_runs(self._symbol, limit=self._limit, settings=self._settings)
        self._kinds = {run["run_id"]: run["kind"] for run in runs}
        self.table.rows = rows(runs)
        self.table.selected = [run_id for run_id in self.table.selected if run_id in self._kinds]
        if not runs:
            place = self._settings.db_path.expanduser().absolute()
            self._say(f"No run is stored in {place} yet; btkit.run makes one.")

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
        self._say("Rendering the notebook …")
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

    def close(self) -> None:
        """Take the browser off the screen and let go of what it shows."""
        if hasattr(self, "widget"):
            close_all(self.widget)
            let_go(self)

    def _ipython_display_(self) -> None:
        display(self.widget)

    def _build(self) -> None:
        self._open = _button("Open notebook", "book", "Render it if need be, and link to it")
        self._open.on_click(lambda _: self.open())
        self._delete = _button("Delete", "trash", "Delete the selected runs")
        self._delete.on_click(lambda _: self._ask(wanted=True))
        self._sure = _button("Delete for good", "trash", "There is no way back")
        self._sure.button_style = "danger"
        self._sure.on_click(lambda _: self._try(self._delete_now))
        self._keep = _button("Keep", "", "Delete nothing")
        self._keep.on_click(lambda _: self._ask(wanted=False))
        reload = _button("Refresh", "sync", "Read the store again")
        reload.on_click(lambda _: self._try(self.refresh))
        bar = ipw.HBox([self._open, self._delete, self._sure, self._keep, reload])
        bar.add_class("bt-edit-bar")
        parts = [ipw.HTML(styles()), self.table, bar, self._note, self._links, self._view]
        self.widget = ipw.VBox(parts)

    def _on_select(self) -> None:
        chosen = self.selected
        self._open.disabled = not self._has_notebook(chosen)
        self._delete.disabled = not chosen
        self._links.outputs = ()
        self._ask(wanted=False)
        self._try(self._show_selected)

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
            self._say(_words(error), bad=True)
        else:
            links = [
                (f"{name} {path.name}", _relative(path))
                for name, path in (("Notebook", notebook), ("Page", notebook.with_suffix(".html")))
            ]
            if self.selected == [run_id]:
                # In an output, unlike in a widget, JupyterLab opens a link to a file itself.
                self._links.append_display_data(HTML(markup("widgets.links", links)))
            self._say(f"Rendered in {notebook.parent}.")
        finally:
            self._open.disabled = not self._has_notebook(self.selected)

    def _delete_now(self) -> None:
        gone = self.delete()
        self._say(f"Deleted {gone} {'run' if gone == 1 else 'runs'}.")

    def _ask(self, *, wanted: bool) -> None:
        self._sure.layout.display = self._keep.layout.display = "" if wanted else "none"
        if wanted:
            number = len(self.selected)
            what = "this run" if number == 1 else f"these {number} runs"
            self._say(f"Delete {what} with trades and equity curve? There is no way back.")
        elif self._asking:
            self._note.value = ""
        self._asking = wanted

    def _try(self, work: Callable[[], object]) -> None:
        """Do what a button asks for; say why where that fails."""
        try:
            work()
        except BtkitError as error:
            self._say(_words(error), bad=True)

    def _say(self, words: str, *, bad: bool = False) -> None:
        kind = "bt-problem" if bad else "bt-edit-note"
        self._note.value = markup("widgets.said", words, kind)


def _words(error: BtkitError) -> str:
    return f"{error.message} {error.hint}"


def _relative(path: Path) -> str:
    try:
        return os.path.relpath(path)
    except ValueError:  # another drive
        return str(path)


def _button(text: str, icon: str, tooltip: str) -> ipw.Button:
    button = ipw.Button(description=text, icon=icon, tooltip=tooltip)
    button.layout.width = "auto"
    return button
