"""What is stored is listed in pages, told once and for good, and shown."""

import json

import pytest
from support.service import BACKTEST, work_off

from btkit.errors import NoDataError
from btkit.jobs import load_document
from btkit.service.pages import make_page

NO_BARS = {"start_date": "2030-01-02", "end_date": "2030-12-31"}


@pytest.fixture
def run_id(client, settings):
    asked = client.post("/backtests/start", json=BACKTEST).json()
    return work_off(settings, asked["operation_id"])


def test_the_list_goes_on_where_it_ended(client, settings):
    ids = []
    for _ in range(3):
        asked = client.post("/backtests/start", json=BACKTEST).json()
        ids.append(work_off(settings, asked["operation_id"]))
    first = client.get("/runs", params={"page_size": 2}).json()
    # What comes in between moves nothing.
    asked = client.post("/backtests/start", json=BACKTEST).json()
    work_off(settings, asked["operation_id"])
    second = client.get(
        "/runs", params={"page_size": 2, "page_token": first["next_page_token"]}
    ).json()
    found = [run["run_id"] for page in (first, second) for run in page["runs"]]
    assert (found, second["next_page_token"]) == (ids[::-1], None)
    assert first["count"] == 2


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"symbol": "SPX"}, 200),
        ({"symbol": "no symbol"}, 422),
        ({"status": "complete", "kind": "run", "all": "true"}, 200),
        ({"status": "odd"}, 422),
        ({"parent": "0123456789abcdef"}, 404),
        ({"page_token": "x"}, 404),
        ({"page_size": "many"}, 422),
    ],
)
def test_filters(client, run_id, asked, status):
    answer = client.get("/runs", params=asked)
    assert answer.status_code == status
    if status == 200:
        assert [run["run_id"] for run in answer.json()["runs"]] == [run_id]


def test_a_run_is_told_for_good(client, run_id, settings):
    answer = client.get(f"/runs/{run_id}")
    assert answer.json() == load_document(run_id, settings=settings)
    assert "immutable" in answer.headers["cache-control"]
    again = client.get(f"/runs/{run_id}", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == answer.headers["etag"]
    other = client.get(f"/runs/{run_id}", headers={"If-None-Match": '"another"'})
    assert other.status_code == 200
    with_trades = client.get(f"/runs/{run_id}", params={"trades": "true"})
    assert len(with_trades.json()["trades"]) == answer.json()["trade_count"]
    assert with_trades.headers["etag"] != answer.headers["etag"]


def test_trades_come_in_pages(client, run_id):
    found, token = [], None
    while True:
        asked = {"page_size": 7} | ({} if token is None else {"page_token": token})
        page = client.get(f"/runs/{run_id}/trades", params=asked).json()
        found += page["trades"]
        token = page["next_page_token"]
        if token is None:
            break
    assert len(found) == page["total"] > 7
    assert found == client.get(f"/runs/{run_id}", params={"trades": "true"}).json()["trades"]


@pytest.mark.parametrize(
    "run_id", ["x", "123e4567-e89b-42d3-a456-426614174000", "0123456789abcdef"]
)
def test_what_is_not_there(client, run_id):
    for path in (f"/runs/{run_id}", f"/runs/{run_id}/trades", f"/runs/{run_id}/page"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["error_type"]) == (404, "RunNotFoundError")


@pytest.fixture
def pages(client, settings, monkeypatch):
    """Make reports in this process, which has begun already."""
    pages = client.app.state.service.pages
    monkeypatch.setattr(pages, "page", lambda job_id: make_page(job_id, settings))


def test_a_report_is_made_when_it_is_asked_for(client, run_id, settings, pages):
    assert not list(settings.report_dir.glob("*.html"))
    answer = client.get(f"/runs/{run_id}/page")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "crossing" in answer.text
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts")
    assert "default-src 'none'" in policy
    (kept,) = settings.report_dir.glob("*.html")
    assert kept.read_bytes() == answer.content
    tagged = {"If-None-Match": answer.headers["etag"]}
    assert client.get(f"/runs/{run_id}/page", headers=tagged).status_code == 304
    # A damaged one is made again.
    kept.write_text("<script>alert(1)</script>")
    assert client.get(f"/runs/{run_id}/page").status_code == 200
    assert "alert(1)" not in kept.read_text()


def test_what_is_not_complete_has_no_report(client, settings):
    asked = client.post("/backtests/start", json={**BACKTEST, **NO_BARS}).json()
    with pytest.raises(NoDataError) as failed:
        work_off(settings, asked["operation_id"])
    run_id = failed.value.run_id
    answer = client.get(f"/runs/{run_id}/page")
    assert (answer.status_code, answer.json()["error_type"]) == (409, "ConflictError")
    assert client.get(f"/runs/{run_id}").headers["cache-control"] == "private, no-cache"


def test_a_batch_has_an_index_that_leads_to_its_reports(client, settings, pages):
    job = {
        "kind": "run",
        "spec": BACKTEST["spec"],
        "symbol": "SPX",
        "start": "2010-01-04",
        "end": "2010-12-31",
        "source": "sample",
    }
    other = {**job, "start": "2030-01-02", "end": "2030-12-31"}
    asked = client.post("/backtests/start", json={"kind": "batch", "jobs": [job, other]}).json()
    batch_id = work_off(settings, asked["operation_id"])
    (line,) = (
        each
        for each in json.loads(client.get(f"/runs/{batch_id}").text)["results"]
        if "metrics" in each
    )
    answer = client.get(f"/runs/{batch_id}/page")
    assert f'href="/runs/{line["run_id"]}/page"' in answer.text
    assert "script" not in answer.headers["content-security-policy"]
