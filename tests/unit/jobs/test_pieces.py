"""Searches in pieces: whatever the cuts, the order and who works on them, the local outcome."""

from __future__ import annotations

import json
import math
import multiprocessing
import random
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.classifiers import reading, regime_bundle
from support.divided import (
    cut,
    finished,
    loaded,
    prepared,
    taken_out,
    where,
    without_names,
    work_on,
)
from support.random_bars import crossover

from btkit.errors import CorruptFileError, InternalError, UsageError, WorkerUnavailableError
from btkit.jobs import execute, list_runs, load_document
from btkit.jobs.measured_sets import MeasuredSets
from btkit.jobs.pieces import (
    DIVISIONS,
    FINISH,
    WHOLE,
    Piece,
    Summary,
    prepared_for_service,
)
from btkit.metrics import MEASURED
from btkit.validation import sweeper

FIELDS = {
    "spec": crossover(), "symbol": "SPX", "benchmark": "IXIC", "start": "2012-01-03",
    "end": "2013-12-31", "min_trades_required": 3,
}  # fmt: skip
AXES = {"fast": [3, 5, 8, 13], "slow": [5, 10, 21]}
SIDES = crossover(
    direction="both",
    short={
        "entry_conditions": ["sma_{fast} < sma_{slow}", "not in_position"],
        "exit_conditions": ["sma_{fast} > sma_{slow}"],
        "stop_conditions": [],
    },
)
GRID = {"kind": "sweep", "parameters": AXES, "constraint": "fast < slow"}
VARIANTS = {
    "a grid": GRID,
    "a sample of many": {
        "kind": "sweep", "method": "random", "samples": 14, "seed": 3,
        "parameters": {"fast": list(range(2, 22)), "slow": list(range(10, 40))},
        "constraint": "fast < slow",
    },
    "a sample of fewer than are asked for": {**GRID, "method": "random", "samples": 500},
    "both directions": {**GRID, "spec": SIDES},
    "by a metric with a function": {**GRID, "objective": "ulcer_index"},
    "statistics of a sample": {
        "kind": "sweep", "overfitting_sample": 12,
        "parameters": {"fast": list(range(2, 10)), "slow": [15, 20, 25]},
    },
    "windows": {
        "kind": "walk-forward", "windows": 2, "optimize": AXES, "constraint": "fast < slow",
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a maker of jobs: their settings, bars, and what they come to locally, made once."""
    from btkit.settings import Settings  # noqa: PLC0415 - as a fixture of this module alone

    known = {}

    def make(variant):
        if variant not in known:
            folder = tmp_path_factory.mktemp("local")
            settings = Settings(
                db_path=folder / "results.db", curve_dir=folder / "curves",
                report_dir=folder / "reports", data_source="sample",
            )  # fmt: skip
            job = prepared(settings, **FIELDS | VARIANTS[variant])
            execute(job, settings=settings)
            known[variant] = job, settings, loaded(job, settings), taken_out(settings)
        return known[variant]

    return make


def assert_local(made_locally, settings, job):
    """Hold what is stored against what the job came to locally, and take it out."""
    (known, document, table), again = made_locally, taken_out(settings)
    if job.kind == "sweep":
        assert again[0] == known
        assert again[2] == table
        ignored = {"created_at", "completed_at"}
        assert again[1].keys() == document.keys()
        for name in document.keys() - ignored:
            assert again[1][name] == document[name], name
    assert without_names(again[1]) == without_names(document)


@pytest.mark.parametrize("variant", VARIANTS)
@given(marks=st.sets(st.integers(1, 520), max_size=6), seed=st.integers(0, 2**32))
@hypothesis_settings(
    max_examples=2,
    # What fails is small as it is, and each example a whole sweep.
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_cuts_in_any_order_give_the_local_outcome(made, tmp_path, variant, marks, seed):
    job, settings, bars, expected = made(variant)
    pieces = cut(DIVISIONS[job.kind].groups(job), {mark % 17 for mark in marks} | marks)
    order = random.Random(seed)  # noqa: S311 - no secret
    order.shuffle(pieces)
    contents = [(piece, work_on(job, piece, where(settings, bars))) for piece in pieces]
    order.shuffle(contents)
    known = finished(job, contents, where(settings, bars), tmp_path / "contents")
    assert [row["run_id"] for row in list_runs(settings=settings)] == [known]
    assert_local(expected, settings, job)


def _elsewhere(text, settings, pieces, queue):
    from btkit.jobs.job import JOB  # noqa: PLC0415 - in another process

    job = JOB.validate_json(text)
    bars = loaded(prepared(settings, **json.loads(text)), settings)
    queue.put([work_on(job, piece, where(settings, bars)) for piece in pieces])


@pytest.mark.integration
def test_another_process_brings_back_the_same_bytes(made, tmp_path):
    job, settings, bars, expected = made("a grid")
    pieces = cut(DIVISIONS["sweep"].groups(job), [1, 4, 9])
    here = [work_on(job, piece, where(settings, bars)) for piece in pieces]
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    given_away = (job.model_dump_json(), settings, pieces[::-1], queue)
    process = context.Process(target=_elsewhere, args=given_away)
    process.start()
    there = queue.get(timeout=120)[::-1]
    process.join()
    assert there == here
    mixed = [(piece, (here, there)[place % 2][place]) for place, piece in enumerate(pieces)]
    finished(job, mixed, where(settings, bars), tmp_path / "contents")
    assert_local(expected, settings, job)


def in_pieces(made, variant, at=(4,)):
    job, settings, bars, _ = made(variant)
    pieces = cut(DIVISIONS[job.kind].groups(job), at)
    return (
        job,
        settings,
        where(settings, bars),
        [(piece, work_on(job, piece, where(settings, bars))) for piece in pieces],
    )


@pytest.mark.parametrize("variant", ["a grid", "windows"])
def test_what_is_missing_or_there_twice_is_refused(made, tmp_path, variant):
    job, settings, given_here, contents = in_pieces(made, variant)
    again = (Piece(0, 2, 4), work_on(job, Piece(0, 2, 4), given_here))
    for torn in (contents[1:], contents[:-1], [*contents, again], [*contents, contents[0]], []):
        with pytest.raises(InternalError, match="missing, or there twice"):
            finished(job, torn, given_here, tmp_path / "contents")
    # A piece that says it is whole, and is not.
    (first, content), *others = contents
    measured = MeasuredSets.from_parquet(content, MEASURED)
    cut_short = MeasuredSets(MEASURED, measured.places[1:], measured.rows[1:]).to_parquet()
    with pytest.raises(InternalError, match="1 were not measured, and 0 twice"):
        finished(job, [(first, cut_short), *others], given_here, tmp_path / "contents")
    # The windows of a validation are stored one after the other.
    assert all(row["status"] == "failed" for row in list_runs(settings=settings))
    if variant == "windows":
        taken_out(settings)


def test_no_content_but_that_of_its_piece_is_taken(made, tmp_path):
    job, _, given_here, contents = in_pieces(made, "a grid")
    (piece, content), other = contents
    shuffled = MeasuredSets.from_parquet(content, MEASURED)
    shuffled = MeasuredSets(MEASURED, shuffled.places[::-1], shuffled.rows).to_parquet()
    for wrong in (other[1], b"", b"PAR1", content[:-9], b"PK" + content, shuffled):
        with pytest.raises(CorruptFileError) as caught:
            finished(job, [(piece, wrong), other], given_here, tmp_path / "contents")
        assert caught.value.hint
        with pytest.raises(CorruptFileError):
            DIVISIONS["sweep"].summarise(job, piece, wrong)


@pytest.mark.parametrize("variant", ["a grid", "a sample of fewer than are asked for", "windows"])
def test_sets_that_crash_are_left_out_and_said(made, tmp_path, variant):
    job, settings, given_here, _ = in_pieces(made, variant)
    division, why = DIVISIONS[job.kind], "Three workers died of it."
    # Place 3 has no set in the grid: whoever marks a place does not know that.
    died = {0, 3, 7}
    sizes = division.groups(job)
    contents = [
        (
            piece,
            division.crashed(job, piece, why)
            if piece.lo in died and piece.group == 0
            else work_on(job, piece, given_here),
        )
        for piece in cut(sizes, range(1, 12))
    ]
    known = finished(job, contents, given_here, tmp_path / "contents")
    document = load_document(known, settings=settings)
    taken_out(settings)
    lost = [
        job.sets.at(place)
        for place in range(len(job.sets))
        if (place if job.kind == "sweep" and job.method == "random" else _place(job, place)) in died
    ]
    told = document["crashed_sets"]
    assert told["count"] == len(lost) > 1
    assert [one["parameters"] for one in told["listed"]] == lost
    assert {one["reason"] for one in told["listed"]} == {why}
    (warning,) = [one for one in document["warnings"] if one["code"] == "crashed_sets"]
    assert f"{len(lost)} parameter sets were given up" in warning["message"]
    assert f"fast {lost[0]['fast']}, slow {lost[0]['slow']}" in warning["message"]
    if job.kind == "sweep":
        assert document["sets"] == len(job.sets) - len(lost)
        assert document["overfitting"]["trials"] == len(job.sets)
        assert not [one for one in document["top"] if one["parameters"] in lost]
    else:
        assert [one["window"] for one in told["listed"]] == [1] * len(lost)
        assert document["windows"][0]["parameters"] not in lost
        assert document["windows"][0]["sets_tried"] == len(job.sets)


def _place(job, index):
    fast, slow = (list(job.axes()[1][name]) for name in ("fast", "slow"))
    values = job.sets.at(index)
    return fast.index(values["fast"]) * len(slow) + slow.index(values["slow"])


def test_no_set_that_crashed_is_simulated_again(made, tmp_path, monkeypatch):
    job, settings, given_here, contents = in_pieces(made, "a grid", range(1, 12))
    dead = job.sets.at(0)
    contents[0] = contents[0][0], DIVISIONS["sweep"].crashed(job, Piece(0, 0, 1), "It died.")
    engine, prepare_inputs = sweeper.Sweeper.engine, sweeper.with_parameters

    def watched(self, sets):
        assert dead not in [sets.at(place) for place in range(len(sets))]
        return engine(self, sets)

    def probed(spec, values):
        assert values != dead
        return prepare_inputs(spec, values)

    monkeypatch.setattr(sweeper.Sweeper, "engine", watched)
    monkeypatch.setattr(sweeper, "with_parameters", probed)
    finished(job, contents, given_here, tmp_path / "contents")
    taken_out(settings)


def test_a_search_of_which_all_sets_crash_says_so(made, tmp_path):
    job, _, given_here, _ = in_pieces(made, "a grid")
    piece = Piece(0, 0, 12)
    content = DIVISIONS["sweep"].crashed(job, piece, "They died.")
    with pytest.raises(WorkerUnavailableError, match="None of the 8 parameter sets") as caught:
        finished(job, [(piece, content)], given_here, tmp_path / "contents")
    assert caught.value.hint


@pytest.mark.parametrize("variant", ["a grid", "a sample of many", "windows"])
def test_summaries_of_pieces_are_that_of_the_whole(made, variant):
    job, settings, given_here, contents = in_pieces(made, variant, (1, 2, 7, 9))
    summarise = DIVISIONS[job.kind].summarise
    merged = None
    for piece, content in reversed(contents):
        one = Summary.from_json(json.loads(json.dumps(summarise(job, piece, content).to_json())))
        merged = one if merged is None else one.merge(merged)
    columns = MEASURED.index("sharpe_ratio")
    places, values = [], []
    for piece, content in contents:
        found = MeasuredSets.from_parquet(content, MEASURED)
        places += [(piece.group, place) for place in found.places.tolist()]
        values += found.rows[:, columns].tolist()
    known = [value for value in values if not math.isnan(value)]
    assert merged.count == len(values)
    assert merged.defined == len(known) == sum(merged.histogram.values())
    assert merged.mean == pytest.approx(np.mean(known))
    assert merged.squares == pytest.approx(np.square(known).sum())
    if variant != "windows":
        execute(job, settings=settings, bars=given_here.bars, store=True)
        document = taken_out(settings)[1]
        top = [(one["parameters"], one["metrics"]["sharpe_ratio"]) for one in document["top"][:5]]
        assert [(one.parameters, one.value) for one in merged.leaders] == top
        best = merged.leaders[0]
        assert values[places.index((0, best.place))] == best.value


BIG = {"fast": list(range(1, 3_162)), "slow": list(range(1, 3_164))}
MANY_SETS = {
    **FIELDS, "kind": "sweep", "parameters": BIG, "max_sets": 10_000_000,
    "spec": crossover(
        entry_conditions=["close > {fast}", "not in_position"], exit_conditions=["close > {slow}"]
    ),
}  # fmt: skip


def test_ten_million_sets_are_divided_without_being_held(made):
    settings = made("a grid")[1]
    known, division = prepared(settings, **MANY_SETS, constraint="fast < slow"), DIVISIONS["sweep"]
    tracemalloc.start()
    try:
        (size,) = division.groups(known)
        pieces = 0
        for lo in range(0, size, 4_096):
            piece = Piece(0, lo, min(lo + 4_096, size))
            assert division.inputs_of(known, piece) is known
            pieces += 1
        again = prepared_for_service(known)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size == 3_161 * 3_163
    assert pieces == -(-size // 4_096)
    assert again.overfitting_sample == 2_000
    assert peak < 200_000


def test_preparing_a_large_grid_makes_no_sets(made):
    settings = made("a grid")[1]
    prepared(settings, **MANY_SETS, constraint="fast < slow")  # what is imported is no sets
    tracemalloc.start()
    try:
        prepared(settings, **MANY_SETS, constraint="fast < slow")
        prepared(settings, **MANY_SETS, constraint="fast == 3161 and slow == 3163")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000
    with pytest.raises(UsageError, match="leaves no set"):
        prepared(settings, **MANY_SETS, constraint="fast > slow + 5000")


def test_a_piece_reads_the_bundle_that_lies_there_now(made, tmp_path):
    _, settings, _, _ = made("a grid")
    folder = regime_bundle(tmp_path / "regime", seed=6)
    spec = reading(
        folder,
        parameters={"n": 10},
        entry_conditions=['regime == "TRENDING_DOWN" or close > sma_{n}'],
        exit_conditions=['regime == "TRENDING_UP"'],
    )
    fields = {**FIELDS, "benchmark": None, "spec": spec, "parameters": {"n": [5, 10, 20]}}
    job = prepared(settings, kind="sweep", **fields)
    given = where(settings, loaded(job, settings))
    before = work_on(job, Piece(0, 0, 3), given)
    assert work_on(job, Piece(0, 0, 3), given) == before
    regime_bundle(folder, seed=7)
    now = work_on(job, Piece(0, 0, 3), given)
    assert now != before
    assert now == work_on(job, Piece(0, 0, 3), where(settings, loaded(job, settings)))


def test_pieces_that_a_job_has_not_are_refused(made):
    job, _, given_here, _ = in_pieces(made, "a grid")
    for piece in (Piece(0, 0, 13), Piece(0, 12, 13), Piece(1, 0, 1), WHOLE, FINISH):
        with pytest.raises(UsageError, match="has no places"):
            work_on(job, piece, given_here)


def test_what_is_not_divided_has_no_groups(made):
    settings = made("a grid")[1]
    for fields in (
        {"kind": "run"},
        {"kind": "walk-forward"},
        {"kind": "sweep", "parameters": AXES, "method": "optuna"},
    ):
        job = prepared(settings, **FIELDS | fields)
        division = DIVISIONS[job.kind]
        assert division.groups(job) == []
        assert division.inputs_of(job, WHOLE) is job
        with pytest.raises((UsageError, InternalError)):
            division.work(job, Piece(0, 0, 1), where(settings, None))


def test_a_service_samples_what_says_nothing(made):
    settings = made("a grid")[1]
    fields = {**FIELDS, "kind": "sweep"}
    many = {"fast": list(range(2, 103)), "slow": list(range(2, 102))}
    large = prepared(settings, **fields, parameters=many)
    assert prepared_for_service(large).overfitting_sample == 2_000
    said = large.model_copy(update={"overfitting_sample": 5_000})
    assert prepared_for_service(said) is said
    small = prepared(settings, **fields, parameters={**many, "slow": [50]})
    assert prepared_for_service(small) is small
