"""What an operation is made ready with, and what of it stays when that is another by then."""

from __future__ import annotations

import pytest
from support.classifiers import reading, regime_bundle
from support.divided import prepared
from support.service import settings_in

from btkit.errors import StoreFullError
from btkit.jobs.job import JOB
from btkit.jobs.pieces import DIVISIONS, Piece
from btkit.service import undertaking
from btkit.service.bar_store import BarStore
from btkit.service.undertaking import Undertaking
from btkit.service.versions import fingerprint
from btkit.storage import Store

RANGE = {"symbol": "SPX", "start": "2012-03-01", "end": "2013-12-31", "source": "sample"}


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return settings_in(tmp_path / "server").model_copy(update={"minio_endpoint": None})


class Server:
    """One server after the other, each of which makes the operation ready."""

    def __init__(self, settings, job):
        self.settings, self.store = settings, Store.from_settings(settings)
        asked, _ = self.store.operations.submit(job.to_json(), kind=job.kind, operation_id="one")
        self.asked = asked.asked

    def start(self):
        bars = BarStore(self.settings)
        return Undertaking.of(self.asked, self.store, bars, DIVISIONS, self.settings)

    def done(self):
        return self.store.operations.get("one").done

    def bring(self, size=2):
        piece = self.store.operations.next_piece("one", size=size)
        lease = self.store.operations.lease("one", piece, worker="ann", seconds=60)
        self.store.operations.accept(lease.token, b"content")


def batch_of(settings, ranges):
    spec = {
        "name": "dip", "entry_conditions": ["close < sma_20"], "exit_conditions": [],
        "stop_conditions": [], "position_sizing_formula": "10",
    }  # fmt: skip
    jobs = [{"kind": "run", "spec": spec, **where} for where in ranges]
    return Server(settings, JOB.validate_python({"kind": "batch", "jobs": jobs}))


@pytest.fixture
def search(settings, tmp_path):
    spec = reading(
        regime_bundle(tmp_path / "regime", seed=6),
        parameters={"n": 10},
        entry_conditions=['regime == "TRENDING_DOWN" or close > sma_{n}'],
    )
    job = prepared(settings, kind="sweep", spec=spec, **RANGE, parameters={"n": [5, 10, 20, 30]})
    return Server(settings, job)


def test_pieces_of_two_models_are_not_put_together(search, tmp_path, caplog):
    search.start()
    search.bring()
    search.start()
    assert search.done() == 2
    assert "begins again" not in caplog.text
    regime_bundle(tmp_path / "regime", seed=7)
    search.start()
    assert search.done() == 0
    assert "Operation one begins again" in caplog.text


def test_pieces_of_two_codes_are_not_put_together(search, monkeypatch):
    search.start()
    search.bring()
    changed = {**fingerprint(), "code": "0" * 64}
    monkeypatch.setattr(undertaking, "fingerprint", lambda: changed)
    search.start()
    assert search.done() == 0


def test_what_a_server_cannot_load_its_order_says(settings):
    here = {**RANGE, "symbol": "HERE", "source": "files"}
    batch = batch_of(settings, [RANGE, here])
    taken, bars = batch.start(), BarStore(settings)
    there, missing = (taken.load_piece(Piece(0, at, at + 1), bars, settings) for at in (0, 1))
    assert (there.bars is None, there.no_bars) == (False, None)
    assert (missing.bars, missing.no_bars["type"]) == (None, "SourceError")


def test_a_disk_that_is_full_is_no_error_of_a_job(settings, monkeypatch):
    def full(*_given):
        raise StoreFullError("Full.", hint="Make space.")

    batch = batch_of(settings, [RANGE])
    taken, bars = batch.start(), BarStore(settings)
    monkeypatch.setattr(bars.blobs, "keep", full)
    with pytest.raises(StoreFullError):
        taken.load_piece(Piece(0, 0, 1), bars, settings)


def test_jobs_of_a_batch_are_of_one_code(settings, monkeypatch):
    batch = batch_of(settings, [RANGE] * 3)
    batch.start()
    batch.bring(1)
    batch.start()
    assert batch.done() == 1
    monkeypatch.setattr(undertaking, "fingerprint", dict)
    batch.start()
    assert batch.done() == 0
