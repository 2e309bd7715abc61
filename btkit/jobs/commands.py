"""The command that asks for a job again, as people are shown it."""

from __future__ import annotations

import json

from btkit.data import DataInfo
from btkit.jobs.job import SpecJob
from btkit.validation.axes import write_axis


def command_of(job: SpecJob, info: DataInfo | None = None) -> list[str] | None:
    """Return the command that gives the same numbers; None if the spec is in no file.

    Parameters
    ----------
    job
        What was asked for.
    info
        What is known of its bars; None before they are loaded.
    """
    if job.strategy_path is None:
        return None
    stated = job.format if info is None else info.format
    flags: dict[str, object] = {
        "strategy": job.strategy_path,
        "symbol": job.symbol if info is None else info.symbol,
        "start": job.start,
        "end": job.end,
        "capital": job.capital,
        "commission": job.commission,
        "slippage": job.slippage,
        "interval": job.interval if info is None else info.interval,
        "source": job.source if info is None else info.source,
        "format": json.dumps(stated) if isinstance(stated, dict) else stated,
        "benchmark": job.benchmark,
        **job.flags(),
    }
    parts = [
        part
        for name, value in flags.items()
        if value is not None
        for part in (f"--{name}", str(value))
    ]
    flag, axes = job.axes()
    if axes:
        for name, values in axes.items():
            parts += [f"--{flag}", write_axis(name, values)]
    return ["backtest", job.kind, *parts]
