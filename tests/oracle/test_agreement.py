"""The engine and the plain simulation give the same trades, curves and counts, to the last bit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from oracle import strategies, strategies_options, strategies_orders
from oracle.battery import case
from oracle.harness import disagreement
from oracle.strategies import Case
from support.deep import Steps, sized

PROFILE = sized("ci", "deep")

# The ways in which Python's own evaluation is not what one expects; X stands for an operand.
TRAPS = (
    # missing values, identity, membership
    "X is None",
    "X is not None and X > 30",
    "X is None or X < 30",
    "X is True",
    "X is not False",
    "X == True",
    "X == None",
    "X != X",
    "X in (True, 1, 45)",
    "X in (None, 2)",
    "X not in [30.0, None]",
    "X == 'a'",
    "X > 'a' or True",
    "bool(X) is True",
    "max(X, True) is True",
    "min(True, X) == 1",
    "abs(True) is True or X is None",
    # the value of and, or, not, if; short circuits
    "not X",
    "not not X",
    "(X or 5) == 5",
    "(X and 5) == 5",
    "(X or None) is None",
    "5 or 1 / (X - X)",
    "X is None and X > 1",
    "X - X and 1 / (X - X)",
    "True if X else False",
    "X > 50 if in_position else X is None or X < 90",
    "(X if X is not None else 100) >= 50",
    "1 / (X - X) if X is None else X > 20",
    "1 < 2 and X >= 40",
    # chains
    "0 < X < 60",
    "0 <= X != 1 < 2",
    "60 > X > 'a'",
    "1 == X is True",
    "30 <= X in (30, 45, 60)",
    # arithmetic: raised, complex, infinite, not a number
    "X / (X - X) > 0 or True",
    "(X - 40) ** 0.5 >= 0",
    "abs((X - 40) ** 0.5) >= 0",
    "X ** 200 > 0 or True",
    "X ** -1 > 0.02",
    "(X - X) ** (X - X) == 1",
    "X * 1e308 * 1e10 > 0",
    "X * 1e308 * 1e10 - X * 1e308 * 1e10",
    "X * 1e308 * 1e10 - X * 1e308 * 1e10 != 0",
    "max(0, X * 1e308 * 1e10 - X * 1e308 * 1e10) == 0",
    "min(X * 1e308 * 1e10 - X * 1e308 * 1e10, 0) == 0",
    "int(X * 1e308 * 1e10) > 0",
    "round(X * 1e308 * 1e10) > 0",
    "X // 7 == 14",
    "-X // 7 < -13",
    "X % -3 < -1",
    "-X % 3 > 1",
    "X // 0.1 > X * 9.99",
    "X * 1e20 // 14 > 0",
    "-X * 1e300 // 14 < 0",
    "X * 1e308 * 1e10 // 14 > 0",
    "X // (X * 1e308 * 1e10) == 0",
    "-X // (X * 1e308 * 1e10) == -1",
    "-X % (X * 1e308 * 1e10) > 0",
    "X * 1e20 % 14 >= 0",
    "int(X * 1e20) > 0",
    "round(X * 1e20) > 0",
    "round(X * 1e20, 2) > 0",
    "X % 0.1 < 0.05",
    "0.1 + 0.2 + X == 0.3 + X",
    "(X > 50) + (X > 20) == 1",
    "(X > 20) / 2 == 0.5",
    "-(X > 20) < 0",
    "-X < 0",
    "+X == X",
    "-X ** 2 < 0",
    "2 ** X ** 0.5 > 8",
    # functions
    "round(X / 7, 2) == 14.14",
    "round(X / 7, 2) * 100 % 1 == 0",
    "round(X, -1) == 100",
    "round(X, 0) == X",
    "round(X / 2) * 2 == X",
    "round(X + 0.5) == X + 0.5",
    "round(X * 1.005, 2) > X",
    "int(X / 3) * 3 == X",
    "int(-X / 3) >= -32",
    "float(X) > 30",
    "float('1.5') < X",
    "int('3') < X",
    "min(X, 40, bars_held) == X",
    "max((X, 40)) == 40",
    "min([X, 3, 1]) == 1",
    "max(X, iv_rank) >= X",
    "len((X, 1, 2)) == 3",
    "len('abc') < X",
    # tuples and strings
    "(X, 1) < (98, 2)",
    "(X, close) == (X, close)",
    "(X, None) == (X, 0)",
    "((X, 2), 3) >= ((50, 2), 3)",
    "(X, 2) in ((98, 2), (None, 2))",
    "[X, 1] == [X, True]",
    "(X,)",
    "() == () and X is not None",
    "('a' if X else 'b') < 'b'",
    "('a' if X else 'b') in ('a', 'c')",
    "'a' if X else ''",
)
OPERANDS = (
    "close",
    "iv_rank",
    "bars_held",
    "position_pnl_pct",
    "in_position",
    "opex_week",
    "(iv_rank if bars_held >= 1 else None)",
    "(close if in_position else iv_rank)",
)


@pytest.fixture(scope="module")
def share_step(steps: Callable[..., Steps]) -> Steps:
    return steps(settings.get_profile(PROFILE).max_examples, "cases of shares")


@pytest.fixture(scope="module")
def grid_step(steps: Callable[..., Steps]) -> Steps:
    return steps(settings.get_profile(PROFILE).max_examples, "cases of orders on a grid")


@pytest.fixture(scope="module")
def mixed_step(steps: Callable[..., Steps]) -> Steps:
    return steps(settings.get_profile(PROFILE).max_examples, "cases of orders in any spec")


@pytest.fixture(scope="module")
def detail_step(steps: Callable[..., Steps]) -> Steps:
    return steps(settings.get_profile(PROFILE).max_examples, "cases of finer bars")


@pytest.fixture(scope="module")
def spread_step(steps: Callable[..., Steps]) -> Steps:
    return steps(settings.get_profile(PROFILE).max_examples, "cases of spreads")


@settings(settings.get_profile(PROFILE))
@given(generated=strategies.cases())
def test_shares(generated: Case, share_step: Steps) -> None:
    assert disagreement(generated) == []
    share_step()


@settings(settings.get_profile(PROFILE))
@given(generated=strategies_orders.grid_cases())
def test_orders_inside_the_bar_on_a_grid(generated: Case, grid_step: Steps) -> None:
    assert disagreement(generated) == []
    grid_step()


@settings(settings.get_profile(PROFILE))
@given(generated=strategies_orders.mixed_cases())
def test_orders_inside_the_bar_of_any_spec(generated: Case, mixed_step: Steps) -> None:
    assert disagreement(generated) == []
    mixed_step()


@settings(settings.get_profile(PROFILE))
@given(generated=strategies_orders.detailed_cases())
def test_finer_bars_inside_of_each_bar(generated: Case, detail_step: Steps) -> None:
    assert disagreement(generated) == []
    detail_step()


@settings(settings.get_profile(PROFILE))
@given(generated=strategies_options.cases())
def test_spreads(generated: Case, spread_step: Steps) -> None:
    assert disagreement(generated) == []
    spread_step()


@pytest.mark.parametrize("size", ["close * 1e20 // 14", "close * 1e308 * 10 // 14", "close // 0.7"])
def test_a_size_may_be_huge(size: str) -> None:
    assert disagreement(case({"position_sizing_formula": size})) == []


@pytest.mark.parametrize("trap", TRAPS)
def test_python_traps(trap: str) -> None:
    lots = {"max_concurrent_positions": 2, "max_holding_bars": 4}
    for operand in OPERANDS:
        text = trap.replace("X", operand)
        assert disagreement(case(lots | {"entry_conditions": [text]})) == [], text
        assert disagreement(case(lots | {"exit_conditions": [text]})) == [], text
