import asyncio
import threading

import pytest
from support.loops import PATIENCE_S, until_idle

from btkit.errors import InterruptedRunError
from btkit.widgets.latest import LatestTask


class Told:
    def __init__(self):
        self.began, self.ended = [], []
        self.task = LatestTask(began=self.began.append, ended=self.ended.append)

    @property
    def answers(self):
        return [progress.result for progress in self.ended]


def test_without_a_loop_work_is_done_at_once():
    told = Told()
    told.task.start(lambda _: 7, title="seven")
    assert told.answers == [7]
    assert not told.task.busy


def test_a_newer_request_cancels_the_older_one_and_the_last_of_many_wins():
    told, at_work, go_on = Told(), threading.Event(), threading.Event()

    def slow(progress):
        at_work.set()
        assert go_on.wait(PATIENCE_S)
        progress.check()
        raise AssertionError("it went on")

    async def ask():
        told.task.start(slow, title="slow")
        assert at_work.wait(PATIENCE_S)
        for number in range(5):
            told.task.start(lambda _, number=number: number, title=str(number))
        assert len(told.began) == 1
        go_on.set()
        await until_idle(told.task)

    asyncio.run(ask())
    assert told.answers == [4]
    assert [progress.state for progress in told.began] == ["cancelled", "done"]


def test_the_loop_stays_free_while_work_lasts():
    told, ticks, go_on = Told(), [], threading.Event()

    async def ask():
        told.task.start(lambda _: go_on.wait(PATIENCE_S) and len(ticks), title="wait")
        for _ in range(3):
            ticks.append(told.task.busy)
            await asyncio.sleep(0)
        go_on.set()
        await until_idle(told.task)

    asyncio.run(ask())
    assert ticks == [True] * 3
    assert told.answers == [3]


def test_an_end_is_told_once_whether_waited_for_or_not():
    told = Told()

    async def ask():
        told.task.start(lambda _: "x", title="x")
        told.task.wait()
        assert told.answers == ["x"]
        await asyncio.sleep(0.02)

    asyncio.run(ask())
    assert told.answers == ["x"]


def test_closing_stops_the_work_and_nothing_more_is_told():
    told, go_on, steps = Told(), threading.Event(), []

    def slow(progress):
        assert go_on.wait(PATIENCE_S)
        progress.check()
        steps.append("went on")

    async def ask():
        told.task.start(slow, title="slow")
        told.task.close()
        go_on.set()
        await asyncio.sleep(0.02)

    asyncio.run(ask())
    (progress,) = told.began
    with pytest.raises(InterruptedRunError):
        progress.result  # noqa: B018 - asking is what raises
    assert (told.ended, steps) == ([], [])
