"""An entry is cut to what cash pays for, commission included, and never below zero."""

from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from btkit.engine import Rules, commission_rules
from btkit.engine.fills import affordable

AT_0 = ("volume == 0",)


# 100 in cash, 50 shares wanted, price 8: floor((cash - per order) / (8 * (1 + rate) + per share)).
@pytest.mark.parametrize(
    ("model", "commission", "slippage", "shares", "cash"),
    [
        # floor(100 / 8) = 12; 100 - 96.
        ("per_order", 0.0, 0.0, 12, 4),
        # floor(96 / 8) = 12 exactly; 100 - 96 - 4.
        ("per_order", 4.0, 0.0, 12, 0),
        # floor(95.75 / 8) = 11; 100 - 88 - 4.25.
        ("per_order", 4.25, 0.0, 11, 7.75),
        # floor(100 / 8.25) = 12; 100 - 96 - 3.
        ("per_share", 0.25, 0.0, 12, 1),
        # floor(100 / 9) = 11; 100 - 88 - 11.
        ("per_contract", 1.0, 0.0, 11, 1),
        # floor(100 / (8 * 1.25)) = 10; 100 - 80 - 20.
        ("rate", 0.25, 0.0, 10, 0),
        # The price is 8 * 1.25 = 10: floor(100 / 10), floor(96 / 10), floor(100 / 12.5).
        ("per_order", 0.0, 0.25, 10, 0),
        ("per_order", 4.0, 0.25, 9, 6),
        ("rate", 0.25, 0.25, 8, 0),
    ],
)
def test_the_cut_to_whole_shares(run, model, commission, slippage, shares, cash):
    done = run(
        (8, 8, 8),
        entry=AT_0,
        size="50",
        capital=100.0,
        model=model,
        commission=commission,
        slippage=slippage,
    )
    assert done.rows[0][4] == shares
    assert done.cash[1] == cash


# The same without the floor.
@pytest.mark.parametrize(
    ("model", "commission", "shares"),
    [
        ("per_order", 0.0, 12.5),
        ("per_order", 6.0, 11.75),
        ("per_share", 2.0, 10),
        ("rate", 0.5625, 8),
    ],
)
def test_the_cut_of_fractional_shares(run, model, commission, shares):
    done = run(
        (8, 8, 8),
        entry=AT_0,
        size="50",
        capital=100.0,
        model=model,
        commission=commission,
        fractional=True,
    )
    assert done.rows[0][4] == shares
    assert done.cash[1] == 0


def test_fractional_sizes_are_kept(run):
    assert run((8, 8, 8), entry=AT_0, size="0.375", fractional=True).rows[0][4] == 0.375
    assert run((8, 8, 8), entry=AT_0, size="2.75").rows[0][4] == 2


@pytest.mark.parametrize(("short", "shares"), [(False, 8), (True, 13)])
def test_a_short_is_cut_by_its_own_fill(run, short, shares):
    # 100 / (9.6 * 1.25) = 8.33; 100 / (9.6 * 0.75) = 13.9.
    done = run((9.6,) * 3, entry=AT_0, size="50", capital=100.0, slippage=0.25, short=short)
    assert done.rows[0][4] == shares


def test_an_infinite_size_buys_what_cash_pays_for(run):
    done = run((8, 8, 8), entry=AT_0, size="close * 1e308 * 1e308", capital=100.0)
    assert done.rows[0][4] == 12


@pytest.mark.parametrize(
    ("capital", "commission"), [(7.0, 0.0), (10.0, 2.5), (2.0, 5.0), (8.0, 8.0)]
)
def test_too_little_cash_for_one_share(run, capital, commission):
    done = run((8, 8, 8), entry=AT_0, capital=capital, commission=commission)
    assert (done.rows, done.outcome.skipped) == ([], {"insufficient_cash": 1})


def test_cash_is_that_of_the_fill_not_of_the_decision(run):
    # 12 shares at the close 8, but the open is 16: floor(100 / 16).
    done = run((8, 16, 16), (8, 16, 16), entry=AT_0, size="capital / close", capital=100.0)
    assert done.rows[0][4] == 6


def rules_of(model, commission, *, fractional):
    return Rules(
        short=False,
        at_close=False,
        fractional=fractional,
        filter_all=False,
        max_holding=1,
        max_positions=1,
        slippage=0.0,
        **commission_rules(model, commission),
    )


models = st.one_of(
    st.tuples(st.just("per_order"), st.floats(0, 50)),
    st.tuples(st.just("per_share"), st.floats(0, 5)),
    st.tuples(st.just("rate"), st.floats(0, 0.05)),
)


def cost(rules, shares, fill):
    return shares * fill + (rules.per_order + rules.per_share * shares + rules.rate * shares * fill)


@settings(max_examples=400, derandomize=True, deadline=None)
@given(models, st.floats(0.01, 1e7), st.floats(0.5, 1e7), st.floats(1e-4, 1e4), st.booleans())
@example(("rate", 0.1), 0.3, 1e6, 0.1, False)
@example(("rate", 0.001), 100.1, 1e6, 0.1, False)
@example(("per_order", 0.65), 100_000.0, 1e6, 0.01, True)
def test_the_cost_never_exceeds_cash_and_no_share_is_left_out(
    model, cash, wanted, fill, fractional
):
    rules = rules_of(*model, fractional=fractional)
    wanted = wanted if fractional else float(int(wanted))
    size, spent, commission = affordable.py_func(rules, cash, wanted, fill)
    assert size <= wanted
    if size > 0:
        assert cost(rules, size, fill) == spent <= cash
        assert commission == rules.per_order + rules.per_share * size + rules.rate * size * fill
    unit = Fraction(fill) * (1 + Fraction(rules.rate)) + Fraction(rules.per_share)
    exact = (Fraction(cash) - Fraction(rules.per_order)) / unit
    if not fractional:
        exact = Fraction(exact.__floor__())
    exact = min(exact, Fraction(wanted))
    # Within rounding of the exact answer: a whole share only where cash is at the very edge.
    if fractional:
        assert size >= float(exact) * (1 - 1e-12) - 1e-300 or exact <= 0
    elif size != exact:
        assert abs(size - exact) == 1
        edge = float(unit * max(exact, Fraction(int(size)))) + rules.per_order
        assert edge == pytest.approx(cash, rel=1e-12)


@pytest.mark.parametrize("model", [("per_order", 0.0), ("per_share", 0.003), ("rate", 0.0007)])
def test_cash_stays_above_zero_beyond_exact_whole_numbers(model):
    # Above 2**53 shares one share less is no change at all in floating point.
    rules = rules_of(*model, fractional=False)
    negative = [
        (cash, fill)
        for cash in (1e14, 3e15, 7.7e16, 1.23e18)
        for fill in (0.0003, 0.0007, 0.0011, 0.003, 0.07)
        if cost(rules, affordable.py_func(rules, cash, 1e300, fill)[0], fill) > cash
    ]
    assert negative == []
