"""A sweep's sentences are words of the trade; no name of a field stands in them."""

import re

import pytest
from support.random_bars import crossover

import btkit as bt
from btkit.jobs.sweep import describe_sweep
from btkit.metrics import METRICS, Failure
from btkit.render import sweep
from btkit.render.pieces import Html
from btkit.render.sweep_charts import metric_label
from btkit.settings import Settings


@pytest.fixture
def swept():
    return bt.sweep(
        bt.load_spec(crossover()),
        bt.load_bars("SPX", "2012-01-03", "2013-12-31", source="sample"),
        parameters={"fast": [3, 5], "slow": [10, 21]},
    )


def test_what_a_sweep_fails_on_is_said_in_words(swept):
    names = ["win_rate", "sharpe_ratio", "deflated_sharpe_ratio", "probability_of_overfitting"]
    report = describe_sweep(swept, settings=Settings(_env_file=None)).model_copy(
        update={"failures": [Failure(metric=name, value=0.4, threshold=0.5) for name in names]}
    )
    found = sweep.headline(sweep.SweepPage(report, swept.table))
    html = " ".join(piece.markup for piece in found if isinstance(piece, Html)).replace("\xa0", " ")
    (said,) = re.findall(r"It fails on [^<]*", html)
    assert "win rate (40.0 %, needs 50.0 %)" in said
    assert "Sharpe ratio (0.40, needs 0.50), deflated Sharpe ratio (0.40, needs 0.50)" in said
    assert "probability of overfitting (40.0 %, at most 50.0 %)" in said


@pytest.mark.parametrize("name", [*METRICS, "deflated_sharpe_ratio", "made_elsewhere"])
def test_no_label_is_the_name_of_a_field(name):
    assert "_" not in metric_label(name)
