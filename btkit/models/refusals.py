"""Everything that a run would refuse of the trained models that a spec names, before any bar."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from btkit.errors import BtkitError, Problem, SpecError
from btkit.markets import Interval
from btkit.models.agreement import definition_problems, in_features
from btkit.models.answers import fit_checks
from btkit.models.classifiers import Classifier, classifier_checks
from btkit.models.findings import WHOLE_BUNDLE
from btkit.models.loading import load_bundle
from btkit.models.timeline import KnownBundle, bundle_paths, load_known
from btkit.spec import ModelSpec

if TYPE_CHECKING:
    from btkit.spec import BaseSpec
    from btkit.spec.bundles import ClassifierSource

T = TypeVar("T")
Place = tuple[str, ...]


@dataclass
class CheckedModels:
    """What is found of the trained models that a spec names.

    Parameters
    ----------
    bundles
        Those that a run would take, each with the field that names it.
    problems
        What it would refuse, each where it stands in the spec.
    unknown
        Whether nobody says which bundle decides: neither the spec nor a symbol.
    """

    bundles: list[tuple[str, KnownBundle]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unknown: bool = False

    def take(self, place: Place, known: Iterable[KnownBundle]) -> None:
        """Note bundles that could be loaded."""
        self.bundles += [(".".join(place), entry) for entry in known]

    def attempt(self, place: Place, work: Callable[[], T]) -> T | None:
        """Return what some work returns; None where it is refused, and the reasons are noted."""
        try:
            return work()
        except BtkitError as error:
            for problem in _problems(place, error):
                if problem not in self.problems:
                    self.problems.append(problem)
            return None


def check_models(spec: BaseSpec, *, symbol: str | None, interval: str) -> CheckedModels:
    """Load every bundle that a spec names, and find what a run of it would refuse.

    What only bars can tell is left to the run: at which of them a dated bundle had learnt, where
    that lies close to its date, and whether any bar is out of sample.

    Parameters
    ----------
    spec
        Of any kind; one that names no model has nothing to be refused.
    symbol, interval
        What it is run on; no symbol where nobody says it.
    """
    found, length = CheckedModels(), Interval.parse(interval)
    if isinstance(spec, ModelSpec):
        _check_deciding(spec, symbol, length, found)
    for name, source in spec.classifier_sources.items():
        _check_classifier(name, source, symbol, length, found)
    return found


def _check_classifier(
    name: str,
    source: ClassifierSource,
    symbol: str | None,
    interval: Interval,
    found: CheckedModels,
) -> None:
    place, paths = ("classifiers", name), source.paths
    dated: Mapping[str, str] = {"": paths} if isinstance(paths, str) else paths
    known = []
    for date, path in sorted(dated.items()):
        bundle = found.attempt((*place, date) if date else place, partial(load_bundle, path))
        if bundle is not None:
            known.append(KnownBundle(bundle, path, date or None))
    found.take(place, known)
    classifier = Classifier(name, tuple(known), source.allow_other)
    if known:
        _run(classifier_checks(classifier, symbol=symbol, interval=interval), place, found)


def _check_deciding(
    spec: ModelSpec, symbol: str | None, interval: Interval, found: CheckedModels
) -> None:
    field_name = "model_path" if spec.models is None else "models"
    if spec.models is None and spec.model_path is None and symbol is None:
        # Where the bundle lies hangs on the symbol, which a run is told.
        found.unknown = True
        found.problems += _in_definition(spec, interval)
        return
    paths = found.attempt(
        (field_name,), lambda: bundle_paths(spec, symbol=symbol, interval=interval.label)
    )
    known = []
    for date, path in paths or ():
        place = (field_name, *(() if date is None or isinstance(spec.models, str) else (date,)))
        bundle = found.attempt(place, partial(load_known, path, spec, date))
        if bundle is not None:
            known.append(bundle)
    found.take((field_name,), known)
    if known:
        _run(fit_checks(known, spec, symbol=symbol, interval=interval), (field_name,), found)
    else:
        found.problems += _in_definition(spec, interval)


def _in_definition(spec: ModelSpec, interval: Interval) -> list[Problem]:
    if spec.features is None:
        return []
    return list(map(in_features, definition_problems(spec.features, interval)))


def _run(checks: Iterable[Callable[[], object]], place: Place, found: CheckedModels) -> None:
    for check in checks:
        found.attempt(place, check)


def _problems(place: Place, error: BtkitError) -> Iterator[Problem]:
    """Yield what an error says is wrong, where it stands in the spec."""
    if isinstance(error, SpecError):
        # Of the strategy's own definition, which a spec has as its features.
        yield from map(in_features, error.problems)
        return
    path = ".".join(place)
    inner: list[dict[str, Any]] = error.details.get("problems", [])
    for problem in inner:
        where = "" if problem["path"] == WHOLE_BUNDLE else f"{problem['path']}: "
        message = f"{error.details['path']}: {where}{problem['message']}"
        yield Problem(path, message, problem["hint"], location=place)
    if not inner:
        yield Problem(path, error.message, error.hint, location=place)
