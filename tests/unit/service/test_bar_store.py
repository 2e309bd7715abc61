"""Bars that the server keeps for workers are those that the job itself would load."""

from __future__ import annotations

from support.small_models import SLOWER, write_bundle

from btkit.data.packed import unpack_bars
from btkit.jobs import execute
from btkit.jobs.asking import make_job
from btkit.jobs.job import RunJob
from btkit.jobs.prepare import prepare
from btkit.service.bar_store import BarStore
from btkit.settings import Settings

RULES = {
    "name": "beside",
    "entry_conditions": ["close > sma_20"],
    "stop_conditions": [],
    "position_sizing_formula": "10",
}


def test_bars_are_loaded_again_for_a_bundle_that_reads_more(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = Settings(_env_file=None, data_source="sample", service_dir=tmp_path / "service")
    store = BarStore(settings)
    first = {}
    for name, changes in (("plain", {}), ("slow", SLOWER), ("plain again", {})):
        path = write_bundle(tmp_path / name, **changes)
        asked = {
            "spec": {"name": "m", "model_path": str(path)},
            "symbol": "SPX",
            "start": "2015-01-08",
            "end": "2015-06-30",
        }
        job = prepare(make_job(RunJob, asked, settings=settings), settings=settings)
        kept = store.blobs.path_of(store.keep(job)).read_bytes()
        first[name] = str(unpack_bars(kept).bars.index[0].date())
    # Of months all there are; of days 2,000 before the first.
    assert first["slow"] == "1999-01-04"
    assert first["plain"] == first["plain again"] > "2007-01-01"


def test_bars_that_are_damaged_are_not_kept_any_more(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = BarStore(Settings(_env_file=None, service_dir=tmp_path / "service"))
    sha256 = store.blobs.keep(b"bars")
    assert store.blobs.has(sha256)
    store.blobs.path_of(sha256).write_bytes(b"bArs")
    assert not store.blobs.has(sha256)


def test_bars_of_other_instruments_travel_with_those_of_the_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = Settings(_env_file=None, data_source="sample", service_dir=tmp_path / "service")
    store = BarStore(settings)
    found = {}
    for name, exits in (
        ("none", ["close < sma_200"]),
        ("IXIC", ['of("IXIC", close < sma_50)']),
        ("IXIC and its VIX", ['of("IXIC", close < sma_50 and vix > 20)']),
    ):
        asked = {
            "spec": {**RULES, "exit_conditions": exits},
            "symbol": "SPX",
            "start": "2016-01-04",
            "end": "2017-12-29",
        }
        job = prepare(make_job(RunJob, asked, settings=settings), settings=settings)
        there = unpack_bars(store.blobs.path_of(store.keep(job)).read_bytes())
        found[name] = {symbol: "vix" in bars for symbol, bars in there.others.items()}
        far, here = (
            execute(job, settings=settings, bars=bars, store=False) for bars in (there, None)
        )
        assert far.equity.equals(here.equity)
    assert found == {"none": {}, "IXIC": {"IXIC": False}, "IXIC and its VIX": {"IXIC": True}}
