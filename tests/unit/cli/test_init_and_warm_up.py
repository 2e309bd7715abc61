"""What a new install needs first: a folder to work in, and compiled loops."""

import re
import shlex
from pathlib import Path

import pytest

from btkit import announcing
from btkit.cli import main as entry
from btkit.cli.app import app
from btkit.cli.outcome import CommandOutcome


def test_init_says_what_it_wrote_and_what_it_left(answer, backtest, workplace):
    code, first, said = answer("init", "lab")
    assert code == 0
    assert first["folder"] == str(workplace / "lab")
    assert (first["left"], first["changed"]) == ([], [])
    assert f"{len(first['written'])} files written, 0 left" in said
    suggested = shlex.split(first["next"][0]["command"])
    assert backtest(*suggested[1:], "--no-report")[1]["trade_count"] > 0
    (workplace / "lab" / "strategies" / "golden_cross.yaml").write_text("name: mine\n")
    code, again, said = backtest("init", "lab", "--quiet")
    assert (code, again["written"], said) == (0, [], "")
    assert again["left"] == first["written"]
    assert again["changed"] == [str(workplace / "lab" / "strategies" / "golden_cross.yaml")]


def test_init_needs_a_folder(backtest, workplace):
    (workplace / "file").write_text("")
    for arguments in (("init",), ("init", ""), ("init", "file")):
        code, document, _ = backtest(*arguments)
        assert (code, document["error"]["type"]) == (2, "UsageError")
        assert document["error"]["hint"]


def test_paths_that_readme_and_the_help_name_are_there_after_init(backtest, workplace, monkeypatch):
    backtest("init", "lab")
    monkeypatch.chdir(workplace / "lab")
    texts = [(Path(__file__).resolve().parents[3] / "README.md").read_text()]
    texts += [str(command.help) for command in app.registered_commands]
    named = set(re.findall(r"\b(?:strategies|templates|notebooks)/\w+\.\w+", "".join(texts)))
    assert {"templates/run.ipynb", "strategies/spy_momentum_v1.json"} < named
    assert [path for path in named if not Path(path).is_file()] == []


def test_warm_up_compiles_nothing_twice(backtest):
    code, document, said = backtest("warm-up")
    assert (code, document["compiled"] >= 0) == (0, True)
    code, document, said = backtest("warm-up")
    assert (code, document["compiled"]) == (0, 0)
    assert Path(document["cache"]).is_dir()
    assert "0 functions compiled" in said


def test_warm_up_without_a_folder_for_what_it_compiles(backtest, monkeypatch):
    monkeypatch.setattr("btkit.conditions.compiled.cache_folder", lambda: None)
    code, document, _ = backtest("warm-up")
    assert (code, document["error"]["type"]) == (2, "StoreError")
    assert "NUMBA_CACHE_DIR" in document["error"]["hint"]


@pytest.mark.parametrize("flag", [None, "-q", "--quiet"])
def test_a_command_says_that_it_compiles_unless_it_is_quiet(flag, monkeypatch, capsys):
    def work():
        announcing.compiling_begins(kept=True)
        return CommandOutcome({"fine": True}, next=[])

    monkeypatch.setattr(announcing._Compiling, "announced", False)
    monkeypatch.setattr(entry, "_parse", lambda _arguments: work)
    assert entry.main(["run", *([flag] if flag else [])]) == 0
    said = capsys.readouterr().err
    assert ("compiling" in said) == (flag is None)
    assert max(map(len, said.splitlines()), default=0) < 80
