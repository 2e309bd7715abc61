import pytest

from btkit.settings import Settings


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no .env of the project
    places = {"db_path": "results.db", "curve_dir": "curves", "report_dir": "reports"}
    return Settings(
        **{name: tmp_path / place for name, place in places.items()}, data_source="sample"
    )


@pytest.fixture
def spec():
    return {
        "name": "crossover",
        "parameters": {"fast": 20, "slow": 50},
        "entry_conditions": ["sma_{fast} > sma_{slow}", "not in_position"],
        "exit_conditions": ["sma_{fast} < sma_{slow}"],
        "stop_conditions": [],
        "position_sizing_formula": "capital / close",
    }
