"""What rests on a user's code notices that the code has changed."""

import pytest

import btkit as bt
from btkit.code_hash import hash_code
from btkit.indicators.registry import REGISTERED
from btkit.jobs import verify
from btkit.jobs.finished_sets import brought_by_user, identify
from btkit.render.basis import basis
from btkit.render.view import RunView

SPEC = {
    "name": "mine",
    "entry_conditions": ["close > my_level_{n}"],
    "exit_conditions": [],
    "stop_conditions": [],
    "parameters": {"n": 20},
}


@pytest.fixture(autouse=True)
def own_list(monkeypatch):
    monkeypatch.setattr(REGISTERED, "_entries", {})
    monkeypatch.setattr(REGISTERED, "_asked", True)


def register(function):
    bt.register_indicator("my_level_<n>", function, lookback=0, meaning="A level.", replace=True)


def below(close, n):
    return close * (1 - n / 1000)


def the_same(close, n):
    return (1 - n / 1000) * close


def above(close, n):
    return close * (1 + n / 1000)


def test_page_and_verify_tell_the_code_and_that_it_changed(settings):
    register(below)
    result = bt.run(SPEC, "SPX", "2010-01-01", "2011-12-31", settings=settings)
    assert verify(result.run_id, settings=settings)["versions"] == {}
    page = "".join(
        piece.markup for piece in basis(RunView.of(bt.load_run(result.run_id, settings=settings)))
    )
    assert f"indicator my_level_&lt;n&gt;, code {hash_code(below)[:12]}" in page
    register(the_same)
    found = verify(result.run_id, settings=settings)
    assert found["reproduced"] is True
    assert list(found["versions"]) == ["indicator my_level_<n>"]
    register(above)
    assert verify(result.run_id, settings=settings)["reproduced"] is False


def test_finished_sets_of_other_code_are_not_taken():
    ids = set()
    for function in (below, above, below):
        register(function)
        ids.add(identify(brought_by_user(bt.load_spec(SPEC), "SPX", "sharpe_ratio")))
    assert len(ids) == 2
    register(below)
    plain = bt.load_spec({**SPEC, "entry_conditions": ["close > sma_{n}"]})
    assert brought_by_user(plain, "SPX", "sharpe_ratio") == {}
