"""One flipped bit, wherever it falls in whatever is stored, is never read as something else."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from random import Random

import numpy as np
import pytest

from btkit.errors import CorruptFileError, StoreError
from btkit.storage import Checkpoint, Store

FLIPS = 60


def flipped(content, seed):
    """Yield the content with one bit flipped, at places that are the same in every run."""
    random = Random(seed)  # noqa: S311 - places, no secrets
    for place in sorted(random.sample(range(len(content) * 8), FLIPS)):
        changed = bytearray(content)
        changed[place // 8] ^= 1 << place % 8
        yield bytes(changed)


def same(one, other):
    return (
        one.report == other.report
        and one.trades.equals(other.trades)
        and one.curve.equals(other.curve)
    )


def test_no_flipped_bit_of_a_curve_is_read_as_another_curve(store, stored):
    path = store.curves.path_of(stored.report.run.run_id)
    content = path.read_bytes()
    for damaged in flipped(content, seed=1):
        path.write_bytes(damaged)
        with pytest.raises(CorruptFileError) as caught:
            store.load(stored.report.run.run_id)
        assert "backtest check --repair" in caught.value.hint
        assert caught.value.details["kind"] == "curve"
    path.write_bytes(content)
    assert same(store.load(stored.report.run.run_id), store.load(stored.report.run.run_id))


def test_no_flipped_bit_of_the_database_is_read_as_another_run(store, stored):
    run_id = stored.report.run.run_id
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    content = store.path.read_bytes()
    sound = store.load(run_id)
    refused = 0
    for number, damaged in enumerate(flipped(content, seed=2)):
        # A name of its own each time: SQLite looks at no file that it remembers.
        path = store.path.with_name(f"{number}.db")
        path.write_bytes(damaged)
        try:
            read = Store(path, curves=store.curves).load(run_id)
        except StoreError:
            refused += 1
        else:
            assert same(read, sound)
    assert refused > 0


def test_no_flipped_bit_of_a_stored_report_or_trade_is_read(store, stored):
    run_id = stored.report.run.run_id
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        text = connection.execute("SELECT report FROM backtest_runs").fetchone()[0]
        for damaged in flipped(text.encode(), seed=3):
            changed = damaged.decode("latin-1")
            connection.execute("UPDATE backtest_runs SET report = ?", (changed,))
            with pytest.raises(CorruptFileError, match="The report of run"):
                store.document(run_id)
        connection.execute("UPDATE backtest_runs SET report = ?", (text,))
        assert store.document(run_id) == json.loads(text)
        connection.execute("UPDATE backtest_trades SET pnl = pnl * 1.0000000000000002")
        for read in (store.document, store.document_with_trades, store.load):
            with pytest.raises(CorruptFileError, match="The list of trades of run"):
                read(run_id)


@pytest.mark.parametrize(
    "loss",
    [
        "UPDATE backtest_runs SET report = NULL, status = 'running'",
        "DELETE FROM backtest_trades WHERE trade_index = 0",
        "UPDATE backtest_trades SET shares = CAST(shares AS BLOB)",
    ],
)
def test_what_is_missing_or_of_another_type_is_refused_as_well(store, stored, loss):
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(loss)
    for read in (store.document, store.load):
        with pytest.raises(CorruptFileError):
            read(stored.report.run.run_id)


def test_what_an_earlier_version_stored_is_read_as_before(store, stored):
    run_id = stored.report.run.run_id
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        connection.execute("DROP TABLE backtest_checksums")
        connection.execute("PRAGMA user_version = 3")
    assert same(store.load(run_id), Store(store.path, curves=store.curves).load(run_id))
    with closing(sqlite3.connect(store.path)) as connection:
        assert connection.execute("SELECT count(*) FROM backtest_checksums").fetchone() == (0,)


def test_a_run_that_is_deleted_leaves_no_checksum(store, stored):
    store.delete(stored.report.run.run_id)
    with closing(sqlite3.connect(store.path)) as connection:
        assert connection.execute("SELECT count(*) FROM backtest_checksums").fetchone() == (0,)


def test_a_file_and_its_checksum_are_written_together_or_not_at_all(store, tmp_path, monkeypatch):
    folder = tmp_path / "reports"
    store.files.write("abc", folder, "abc.json", b"{}", kind="json")
    assert store.files.read("abc", folder, "abc.json") == b"{}"

    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("btkit.writing.Aside.publish", full)
    with pytest.raises(OSError, match="No space"):
        store.files.write("abc", folder, "abc.json", b"[1]", kind="json")
    assert store.files.read("abc", folder, "abc.json") == b"{}"
    for damaged in ((folder / "abc.json").read_bytes() + b" ", b"", b"[]"):
        (folder / "abc.json").write_bytes(damaged)
        with pytest.raises(CorruptFileError, match=r"abc\.json"):
            store.files.read("abc", folder, "abc.json")


def test_no_flipped_bit_of_a_checkpoint_is_taken_up(store, make_run):
    info, _ = make_run()
    store.begin(info, interval="1d")
    run_id = info.run_id
    parts = [{"pnl": np.arange(3.0) + number} for number in range(3)]
    kept = Checkpoint(7, 5.0, "abc", {"money": np.array([1.0, 2.0])}, parts)
    store.jobs.save_checkpoint(run_id, kept, first_part=0)
    sound = store.jobs.load_checkpoint(run_id)
    assert (sound.bar_index, list(sound.state)) == (7, ["money"])
    assert [part["pnl"].tolist() for part in sound.parts] == [[0, 1, 2], [1, 2, 3], [2, 3, 4]]

    def written(checkpoint):
        arrays = (checkpoint.state, *checkpoint.parts)
        return [{name: array.tolist() for name, array in part.items()} for part in arrays]

    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        for read, write in (
            (
                "SELECT state FROM backtest_checkpoints",
                "UPDATE backtest_checkpoints SET state = ?",
            ),
            (
                "SELECT content FROM backtest_checkpoint_parts WHERE part = 1",
                "UPDATE backtest_checkpoint_parts SET content = ? WHERE part = 1",
            ),
        ):
            content = connection.execute(read).fetchone()[0]
            for damaged in flipped(content, seed=4):
                connection.execute(write, (damaged,))
                found = store.jobs.load_checkpoint(run_id)
                assert found is None or written(found) == written(sound)
            connection.execute(write, (content,))
        for change in (
            "UPDATE backtest_checkpoints SET bar_index = bar_index + 4",
            "UPDATE backtest_checkpoint_parts SET part = part + 8 WHERE part = 0",
            "DELETE FROM backtest_checkpoint_parts WHERE part = 2",
        ):
            connection.execute(change)
            assert store.jobs.load_checkpoint(run_id) is None
            store.jobs.save_checkpoint(run_id, kept, first_part=0)
