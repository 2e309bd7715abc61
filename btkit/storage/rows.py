"""Reports and trades as rows of the three tables, and back."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd

from btkit.documents import MetricsSection, RunInfo
from btkit.metrics import METRICS

INSERT_RUN = """
INSERT INTO backtest_runs
    (run_id, strategy_name, strategy_version, symbol, interval, start_date, end_date,
     initial_capital, commission_per_contract, slippage_pct, created_at, completed_at, status,
     error_message)
VALUES
    (:run_id, :strategy_name, :strategy_version, :symbol, :interval, :start_date, :end_date,
     :initial_capital, :commission_per_contract, :slippage_pct, :created_at, :completed_at, :status,
     :error_message)
"""

# The documented columns; all that came later stands in a table of names and values.
_DOCUMENTED = tuple(name for name, entry in METRICS.items() if entry.function is None)
_METRIC_COLUMNS = ("run_id", *_DOCUMENTED, "undefined")

INSERT_METRICS = f"""
INSERT INTO backtest_metrics ({", ".join(_METRIC_COLUMNS)})
VALUES ({", ".join(f":{name}" for name in _METRIC_COLUMNS)})
"""  # noqa: S608 - names of columns

INSERT_METRIC_VALUE = """
INSERT INTO backtest_metric_values (run_id, name, value) VALUES (:run_id, :name, :value)
"""

SELECT_METRIC_VALUES = "SELECT run_id, name, value FROM backtest_metric_values WHERE run_id = ?"

INSERT_TRADE = """
INSERT INTO backtest_trades
    (run_id, trade_index, entry_date, exit_date, entry_price, exit_price, shares, pnl, return_pct,
     exit_reason, bars_held, commission, slippage_cost, mae_pct, mfe_pct, direction, lot,
     fill_kind, certain)
VALUES
    (:run_id, :trade_index, :entry_date, :exit_date, :entry_price, :exit_price, :shares, :pnl,
     :return_pct, :exit_reason, :bars_held, :commission, :slippage_cost, :mae_pct, :mfe_pct,
     :direction, :lot, :fill_kind, :certain)
"""

SELECT_RUN = "SELECT * FROM backtest_runs WHERE run_id = ?"

SELECT_TRADES = """
SELECT entry_date, exit_date, entry_price, exit_price, shares, pnl, return_pct, exit_reason,
       bars_held, commission, slippage_cost, mae_pct, mfe_pct, direction, lot, fill_kind, certain
FROM backtest_trades WHERE run_id = ? ORDER BY trade_index
"""

SELECT_OWN_COLUMNS = """
SELECT max(direction) AS direction, max(lot) AS lot, max(fill_kind) AS fill_kind,
       max(certain) AS certain
FROM backtest_trades WHERE run_id = ?
"""

EXCURSIONS = ("mae_pct", "mfe_pct")
"""What the trades of a run of an earlier version lack."""

DIRECTION, LOT, FILL_KIND, CERTAIN = "direction", "lot", "fill_kind", "certain"
FILLS = (FILL_KIND, CERTAIN)
"""What trades of spreads lack, and of a run of an earlier version."""
OWN_COLUMNS = (DIRECTION, LOT, *FILLS)
"""Those, and what trades lack of a strategy that takes one side, or whose lots leave as a whole."""

_TRADE_TIMES = ("entry_date", "exit_date")


def run_row(run: RunInfo, *, interval: str) -> dict[str, Any]:
    """Return the parameters of `INSERT_RUN`."""
    return {**run.model_dump(mode="json"), "interval": interval}


def metrics_row(metrics: MetricsSection) -> dict[str, Any]:
    """Return the parameters of `INSERT_METRICS`."""
    values = metrics.model_dump(mode="json")
    return {**values, "undefined": json.dumps(values["undefined"])}


def metric_values(metrics: MetricsSection) -> list[dict[str, Any]]:
    """Return the parameters of `INSERT_METRIC_VALUE`, one entry for each further metric."""
    return [
        {"run_id": metrics.run_id, "name": name, "value": value}
        for name, value in metrics.model_dump(mode="json").items()
        if name not in _METRIC_COLUMNS and value is not None
    ]


def trade_rows(run_id: str, trades: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the parameters of `INSERT_TRADE`, one entry per trade, in order of exit.

    Daily times become ``YYYY-MM-DD``, others ISO 8601 with their zone.
    """
    columns = {name: _iso(trades[name]) for name in _TRADE_TIMES}
    for name in trades.columns.difference(list(_TRADE_TIMES)):
        columns[name] = trades[name].tolist()
    return [
        {"run_id": run_id, "trade_index": position, **dict.fromkeys(OWN_COLUMNS)}
        | {name: values[position] for name, values in columns.items()}
        for position in range(len(trades))
    ]


def report_document(text: str, *, needed: Sequence[str] = ()) -> dict[str, Any]:
    """Return a stored report as the JSON document it was; a lacking object is a ValueError."""
    document = json.loads(text)
    is_whole = isinstance(document, dict) and all(
        isinstance(document.get(name), dict) for name in needed
    )
    if not is_whole:
        message = "it is no report of what was complete"
        raise ValueError(message)
    return dict(document)


def trades_frame(
    rows: list[dict[str, Any]], *, times: pd.DatetimeIndex, own: Collection[str]
) -> pd.DataFrame:
    """Return stored trades, in order of exit, as the table that the simulation gave.

    The trades' times take the type of the bars' `times`. Of a run of an earlier version
    `EXCURSIONS` are NaN. `own` are those of `OWN_COLUMNS` that they have; trades of several runs
    may lack them.
    """
    whole, known = (all(row.get(name) is not None for row in rows) for name in (LOT, CERTAIN))
    further = {
        DIRECTION: "str",
        LOT: np.int64 if whole else "Int64",
        FILL_KIND: "str",
        CERTAIN: np.bool_ if known else "boolean",
    }
    kinds: dict[str, Any] = {
        "entry_date": times.dtype,
        "exit_date": times.dtype,
        "entry_price": np.float64,
        "exit_price": np.float64,
        "shares": np.float64,
        "pnl": np.float64,
        "return_pct": np.float64,
        "exit_reason": "str",
        "bars_held": np.int64,
        "commission": np.float64,
        "slippage_cost": np.float64,
        "mae_pct": np.float64,
        "mfe_pct": np.float64,
        **{name: kind for name, kind in further.items() if name in own},
    }
    return pd.DataFrame(
        {
            name: pd.Series([row.get(name) for row in rows], dtype=kind)
            for name, kind in kinds.items()
        }
    )


def _iso(times: pd.Series[Any]) -> list[str]:
    moments = pd.DatetimeIndex(times)
    if moments.tz is None:
        return [str(text) for text in moments.strftime("%Y-%m-%d")]
    return [moment.isoformat() for moment in moments]
