"""The commands of the jobs that run a spec: made of their flags, carried out, presented."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from btkit.cli.options import (
    AssetsKind,
    BarInterval,
    Benchmark,
    Capital,
    Commission,
    End,
    Engine,
    EngineName,
    FileFormat,
    Follow,
    HtmlAssets,
    NoReport,
    PlanHash,
    Quiet,
    Slippage,
    Source,
    Start,
    Strategy,
    Symbol,
    UploadReports,
)
from btkit.cli.outcome import CommandOutcome
from btkit.cli.signatures import called_with, joined

if TYPE_CHECKING:
    from btkit.jobs import ProgressListener
    from btkit.jobs.job import SpecJob
    from btkit.settings import Settings
    from btkit.storage import Part

Fields = Mapping[str, Any]
"""Fields of a job, as `make_job` takes them."""


def _no_fields() -> Fields:
    return {}


@dataclass(frozen=True)
class SpecFlags:
    """What the flags of a command ask for.

    Parameters
    ----------
    kind
        Of the job.
    own
        Takes the flags beyond those of every spec, and returns the fields that they come to.
    described
        What flags of every spec are here, by name, where it is not the usual.
    """

    kind: str
    own: Callable[..., Fields] = _no_fields
    described: Mapping[str, object] | None = None

    @property
    def parts(self) -> tuple[Callable[..., Any], ...]:
        """The functions whose keyword arguments are its flags, those of its pages the last."""
        return (_spec_fields, self.own, _account_fields, rendering_of)

    def job(self, flags: Mapping[str, Any], settings: Settings, *, renders: bool = True) -> SpecJob:
        """Return the job that flags ask for.

        Parameters
        ----------
        flags
            Their values by name.
        settings
            What they leave out.
        renders
            Whether those of its pages are among them.

        Raises
        ------
        SpecError, UsageError
            If anything makes no sense.
        """
        from btkit.jobs.asking import make_job  # noqa: PLC0415 - lazy start-up
        from btkit.jobs.job import SPEC_JOBS  # noqa: PLC0415 - lazy start-up

        *parts, rendering = self.parts
        fields = {name: value for part in parts for name, value in called_with(part, flags).items()}
        fields["rendering"] = called_with(rendering, flags) if renders else None
        return make_job(SPEC_JOBS[self.kind], fields, settings=settings)


def spec_command(asked: SpecFlags, *, follows: bool = False) -> Callable[..., CommandOutcome]:
    """Return the command that carries out what it asks for.

    Parameters
    ----------
    asked
        By its flags.
    follows
        Whether it has --follow.
    """
    watched = _watched if follows else quiet_progress

    def command(**flags: Any) -> CommandOutcome:  # noqa: ANN401 - any flag
        from btkit.jobs import read_settings  # noqa: PLC0415 - lazy start-up

        settings = read_settings()
        job = asked.job(flags, settings)
        progress = called_with(watched, flags)
        return carry_out(
            job,
            settings=settings,
            quiet=flags["quiet"],
            progress=progress,
            plan_hash=called_with(holding, flags),
        )

    command.__signature__ = joined(  # type: ignore[attr-defined]  # typer reads it
        *asked.parts, holding, watched, described=asked.described
    )
    return command


def holding(*, plan_hash: PlanHash = None) -> str | None:
    """Return the hash of the plan that a job is held to, or None.

    Parameters
    ----------
    plan_hash
        The flag.
    """
    return plan_hash


def _spec_fields(*, strategy: Strategy, symbol: Symbol = None, start: Start, end: End) -> Fields:
    return {"spec": Path(strategy), "symbol": symbol, "start": start, "end": end}


def _account_fields(
    *,
    capital: Capital = None,
    commission: Commission = None,
    slippage: Slippage = None,
    interval: BarInterval = None,
    source: Source = None,
    bar_format: FileFormat = None,
    benchmark: Benchmark = None,
) -> Fields:
    return {
        "capital": capital,
        "commission": commission,
        "slippage": slippage,
        "interval": interval,
        "source": source,
        "format": bar_format,
        "benchmark": benchmark,
    }


def rendering_of(
    *,
    no_report: NoReport = False,
    engine: Engine = EngineName.BTKIT,
    html_assets: HtmlAssets = AssetsKind.INLINE,
    upload_reports: UploadReports = False,
) -> Any:  # noqa: ANN401 - evaluated for typer, and what is returned is slow to import
    """Return how pages are made, a `Rendering`; None for none.

    Parameters
    ----------
    no_report, engine, html_assets, upload_reports
        The flags.
    """
    from btkit.jobs.job import Rendering  # noqa: PLC0415 - lazy start-up

    if no_report:
        return None
    return Rendering(engine=engine.value, html_assets=html_assets.value, upload=upload_reports)


def quiet_progress(*, quiet: Quiet = False) -> Any:  # noqa: ANN401 - as `rendering_of`
    """Return what shows people how far a job is, a `ProgressListener`.

    Parameters
    ----------
    quiet
        The flag.
    """
    from btkit.cli.progress import open_progress  # noqa: PLC0415 - lazy start-up

    return open_progress(quiet=quiet)


def _watched(*, follow: Follow = False, quiet: Quiet = False) -> Any:  # noqa: ANN401 - likewise
    from btkit.cli.progress import PlainLines  # noqa: PLC0415 - lazy start-up
    from btkit.errors import UsageError  # noqa: PLC0415 - likewise

    if follow and quiet:
        raise UsageError(
            "--follow says how far the run is, and --quiet says nothing.",
            hint="Give one of the two.",
            details={"option": "--follow"},
        )
    return PlainLines(every=1.0) if follow else quiet_progress(quiet=quiet)


def carry_out(
    job: SpecJob,
    *,
    settings: Settings,
    quiet: bool,
    progress: ProgressListener | None = None,
    part: Part | None = None,
    plan_hash: str | None = None,
) -> CommandOutcome:
    """Have a job carried out, and present what came of it.

    Parameters
    ----------
    job
        What is asked for.
    settings
        Where bars come from, and where everything goes.
    quiet
        Whether to write nothing to stderr.
    progress
        Notified of each stage; None shows it as is usual.
    part
        Its place within another job.
    plan_hash
        What it is held to; None for nothing.
    """
    from btkit.cli.finish import finish  # noqa: PLC0415 - lazy start-up
    from btkit.cli.progress import open_progress  # noqa: PLC0415 - lazy start-up
    from btkit.jobs.dispatch import HANDLERS, execute  # noqa: PLC0415 - lazy start-up
    from btkit.render.leaving import prepare_folder  # noqa: PLC0415 - lazy start-up

    progress = progress or open_progress(quiet=quiet)
    if job.leaves_files:
        prepare_folder(settings)
    done = execute(job, settings=settings, progress=progress, part=part, plan_hash=plan_hash)
    job_id = HANDLERS[job.kind].id_of(done)
    return finish(
        job_id, settings=settings, progress=progress, rendering=job.rendering, quiet=quiet
    )
