"""What papermill hands a template by hand: flat or in one, of any kind, right or told why not."""

import datetime as dt
import inspect
import json

import nbformat
import numpy as np
import pandas as pd
import papermill
import pytest
import typer
from papermill.translators import PythonTranslator

import btkit as bt
from btkit.cli.app import app
from btkit.cli.commands import options_sim, run, sweep, walk_forward
from btkit.errors import UsageError
from btkit.jobs.job import Rendering, RunJob
from btkit.render.parameters import OPTIONS, RUN, SWEEP, WALK_FORWARD
from btkit.render.taking import take, take_ids
from btkit.shipped import shipped

FLAT = {"spec": "a.yaml", "symbol": "SPX", "start": "2015-01-02", "end": "2016-12-30"}
COMMANDS = {
    "run": (run, RUN, bt.run),
    "model_run": (run, RUN, bt.run),
    "options_sim": (options_sim, OPTIONS, bt.options_sim),
    "walk_forward": (walk_forward, WALK_FORWARD, bt.walk_forward),
    "sweep": (sweep, SWEEP, bt.sweep),
}
# What papermill has options of its own for.
PAPERMILLS = {"engine", "quiet", "debug", "help", "follow"}
# What concerns the document that a command prints, and whether it does anything.
PRINTED = {"fields", "max_rows", "plan_hash"}


def injected(**parameters):
    """Return the names of a notebook after papermill's cell has run."""
    cell = PythonTranslator.codify(parameters)
    names = {"In": ["", "run_id = ''", cell]}
    exec(cell, names)  # noqa: S102 - as a kernel does
    return names


def declared(template):
    notebook = nbformat.read(shipped("templates") / f"{template}.ipynb", as_version=4)
    names = {}
    exec(notebook.cells[0].source, names)  # noqa: S102 - as a kernel does
    return {name: value for name, value in names.items() if name != "__builtins__"}


def flags(module):
    """Return the options of a command as they are typed, with underscores."""
    command = typer.main.get_command(app).commands[module.NAME]
    return {option.opts[0].removeprefix("--").replace("-", "_") for option in command.params}


@pytest.mark.parametrize("template", COMMANDS)
def test_a_template_declares_every_option_of_its_command(template):
    module, kind, verb = COMMANDS[template]
    options = flags(module) - PAPERMILLS - PRINTED
    assert set(declared(template)) == set(kind.names)
    assert options <= set(kind.names)
    # Finer bars are handed over with bars; a template loads both.
    taken = set(inspect.signature(verb).parameters) - {"settings", "progress", "detail"}
    assert taken <= set(kind.names)


@pytest.mark.parametrize("template", COMMANDS)
def test_papermill_can_tell_what_a_template_takes(template, caplog):
    told = papermill.inspect_notebook(shipped("templates") / f"{template}.ipynb")
    assert set(told) == set(declared(template))
    assert all(parameter["help"] for parameter in told.values())
    assert caplog.records == []


@pytest.mark.parametrize("template", COMMANDS)
def test_what_a_template_declares_asks_for_nothing(template):
    with pytest.raises(UsageError, match=r"it lacks spec, symbol, start, end.*, or a \w+_id"):
        take(declared(template), COMMANDS[template][1])


@pytest.mark.parametrize("template", COMMANDS)
def test_a_default_is_the_commands(template):
    module, kind, _ = COMMANDS[template]
    for name, parameter in inspect.signature(module.command).parameters.items():
        field = kind.job.model_fields.get(name)
        # A model spec may say it, which the command reads before it makes the job.
        if name == "symbol":
            continue
        if field is not None and parameter.default is not inspect.Parameter.empty:
            assert field.default in (parameter.default, {}), name


def test_flat_parameters_and_a_request_come_to_the_same():
    more = {**FLAT, "capital": 100_000, "source": "sample"}
    flat = take(injected(**more), RUN).job
    assert flat == RunJob(
        spec="a.yaml", symbol="SPX", start=dt.date(2015, 1, 2), end=dt.date(2016, 12, 30),
        capital=100_000.0, source="sample", rendering=Rendering(),
    )  # fmt: skip
    assert isinstance(flat.capital, float)
    assert take(injected(request=more), RUN).job == flat
    assert take(injected(request=json.dumps(more)), RUN).job == flat
    parts = {name: more[name] for name in ("spec", "symbol")}
    rest = {name: value for name, value in more.items() if name not in parts}
    assert take(injected(request=parts, **rest), RUN).job == flat
    renamed = {("strategy" if name == "spec" else name): value for name, value in more.items()}
    assert take(injected(**renamed), RUN).job == flat


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("start", dt.date(2015, 1, 2), dt.date(2015, 1, 2)),
        ("start", pd.Timestamp("2015-01-02"), dt.date(2015, 1, 2)),
        ("start", np.datetime64("2015-01-02"), dt.date(2015, 1, 2)),
        ("capital", np.int64(5), 5.0),
        ("capital", np.float64(0.1), 0.1),
        ("capital", "1e5", 100_000.0),
        ("windows", np.int64(4), 4),
        ("windows", "4", 4),
        ("is_ratio", "0.6", 0.6),
        ("format", "SPX.format.yaml", "SPX.format.yaml"),
        ("format", {"decimal": ","}, {"decimal": ","}),
        ("optimize", {"fast": (10, 20)}, {"fast": [10, 20]}),
        ("optimize", {"fast": [10, 20]}, {"fast": [10, 20]}),
        ("optimize", {"fast": "10:30:10", "slow": 50}, {"fast": [10, 20, 30], "slow": [50]}),
        ("optimize", "fast=10:30:10 slow=50", {"fast": [10, 20, 30], "slow": [50]}),
        ("optimize", "fast=10, 20; slow=50", {"fast": [10, 20], "slow": [50]}),
        ("optimize", '{"fast": [10, 20]}', {"fast": [10, 20]}),
        ("optimize", ["fast=10,20", "slow=50"], {"fast": [10, 20], "slow": [50]}),
    ],
    ids=str,
)
def test_a_value_arrives_with_its_type_by_papermills_own_hand(name, value, expected):
    given = injected(**{**FLAT, name: value})
    arrived = getattr(take(given, WALK_FORWARD).job, name)
    assert (arrived, type(arrived)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"capital": "much"}, "capital is 'much'; it must be a number above 0"),
        ({"capital": True}, "capital is True; it must be a number above 0"),
        ({"symbol": 700}, "symbol is 700, a number; it must be a text"),
        ({"start": 20150102}, "start is 20150102, a number"),
        ({"spec": 5}, "spec is 5; it must be the path of a file, or a mapping"),
        ({"html_assets": "cdn"}, "rendering.html_assets is 'cdn'"),
        ({"request": "{"}, "request: this text is no JSON"),
        ({"request": [1]}, "request must be a mapping, not a list"),
        ({"request": {"symbol": "SPX"}}, "symbol is given twice, in request, too"),
        ({"strategy": "b.yaml"}, "spec is given twice, as strategy, too"),
        ({"run_id": "x"}, "run_id names what is stored; nothing else can be asked for"),
        ({"capitl": 5}, r"it has no parameter capitl; did you mean 'capital'\?"),
        ({"request": {"capitl": 5}}, r"it has no parameter capitl; did you mean 'capital'\?"),
        ({"windows": 3}, "it has no parameter windows"),
    ],
    ids=str,
)
def test_what_cannot_be_is_told_with_all_parameters(given, said):
    with pytest.raises(UsageError, match=said) as caught:
        take(injected(**{**FLAT, **given}), RUN)
    assert caught.value.hint == f"Its parameters are {', '.join(RUN.names)}."
    assert caught.value.details["parameters"] == RUN.names


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("fast", "does not say which parameter takes which values"),
        ("fast=1:2:3 fast=4", "Parameter 'fast' is given twice"),
        (5, "Write fast=5:50:5"),
        ({"fast": "range(5)"}, "is no number"),
    ],
    ids=str,
)
def test_values_that_cannot_be_read_are_told(given, said):
    with pytest.raises(UsageError, match=said):
        take(injected(**FLAT, parameters=given), SWEEP)


def test_all_problems_are_told_at_once():
    names = injected(symbol=5, capital="much", strategie="a.yaml")
    with pytest.raises(UsageError) as caught:
        take(names, RUN)
    assert len(caught.value.details["problems"]) == 4
    assert "it lacks spec, start, end, or a run_id" in caught.value.message
    # A question is not ended once more, and the next problem begins no sentence.
    assert "did you mean 'strategy'?; " in caught.value.message
    with pytest.raises(UsageError, match=r"did you mean 'strategy'\?\n"):
        take(injected(**FLAT, strategie="a.yaml"), RUN)


def test_a_readers_own_names_are_no_parameters():
    names = {**injected(**FLAT), "x": 5, "document": object()}
    names["In"] = [*names["In"], "x = 5"]
    assert take(names, RUN).job.symbol == "SPX"


def test_places_are_the_settings(tmp_path):
    taken = take({"run_id": "1", "database": str(tmp_path / "a.db")}, RUN)
    assert (taken.stored, taken.settings.db_path) == ("1", tmp_path / "a.db")
    taken = take({"sweep_id": "1", "folder": str(tmp_path)}, SWEEP)
    assert taken.settings.report_dir == tmp_path


@pytest.mark.parametrize("ids", [["a", "b"], "a b", "a, b", '["a", "b"]'], ids=str)
def test_runs_to_compare_are_a_list_or_a_text(ids):
    assert take_ids(injected(run_ids=ids))[0] == ["a", "b"]


@pytest.mark.parametrize("given", [{}, {"run_ids": 5}, {"run_ids": ["a"], "ids": ["b"]}], ids=str)
def test_runs_to_compare_that_cannot_be_are_told(given):
    with pytest.raises(UsageError) as caught:
        take_ids(injected(**given))
    assert caught.value.hint == "Its parameters are run_ids, database."


def test_report_options_are_the_rendering():
    assert take(injected(**FLAT, no_report=True), RUN).job.rendering is None
    shown = take(injected(**FLAT, html_assets="shared", upload_reports=True), RUN).job.rendering
    assert shown == Rendering(html_assets="shared", upload=True)
