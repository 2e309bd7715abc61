"""`SweepExplorer`: every set of a sweep as a cell; click one and see what it would have done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import ipywidgets as ipw
import pandas as pd

from btkit.documents.sweeps import SweepReport
from btkit.errors import UsageError
from btkit.jobs import read_settings
from btkit.jobs.job import SweepJob
from btkit.jobs.requests import SpecSource, Traded
from btkit.render.pages import markup
from btkit.settings import Settings
from btkit.simulation import Result
from btkit.spec import StrategySpec
from btkit.validation import SweepResult, check_axes, check_objective, with_parameters
from btkit.validation.axes import Number
from btkit.widgets.coalesce import Coalescer
from btkit.widgets.document import text_of
from btkit.widgets.fields import LabelledField
from btkit.widgets.fit import fitted
from btkit.widgets.lab import Lab, blame_axes
from btkit.widgets.lab_fields import (
    axis_fields,
    constraint_field,
    heading,
    objective_field,
    plain_axes,
    read_axes,
)
from btkit.widgets.live_chart import LiveChart
from btkit.widgets.market import BuyAndHold, MarketRequest
from btkit.widgets.overfitting import OverfittingTiles
from btkit.widgets.parts import button, refill, styled
from btkit.widgets.picture import Picture
from btkit.widgets.sharing import layout, make_widget
from btkit.widgets.summary import summary
from btkit.widgets.sweep_surface import Surface, written

Values = dict[str, Number]


class SweepExplorer(Lab[SweepResult]):
    """Try every set of parameters, see them as a heat map, and click one to see what it did.

    The numbers are those of `btkit.sweep`; nothing is stored. Whether the best one could be
    chance is worked out afterwards, in a thread. Shown by being the last line of a cell.

    Parameters
    ----------
    spec
        A `StrategySpec`, or what `load_spec` takes, with the parameters that are to be varied.
    symbol, start, end, interval, source
        The bars, as `btkit.run` takes them; without a range those from 1999 to 2018, or of a
        frame all.
    parameters, constraint, objective, max_sets
        Where the fields start, as `btkit.sweep` takes them.
    detail
        Of bars that are handed over the finer ones that the spec's `detail` names, as
        `btkit.run` takes them.
    capital, commission, slippage
        None takes the BT_* setting.
    settings
        None reads the BT_* environment.

    Raises
    ------
    SpecError, UsageError
        If the spec is refused, lacks a parameter, or is an option spec or a model spec, of which
        the hint says what to try instead.

    Examples
    --------
    >>> explorer = SweepExplorer("strategies/golden_cross.yaml", source="sample",
    ...                          parameters={"fast": range(10, 60, 5), "slow": range(80, 260, 20)},
    ...                          )  # doctest: +SKIP
    >>> explorer.select(fast=20, slow=100)  # doctest: +SKIP
    >>> explorer.run.metrics.sharpe_ratio, explorer.report.passed  # doctest: +SKIP
    """

    def __init__(  # noqa: PLR0913 - the request and the fields, each with its default
        self,
        spec: SpecSource,
        *,
        parameters: Mapping[str, Iterable[Number]],
        symbol: Traded = "SPX",
        start: str | None = None,
        end: str | None = None,
        interval: str = "1d",
        source: str | None = None,
        detail: pd.DataFrame | None = None,
        constraint: str | None = None,
        objective: str = "sharpe_ratio",
        max_sets: int = 100_000,
        capital: float | None = None,
        commission: float | None = None,
        slippage: float | None = None,
        settings: Settings | None = None,
    ) -> None:
        known = read_settings(settings)
        rules = SweepJob.load(spec, settings=known)
        assert isinstance(rules, StrategySpec)
        self._spec = rules
        # What is refused here leaves no widget behind.
        axes = check_axes(self._spec, plain_axes(parameters))
        check_objective(objective)
        super().__init__(
            MarketRequest.of(
                symbol,
                start,
                end,
                interval=interval,
                source=source,
                detail=detail,
                capital=capital,
                commission=commission,
                slippage=slippage,
            ),
            settings=known,
            title="Sweeping",
        )
        self._max_sets = max_sets
        self._surface: Surface | None = None
        self._values: Values = {}
        self._run: Result | None = None
        self._picture: Picture | None = None
        self.overfitting = OverfittingTiles(settings=known)
        self._selector = Coalescer(self._show_set)
        self.axes = axis_fields(self._spec, axes, self._changed)
        self.fields = {
            **self.axes,
            "constraint": constraint_field(constraint, self._changed),
        }
        self.objective = objective_field(objective, self._on_objective)
        self._build_parts()

    def _build_parts(self) -> None:
        self.map = LiveChart("surface", clicked=self._on_cell)
        self.across = LabelledField("Across", make_widget(ipw.Dropdown, options=[]), self._on_axes)
        self.up = LabelledField("Up", make_widget(ipw.Dropdown, options=[]), self._on_axes)
        self.sliders: dict[str, LabelledField] = {}
        self._sliders_place = styled(make_widget(ipw.VBox, []), "bt-lab-full", "bt-lab-columns")
        self._no_set = styled(make_widget(ipw.HTML), "bt-lab-full")
        self._best = button(
            "Best set", "star", "Show the best set", lambda: self.select(**self.result.best)
        )
        styled(self.map.widget, "bt-lab-full")
        self._verdict, self._text = make_widget(ipw.HTML), make_widget(ipw.HTML)
        self._figure_place = make_widget(ipw.VBox, [])
        shown = [self._verdict, self._figure_place, self._text]
        self._set = styled(make_widget(ipw.VBox, shown), "bt-edit-result")
        left = [
            heading("Values tried", "lo:hi:step or a,b,c"),
            *(field.box for field in self.axes.values()),
            self.fields["constraint"].box,
            self.objective.box,
            heading("Every cell is a parameter set"),
            self.across.box,
            self.up.box,
            self.map.widget,
            heading("The parameter set shown"),
            self._sliders_place,
            self._no_set,
            self._best,
            heading("Could the best be chance?"),
            self.overfitting.tiles,
            self.overfitting.place,
        ]
        self._show(left, [self._set], wide=True)

    @property
    def values(self) -> Values:
        """The parameters of the set that is shown."""
        self.result  # noqa: B018 - waits for the work, and raises what it raised
        self._selector.flush()
        return dict(self._values)

    @property
    def spec(self) -> StrategySpec:
        """The strategy with the parameters of the set that is shown."""
        return with_parameters(self.result.spec, self.values)

    @property
    def run(self) -> Result:
        """The simulated run of the set that is shown."""
        self.values  # noqa: B018 - waits for it
        assert self._run is not None
        return self._run

    @property
    def report(self) -> SweepReport:
        """The document of the sweep, the statistics of overfitting included; waits for it.

        Raises
        ------
        BtkitError
            If the sweep or the statistics failed or were cancelled.
        """
        self.result  # noqa: B018 - as above
        return self.overfitting.report

    def select(self, **values: Number) -> None:
        """Show a set as a click on its cell does.

        Parameters
        ----------
        **values
            Parameters; those left out stay as they are.

        Raises
        ------
        UsageError
            If there is no such set.
        """
        self.result  # noqa: B018 - waits for the work
        assert self._surface is not None
        wanted = {**self._values, **values}
        if self._surface.place_of(wanted) is None:
            raise UsageError(
                f"No parameter set with {_named(wanted)} was tried.",
                hint="Take values that are tried, and that the constraint leaves.",
                details={"parameters": wanted},
            )
        self._values = wanted
        self._put_sliders()
        self._selector.ask()

    def _blamed(self, error: BaseException) -> dict[str, tuple[str, str]]:
        return super()._blamed(error) | blame_axes(error, self._spec, self.axes)

    def _close_parts(self) -> None:
        super()._close_parts()
        self._selector.cancel()
        self.overfitting.close()
        self.map.close()
        if self._picture is not None:
            self._picture.close()

    # The sweep

    def _question(self) -> SweepJob:
        axes = read_axes(self.axes)
        if not axes:
            raise UsageError(
                "No parameter is varied.",
                hint="Write the values of one, such as 5:50:5.",
                details={"parameter": next(iter(self.axes))},
            )
        return self._market.job(
            SweepJob,
            self._spec,
            parameters=axes,
            constraint=str(self.fields["constraint"].value).strip() or None,
            objective=self.objective.value,
            max_sets=self._max_sets,
        )

    def _present(self, answer: SweepResult) -> None:
        answer = self._task.answer = replace(answer, objective=self.objective.value)
        self._surface = surface = Surface(answer)
        names = list(surface.axes)
        if surface.place_of(self._values) is None:
            self._values = dict(answer.best)
        moved = sorted(names, key=lambda name: len(surface.axes[name]) == 1)
        across = self.across.value if self.across.value in names else moved[0]
        others = [name for name in moved if name != across]
        up = self.up.value if self.up.value in others else others[0] if others else None
        self.across.put(across, options=names)
        self.up.put(up, options=names)
        for field in (self.across, self.up):
            shown = len(names) > 2  # noqa: PLR2004 - else there is nothing to choose
            field.box.layout = layout(display="" if shown else "none")
        self._make_sliders(surface)
        self._show_set()
        self.overfitting.ask(answer)

    def _on_objective(self) -> None:
        # Every metric of every set is there already: only the order changes.
        if self._task.answer is not None and not self._task.busy:
            self._present(self._task.answer)

    def _on_axes(self) -> None:
        if self.across.value == self.up.value and self._surface is not None:
            others = [name for name in self._surface.axes if name != self.across.value]
            self.up.put(others[0])
        self._selector.ask()

    # The set that is shown

    def _make_sliders(self, surface: Surface) -> None:
        self.sliders = {
            name: LabelledField(
                name,
                make_widget(
                    ipw.SelectionSlider,
                    options=list(zip(written(axis), axis, strict=True)),
                    value=self._values[name],
                ),
                self._on_slider,
            )
            for name, axis in surface.axes.items()
        }
        refill(self._sliders_place, [field.box for field in self.sliders.values()])

    def _put_sliders(self) -> None:
        for name, field in self.sliders.items():
            field.put(self._values[name])

    def _on_slider(self) -> None:
        self._selector.ask()

    def _on_cell(self, across: object, up: object) -> None:
        """Show the set of the cell that was clicked."""
        surface = self._surface
        if surface is None:
            return
        for field, at in ((self.across, across), (self.up, up)):
            axis = surface.axes.get(field.value, [])
            labels = dict(zip(written(axis), axis, strict=True))
            if str(at) in labels:
                self.sliders[field.value].put(labels[str(at)])
        self._selector.ask()

    def _show_set(self) -> None:
        surface, answer = self._surface, self._task.answer
        if surface is None or answer is None:
            return
        wanted: Values = {name: field.value for name, field in self.sliders.items()}
        place = surface.place_of(wanted)
        missing = place is None
        (self._set.add_class if missing else self._set.remove_class)("bt-stale")
        words = f"No parameter set has {_named(wanted)}: {answer.constraint} does not hold there."
        said = markup("widgets.said", words, "bt-problem", "alert")
        self._no_set.value = said if missing else ""
        if place is None:
            return
        self._values = wanted
        self.map.show(surface.chart(self.across.value, self.up.value, place))
        self._run = run = answer.run_of(place)
        held = BuyAndHold(run)
        if self._picture is None:
            self._picture = Picture(run, held)
            self._figure_place.children = [fitted(self._picture.widget)]
        else:
            self._picture.show(run, held)
        self._verdict.value = summary(run, held, least=answer.min_trades)
        text = text_of(run.spec, suffix=".yaml")
        self._text.value = markup("widgets.spec", f"The spec with {_named(wanted)}", text)


def _named(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in values.items())
