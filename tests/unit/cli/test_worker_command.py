"""What `backtest worker` refuses, and what its check answers; the processes are tests/service's."""

from __future__ import annotations

import pytest

from btkit.service import extra, golden


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"BT_DASK_SCHEDULER": "tcp://10.1.2.3:8786"}, "can run any code"),
        ({"BT_DASK_SCHEDULER": "tls://10.1.2.3:8786"}, "BT_TLS_CERT, BT_TLS_KEY, BT_TLS_CA"),
        ({"BT_SERVICE_DIR": "nowhere"}, "no scheduler to join"),
    ],
)
def test_a_worker_that_cannot_be_safe_or_finds_nobody_does_not_start(
    backtest, monkeypatch, environment, said
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    code, document, _ = backtest("worker")
    assert (code, document["error"]["type"]) == (2, "UsageError")
    assert said in document["error"]["message"]


def test_without_the_extra_it_says_what_to_install(backtest, monkeypatch):
    monkeypatch.setattr(extra, "find_spec", lambda name: None if name == "distributed" else name)
    code, document, _ = backtest("worker")
    assert code == 2
    assert document["error"]["hint"].endswith("pip install 'btkit[service]'")


@pytest.mark.parametrize(("status", "expected"), [("equal", 0), ("last_bits", 1), ("different", 1)])
def test_the_check_says_how_many_parts_are_as_known(backtest, monkeypatch, status, expected):
    parts = {"data": "equal", "rules": status}
    found = {"passed": status == "equal", "parts": parts, "versions": {}, "differences": {}}
    monkeypatch.setattr(golden, "check_golden", lambda: found)
    code, document, said = backtest("worker", "--check")
    assert (code, document) == (expected, found)
    assert f"{2 - expected} of 2 parts equal" in said
