"""Who is there and what was handed to them: what is known of it, without Dask."""

from __future__ import annotations

import pytest

from btkit.service.roll import Roll

SAID = {"host": "vm", "pid": 7, "versions": {"numpy": "2"}}


def found(*names, last_seen=0.0):
    return {
        f"tls://{name}": {"name": name, "nthreads": 1, "last_seen": last_seen} for name in names
    }


@pytest.fixture
def roll():
    made = Roll(silence_s=2.0)
    for address in made.see(found("a", "b"), 0.0):
        made.judge(address, reason=None, introduction=SAID)
    return made


def test_who_is_new_has_to_say_who_it_is_before_it_works():
    roll = Roll(silence_s=2.0)
    assert roll.see(found("a"), 0.0) == ["tls://a"]
    assert roll.see(found("a"), 0.1) == []
    (info,) = roll.infos(0.1)
    assert not info.admitted
    assert "asked for its versions" in info.reason
    roll.hand("a", "lease")
    assert [failure.lease_id for failure in roll.take_failures()] == ["lease"]


def test_who_is_let_in_is_known_by_what_it_said(roll):
    first, second = roll.infos(0.0)
    assert (first.name, second.name) == ("a", "b")
    assert (first.host, first.pid, first.versions) == ("vm", 7, {"numpy": "2"})
    assert first.admitted
    assert first.reason is None


def test_who_is_refused_gets_nothing(roll):
    roll.judge("tls://a", reason="it has no btkit")
    assert roll.hand("a", "lease") is None
    assert "refused" in roll.take_failures()[0].message
    assert roll.infos(0.0)[0].reason == "it has no btkit"


def test_a_silent_worker_gets_no_more_until_it_speaks(roll):
    roll.see(found("a", last_seen=1.0) | found("b"), 1.0)
    first, second = roll.infos(2.5)
    assert first.admitted
    assert not second.admitted
    assert "not been heard of" in second.reason
    # Their scheduler's clock may be any: that it moves is what counts.
    roll.see(found("a", last_seen=1.0) | found("b", last_seen=-50.0), 2.6)
    assert all(info.admitted for info in roll.infos(2.7))


def test_what_a_lost_worker_had_fails_once_each(roll):
    assert roll.hand("a", "one") == "tls://a"
    roll.hand("a", "two")
    roll.hand("b", "three")
    roll.see(found("b"), 1.0)
    assert roll.take_gone() == {"a"}
    assert roll.take_gone() == set()
    assert {(failure.lease_id, failure.worker) for failure in roll.take_failures()} == {
        ("one", "a"), ("two", "a"),
    }  # fmt: skip
    # What is heard of them later is known already.
    roll.end("one", why="failed")
    assert roll.take_failures() == []
    assert roll.infos(1.0)[0].leases == ("three",)


def test_a_piece_that_ends_well_is_no_failure(roll):
    roll.hand("a", "one")
    roll.end("one")
    assert roll.take_failures() == []
    assert roll.infos(0.0)[0].leases == ()


def test_a_piece_that_failed_says_why(roll):
    roll.hand("a", "one")
    roll.end("one", why="failed at the piece: KilledWorker")
    (failure,) = roll.take_failures()
    assert failure.message == "The worker a failed at the piece: KilledWorker."


def test_a_lost_scheduler_loses_everybody(roll):
    roll.hand("b", "one")
    roll.lose_all("was behind a scheduler that was lost")
    assert roll.infos(0.0) == []
    assert roll.take_gone() == {"a", "b"}
    assert [failure.lease_id for failure in roll.take_failures()] == ["one"]


def test_no_two_workers_have_one_name(roll):
    roll.see(found("b"), 1.0)
    again = {"tls://elsewhere": {"name": "a", "nthreads": 1, "last_seen": 0.0}}
    roll.see(found("b") | again, 2.0)
    assert [info.name for info in roll.infos(2.0)] == ["a#2", "b"]
    assert roll.take_gone() == {"a"}


def test_who_answers_after_it_was_lost_changes_nothing(roll):
    roll.see({}, 1.0)
    assert roll.judge("tls://a", reason=None, introduction=SAID) is None
    assert roll.infos(1.0) == []


def test_who_was_told_to_end_left_and_was_not_lost(roll):
    roll.hand("a", "one")
    roll.see(found("b"), 1.0, left={"tls://a"})
    assert roll.take_gone() == {"a"}
    (failure,) = roll.take_failures()
    assert failure.message == "The worker a left."
