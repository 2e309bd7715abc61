from __future__ import annotations

import pytest
from support.market_data import MarketDataStandIn, daily_rows
from support.specs import rules

from btkit.data import load_bars
from btkit.jobs import run


@pytest.fixture
def stand_in(tmp_path):
    source = MarketDataStandIn(tmp_path / "source")
    source.add_bars("A&B", daily_rows("2024-01-01", 40))
    return source.add_bars("VIX", daily_rows("2024-01-01", 40, first_close=13.0, step=0.1))


def asked(stand_in):
    return [call[2] for call in stand_in.calls]


@pytest.mark.parametrize(
    ("filters", "symbols"), [([], ["A&B"]), (["prev_vix_spot < 35"], ["A&B", "VIX"])]
)
def test_a_run_asks_for_the_vix_only_if_its_rules_rest_on_it(stand_in, settings, filters, symbols):
    known = settings.model_copy(update={"market_data_cmd": stand_in.command})
    spec = rules(filter_conditions=filters)
    run(spec, "A&B", "2024-01-15", "2024-02-23", source="market-data", settings=known)
    assert asked(stand_in) == symbols


def test_bars_for_a_person_come_with_the_vix(stand_in, settings):
    known = settings.model_copy(update={"market_data_cmd": stand_in.command})
    bars = load_bars("A&B", "2024-01-15", "2024-02-23", source="market-data", settings=known)
    assert "vix" in bars
