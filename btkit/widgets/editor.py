"""`SpecEditor`: a spec at the left, what it does at the right, at every change."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as ipw
import pandas as pd
from IPython.display import display

from btkit.errors import BtkitError, Problem, UsageError
from btkit.jobs import read_settings, run
from btkit.jobs.asking import path_of
from btkit.jobs.requests import SpecSource, rule_spec
from btkit.render.pages import markup
from btkit.render.text import file_part
from btkit.settings import Settings
from btkit.spec import CONDITION_LISTS, StrategySpec
from btkit.storage import write_whole
from btkit.widgets.closing import close_all, let_go
from btkit.widgets.coalesce import Coalescer
from btkit.widgets.controls import field_controls, label_of, missing_parameters
from btkit.widgets.document import SpecDocument, text_of
from btkit.widgets.expressions import Expressions
from btkit.widgets.fit import fitted
from btkit.widgets.lifecycle import replace_older
from btkit.widgets.market import BuyAndHold, LoadedMarket, MarketRequest
from btkit.widgets.picture import Picture
from btkit.widgets.request_bar import RequestBar
from btkit.widgets.style import styles
from btkit.widgets.summary import summary

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
    "fill",
    "filter_scope",
    "allow_fractional",
    "commission_model",
    "price_adjustment",
)

# Where a symbol comes without a range.
_USUAL = ("1999-01-04", "2018-12-31")


class SpecEditor:
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
        self._settings = read_settings(settings)
        known = rule_spec(spec, settings=self._settings)
        request = MarketRequest.of(
            symbol,
            start,
            end,
            usual=_USUAL,
            interval=interval,
            source=source,
            capital=capital,
            commission=commission,
            slippage=slippage,
        )
        self._market = LoadedMarket(request, settings=self._settings)
        self._document = SpecDocument(known, settings=self._settings)
        self._result: Result = self._market.simulate(known)
        self._held = BuyAndHold(self._result)
        self._path = path_of(spec) or f"{file_part(known.name)}.json"
        self._coalescer = Coalescer(self._redraw)
        self._build()
        replace_older(self)

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
        self._show_fields()
        self._coalescer.ask()

    def undo(self) -> None:
        """Take the last edit back."""
        self._document.undo()
        self._show_fields()
        self._coalescer.ask()

    def redo(self) -> None:
        """Make the edit that was undone again."""
        self._document.redo()
        self._show_fields()
        self._coalescer.ask()

    def load(self, path: str | Path) -> None:
        """Take a spec from a file; the edit can be undone.

        Raises
        ------
        SpecError, UsageError
            If the file is no valid rule spec; the editor then stays as it was.
        """
        self._document.replace(rule_spec(Path(path), settings=self._settings))
        self._file.value = str(path)
        self._show_fields()
        self._coalescer.ask()

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
        given = [(name, str(value)) for name, value in flags.items() if value is not None]
        return ["backtest run", *(shlex.join([f"--{name}", value]) for name, value in given)]

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
        request = self._market.request
        if request.bars is not None:
            raise UsageError(
                "Runs on bars that were handed over are not stored.",
                hint="Save the bars as a file in BT_DATA_DIR and edit on its symbol, or keep "
                "editor.result.",
            )
        spec = self._document.checked()
        result = run(
            spec,
            request.symbol,
            request.start,
            request.end,
            interval=request.interval,
            source=request.source,
            capital=request.capital,
            commission=request.commission,
            slippage=request.slippage,
            settings=self._settings,
        )
        return str(result.run_id)

    def close(self) -> None:
        """Take the editor off the screen and let go of all but the spec, for good."""
        if not hasattr(self, "widget"):
            return
        self._coalescer.cancel()
        self._picture.close()
        close_all(self.widget)
        let_go(self, keep=("_document", "_settings"))

    def _ipython_display_(self) -> None:
        display(self.widget)

    # What stands on the screen

    def _build(self) -> None:
        self.controls = field_controls(self._on_edit, events=self.spec.events)
        self._picture = Picture(self._result, self._held)
        self._summary = ipw.HTML()
        self._reason = ipw.HTML()
        self._reason.add_class("bt-edit-reason")
        self._note = ipw.HTML()
        self._shown = ipw.VBox([self._summary, fitted(self._picture.widget)])
        self._shown.add_class("bt-edit-result")
        self._bar = RequestBar(self._market.request, self._on_request, settings=self._settings)
        left = ipw.VBox([self._tools(), self._note, self._tabs()])
        left.add_class("bt-edit-left")
        right = ipw.VBox([self._bar.box, self._reason, self._shown])
        right.add_class("bt-edit-right")
        body = ipw.HBox([left, right])
        body.add_class("bt-edit")
        self.widget = ipw.VBox([ipw.HTML(styles()), body])
        self.widget.add_class("bt-edit-box")
        self._show_fields()
        self._show_result()

    def _tools(self) -> ipw.Widget:
        self._undo = _button("Undo", "undo", "Take the last edit back", self.undo)
        self._redo = _button("Redo", "repeat", "Make the undone edit again", self.redo)
        self._file = ipw.Text(value=self._path, placeholder="file of the spec", tooltip="File")
        self._file.layout.width = "auto"
        self._file.layout.flex = "1 1 160px"
        self._save = _button("Save", "save", "Write the spec to this file", self._on_save)
        load = _button("Load", "folder-open", "Take the spec from this file", self._on_load)
        store = _button("Run and store", "database", "Run it and keep the run", self._on_store)
        copy = _button("Command", "terminal", "As a command line, to copy", self._on_command)
        self._store, self._load, self._copy = store, load, copy
        bar = ipw.HBox([self._file, load, self._save])
        more = ipw.HBox([self._undo, self._redo, store, copy])
        for line in (bar, more):
            line.add_class("bt-edit-bar")
        return ipw.VBox([bar, more])

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
        if name == "parameters":
            for control in self.controls.values():
                if isinstance(control, Expressions):
                    control.offer(value)
        self._mark()
        self._coalescer.ask()

    def _on_request(self, changes: Mapping[str, Any]) -> None:
        self._market = LoadedMarket(
            self._market.request.changed(**changes), settings=self._settings
        )
        self._coalescer.ask()

    def _on_save(self) -> None:
        self._tell(lambda: f"Saved to {self.save(self._file.value)}.")

    def _on_load(self) -> None:
        def work() -> str:
            self.load(self._file.value)
            return f"Loaded {self._file.value}; Undo brings the former spec back."

        self._tell(work)

    def _on_store(self) -> None:
        def work() -> str:
            run_id = self.run_and_store()
            place = self._settings.db_path.expanduser().absolute()
            return f"Stored as run {run_id} in {place}."

        self._tell(work)

    def _on_command(self) -> None:
        advice = "Runs the spec as it was last saved to that file."
        self._note.value = markup("widgets.command", self._command_parts(), _COPY, advice)

    def _tell(self, work: Callable[[], str]) -> None:
        """Do what a button asks for, and say beside it how that went."""
        try:
            said, kind = work(), "bt-edit-note"
        except BtkitError as error:
            said, kind = (
                f"{error.message} {error.hint}",
                "bt-problem",
            )
        except OSError as error:
            said, kind = f"{self._file.value}: {error.strerror or error}", "bt-problem"
        self._note.value = markup("widgets.said", said, kind)

    # What follows from it

    def _redraw(self) -> None:
        if self.problems:
            self._show_reason(*_reason_of(self.problems, self._document.fields))
            return
        try:
            result = self._market.simulate(self.spec)
        except BtkitError as error:
            self._show_reason(error.message, error.hint)
            return
        if not self._held.fits(result):
            self._held = BuyAndHold(result)
        self._result = result
        self._show_result()

    def _show_result(self) -> None:
        self._reason.value = ""
        self._shown.remove_class("bt-stale")
        self._picture.show(self._result, self._held)
        self._summary.value = summary(
            self._result, self._held, least=self._settings.min_trades_required
        )

    def _show_reason(self, reason: str, hint: str) -> None:
        self._shown.add_class("bt-stale")
        if hint:
            reason += f" {hint[0].upper()}{hint[1:]}{'' if hint[-1] in '.?!' else '.'}"
        self._reason.value = markup("widgets.refused", "Not updated: ", reason)

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


def _reason_of(problems: list[Problem], fields: dict[str, Any]) -> tuple[str, str]:
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    missing = sorted(missing_parameters(fields))
    hint = first.hint
    if missing and "parameter" in first.message:
        hint = f"add {missing[0]} under Parameters"
    return f"{_place(first.path)}: {first.message}{more}.", hint


def _place(path: str) -> str:
    """Return where a problem is, as the screen calls it."""
    found = _PATH.fullmatch(path)
    if found is None or found["field"] not in StrategySpec.model_fields:
        return path or "the spec"
    name = label_of(found["field"])
    if found["index"]:
        return f"{name}, condition {int(found['index']) + 1}"
    return f"{name}, {found['part']}" if found["part"] else name


def _button(text: str, icon: str, tooltip: str, work: Callable[[], None]) -> ipw.Button:
    button = ipw.Button(description=text, icon=icon, tooltip=tooltip)
    button.layout.width = "auto"
    button.on_click(lambda _: work())
    return button
