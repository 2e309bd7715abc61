"""What a plan holds a later run to: the spec, the data, the arguments, the code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Self

from btkit.data import LoadedBars, plugins_of_source
from btkit.documents import bars_hash, detail_hash, gather_versions, others_hashes
from btkit.errors import BtkitError, PlanChangedError, UsageError
from btkit.jobs.execution import Execution
from btkit.jobs.job import BaseJob, BatchJob, SpecJob
from btkit.jobs.loading import bars_of
from btkit.jobs.prepare import prepare
from btkit.metrics import plugins_of_metrics
from btkit.spec import ModelSpec, spec_hash
from btkit.spelling import listed
from btkit.writing import digest_of_json

if TYPE_CHECKING:
    from btkit.models.timeline import KnownBundle

_DIGITS = 16
# What changes no number, or is counted among the spec or the data.
_NO_ARGUMENTS = {
    "spec", "path", "events", "rendering", "threads", "overfitting", "model_path",
}  # fmt: skip
# What numbers depend on beyond the compiled code.
_SOURCES = (
    "data", "documents", "indicators", "jobs", "markets", "models", "simulation", "spec",
    "validation",
)  # fmt: skip


@dataclass(frozen=True)
class PlanHash:
    """What was planned: of each part the first 16 hexadecimal digits of its SHA-256.

    As a text it is all of them in this order, 64 digits, so that what has changed can be named.

    Parameters
    ----------
    spec
        The strategy.
    data
        The bars, those of a benchmark and of other instruments, the user's events, and trained
        models.
    arguments
        All else that the job says and that numbers depend on.
    code
        btkit, the packages that it rests on, and what the user registers.
    """

    spec: str
    data: str
    arguments: str
    code: str

    @classmethod
    def of(cls, *, spec: object, data: object, arguments: object, code: object) -> Self:
        """Return the hash of parts: plain JSON values."""
        return cls(_digest(spec), _digest(data), _digest(arguments), _digest(code))

    @classmethod
    def together(cls, parts: Iterable[PlanHash]) -> Self:
        """Return the hash of several jobs, in their order."""
        columns = [list(column) for column in zip(*map(astuple, parts), strict=True)]
        return cls(*map(_digest, columns))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return what `str` gave.

        Raises
        ------
        UsageError
            If it is something else.
        """
        count = len(fields(cls))
        if not re.fullmatch(rf"[0-9a-f]{{{count * _DIGITS}}}", text):
            raise UsageError(
                f"{text!r} is no hash of a plan.",
                hint=f"Take plan_hash of `backtest plan`: {count * _DIGITS} hexadecimal digits.",
                details={"argument": "plan_hash"},
            )
        return cls(*(text[place : place + _DIGITS] for place in range(0, len(text), _DIGITS)))

    def __str__(self) -> str:
        return "".join(astuple(self))

    def check(self, now: PlanHash) -> None:
        """Refuse what is no longer as it was planned.

        Raises
        ------
        PlanChangedError
            It names what changed, in ``details["changed"]``, too.
        """
        pairs = zip(fields(self), astuple(self), astuple(now), strict=True)
        changed = [part.name for part, planned, found in pairs if planned != found]
        if changed:
            said = listed([f"the {name}" for name in changed])
            raise PlanChangedError(
                f"{said.capitalize()} {_be(changed)} not what was planned.",
                hint="Look at what changed, and plan again: `backtest plan` gives a new hash.",
                details={"changed": changed, "planned": str(self), "found": str(now)},
            )


def hold_to(job: BaseJob, planned: str, given: Execution) -> Execution:
    """Refuse a job that is no longer as it was planned; return with what it is executed then.

    Parameters
    ----------
    job
        What is asked for.
    planned
        The hash of its plan.
    given
        With what it is to be executed. The bars that were looked at are in what is returned, so
        that no others are run; a batch's jobs load theirs again, each in its process.

    Raises
    ------
    UsageError
        If `planned` is no hash of a plan.
    PlanChangedError
        If the spec, the data, the arguments or the code changed.
    """
    known = PlanHash.parse(planned)
    found, loaded = hash_now(job, given)
    known.check(found)
    return given if loaded is None else replace(given, bars=loaded)


def hash_now(job: BaseJob, given: Execution) -> tuple[PlanHash, LoadedBars | None]:
    """Return what a job would be held to if it were planned now, and its bars; None of a batch."""
    if isinstance(job, BatchJob):
        return PlanHash.together(_hash_or_error(one, given) for one in job.jobs), None
    assert isinstance(job, SpecJob)
    prepared = prepare(job, settings=given.settings)
    loaded = bars_of(prepared, given)
    return plan_hash_of(prepared, loaded), loaded


def _hash_or_error(job: SpecJob, given: Execution) -> PlanHash:
    try:
        return hash_now(job, given)[0]
    except BtkitError as error:
        return hash_of_error(error)


def hash_of_error(error: BtkitError) -> PlanHash:
    """Return what a job of a batch is held to that cannot be planned: that it fails likewise."""
    said = [type(error).__name__, error.message]
    return PlanHash.of(spec=said, data=said, arguments=said, code=code_now())


def plan_hash_of(job: SpecJob, loaded: LoadedBars) -> PlanHash:
    """Return what a prepared job is held to.

    Parameters
    ----------
    job
        As `prepare` filled it in.
    loaded
        Its bars.

    Raises
    ------
    BundleError
        If a trained model cannot be read.
    """
    spec = job.strategy
    said = job.model_dump(mode="json", exclude=_NO_ARGUMENTS)
    objective = said.get("objective")
    plugins = [
        *spec.plugins_read(),
        *plugins_of_source(loaded.info.source),
        *plugins_of_metrics([] if objective is None else [objective]),
    ]
    beside = loaded.benchmark
    return PlanHash.of(
        spec=spec_hash(spec),
        data={
            "bars": bars_hash(loaded.bars, columns=spec.hashed_columns),
            "start": loaded.start.isoformat(),
            "benchmark": None if beside is None else bars_hash(beside),
            "others": others_hashes(loaded.others, spec),
            "detail": detail_hash(loaded.detail, spec),
            "events": spec.events_read(job.symbol).fingerprint(),
            "bundles": [
                [name, known.known_from, known.bundle.hash] for name, known in bundles_read(job)
            ],
        },
        arguments={**said, "axes": job.ordered_axes},
        code=[*code_now(), *(plugin.to_document() for plugin in plugins)],
    )


def code_now() -> list[Any]:
    """Return what the numbers of any job hang on in the code."""
    from btkit.conditions.compiled import sources_hash  # noqa: PLC0415 - brings numba

    return [gather_versions(), sources_hash(*_SOURCES)]


def bundles_read(job: SpecJob) -> list[tuple[str | None, KnownBundle]]:
    """Return the trained models that a prepared job reads.

    Parameters
    ----------
    job
        What is asked for.

    Returns
    -------
    list of tuple
        The name of the classifier, None for what decides, and the bundle.

    Raises
    ------
    BundleError
        If one cannot be read.
    """
    spec = job.strategy
    found: list[tuple[str | None, KnownBundle]] = []
    if spec.classifiers:
        from btkit.models.classifiers import load_classifiers  # noqa: PLC0415 - brings networks

        loaded = load_classifiers(spec.classifier_sources, {})
        found += [(one.name, known) for one in loaded for known in one.bundles]
    if isinstance(spec, ModelSpec):
        from btkit.models.timeline import bundles_of  # noqa: PLC0415 - likewise

        decides = bundles_of(spec, symbol=job.symbol, interval=job.bars_interval)
        found += [(None, known) for known in decides]
    return found


def _digest(value: object) -> str:
    return digest_of_json(value)[:_DIGITS]


def _be(names: Sequence[str]) -> str:
    return "is" if names in (["spec"], ["code"]) else "are"
