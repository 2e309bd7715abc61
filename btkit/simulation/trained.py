"""A trained model over bars: what it was trained on apart, and what it was not as a run of its own.

SEMANTICS 10. A run of a model spec is that of the bars that no bundle was trained on; what came
before is simulated on its own, and is in `ModelResult.in_sample`. Features, conditions and batches
of each see 2,000 bars before its own first one, and 600 of slower timeframes (1.3): it is, to the
last bit, the run that is asked for over its dates alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from btkit.conditions.nodes import Const
from btkit.decisions import (
    Clause,
    Clauses,
    Decisions,
    Signal,
    follow_signals,
    parse_clauses,
    plan_decisions,
)
from btkit.engine import POSITION_NAMES, standing_of
from btkit.engine.inputs import Integers
from btkit.engine.standing import was_ordered
from btkit.errors import NoDataError, UsageError
from btkit.models.answers import ModelAnswers, answers_of
from btkit.models.decisions import (
    HELD_WORDS,
    Held,
    hold_by_account,
    separation_of,
    tell_decisions,
)
from btkit.models.learnt import check_dates, horizon_of, in_sample_end
from btkit.models.timeline import KnownBundle
from btkit.simulation.diagnostics import Diagnostics, diagnose
from btkit.simulation.inputs import Inputs, in_one_piece
from btkit.simulation.levels import levels_of_sides
from btkit.simulation.result import Result
from btkit.simulation.shares import rules_of, trade_shares
from btkit.simulation.warnings import find_warnings
from btkit.spec import ModelSpec
from btkit.spelling import count_of

if TYPE_CHECKING:
    from btkit.engine import Outcome
    from btkit.models.features import FeaturePlan


class ModelDiagnostics(Diagnostics):
    """What happened to conditions, orders, and the model's answers.

    Parameters
    ----------
    held_decisions
        Bars at which orders were decided and none came of it, by what held it.
    """

    held_decisions: dict[str, int]


@dataclass(frozen=True, eq=False, repr=False)
class ModelResult(Result):
    """One simulated run of a model spec; see `btkit.simulation.simulated.Simulated`.

    Parameters
    ----------
    answers
        What the model said of every bar.
    bundles
        The bundles that decided, the oldest first.
    held
        int64 (n_bars,): what held each bar; see `btkit.models.decisions.Held`.
    in_sample
        The run on the bars that the model was trained on, None where there was none.
    in_sample_scored
        How many bars of this run the model was trained on: none but in the in-sample part of a
        validation.
    not_known_yet
        How many bars that were asked for lie before the first model, and in no run.
    """

    answers: ModelAnswers = field(kw_only=True)
    bundles: list[KnownBundle] = field(kw_only=True)
    held: Integers = field(kw_only=True)
    in_sample: ModelResult | None = field(default=None, kw_only=True)
    in_sample_scored: int = field(default=0, kw_only=True)
    not_known_yet: int = field(default=0, kw_only=True)

    @property
    def side(self) -> str:
        """Which sides of the instrument it might take, as its bundles settle it."""
        shorts = any(rules.allow_short_from_flat for rules in self.answers.rules)
        return "long and short" if shorts else "long only"

    @cached_property
    def decisions(self) -> pd.DataFrame:
        """What the model said at each bar, and what came of it.

        ``signal`` is what was decided: BUY, SELL or HOLD; ``answer`` the class of highest
        probability (of a regression what its output alone says), None without one;
        ``confidence`` its probability; ``held_by`` what kept it from an order, None where one was
        decided; then the probability of each class, or ``output``, and of several bundles, in
        ``bundle``, the date of the one that decided.
        """
        return tell_decisions(
            self.decision_columns,
            classes=self.answers.classes,
            dates=[known.known_from for known in self.bundles],
            index=self.bars.index,
        )

    @property
    def decision_columns(self) -> dict[str, np.ndarray[Any, Any]]:
        """What `decisions` is made of, as numbers: see `btkit.models.decisions.tell_decisions`."""
        start, answers = self.outcome.start, self.answers
        said = answers.said.map(lambda array: array[start:])
        held = self.held[start:]
        ordered = np.isin(held, (Held.NOTHING, Held.NOT_FILLED))
        outputs = zip(answers.output_names, said.probabilities.T, strict=True)
        return {
            "signal": np.where(ordered, said.signals, int(Signal.HOLD)).astype(np.int8),
            "answer": said.raw.astype(np.int16),
            "held": held.astype(np.int8),
            "confidence": said.confidence,
            "bundle": answers.which[start:].astype(np.int16),
            **dict(outputs),
        }

    @property
    def runtime(self) -> dict[str, str]:
        """What its networks run in beside btkit, such as the version of onnxruntime."""
        return super().runtime | {
            name: value
            for known in self.bundles
            for name, value in known.bundle.network.provenance.items()
        }

    @property
    def trained_features(self) -> Iterator[tuple[str, FeaturePlan]]:
        """Likewise, with those of its bundles."""
        yield from (("", known.bundle.features) for known in self.bundles)
        yield from super().trained_features

    @property
    def learnt_bars(self) -> int:
        """How many bars of the run a trained model is known to have learnt from, at the most."""
        return max(self.in_sample_scored, super().learnt_bars)

    @cached_property
    def held_decisions(self) -> dict[str, int]:
        """How many bars each reason held, where it held any, the most frequent first."""
        decided = self.held[self.outcome.start : self.outcome.last_decided + 1]
        counts = np.bincount(decided, minlength=len(Held))
        named = {held.name.lower(): int(counts[held]) for held in Held if counts[held]}
        named.pop("nothing", None)
        return dict(sorted(named.items(), key=lambda item: -item[1]))

    @cached_property
    def diagnostics(self) -> ModelDiagnostics:
        """How often each condition held, what was skipped, and what held the model's answers."""
        found = diagnose(self)
        explanation = found.explanation
        if not len(self.positions.closed.reason) and not found.skipped_entries:
            explanation = [*explanation, *self._explained()]
        return ModelDiagnostics(
            **{**found.model_dump(exclude={"explanation"}), "explanation": explanation},
            held_decisions=self.held_decisions,
        )

    @cached_property
    def warnings(self) -> list[dict[str, str]]:
        """What a reader must know before trusting the numbers: ``{code, message}``."""
        found = [*self.answers.warnings, *find_warnings(self, self.data)]
        if self.in_sample is not None:
            learnt = self.in_sample.bars.index
            found.append(
                {
                    "code": "in_sample_apart",
                    "message": f"The model learnt from bars up to {learnt[-1].date()}: the "
                    f"{len(learnt):,} of them that were asked for are shown apart, and only what "
                    "comes after is scored.",
                }
            )
        if self.not_known_yet:
            found.append(
                {
                    "code": "no_model_yet",
                    "message": f"The first model is known from {self.bundles[0].known_from}: "
                    f"{count_of(self.not_known_yet, 'bar')} before it that were asked for are left "
                    "out of the run and of every number of it.",
                }
            )
        if self.in_sample_scored:
            found.append(
                {
                    "code": "in_sample_scored",
                    "message": f"The model learnt from {self.in_sample_scored:,} of these "
                    f"{len(self.bars):,} bars, and they are scored: this is the in-sample part of "
                    "a validation, and no result.",
                }
            )
        return found

    def _explained(self) -> list[str]:
        decided = max(self.outcome.last_decided + 1 - self.outcome.start, 0)
        return [
            f"On {count:,} of {decided:,} bars {HELD_WORDS[Held[name.upper()]]}."
            for name, count in self.held_decisions.items()
        ]


def simulate_model(inputs: Inputs) -> Result:
    """Simulate a model spec; pure, but for reading the bundles that it names.

    Parameters
    ----------
    inputs
        What `simulate` checked.

    Raises
    ------
    BundleError
        If a bundle is refused, or does not fit the run.
    NoDataError
        If no bar is left that the model was not trained on.
    """
    spec, bundles = inputs.spec, inputs.bundles
    assert isinstance(spec, ModelSpec)
    check_dates(bundles, spec, inputs.asked)
    begin, end = split_training(inputs, bundles, spec)
    skipped = begin - inputs.start
    if inputs.in_sample == "scored":
        scored = _run(inputs.deciding_from(begin), spec, bundles)
        return replace(scored, in_sample_scored=max(end - begin, 0), not_known_yet=skipped)
    if end > begin and inputs.in_sample == "refused":
        index = inputs.asked.index
        raise UsageError(
            f"The model learnt from bars up to {index[end - 1].date()}, and these, which are to "
            f"be out of sample, begin on {index[begin].date()}.",
            hint="Begin the validation later, so that each part out of sample lies after the "
            "training, or give dated bundles: models: {DATE: PATH, ...}.",
            details={"argument": "start", "learnt_until": str(index[end - 1].date())},
        )
    # The scored part is first: whoever watches a run's loop watches that one.
    result = _run(inputs.deciding_from(max(begin, end)), spec, bundles)
    if end <= begin:
        return replace(result, not_known_yet=skipped)
    earlier = inputs.deciding_from(begin).cut(0, end, loop=in_one_piece, outputs={})
    return replace(result, in_sample=_run(earlier, spec, bundles))


def split_training(
    inputs: Inputs, bundles: Sequence[KnownBundle], spec: ModelSpec
) -> tuple[int, int]:
    """Return the first bar of the run, and the first that no bundle was trained on.

    Raises
    ------
    NoDataError
        If no model was known before the last bar, or no bar is left that it was not trained on.
    """
    asked = inputs.asked
    index, bars = asked.index, len(asked)
    begin = max(inputs.start, bundles[0].first_bar(asked.dates))
    if begin >= bars:
        raise NoDataError(
            f"No model was known before the last bar, of {index[-1].date()}: the first is of "
            f"{bundles[0].known_from}.",
            hint="Choose a later end, or name a model that was known earlier.",
        )
    if bundles[0].known_from is not None:
        # They were trained before their dates, see `check_dates`.
        return begin, begin
    end = in_sample_end(bundles[0].bundle, spec, asked) or 0
    if end >= bars and inputs.in_sample == "apart":
        horizon = horizon_of(bundles[0].bundle, spec)
        until = spec.trained_until or _day(bundles[0].bundle.trained_until)
        raise NoDataError(
            f"No bar is out of sample: the model was trained until {until}"
            + (f", its labels looked {count_of(horizon, 'bar')} ahead" if horizon else "")
            + f", and the last bar is of {index[-1].date()}.",
            hint="Choose a later end, or a model that was trained on less.",
            details={"trained_until": str(until), "label_horizon": horizon},
        )
    return begin, end


def _day(moment: pd.Timestamp | None) -> str:
    # Without a zone it is a session.
    return str(moment.date() if moment is not None and moment.tz is None else moment)


def _run(inputs: Inputs, spec: ModelSpec, bundles: Sequence[KnownBundle]) -> ModelResult:
    answers = answers_of(bundles, spec, inputs.asked)
    inputs.outputs.update(answers.by_bar)
    rules = answers.run_rules
    separation = separation_of(
        pd.DatetimeIndex(inputs.bars.index).as_unit("ns").asi8, rules.min_signal_separation
    )
    clauses, base = _conditions(inputs, spec)
    decisions = follow_signals(
        base, answers.said.signals, short=rules.allow_short_from_flat, separation=separation
    )
    terms = rules_of(spec, commission=inputs.commission, slippage=inputs.slippage)
    result = trade_shares(inputs, clauses, decisions, terms)
    return ModelResult(
        **{known.name: getattr(result, known.name) for known in fields(Result)},
        answers=answers,
        bundles=list(bundles),
        held=_held(result.outcome, answers, separation, base, at_close=terms.at_close),
    )


def _conditions(inputs: Inputs, spec: ModelSpec) -> tuple[Clauses, Decisions]:
    """Return the spec's conditions, and decisions that enter and leave wherever these let them."""
    bars = len(inputs.bars)
    clauses = parse_clauses(
        spec.filled_conditions,
        spec.filled_sizing,
        risk_pct=spec.per_trade_risk_pct,
        further={
            "commission": inputs.commission,
            "slippage": inputs.slippage,
            "multiplier": spec.point_value,
        },
        declared=spec.declared,
        prices=spec.filled_prices,
    )
    # An empty list never holds (SEMANTICS 2.4); the model's signals are put into these.
    always = Clause("entry_conditions", 0, "True", Const("bool", 1.0))
    base = plan_decisions(
        replace(clauses, entry=(always,), exit=(always,)),
        inputs.evaluator(),
        bars,
        filter_all=spec.filter_scope == "all",
        positions=POSITION_NAMES,
        levels=levels_of_sides(spec)[0],
    )
    return clauses, base


def _held(
    outcome: Outcome,
    answers: ModelAnswers,
    separation: Integers | None,
    base: Decisions,
    *,
    at_close: bool,
) -> Integers:
    """Return what held each bar, as the run went."""
    said = answers.said
    bars, trades = len(said.signals), outcome.trades
    standing = standing_of(trades, bars)
    decided = np.zeros(bars, np.bool_)
    decided[outcome.start : outcome.last_decided + 1] = True
    held = hold_by_account(said, decided, standing, separation=separation, rules=answers.run_rules)
    # What was decided filled at the next open, or at this close.
    filled = np.zeros(bars + 1, np.bool_)
    filled[trades.entry_bar] = True
    filled[trades.exit_bar[was_ordered(trades)]] = True
    came_of_it = filled[:bars] if at_close else filled[1:]
    nothing = decided & (held == Held.NOTHING) & ~came_of_it
    gates = np.where(standing.position == 0, base.entry_gate, base.exit_gate)
    held = np.where(nothing, np.where(gates, int(Held.NOT_FILLED), int(Held.FILTER)), held)
    return held.astype(np.int64)
