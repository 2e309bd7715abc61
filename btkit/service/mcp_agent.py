"""What an agent asks for, done: one method for each of its tools; nothing here speaks MCP."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any, cast

from btkit.arguments import check_number, refusal
from btkit.errors import InterruptedRunError, RunNotFoundError, UsageError
from btkit.extract import Extract
from btkit.jobs import cancel, execute, list_runs, load_document, plan_job
from btkit.jobs.asking import path_of
from btkit.jobs.dispatch import HANDLERS
from btkit.jobs.job import JOB_KINDS, SPEC_JOBS
from btkit.service.asked import read_asked
from btkit.service.folders import AllowedFolders, paths_of_job, paths_of_spec
from btkit.service.mcp_answers import ANSWER_TOKENS, OUTLINES, NextCall, summed_up, within
from btkit.service.mcp_calls import CallProgress, Calls, ToolCall
from btkit.service.mcp_describe import describe
from btkit.service.mcp_steps import after_cancel, after_job
from btkit.service.mcp_tables import address_of
from btkit.settings import Settings
from btkit.spec import KINDS, kind_of, load_spec, spec_hash
from btkit.spec.load import read_fields
from btkit.spec.reading import parse_text
from btkit.spelling import did_you_mean
from btkit.storage import Store

BLOCK_S = 45.0
"""A call answers within so many seconds: clients give up after 60."""

_COMPARED = ("total_trades", "total_return_pct", "sharpe_ratio", "max_drawdown_pct", "win_rate",
             "profit_factor")  # fmt: skip
_MOST_COMPARED = 20
_LISTED = ("run_id", "kind", "strategy_name", "symbol", "start_date", "end_date", "status",
           "verdict", "sharpe_ratio")  # fmt: skip
_OF_A_CALL = {"like", "plan_hash", "wait", "fields", "max_rows"}

Arguments = Mapping[str, Any]
"""Of a call, by name; checked by the schema of its tool."""


class Agent:
    """Answers an agent's calls: each public method is the tool of its name.

    Parameters
    ----------
    settings
        Where bars come from, and where jobs are stored. With BT_ALLOWED_DIRS paths lead nowhere
        else; without it, wherever this process may read.
    block_s
        No call takes longer to be answered.
    threads
        How many jobs are worked on at a time.
    """

    def __init__(
        self, settings: Settings, *, block_s: float = BLOCK_S, threads: int | None = None
    ) -> None:
        self.settings = settings
        self.calls = Calls(settings, threads=threads)
        self._block_s = block_s
        everywhere = AllowedFolders((Path("/"),))
        confined = settings.allowed_dirs is not None
        self._folders = AllowedFolders.of(settings) if confined else everywhere

    def describe(self, given: Arguments) -> dict[str, Any]:
        """Say what there is to know."""
        found = describe(
            given.get("topic"), given.get("kind"), given.get("search"), settings=self.settings
        )
        step = NextCall("validate", "Checks a spec, and says everything that is wrong with it.")
        return within({**found, "next": [step.to_document()]}, ANSWER_TOKENS)

    def validate(self, given: Arguments) -> dict[str, Any]:
        """Check a spec."""
        source = given["spec"]
        fields = _spec_of(source)
        self._folders.check(paths_of_job({"spec": fields}))
        if isinstance(fields, str):
            fields = read_fields(Path(fields))
            if isinstance(fields, Mapping):
                self._folders.check(paths_of_spec(fields))
        spec = load_spec(cast("Any", fields), settings=self.settings)
        kind, why = kind_of(spec)
        job = {"kind": KINDS[kind].command, "spec": source if isinstance(source, str) else "..."}
        step = NextCall(
            "plan", "Says what a run rests on, takes and adds; needs symbol, start, end.", job
        )
        return {
            "valid": True,
            "kind": kind,
            "why": f"It {why}.",
            "name": spec.name,
            "spec_hash": spec_hash(spec),
            "parameters": dict(spec.parameters),
            "conditions": spec.filled_conditions,
            "next": [step.to_document()],
        }

    def plan(self, given: Arguments) -> dict[str, Any]:
        """Say what a job rests on, costs and adds."""
        call = self.calls.start("plan", lambda progress: self._plan(given, progress))
        return self._told(call, given)

    def _plan(self, given: Arguments, progress: CallProgress) -> dict[str, Any]:
        return plan_job(self._job(given), settings=self.settings, progress=progress)

    def run(self, given: Arguments) -> dict[str, Any]:
        """Carry a job out."""
        call = self.calls.start("run", lambda progress: self._run(given, progress))
        return self._told(call, given)

    def _run(self, given: Arguments, progress: CallProgress) -> dict[str, Any]:
        job = self._job(given)
        done = execute(
            job, settings=self.settings, progress=progress, plan_hash=given.get("plan_hash")
        )
        return load_document(HANDLERS[job.kind].id_of(done), settings=self.settings)

    def result(self, given: Arguments) -> dict[str, Any]:
        """Tell of a job, or which there are."""
        known_id = given.get("id")
        if known_id is None:
            return self._list(given)
        call = self.calls.find(known_id)
        if call is not None and not call.is_done:
            return self._told(call, given)
        if call is not None and (call.tool == "plan" or call.progress.job_id is None):
            return self._told(call, given)
        return self._stored(call.id if call is not None else known_id, given)

    def compare(self, given: Arguments) -> dict[str, Any]:
        """Put jobs side by side."""
        ids = given["ids"]
        if not 1 < len(ids) <= _MOST_COMPARED:
            raise refusal(
                ids,
                "ids",
                rule=f"2 to {_MOST_COMPARED} ids",
                hint="`result` without id lists them.",
            )
        names = given.get("metrics") or list(_COMPARED)
        rows, bars = [], set()
        for known_id in ids:
            document = load_document(known_id, settings=self.settings)
            kind = Store.from_settings(self.settings).kind_of(known_id)
            if kind == "batch" or "provenance" not in document:
                raise UsageError(
                    f"{known_id} is a {kind} without numbers of its own.",
                    hint="Compare complete runs, walk-forwards and sweeps.",
                    details={"argument": "ids", "run_id": known_id},
                )
            headline = SPEC_JOBS[kind].headline(document)
            for name in names:
                if name not in headline.metrics:
                    raise UsageError(
                        f"{known_id} has no metric {name!r}.",
                        hint=did_you_mean(name, list(headline.metrics))
                        or "describe with topic metrics lists them.",
                        details={"argument": "metrics"},
                    )
            bars.add(document["provenance"]["bars_hash"])
            rows.append(
                {
                    "id": known_id,
                    "kind": kind,
                    "strategy": headline.strategy_name,
                    "verdict": document["verdict"],
                    **{name: headline.metrics[name] for name in names},
                }
            )
        alike = len(bars) == 1
        note = {} if alike else {"note": "They are not on the same bars: compare with care."}
        step = NextCall("result", "Tells of one of them.", {"id": ids[0]})
        return within(
            {"same_bars": alike, **note, "rows": rows, "next": [step.to_document()]}, ANSWER_TOKENS
        )

    def cancel(self, given: Arguments) -> dict[str, Any]:
        """Stop a job."""
        known_id = given["id"]
        call = self.calls.find(known_id)
        if call is None:
            found = cancel(known_id, settings=self.settings)
            return {
                "id": found["run_id"],
                "status": found["status"],
                "next": _documents(after_cancel(found["run_id"])),
            }
        if call.is_done:
            raise UsageError(
                f"{known_id} is done already.",
                hint="Ask for its result.",
                details={"argument": "id"},
            )
        self.calls.stop(call)
        return {"id": call.id, "status": "cancelling", "next": _documents(after_cancel(call.id))}

    def _job(self, given: Arguments) -> Any:  # noqa: ANN401 - any kind of job
        fields = {name: value for name, value in given.items() if name not in _OF_A_CALL}
        if "like" in given:
            fields = {**self._like(given["like"], given.get("kind")), **fields}
        if "spec" in fields:
            fields["spec"] = _spec_of(fields["spec"])
        for one in fields.get("jobs") or ():
            if isinstance(one, dict) and "spec" in one:
                one["spec"] = _spec_of(one["spec"])
        return read_asked(fields, folders=self._folders, settings=self.settings).job

    def _like(self, known_id: str, kind: object) -> dict[str, Any]:
        """Return what was asked of a stored job, as far as another kind takes it."""
        with Store.from_settings(self.settings).snapshot() as snapshot:
            asked = snapshot.request(known_id)
        if asked is None:
            raise RunNotFoundError(
                f"What was asked of {known_id} is not stored.",
                hint="Say it all, without like.",
                details={"argument": "like"},
            )
        job = JOB_KINDS.get(str(kind or asked["kind"]))
        taken = asked.keys() if job is None else job.model_fields.keys()
        return {
            name: value
            for name, value in asked.items()
            if name in taken and name not in {"rendering", "path"}
        }

    def _told(self, call: ToolCall, given: Arguments) -> dict[str, Any]:
        """Return what a call came to, if it has within the time that it may block."""
        if not self.calls.wait(call, min(self._wait_of(given), self._block_s)):
            progress = call.progress
            step = NextCall("result", "Waits for it, and tells how far it is.", {"id": call.id})
            return {
                "status": "running",
                "id": call.id,
                "stage": progress.stage_name,
                "progress": progress.counted,
                "next": [step.to_document()],
            }
        try:
            document = call.future.result()
        except CancelledError as error:
            raise InterruptedRunError("It was cancelled.", hint="Ask for it again.") from error
        if call.tool == "plan":
            return self._planned(document, given)
        return self._done(call.id, document, given)

    def _wait_of(self, given: Arguments) -> float:
        return check_number(
            given.get("wait", self._block_s),
            "wait",
            rule="0 or more",
            good=lambda value: value >= 0.0,
            hint=f"Give seconds, at most {self._block_s:g}; the job goes on afterwards.",
        )

    def _planned(self, document: dict[str, Any], given: Arguments) -> dict[str, Any]:
        asked = {
            name: value
            for name, value in given.items()
            if name not in {"fields", "max_rows", "wait"}
            and not (name in {"spec", "jobs"} and not isinstance(value, str))
        }
        held = {**asked, "plan_hash": document["plan_hash"]}
        step = NextCall("run", "Runs exactly this, and refuses if anything of it changed.", held)
        return summed_up(document, "plan", _extract(given), [step], status="planned")

    def _stored(self, known_id: str, given: Arguments) -> dict[str, Any]:
        return self._done(known_id, load_document(known_id, settings=self.settings), given)

    def _done(self, known_id: str, document: dict[str, Any], given: Arguments) -> dict[str, Any]:
        kind = Store.from_settings(self.settings).kind_of(known_id)
        status = document.get("run", {}).get("status", "complete")
        tables = {
            name: address_of(known_id, name) for name in OUTLINES[kind].tables
        } if status == "complete" else {}  # fmt: skip
        steps = after_job(known_id, kind, document, status)
        return summed_up(
            document, kind, _extract(given), steps,
            status=status, id=known_id, kind=kind, tables=tables,
        )  # fmt: skip

    def _list(self, given: Arguments) -> dict[str, Any]:
        rows = list_runs(limit=given.get("max_rows", 10), settings=self.settings)
        listed = [{name: row[name] for name in _LISTED} for row in rows]
        calls = [{"id": call.id, "tool": call.tool} for call in self.calls.unfinished()]
        step = NextCall(
            "result", "Tells of one of them.", {"id": rows[0]["run_id"] if rows else "ID"}
        )
        return within(
            {"running": calls, "jobs": listed, "next": [step.to_document()]}, ANSWER_TOKENS
        )


def _spec_of(source: object) -> object:
    """Return a spec by its fields where it is a text; a path stays one."""
    if isinstance(source, str) and path_of(source) is None:
        return parse_text(source, form="yaml")
    return source


def _extract(given: Arguments) -> Extract:
    return Extract.of(given.get("fields"), given.get("max_rows"))


def _documents(steps: list[NextCall]) -> list[dict[str, Any]]:
    return [each.to_document() for each in steps]
