import pytest


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch, tmp_path):
    # Neither the developer's BT_* variables nor a .env file may decide a test.
    monkeypatch.delenv("BT_MAX_HOLDING_BARS", raising=False)
    monkeypatch.chdir(tmp_path)
