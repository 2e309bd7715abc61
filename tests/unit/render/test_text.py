import math

import pandas as pd
import pytest

from btkit.render import text

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.048, "4.8\u00a0%"),
        (-0.1187, "\u221211.9\u00a0%"),
        (-0.0001, "0.0\u00a0%"),
        (12.345, "1,234.5\u00a0%"),
        (None, "–"),
        (NAN, "–"),
        (INF, "–"),
    ],
)
def test_percent_has_one_decimal_and_a_real_minus(value, written):
    assert text.percent(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (1234567.8, "$1,234,568"),
        (-1234.5, "\u2212$1,234"),
        (999.994, "$999.99"),
        (-0.004, "$0.00"),
        (-12.3, "\u2212$12.30"),
        (None, "–"),
    ],
)
def test_money_has_cents_only_below_a_thousand(value, written):
    assert text.money(value) == written


def test_a_sign_stands_before_the_dollar_and_never_before_zero():
    assert text.money(5.0, sign=True) == "+$5.00"
    assert text.money(0.0, sign=True) == "$0.00"
    assert text.percent(0.0, sign=True) == "0.0\u00a0%"


@pytest.mark.parametrize(
    ("days", "written"),
    [(1, "1 day"), (59, "59 days"), (61, "2 months"), (364, "12 months"), (1132, "3.1 years")],
)
def test_spans_take_the_unit_a_person_would(days, written):
    assert text.span(days) == written


def test_dates_are_iso_and_tell_the_time_only_within_a_day():
    assert text.day(pd.Timestamp("2020-03-02")) == "2020-03-02"
    assert text.day(pd.Timestamp("2020-03-02 14:30")) == "2020-03-02 14:30"
