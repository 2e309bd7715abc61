"""What a sweep has to work out, once for each distinct thing: names, conditions, programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from btkit.conditions import (
    check_expression,
    fill_parameters,
    parameter_names,
    parse_expression,
)
from btkit.conditions.nodes import (
    AsOf,
    Column,
    Compare,
    Const,
    Node,
    Over,
    Position,
    Unary,
)
from btkit.decisions.records import (
    ENTRY_LIST,
    EXIT_LIST,
    FILTER_LIST,
    FORMULA_LISTS,
    SIZE_LIST,
    STOP_LIST,
    LevelSets,
)
from btkit.decisions.rules import NO_PRICES, PRICE_OF, RULE_RUN_CONSTANTS, conjuncts
from btkit.decisions.templates import Hole, Template, fill_tree, read_template
from btkit.engine.inputs import Flags, Floats, Integers
from btkit.errors import SpecError

Codes = NDArray[np.int32]
LIST_NAMES = {
    FILTER_LIST: "filter_conditions",
    ENTRY_LIST: "entry_conditions",
    EXIT_LIST: "exit_conditions",
    STOP_LIST: "stop_conditions",
}
_WHEN_FLAT = Unary("not", Position("in_position"))


class Term(IntEnum):
    """How a set's condition is judged at each bar without the position."""

    PASS = 0
    NEVER = 1
    ROW = 2
    LT = 3
    LE = 4
    GT = 5
    GE = 6


_ORDER = {"<": Term.LT, "<=": Term.LE, ">": Term.GT, ">=": Term.GE}
_FLIPPED = {Term.LT: Term.GT, Term.LE: Term.GE, Term.GT: Term.LT, Term.GE: Term.LE}


@dataclass(frozen=True)
class Gate:
    """One condition, for each set: a comparison, or a column of truth values.

    Parameters
    ----------
    which
        The list it stands in.
    op
        `Term`, int8 (n_sets,).
    left
        Of a comparison the place in `SweepPlan.names`, of a `Term.ROW` that in
        `SweepPlan.rows`; int32 (n_sets,).
    right
        The place in `SweepPlan.names`, or -1 where `number` stands instead; int32 (n_sets,).
    number
        float64 (n_sets,).
    """

    which: int
    op: NDArray[np.int8]
    left: Codes
    right: Codes
    number: Floats


@dataclass(frozen=True)
class Programs:
    """One condition that reads the position, for each set.

    Parameters
    ----------
    which
        The list it stands in.
    trees
        The distinct ones; None where the condition does not read the position.
    codes
        Which of them a set has, (n_sets,).
    """

    which: int
    trees: tuple[Node | None, ...]
    codes: Integers


@dataclass
class SweepPlan:
    """The conditions of many sets of parameters, each distinct thing once.

    Parameters
    ----------
    parameters
        Every parameter of the spec: float64 (n_sets,).
    filled
        Which of the lists have any condition, by list.
    names, rows
        The distinct columns that are compared, calls over time among them and what is known from
        other bars, and the distinct trees of truth values.
    gates, programs
        The conditions; formulas for size and prices are among `programs`.
    when_flat
        Whether ``not in_position`` is among a set's entry conditions, (n_sets,).
    levels
        Orders inside the bar, as numbers; None without.
    """

    parameters: Mapping[str, Floats]
    filled: dict[int, bool]
    names: dict[Column | AsOf | Over, int] = field(default_factory=dict)
    rows: dict[Node, int] = field(default_factory=dict)
    gates: list[Gate] = field(default_factory=list)
    programs: list[Programs] = field(default_factory=list)
    when_flat: Flags = field(default_factory=lambda: np.zeros(0, np.bool_))
    levels: LevelSets | None = None

    @property
    def sets(self) -> int:
        """The number of sets."""
        return len(self.when_flat)

    def combinations(self) -> tuple[Integers, Integers]:
        """Return the distinct combinations of programs, (n, n_programs), and each set's."""
        if all(len(part.trees) == 1 for part in self.programs):
            return np.zeros((1, len(self.programs)), np.int64), np.zeros(self.sets, np.int64)
        codes = np.stack([part.codes for part in self.programs], axis=1)
        distinct, inverse = np.unique(codes, axis=0, return_inverse=True)
        return distinct, inverse.reshape(-1)


def plan_sweep(  # noqa: PLR0913 - all that a spec says of when and how much
    conditions: Mapping[str, Sequence[str]],
    sizing: str,
    *,
    risk_pct: float,
    multiplier: float = 1.0,
    parameters: Mapping[str, Floats],
    sets: int,
    within: str = "",
    declared: Iterable[str] = (),
    prices: Mapping[str, str] = NO_PRICES,
    levels: LevelSets | None = None,
) -> SweepPlan:
    """Read a spec's conditions for many sets of parameters.

    Parameters
    ----------
    conditions
        The four lists by field name, parameters in braces.
    sizing
        The sizing formula.
    risk_pct, multiplier
        What ``risk_pct`` and ``multiplier`` mean in it.
    parameters
        The value of every parameter of the spec in each set, float64 (n_sets,).
    sets
        The number of sets.
    within
        What stands before a list's name in paths, such as ``short.``.
    declared
        The columns of the bars that the spec declares.
    prices, levels
        Orders inside the bar: expressions by path, parameters in braces, and numbers.

    Raises
    ------
    SpecError
        If a condition is refused with any set's values; `problems` are those of the first such
        set.
    """
    reader = _Reader(
        SweepPlan(
            parameters,
            {which: bool(conditions[name]) for which, name in LIST_NAMES.items()},
            levels=levels,
        ),
        sets,
        frozenset(declared),
    )
    reader.plan.when_flat = np.zeros(sets, np.bool_)
    for which, name in LIST_NAMES.items():
        for index, text in enumerate(conditions[name]):
            reader.condition(which, f"{within}{name}[{index}]", text, RULE_RUN_CONSTANTS)
    constants = {**RULE_RUN_CONSTANTS, "risk_pct": risk_pct, "multiplier": multiplier}
    reader.condition(SIZE_LIST, f"{within}position_sizing_formula", sizing, constants)
    for path, text in prices.items():
        reader.condition(PRICE_OF[path], f"{within}{path}", text, RULE_RUN_CONSTANTS)
    return reader.plan


def check_conditions(
    conditions: Mapping[str, str],
    *,
    parameters: Mapping[str, Floats],
    sets: int,
    declared: Iterable[str] = (),
) -> None:
    """Refuse conditions that any set's values spoil, of a sweep that plans its sets one by one.

    Parameters
    ----------
    conditions
        By path, parameters in braces.
    parameters, sets, declared
        As for `plan_sweep`.

    Raises
    ------
    SpecError
        As `plan_sweep`.
    """
    reader = _Reader(SweepPlan(parameters, {}), sets, frozenset(declared))
    reader.plan.when_flat = np.zeros(sets, np.bool_)
    for path, text in conditions.items():
        reader.condition(EXIT_LIST, path, text, RULE_RUN_CONSTANTS)


class _Reader:
    def __init__(self, plan: SweepPlan, sets: int, declared: frozenset[str]) -> None:
        self.plan = plan
        self.declared = declared
        self.sets = sets
        self.known: dict[tuple[str, ...], tuple[list[dict[str, float]], Integers]] = {}
        self.filled: dict[Hole, list[Node | None]] = {}

    def condition(self, which: int, path: str, text: str, constants: Mapping[str, float]) -> None:
        sizing = which in FORMULA_LISTS
        template = read_template(text, sizing=sizing, constants=constants, declared=self.declared)
        if template is None or not self.templated(which, template, sizing=sizing):
            self.texts(which, path, text, constants)

    def templated(self, which: int, template: Template, *, sizing: bool) -> bool:
        fillings = {name: self.fillings(hole) for name, hole in template.holes.items()}
        if any(node is None for nodes, _ in fillings.values() for node in nodes):
            return False
        trees = [template.tree] if sizing else conjuncts(template.tree)
        for tree, holes in template.parts(trees):
            if _is_order(tree) and not sizing:
                assert isinstance(tree, Compare)
                self.comparison(which, tree, template)
            else:
                self.add(which, *self.filled_trees(tree, holes))
        return True

    def filled_trees(self, tree: Node, holes: Mapping[str, Hole]) -> tuple[list[Node], Integers]:
        """Return a tree with each distinct filling, and which of them a set has."""
        combinations, codes = self.distinct(
            tuple(sorted({name for hole in holes.values() for name in hole.parameters}))
        )
        trees = [
            fill_tree(tree, {name: _filled(hole, values) for name, hole in holes.items()})
            for values in combinations
        ]
        return trees, codes

    def texts(self, which: int, path: str, text: str, constants: Mapping[str, float]) -> None:
        """Read each distinct filled text by itself."""
        combinations, codes = self.distinct(tuple(sorted(parameter_names(text))))
        parts: list[list[Node]] = []
        for place in _in_order_of_sets(codes):
            values = combinations[place]
            filled = fill_parameters(text, values)
            # What loading a spec refuses, and a run with its constants would let fail bar by bar.
            problems = check_expression(
                filled,
                path=path,
                sizing=which in FORMULA_LISTS,
                events=None,
                declared=self.declared,
            )
            if problems:
                chosen = ", ".join(f"{name}={value:g}" for name, value in values.items())
                raise SpecError(problems, origin=f"the spec with {chosen}" if chosen else "spec")
            tree, problems = parse_expression(
                filled,
                path=path,
                sizing=which in FORMULA_LISTS,
                constants=constants,
                events=None,
                declared=self.declared,
            )
            assert tree is not None, problems
            parts.append([tree] if which in FORMULA_LISTS else conjuncts(tree))
        order = np.empty(len(combinations), np.int64)
        order[_in_order_of_sets(codes)] = np.arange(len(combinations))
        for index in range(max(map(len, parts))):
            trees = [part[index] if index < len(part) else Const("bool", 1.0) for part in parts]
            self.add(which, trees, order[codes])

    def distinct(self, names: tuple[str, ...]) -> tuple[list[dict[str, float]], Integers]:
        """Return the distinct values of some parameters together, and which of them a set has."""
        if names not in self.known:
            if not names:
                self.known[names] = [{}], np.zeros(self.sets, np.int64)
            elif len(names) == 1:
                values, codes = np.unique(self.plan.parameters[names[0]], return_inverse=True)
                self.known[names] = [{names[0]: value} for value in values.tolist()], codes
            else:
                columns = np.stack([self.plan.parameters[name] for name in names], axis=1)
                values, codes = np.unique(columns, axis=0, return_inverse=True)
                self.known[names] = (
                    [dict(zip(names, row, strict=True)) for row in values.tolist()],
                    codes.reshape(-1),
                )
        return self.known[names]

    def fillings(self, hole: Hole) -> tuple[list[Node | None], Integers]:
        combinations, codes = self.distinct(hole.parameters)
        if hole not in self.filled:
            self.filled[hole] = [hole.fill(values) for values in combinations]
        return self.filled[hole], codes

    def comparison(
        self,
        which: int,
        tree: Compare,
        template: Template,
    ) -> None:
        (left, number), (right, other) = (
            self.operand(side, template) for side in (tree.left, tree.right)
        )
        op = _ORDER[tree.op]
        if (left < 0).all():
            left, right, other, op = right, left, number, _FLIPPED[op]
        self.plan.gates.append(
            Gate(which, np.full(self.sets, int(op), np.int8), left, right, other)
        )

    def operand(self, side: Node, template: Template) -> tuple[Codes, Floats]:
        [(_, holes)] = template.parts([side])
        nodes, codes = self.filled_trees(side, holes)
        places = np.full(len(nodes), -1, np.int32)
        numbers = np.zeros(len(nodes))
        for index, node in enumerate(nodes):
            if isinstance(node, Column | AsOf | Over):
                places[index] = self.plan.names.setdefault(node, len(self.plan.names))
            elif isinstance(node, Const):
                numbers[index] = node.number
        return places[codes], numbers[codes]

    def add(self, which: int, trees: list[Node], codes: Integers) -> None:
        """Add a condition or formula of which each set has one of some trees."""
        if which in FORMULA_LISTS:
            self.plan.programs.append(Programs(which, tuple(trees), codes))
            return
        flat = np.array([which == ENTRY_LIST and tree == _WHEN_FLAT for tree in trees])
        self.plan.when_flat |= flat[codes]
        reading = [
            tree.reads_position and not at_once for tree, at_once in zip(trees, flat, strict=True)
        ]
        if any(reading):
            kept = tuple(
                tree if reads else None for tree, reads in zip(trees, reading, strict=True)
            )
            self.plan.programs.append(Programs(which, kept, codes))
        if all(reads or at_once for reads, at_once in zip(reading, flat, strict=True)):
            return
        op = np.zeros(len(trees), np.int8)
        left, right = np.full(len(trees), -1, np.int32), np.full(len(trees), -1, np.int32)
        number = np.zeros(len(trees))
        for index, tree in enumerate(trees):
            if not tree.reads_position:
                op[index], left[index], right[index], number[index] = self.term(tree)
        self.plan.gates.append(Gate(which, op[codes], left[codes], right[codes], number[codes]))

    def term(self, tree: Node) -> tuple[int, int, int, float]:
        if isinstance(tree, Const):
            return int(Term.PASS if tree.value else Term.NEVER), -1, -1, 0.0
        if _is_order(tree):
            assert isinstance(tree, Compare)
            op, sides = _ORDER[tree.op], (tree.left, tree.right)
            if isinstance(tree.left, Const):
                op, sides = _FLIPPED[op], (tree.right, tree.left)
            places = [
                self.plan.names.setdefault(side, len(self.plan.names))
                if isinstance(side, Column | AsOf | Over)
                else -1
                for side in sides
            ]
            number = sides[1].number if isinstance(sides[1], Const) else 0.0
            return int(op), places[0], places[1], number
        return int(Term.ROW), self.plan.rows.setdefault(tree, len(self.plan.rows)), -1, 0.0


def _is_order(tree: Node) -> bool:
    """Return whether a tree orders a column and another column or a number.

    A column may be that of a call over time, or of other bars.
    """
    if not isinstance(tree, Compare) or tree.op not in _ORDER:
        return False
    sides = (tree.left, tree.right)
    # None in place of a number makes the comparison raise; let the evaluator see to that.
    return all(
        _is_column(side) or (isinstance(side, Const) and side.kind != "none") for side in sides
    ) and any(_is_column(side) for side in sides)


def _is_column(side: Node) -> bool:
    # What texts are worth the evaluator alone can say.
    column = side.operand if isinstance(side, AsOf) else side
    return isinstance(column, Column | Over) and not column.may_be_text


def _filled(hole: Hole, values: Mapping[str, float]) -> Node:
    node = hole.fill(values)
    assert node is not None
    return node


def _in_order_of_sets(codes: Integers) -> Integers:
    distinct, first = np.unique(codes, return_index=True)
    return distinct[np.argsort(first)]


__all__ = [
    "LIST_NAMES",
    "Codes",
    "Gate",
    "Programs",
    "SweepPlan",
    "Term",
    "check_conditions",
    "plan_sweep",
]
