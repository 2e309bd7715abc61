"""What may be done next: commands that run as they stand, and why one would run them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from btkit.errors import (
    BtkitError,
    BundleError,
    CorruptFileError,
    FormatError,
    InternalError,
    InterruptedRunError,
    NoDataError,
    PlanChangedError,
    RunNotFoundError,
    SourceError,
    SpecError,
    SpecKindError,
    UsageError,
)

_DATE_CHARACTERS = len("2024-12-31")
# What `sweep` takes and `walk-forward` does not.
_SWEEP_ONLY = {"--method", "--samples", "--seed", "--threads"}
_PLANNED = "--plan-hash"
_RESUMABLE = {"cancelled", "interrupted", "failed"}


@dataclass(frozen=True)
class Step:
    """A command that may follow an answer.

    Parameters
    ----------
    command
        As a shell takes it.
    why
        What it is good for, in one sentence.
    """

    command: str
    why: str

    def to_document(self) -> dict[str, str]:
        """Return the step as the answer prints it."""
        return asdict(self)


def step(why: str, *arguments: str) -> Step:
    """Return a step.

    Parameters
    ----------
    why
        What it is good for, in one sentence.
    *arguments
        The command line after ``backtest``, not yet quoted.
    """
    return Step(shlex.join(["backtest", *arguments]), why)


def after_error(error: BtkitError, arguments: Sequence[str]) -> list[Step]:
    """Return what may be done about an error.

    Parameters
    ----------
    error
        What ended the command.
    arguments
        Its command line after ``backtest``.
    """
    for kind, answer in _ANSWERS:
        if isinstance(error, kind):
            return answer(error, arguments)
    if isinstance(error, SourceError) and not error.retryable:
        # Taken up, a run would ask the same source again.
        return [step("Shows where bars may come from, with an example.", *arguments[:1], "--help")]
    if "operation_id" in error.details:
        return _after_operation(error, arguments)
    if error.run_id is not None and "status" in error.details:
        return [_after_stored_run(error, error.run_id)]
    if isinstance(error, UsageError):
        # The parser says how far it understood the line.
        understood = error.details.get("command")
        asked = arguments[:1] if understood is None else understood.split()[1:]
        return [step("Shows what the command takes, with an example.", *asked, "--help")]
    asked = [] if error.run_id is None else _named_by_hint(error, error.run_id)
    return [step("Does what the hint says.", *asked) if asked else _again(error, arguments)]


def _after_operation(error: BtkitError, arguments: Sequence[str]) -> list[Step]:
    """Return what may be done about an operation of a server that came to nothing."""
    server = _option(arguments, "--server")
    there = () if server is None else ("--server", server)
    named = ("--operation-id", str(error.details["operation_id"]), *there)
    shown = step("Shows how it stands.", "status", *named)
    stopped = isinstance(error, InterruptedRunError) or error.details.get("status") in _RESUMABLE
    if not stopped:
        return [shown]
    return [step("Goes on with it, once it has stopped.", "resume", *named), shown]


def _named_by_hint(error: BtkitError, run_id: str) -> list[str]:
    named = re.search(rf"`backtest ([a-z-]+ [^`]*{re.escape(run_id)})`", error.hint)
    return shlex.split(named[1]) if named else []


def _after_refusal(error: SpecError, arguments: Sequence[str]) -> list[Step]:
    path = _option(arguments, "--strategy")
    steps = []
    if arguments[:1] == ["validate"]:
        steps.append(step("Checks the spec again, once it is corrected.", *arguments))
    elif path is not None:
        steps.append(
            step("Checks the spec alone, once it is corrected.", "validate", "--strategy", path)
        )
    if any("unknown name" in problem.message for problem in error.problems):
        steps.append(step("Shows every name that a condition may use.", "indicators"))
    if any("unknown field" in problem.message for problem in error.problems) or not steps:
        steps.append(step("Shows every field of a spec.", "schema"))
    return steps


def _after_other_kind(error: SpecKindError, arguments: Sequence[str]) -> list[Step]:
    from btkit.spec import KINDS  # noqa: PLC0415 - lazy start-up

    command = error.details["command"]
    # What runs a spec once takes the same flags, whatever its kind.
    if command is not None and arguments[0] in {known.command for known in KINDS.values()}:
        return [step("Runs it as what it is.", command, *arguments[1:])]
    path = _option(arguments, "--strategy")
    checked = [*arguments[:1], "--help"] if path is None else ["validate", "--strategy", path]
    return [step("Says what the spec is taken for, and why.", *checked)]


def _after_refused_format(error: FormatError, arguments: Sequence[str]) -> list[Step]:
    return [_again(error, arguments)]


def _after_unknown_id(error: RunNotFoundError, arguments: Sequence[str]) -> list[Step]:
    del error, arguments
    return [step("Shows the ids that exist.", "list")]


def _after_stored_run(error: BtkitError, run_id: str) -> Step:
    status = error.details["status"]
    if status == "complete":
        return step("Prints the run, which is complete and stored.", "report", "--run-id", run_id)
    if status not in _RESUMABLE:
        asked = _named_by_hint(error, run_id)
        if asked:
            return step("Does what the hint says.", *asked)
        return step("Shows how the run stands.", "list")
    why = "Takes the run up again, once what the hint says is done."
    if isinstance(error, InterruptedRunError):
        why = "Goes on with the run where it stopped."
    return step(why, "resume", "--run-id", run_id)


def _after_no_data(error: NoDataError, arguments: Sequence[str]) -> list[Step]:
    first, last = error.details.get("first"), error.details.get("last")
    if first is None or last is None or _option(arguments, "--start") is None:
        why = "Shows where bars may come from, with an example."
        return [step(why, *arguments[:1], "--help")]
    inside = _replaced(arguments, "--start", str(first)[:_DATE_CHARACTERS])
    inside = _replaced(inside, "--end", str(last)[:_DATE_CHARACTERS])
    return [step("Takes the range that the source has.", *inside)]


def _after_damage(error: CorruptFileError, arguments: Sequence[str]) -> list[Step]:
    del error, arguments
    return [step("Mends what can be proved, and says what cannot.", "check", "--repair")]


def _after_bundle(error: BundleError, arguments: Sequence[str]) -> list[Step]:
    path = error.details.get("path")
    if path is None or arguments[:2] == ["model", "inspect"]:
        return [_again(error, arguments)]
    steps = [step("Says what the bundle is, and whether it can be used.", "model", "inspect", path)]
    # A folder can be mended where it lies; a spec that is corrected would be another run's.
    if error.run_id is not None and "problems" in error.details:
        steps.append(_after_stored_run(error, error.run_id))
    return steps


def _after_changed_plan(error: PlanChangedError, arguments: Sequence[str]) -> list[Step]:
    del error
    kept = [
        part
        for before, part in zip(("", *arguments), arguments, strict=False)
        if _PLANNED not in {before, part} and not part.startswith(f"{_PLANNED}=")
    ]
    return [step("Plans it as it is now; --plan-hash takes the new hash.", "plan", *kept)]


_ANSWERS: tuple[tuple[type[BtkitError], Callable[[Any, Sequence[str]], list[Step]]], ...] = (
    (RunNotFoundError, _after_unknown_id),
    (CorruptFileError, _after_damage),
    (BundleError, _after_bundle),
    (FormatError, _after_refused_format),
    (SpecError, _after_refusal),
    (SpecKindError, _after_other_kind),
    (NoDataError, _after_no_data),
    (PlanChangedError, _after_changed_plan),
)


def after_plan(document: Mapping[str, Any], again: Sequence[str]) -> list[Step]:
    """Return what may be done with what was planned, by its document and the job's command."""
    held = (*again, _PLANNED, document["plan_hash"])
    return [step("Runs exactly this, and refuses if anything of it changed.", *held)]


def after_run(document: Mapping[str, Any]) -> list[Step]:
    """Return what may be done after a complete run, by its document."""
    steps = [
        step(
            "Prints every trade, and how often each condition held.",
            "report", "--run-id", document["run"]["run_id"],
        )
    ]  # fmt: skip
    command = document["provenance"]["command"]
    if document["passed"] and command is not None and command[1] == "run":
        validation = step("Tells whether it holds up out of sample.", "walk-forward", *command[2:])
        steps.insert(0, validation)
    return steps


def after_walk_forward(document: Mapping[str, Any]) -> list[Step]:
    """Return what may be done after a walk-forward validation, by its document."""
    worst = min(document["windows"], key=lambda window: window["efficiency"] or 0.0)
    why = "Prints the run out of sample that held up least."
    return [step(why, "report", "--run-id", worst["oos_run_id"])]


def after_sweep(document: Mapping[str, Any]) -> list[Step]:
    """Return what may be done after a sweep, by its document."""
    steps = []
    if document["command"] is not None:
        given = document["command"][2:]
        pairs = zip(given[::2], given[1::2], strict=True)
        kept = [
            part
            for name, value in pairs
            if name not in _SWEEP_ONLY
            for part in ("--optimize" if name == "--param" else name, value)
        ]
        why = "Tells whether choosing among these parameter sets holds up out of sample."
        steps.append(step(why, "walk-forward", *kept))
    if document["best"]["command"] is not None:
        steps.append(step("Runs the best parameter set alone.", *document["best"]["command"][1:]))
    return steps


def after_batch(document: Mapping[str, Any]) -> list[Step]:
    """Return what may be done after a batch, by its document."""
    return [step("Shows its jobs, in their order.", "list", "--parent", document["run_id"])]


def after_stored_run(document: Mapping[str, Any]) -> list[Step]:
    """Return what may be done with a stored run, or with a job that is not complete."""
    run = document["run"]
    known, status = run["run_id"], run["status"]
    if status == "complete" and document["metrics"] is None:
        return [step("Makes its document.", "resume", "--run-id", known)]
    if status == "complete":
        return [step("Runs it again, and compares every number.", "verify", "--run-id", known)]
    if status in _RESUMABLE:
        return [step("Goes on with the run.", "resume", "--run-id", known)]
    return [step("Asks the run to stop.", "cancel", "--run-id", known)]


def after_lookahead(document: Mapping[str, Any]) -> list[Step]:
    """Return what may be done after a check for look-ahead, by its document."""
    command = document["command"]
    if document["passed"]:
        return [step("Runs what was checked.", *command[1:])]
    return [
        step("Says what each name is computed from.", "indicators"),
        step(
            "Checks again, once what depends on the future is mended or left out.",
            "check-lookahead", *command[2:],
        ),
    ]  # fmt: skip


def after_queueing(*named: str) -> list[Step]:
    """Return what may be done with an operation that a server has queued, by what names it."""
    return [
        step("Shows how it stands, and what it came to.", "status", *named),
        step("Stops it.", "cancel", *named),
    ]


def after_list(runs: Sequence[Mapping[str, Any]]) -> list[Step]:
    """Return what may be done with stored runs, the newest first."""
    if not runs:
        return [step("Shows how a run is made, with an example.", "run", "--help")]
    steps = [step("Prints the newest of them.", "report", "--run-id", runs[0]["run_id"])]
    stopped = [run for run in runs if run["resumable"] and run["status"] in _RESUMABLE]
    return steps + [
        step("Goes on with the run that was broken off last.", "resume", "--run-id", run["run_id"])
        for run in stopped[:1]
    ]


def after_validation(
    path: str, kind: str, *, meant: Mapping[str, str] | None = None, model_path: str | None = None
) -> list[Step]:
    """Return what may be done with a spec that is valid.

    Parameters
    ----------
    path, kind
        Of its file.
    meant
        What it says that it is run on.
    model_path
        Of its bundle, if that lies elsewhere than it says.
    """
    from btkit.spec import KINDS  # noqa: PLC0415 - lazy start-up

    known, meant = KINDS[kind], meant or {}
    asked = [known.command, "--strategy", path]
    if model_path is not None:
        asked += ["--model-path", model_path]
    if meant.get("symbol", "SPX") != "SPX" or meant.get("interval", "1d") != "1d":
        # What it was trained on is not in the sample; --source says where else bars come from.
        return [step("Runs it on what it was trained on.", *asked, *known.trial)]
    return [
        step(
            "Runs it on the history of the S&P 500 that comes with btkit.",
            *asked, "--symbol", "SPX", *known.trial, "--source", "sample",
        )
    ]  # fmt: skip


def after_inspection(path: str, *, usable: bool) -> list[Step]:
    """Return what may be done with a bundle, by its folder and whether it can be used."""
    if usable:
        return [step("Shows the fields of a spec that trades on it.", "schema")]
    return [step("Looks again, once what each hint says is done.", "model", "inspect", path)]


def _option(arguments: Sequence[str], name: str) -> str | None:
    for place, argument in enumerate(arguments):
        if argument == name:
            return arguments[place + 1] if place + 1 < len(arguments) else None
        if argument.startswith(f"{name}="):
            return argument.removeprefix(f"{name}=")
    return None


def _replaced(arguments: Sequence[str], name: str, value: str) -> list[str]:
    changed = list(arguments)
    for place, argument in enumerate(arguments):
        if argument == name and place + 1 < len(arguments):
            changed[place + 1] = value
        elif argument.startswith(f"{name}="):
            changed[place] = f"{name}={value}"
    return changed


def documents(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Return steps as an answer prints them."""
    return [one.to_document() for one in steps]


def _again(error: BtkitError, arguments: Sequence[str]) -> Step:
    if isinstance(error, InternalError):
        return step("Shows on stderr where btkit failed.", *arguments, "--debug")
    if isinstance(error, InterruptedRunError):
        return step("Starts it again; what was kept of it is used.", *arguments)
    if error.retryable:
        return step("The same command may succeed later.", *arguments)
    return step("Runs it again, once what the hint says is done.", *arguments)
