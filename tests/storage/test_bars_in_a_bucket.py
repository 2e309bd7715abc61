"""Bars for workers in a bucket of a real S3 server."""

from __future__ import annotations

import pytest
from support.object_server import ObjectServer

from btkit.service.blobs import Blobs
from btkit.storage import objects


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setattr(objects, "REACHABLE_WITHIN_S", 30.0)
    known = ObjectServer(tmp_path / "objects")
    known.start()
    yield known
    known.kill()


def test_a_worker_that_shares_no_folder_has_bars_from_the_bucket(server, settings, tmp_path):
    at = settings.model_copy(update={"minio_endpoint": server.endpoint, "minio_timeout_s": 30.0})
    here, there = (
        Blobs.from_settings(at.model_copy(update={"service_dir": tmp_path / name}))
        for name in ("here", "there")
    )
    sha256 = here.keep(b"bars")
    assert list(server.objects().values()) == [b"bars"]
    assert there.find(sha256) == b"bars"
    assert not there.folder.exists()
    here.remove(sha256)
    assert server.objects() == {}
    assert there.find(sha256) is None
