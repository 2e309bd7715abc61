"""What trained classifiers say of every bar, as columns of texts that conditions read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.errors import BundleError
from btkit.models.answers import ask, check_fit, probabilities_of
from btkit.models.decisions import DecisionRules, Floats, Held, Integers, most_probable
from btkit.models.learnt import check_date, check_possible, known_end
from btkit.models.loading import load_bundle
from btkit.models.timeline import KnownBundle

if TYPE_CHECKING:
    from btkit.markets import Interval
    from btkit.models.asked_bars import AskedBars
    from btkit.models.bundle import Bundle
    from btkit.spec.bundles import ClassifierSource

_SAID_NOTHING: Mapping[Held, str] = {
    Held.NO_MODEL: "no bundle was known yet",
    Held.WARM_UP: "its features were warming up",
    Held.MISSING_FEATURE: "a feature was missing",
    Held.NOT_FINITE: "its output was not a finite number",
    Held.THRESHOLD: "its answer lay below its confidence threshold",
}
# What is wrong, or nobody expects, where the others are as they should be.
_UNANSWERED = (Held.NO_MODEL, Held.MISSING_FEATURE, Held.NOT_FINITE)
# Of these the run's own warnings tell, with its bars.
_TOLD = frozenset({"training_dates_unknown"})


@dataclass(frozen=True, eq=False)
class Classified:
    """What one classifier says of every bar.

    Parameters
    ----------
    name
        As conditions read it.
    bundles
        The oldest first; from its date on each takes over from the one before.
    texts
        The class of each bar, shape (n_bars,), None where nothing is said. Its categories are all
        classes of the bundles, whether or not any bar has one.
    held
        int64 (n_bars,): a `Held`, why nothing is said.
    outputs
        float64 (n_bars,) by name: the features of the newest bundle, then each probability.
    in_sample
        The first bar that no bundle was trained on; None where a bundle does not say it.
    """

    name: str
    bundles: tuple[KnownBundle, ...]
    texts: pd.Categorical[Any]
    held: Integers
    outputs: Mapping[str, Floats]
    in_sample: int | None

    @property
    def warnings(self) -> list[dict[str, str]]:
        """What the bundles themselves warn of, as ``{code, message}``."""
        return [
            {"code": warning["code"], "message": f"{self.name}: {warning['message']}"}
            for known in self.bundles
            for warning in known.bundle.warnings
            if warning["code"] not in _TOLD
        ]

    def nothing_said(self, start: int) -> dict[str, int]:
        """Return on how many of the bars from one on nothing is said, by why.

        Parameters
        ----------
        start
            The first bar that counts.
        """
        return self._counted(start, tuple(_SAID_NOTHING))

    def unanswered(self, start: int) -> dict[str, int]:
        """Return where that is because no bundle, feature or number is there, likewise.

        Parameters
        ----------
        start
            The first bar that counts.
        """
        return self._counted(start, _UNANSWERED)

    def _counted(self, start: int, reasons: Sequence[Held]) -> dict[str, int]:
        counts = np.bincount(self.held[start:], minlength=len(Held))
        return {_SAID_NOTHING[why]: int(counts[why]) for why in reasons if counts[why]}

    def told(self, start: int) -> str:
        """Return how often it says what, for people.

        Parameters
        ----------
        start
            The first bar that counts.
        """
        codes = self.texts.codes[start:]
        counts = np.bincount(codes[codes >= 0], minlength=len(self.texts.categories))
        said = ", ".join(
            f"{text} on {count:,}"
            for text, count in zip(self.texts.categories, counts, strict=True)
        )
        nothing = self.nothing_said(start)
        why = ", ".join(f"{reason} on {count:,}" for reason, count in nothing.items())
        silent = f", and None on {sum(nothing.values()):,} ({why})" if nothing else ""
        return f"Of {len(codes):,} bars {self.name} was {said}{silent}."


@dataclass(frozen=True, eq=False)
class Classifier:
    """A name that conditions read, and the bundles that say what it is at each bar.

    Parameters
    ----------
    name
        As conditions read it.
    bundles
        The oldest first; from its date on each takes over from the one before.
    allow_other
        What may be another than they were trained on: ``symbol``, ``timeframe``.
    """

    name: str
    bundles: tuple[KnownBundle, ...]
    allow_other: tuple[str, ...] = ()


def load_classifiers(
    sources: Mapping[str, ClassifierSource], given: Mapping[str, Bundle]
) -> tuple[Classifier, ...]:
    """Return the classifiers of a spec.

    Parameters
    ----------
    sources
        Where each is, by its name.
    given
        Bundles that are loaded already, by its name; the others are loaded from the working folder.

    Raises
    ------
    BundleError
        If one is refused, or there is none.
    """
    return tuple(
        Classifier(name, _load(source.paths, given.get(name)), source.allow_other)
        for name, source in sources.items()
    )


def _load(paths: str | Mapping[str, str], given: Bundle | None) -> tuple[KnownBundle, ...]:
    if given is not None:
        return (KnownBundle(given, str(given.path)),)
    if isinstance(paths, str):
        return (KnownBundle(load_bundle(paths), paths),)
    return tuple(KnownBundle(load_bundle(path), path, date) for date, path in sorted(paths.items()))


def classifier_checks(
    classifier: Classifier, *, symbol: str | None, interval: Interval
) -> Iterator[Callable[[], object]]:
    """Yield what refuses a classifier that does not fit a run, before a bar is looked at.

    Parameters
    ----------
    classifier
        As `load_classifiers` returns it.
    symbol, interval
        Of the bars; no symbol where they do not say it.

    Yields
    ------
    callable
        Raises `BundleError` where something does not fit.
    """
    yield partial(_classes_of, classifier.name, classifier.bundles)
    for known in classifier.bundles:
        yield partial(
            check_fit,
            known,
            allow_other=classifier.allow_other,
            symbol=symbol,
            interval=interval,
            written=f"into classifiers.{classifier.name}, as {{path: ..., allow_other: [...]}}",
        )
        horizon = known.bundle.label_horizon or 0
        yield partial(check_possible, known, horizon=horizon, interval=interval)


def classify_bars(classifier: Classifier, asked: AskedBars) -> Classified:
    """Ask a classifier of every bar.

    Parameters
    ----------
    classifier
        As `load_classifiers` returns it.
    asked
        The bars.

    Raises
    ------
    BundleError
        If a bundle tells no classes apart, was trained on something else, or stands at a date at
        which it could not have been trained yet.
    """
    name, bundles = classifier.name, classifier.bundles
    ends = [_first_unseen(known.bundle, asked) for known in bundles]
    for known, end in zip(bundles, ends, strict=True):
        if known.known_from is not None:
            check_date(known, end, dates=asked.dates, horizon=known.bundle.label_horizon or 0)
    for check in classifier_checks(classifier, symbol=asked.symbol, interval=asked.interval):
        check()
    classes = _classes_of(name, bundles)
    codes, held = np.full(len(asked), -1), np.full(len(asked), int(Held.NO_MODEL))
    probabilities = np.full((len(asked), len(classes)), np.nan)
    features: Mapping[str, Floats] = {}
    for known in bundles:
        bundle, first = known.bundle, known.first_bar(asked.dates)
        made, earliest = ask(bundle, asked, allow_other=classifier.allow_other, first=first)
        assert bundle.classes is not None
        places = [bundle.classes.index(text) for text in classes]
        own = probabilities_of(bundle, made.outputs)
        raw, reasons = _strongest(bundle, own, made.missing, earliest)
        in_order = np.array([*(classes.index(text) for text in bundle.classes), -1])
        codes[first:] = np.where(reasons == Held.NOTHING, in_order[raw], -1)[first:]
        held[first:], probabilities[first:] = reasons[first:], own[first:, places]
        features = dict(zip(bundle.features.names, made.features.T, strict=True))
    outputs = {
        f"p_{text.lower()}": column for text, column in zip(classes, probabilities.T, strict=True)
    }
    return Classified(
        name,
        tuple(bundles),
        pd.Categorical.from_codes(codes, dtype=_kind_of(classes)),
        held,
        {f"{name} {output}": values for output, values in {**features, **outputs}.items()},
        _last_end(bundles, ends),
    )


def _first_unseen(bundle: Bundle, asked: AskedBars) -> int | None:
    until = bundle.trained_until
    return known_end([] if until is None else [until], bundle.label_horizon or 0, asked)


def _strongest(
    bundle: Bundle, probabilities: Floats, missing: NDArray[np.bool_], earliest: int
) -> tuple[Integers, Integers]:
    raw, confidence = most_probable(probabilities)
    threshold = DecisionRules.of(bundle.decisions).confidence_threshold
    reasons = np.where(np.less(confidence, threshold), int(Held.THRESHOLD), int(Held.NOTHING))
    reasons = np.where(raw < 0, int(Held.NOT_FINITE), reasons)
    reasons = np.where(missing, int(Held.MISSING_FEATURE), reasons)
    reasons[:earliest] = int(Held.WARM_UP)
    return raw, reasons


def _last_end(bundles: Sequence[KnownBundle], ends: Sequence[int | None]) -> int | None:
    if None in ends:
        return None
    # A dated one decides only after what it learnt.
    undated = bundles[0].known_from is None
    return ends[0] if undated else 0


def _classes_of(name: str, bundles: Sequence[KnownBundle]) -> tuple[str, ...]:
    first = bundles[0]
    for known in bundles:
        bundle = known.bundle
        if bundle.classes is None:
            raise BundleError(
                f"The bundle {known.path} of the classifier {name} is a regression, and tells no "
                "classes apart.",
                hint="Take a bundle that classifies, such as a regime_classification.",
                details={"path": known.path, "classifier": name},
            )
        if bundle.output_type != first.bundle.output_type:
            raise BundleError(
                f"The bundles {first.path} and {known.path} of the classifier {name} differ in "
                "output_type, and one column has the classes of one.",
                hint="Take bundles that were trained alike.",
                details={"paths": [first.path, known.path], "classifier": name},
            )
    return tuple(sorted(first.bundle.classes or ()))


def _kind_of(classes: Sequence[str]) -> pd.CategoricalDtype[Any]:
    # As a column of texts of the bars is.
    return pd.CategoricalDtype(pd.Index(list(classes), dtype=object))
