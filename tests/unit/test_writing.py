"""Files appear whole or not at all, follow no link, and are private where that is wished for."""

from __future__ import annotations

import ast
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

import btkit
from btkit.owner import this_process
from btkit.storage import JobRow, LocalCurves, Store
from btkit.writing import (
    abandoned,
    digest_of,
    digest_of_json,
    folder_aside,
    make_folder,
    publish_folder,
    sweep,
    write_whole,
    writing_aside,
)

CONTENT = b"what is to be kept"


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def open_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_a_file_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "a.json"
    write_whole(path, CONTENT)
    with writing_aside(path) as aside:
        aside.file.write(b"given up")
    assert path.read_bytes() == CONTENT
    assert list(tmp_path.iterdir()) == [path]


def test_a_digest_of_json_knows_the_order_of_lists_and_not_of_keys():
    assert digest_of_json({"b": [1, 2], "a": "ä"}) == digest_of(b'{"a":"\\u00e4","b":[1,2]}')
    assert digest_of_json({"a": "ä", "b": [2, 1]}) != digest_of_json({"a": "ä", "b": [1, 2]})


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"somebody else's")
    link = tmp_path / "reports" / "a.json"
    link.parent.mkdir()
    link.symlink_to(victim)
    write_whole(link, CONTENT)
    assert victim.read_bytes() == b"somebody else's"
    assert not link.is_symlink()
    assert link.read_bytes() == CONTENT


def test_no_link_can_be_laid_where_a_file_is_written_first(tmp_path, monkeypatch):
    victim = tmp_path / "victim"
    victim.write_bytes(b"somebody else's")
    # Even to one who guesses the name.
    monkeypatch.setattr("btkit.writing.secrets.token_hex", lambda _: "0" * 8)
    with writing_aside(tmp_path / "a.json") as aside:
        guessed = aside.partial
    guessed.symlink_to(victim)
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "a.json", CONTENT)
    assert victim.read_bytes() == b"somebody else's"
    assert not (tmp_path / "a.json").exists()


def test_a_folder_takes_the_place_of_another_or_leaves_it(tmp_path):
    path = tmp_path / "bundle"
    for content in ("first", "second"):
        with folder_aside(path) as aside:
            written = aside / "bundle"
            written.mkdir()
            (written / "a").write_text(content)
            publish_folder(written, path)
        assert (path / "a").read_text() == content
    with pytest.raises(FileNotFoundError):
        publish_folder(tmp_path / "never written", path)
    assert (path / "a").read_text() == "second"
    assert list(tmp_path.iterdir()) == [path]


def test_names_to_be_are_never_the_same_twice(tmp_path):
    names = set()
    for _ in range(20):
        with writing_aside(tmp_path / "a.json") as aside:
            names.add(aside.partial.name)
    assert len(names) == 20


@pytest.mark.usefixtures("open_umask")
def test_private_files_and_folders_are_for_their_owner_alone(tmp_path):
    make_folder(tmp_path / "deep" / "er", private=True)
    write_whole(tmp_path / "deep" / "er" / "a.json", CONTENT, private=True)
    assert mode(tmp_path / "deep" / "er" / "a.json") == 0o600
    assert mode(tmp_path / "deep") == mode(tmp_path / "deep" / "er") == 0o700
    make_folder(tmp_path / "open")
    write_whole(tmp_path / "open" / "a.json", CONTENT)
    assert mode(tmp_path / "open" / "a.json") == 0o644
    assert mode(tmp_path / "open") == 0o755
    with writing_aside(tmp_path / "b", private=True) as aside:
        assert mode(aside.partial) == 0o600
    with folder_aside(tmp_path / "c") as folder:
        assert mode(folder) == 0o700
    assert not folder.exists()


@pytest.mark.usefixtures("open_umask")
def test_a_private_store_closes_the_database_and_what_lies_beside_it(tmp_path):
    path = tmp_path / "db" / "r.db"
    store = Store(path, curves=LocalCurves(tmp_path / "curves", private=True), private=True)
    with store.database.open(create=True) as connection:
        connection.execute("CREATE TABLE t (x)")
        beside = sorted(path.parent.iterdir())
        assert [file.name for file in beside] == ["r.db", "r.db-shm", "r.db-wal"]
        assert {mode(file) for file in beside} == {0o600}
    assert mode(path.parent) == 0o700
    # One that was open to all is closed when it is next used.
    path.chmod(0o644)
    with store.database.open():
        assert mode(path) == 0o600


@pytest.mark.usefixtures("open_umask")
def test_a_private_database_that_a_link_leads_to_is_private_from_the_first(tmp_path):
    path = tmp_path / "r.db"
    path.symlink_to(tmp_path / "real.db")
    store = Store(path, curves=LocalCurves(tmp_path / "curves"), private=True)
    with store.database.open(create=True):
        assert mode(tmp_path / "real.db") == 0o600


@pytest.mark.usefixtures("open_umask")
def test_a_private_store_that_begins_with_a_sweep_is_private_as_well(tmp_path):
    store = Store(tmp_path / "r.db", curves=LocalCurves(tmp_path / "curves"), private=True)
    store.jobs.begin(JobRow("0123456789abcdef", "sweep", None))
    assert mode(store.path) == 0o600


@pytest.mark.usefixtures("open_umask")
def test_a_private_curve_is_for_its_owner_alone(tmp_path):
    curves = LocalCurves(tmp_path / "curves", private=True)
    run_id = "123e4567-e89b-42d3-a456-426614174000"
    names = ("equity", "cash", "invested", "open", "high", "low", "close")
    frame = pd.DataFrame(dict.fromkeys(names, 1.0), index=pd.date_range("2024-01-02", periods=3))
    with curves.writing(run_id, frame) as pending:
        pending.publish()
    assert mode(curves.path_of(run_id)) == 0o600
    assert mode(curves.folder) == 0o700


def test_a_folder_that_is_a_file_is_an_error_of_the_file_system(tmp_path):
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OSError, match=r"exists|directory"):
            make_folder(folder)


def test_what_a_process_that_is_gone_was_writing_is_swept(tmp_path):
    code = (
        "import os, pathlib\n"
        "from btkit.writing import writing_aside\n"
        f"with writing_aside(pathlib.Path({str(tmp_path / 'a.html')!r})) as aside:\n"
        "    aside.file.write(b'half')\n"
        "    aside.file.flush()\n"
        "    os._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    (left,) = tmp_path.iterdir()
    assert abandoned(tmp_path) == [left]
    assert abandoned(tmp_path, "*.json") == []
    with writing_aside(tmp_path / "b.html") as aside, folder_aside(tmp_path / "c.ipynb") as folder:
        assert sweep(tmp_path) == [left]
        assert aside.partial.exists()
        assert folder.exists()
    assert sweep(tmp_path / "none") == []


def test_another_machines_file_is_given_a_day(tmp_path):
    pid, started = this_process().pid, this_process().started
    path = tmp_path / f".a.html.{pid}-{started}-00000000-abcdef01.partial"
    older = tmp_path / ".b.html.4711.partial"
    for file in (path, older):
        file.write_bytes(b"half")
    assert abandoned(tmp_path) == []
    for file in (path, older):
        os.utime(file, (time.time() - 90_000,) * 2)
    assert sweep(tmp_path) == [path, older]


def test_a_link_that_is_called_like_a_partial_folder_is_unlinked_alone(tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_bytes(CONTENT)
    link = tmp_path / ".a.999999-1-00000000-abcdef01.partial"
    link.symlink_to(kept)
    os.utime(link, (time.time() - 90_000,) * 2, follow_symlinks=False)
    assert sweep(tmp_path) == [link]
    assert (kept / "file").read_bytes() == CONTENT


OWN_WRITING = {"write_text", "write_bytes", "os.replace", "os.rename", "mkstemp"}


def writes_aside(tree):
    methods = [
        node.func
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    return any({method.attr, ast.unparse(method)} & OWN_WRITING for method in methods)


def test_nobody_else_writes_files_aside():
    # One writer: who renames a file into place himself forgets one of the above.
    package = Path(btkit.__file__).parent
    found = [path for path in package.rglob("*.py") if writes_aside(ast.parse(path.read_bytes()))]
    assert found == []
