from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from support.random_bars import crossover, make_bars
from support.specs import rules

import btkit as bt
from btkit.cli.main import main
from btkit.documents.walk_forward import carried_by_one, judge
from btkit.errors import NoDataError, SpecError, StoreError, UsageError
from btkit.jobs import list_runs, load_document, run, verify
from btkit.jobs.files import load_stored
from btkit.settings import Settings

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


def walked(settings, **changes):
    return bt.walk_forward(crossover(), *RANGE, settings=settings, **changes)


def test_every_part_is_a_stored_run_that_can_be_made_again(settings):
    result = walked(settings, windows=2)
    assert len(list_runs(parent=result.report.walk_forward_id, settings=settings)) == 4
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


def test_a_part_whose_ratios_are_undefined_is_verified_like_any_other(settings):
    # Neither sample trades, so that both ratios beside its own numbers are undefined.
    still = rules(entry_conditions=["close < 0"])
    window = bt.walk_forward(still, *RANGE, windows=1, settings=settings).report.windows[0]
    assert window.undefined == ["is_sharpe", "oos_sharpe"]
    for stored in (window.is_run_id, window.oos_run_id):
        verified = verify(stored, settings=settings)
        assert (verified["reproduced"], verified["differences"]) == (True, [])


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
    assert "no in-sample Sharpe ratio above 0" in result.report.conclusion


def test_the_reference_keys_are_there(settings):
    document = walked(settings, windows=1, scheme="anchored").report.to_dict()
    assert {"strategy_name", "symbol", "windows", "avg_efficiency", "avg_oos_sharpe", "passed"} <= (
        document.keys()
    )
    assert {
        "window_index", "is_start", "is_end", "oos_start", "oos_end", "is_run_id", "oos_run_id",
        "is_sharpe", "oos_sharpe", "efficiency",
    } <= document["windows"][0].keys()  # fmt: skip


@pytest.mark.parametrize(
    ("efficiencies", "gain", "failing"),
    [
        ([0.9, 0.8], 0.1, []),
        ([0.7, 0.7], 0.0, []),
        ([0.7, 0.6], 0.1, ["walk_forward_efficiency"]),
        ([None, None], -0.5, ["walk_forward_efficiency", "total_return_pct"]),
        # Two windows with next to no in-sample Sharpe ratio, and one that lost the account.
        ([2.0, 2.0, -1.5], -0.5, ["total_return_pct"]),
    ],
)
def test_no_ratio_makes_a_losing_rule_robust(efficiencies, gain, failing):
    average = sum(value or 0.0 for value in efficiencies) / len(efficiencies)
    failures, verdict = judge(efficiencies, average=average, needed=0.7, gain=gain)
    assert [failure.metric for failure in failures] == failing
    assert verdict.startswith("Failed" if failing else "Passed")
    assert ("lost 50 %" in verdict) == (gain < 0)


def test_ten_percent_lost_in_and_fifty_out_does_not_pass(settings):
    # Each window loses a tenth in sample and half of what is left out of sample.
    steps = np.concatenate([np.full(70, 0.9 ** (1 / 70)), np.full(30, 0.5 ** (1 / 30))] * 3)
    close = 100.0 * np.cumprod(np.r_[1.0, steps[1:]] * np.tile([1.002, 0.998], 150))
    bars = make_bars(300).assign(
        open=close, close=close, high=close * 1.001, low=close * 0.999
    )  # fmt: skip
    spec = crossover(entry_conditions=["close > 0"], exit_conditions=[], parameters={})
    result = bt.walk_forward(spec, bars, windows=3, scheme="disjoint", settings=settings)
    for window in result.report.windows:
        assert window.is_return_pct == pytest.approx(-0.1, abs=0.03)
        assert window.oos_return_pct == pytest.approx(-0.48, abs=0.05)
        # The out-of-sample Sharpe ratio over the in-sample one would be well above 0.7.
        assert window.oos_sharpe / window.is_sharpe > 1.0
        assert window.efficiency is None
    assert not result.passed
    assert result.report.avg_efficiency == 0.0


def test_windows_that_chose_among_few_trades_are_named_once(settings):
    known = settings.model_copy(update={"min_trades_required": 10_000})
    report = walked(known, windows=3, optimize={"fast": [3, 5]}).report
    told = [entry.message for entry in report.warnings if "no parameter set made" in entry.message]
    assert len(told) == 1
    assert told[0].startswith("In windows 1, 2 and 3 no parameter set made 10000 trades in sample")


def test_one_window_that_carries_the_average_is_named():
    assert "Window 1 alone" in carried_by_one([2.0, 0.2, 0.1], needed=0.7)[0].message
    assert carried_by_one([0.9, 0.8, 0.7], needed=0.7) == []
    assert carried_by_one([2.0], needed=0.7) == []


def test_a_part_without_trades_has_no_sharpe_ratio(settings):
    spec = crossover(entry_conditions=["close > 1e9"], parameters={}, exit_conditions=["close > 0"])
    result = bt.walk_forward(spec, make_bars(400), windows=2, settings=settings)
    for window in result.report.windows:
        assert (window.is_sharpe, window.oos_sharpe) == (0.0, 0.0)
        assert window.undefined == ["is_sharpe", "oos_sharpe"]
        assert window.efficiency is None
    assert not result.passed
    assert any(entry.code == "few_trades" for entry in result.report.warnings)


def test_the_trades_add_up_to_what_the_stitched_account_gained(settings):
    stitched = walked(settings, windows=4).report.stitched
    assert stitched.expectancy_per_trade * stitched.total_trades == pytest.approx(
        stitched.total_return
    )


@pytest.mark.parametrize("scheme", ["rolling", "disjoint"])
def test_buy_and_hold_goes_through_the_cuts_but_not_through_what_is_left_out(settings, scheme):
    bars = make_bars(400)
    result = bt.walk_forward(crossover(), bars, windows=3, scheme=scheme, settings=settings)
    growth = 1.0
    for part in result.out_of_sample:
        growth *= part.bars["close"].iloc[-1] / part.bars["close"].iloc[0]
    if scheme == "rolling":
        first, last = result.curve.index[[0, -1]]
        growth = bars["close"][last] / bars["close"][first]
    assert result.curve["benchmark"].iloc[-1] == pytest.approx(100_000 * growth)


def test_after_a_ruin_nothing_is_traded_any_more(settings):
    bars = make_bars(300, seed=2)
    bars.iloc[195:, :4] *= 4.0
    spec = crossover(
        direction="short", entry_conditions=["close > 0"], exit_conditions=[], parameters={},
        position_sizing_formula="capital / close", max_holding_bars=1000,
    )  # fmt: skip
    result = bt.walk_forward(spec, bars, windows=3, settings=settings)
    ruined = [part.ruined for part in result.out_of_sample]
    assert ruined == [False, True, False]
    last = result.curve[result.curve["window"] == 2]["equity"]
    assert (last == last.iloc[0]).all()
    assert last.iloc[0] <= 0.0
    assert result.report.stitched.cagr == -1.0
    assert result.report.stitched.total_trades == sum(
        part.metrics.total_trades for part in result.out_of_sample[:2]
    )


def quarter_hours():
    # 40 sessions of New York between the change of its clocks and Memorial Day.
    days = pd.bdate_range("2024-04-01", "2024-05-24")
    times = [
        pd.date_range(f"{day:%Y-%m-%d} 13:30", periods=26, freq="15min", tz="UTC") for day in days
    ]
    return make_bars(26 * len(days), seed=6, index=times[0].append(times[1:]).rename("time"))


@pytest.mark.parametrize("scheme", ["rolling", "anchored", "disjoint"])
def test_intraday_parts_are_whole_days(settings, tmp_path, scheme):
    (tmp_path / "bars").mkdir()
    quarter_hours().to_csv(tmp_path / "bars" / "ACME_15m.csv")
    known = settings.model_copy(update={"data_dir": tmp_path / "bars", "data_source": "files"})
    result = bt.walk_forward(
        crossover(), "ACME", "2024-04-02", "2024-05-24", interval="15m", windows=3, scheme=scheme,
        settings=known,
    )  # fmt: skip
    parts = [*result.in_sample, *result.out_of_sample]
    assert {len(part.bars) % 26 for part in parts} == {0}
    for earlier, later in pairwise(result.out_of_sample):
        if scheme != "disjoint":
            assert later.bars.index[0] - earlier.bars.index[-1] > pd.Timedelta(hours=12)
            assert later.bars.index[0] - earlier.bars.index[-1] < pd.Timedelta(days=4)
    for window in result.report.windows:
        for run_id in (window.is_run_id, window.oos_run_id):
            assert verify(run_id, settings=known)["reproduced"]


def test_the_document_says_what_it_rests_on(settings, tmp_path):
    file = tmp_path / "cross.json"
    file.write_text(json.dumps(crossover()), encoding="utf-8")
    report = bt.walk_forward(
        file, *RANGE, windows=2, optimize=AXES, constraint="fast < slow", settings=settings
    ).report
    assert report.data.source == "sample"
    assert report.data.rows == 502
    assert report.provenance.spec["parameters"] == {"fast": 5, "slow": 20}
    flags = dict(pairwise(report.provenance.command[2:]))
    assert report.provenance.command[:2] == ["backtest", "walk-forward"]
    assert (flags["--windows"], flags["--scheme"], flags["--source"]) == ("2", "rolling", "sample")
    assert report.provenance.command.count("--optimize") == 2


def test_the_winner_of_a_window_is_run_again_by_its_command(settings, monkeypatch, capsys):
    for name, value in {
        "BT_DB_PATH": settings.db_path,
        "BT_CURVE_DIR": settings.curve_dir,
        "BT_REPORT_DIR": settings.report_dir,
    }.items():
        monkeypatch.setenv(name, str(value))
    window = walked(settings, windows=2, optimize=AXES, constraint="fast < slow").report.windows[1]
    stored = load_document(window.oos_run_id, settings=settings)
    assert stored["provenance"]["command"] == window.command
    main([*window.command[1:], "--no-report", "--quiet"])
    again = json.loads(capsys.readouterr().out)["metrics"]
    own = ("run_id", "is_sharpe", "oos_sharpe", "walk_forward_efficiency")
    for metrics in (again, stored["metrics"]):
        for name in own:
            metrics.pop(name)
    assert again == stored["metrics"]


def test_warnings_of_the_runs_are_in_the_headline_once(settings):
    spec = crossover(entry_conditions=["sma_{fast} > sma_{slow}", "vix < 90", "not in_position"])
    result = bt.walk_forward(spec, make_bars(400), windows=2, settings=settings)
    told = [entry for entry in result.report.warnings if entry.code == "fallback"]
    assert len(told) == 1
    assert told[0].message.startswith("Every window out of sample")
    assert result.report.data.fallbacks["vix"] == sum(
        window.oos_bars for window in result.report.windows
    )


def test_a_stopped_validation_leaves_no_run_running(settings, monkeypatch):
    def stop(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("btkit.simulation.simulate_inputs", stop)
    with pytest.raises(KeyboardInterrupt):
        walked(settings, windows=2)
    assert [entry["status"] for entry in list_runs(settings=settings)] == ["cancelled"]


def test_a_sweep_is_no_validation(settings):
    result = bt.sweep(crossover(), *RANGE, parameters=AXES, settings=settings)
    with pytest.raises(StoreError, match="walk-forward"):
        load_stored("walk-forward", result.sweep_id, settings=settings)
    known = walked(settings, windows=1)
    document, curve = load_stored("walk-forward", known.report.walk_forward_id, settings=settings)
    assert document == known.report.to_dict()
    pd.testing.assert_frame_equal(curve, known.curve, check_freq=False)
    with pytest.raises(StoreError, match="sweep"):
        load_stored("sweep", known.report.walk_forward_id, settings=settings)


def test_a_value_that_any_set_spoils_is_refused_before_bars_are_loaded(settings, monkeypatch):
    def refuse(*_arguments, **_options):
        raise AssertionError("bars were loaded")

    monkeypatch.setattr("btkit.jobs.loading.load_from_source", refuse)
    with pytest.raises(SpecError, match="sma_1"):
        walked(settings, optimize={"fast": [3, 1]})


def test_a_range_without_bars_is_no_data(settings):
    with pytest.raises(NoDataError, match="none in the range"):
        bt.walk_forward(crossover(), make_bars(100), "2030-01-01", settings=settings)


def in_another_order(bars):
    return bars[::-1], bars.sample(frac=1.0, random_state=3)


def test_rows_out_of_order_are_walked_in_order_and_told_of(settings):
    bars = make_bars(600)
    expected = bt.walk_forward(crossover(), bars, "2012-06-01", settings=settings)
    # These bars keep no holidays.
    holidays = [finding.code for finding in expected.report.data.quality]
    assert holidays == ["bars_outside_sessions"]
    for frame in in_another_order(bars):
        result = bt.walk_forward(crossover(), frame, "2012-06-01", settings=settings)
        assert result.report.windows == expected.report.windows
        found = [finding.code for finding in result.report.data.quality]
        assert found == ["sorted", *holidays]
        pd.testing.assert_frame_equal(result.curve, expected.curve, check_freq=False)


@pytest.mark.parametrize("start", [None, "2012-06-01"])
def test_a_sweep_of_rows_out_of_order_begins_where_it_is_told(settings, start):
    bars = make_bars(600)
    expected = bt.sweep(crossover(), bars, start, parameters=AXES, settings=settings).table
    for frame in in_another_order(bars):
        result = bt.sweep(crossover(), frame, start, parameters=AXES, settings=settings)
        pd.testing.assert_frame_equal(result.table, expected)


def test_intraday_bars_that_were_handed_over_are_cut_between_days(settings):
    days = pd.bdate_range("2020-01-02", periods=60, tz="UTC")
    times = [day + pd.Timedelta(hours=14 + hour) for day in days for hour in range(7)]
    bars = make_bars(len(times), index=pd.DatetimeIndex(times))
    report = bt.walk_forward(crossover(), bars, windows=2, settings=settings).report
    for window in report.windows:
        assert window.is_start[11:] == window.oos_start[11:] == "14:00:00+00:00"
        assert window.is_end[11:] == window.oos_end[11:] == "20:00:00+00:00"
