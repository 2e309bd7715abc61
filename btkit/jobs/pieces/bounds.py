"""What a service asks for in place of what a job leaves open."""

from __future__ import annotations

from btkit.jobs.job import BatchJob, Job, SweepJob
from btkit.jobs.pieces.searching import groups_of_sweep

MOST_SETS_OF_STATISTICS = 10_000
"""Of a sweep with more places the statistics of overfitting take a sample, where nothing is said:
they simulate each set once more, all on the one worker that puts the sweep together."""
OVERFITTING_SAMPLE = 2_000
"""How many sets that sample has."""


def prepared_for_service(job: Job) -> Job:
    """Return a job with what is left open decided so that the parts of its work can be spread.

    A sweep of more than `MOST_SETS_OF_STATISTICS` places that says nothing of it takes the returns
    of `OVERFITTING_SAMPLE` sets for its statistics, and its document says so. The same job with the
    same ``overfitting_sample`` gives the same document locally.

    Parameters
    ----------
    job
        As it was asked for.
    """
    if isinstance(job, BatchJob):
        return job.model_copy(update={"jobs": [prepared_for_service(one) for one in job.jobs]})
    if not isinstance(job, SweepJob) or job.overfitting_sample is not None:
        return job
    (places,) = groups_of_sweep(job) or [job.samples]
    if places <= MOST_SETS_OF_STATISTICS:
        return job
    return job.model_copy(update={"overfitting_sample": OVERFITTING_SAMPLE})
