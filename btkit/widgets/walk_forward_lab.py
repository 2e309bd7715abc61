"""`WalkForwardLab`: whether a spec holds on bars it was not chosen on, as windows move."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import ipywidgets as ipw
import pandas as pd

from btkit.jobs import read_settings
from btkit.jobs.job import SearchJob, WalkForwardJob
from btkit.jobs.requests import SpecSource, Traded, check_optimised
from btkit.jobs.walk_forward import WalkForwardResult
from btkit.render import walk_forward as page
from btkit.render.pages import markup
from btkit.render.pieces import Chart, Html
from btkit.settings import Settings
from btkit.validation import check_objective
from btkit.validation.windows import SCHEMES, check_scheme
from btkit.widgets.fields import LabelledField
from btkit.widgets.kinds import windows_request
from btkit.widgets.lab import Lab, blame_axes
from btkit.widgets.lab_fields import (
    axis_fields,
    constraint_field,
    heading,
    number_field,
    objective_field,
    plain_axes,
    read_axes,
    read_number,
    whole,
)
from btkit.widgets.live_chart import LiveChart
from btkit.widgets.market import MarketRequest
from btkit.widgets.parts import styled
from btkit.widgets.sharing import make_widget

_CURVE_HEIGHT, _PAIR_HEIGHT = 400, 230


class WalkForwardLab(Lab[WalkForwardResult]):
    """Move windows, in-sample share and ranges, and see what is left out of sample.

    The numbers are those of `btkit.walk_forward`; nothing is stored. Shown by being the last line
    of a cell.

    Parameters
    ----------
    spec
        A `StrategySpec` or `ModelSpec`, or what `load_spec` takes: a path, a dict, or JSON or YAML
        text. Nothing of a model is chosen: its windows are run as it is.
    symbol, start, end, interval, source
        The bars, as `btkit.run` takes them; without a symbol and an interval what the spec says,
        else daily bars of SPX; without a range those from 1999 to 2018, of a model those of them
        after its training, or of a frame all.
    windows, is_ratio, scheme, optimize, constraint, objective
        Where the fields start, as `btkit.walk_forward` takes them.
    detail
        Of bars that are handed over the finer ones that the spec's `detail` names, as
        `btkit.run` takes them.
    capital, commission, slippage
        None takes the BT_* setting; of a model spec 0.001 for the latter two.
    settings
        None reads the BT_* environment.

    Raises
    ------
    SpecError, UsageError
        If the spec is refused, is an option spec, or a model of which something is to be chosen.
    BundleError
        If a model spec's bundle is refused.

    Examples
    --------
    >>> lab = WalkForwardLab("strategies/golden_cross.yaml", source="sample",
    ...                      optimize={"fast": range(10, 60, 10)})  # doctest: +SKIP
    >>> lab.result.report.avg_efficiency  # doctest: +SKIP
    """

    def __init__(  # noqa: PLR0913 - the request and the fields, each with its default
        self,
        spec: SpecSource,
        *,
        symbol: Traded = None,
        start: str | None = None,
        end: str | None = None,
        interval: str | None = None,
        source: str | None = None,
        detail: pd.DataFrame | None = None,
        windows: int = 3,
        is_ratio: float = 0.70,
        scheme: str = "rolling",
        optimize: Mapping[str, Iterable[int | float]] | None = None,
        constraint: str | None = None,
        objective: str = "sharpe_ratio",
        capital: float | None = None,
        commission: float | None = None,
        slippage: float | None = None,
        settings: Settings | None = None,
    ) -> None:
        known = read_settings(settings)
        # What is refused here leaves no widget behind.
        self.spec = WalkForwardJob.load(spec, settings=known)
        if optimize:
            check_optimised(self.spec)
        check_scheme(scheme)
        check_objective(objective)
        request = MarketRequest.of(
            symbol,
            start,
            end,
            interval=interval,
            meant=self.spec.meant_for,
            source=source,
            detail=detail,
            capital=capital,
            commission=commission,
            slippage=slippage,
        )
        if start is None and request.bars is None:
            request = windows_request(self.spec, request)
        super().__init__(
            request, settings=known, title="Walking forward", costs=self.spec.default_costs
        )
        self._build_fields(
            {"windows": windows, "is_ratio": is_ratio, "scheme": scheme, "objective": objective,
             "constraint": constraint or ""},
            plain_axes(optimize),
        )  # fmt: skip
        self._verdict, self._tiles, self._table = (
            make_widget(ipw.HTML),
            make_widget(ipw.HTML),
            make_widget(ipw.HTML),
        )
        self._curve = LiveChart("stitched")
        self._spans = LiveChart("windows")
        self._sharpes = LiveChart("sharpes")
        pair = styled(
            make_widget(ipw.HBox, [self._spans.widget, self._sharpes.widget]), "bt-lab-pair"
        )
        right = [self._verdict, self._tiles, self._curve.widget, pair, self._table]
        names = ["windows", "is_ratio", "scheme"]
        left = [heading("Windows"), *(self.fields[name].box for name in names)]
        if self._axes:
            left += [
                heading("Chosen in sample", "empty: as the spec has it"),
                *(field.box for field in self._axes.values()),
                self.fields["constraint"].box,
                self.fields["objective"].box,
            ]
        self._show(left, right)

    def _build_fields(self, values: Mapping[str, Any], optimize: dict[str, Any]) -> None:
        changed = self._changed
        self.fields = {
            "windows": number_field("Windows", values["windows"], changed, span=(1, 12, 1)),
            "is_ratio": number_field(
                "In sample, %", values["is_ratio"], changed, span=(0.2, 0.9, 0.05), percent=True,
                meaning="Share of each window before the bars that are scored",
            ),
            "scheme": LabelledField(
                "Scheme",
                make_widget(ipw.Dropdown, options=SCHEMES, value=values["scheme"]),
                changed,
                meaning="rolling: in-sample parts of one length; anchored: all from the first bar; "
                "disjoint: windows that share no bar",
            ),
            "constraint": constraint_field(values["constraint"], changed),
            "objective": objective_field(values["objective"], changed),
        }  # fmt: skip
        # A model has learnt what it decides by; of rules parameters are chosen.
        is_searched = self.spec.kind in SearchJob.spec_kinds()
        self._axes = axis_fields(self.spec, optimize, changed) if is_searched else {}
        self.fields |= self._axes
        # A name that the spec lacks is refused, with the nearest one, when it is asked about.
        self._unknown = {
            name: values for name, values in optimize.items() if name not in self._axes
        }

    def _question(self) -> WalkForwardJob:
        axes = {**read_axes(self._axes), **self._unknown}
        count, share = (read_number(self.fields[name], name) for name in ("windows", "is_ratio"))
        values = {name: self.fields[name].value for name in ("scheme", "constraint", "objective")}
        return self._market.job(
            WalkForwardJob,
            self.spec,
            windows=whole(count, name="windows"),
            is_ratio=share,
            scheme=values["scheme"],
            optimize=axes,
            constraint=(values["constraint"].strip() or None) if axes else None,
            objective=values["objective"],
        )

    def _present(self, answer: WalkForwardResult) -> None:
        report = answer.report
        shown = page.WalkForwardPage(report, answer.curve)
        verdict = markup("widgets.verdict", report.verdict, _reason(answer))
        notes = markup("widgets.warnings", report.warnings) if report.warnings else ""
        self._verdict.value = markup("widgets.framed", [verdict, notes])
        self._tiles.value = markup("widgets.framed", [_markup(page.headline(shown).pieces[-1])])
        spans, sharpes = page.windows(shown).pieces
        _match(spans, sharpes, len(report.windows))
        for live, chart in (
            (self._curve, page.stitched(shown, height=_CURVE_HEIGHT).pieces[0]),
            (self._spans, spans),
            (self._sharpes, sharpes),
        ):
            assert isinstance(chart, Chart)
            live.show(chart)
        self._table.value = markup("widgets.framed", [_markup(page.chosen(shown).pieces[0])])

    def _blamed(self, error: BaseException) -> dict[str, tuple[str, str]]:
        return super()._blamed(error) | blame_axes(error, self.spec, self._axes)

    def _close_parts(self) -> None:
        super()._close_parts()
        for live in (self._curve, self._spans, self._sharpes):
            live.close()


def _match(spans: Html | Chart, sharpes: Html | Chart, count: int) -> None:
    """Make two charts that stand side by side equally high, and their names short."""
    assert isinstance(spans, Chart)
    assert isinstance(sharpes, Chart)
    numbers = [str(number) for number in range(1, count + 1)]
    names = [f"Window {number}" for number in numbers]
    spans.figure.layout.height = sharpes.figure.layout.height = max(
        _PAIR_HEIGHT, spans.figure.layout.height
    )
    sharpes.figure.layout.xaxis.update(
        tickvals=names, ticktext=numbers, tickangle=0, title={"text": "window"}
    )


def _reason(answer: WalkForwardResult) -> str:
    words = answer.report.conclusion.partition(": ")[2]
    return words[:1].upper() + words[1:]


def _markup(piece: Html | Chart) -> str:
    assert isinstance(piece, Html)
    return piece.markup
