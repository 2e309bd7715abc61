"""A signal gives a document or nothing, with the exit status that goes with it, however early."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from random import Random

import pytest
from support import signals

from btkit.cli.streams import StopSignals

# As the console script, but that it says when the package's own code begins to be imported: what
# Python does before that, nobody can change.
SCRIPT = """
import os, sys
class Begun:
    def find_spec(self, name, path=None, target=None):
        if name == "btkit":
            sys.meta_path.remove(self)
            os.write(int(os.environ["BEGUN"]), b"x")
sys.meta_path.insert(0, Begun())
from backtest_command import command
command()
"""
DELAYS_S = sorted(Random(29).uniform(0.0, 0.2) for _ in range(12))  # noqa: S311 - no secrets


def stopped(number, delay_s, preexec=signals.heard):
    """Start `backtest list`, and send a signal so long after its first import; give its end."""
    reader, writer = os.pipe()
    try:
        with subprocess.Popen(
            [sys.executable, "-c", SCRIPT, "list"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, pass_fds=[writer],
            env={**os.environ, "BEGUN": str(writer)},
            preexec_fn=preexec,  # noqa: PLW1509 - it takes no lock
        ) as process:  # fmt: skip
            assert os.read(reader, 1) == b"x"
            time.sleep(delay_s)
            process.send_signal(number)
            out, err = process.communicate(timeout=120)
    finally:
        os.close(reader)
        os.close(writer)
    return process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_document_or_nothing_and_no_traceback(number):
    silent = 0
    for delay_s in (0.0, *DELAYS_S):
        code, out, err = stopped(number, delay_s)
        assert "Traceback" not in err
        if out:
            # 2 with the error's document; 0 where the answer was on its way already.
            document = json.loads(out)
            assert code == (2 if "error" in document else 0), out
        else:
            # A shell shows 128 + the number: 130 for Ctrl-C, 143 for SIGTERM.
            assert (code, err) == (-number, "")
            silent += 1
    assert silent > 0


def test_what_is_ignored_from_the_start_stays_ignored():
    def deaf():
        signals.heard()
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    code, out, _ = stopped(signal.SIGINT, 0.0, deaf)
    assert (code, json.loads(out)["count"]) == (0, 0)


class Interrupted:
    """Is interrupted as it is finalized, which is where importing a module often is."""

    def __del__(self):
        signal.raise_signal(signal.SIGINT)
        time.sleep(0)


def test_a_signal_that_meets_a_finalizer_is_not_lost(capsys):
    with StopSignals() as stop:
        stop.arm()
        del_now(Interrupted())
        with pytest.raises(KeyboardInterrupt):
            time.sleep(60)
        stop.hold()
    assert capsys.readouterr().err == ""


def test_a_signal_that_meets_a_finalizer_does_not_tear_what_is_held(capsys):
    with StopSignals() as stop:
        stop.arm()
        del_now(Interrupted())
        stop.hold()
        time.sleep(0.1)
    assert capsys.readouterr().err == ""


def del_now(thing):
    """Take the last reference along."""
