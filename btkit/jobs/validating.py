"""Checking a spec, and the trained models that it names, without running it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from btkit.errors import SpecError
from btkit.jobs.prepare import USUAL_INTERVAL
from btkit.jobs.requests import check_interval, with_model
from btkit.markets import Interval
from btkit.models.agreement import definition_problems
from btkit.models.refusals import check_models
from btkit.models.timeline import KnownBundle
from btkit.settings import Settings
from btkit.spec import KINDS, BaseSpec, foreign_sign, infer_kind, load_spec, read_fields
from btkit.spec.version3 import FEATURE_PARTS, V3_PARTS

_UNKNOWN = {
    "code": "bundle_unknown",
    "message": "The spec has no model_path, and where its bundle lies hangs on the symbol: give "
    "--symbol, or --model-path, to have the bundle checked as well.",
}


@dataclass(frozen=True)
class ValidSpec:
    """A spec that was checked.

    Parameters
    ----------
    spec
        The spec.
    kind
        What it was taken for.
    why
        What tells it, after "it ..." in a sentence.
    bundles
        The trained models that a run would take, each with the field that names it.
    warnings
        What could not be checked, and what the bundles warn of, as ``{code, message}``.
    """

    spec: BaseSpec
    kind: str
    why: str
    bundles: list[tuple[str, KnownBundle]]
    warnings: list[dict[str, str]]


def validate(
    path: Path,
    *,
    settings: Settings,
    model_path: str | None = None,
    symbol: str | None = None,
    interval: str | None = None,
) -> ValidSpec:
    """Check the spec of a file, and every bundle that a run of it would load.

    Parameters
    ----------
    path
        Of the file.
    settings
        Where a default of the spec and the user's events come from.
    model_path, symbol, interval
        As a run would be told them; None takes the spec's own.

    Raises
    ------
    SpecError
        If it is refused; ``problems`` has everything that is wrong with it or with its bundles.
    UsageError
        If there is nothing to read, or an argument makes no sense.
    """
    try:
        loaded = load_spec(path, settings=settings)
    except SpecError as error:
        raise _with_definition(error, path) from error
    kind, known = loaded.kind, KINDS[loaded.kind]
    values = read_fields(path)
    assert isinstance(values, Mapping), "it was loaded"
    why = infer_kind(values).why
    spec = with_model(loaded, model_path)
    stated = spec.meant_for
    length = check_interval(interval or stated.get("interval", USUAL_INTERVAL))
    found = check_models(spec, symbol=symbol or stated.get("symbol"), interval=length)
    if found.problems:
        foreign = foreign_sign(known, values) is not None
        problems = [known.in_foreign(one) if foreign else one for one in found.problems]
        refused = SpecError(problems, origin=str(path))
        refused.details |= {"kind": kind, "why": why}
        raise refused
    warnings = [warning for _, bundle in found.bundles for warning in bundle.bundle.warnings]
    if found.unknown:
        warnings.insert(0, _UNKNOWN)
    return ValidSpec(spec, kind, why, found.bundles, warnings)


def _with_definition(error: SpecError, path: Path) -> SpecError:
    # What is wrong with the features of another system's strategy, too.
    values = _fields_of(path)
    named = {problem.path.partition(".")[0] for problem in error.problems}
    # Where a part is missing or misspelt, all that is read of it would be wrong.
    if values is None or not named <= {*V3_PARTS} - {*FEATURE_PARTS}:
        return error
    more = definition_problems(values, Interval.parse(USUAL_INTERVAL))
    whole = SpecError([*error.problems, *more], origin=str(path))
    whole.details = error.details | whole.details
    return whole


def _fields_of(path: Path) -> Mapping[str, Any] | None:
    try:
        values = read_fields(path)
    except SpecError:
        return None
    if isinstance(values, Mapping) and any(foreign_sign(one, values) for one in KINDS.values()):
        return values
    return None
