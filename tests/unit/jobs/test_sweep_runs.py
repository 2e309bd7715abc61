from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.random_bars import crossover, make_bars

import btkit as bt
from btkit.errors import CorruptFileError, SpecError, StoreError, UsageError
from btkit.jobs import run
from btkit.jobs.files import load_stored
from btkit.jobs.finished_sets import FinishedSets
from btkit.jobs.sweep import describe_sweep
from btkit.metrics import MEASURED
from btkit.settings import Settings
from btkit.validation import Sweeper, sweeper

AXES = {"fast": [3, 5, 8, 13], "slow": [10, 21, 34]}
RANGE = ("SPX", "2012-01-03", "2013-12-31")


@pytest.fixture
def settings(tmp_path):
    return Settings(
        db_path=tmp_path / "results.db",
        curve_dir=tmp_path / "curves",
        report_dir=tmp_path / "reports",
        data_source="sample",
        min_trades_required=3,
    )


def swept(settings, **changes):
    options = {"parameters": AXES, "constraint": "fast < slow", "settings": settings, **changes}
    return bt.sweep(crossover(), *RANGE, **options)


def test_the_best_set_is_the_run_it_says(settings):
    result = swept(settings)
    again = run(result.best_spec, *RANGE, settings=settings)
    row = result.top(1).iloc[0]
    for name, value in again.metrics.model_dump().items():
        if name in row.index:
            np.testing.assert_equal(float(row[name]), float(value))
    assert result.run().metrics == again.metrics


def test_the_best_sets_are_rows_of_the_table_in_their_order(settings):
    result = swept(settings)
    for count in (0, 1, 5, 100):
        expected = result.table.iloc[result.order[:count]]
        pd.testing.assert_frame_equal(result.top(count), expected, check_exact=True)
    with pytest.raises(ValueError, match="read-only"):
        result.order[0] = 0


VARIANTS = {
    "short, per share": {"direction": "short", "commission_model": "per_share"},
    "at the close, a rate, fractions": {
        "fill": "close", "commission_model": "rate", "allow_fractional": True,
    },
    "three lots, per contract, exits by position, filters on everything": {
        "entry_conditions": ["sma_{fast} > sma_{slow}"],
        "exit_conditions": ["bars_held >= {wait} or position_pnl_pct > 0.02"],
        "stop_conditions": ["position_pnl_pct < -0.03"],
        "filter_conditions": ["close > sma_{slow}"],
        "filter_scope": "all",
        "max_concurrent_positions": 3,
        "commission_model": "per_contract",
        "position_sizing_formula": "capital / close / {wait}",
        "parameters": {"fast": 5, "slow": 20, "wait": 4},
    },
}  # fmt: skip


@pytest.mark.parametrize("method", ["grid", "random", "optuna"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_winner_run_again_has_the_same_metrics_to_the_last_bit(settings, variant, method):
    if method == "optuna":
        pytest.importorskip("optuna")
    changes = VARIANTS[variant]
    axes = AXES | ({"wait": [2, 5, 9]} if "parameters" in changes else {})
    options = {"parameters": axes, "method": method, "samples": 9, "commission": 0.001}
    result = bt.sweep(crossover(**changes), *RANGE, settings=settings, **options)
    again = run(result.best_spec, *RANGE, settings=settings, commission=0.001)
    row = result.top(1).iloc[0]
    for name, value in again.metrics.model_dump().items():
        if name in row.index:
            np.testing.assert_array_equal(float(row[name]), float(value), strict=True)
    assert again.metrics.total_trades > 0


def test_table_document_and_specs_are_stored(settings):
    result = swept(settings)
    report = describe_sweep(result, start=RANGE[1], end=RANGE[2], settings=settings)
    document, table = load_stored("sweep", result.sweep_id, settings=settings)
    assert document == report.to_dict()
    pd.testing.assert_frame_equal(table, result.table)
    assert document["sets"] == len(table) == 11
    assert document["overfitting"]["trials"] == 11
    assert 0.0 <= document["overfitting"]["deflated_sharpe_ratio"] <= 1.0
    assert any("too unsteady" in entry["message"] for entry in document["warnings"])
    command = document["best"]["command"]
    spec = json.loads(Path(command[command.index("--strategy") + 1]).read_text(encoding="utf-8"))
    assert spec["parameters"] == document["best"]["parameters"]
    assert not list(settings.report_dir.glob(".*"))


def test_a_best_set_at_the_edge_is_warned_of(settings):
    def edge_of(fast, slow):
        result = bt.sweep(
            crossover(), *RANGE, settings=settings, parameters={"fast": fast, "slow": slow}
        )
        report = describe_sweep(result, start=RANGE[1], end=RANGE[2], settings=settings)
        warned = [entry.message for entry in report.warnings if entry.code == "best_at_edge"]
        return result.best, result.edges, warned

    wide = list(range(3, 40, 4))
    best, edges, warned = edge_of(wide, [60])
    inner = best["fast"]
    assert inner not in (wide[0], wide[-1])
    assert (edges, warned) == ({}, [])
    # The same best set, now as the first and as the last of the values.
    above = [value for value in wide if value >= inner]
    best, edges, [message] = edge_of(above, [60])
    assert (best["fast"], edges) == (inner, {"fast": "lowest"})
    assert f"fast {inner} is the lowest value" in message
    below = [value for value in wide if value <= inner]
    best, edges, [message] = edge_of(below, [60])
    assert (best["fast"], edges) == (inner, {"fast": "highest"})
    assert f"fast {inner} is the highest value" in message


def test_what_was_done_before_an_interrupt_is_not_done_again(settings, monkeypatch):
    from btkit.engine import sweep as engine_sweep  # noqa: PLC0415 - patched here alone

    expected = swept(settings).rows
    monkeypatch.setattr(engine_sweep, "MOST_SETS", 2)
    measured = []
    original = sweeper.SweepEngine.metrics

    def interrupted(self, first, last):
        if len(measured) == 2:
            raise KeyboardInterrupt
        measured.append((first, last))
        return original(self, first, last)

    monkeypatch.setattr(sweeper.SweepEngine, "metrics", interrupted)
    with pytest.raises(KeyboardInterrupt):
        swept(settings)
    assert list(settings.report_dir.glob(".*.parts/*.parquet"))

    def counted(self, first, last):
        measured.append((first, last))
        return original(self, first, last)

    measured.clear()
    monkeypatch.setattr(sweeper.SweepEngine, "metrics", counted)
    result = swept(settings)
    assert sum(last - first for first, last in measured) == 11 - 4
    assert np.array_equal(result.rows, expected, equal_nan=True)
    assert not list(settings.report_dir.glob(".*"))


def test_sets_of_axes_in_another_order_are_not_taken_up(settings, monkeypatch):
    # A place of one grid is another set in the other.
    turned = {"parameters": dict(reversed(AXES.items())), "method": "random", "samples": 6}
    expected = swept(settings, **turned, constraint=None)
    with monkeypatch.context() as patch:
        patch.setattr(Sweeper, "measure", stopped_after(Sweeper.measure))
        with pytest.raises(KeyboardInterrupt):
            swept(settings, method="random", samples=6, constraint=None)
    assert list(settings.report_dir.glob(".*.parts/*.parquet"))
    again = swept(settings, **turned, constraint=None)
    assert again.best == expected.best
    pd.testing.assert_frame_equal(again.table, expected.table)


def test_another_least_number_of_trades_is_another_question(settings):
    # Another set is the best: a document must not change under the id that somebody noted.
    first = swept(settings)
    report = describe_sweep(first, settings=settings)
    most = int(first.table["total_trades"].max())
    other = swept(settings.model_copy(update={"min_trades_required": most}))
    assert other.sweep_id != first.sweep_id
    assert other.best != first.best
    document, _ = load_stored("sweep", first.sweep_id, settings=settings)
    assert document["best"]["parameters"] == report.to_dict()["best"]["parameters"] == first.best
    assert swept(settings).sweep_id == first.sweep_id


def stopped_after(original):
    def measure(*arguments, **options):
        original(*arguments, **options)
        raise KeyboardInterrupt

    return measure


def test_a_torn_part_is_simulated_again(settings):
    expected = swept(settings)
    folder = settings.report_dir / f".{expected.sweep_id}.parts"
    folder.mkdir()
    (folder / "000000000000.parquet").write_bytes(b"torn")
    assert np.array_equal(swept(settings).rows, expected.rows, equal_nan=True)


def test_no_flipped_bit_of_a_kept_part_reaches_the_table(settings, tmp_path):
    kept = FinishedSets(tmp_path / "parts", job_id="0123456789abcdef")
    rows = np.arange(3.0 * len(MEASURED)).reshape(3, -1)
    kept.add(np.array([4, 5, 9]), rows)
    kept.flush()
    places, read = kept.read()
    assert places.tolist() == [4, 5, 9]
    assert np.array_equal(read, rows)
    (path,) = kept.folder.glob("*.parquet")
    content = path.read_bytes()
    for place in range(0, len(content) * 8, 997):
        changed = bytearray(content)
        changed[place // 8] ^= 1 << place % 8
        path.write_bytes(changed)
        assert len(kept.read()[0]) == 0


def test_no_flipped_bit_of_a_stored_sweep_is_read(settings):
    result = swept(settings)
    describe_sweep(result, settings=settings)
    sound, table = load_stored("sweep", result.sweep_id, settings=settings)
    for kind in ("json", "parquet"):
        path = settings.report_dir / f"{result.sweep_id}.{kind}"
        content = path.read_bytes()
        for place in range(0, len(content) * 8, 1499):
            changed = bytearray(content)
            changed[place // 8] ^= 1 << place % 8
            path.write_bytes(changed)
            with pytest.raises(CorruptFileError, match=path.name):
                load_stored("sweep", result.sweep_id, settings=settings)
        path.write_bytes(content)
    again, same = load_stored("sweep", result.sweep_id, settings=settings)
    assert again == sound
    pd.testing.assert_frame_equal(same, table)


@pytest.mark.parametrize("method", ["random", "optuna"])
def test_other_methods_try_some_of_the_same_sets(settings, method):
    if method == "optuna":
        pytest.importorskip("optuna")
    grid = swept(settings).table
    some = swept(settings, method=method, samples=6, seed=1)
    again = swept(settings, method=method, samples=6, seed=1)
    assert len(some.table) == 6
    assert not some.table.duplicated(["fast", "slow"]).any()
    merged = some.table.merge(grid, how="inner")
    assert len(merged) == 6
    pd.testing.assert_frame_equal(some.table, again.table)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"parameters": {"fsat": [1]}}, UsageError, "no parameter 'fsat'"),
        ({"parameters": {"fast": []}}, UsageError, "no values"),
        ({"parameters": {}}, UsageError, "No parameter"),
        ({"max_sets": 5}, UsageError, "12 parameter sets"),
        ({"constraint": "fast < slwo"}, UsageError, "slwo"),
        ({"constraint": "fast > 99"}, UsageError, "leaves no set"),
        ({"method": "guess"}, UsageError, "guess"),
        ({"objective": "beauty"}, UsageError, "beauty"),
        ({"samples": 0, "method": "random"}, UsageError, "samples is 0"),
        ({"seed": -1, "method": "random"}, UsageError, "seed is -1"),
        ({"threads": 1_000_000}, UsageError, "at most 1,024"),
        (
            {
                "parameters": {"fast": range(4_000), "slow": range(4_000)},
                "max_sets": 10**18,
            },
            UsageError,
            "16,000,000 parameter sets, more than the 10,000,000",
        ),
        (
            {"samples": 10**9, "max_sets": 10**18, "method": "random"},
            UsageError,
            "more than the 10,000,000",
        ),
        ({"parameters": {"fast": [1]}, "constraint": None}, SpecError, "sma_1"),
        ({"parameters": {"fast": [3, 1]}, "constraint": None}, SpecError, "sma_1"),
        (
            {"parameters": {"fast": [3, 1]}, "constraint": None, "method": "optuna"},
            SpecError,
            "sma_1",
        ),
        (
            {
                "parameters": {"fast": range(2, 1_002), "slow": range(2, 1_002)},
                "constraint": None,
                "method": "optuna",
            },
            SpecError,
            "sma_501",
        ),
    ],
)
def test_bad_input_is_refused_before_any_work(settings, changes, error, message, monkeypatch):
    def refuse(*_arguments, **_options):
        raise AssertionError("bars were loaded")

    monkeypatch.setattr("btkit.jobs.loading.load_from_source", refuse)
    with pytest.raises(error, match=message):
        swept(settings, **changes)
    assert not settings.report_dir.exists()


def test_bars_that_are_handed_over_leave_nothing_behind(settings):
    result = bt.sweep(crossover(), make_bars(200), parameters=AXES, settings=settings)
    assert result.files == {}
    assert result.sweep_id is None
    assert not settings.report_dir.exists()
    assert "12 sets" in repr(result)


def test_an_unknown_sweep_is_said_to_be_unknown(settings):
    with pytest.raises(StoreError, match="abc"):
        load_stored("sweep", "abc", settings=settings)


def test_an_interrupted_search_goes_the_same_way(settings, monkeypatch):
    pytest.importorskip("optuna")
    search = {"method": "optuna", "samples": 60, "seed": 5, "constraint": None,
              "parameters": {"fast": range(3, 20), "slow": range(20, 60)}}  # fmt: skip
    expected = swept(settings, **search).table
    original, measured = sweeper.SweepEngine.metrics, []

    def interrupted(self, first, last):
        if measured:
            raise KeyboardInterrupt
        measured.append(last - first)
        return original(self, first, last)

    monkeypatch.setattr(sweeper.SweepEngine, "metrics", interrupted)
    with pytest.raises(KeyboardInterrupt) as stopped:
        swept(settings, **search)
    assert f"{measured[0]} of 60 sets are kept" in stopped.value.__notes__[0]

    def counted(self, first, last):
        measured.append(last - first)
        return original(self, first, last)

    monkeypatch.setattr(sweeper.SweepEngine, "metrics", counted)
    again = swept(settings, **search)
    assert sum(measured) == 60
    pd.testing.assert_frame_equal(again.table, expected, check_exact=True)
    assert not list(settings.report_dir.glob(".*"))


def test_the_sweep_is_made_again_by_its_command(settings, tmp_path):
    file = tmp_path / "cross.json"
    file.write_text(json.dumps(crossover()), encoding="utf-8")
    result = bt.sweep(file, *RANGE, parameters=AXES, constraint="fast < slow", settings=settings)
    report = describe_sweep(result, start=RANGE[1], end=RANGE[2], settings=settings)
    assert report.command[:2] == ["backtest", "sweep"]
    flags = dict(pairwise(report.command[2:]))
    assert flags["--constraint"] == "fast < slow"
    assert [text for text in report.command if text.startswith(("fast=", "slow="))] == [
        "fast=3,5,8,13",
        "slow=10,21,34",
    ]


@pytest.mark.parametrize(("end", "volume"), [(None, 1e6), (None, 0.0), ("2013-06-28", 1e6)])
def test_what_is_known_of_handed_over_bars_does_not_depend_on_when_it_is_asked(
    settings, end, volume
):
    bars = make_bars(400).assign(volume=volume).drop(index=pd.Timestamp("2012-05-15"))
    once = bt.simulate(crossover(), bars if end is None else bars[:end])
    made = bt.sweep(crossover(), bars, end=end, parameters=AXES, settings=settings)
    alone = bt.run(crossover(), bars, end=end, settings=settings)
    assert made.sweeper.first.data == alone.data == once.data
    assert {"start": "2012-05-15", "end": "2012-05-15"} in once.data.gaps
    assert ("zero_volume" in {found.code for found in once.data.quality}) == (volume == 0.0)
    assert alone.warnings == once.warnings


def test_a_sweep_neither_judges_the_sessions_nor_runs_its_first_set(settings, monkeypatch):
    def never(*_given, **_named):
        raise AssertionError("nobody asked")

    bars = make_bars(400)
    monkeypatch.setattr("btkit.jobs.loading.describe_bars", never)
    monkeypatch.setattr(sweeper, "simulate_inputs", never)
    assert len(bt.sweep(crossover(), bars, parameters=AXES, settings=settings).table) == 12
    monkeypatch.undo()
    made = bt.sweep(crossover(), bars, parameters=AXES, settings=settings)
    assert made.sweeper.first.metrics.total_trades == made.table["total_trades"].iloc[0]
