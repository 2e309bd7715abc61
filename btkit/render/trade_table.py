"""The full list of trades: sortable, filterable, downloadable; and its best and worst."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from btkit.render import text, theme
from btkit.render.pages import markup
from btkit.render.pieces import Html
from btkit.render.view import LARGEST, LATEST, RunView, is_cut, trade_rows

EXTREMES = 5
CSV_DIGITS = 12


class TableColumn(NamedTuple):
    """A column of the list: of the trades, its heading with its unit, and how it is shown."""

    key: str
    name: str
    kind: str

    @property
    def numeric(self) -> bool:
        """Whether it is aligned right."""
        return self.kind not in {"date", "reason", "text"}


COLUMNS: tuple[TableColumn, ...] = (
    TableColumn("entry_date", "Entry", "date"),
    TableColumn("exit_date", "Exit", "date"),
    TableColumn("entry_price", "Entry, $", "price"),
    TableColumn("exit_price", "Exit, $", "price"),
    TableColumn("shares", "Shares", "shares"),
    TableColumn("pnl", "P&L, $", "money"),
    TableColumn("return_pct", "Return, %", "percent"),
    TableColumn("mae_pct", "Worst, %", "percent"),
    TableColumn("mfe_pct", "Best, %", "percent"),
    TableColumn("exit_reason", "Reason", "reason"),
    TableColumn("bars_held", "Bars", "count"),
    TableColumn("commission", "Fees, $", "cost"),
    TableColumn("slippage_cost", "Slippage, $", "cost"),
)
# With one more column the last headings have to be shorter, or the widest page has to scroll.
DIRECTED: tuple[TableColumn, ...] = (
    TableColumn("direction", "Side", "text"),
    *COLUMNS[:-2],
    TableColumn("commission", "Fee, $", "cost"),
    TableColumn("slippage_cost", "Slip, $", "cost"),
)


LOT = TableColumn("lot", "Lot", "count")
"""Where lots may leave in parts; short headings go with it, too."""

FILL = TableColumn("fill_kind", "Fill", "text")
"""At which price lots left, where orders stand inside the bar."""

CERTAIN = TableColumn("certain", "Certain", "text")
"""Whether that is certain, where of some trades it is not."""


@dataclass(frozen=True)
class _TradeList:
    # The list of trades as its page shows it.

    title: str
    download: str
    words: str
    file: str
    total: int
    columns: Sequence[TableColumn]
    reasons: Sequence[str]
    data: Mapping[str, Any]


def extremes(view: RunView) -> list[Html]:
    """Return the best and the worst trades side by side; nothing where there are few."""
    trades = view.trades
    if len(trades) < 2:  # noqa: PLR2004 - one trade is best and worst at once
        return []
    ranked = trades.sort_values("pnl", ascending=False, kind="stable")
    number = min(EXTREMES, len(trades) // 2)
    sided = "direction" in trades and len(set(trades["direction"])) > 1
    best = f"Best {number} of {text.plural(len(trades), 'trade')}"
    return [
        Html(markup("run.extremes", title, trade_rows(some), sided=sided), width="half")
        for title, some in (
            (best, ranked.head(number)),
            (f"Worst {number}", ranked.tail(number).iloc[::-1]),
        )
    ]


def full_table(
    view: RunView,
    columns: Sequence[TableColumn] | None = None,
    *,
    trades: pd.DataFrame | None = None,
) -> Html:
    """Return the trades in a table that sorts, filters and downloads without a network.

    Of very many only the latest and the largest; the page then leads to the file that has all.

    Parameters
    ----------
    view
        The run.
    columns
        Which columns of the trade list, each with its heading and how to show it; None takes
        those of lots.
    trades
        The trade list, where it has more columns than that of the run.
    """
    every = view.trades if trades is None else trades
    if columns is None:
        columns = COLUMNS
        inside = view.report.intrabar is not None
        if "direction" in every or view.in_parts or inside:
            # Short headings go with further columns.
            columns = DIRECTED[1:]
        if inside:
            doubted = () if every["certain"].all() else (CERTAIN,)
            columns = (*DIRECTED[1:10], FILL, *doubted, *DIRECTED[10:])
            every = every.assign(certain=every["certain"].map({True: "yes", False: "no"}))
        if "direction" in every:
            columns = (*DIRECTED[:1], *columns)
        if view.in_parts:
            columns = (LOT, *columns)
    listed, cut, lots = every.iloc[view.shown_places], is_cut(len(every)), view.of_lots
    reasons = sorted({str(reason) for reason in listed["exit_reason"]})
    shown = _TradeList(
        title=_title(len(listed), len(every), None if not view.in_parts else len(lots.trades)),
        download="Download these" if cut else "Download CSV",
        words=_which(view) if cut else "",
        file=trades_file(view.run.run_id) if cut and view.run.run_id else "",
        total=len(every),
        columns=columns,
        reasons=reasons,
        data={
            "columns": [column._asdict() for column in columns],
            "reasons": {reason: theme.reason_name(reason) for reason in reasons},
            "rows": _rows(listed, columns),
            "file": text.file_part(f"{view.run.strategy_name}-{view.symbol}") + "-trades.csv",
            "cut": cut,
        },
    )
    return Html(markup("run.trades", shown))


def _title(shown: int, trades: int, lots: int | None) -> str:
    if lots is not None:
        exits = f"{text.plural(trades, 'exit')} of {text.plural(lots, 'trade')}, in order"
        return f"{text.count(shown)} of {exits}" if is_cut(trades) else f"The {exits}"
    if is_cut(trades):
        return f"{text.count(shown)} of {text.count(trades)} trades, in order of exit"
    return "The one trade" if trades == 1 else f"All {text.count(trades)} trades, in order of exit"


def trades_file(run_id: str) -> str:
    """Return the name of the file that has all trades, beside a page that has only some."""
    return f"{run_id}.trades.csv"


def _which(view: RunView) -> str:
    words = (
        f"The latest {text.count(LATEST)}, and the {text.count(LARGEST)} with the largest profit "
        "or loss. "
    )
    return words if view.run.run_id else f"{words}result.trades has them all."


def _rows(
    trades: pd.DataFrame, columns: Sequence[TableColumn]
) -> list[list[str | int | float | None]]:
    values = [trades[column.key].tolist() for column in columns]
    return [[_cell(value) for value in row] for row in zip(*values, strict=True)]


def _cell(value: pd.Timestamp | str | float) -> str | int | float | None:
    if isinstance(value, pd.Timestamp):
        return text.day(value)
    if isinstance(value, str):
        return value
    if not math.isfinite(value):
        return None
    # Twelve digits are more than any price has; the exact doubles are in the store.
    number = float(f"{float(value):.{CSV_DIGITS}g}")
    return int(number) if number.is_integer() else number
