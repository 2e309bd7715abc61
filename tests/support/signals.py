"""Signals for the processes that tests start, however the tests themselves were started."""

from __future__ import annotations

import signal

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def heard() -> None:
    """Let a process hear what stops it: a job in the background, or nohup, hands on deaf ears.

    For `preexec_fn`: it takes no lock, only system calls.
    """
    for number in STOPS:
        signal.signal(number, signal.SIG_DFL)


def deaf_to_a_closed_terminal() -> None:
    """Start a process as nohup does; for `preexec_fn` as well."""
    heard()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
