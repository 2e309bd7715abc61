"""A result made by hand: five daily bars, two trades."""

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel

from btkit.data import DataInfo
from btkit.documents import RunInfo, build_provenance, build_report
from btkit.markets import Annualisation
from btkit.metrics import Metrics, TradeColumns, compute_metrics
from btkit.simulation.benchmark import own_benchmark
from btkit.simulation.lookahead import Lookahead
from btkit.spec import StrategySpec, load_spec

SPEC = {
    "name": "cross_v1",
    "version": "1.0",
    "asset_class": "equities",
    "timeframe": "swing",
    "entry_conditions": ["close > sma_20"],
    "exit_conditions": ["close < sma_20"],
    "stop_conditions": [],
    "filter_conditions": [],
    "position_sizing_formula": "10",
    "max_holding_bars": 5,
    "max_concurrent_positions": 1,
    "per_trade_risk_pct": 0.01,
}

GIVEN = DataInfo(
    source="dataframe", symbol="", interval="1d", description="Bars handed over as a DataFrame.",
    rows=5, first="2024-01-02", last="2024-01-08", coverage="complete", gaps=[], quality=[],
    notes=[], warmup_rows=3,
)  # fmt: skip


class Diagnostics(BaseModel):
    conditions: list[dict[str, Any]]
    skipped_entries: dict[str, int]
    unfilled_orders: int
    explanation: list[str]
    condition_errors: dict[str, int]


@dataclass(frozen=True)
class Result:
    spec: StrategySpec
    bars: pd.DataFrame
    trades: pd.DataFrame
    equity: pd.Series
    cash: pd.Series
    metrics: Metrics
    diagnostics: Diagnostics
    symbol: str | None = "SPX"
    interval: str = "1d"
    annualisation: Annualisation = field(default_factory=Annualisation)
    initial_capital: float = 100_000.0
    commission: float = 0.65
    commission_model: str = "per_order"
    slippage: float = 0.005
    ruined: bool = False
    warnings: list[dict[str, str]] = field(default_factory=list)
    fallbacks: dict[str, int] = field(default_factory=lambda: {"vix": 5})
    data: DataInfo = GIVEN
    lookahead: Lookahead | None = None
    ambiguity: None = None
    carry: None = None
    runtime: dict[str, str] = field(default_factory=dict)
    classified: tuple[object, ...] = ()
    others: dict[str, object] = field(default_factory=dict)
    other_data: dict[str, DataInfo] = field(default_factory=dict)
    detail_data: None = None
    seen_detail: None = None
    warmup: dict[str, Any] = field(
        default_factory=lambda: {
            "bars": 3,
            "missing_until": {"sma_20": date(2024, 1, 4), "vix": None},
            "drift": {"rsi_14": 0.25},
        }
    )

    @property
    def all_bars(self):
        before = pd.date_range(end=self.bars.index[0], periods=4, freq="D")[:3]
        return pd.concat([make_bars(before), self.bars])

    @property
    def benchmark(self):
        return own_benchmark(self.all_bars, None, 0)

    @property
    def benchmark_closes(self):
        return self.bars["close"].to_numpy()

    @property
    def risk_free(self):
        return None

    @property
    def invested(self):
        return self.equity - self.cash


def measure(equity, times, *, pnl, initial=100_000.0, ruined=False):
    entry = np.full(len(pnl), times[0].to_datetime64(), dtype="datetime64[ns]")
    return compute_metrics(
        equity,
        times,
        initial_capital=initial,
        periods_per_year=252,
        ruined=ruined,
        trades=TradeColumns(
            np.array(pnl), np.array(pnl) / 1000, np.full(len(pnl), 2_000.0), entry, entry
        ),
    )


def make_bars(times):
    close = np.linspace(100.0, 104.0, len(times))
    return pd.DataFrame(
        {"open": close, "high": close + 1, "low": close - 1, "close": close, "volume": 1e6},
        index=times,
    )


@pytest.fixture
def result():
    times = pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"])
    equity = pd.Series([100_000.0, 100_100.0, 100_050.0, 100_200.0, 100_150.0], index=times)
    return Result(
        spec=load_spec(SPEC),
        bars=make_bars(times),
        trades=pd.DataFrame({"pnl": [200.0, -50.0], "exit_reason": ["exit", "stop"]}),
        equity=equity,
        cash=equity - 40_000.0,
        metrics=measure(equity.to_numpy(), times, pnl=[200.0, -50.0]),
        diagnostics=Diagnostics(
            conditions=[
                {
                    "list": "entry_conditions",
                    "index": 0,
                    "text": "close > sma_20",
                    "held": 3,
                    "raised": 1,
                }
            ],
            skipped_entries={"size": 2},
            unfilled_orders=1,
            explanation=[],
            condition_errors={"entry_conditions[0]": 1},
        ),
    )


@pytest.fixture
def ruined(result):
    equity = pd.Series([50_000.0, -10.0, -20.0, -20.0, -20.0], index=result.bars.index)
    return replace(
        result,
        equity=equity,
        cash=equity,
        ruined=True,
        metrics=measure(equity.to_numpy(), result.bars.index, pnl=[-100_020.0], ruined=True),
    )


@pytest.fixture
def run():
    return RunInfo(
        run_id="0f4c",
        strategy_name="cross_v1",
        strategy_version="1.0",
        symbol="SPX",
        start_date="2024-01-01",
        end_date="2024-01-08",
        initial_capital=100_000.0,
        commission_per_contract=0.65,
        slippage_pct=0.005,
        created_at="2024-02-01T10:00:00",
        completed_at="2024-02-01T10:00:05",
        status="complete",
    )


@pytest.fixture
def report_on(run):
    def build(result, *, min_trades_required=0, **options):
        provenance = build_provenance(result, versions={"btkit": "1"})
        return build_report(
            result,
            run,
            min_trades_required=min_trades_required,
            provenance=provenance,
            **options,
        )

    return build
