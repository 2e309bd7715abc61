from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from btkit.errors import (
    ConflictError,
    LeaseLostError,
    OperationNotFoundError,
    QueueFullError,
    StoreBusyError,
    StoreFullError,
    UsageError,
)
from btkit.storage import FINISH, WHOLE, Piece, operation_rows, piece_rows
from btkit.storage.contents import PieceFiles
from btkit.writing import Aside

JOB = {"kind": "run", "symbol": "SPX"}
BROKEN = {"type": "DataError", "message": "Broken.", "hint": "Mend it.", "retryable": False}
PASSING = {"type": "StoreError", "message": "Full.", "hint": "Wait.", "retryable": True}
STOPPED = {"type": "InterruptedRunError", "message": "Stopped.", "hint": "", "retryable": True}


@pytest.fixture
def table(store):
    return store.operations


def submit(table, sizes=None, *, name="one", **given):
    operation, _ = table.submit(JOB, kind="run", operation_id=name, **given)
    table.divide(name, sizes or {}, unit="sets")
    return operation.operation_id


def take(table, name="one", *, worker="ann", size=4, now=0.0):
    piece = table.next_piece(name, size=size, worker=worker)
    return None if piece is None else table.lease(name, piece, worker=worker, seconds=10, now=now)


def begin(table, name="one", **given):
    lease = take(table, name, **given)
    table.beat(lease.token, seconds=10, now=given.get("now", 0.0))
    return lease


def kinds(table, name="one"):
    return [event.kind for event in table.events(name)]


def test_what_is_in_no_piece_yet_is_counted(table):
    submit(table, {0: 8, 1: 3})
    assert table.uncut("another") == 0
    assert table.uncut("one") == 11
    lease = begin(table)
    assert table.uncut("one") == 7
    table.expire(leases=[lease.lease_id])
    assert table.uncut("one") == 7


def test_what_was_submitted_is_there(table):
    operation, is_new = table.submit(JOB, kind="run")
    assert is_new
    assert table.get(operation.operation_id) == operation
    assert (operation.status, operation.request, operation.attempt) == ("queued", JOB, 1)
    assert kinds(table, operation.operation_id) == ["queued"]


def test_an_id_is_taken_once(table):
    submit(table)
    with pytest.raises(ConflictError) as caught:
        submit(table)
    assert caught.value.details["reason"] == "operation_id"


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "é", "x" * 129, "a\n", 5])
def test_no_operation_has_an_id_that_is_no_name_of_a_folder(table, name):
    with pytest.raises(UsageError):
        table.submit(JOB, kind="run", operation_id=name)


def test_the_same_key_and_body_are_the_same_operation(table):
    first, _ = table.submit(JOB, kind="run", idempotency_key="k", body_hash="b", limit=1)
    again, is_new = table.submit(JOB, kind="run", idempotency_key="k", body_hash="b", limit=1)
    assert (again, is_new) == (first, False)
    with pytest.raises(ConflictError) as caught:
        table.submit(JOB, kind="run", idempotency_key="k", body_hash="other")
    assert caught.value.details["reason"] == "idempotency_key"


def test_a_full_queue_takes_no_more_until_something_ended(table):
    submit(table, limit=1)
    with pytest.raises(QueueFullError) as caught:
        submit(table, name="two", limit=1)
    assert caught.value.retryable
    table.request_cancel("one")
    submit(table, name="two", limit=1)


def test_a_list_goes_on_page_by_page_the_newest_first(table):
    names = [submit(table, name=f"op{number}") for number in range(5)]
    found, token = [], None
    for _ in range(3):
        page, token = table.list(page_size=2, page_token=token)
        found += [operation.operation_id for operation in page]
    assert (found, token) == (names[::-1], None)
    table.request_cancel("op3")
    assert [one.operation_id for one in table.list("cancelled")[0]] == ["op3"]
    with pytest.raises(UsageError):
        table.list(page_token="nine")  # noqa: S106 - a page's


@pytest.mark.parametrize("method", ["get", "request_cancel", "requeue", "delete", "events"])
def test_what_is_not_there_is_said(table, method):
    with pytest.raises(OperationNotFoundError):
        getattr(table, method)("one")
    submit(table)
    with pytest.raises(OperationNotFoundError):
        getattr(table, method)("two")


def test_pieces_come_from_a_cursor_and_the_finishing_comes_last(table):
    submit(table, {0: 5, 2: 3})
    given = [take(table) for _ in range(3)]
    assert [lease.piece for lease in given] == [Piece(0, 0, 4), Piece(0, 4, 5), Piece(2, 0, 3)]
    assert take(table) is None
    for lease in given:
        assert table.accept(lease.token, b"%d" % lease.piece.lo)
    last = take(table)
    assert last.piece == FINISH
    found = [table.content(last.token, number) for number in range(4)]
    assert [piece for piece, _ in found[:3]] == [lease.piece for lease in given]
    assert [path.read_bytes() for _, path in found[:3]] == [b"0", b"4", b"0"]
    assert found[3] is None
    table.accept(last.token, b"outcome")
    (ending,) = table.endings()
    assert (ending.status, ending.outcome) == ("complete", FINISH)
    folder = table.files.path_of("one", FINISH).parent
    table.end("one", "complete", job_id="0123456789abcdef")
    done = table.get("one")
    assert (done.status, done.done, done.total, done.job_id) == (
        "complete", 8, 8, "0123456789abcdef",
    )  # fmt: skip
    assert not folder.exists()
    assert kinds(table) == ["queued", "started", "finishing", "complete"]


def test_a_job_that_is_not_divided_is_one_piece(table):
    submit(table)
    lease = begin(table)
    assert lease.piece == WHOLE
    assert take(table) is None
    table.beat(lease.token, done=7, total=9, unit="bars", seconds=10, now=1.0)
    known = table.get("one")
    assert (known.status, known.done, known.total, known.unit) == ("running", 7, 9, "bars")


def test_progress_counts_what_is_done_and_what_is_under_way(table):
    submit(table, {0: 8})
    first, second = begin(table), begin(table)
    table.accept(first.token, b"")
    table.beat(second.token, done=3, seconds=10, now=1.0)
    assert table.get("one").done == 7


def test_a_content_is_taken_once_and_from_whoever_has_the_lease(table):
    submit(table, {0: 4})
    late = begin(table)
    table.expire(now=11.0)
    lease = begin(table, worker="bob", now=11.0)
    with pytest.raises(LeaseLostError):
        table.accept(late.token, b"late")
    assert table.accept(lease.token, b"good")
    # The answer was lost on the way, and the worker asks again.
    assert not table.accept(lease.token, b"good")
    with pytest.raises(LeaseLostError):
        table.beat(lease.token, seconds=10)
    assert table.files.path_of("one", lease.piece).read_bytes() == b"good"
    assert table.get("one").done == 4


def test_no_token_lies_in_the_database(table, store):
    submit(table)
    lease = begin(table)
    assert len(lease.token) >= 43
    assert lease.token.encode() not in store.path.read_bytes()
    with closing(sqlite3.connect(store.path)) as connection:
        rows = connection.execute("SELECT * FROM btkit_leases").fetchall()
    assert lease.token not in str(rows)
    with pytest.raises(LeaseLostError):
        table.leased(lease.token[:-1])


def test_a_lost_piece_goes_to_another_worker(table):
    submit(table, {0: 4})
    begin(table)
    (lost,) = table.expire(workers={"ann"}, now=0.0)
    assert lost.worker == "ann"
    assert table.next_piece("one", size=4, worker="ann") is None
    assert take(table, worker="bob").attempt == 2
    assert kinds(table)[-1] == "lost"


def test_what_waits_behind_other_work_is_kept_alive_and_its_loss_counts_nothing(table):
    submit(table, {0: 8})
    first, second = begin(table), take(table)
    table.beat(first.token, seconds=10, now=9.0)
    assert table.expire(now=15.0) == []
    assert {lease.piece for lease in table.expire(workers={"ann"}, now=15.0)} == {
        first.piece, second.piece,
    }  # fmt: skip
    again = [take(table, worker="bob") for _ in range(2)]
    assert [lease.attempt for lease in again] == [2, 1]


def test_a_worker_that_never_begins_is_not_tried_for_ever(table):
    submit(table)
    for number in range(100):
        lease = take(table, worker=f"w{number}")
        if lease is None:
            break
        table.expire(workers={lease.worker}, now=0.0)
    (ending,) = table.endings()
    assert ending.error["type"] == "WorkerUnavailableError"
    assert number < 20


def kill_until_it_ends(table, poisonous, name="one"):
    deaths = 0
    for number in range(1_000):
        lease = take(table, name, worker=f"w{number}")
        if lease is None or lease.piece == FINISH:
            return deaths, lease
        table.beat(lease.token, seconds=10, now=0.0)
        if any(lease.piece.lo <= place < lease.piece.hi for place in poisonous):
            deaths += 1
            table.expire(workers={lease.worker}, now=0.0)
        else:
            table.accept(lease.token, b"%d-%d" % (lease.piece.lo, lease.piece.hi))
    raise AssertionError("it never ends")


def test_a_poisonous_set_is_found_by_halves_and_the_rest_goes_on(table):
    submit(table, {0: 64})
    deaths, nothing = kill_until_it_ends(table, {37})
    # The finishing waits for what is to stand in the place of the set.
    assert nothing is None
    assert table.crashed("one") == [Piece(0, 37, 38)]
    table.fill("one", Piece(0, 37, 38), b"crashed")
    last = take(table, worker="last")
    contents = []
    while (found := table.content(last.token, len(contents))) is not None:
        contents.append(found)
    places = [place for piece, _ in contents for place in range(piece.lo, piece.hi)]
    assert places == list(range(64))
    assert deaths < 10
    known = table.get("one")
    assert (known.crashed, known.done) == (1, 64)
    assert {"bisected", "crashed"} <= set(kinds(table))


def summarise(table, name="one"):
    """Let the summary say how many units are done, and how many crashed."""
    while (piece := table.unsummarised(name)) is not None:
        content = table.files.path_of(name, piece).read_bytes()
        said = {"crashed" if content == b"crashed" else "count": len(piece)}
        table.add_to_summary(
            name,
            piece,
            lambda best, said=said: {
                key: (best or {}).get(key, 0) + said.get(key, 0) for key in ("count", "crashed")
            },
        )
    return table.get(name).best


def test_what_is_taken_up_again_is_not_said_to_have_crashed(table):
    submit(table, {0: 8})
    kill_until_it_ends(table, {5})
    table.fill("one", Piece(0, 5, 6), b"crashed")
    assert summarise(table) == {"count": 7, "crashed": 1}
    table.request_cancel("one")
    table.end("one", "cancelled", job_id=None)
    table.requeue("one")
    assert table.get("one").best is None
    kill_until_it_ends(table, set())
    assert summarise(table) == {"count": 8, "crashed": 0}
    assert (table.get("one").crashed, table.get("one").done) == (0, 8)


def test_too_many_poisonous_sets_are_the_end(table, monkeypatch):
    monkeypatch.setattr(piece_rows, "MOST_CRASHED", 3)
    submit(table, {0: 16})
    kill_until_it_ends(table, set(range(16)))
    (ending,) = table.endings()
    assert (ending.status, ending.error["type"]) == ("failed", "WorkerUnavailableError")


def test_a_whole_job_that_loses_three_workers_fails_and_can_be_taken_up_again(table):
    submit(table)
    for worker in ("ann", "bob", "cid"):
        begin(table, worker=worker)
        table.expire(workers={worker}, now=0.0)
    (ending,) = table.endings()
    assert ending.error["type"] == "WorkerUnavailableError"
    table.end("one", ending.status, job_id=None)
    failed = table.get("one")
    assert (failed.status, failed.error["retryable"]) == ("failed", True)
    again = table.requeue("one")
    assert (again.status, again.attempt, again.error) == ("queued", 2, None)
    assert take(table, worker="ann").attempt == 1


def test_a_cancelled_operation_is_cancelled_when_nobody_is_at_it_any_more(table):
    submit(table, {0: 12})
    first, second = begin(table), begin(table, worker="bob")
    assert table.request_cancel("one").status == "running"
    assert table.beat(first.token, seconds=10, now=1.0)
    assert take(table) is None
    table.fail(first.token, STOPPED)
    assert table.endings() == []
    table.expire(now=20.0)
    assert [ending.status for ending in table.endings()] == ["cancelled"]
    table.end("one", "cancelled", job_id=None)
    with pytest.raises(ConflictError):
        table.request_cancel("one")
    # What is done stays done.
    table.requeue("one")
    assert [take(table).piece for _ in range(3)] == [first.piece, second.piece, Piece(0, 8, 12)]
    assert table.leases("one")[0].attempt == 1


def test_what_never_began_is_cancelled_at_once(table):
    submit(table)
    assert table.request_cancel("one").status == "cancelled"
    assert kinds(table) == ["queued", "cancelling", "cancelled"]


def test_a_job_that_was_done_before_it_was_told_to_stop_is_complete(table):
    submit(table)
    lease = begin(table)
    table.request_cancel("one")
    table.accept(lease.token, b"outcome")
    assert [ending.status for ending in table.endings()] == ["complete"]


def test_an_error_of_the_job_ends_it_and_a_passing_one_is_tried_again(table):
    submit(table, {0: 12})
    first, second = begin(table), begin(table)
    table.fail(first.token, PASSING)
    assert take(table, worker="bob").piece == first.piece
    table.fail(second.token, BROKEN)
    (ending,) = table.endings()
    assert (ending.status, ending.error) == ("failed", BROKEN)
    assert table.leases("one") == []
    with pytest.raises(LeaseLostError):
        table.fail(second.token, BROKEN)


def test_an_error_that_never_passes_ends_it_in_the_end(table):
    submit(table)
    for worker in ("ann", "bob", "cid"):
        table.fail(begin(table, worker=worker).token, PASSING)
    assert [ending.error for ending in table.endings()] == [PASSING]


def test_how_far_a_whole_job_is_travels_with_it(table):
    submit(table)
    lease = begin(table)
    table.keep_parcel(lease.token, b"half")
    table.expire(workers={"ann"}, now=0.0)
    with pytest.raises(LeaseLostError):
        table.keep_parcel(lease.token, b"less")
    assert table.files.parcel_of("one").read_bytes() == b"half"


def test_a_full_disk_loses_nothing(table, monkeypatch):
    submit(table, {0: 4})
    lease = begin(table)
    publish = Aside.publish

    def full(_aside):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Aside, "publish", full)
    with pytest.raises(StoreFullError) as caught:
        table.accept(lease.token, b"content")
    assert caught.value.retryable
    assert table.get("one").done == 0
    assert list(table.files.path_of("one", None).parent.iterdir()) == []
    monkeypatch.setattr(Aside, "publish", publish)
    assert table.accept(lease.token, b"content")


def test_a_content_that_is_damaged_is_made_anew(table):
    submit(table, {0: 8})
    for _ in range(2):
        table.accept(begin(table).token, b"content")
    last = begin(table)
    table.files.path_of("one", Piece(0, 4, 8)).write_bytes(b"cOntent")
    assert table.content(last.token, 0) is not None
    with pytest.raises(LeaseLostError):
        table.content(last.token, 1)
    assert table.get("one").done == 4
    again = begin(table, worker="bob")
    assert again.piece == Piece(0, 4, 8)
    table.accept(again.token, b"content")
    assert take(table).piece == FINISH


def test_what_cannot_be_read_is_an_attempt_if_the_worker_brought_it(table):
    submit(table, {0: 8})
    piece = Piece(0, 0, 4)
    for attempt in (1, 2, 3):
        lease = begin(table)
        assert (lease.piece, lease.attempt) == (piece, attempt)
        table.accept(lease.token, b"garbage")
        assert table.get("one").error is None
        table.reject("one", piece, BROKEN)
        assert table.get("one").done == 0
    # It was rejected: nothing more is to be said of it.
    table.reject("one", piece, PASSING)
    (ending,) = table.endings()
    assert (ending.status, ending.error) == ("failed", BROKEN)
    table.end("one", "failed", job_id=None)
    table.requeue("one")
    assert begin(table).piece == piece


def test_what_the_disk_damaged_is_no_attempt(table):
    submit(table, {0: 8})
    piece = Piece(0, 0, 4)
    for _ in range(5):
        lease = begin(table)
        assert (lease.piece, lease.attempt) == (piece, 1)
        table.accept(lease.token, b"content")
        table.files.path_of("one", piece).write_bytes(b"cOntent")
        table.reject("one", piece, BROKEN)
    assert table.endings() == []


def test_only_the_finishing_reads_contents(table):
    submit(table, {0: 8})
    table.accept(begin(table).token, b"content")
    with pytest.raises(LeaseLostError):
        table.content(begin(table).token, 0)


def test_a_lease_that_never_reached_its_worker_counts_nothing(table):
    submit(table)
    lease = take(table)
    table.withdraw(lease.lease_id)
    table.withdraw(lease.lease_id)
    assert take(table, worker="bob").attempt == 1


def test_leases_hold_on_while_no_server_is_there(table):
    submit(table)
    begin(table)
    table.extend(seconds=10, now=100.0)
    assert table.expire(now=109.0) == []


def test_only_the_latest_events_are_kept_and_the_closing_one_is_the_last(table, monkeypatch):
    monkeypatch.setattr(operation_rows, "KEPT_EVENTS", 5)
    submit(table)
    for _ in range(10):
        table.note_progress("one", rate=1.5)
    table.request_cancel("one")
    events = table.events("one")
    assert [event.kind for event in events] == [*["progress"] * 3, "cancelling", "cancelled"]
    assert [event.seq for event in table.events("one", after=events[-2].seq)] == [events[-1].seq]


def test_what_ended_can_be_deleted(table):
    submit(table, {0: 8})
    lease = begin(table)
    table.accept(lease.token, b"content")
    with pytest.raises(ConflictError):
        table.delete("one")
    table.request_cancel("one")
    table.end("one", "cancelled", job_id=None)
    table.delete("one")
    assert table.list() == ([], None)
    assert not table.files.path_of("one", None).parent.exists()


def test_who_takes_the_id_of_a_deleted_one_begins_with_nothing(table, monkeypatch):
    submit(table)
    table.keep_parcel(begin(table).token, b"another job")
    table.expire(workers={"ann"}, now=0.0)
    table.fail_whole("one", BROKEN)
    table.end("one", "failed", job_id=None)
    with monkeypatch.context() as killed:
        killed.setattr(PieceFiles, "remove", lambda *_: None)
        table.delete("one")
    assert table.files.parcel_of("one") is not None
    submit(table)
    assert table.files.parcel_of("one") is None


def test_one_server_at_a_time_gives_work_out(table, monkeypatch):
    table.take_over()
    table.take_over()
    other = ("elsewhere", 1, "0")
    monkeypatch.setattr("btkit.storage.dispatching.this_process", lambda: other)
    with pytest.raises(StoreBusyError, match="Another server"):
        table.take_over()
    table.leave()
    monkeypatch.undo()
    table.leave()
    monkeypatch.setattr("btkit.storage.dispatching.this_process", lambda: other)
    table.take_over()


def test_what_was_done_on_another_basis_is_void(table):
    submit(table, {0: 8})
    asked = table.get("one").asked
    assert not table.note_basis(asked, "a" * 64, bars="b" * 64)
    table.divide("one", {0: 8}, unit="sets")
    table.accept(begin(table).token, b"content")
    late = begin(table)
    assert not table.note_basis(asked, "a" * 64, bars="b" * 64)
    assert table.get("one").done == 4
    assert table.note_basis(asked, "c" * 64, bars="b" * 64)
    with pytest.raises(LeaseLostError):
        table.accept(late.token, b"content")
    table.divide("one", {0: 6}, unit="sets")
    assert (table.get("one").done, table.get("one").total) == (0, 6)
    assert [begin(table).piece for _ in range(2)] == [Piece(0, 0, 4), Piece(0, 4, 6)]
    assert "void" in kinds(table)


def test_what_puts_void_pieces_together_is_not_taken(table):
    submit(table, {0: 4})
    table.note_basis(table.get("one").asked, "a" * 64, bars=None)
    table.divide("one", {0: 4}, unit="sets")
    table.accept(begin(table).token, b"content")
    finishing = begin(table)
    assert finishing.piece == FINISH
    assert table.note_basis(table.get("one").asked, "b" * 64, bars=None)
    with pytest.raises(LeaseLostError):
        table.accept(finishing.token, b"parcel")


@pytest.mark.parametrize("sizes", [{}, {0: 4}], ids=["whole", "put together"])
def test_an_outcome_is_of_the_basis_that_it_was_made_on(table, sizes):
    submit(table, sizes)
    while (lease := take(table)) is not None:
        table.accept(lease.token, b"content")
    assert not table.note_basis(table.get("one").asked, "c" * 64, bars=None)
    assert [ending.status for ending in table.endings()] == ["complete"]


def test_a_whole_job_that_is_under_way_is_of_one_basis_by_itself(table):
    submit(table)
    lease = begin(table)
    assert not table.note_basis(table.get("one").asked, "c" * 64, bars=None)
    table.divide("one", {}, unit="bars")
    assert table.accept(lease.token, b"parcel")


def test_what_was_meant_for_an_operation_is_not_anothers_that_has_its_id(table):
    submit(table, {0: 8})
    before = table.get("one").asked
    table.request_cancel("one")
    table.delete("one")
    submit(table, {0: 8})
    piece = table.next_piece("one", size=4)
    assert table.lease("one", piece, worker="ann", seconds=10, asked=before) is None
    table.fail_whole("one", BROKEN, asked=before)
    with pytest.raises(OperationNotFoundError):
        table.note_basis(before, "c" * 64, bars=None)
    assert table.endings() == []
    now = table.get("one").asked
    assert table.lease("one", piece, worker="ann", seconds=10, asked=now) is not None


def test_what_nobody_is_at_waits_again_but_what_ends(table):
    leases = {
        name: begin(table, submit(table, {0: 8}, name=name))
        for name in ("left", "at_work", "stopped")
    }
    for name in ("left", "stopped"):
        table.withdraw(leases[name].lease_id)
    table.request_cancel("stopped")
    table.park()
    stands = {name: table.get(name).status for name in leases}
    assert [kinds(table, name)[-1] for name in ("left", "at_work")] == ["waiting", "started"]
    assert stands == {"left": "queued", "at_work": "running", "stopped": "running"}
