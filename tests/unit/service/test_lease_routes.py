"""What a lease is the right to, and what the server answers to anything else."""

from __future__ import annotations

import errno
import hashlib
import json
from dataclasses import dataclass

import pytest
from fastapi.testclient import TestClient

from btkit.service import lease_routes
from btkit.service.blobs import Blobs
from btkit.service.digests import content_digest
from btkit.service.problems import MEDIA_TYPE
from btkit.settings import Settings
from btkit.storage import FINISH, Piece, Store

ERROR = {"type": "NoDataError", "message": "None.", "hint": "Ask.", "retryable": False,
         "details": {}}  # fmt: skip
BARS = b"some bars"


@dataclass
class Server:
    store: Store
    settings: Settings
    http: TestClient

    def lease(self, sizes=None, *, bars=None, finishing=False):
        operation, _ = self.store.operations.submit({"kind": "run"}, kind="run")
        known = operation.operation_id
        self.store.operations.divide(known, sizes or {}, unit="sets")
        if finishing:
            while (piece := self.piece(known)) != FINISH:
                taken = self.store.operations.lease(known, piece, worker="one", seconds=60)
                self.store.operations.accept(taken.token, f"{piece.lo}".encode())
        piece = self.piece(known)
        return self.store.operations.lease(known, piece, worker="one", seconds=60, bars=bars)

    def piece(self, operation_id):
        return self.store.operations.next_piece(operation_id, size=5)

    def ask(self, method, place, lease, **sent):
        headers = {"Authorization": f"Bearer {lease.token}", **sent.pop("headers", {})}
        return self.http.request(method, place, headers=headers, **sent)


@pytest.fixture
def server(settings, served):
    with served(settings) as http:
        yield Server(Store.from_settings(settings), settings, http)


def test_a_beat_says_how_far_it_is_and_hears_when_to_stop(server):
    lease = server.lease()
    said = {"done": 20, "total": 50, "unit": "bars"}
    assert server.ask("POST", "/lease/beat", lease, json=said).json() == {"stop": False}
    known = server.store.operations.get(lease.operation_id)
    assert (known.done, known.total, known.unit) == (20, 50, "bars")
    server.store.operations.request_cancel(lease.operation_id)
    assert server.ask("POST", "/lease/beat", lease, json={}).json() == {"stop": True}


def test_a_result_is_taken_once_and_asked_again_it_is_taken_all_the_same(server):
    lease = server.lease({0: 5})
    for _ in range(2):
        assert server.ask("PUT", "/lease/result", lease, content=b"sets").status_code == 204
    path = server.store.operations.files.path_of(lease.operation_id, Piece(0, 0, 5))
    assert path.read_bytes() == b"sets"
    assert server.ask("POST", "/lease/beat", lease, json={}).status_code == 410
    assert not list((server.settings.service_dir / "incoming").iterdir())


def test_a_parcel_is_there_for_whoever_goes_on(server):
    lease = server.lease()
    assert server.ask("GET", "/lease/parcel", lease).status_code == 204
    assert server.ask("PUT", "/lease/parcel", lease, content=b"so far").status_code == 204
    answer = server.ask("GET", "/lease/parcel", lease)
    assert (answer.status_code, answer.content) == (200, b"so far")
    assert answer.headers["Content-Digest"] == content_digest(hashlib.sha256(b"so far").digest())


def test_a_failure_ends_the_operation_with_its_error(server):
    lease = server.lease()
    assert server.ask("PUT", "/lease/failure", lease, json={"error": ERROR}).status_code == 204
    (ending,) = server.store.operations.endings()
    assert (ending.status, ending.error) == ("failed", ERROR)


def test_who_finishes_gets_every_content_with_its_piece(server):
    lease = server.lease({0: 12}, finishing=True)
    found = [server.ask("GET", f"/lease/contents/{number}", lease) for number in range(4)]
    assert [answer.content for answer in found[:3]] == [b"0", b"5", b"10"]
    assert [answer.headers["Btkit-Piece"] for answer in found[:3]] == ["0/0/5", "0/5/10", "0/10/12"]
    assert found[3].status_code == 404


def test_a_lease_shows_the_bars_of_its_piece_and_no_others(server):
    blobs = Blobs.from_settings(server.settings)
    own, other = blobs.keep(BARS), blobs.keep(b"bars of somebody else")
    lease = server.lease(bars=own)
    assert server.ask("GET", f"/data/{own}", lease).content == BARS
    assert server.ask("GET", f"/data/{other}", lease).status_code == 404
    # What is damaged would be asked for again and again.
    blobs.path_of(own).write_bytes(BARS.swapcase())
    assert server.ask("GET", f"/data/{own}", lease).status_code == 404
    blobs.keep(BARS)
    assert server.ask("GET", f"/data/{own}", lease).status_code == 200
    blobs.remove(own)
    assert server.ask("GET", f"/data/{own}", lease).status_code == 404


PLACES = [
    ("POST", "/lease/beat", {"json": {}}),
    ("GET", "/lease/parcel", {}),
    ("PUT", "/lease/parcel", {"content": b"so far"}),
    ("PUT", "/lease/result", {"content": b"sets"}),
    ("PUT", "/lease/failure", {"json": {"error": ERROR}}),
    ("GET", "/lease/contents/0", {}),
    ("GET", f"/data/{'0' * 64}", {}),
]


@pytest.mark.parametrize(("method", "place", "sent"), PLACES)
def test_without_a_lease_there_is_nothing(server, method, place, sent):
    lease = server.lease({0: 5})
    server.store.operations.withdraw(lease.lease_id)
    lost = server.ask(method, place, lease, **sent)
    none = server.http.request(method, place, **sent)
    for answer, status, kind in [(lost, 410, "LeaseLostError"), (none, 401, "AccessError")]:
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, MEDIA_TYPE)
        assert answer.json()["error_type"] == kind
        assert answer.json()["hint"]
    assert none.headers["WWW-Authenticate"] == "Bearer"


def test_a_piece_of_sets_keeps_no_parcel_and_finishes_nothing(server):
    lease = server.lease({0: 5})
    assert server.ask("GET", "/lease/contents/0", lease).status_code == 410


DEEP = b'{"error": {"details": ' + b"[" * 50_000


@pytest.mark.parametrize(
    ("method", "place", "body"),
    [
        ("POST", "/lease/beat", b""),
        ("POST", "/lease/beat", b"[]"),
        ("POST", "/lease/beat", b'{"done": -1}'),
        ("POST", "/lease/beat", b'{"done": true}'),
        ("POST", "/lease/beat", b'{"done": 1e400}'),
        ("POST", "/lease/beat", b'{"done": 99999999999999999999999}'),
        ("POST", "/lease/beat", b'{"done": 1, "further": 2}'),
        ("POST", "/lease/beat", b'{"unit": "\\ud800"}'),
        ("PUT", "/lease/failure", b'{"error": {"type": "../x"}}'),
        ("PUT", "/lease/failure", DEEP),
        (
            "PUT",
            "/lease/failure",
            json.dumps({"error": {**ERROR, "details": {"x": float("nan")}}}).encode(),
        ),
    ],
)
def test_a_body_that_is_none_is_refused_with_what_is_wrong(server, method, place, body):
    lease = server.lease()
    answer = server.ask(method, place, lease, content=body)
    assert (answer.status_code, answer.headers["Content-Type"]) == (422, MEDIA_TYPE)
    assert answer.json()["details"]["problems"]
    assert server.ask("POST", "/lease/beat", lease, json={}).status_code == 200


@pytest.mark.parametrize(
    ("place", "most"), [("/lease/failure", "_MOST_FAILURE"), ("/lease/result", "MOST_UPLOAD")]
)
@pytest.mark.parametrize("is_stated", [True, False])
def test_a_body_that_is_too_long_is_refused_whether_or_not_it_says_so(
    server, monkeypatch, place, most, is_stated
):
    monkeypatch.setattr(lease_routes, most, 10)
    lease = server.lease()
    body = b"x" * 11 if is_stated else iter([b"x" * 6, b"x" * 5])
    answer = server.ask("PUT", place, lease, content=body)
    assert (answer.status_code, answer.headers["Content-Type"]) == (413, MEDIA_TYPE)
    assert not list(server.settings.service_dir.glob("incoming/*"))


def test_nothing_is_no_result(server):
    lease = server.lease({0: 5})
    assert server.ask("PUT", "/lease/result", lease).status_code == 422
    assert server.ask("PUT", "/lease/parcel", lease).status_code == 422
    assert server.ask("PUT", "/lease/result", lease, content=b"sets").status_code == 204


def test_of_whoever_has_no_lease_nothing_is_read(server, monkeypatch):
    lease = server.lease({0: 5})
    server.store.operations.withdraw(lease.lease_id)
    monkeypatch.setattr(lease_routes, "_chunks", lambda _: pytest.fail("it was read"))
    for place in ("/lease/result", "/lease/parcel"):
        assert server.ask("PUT", place, lease, content=b"sets").status_code == 410


def test_what_changed_on_the_way_is_not_taken(server):
    lease = server.lease({0: 5})
    headers = {"Content-Digest": content_digest(hashlib.sha256(b"sets").digest())}
    changed = server.ask("PUT", "/lease/result", lease, content=b"sats", headers=headers)
    assert changed.status_code == 422
    assert server.ask("PUT", "/lease/result", lease, content=b"sets", headers=headers).is_success


@pytest.mark.parametrize(("number", "status"), [(errno.ENOSPC, 507), (errno.EACCES, 500)])
def test_what_cannot_be_written_is_still_the_workers(server, monkeypatch, number, status):
    lease = server.lease({0: 5})

    def full(*_arguments, **_options):
        raise OSError(number, "No.")

    with monkeypatch.context() as patch:
        patch.setattr(lease_routes, "writing_aside", full)
        answer = server.ask("PUT", "/lease/result", lease, content=b"sets")
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, MEDIA_TYPE)
    assert str(server.settings.service_dir) not in answer.text
    assert server.ask("PUT", "/lease/result", lease, content=b"sets").status_code == 204


def test_every_answer_is_documented(server):
    document = server.http.get("/openapi.json").json()
    for method, place, _ in PLACES:
        template = place.replace("/0", "/{number}").replace("0" * 64, "{sha256}")
        template = "/data/{sha256}" if template.startswith("/data") else template
        known = document["paths"][template][method.lower()]
        assert {"401", "410"} <= known["responses"].keys()
        assert known["security"] == [{"lease": []}]
        assert ("requestBody" in known) == (method != "GET")
    assert "$ref" not in json.dumps(document["paths"]["/lease/failure"]["put"]["requestBody"])
