"""`walk_forward`: whether a rule still holds on bars that it was not chosen on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from btkit.data import DataInfo, LoadedBars, check_symbol
from btkit.data import load_bars as load_from_source
from btkit.errors import BtkitError, StoreError, UsageError
from btkit.metrics import TradeColumns, compute_metrics, json_number
from btkit.report import (
    MetricsSection,
    ReportWarning,
    RunDocument,
    RunInfo,
    bars_hash,
    build_provenance,
    build_report,
    gather_versions,
)
from btkit.report.walk_forward import WalkForwardReport, WindowSection
from btkit.runs.environment import read_settings
from btkit.runs.execute import WARMUP_BARS, begin
from btkit.runs.files import write_bytes, write_table
from btkit.runs.progress import Counting, Progress, Silent
from btkit.runs.requests import (
    Costs,
    SpecSource,
    check_costs,
    check_interval,
    check_range,
    check_source,
    parse_day,
    reads_iv,
    reads_vix,
    rule_spec,
    strategy_path,
)
from btkit.runs.run_request import RunRequest
from btkit.runs.sweep import usable_cores
from btkit.settings import Settings
from btkit.storage import Store

if TYPE_CHECKING:
    from btkit.simulation import Result
    from btkit.spec import StrategySpec
    from btkit.validation import ParameterSets
    from btkit.validation.windows import Window


@dataclass(frozen=True, eq=False)
class WalkForwardResult:
    """The outcome of a walk-forward validation.

    Parameters
    ----------
    report
        The document.
    in_sample, out_of_sample
        The runs of each window.
    curve : DataFrame
        The stitched out-of-sample curve by bar time: equity and benchmark in $, drawdown as a
        fraction, and the window. Each part goes on with what the one before left; no position
        crosses a boundary. The benchmark holds the instrument in the same stretches.
    """

    report: WalkForwardReport
    in_sample: list[Result]
    out_of_sample: list[Result]
    curve: pd.DataFrame

    @property
    def passed(self) -> bool:
        """Whether the average efficiency is at least 0.70."""
        return self.report.passed

    @property
    def windows(self) -> pd.DataFrame:
        """One row a window."""
        return pd.DataFrame([window.model_dump() for window in self.report.windows])

    def __repr__(self) -> str:
        return self.report.verdict


@dataclass(frozen=True)
class _Plan:
    """What is asked, checked before bars are loaded."""

    spec: StrategySpec
    costs: Costs
    windows: int
    is_ratio: float
    scheme: Any
    sets: ParameterSets | None
    optimized: dict[str, list[int | float]]
    constraint: str | None
    objective: str
    settings: Settings
    path: str | None


def walk_forward(  # noqa: PLR0913 - the data, the costs and the windows, each with its default
    spec: SpecSource,
    symbol: str | pd.DataFrame,
    start: date | str | None = None,
    end: date | str | None = None,
    *,
    windows: int = 3,
    is_ratio: float = 0.70,
    scheme: str = "rolling",
    optimize: Mapping[str, Iterable[int | float]] | None = None,
    constraint: str | None = None,
    objective: str = "sharpe_ratio",
    max_sets: int = 1_000_000,
    capital: float | None = None,
    commission: float | None = None,
    slippage: float | None = None,
    interval: str = "1d",
    source: str | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> WalkForwardResult:
    """Run a strategy in and out of sample, window by window (SEMANTICS 6).

    Parameters
    ----------
    spec, symbol, start, end, capital, commission, slippage, interval, source, settings, progress
        As for `run`. Each part is a stored run; with a DataFrame for the symbol nothing is loaded
        and nothing stored.
    windows, is_ratio, scheme
        As for `make_windows`: ``"rolling"``, ``"anchored"`` or ``"disjoint"``.
    optimize
        The values of parameters among which each in-sample part chooses; only the out-of-sample
        part is scored with its choice. None runs the spec as it is.
    constraint, max_sets
        As for `sweep`.
    objective
        What the choice goes by, among sets with BT_MIN_TRADES_REQUIRED trades in sample.

    Returns
    -------
    WalkForwardResult
        `report`, the runs, and the stitched out-of-sample curve.

    Raises
    ------
    SpecError, UsageError
        If the spec or an argument makes no sense, or a part would hold fewer than 30 bars.
    NoDataError, DataError, SourceError, StoreError
        If bars cannot be had or a run not be stored.

    Examples
    --------
    >>> result = walk_forward("strategies/spy_momentum_v1.json", "SPX", "2005-01-01", "2018-12-31",
    ...                       source="sample")  # doctest: +SKIP
    >>> result.report.avg_efficiency  # doctest: +SKIP
    """
    observer = progress or Silent()
    plan = _ask(
        spec, windows=windows, is_ratio=is_ratio, scheme=scheme, optimize=optimize,
        constraint=constraint, objective=objective, max_sets=max_sets, capital=capital,
        commission=commission, slippage=slippage,
        settings=read_settings() if settings is None else settings,
    )  # fmt: skip
    if isinstance(symbol, pd.DataFrame):
        loaded = _given(symbol, start, end)
        return _walk(plan, loaded, None, observer)
    begin_day, end_day = check_range(start, end)
    with observer.stage("load bars") as note:
        loaded = load_from_source(
            check_symbol(symbol),
            begin_day,
            end_day,
            interval=check_interval(interval),
            settings=plan.settings,
            source=check_source(source),
            warmup=WARMUP_BARS,
            needs_iv=reads_iv(plan.spec),
            needs_vix=reads_vix(plan.spec),
            calendar=plan.spec.calendar,
        )
        note(f"{loaded.info.rows:,} bars of {loaded.info.symbol} from {loaded.info.source}")
    return _walk(plan, loaded, (begin_day, end_day), observer)


def load_walk_forward(
    walk_forward_id: str, *, settings: Settings | None = None
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return the document and the stitched curve of a stored walk-forward validation.

    Parameters
    ----------
    walk_forward_id
        As in the document.
    settings
        None reads the BT_* environment.

    Raises
    ------
    StoreError
        If there is none, or it cannot be read.
    """
    from btkit.runs.sweep import load_sweep  # noqa: PLC0415 - the same two files

    return load_sweep(walk_forward_id, settings=settings)


def _ask(  # noqa: PLR0913 - as `walk_forward`
    spec: SpecSource,
    *,
    windows: int,
    is_ratio: float,
    scheme: str,
    optimize: Mapping[str, Iterable[int | float]] | None,
    constraint: str | None,
    objective: str,
    max_sets: int,
    capital: float | None,
    commission: float | None,
    slippage: float | None,
    settings: Settings,
) -> _Plan:
    from btkit.validation import check_axes, check_objective, make_grid  # noqa: PLC0415 - numba
    from btkit.validation.windows import check_scheme, check_windows  # noqa: PLC0415 - likewise

    rules = rule_spec(spec, settings=settings)
    costs = check_costs(
        rules, capital=capital, commission=commission, slippage=slippage, settings=settings
    )
    check_windows(windows, is_ratio)
    axes = check_axes(rules, optimize) if optimize else {}
    if constraint and not axes:
        raise UsageError(
            "A constraint needs parameters that are optimised.",
            hint="Name them, such as --optimize fast=5:50:5.",
        )
    return _Plan(
        spec=rules,
        costs=costs,
        windows=windows,
        is_ratio=is_ratio,
        scheme=check_scheme(scheme),
        sets=make_grid(axes, constraint=constraint, max_sets=max_sets) if axes else None,
        optimized=axes,
        constraint=constraint,
        objective=check_objective(objective),
        settings=settings,
        path=strategy_path(spec),
    )


def _given(bars: pd.DataFrame, start: date | str | None, end: date | str | None) -> LoadedBars:
    zone = pd.DatetimeIndex(bars.index).tz
    last = None if end is None else parse_day(end, name="end")
    within = bars
    if last is not None:
        within = bars[bars.index < pd.Timestamp(last, tz=zone) + pd.Timedelta(days=1)]
    if within.empty:
        raise UsageError(
            "The bars that were handed over have none in the range asked for.",
            hint="Compare start and end with the first and the last bar.",
        )
    first = within.index[0]
    if start is not None:
        asked = pd.Timestamp(parse_day(start, name="start"), tz=zone)
        first = within.index[min(int(within.index.searchsorted(asked)), len(within) - 1)]
    info = within.attrs.get("btkit")
    known = (
        DataInfo.model_validate(info)
        if info is not None
        else DataInfo(
            source="dataframe", symbol="", interval="", description="", rows=len(within), first="",
            last="", coverage="complete", gaps=[], quality=[], notes=[], warmup_rows=0,
        )
    )  # fmt: skip
    return LoadedBars(within, known, first)


def _walk(
    plan: _Plan,
    loaded: LoadedBars,
    asked: tuple[date, date] | None,
    progress: Progress,
) -> WalkForwardResult:
    from btkit.validation.windows import efficiency_of, make_windows  # noqa: PLC0415 - numba

    index = pd.DatetimeIndex(loaded.bars.index)
    offset = int(index.searchsorted(loaded.start))
    made = make_windows(
        len(index) - offset, windows=plan.windows, is_ratio=plan.is_ratio, scheme=plan.scheme
    )
    store = None if asked is None else Store.from_settings(plan.settings)
    sections: list[WindowSection] = []
    inside: list[Result] = []
    outside: list[Result] = []
    warnings: list[ReportWarning] = []
    for window in made:
        with progress.stage(f"window {window.index + 1}") as note:
            part = _slice(loaded, offset + window.is_first, offset + window.is_last)
            spec, chosen_from, few = _choose(plan, part, progress)
            first = _run_part(plan, spec, part, store)
            part = _slice(loaded, offset + window.oos_first, offset + window.oos_last)
            second = _run_part(plan, spec, part, store, is_sharpe=first.metrics.sharpe_ratio)
            inside.append(first)
            outside.append(second)
            efficiency = efficiency_of(first.metrics.sharpe_ratio, second.metrics.sharpe_ratio)
            sections.append(_section(window, spec, first, second, efficiency, chosen_from))
            if few:
                warnings.append(_few(window, first, plan.settings.min_trades_required))
            note(
                f"Sharpe {sections[-1].is_sharpe:.2f} in, {sections[-1].oos_sharpe:.2f} out of "
                "sample"
            )
    curve = _stitch(outside, plan.costs.capital)
    return _conclude(plan, loaded, asked, sections, inside, outside, curve, warnings)


def _slice(loaded: LoadedBars, first: int, last: int) -> LoadedBars:
    """Return some bars as a load of just their range would."""
    begin_at = max(0, first - WARMUP_BARS)
    bars = loaded.bars.iloc[begin_at : last + 1].copy()
    index = pd.DatetimeIndex(loaded.bars.index)
    begins, ends = _text(index[first]), _text(index[last])
    gaps = [gap for gap in loaded.info.gaps if gap["end"] >= begins and gap["start"] <= ends]
    info = loaded.info.model_copy(
        update={
            "rows": last - first + 1,
            "first": begins,
            "last": ends,
            "gaps": gaps,
            "coverage": "partial" if gaps else "complete",
            "warmup_rows": first - begin_at,
        }
    )
    if "btkit" in loaded.bars.attrs:
        bars.attrs["btkit"] = info.model_dump()
    return LoadedBars(bars, info, index[first])


def _text(time: pd.Timestamp) -> str:
    return time.date().isoformat() if time.tzinfo is None else time.isoformat()


def _choose(plan: _Plan, part: LoadedBars, progress: Progress) -> tuple[StrategySpec, int, bool]:
    """Return the spec to run, how many sets it was chosen from, and whether trades were few."""
    if plan.sets is None:
        return plan.spec, 0, False
    from btkit.engine.measure import METRIC_NAMES  # noqa: PLC0415 - brings numba
    from btkit.validation import prepare, rank_sets, with_parameters  # noqa: PLC0415 - likewise

    sweeper = prepare(
        plan.spec,
        part.bars,
        plan.sets,
        capital=plan.costs.capital,
        commission=plan.costs.commission,
        slippage=plan.costs.slippage,
        start=part.start,
        threads=usable_cores(),
    )
    total = len(plan.sets)

    def told(first: int, rows: np.ndarray[Any, Any]) -> None:
        if isinstance(progress, Counting):
            progress.count(first + len(rows), total, "sets")

    rows = sweeper.measure(plan.sets, on_chunk=told)
    minimum = plan.settings.min_trades_required
    best = int(rank_sets(rows, objective=plan.objective, min_trades=minimum)[0])
    few = bool(rows[best, METRIC_NAMES.index("total_trades")] < minimum)
    return with_parameters(plan.spec, plan.sets.at(best)), len(plan.sets), few


def _run_part(
    plan: _Plan,
    spec: StrategySpec,
    part: LoadedBars,
    store: Store | None,
    *,
    is_sharpe: float | None = None,
) -> Result:
    """Simulate one part and store it; an out-of-sample one says what it is compared with."""
    from btkit.simulation import simulate  # noqa: PLC0415 - brings numba

    info = None if store is None else begin(store, _request(plan, spec, part))
    try:
        result = simulate(
            spec,
            part.bars,
            capital=plan.costs.capital,
            commission=plan.costs.commission,
            slippage=plan.costs.slippage,
            start=part.start,
        )
        if is_sharpe is not None:
            result = _with_comparison(result, is_sharpe)
        if store is None or info is None:
            return result
        return _store_part(plan, result, part, info, store)
    except BaseException as error:
        if store is not None and info is not None:
            _mark_failed(store, str(info.run_id), error)
        raise


def _with_comparison(result: Result, is_sharpe: float) -> Result:
    from btkit.validation.windows import efficiency_of  # noqa: PLC0415 - brings numba

    compared = {
        "is_sharpe": is_sharpe,
        "oos_sharpe": result.metrics.sharpe_ratio,
        "walk_forward_efficiency": efficiency_of(is_sharpe, result.metrics.sharpe_ratio),
    }
    return replace(result, metrics=result.metrics.model_copy(update=compared))


def _request(plan: _Plan, spec: StrategySpec, part: LoadedBars) -> RunRequest:
    last = pd.DatetimeIndex(part.bars.index)[-1]
    source = check_source(part.info.source)
    assert source is not None
    return RunRequest(
        spec=spec,
        symbol=part.info.symbol,
        start=part.start.date(),
        end=last.date(),
        interval=part.info.interval,
        source=source,
        costs=plan.costs,
        path=plan.path if spec is plan.spec else None,
        min_trades_required=plan.settings.min_trades_required,
    )


def _store_part(
    plan: _Plan, result: Result, part: LoadedBars, info: RunInfo, store: Store
) -> Result:
    finished = RunInfo.model_validate(
        {**info.model_dump(), "status": "complete", "completed_at": datetime.now(UTC)}
    )
    report = build_report(
        result,
        finished,
        min_trades_required=plan.settings.min_trades_required,
        provenance=build_provenance(
            result, versions=gather_versions(), command=_command(plan, result, part)
        ),
    )
    store.complete(RunDocument.from_result(result, report))
    return replace(result, run_id=str(info.run_id))


def _command(plan: _Plan, result: Result, part: LoadedBars) -> list[str] | None:
    if plan.path is None or result.spec is not plan.spec:
        return None
    last = pd.DatetimeIndex(part.bars.index)[-1]
    return [
        "backtest", "run", "--strategy", plan.path, "--symbol", part.info.symbol,
        "--start", part.start.date().isoformat(), "--end", last.date().isoformat(),
        "--capital", repr(plan.costs.capital), "--commission", repr(plan.costs.commission),
        "--slippage", repr(plan.costs.slippage), "--interval", part.info.interval,
        "--source", part.info.source,
    ]  # fmt: skip


def _mark_failed(store: Store, run_id: str, error: BaseException) -> None:
    if isinstance(error, BtkitError):
        error.details.setdefault("run_id", run_id)
    try:
        store.fail(
            run_id,
            error_message=f"{type(error).__name__}: {error}",
            completed_at=datetime.now(UTC),
        )
    except StoreError as second:
        # The first error is the cause; that its row could not be closed is a remark on it.
        error.add_note(f"Run {run_id} could not be marked as failed: {second.message}")


def _section(
    window: Window,
    spec: StrategySpec,
    first: Result,
    second: Result,
    efficiency: float | None,
    chosen_from: int,
) -> WindowSection:
    return WindowSection(
        window_index=window.index,
        is_start=first.bars.index[0],
        is_end=first.bars.index[-1],
        oos_start=second.bars.index[0],
        oos_end=second.bars.index[-1],
        is_run_id=first.run_id,
        oos_run_id=second.run_id,
        is_sharpe=json_number(first.metrics.sharpe_ratio),
        oos_sharpe=json_number(second.metrics.sharpe_ratio),
        efficiency=efficiency,
        is_bars=len(first.bars),
        oos_bars=len(second.bars),
        is_trades=first.metrics.total_trades,
        oos_trades=second.metrics.total_trades,
        is_return_pct=first.metrics.total_return_pct,
        oos_return_pct=second.metrics.total_return_pct,
        parameters=dict(spec.parameters),
        sets_tried=chosen_from,
    )


def _few(window: Window, first: Result, minimum: int) -> ReportWarning:
    trades = first.metrics.total_trades
    return ReportWarning(
        code="few_trades",
        message=f"In window {window.index + 1} no set made {minimum} trades in sample; the one "
        f"chosen made {trades}.",
    )


def _carried(sections: list[WindowSection], needed: float) -> list[ReportWarning]:
    """Warn where the average passes because of one window alone."""
    efficiencies = [section.efficiency or 0.0 for section in sections]
    others = (sum(efficiencies) - max(efficiencies)) / (len(efficiencies) - 1)
    if others >= needed:
        return []
    best = sections[efficiencies.index(max(efficiencies))].window_index + 1
    kept = f"{100 * others:.0f} %".replace("-", "−")
    return [
        ReportWarning(
            code="one_window",
            message=f"Window {best} alone carries the average: the others kept {kept} of their "
            "in-sample Sharpe ratio.",
        )
    ]


def _stitch(parts: list[Result], capital: float) -> pd.DataFrame:
    frames = []
    equity, benchmark = capital, capital
    for index, part in enumerate(parts):
        own = part.equity.to_numpy() / part.initial_capital * equity
        prices = part.bars["close"].to_numpy()
        held = prices / float(part.bars["open"].iloc[0]) * benchmark
        frames.append(
            pd.DataFrame({"equity": own, "benchmark": held, "window": index}, index=part.bars.index)
        )
        equity, benchmark = float(own[-1]), float(held[-1])
    curve = pd.concat(frames).rename_axis("time")
    peak = np.maximum(np.maximum.accumulate(curve["equity"].to_numpy()), capital)
    return curve.assign(drawdown=curve["equity"].to_numpy() / peak - 1.0)


def _stitched_metrics(parts: list[Result], curve: pd.DataFrame, capital: float) -> MetricsSection:
    def joined(name: str) -> np.ndarray[Any, Any]:
        return np.concatenate([part.trades[name].to_numpy() for part in parts])

    def times(name: str) -> np.ndarray[Any, Any]:
        found = [pd.DatetimeIndex(part.trades[name]).tz_localize(None) for part in parts]
        return np.concatenate([index.to_numpy(dtype="datetime64[ns]") for index in found])

    metrics = compute_metrics(
        curve["equity"].to_numpy(),
        pd.DatetimeIndex(curve.index),
        initial_capital=capital,
        bars_per_year=parts[0].bars_per_year,
        trades=TradeColumns(
            joined("pnl"), joined("return_pct"), times("entry_date"), times("exit_date")
        ),
        ruined=bool(curve["equity"].iloc[-1] <= 0.0),
    )
    return MetricsSection(run_id=None, **metrics.to_json_values())


def _conclude(
    plan: _Plan,
    loaded: LoadedBars,
    asked: tuple[date, date] | None,
    sections: list[WindowSection],
    inside: list[Result],
    outside: list[Result],
    curve: pd.DataFrame,
    warnings: list[ReportWarning],
) -> WalkForwardResult:
    from btkit.validation.windows import (  # noqa: PLC0415 - brings numba
        EFFICIENCY_NEEDED,
        average_efficiency,
    )

    average = average_efficiency([section.efficiency for section in sections])
    if average >= EFFICIENCY_NEEDED and len(sections) > 1:
        warnings += _carried(sections, EFFICIENCY_NEEDED)
    is_mean = float(np.mean([section.is_sharpe for section in sections]))
    oos_mean = float(np.mean([section.oos_sharpe for section in sections]))
    stitched = _stitched_metrics(outside, curve, plan.costs.capital)
    passed = average >= EFFICIENCY_NEEDED
    known_id = None if asked is None else _fingerprint(plan, outside, loaded)
    folder = plan.settings.report_dir.expanduser().absolute()
    index = pd.DatetimeIndex(loaded.bars.index)
    report = WalkForwardReport(
        walk_forward_id=known_id,
        strategy_name=plan.spec.name,
        strategy_version=plan.spec.version,
        symbol=loaded.info.symbol or None,
        start_date=loaded.start if asked is None else asked[0],
        end_date=index[-1] if asked is None else asked[1],
        scheme=plan.scheme,
        is_ratio=plan.is_ratio,
        objective=plan.objective,
        optimized=plan.optimized,
        constraint=plan.constraint,
        windows=sections,
        avg_efficiency=average,
        avg_oos_sharpe=oos_mean,
        avg_is_sharpe=is_mean,
        stitched_efficiency=stitched.sharpe_ratio / is_mean if is_mean > 0.0 else None,
        stitched=stitched,
        passed=passed,
        verdict=_verdict(sections, average, passed=passed),
        curve_url=None if known_id is None else (folder / f"{known_id}.parquet").as_uri(),
        warnings=warnings,
    )
    if known_id is not None:
        write_table(folder / f"{known_id}.parquet", curve)
        write_bytes(folder / f"{known_id}.json", report.to_json().encode() + b"\n")
    return WalkForwardResult(report, inside, outside, curve)


def _verdict(sections: list[WindowSection], average: float, *, passed: bool) -> str:
    losing = [section for section in sections if section.efficiency is None]
    kept = [section for section in sections if (section.efficiency or 0.0) >= 0.7]  # noqa: PLR2004 - as the bound
    reason = (
        f"on average {100 * average:.0f} % of the in-sample Sharpe ratio was left out of sample "
        f"(needs 70 %), {len(kept)} of {len(sections)} windows kept as much"
    )
    if losing:
        many = "window has" if len(losing) == 1 else "windows have"
        reason += (
            f"; {len(losing)} {many} no in-sample Sharpe ratio above 0, which counts as none left"
        )
    return f"{'Passed' if passed else 'Failed'}: {reason}."


def _fingerprint(plan: _Plan, outside: list[Result], loaded: LoadedBars) -> str:
    asked = {
        "spec": plan.spec.model_dump(mode="json"),
        "windows": [plan.windows, plan.is_ratio, plan.scheme],
        "optimized": plan.optimized,
        "constraint": plan.constraint,
        "objective": plan.objective,
        "costs": [plan.costs.capital, plan.costs.commission, plan.costs.slippage],
        "bars": bars_hash(loaded.bars),
        "runs": [result.run_id for result in outside],
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
