"""`backtest plan`: a command for each kind of job, with the flags of its own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from btkit.cli.asked import SpecFlags, quiet_progress
from btkit.cli.commands import batch
from btkit.cli.each_kind import commands_of
from btkit.cli.next_steps import after_plan
from btkit.cli.outcome import CommandOutcome
from btkit.cli.signatures import called_with, joined
from btkit.cli.streams import say

NAME = "plan"
HELP = "Say what a job would rest on and cost; run nothing."

_HELP = """
Say what `backtest {command}` would rest on, cost and add.

It takes the same flags and loads the bars. It says which there are, what conditions read and where
that is missing or a fallback, how long the job will take here, which is timed on a slice of the
bars, and how much was tried on them before. Nothing of the job is run, and nothing is stored.
plan_hash holds the job to all that: `{command} --plan-hash` refuses where the spec, the data, an
argument or the code is another.
Exit codes: 0 planned, 1 there is no data, 2 error.

\b
{example}
"""


def _spec_plan(asked: SpecFlags) -> Callable[..., CommandOutcome]:
    def command(**flags: Any) -> CommandOutcome:  # noqa: ANN401 - any flag
        from btkit.jobs import read_settings  # noqa: PLC0415 - lazy start-up

        settings = read_settings()
        document = _planned(asked.job(flags, settings), flags)
        return _outcome(document, [*document["command"][1:], *_pages(command, flags)], flags)

    command.__signature__ = joined(  # type: ignore[attr-defined]  # typer reads it
        *asked.parts, quiet_progress, described=asked.described
    )
    return command


def _batch_plan(**flags: Any) -> CommandOutcome:  # noqa: ANN401 - any flag
    document = _planned(called_with(batch.read, flags), flags)
    again = ["batch", str(flags["jobs_file"]), "--jobs", str(flags["jobs"])]
    return _outcome(document, [*again, *_pages(_batch_plan, flags)], flags)


_batch_plan.__signature__ = joined(batch.read, quiet_progress)  # type: ignore[attr-defined]  # as above


def _planned(job: Any, flags: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - any kind
    from btkit.jobs import plan_job, read_settings  # noqa: PLC0415 - lazy start-up

    return plan_job(job, settings=read_settings(), progress=called_with(quiet_progress, flags))


def _pages(command: Callable[..., Any], flags: Mapping[str, Any]) -> Iterator[str]:
    """Yield the flags that say how pages are made, where they are not the usual."""
    for name in ("no_report", "upload_reports"):
        if flags.get(name):
            yield f"--{name.replace('_', '-')}"
    usual = inspect.signature(command).parameters
    for name in ("engine", "html_assets"):
        if flags[name] != usual[name].default:
            yield from (f"--{name.replace('_', '-')}", flags[name].value)


def _outcome(
    document: dict[str, Any], again: list[str], flags: Mapping[str, Any]
) -> CommandOutcome:
    closing = None if flags["quiet"] else partial(_show, document)
    return CommandOutcome(document, next=after_plan(document, again), closing=closing)


def _show(document: Mapping[str, Any]) -> None:
    """Say the sum of it."""
    cost = document["estimate"]
    if "jobs" in document:
        say(f"{'jobs':<9} {len(document['jobs']):,}, {document['errors']:,} of them in error")
        adds = document["adds"]
    else:
        data, tried = document["data"], document["trials"]
        say(f"{'bars':<9} {data['rows']:,} of {document['symbol']}, {data['first']} to "
            f"{data['last']}, {data['coverage']}")  # fmt: skip
        say(f"{'tried':<9} {tried['same_bars']:,} on these bars, {tried['same_range']:,} on bars "
            "of their time")  # fmt: skip
        adds = tried["adds"]
        for warning in document["warnings"]:
            say(f"{'warning':<9} {warning['message']}")
    say(f"{'adds':<9} {adds:,}")
    say(f"{'takes':<9} about {cost['seconds']:.1f} s and {cost['memory_bytes'] / 1e6:,.0f} MB")


COMMANDS = commands_of(NAME, _HELP, of_spec=_spec_plan, of_batch=_batch_plan)
"""By kind of job: the help, and the command."""
