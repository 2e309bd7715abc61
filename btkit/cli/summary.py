"""The closing table on stderr: metrics against thresholds, and where everything lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from btkit.cli.closing import show_closing
from btkit.cli.streams import say, stderr_is_terminal
from btkit.metrics import JSON_INFINITY, THRESHOLDS, VERDICT_WORDS

Row = tuple[str, str, str, str, str]

_HEADINGS = ("Metric", "Strategy", "Needs", "")
_BOUNDS = {threshold.metric: threshold for threshold in THRESHOLDS}


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _ratio(value: float) -> str:
    return f"{value:.2f}"


def _count(value: float) -> str:
    return f"{value:,.0f}"


_YEARLY = ("cagr", "Return per year (CAGR)", _percent)
# Of a run of a few weeks a return per year says nothing.
_TOTAL = ("total_return_pct", "Total return", _percent)
_METRICS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("sharpe_ratio", "Sharpe ratio", _ratio),
    ("max_drawdown_pct", "Maximum drawdown", _percent),
    ("win_rate", "Win rate", _percent),
    ("profit_factor", "Profit factor", _ratio),
    ("consecutive_losses_max", "Losses in a row", _count),
    ("total_trades", "Trades", _count),
)


def show_summary(document: Mapping[str, Any], paths: Mapping[str, Path]) -> None:
    """Write the verdict, the table, warnings and the paths by kind to stderr."""
    run, diagnostics = document["run"], document["diagnostics"]
    show_closing(
        f"{VERDICT_WORDS[document['verdict']]}  {run['strategy_name']} on {run['symbol']}, "
        f"{run['start_date']} to {run['end_date']}",
        partial(_show_table, summary_rows(document), _headings(document)),
        remarks=[
            *(f"warning: {warning['message']}" for warning in document["warnings"]),
            *(f"no trades: {sentence}" for sentence in diagnostics["explanation"]),
            # A run stored by an earlier version does not say it.
            *(f"note: {sentence}" for sentence in diagnostics.get("never_fired", [])),
        ],
        paths={**paths, "run id": run["run_id"]},
    )


def summary_rows(document: Mapping[str, Any]) -> list[Row]:
    """Return the rows as text: metric, value, threshold, ok or missed, and the benchmark."""
    missed = {failure["metric"] for failure in document["failures"]}
    rows = []
    is_short = any(warning["code"] == "short_range" for warning in document["warnings"])
    for name, label, form in (_TOTAL if is_short else _YEARLY, *_METRICS):
        bound = _BOUNDS.get(name)
        needs = verdict = ""
        if bound is not None:
            needs = f"{'≥' if bound.sense == 'at_least' else '≤'} {_signed(form(bound.bound))}"
            verdict = "missed" if name in missed else "ok"
        elif name == "total_trades":
            needs = f"≥ {_count(document['min_trades_required'])}"
            verdict = "too few" if document["verdict"] == "too_few_trades" else "ok"
        ours, theirs = (_value(document[part], name, form) for part in ("metrics", "benchmark"))
        rows.append((label, ours, needs, verdict, theirs))
    return rows


def _value(values: Mapping[str, Any], name: str, form: Callable[[float], str]) -> str:
    value = values.get(name)
    if value is None:
        return ""
    if name in values["undefined"]:
        return {JSON_INFINITY: "∞", -JSON_INFINITY: "−∞"}.get(value, "–")
    return _signed(form(value))


def _signed(text: str) -> str:
    return text.replace("-", "−")


def _headings(document: Mapping[str, Any]) -> Row:
    from btkit.documents import Benchmark  # noqa: PLC0415 - as the numbers, only once it has run

    return (*_HEADINGS, Benchmark.model_validate(document["benchmark"]).heading)


def _show_table(table: list[Row], headings: Row) -> None:
    if stderr_is_terminal():
        _show_rich(table, headings)
    else:
        _show_plain(table, headings)


def _show_plain(table: list[Row], headings: Row) -> None:
    widths = [max(len(row[column]) for row in [headings, *table]) for column in range(5)]
    for row in [headings, *table]:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        say("  ".join(cells).rstrip())


def _show_rich(table: list[Row], headings: Row) -> None:
    # As in progress: rich is of use on a terminal only.
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    shown = Table(box=None, pad_edge=False)
    for column, heading in enumerate(headings):
        shown.add_column(heading, justify="right" if column else "left")
    for row in table:
        # Blue and vermilion, which colour-blind eyes tell apart; the word says it as well.
        style = {"missed": "#D55E00", "ok": "#0072B2"}.get(row[3], "")
        shown.add_row(*row, style=style)
    Console(stderr=True).print(shown)
