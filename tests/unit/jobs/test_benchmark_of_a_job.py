"""A benchmark that is named: part of the question, of what is stored, and of what is rerun."""

import json
import sqlite3
from contextlib import closing
from datetime import date

import pandas as pd
import pytest
from support.random_bars import crossover, make_bars

import btkit as bt
from btkit.errors import NoDataError, UsageError
from btkit.jobs import list_runs, load_document, load_run, run, verify
from btkit.jobs.batch import read_jobs
from btkit.jobs.job import RunJob
from btkit.render.sections import growth
from btkit.render.walk_forward import WalkForwardPage, numbers
from btkit.spec import dump_spec, load_spec

ASKED = ("SPX", "2016-01-04", "2018-12-31")
NAMES = ("beta", "alpha", "correlation", "information_ratio", "tracking_error")


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "crossover.json"
    path.write_text(dump_spec(load_spec(crossover(sharpe_risk_free=0.01))))
    return path


def test_a_run_is_stored_with_it_and_gives_the_same_again(spec, settings):
    result = run(spec, *ASKED, benchmark="IXIC", settings=settings)
    plain = run(spec, *ASKED, settings=settings)
    stored = load_run(result.run_id, settings=settings)
    report = stored.report
    assert (report.benchmark.name, report.benchmark.symbol) == ("benchmark", "IXIC")
    assert report.provenance.command[-2:] == ["--benchmark", "IXIC"]
    assert report.provenance.settings["benchmark"] == "IXIC"
    bars = bt.load_bars("IXIC", *ASKED[1:], source="sample")
    assert stored.curve["benchmark"].tolist() == bars["close"].tolist()
    assert (stored.curve["risk_free"] == 0.01).all()
    assert verify(result.run_id, settings=settings)["reproduced"]
    assert verify(plain.run_id, settings=settings)["reproduced"]
    with closing(sqlite3.connect(settings.db_path)) as database:
        rows = database.execute(
            "SELECT name, value FROM backtest_metric_values WHERE run_id = ?", [result.run_id]
        ).fetchall()
    known = dict(rows)
    assert {name: known[name] for name in NAMES} == {
        name: getattr(result.metrics, name) for name in NAMES
    }
    # The page draws it, and names it wherever it is compared.
    chart, table, *_ = growth(stored).pieces
    assert [trace["name"] for trace in chart.figure.to_dict()["data"]][:2] == ["IXIC", "Strategy"]
    assert "Against IXIC" in str(table)
    assert "Buy-and-hold" not in str(table)
    assert "Against buy-and-hold" in str(
        growth(load_run(plain.run_id, settings=settings)).pieces[1]
    )


def test_verify_tells_of_a_benchmark_that_has_changed(spec, settings, tmp_path):
    known = settings.model_copy(update={"data_source": "files", "data_dir": tmp_path})
    bars, other = make_bars(300), make_bars(300, seed=9)
    bars.to_csv(tmp_path / "OWN.csv")
    other.to_csv(tmp_path / "MARKET.csv")
    days = (str(bars.index[50].date()), str(bars.index[-1].date()))
    run_id = run(spec, "OWN", *days, benchmark="MARKET", settings=known).run_id
    # Twice the price: not one return of it is another.
    (2.0 * other).to_csv(tmp_path / "MARKET.csv")
    found = verify(run_id, settings=known)
    assert not found["reproduced"]
    assert found["differences"][0]["path"] == "provenance.benchmark_hash"
    assert found["same"] == {"bars": False, "trades": True, "equity_curve": False, "report": True}


def test_each_part_of_a_validation_has_it(spec, settings):
    result = bt.walk_forward(spec, *ASKED, windows=2, benchmark="IXIC", settings=settings)
    assert result.report.benchmark.symbol == "IXIC"
    for entry in list_runs(parent=result.report.walk_forward_id, settings=settings):
        document = load_document(entry["run_id"], settings=settings)
        assert document["benchmark"]["symbol"] == "IXIC"
        assert document["provenance"]["command"][-2:] == ["--benchmark", "IXIC"]
    page = str(numbers(WalkForwardPage(result.report, result.curve)).pieces[0])
    assert "Against IXIC" in page
    assert "Ulcer index" in page
    json.dumps(result.report.to_dict(), allow_nan=False)


def test_a_sweep_against_another_benchmark_is_another_question(spec, settings):
    asked = {"parameters": {"fast": [3, 5]}, "objective": "beta", "settings": settings}
    ids = [bt.sweep(spec, *ASKED, benchmark=name, **asked).sweep_id for name in ("IXIC", None)]
    assert len(set(ids)) == 2


def test_a_batch_names_it(tmp_path):
    path = tmp_path / "jobs.yaml"
    path.write_text(
        "- {spec: a.json, symbol: SPX, start: 2016-01-04, end: 2018-12-31, benchmark: IXIC}\n"
    )
    (job,) = read_jobs(path).jobs
    asked = {"symbol": "SPX", "start": date(2016, 1, 4), "end": date(2018, 12, 31)}
    assert job == RunJob(spec=job.spec, benchmark="IXIC", **asked)
    assert job != RunJob(spec=job.spec, **asked)


def test_a_benchmark_that_there_is_not_is_told(spec, settings):
    with pytest.raises(NoDataError, match="XYZ"):
        run(spec, *ASKED, benchmark="XYZ", settings=settings)


@pytest.mark.parametrize(
    ("symbol", "benchmark", "said"),
    [
        (make_bars(60), "IXIC", "compared with bars"),
        ("SPX", make_bars(60), "has to name it"),
        ("SPX", "../IXIC", "symbol"),
    ],
)
def test_what_cannot_be_put_side_by_side_is_refused(spec, settings, symbol, benchmark, said):
    days = () if isinstance(symbol, pd.DataFrame) else ASKED[1:]
    with pytest.raises(UsageError, match=said) as caught:
        run(spec, symbol, *days, benchmark=benchmark, settings=settings)
    assert caught.value.hint
