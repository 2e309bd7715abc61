"""`backtest submit`: a command for each kind of job, with the flags of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from btkit.cli.asked import SpecFlags, quiet_progress
from btkit.cli.commands import batch
from btkit.cli.each_kind import commands_of
from btkit.cli.next_steps import after_queueing, step
from btkit.cli.options import OperationName, ServerUrl
from btkit.cli.outcome import PASSED, SOFT_FAILURE, CommandOutcome
from btkit.cli.signatures import called_with, joined
from btkit.cli.streams import say

NAME = "submit"
HELP = "Have a server do a job: run, walk-forward, options-sim, sweep, batch."

_HELP = """
Have a server do what `backtest {command}` does here.

It takes the same flags. The spec is read here; bars, and what no flag says, are the server's. The
server answers with an operation at once; --follow waits for its end, says how far it is, and prints
the document that the command prints there. Ctrl-C stops the operation then; `resume
--operation-id` goes on with it.
BT_API_TOKEN has the server's token, where it has one.
Exit codes: 0 taken, or passed; 1 missed a threshold or had no data; 2 error.

\b
{example}
"""

_Follow = Annotated[
    bool, typer.Option("--follow", "-f", help="Wait for its end, and print what came of it.")
]


def _spec_submission(asked: SpecFlags) -> Callable[..., CommandOutcome]:
    def command(**flags: Any) -> CommandOutcome:  # noqa: ANN401 - any flag
        from btkit.jobs import read_settings  # noqa: PLC0415 - lazy start-up

        return _submitted(asked.job(flags, read_settings(), renders=False), flags)

    *parts, _rendering = asked.parts
    command.__signature__ = joined(  # type: ignore[attr-defined]  # typer reads it
        *parts, _where, quiet_progress, described=asked.described
    )
    return command


def _file(
    *, jobs_file: Annotated[Path, typer.Argument(metavar="JOBS.yaml", help="The list of jobs.")]
) -> Any:  # noqa: ANN401 - evaluated for typer, and what is returned is slow to import
    return batch.read(jobs_file=jobs_file, no_report=True)


def _batch_submission(**flags: Any) -> CommandOutcome:  # noqa: ANN401 - any flag
    return _submitted(called_with(_file, flags), flags)


def _where(
    *, server: ServerUrl = None, operation_id: OperationName = None, follow: _Follow = False
) -> tuple[str | None, str | None, bool]:
    return server, operation_id, follow


_batch_submission.__signature__ = joined(_file, _where, quiet_progress)  # type: ignore[attr-defined]  # as above


def _submitted(job: Any, flags: Mapping[str, Any]) -> CommandOutcome:  # noqa: ANN401 - any kind
    from btkit.service.client import Client  # noqa: PLC0415 - lazy start-up

    server, operation_id, follows = called_with(_where, flags)
    with Client(server) as client:
        operation = client.submit(job, operation_id=operation_id)
        there = () if server is None else ("--server", server)
        named = ("--operation-id", operation.operation_id, *there)
        if not follows:
            return CommandOutcome(operation.document, next=after_queueing(*named))
        told = (lambda _: None) if flags["quiet"] else say
        try:
            ended = operation.follow(called_with(quiet_progress, flags), say=told)
        except KeyboardInterrupt as stop:
            told("\n".join(stop.__notes__))
            raise
        operation.check_ended(ended)
    document = ended["result"]
    return CommandOutcome(
        document,
        PASSED if document["passed"] else SOFT_FAILURE,
        next=[step("Shows the operation.", "status", *named)],
    )


COMMANDS = commands_of(NAME, _HELP, of_spec=_spec_submission, of_batch=_batch_submission)
"""By kind of job: the help, and the command."""
