from __future__ import annotations

from btkit.cli import progress
from btkit.jobs import Counting


def test_a_long_stage_says_how_far_it_is(capsys):
    lines = progress.PlainLines(every=0.0)
    assert isinstance(lines, Counting)
    with lines.stage("simulate") as note:
        lines.count(5_000, 20_000, "bars")
        note("3 trades")
    said = capsys.readouterr().err.splitlines()
    assert said[0].replace(",", "").split()[:5] == ["simulate", "5000", "of", "20000", "bars"]
    assert said[1].endswith("3 trades")


def test_a_short_stage_says_it_once(capsys):
    lines = progress.PlainLines()
    with lines.stage("simulate"):
        lines.count(1, 2, "bars")
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_bar_moves(capfd):
    lines = progress.LiveLines()
    assert isinstance(lines, Counting)
    with lines.stage("simulate") as note:
        lines.count(1, 2, "bars")
        note("half")
    lines.count(2, 2, "bars")  # nothing is under way: nothing is shown
    assert "half" in capfd.readouterr().err
    lines._console.file.close()
