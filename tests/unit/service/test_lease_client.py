"""What a worker makes of a server's answers, and of none."""

from __future__ import annotations

import hashlib
import json

import httpx
import pytest

from btkit.errors import LeaseLostError, ServerError, StoreError
from btkit.jobs.pieces import Piece
from btkit.service.digests import content_digest
from btkit.service.lease_client import LeaseClient, is_temporary, persist
from btkit.settings import Settings
from btkit.writing import digest_of

PROBLEM = {"detail": "It is another worker's.", "hint": "Stop."}
SETTINGS = Settings.model_construct()


def client(answer, **settings):
    """Return a client of a server that answers as a function says; asked is what it was asked."""
    asked = []

    def hear(request):
        request.read()
        asked.append(request)
        return answer(request) if callable(answer) else answer

    found = LeaseClient(
        "http://server", "secret" * 8, settings=SETTINGS.model_copy(update=settings),
        transport=httpx.MockTransport(hear),
    )  # fmt: skip
    return found, asked


def test_a_beat_brings_its_token_and_hears_whether_to_stop():
    known, asked = client(httpx.Response(200, json={"stop": True}))
    assert known.beat(3, 10, "sets")
    assert json.loads(asked[0].content) == {"done": 3, "total": 10, "unit": "sets"}
    assert asked[0].headers["Authorization"] == f"Bearer {'secret' * 8}"


def test_what_is_handed_in_says_what_it_must_hash_to(tmp_path):
    path = tmp_path / "result"
    path.write_bytes(b"sets")
    known, asked = client(httpx.Response(204))
    known.put_result(path)
    known.put_parcel(path)
    assert [request.url.path for request in asked] == ["/lease/result", "/lease/parcel"]
    for request in asked:
        assert request.content == b"sets"
        assert request.headers["Content-Digest"] == content_digest(hashlib.sha256(b"sets").digest())
        assert request.headers["Content-Length"] == "4"


def test_a_parcel_is_fetched_if_there_is_one(tmp_path):
    path = tmp_path / "parcel"
    assert not client(httpx.Response(204))[0].fetch_parcel(path)
    assert client(httpx.Response(200, content=b"so far"))[0].fetch_parcel(path)
    assert path.read_bytes() == b"so far"


def test_a_content_is_fetched_with_its_piece(tmp_path):
    known, asked = client(httpx.Response(200, content=b"5", headers={"Btkit-Piece": "2/5/10"}))
    assert known.fetch_content(7, tmp_path / "content") == Piece(2, 5, 10)
    assert asked[0].url.path == "/lease/contents/7"


def test_a_failure_of_any_details_is_handed_in():
    known, asked = client(httpx.Response(204))
    known.put_failure({"details": {"x": float("nan"), "y": {1, 2}, "z": [float("inf")]}})
    said = json.loads(asked[0].content, parse_constant=pytest.fail)
    assert said == {"error": {"details": {"x": "NaN", "y": "{1, 2}", "z": ["Infinity"]}}}


def test_bars_are_those_that_were_asked_for():
    known, _ = client(httpx.Response(200, content=b"bars"))
    assert known.fetch_data(digest_of(b"bars")) == b"bars"
    with pytest.raises(ServerError, match="not those that were asked for"):
        known.fetch_data(digest_of(b"other bars"))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(200, content=b"<html>"), "neither to stop nor to go on"),
        (httpx.Response(200, json=[]), "neither to stop nor to go on"),
    ],
)
def test_an_answer_that_is_none_is_an_error_that_may_pass(answer, said):
    with pytest.raises(ServerError, match=said) as refused:
        client(answer)[0].beat(None, None, None)
    assert is_temporary(refused.value)
    assert refused.value.hint


def test_what_changed_on_the_way_is_not_taken(tmp_path):
    stated = {"Content-Digest": content_digest(bytes(32)), "Btkit-Piece": "0/0/1"}
    known, _ = client(httpx.Response(200, content=b"5", headers=stated))
    for fetch in (known.fetch_parcel, lambda path: known.fetch_content(0, path)):
        with pytest.raises(ServerError, match="not what was sent"):
            fetch(tmp_path / "content")
    nameless, _ = client(httpx.Response(200, content=b"5"))
    with pytest.raises(ServerError, match="of which piece"):
        nameless.fetch_content(0, tmp_path / "content")


def test_a_lease_that_is_gone_is_told_in_the_words_of_the_server():
    with pytest.raises(LeaseLostError, match="another worker's") as lost:
        client(httpx.Response(410, json=PROBLEM))[0].beat(None, None, None)
    assert lost.value.hint == "Stop."


@pytest.mark.parametrize(
    ("status", "passes"), [(401, False), (404, False), (413, False), (422, False), (429, True),
                           (500, True), (503, True), (507, True)]
)  # fmt: skip
def test_only_what_may_pass_is_tried_again(status, passes):
    known, asked = client(httpx.Response(status, content=b"<html>"))
    pauses = []
    with pytest.raises(ServerError) as refused:
        persist(lambda: known.beat(None, None, None), seconds=2.0, wait=pauses.append)
    assert refused.value.details == {"status": status}
    assert is_temporary(refused.value) is passes
    assert len(asked) == len(pauses) + 1
    assert pauses == ([0.2, 0.4, 0.8, 1.6] if passes else [])


def test_a_server_that_is_back_is_asked_again():
    away = iter([True, True, False])

    def answer(request):
        if next(away):
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(200, json={"stop": False})

    known, asked = client(answer)
    assert persist(lambda: known.beat(None, None, None), wait=lambda _: None) is False
    assert len(asked) == 3


def test_nobody_persists_when_the_lease_is_lost():
    known, asked = client(httpx.Response(410, json=PROBLEM))
    with pytest.raises(LeaseLostError):
        persist(lambda: known.beat(None, None, None))
    assert len(asked) == 1


def test_an_authority_that_cannot_be_read_is_named(tmp_path):
    settings = SETTINGS.model_copy(update={"tls_ca": tmp_path / "none.pem"})
    with pytest.raises(StoreError, match="BT_TLS_CA") as refused:
        LeaseClient("https://server", "secret", settings=settings)
    assert refused.value.hint
