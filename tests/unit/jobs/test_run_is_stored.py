from __future__ import annotations

import pandas as pd
import pytest
from support.market_data import MarketDataStandIn
from support.specs import rules, spread

from btkit.data import load_bars
from btkit.errors import (
    BtkitError,
    DataError,
    NoDataError,
    SourceError,
    StoreError,
    UsageError,
)
from btkit.jobs import list_runs, load_document, load_run, loading, report, run

SPEC = rules(exit_conditions=["close < sma_50"], position_sizing_formula="10")
RANGE = ("SPX", "2010-01-01", "2010-12-31")


def rows(days):
    return [
        {
            "timestamp": f"{day}T00:00:00+00:00",
            "open": 100.0, "high": 102.0, "low": 99.0, "close": 101.0, "volume": 1000,
        }
        for day in days
    ]  # fmt: skip


def test_a_run_is_loaded_simulated_and_stored(settings):
    result = run(SPEC, *RANGE, settings=settings)
    stored = load_run(result.run_id, settings=settings)
    pd.testing.assert_frame_equal(stored.trades, result.trades, check_exact=True)
    assert stored.report.run.status == "complete"
    assert stored.report.run.start_date == "2010-01-01"
    assert stored.report.run.commission_per_contract == settings.default_commission
    assert str(stored.curve.index[0].date()) == "2010-01-04"
    assert stored.report.data.warmup.bars == 2000
    (row,) = list_runs(settings=settings)
    assert (row["run_id"], row["status"]) == (result.run_id, "complete")
    assert report(result, settings=settings) == stored.report.to_dict()


def test_the_same_run_twice_gives_the_same_numbers(settings):
    first, second = (
        load_document(run(SPEC, *RANGE, settings=settings).run_id, trades=True, settings=settings)
        for _ in range(2)
    )
    for document in (first, second):
        for key in ("run", "equity_curve_url"):
            document.pop(key)
        document["metrics"].pop("run_id")
    assert first == second


def test_a_spec_file_gives_the_command_that_reproduces_the_run(settings, tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(
        "name: tiny\nentry_conditions: [close > sma_50]\nexit_conditions: []\nstop_conditions: []\n"
    )
    result = run(path, *RANGE, slippage=0.001, settings=settings)
    command = load_run(result.run_id, settings=settings).report.provenance.command
    assert command[:4] == ["backtest", "run", "--strategy", str(path)]
    assert command[command.index("--slippage") + 1] == "0.001"
    assert command[-2:] == ["--source", "sample"]


def test_bars_in_place_of_a_symbol_store_nothing(settings):
    bars = load_bars(*RANGE, settings=settings)
    result = run(SPEC, bars, "2010-06-01", "2010-09-30", settings=settings)
    assert result.run_id is None
    assert str(result.equity.index[0].date()) == "2010-06-01"
    assert str(result.equity.index[-1].date()) == "2010-09-30"
    assert not settings.db_path.exists()
    assert report(result, settings=settings)["run"]["run_id"] is None
    with pytest.raises(NoDataError):
        run(SPEC, bars, "1990-01-01", "1990-12-31", settings=settings)


def test_an_option_spec_is_sent_away(settings):
    with pytest.raises(UsageError, match="A rule spec is needed here"):
        run(spread(), *RANGE, settings=settings)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"symbol": ""}, "cannot be a symbol"),
        ({"symbol": "--help"}, "cannot be a symbol"),
        ({"symbol": "../SPX"}, "cannot be a symbol"),
        ({"start": "2010-13-01"}, "start is '2010-13-01', which is no date"),
        ({"start": "2010-W01-1"}, "not in the form YYYY-MM-DD"),
        ({"end": "2010-02-30"}, "end is '2010-02-30', which is no date"),
        ({"start": None}, "start is None"),
        ({"end": "2009-12-31"}, "start 2010-01-01 is after end 2009-12-31"),
        ({"interval": "2d"}, "There is no interval '2d'"),
        ({"source": "bloomberg"}, "There is no source 'bloomberg'"),
        ({"capital": 0.0}, "capital is 0.0"),
        ({"capital": float("nan")}, "capital is nan"),
        ({"commission": -1.0}, "commission is -1.0"),
        ({"slippage": 1.0}, "slippage is 1.0"),
        ({"spec": SPEC | {"commission_model": "rate"}}, "would be 65%"),
    ],
)
def test_a_request_that_makes_no_sense_stores_nothing(settings, changes, expected):
    request = {"spec": SPEC, "symbol": "SPX", "start": "2010-01-01", "end": "2010-12-31"} | changes
    with pytest.raises(UsageError) as caught:
        run(**request, settings=settings)
    assert expected in caught.value.message
    assert not settings.db_path.exists()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("exit_1", SourceError),
        ("log_before_json", SourceError),
        ("truncated", SourceError),
        ("conflicting", DataError),
        ("no_rows", NoDataError),
    ],
)
def test_a_failing_source_leaves_a_failed_row(settings, tmp_path, fault, kind):
    stand_in = MarketDataStandIn(tmp_path / "stand-in")
    stand_in.add_bars("SPY", rows(["2020-01-02", "2020-01-03"])).fail(fault)
    known = settings.model_copy(
        update={"data_source": "market-data", "market_data_cmd": stand_in.command}
    )
    with pytest.raises(kind) as caught:
        run(SPEC, "SPY", "2020-01-01", "2020-01-31", settings=known)
    (row,) = list_runs(settings=known)
    assert row["status"] == "failed"
    assert row["run_id"] == caught.value.details["run_id"]
    assert row["error_message"] == f"{type(caught.value).__name__}: {caught.value.message}"
    assert not known.curve_dir.exists()


def test_an_unknown_symbol_is_no_success(settings):
    with pytest.raises(BtkitError):
        run(SPEC, "NOSUCH", "2010-01-01", "2010-12-31", settings=settings)
    assert [row["status"] for row in list_runs(settings=settings)] == ["failed"]


def test_a_stopped_run_is_marked_as_cancelled(settings, monkeypatch):
    def stop(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(loading, "load_from_source", stop)
    with pytest.raises(KeyboardInterrupt) as caught:
        run(SPEC, *RANGE, settings=settings)
    (row,) = list_runs(settings=settings)
    assert row["status"] == "cancelled"
    assert row["error_message"].startswith("InterruptedRunError")
    assert row["run_id"] in caught.value.__notes__[0]


def test_a_curve_folder_in_the_way(settings, tmp_path):
    (tmp_path / "curves").write_text("in the way")
    with pytest.raises(StoreError):
        run(SPEC, *RANGE, settings=settings)
    assert [row["status"] for row in list_runs(settings=settings)] == ["failed"]


def test_nothing_is_written_to_stdout(settings, capfd):
    run(SPEC, *RANGE, settings=settings)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(("limit", "status"), [(0, None), (-1, None), (1, "done")])
def test_listing_refuses_nonsense(settings, limit, status):
    with pytest.raises(UsageError):
        list_runs(limit=limit, status=status, settings=settings)
