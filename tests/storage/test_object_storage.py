from __future__ import annotations

import http.server
import json
import random
import re
import sqlite3
import sys
import threading
from contextlib import closing

import pandas as pd
import pytest
from pydantic import SecretStr
from support import odd_servers
from support.broken_off import SPEC, numbers, write_bars
from support.object_server import ACCESS_KEY, SECRET_KEY, Line, ObjectServer
from support.ports import free_port

from btkit.cli.main import main
from btkit.errors import CorruptFileError, StoreError, UsageError
from btkit.jobs import check, delete, list_runs, load_document, load_run, run, sync
from btkit.jobs.verbs import walk_forward
from btkit.storage import ObjectStore, objects

COMMAND = [sys.executable, "-m", "btkit.cli.main"]


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Take a server for absent only where none is; a busy machine may answer late."""
    monkeypatch.setattr(objects, "REACHABLE_WITHIN_S", 30.0)


@pytest.fixture
def server(tmp_path):
    known = ObjectServer(tmp_path / "objects")
    known.start()
    yield known
    known.kill()


@pytest.fixture
def line(server):
    known = Line(server)
    yield known
    known.shutdown()
    known.server_close()


@pytest.fixture
def remote(settings, server):
    return at(settings, server.endpoint)


@pytest.fixture
def go(workplace):
    """Make one run with some settings; give its id."""
    days = write_bars(workplace / "bars")
    return lambda settings: run(SPEC, "TINY", *days, settings=settings).run_id


def at(settings, endpoint, **changes):
    return settings.model_copy(
        update={"minio_endpoint": endpoint, "minio_timeout_s": 30.0, **changes}
    )


def url_of(run_id, settings):
    return load_document(run_id, settings=settings)["equity_curve_url"]


def key_of(run_id):
    return f"backtest-results/curves/{run_id}.parquet"


def local(settings):
    return sorted(path.stem for path in settings.curve_dir.glob("*"))


def test_a_curve_goes_to_the_bucket_and_is_read_from_there(go, settings, remote, server):
    here, there = go(settings), go(remote)
    assert url_of(there, remote) == f"s3://{key_of(there)}"
    assert list(server.objects()) == [key_of(there)]
    assert local(settings) == [here]
    assert numbers(there, remote) == numbers(here, settings)
    (row, _) = list_runs(settings=remote)
    assert row["equity_curve_url"] == f"s3://{key_of(there)}"
    assert sync(settings=remote)["delivered"] == []
    server.kill()
    with pytest.raises(StoreError, match="does not answer"):
        load_run(there, settings=remote)


def test_the_bucket_holds_parquet(go, remote, server, tmp_path):
    run_id = go(remote)
    path = tmp_path / "object.parquet"
    path.write_bytes(server.objects()[key_of(run_id)])
    assert len(pd.read_parquet(path)) == 60


def refused(server):
    server.kill()
    return {}


def stalled(server):
    server.stall()
    return {"minio_timeout_s": 0.5}


def wrong_secret(_server):
    return {"minio_secret_key": SecretStr("wrong")}


def unknown_user(_server):
    return {"minio_access_key": "nobody"}


def bad_bucket(_server):
    return {"minio_bucket": "No Bucket!"}


def full(server):
    server.kill()
    server.start(largest_file=1000)
    return {}


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (refused, "does not answer"),
        (stalled, "Timeout|timed out"),
        (wrong_secret, "SignatureDoesNotMatch"),
        (unknown_user, "InvalidAccessKeyId"),
        (bad_bucket, "bucket"),
        (full, "InternalError|error"),
    ],
)
def test_whatever_is_wrong_the_run_succeeds_and_is_delivered_later(
    go, remote, server, trouble, reason
):
    run_id = go(remote.model_copy(update=trouble(server)))
    assert load_run(run_id, settings=remote).report.run.status == "complete"
    assert url_of(run_id, remote).startswith("file://")
    assert local(remote) == [run_id]
    outcome = sync(settings=remote.model_copy(update=trouble(server)))
    assert outcome["waiting"] == 1
    (failure,) = outcome["failures"]
    assert re.search(reason, failure["reason"]), failure
    (waiting,) = outcome["queue"]
    assert (waiting["run_id"], waiting["object_key"]) == (run_id, f"curves/{run_id}.parquet")
    assert waiting["reason"] == failure["reason"]
    server.kill()
    server.start()
    assert sync(settings=remote)["delivered"] == [f"s3://{key_of(run_id)}"]
    assert url_of(run_id, remote) == f"s3://{key_of(run_id)}"
    assert local(remote) == []
    assert list(server.objects()) == [key_of(run_id)]
    assert len(load_run(run_id, settings=remote).curve) == 60


@pytest.mark.parametrize(
    ("answer", "timeout_s", "reason"),
    [
        (odd_servers.silence, 0.3, "Timeout|timed out"),
        # Each piece comes long before its time is up, and all of them far too late.
        (odd_servers.slow_head, 1.0, "too slowly"),
        (odd_servers.slow_body, 1.0, "too slowly"),
        (odd_servers.slow_body_without_length, 1.0, "too slowly"),
        # These answer at once, as far as the machine lets them.
        (odd_servers.endless, 30.0, "longer than 1,000,000 bytes"),
        (odd_servers.garbage, 30.0, "ProtocolError"),
        (odd_servers.elsewhere, 30.0, "307"),
        # A server that answers before it has heard all may be gone before that is read.
        (odd_servers.yes_to_all, 30.0, "does not have it|ProtocolError"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_server_that_does_anything_but_speak_s3_holds_nobody_up(
    go, settings, remote, server, answer, timeout_s, reason
):
    with odd_servers.OddServer(answer) as odd:
        known = at(settings, odd.endpoint, minio_timeout_s=timeout_s)
        run_id = go(known)
        assert url_of(run_id, known).startswith("file://")
        assert local(known) == [run_id]
        (failure,) = sync(settings=known)["failures"]
        assert re.search(reason, failure["reason"]), failure
        assert len(failure["reason"]) < 500
        odd.shutdown()
    assert sync(settings=remote)["delivered"] == [f"s3://{key_of(run_id)}"]
    assert list(server.objects()) == [key_of(run_id)]


def test_the_runs_of_a_validation_are_delivered_as_well(workplace, remote, server):
    first, last = write_bars(workplace / "bars", count=200)
    result = walk_forward(SPEC, "TINY", first, last, windows=2, settings=remote)
    windows = result.report.windows
    ids = {run_id for window in windows for run_id in (window.is_run_id, window.oos_run_id)}
    assert set(server.objects()) == {key_of(run_id) for run_id in ids}
    assert len(ids) == 4
    assert local(remote) == []


def test_a_file_of_several_parts_comes_back_as_it_was(remote, server, tmp_path):
    store = ObjectStore.from_settings(remote)
    content = random.Random(1).randbytes(11_000_000)  # noqa: S311 - no secret
    path = tmp_path / "large"
    path.write_bytes(content)
    store.put("a/large", path)
    assert server.objects() == {"backtest-results/a/large": content}
    assert store.get(store.url_of("a/large")) == content


def test_a_run_leaves_the_rest_of_a_long_queue_to_the_next(go, remote, server, monkeypatch):
    server.kill()
    waiting = [go(remote) for _ in range(3)]
    server.start()
    monkeypatch.setattr("btkit.jobs.delivering._LONGEST_S", 0.0)
    own = go(remote)
    assert list(server.objects()) == [key_of(own)]
    assert sync(settings=remote)["delivered"] == [f"s3://{key_of(run_id)}" for run_id in waiting]


def test_a_later_run_delivers_what_waits(go, remote, server):
    server.kill()
    first = go(remote)
    server.start()
    second = go(remote)
    assert set(server.objects()) == {key_of(first), key_of(second)}
    assert sync(settings=remote)["waiting"] == 0


def test_a_server_that_dies_in_mid_upload(go, settings, server, line):
    known = at(settings, line.endpoint)
    line.break_in_upload(server.kill)
    run_id = go(known)
    assert line.uploads == 1
    assert url_of(run_id, known).startswith("file://")
    assert server.objects() == {}
    content = (settings.curve_dir / f"{run_id}.parquet").read_bytes()
    server.start()
    assert sync(settings=known)["delivered"] == [f"s3://{key_of(run_id)}"]
    assert server.objects() == {key_of(run_id): content}
    assert sync(settings=known)["delivered"] == []
    assert line.uploads == 2


def test_a_sync_that_is_killed_in_mid_upload(go, settings, server, line, start):
    server.kill()
    known = at(settings, line.endpoint)
    run_id = go(known)
    server.start()
    reached, free = threading.Event(), threading.Event()
    line.break_in_upload(lambda: (reached.set(), free.wait(120)))
    process = start([*COMMAND, "sync"], BT_MINIO_ENDPOINT=line.endpoint, BT_MINIO_TIMEOUT_S="120")
    assert reached.wait(120)
    # Somebody is at it: nobody else begins the same.
    outcome = sync(settings=known) | {"endpoint": ""}
    (waiting,) = outcome.pop("queue")
    assert outcome == {
        "endpoint": "", "bucket": "backtest-results", "delivered": [], "removed": [],
        "waiting": 1, "failures": [],
    }  # fmt: skip
    assert "could not be delivered" in waiting["reason"]
    process.kill()
    process.wait()
    free.set()
    assert sync(settings=known)["delivered"] == [f"s3://{key_of(run_id)}"]
    assert list(server.objects()) == [key_of(run_id)]
    assert line.uploads == 2


def test_what_arrived_without_an_answer_is_not_sent_again(go, settings, server, line, query):
    known = at(settings, line.endpoint)
    run_id = go(known)
    # As if the process had died between the upload and its note in the database.
    document = json.loads(query("SELECT report FROM backtest_runs")[0][0])
    local_path = settings.curve_dir / f"{run_id}.parquet"
    local_path.write_bytes(server.objects()[key_of(run_id)])
    undo_delivery(settings, run_id, document, local_path)
    assert sync(settings=known)["delivered"] == [f"s3://{key_of(run_id)}"]
    assert line.uploads == 1


def undo_delivery(settings, run_id, document, path):
    document["equity_curve_url"] = path.as_uri()
    with closing(sqlite3.connect(settings.db_path, isolation_level=None)) as connection:
        connection.execute(
            "UPDATE backtest_runs SET equity_curve_url = ?, report = ? WHERE run_id = ?",
            (path.as_uri(), json.dumps(document), run_id),
        )
        connection.execute("DELETE FROM backtest_checksums WHERE name = 'report'")
        connection.execute(
            "UPDATE backtest_uploads SET delivered_at = NULL, bucket = NULL, host = 'gone 1 2',"
            " pid = 1, process_started = '1', claimed_at = '2020-01-01T00:00:00+00:00'"
        )


def test_many_that_deliver_at_once_deliver_each_file_once(go, settings, server, line):
    server.kill()
    known = at(settings, line.endpoint)
    ids = {go(known) for _ in range(6)}
    server.start()
    delivered = []
    threads = [
        threading.Thread(target=lambda: delivered.extend(sync(settings=known)["delivered"]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(delivered) == sorted(f"s3://{key_of(run_id)}" for run_id in ids)
    assert line.uploads == len(ids)
    assert set(server.objects()) == {key_of(run_id) for run_id in ids}


def test_a_file_that_is_gone_does_not_hold_up_the_others(go, remote, server):
    server.kill()
    lost, kept = go(remote), go(remote)
    (remote.curve_dir / f"{lost}.parquet").unlink()
    server.start()
    outcome = sync(settings=remote)
    assert outcome["delivered"] == [f"s3://{key_of(kept)}"]
    assert outcome["waiting"] == 1
    assert "does not exist any more" in outcome["failures"][0]["reason"]
    assert "does not exist any more" in outcome["queue"][0]["reason"]
    assert outcome["queue"][0]["attempts"] == 1


def test_deleting_a_run_removes_its_objects(go, remote, server):
    run_id = go(remote)
    delete(run_id, settings=remote)
    assert server.objects() == {}
    away = go(remote)
    server.kill()
    delete(away, settings=remote)
    assert list_runs(settings=remote) == []
    server.start()
    assert sync(settings=remote)["removed"] == [f"s3://{key_of(away)}"]
    assert server.objects() == {}


def test_a_run_that_never_was_delivered_leaves_nothing_to_remove(go, remote, server):
    server.kill()
    run_id = go(remote)
    delete(run_id, settings=remote)
    server.start()
    assert sync(settings=remote)["waiting"] == 0


ENDINGS = {"json": "json", "notebook": "ipynb", "html": "html", "csv": "trades.csv"}


def test_reports_are_uploaded_when_asked(
    arguments, server, workplace, monkeypatch, capsys, settings
):
    monkeypatch.setenv("BT_MINIO_ENDPOINT", server.endpoint)
    files = {}

    def write(run_id, _document, **_options):
        for kind, ending in ENDINGS.items():
            files[kind] = workplace / f"{run_id}.{ending}"
            files[kind].write_text(kind)
        return files

    monkeypatch.setattr("btkit.render.leaving.write_report_files", write)
    flags = [part for part in arguments()[3:] if part != "--no-report"]
    assert main([*flags, "--upload-reports"]) in (0, 1)
    run_id = json.loads(capsys.readouterr().out)["run"]["run_id"]
    assert set(server.objects()) == {
        key_of(run_id),
        *(f"backtest-results/reports/{run_id}.{end}" for end in ENDINGS.values()),
    }
    # Unlike a curve, a report stays where it is.
    assert all(path.exists() for path in files.values())
    assert main(["delete", "--run-id", run_id]) == 0
    assert server.objects() == {}


def test_a_walk_forward_sends_its_reports_too(arguments, server, monkeypatch, capsys):
    monkeypatch.setenv("BT_MINIO_ENDPOINT", server.endpoint)
    flags = [part for part in arguments(300)[4:] if part != "--no-report"]
    command = ["walk-forward", *flags, "--windows", "2", "--upload-reports", "-q"]
    assert main(command) in (0, 1)
    document = json.loads(capsys.readouterr().out)
    known = document["walk_forward_id"]
    reports = {f"backtest-results/reports/{known}.{end}" for end in ("json", "ipynb", "html")}
    parts = {
        key_of(window[f"{part}_run_id"]) for window in document["windows"] for part in ("is", "oos")
    }
    assert set(server.objects()) == reports | parts
    assert main(["delete", "--run-id", known]) == 0
    assert server.objects() == {}


def test_where_nobody_chose_an_endpoint(settings, server, monkeypatch):
    def known(endpoint):
        return ObjectStore(
            endpoint, access_key=ACCESS_KEY, secret_key=SECRET_KEY, bucket="b", is_chosen=False
        )

    assert not known(f"127.0.0.1:{free_port()}").is_on()
    assert known(server.endpoint).is_on()
    assert ObjectStore.from_settings(settings).is_chosen is False
    server.stall()
    monkeypatch.setattr(objects, "REACHABLE_WITHIN_S", 0.3)
    assert not known(server.endpoint).is_on()


def test_something_else_on_the_port_gets_no_credentials():
    heard = []

    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            heard.append(str(self.headers))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Other) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        store = ObjectStore(
            f"127.0.0.1:{other.server_port}", access_key=ACCESS_KEY, secret_key=SECRET_KEY,
            bucket="b", is_chosen=False,
        )  # fmt: skip
        assert not store.is_on()
        other.shutdown()
    assert len(heard) == 1
    assert ACCESS_KEY not in heard[0].split("Host")[1]


@pytest.mark.parametrize(
    "endpoint", ["", "http://", "host:port", "ftp://host", "host/path", "user@host:1", ":9000"]
)
def test_what_is_no_endpoint(endpoint):
    with pytest.raises(UsageError, match="BT_MINIO_ENDPOINT"):
        ObjectStore(endpoint, access_key="", secret_key="", bucket="b")


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("localhost:9000", ("localhost", 9000, False)),
        ("http://minio", ("minio", 80, False)),
        ("https://s3.amazonaws.com/", ("s3.amazonaws.com", 443, True)),
        ("[::1]:9000", ("::1", 9000, False)),
    ],
)
def test_what_is_one(endpoint, expected):
    store = ObjectStore(endpoint, access_key="", secret_key="", bucket="b")
    assert (store._host, store._port, store._secure) == expected


def test_the_secret_is_not_shown(settings):
    assert "mds_secret" not in repr(settings)


def test_a_mistyped_bucket_is_not_made_and_takes_nothing(go, settings, server):
    mistyped = at(settings, server.endpoint, minio_bucket="backtest-resluts")
    run_id = go(mistyped)
    outcome = sync(settings=mistyped)
    assert (outcome["delivered"], outcome["waiting"]) == ([], 1)
    assert "no bucket backtest-resluts" in outcome["failures"][0]["reason"]
    assert "--create-bucket" in outcome["failures"][0]["reason"]
    assert list(server.folder.iterdir()) == []
    assert local(mistyped) == [run_id]
    # Its name was right after all.
    assert sync(settings=mistyped, create_bucket=True)["delivered"]
    assert list(server.objects()) == [f"backtest-resluts/curves/{run_id}.parquet"]
    assert sync(settings=mistyped, create_bucket=True)["waiting"] == 0


def test_a_curve_stays_here_if_it_is_to(go, settings, server):
    known = at(settings, server.endpoint, keep_local=True)
    run_id = go(known)
    assert url_of(run_id, known).startswith("s3://")
    assert local(known) == [run_id]
    server.kill()
    assert len(load_run(run_id, settings=known).curve) == 60


def test_a_curve_goes_only_when_it_was_read_back(go, settings, server, monkeypatch):
    known = at(settings, server.endpoint)
    fetch = ObjectStore._fetch
    monkeypatch.setattr(ObjectStore, "_fetch", lambda self, url: flipped(fetch(self, url)))
    run_id = go(known)
    assert local(known) == [run_id]
    assert "does not have it" in sync(settings=known)["failures"][0]["reason"]
    assert url_of(run_id, known).startswith("file://")
    monkeypatch.undo()
    assert sync(settings=known)["delivered"]


def flipped(content):
    return content[:-50] + bytes([content[-50] ^ 1]) + content[-49:]


def test_a_curve_that_changed_is_not_delivered_and_holds_no_other_up(go, settings, server):
    server.kill()
    known = at(settings, server.endpoint)
    damaged, sound = go(known), go(known)
    path = settings.curve_dir / f"{damaged}.parquet"
    path.write_bytes(flipped(path.read_bytes()))
    server.start()
    outcome = sync(settings=known)
    assert outcome["delivered"] == [f"s3://{key_of(sound)}"]
    assert "damaged" in outcome["failures"][0]["reason"]
    assert local(known) == [damaged]


def test_an_object_that_changed_is_refused_and_mended(go, settings, remote, server):
    run_id = go(remote)
    before = server.objects()[key_of(run_id)]
    (server.folder / key_of(run_id)).write_bytes(flipped(before))
    with pytest.raises(CorruptFileError, match="s3://"):
        load_run(run_id, settings=remote)
    assert [finding["kind"] for finding in check(settings=remote)["findings"]] == ["damaged"]
    assert check(settings=remote, repair=True)["passed"]
    assert len(load_run(run_id, settings=remote).curve) == 60
    assert sync(settings=remote)["delivered"] == [f"s3://{key_of(run_id)}"]
    assert server.objects()[key_of(run_id)] == before
    assert check(settings=remote)["findings"] == []
    server.kill()
    assert [finding["kind"] for finding in check(settings=remote)["findings"]] == ["unreachable"]


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://minio:hunter2@localhost:9000",
        "minio:hunter2@localhost:9000",
        "https://hunter2@localhost",
        "http://localhost:9000/?signature=hunter2",
        "ftp://localhost/hunter2@",
    ],
)
def test_credentials_in_an_endpoint_are_refused_and_not_repeated(
    workplace, monkeypatch, capsys, endpoint
):
    monkeypatch.setenv("BT_MINIO_ENDPOINT", endpoint)
    days = write_bars(workplace / "bars")
    for arguments in (
        ["list"],
        ["sync", "--debug"],
        [
            "run",
            "--strategy",
            "spec.json",
            "--symbol",
            "TINY",
            "--start",
            days[0],
            "--end",
            days[1],
        ],
    ):
        assert main(arguments) == 2
        written = capsys.readouterr()
        assert json.loads(written.out)["error"]["type"] == "UsageError"
        assert "hunter2" not in written.out + written.err
    left = [path for path in workplace.rglob("*") if path.is_file()]
    assert not any(b"hunter2" in path.read_bytes() for path in left)
