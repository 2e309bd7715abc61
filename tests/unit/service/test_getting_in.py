"""Nobody gets in without the token, from another site, as another host, or too much at once."""

import json
import re
import time

import pytest
from support.service import BACKTEST, TOKEN, settings_in

from btkit.errors import AccessError
from btkit.service.access import AccessRules, TokenBuckets

BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def guarded(served, tmp_path):
    return served(settings_in(tmp_path, api_token=TOKEN))


def problem(answer, status, kind):
    said = answer.json()
    assert answer.status_code == said["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert said["type"] == f"urn:btkit:error:{kind}"
    assert said["error_type"] == kind
    assert said["title"]
    assert said["detail"]
    assert said["hint"]
    return said


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer \u00ff\u0000".encode("latin-1")},
        {"Cookie": "btkit_session=9999999999.00"},
        {"Cookie": f"btkit_session={TOKEN}"},
    ],
)
def test_every_path_wants_the_token(guarded, headers):
    for path in guarded.get("/openapi.json", headers=BEARER).json()["paths"]:
        # Of workers, whose right is a lease.
        if path in {"/", "/health", "/session"} or path.startswith(("/lease", "/data")):
            continue
        asked = path.replace("{operation_id}", "x").replace("{run_id}", "x")
        for method in ("GET", "POST", "PUT", "DELETE"):
            answer = guarded.request(method, asked, headers=headers)
            assert answer.headers["www-authenticate"] == "Bearer"
            problem(answer, 401, "AccessError")
    assert guarded.get("/openapi.json", headers=headers).status_code == 401
    assert guarded.get("/nowhere", headers=headers).status_code == 401


def test_the_token_lets_in(guarded):
    assert guarded.get("/operations", headers=BEARER).status_code == 200
    assert guarded.get("/operations", headers={"Authorization": f"bearer {TOKEN}"}).is_success


def test_health_needs_none_and_tells_nothing(guarded, dispatcher):
    assert guarded.get("/health").json() == {"status": "ok"}
    dispatcher.alive = False
    answer = guarded.get("/health")
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable"})


def test_a_browser_signs_in(guarded):
    front = guarded.get("/")
    assert front.status_code == 401
    assert "Sign in" in front.text
    assert "/operations" not in front.text
    refused = guarded.post("/session", json={"token": "another"})
    problem(refused, 401, "AccessError")
    assert "set-cookie" not in refused.headers
    answer = guarded.post("/session", json={"token": TOKEN})
    assert answer.status_code == 204
    said = answer.headers["set-cookie"]
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= set(said.split("; "))
    assert TOKEN not in said
    assert guarded.get("/operations").status_code == 200
    assert "What was asked for?" in guarded.get("/").text
    guarded.delete("/session")
    assert guarded.get("/operations").status_code == 401


def test_a_session_ends():
    rules = AccessRules(b"token", is_local=True, most_bytes=1, per_minute=1)
    now = time.time()
    value = rules.new_session(now)
    assert rules.knows_session(value, now + 3600)
    assert not rules.knows_session(value, now + 24 * 3600)
    ends, _, signature = value.partition(".")
    assert not rules.knows_session(f"{int(ends) + 1}.{signature}", now)
    assert not AccessRules(b"new", is_local=True, most_bytes=1, per_minute=1).knows_session(
        value, now
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "::", "example.org"])  # noqa: S104 - of tests
def test_beyond_this_machine_there_is_no_way_without_a_token(served, tmp_path, host):
    with pytest.raises(AccessError, match="BT_API_TOKEN"):
        served(settings_in(tmp_path), host=host)
    with pytest.raises(AccessError, match="BT_API_TOKEN"):
        served(settings_in(tmp_path, api_token=" ".strip() or None), host=host)
    served(settings_in(tmp_path, api_token=TOKEN), host=host)


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1.example.org", "10.0.0.1:8432", ""])
def test_another_name_for_this_machine_is_refused(client, host):
    problem(client.get("/operations", headers={"Host": host}), 421, "AccessError")


@pytest.mark.parametrize("host", ["localhost:8432", "127.0.0.1", "[::1]:8432", "LOCALHOST"])
def test_its_own_names_are_not(client, host):
    assert client.get("/operations", headers={"Host": host}).status_code == 200


def test_with_a_token_the_host_may_be_any(guarded):
    asked = {**BEARER, "Host": "backtests.example.org"}
    assert guarded.get("/operations", headers=asked).status_code == 200


def test_pages_of_other_sites_send_nothing(client):
    origin = {"Origin": "https://example.org"}
    problem(client.post("/operations/x/cancel", headers=origin), 403, "AccessError")
    problem(client.delete("/operations/x", headers=origin), 403, "AccessError")
    problem(client.post("/backtests/start", json=BACKTEST, headers=origin), 403, "AccessError")
    assert client.get("/operations").json()["operations"] == []
    own = {"Origin": "http://127.0.0.1:8432"}
    assert client.post("/operations/x/cancel", headers=own).status_code == 404
    answer = client.options(
        "/backtests/start", headers={**origin, "Access-Control-Request-Method": "POST"}
    )
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "jsonx"])
def test_a_body_is_json(client, kind):
    for path in ("/backtests/start", "/backtests/resume", "/plan", "/session"):
        content = json.dumps(BACKTEST)
        answer = client.post(path, content=content, headers={"Content-Type": kind})
        problem(answer, 415, "UsageError")


def chunks(size):
    for _ in range(size // 1000):
        yield b" " * 1000


def test_a_body_has_a_bound(served, tmp_path):
    client = served(settings_in(tmp_path, max_request_bytes=5_000))
    headers = {"Content-Type": "application/json"}
    long = b'{"a": "' + b"x" * 5_000 + b'"}'
    problem(client.post("/backtests/start", content=long, headers=headers), 413, "UsageError")
    answer = client.post("/backtests/start", content=chunks(9_000), headers=headers)
    assert "content-length" not in answer.request.headers
    problem(answer, 413, "UsageError")
    said = {**headers, "Content-Length": "99999999999999999999"}
    problem(client.post("/backtests/start", content=b"{}", headers=said), 413, "UsageError")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        b'{"a": 1, "a": 2}',
        b'{"a": NaN}',
        b'{"a": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b'{"a": "\\ud800"}',
        b'{"kind": ["run"]}',
        b'{"kind": "run", "spec": 1}',
        b'{"kind": "batch", "jobs": [1, {"kind": "run"}]}',
        b'{"task_id": {"a": 1}}',
        b'{"spec": {"name": "\\u0000"}, "start_date": 5, "end_date": []}',
    ],
)
def test_whatever_comes_is_refused_in_words(client, body):
    for path in ("/backtests/start", "/backtests/resume", "/plan", "/session"):
        answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422, answer.text
        assert answer.json()["hint"]
        assert "Traceback" not in answer.text


def test_too_many_requests_are_refused_for_a_while(served, tmp_path):
    client = served(settings_in(tmp_path, requests_per_minute=60))
    statuses = [client.get("/health").status_code for _ in range(12)]
    assert statuses[:10] == [200] * 10
    assert 429 in statuses
    answer = client.get("/health")
    problem(answer, 429, "QueueFullError")
    assert int(answer.headers["retry-after"]) >= 1


def test_a_bucket_fills_again_and_is_each_ones_own():
    now = [0.0]
    buckets = TokenBuckets(60, clock=lambda: now[0])
    assert [buckets.wait_of("a") for _ in range(10)] == [0.0] * 10
    assert buckets.wait_of("a") == pytest.approx(1.0)
    assert buckets.wait_of("b") == 0.0
    now[0] = 1.0
    assert buckets.wait_of("a") == 0.0
    assert buckets.wait_of("a") > 0.0
    for number in range(20_000):
        buckets.wait_of(str(number))
    assert len(buckets._known) <= 10_000


def test_answers_are_closed_to_strangers(client):
    headers = client.get("/operations").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["cache-control"] == "no-store"


def test_the_page_runs_nothing_but_its_own(client):
    answer = client.get("/")
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert re.findall(r"script-src '(sha256-[^']+)';", policy)
    assert not re.findall(r"""(?:src|href)=["']?(?!/)\w+:""", answer.text)
