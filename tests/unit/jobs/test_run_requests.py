from __future__ import annotations

import pytest
from support.specs import rules, spread

from btkit.errors import UsageError
from btkit.jobs import read_settings
from btkit.settings import Settings
from btkit.spec import load_spec


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, False),
        ({"requires_options_data": True}, True),
        ({"filter_conditions": ["iv_rank is not None and iv_rank > 30"]}, True),
        ({"exit_conditions": ["prev_prev_current_iv > 0.3"]}, True),
        ({"position_sizing_formula": "100 * iv_atm"}, True),
        ({"entry_conditions": ["hv_30 > 0.1"]}, False),
    ],
)
def test_iv_is_asked_for_when_an_expression_reads_it(changes, expected):
    assert load_spec(rules(**changes), settings=Settings()).needs_iv is expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, False),
        ({"entry_conditions": ["hv_30 > 0.1"]}, False),
        ({"filter_conditions": ["vix < 35"]}, True),
        ({"exit_conditions": ["vix_spot > 30"]}, True),
        ({"stop_conditions": ["prev_prev_vix_spot > 30"]}, True),
        ({"position_sizing_formula": "1000 / vix"}, True),
    ],
)
def test_the_vix_is_asked_for_when_an_expression_rests_on_it(changes, expected):
    assert load_spec(rules(**changes), settings=Settings()).needs_vix is expected


def test_the_vix_is_asked_for_when_it_prices_options():
    assert not load_spec(spread(), settings=Settings()).needs_vix
    assert load_spec(spread(iv_source="vix"), settings=Settings()).needs_vix


def test_a_bad_variable_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BT_INITIAL_CAPITAL", "much")
    monkeypatch.setenv("BT_MIN_TRADES_REQUIRED", "few")
    with pytest.raises(UsageError, match="BT_") as caught:
        read_settings()
    assert {problem["path"] for problem in caught.value.details["problems"]} == {
        "BT_INITIAL_CAPITAL",
        "BT_MIN_TRADES_REQUIRED",
    }


def test_a_dotenv_that_is_no_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_bytes(b"BT_DB_PATH=\xff\xfe")
    with pytest.raises(UsageError, match=r"\.env"):
        read_settings()
