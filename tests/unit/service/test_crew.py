"""What of a worker may be shown."""

from __future__ import annotations

import json

from btkit.service.crew import WorkerInfo


def test_a_worker_is_shown_without_its_address_and_its_leases():
    worker = WorkerInfo(
        name="one", address="tls://127.0.0.1:1", threads=1, leases=("secret",), heard_s=0.12345
    )
    text = json.dumps(worker.to_document())
    assert "secret" not in text
    assert "127.0.0.1" not in text
    assert worker.to_document()["busy"] == 1
    assert worker.to_document()["heard_s"] == 0.123
