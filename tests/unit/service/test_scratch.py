"""A worker's own store: private, by the server's settings, gone afterwards."""

from __future__ import annotations

import stat
import tempfile

import pytest

from btkit import writing
from btkit.owner import this_process
from btkit.service.orders import OrderSettings
from btkit.service.scratch import clear_scratch, own_folder, scratch
from btkit.settings import Settings

STATED = OrderSettings.of(Settings.model_construct(min_trades_required=3, max_holding_bars=7))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_what_decides_numbers_is_the_servers_and_places_are_its_own(tmp_path):
    own = Settings(min_trades_required=99, events=tmp_path / "events.yaml", worker_cache_mb=7)
    with scratch(own, STATED) as inside:
        assert (inside.min_trades_required, inside.max_holding_bars) == (3, 7)
        assert (inside.events, inside.minio_endpoint, inside.worker_cache_mb) == (None, None, 7)
        places = {inside.db_path.parent, inside.curve_dir.parent, inside.report_dir.parent}
        (folder,) = places
        assert folder.is_relative_to(tmp_path)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "results.db").write_text("")
    assert list(tmp_path.iterdir()) == []


def test_two_pieces_at_a_time_have_nothing_in_common():
    own = Settings.model_construct()
    with scratch(own, STATED) as one, scratch(own, STATED) as other:
        assert one.db_path != other.db_path


def test_what_a_killed_worker_left_is_removed(tmp_path, monkeypatch):
    gone = this_process()._replace(started="1")
    with monkeypatch.context() as patch:
        patch.setattr(writing, "this_process", lambda: gone)
        left = writing._partial_name(tmp_path / "btkit-worker")
    left.mkdir()
    (left / "results.db").write_text("")
    with scratch(Settings.model_construct(), STATED):
        assert not left.exists()


def test_what_killed_workers_left_is_removed_when_a_server_starts_and_ends(tmp_path, monkeypatch):
    gone = this_process()._replace(started="1")
    with monkeypatch.context() as patch:
        patch.setattr(writing, "this_process", lambda: gone)
        left = writing._partial_name(tmp_path / "btkit-worker")
        others = writing._partial_name(tmp_path / "of-nobodys-server")
    with own_folder() as mine:
        left.mkdir()
        others.mkdir()
        clear_scratch()
        assert mine.exists()
    assert list(tmp_path.iterdir()) == [others]
