from __future__ import annotations

import pytest

from btkit.settings import Settings


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no .env of the project
    return Settings(
        db_path=tmp_path / "results.db",
        curve_dir=tmp_path / "curves",
        report_dir=tmp_path / "reports",
        data_source="sample",
    )
