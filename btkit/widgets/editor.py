"""`SpecEditor`: a spec at the left, what it does at the right, at every change."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as ipw
import pandas as pd
from traitlets import TraitError

from btkit.errors import BtkitError, BundleError, Problem, SpecKindError, StoreError, UsageError
from btkit.jobs import execute, read_settings
from btkit.jobs.asking import path_of
from btkit.jobs.job import RunJob
from btkit.jobs.requests import SpecSource, Traded
from btkit.render.pages import markup
from btkit.render.text import command_parts, file_part
from btkit.settings import Settings
from btkit.spec import KINDS, BaseSpec, foreign_sign, load_spec, read_fields
from btkit.widgets.controls import field_controls, label_of, missing_parameters
from btkit.widgets.document import SpecDocument, text_of
from btkit.widgets.fit import fitted
from btkit.widgets.kinds import ANY, EDITORS
from btkit.widgets.market import BuyAndHold, LoadedMarket, MarketRequest
from btkit.widgets.parts import Note, button, styled
from btkit.widgets.picture import Picture
from btkit.widgets.sharing import layout, make_widget
from btkit.widgets.summary import summary
from btkit.widgets.workbench import Workbench, fields_of, said, sentence
from btkit.writing import write_whole

if TYPE_CHECKING:
    from btkit.simulation import Result

# What expressions may name, once it is written.
_DECLARING = frozenset({"parameters", "columns", "classifiers"})
_PATH = re.compile(r"(?P<field>[a-z_]+)(?:\[(?P<index>\d+)\]|\.(?P<part>.+))?")
_COPY = (
    "const text = this.previousElementSibling; const said = () => { this.textContent = 'Copied'; };"
    "if (navigator.clipboard) navigator.clipboard.writeText(text.textContent).then(said);"
    # Where the page came over plain http from another machine, browsers have no clipboard.
    "else { getSelection().selectAllChildren(text); document.execCommand('copy') && said(); }"
)


class SpecEditor(Workbench):
    """Edit a spec and see its equity, drawdown, trades and metrics follow every change.

    It takes what `btkit.run` runs: rules, and models, whose network is asked once for the same
    bars and bundle, so that a threshold moves as fast as a rule's parameter. What a model spec
    leaves out is shown as its bundle was trained.

    While the spec is invalid, the last valid picture stays, dimmed, and the reason stands above
    it. Shown by being the last line of a cell.

    Parameters
    ----------
    spec
        A `StrategySpec` or `ModelSpec`, or what `load_spec` takes: a path, a dict, or JSON or YAML
        text.
    symbol, start, end, interval, source
        The bars to simulate on, as `btkit.run` takes them; without a symbol and an interval what
        the spec says, else daily bars of SPX; without a range those from 1999 to 2018, or of a
        frame all.
    detail
        Of bars that are handed over the finer ones that the spec's `detail` names, as
        `btkit.run` takes them.
    capital, commission, slippage
        None takes the BT_* setting; of a model spec 0.001 for the latter two.
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
        symbol: Traded = None,
        start: str | None = None,
        end: str | None = None,
        interval: str | None = None,
        source: str | None = None,
        detail: pd.DataFrame | None = None,
        capital: float | None = None,
        commission: float | None = None,
        slippage: float | None = None,
        settings: Settings | None = None,
    ) -> None:
        settings = read_settings(settings)
        known = RunJob.load(spec, settings=settings)
        request = MarketRequest.of(
            symbol,
            start,
            end,
            interval=interval,
            meant=known.meant_for,
            source=source,
            detail=detail,
            capital=capital,
            commission=commission,
            slippage=slippage,
        )
        # What is refused here leaves no widget behind.
        self._result: Result = LoadedMarket(request, settings=settings).simulate(known)
        super().__init__(request, settings=settings, work=self._redraw, costs=known.default_costs)
        self._kind = EDITORS.get(known.kind, ANY)
        self._document = SpecDocument(known, settings=settings)
        self._held = BuyAndHold(self._result)
        self._path = _place_of(spec) or f"{file_part(known.name)}.json"
        self._build()

    @property
    def spec(self) -> BaseSpec:
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
        """Take a spec of the same kind from a file; the edit can be undone.

        Raises
        ------
        SpecError, UsageError
            If the file is no valid spec, or one of another kind; the editor then stays as it was.
        """
        try:
            spec = load_spec(Path(path), settings=self._settings, kind=self.spec.kind)
        except SpecKindError as error:
            hint = f"Open it in an editor of its own: SpecEditor({str(path)!r})."
            raise SpecKindError(error.message, hint=hint, details=error.details) from error
        self._document.replace(spec)
        self._file.value = _place_of(Path(path)) or str(path)
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
        UsageError
            If another system's strategy is there, which can be trained again only as it is.
        OSError
            If the file cannot be written.
        """
        if self.problems:
            self._document.checked()
        place = Path(path).expanduser().absolute()
        if _is_foreign(place):
            raise UsageError(
                f"{path} is a strategy of the system that trains it, and a spec in its place "
                "could not be trained again.",
                hint=f"Save to another file, such as {_beside(place).name}.",
            )
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
            days = f'"{request.start}", "{request.end}"'
            # What the spec does not name is refused.
            named = self.spec.detail_interval is not None and request.detail is not None
            finer = ", detail=detail" if named else ""
            return [f'bt.run("{self._file.value}", bars, {days}{finer})']
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
        self.controls = field_controls(
            type(self.spec),
            self._on_edit,
            events=self.spec.events,
            leave_out=self._kind.left_out,
        )
        self._picture = Picture(self._result, self._held)
        self._summary = make_widget(ipw.HTML)
        self._note = make_widget(Note)
        left = [self._tools(), self._note, self._tabs()]
        self._arrange(left, [self._summary, fitted(self._picture.widget)])
        self._show_fields()
        self._show_result()

    def _tools(self) -> ipw.Widget:
        self._undo = button("Undo", "undo", "Take the last edit back", self.undo)
        self._redo = button("Redo", "repeat", "Make the undone edit again", self.redo)
        self._file = make_widget(
            ipw.Text, value=self._path, placeholder="file of the spec", tooltip="File",
            layout=layout(width="auto", flex="1 1 160px"),
        )  # fmt: skip
        self._save = button("Save", "save", "Write the spec to this file", self._on_save)
        self._load = button("Load", "folder-open", "Take the spec from this file", self._on_load)
        self._store = button("Run and store", "database", "Run it and keep the run", self._on_store)
        self._copy = button("Command", "terminal", "As a command line, to copy", self._on_command)
        lines = (
            [self._file, self._load, self._save],
            [self._undo, self._redo, self._store, self._copy],
        )
        return make_widget(
            ipw.VBox, [styled(make_widget(ipw.HBox, line), "bt-edit-bar") for line in lines]
        )

    def _tabs(self) -> ipw.Widget:
        names = self._kind.names(self.controls)
        return make_widget(
            ipw.Tab,
            [
                make_widget(ipw.VBox, [self.controls[name].box for name in on_it])
                for on_it in names.values()
            ],
            titles=tuple(names),
            layout=layout(overflow="hidden auto"),
        )

    # What a hand did

    def _on_edit(self, name: str, value: Any) -> None:  # noqa: ANN401 - plain JSON
        self._document.edit(name, value)
        if name in _DECLARING:
            for control in self.controls.values():
                control.offer(self._document.fields)
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
            self._dim("Not updated: ", self._reason_words())
            return
        try:
            result = self._market.simulate(self.spec)
        except BtkitError as error:
            self._mark_request(error, fields_of(error))
            self._mark_model(error)
            self._dim("Not updated: ", " ".join(said(error)).strip())
            return
        if not self._held.fits(result):
            self._held = BuyAndHold(result)
        self._result = result
        self._show_result()

    def _show_result(self) -> None:
        self._light()
        for name, value in self._kind.settled(self._result).items():
            if name in self.controls and name not in self._document.fields:
                self.controls[name].rest(value)
        self._picture.show(self._result, self._held)
        self._summary.value = summary(
            self._result, self._held, least=self._settings.min_trades_required
        )

    def _mark_model(self, error: BtkitError) -> None:
        # A bundle is refused where it is named.
        if not isinstance(error, BundleError):
            return
        sources = self.spec.classifier_sources.values()
        classifies = error.details.get("path") in [one for s in sources for one in s.folders]
        name = "classifiers" if classifies else self._kind.model(self.spec)
        message, hint = said(error)
        self.controls[name].mark([Problem(name, message, hint)])

    def _reason_words(self) -> str:
        problems, fields = self.problems, self._document.fields
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        missing = sorted(missing_parameters(fields))
        hint = first.hint
        if missing and "parameter" in first.message:
            hint = f"add {missing[0]} under Parameters"
        return f"{self._where(first.path)}: {first.message}{more}. {sentence(hint)}".strip()

    def _where(self, path: str) -> str:
        # As the screen calls it.
        found = _PATH.fullmatch(path)
        if found is None or found["field"] not in type(self.spec).model_fields:
            return path or "the spec"
        name = label_of(found["field"])
        if found["index"]:
            return f"{name}, condition {int(found['index']) + 1}"
        return f"{name}, {found['part']}" if found["part"] else name

    def _show_fields(self) -> None:
        for control in self.controls.values():
            # A program may set what no hand could: beneath the control stands what is wrong with
            # it, and the control itself cannot show it.
            with suppress(TraitError, TypeError, ValueError, AttributeError, ArithmeticError):
                control.show(self._document.fields)
        self._mark()

    def _mark(self) -> None:
        problems = self._document.problems
        for name, control in self.controls.items():
            own = [p for p in problems if p.path.partition("[")[0].partition(".")[0] == name]
            control.mark(own)
        self._undo.disabled = not self._document.can_undo
        self._redo.disabled = not self._document.can_redo


def _place_of(spec: SpecSource) -> str | None:
    """Return the file that a spec is saved to, None where it came from none."""
    known = path_of(spec)
    if known is None or not _is_foreign(Path(known)):
        return known
    return str(_beside(Path(known)))


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.stem}.spec.yaml")


def _is_foreign(path: Path) -> bool:
    try:
        values = read_fields(path) if path.is_file() else None
    except BtkitError:
        return False  # whatever it is, it is no strategy
    return isinstance(values, dict) and any(
        foreign_sign(known, values) is not None for known in KINDS.values()
    )
