"""The verdict: pill, one sentence, warnings, six tiles, and all numbers beside the benchmark's."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from btkit.documents import Benchmark, MetricsSection
from btkit.markets import Interval
from btkit.metrics import further_metrics, metric_of
from btkit.metrics.arrays import OF_BENCHMARK
from btkit.render import text, words
from btkit.render.page_head import PageHead, page_head
from btkit.render.pages import markup
from btkit.render.pieces import Html
from btkit.render.tiles import Mark, Shown, Tile, TileLine
from btkit.render.tiles import tiles as in_a_row
from btkit.render.view import MetricValue, RunView, metric_value

TILE_NAMES = {"cagr": "CAGR", "sharpe_ratio": "Sharpe"}
COMPARED = "Return and risk"
GROUPS = {
    COMPARED: (
        "total_return_pct",
        "cagr",
        "volatility",
        "sharpe_ratio",
        "sortino_ratio",
        "calmar_ratio",
        "max_drawdown_pct",
        "max_drawdown_duration_days",
    ),
    "Trades": (
        "total_trades",
        "win_rate",
        "profit_factor",
        "consecutive_losses_max",
        "avg_win_pct",
        "avg_loss_pct",
        "avg_holding_period",
    ),
    "In dollars": (
        "total_return",
        "max_drawdown",
        "recovery_factor",
        "expectancy_per_trade",
        "avg_win",
        "avg_loss",
        "largest_win",
        "largest_loss",
    ),
}
_RETURNS = frozenset({"returns", "sorted_returns"})
NORMAL_95 = 1.959964  # two-sided 95 % quantile of the normal distribution


@dataclass(frozen=True)
class _MetricRow:
    # A metric of the strategy beside the benchmark's, and whether it kept its threshold.

    name: str
    meaning: str
    own: Shown
    benchmark: Shown
    mark: Mark | None


@dataclass(frozen=True)
class _MetricGroup:
    # Metrics that belong together; `compared` names whose are beside them, None for nobody's.

    title: str
    compared: str | None
    rows: Sequence[_MetricRow]


def verdict(view: RunView) -> Html:
    """Return the headline: who, when, the verdict, one sentence, and every warning."""
    run, report = view.run, view.report
    head = PageHead(
        kind="Backtest report",
        name=run.strategy_name,
        sentence=words.headline(view),
        verdict=report.verdict,
        facts=[
            f"version {run.strategy_version}",
            view.symbol,
            f"{text.day(view.times[0])} to {text.day(view.times[-1])}",
            f"{text.count(len(view.times))} {_adjective(report.data.interval)} bars",
            view.side,
        ],
        untraded=[] if len(view.trades) else report.diagnostics.explanation,
        warnings=report.warnings,
    )
    return page_head(head, title=f"{run.strategy_name}, {view.symbol}: backtest report")


def _adjective(interval: str) -> str:
    # Bars without a name of their interval, of a stored run, are only bars.
    return Interval.parse(interval).adjective if interval else ""


def tiles(view: RunView) -> Html:
    """Return the six tiles, each with its threshold, the benchmark's value and an interval."""
    return in_a_row([_tile(view, name) for name in words.tile_metrics(view.days)])


def _tile(view: RunView, name: str) -> Tile:
    label = words.LABELS[name]
    lines: list[TileLine | str] = list(_beneath(view, name))
    bounds = interval(view, name)
    if bounds:
        low, high = (label.show(bound) for bound in bounds)
        lines.append(TileLine(f"95{text.NARROW}%: {low} to {high}", hover=INTERVALS[name]))
    return Tile(
        name=TILE_NAMES.get(name, label.name),
        value=shown(view.metric(name), name),
        lines=lines,
        meaning=label.meaning,
        mark=_trades_mark(view) if name == "total_trades" else mark(view, name),
    )


def _beneath(view: RunView, name: str) -> Sequence[TileLine | str]:
    if name == "total_trades":
        won, lost = (view.metric(f"{kind}_trades").number for kind in ("winning", "losing"))
        return [f"{text.count(won)} won, {text.count(lost)} lost"]
    if name == "win_rate":
        return []
    if name == "profit_factor":
        kinds = ("win", "loss") if len(view.trades) else ()
        return [f"mean {kind} {text.money(view.metric(f'avg_{kind}').number)}" for kind in kinds]
    return [TileLine(f"{view.report.benchmark.words} ", shown(view.benchmark(name), name))]


INTERVALS = {
    "sharpe_ratio": "95 % confidence interval, Lo (2002), assuming independent returns: "
    "standard error √((1 + SR²/2)/n) of the ratio per return, annualised",
    "win_rate": "95 % confidence interval, Wilson (1927), assuming independent trades",
}


def interval(view: RunView, name: str) -> tuple[float, float] | None:
    """Return a 95 % confidence interval of a metric where one is known, else None.

    Notes
    -----
    Sharpe ratio: Lo, A. (2002), "The statistics of Sharpe ratios", Financial Analysts Journal
    58(4), the independent case. Win rate: Wilson, E. B. (1927), "Probable inference, the law of
    succession, and statistical inference", JASA 22(158).
    """
    value = view.metric(name).number
    if value is None:
        return None
    if name == "sharpe_ratio" and len(view.equity) > 1:
        per_year = view.annualisation.periods_per_year
        single = value / math.sqrt(per_year)
        error = math.sqrt((1 + single**2 / 2) / len(view.period_ends) * per_year)
        return value - NORMAL_95 * error, value + NORMAL_95 * error
    if name == "win_rate" and len(view.trades):
        n, z2 = len(view.of_lots.trades), NORMAL_95**2
        middle = (value + z2 / (2 * n)) / (1 + z2 / n)
        half = NORMAL_95 / (1 + z2 / n) * math.sqrt(value * (1 - value) / n + z2 / (4 * n * n))
        return middle - half, middle + half
    return None


def _trades_mark(view: RunView) -> Mark:
    need = f"needs ≥ {text.count(view.report.min_trades_required)}"
    if view.report.verdict == "too_few_trades":
        return Mark("unsure", "too few", need)
    return Mark("met", "enough", need)


def mark(view: RunView, name: str) -> Mark | None:
    """Return what a metric needs and whether it got there; None where it needs nothing."""
    if name not in words.BOUNDS:
        return None
    need = words.needs(words.BOUNDS[name])
    if any(failure.metric == name for failure in view.report.failures):
        return Mark("missed", "missed", need)
    return Mark("met", "met", need)


def shown(value: MetricValue, name: str) -> Shown:
    """Return a metric as it is shown; an undefined one is a dash that says why on hover."""
    if value.number is None:
        return Shown(text.DASH, value.reason)
    return Shown(words.LABELS[name].show(value.number))


def comparison(view: RunView) -> Html:
    """Return every metric beside the benchmark's and beside its threshold."""
    report = view.report
    return metric_tables(report.metrics, report.benchmark, partial(mark, view))


def metric_tables(
    metrics: MetricsSection, benchmark: Benchmark, marked: Callable[[str], Mark | None]
) -> Html:
    """Return every metric of an account in tables, those of return and risk beside a benchmark's.

    Parameters
    ----------
    metrics, benchmark
        As documents have them.
    marked
        Returns what a metric needs; None where it needs nothing.
    """

    def row(name: str) -> _MetricRow:
        label = words.LABELS[name]
        own, other = (shown(metric_value(part, name), name) for part in (metrics, benchmark))
        return _MetricRow(label.name, label.meaning, own, other, marked(name))

    further = [name for name in further_metrics() if getattr(metrics, name, None) is not None]
    # Of packages that are not installed here, too.
    further += [name for name in metrics.model_extra or {} if name not in further]
    relative = [name for name in further if _reads(name, OF_BENCHMARK)]
    single = [name for name in further if _reads(name, _RETURNS) and name not in relative]
    named: dict[str, Sequence[str]] = {
        **GROUPS,
        f"Against {benchmark.words}": relative,
        "Single returns": single,
        "Further": [name for name in further if name not in {*relative, *single}],
    }
    groups = [
        _MetricGroup(title, benchmark.heading if title == COMPARED else None, list(map(row, names)))
        for title, names in named.items()
        if names
    ]
    return Html(markup("run.metrics", groups))


def _reads(name: str, arrays: frozenset[str]) -> bool:
    entry = metric_of(name)
    return entry is not None and entry.function is not None and not arrays.isdisjoint(entry.reads)
