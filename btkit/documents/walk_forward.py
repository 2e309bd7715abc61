"""The JSON document of a walk-forward validation."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from btkit.documents.crashed import CrashedSets
from btkit.documents.models import (
    Benchmark,
    DataSection,
    Document,
    IsoBar,
    IsoDate,
    MetricsSection,
    Provenance,
    Report,
    ReportWarning,
    Section,
)
from btkit.metrics import Failure, Verdict, json_number
from btkit.simulation import Result
from btkit.spelling import count_of, listed


class WindowSection(Section):
    """One window: its parts, the runs stored for them, and what was left out of sample.

    Parameters
    ----------
    window_index
        From 0 on.
    is_start, is_end, oos_start, oos_end
        The first and the last bar of each part.
    is_run_id, oos_run_id
        The stored runs; None for bars that were handed over.
    is_sharpe, oos_sharpe
        As the runs' documents have them: 0 where undefined.
    undefined
        Which of the two are not defined, such as that of a part without trades.
    efficiency
        oos_sharpe / is_sharpe, from -2 to 2; None where is_sharpe is not above 0.
    is_bars, oos_bars, is_trades, oos_trades, is_return_pct, oos_return_pct
        How much each part rests on, and what it earned.
    parameters
        The parameters that ran out of sample.
    sets_tried
        How many sets the in-sample part chose from; 0 without optimisation.
    command
        What runs the out-of-sample part again; None where nothing does.
    """

    window_index: int
    is_start: IsoBar
    is_end: IsoBar
    oos_start: IsoBar
    oos_end: IsoBar
    is_run_id: str | None
    oos_run_id: str | None
    is_sharpe: float
    oos_sharpe: float
    undefined: list[str]
    efficiency: float | None
    is_bars: int
    oos_bars: int
    is_trades: int
    oos_trades: int
    is_return_pct: float
    oos_return_pct: float
    parameters: dict[str, int | float]
    sets_tried: int
    command: list[str] | None


class WalkForwardReport(Document):
    """The outcome of a walk-forward validation.

    Parameters
    ----------
    walk_forward_id
        Names the files; None where nothing was stored.
    strategy_name, strategy_version, symbol, start_date, end_date
        What was run.
    scheme, is_ratio, objective, optimized, constraint
        How.
    windows
        In order.
    avg_efficiency
        Mean over the windows, an undefined one counting as 0.
    avg_oos_sharpe, avg_is_sharpe
        Means over the windows.
    stitched_efficiency
        The stitched out-of-sample Sharpe ratio over the mean in-sample one; None where that is not
        above 0.
    stitched
        Metrics of the stitched out-of-sample curve.
    benchmark
        What holding the benchmark through the same bars would have given; None in a document of
        an earlier version.
    passed, failures
        Whether avg_efficiency is at least `EFFICIENCY_NEEDED` and the stitched account did not
        lose money, which no ratio of Sharpe ratios excuses; and what failed.
    verdict
        As in a run's report, by the trades out of sample.
    min_trades_required
        BT_MIN_TRADES_REQUIRED when the report was made.
    conclusion
        Why it passed or failed, in words.
    curve_url
        Where the stitched curve is stored.
    crashed_sets
        Sets that could not be measured in sample, which no window chose; None where there are none.
    warnings
        What a reader must know, of the windows and of the runs out of sample.
    data
        What all windows rest on; the fallbacks are counted on the out-of-sample bars.
    provenance
        As in a run's report, of the spec that was asked for and of all bars.
    """

    walk_forward_id: str | None
    strategy_name: str
    strategy_version: str
    symbol: str | None
    start_date: IsoDate
    end_date: IsoDate
    scheme: str
    is_ratio: float
    objective: str
    optimized: dict[str, list[int | float]]
    constraint: str | None
    windows: list[WindowSection]
    avg_efficiency: float
    avg_oos_sharpe: float
    avg_is_sharpe: float
    stitched_efficiency: float | None
    stitched: MetricsSection
    benchmark: Benchmark | None = None
    passed: bool
    failures: list[Failure]
    verdict: Verdict
    min_trades_required: int
    conclusion: str
    curve_url: str | None
    crashed_sets: CrashedSets | None = None
    warnings: list[ReportWarning]
    data: DataSection
    provenance: Provenance


@dataclass(frozen=True)
class WindowRun:
    """What the document reads of one part: the result, its report, and its stored run.

    Parameters
    ----------
    result
        Of the simulation.
    report
        As it is stored, or would be.
    run_id
        None where it is not.
    """

    result: Result
    report: Report
    run_id: str | None


@dataclass(frozen=True)
class WindowOutcome:
    """One window, run.

    Parameters
    ----------
    inside, outside
        The in-sample part, and the out-of-sample part.
    efficiency
        What was kept of the in-sample Sharpe ratio; None where that is not above 0.
    sets_tried
        How many sets the in-sample part chose from.
    """

    inside: WindowRun
    outside: WindowRun
    efficiency: float | None
    sets_tried: int


def build_window(index: int, outcome: WindowOutcome) -> WindowSection:
    """Describe one window.

    Parameters
    ----------
    index
        From 0 on.
    outcome
        What it came to.
    """
    first, second = outcome.inside, outcome.outside
    sharpes = {
        "is_sharpe": first.result.metrics.sharpe_ratio,
        "oos_sharpe": second.result.metrics.sharpe_ratio,
    }
    return WindowSection(
        window_index=index,
        is_start=first.result.bars.index[0],
        is_end=first.result.bars.index[-1],
        oos_start=second.result.bars.index[0],
        oos_end=second.result.bars.index[-1],
        is_run_id=first.run_id,
        oos_run_id=second.run_id,
        **{name: json_number(value) for name, value in sharpes.items()},
        undefined=[name for name, value in sharpes.items() if not math.isfinite(value)],
        efficiency=outcome.efficiency,
        is_bars=len(first.result.bars),
        oos_bars=len(second.result.bars),
        is_trades=first.result.metrics.total_trades,
        oos_trades=second.result.metrics.total_trades,
        is_return_pct=first.result.metrics.total_return_pct,
        oos_return_pct=second.result.metrics.total_return_pct,
        parameters=dict(second.result.spec.parameters),
        sets_tried=outcome.sets_tried,
        command=second.report.provenance.command,
    )


def judge(
    efficiencies: Sequence[float | None], *, average: float, needed: float, gain: float
) -> tuple[list[Failure], str]:
    """Say whether a rule held up, and why.

    Parameters
    ----------
    efficiencies
        Of the windows.
    average, needed
        Their mean, and what it has to be.
    gain
        What the stitched account made or lost, as a fraction.

    Returns
    -------
    tuple
        What failed, nothing where the rule passed; and why, in words.
    """
    failures = []
    if not average >= needed:
        failures.append(Failure(metric="walk_forward_efficiency", value=average, threshold=needed))
    if not gain >= 0.0:
        failures.append(Failure(metric="total_return_pct", value=gain, threshold=0.0))
    kept = sum(1 for value in efficiencies if (value or 0.0) >= needed)
    reason = (
        f"on average {_percent(average)} of the in-sample Sharpe ratio held out of sample "
        f"(needs {_percent(needed)}), and {kept} of {len(efficiencies)} windows kept that much"
    )
    losing = sum(1 for value in efficiencies if value is None)
    if losing:
        many = "window has" if losing == 1 else "windows have"
        reason += f"; {losing} {many} no in-sample Sharpe ratio above 0, which counts as none kept"
    if not gain >= 0.0:
        reason += f"; put together, the account lost {_percent(-gain)} out of sample"
    return failures, f"{'Failed' if failures else 'Passed'}: {reason}."


def carried_by_one(efficiencies: Sequence[float | None], *, needed: float) -> list[ReportWarning]:
    """Warn where an average passes because of one window alone.

    Parameters
    ----------
    efficiencies
        Of the windows.
    needed
        What their mean has to be.
    """
    values = [value or 0.0 for value in efficiencies]
    if len(values) == 1 or sum(values) / len(values) < needed:
        return []
    best = values.index(max(values))
    others = (sum(values) - values[best]) / (len(values) - 1)
    if others >= needed:
        return []
    return [
        ReportWarning(
            code="one_window",
            message=f"Window {best + 1} alone carries the average: the others kept "
            f"{_percent(others)} of their in-sample Sharpe ratio.",
        )
    ]


def learnt_in_sample(parts: Sequence[WindowRun]) -> list[ReportWarning]:
    """Warn where in-sample parts lie over bars that a trained model learnt from.

    Parameters
    ----------
    parts
        Those in sample, in the order of the windows.
    """
    learnt = {number: part.result.learnt_bars for number, part in enumerate(parts, start=1)}
    over = [number for number, bars in learnt.items() if bars]
    if not over:
        return []
    first = over[0]
    return [
        ReportWarning(
            code="learnt_in_sample",
            message=f"{_which(over, len(parts))} in sample: a trained model learnt from those "
            f"bars (of window {first} from {learnt[first]:,} of "
            f"{count_of(len(parts[first - 1].result.bars), 'bar')}). What it earned there is no "
            "proof, and neither is an efficiency, which is a share of it.",
        )
    ]


def gather_warnings(parts: Sequence[WindowRun]) -> list[ReportWarning]:
    """Return the warnings of the out-of-sample runs, those that differ in numbers only as one.

    Parameters
    ----------
    parts
        In the order of the windows.
    """
    found: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for number, part in enumerate(parts, start=1):
        for entry in part.report.warnings:
            key = entry.code, re.sub(r"\d[\d.,%-]*", "#", entry.message)
            found.setdefault(key, []).append((number, entry.message))
    return [
        ReportWarning(code=code, message=_of_windows(stated, len(parts)))
        for (code, _), stated in found.items()
    ]


def _of_windows(stated: list[tuple[int, str]], windows: int) -> str:
    number, message = stated[0]
    if len(stated) == 1:
        return f"Window {number} out of sample: {message}"
    which = _which([place for place, _ in stated], windows)
    if all(other == message for _, other in stated):
        return f"{which} out of sample: {message}"
    return f"{which} out of sample, such as window {number}: {message}"


def _which(numbers: Sequence[int], windows: int) -> str:
    if len(numbers) == 1:
        return f"Window {numbers[0]}"
    if len(numbers) == windows:
        return "Every window"
    return f"Windows {listed([*map(str, numbers)])}"


def describe_data(
    parts: Sequence[WindowRun],
    *,
    rows: int,
    first: object,
    last: object,
    gaps: Sequence[Mapping[str, object]],
) -> DataSection:
    """Describe the bars under all windows.

    Parameters
    ----------
    parts
        The out-of-sample parts, in order.
    rows, first, last, gaps
        Of the whole range.
    """
    sections = [part.report.data for part in parts]
    fallbacks: Counter[str] = Counter()
    for section in sections:
        fallbacks.update(section.fallbacks)
    quality = {
        (finding.code, finding.message): finding
        for section in sections
        for finding in section.quality
    }
    return DataSection.model_validate(
        {
            **sections[0].model_dump(),
            "rows": rows,
            "first": first,
            "last": last,
            "coverage": "partial" if gaps else sections[0].coverage,
            "gaps": list(gaps),
            "quality": list(quality.values()),
            "fallbacks": dict(fallbacks),
            "detail": _detail_of(sections),
        }
    )


def _detail_of(sections: Sequence[DataSection]) -> dict[str, object] | None:
    """Describe the finer bars under all windows."""
    known = [section.detail for section in sections if section.detail is not None]
    if not known:
        return None
    gaps = [gap.model_dump() for one in known for gap in one.gaps]
    quality = {(found.code, found.message): found for one in known for found in one.quality}
    return {
        **known[0].model_dump(),
        "rows": sum(one.rows for one in known),
        "last": known[-1].last,
        "mismatches": sum(one.mismatches for one in known),
        "coverage": "partial" if gaps else known[0].coverage,
        "gaps": gaps,
        "quality": list(quality.values()),
    }


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.0f} %".replace("-", "−")
