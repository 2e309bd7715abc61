"""What is heard beside the work: to stop, that it is another's, that the server is away."""

from __future__ import annotations

import threading

import pytest

from btkit.errors import InterruptedRunError, LeaseLostError, ServerError, StoreError
from btkit.jobs.progress import Counting, ProgressListener
from btkit.service import beats as module
from btkit.service.beats import Beats


@pytest.fixture(autouse=True)
def _fast(monkeypatch):
    monkeypatch.setattr(module, "BEAT_S", 0.005)
    monkeypatch.setattr(module, "_LONGEST_PAUSE_S", 0.01)


class Server:
    """Answers each beat as the next of some answers says, the last one again and again."""

    def __init__(self, *answers):
        self.answers, self.heard = list(answers), []
        self.is_through = threading.Event()

    def beat(self, *reached):
        self.heard.append(reached)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if len(self.answers) == 1:
            self.is_through.set()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def wait(self, count=2):
        """Wait until the last answer was given, and beats after it."""
        assert self.is_through.wait(10)
        many = len(self.heard) + count
        while len(self.heard) < many:
            threading.Event().wait(0.001)


LOST = LeaseLostError("It is another's.", hint="Stop.")
AWAY = ServerError("It does not answer.", hint="Wait.")


def test_it_is_the_progress_of_the_work():
    beats = Beats(Server(False))
    assert isinstance(beats, ProgressListener)
    assert isinstance(beats, Counting)


def test_the_server_hears_how_far_it_is():
    server = Server(False)
    with Beats(server) as beats:
        with beats.stage("load bars") as note:
            note("many")
        beats.count(3, 10, "sets")
        server.wait()
    assert server.heard[-1] == (3, 10, "sets")
    assert not threading.active_count() > 1 or "lease" not in {
        t.name for t in threading.enumerate()
    }


@pytest.mark.parametrize(
    ("answers", "leaving", "kind"),
    [
        ([False, True], False, InterruptedRunError),
        ([False, AWAY, True], False, InterruptedRunError),
        ([False, False], True, InterruptedRunError),
    ],
)
def test_work_that_is_to_stop_stops_at_its_next_step(answers, leaving, kind):
    server = Server(*answers)
    with Beats(server, is_leaving=lambda: leaving) as beats:
        server.wait()
        for step in (beats.check, lambda: beats.count(1, 2, "bars"), lambda: enter(beats)):
            with pytest.raises(kind) as stopped:
                step()
            assert stopped.value.hint
        # What is done is handed in all the same.
        beats.wait(0.01)


def enter(beats):
    with beats.stage("simulate"):
        pytest.fail("it was entered")


def test_work_whose_lease_is_lost_ends_and_beats_no_more():
    server = Server(True, LOST)
    with Beats(server) as beats:
        assert server.is_through.wait(10)
        while beats._threads[0].is_alive():
            threading.Event().wait(0.001)
        with pytest.raises(LeaseLostError):
            beats.count(1, 2, "bars")
        with pytest.raises(LeaseLostError):
            beats.wait(60)
    assert len(server.heard) == 2


def test_work_goes_on_while_the_server_is_away():
    server = Server(AWAY)
    with Beats(server) as beats:
        server.wait(5)
        beats.count(1, 2, "bars")


def test_how_far_a_job_is_is_handed_in_again_and_again_whatever_fails():
    answers = iter([None, StoreError("The disk is full.", hint="Wait."), None])
    saved = threading.Event()

    def save():
        answer = next(answers, saved)
        if answer is saved:
            saved.set()
        elif answer is not None:
            raise answer

    with Beats(Server(False), save=save, every_s=0.001):
        assert saved.wait(10)


def test_a_lease_that_is_lost_while_saving_is_lost():
    tried = threading.Event()

    def save():
        tried.set()
        raise LOST

    with Beats(Server(False), save=save, every_s=0.001) as beats:
        assert tried.wait(10)
        beats._threads[1].join(10)
        with pytest.raises(LeaseLostError):
            beats.check()
