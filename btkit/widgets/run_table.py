"""The table of runs: sorted, filtered and selected in the browser."""

from __future__ import annotations

from typing import Any, ClassVar

import anywidget
import traitlets

from btkit.render import text
from btkit.render.pieces import asset
from btkit.render.pill import as_text
from btkit.widgets.parts import own_text


class RunTable(anywidget.AnyWidget):
    """A table whose rows can be selected."""

    _esm: ClassVar[str] = own_text("table.js")
    _css: ClassVar[str] = asset("report.css") + own_text("widgets.css")

    columns: traitlets.List[Any] = traitlets.List().tag(sync=True)
    rows: traitlets.List[Any] = traitlets.List().tag(sync=True)
    selected: traitlets.List[Any] = traitlets.List().tag(sync=True)


# heading, key of the run, how a number is written (None: as it is)
COLUMNS: tuple[tuple[str, str, Any], ...] = (
    ("Kind", "kind", None),
    ("Strategy", "strategy_name", None),
    ("Symbol", "symbol", None),
    ("From", "start_date", None),
    ("To", "end_date", None),
    ("Verdict", "verdict", None),
    ("Sharpe", "sharpe_ratio", text.ratio),
    ("Maximum drawdown", "max_drawdown_pct", text.percent),
    ("CAGR", "cagr", text.percent),
    ("Trades", "total_trades", text.count),
    ("Made", "created_at", None),
    ("Run", "run_id", None),
)


def columns() -> list[dict[str, Any]]:
    """Return the headings as the table wants them."""
    return [{"name": name, "numeric": show is not None} for name, _, show in COLUMNS]


def rows(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return runs as the table wants them.

    Parameters
    ----------
    runs
        As `btkit.list_runs` returns them.
    """
    return [
        {
            "id": run["run_id"],
            "values": [run.get(key) for _, key, _ in COLUMNS],
            "shown": [_shown(run, key, show) for _, key, show in COLUMNS],
        }
        for run in runs
    ]


def _shown(run: dict[str, Any], key: str, show: Any) -> str:  # noqa: ANN401 - a function or None
    value = run.get(key)
    if key == "verdict":
        return str(run["status"]) if value is None else as_text(value)
    if show is not None:
        return str(show(value))
    if key == "run_id":
        return str(value)[:8]
    return str(value or text.DASH).replace("T", " ")[:19]
