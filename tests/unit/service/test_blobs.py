"""Content by its digest: written once, checked whenever it is read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from btkit.errors import StoreError
from btkit.service.blobs import Blobs
from btkit.settings import Settings
from btkit.writing import digest_of

CONTENT = b"bars of some instrument"
SHA256 = digest_of(CONTENT)


class Bucket:
    bucket = "results"

    def __init__(self, *, is_away=False):
        self.held, self.is_away = {}, is_away

    def _say(self):
        if self.is_away:
            raise StoreError("It does not answer.", hint="Wait.")

    def put(self, key: str, path: Path):
        self._say()
        self.held[key] = path.read_bytes()

    def url_of(self, key):
        return key

    def find(self, url):
        self._say()
        return self.held.get(url)

    def remove(self, key, *, bucket):
        self._say()
        assert bucket == self.bucket
        del self.held[key]


def test_content_is_found_by_its_digest_until_it_is_removed(tmp_path):
    blobs = Blobs(tmp_path / "blobs")
    assert blobs.find(SHA256) is None
    assert blobs.keep(CONTENT) == SHA256
    assert blobs.find(SHA256) == CONTENT
    blobs.remove(SHA256)
    blobs.remove(SHA256)
    assert blobs.find(SHA256) is None


def test_what_is_there_is_not_written_again_but_counts_as_used_now(tmp_path):
    blobs = Blobs(tmp_path)
    blobs.keep(CONTENT)
    path = blobs.path_of(SHA256)
    inode = path.stat().st_ino
    os.utime(path, (0, 0))
    blobs.keep(CONTENT)
    assert path.stat().st_ino == inode
    assert path.stat().st_mtime > 0


@pytest.mark.parametrize("damaged", [CONTENT[:-1], CONTENT.swapcase()], ids=["cut", "flipped"])
def test_what_is_damaged_is_not_found_and_is_written_anew(tmp_path, damaged):
    blobs = Blobs(tmp_path)
    blobs.keep(CONTENT)
    blobs.path_of(SHA256).write_bytes(damaged)
    assert blobs.find(SHA256) is None
    blobs.keep(CONTENT)
    assert blobs.find(SHA256) == CONTENT


@pytest.mark.parametrize(
    "name", ["", "../../etc/passwd", SHA256[:-1], SHA256.upper(), SHA256 + "0"]
)
def test_only_a_digest_names_a_file(tmp_path, name):
    with pytest.raises(StoreError, match="is no SHA-256") as refused:
        Blobs(tmp_path).path_of(name)
    assert refused.value.hint


def test_a_bucket_has_what_another_machine_keeps(tmp_path):
    bucket = Bucket()
    here, there = (Blobs(tmp_path / name, objects=bucket) for name in ("here", "there"))
    here.keep(CONTENT)
    assert there.find(SHA256) == CONTENT
    here.remove(SHA256)
    assert there.find(SHA256) is None


def test_content_of_the_bucket_is_checked(tmp_path):
    bucket = Bucket()
    Blobs(tmp_path / "here", objects=bucket).keep(CONTENT)
    bucket.held = dict.fromkeys(bucket.held, b"something else")
    assert Blobs(tmp_path / "there", objects=bucket).find(SHA256) is None


def test_a_bucket_that_is_away_keeps_nobody_from_the_folder(tmp_path, caplog):
    blobs = Blobs(tmp_path, objects=Bucket(is_away=True))
    blobs.keep(CONTENT)
    assert blobs.find(SHA256) == CONTENT
    blobs.remove(SHA256)
    assert blobs.find(SHA256) is None
    assert "It does not answer." in caplog.text


def test_a_folder_that_cannot_be_written_is_named_with_its_setting(tmp_path):
    (tmp_path / "blobs").write_text("a file")
    with pytest.raises(StoreError, match="cannot be written") as refused:
        Blobs(tmp_path / "blobs").keep(CONTENT)
    assert "BT_SERVICE_DIR" in refused.value.hint


def test_only_a_bucket_that_somebody_chose_is_asked():
    assert Blobs.from_settings(Settings(minio_endpoint=None))._objects is None
    assert Blobs.from_settings(Settings.model_construct())._objects is None
    assert Blobs.from_settings(Settings(minio_endpoint="localhost:9"))._objects is not None
