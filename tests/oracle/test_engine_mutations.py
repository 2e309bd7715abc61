"""The engine's own source, broken on purpose: the oracle must notice every break.

A mutant is the text of the loop with one rule changed, run by Python instead of numba.
"""

from __future__ import annotations

import importlib
import re
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from oracle.battery import battery
from oracle.harness import differences, engine, oracle
from oracle.plain import Outcome
from oracle.strategies import Case

# The loop and what it is made of; each imports only from those before it.
SOURCES = {
    name: Path(str(importlib.import_module(f"btkit.engine.{name}").__file__)).read_text("utf-8")
    for name in ("fills", "quiet", "loop")
}
run = importlib.import_module("btkit.engine.run")

DECORATOR = re.compile(r"^@compiled\w*\n", re.MULTILINE)

# What is broken; the text, found exactly once; the text in its place.
MUTATIONS = (
    ("exits fill at the close", "values, marks, bar, opens[bar])", "values, marks, bar, close)"),
    ("entries fill at the close", "lot_marks, bar, opens[bar])", "lot_marks, bar, close)"),
    (
        "no slippage on exits",
        "fill = price * (1.0 + rules.slippage) if rules.short else price * (1.0 - rules.slippage)",
        "fill = price",
    ),
    (
        "slippage on entries helps",
        "fill = price * (1.0 - rules.slippage) if rules.short else price * (1.0 + rules.slippage)",
        "fill = price * (1.0 + rules.slippage) if rules.short else price * (1.0 - rules.slippage)",
    ),
    (
        "no commission on exits",
        "lot_value(rules, lots, lot, fill) - commission",
        "lot_value(rules, lots, lot, fill)",
    ),
    ("no commission on entries", "money[CASH] -= cost\n", "money[CASH] -= cost - commission\n"),
    ("the cut ignores the order's fee", "(cash - rules.per_order) /", "cash /"),
    ("the cut ignores the rate", "(fill * (1.0 + rules.rate) +", "(fill +"),
    ("the cut ignores the share's fee", "+ rules.per_share)", ")"),
    (
        "the cut is not checked again",
        "    return less if rules.fractional else min(size - 1.0, less)\n",
        "    return size\n",
    ),
    ("no floor", "        size = np.floor(size)\n        if size < 1.0", "        if size < 1.0"),
    ("a size of 0 is missing", "SKIPPED + _SIZE_NOT_POSITIVE", "SKIPPED + _SIZE_MISSING"),
    ("a short's gain is a long's", "return 1.0 - ratio if rules.short else", "return"),
    (
        "a short's proceeds count once",
        "(2.0 * lots[lot, LOT_PRICE] - price)",
        "(lots[lot, LOT_PRICE] - price)",
    ),
    (
        "ruin below zero only",
        "ruined = worth <= 0.0\n        if not",
        "ruined = worth < 0.0\n        if not",
    ),
    (
        "room for one lot too many",
        "counts[LOTS] < rules.max_positions",
        "counts[LOTS] <= rules.max_positions",
    ),
    ("max_holding one bar late", ">= rules.max_holding", "> rules.max_holding"),
    ("filters gate every exit", "filtered or not rules.filter_all", "filtered"),
    ("filters gate no exit", "filtered or not rules.filter_all", "True"),
    ("filters gate no entry", "                    and filtered\n", ""),
    (
        "an exit's reason for a stop",
        "lot_marks[lot, LOT_REASON] = _STOP",
        "lot_marks[lot, LOT_REASON] = _EXIT",
    ),
    (
        "exits see one bar more",
        "position[BARS_HELD] = bar - lot_marks[lot, LOT_BAR]",
        "position[BARS_HELD] = bar + 1 - lot_marks[lot, LOT_BAR]",
    ),
    (
        "entries see the newest lot",
        "bar - lot_marks[0, LOT_BAR]",
        "bar - lot_marks[counts[LOTS] - 1, LOT_BAR]",
    ),
    (
        "every lot sees the oldest's gain",
        "position[PNL] = gain_of(rules, lots, lot, close)",
        "position[PNL] = gain_of(rules, lots, 0, close)",
    ),
    (
        "capital is equity",
        "0.0\n                position[CAPITAL] = money[CASH]",
        "0.0\n                position[CAPITAL] = worth",
    ),
    (
        "a failed condition holds",
        "if tag == _FAILED or not is_true(value, tag):",
        "if tag != _FAILED and not is_true(value, tag):",
    ),
    (
        "last exits go uncounted",
        "counts[UNFILLED] += lot_marks[lot, LOT_REASON] != 0",
        "counts[UNFILLED] += 0",
    ),
    (
        "last entries go uncounted",
        "                counts[UNFILLED] += 1\n                money[PENDING] = 0.0",
        "                money[PENDING] = 0.0",
    ),
    (
        "the curve is marked before ruin closes the lots",
        "equity[bar:] = money[CASH]",
        "equity[bar + 1 :] = money[CASH]",
    ),
    (
        "the last entry fills",
        "if money[PENDING] > 0.0 and bar < final:",
        "if money[PENDING] > 0.0:",
    ),
    ("quiet bars hide stops", "= exit_gate, stop_gate, lots", "= exit_gate, exit_gate, lots"),
    ("quiet bars hide exits", "= exit_gate, stop_gate, lots", "= stop_gate, stop_gate, lots"),
    ("quiet bars hide entries", "= entry_gate, entry_gate, 0.0", "= exit_gate, exit_gate, 0.0"),
    (
        "quiet bars hide max_holding",
        "end = min(end, lot_marks[0, LOT_BAR] + rules.max_holding)",
        "end = min(end, lot_marks[0, LOT_BAR] + rules.max_holding + 1)",
    ),
    ("quiet bars hide the last", "min(last, final)", "last"),
    (
        "quiet bars hide room for another lot",
        "counts[LOTS] >= fullest and",
        "counts[LOTS] >= 1 and",
    ),
    ("quiet bars hide ruin", "        if worth <= 0.0:\n            break\n", ""),
    ("a short owes nothing", "counts[LOTS] == 1 and not rules.short and", "counts[LOTS] == 1 and"),
    ("two lots are marked as one", "counts[LOTS] == 1 and not", "not"),
    ("the share of cash is forgotten", "wanted = share * money[CASH]", "wanted = money[CASH]"),
    (
        "a share's place is not looked at",
        "if code[at, 0] != _POSITION or code[at, 1] != CAPITAL:",
        "if code[at, 0] != _POSITION:",
    ),
)


def exec_loop(sources: dict[str, str]) -> ModuleType:
    done: dict[str, object] = {}
    for name, text in sources.items():
        python, decorators = DECORATOR.subn("", text)
        assert decorators > 0
        module = ModuleType(f"broken_{name}")
        exec(python, module.__dict__)  # noqa: S102 - our own source, with one rule broken
        # In place of what it imported, which is compiled and whole.
        vars(module).update((key, done[key]) for key in done.keys() & vars(module).keys())
        done |= {
            key: value
            for key, value in vars(module).items()
            if getattr(value, "__module__", "") == module.__name__
        }
    return module


def noticed(sources: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> bool:
    """Return whether any case of the battery comes out differently."""
    monkeypatch.setattr(run, "run_bars", exec_loop(sources).run_bars)
    with np.errstate(all="ignore"):  # plain numpy scalars warn where compiled code does not
        return any(
            differences(engine(case), outcome, case.bars.index) for case, outcome in expected()
        )


@cache
def expected() -> list[tuple[Case, Outcome]]:
    return [(case, oracle(case)) for case in battery()]


def test_python_runs_the_loop_as_numba_does(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not noticed(SOURCES, monkeypatch)


@pytest.mark.parametrize(
    ("broken", "old", "new"), MUTATIONS, ids=[mutation[0] for mutation in MUTATIONS]
)
def test_a_broken_engine_is_noticed(
    broken: str, old: str, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sum(text.count(old) for text in SOURCES.values()) == 1, f"{old!r} is not there: {broken}"
    changed = {name: text.replace(old, new) for name, text in SOURCES.items()}
    assert noticed(changed, monkeypatch), broken
