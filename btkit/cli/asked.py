"""A job that flags ask for: made, carried out, presented."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from btkit.cli.options import AssetsKind, EngineName
from btkit.cli.outcome import CommandOutcome, Work

if TYPE_CHECKING:
    from btkit.jobs.job import SpecJob
    from btkit.settings import Settings
    from btkit.storage import Part


def rendering_of(
    *, no_report: bool, engine: EngineName, html_assets: AssetsKind, upload: bool = False
) -> dict[str, Any] | None:
    """Return how pages are made, as jobs have it; None for none.

    Parameters
    ----------
    no_report, engine, html_assets, upload
        The flags.
    """
    if no_report:
        return None
    return {"engine": engine.value, "html_assets": html_assets.value, "upload": upload}


def ask(
    kind: str, values: Mapping[str, Any], *, rendering: dict[str, Any] | None, quiet: bool
) -> Work:
    """Return the work of one job.

    Parameters
    ----------
    kind
        Of the job.
    values
        Its fields, as `make_job` takes them.
    rendering
        As `rendering_of` returned it.
    quiet
        Whether to write nothing to stderr.
    """
    return partial(_ask, kind, {**values, "rendering": rendering}, quiet=quiet)


def _ask(kind: str, values: Mapping[str, Any], *, quiet: bool) -> CommandOutcome:
    from btkit.jobs import read_settings  # noqa: PLC0415 - lazy start-up
    from btkit.jobs.asking import make_job  # noqa: PLC0415 - lazy start-up
    from btkit.jobs.job import SPEC_JOBS  # noqa: PLC0415 - lazy start-up

    settings = read_settings()
    job = make_job(SPEC_JOBS[kind], values, settings=settings)
    return carry_out(job, settings=settings, quiet=quiet)


def carry_out(
    job: SpecJob, *, settings: Settings, quiet: bool, part: Part | None = None
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
    part
        Its place within another job.
    """
    from btkit.cli.finish import PRESENTED, finish  # noqa: PLC0415 - lazy start-up
    from btkit.cli.progress import open_progress  # noqa: PLC0415 - lazy start-up
    from btkit.jobs.dispatch import HANDLERS, execute  # noqa: PLC0415 - lazy start-up
    from btkit.render.leaving import prepare_folder  # noqa: PLC0415 - lazy start-up

    progress = open_progress(quiet=quiet)
    if job.rendering is not None or PRESENTED[job.kind].files:
        prepare_folder(settings.report_dir, private=settings.private)
    job_id = HANDLERS[job.kind].id_of(execute(job, settings=settings, progress=progress, part=part))
    return finish(
        job_id,
        settings=settings,
        progress=progress,
        rendering=job.rendering,
        quiet=quiet,
    )
