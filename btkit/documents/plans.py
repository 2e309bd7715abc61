"""The documents of plans: what a job would rest on, cost and add, before it is run."""

from __future__ import annotations

from typing import Any

from btkit.documents.models import (
    DataSection,
    Document,
    IsoBar,
    IsoDate,
    ReportWarning,
    Section,
)


class PlannedCondition(Section):
    """A condition or sizing formula, parameters filled in, and the per-bar names that it reads.

    `index` counts in its list from 0; -1 stands for a formula.
    """

    list: str
    index: int
    text: str
    names: tuple[str, ...]


class PlannedName(Section):
    """A per-bar name that the job reads, or a call over time that it makes.

    Parameters
    ----------
    name
        As it is written, with ``on`` where it is of a slower interval.
    lookback
        Earlier bars that its first value needs, calls within it counted; None of a column that
        stands ready.
    missing_until
        Where it has no value at the first bar: the bar at which it has one, None for never.
    missing
        Whether it has no value at the first bar.
    fallback_bars
        Bars on which its value is a documented fallback.
    """

    name: str
    lookback: int | None
    missing: bool
    missing_until: IsoBar | None
    fallback_bars: int


class PlannedWindow(Section):
    """A window of a walk-forward validation: the first and the last bar of its two parts."""

    is_start: IsoBar
    is_end: IsoBar
    is_bars: int
    oos_start: IsoBar
    oos_end: IsoBar
    oos_bars: int


class PlannedWork(Section):
    """How much there is to do.

    Parameters
    ----------
    simulations
        How many runs over how many bars there will be; of a sweep each set is counted twice,
        as its statistics simulate it once more.
    sets
        Sets of parameters; in a walk-forward validation those of each window.
    windows
        Of a walk-forward validation.
    """

    simulations: int
    sets: int
    windows: list[PlannedWindow]


class Estimate(Section):
    """What a job will take here, about.

    Parameters
    ----------
    seconds
        In all, but for the start of the process and the making of pages.
    seconds_by
        The same by stage.
    memory_bytes
        Of the process, at its peak.
    how
        What was measured.
    """

    seconds: float
    seconds_by: dict[str, float]
    memory_bytes: int
    how: str


class TrialCount(Section):
    """How much was tried on the same history, which is what a good result must be weighed by.

    Parameters
    ----------
    same_bars
        Strategies and sets of parameters that complete jobs of the store tried on exactly these
        bars.
    same_range
        Those on this symbol and interval whose range overlaps this one; `same_bars` is in it.
    adds
        How many this job adds: none where this very spec was run on these bars.
    how
        What was counted.
    """

    same_bars: int
    same_range: int
    adds: int
    how: str


class PlannedBundle(Section):
    """A trained model that the job reads; `known_from` is the date from which it decides."""

    name: str | None
    path: str
    known_from: str | None
    trained_until: str | None
    hash: str


class Plan(Document):
    """What a job would rest on, cost and add; nothing was simulated of it, and nothing stored.

    Parameters
    ----------
    kind
        Of the job.
    strategy_name, spec_kind, spec_hash
        Of its spec.
    symbol, interval, start_date, end_date
        What it is asked to run on.
    capital, commission, slippage
        The account.
    data, bars_hash
        The bars, as a report has them.
    warmup_wanted
        Bars before the first one that are asked of the source; ``data.warmup`` has those there.
    benchmark, benchmark_hash
        The instrument that it is measured against; None where that is the one that is traded.
    others_hash
        Of the bars of other instruments that conditions read, by symbol.
    detail_hash
        Of the finer bars that it goes by; None for none.
    conditions, names, bundles
        What it reads.
    work, estimate, trials
        What it does, takes and adds.
    warnings
        What a reader of the results will have to know, so far as it can be seen in the bars.
    command
        What runs it; None where its spec is in no file.
    plan_hash
        64 hexadecimal digits: `--plan-hash` refuses to run anything else.
    """

    kind: str
    strategy_name: str
    spec_kind: str
    spec_hash: str
    symbol: str
    interval: str
    start_date: IsoDate
    end_date: IsoDate
    capital: float
    commission: float
    slippage: float
    data: DataSection
    bars_hash: str
    warmup_wanted: int
    benchmark: str | None
    benchmark_hash: str | None
    others_hash: dict[str, str]
    detail_hash: str | None
    conditions: list[PlannedCondition]
    names: list[PlannedName]
    bundles: list[PlannedBundle]
    work: PlannedWork
    estimate: Estimate
    trials: TrialCount
    warnings: list[ReportWarning]
    command: list[str] | None
    plan_hash: str


class PlannedJob(Section):
    """A job of a batch: its plan, or why it will fail."""

    job: int
    plan: Plan | None
    error: dict[str, Any] | None


class BatchPlan(Document):
    """What a batch would do.

    Parameters
    ----------
    kind, name
        ``"batch"``, and what it is called.
    jobs
        In their order.
    errors
        How many of them would end with an error.
    estimate, adds
        The sum of all jobs, `workers` of them at a time.
    plan_hash
        As of `Plan`.
    """

    kind: str
    name: str
    jobs: list[PlannedJob]
    errors: int
    workers: int
    estimate: Estimate
    adds: int
    plan_hash: str
