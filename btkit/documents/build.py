"""From a result to its report."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from btkit.documents.benchmark import benchmark_of
from btkit.documents.intrabar import intrabar_section
from btkit.documents.kinds import REPORTS
from btkit.documents.models import (
    CarrySection,
    DataSection,
    DetailData,
    DiagnosticsSection,
    DrawdownEntry,
    Gap,
    IntrabarSection,
    LookaheadSection,
    MetricsSection,
    OtherData,
    Provenance,
    Report,
    ReportWarning,
    RunInfo,
    WarmupSection,
    bar_text,
)
from btkit.metrics import check_thresholds, deepest_drawdowns, verdict_of

if TYPE_CHECKING:
    from btkit.simulation import Result


def build_report(
    result: Result,
    run: RunInfo,
    *,
    min_trades_required: int,
    provenance: dict[str, Any],
    equity_curve_url: str | None = None,
) -> Report:
    """Build the document of one run. Pure: no clock, file or environment.

    Parameters
    ----------
    result
        The result of a simulation.
    run
        Which run it was.
    min_trades_required
        Fewer trades than this are a warning, not a failure.
    provenance
        The fields of `Provenance`, as `build_provenance` returns them.
    equity_curve_url
        Where the equity curve is stored, if it is.

    Returns
    -------
    Report
        Metrics as JSON carries them; thresholds are compared with the true values.
    """
    failures = check_thresholds(result.metrics)
    known = REPORTS[result.spec.kind]
    intrabar = intrabar_section(result, min_trades_required)
    return known.report(
        run=run,
        kind=result.spec.kind,
        metrics=MetricsSection(run_id=run.run_id, **result.metrics.to_json_values()),
        equity_curve_url=equity_curve_url,
        trade_count=result.metrics.total_trades,
        passed=not failures,
        verdict=verdict_of(
            passed=not failures, trades=result.metrics.total_trades, least=min_trades_required
        ),
        min_trades_required=min_trades_required,
        failures=failures,
        ruined=result.ruined,
        warnings=_warnings(result, min_trades_required, intrabar),
        data=data_section(result),
        diagnostics=DiagnosticsSection.model_validate(result.diagnostics.model_dump(mode="json")),
        benchmark=benchmark_of(result),
        drawdowns=[
            DrawdownEntry(**asdict(fall))
            for fall in deepest_drawdowns(result.equity, result.initial_capital)
        ],
        lookahead=_lookahead_section(result),
        intrabar=intrabar,
        carry=_carry_section(result),
        provenance=Provenance.model_validate(provenance),
        **known.parts(result),
    )


def describe_run(
    result: Result,
    *,
    run_id: str | None = None,
    start_date: date | str | None = None,
    end_date: date | str | None = None,
    created_at: datetime | str,
    completed_at: datetime | str | None = None,
    status: Literal["running", "complete", "failed"] = "complete",
) -> RunInfo:
    """Describe the run that gave a result.

    Parameters
    ----------
    result
        The result of a simulation.
    run_id
        The stored run's id, if it is stored.
    start_date, end_date
        The range as requested; None where nobody asked for one, then that of the bars.
    created_at, completed_at
        When the run began and ended; a time without a zone is UTC.
    status
        How it stands.

    Returns
    -------
    RunInfo
        The report's `run` object.
    """
    return RunInfo(
        run_id=run_id,
        strategy_name=result.spec.name,
        strategy_version=result.spec.version,
        symbol=result.symbol,
        start_date=start_date or result.bars.index[0],
        end_date=end_date or result.bars.index[-1],
        initial_capital=result.initial_capital,
        commission_per_contract=result.commission,
        slippage_pct=result.slippage,
        created_at=created_at,
        completed_at=completed_at,
        status=status,
    )


def _warnings(
    result: Result, min_trades_required: int, intrabar: IntrabarSection | None
) -> list[ReportWarning]:
    found = [
        ReportWarning(code=entry["code"], message=entry["message"]) for entry in result.warnings
    ]
    known = {entry.code for entry in found}
    trades = result.metrics.total_trades
    if trades < min_trades_required and "few_trades" not in known:
        counts = {0: "No trade was", 1: "Only one trade was"}
        count = counts.get(trades, f"Only {trades} trades were")
        message = f"{count} made, fewer than the {min_trades_required} that a verdict needs."
        found.append(ReportWarning(code="few_trades", message=message))
    if result.ruined and "ruined" not in known:
        equity = np.asarray(result.equity, dtype=np.float64)
        when = bar_text(result.bars.index[int(np.argmax(equity <= 0.0))])
        message = f"The account was lost at the close of {when}; nothing traded after."
        found.insert(0, ReportWarning(code="ruined", message=message))
    if intrabar is not None and result.ambiguity is not None and "ambiguous_bars" not in known:
        differs = len({each.verdict for each in intrabar.passes}) > 1
        told = result.ambiguity.warnings(verdict_differs=differs)
        found += [ReportWarning.model_validate(entry) for entry in told]
    return found


def _carry_section(result: Result) -> CarrySection | None:
    if result.carry is None:
        return None
    return CarrySection(
        trades=float(result.positions.closed.pnl.sum()),
        total=float(result.equity.iloc[-1]) - result.initial_capital,
        **result.carry,
    )


def _lookahead_section(result: Result) -> LookaheadSection | None:
    found = result.lookahead
    return None if found is None else LookaheadSection.model_validate(asdict(found))


_OF_OTHERS = (
    "symbol", "source", "description", "rows", "first", "last", "warmup_rows",
    "coverage", "gaps", "quality", "notes",
)  # fmt: skip


_OF_DETAIL = tuple(name for name in _OF_OTHERS if name not in {"symbol", "warmup_rows"})


def _detail_data(result: Result) -> DetailData | None:
    info = result.detail_data
    if info is None:
        return None
    return DetailData.model_validate(
        {name: getattr(info, name) for name in ("interval", *_OF_DETAIL)}
        | {"mismatches": result.detail_mismatch}
    )


def data_section(result: Result) -> DataSection:
    """Return what a run rests on, as its document has it."""
    data = result.data
    return DataSection(
        source=data.source,
        description=data.description,
        symbol=result.symbol,
        interval=result.interval,
        rows=data.rows,
        first=result.bars.index[0],
        last=result.bars.index[-1],
        coverage=data.coverage,
        gaps=[Gap.model_validate(gap) for gap in data.gaps],
        quality=data.quality,
        fallbacks=dict(result.fallbacks),
        warmup=WarmupSection.model_validate(result.warmup),
        notes=data.notes,
        format=data.format,
        others=[
            OtherData.model_validate(
                {name: getattr(info, name) for name in _OF_OTHERS}
                | {
                    "calendar": result.others[symbol].calendar,
                    "is_assumed": result.others[symbol].is_assumed,
                }
            )
            for symbol, info in result.other_data.items()
        ],
        detail=_detail_data(result),
    )


@dataclass(frozen=True)
class RunDocument:
    """A run as it is stored, loaded and drawn: the report and the two tables behind it.

    Parameters
    ----------
    report
        The JSON document.
    trades : DataFrame, shape (n_trades, n_columns)
        The closed trades in the order of exit.
    curve : DataFrame, shape (n_bars, 7 or more)
        By bar time: equity, cash and invested in $, and the open, high, low and close of the bars;
        ``benchmark``, its close, where a run is measured against another instrument, or against
        its own with the dividends paid since the first bar; ``risk_free``, the rate a year known
        before the bar, where the spec has one; ``interest``, ``borrow_fees`` and ``dividends``, in
        $ before the bar's fills, where the spec has any of them; and of a model run, beginning
        with ``model_``, what was decided.
    """

    report: Report
    trades: pd.DataFrame
    curve: pd.DataFrame

    @classmethod
    def from_result(cls, result: Result, report: Report) -> RunDocument:
        """Put a result and its report together.

        Parameters
        ----------
        result
            The result of a simulation.
        report
            The report that was built from it.

        Returns
        -------
        RunDocument
            The prices of its curve share the result's memory.
        """
        bars = result.bars
        columns = {
            "equity": result.equity,
            "cash": result.cash,
            "invested": result.invested,
            **{name: bars[name] for name in ("open", "high", "low", "close")},
        }
        if result.benchmark.bars is not None or result.benchmark.with_dividends:
            columns["benchmark"] = pd.Series(result.benchmark_closes, bars.index, copy=False)
        if result.risk_free is not None:
            columns["risk_free"] = pd.Series(result.risk_free, bars.index)
        if result.carry is not None:
            for item in (result.interest, result.borrow_fees, result.dividends):
                columns[str(item.name)] = item
        for name, values in REPORTS[result.spec.kind].columns(result).items():
            columns[name] = pd.Series(values, bars.index, copy=False)
        curve = pd.DataFrame(columns, copy=False).rename_axis("time")
        return cls(report=report, trades=result.trades.copy(), curve=curve)
