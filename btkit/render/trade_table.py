"""The full list of trades: sortable, filterable, downloadable; and its best and worst."""

from __future__ import annotations

import math
from html import escape

import pandas as pd

from btkit.render import text, theme
from btkit.render.pieces import Html, asset, script_json, table, tag
from btkit.render.view import LARGEST, NEWEST, View, is_cut, trade_rows

EXTREMES = 5
CSV_DIGITS = 12

Columns = tuple[tuple[str, str, str], ...]
COLUMNS: Columns = (
    # column of the trade list, heading with its unit, how to show it
    ("entry_date", "Entry", "date"),
    ("exit_date", "Exit", "date"),
    ("entry_price", "Entry price, $", "price"),
    ("exit_price", "Exit price, $", "price"),
    ("shares", "Shares", "shares"),
    ("pnl", "P&L, $", "money"),
    ("return_pct", "Return, %", "percent"),
    ("exit_reason", "Reason", "reason"),
    ("bars_held", "Bars held", "count"),
    ("commission", "Commission, $", "cost"),
    ("slippage_cost", "Slippage, $", "cost"),
)


def extremes(view: View) -> list[Html]:
    """Return the best and the worst trades side by side; nothing where there are few."""
    trades = view.trades
    if len(trades) < 2:  # noqa: PLR2004 - one trade is best and worst at once
        return []
    ranked = trades.sort_values("pnl", ascending=False, kind="stable")
    number = min(EXTREMES, len(trades) // 2)
    return [
        _extreme(f"Best {number} of {text.plural(len(trades), 'trade')}", ranked.head(number)),
        _extreme(f"Worst {number}", ranked.tail(number).iloc[::-1]),
    ]


def _extreme(title: str, trades: pd.DataFrame) -> Html:
    rows = [
        [
            escape(text.day(trade.entry_date)),
            escape(text.day(trade.exit_date)),
            _gain(trade.pnl, text.money(trade.pnl, sign=True)),
            _gain(trade.pnl, text.percent(trade.return_pct, sign=True)),
            text.count(trade.bars_held),
            escape(theme.reason_name(trade.exit_reason)),
        ]
        for trade in trade_rows(trades)
    ]
    head = ["Entry", "Exit", "P&L, $", "Return", "Bars held", "Reason"]
    return Html(tag("h3", escape(title)) + table(head, rows, numeric=(2, 3, 4)), width="half")


def _gain(pnl: float, written: str) -> str:
    kind = "bt-gain" if pnl > 0 else "bt-loss" if pnl < 0 else None
    return tag("span", escape(written), class_=kind)


def full_table(
    view: View, columns: Columns = COLUMNS, *, trades: pd.DataFrame | None = None
) -> Html:
    """Return the trades in a table that sorts, filters and downloads without a network.

    Of very many only the newest and the largest; the page then leads to the file that has all.

    Parameters
    ----------
    view
        The run.
    columns
        Which columns of the trade list, each with its heading and how to show it.
    trades
        The trade list, where it has more columns than that of the run.
    """
    every = view.trades if trades is None else trades
    listed = every.iloc[view.shown_places]
    reasons = sorted({str(reason) for reason in listed["exit_reason"]})
    data = {
        "columns": [{"key": key, "name": name, "kind": kind} for key, name, kind in columns],
        "reasons": {reason: theme.reason_name(reason) for reason in reasons},
        "rows": _rows(listed, columns),
        "file": text.file_part(f"{view.run['strategy_name']}-{view.symbol}") + "-trades.csv",
        "cut": is_cut(len(every)),
    }
    options = "".join(
        tag("option", escape(theme.reason_name(reason)), value=reason) for reason in reasons
    )
    controls = (
        tag(
            "label",
            "Reason " + tag("select", tag("option", "all", value="") + options, data_reason=""),
        )
        + tag("label", "Result " + tag("select", _RESULTS, data_result=""))
        + '<label>Date holds <input type="search" data-search placeholder="2008-10" size="9">'
        + "</label>"
        + tag("span", "", class_="bt-count", data_count="", role="status")
        + tag("button", _download_label(len(every)), type="button", data_csv="")
    )
    head = tag("thead", tag("tr", "".join(_heading(name, kind) for _, name, kind in columns)))
    body = (
        tag("h3", escape(_table_title(len(listed), len(every))))
        + _where_all_are(view)
        + tag("div", controls, class_="bt-controls")
        + tag(
            "div",
            tag("table", head + tag("tbody", ""), class_="bt-table bt-trades-table"),
            class_="bt-scroll",
            tabindex="0",
            role="region",
            aria_label="Trades",
        )
        + tag("button", "Show all", type="button", class_="bt-more", data_more="", hidden="")
        + tag("noscript", "The list of trades needs JavaScript, which this browser has turned off.")
        + tag("script", script_json(data), type="application/json", data_trades="")
    )
    script = tag("script", asset("trades.js"))
    return Html(tag("div", body, class_="bt-trades") + script)


def _table_title(shown: int, trades: int) -> str:
    if is_cut(trades):
        return f"{text.count(shown)} of {text.count(trades)} trades, in order of exit"
    return "The one trade" if trades == 1 else f"All {text.count(trades)} trades, in order of exit"


def _download_label(trades: int) -> str:
    return "Download these" if is_cut(trades) else "Download CSV"


def trades_file(run_id: str) -> str:
    """Return the name of the file that has all trades, beside a page that has only some."""
    return f"{run_id}.trades.csv"


def _where_all_are(view: View) -> str:
    total = len(view.trades)
    if not is_cut(total):
        return ""
    words = (
        f"The newest {text.count(NEWEST)}, and the {text.count(LARGEST)} with the largest profit "
        "or loss. "
    )
    run_id = view.run["run_id"]
    if run_id is None:
        return tag("p", escape(f"{words}result.trades has them all."), class_="bt-note")
    file = trades_file(str(run_id))
    link = tag("a", escape(file), href=file)
    rest = f" beside this page has all {text.count(total)}, with their exact numbers."
    return tag("p", escape(words) + link + escape(rest), class_="bt-note")


_RESULTS = (
    tag("option", "all", value="")
    + tag("option", "winners", value="won")
    + tag("option", "losers", value="lost")
)


def _heading(name: str, kind: str) -> str:
    numeric = None if kind in {"date", "reason", "text"} else "num"
    button = tag("button", escape(name), type="button", class_="bt-sort")
    return tag("th", button, scope="col", class_=numeric, aria_sort="none")


def _rows(trades: pd.DataFrame, columns: Columns) -> list[list[str | int | float | None]]:
    values = [trades[key].tolist() for key, _, _ in columns]
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
