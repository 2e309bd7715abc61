"""Programs for the machine: what is stored once, and what each part of a spec becomes."""

import pytest

from btkit.conditions import parse_expression, program
from btkit.conditions.machine import Op
from btkit.conditions.nodes import Column, Compare, Or, Raises, number
from btkit.conditions.program import Assembler
from btkit.decisions import conjuncts, parse_clauses
from btkit.engine import POSITION_NAMES
from btkit.errors import BtkitError, SpecError


def tree_of(text, **options):
    tree, problems = parse_expression(text, **options)
    assert problems == []
    return tree


def operations(assembler, first=0, last=None):
    return [Op(op).name for op, _ in assembler.code[first:last]]


def test_a_part_without_the_position_is_one_column():
    assembler = Assembler(POSITION_NAMES)
    first, last = assembler.add(tree_of("close > sma_20 * 2 or bars_held > 3"))
    assert (first, last) == (0, len(assembler.code))
    assert operations(assembler) == ["COLUMN", "JUMP_IF_TRUE_OR_POP", "POSITION", "CONST", "GT"]
    assert list(assembler.columns) == [tree_of("close > sma_20 * 2")]
    # The jump goes to the end.
    assert assembler.code[1][1] == 5


def test_equal_constants_and_columns_are_stored_once():
    assembler = Assembler(POSITION_NAMES)
    assembler.add(tree_of("bars_held > 3 and position_pnl_pct * close > 3"))
    assembler.add(tree_of("capital * close < 3.0 or days_held > 3 + 1"))
    assert [constant.number for constant in assembler.constants] == [3.0, 4.0]
    assert list(assembler.columns) == [Column("close")]


def test_true_and_one_are_different_constants():
    assembler = Assembler(POSITION_NAMES)
    assembler.add(tree_of("in_position is True and bars_held == 1"))
    assert [constant.value for constant in assembler.constants] == [True, 1.0]


def test_aliases_share_a_place():
    assembler = Assembler(POSITION_NAMES)
    assembler.add(tree_of("bars_held == days_held"))
    assert assembler.code[0] == assembler.code[1]


def test_a_conditional_jumps_over_the_branch_not_taken():
    assembler = Assembler(POSITION_NAMES)
    assembler.add(tree_of("bars_held if in_position else capital"))
    assert operations(assembler) == ["POSITION", "JUMP_IF_FALSE", "POSITION", "JUMP", "POSITION"]
    assert [assembler.code[1][1], assembler.code[3][1]] == [4, 5]


def test_effects_are_worked_out_and_dropped():
    assembler = Assembler(POSITION_NAMES)
    assembler.add(tree_of("len((1 / bars_held, 2)) == 2"))
    # Equal to a constant: only what may raise is left, then the result.
    assert operations(assembler)[:4] == ["CONST", "POSITION", "DIV", "POP"]


def test_programs_follow_one_another():
    assembler = Assembler(POSITION_NAMES)
    spans = [assembler.add(tree_of(text)) for text in ("bars_held > 1", "in_position", "close > 1")]
    assert spans == [(0, 3), (3, 4), (4, 5)]


def test_a_program_deeper_than_the_stack_is_refused(monkeypatch):
    monkeypatch.setattr(program, "STACK_SIZE", 3)
    Assembler(POSITION_NAMES).add(tree_of("((capital + capital) + capital) + bars_held"))
    Assembler(POSITION_NAMES).add(tree_of("capital + (capital + bars_held)"))
    with pytest.raises(BtkitError, match="too complex"):
        Assembler(POSITION_NAMES).add(tree_of("capital + (capital + (capital + bars_held))"))


CONJUNCTS = [
    ("close > 1", ["close > 1"]),
    ("close > 1 and not in_position", ["close > 1", "not in_position"]),
    ("1 < close < 2", ["1 < close", "close < 2"]),
    ("(close > 1 and open > 1) and (high > 1 and low > 1)",
     ["close > 1", "open > 1", "high > 1", "low > 1"]),
    ("close > 1 or open > 1 and high > 1", ["close > 1 or open > 1 and high > 1"]),
    ("not (close > 1 and open > 1)", ["not (close > 1 and open > 1)"]),
    ("True and close > 1", ["close > 1"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "parts"), CONJUNCTS)
def test_conjuncts(text, parts):
    assert conjuncts(tree_of(text)) == [tree_of(part) for part in parts]


def clauses(sizing="1", **lists):
    conditions = {f"{name}_conditions": lists.get(name, []) for name in ("entry", "exit", "stop")}
    conditions["filter_conditions"] = lists.get("filters", [])
    return parse_clauses(conditions, sizing, risk_pct=0.015)


def test_clauses_keep_their_place_and_text():
    parsed = clauses(entry=["close > 1", "vix < 35"], stop=["bars_held > 2"], filters=["low > 1"])
    assert [(clause.path, clause.text) for clause in parsed.conditions()] == [
        ("entry_conditions[0]", "close > 1"),
        ("entry_conditions[1]", "vix < 35"),
        ("stop_conditions[0]", "bars_held > 2"),
        ("filter_conditions[0]", "low > 1"),
    ]
    assert parsed.names() == {"close", "vix", "low"}
    assert parsed.sizing.index == -1


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(SpecError) as caught:
        clauses("capitol / close", entry=["clos > 1", "close > 1"], exit=["close[0] > 1", "x"])
    assert [problem.path for problem in caught.value.problems] == [
        "entry_conditions[0]",
        "exit_conditions[0]",
        "exit_conditions[1]",
        "position_sizing_formula",
    ]


def test_the_risk_share_is_the_specs_in_the_sizing_formula():
    assert clauses("risk_pct * 1000").sizing.tree == number(15.0)


def test_the_option_positions_names_have_their_documented_values():
    texts = [
        "short_leg_delta == 0.30",
        "short_strike_delta == 0.30",
        "pnl_pct_of_max_credit == 0",
        "premium_collected_pct == 0",
        "open_interest_short_strike == 2000",
    ]
    assert all(clause.tree.value is True for clause in clauses(entry=texts).entry)


def test_what_fails_only_by_their_values_is_not_refused():
    entry = clauses(entry=["close > 1 or 1 / pnl_pct_of_max_credit > 2"]).entry[0]
    assert entry.tree == Or(tree_of("close > 1"), Compare(">", Raises(), number(2)))
