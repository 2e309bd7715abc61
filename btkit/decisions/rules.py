"""From a spec's conditions to what the loop reads: gates, programs and tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from btkit.conditions import calls_of, names_of, parse_expression, reaches_of
from btkit.conditions.columns import ColumnEvaluator, Value
from btkit.conditions.machine import Tag
from btkit.conditions.nodes import And, AsOf, Column, Node, Over, Position, Unary
from btkit.conditions.program import TAGS, Assembler, Tables
from btkit.decisions.records import (
    DISTANCE,
    ENTRY_LIST,
    ENTRY_PRICE,
    EXIT_LIST,
    FILTER_LIST,
    LIST_COUNT,
    NO_PARTS,
    SIZE_LIST,
    STOP_LIST,
    STOP_PRICE,
    TARGET_PRICE,
    BothSides,
    Decisions,
    Flags,
    Levels,
    Parts,
)
from btkit.errors import Problem, SpecError
from btkit.indicators import POSITION_NAMES as ALL_POSITION_NAMES

# The option position's names in a rule run, where there is none (SEMANTICS 2.8).
RULE_RUN_CONSTANTS: Mapping[str, float] = {
    "short_leg_delta": 0.30,
    "short_strike_delta": 0.30,
    "pnl_pct_of_max_credit": 0.0,
    "premium_collected_pct": 0.0,
    "open_interest_short_strike": 2000.0,
}
NO_PRICES: Mapping[str, str] = MappingProxyType({})
PRICE_OF: Mapping[str, int] = {
    "entry_order.limit": ENTRY_PRICE,
    "entry_order.stop": ENTRY_PRICE,
    "stop_loss.price": STOP_PRICE,
    "take_profit.price": TARGET_PRICE,
    "trailing_stop.atr": DISTANCE,
}
"""The list of each price of orders inside the bar, by its path in a side of a spec."""
_SIZING = "position_sizing_formula"
_WHEN_FLAT = Unary("not", Position("in_position"))


@dataclass(frozen=True)
class Clause:
    """One condition of a spec.

    Parameters
    ----------
    list_name, index
        Where it stands, such as ``entry_conditions`` and 0.
    text
        As the spec has it, parameters filled in.
    tree
        What it means.
    """

    list_name: str
    index: int
    text: str
    tree: Node

    @property
    def path(self) -> str:
        """Where the condition or formula stands in the spec."""
        return self.list_name if self.index < 0 else f"{self.list_name}[{self.index}]"


@dataclass(frozen=True)
class PartClause(Clause):
    """The condition of one part exit.

    Parameters
    ----------
    fraction
        How much of the shares at entry leaves.
    """

    fraction: float

    @property
    def path(self) -> str:
        """Where the condition stands in the spec."""
        return f"{super().path}.when"


@dataclass(frozen=True)
class Clauses:
    """All conditions of a spec and its sizing formula, parsed.

    Parameters
    ----------
    entry, exit, stop, filters
        The four lists.
    sizing
        The sizing formula; its index is -1.
    parts
        The part exits.
    prices
        Those of orders inside the bar; their index is -1, too.
    short
        Of a spec that takes both sides the short one's, with the same filters; the others are
        then the long one's.
    """

    entry: tuple[Clause, ...]
    exit: tuple[Clause, ...]
    stop: tuple[Clause, ...]
    filters: tuple[Clause, ...]
    sizing: Clause
    parts: tuple[PartClause, ...] = ()
    prices: tuple[Clause, ...] = ()
    short: Clauses | None = None

    @property
    def sides(self) -> tuple[Clauses, ...]:
        """Those of each side by itself: the long one's, or the only one's, comes first."""
        return (self,) if self.short is None else (replace(self, short=None), self.short)

    def conditions(self) -> tuple[Clause, ...]:
        """Return the conditions: entry, exit, stop, filter, part exits, then those of short."""
        own = (*self.entry, *self.exit, *self.stop, *self.filters, *self.parts)
        short = self.short
        if short is None:
            return own
        return (*own, *short.entry, *short.exit, *short.stop, *short.parts)

    def expressions(self) -> tuple[Clause, ...]:
        """Return the conditions, the sizing formulas and the prices."""
        formulas = (clause for side in self.sides for clause in (side.sizing, *side.prices))
        return (*self.conditions(), *formulas)

    def names(self) -> frozenset[str]:
        """Return every per-bar name that any expression reads, also inside of ``on`` and ``of``."""
        names: set[str] = set()
        for clause in self.expressions():
            names |= names_of(clause.tree)
        return frozenset(names - ALL_POSITION_NAMES)

    def columns(self) -> dict[Column | AsOf, int]:
        """Return every column that any expression reads, those of other bars after them.

        Each with how many bars before its own it is read at the furthest.
        """
        found: dict[Column | AsOf, int] = {}
        for clause in self.expressions():
            for column, bars in reaches_of(clause.tree).items():
                found[column] = max(found.get(column, 0), bars)
        order = sorted(found, key=lambda column: (isinstance(column, AsOf), column.label))
        return {column: found[column] for column in order}

    def calls(self) -> list[Over | AsOf]:
        """Return every call over time that any expression makes, those within others left out."""
        found = {call: None for clause in self.expressions() for call in calls_of(clause.tree)}
        return sorted(found, key=lambda call: (isinstance(call, AsOf), call.label))


def parse_clauses(  # noqa: PLR0913 - all that a spec says of when and how much
    conditions: Mapping[str, Iterable[str]],
    sizing: str,
    *,
    risk_pct: float,
    constants: Mapping[str, float] = RULE_RUN_CONSTANTS,
    within: str = "",
    further: Mapping[str, float] | None = None,
    declared: Iterable[str] = (),
    parts: Iterable[tuple[str, float]] = (),
    prices: Mapping[str, str] = NO_PRICES,
) -> Clauses:
    """Parse every expression of a spec.

    Parameters
    ----------
    conditions
        ``entry_conditions``, ``exit_conditions``, ``stop_conditions`` and
        ``filter_conditions``, parameters filled in.
    sizing
        The sizing formula.
    risk_pct
        What ``risk_pct`` means in it.
    constants
        Names whose value the run fixes.
    within
        What stands before a list's name in paths, such as ``short.``.
    further
        What else is fixed in the sizing formula, by name.
    declared
        The columns of the bars that the spec declares.
    parts
        Condition, parameters filled in, and fraction of each part exit.
    prices
        The expressions of orders inside the bar by their paths, parameters filled in.

    Raises
    ------
    SpecError
        If any is refused, with every reason.
    """
    problems: list[Problem] = []

    def parse(name: str, index: int, text: str, *, field: str = "") -> Clause | None:
        is_formula, is_sizing = index < 0, name.endswith(_SIZING)
        in_sizing = {"risk_pct": risk_pct, **(further or {})}
        fixed = {**constants, **(in_sizing if is_sizing else {})}
        path = name if is_formula else f"{name}[{index}]{field}"
        tree, found = parse_expression(
            text,
            path=path,
            sizing=is_formula,
            constants=fixed,
            events=None,
            declared=frozenset(declared),
        )
        problems.extend(found)
        return None if tree is None else Clause(name, index, text, tree)

    lists = {
        name: tuple(
            clause
            for index, text in enumerate(conditions[f"{name}_conditions"])
            if (clause := parse(f"{within}{name}_conditions", index, text))
        )
        for name in ("entry", "exit", "stop", "filter")
    }
    leaving = tuple(
        PartClause(clause.list_name, clause.index, clause.text, clause.tree, fraction)
        for index, (when, fraction) in enumerate(parts)
        if (clause := parse(f"{within}scale_out", index, when, field=".when"))
    )
    formula = parse(f"{within}{_SIZING}", -1, sizing)
    parsed = [parse(f"{within}{path}", -1, text) for path, text in prices.items()]
    if problems or formula is None:
        raise SpecError(problems)
    return Clauses(
        lists["entry"],
        lists["exit"],
        lists["stop"],
        lists["filter"],
        formula,
        parts=leaving,
        prices=tuple(price for price in parsed if price is not None),
    )


def plan_decisions(
    clauses: Clauses,
    evaluator: ColumnEvaluator,
    bars: int,
    *,
    filter_all: bool,
    positions: Mapping[str, int],
    levels: Levels | None = None,
) -> Decisions:
    """Split the conditions and work out all that does not read the position.

    Parameters
    ----------
    clauses
        The parsed spec.
    evaluator
        Evaluates trees over the features of `bars` bars.
    bars
        Number of bars.
    filter_all
        Whether exits and stops, too, are judged only where the filters pass.
    positions
        For each of the position's names, where the loop keeps its value.
    levels
        Orders inside the bar.
    """
    assembler = Assembler(positions)
    programs: list[tuple[int, int]] = []
    lists = np.zeros((LIST_COUNT, 2), np.int64)
    gates: dict[int, Flags] = {}
    when_flat = False
    with np.errstate(all="ignore"):
        for which, group in (
            (FILTER_LIST, clauses.filters),
            (ENTRY_LIST, clauses.entry),
            (EXIT_LIST, clauses.exit),
            (STOP_LIST, clauses.stop),
        ):
            gate = np.full(bars, bool(group) or which == FILTER_LIST)
            lists[which, 0] = len(programs)
            for part in (part for clause in group for part in conjuncts(clause.tree)):
                if not part.reads_position:
                    gate &= evaluator.evaluate(part).met()
                    evaluator.forget()
                elif which == ENTRY_LIST and part == _WHEN_FLAT:
                    when_flat = True
                else:
                    programs.append(assembler.add(part))
            lists[which, 1] = len(programs)
            if which == ENTRY_LIST or filter_all:
                gate &= gates.get(FILTER_LIST, True)
            gates[which] = gate
        lists[SIZE_LIST] = len(programs), len(programs) + 1
        programs.append(assembler.add(clauses.sizing.tree))
        parts = _planned_parts(
            clauses.parts, evaluator, assembler, programs, gates, filter_all=filter_all
        )
        for price in clauses.prices:
            lists[PRICE_OF[price.list_name.removeprefix("short.")]] = (
                len(programs),
                len(programs) + 1,
            )
            programs.append(assembler.add(price.tree))
        tables = tables_of(assembler, evaluator, bars)
    return Decisions(
        gates[ENTRY_LIST],
        gates[EXIT_LIST],
        gates[STOP_LIST],
        when_flat,
        np.array(assembler.code, np.int64).reshape(-1, 2),
        np.array(programs, np.int64).reshape(-1, 2),
        lists,
        tables,
        parts,
        levels,
    )


def _planned_parts(
    clauses: Sequence[PartClause],
    evaluator: ColumnEvaluator,
    assembler: Assembler,
    programs: list[tuple[int, int]],
    gates: Mapping[int, Flags],
    *,
    filter_all: bool,
) -> Parts:
    if not clauses:
        return NO_PARTS
    spans = np.zeros((len(clauses), 2), np.int64)
    first = gates[FILTER_LIST] if filter_all else np.ones_like(gates[FILTER_LIST])
    open_at = np.tile(first, (len(clauses), 1))
    for place, clause in enumerate(clauses):
        spans[place, 0] = len(programs)
        for part in conjuncts(clause.tree):
            if part.reads_position:
                programs.append(assembler.add(part))
            else:
                open_at[place] &= evaluator.evaluate(part).met()
                evaluator.forget()
        spans[place, 1] = len(programs)
    fractions = np.array([clause.fraction for clause in clauses])
    return Parts(fractions, open_at, spans, gates[EXIT_LIST] | open_at.any(axis=0))


def plan_sides(
    clauses: Clauses,
    evaluator: ColumnEvaluator,
    bars: int,
    *,
    filter_all: bool,
    positions: Mapping[str, int],
    levels: tuple[Levels | None, Levels | None] = (None, None),
) -> Decisions | BothSides:
    """Do what `plan_decisions` does for a spec of one side or of both.

    Parameters
    ----------
    clauses, evaluator, bars, filter_all, positions
        As for `plan_decisions`.
    levels
        Orders inside the bar of the long side, or the only one, and of the short side.
    """
    planned = [
        plan_decisions(
            side, evaluator, bars, filter_all=filter_all, positions=positions, levels=own
        )
        for side, own in zip(clauses.sides, levels, strict=False)
    ]
    return planned[0] if clauses.short is None else BothSides.of(*planned)


def conjuncts(tree: Node) -> list[Node]:
    """Split ``a and b`` into parts that are all met exactly where the whole is met."""
    if isinstance(tree, And):
        return [*conjuncts(tree.left), *conjuncts(tree.right)]
    return [tree]


def tables_of(assembler: Assembler, evaluator: ColumnEvaluator, bars: int) -> Tables:
    """Return what the programs of an assembler read.

    Parameters
    ----------
    assembler
        Has assembled every program.
    evaluator
        Evaluates the whole-array parts.
    bars
        Number of bars.
    """
    constants = list(assembler.constants)
    columns = np.empty((len(assembler.columns), bars))
    tags = np.empty((len(assembler.columns), bars), np.uint8)
    for row, node in enumerate(assembler.columns):
        columns[row], tags[row] = _tagged(evaluator.evaluate(node))
        evaluator.forget()
    return Tables(
        np.array(
            [(constant.number, TAGS[constant.kind]) for constant in constants], np.float64
        ).reshape(-1, 2),
        columns,
        tags,
    )


def _tagged(value: Value) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    tags = np.where(value.is_bool, np.uint8(Tag.BOOL), np.uint8(Tag.FLOAT))
    if value.none is not None:
        tags = np.where(value.none, np.uint8(Tag.NONE), tags)
    if value.failed is not None:
        tags = np.where(value.failed, np.uint8(Tag.FAILED), tags)
    return value.data.astype(np.float64, copy=False), tags
