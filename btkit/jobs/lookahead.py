"""Checking a spec over bars for look-ahead: what is decided by, and what is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from btkit.arguments import check_whole, refusal
from btkit.data import WARMUP_BARS, FormatSource, LoadedBars, format_time
from btkit.data.choose import open_source
from btkit.data.recorded import Recorded
from btkit.jobs.asking import make_job
from btkit.jobs.commands import command_of
from btkit.jobs.execution import Execution
from btkit.jobs.job import SPEC_JOBS, SpecJob
from btkit.jobs.loading import bars_of, load, load_other
from btkit.jobs.prepare import prepare
from btkit.jobs.progress import ProgressListener, Silent, check_progress
from btkit.jobs.requests import SpecSource, Traded, frames_in
from btkit.markets import Interval
from btkit.settings import Settings, read_settings
from btkit.spec import KINDS, kind_of, load_spec

if TYPE_CHECKING:
    from btkit.simulation.lookahead import Leak

USUAL_BARS = 50
"""Bars at which a check cuts, if nobody says otherwise."""
MOST_BARS = 10_000
# At so many bars the loader is given what was known then, and the source itself is asked again.
_LOADS, _ASKS = 8, 2
_WARMUP = 2 * WARMUP_BARS


def check_lookahead(  # noqa: PLR0913 - the data, the costs and the sample, each with its default
    spec: SpecSource,
    symbol: Traded,
    start: date | str | None = None,
    end: date | str | None = None,
    *,
    bars: int = USUAL_BARS,
    seed: int = 0,
    capital: float | None = None,
    commission: float | None = None,
    slippage: float | None = None,
    interval: str | None = None,
    source: str | None = None,
    format: FormatSource | None = None,  # noqa: A002 - the word for it
    settings: Settings | None = None,
    progress: ProgressListener | None = None,
) -> dict[str, Any]:
    """Check whether anything that a spec decides by depends on bars that came later.

    Parameters
    ----------
    spec
        Of any kind, as `bt.run` takes it.
    symbol, start, end, capital, commission, slippage, interval, source, format, settings, progress
        As for `bt.run`; of a DataFrame of bars the loader has nothing to do.
    bars
        At how many bars the future is cut off and altered; see `btkit.validation.check_lookahead`.
    seed
        Of the choice of bars.

    Returns
    -------
    dict
        Plain JSON values. ``passed`` and ``leaks``, each with name, kind, bar, known_until,
        altered, was and became; ``checks`` and ``bars_checked``; ``drift``, how far what is read
        at the start hangs on where history begins, and ``history``, which two beginnings that
        compares.

    Raises
    ------
    SpecError, UsageError
        If the spec is refused, or an argument makes no sense.
    NoDataError, DataError, SourceError
        If bars cannot be had.

    Examples
    --------
    >>> check_lookahead("strategies/golden_cross.yaml", "SPX", "2005-01-01", "2018-12-31",
    ...                 source="sample")["passed"]  # doctest: +SKIP
    True
    """
    known, watch = read_settings(settings), check_progress(progress)
    count = _check_bars(bars)
    seed = check_whole(seed, "seed", least=0, hint="Any whole number; the same one draws alike.")
    frame = frames_in(symbol)
    strategy = load_spec(spec, settings=known)
    kind = SPEC_JOBS[KINDS[kind_of(strategy)[0]].command]
    asked: dict[str, Any] = {"spec": spec, "symbol": None if frame is not None else symbol}
    asked |= {
        "start": start, "end": end, "capital": capital, "commission": commission,
        "slippage": slippage, "interval": interval, "source": source, "format": format,
    }  # fmt: skip
    job = prepare(make_job(kind, asked, settings=known, loads=frame is None), settings=known)
    leaks: list[Leak] = []
    loads = 0
    if frame is not None:
        wide = bars_of(job, Execution(settings=known, progress=watch, bars=frame))
    else:
        loaders = {
            name: partial(
                load if name is None else partial(load_other, symbol=name), job, settings=known
            )
            for name in (None, *job.strategy.others_read)
        }
        kept = {name: _recorded(job, known) for name in loaders}
        loaded = {
            name: load_part(progress=watch, source=kept[name], warmup=_WARMUP)
            for name, load_part in loaders.items()
        }
        wide = replace(
            loaded[None], others={name: one.bars for name, one in loaded.items() if name}
        )
        with watch.stage("load as of then") as note:
            for name, load_part in loaders.items():
                for found in _loaded_otherwise(
                    load_part, loaded[name], kept[name], job=job, symbol=name, seed=seed
                ):
                    loads += 1
                    leaks += [
                        leak if name is None else replace(leak, name=f'of("{name}", {leak.name})')
                        for leak in found
                    ]
            note(f"{loads} times")
    return _check(job, wide, leaks, loads=loads, count=count, seed=seed, progress=watch)


def _check_bars(bars: object) -> int:
    hint = "50 is usual; more take longer."
    count = check_whole(bars, "bars", least=3, hint=hint)
    if count > MOST_BARS:
        raise refusal(bars, "bars", rule=f"at most {MOST_BARS:,}", hint=hint)
    return count


def _recorded(job: SpecJob, settings: Settings) -> Recorded:
    assert job.source is not None, "a prepared job says where its bars come from"
    now = datetime.now(UTC)
    opened = open_source(job.source, settings=settings, now=now, bar_format=job.bar_format)
    return Recorded(opened)


def _check(
    job: SpecJob,
    wide: LoadedBars,
    leaks: list[Leak],
    *,
    loads: int,
    count: int,
    seed: int,
    progress: ProgressListener,
) -> dict[str, Any]:
    from btkit.simulation import check_inputs, in_one_piece, simulate_inputs  # noqa: PLC0415 - slow
    from btkit.validation import check_drift, check_lookahead  # noqa: PLC0415 - likewise
    from btkit.validation.futures import with_history  # noqa: PLC0415 - likewise

    strategy = job.strategy
    if strategy.detail_interval is not None:
        # What came first inside a bar decides nothing.
        strategy = strategy.replace(detail=None)
    everything = check_inputs(
        in_one_piece,
        strategy,
        wide.bars,
        **job.account,
        start=wide.start,
        others=wide.others,
    )
    inputs = with_history(everything, max(0, everything.start - WARMUP_BARS))
    with progress.stage("simulate"):
        result = simulate_inputs(inputs)
    with progress.stage("alter the future") as note:
        checked = check_lookahead(inputs, result, bars=count, seed=seed)
        leaks = [*leaks, *checked.leaks]
        note(f"{checked.checks:,} checks at {checked.bars:,} bars")
    with progress.stage("shift history"):
        # Bars that a model was trained on are before what is scored.
        start = int(pd.DatetimeIndex(everything.bars.index).searchsorted(result.bars.index[0]))
        scored = replace(everything, start=start, outputs={})
        drift = check_drift(scored, result.clauses, begins=max(0, start - WARMUP_BARS))
    weights: Mapping[str, float] = result.warmup["drift"]
    named = {(leak.kind, leak.name): leak for leak in reversed(leaks)}
    return {
        "passed": not leaks,
        "strategy_name": job.strategy.name,
        "kind": job.strategy.kind,
        "symbol": result.symbol,
        "interval": result.interval,
        "source": wide.info.source,
        "first": format_time(pd.DatetimeIndex(result.bars.index)[0]),
        "last": format_time(pd.DatetimeIndex(result.bars.index)[-1]),
        "seed": seed,
        "bars_checked": checked.bars,
        "checks": checked.checks + loads,
        "whole_history": checked.whole,
        "leaks": [asdict(leak) for leak in reversed(named.values())],
        "command": None if job.symbol is None else command_of(job, wide.info),
        "history": {"begins": drift.begins, "compared_with": drift.compared_with},
        "drift": [{**asdict(one), "seed_weight": weights.get(one.name)} for one in drift.drift],
    }


def _loaded_otherwise(
    load_part: Callable[..., LoadedBars],
    wide: LoadedBars,
    source: Recorded,
    *,
    job: SpecJob,
    symbol: str | None,
    seed: int,
) -> Iterator[Sequence[Leak]]:
    """Load bars as of earlier ones, and yield what is another value then."""
    from btkit.validation.lookahead import compare_loaded  # noqa: PLC0415 - slow

    index = pd.DatetimeIndex(wide.bars.index)
    first, last = int(index.searchsorted(wide.start)), len(index) - 2
    if last < first:
        return
    drawn = np.random.default_rng(seed).integers(first, last + 1, _LOADS - 2).tolist()
    # Whoever else was asked for the VIX is not asked again.
    spec = job.strategy
    calendar = spec.calendar if symbol is None else spec.calendars.get(symbol, spec.calendar)
    needs_vix = source.knows_vix
    whole = wide.bars
    if not needs_vix and "vix" not in source.columns:
        whole = whole.drop(columns="vix", errors="ignore")
    for place, cut in enumerate(sorted({first, last, *drawn})):
        known = source.until(
            index[cut], interval=Interval.parse(wide.info.interval), calendar=calendar
        )
        answering = {"not known yet": known, **({"not asked for": source} if place < _ASKS else {})}
        for how, answers in answering.items():
            part = load_part(
                progress=Silent(), source=answers, warmup=_WARMUP, end=index[cut],
                needs_vix=needs_vix,
            )  # fmt: skip
            yield compare_loaded(whole, part.bars, cut=cut, how=how)
