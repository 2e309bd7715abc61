"""Fill in what a job leaves out, once, before it is stored and worked on."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from btkit.indicators import UserEvents
from btkit.jobs.asking import Refusals
from btkit.jobs.job import SpecJob, SweepJob
from btkit.jobs.loading import usable_cores
from btkit.jobs.requests import check_costs
from btkit.settings import Settings
from btkit.spec import BaseSpec, load_spec

S = TypeVar("S", bound=SpecJob)


def prepare(job: S, *, settings: Settings) -> S:
    """Return a job with its spec by its fields, and every default written out.

    Parameters
    ----------
    job
        As it was asked for, or as it was stored.
    settings
        The defaults.

    Raises
    ------
    SpecError, UsageError
        If the spec is refused, or the job with it, see `Refusals.raise_all`.
    """
    spec = _spec_of(job, settings)
    costs = check_costs(
        spec, capital=job.capital, commission=job.commission, slippage=job.slippage,
        settings=settings,
    )  # fmt: skip
    least = job.min_trades_required
    filled = {
        "path": job.strategy_path,
        "source": job.source or settings.data_source,
        "format": None if (known := job.bar_format) is None else known.stated(),
        "capital": costs.capital,
        "commission": costs.commission,
        "slippage": costs.slippage,
        "min_trades_required": settings.min_trades_required if least is None else least,
    }
    if isinstance(job, SweepJob):
        filled["threads"] = job.threads or usable_cores()
    prepared = job.with_strategy(spec, **filled)
    refusals = Refusals()
    for check in prepared.checks():
        refusals.check(check)
    refusals.raise_all()
    return prepared


def _spec_of(job: SpecJob, settings: Settings) -> BaseSpec:
    loaded: BaseSpec | None = job.__dict__.get("strategy")
    if loaded is not None:
        return loaded
    source = Path(job.spec) if isinstance(job.spec, str) else job.spec
    events = None if job.events is None else UserEvents.from_json(job.events)
    return load_spec(source, settings=settings, kind=job.spec_kinds(), events=events)
