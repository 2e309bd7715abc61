"""Whole arrays, the stack machine, the plain evaluator and Python itself give one value."""

import math

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from oracle.strategies import NUMBERS, STATE, conditions, numerics
from support.python_evaluation import python_value

from btkit.conditions import parse_expression
from btkit.conditions.columns import ColumnEvaluator
from btkit.conditions.machine import STACK_SIZE, Tag, run_program
from btkit.conditions.nodes import Raises
from btkit.conditions.program import TAGS, Assembler
from btkit.crosscheck.evaluation import RAISED, evaluate
from btkit.indicators import lookup

BARS = 6
SLOTS = {
    "in_position": 0,
    "capital": 1,
    "bars_held": 2,
    "days_held": 2,
    "position_pnl_pct": 3,
    "short_leg_delta": 4,
    **{name: 5 + place for place, name in enumerate(STATE)},
}
USUAL = (0.0, 1.0, 2.0, 3.0, 50.0, 100.0, -1.0, 0.5, -0.02, 1e-3, 2.675, 1e22)
EXTREME = (-0.0, 1e308, -1e308, 5e-324, 2.0**53, 1e16, -7.5)
MISSING = (math.nan, math.inf, -math.inf)


def truth_value(name):
    return lookup(name).kind == "bool"


@st.composite
def tables(draw):
    pool = st.one_of(*(st.sampled_from(USUAL),) * 4, st.sampled_from(EXTREME + MISSING))
    present = st.one_of(*(st.sampled_from(USUAL),) * 4, st.sampled_from(EXTREME))
    values = draw(st.lists(pool, min_size=7, max_size=29))
    missing_or_present = st.one_of(st.just(math.nan), present, present)
    given_position = [
        *draw(st.lists(present, min_size=5, max_size=5)),
        *draw(st.lists(missing_or_present, min_size=len(STATE), max_size=len(STATE))),
    ]
    table = {}
    for place, name in enumerate(sorted(set(NUMBERS) | set(SLOTS) | {"rsi_3", "opex_week"})):
        cells = [values[(place * 3 + bar * 5) % len(values)] for bar in range(BARS)]
        if name in SLOTS:
            # Of the position what is remembered may be missing; all bars of one call are alike.
            cells = [given_position[SLOTS[name]]] * BARS
        if truth_value(name):
            cells = [cell if not math.isfinite(cell) else float(cell > 0) for cell in cells]
        table[name] = np.array(cells)
    return table


def values_at_bars(evaluated, text, table):
    found = []
    for bar in range(BARS):
        scope = {
            name: None
            if not math.isfinite(cells[bar])
            else bool(cells[bar])
            if truth_value(name)
            else float(cells[bar])
            for name, cells in table.items()
        }
        try:
            found.append(told(evaluated(text, scope)))
        except RAISED:
            found.append("raises")
    return found


def told(value):
    # Python's int() has no minus zero, which nothing in a condition could tell apart.
    return repr(value + 0.0) if isinstance(value, float) else repr(value)


def typed(number, tag):
    if tag == Tag.FAILED:
        return "raises"
    if tag == Tag.NONE:
        return told(None)
    return told(bool(number) if tag == Tag.BOOL else float(number))


def array_values(tree, table):
    value = ColumnEvaluator(table.__getitem__, truth_value).evaluate(tree)
    masks = [np.False_ if mask is None else mask for mask in (value.failed, value.none)]
    tags = np.where(value.is_bool, Tag.BOOL, Tag.FLOAT)
    tags = np.where(masks[0], Tag.FAILED, np.where(masks[1], Tag.NONE, tags))
    data, tags = np.broadcast_arrays(value.data, tags, np.empty(BARS))[:2]
    return [typed(data[bar], tags[bar]) for bar in range(BARS)]


def machine_values(tree, table):
    # Made to think that everything depends on the position, the assembler leaves only names
    # themselves to the arrays.
    for node in tree.walk():
        if node.children() or isinstance(node, Raises):
            node.__dict__["reads_position"] = True
    assembler = Assembler(SLOTS)
    first, last = assembler.add(tree)
    constants = np.array([(node.number, TAGS[node.kind]) for node in assembler.constants])
    columns = np.zeros((len(assembler.columns), BARS))
    tags = np.zeros((len(assembler.columns), BARS), np.uint8)
    for row, node in enumerate(assembler.columns):
        columns[row] = table[node.name]
        kind = Tag.BOOL if truth_value(node.name) else Tag.FLOAT
        tags[row] = np.where(np.isfinite(columns[row]), kind, Tag.NONE)
    position = np.zeros(len(set(SLOTS.values())))
    for name, slot in SLOTS.items():
        position[slot] = table[name][0]
    return [
        typed(
            *run_program(
                np.array(assembler.code, np.int64).reshape(-1, 2),
                first,
                last,
                constants.reshape(-1, 2),
                columns,
                tags,
                bar,
                position,
                np.empty((STACK_SIZE, 2)),
            )
        )
        for bar in range(BARS)
    ]


@settings(
    max_examples=250,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    st.one_of(
        *(kind(depth, on=False, over=False) for kind in (numerics, conditions) for depth in (2, 3))
    ),
    tables(),
)
def test_four_ways_one_value(text, table):
    tree, problems = parse_expression(text)
    assume(tree is not None)
    assert problems == []
    expected = values_at_bars(python_value, text, table)
    assert values_at_bars(evaluate, text, table) == expected
    with np.errstate(all="ignore"):
        assert array_values(tree, table) == expected
    assert machine_values(tree, table) == expected
