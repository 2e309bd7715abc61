"""What a report may be built from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from btkit.arguments import refusal

if TYPE_CHECKING:
    from btkit.simulation import Result


def check_result(result: object) -> Result:
    """Return what a simulation gave.

    Parameters
    ----------
    result
        A `Result`.

    Raises
    ------
    UsageError
        If it is something else.
    """
    from btkit.simulation import Result  # noqa: PLC0415 - the compiled loop is slow to import

    if isinstance(result, Result):
        return result
    raise refusal(
        result,
        "the run",
        rule="what run, options_sim or simulate returned",
        hint="Of a sweep take result.run(...), of a walk-forward result.out_of_sample[0]; "
        "bt.load_run(id) reads a stored run.",
    )
