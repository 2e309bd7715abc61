"""All that a run works out for each bar before the account comes in: what must not look ahead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NoReturn, cast

import numpy as np
from numpy.typing import NDArray

from btkit.conditions import names_of
from btkit.conditions.columns import ColumnEvaluator, Value
from btkit.conditions.nodes import Const, Node
from btkit.data.quality import REQUIRED_COLUMNS
from btkit.decisions import Clause, Clauses
from btkit.engine import ChunkedRun
from btkit.engine.loop_decisions import AnyDecisions, AnyMarket
from btkit.indicators import POSITION_NAMES, is_truth_value, plugins_of
from btkit.simulation import SIMULATIONS, Inputs
from btkit.simulation.lookahead import LeakKind, Shown
from btkit.simulation.simulated import columns_read

# Whether a bar is its session's last is what the clock says: of bars that
# are cut off inside a session nobody can tell.
_BY_THE_CLOCK = "ends_session"
# What is paid between bars is of rates and dividends, which no condition computes.
_CARRY = "carry"
# What of the decisions is not by bar: programs, and what they say of all bars.
_PROGRAMS = frozenset({"code", "programs", "lists", "constants", "fractions"})
_SIDES = frozenset({"long", "short"})
_DECIDED = {
    "entry_gate": "entry",
    "exit_gate": "exit",
    "stop_gate": "stop",
    "gates": "part exits",
    "leave_gate": "exit or part exits",
    "columns": "what sizes and conditions with a position read",
    "column_tags": "what sizes and conditions with a position read",
}


@dataclass(frozen=True)
class Series:
    """One value a bar, and what it is.

    Parameters
    ----------
    kind, name
        As of a `Leak`.
    column
        bool, integers or float64, shape (n_bars,); NaN where missing.
    reads
        The names of features that it is worked out from, or that it is itself.
    """

    kind: LeakKind
    name: str
    column: NDArray[Any]
    reads: frozenset[str] = frozenset()

    @property
    def own_name(self) -> str:
        """Of a feature its name, also where it is of a slower interval."""
        return next(iter(self.reads)) if self.kind == "feature" else self.name

    @property
    def is_own(self) -> bool:
        """Whether it is a feature that btkit computes, and not code that somebody registered."""
        return self.kind != "feature" or not plugins_of([self.own_name])

    def shown(self, bar: int) -> Shown:
        """Return a value as people are shown it; None where it is missing."""
        value = self.column[bar]
        if not np.isfinite(value):
            return None
        is_flag = self.column.dtype == np.bool_ or (
            self.kind == "feature" and is_truth_value(self.own_name)
        )
        return bool(value) if is_flag else float(value)


class _StoppedError(Exception):
    # Ends a simulation before its loop, which is handed over with all that it would have read.
    def __init__(self, run: ChunkedRun) -> None:
        super().__init__("the loop was not wanted")
        self.run = run


def trace(inputs: Inputs, clauses: Clauses, *, features: bool = True) -> list[Series]:
    """Return what a run of any kind of spec works out for each bar, causes before effects.

    Parameters
    ----------
    inputs
        What `check_inputs` returned, or its bars altered.
    clauses
        The conditions of the spec.
    features
        Whether the columns that conditions read are listed, too.

    Returns
    -------
    list of Series
        Features, then what the kind of spec leaves in `Inputs.outputs`, then conditions, and at
        last what its loop reads.
    """
    # What came first inside a bar decides nothing.
    again = replace(inputs, outputs={}, loop=_stop, detail=None)
    # What is computed already need not be computed again.
    again.__dict__["features"] = inputs.features
    again.__dict__["classified"] = inputs.classified
    read = _read_by_loop(again)
    found = [
        Series("output", name, values)
        for classified in inputs.classified
        for name, values in classified.outputs.items()
    ]
    if features:
        found += [
            Series("feature", label, reader.column(name), frozenset({name}))
            for label, reader, name in columns_read(inputs.features, clauses, inputs.spec)
        ]
    everything = frozenset(clauses.names() | inputs.spec.always_read)
    found += [Series("output", name, values, everything) for name, values in again.outputs.items()]
    found += _conditions(clauses, inputs)
    return found + [
        Series("decision", name, values, everything) for name, values in _by_bar(read, inputs)
    ]


def _stop(run: ChunkedRun) -> NoReturn:
    raise _StoppedError(run)


def _read_by_loop(inputs: Inputs) -> tuple[AnyMarket, AnyDecisions]:
    try:
        SIMULATIONS[inputs.spec.kind](inputs)
    except _StoppedError as stopped:
        market, decisions, _ = stopped.run.inputs
        return market, decisions
    raise AssertionError(f"the kind {inputs.spec.kind} has no loop")


def _by_bar(
    read: Iterable[object], inputs: Inputs, side: str = ""
) -> Iterator[tuple[str, NDArray[Any]]]:
    passed_over = {*REQUIRED_COLUMNS, *_PROGRAMS, _BY_THE_CLOCK}
    for record in read:
        fields = getattr(record, "_fields", ())
        for field, value in zip(fields, cast("tuple[object, ...]", record), strict=True):
            if field == _CARRY:
                continue
            if isinstance(value, tuple):
                yield from _by_bar((value,), inputs, f"{field} " if field in _SIDES else side)
            elif field not in passed_over and isinstance(value, np.ndarray) and value.size:
                for row in value.reshape(-1, len(inputs.bars)):
                    yield side + _DECIDED.get(field, field.replace("_", " ")), row


def _conditions(clauses: Clauses, inputs: Inputs) -> Iterator[Series]:
    evaluator = inputs.evaluator()
    for clause in clauses.expressions():
        name = f"{clause.path if clause.index >= 0 else clause.list_name}: {clause.text}"
        reads = names_of(clause.tree) - POSITION_NAMES
        for values in _values_of(clause, evaluator, len(inputs.bars)):
            yield Series("condition", name, values, reads)


def _values_of(clause: Clause, evaluator: ColumnEvaluator, bars: int) -> Iterator[NDArray[Any]]:
    with np.errstate(all="ignore"):
        if not clause.tree.reads_position and clause.index >= 0:
            yield np.broadcast_to(evaluator.evaluate(clause.tree).met(), bars)
        else:
            for part in _without_position(clause.tree):
                yield np.broadcast_to(_numbers(evaluator.evaluate(part)), bars)
    evaluator.forget()


def _without_position(tree: Node) -> Iterator[Node]:
    if isinstance(tree, Const):
        return
    if not tree.reads_position:
        yield tree
        return
    for child in tree.children():
        yield from _without_position(child)


def _numbers(value: Value) -> NDArray[np.float64]:
    known = value.data.astype(np.float64)
    for mask in (value.none, value.failed):
        if mask is not None:
            known = np.where(mask, np.nan, known)
    return known
