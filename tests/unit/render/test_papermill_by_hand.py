"""A template run by plain papermill leaves what the command leaves, in the same places."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime

import nbformat
import papermill
import pytest
from support.specs import rules

from btkit.cli.main import main
from btkit.shipped import shipped

pytestmark = pytest.mark.integration

SPAN = {"symbol": "SPX", "start": "2015-01-02", "end": "2016-12-30", "source": "sample"}
SPREADS = {
    "name": "puts",
    "spread_type": "short_put_spread",
    "entry_conditions": ["close > sma_50"],
    "max_holding_bars": 20,
}
MORE = {
    "run": {"slippage": 0.0002, "capital": 50_000},
    "options_sim": {"capital": 1_000_000},
    "walk_forward": {"windows": 2, "optimize": "fast=10,20"},
    "sweep": {"param": "fast=10:30:10", "objective": "cagr"},
}


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("BT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    # As a kernel is run by papermill for a user.
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    crossover = rules(
        entry_conditions=["sma_{fast} > sma_50", "not in_position"],
        exit_conditions=["sma_{fast} < sma_50"],
        parameters={"fast": 20},
    )
    (tmp_path / "rules.json").write_text(json.dumps(crossover))
    (tmp_path / "spreads.json").write_text(json.dumps(SPREADS))
    return tmp_path


def by_command(template, parameters, capsys):
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in parameters.items()]
    main([template.replace("_", "-"), *flags])
    return json.loads(capsys.readouterr().out)


def by_papermill(template, parameters, engine="btkit"):
    executed = papermill.execute_notebook(
        shipped("templates") / f"{template}.ipynb", "out.ipynb", parameters=parameters,
        engine_name=engine, progress_bar=False,
    )  # fmt: skip
    streams = [out for cell in executed.cells for out in cell.get("outputs", ()) if "text" in out]
    assert [out.text for out in streams if out.name == "stderr"] == []
    return executed


def identity(document):
    for name in ("walk_forward_id", "sweep_id"):
        if name in document:
            return document[name]
    return document["run"]["run_id"]


def plain(text, document):
    """Return a file's text without what two runs of one request may differ in."""
    ids = [identity(document)]
    for window in document.get("windows", ()):
        ids += [window["is_run_id"], window["oos_run_id"]]
    for place, known in enumerate(ids):
        text = text.replace(str(known), f"id-{place}").replace(str(known)[:8], f"id-{place}")
    # When each was made, to the minute or finer; the bars are of other years.
    made = datetime.now(UTC).year
    return re.sub(rf"{made}-\d\d-\d\d[T ]\d\d:\d\d[\d:.+]*", "when", text)


@pytest.mark.parametrize(
    ("template", "engine"),
    [*((template, "btkit") for template in MORE), ("run", "nbclient")],
    ids=str,
)
def test_json_and_page_are_those_of_the_command(template, engine, workplace, capsys):
    spec = "spreads.json" if template == "options_sim" else "rules.json"
    parameters = {"strategy": spec, **SPAN, **MORE[template]}
    reports = workplace / "data" / "reports"
    document = by_command(template, parameters, capsys)
    found = {}
    for suffix in ("json", "html"):
        path = reports / f"{identity(document)}.{suffix}"
        found[suffix] = plain(path.read_text(), document)
        path.unlink()
    names = {path.name for path in reports.iterdir()}
    by_papermill(template, parameters, engine)
    (page,) = reports.glob("*.html")
    again = json.loads(page.with_suffix(".json").read_text())
    for suffix in ("json", "html"):
        assert plain(page.with_suffix(f".{suffix}").read_text(), again) == found[suffix]
    assert page.with_suffix(".ipynb").exists()
    assert page.stem == identity(again)
    assert names - {path.name for path in reports.iterdir()} == set()


def test_what_is_stored_is_shown_and_leaves_nothing(workplace, capsys):
    parameters = {"strategy": "rules.json", **SPAN}
    document = by_command("run", parameters, capsys)
    reports = workplace / "data" / "reports"
    before = {path: path.stat().st_mtime_ns for path in reports.iterdir()}
    executed = by_papermill("run", {"run_id": identity(document)})
    assert {path: path.stat().st_mtime_ns for path in reports.iterdir()} == before
    stored = nbformat.read(reports / f"{identity(document)}.ipynb", as_version=4)
    assert executed.cells[-1].outputs == stored.cells[-1].outputs


def test_without_a_report_only_what_is_stored_is_left(workplace):
    by_papermill("run", {"strategy": "rules.json", **SPAN, "no_report": True})
    assert not (workplace / "data" / "reports").exists()
    assert (workplace / "data" / "backtest" / "results.db").exists()


def test_what_is_missing_or_unknown_is_told_at_the_prompt(workplace):
    done = subprocess.run(
        [sys.executable, "-m", "papermill", "--engine", "btkit",
         str(shipped("templates") / "run.ipynb"), "out.ipynb",
         "-p", "spec", "rules.json", "-p", "symbl", "SPX", "-p", "start", "2015-01-02"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "it lacks symbol, end, or a run_id" in done.stderr
    assert "it has no parameter symbl; did you mean 'symbol'?" in done.stderr
    assert "Hint: Its parameters are run_id, database, request, strategy, spec" in done.stderr
    assert "TypeError" not in done.stderr
