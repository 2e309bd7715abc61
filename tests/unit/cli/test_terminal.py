"""What people see at a terminal, eighty columns wide; into a pipe all stays as it is."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from tempfile import TemporaryFile

import pytest

from btkit.cli.app import app
from btkit.cli.main import main

RUN = [
    "run", "--strategy", "tiny.json", "--symbol", "SPX", "--start", "2010-01-01", "--end",
    "2010-12-31", "--no-report",
]  # fmt: skip
COLUMNS = 80
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def read(terminal):
    try:
        return os.read(terminal, 65_536)
    except OSError:  # the other side is closed
        return b""


def at_terminal(*arguments, stdout_too=True):
    """Run the command with stderr, and stdout if asked, at a terminal; give code and both."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    # A file for the document, since nobody reads a pipe while the terminal is read.
    with (
        TemporaryFile() as file,
        subprocess.Popen(
            [sys.executable, "-m", "btkit.cli.main", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=theirs if stdout_too else file,
            stderr=theirs,
            env=environment | {"TERM": "xterm", "NO_COLOR": "1"},
        ) as process,
    ):
        os.close(theirs)
        shown = b"".join(iter(lambda: read(ours), b""))
        code = process.wait()
        file.seek(0)
        piped = file.read().decode()
    os.close(ours)
    text = _ESCAPES.sub("", shown.decode()).replace("\r\n", "\n")
    # What a moving bar wrote over.
    return code, "\n".join(line.rsplit("\r", 1)[-1] for line in text.split("\n")), piped


def json_in(text):
    start = text.index("{\n")
    document, end = json.JSONDecoder().raw_decode(text[start:])
    return document, text[:start], text[start + end :]


def assert_no_word_is_broken(text):
    for line in text.splitlines():
        assert len(line) <= COLUMNS or len(line.split()) == 1 or " /" in line, line


def test_the_closing_table_is_the_last_thing_below_the_document():
    code, shown, _ = at_terminal(*RUN)
    document, before, after = json_in(shown)
    assert code == (0 if document["passed"] else 1)
    assert "simulate" in before
    assert "Sharpe ratio" not in before
    assert "Sharpe ratio" in after
    # Where everything lies stands above it, so that a prompt follows the numbers.
    assert document["run"]["run_id"] in after[: after.index("Sharpe ratio")]
    least = document["min_trades_required"]
    few = "too few" if document["verdict"] == "too_few_trades" else "ok"
    last = shown.rstrip().splitlines()[-1]
    assert last.split(maxsplit=4) == ["Trades", f"{document['trade_count']}", "≥", f"{least}", few]
    assert_no_word_is_broken(before)
    assert_no_word_is_broken(after)
    # Too long for one line, and broken between words.
    assert re.search(r"load bars .*\n    \S", before)


def test_into_a_pipe_the_document_comes_last_and_alone():
    code, shown, piped = at_terminal(*RUN, stdout_too=False)
    document = json.loads(piped)
    assert code == (0 if document["passed"] else 1)
    assert "Sharpe ratio" in shown
    assert "{" not in shown


def test_list_and_indicators_are_tables_for_people():
    code, shown, _ = at_terminal("list")
    assert (code, "Nothing is stored that fits." in shown) == (0, True)
    assert "BT_DB_PATH" in shown
    _, _, piped = at_terminal(*RUN, stdout_too=False)
    run_id = json.loads(piped)["run"]["run_id"]
    code, shown, _ = at_terminal("list")
    first, second, *_ = shown.splitlines()[1:]
    assert (code, first.split()[0]) == (0, run_id)
    assert first.split()[1] in {"pass", "fail", "too"}
    assert second.strip() == "tiny on SPX, run"
    assert "{" not in shown
    assert_no_word_is_broken(shown)
    code, shown, _ = at_terminal("indicators")
    assert code == 0
    assert "open_interest_short_strike" in shown
    assert "crossed_above(a, b)" in shown
    assert "momentum" in {line.strip() for line in shown.splitlines()}
    assert "{" not in shown
    assert_no_word_is_broken(shown)


@pytest.mark.parametrize("command", ["list", "indicators"])
def test_the_document_is_to_be_had_at_a_terminal_and_in_a_pipe(command):
    asked = json_in(at_terminal(command, "--json")[1])[0]
    piped = json.loads(at_terminal(command, stdout_too=False)[2])
    assert asked == piped


def test_help_summaries_are_whole_sentences():
    for command in app.registered_commands:
        summary = command.short_help
        assert command.help.strip().startswith(f"{summary}\n\n"), command.name
        assert len(summary) <= 60, summary
        assert summary[0].isupper(), summary
        assert summary.endswith("."), summary
        assert "..." not in summary


def test_the_list_of_commands_has_the_summaries_whole(capsys):
    assert main(["--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for command in app.registered_commands:
        assert f"{command.name} {command.short_help}" in text


def test_a_moving_bar_fits_into_eighty_columns():
    from io import StringIO  # noqa: PLC0415 - with the next

    from rich.console import Console  # noqa: PLC0415 - of use here alone

    from btkit.cli.progress import LiveLines  # noqa: PLC0415 - likewise

    lines = LiveLines()
    lines._console.file.close()
    written = StringIO()
    lines._console = Console(file=written, width=COLUMNS, force_terminal=True, color_system=None)
    with lines.stage("report and store"):
        lines.count(1_234_567, 9_999_999, "sets")
    frames = _ESCAPES.sub("", written.getvalue()).replace("\r", "\n").splitlines()
    drawn = [line for line in frames if "report and store" in line]
    assert drawn
    for line in drawn:
        assert len(line) <= COLUMNS
    assert any(re.search(r"report and store .*[0-9,]+ sets/s +[0-9:-]+$", line) for line in drawn)
