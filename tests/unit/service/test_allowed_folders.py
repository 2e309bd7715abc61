"""What a request names lies in a folder that it may name files of, wherever it is named."""

import json

import pytest
import yaml
from support.service import BACKTEST, STRATEGY, settings_in

from btkit.errors import UsageError
from btkit.service.folders import AllowedFolders

MODEL = {"name": "trained", "symbol": "SPX", "confidence_threshold": 0.5}
OUTSIDE = [
    "/etc/passwd",
    "../secret.yaml",
    "allowed/../secret.yaml",
    "allowed/link.yaml",
    "allowed/linked/secret.yaml",
    "~/secret.yaml",
    "secret.yaml",
    "allowed/\u0000.yaml",
    "allowed/" + "x" * 5_000 + ".yaml",
    "/proc/self/environ",
    "allowed/circle",
]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Give a working folder with an allowed one in it, and secrets beside that."""
    monkeypatch.chdir(tmp_path)
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    (tmp_path / "secret.yaml").write_text(yaml.safe_dump(STRATEGY))
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "secret.yaml").write_text(yaml.safe_dump(STRATEGY))
    (allowed / "mine.yaml").write_text(yaml.safe_dump(STRATEGY))
    (allowed / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (allowed / "linked").symlink_to(tmp_path / "secrets")
    (allowed / "circle").symlink_to(allowed / "circle")
    return tmp_path


@pytest.fixture
def client(served, place):
    return served(settings_in(place, allowed_dirs=str(place / "allowed")))


def asking(path):
    job = {"kind": "run", "symbol": "SPX", "start": "2010-01-04", "end": "2011-12-30"}
    spec = {**MODEL, "model_path": path}
    # A name without a slash is no path.
    named = path if "/" in path else f"./{path}"
    yield "/strategy_name", {**BACKTEST, "spec": None, "strategy_name": named}
    yield "/spec", {**job, "spec": path}
    yield "/path", {**job, "spec": STRATEGY, "path": path}
    yield "/format", {**job, "spec": STRATEGY, "format": path}
    yield "/model_path", {**job, "spec": MODEL, "model_path": path}
    yield "/model_path", {**BACKTEST, "model_path": path}
    yield "/spec/model_path", {**job, "spec": spec}
    yield "/spec/model_path", {**BACKTEST, "spec": spec}
    yield "/spec/models", {**job, "spec": {**MODEL, "models": path}}
    yield "/spec/models/2012-01-03", {**job, "spec": {**MODEL, "models": {"2012-01-03": path}}}
    classified = {"trend": path, "dated": {"2012-01-03": path}}
    yield "/spec/classifiers/trend", {**job, "spec": {**STRATEGY, "classifiers": classified}}
    held = {"trend": {"path": {"2012-01-03": path}, "allow_other": ["symbol"]}}
    yield "/spec/classifiers/trend/path/2012-01-03", {
        **job, "spec": {**STRATEGY, "classifiers": held},
    }  # fmt: skip
    jobs = [{**job, "spec": STRATEGY}, {**job, "spec": path}]
    yield "/jobs/1/spec", {"kind": "batch", "jobs": jobs}
    yield "/jobs/0/spec/model_path", {"kind": "batch", "jobs": [{**job, "spec": spec}]}


@pytest.mark.parametrize("path", OUTSIDE)
def test_nothing_outside_is_read_wherever_it_is_named(client, place, path):
    for pointer, body in asking(path):
        for asked in ("/backtests/start", "/plan"):
            answer = client.post(asked, json=body)
            said = answer.json()
            assert (answer.status_code, said["error_type"]) == (403, "AccessError"), (body, said)
            assert pointer in {each["pointer"] for each in said["details"]["problems"]}
            assert str(place) not in answer.text
            # Nothing tells whether it is there.
            assert "outside the folders allowed" in said["detail"]
    assert client.get("/operations").json()["operations"] == []


def test_what_lies_inside_is_read(client):
    body = {**BACKTEST, "spec": None, "strategy_name": "allowed/mine.yaml"}
    assert client.post("/backtests/start", json=body).status_code == 202
    assert client.post("/backtests/start", json={**body, "strategy_name": "mine"}).is_success
    assert client.post(
        "/backtests/start", json={**body, "strategy_name": "golden_cross"}
    ).is_success


def test_a_file_inside_names_nothing_outside(client, place):
    spec = {**MODEL, "model_path": "secrets"}
    (place / "allowed" / "model.yaml").write_text(yaml.safe_dump(spec))
    answer = client.post(
        "/backtests/start", json={**BACKTEST, "spec": None, "strategy_name": "model"}
    )
    assert answer.status_code == 403
    assert "/strategy_name/model_path" in json.dumps(answer.json())


def test_a_bundle_inside_has_no_file_from_outside(client, place):
    bundle = place / "allowed" / "bundle"
    bundle.mkdir()
    (bundle / "model.pt").symlink_to(place / "secret.yaml")
    spec = {**MODEL, "model_path": "allowed/bundle"}
    assert client.post("/backtests/start", json={**BACKTEST, "spec": spec}).status_code == 403


def test_a_bundle_that_is_found_by_name_lies_inside_as_well(client, place):
    answer = client.post("/backtests/start", json={**BACKTEST, "spec": MODEL})
    assert (answer.status_code, answer.json()["error_type"]) == (403, "AccessError")


def test_what_is_wrong_with_a_file_names_no_folder(client, place):
    (place / "allowed" / "bad.yaml").write_text("name: [")
    for name in ("allowed/bad.yaml", "allowed/none.yaml", str(place / "allowed" / "bad.yaml")):
        body = {**BACKTEST, "spec": None, "strategy_name": name}
        answer = client.post("/backtests/start", json=body)
        assert answer.status_code == 422
        assert str(place) not in answer.text


def test_by_default_strategies_and_models_of_the_working_folder_are_allowed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("BT_API_TOKEN=x")
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "a.yaml").write_text("name: a")
    folders = AllowedFolders.of(settings_in(tmp_path))
    assert folders.has("strategies/a.yaml")
    assert not folders.has(".env")
    assert not folders.has("results.db")
    assert {"a", "golden_cross", "spx_mlp"} <= set(folders.names())


def test_a_folder_that_is_none_is_refused(tmp_path):
    with pytest.raises(UsageError, match="BT_ALLOWED_DIRS names"):
        AllowedFolders.of(settings_in(tmp_path, allowed_dirs=f"{tmp_path}:{tmp_path}/none"))
