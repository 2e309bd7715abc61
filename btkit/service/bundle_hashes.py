"""The trained models that a job reads: the same on server and worker, or none is asked."""

from __future__ import annotations

from collections.abc import Mapping

from btkit.errors import BundleError
from btkit.jobs.job import SpecJob
from btkit.jobs.plan_hash import bundles_read


def bundle_hashes(job: SpecJob) -> dict[str, str]:
    """Return the SHA-256 of each trained model that a prepared job reads, by its path.

    Parameters
    ----------
    job
        Its spec names them: the models that decide, and those of its classifiers.

    Raises
    ------
    BundleError
        If one is refused, or there is none.

    Examples
    --------
    >>> bundle_hashes(job)  # doctest: +SKIP
    {'models/dip/SPX_1d': '3c1d…'}
    """
    return {known.path: known.bundle.hash for _, known in bundles_read(job)}


def check_bundles(job: SpecJob, stated: Mapping[str, str]) -> None:
    """Refuse to work with trained models that are not the server's.

    Parameters
    ----------
    job
        Prepared.
    stated
        What `bundle_hashes` returned on the server.

    Raises
    ------
    BundleError
        If one is another here, or is not here.
    """
    found = bundle_hashes(job)
    for path in sorted({*stated, *found}):
        here, there = found.get(path), stated.get(path)
        if here != there:
            raise BundleError(
                f"The bundle {path} is another on this worker than on the server: "
                f"{here or 'none'} here, {there or 'none'} there.",
                hint="Copy it to the worker, to the same path from its working folder.",
                details={"path": path, "worker": here, "server": there},
            )
