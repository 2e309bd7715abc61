"""A stand-in for the market-data command, and the builder that tests set it up with.

As a program (standard library only) it answers ``get`` and ``iv-rank`` from a JSON scenario::

    python market_data.py --scenario FILE get --symbol SPY --type ohlcv --start ... --format json

As a module it offers `MarketDataStandIn`, whose `command` goes into BT_MARKET_DATA_CMD.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

INTRADAY = ("1m", "5m", "15m", "1h", "4h")
BAR_SCHEMA = [
    "timestamp", "symbol", "open", "high", "low", "close", "volume", "adj_close", "provider",
]  # fmt: skip
IV_SCHEMA = [
    "recorded_at", "symbol", "iv_rank", "iv_percentile", "current_iv", "iv_52w_high",
    "iv_52w_low", "provider",
]  # fmt: skip

# Faults by name; each concerns the calls of one symbol, or of all of them ("*").
FAULTS = (
    "exit_1",  # text on stderr, rubbish on stdout
    "hang",  # never answers
    "hang_with_child",  # leaves a child behind that never ends either
    "log_before_json",  # a logger writes to stdout first
    "text_after_json",
    "truncated",  # the document stops in the middle
    "empty_stdout",
    "not_utf8",
    "json_list",  # valid JSON, but no object
    "nan_literal",  # NaN where a number belongs
    "infinity_literal",
    "wrong_symbol",
    "wrong_row_symbol",
    "wrong_interval",
    "missing_column",
    "rows_disagree",  # rows says more than data holds
    "text_for_number",
    "no_rows",  # rows 0, data []
    "shuffled",  # rows out of order
    "repeated",  # a row twice, identical
    "conflicting",  # a row twice, differing
    "adj_close_null",
    "adj_close_partly_null",
    "loud_stderr",  # megabytes of people's text, and success
    "killed",  # dies by a signal
)


class MarketDataStandIn:
    """Holds a scenario in `folder`; give `command` to BT_MARKET_DATA_CMD."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scenario: dict[str, Any] = {"bars": {}, "iv": {}, "faults": {}, "gaps": {}}
        self._save()

    @property
    def command(self) -> str:
        """The command with its leading arguments, quoted for shlex."""
        return shlex.join([sys.executable, str(Path(__file__).resolve()), *self._leading])

    @property
    def _leading(self) -> list[str]:
        return ["--scenario", str(self.folder / "scenario.json")]

    @property
    def calls(self) -> list[list[str]]:
        """The arguments of each call so far."""
        log = self.folder / "calls.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def add_bars(
        self, symbol: str, rows: list[dict[str, Any]], *, interval: str = "1d"
    ) -> MarketDataStandIn:
        """Add rows with timestamp, open, high, low, close, volume and maybe adj_close."""
        full = [
            {"adj_close": row["close"], "provider": "stand_in", "symbol": symbol} | row
            for row in rows
        ]
        self.scenario["bars"].setdefault(symbol, {}).setdefault(interval, []).extend(full)
        return self._save()

    def add_iv(self, symbol: str, rows: list[dict[str, Any]]) -> MarketDataStandIn:
        """Add rows with recorded_at, iv_rank, iv_percentile, current_iv and maybe bounds."""
        full = [
            {"iv_52w_high": 0.4, "iv_52w_low": 0.1, "provider": "stand_in", "symbol": symbol} | row
            for row in rows
        ]
        self.scenario["iv"].setdefault(symbol, []).extend(full)
        return self._save()

    def add_gap(
        self, symbol: str, start: str, end: str, *, coverage: str = "partial"
    ) -> MarketDataStandIn:
        """Make ``get`` report a gap, with exit code 0."""
        gaps = self.scenario["gaps"].setdefault(symbol, {"coverage": coverage, "gaps": []})
        gaps["gaps"].append({"start": start, "end": end})
        return self._save()

    def set_coverage(self, symbol: str, coverage: str) -> MarketDataStandIn:
        """Make ``get`` report a coverage without naming gaps."""
        self.scenario["gaps"][symbol] = {"coverage": coverage, "gaps": []}
        return self._save()

    def fail(self, fault: str, *, verb: str = "get", symbol: str = "*") -> MarketDataStandIn:
        """Switch a fault of FAULTS on for the calls of a verb (``get`` or ``iv-rank``)."""
        if fault not in FAULTS:
            message = f"no such fault: {fault}"
            raise ValueError(message)
        self.scenario["faults"].setdefault(verb, {}).setdefault(symbol, []).append(fault)
        return self._save()

    def _save(self) -> MarketDataStandIn:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "scenario.json").write_text(json.dumps(self.scenario))
        return self


def daily_rows(
    start: str, count: int, *, first_close: float = 100.0, step: float = 0.5
) -> list[dict[str, Any]]:
    """Return weekday bars with rising closes, as ``market-data get`` gives them."""
    day, rows = dt.date.fromisoformat(start), []
    while len(rows) < count:
        if day.weekday() < 5:
            close = first_close + step * len(rows)
            rows.append(
                {"timestamp": f"{day.isoformat()}T00:00:00+00:00", "open": close - 0.25,
                 "high": close + 1.0, "low": close - 1.0, "close": close,
                 "volume": 1_000_000 + len(rows)}
            )  # fmt: skip
        day += dt.timedelta(days=1)
    return rows


def _main() -> int:
    outer = argparse.ArgumentParser()
    outer.add_argument("--scenario", type=Path, required=True)
    verbs = outer.add_subparsers(dest="verb", required=True)
    get = verbs.add_parser("get")
    get.add_argument("--symbol", required=True)
    get.add_argument("--type", choices=("ohlcv", "ohlcv_intraday"), required=True)
    get.add_argument("--start", type=dt.date.fromisoformat, required=True)
    get.add_argument("--end", type=dt.date.fromisoformat, required=True)
    get.add_argument("--interval", choices=(*INTRADAY, "1d", "1w"), required=True)
    get.add_argument("--format", choices=("json",), required=True)
    rank = verbs.add_parser("iv-rank")
    rank.add_argument("--symbol", required=True)
    rank.add_argument("--days", type=int, required=True)
    rank.add_argument("--format", choices=("json",), required=True)
    asked = outer.parse_args()
    with (asked.scenario.parent / "calls.jsonl").open("a") as log:
        log.write(json.dumps(sys.argv[3:]) + "\n")
    scenario = json.loads(asked.scenario.read_text())
    faults = scenario["faults"].get(asked.verb, {})
    active = faults.get("*", []) + faults.get(asked.symbol, [])
    _fail_early(active)
    answer = _bars(scenario, asked, active) if asked.verb == "get" else _iv(scenario, asked, active)
    if answer is None:
        sys.stderr.write(f"error: unknown symbol {asked.symbol}\n")
        return 1
    _write(answer, active)
    return 0


def _fail_early(active: list[str]) -> None:
    if "exit_1" in active:
        sys.stdout.write('{"symbol": "half a doc')
        sys.stderr.write("Traceback ...\nconnection to timescaledb refused\n")
        sys.exit(1)
    if "hang_with_child" in active:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        # Whoever finds the file finds it whole.
        written = Path(sys.argv[2]).with_name("child.pid.part")
        written.write_text(str(child.pid))
        written.replace(written.with_suffix(""))
    if {"hang", "hang_with_child"} & set(active):
        sys.stderr.write("waiting for the provider\n")
        sys.stderr.flush()
        time.sleep(600)
    if "killed" in active:
        import os  # noqa: PLC0415 - only this fault needs it
        import signal  # noqa: PLC0415

        os.kill(os.getpid(), signal.SIGKILL)
    if "loud_stderr" in active:
        for _ in range(40_000):
            sys.stderr.write("fetching page after page from the provider, please wait ...\n")


def _bars(
    scenario: dict[str, Any], asked: argparse.Namespace, active: list[str]
) -> dict[str, Any] | None:
    if (asked.type == "ohlcv_intraday") != (asked.interval in INTRADAY):
        sys.stderr.write(f"error: --type {asked.type} with --interval {asked.interval}\n")
        sys.exit(1)
    if asked.symbol not in scenario["bars"]:
        return None
    first, last = asked.start.isoformat(), asked.end.isoformat()
    rows = [
        row
        for row in scenario["bars"][asked.symbol].get(asked.interval, [])
        if first <= row["timestamp"][:10] <= last
    ]
    rows = _spoil(rows, active)
    told = scenario["gaps"].get(asked.symbol, {"coverage": "complete", "gaps": []})
    return _common(rows, asked.symbol, active) | {
        "data_type": asked.type,
        "interval": "1w" if "wrong_interval" in active else asked.interval,
        "source": "timescaledb",
        "coverage": told["coverage"] if rows else "missing",
        "gaps": told["gaps"] if rows else [{"start": first, "end": last}],
        "fetched_at": "2026-04-25T14:00:00+00:00",
        "schema": BAR_SCHEMA,
    }


def _iv(
    scenario: dict[str, Any], asked: argparse.Namespace, active: list[str]
) -> dict[str, Any] | None:
    rows = _spoil(scenario["iv"].get(asked.symbol, []), active)
    if not rows:
        return {"symbol": asked.symbol, "rows": 0, "data": []}
    latest = rows[-1]
    return _common(rows, asked.symbol, active) | {
        "lookback_days": 252,
        "current_iv_rank": latest.get("iv_rank"),
        "current_iv_percentile": latest.get("iv_percentile"),
        "current_iv": latest.get("current_iv"),
        "schema": IV_SCHEMA,
    }


def _common(rows: list[dict[str, Any]], symbol: str, active: list[str]) -> dict[str, Any]:
    return {
        "symbol": "WRONG" if "wrong_symbol" in active else symbol,
        "rows": len(rows) + 3 if "rows_disagree" in active else len(rows),
        "data": rows,
    }


def _spoil(rows: list[dict[str, Any]], active: list[str]) -> list[dict[str, Any]]:
    if "no_rows" in active:
        return []
    rows = [dict(row) for row in rows]
    number = "close" if rows and "close" in rows[0] else "current_iv"
    middle = len(rows) // 2
    changes: dict[str, Any] = {
        "wrong_row_symbol": ("symbol", "WRONG"),
        "text_for_number": (number, "12.5"),
        "nan_literal": (number, float("nan")),
        "infinity_literal": (number, float("inf")),
        "adj_close_partly_null": ("adj_close", None),
    }
    for fault, (name, value) in changes.items():
        if fault in active:
            rows[middle][name] = value
    if "missing_column" in active:
        del rows[middle][number]
    if "adj_close_null" in active:
        rows = [row | {"adj_close": None} for row in rows]
    if "repeated" in active:
        rows.insert(middle, dict(rows[middle]))
    if "conflicting" in active:
        rows.append(rows[middle] | {number: rows[middle][number] + 0.01})
    if "shuffled" in active:
        rows = rows[middle:] + rows[:middle]
    return rows


def _write(answer: dict[str, Any], active: list[str]) -> None:
    text = json.dumps([answer] if "json_list" in active else answer)
    if "log_before_json" in active:
        text = "2026-04-25 14:00:00 INFO cache miss\n" + text
    if "text_after_json" in active:
        text += "\ndone.\n"
    if "truncated" in active:
        text = text[: len(text) // 2]
    if "empty_stdout" in active:
        text = ""
    if "not_utf8" in active:
        sys.stdout.buffer.write(b"\xff\xfe{}")
        return
    sys.stdout.write(text)


if __name__ == "__main__":
    sys.exit(_main())
