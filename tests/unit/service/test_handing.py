"""What Dask runs on a worker."""

from __future__ import annotations

import os
import sys
from types import ModuleType

import pytest

from btkit.errors import WorkerUnavailableError
from btkit.service import handing, leaving
from btkit.service.versions import fingerprint


@pytest.fixture
def worked(monkeypatch):
    """Give the orders that were worked on, with how many were at hand meanwhile."""
    orders = []
    stand_in = ModuleType("btkit.service.work")
    stand_in.work = lambda order: orders.append((order, handing.pieces()[0]))
    monkeypatch.setitem(sys.modules, "btkit.service.work", stand_in)
    monkeypatch.setattr(handing, "_AT_HAND", handing._AtHand())
    return orders


def test_a_piece_is_counted_while_it_is_done_and_when_it_is(worked):
    handing.do("an order")
    assert worked == [("an order", 1)]
    assert handing.pieces() == (0, 1)


def test_a_worker_that_ends_begins_nothing(worked, monkeypatch):
    monkeypatch.setattr(leaving, "_LEAVING", leaving.threading.Event())
    leaving.leave()
    with pytest.raises(WorkerUnavailableError, match="has not begun"):
        handing.do("an order")
    assert worked == []


def test_a_piece_that_raises_is_at_hand_no_more(worked, monkeypatch):
    monkeypatch.setattr(sys.modules["btkit.service.work"], "work", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        handing.do("an order")
    assert handing.pieces() == (0, 1)


def test_a_worker_says_who_it_is():
    said = handing.introduce()
    assert said["pid"] == os.getpid()
    assert said["versions"] == fingerprint()
