"""Ties of averages hang on rounding; the documented margin decides them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from btkit.cli.commands.indicators import HELP
from btkit.conditions import __doc__ as language
from btkit.conditions import parse_expression
from btkit.conditions.columns import ColumnEvaluator
from btkit.indicators import FeatureSet, is_truth_value

# A walk, and then the same close for longer than any of the averages reaches back.
WALK = np.round(90 + np.cumsum(np.random.default_rng(2).normal(0, 1.3, 300)), 3)
CLOSES = np.r_[WALK, np.full(200, 90.534)]
TIED = slice(300 + 50, None)


def met(text):
    bars = pd.DataFrame(
        dict.fromkeys(("open", "high", "low", "close"), CLOSES) | {"volume": 1.0},
        index=pd.bdate_range("2020-01-01", periods=len(CLOSES)),
    )
    features = FeatureSet(bars, bars_per_year=252.0)
    tree, problems = parse_expression(text)
    assert not problems
    return ColumnEvaluator(features.column, is_truth_value).evaluate(tree).met()


def test_a_tie_hangs_on_rounding():
    # Both averages are 90.534 on paper, and one of these holds on some bars, one on others.
    assert not met("sma_5 <= sma_50")[TIED].all() or not met("sma_5 >= sma_50")[TIED].all()
    assert met("abs(sma_5 - 90.534) < 1e-9 and abs(sma_50 - 90.534) < 1e-9")[TIED].all()


@pytest.mark.parametrize(
    ("text", "holds"),
    [("sma_5 <= sma_50 * 1.000001", True), ("sma_5 < sma_50 * 0.999999", False)],
)
def test_a_margin_decides_it(text, holds):
    assert (met(text)[TIED] == holds).all()
    # Away from ties it changes nothing.
    exact = met("sma_5 < sma_50")[60:300]
    np.testing.assert_array_equal(met(text)[60:300], exact)
    assert exact.any()
    assert not exact.all()
    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    assert f"`{text}`" in readme
    assert f"``{text}``" in language


def test_the_list_of_names_says_it():
    assert "sma_5 <= sma_50 * 1.000001" in HELP
