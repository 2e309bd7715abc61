"""The JSON document of a sweep."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np
from pydantic import JsonValue

from btkit.documents.build import build_report, describe_run
from btkit.documents.crashed import CrashedSets, describe_crashed, warn_of_crashed
from btkit.documents.models import (
    Benchmark,
    DataSection,
    Document,
    IsoDate,
    MetricsSection,
    Provenance,
    ReportWarning,
    Section,
)
from btkit.documents.provenance import build_provenance
from btkit.metrics import Failure, Verdict, columns_for, further_metrics, metrics_of, verdict_of
from btkit.validation.overfitting import Overfitting
from btkit.validation.superiority import Superiority
from btkit.validation.sweep import SweepResult

DEFLATED_SHARPE_NEEDED = 0.95
OVERFITTING_ALLOWED = 0.5
SIGNIFICANT_P = 0.05
"""Below this p-value the tests of superiority speak of skill; no verdict depends on it."""


class IntervalSection(Section):
    """A confidence interval; `block` is the mean length of the resampled blocks, in periods."""

    low: float
    high: float
    confidence: float
    block: float


class OverfittingSection(Section):
    """The truth about the best set; None stands where a statistic is undefined.

    Parameters
    ----------
    trials
        Sets tried, those that crashed included.
    sampled
        Of how many of these the returns were taken, for all but the Sharpe ratios and the trials;
        None for all.
    periods, period
        Returns that the statistics rest on, and what one spans: ``"bar"`` or
        ``"session"``.
    sharpe_ratio, sharpe_interval
        The best set's, annualised, and a block-bootstrap confidence interval.
    expected_maximum_sharpe
        What the best of so many sets without skill would reach, annualised.
    probabilistic_sharpe_ratio, deflated_sharpe_ratio
        Probability that the true Sharpe ratio is above 0: for a set that was the only one tried,
        and for the best of all that were.
    probability_of_overfitting, blocks, splits
        By combinatorially symmetric cross-validation.
    reality_check_p, spa_p, spa_p_lower, spa_p_upper
        p-values of White's reality check and of Hansen's test: that no set earns more than nothing.
    holding_reality_check_p, holding_spa_p, holding_spa_p_lower, holding_spa_p_upper
        The same, that no set earns more than the benchmark: buy-and-hold of the same bars, or what
        was named. Rules that are always long pass the first test wherever the instrument rose.
        With ``sharpe_risk_free`` all of it is of returns less that rate, and nothing is the rate.
    """

    trials: int
    # The document of a sweep that was made before samples were taken has none.
    sampled: int | None = None
    periods: int
    period: str
    sharpe_ratio: float | None
    sharpe_interval: IntervalSection | None
    expected_maximum_sharpe: float
    probabilistic_sharpe_ratio: float | None
    deflated_sharpe_ratio: float | None
    probability_of_overfitting: float | None
    blocks: int | None
    splits: int | None
    reality_check_p: float | None
    spa_p: float | None
    spa_p_lower: float | None
    spa_p_upper: float | None
    # The document of a sweep that was made before the second test has none of it.
    holding_reality_check_p: float | None = None
    holding_spa_p: float | None = None
    holding_spa_p_lower: float | None = None
    holding_spa_p_upper: float | None = None


class RankedSet(Section):
    """One of the best sets: its rank from 1 on, its place in the table, and what it reached."""

    rank: int
    place: int
    parameters: dict[str, int | float]
    metrics: dict[str, JsonValue]
    command: list[str] | None


class SweepReport(Document):
    """The outcome of a sweep.

    Parameters
    ----------
    sweep_id
        Names the files, None if nothing was stored.
    strategy_name, strategy_version, symbol, start_date, end_date
        What was run.
    objective, method, constraint, parameters, sets
        How the best was looked for: the values of each parameter, and how many sets were measured.
    crashed_sets
        Further ones that could not be; None where there are none.
    passed, failures
        Whether the best set kept every threshold, its deflated Sharpe ratio is at least
        `DEFLATED_SHARPE_NEEDED` and the probability of overfitting at most `OVERFITTING_ALLOWED`;
        and what failed.
    verdict
        As in a run's report, by the best set's trades.
    overfitting
        The truth about the best set.
    best
        Its parameters, metrics and the command that runs it.
    top
        The best ten.
    min_trades_required
        Sets with fewer trades come after all others.
    table_url
        Where the table of all sets is stored.
    command
        The arguments that make the sweep again; None where nothing does.
    warnings, data, benchmark, provenance
        As in a run's report; the spec in the provenance has the best set's parameters.
    """

    sweep_id: str | None
    strategy_name: str
    strategy_version: str
    symbol: str | None
    start_date: IsoDate
    end_date: IsoDate
    objective: str
    method: str
    constraint: str | None
    parameters: dict[str, list[int | float]]
    sets: int
    crashed_sets: CrashedSets | None = None
    min_trades_required: int
    passed: bool
    verdict: Verdict
    failures: list[Failure]
    overfitting: OverfittingSection
    best: RankedSet
    metrics: MetricsSection
    top: list[RankedSet]
    table_url: str | None
    command: list[str] | None
    warnings: list[ReportWarning]
    data: DataSection
    benchmark: Benchmark
    provenance: Provenance


def build_sweep_report(
    result: SweepResult,
    overfitting: Overfitting,
    *,
    created_at: str,
    start_date: str | None,
    end_date: str | None,
    table_url: str | None,
    commands: list[list[str] | None],
    versions: dict[str, str],
) -> SweepReport:
    """Build the document of a sweep. Pure: no clock, file or environment.

    Parameters
    ----------
    result, overfitting
        The sweep, and what was found out about its best set.
    created_at
        When, UTC.
    start_date, end_date
        As requested; None for the first and the last bar.
    table_url
        Where the table is, if it is stored.
    commands
        What runs each of the best sets, one per entry of `top`.
    versions
        As `gather_versions` returns them.
    """
    run = result.run()
    report = build_report(
        run,
        describe_run(run, start_date=start_date, end_date=end_date, created_at=created_at),
        min_trades_required=result.min_trades,
        provenance=build_provenance(run, versions=versions, command=commands[0]),
    )
    section = _section(overfitting)
    failures = [*report.failures, *_doubts(section)]
    top = [
        _ranked(result, rank, place, command)
        for rank, (place, command) in enumerate(
            zip(result.order[: len(commands)].tolist(), commands, strict=True), start=1
        )
    ]
    crashed = describe_crashed(result.crashed)
    notes = [ReportWarning(code="overfitting", message=message) for message in overfitting.warnings]
    return SweepReport(
        sweep_id=result.sweep_id,
        strategy_name=report.run.strategy_name,
        strategy_version=report.run.strategy_version,
        symbol=report.run.symbol,
        start_date=report.run.start_date,
        end_date=report.run.end_date,
        objective=result.objective,
        method=result.method,
        constraint=result.constraint,
        parameters={
            name: [
                int(value) if name in result.sets.whole else value
                for value in np.unique(values).tolist()
            ]
            for name, values in result.sets.columns.items()
        },
        sets=len(result.sets),
        crashed_sets=crashed,
        min_trades_required=result.min_trades,
        passed=not failures,
        verdict=verdict_of(passed=not failures, trades=report.trade_count, least=result.min_trades),
        failures=failures,
        overfitting=section,
        best=top[0],
        metrics=report.metrics,
        top=top,
        table_url=table_url,
        command=result.command,
        warnings=[
            *report.warnings,
            *_at_the_edge(result),
            *warn_of_crashed(crashed),
            *notes,
        ],
        data=report.data,
        benchmark=report.benchmark,
        provenance=report.provenance,
    )


def _at_the_edge(result: SweepResult) -> list[ReportWarning]:
    edges, best = result.edges, result.best
    if not edges:
        return []
    said = " and ".join(f"{name} {best[name]:g} is the {edge}" for name, edge in edges.items())
    return [
        ReportWarning(
            code="best_at_edge",
            message=f"The best parameter set stands at the edge of what was tried: {said} value. "
            "A better one may lie beyond; widen the range before you choose it.",
        )
    ]


def _ranked(result: SweepResult, rank: int, place: int, command: list[str] | None) -> RankedSet:
    return RankedSet(
        rank=rank,
        place=place,
        parameters=result.sets.at(place),
        metrics=_metrics(result, place),
        command=command,
    )


def _metrics(result: SweepResult, place: int) -> dict[str, Any]:
    row = result.rows[place]
    by_name = dict(zip(columns_for(result.objective), row.tolist(), strict=True))
    values = metrics_of(row, {result.objective: by_name[result.objective]}).to_json_values()
    # A set is ranked by one of the further metrics at most; the others were not worked out.
    absent = further_metrics().keys() - by_name.keys()
    return {name: value for name, value in values.items() if name not in absent}


def _section(found: Overfitting) -> OverfittingSection:
    cscv = found.backtest_overfitting
    return OverfittingSection(
        trials=found.trials,
        sampled=found.sampled,
        periods=found.periods,
        period=found.period,
        sharpe_ratio=_known(found.sharpe_ratio),
        sharpe_interval=None
        if found.interval is None
        else IntervalSection.model_validate(asdict(found.interval)),
        expected_maximum_sharpe=found.expected_maximum,
        probabilistic_sharpe_ratio=_known(found.probabilistic),
        deflated_sharpe_ratio=_known(found.deflated),
        probability_of_overfitting=None if cscv is None else cscv.probability,
        blocks=None if cscv is None else cscv.blocks,
        splits=None if cscv is None else cscv.splits,
        **_p_values("", found.superiority),
        **_p_values("holding_", found.superiority_to_holding),
    )


def _p_values(prefix: str, tests: Superiority | None) -> dict[str, float | None]:
    return {
        f"{prefix}reality_check_p": None if tests is None else tests.reality_check,
        f"{prefix}spa_p": None if tests is None else tests.spa_consistent,
        f"{prefix}spa_p_lower": None if tests is None else tests.spa_lower,
        f"{prefix}spa_p_upper": None if tests is None else tests.spa_upper,
    }


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _doubts(section: OverfittingSection) -> list[Failure]:
    found: list[dict[str, Any]] = []
    deflated, overfitted = section.deflated_sharpe_ratio, section.probability_of_overfitting
    if deflated is None or deflated < DEFLATED_SHARPE_NEEDED:
        found.append(
            {
                "metric": "deflated_sharpe_ratio",
                "value": deflated or 0.0,
                "threshold": DEFLATED_SHARPE_NEEDED,
            }
        )
    if overfitted is not None and overfitted > OVERFITTING_ALLOWED:
        found.append(
            {
                "metric": "probability_of_overfitting",
                "value": overfitted,
                "threshold": OVERFITTING_ALLOWED,
            }
        )
    return [Failure(**entry) for entry in found]
