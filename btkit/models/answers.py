"""What the bundles of a run say of its bars: checked that they fit, asked, and decided."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from btkit.errors import BundleError
from btkit.markets import Interval
from btkit.models.agreement import check_definition
from btkit.models.decisions import (
    FIRST_BAR,
    Answers,
    DecisionRules,
    Floats,
    Held,
    Integers,
    classify,
    regress,
    silence,
)
from btkit.models.learnt import check_possible, check_stated, horizon_of
from btkit.models.outputs import class_probabilities
from btkit.models.predictions import Prediction, predict
from btkit.models.timeline import KnownBundle

if TYPE_CHECKING:
    from btkit.models.asked_bars import AskedBars
    from btkit.models.bundle import Bundle
    from btkit.spec import ModelSpec

# Warnings of a bundle that is asked by itself, and the setting of a spec that settles each.
_ANSWERED_BY = {
    "training_dates_unknown": "trained_until",
    "label_horizon_unknown": "label_horizon",
    "no_short_from_flat": "allow_short_from_flat",
}
# What holds for a whole run, whichever bundle decides.
_OF_THE_RUN = ("position_awareness", "allow_short_from_flat", "min_signal_separation")


@dataclass(frozen=True)
class ModelAnswers:
    """What the bundles of a run say of every bar.

    Parameters
    ----------
    said
        Before the account is looked at.
    which
        int64 (n_bars,): the place of the bundle that is asked, -1 for none.
    classes
        What probabilities and `Answers.raw` count; empty for a regression.
    rules
        By bundle.
    warnings
        What a reader must know, as ``{code, message}``.
    features
        float64 (n_bars,) by name: what went into the newest bundle's network.
    """

    said: Answers
    which: Integers
    classes: tuple[str, ...]
    rules: tuple[DecisionRules, ...]
    warnings: list[dict[str, str]]
    features: Mapping[str, Floats]

    @property
    def by_bar(self) -> dict[str, Floats]:
        """Everything that was worked out for each bar, causes before effects, by name."""
        outputs = zip(self.output_names, self.said.probabilities.T, strict=True)
        signals = self.said.signals.astype(np.float64)
        return {**self.features, **dict(outputs), "signal": signals}

    @property
    def run_rules(self) -> DecisionRules:
        """Those that hold for the whole run; its thresholds are of the newest bundle."""
        return self.rules[-1]

    @property
    def output_names(self) -> tuple[str, ...]:
        """What the columns of `Answers.probabilities` are called."""
        return tuple(f"p_{name.lower()}" for name in self.classes) or ("output",)


def answers_of(bundles: Sequence[KnownBundle], spec: ModelSpec, asked: AskedBars) -> ModelAnswers:
    """Ask the bundles of a run.

    Parameters
    ----------
    bundles
        The oldest first; from its date on each takes over from the one before.
    spec
        What their answers have to pass, where it says so.
    asked
        The bars.

    Raises
    ------
    BundleError
        If a bundle was trained on something else, is no model that trades, or does not say what
        its classes are.
    """
    for check in fit_checks(bundles, spec, symbol=asked.symbol, interval=asked.interval):
        check()
    rules = _all_rules(bundles, spec)
    classes = [_classes_of(known) for known in bundles]
    starts = [known.first_bar(asked.dates) for known in bundles]
    which = np.asarray(starts, np.int64).searchsorted(np.arange(len(asked)), side="right") - 1
    parts = []
    features: Mapping[str, Floats] = {}
    for place, known in enumerate(bundles):
        made, earliest = ask(known.bundle, asked, allow_other=spec.allow_other, first=starts[place])
        features = dict(zip(known.bundle.features.names, made.features.T, strict=True))
        said = _decide(known.bundle, made, rules[place], earliest)
        parts.append(_in_order(said, classes[place], classes[0]))
    said = parts[0]
    for place, part in enumerate(parts[1:], 1):
        for array, other in zip(said, part, strict=True):
            array[which == place] = other[which == place]
    said = silence(said, which < 0, Held.NO_MODEL)
    warnings = [warning for known in bundles for warning in _warnings(known, spec)]
    return ModelAnswers(said, which, classes[0], rules, warnings, features)


def fit_checks(
    bundles: Sequence[KnownBundle], spec: ModelSpec, *, symbol: str | None, interval: Interval
) -> Iterator[Callable[[], object]]:
    """Yield what refuses bundles that do not fit a run, before a bar is looked at.

    Parameters
    ----------
    bundles, spec
        As for `answers_of`.
    symbol, interval
        Of the bars; no symbol where they do not say it.

    Yields
    ------
    callable
        Raises `BundleError` or `SpecError` where something does not fit.
    """
    yield lambda: _check_alike(bundles, _all_rules(bundles, spec))
    for known in bundles:
        yield partial(_classes_of, known)
        yield partial(
            check_fit, known, allow_other=spec.allow_other, symbol=symbol, interval=interval
        )
        yield partial(check_definition, known, spec)
        yield partial(check_stated, known, spec)
        horizon = horizon_of(known.bundle, spec)
        yield partial(check_possible, known, horizon=horizon, interval=interval)


def _all_rules(bundles: Sequence[KnownBundle], spec: ModelSpec) -> tuple[DecisionRules, ...]:
    return tuple(_rules_of(known, spec) for known in bundles)


def _rules_of(known: KnownBundle, spec: ModelSpec) -> DecisionRules:
    stated = {setting.name: getattr(spec, setting.name) for setting in fields(DecisionRules)}
    return DecisionRules.of(stated, known.bundle.decisions)


def ask(
    bundle: Bundle, asked: AskedBars, *, allow_other: Collection[str], first: int
) -> tuple[Prediction, int]:
    """Return what a bundle's network gives, and the first bar of which it may say something.

    Parameters
    ----------
    bundle
        The trained model.
    asked
        The bars.
    allow_other
        As for `check_fit`: of another timeframe, bars are taken for those of its own.
    first
        The first bar from which on it is known.
    """
    if "timeframe" in allow_other:
        asked = replace(asked, interval=Interval.parse(bundle.timeframes[0]))
    needed = max(FIRST_BAR, bundle.features.lookback + bundle.network.window - 1)
    earliest = asked.begin + needed
    return predict(bundle, asked, first=max(first, earliest)), earliest


def probabilities_of(bundle: Bundle, outputs: Floats) -> Floats:
    """Return the probability of each class; NaN where an output is not finite.

    Parameters
    ----------
    bundle
        A classification of any kind.
    outputs : ndarray, shape (n_bars, n_classes)
        Of its network.
    """
    # What is infinite is no answer, whatever softmax would make of it.
    sound = np.isfinite(outputs).all(axis=1, keepdims=True)
    return class_probabilities(
        np.where(sound, outputs, np.nan),
        activation=bundle.activation,
        temperature=bundle.temperature,
    )


def _decide(bundle: Bundle, made: Prediction, rules: DecisionRules, earliest: int) -> Answers:
    outputs = made.outputs
    if bundle.classes is None:
        said = regress(outputs, rules)
    else:
        said = classify(probabilities_of(bundle, outputs), bundle.classes, rules)
    said = silence(said, made.missing, Held.MISSING_FEATURE)
    return silence(said, np.arange(len(outputs)) < earliest, Held.WARM_UP)


def _in_order(said: Answers, own: tuple[str, ...], wanted: tuple[str, ...]) -> Answers:
    """Return answers whose classes are counted as another bundle counts them; its own to keep."""
    raw, probabilities = said.raw, said.probabilities
    if own != wanted:
        probabilities = probabilities[:, [own.index(name) for name in wanted]]
        places = np.array([*(wanted.index(name) for name in own), -1])
        raw = places[raw]
    return said._replace(raw=raw, probabilities=probabilities).map(np.copy)


def _classes_of(known: KnownBundle) -> tuple[str, ...]:
    bundle, path = known.bundle, known.path
    if bundle.output_type == "regression":
        return ()
    if bundle.output_type != "classification" or bundle.classes is None:
        raise BundleError(
            f"The bundle {path} is a {bundle.output_type.replace('_', ' ')}, which says nothing "
            "of buying or selling.",
            hint="Take a bundle whose classes are BUY, SELL and HOLD, or a regression of returns.",
            details={"path": path, "output_type": bundle.output_type},
        )
    return bundle.classes


def check_fit(
    known: KnownBundle,
    *,
    allow_other: Collection[str],
    symbol: str | None,
    interval: Interval,
    written: str = "into the spec",
) -> None:
    """Refuse a bundle that was trained on another instrument, or on other bars.

    Parameters
    ----------
    known
        The bundle.
    allow_other
        What may be another: ``symbol``, ``timeframe``.
    symbol, interval
        Of the run; no symbol where the bars do not say it.
    written
        Where allow_other is to be written, for the hint.

    Raises
    ------
    BundleError
        If it does not fit.
    """
    bundle, path = known.bundle, known.path
    symbols = [name.upper() for name in bundle.symbols]
    if symbol and symbols and symbol.upper() not in symbols and "symbol" not in allow_other:
        raise BundleError(
            f"The bundle {path} was trained on {', '.join(bundle.symbols)}, and this run is on "
            f"{symbol}.",
            hint="Run it on what it was trained on; if another is meant, write "
            f"allow_other: [symbol] {written}.",
            details={"path": path, "trained_on": list(bundle.symbols), "symbol": symbol},
        )
    base = Interval.parse(bundle.timeframes[0])
    if base.label == interval.label:
        return
    details = {"path": path, "trained_on": list(bundle.timeframes), "timeframe": interval.label}
    if "timeframe" not in allow_other:
        raise BundleError(
            f"The bundle {path} was trained on bars of {base.label}, and these are of "
            f"{interval.label}.",
            hint=f"Give --interval {base.label}; if other bars are meant, write "
            f"allow_other: [timeframe] {written}.",
            details=details,
        )
    if len(bundle.timeframes) > 1:
        raise BundleError(
            f"The bundle {path} reads bars of {', '.join(bundle.timeframes)} together, and bars of "
            f"{interval.label} cannot stand in for the first of them.",
            hint=f"Give --interval {base.label}.",
            details=details,
        )


def _check_alike(bundles: Sequence[KnownBundle], rules: Sequence[DecisionRules]) -> None:
    """Refuse bundles that cannot take over from one another."""
    first = bundles[0]
    for known, own in zip(bundles, rules, strict=True):
        differing = [name for name in _OF_THE_RUN if getattr(own, name) != getattr(rules[0], name)]
        if known.bundle.output_type != first.bundle.output_type:
            differing.append("output_type")
        if differing:
            raise BundleError(
                f"The bundles {first.path} and {known.path} differ in {', '.join(differing)}, "
                "and one run has one of each.",
                hint="Write the setting into the spec, or take bundles that were trained alike.",
                details={"paths": [first.path, known.path], "differing": differing},
            )


def _warnings(known: KnownBundle, spec: ModelSpec) -> list[dict[str, str]]:
    """Return a bundle's own warnings, without those that the spec answers."""
    answered = {code for code, name in _ANSWERED_BY.items() if getattr(spec, name) is not None}
    return [warning for warning in known.bundle.warnings if warning["code"] not in answered]
