"""The seven tools of an agent: what each takes, which is checked, and how it is answered."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from btkit.arguments import refusal
from btkit.errors import BtkitError, InternalError, UsageError, strict_json
from btkit.jobs.job import JOB_KINDS
from btkit.service.mcp_agent import Agent, Arguments
from btkit.service.mcp_answers import ANSWER_TOKENS, within
from btkit.service.mcp_describe import TOPICS
from btkit.service.mcp_steps import after_error
from btkit.spelling import did_you_mean


@dataclass(frozen=True)
class Tool:
    """A tool.

    Parameters
    ----------
    what
        For the agent.
    properties
        Its arguments, as JSON Schema has them.
    required
        Those without which it is not called.
    answer
        Does it.
    """

    what: str
    properties: Mapping[str, dict[str, Any]]
    answer: Callable[[Agent, Arguments], dict[str, Any]]
    required: tuple[str, ...] = ()

    @property
    def schema(self) -> dict[str, Any]:
        """Its arguments as JSON Schema."""
        known = {"type": "object", "properties": dict(self.properties)}
        return {**known, "required": list(self.required)} if self.required else known


def _check_arguments(tool: Tool, arguments: Arguments) -> None:
    for name in tool.required:
        if arguments.get(name) is None:
            raise UsageError(
                f"It lacks {name}.",
                hint=str(tool.properties[name].get("description", "Give it.")),
                details={"argument": name},
            )
    known = {*tool.properties, *(_JOB_FIELDS if "symbol" in tool.properties else ())}
    for name, value in arguments.items():
        if name not in known:
            meant = did_you_mean(name, sorted(known))
            raise UsageError(
                f"It takes no argument {name!r}.",
                hint=meant or f"It takes {', '.join(tool.properties)}.",
                details={"argument": name, "reason": "unknown"},
            )
        allowed = tool.properties.get(name, {}).get("type")
        if allowed is not None and not _is_of(value, allowed):
            described = str(tool.properties[name].get("description", ""))
            rule = allowed if isinstance(allowed, str) else " or ".join(allowed)
            raise refusal(value, name, rule=f"of type {rule}", hint=described or "See its schema.")


_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,), "number": (int, float), "integer": (int,), "object": (dict,),
    "array": (list,), "boolean": (bool,),
}  # fmt: skip


def _is_of(value: object, allowed: str | list[str]) -> bool:
    names = [allowed] if isinstance(allowed, str) else allowed
    kinds = tuple(kind for name in names for kind in _TYPES[name])
    return isinstance(value, kinds) and not (isinstance(value, bool) and "boolean" not in names)


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


def _number(description: str) -> dict[str, Any]:
    return {"type": "number", "description": description}


def _whole(description: str) -> dict[str, Any]:
    return {"type": "integer", "description": description}


_SPEC = {"type": ["object", "string"], "description": "Its fields, its text, or a path"}
_AXES = {
    "type": "object",
    "description": 'Values by parameter: {"fast": [5, 10, 20]}',
}
_JOB: Mapping[str, dict[str, Any]] = {
    "kind": {"type": "string", "enum": list(JOB_KINDS)},
    "spec": _SPEC,
    "symbol": _text("Such as SPX"),
    "start": _text("First day, YYYY-MM-DD"),
    "end": _text("Last day, included"),
    "source": _text("Of the bars"),
    "interval": _text("Of the bars; 1d"),
    "capital": _number("$"),
    "commission": _number("As the spec's model counts"),
    "slippage": _number("Fraction per fill"),
    "benchmark": _text("Symbol; usual: the same"),
    "model_path": _text("Bundle of a model spec"),
    "parameters": {**_AXES, "description": _AXES["description"] + "; sweep"},
    "optimize": {**_AXES, "description": "The same; walk-forward"},
    "constraint": _text("On sets: fast < slow"),
    "objective": _text("Metric; sharpe_ratio"),
    "method": {"type": "string", "enum": ["grid", "random", "optuna"]},
    "samples": _whole("Sets of random, optuna"),
    "seed": _whole("Of draws"),
    "windows": _whole("walk-forward; 3"),
    "is_ratio": _number("In-sample share; 0.7"),
    "scheme": {"type": "string", "enum": ["rolling", "anchored", "disjoint"]},
    "jobs": {"type": "array", "items": {"type": "object"}, "description": "batch: jobs like this"},
    "workers": _whole("batch: at a time"),
    "like": _text("Id of a stored job whose fields count where none is given"),
}
_JOB_FIELDS = frozenset(name for kind in JOB_KINDS.values() for name in kind.model_fields)
_FIELDS: Mapping[str, dict[str, Any]] = {
    "fields": _text("Parts of the document wanted: metrics.sharpe_ratio,warnings"),
    "max_rows": _whole("Entries of each list"),
}
_WAIT = {"wait": _number("Seconds to block, at most 45")}

TOOLS: Mapping[str, Tool] = {
    "describe": Tool(
        "What btkit can do, how a spec is written, which names conditions read. Start here.",
        {
            "topic": {"type": "string", "enum": list(TOPICS)},
            "kind": _text("Of spec (rules, options, model) or job"),
            "search": _text("A word, such as rsi"),
        },
        Agent.describe,
    ),
    "validate": Tool(
        "Check a strategy spec; every problem with its place and a hint.",
        {"spec": _SPEC},
        Agent.validate,
        ("spec",),
    ),
    "plan": Tool(
        "Say what a job would rest on, take and add to what was tried on the same bars; runs "
        "nothing. Gives plan_hash.",
        {**_JOB, **_FIELDS, **_WAIT},
        Agent.plan,
    ),
    "run": Tool(
        "Run a job and store it: a backtest, options-sim, walk-forward, sweep or batch. A long "
        "one answers {status: running, id}; it goes on, ask result.",
        {
            **_JOB,
            "plan_hash": _text("Of plan; refuses if spec, data, arguments or code changed"),
            **_FIELDS,
            **_WAIT,
        },
        Agent.run,
    ),
    "result": Tool(
        "Tell of a job by id, or wait for one that runs; without id list the latest.",
        {"id": _text("Of a job"), **_FIELDS, **_WAIT},
        Agent.result,
    ),
    "compare": Tool(
        "Put stored jobs side by side.",
        {
            "ids": {"type": "array", "items": {"type": "string"}},
            "metrics": {"type": "array", "items": {"type": "string"}},
        },
        Agent.compare,
        ("ids",),
    ),
    "cancel": Tool(
        "Stop a running job; it keeps how far it is.",
        {"id": _text("Of a job")},
        Agent.cancel,
        ("id",),
    ),
}
"""By name."""


def answer(agent: Agent, name: str, arguments: Arguments) -> tuple[dict[str, Any], bool]:
    """Return what a tool answers, and whether that is an error.

    Parameters
    ----------
    agent
        Does it.
    name
        Of the tool.
    arguments
        By name.

    Returns
    -------
    tuple of dict and bool
        An error is what the command line prints of it; its traceback, where it is a fault, goes to
        stderr.
    """
    try:
        tool = _tool_of(name)
        _check_arguments(tool, arguments)
        return tool.answer(agent, arguments), False
    except BtkitError as error:
        known = error
    except Exception as error:  # noqa: BLE001 - the contract: a document on any failure
        sys.stderr.write(traceback.format_exc())
        hint = "The traceback is in what the server wrote to stderr."
        known = InternalError.of(error, hint=hint, details={})
    steps = [step.to_document() for step in after_error(known, name)]
    document: dict[str, Any] = strict_json(known.to_document())
    return within({**document, "next": steps}, ANSWER_TOKENS), True


def _tool_of(name: str) -> Tool:
    if name in TOOLS:
        return TOOLS[name]
    raise UsageError(
        f"There is no tool {name!r}.",
        hint=did_you_mean(name, list(TOOLS)) or f"There are {', '.join(TOOLS)}.",
        details={"argument": "name"},
    )
