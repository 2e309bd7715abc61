from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.random_bars import crossover, make_bars

import btkit as bt
from btkit.errors import SpecError, StoreError, UsageError
from btkit.runs import list_runs, load_document, run
from btkit.runs.sweep import describe_sweep, load_sweep
from btkit.settings import Settings
from btkit.validation import sweeper

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


def test_table_document_and_specs_are_stored(settings):
    result = swept(settings)
    report = describe_sweep(result, start=RANGE[1], end=RANGE[2], settings=settings)
    document, table = load_sweep(result.sweep_id, settings=settings)
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


def test_a_torn_part_is_simulated_again(settings):
    expected = swept(settings)
    folder = settings.report_dir / f".{expected.sweep_id}.parts"
    folder.mkdir()
    (folder / "000000000000.parquet").write_bytes(b"torn")
    assert np.array_equal(swept(settings).rows, expected.rows, equal_nan=True)


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
        ({"max_sets": 5}, UsageError, "12 sets"),
        ({"constraint": "fast < slwo"}, UsageError, "slwo"),
        ({"constraint": "fast > 99"}, UsageError, "leaves no set"),
        ({"method": "guess"}, UsageError, "guess"),
        ({"objective": "beauty"}, UsageError, "beauty"),
        ({"samples": 0, "method": "random"}, UsageError, "samples is 0"),
        ({"parameters": {"fast": [1]}, "constraint": None}, SpecError, "sma_1"),
    ],
)
def test_bad_input_is_refused_before_any_work(settings, changes, error, message, monkeypatch):
    def refuse(*_arguments, **_options):
        raise AssertionError("bars were loaded")

    monkeypatch.setattr("btkit.data.load_bars", refuse)
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
        load_sweep("abc", settings=settings)


def walked(settings, **changes):
    return bt.walk_forward(crossover(), *RANGE, settings=settings, **changes)


def test_every_part_is_a_stored_run_that_can_be_made_again(settings):
    result = walked(settings, windows=2)
    assert len(list_runs(settings=settings)) == 4
    for window in result.report.windows:
        for kind, sharpe in (("is", window.is_sharpe), ("oos", window.oos_sharpe)):
            stored = load_document(getattr(window, f"{kind}_run_id"), settings=settings)
            assert stored["metrics"]["sharpe_ratio"] == sharpe
            again = run(
                crossover(),
                "SPX",
                getattr(window, f"{kind}_start"),
                getattr(window, f"{kind}_end"),
                settings=settings,
            )
            document = load_document(again.run_id, settings=settings)
            compared = ("is_sharpe", "oos_sharpe", "walk_forward_efficiency", "run_id")
            for metrics in (document["metrics"], stored["metrics"]):
                for name in compared:
                    metrics.pop(name)
            assert document["metrics"] == stored["metrics"]
            assert document["provenance"]["bars_hash"] == stored["provenance"]["bars_hash"]
            assert document["data"]["rows"] == stored["data"]["rows"]


def test_oos_runs_carry_what_they_are_compared_with(settings):
    window = walked(settings, windows=1).report.windows[0]
    metrics = load_document(window.oos_run_id, settings=settings)["metrics"]
    assert metrics["is_sharpe"] == window.is_sharpe
    assert metrics["oos_sharpe"] == window.oos_sharpe
    assert metrics["walk_forward_efficiency"] == window.efficiency
    assert load_document(window.is_run_id, settings=settings)["metrics"]["is_sharpe"] is None


def test_each_window_is_scored_with_what_its_own_sample_chose(settings):
    result = walked(settings, windows=2, optimize=AXES, constraint="fast < slow")
    for window, inside in zip(result.report.windows, result.in_sample, strict=True):
        assert window.sets_tried == 11
        best = bt.sweep(
            crossover(),
            inside.all_bars,
            window.is_start,
            parameters=AXES,
            constraint="fast < slow",
            settings=settings,
        )
        assert best.best == window.parameters
        assert best.run().metrics.sharpe_ratio == inside.metrics.sharpe_ratio


def test_the_stitched_curve_goes_on_where_the_part_before_ended(settings):
    result = walked(settings, windows=3)
    growth = np.prod([1.0 + part.metrics.total_return_pct for part in result.out_of_sample])
    assert result.curve["equity"].iloc[-1] == pytest.approx(100_000 * growth)
    assert result.report.stitched.total_trades == sum(
        part.metrics.total_trades for part in result.out_of_sample
    )
    assert len(result.curve) == sum(window.oos_bars for window in result.report.windows)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"windows": 30}, "fewer than 30"),
        ({"windows": 0}, "windows is 0"),
        ({"is_ratio": 1.2}, "is_ratio is 1.2"),
        ({"scheme": "sideways"}, "sideways"),
        ({"optimize": {"slwo": [3]}}, "slwo"),
        ({"constraint": "fast < slow"}, "optimised"),
        ({"optimize": AXES, "objective": "luck"}, "luck"),
    ],
)
def test_windows_that_make_no_sense_are_refused_before_a_run_is_stored(settings, changes, message):
    with pytest.raises(UsageError, match=message):
        walked(settings, **changes)
    assert not settings.db_path.exists()


def test_a_losing_rule_does_not_pass(settings):
    bars = make_bars(400, seed=1)
    falling = bars.mul(np.linspace(1.0, 0.3, 400), axis=0).assign(volume=1e6)
    spec = crossover(entry_conditions=["close > 0"], exit_conditions=[], parameters={})
    result = bt.walk_forward(spec, falling, windows=2, settings=settings)
    assert all(window.is_sharpe < 0 for window in result.report.windows)
    assert [window.efficiency for window in result.report.windows] == [None, None]
    assert not result.passed
    assert "no in-sample Sharpe ratio above 0" in result.report.verdict


def test_the_reference_keys_are_there(settings):
    document = walked(settings, windows=1, scheme="anchored").report.to_dict()
    assert {"strategy_name", "symbol", "windows", "avg_efficiency", "avg_oos_sharpe", "passed"} <= (
        document.keys()
    )
    assert {
        "window_index", "is_start", "is_end", "oos_start", "oos_end", "is_run_id", "oos_run_id",
        "is_sharpe", "oos_sharpe", "efficiency",
    } <= document["windows"][0].keys()  # fmt: skip
