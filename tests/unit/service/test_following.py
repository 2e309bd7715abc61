"""Operations are listed, followed, stopped, taken up again and forgotten."""

import json
import threading

import pytest
from support.service import BACKTEST, work_off

from btkit.service.routes import operations
from btkit.storage import Store


@pytest.fixture
def table(settings):
    return Store.from_settings(settings).operations


@pytest.fixture
def asked(client):
    return client.post("/backtests/start", json=BACKTEST).json()["operation_id"]


def events(answer):
    found = []
    for block in answer.text.split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        if lines:
            found.append(dict(line.split(": ", 1) for line in lines))
    return found


def test_the_list_is_paged_and_filtered(client):
    ids = [client.post("/backtests/start", json=BACKTEST).json()["operation_id"] for _ in range(5)]
    client.post(f"/operations/{ids[0]}/cancel")
    found, token = [], None
    while True:
        asked = {"page_size": 2} | ({} if token is None else {"page_token": token})
        page = client.get("/operations", params=asked).json()
        found += [each["operation_id"] for each in page["operations"]]
        token = page["next_page_token"]
        if token is None:
            break
    assert found == ids[::-1]
    queued = client.get("/operations", params={"status": "queued"}).json()["operations"]
    assert [each["operation_id"] for each in queued] == ids[:0:-1]
    for wrong in ({"status": "odd"}, {"page_size": 0}, {"page_size": 1_000}, {"page_token": "x"}):
        assert client.get("/operations", params=wrong).status_code == 422


def test_a_cancelled_one_is_cancelled_however_often(client, asked, dispatcher):
    said = [client.post(f"/operations/{asked}/cancel") for _ in range(3)]
    assert {answer.status_code for answer in said} == {202}
    assert {answer.json()["status"] for answer in said} == {"cancelled"}
    # Of one that has ended there is nothing to do.
    assert dispatcher.woken == 2


def test_what_is_complete_stays_so(client, asked, settings):
    work_off(settings, asked)
    answer = client.post(f"/operations/{asked}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (202, "complete")
    answer = client.post("/backtests/resume", json={"operation_id": asked})
    assert (answer.status_code, answer.json()["error_type"]) == (409, "ConflictError")


def test_a_cancelled_one_goes_on(client, asked, dispatcher):
    client.post(f"/operations/{asked}/cancel")
    answer = client.post("/backtests/resume", json={"operation_id": asked})
    assert (answer.status_code, answer.headers["location"]) == (202, f"/operations/{asked}")
    said = answer.json()
    assert (said["status"], said["attempt"], said["done"]) == ("queued", 2, False)
    assert dispatcher.woken == 3


def test_a_failed_one_says_why_without_a_path(client, asked, table, tmp_path):
    error = {
        "type": "DataError",
        "message": f"{tmp_path}/bars/SPX.csv cannot be read.",
        "hint": "Mend it.",
        "retryable": False,
        "details": {"path": f"{tmp_path}/bars/SPX.csv", "rows": [1, 2]},
    }
    table.fail_whole(asked, error)
    for ending in table.endings():
        table.end(ending.operation_id, ending.status, job_id=None)
    said = client.get(f"/operations/{asked}").json()
    assert (said["status"], said["done"], said["result"]) == ("failed", True, None)
    assert said["error"]["message"] == "SPX.csv cannot be read."
    assert said["error"]["details"] == {"path": "SPX.csv", "rows": [1, 2]}
    assert str(tmp_path) not in client.get(f"/operations/{asked}/events").text


@pytest.mark.parametrize("way", ["queued", "complete"])
def test_a_forgotten_one_is_gone(client, asked, settings, way):
    run_id = work_off(settings, asked) if way == "complete" else None
    assert client.delete(f"/operations/{asked}").status_code == 204
    assert client.get("/operations").json()["operations"] == []
    for answer in (
        client.get(f"/operations/{asked}"),
        client.delete(f"/operations/{asked}"),
        client.post(f"/operations/{asked}/cancel"),
        client.get(f"/operations/{asked}/events"),
        client.post("/backtests/resume", json={"operation_id": asked}),
    ):
        assert (answer.status_code, answer.json()["error_type"]) == (404, "OperationNotFoundError")
    if run_id is not None:
        assert client.get(f"/runs/{run_id}").status_code == 200


def test_one_at_work_is_stopped_before_it_is_forgotten(client, asked, table, monkeypatch):
    monkeypatch.setattr(operations, "_DELETED_WITHIN_S", 0.3)
    table.divide(asked, {}, unit="bars")
    piece = table.next_piece(asked, size=1)
    lease = table.lease(asked, piece, worker="w1", seconds=60)
    answer = client.delete(f"/operations/{asked}")
    assert answer.status_code == 202
    assert answer.json()["cancel_requested"] is True
    assert int(answer.headers["retry-after"]) > 0
    assert table.beat(lease.token, done=1, total=2, unit="bars", seconds=60) is True
    table.end(asked, "cancelled", job_id=None)
    assert client.delete(f"/operations/{asked}").status_code == 204


def test_one_that_is_resumed_meanwhile_is_not_forgotten(client, asked, monkeypatch):
    table = client.app.state.service.store.operations
    delete = table.delete

    def resumed_first(operation_id):
        table.requeue(operation_id)
        delete(operation_id)

    monkeypatch.setattr(table, "delete", resumed_first)
    assert client.delete(f"/operations/{asked}").status_code == 409
    assert table.get(asked).status == "queued"
    described = client.app.openapi()["paths"]["/operations/{operation_id}"]["delete"]
    assert "409" in described["responses"]


def test_who_waits_to_forget_one_forgets_no_other_of_its_id(client, asked, monkeypatch):
    table = client.app.state.service.store.operations
    table.divide(asked, {}, unit="bars")
    table.lease(asked, table.next_piece(asked, size=1), worker="w1", seconds=60)
    get, looked = table.get, []

    def replaced(operation_id):
        looked.append(operation_id)
        if len(looked) == 2:
            table.end(operation_id, "cancelled", job_id=None)
            table.delete(operation_id)
            table.submit({"kind": "run"}, kind="run", operation_id=operation_id)
            table.request_cancel(operation_id)
        return get(operation_id)

    monkeypatch.setattr(table, "get", replaced)
    assert client.delete(f"/operations/{asked}").status_code == 204
    assert get(asked).request == {"kind": "run"}


def test_events_end_with_done_and_are_replayed(client, asked, settings, table):
    table.note_progress(asked, rate=5.0)
    work_off(settings, asked)
    answer = client.get(f"/operations/{asked}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-accel-buffering"] == "no"
    found = events(answer)
    assert [event["event"] for event in found] == ["queued", "progress", "complete", "done"]
    assert [event["id"] for event in found[:-1]] == ["1", "2", "3"]
    assert json.loads(found[-1]["data"]) == client.get(f"/operations/{asked}").json()
    for last, names in (("1", ["progress", "complete", "done"]), ("3", ["done"])):
        again = client.get(f"/operations/{asked}/events", headers={"Last-Event-ID": last})
        assert [event["event"] for event in events(again)] == names
    for odd in ("x", "-1", "9" * 50):
        again = client.get(f"/operations/{asked}/events", headers={"Last-Event-ID": odd})
        assert len(events(again)) == 4


def test_events_come_as_they_happen(client, asked, settings):
    worker = threading.Thread(target=work_off, args=(settings, asked))
    worker.start()
    found = events(client.get(f"/operations/{asked}/events"))
    worker.join()
    assert [event["event"] for event in found] == ["queued", "complete", "done"]


def test_of_one_that_is_forgotten_the_stream_ends(client, asked, monkeypatch):
    table = client.app.state.service.store.operations
    read = table.events

    def forgotten_then(operation_id, after):
        found = read(operation_id, after)
        table.request_cancel(operation_id)
        table.delete(operation_id)
        return found

    monkeypatch.setattr(table, "events", forgotten_then)
    answer = client.get(f"/operations/{asked}/events")
    assert [event["event"] for event in events(answer)] == ["queued"]


def test_a_server_that_ends_ends_its_streams(client, asked):
    client.app.state.service.stopping.set()
    assert events(client.get(f"/operations/{asked}/events")) == []


def test_progress_says_how_far_and_how_long(client, asked, table):
    table.divide(asked, {}, unit="bars")
    piece = table.next_piece(asked, size=1)
    lease = table.lease(asked, piece, worker="w1", seconds=60)
    table.beat(lease.token, done=250, total=1_000, unit="bars", seconds=60)
    table.note_progress(asked, rate=50.0)
    said = client.get(f"/operations/{asked}").json()
    assert said["progress"] == {"done": 250, "total": 1_000, "unit": "bars", "fraction": 0.25}
    assert (said["status"], said["bars"], said["rate"], said["eta"]) == ("running", 250, 50.0, 15.0)


def test_workers_are_listed_also_those_refused(client):
    said = client.get("/workers").json()
    assert said["count"] == 1
    assert [worker["admitted"] for worker in said["workers"]] == [True, False]
    assert said["workers"][1]["reason"]
    assert "address" not in json.dumps(said)
