from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import mkdtemp

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
)
from support.deep import sized

from btkit.errors import ConflictError, LeaseLostError
from btkit.storage import FINISH, MOST_ATTEMPTS, WHOLE, LocalCurves, Store

ONE = "one"
SECONDS = 10.0
BROKEN = {"type": "DataError", "message": "Broken.", "hint": "Mend it.", "retryable": False}
PASSING = {**BROKEN, "type": "StoreError", "retryable": True}
STOPPED = {**BROKEN, "type": "InterruptedRunError", "retryable": True}
WORKERS = st.sampled_from(["ann", "bob", "cid", "dan"])


class Ledger(RuleBasedStateMachine):
    """Workers that die, come late and come twice; whatever they do, a set is taken once."""

    leases = Bundle("leases")
    ended = Bundle("ended")

    @initialize(sizes=st.dictionaries(st.integers(0, 2), st.integers(1, 9), max_size=3))
    def begin(self, sizes):
        self.folder = Path(mkdtemp())
        self.clock = 0.0
        self.sizes = sizes
        self.taken = {}
        self.open()
        self.table.submit({"kind": "sweep"}, kind="sweep", operation_id=ONE)
        self.table.divide(ONE, sizes, unit="sets")

    @rule()
    def open(self):
        # A server that starts again knows nothing but what is on the disk.
        curves = LocalCurves(self.folder / "curves")
        self.table = Store(self.folder / "results.db", curves=curves).operations
        if self.table.database.exists():
            self.table.extend(seconds=SECONDS, now=self.clock)

    @rule(target=leases, worker=WORKERS, size=st.integers(1, 6), is_alone=st.booleans())
    def lease(self, worker, size, is_alone):
        for piece in self.table.crashed(ONE):
            self.table.fill(ONE, piece, b"crashed")
        piece = self.table.next_piece(ONE, size=size, worker=None if is_alone else worker)
        if piece is None:
            return None
        lease = self.table.lease(ONE, piece, worker=worker, seconds=SECONDS, now=self.clock)
        assert lease is not None
        assert 1 <= lease.attempt <= MOST_ATTEMPTS
        return lease

    @rule(lease=leases, done=st.integers(0, 9))
    def beat(self, lease, done):
        if lease is None:
            return
        try:
            self.table.beat(lease.token, done=done, seconds=SECONDS, now=self.clock)
        except LeaseLostError:
            assert lease.lease_id not in self.held()

    @rule(target=ended, lease=consumes(leases))
    def accept(self, lease):
        if lease is None:
            return None
        is_held = lease.lease_id in self.held()
        try:
            is_new = self.table.accept(lease.token, lease.lease_id.encode())
        except LeaseLostError:
            assert not is_held
            return lease
        assert is_new == is_held
        if is_new:
            self.taken[lease.lease_id] = lease.piece
        return lease

    @rule(lease=ended)
    def accept_twice(self, lease):
        if lease is None:
            return
        try:
            assert not self.table.accept(lease.token, lease.lease_id.encode())
        except LeaseLostError:
            # Its content was not taken the first time, or the operation is complete.
            known = self.table.get(ONE)
            assert lease.lease_id not in self.taken or known.status == "complete"

    @rule(target=ended, lease=consumes(leases), error=st.sampled_from([BROKEN, PASSING, STOPPED]))
    def fail(self, lease, error):
        if lease is not None:
            try:
                self.table.fail(lease.token, error)
            except LeaseLostError:
                assert lease.lease_id not in self.held()
        return lease

    @rule(lease=leases)
    def withdraw(self, lease):
        if lease is not None:
            self.table.withdraw(lease.lease_id)

    @rule(seconds=st.sampled_from([1.0, 6.0, 11.0]))
    def pass_time(self, seconds):
        self.clock += seconds
        self.table.expire(now=self.clock)

    @rule(worker=WORKERS)
    def die(self, worker):
        self.table.expire(now=self.clock, workers={worker})

    @rule()
    def cancel(self):
        if self.table.get(ONE).has_ended:
            return
        self.table.request_cancel(ONE)

    @rule()
    def settle(self):
        for ending in self.table.endings():
            self.table.end(ONE, ending.status, job_id=None)

    @rule()
    def requeue(self):
        try:
            self.table.requeue(ONE)
        except ConflictError:
            assert self.table.get(ONE).status not in ("cancelled", "failed")

    @invariant()
    def no_place_is_in_two_pieces(self):
        if not hasattr(self, "table"):
            return
        with self.table.database.open() as connection:
            rows = connection.execute("SELECT * FROM btkit_pieces ORDER BY grp, lo").fetchall()
            cursors = dict(connection.execute("SELECT grp, cursor FROM btkit_operation_groups"))
        known = self.table.get(ONE)
        assert all(row["attempts"] <= MOST_ATTEMPTS for row in rows)
        if known.status == "complete":
            return
        for group, cursor in cursors.items():
            places = [
                place
                for row in rows
                if row["grp"] == group
                for place in range(row["lo"], row["hi"])
            ]
            assert places == list(range(cursor))
        taken = [row for row in rows if row["status"] == "done"]
        # What was taken is what was brought under the one lease that held.
        for row in taken:
            content = self.table.files.folder / ONE / f"{row['grp']}-{row['lo']}-{row['hi']}"
            piece = self.taken[content.read_text()]
            assert (piece.group, piece.lo, piece.hi) == (row["grp"], row["lo"], row["hi"])
        settled = [row for row in rows if row["status"] in ("done", "crashed")]
        if self.sizes:
            assert known.total == sum(self.sizes.values())
            with self.table.database.open() as connection:
                under_way = connection.execute(
                    "SELECT coalesce(sum(done), 0) FROM btkit_leases WHERE grp >= 0"
                ).fetchone()[0]
            assert known.done == sum(row["hi"] - row["lo"] for row in settled) + under_way

    def teardown(self):
        if not hasattr(self, "table"):
            return
        self.come_to_an_end()
        shutil.rmtree(self.folder)

    def come_to_an_end(self):
        # Workers that are sound bring everything to an end, but for what was stopped.
        for _ in range(200):
            self.settle()
            known = self.table.get(ONE)
            if known.has_ended:
                break
            lease = self.lease("eve", 3, is_alone=True)
            if lease is not None:
                self.accept(lease)
            else:
                self.pass_time(11.0)
        assert known.has_ended
        if known.status == "complete":
            last = [piece for piece in self.taken.values() if piece.group < 0]
            assert last == ([FINISH] if self.sizes else [WHOLE])
            places = sorted(
                (piece.group, place)
                for piece in self.taken.values()
                for place in range(piece.lo, piece.hi)
            )
            assert len(places) == len(set(places))
            assert len(places) + known.crashed == sum(self.sizes.values())

    def held(self):
        return {lease.lease_id for lease in self.table.leases(ONE)}


Ledger.TestCase.settings = settings(max_examples=sized(12, 2_000), stateful_step_count=40)
TestLedger = Ledger.TestCase
