"""The document of a model run: what decided, what held it, how it did on what it was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from btkit.documents.evidence import EvidenceSection
from btkit.documents.models import IsoBar, MetricsSection, Report, Section

if TYPE_CHECKING:
    from btkit.models.timeline import KnownBundle
    from btkit.simulation import Result
    from btkit.simulation.trained import ModelResult

END_OF_PERIOD = "End of backtest period"
"""What the reason ``end_of_data`` is called where models come from."""
MODEL_PREFIX = "model_"
"""What the columns of a stored curve begin with that say what a model decided at each bar."""
_POINTS = 500


class BundleEntry(Section):
    """A bundle that decided.

    Parameters
    ----------
    path, hash, name
        Where it lay, SHA-256 of all that it is, and what was trained.
    known_from
        The date from which it decided; None for the only one of a run.
    architecture, output_type, classes, activation, temperature
        What kind of network it is, and what its outputs mean.
    symbols, timeframes
        What it was trained on.
    trained_from, trained_until, label_horizon_bars
        When, as far as somebody says it.
    features
        How many it reads.
    lookback_bars
        Bars before the first that it can say something of.
    notes
        What is to be known of its features, such as those that are left out.
    settings
        What its answers had to pass.
    """

    path: str
    hash: str
    name: str
    known_from: str | None
    architecture: str
    output_type: str
    classes: list[str] | None
    activation: str | None
    temperature: float
    symbols: list[str]
    timeframes: list[str]
    trained_from: IsoBar | None
    trained_until: IsoBar | None
    label_horizon_bars: int | None
    features: int
    lookback_bars: int
    notes: list[str]
    settings: dict[str, float | bool]


class DecisionCounts(Section):
    """At how many bars what was decided.

    Parameters
    ----------
    buy, sell, hold
        Orders to buy, to sell, and bars without one.
    held
        Bars without one by what held them, the most frequent first.
    """

    buy: int
    sell: int
    hold: int
    held: dict[str, int]


class CurvePoint(Section):
    """The account at one bar's close."""

    time: IsoBar
    equity: float


class InSampleSection(Section):
    """How the model did on the bars that it was trained on, which proves nothing.

    Parameters
    ----------
    first, last, rows
        Those bars.
    metrics
        What it reached there.
    decisions
        As for the run.
    curve
        The account, at most 500 points of it.
    """

    first: IsoBar
    last: IsoBar
    rows: int
    metrics: MetricsSection
    decisions: DecisionCounts
    curve: list[CurvePoint]


class ForcedExit(Section):
    """A position that the end of the run closed.

    Parameters
    ----------
    entry_date, exit_date
        Of the trade.
    exit_reason, reason
        ``end_of_data``, and what it is called where models come from.
    """

    entry_date: IsoBar
    exit_date: IsoBar
    exit_reason: str = "end_of_data"
    reason: str = END_OF_PERIOD


class ModelFacts(Section):
    """What a run's model is, and what became of its answers.

    Parameters
    ----------
    bundles
        Those that decided, the oldest first.
    decisions
        On the bars of the run.
    in_sample
        On those that the model was trained on; None where the run had none.
    forced_exits
        Positions that the end closed.
    evidence
        How much its answers are worth.
    in_sample_scored
        Bars of the run that the model was trained on; none but in the in-sample part of a
        validation.
    """

    bundles: list[BundleEntry]
    decisions: DecisionCounts
    in_sample: InSampleSection | None
    forced_exits: list[ForcedExit]
    evidence: EvidenceSection
    in_sample_scored: int = 0


class ModelReport(Report):
    """The outcome of one model run.

    Parameters
    ----------
    model
        What decided.
    """

    model: ModelFacts

    @property
    def side(self) -> str:
        """Which sides of the instrument the strategy takes, as its bundles settle it."""
        shorts = any(entry.settings["allow_short_from_flat"] for entry in self.model.bundles)
        return "long and short" if shorts else "long only"

    def rests_on(self) -> dict[str, str]:
        """Return the hash of each bundle, by its path."""
        deciding = {f"bundle {entry.path}": entry.hash for entry in self.model.bundles}
        return deciding | super().rests_on()

    def scores_training(self) -> bool:
        """Return whether bars count that the model was trained on."""
        return self.model.in_sample_scored > 0


def model_parts(result: Result) -> dict[str, Any]:
    """Return what the report of a model run has beside the fields of any.

    Parameters
    ----------
    result
        Of a model spec.
    """
    from btkit.documents.evidence.gathering import evidence_of  # noqa: PLC0415 - brings numba

    run = _checked(result)
    forced = run.trades[run.trades["exit_reason"] == "end_of_data"]
    return {
        "model": ModelFacts(
            bundles=[
                _entry(known, rules.to_dict())
                for known, rules in zip(run.bundles, run.answers.rules, strict=True)
            ],
            decisions=_counts(run),
            in_sample=None if run.in_sample is None else _in_sample(run.in_sample),
            forced_exits=[
                ForcedExit(entry_date=entry, exit_date=leave)
                for entry, leave in zip(forced["entry_date"], forced["exit_date"], strict=True)
            ],
            evidence=evidence_of(run),
            in_sample_scored=run.in_sample_scored,
        )
    }


def model_columns(result: Result) -> Mapping[str, np.ndarray[Any, Any]]:
    """Return what the stored curve of a model run has beside the columns of any.

    Parameters
    ----------
    result
        Of a model spec.
    """
    columns = _checked(result).decision_columns
    return {f"{MODEL_PREFIX}{name}": values for name, values in columns.items()}


def stored_decisions(report: ModelReport, curve: pd.DataFrame) -> pd.DataFrame:
    """Return what `ModelResult.decisions` is, of a stored run.

    Parameters
    ----------
    report, curve
        Of the run.
    """
    from btkit.models.decisions import tell_decisions  # noqa: PLC0415 - brings numba

    columns = {
        str(name).removeprefix(MODEL_PREFIX): curve[name].to_numpy()
        for name in curve.columns
        if str(name).startswith(MODEL_PREFIX)
    }
    bundles = report.model.bundles
    return tell_decisions(
        columns,
        classes=tuple(bundles[0].classes or ()),
        dates=[entry.known_from for entry in bundles],
        index=curve.index,
    )


def _checked(result: Result) -> ModelResult:
    from btkit.simulation.trained import ModelResult  # noqa: PLC0415 - slow to import

    assert isinstance(result, ModelResult)
    return result


def _entry(known: KnownBundle, settings: dict[str, float | bool]) -> BundleEntry:
    bundle = known.bundle
    return BundleEntry(
        path=known.path,
        hash=bundle.hash,
        name=bundle.name,
        known_from=known.known_from,
        architecture=bundle.architecture,
        output_type=bundle.output_type,
        classes=None if bundle.classes is None else list(bundle.classes),
        activation=bundle.activation,
        temperature=bundle.temperature,
        symbols=list(bundle.symbols),
        timeframes=list(bundle.timeframes),
        trained_from=bundle.trained_from,
        trained_until=bundle.trained_until,
        label_horizon_bars=bundle.label_horizon,
        features=len(bundle.features.names),
        lookback_bars=bundle.features.lookback,
        notes=list(bundle.features.notes),
        settings=settings,
    )


def _counts(run: ModelResult) -> DecisionCounts:
    counts = run.decisions["signal"].value_counts()
    return DecisionCounts(
        buy=int(counts.get("BUY", 0)),
        sell=int(counts.get("SELL", 0)),
        hold=int(counts.get("HOLD", 0)),
        held=run.held_decisions,
    )


def _in_sample(run: ModelResult) -> InSampleSection:
    equity = run.equity
    points = np.linspace(0, len(equity) - 1, min(len(equity), _POINTS))
    shown = np.unique(points.round().astype(int))
    return InSampleSection(
        first=equity.index[0],
        last=equity.index[-1],
        rows=len(equity),
        metrics=MetricsSection(run_id=None, **run.metrics.to_json_values()),
        decisions=_counts(run),
        curve=[
            CurvePoint(time=time, equity=float(value)) for time, value in equity.iloc[shown].items()
        ],
    )
