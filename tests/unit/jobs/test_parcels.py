"""Jobs that go from one store to another in a parcel."""

from __future__ import annotations

import json
import zipfile
from contextlib import contextmanager
from datetime import date

import numpy as np
import pytest
from support.random_bars import crossover

from btkit.errors import BtkitError, ConflictError, CorruptFileError, InterruptedRunError
from btkit.jobs import delete, list_runs, load_document, load_run, resume, verify
from btkit.jobs.checking import check
from btkit.jobs.dispatch import HANDLERS, execute
from btkit.jobs.job import BatchJob, OptionsJob, RunJob, SweepJob, WalkForwardJob
from btkit.settings import Settings
from btkit.shipped import shipped
from btkit.storage import Part, Store
from btkit.storage.parcels import pack_job, unpack_job
from btkit.storage.unpacking import MOST_BYTES

AXES = {"fast": [3, 5, 8, 13], "slow": [10, 21, 34]}
RANGE = {"symbol": "SPX", "start": date(2014, 1, 2), "end": date(2015, 6, 30)}
SPREADS = shipped("strategies") / "vrp_short_put_spread.json"


def rule_job(**changes):
    return RunJob(spec=crossover(), **{**RANGE, **changes})


JOBS = {
    "run": rule_job(),
    "options-sim": OptionsJob(spec=json.loads(SPREADS.read_text(encoding="utf-8")), **RANGE),
    "walk-forward": WalkForwardJob(spec=crossover(), windows=2, optimize=AXES, **RANGE),
    "sweep": SweepJob(spec=crossover(), parameters=AXES, **RANGE),
    "batch": BatchJob(jobs=[rule_job(), rule_job(capital=50_000.0)]),
}


def make_settings(folder, **changes):
    return Settings(
        db_path=folder / "results.db",
        curve_dir=folder / "curves",
        report_dir=folder / "reports",
        service_dir=folder / "service",
        data_source="sample",
        min_trades_required=3,
        minio_endpoint=None,
        **changes,
    )


@pytest.fixture
def there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no .env of the project
    return make_settings(tmp_path / "scratch é")


@pytest.fixture
def here(tmp_path):
    return make_settings(tmp_path / "kept & safe")


@pytest.fixture
def packed(there, tmp_path):
    def pack(job_id):
        return pack_job(Store.from_settings(there), job_id, there, tmp_path / "job.parcel")

    return pack


def unpack(parcel, settings, **given):
    return unpack_job(parcel, Store.from_settings(settings), settings, **given)


def moved(value, there, here):
    text = json.dumps(value, ensure_ascii=False)
    for name in ("curve_dir", "report_dir"):
        old, new = getattr(there, name), getattr(here, name)
        text = text.replace(old.as_uri(), new.as_uri()).replace(str(old), str(new))
    return json.loads(text)


@pytest.mark.parametrize("kind", JOBS)
def test_an_unpacked_job_is_the_job(there, here, packed, kind):
    job_id = HANDLERS[kind].id_of(execute(JOBS[kind], settings=there))
    parcel = packed(job_id)
    assert unpack(parcel, here) == job_id
    listed = list_runs(settings=there, limit=100, everything=True)
    assert moved(listed, there, here) == list_runs(settings=here, limit=100, everything=True)
    for entry in listed:
        document = load_document(entry["run_id"], trades=True, settings=there)
        assert moved(document, there, here) == load_document(
            entry["run_id"], trades=True, settings=here
        )
    assert str(there.report_dir.parent) not in json.dumps(list_runs(settings=here))
    checked = check(settings=here)
    assert (checked["passed"], checked["unverified"]["count"]) == (True, 0)
    for entry in listed:
        if entry["kind"] in ("run", "options-sim") and entry["parent_id"] is None:
            assert verify(entry["run_id"], settings=here)["reproduced"]
    # A second time nothing is there twice.
    assert unpack(parcel, here, replaces=job_id) == job_id
    assert len(list_runs(settings=here, limit=100, everything=True)) == len(listed)


class StopAt:
    """Progress that breaks the work off when so much is done."""

    def __init__(self, place):
        self.place = place

    @contextmanager
    def stage(self, _name):
        yield lambda _text: None

    def count(self, done, _total, _unit):
        if done >= self.place:
            raise KeyboardInterrupt


def break_off(job, settings, place):
    with pytest.raises((KeyboardInterrupt, InterruptedRunError)):
        execute(job, settings=settings, progress=StopAt(place))
    return list_runs(settings=settings)[0]["run_id"]


def test_a_cancelled_run_goes_on_where_it_went(there, here, packed, monkeypatch):
    monkeypatch.setenv("BT_CHECKPOINT_BARS", "50")
    there = there.model_copy(update={"checkpoint_bars": 50})
    unbroken = execute(rule_job(), settings=there)
    run_id = break_off(rule_job(), there, 150)
    unpack(packed(run_id), here)
    entry = list_runs(settings=here)[0]
    assert (entry["status"], entry["resumable"]) == ("cancelled", True)
    with Store.from_settings(here).database.open() as connection:
        row = connection.execute("SELECT type, bar_index FROM backtest_checkpoints").fetchone()
    assert row["type"] == "cancellation"
    assert row["bar_index"] > 0
    resume(run_id, settings=here)
    gone_on, whole = (
        load_run(known, settings=settings)
        for known, settings in ((run_id, here), (unbroken.run_id, there))
    )
    assert gone_on.trades.equals(whole.trades)
    assert gone_on.curve.equals(whole.curve)
    # What is complete is not replaced by what came before.
    before = load_document(run_id, settings=here)
    unpack(packed(run_id), here, replaces=run_id)
    assert load_document(run_id, settings=here) == before


def test_what_is_further_is_not_replaced_by_what_is_less_far(there, here, packed):
    there, here = (one.model_copy(update={"checkpoint_bars": 50}) for one in (there, here))
    run_id = break_off(rule_job(), there, 100)
    jobs = Store.from_settings(here).jobs
    unpack(packed(run_id), here)
    before = jobs.load_checkpoint(run_id).bar_index
    with pytest.raises((KeyboardInterrupt, InterruptedRunError)):
        resume(run_id, settings=here, progress=StopAt(250))
    further = jobs.load_checkpoint(run_id).bar_index
    assert further > before
    assert unpack(packed(run_id), here, replaces=run_id, ended=("failed", "It broke.")) == run_id
    assert jobs.load_checkpoint(run_id).bar_index == further
    assert list_runs(settings=here)[0]["status"] == "cancelled"
    with pytest.raises((KeyboardInterrupt, InterruptedRunError)):
        resume(run_id, settings=there, progress=StopAt(350))
    unpack(packed(run_id), here, replaces=run_id)
    assert jobs.load_checkpoint(run_id).bar_index > further


def test_a_batch_with_more_of_its_jobs_is_further(there, here, packed):
    batch = BatchJob(jobs=[rule_job(), rule_job(capital=50_000.0)])
    batch_id = execute(batch, settings=there).batch_id
    for settings in (there, here):
        if settings is here:
            unpack(packed(batch_id), here)
        with Store.from_settings(settings).database.change() as connection:
            connection.execute(
                "UPDATE btkit_jobs SET status = 'cancelled', document = NULL WHERE job_id = ?",
                (batch_id,),
            )
    (first, _) = list_runs(parent=batch_id, settings=there)
    delete(first["run_id"], settings=there)
    unpack(packed(batch_id), here, replaces=batch_id)
    assert len(list_runs(parent=batch_id, settings=here)) == 2


def test_the_sets_of_a_search_that_broke_off_travel_with_it(there, here, packed):
    pytest.importorskip("optuna")
    job = SweepJob(spec=crossover(), parameters=AXES, method="optuna", samples=9, **RANGE)
    sweep_id = break_off(job, there, 5)
    unpack(packed(sweep_id), here)
    (folder,) = here.report_dir.glob(".*.parts")
    assert len(list(folder.glob("*.parquet"))) == 1
    resume(sweep_id, settings=here)
    assert not folder.exists()
    table = load_document(sweep_id, settings=here)
    whole = execute(job, settings=there)
    assert table["best"]["parameters"] == dict(whole.best_spec.parameters)


def test_a_run_can_become_a_part(there, here, packed):
    run_id = execute(rule_job(), settings=there).run_id
    batch_id = execute(JOBS["batch"], settings=here).batch_id
    unpack(packed(run_id), here, part=Part(batch_id, 3))
    parts = list_runs(parent=batch_id, settings=here)
    assert [entry["run_id"] for entry in parts][2] == run_id


def test_another_jobs_id_is_not_taken(there, here, packed):
    run_id = execute(rule_job(), settings=there).run_id
    unpack(packed(run_id), here)
    before = load_document(run_id, settings=here)
    with pytest.raises(ConflictError):
        unpack(packed(run_id), here)
    with pytest.raises(ConflictError):
        unpack(packed(run_id), here, replaces="0" * 16)
    assert load_document(run_id, settings=here) == before


def entries_of(parcel):
    with zipfile.ZipFile(parcel) as file:
        return {name: file.read(name) for name in file.namelist()}


def rewritten(parcel, change):
    entries = entries_of(parcel)
    change(entries)
    with zipfile.ZipFile(parcel, "w") as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return parcel


def in_line(name, **changes):
    def change(entries):
        first, *others = entries[name].splitlines()
        entry = {**json.loads(first), **changes}
        entries[name] = b"\n".join([json.dumps(entry).encode(), *others, b""])

    return change


def in_manifest(**changes):
    def change(entries):
        manifest = {**json.loads(entries["parcel.json"]), **changes}
        entries["parcel.json"] = json.dumps(manifest).encode()

    return change


def without(name):
    return lambda entries: entries.pop(name)


def with_file(**changes):
    def change(entries):
        job_id = json.loads(entries["parcel.json"])["job_id"]
        entry = {"owner": job_id, "kind": "json", "name": f"{job_id}.json"}
        fields = {name: text.replace("ID", job_id) for name, text in changes.items()}
        entries["files.jsonl"] = json.dumps({**entry, **fields}).encode() + b"\n"
        entries["files/0"] = b"{}"

    return change


FORGED = {
    "no manifest": without("parcel.json"),
    "no rows": without("rows/backtest_trades.jsonl"),
    "another version": in_manifest(schema=3),
    "another id": in_manifest(job_id="0123456789abcdef"),
    "an id that is none": in_manifest(job_id="../../etc"),
    "relative folders": in_manifest(folders={"curves": "a", "reports": "b", "database": "c"}),
    "lacking folders": in_manifest(folders={}),
    "no JSON": lambda entries: entries.update({"rows/btkit_jobs.jsonl": b"{\n"}),
    "no object": lambda entries: entries.update({"rows/btkit_jobs.jsonl": b"[]\n"}),
    "no end of a line": lambda entries: entries.update({"rows/btkit_jobs.jsonl": b"{}"}),
    "an unknown column": in_line("rows/backtest_runs.jsonl", further="x"),
    "a column of SQL": in_line("rows/backtest_runs.jsonl", **{"run_id) VALUES (1); --": 1}),
    "text for a number": in_line("rows/backtest_runs.jsonl", initial_capital="much"),
    "true for a number": in_line("rows/backtest_runs.jsonl", passed=True),
    "a number for a text": in_line("rows/backtest_runs.jsonl", strategy_name=5),
    "an endless number": in_line("rows/backtest_runs.jsonl", initial_capital=float("inf")),
    "a number of no end": in_line("rows/backtest_trades.jsonl", bars_held=10**40),
    "a missing value": in_line("rows/backtest_runs.jsonl", strategy_name=None),
    "an unknown status": in_line("rows/btkit_jobs.jsonl", status="done"),
    "an owner that is at work": in_line("rows/btkit_jobs.jsonl", status="running", run_id="x"),
    "another run's trades": in_line("rows/backtest_trades.jsonl", run_id="0" * 16),
    "a report that is none": in_line("rows/backtest_runs.jsonl", report="[1]"),
    "a request that is none": in_line("rows/btkit_jobs.jsonl", request="1"),
    "a path upwards": with_file(name="../ID.json"),
    "an absolute path": with_file(name="/etc/ID.json"),
    "another job's file": with_file(name="index.json"),
    "another job's owner": with_file(owner="0123456789abcdef"),
    "a way round": with_file(name="ID-top/../../x.json"),
    "a hidden file": with_file(name="ID-top/.x.json"),
    "a kind of file that is none": with_file(kind="program"),
    "a curve among files": with_file(kind="curve"),
    "sets elsewhere": with_file(kind="sets", name=".ssh/authorized_keys"),
    "sets of another name": with_file(kind="sets", name=".0123456789abcdef.parts/x.parquet"),
    "a file that is not there": lambda entries: (
        with_file()(entries), entries.pop("files/0"),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def parcel_of_a_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    settings = make_settings(folder)
    run_id = execute(rule_job(source="sample"), settings=settings).run_id
    path = pack_job(Store.from_settings(settings), run_id, settings, folder / "job.parcel")
    return path.read_bytes()


@pytest.mark.parametrize("forgery", FORGED)
def test_what_no_store_packs_is_refused_and_leaves_nothing(
    here, tmp_path, parcel_of_a_run, forgery
):
    parcel = tmp_path / "job.parcel"
    parcel.write_bytes(parcel_of_a_run)
    rewritten(parcel, FORGED[forgery])
    with pytest.raises(CorruptFileError):
        unpack(parcel, here)
    assert list_runs(settings=here, everything=True) == []
    left = [path for path in here.db_path.parent.rglob("*") if path.is_file()]
    assert [path for path in left if not path.name.startswith("results.db")] == []


@pytest.mark.parametrize("content", [b"", b"PK", b"x" * 5_000, "cut", "flipped"])
def test_what_is_no_zip_is_refused(here, tmp_path, parcel_of_a_run, content):
    whole = parcel_of_a_run
    broken = {"cut": whole[:-200], "flipped": whole[:900] + b"\xff\x00\xff" + whole[903:]}
    parcel = tmp_path / "job.parcel"
    parcel.write_bytes(content if isinstance(content, bytes) else broken[content])
    with pytest.raises(BtkitError):
        unpack(parcel, here)
    assert list_runs(settings=here, everything=True) == []


def test_a_bomb_is_refused_before_it_is_read(here, tmp_path, parcel_of_a_run, monkeypatch):
    parcel = tmp_path / "job.parcel"
    parcel.write_bytes(parcel_of_a_run)
    monkeypatch.setattr("btkit.storage.unpacking.MOST_BYTES", 10_000)
    with pytest.raises(CorruptFileError, match="too large"):
        unpack(parcel, here)
    monkeypatch.setattr("btkit.storage.unpacking.MOST_BYTES", MOST_BYTES)
    monkeypatch.setattr("btkit.storage.unpacking._LONGEST_LINE", 500)
    with pytest.raises(CorruptFileError, match="too long"):
        unpack(parcel, here)


def test_a_full_disk_leaves_the_store_as_it_was(here, tmp_path, parcel_of_a_run, monkeypatch):
    parcel = tmp_path / "job.parcel"
    parcel.write_bytes(parcel_of_a_run)

    def full(*_given, **_named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("btkit.storage.curves.writing_aside", full)
    with pytest.raises(BtkitError, match="No space left"):
        unpack(parcel, here)
    assert list_runs(settings=here, everything=True) == []
    monkeypatch.undo()
    run_id = unpack(parcel, here)
    assert np.isfinite(load_run(run_id, settings=here).curve["equity"]).all()
