from __future__ import annotations

import pytest
from support.random_bars import crossover

import btkit as bt
from btkit.conditions import compiled
from btkit.settings import Settings
from btkit.validation import sweeper

AXES = {"fast": [3, 5, 8, 13], "slow": [10, 21, 34]}
RANGE = ("SPX", "2012-01-03", "2013-12-31")
SETS = len(AXES["fast"]) * len(AXES["slow"])


@pytest.fixture
def settings(tmp_path):
    return Settings(
        db_path=tmp_path / "results.db",
        curve_dir=tmp_path / "curves",
        report_dir=tmp_path / "reports",
        data_source="sample",
        min_trades_required=3,
    )


@pytest.fixture
def measured(monkeypatch):
    """Measure two sets at a time, and count them; `stop_after` interrupts."""
    from btkit.engine import sweep as engine_sweep  # noqa: PLC0415 - patched here alone

    # One by one the engine is quick enough that the default chunk holds all.
    monkeypatch.setattr(engine_sweep, "MOST_SETS", 2)
    original, counted = sweeper.SweepEngine.metrics, Counted()

    def metrics(self, first, last, *arguments, **options):
        if counted.stop_after is not None and counted.sets >= counted.stop_after:
            raise KeyboardInterrupt
        counted.sets += last - first
        return original(self, first, last, *arguments, **options)

    monkeypatch.setattr(sweeper.SweepEngine, "metrics", metrics)
    return counted


class Counted:
    def __init__(self):
        self.sets, self.stop_after = 0, None


def walked(settings, axes=AXES):
    return bt.walk_forward(crossover(), *RANGE, settings=settings, windows=2, optimize=axes)


def told(result):
    """Return what a validation found, without the names of its runs and files."""
    ids = {"walk_forward_id", "curve_url", "windows", "provenance"}
    document = {name: value for name, value in result.report.to_dict().items() if name not in ids}
    windows = [
        {
            name: value
            for name, value in window.model_dump().items()
            if "run_id" not in name and name != "command"
        }
        for window in result.report.windows
    ]
    return document, windows


@pytest.mark.parametrize("stop_after", [4, SETS + 4])
def test_the_same_command_goes_on_with_what_was_tried(settings, measured, stop_after, tmp_path):
    expected = walked(settings.model_copy(update={"report_dir": tmp_path / "elsewhere"}))
    assert measured.sets == 2 * SETS
    measured.sets, measured.stop_after = 0, stop_after
    with pytest.raises(KeyboardInterrupt) as stopped:
        walked(settings)
    assert "the same command goes on" in stopped.value.__notes__[-1]
    done = measured.sets
    assert stop_after <= done < 2 * SETS
    measured.sets, measured.stop_after = 0, None
    again = walked(settings)
    assert measured.sets == 2 * SETS - done
    assert told(again) == told(expected)
    assert list(settings.report_dir.glob(".*")) == []


def test_other_bars_are_tried_anew(settings, measured):
    measured.stop_after = 4
    with pytest.raises(KeyboardInterrupt):
        walked(settings)
    measured.sets, measured.stop_after = 0, None
    bt.walk_forward(
        crossover(), "SPX", "2012-02-01", "2013-12-31", settings=settings, windows=2, optimize=AXES
    )
    assert measured.sets == 2 * SETS


def test_sets_of_axes_in_another_order_are_tried_anew(settings, measured):
    measured.stop_after = SETS
    with pytest.raises(KeyboardInterrupt):
        walked(settings)
    measured.sets, measured.stop_after = 0, None
    walked(settings, dict(reversed(AXES.items())))
    assert measured.sets == 2 * SETS


def test_what_other_code_has_tried_is_tried_anew(settings, measured, monkeypatch):
    measured.stop_after = 4
    with pytest.raises(KeyboardInterrupt):
        walked(settings)
    monkeypatch.setattr(compiled, "sources_hash", lambda *_: "of tomorrow")
    measured.sets, measured.stop_after = 0, None
    walked(settings)
    assert measured.sets == 2 * SETS
