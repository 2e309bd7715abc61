"""`SpecEditor`: a spec at the left, what it does at the right, at every change."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as ipw
import pandas as pd

from btkit.errors import BtkitError, Problem, StoreError, UsageError
from btkit.jobs import execute, read_settings
from btkit.jobs.asking import path_of
from btkit.jobs.job import RunJob
from btkit.jobs.requests import SpecSource, rule_spec
from btkit.render.pages import markup
from btkit.render.text import command_parts, file_part
from btkit.settings import Settings
from btkit.spec import CONDITION_LISTS, StrategySpec
from btkit.widgets.controls import field_controls, label_of, missing_parameters
from btkit.widgets.document import SpecDocument, text_of
from btkit.widgets.expressions import Expressions
from btkit.widgets.fit import fitted
from btkit.widgets.market import BuyAndHold, LoadedMarket, MarketRequest
from btkit.widgets.parts import Note, button, styled
from btkit.widgets.picture import Picture
from btkit.widgets.summary import summary
from btkit.widgets.workbench import Workbench, fields_of, said, sentence
from btkit.writing import write_whole

if TYPE_CHECKING:
    from btkit.simulation import Result

_PATH = re.compile(r"(?P<field>[a-z_]+)(?:\[(?P<index>\d+)\]|\.(?P<part>.+))?")
_COPY = (
    "const text = this.previousElementSibling; const said = () => { this.textContent = 'Copied'; };"
    "if (navigator.clipboard) navigator.clipboard.writeText(text.textContent).then(said);"
    # Where the page came over plain http from another machine, browsers have no clipboard.
    "else { getSelection().selectAllChildren(text); document.execCommand('copy') && said(); }"
)
_TRADING = (
    "position_sizing_formula",
    "per_trade_risk_pct",
    "max_holding_bars",
    "max_concurrent_positions",
    "direction",
    "short",
    "fill",
    "filter_scope",
    "allow_fractional",
    "commission_model",
    "price_adjustment",
)


class SpecEditor(Workbench):
    """Edit a rule spec and see its equity, drawdown, trades and metrics follow every change.

    While the spec is invalid, the last valid picture stays, dimmed, and the reason stands above
    it. Shown by being the last line of a cell.

    Parameters
    ----------
    spec
        A `StrategySpec`, or what `load_spec` takes: a path, a dict, or JSON or YAML text.
    symbol, start, end, interval, source
        The bars to simulate on, as `btkit.run` takes them; without a range those from 1999 to
        2018, or of a frame all.
    capital, commission, slippage
        None takes the BT_* setting.
    settings
        None reads the BT_* environment.

    Raises
    ------
    SpecError
        If the spec is refused.
    UsageError
        If an argument makes no sense, or it is an option spec.
    NoDataError, DataError, SourceError
        If bars cannot be had.

    Examples
    --------
    >>> editor = SpecEditor("strategies/golden_cross.yaml", symbol="SPX",
    ...                     source="sample")  # doctest: +SKIP
    >>> editor.spec, editor.result  # doctest: +SKIP
    """

    def __init__(  # noqa: PLR0913 - the request, each with its default
        self,
        spec: SpecSource,
        *,
        symbol: str | pd.DataFrame = "SPX",
        start: str | None = None,
        end: str | None = None,
        interval: str = "1d",
        source: str | None = None,
        capital: float | None = None,
        commission: float | None = None,
        slippage: float | None = None,
        settings: Settings | None = None,
    ) -> None:
        settings = read_settings(settings)
        known = rule_spec(spec, settings=settings)
        request = MarketRequest.of(
            symbol,
            start,
            end,
            interval=interval,
            source=source,
            capital=capital,
            commission=commission,
            slippage=slippage,
        )
        # What is refused here leaves no widget behind.
        self._result: Result = LoadedMarket(request, settings=settings).simulate(known)
        super().__init__(request, settings=settings, work=self._redraw)
        self._document = SpecDocument(known, settings=settings)
        self._held = BuyAndHold(self._result)
        self._path = path_of(spec) or f"{file_part(known.name)}.json"
        self._build()

    @property
    def spec(self) -> StrategySpec:
        """The last valid spec."""
        return self._document.spec

    @property
    def result(self) -> Result:
        """What the last valid spec gave."""
        self._coalescer.flush()
        return self._result

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with the spec as it stands; empty when it is valid."""
        return list(self._document.problems)

    def set(self, name: str, value: object) -> None:
        """Change a field as a hand would.

        Parameters
        ----------
        name
            A field of the spec.
        value
            Plain JSON, valid or not.
        """
        self._document.edit(name, value)
        self._follow()

    def undo(self) -> None:
        """Take the last edit back."""
        self._document.undo()
        self._follow()

    def redo(self) -> None:
        """Make the edit that was undone again."""
        self._document.redo()
        self._follow()

    def load(self, path: str | Path) -> None:
        """Take a spec from a file; the edit can be undone.

        Raises
        ------
        SpecError, UsageError
            If the file is no valid rule spec; the editor then stays as it was.
        """
        self._document.replace(rule_spec(Path(path), settings=self._settings))
        self._file.value = str(path)
        self._follow()

    def save(self, path: str | Path) -> Path:
        """Write the spec to a file: YAML where its name ends so, else JSON.

        Returns
        -------
        Path
            Absolute, of the file.

        Raises
        ------
        SpecError
            If the spec is not valid as it stands.
        OSError
            If the file cannot be written.
        """
        if self.problems:
            self._document.checked()
        place = Path(path).expanduser().absolute()
        text = text_of(self.spec, suffix=place.suffix)
        write_whole(place, text, private=self._settings.private)
        return place

    def command(self) -> str:
        """Return the command line that runs the spec, once it is saved, with these settings."""
        return " ".join(self._command_parts())

    def _command_parts(self) -> list[str]:
        """Return the command, then each flag with its value."""
        request = self._market.request
        if request.bars is not None:
            return [f'bt.run("{self._file.value}", bars, "{request.start}", "{request.end}")']
        flags = {
            "strategy": self._file.value,
            "symbol": request.symbol,
            "start": request.start,
            "end": request.end,
            "interval": None if request.interval == "1d" else request.interval,
            "source": request.source,
            "capital": request.capital,
            "commission": request.commission,
            "slippage": request.slippage,
        }
        given = [(f"--{name}", str(value)) for name, value in flags.items() if value is not None]
        return command_parts(["backtest", "run", *(word for pair in given for word in pair)])

    def run_and_store(self) -> str:
        """Run the spec as `btkit.run` does, and store it.

        Returns
        -------
        str
            The id of the stored run.

        Raises
        ------
        SpecError
            If the spec is not valid as it stands.
        BtkitError
            If it cannot be run or stored.
        """
        if self._market.request.bars is not None:
            raise UsageError(
                "Runs on bars that were handed over are not stored.",
                hint="Save the bars as a file in BT_DATA_DIR and edit on its symbol, or keep "
                "editor.result.",
            )
        spec = self._document.checked()
        result = execute(self._market.job(RunJob, spec), settings=self._settings)
        return str(result.run_id)

    _kept = ("_document", "_settings")

    def _close_parts(self) -> None:
        super()._close_parts()
        self._picture.close()

    # What stands on the screen

    def _build(self) -> None:
        self.controls = field_controls(self._on_edit, events=self.spec.events)
        self._picture = Picture(self._result, self._held)
        self._summary = ipw.HTML()
        self._note = Note()
        left = [self._tools(), self._note, self._tabs()]
        self._arrange(left, [self._summary, fitted(self._picture.widget)])
        self._show_fields()
        self._show_result()

    def _tools(self) -> ipw.Widget:
        self._undo = button("Undo", "undo", "Take the last edit back", self.undo)
        self._redo = button("Redo", "repeat", "Make the undone edit again", self.redo)
        self._file = ipw.Text(value=self._path, placeholder="file of the spec", tooltip="File")
        self._file.layout.width = "auto"
        self._file.layout.flex = "1 1 160px"
        self._save = button("Save", "save", "Write the spec to this file", self._on_save)
        self._load = button("Load", "folder-open", "Take the spec from this file", self._on_load)
        self._store = button("Run and store", "database", "Run it and keep the run", self._on_store)
        self._copy = button("Command", "terminal", "As a command line, to copy", self._on_command)
        lines = (
            [self._file, self._load, self._save],
            [self._undo, self._redo, self._store, self._copy],
        )
        return ipw.VBox([styled(ipw.HBox(line), "bt-edit-bar") for line in lines])

    def _tabs(self) -> ipw.Widget:
        rules = ("parameters", *CONDITION_LISTS)
        about = [name for name in self.controls if name not in {*rules, *_TRADING}]
        tabs = ipw.Tab(
            [
                ipw.VBox([self.controls[name].box for name in names])
                for names in (rules, _TRADING, about)
            ],
            titles=("Rules", "Trading", "About"),
        )
        tabs.layout.overflow = "hidden auto"
        return tabs

    # What a hand did

    def _on_edit(self, name: str, value: Any) -> None:  # noqa: ANN401 - plain JSON
        self._document.edit(name, value)
        if name in {"parameters", "columns"}:
            for control in self.controls.values():
                if isinstance(control, Expressions):
                    control.offer(**{name: value})
        self._mark()
        self._coalescer.ask()

    def _on_save(self) -> None:
        def work() -> str:
            try:
                return f"Saved to {self.save(self._file.value)}."
            except OSError as error:
                raise StoreError(
                    f"{self._file.value}: {error.strerror or error}.",
                    hint="Name a file in a folder that is there, and that you may write to.",
                ) from error

        self._note.attempt(work)

    def _on_load(self) -> None:
        def work() -> str:
            self.load(self._file.value)
            return f"Loaded {self._file.value}; Undo brings the former spec back."

        self._note.attempt(work)

    def _on_store(self) -> None:
        def work() -> str:
            run_id = self.run_and_store()
            place = self._settings.db_path.expanduser().absolute()
            return f"Stored as run {run_id} in {place}."

        self._note.attempt(work)

    def _on_command(self) -> None:
        advice = "Runs the spec as it was last saved to that file."
        self._note.value = markup("widgets.command", self._command_parts(), _COPY, advice)

    # What follows from it

    def _follow(self) -> None:
        """Show the spec as it stands now, and soon what it does."""
        self._show_fields()
        self._coalescer.ask()

    def _redraw(self) -> None:
        self._mark_request(None, {})
        if self.problems:
            self._dim("Not updated: ", _reason_of(self.problems, self._document.fields))
            return
        try:
            result = self._market.simulate(self.spec)
        except BtkitError as error:
            self._mark_request(error, fields_of(error))
            self._dim("Not updated: ", " ".join(said(error)).strip())
            return
        if not self._held.fits(result):
            self._held = BuyAndHold(result)
        self._result = result
        self._show_result()

    def _show_result(self) -> None:
        self._light()
        self._picture.show(self._result, self._held)
        self._summary.value = summary(
            self._result, self._held, least=self._settings.min_trades_required
        )

    def _show_fields(self) -> None:
        for control in self.controls.values():
            control.show(self._document.fields)
        self._mark()

    def _mark(self) -> None:
        problems = self._document.problems
        for name, control in self.controls.items():
            own = [p for p in problems if p.path.partition("[")[0].partition(".")[0] == name]
            control.mark(own)
        self._undo.disabled = not self._document.can_undo
        self._redo.disabled = not self._document.can_redo


def _reason_of(problems: list[Problem], fields: dict[str, Any]) -> str:
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    missing = sorted(missing_parameters(fields))
    hint = first.hint
    if missing and "parameter" in first.message:
        hint = f"add {missing[0]} under Parameters"
    return f"{_place(first.path)}: {first.message}{more}. {sentence(hint)}".strip()


def _place(path: str) -> str:
    """Return where a problem is, as the screen calls it."""
    found = _PATH.fullmatch(path)
    if found is None or found["field"] not in StrategySpec.model_fields:
        return path or "the spec"
    name = label_of(found["field"])
    if found["index"]:
        return f"{name}, condition {int(found['index']) + 1}"
    return f"{name}, {found['part']}" if found["part"] else name
