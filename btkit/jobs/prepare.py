"""Fill in what a job leaves out, once, before it is stored and worked on."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from btkit.arguments import check_account
from btkit.errors import UsageError
from btkit.indicators import UserEvents
from btkit.jobs.asking import Refusals
from btkit.jobs.job import SpecJob, SweepJob
from btkit.markets import Interval
from btkit.settings import Settings, usable_cores
from btkit.spec import BaseSpec

S = TypeVar("S", bound=SpecJob)
USUAL_INTERVAL = "1d"
"""Of the bars of a spec that was not trained on any."""


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
    capital, commission, slippage = _account_of(job, spec, settings)
    least = job.min_trades_required
    filled = {
        "path": job.strategy_path,
        "interval": job.interval or spec.meant_for.get("interval", USUAL_INTERVAL),
        "source": job.source or settings.data_source,
        "format": None if (known := job.bar_format) is None else known.stated(),
        "capital": capital,
        "commission": commission,
        "slippage": slippage,
        "min_trades_required": settings.min_trades_required if least is None else least,
    }
    if isinstance(job, SweepJob):
        filled["threads"] = job.threads or usable_cores()
    prepared = job.with_strategy(spec, **filled)
    if prepared.symbol is not None:
        # Of bars that are handed over the interval is seen in them.
        spec.check_interval(Interval.parse(prepared.interval))
    refusals = Refusals()
    for check in prepared.checks():
        refusals.check(check)
    refusals.raise_all()
    return prepared


def _spec_of(job: SpecJob, settings: Settings) -> BaseSpec:
    loaded: BaseSpec | None = job.__dict__.get("strategy")
    if loaded is None:
        source = Path(job.spec) if isinstance(job.spec, str) else job.spec
        events = None if job.events is None else UserEvents.from_json(job.events)
        loaded = job.load(source, settings=settings, events=events)
    return job.adapt(loaded)


def _account_of(job: SpecJob, spec: BaseSpec, settings: Settings) -> tuple[float, float, float]:
    usual = settings.default_commission, settings.default_slippage
    usual_commission, usual_slippage = spec.default_costs or usual
    account = check_account(
        capital=settings.initial_capital if job.capital is None else job.capital,
        commission=usual_commission if job.commission is None else job.commission,
        slippage=usual_slippage if job.slippage is None else job.slippage,
    )
    if spec.default_costs is not None:
        return account
    commission = account[1]
    chosen = job.commission is not None or "default_commission" in settings.model_fields_set
    if spec.commission_kind == "rate" and not chosen:
        raise UsageError(
            f"commission_model 'rate' charges a fraction of each fill; the default of "
            f"{commission} would be {commission:.0%}.",
            hint="Give a commission, such as 0.001 for a tenth of a percent.",
            details={"argument": "commission"},
        )
    return account
