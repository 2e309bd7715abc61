"""The report of a walk-forward validation: verdict, stitched curve, windows, parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import pandas as pd

from btkit.documents import Benchmark, MetricsSection, buy_and_hold
from btkit.documents.walk_forward import WalkForwardReport, WindowSection
from btkit.jobs.files import load_stored
from btkit.markets import Annualisation
from btkit.render import text, theme
from btkit.render.figures.account import NARROW, AccountCurves
from btkit.render.figures.marks import upright
from btkit.render.grounds import grounds, verdict
from btkit.render.opening import opened
from btkit.render.pages import markup
from btkit.render.parameters import WALK_FORWARD
from btkit.render.pieces import Chart, Html, ReportSection
from btkit.render.series import floats
from btkit.render.tiles import Tile, tiles
from btkit.render.verdict import metric_tables
from btkit.render.view import RuleFacts, RunTerms
from btkit.render.words import LABELS
from btkit.validation.windows import EFFICIENCY_NEEDED

HEIGHT = 560
MOST_LABELLED = 6


@dataclass(frozen=True)
class WalkForwardPage:
    """What the pages of a walk-forward validation read.

    Parameters
    ----------
    report
        Its document.
    curve
        The stitched account: equity, benchmark and drawdown by bar.
    """

    report: WalkForwardReport
    curve: pd.DataFrame

    @classmethod
    def of(cls, document: Mapping[str, Any], curve: pd.DataFrame) -> Self:
        """Return the page of a stored validation."""
        return cls(WalkForwardReport.model_validate(document), curve)

    @cached_property
    def benchmark(self) -> Benchmark:
        """Holding the benchmark over the out-of-sample parts."""
        if self.report.benchmark is not None:
            return self.report.benchmark
        # A document of an earlier version.
        kept = self.report.provenance
        rule, terms = RuleFacts.model_validate(kept.spec), RunTerms.model_validate(kept.settings)
        bars = self.curve[["benchmark"]].rename(columns={"benchmark": "close"})
        return buy_and_hold(
            bars,
            capital=terms.capital,
            annualisation=Annualisation.of(terms.interval, rule.calendar, rule.bars_per_year),
        )


def open_walk_forward(names: Mapping[str, Any]) -> WalkForwardPage:
    """Return the validation that a notebook's parameters ask for.

    A new one leaves what ``backtest walk-forward`` leaves: the stored runs, and the curve, JSON,
    notebook and HTML in BT_REPORT_DIR.

    Parameters
    ----------
    names
        What ``globals()`` gives in the notebook: either a ``walk_forward_id``, or the options of
        the command, by themselves or in ``request``.

    Raises
    ------
    UsageError
        When a parameter is missing, unknown or none of its kind.
    StoreError
        When there is no such validation.
    """
    job_id, settings = opened(names, WALK_FORWARD)
    return WalkForwardPage.of(*load_stored("walk-forward", job_id, settings=settings))


def headline(page: WalkForwardPage) -> ReportSection:
    """Return the verdict in words, and the tiles."""
    report, own, held = page.report, page.report.stitched, page.benchmark
    yearly = own.cagr
    sentence = (
        f"Out of sample it {'lost' if yearly < 0 else 'made'} {text.percent(abs(yearly))} a year, "
        f"{held.words} {_shown(held, 'cagr')}; maximum drawdown "
        f"{_shown(own, 'max_drawdown_pct')} against {_shown(held, 'max_drawdown_pct')}. "
        f"{report.conclusion}"
    )
    return ReportSection(
        [
            verdict(report, "Walk-forward validation", sentence),
            tiles([*_efficiency_tiles(report), *_stitched_tiles(report, held)]),
        ]
    )


def _efficiency_tiles(report: WalkForwardReport) -> list[Tile]:
    return [
        Tile(
            "Efficiency",
            text.percent(report.avg_efficiency, digits=0),
            [f"needs {text.percent(EFFICIENCY_NEEDED, digits=0)}"],
            meaning="Share of the in-sample Sharpe ratio that held out of sample, on average; "
            "a window whose in-sample ratio is not above 0 counts as 0.",
        ),
        Tile(
            "Out-of-sample Sharpe",
            text.ratio(report.avg_oos_sharpe),
            [f"in sample {text.ratio(report.avg_is_sharpe)}"],
            meaning="Mean over the windows, annualised.",
        ),
    ]


def _stitched_tiles(report: WalkForwardReport, held: Benchmark) -> list[Tile]:
    whole = text.percent(report.stitched_efficiency, digits=0)
    named = {
        "sharpe_ratio": (
            "Stitched Sharpe",
            f"Of the out-of-sample parts put together. Over the mean in-sample one: {whole}.",
        ),
        "cagr": ("Stitched CAGR", "Return per year of the out-of-sample parts put together."),
        "max_drawdown_pct": ("Maximum drawdown", "Deepest fall of the stitched curve."),
    }
    trades = Tile(
        "Trades",
        text.count(report.stitched.total_trades),
        [f"in {text.plural(len(report.windows), 'window')}"],
        meaning="Closed trades out of sample.",
    )
    return [
        *(
            Tile(
                name,
                _shown(report.stitched, metric),
                [f"{held.words} {_shown(held, metric)}"],
                meaning=meaning,
            )
            for metric, (name, meaning) in named.items()
        ),
        trades,
    ]


def _shown(metrics: MetricsSection | Benchmark, name: str) -> str:
    return text.DASH if name in metrics.undefined else LABELS[name].show(getattr(metrics, name))


def numbers(page: WalkForwardPage) -> ReportSection:
    """Return every metric of the stitched curve, as a run's page has them."""
    return ReportSection([metric_tables(page.report.stitched, page.benchmark, lambda _: None)])


def stitched(page: WalkForwardPage, *, height: int = HEIGHT) -> ReportSection:
    """Return the stitched out-of-sample curve and its drawdown, so many pixels high."""
    report, curve, other = page.report, page.curve, page.benchmark
    curves = AccountCurves(
        pd.DatetimeIndex(curve.index),
        own=floats(curve["equity"]),
        held=floats(curve["benchmark"]),
        own_fall=floats(curve["drawdown"]) * 100,
        name="Out of sample",
        fall_name="Fall",
        held_name=other.heading,
    )
    first, last, held = (float(value) for value in (curves.own[0], curves.own[-1], curves.held[-1]))
    figure, thinned = curves.draw(
        height=height,
        title=f"Out of sample the account {'grew' if last > first else 'shrank'} to "
        f"{text.money(last)}; {other.words} ended at {text.money(held)}",
        fall_title=f"Worst fall {text.percent(report.stitched.max_drawdown_pct)}",
        shapes=[upright(window.oos_start, theme.ZERO) for window in report.windows[1:]],
    )
    chart = Chart(
        figure,
        name="stitched",
        note="Each window goes on with what the one before left; dotted lines part them. "
        "No position crosses them." + thinned,
        narrow={**NARROW, "margin.r": 92, "xaxis.nticks": 5},
    )
    return ReportSection([chart])


def windows(page: WalkForwardPage) -> ReportSection:
    """Return the windows on a time axis, and in-sample against out-of-sample Sharpe ratios."""
    return ReportSection([_spans(page.report), _sharpes(page.report)])


def chosen(page: WalkForwardPage) -> ReportSection:
    """Return what each window was run with, and its stored runs."""
    windows = page.report.windows
    stored = [window for window in windows if window.oos_run_id is not None]
    shown = [Html(markup("walk_forward.chosen", windows))]
    return ReportSection(shown + ([Html(markup("walk_forward.stored", stored))] if stored else []))


def rests_on(page: WalkForwardPage) -> ReportSection:
    """Return what the validation rests on."""
    report = page.report
    optimized = ", ".join(
        f"{name} ({text.count(len(values))} values)" for name, values in report.optimized.items()
    )
    own = {
        "Scheme": f"{report.scheme}, {text.percent(report.is_ratio, digits=0)} in sample",
        "Chosen": f"{optimized} by {LABELS[report.objective].name}"
        if optimized
        else "nothing: the spec ran as it is",
        "Efficiency": "out-of-sample over in-sample Sharpe ratio, from −200 % to 200 %; 0 where "
        "the in-sample ratio is not above 0",
    }
    stored = {"Curve": report.curve_url or "not stored"}
    return ReportSection([grounds(report, report.provenance.command, own=own, stored=stored)])


def _sharpe(window: WindowSection, name: str) -> str:
    return text.DASH if name in window.undefined else text.ratio(getattr(window, name))


def _spans(report: WalkForwardReport) -> Chart:
    parts = (
        ("In sample", "is_start", "is_end", theme.BENCHMARK),
        ("Out of sample", "oos_start", "oos_end", theme.STRATEGY),
    )
    data: list[dict[str, Any]] = []
    for name, first, last, colour in parts:
        x: list[Any] = []
        y: list[Any] = []
        for window in report.windows:
            x += [getattr(window, first), getattr(window, last), None]
            y += [f"Window {window.window_index + 1}"] * 2 + [None]
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": x,
                "y": y,
                "name": name,
                "line": {"color": colour, "width": 16},
                "hovertemplate": f"{name} %{{x}}<extra></extra>",
            }
        )
    count = len(report.windows)
    figure = theme.figure(
        data,
        height=110 + 34 * count,
        title=f"{text.plural(count, 'window')}, {report.scheme}",
        margin={"l": 84, "r": 16, "t": 56, "b": 36},
        xaxis=theme.time_axis(),
        yaxis=theme.axis(type="category", autorange="reversed", showgrid=False),
    )
    return Chart(
        figure,
        name="windows",
        keys=[(name, colour) for name, _, _, colour in parts],
        narrow={"xaxis.nticks": 4},
    )


def _sharpes(report: WalkForwardReport) -> Chart:
    names = [f"Window {window.window_index + 1}" for window in report.windows]
    kept = sum(1 for window in report.windows if (window.efficiency or 0.0) >= EFFICIENCY_NEEDED)
    # More would not fit beside each other.
    few = len(names) <= MOST_LABELLED
    data = [
        {
            "type": "bar",
            "x": names,
            "y": [getattr(window, key) for window in report.windows],
            "name": label,
            "marker": {"color": colour, "pattern": {"shape": shape}},
            "text": [_sharpe(window, key) for window in report.windows] if few else None,
            "textposition": "outside",
            "cliponaxis": False,
            "hovertemplate": f"{label} %{{y:.2f}}<extra></extra>",
        }
        for key, label, colour, shape in (
            ("is_sharpe", "In sample", theme.BENCHMARK, "/"),
            ("oos_sharpe", "Out of sample", theme.STRATEGY, ""),
        )
    ]
    figure = theme.figure(
        data,
        height=340,
        title=f"{kept} of {len(names)} windows kept at least "
        f"{text.percent(EFFICIENCY_NEEDED, digits=0)} of their Sharpe ratio",
        xaxis=theme.axis(type="category", showgrid=False),
        yaxis=theme.axis("Sharpe ratio"),
        barmode="group",
        uniformtext={"minsize": 9, "mode": "hide"},
        bargap=0.35,
        margin={"l": 58, "r": 16, "t": 56, "b": 36},
    )
    return Chart(
        figure,
        name="sharpes",
        keys=[("In sample", theme.BENCHMARK), ("Out of sample", theme.STRATEGY)],
    )


SECTIONS = (
    ("", headline),
    ("What would have been earned on bars never chosen on?", stitched),
    ("", numbers),
    ("How much held out of sample?", windows),
    ("What did each window run with?", chosen),
    ("What does this rest on?", rests_on),
)
"""The page's order: the question that each section answers, and its maker."""

__all__ = [
    "SECTIONS",
    "WalkForwardPage",
    "chosen",
    "headline",
    "open_walk_forward",
    "rests_on",
    "stitched",
    "windows",
]
