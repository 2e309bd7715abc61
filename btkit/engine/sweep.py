"""Run a planned sweep: in chunks of bounded memory, on as many threads as there are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from btkit.conditions.columns import ColumnEvaluator
from btkit.conditions.nodes import AsOf, Column, Node, Over
from btkit.conditions.program import Assembler
from btkit.decisions.records import (
    LIST_COUNT,
    NO_FINER,
    NO_PARTS,
    SIZE_LIST,
    FinerBars,
    LevelSets,
)
from btkit.decisions.rules import tables_of
from btkit.engine.inputs import POSITION_NAMES, Flags, Floats, Integers, Market, Rules
from btkit.engine.sweep_loop import (
    Account,
    Scratch,
    Sets,
    copy_finite,
    new_scratch,
    run_sets,
)
from btkit.engine.sweep_plan import SweepPlan, Term
from btkit.metrics import MEASURED

CHUNK_BYTES = 512_000_000
"""What the columns of one chunk may take, about; at least one set is a chunk."""

MOST_SETS = 8_192
"""Sets in a chunk at the most, so that there is progress to show and to keep."""

MOST_SET_BARS = 400_000_000
"""Sets times bars times lots in a chunk at the most, for the same reason: a second or two."""

# The same that a thread simulates at the most before it looks for more work: a moment.
_BLOCK_BARS = 3_000_000
# Blocks that a thread would make of its share of what is left: the last ones are small, so that
# all threads end together.
_BLOCKS_LEFT = 4
# A column that a program reads: its numbers, its tags, and what it was worked out from.
_BYTES_PER_TREE = 32
_NO_PERIODS = np.zeros(0, np.int64)


@dataclass(frozen=True)
class SweepEngine:
    """Everything that simulating any set of a sweep needs.

    Parameters
    ----------
    plan
        The conditions of all sets.
    evaluator
        Evaluates trees over the features; what it knows is shared by all sets.
    keep
        Takes a feature's name and an equal copy of its column, to be kept in its place.
    market, rules, account
        What is the same for all sets.
    threads
        How many sets are simulated at once. The results do not depend on it.
    finer
        What says what came first inside a bar.
    """

    plan: SweepPlan
    evaluator: ColumnEvaluator
    keep: Callable[[str, Floats], None]
    market: Market
    rules: Rules
    account: Account
    threads: int
    finer: FinerBars = NO_FINER

    @property
    def bars(self) -> int:
        """The number of bars, warm-up included."""
        bars: int = self.market.close.shape[1]
        return bars

    def chunks(self) -> Iterator[tuple[int, int]]:
        """Yield the first set of each chunk, and the one after its last."""
        plan = self.plan
        # However long a set takes, each thread has one.
        size = min(MOST_SETS, max(self.threads, MOST_SET_BARS // self._lot_bars))
        if not self._fits:
            # Each set may bring columns of its own.
            each = 17 * len(plan.gates) + _BYTES_PER_TREE * len(plan.programs)
            size = min(size, max(1, CHUNK_BYTES // (each * self.bars)))
        for first in range(0, self.plan.sets, size):
            yield first, min(first + size, self.plan.sets)

    def metrics(self, first: int, last: int) -> Floats:
        """Simulate and measure sets `first` to `last` - 1.

        Returns
        -------
        ndarray of float64, shape (n_sets, n_metrics + 1)
            In the order of `MEASURED`; the last column is 0 where a curve is not finite.
        """
        return self._run(first, last, _NO_PERIODS)[0]

    def runs(self, first: int, last: int) -> Iterator[tuple[Floats, Scratch]]:
        """Simulate sets `first` to `last` - 1 one by one, for metrics that have a function.

        Yields
        ------
        tuple
            The set's row of `metrics`, and what its run left; good until the next one.
        """
        out = np.empty((last - first, len(MEASURED) + 1))
        returns = np.empty((last - first, 0))
        fixed = (self.market, self.rules, self.account, *self._inputs(first, last))
        levels, scratch = self._levels(first, last), self._scratches[0]
        for place in range(last - first):
            run_sets(levels, place, place + 1, *fixed, scratch, out, _NO_PERIODS, returns)
            yield out[place], scratch

    def returns(self, first: int, last: int, ends: Integers) -> Floats:
        """Simulate sets `first` to `last` - 1 and return what they earned period by period.

        Parameters
        ----------
        first, last
            The sets.
        ends : ndarray of int64, shape (n_periods,)
            The last bar of each period, counted from the start of the run.

        Returns
        -------
        ndarray of float64, shape (n_sets, n_periods)
            Fractions.
        """
        return self._run(first, last, ends)[1]

    def _run(self, first: int, last: int, ends: Integers) -> tuple[Floats, Floats]:
        count = last - first
        out = np.empty((count, len(MEASURED) + 1))
        returns = np.empty((count, len(ends)))
        fixed = (self.market, self.rules, self.account, *self._inputs(first, last))
        levels = self._levels(first, last)

        def work(begin: int, end: int, scratch: Scratch) -> None:
            run_sets(levels, begin, end, *fixed, scratch, out, ends, returns)

        self._share_out(count, work)
        return out, returns

    def _share_out(self, count: int, work: Callable[[int, int, Scratch], None]) -> None:
        """Let each thread take one block of sets after the other, until there are none."""
        most = max(1, _BLOCK_BARS // self._lot_bars)
        busy = min(self.threads, count)
        lock, stop = threading.Lock(), threading.Event()
        taken = 0

        def take() -> tuple[int, int]:
            nonlocal taken
            with lock:
                begin = taken
                taken += min(most, -(-(count - begin) // (_BLOCKS_LEFT * busy)))
                return begin, taken

        def serve(scratch: Scratch) -> None:
            while not stop.is_set():
                begin, end = take()
                if begin == end:
                    return
                work(begin, end, scratch)

        if busy == 1:
            serve(self._scratches[0])
            return
        with ThreadPoolExecutor(busy) as pool:
            futures = [pool.submit(serve, scratch) for scratch in self._scratches[:busy]]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                # The pool waits for its threads: what they are at is a matter of milliseconds.
                stop.set()
                raise

    @property
    def _lots(self) -> int:
        return min(self.rules.max_positions, self.bars)

    @property
    def _lot_bars(self) -> int:
        # Exits may be judged at each bar for each lot: then these, not the bars, take the time.
        return self.bars * self._lots

    @cached_property
    def _fits(self) -> bool:
        """Whether the columns of all sets together may be one chunk's."""
        plan = self.plan
        trees = sum(len(part.trees) for part in plan.programs)
        whole = 8 * len(plan.names) + len(plan.rows) + _BYTES_PER_TREE * trees
        return whole * self.bars <= CHUNK_BYTES

    @cached_property
    def _scratches(self) -> list[Scratch]:
        levels, periods = self.plan.levels, len(self.account.ends)
        orders = self._lots if levels is not None and levels.order >= 0 else 1
        return [new_scratch(self.bars, self._lots, periods, 0, orders) for _ in range(self.threads)]

    @cached_property
    def _combinations(self) -> tuple[Integers, Integers]:
        return self.plan.combinations()

    @cached_property
    def _names(self) -> list[Column | AsOf | Over]:
        return list(self.plan.names)

    @cached_property
    def _rows(self) -> list[Node]:
        return list(self.plan.rows)

    def _levels(self, first: int, last: int) -> LevelSets | None:
        levels = self.plan.levels
        return levels and levels._replace(numbers=levels.numbers[first:last], finer=self.finer)

    def _inputs(self, first: int, last: int) -> tuple[Sets, Floats, Flags, object]:
        plan, sets = self.plan, slice(first, last)
        shape = (last - first, len(plan.gates))
        op, left = np.zeros(shape, np.int8), np.zeros(shape, np.int32)
        right, number = np.full(shape, -1, np.int32), np.zeros(shape)
        for index, gate in enumerate(plan.gates):
            op[:, index], left[:, index] = gate.op[sets], gate.left[sets]
            right[:, index], number[:, index] = gate.right[sets], gate.number[sets]
        compares = op > Term.ROW
        names = np.arange(len(plan.names))
        if not self._fits:
            names = np.unique(np.concatenate([left[compares], right[compares & (right >= 0)]]))
        rows = np.unique(left[op == Term.ROW])
        left[compares] = np.searchsorted(names, left[compares])
        right[compares & (right >= 0)] = np.searchsorted(names, right[compares & (right >= 0)])
        left[op == Term.ROW] = np.searchsorted(rows, left[op == Term.ROW])
        with np.errstate(all="ignore"):
            columns = self._every_column if self._fits else self._columns(names)
            truths = np.empty((len(rows), self.bars), np.bool_)
            for place, row in enumerate(rows):
                truths[place] = self._evaluator().evaluate(self._rows[row]).met()
            combination, lists, assembler, programs = self._programs(first, last)
            tables = tables_of(assembler, self._evaluator(), self.bars)
        code = np.array(assembler.code, np.int64).reshape(-1, 2)
        filled = np.array([plan.filled.get(which, False) for which in range(LIST_COUNT)])
        # No filter lets everything through; an empty exit or stop list never fires (2.4).
        return (
            Sets(
                op, left, right, number,
                np.array([gate.which for gate in plan.gates], np.int64),
                filled, plan.when_flat[sets], combination, lists, code, programs, NO_PARTS,
            ),
            columns,
            truths,
            tables,
        )  # fmt: skip

    def _evaluator(self) -> ColumnEvaluator:
        # A fresh one: of what it works out on the way, only the result is kept.
        return self.evaluator.fresh()

    @cached_property
    def _every_column(self) -> Floats:
        return self._columns(np.arange(len(self._names)))

    def _columns(self, names: Integers) -> Floats:
        columns = np.empty((len(names), self.bars))
        for place, name in enumerate(names):
            node = self._names[name]
            equal = copy_finite(self.evaluator.floats(node), columns[place])
            if equal and self._fits and isinstance(node, Column):
                # The next column is worked out in the memory of this one: that costs less than
                # new memory does.
                self.keep(node.name, columns[place])
        return columns

    def _programs(self, first: int, last: int) -> tuple[Integers, Integers, Assembler, Integers]:
        distinct, codes = self._combinations
        used, combination = np.unique(codes[first:last], return_inverse=True)
        assembler = Assembler(POSITION_NAMES)
        spans: dict[Node, tuple[int, int]] = {}
        programs: list[tuple[int, int]] = []
        lists = np.zeros((len(used), LIST_COUNT, 2), np.int64)
        for place, row in enumerate(used):
            for which in range(LIST_COUNT):
                lists[place, which, 0] = len(programs)
                for part, code in zip(self.plan.programs, distinct[row], strict=True):
                    tree = part.trees[code] if part.which == which else None
                    if tree is not None:
                        if tree not in spans:
                            spans[tree] = assembler.add(tree)
                        programs.append(spans[tree])
                lists[place, which, 1] = len(programs)
        assert (lists[:, SIZE_LIST, 1] - lists[:, SIZE_LIST, 0] == 1).all()
        table = np.array(programs, np.int64).reshape(-1, 2)
        return combination.astype(np.int64), lists, assembler, table


__all__ = ["SweepEngine"]
