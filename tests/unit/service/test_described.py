"""What the service says of itself is true: schemathesis asks for whatever its OpenAPI allows."""

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import booleans
from schemathesis import GenerationMode, checks
from support.service import BACKTEST, TOKEN, Idle, settings_in, work_off

from btkit.service.app import make_app
from btkit.storage import Store

CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.unsupported_method,
    checks.allow_header_conformance,
    checks.ignored_auth,
]
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """Give a service, and ids that it knows: of a run that is complete."""
    settings = settings_in(tmp_path_factory.mktemp("described"), api_token=TOKEN)
    app = make_app(Store.from_settings(settings), Idle(), settings)
    client = TestClient(app, base_url="http://127.0.0.1", headers=HEADERS)
    operation_id = client.post("/backtests/start", json=BACKTEST).json()["operation_id"]
    return app, {"operation_id": operation_id, "run_id": work_off(settings, operation_id)}


@pytest.mark.parametrize("mode", GenerationMode)
def test_every_answer_is_documented(known, mode, monkeypatch):
    app, ids = known
    # A report is made by a process of its own, for seconds.
    monkeypatch.setattr(app.state.service.pages, "page", lambda _id: b"<!DOCTYPE html>")
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, headers=HEADERS)
    asked = []
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(max_examples=10, phases=[Phase.generate], suppress_health_check=HealthCheck)
        @given(case=operation.as_strategy(generation_mode=mode), is_known=booleans())
        def ask(case, is_known):
            if "prefer" in (case.headers or {}):
                case.headers["prefer"] = "wait=0"
            if is_known and mode is GenerationMode.POSITIVE and case.method != "DELETE":
                case.path_parameters.update(
                    {name: ids[name] for name in case.path_parameters if name in ids}
                )
            case.call_and_validate(checks=CHECKS, headers=HEADERS)

        if mode is GenerationMode.POSITIVE or _can_be_wrong(operation):
            ask()
            asked.append(operation.label)
    assert {"POST /backtests/start", "GET /runs/{run_id}", "POST /session"} <= set(asked)


def _can_be_wrong(operation):
    return bool(operation.path_parameters or operation.query or operation.body)
