"""`sweep`: load, try every set of parameters, keep what is done, tell the truth about the best."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from btkit.data import check_symbol, load_bars
from btkit.errors import NoDataError, StoreError, UsageError
from btkit.runs.environment import read_settings
from btkit.runs.execute import WARMUP_BARS
from btkit.runs.files import make_folder, write_bytes, write_table
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
)
from btkit.settings import Settings

if TYPE_CHECKING:
    from btkit.report.sweeps import SweepReport
    from btkit.spec import StrategySpec
    from btkit.validation import Overfitting, ParameterSets, Sweeper, SweepResult

METHODS = ("grid", "random", "optuna")
TOP = 10
"""Best sets that the document lists and that get a spec file each."""

_KEEP_EVERY_S = 2.0


@dataclass(frozen=True)
class _Question:
    """What is asked, checked before anything is loaded."""

    spec: StrategySpec
    axes: dict[str, list[int | float]]
    sets: ParameterSets | None
    objective: str
    method: str
    constraint: str | None
    samples: int
    seed: int
    costs: Costs
    threads: int


def sweep(  # noqa: PLR0913 - the data, the costs and the search, each with its default
    spec: SpecSource,
    symbol: str | pd.DataFrame,
    start: date | str | None = None,
    end: date | str | None = None,
    *,
    parameters: Mapping[str, Iterable[int | float]],
    constraint: str | None = None,
    method: str = "grid",
    objective: str = "sharpe_ratio",
    samples: int = 1_000,
    seed: int = 0,
    capital: float | None = None,
    commission: float | None = None,
    slippage: float | None = None,
    interval: str = "1d",
    source: str | None = None,
    max_sets: int = 1_000_000,
    threads: int | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> SweepResult:
    """Simulate a strategy with many sets of parameters.

    Parameters
    ----------
    spec
        A `StrategySpec`, or what `load_spec` takes, with the parameters that are to be varied.
    symbol, start, end, capital, commission, slippage, interval, source, settings, progress
        As for `run`. With a DataFrame for the symbol nothing is loaded and nothing stored.
    parameters
        The values of each parameter, such as ``{"fast": range(5, 50, 5)}``.
    constraint
        An expression over these parameters in the grammar of conditions, such as
        ``"fast < slow"``; sets at which it does not hold are not tried.
    method
        ``"grid"`` tries every combination, ``"random"`` some of them, ``"optuna"`` those that its
        sampler proposes.
    objective
        The metric that makes a set the best, among those with BT_MIN_TRADES_REQUIRED trades.
    samples
        How many sets ``random`` and ``optuna`` try.
    seed
        Of their draws.
    max_sets
        A grid with more sets, the constraint not yet applied, is refused.
    threads
        None takes as many as the process may use. The results do not depend on it.

    Returns
    -------
    SweepResult
        `table`, one row a set; `best`, `top`, `run`, and `overfitting`, which says how much of the
        best set's result is luck.

    Raises
    ------
    SpecError
        If the spec is refused, with any set's values.
    UsageError
        If a parameter, the constraint or another argument makes no sense.
    NoDataError, DataError, SourceError, StoreError
        If bars cannot be had or the table not be written.

    Examples
    --------
    >>> result = sweep("strategies/golden_cross.yaml", "SPX", "2005-01-01", "2018-12-31",
    ...                parameters={"fast": range(10, 60, 10), "slow": [100, 200]},
    ...                source="sample")  # doctest: +SKIP
    >>> result.best, result.overfitting().deflated  # doctest: +SKIP
    """
    known = read_settings() if settings is None else settings
    observer = progress or Silent()
    question = _ask(
        spec, parameters, constraint=constraint, method=method, objective=objective,
        samples=samples, seed=seed, max_sets=max_sets, threads=threads, settings=known,
        capital=capital, commission=commission, slippage=slippage,
    )  # fmt: skip
    if isinstance(symbol, pd.DataFrame):
        bars, first = _given(symbol, start, end)
        return _search(question, bars, first, settings=known, progress=observer, folder=None)
    begin, last = check_range(start, end)
    with observer.stage("load bars") as note:
        loaded = load_bars(
            check_symbol(symbol),
            begin,
            last,
            interval=check_interval(interval),
            settings=known,
            source=check_source(source),
            warmup=WARMUP_BARS,
            needs_iv=reads_iv(question.spec),
            needs_vix=reads_vix(question.spec),
            calendar=question.spec.calendar,
        )
        note(f"{loaded.info.rows:,} bars of {loaded.info.symbol} from {loaded.info.source}")
    folder = known.report_dir.expanduser().absolute()
    return _search(
        question, loaded.bars, loaded.start, settings=known, progress=observer, folder=folder
    )


def describe_sweep(
    result: SweepResult,
    *,
    start: date | str | None = None,
    end: date | str | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> SweepReport:
    """Return the document of a sweep, the statistics of overfitting included.

    Parameters
    ----------
    result
        What `sweep` returned. If its table was stored, the document and the specs of the best
        sets are stored beside it.
    start, end
        The range as requested.
    settings
        None reads the BT_* environment.
    progress
        Told of the stage.

    Raises
    ------
    StoreError
        If a file cannot be written.
    """
    from btkit.report import gather_versions  # noqa: PLC0415 - as `sweep`
    from btkit.report.sweeps import build_sweep_report  # noqa: PLC0415 - as `sweep`

    known = read_settings() if settings is None else settings
    observer = progress or Silent()
    with observer.stage("overfitting") as note:
        sets = len(result.sets)
        found = result.overfitting(
            on_chunk=lambda first, rows: _count(observer, first + len(rows), sets)
        )
        note(_in_words(found))
    commands = _rerun_commands(result, known, start, end)
    report = build_sweep_report(
        result,
        found,
        created_at=datetime.now(UTC).isoformat(),
        start_date=None if start is None else parse_day(start, name="start").isoformat(),
        end_date=None if end is None else parse_day(end, name="end").isoformat(),
        table_url=Path(result.files["table"]).as_uri() if "table" in result.files else None,
        commands=commands,
        versions=gather_versions(),
    )
    if result.sweep_id is not None:
        folder = known.report_dir.expanduser().absolute()
        write_bytes(folder / f"{result.sweep_id}.json", report.to_json().encode() + b"\n")
    return report


def load_sweep(
    sweep_id: str, *, settings: Settings | None = None
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return the document and the table of a stored sweep.

    Parameters
    ----------
    sweep_id
        As in the document.
    settings
        None reads the BT_* environment.

    Raises
    ------
    StoreError
        If there is no such sweep, or it cannot be read.
    """
    known = read_settings() if settings is None else settings
    folder = known.report_dir.expanduser().absolute()
    if not sweep_id.isalnum():
        raise UsageError(f"{sweep_id!r} is not the id of a sweep.")
    try:
        document = json.loads((folder / f"{sweep_id}.json").read_text(encoding="utf-8"))
        return document, pd.read_parquet(folder / f"{sweep_id}.parquet")
    except (OSError, ValueError) as error:
        raise StoreError(
            f"The sweep {sweep_id} cannot be read from {folder}: {error}.",
            hint="BT_REPORT_DIR names the folder that sweeps are stored in.",
            details={"sweep_id": sweep_id, "folder": str(folder)},
        ) from error


def _ask(  # noqa: PLR0913 - as `sweep`
    spec: SpecSource,
    parameters: Mapping[str, Iterable[int | float]],
    *,
    constraint: str | None,
    method: str,
    objective: str,
    samples: int,
    seed: int,
    max_sets: int,
    threads: int | None,
    settings: Settings,
    capital: float | None,
    commission: float | None,
    slippage: float | None,
) -> _Question:
    from btkit.validation import (  # noqa: PLC0415 - brings numba
        check_axes,
        check_objective,
        make_grid,
        sample_grid,
        with_parameters,
    )

    rules = rule_spec(spec, settings=settings)
    costs = check_costs(
        rules, capital=capital, commission=commission, slippage=slippage, settings=settings
    )
    if method not in METHODS:
        raise UsageError(
            f"There is no method {method!r}.",
            hint=f"Choose one of {' '.join(METHODS)}.",
            details={"argument": "method", "received": method},
        )
    for name, value in (("samples", samples), ("max_sets", max_sets), ("threads", threads or 1)):
        if value < 1:
            raise UsageError(
                f"{name} is {value}; it must be at least 1.", details={"argument": name}
            )
    if method != "grid" and samples > max_sets:
        raise UsageError(
            f"{samples:,} samples are more than the {max_sets:,} sets allowed.",
            hint="Take fewer samples, or raise --max-sets.",
        )
    axes = check_axes(rules, parameters)
    sets: ParameterSets | None = None
    if method == "grid":
        sets = make_grid(axes, constraint=constraint, max_sets=max_sets)
    elif method == "random":
        sets = sample_grid(axes, count=samples, seed=seed, constraint=constraint)
    else:
        # A bad constraint or value must not wait until bars are loaded.
        sample_grid(axes, count=1, seed=seed, constraint=constraint)
    if sets is not None:
        with_parameters(rules, sets.at(0))
    return _Question(
        spec=rules,
        axes=axes,
        sets=sets,
        objective=check_objective(objective),
        method=method,
        constraint=constraint,
        samples=samples,
        seed=seed,
        costs=costs,
        threads=threads or usable_cores(),
    )


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _given(
    bars: pd.DataFrame, start: date | str | None, end: date | str | None
) -> tuple[pd.DataFrame, pd.Timestamp | None]:
    first = None if start is None else parse_day(start, name="start")
    last = None if end is None else parse_day(end, name="end")
    if first is not None and last is not None:
        check_range(first, last)
    within = bars
    if last is not None:
        zone = pd.DatetimeIndex(bars.index).tz
        within = bars[bars.index < pd.Timestamp(last, tz=zone) + pd.Timedelta(days=1)]
    if within.empty:
        raise NoDataError(
            "The bars that were handed over have none in the range asked for.",
            hint="Compare start and end with the first and the last bar.",
            details={"rows": len(bars)},
        )
    return within, None if first is None else pd.Timestamp(first)


def _search(
    question: _Question,
    bars: pd.DataFrame,
    start: pd.Timestamp | None,
    *,
    settings: Settings,
    progress: Progress,
    folder: Path | None,
) -> SweepResult:
    from btkit.validation import SweepResult, prepare  # noqa: PLC0415 - brings numba
    from btkit.validation.grid import decode  # noqa: PLC0415 - likewise

    probe = question.sets
    if probe is None:
        probe = decode(question.axes, np.zeros(1, np.int64))
    sweeper = prepare(
        question.spec,
        bars,
        probe,
        capital=question.costs.capital,
        commission=question.costs.commission,
        slippage=question.costs.slippage,
        start=start,
        threads=question.threads,
    )
    minimum = settings.min_trades_required
    sweep_id = None if folder is None else _fingerprint(question, sweeper)
    parts = None if folder is None else _Parts(folder / f".{sweep_id}.parts")
    began = time.perf_counter()
    with progress.stage("sweep") as note:
        if question.sets is None:
            sets, rows = _propose(question, sweeper, minimum, progress)
        else:
            sets, rows = question.sets, _measure(question.sets, sweeper, parts, progress)
        seconds = time.perf_counter() - began
        note(
            f"{len(sets):,} sets in {seconds:.1f} s, {len(sets) / max(seconds, 1e-9):,.0f} a second"
        )
    result = SweepResult(
        spec=question.spec,
        sets=sets,
        rows=rows,
        objective=question.objective,
        min_trades=minimum,
        sweeper=sweeper,
        method=question.method,
        constraint=question.constraint,
        sweep_id=sweep_id,
    )
    if folder is None or parts is None:
        return result
    path = folder / f"{sweep_id}.parquet"
    write_table(path, result.table)
    parts.remove()
    return replace(result, files={"table": str(path)})


def _propose(
    question: _Question, sweeper: Sweeper, minimum: int, progress: Progress
) -> tuple[ParameterSets, Any]:
    from btkit.validation.search import search  # noqa: PLC0415 - brings numba

    return search(
        sweeper,
        question.axes,
        count=question.samples,
        objective=question.objective,
        min_trades=minimum,
        constraint=question.constraint,
        seed=question.seed,
        on_chunk=lambda first, rows: _count(progress, first + len(rows), question.samples),
    )


def _measure(
    sets: ParameterSets, sweeper: Sweeper, parts: _Parts | None, progress: Progress
) -> np.ndarray[Any, Any]:
    """Measure what no earlier attempt has; whatever stops it, what is done is kept."""
    if parts is None:
        return sweeper.measure(
            sets, on_chunk=lambda first, rows: _count(progress, first + len(rows), len(sets))
        )
    done, table = parts.read(len(sets))
    left = np.flatnonzero(~done)
    if not left.size:
        return table

    def keep(first: int, rows: np.ndarray[Any, Any]) -> None:
        which = left[first : first + len(rows)]
        table[which] = rows
        parts.add(which, rows)
        _count(progress, len(sets) - len(left) + first + len(rows), len(sets))

    try:
        sweeper.measure(sets.take(left), on_chunk=keep)
    except BaseException as error:
        parts.flush()
        error.add_note(
            f"{int(parts.read(len(sets))[0].sum()):,} of {len(sets):,} sets are kept; the same "
            "command goes on with the others."
        )
        raise
    return table


def _count(progress: Progress, done: int, total: int) -> None:
    if isinstance(progress, Counting):
        progress.count(done, total, "sets")


class _Parts:
    """Finished sets of a sweep that is not, in files beside the table to be."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._which: list[np.ndarray[Any, Any]] = []
        self._rows: list[np.ndarray[Any, Any]] = []
        self._flushed_at = time.perf_counter()

    def read(self, sets: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        from btkit.engine.measure import METRIC_NAMES  # noqa: PLC0415 - brings numba

        done = np.zeros(sets, np.bool_)
        table = np.empty((sets, len(METRIC_NAMES)))
        for path in sorted(self.folder.glob("*.parquet")):
            try:
                part = pd.read_parquet(path)
                which = part.pop("set").to_numpy(np.int64)
                table[which] = part[list(METRIC_NAMES)].to_numpy(np.float64)
            except (OSError, ValueError, KeyError, IndexError):
                # Torn or not ours: those sets are simulated again.
                continue
            done[which] = True
        return done, table

    def add(self, which: np.ndarray[Any, Any], rows: np.ndarray[Any, Any]) -> None:
        self._which.append(which)
        self._rows.append(rows.copy())
        if time.perf_counter() - self._flushed_at > _KEEP_EVERY_S:
            self.flush()

    def flush(self) -> None:
        from btkit.engine.measure import METRIC_NAMES  # noqa: PLC0415 - brings numba

        if not self._which:
            return
        which = np.concatenate(self._which)
        frame = pd.DataFrame(np.concatenate(self._rows), columns=list(METRIC_NAMES))
        frame.insert(0, "set", which)
        make_folder(self.folder)
        write_table(self.folder / f"{which[0]:012d}.parquet", frame)
        self._which, self._rows = [], []
        self._flushed_at = time.perf_counter()

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def _fingerprint(question: _Question, sweeper: Sweeper) -> str:
    """Return an id that is the same for the same question about the same bars."""
    from btkit.report import bars_hash, gather_versions  # noqa: PLC0415 - as `sweep`

    first = sweeper.first
    asked = {
        "version": gather_versions()["btkit"],
        "spec": question.spec.model_dump(mode="json"),
        "axes": question.axes,
        "constraint": question.constraint,
        "method": [question.method, question.samples, question.seed]
        if question.method != "grid"
        else ["grid"],
        "objective": question.objective,
        "costs": [question.costs.capital, question.costs.commission, question.costs.slippage],
        "bars": bars_hash(first.all_bars),
        "start": first.outcome.start,
    }
    text = json.dumps(asked, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _rerun_commands(
    result: SweepResult,
    settings: Settings,
    start: date | str | None,
    end: date | str | None,
) -> list[list[str] | None]:
    """Write a spec file for each of the best sets, and return the commands that run them."""
    count = min(TOP, len(result.sets))
    info = result.sweeper.first.info
    if result.sweep_id is None or info is None or start is None or end is None:
        return [None] * count
    from btkit.validation import with_parameters  # noqa: PLC0415 - brings numba

    folder = settings.report_dir.expanduser().absolute() / f"{result.sweep_id}-top"
    make_folder(folder)
    first = result.sweeper.first
    commands: list[list[str] | None] = []
    for rank, place in enumerate(result.order[:count].tolist(), start=1):
        spec = with_parameters(result.spec, result.sets.at(place))
        file = folder / f"rank-{rank:02d}.json"
        text = json.dumps(spec.model_dump(mode="json", exclude_none=True), indent=2)
        write_bytes(file, text.encode() + b"\n")
        commands.append(
            [
                "backtest", "run", "--strategy", str(file), "--symbol", info.symbol,
                "--start", parse_day(start, name="start").isoformat(),
                "--end", parse_day(end, name="end").isoformat(),
                "--capital", repr(first.initial_capital), "--commission", repr(first.commission),
                "--slippage", repr(first.slippage), "--interval", info.interval,
                "--source", info.source,
            ]
        )  # fmt: skip
    return commands


def _in_words(found: Overfitting) -> str:
    cscv = found.backtest_overfitting
    chance = "" if cscv is None else f", probability of overfitting {cscv.probability:.0%}"
    return f"deflated Sharpe {found.deflated:.2f}{chance}"
