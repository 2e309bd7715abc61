"""What a worker keeps, and for how long."""

from __future__ import annotations

import threading

import pytest

from btkit.service.kept import Kept


def made(log, name, size):
    def make():
        log.append(name)
        return name.upper(), size

    return make


def test_what_was_not_used_for_longest_makes_room():
    kept, log = Kept(megabytes=1), []
    for name in ("a", "b", "a", "c", "a", "b"):
        assert kept.get(name, made(log, name, 400_000)) == name.upper()
    assert log == ["a", "b", "c", "b"]
    assert kept.size == 800_000


def test_what_is_larger_than_all_there_may_be_is_not_kept():
    kept, log = Kept(megabytes=1), []
    for name in ("a", "large", "large", "a"):
        kept.get(name, made(log, name, 2_000_000 if name == "large" else 10))
    assert log == ["a", "large", "large"]
    assert kept.size == 10


def test_threads_that_want_the_same_wait_for_one_to_make_it():
    kept, log, ready = Kept(megabytes=1), [], threading.Barrier(4)

    def want():
        ready.wait()
        kept.get("a", made(log, "a", 1))

    threads = [threading.Thread(target=want) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log == ["a"]


def test_what_could_not_be_made_is_made_by_the_next():
    kept = Kept(megabytes=1)

    def fail():
        raise LookupError("no such bars")

    with pytest.raises(LookupError, match="no such bars"):
        kept.get("a", fail)
    assert kept.get("a", lambda: ("made", 1)) == "made"
