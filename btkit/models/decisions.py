"""From a network's outputs to what is decided at each bar, and why not (SEMANTICS 10.3, 10.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import IntEnum
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.decisions import Signal
from btkit.engine import Standing

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Array = NDArray[Any]

FIRST_BAR = 50
"""No decision is made before this bar of those that were loaded, whatever the features need."""


class Held(IntEnum):
    """What kept a bar from trading; `NOTHING` where an order was decided."""

    NOTHING = 0
    NO_MODEL = 1
    WARM_UP = 2
    MISSING_FEATURE = 3
    NOT_FINITE = 4
    ANSWER = 5
    THRESHOLD = 6
    SEPARATION = 7
    POSITION = 8
    FILTER = 9
    NOT_FILLED = 10


HELD_WORDS: Mapping[Held, str] = {
    Held.NOTHING: "an order was decided",
    Held.NO_MODEL: "no model was known yet",
    Held.WARM_UP: "too few bars came before",
    Held.MISSING_FEATURE: "a feature was missing",
    Held.NOT_FINITE: "an output was no finite number",
    Held.ANSWER: "the model said HOLD",
    Held.THRESHOLD: "the confidence was below the threshold",
    Held.SEPARATION: "the last entry or exit was too near",
    Held.POSITION: "an order would have changed nothing",
    Held.FILTER: "a filter condition did not hold",
    Held.NOT_FILLED: "the order came to nothing",
}
"""Each in words, as half a sentence."""


@dataclass(frozen=True)
class DecisionRules:
    """What an answer has to pass before it trades.

    Parameters
    ----------
    confidence_threshold
        A class of lower probability is HOLD; of classifications only.
    position_awareness
        Whether a BUY while long and a SELL while flat are HOLD.
    allow_short_from_flat
        Whether a SELL while flat opens a short.
    min_signal_separation
        Hours from the bar of the last entry or exit fill.
    round_trip_cost, min_edge_multiplier
        A regression trades beyond their product.
    """

    confidence_threshold: float = 0.5
    position_awareness: bool = True
    allow_short_from_flat: bool = False
    min_signal_separation: float = 4.0
    round_trip_cost: float = 0.003
    min_edge_multiplier: float = 1.5

    @classmethod
    def of(cls, *stated: Mapping[str, Any]) -> Self:
        """Return the settings that somebody states, else the usual ones.

        Parameters
        ----------
        *stated
            Settings by name, what counts most first: the spec's, then the bundle's. None is as
            good as not there.

        Examples
        --------
        >>> DecisionRules.of({"confidence_threshold": 0.7}, {"confidence_threshold": 0.6}).edge
        0.0045000000000000005
        """
        found: dict[str, Any] = {}
        for setting in fields(cls):
            for source in stated:
                value = source.get(setting.name)
                if value is not None:
                    found[setting.name] = value
                    break
        return cls(**found)

    def to_dict(self) -> dict[str, float | bool]:
        """Return the settings by name."""
        return asdict(self)

    @property
    def edge(self) -> float:
        """What a regression's answer has to exceed."""
        return self.round_trip_cost * self.min_edge_multiplier


class Answers(NamedTuple):
    """What a model says of each bar, before the account is looked at.

    Parameters
    ----------
    signals
        int64 (n_bars,): a `Signal`, HOLD where anything held it.
    held
        int64 (n_bars,): a `Held`.
    raw
        int64 (n_bars,): the place of the class of highest probability, or of a regression a
        `Signal`; -1, or HOLD, where there is no answer.
    confidence
        float64 (n_bars,): its probability; NaN where there is no answer.
    probabilities
        float64 (n_bars, n_outputs): of each class; of a regression its output.
    """

    signals: Integers
    held: Integers
    raw: Integers
    confidence: Floats
    probabilities: Floats

    def map(self, change: Callable[[Array], Array]) -> Answers:
        """Return them with each array changed.

        Parameters
        ----------
        change
            Takes an array by bars, and returns one.
        """
        return Answers(*map(change, self))


def classify(probabilities: Floats, classes: Sequence[str], rules: DecisionRules) -> Answers:
    """Return what a classification says; ties go to the first class.

    Parameters
    ----------
    probabilities : ndarray, shape (n_bars, n_classes)
        NaN where there is no answer.
    classes
        What each stands for: BUY, SELL and HOLD in any order.
    rules
        The threshold counts.

    Examples
    --------
    >>> said = classify(np.array([[0.2, 0.7, 0.1]]), ("BUY", "SELL", "HOLD"), DecisionRules())
    >>> Signal(said.signals[0]).name, float(said.confidence[0])
    ('SELL', 0.7)
    """
    raw, confidence = most_probable(probabilities)
    sound: Flags = raw >= 0
    meaning = np.array([Signal[name] for name in classes], np.int64)
    signals = np.where(sound, meaning[raw], Signal.HOLD)
    held = np.where(signals == Signal.HOLD, int(Held.ANSWER), int(Held.NOTHING))
    held = np.where(sound, held, int(Held.NOT_FINITE))
    below: Flags = sound & np.less(confidence, rules.confidence_threshold)
    held = np.where(below & (signals != Signal.HOLD), int(Held.THRESHOLD), held)
    signals = np.where(below, Signal.HOLD, signals)
    return Answers(signals, held, raw, confidence, probabilities)


def most_probable(probabilities: Floats) -> tuple[Integers, Floats]:
    """Return the class of highest probability at each bar, and how probable it is.

    Parameters
    ----------
    probabilities : ndarray, shape (n_bars, n_classes)
        NaN where there is no answer.

    Returns
    -------
    tuple of ndarray, shape (n_bars,)
        Its place, int64, ties going to the first and -1 where there is no answer; and its
        probability, NaN where there is none.
    """
    sound: Flags = np.logical_and.reduce(np.isfinite(probabilities), axis=1)
    # NaN would be taken for the largest.
    raw = np.where(sound, np.where(sound[:, None], probabilities, 0.0).argmax(axis=1), -1)
    return raw, np.where(sound, probabilities[np.arange(len(raw)), raw], np.nan)


def regress(outputs: Floats, rules: DecisionRules) -> Answers:
    """Return what a regression says: BUY above what a round trip costs, SELL below its negative.

    Parameters
    ----------
    outputs : ndarray, shape (n_bars, 1)
        The return that is foreseen, as a fraction.
    rules
        `DecisionRules.edge` is what it has to exceed.
    """
    output = outputs[:, 0]
    sound = np.isfinite(output)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        raw = np.where(output > rules.edge, Signal.BUY, Signal.HOLD)
        raw = np.where(output < -rules.edge, Signal.SELL, raw)
        confidence = np.minimum(np.abs(output) / (3.0 * rules.edge), 1.0)
    # Without a cost, every answer is as good as certain but that of exactly 0.
    confidence = np.where(sound & np.isnan(confidence), 0.0, confidence)
    signals = np.where(sound, raw, Signal.HOLD).astype(np.int64)
    held = np.where(signals == Signal.HOLD, int(Held.ANSWER), int(Held.NOTHING))
    held = np.where(sound, held, int(Held.NOT_FINITE))
    confidence = np.where(sound, confidence, np.nan)
    return Answers(signals, held, signals.copy(), confidence, outputs)


def tell_decisions(
    columns: Mapping[str, Array],
    *,
    classes: Sequence[str],
    dates: Sequence[str | None],
    index: pd.Index[Any],
) -> pd.DataFrame:
    """Return decisions as a table for people, of what is stored as numbers.

    Parameters
    ----------
    columns
        ``signal``, ``answer``, ``held``, ``confidence`` and ``bundle``, and by their names what
        came out of the network.
    classes
        What ``answer`` counts; empty for a regression, where it is a `Signal`.
    dates
        Since when each of the bundles was known, which ``bundle`` counts.
    index
        Of the bars.

    Returns
    -------
    DataFrame
        See `btkit.simulation.trained.ModelResult.decisions`.
    """
    signals = {int(signal): signal.name for signal in Signal}
    answers = dict(enumerate(classes)) or signals
    known = np.isfinite(columns["confidence"])
    told: dict[str, Any] = {
        "signal": [signals[value] for value in columns["signal"].tolist()],
        "answer": [
            answers[value] if there else None
            for value, there in zip(columns["answer"].tolist(), known, strict=True)
        ],
        "confidence": columns["confidence"],
        "held_by": [
            Held(value).name.lower() if value else None for value in columns["held"].tolist()
        ],
    }
    own = {"signal", "answer", "held", "confidence", "bundle"}
    told |= {name: values for name, values in columns.items() if name not in own}
    if any(date is not None for date in dates):
        told["bundle"] = [dates[at] if at >= 0 else None for at in columns["bundle"].tolist()]
    return pd.DataFrame(told, index=index)


def silence(answers: Answers, where: Flags, reason: Held) -> Answers:
    """Return answers of which some bars have none.

    Parameters
    ----------
    answers
        Of all bars.
    where : ndarray of bool, shape (n_bars,)
        The bars that have none.
    reason
        Why.
    """
    return Answers(
        np.where(where, Signal.HOLD, answers.signals).astype(np.int64),
        np.where(where, int(reason), answers.held),
        answers.raw,
        answers.confidence,
        answers.probabilities,
    )


def separation_of(times: Integers, hours: float) -> Integers | None:
    """Return, for each bar, the last one that lies far enough before it; None for no separation.

    Parameters
    ----------
    times : ndarray of int64, shape (n_bars,)
        Keys of the bars in nanoseconds.
    hours
        The least distance of two keys.

    Returns
    -------
    ndarray of int64, shape (n_bars,)
        -1 where there is none.

    Examples
    --------
    >>> separation_of(np.array([0, 3_600, 7_200]) * 10**9, 1.0).tolist()
    [-1, 0, 1]
    """
    if hours <= 0.0:
        return None
    # Whole nanoseconds: a float of the time since 1970 has lost the last of them.
    apart = np.int64(min(round(hours * 3.6e12), 2**62))
    return times.searchsorted(times - apart, side="right") - 1


def hold_by_account(
    answers: Answers,
    decided: Flags,
    standing: Standing,
    *,
    separation: Integers | None,
    rules: DecisionRules,
) -> Integers:
    """Return what held each bar, the account's part included.

    Parameters
    ----------
    answers
        Of all bars.
    decided : ndarray of bool, shape (n_bars,)
        The bars at which orders were decided.
    standing
        How the run stood then.
    separation
        As `separation_of` returns it.
    rules
        Whether a SELL may open.

    Returns
    -------
    ndarray of int64, shape (n_bars,)
        A `Held`.
    """
    signals = answers.signals
    trades = decided & (signals != Signal.HOLD)
    already = np.zeros(len(signals), np.bool_)
    if rules.position_awareness:
        # A `Side` is the signal that opens it.
        already = standing.position == signals
        if not rules.allow_short_from_flat:
            already |= (standing.position == 0) & (signals == Signal.SELL)
    held = np.where(trades & already, int(Held.POSITION), answers.held)
    if separation is None:
        return held
    return np.where(trades & standing.held_back(separation), int(Held.SEPARATION), held)
