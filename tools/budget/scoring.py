"""Score a whole population: for millions of users, which coupon each gets and what all of them together will cost.

Record batches go through one pure function, :func:`score_batch`, which knows nothing but its own rows; its totals are
whole numbers and add up to the same in any order. So the same job runs in one process, in several, or on Ray
(:mod:`bethink.tools.budget.ray_scoring`), over any partitioning of the table, with equal results, in memory that does
not grow with the table.

Hashing the ids is most of the work. It happens in Python and holds its lock, so more cores need more processes.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bethink.tools.budget.cmdp import Floats, Ints, TabularPolicy
from bethink.tools.budget.guarantee import minor_units
from bethink.tools.budget.ledger import MOST_ROWS, Totals, micro_units
from bethink.tools.budget.mixed_policy import MixedPolicy
from bethink.tools.budget.record_batches import (
    BATCH_ROWS,
    TableError,
    labels,
    record_batches,
    refuse_missing,
    user_ids,
    whole_numbers,
)

BLOCK_ROWS = 4_096
"""Rows that networks see at a time, always so many: a matrix product may round differently for another number."""
MOST_STEPS = 100_000
AHEAD = 3
"""Batches that wait for each worker."""
ADDED = ("component", "action", "amount", "cost_micro", "reward_micro")
"""The columns of an assignment beside the user's id and segment."""


class Forecast(Protocol):
    """What is expected of users in these states who get these amounts."""

    def __call__(self, states: NDArray, actions: Ints, steps: Ints) -> tuple[Floats, Floats]:
        """Expected rewards [n] and costs [n]; each row's own, whatever the other rows are."""
        ...


@dataclass(frozen=True, eq=False)
class TableForecast:
    """Expected rewards and costs as tables: [S, K], or [T, S, K] where they change with the step.

    Of the step alone, as :class:`bethink.tools.budget.cmdp.TabularCMDP` holds them, or of all that follows.

    Raises:
        ValueError: shapes that differ, or values that are not finite.
    """

    reward: Floats
    cost: Floats

    def __post_init__(self) -> None:
        if self.reward.shape != self.cost.shape or self.reward.ndim not in (2, 3):
            raise ValueError(f"Two tables [S, K] or [T, S, K] are needed, not {self.reward.shape}, {self.cost.shape}.")
        micro_units(self.reward, "expected reward")
        micro_units(self.cost, "expected cost")

    def __call__(self, states: NDArray, actions: Ints, steps: Ints) -> tuple[Floats, Floats]:
        """The tables' entries."""
        where = (states, actions) if self.reward.ndim == 2 else (steps, states, actions)
        return self.reward[where], self.cost[where]


@dataclass(frozen=True, eq=False)
class ScoringJob:
    """What is to be done with each row.

    Args:
        policy: who gets what.
        forecast: what to expect of it.
        state: the column of state numbers; or the columns of features, which networks get as float32 [n, d].
        user: the column of user ids, whole numbers or texts. A user with two rows counts twice.
        step: the 0-based step that all users are in, or the column that says it.
        segment: the column by which totals are kept; None: one total.
        scale: minor units of money to one unit.

    Raises:
        ValueError: columns named twice, tables that do not fit the amounts, amounts that are no whole minor units.

    Example:
        >>> import pyarrow as pa
        >>> from bethink.tools.budget import TabularOracle, chord_search
        >>> from bethink.tools.budget.environment import AMOUNTS, tabular
        >>> mixture = chord_search(TabularOracle(tabular()), 6.0)
        >>> policy = MixedPolicy.from_mixture(mixture, AMOUNTS, salt="spring-2026")
        >>> job = ScoringJob(policy, TableForecast(tabular().reward, tabular().cost))
        >>> users = pa.table({"user_id": [1001, 1002, 1003], "state": [15, 15, 30]})
        >>> score(users, job).users_by_amount
        (0, 1, 0, 2)
    """

    policy: MixedPolicy
    forecast: Forecast
    state: str | tuple[str, ...] = "state"
    user: str = "user_id"
    step: int | str = 0
    segment: str | None = None
    scale: int = 100

    def __post_init__(self) -> None:
        columns = self.columns
        if len(set(columns)) != len(columns) or set(self.shown) & set(ADDED):
            raise ValueError(
                f"The columns {', '.join(columns)} must differ, and those of user and segment from {ADDED}."
            )
        if isinstance(self.step, int) and not 0 <= self.step < MOST_STEPS:
            raise ValueError(f"The step is {self.step}; it must be from 0 to {MOST_STEPS - 1}.")
        _ = self.amounts
        if isinstance(self.forecast, TableForecast):
            if self.forecast.reward.shape[-1] != len(self.policy.amounts):
                shape = self.forecast.reward.shape
                raise ValueError(f"The forecast's tables {shape} do not fit {len(self.policy.amounts)} amounts.")
            if self.tables is not None and self.forecast.reward.shape[-2] < self.tables.shape[-1]:
                raise ValueError(
                    f"The forecast knows {self.forecast.reward.shape[-2]} of {self.tables.shape[-1]} states."
                )

    @property
    def features(self) -> tuple[str, ...]:
        """The columns of features; empty where there are state numbers."""
        return () if isinstance(self.state, str) else self.state

    @property
    def shown(self) -> tuple[str, ...]:
        """The columns that assignments take over from the table."""
        return (self.user,) if self.segment is None else (self.user, self.segment)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read."""
        step = (self.step,) if isinstance(self.step, str) else ()
        return (*self.shown, *((self.state,) if isinstance(self.state, str) else self.state), *step)

    @cached_property
    def amounts(self) -> tuple[int, ...]:
        """Face values in minor units [K]."""
        return tuple(minor_units(self.policy.amounts, self.scale).tolist())

    @cached_property
    def tables(self) -> Ints | None:
        """The components' actions [m, T, S], where all are tables of one size."""
        found = [policy.actions for policy, _ in self.policy.components if isinstance(policy, TabularPolicy)]
        alike = len(found) == len(self.policy.components) and len({table.shape for table in found}) == 1
        return np.stack(found) if alike and isinstance(self.state, str) else None


def score_batch(batch: Any, job: ScoringJob, first_row: int = 0) -> tuple[Totals, Any]:
    """Totals and assignments of one ``pyarrow.RecordBatch`` of at most 65,536 rows; a pure function of its rows.

    Raises:
        TableError: missing or unusable values, with the row, counted from ``first_row``.
        ValueError: more rows, or a forecast that is not finite.
    """
    import pyarrow as pa

    column = dict(zip(batch.schema.names, batch.columns, strict=True))
    states = _states(column, job, first_row)
    if isinstance(job.step, str):
        known = MOST_STEPS if job.tables is None else job.tables.shape[1]
        steps = whole_numbers(column[job.step], job.step, known, first_row)
    else:
        steps = np.full(len(states), job.step)
    components = job.policy.component(user_ids(column[job.user], job.user, first_row))
    if job.tables is not None:
        if len(steps) and steps.max() >= job.tables.shape[1]:
            raise TableError(f"The policy has {job.tables.shape[1]} steps, 0 the first; step {steps.max()} is not one.")
        actions = job.tables[components, steps, states]
    else:
        actions = _act(job, components, states, steps)
    rewards, costs = _forecast(job, states, actions, steps)
    reward, cost = micro_units(rewards, "expected reward"), micro_units(costs, "expected cost")
    segments = labels(column[job.segment]) if job.segment else ()
    totals = Totals.of(job.amounts, actions, cost, reward, *segments)
    shown = [column[name] for name in job.shown]
    added = [components.astype(np.int16), actions.astype(np.int16), job.policy.amounts[actions], cost, reward]
    return totals, pa.record_batch([*shown, *map(pa.array, added)], [*job.shown, *ADDED])


def score(
    source: Any,
    job: ScoringJob,
    *,
    out: str | Path | None = None,
    workers: int = 1,
    batch_rows: int = BATCH_ROWS,
    progress: Callable[[int], None] = lambda rows: None,
) -> Totals:
    """Score every row of a table; equal totals and assignments for any ``workers``, ``batch_rows`` and partitioning.

    Args:
        source: a Parquet file, a folder of them, or anything else that
            :func:`bethink.tools.budget.record_batches.record_batches` reads.
        job: what to do with each row.
        out: where to write one row for each user, in the table's order: ``.parquet`` or ``.csv``. Appears when it is
            complete.
        workers: processes beside this one, which reads and adds up; 1: this one does everything. A script that asks
            for more must start its work under ``if __name__ == "__main__":``.
        batch_rows: rows at a time, at most 65,536.
        progress: called with the number of rows done so far; what it raises ends the work.

    Raises:
        TableError: a table that cannot be read or used; nothing is written then.
        ValueError: workers or batch_rows out of range, ``out`` of another kind, a forecast that is not finite.
    """
    if not 1 <= batch_rows <= MOST_ROWS or not 1 <= workers <= 1_000:
        raise ValueError(f"batch_rows must be 1 to {MOST_ROWS:,} and workers 1 to 1,000; not {batch_rows}, {workers}.")
    totals = Totals(job.amounts, {})
    with _writer(out) as write:
        for found, assignments in _scored(
            record_batches(source, job.columns, batch_rows), job, workers, out is not None
        ):
            totals += found
            write(assignments)
            progress(totals.users)
    return totals


# -- one batch --------------------------------------------------------------------------------------------------------


def _states(column: dict[str, Any], job: ScoringJob, first_row: int) -> NDArray:
    import pyarrow as pa

    if isinstance(job.state, str):
        known = 2**31 if job.tables is None else job.tables.shape[-1]
        return whole_numbers(column[job.state], job.state, known, first_row)
    found = np.empty((len(column[job.user]), len(job.features)), np.float32)
    for number, name in enumerate(job.features):
        kind = column[name].type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
            raise TableError(f"Column {name!r} must hold numbers; it holds {kind}.")
        refuse_missing(column[name], name, first_row)
        found[:, number] = column[name].to_numpy(zero_copy_only=False)
    bad = ~np.isfinite(found)
    if bad.any():
        row, number = np.argwhere(bad)[0]
        raise TableError(f"Row {first_row + int(row):,}: {job.features[number]} is {found[row, number]}.")
    return found


def _blocks(states: NDArray, *others: Ints) -> Iterator[tuple[slice, int, tuple[NDArray, ...]]]:
    """Blocks of always the same number of rows, the last filled up with its first; where, how many, and the rows."""
    for first in range(0, len(states), BLOCK_ROWS):
        here = slice(first, first + BLOCK_ROWS)
        count = len(states[here])
        rows = np.arange(first, first + BLOCK_ROWS)
        rows[count:] = first
        yield here, count, tuple(part[rows] for part in (states, *others))


def _act(job: ScoringJob, components: Ints, states: NDArray, steps: Ints) -> Ints:
    actions = np.zeros(len(states), np.int64)
    kinds = len(job.policy.amounts)
    for number, (policy, _) in enumerate(job.policy.components):
        rows = np.flatnonzero(components == number)
        for here, count, (some, when) in _blocks(states[rows], steps[rows]):
            try:
                actions[rows[here]] = policy.act(some, when)[:count]
            except IndexError as error:
                raise TableError(f"A state or step is not one that the policy was made for: {error}") from error
    if len(actions) and not 0 <= actions.min() <= actions.max() < kinds:
        raise ValueError(f"The policy gave actions from {actions.min()} to {actions.max()}; there are {kinds} amounts.")
    return actions


def _forecast(job: ScoringJob, states: NDArray, actions: Ints, steps: Ints) -> tuple[Floats, Floats]:
    if isinstance(job.forecast, TableForecast):
        try:
            return job.forecast(states, actions, steps)
        except IndexError as error:
            raise TableError(f"A state or step is not one that the forecast knows: {error}") from error
    found = np.empty((2, len(states)))
    for here, count, (some, given, when) in _blocks(states, actions, steps):
        found[:, here] = np.stack(job.forecast(some, given, when))[:, :count]
    return found[0], found[1]


# -- many batches -----------------------------------------------------------------------------------------------------


def _scored(batches: Iterator[Any], job: ScoringJob, workers: int, wanted: bool) -> Iterator[tuple[Totals, Any]]:
    """Totals and assignments of each batch, in order."""
    first_row = 0
    if workers == 1:
        for batch in batches:
            yield score_batch(batch, job, first_row)
            first_row += batch.num_rows
        return
    context = multiprocessing.get_context("spawn")  # a copy of a process with threads may hang
    with ProcessPoolExecutor(workers, context, _prepare, (job, wanted)) as pool:
        waiting: deque[Future] = deque()
        try:
            for batch in batches:
                waiting.append(pool.submit(_work, _packed(batch), first_row))
                first_row += batch.num_rows
                if len(waiting) > AHEAD * workers:
                    yield _unpacked(waiting.popleft())
            while waiting:
                yield _unpacked(waiting.popleft())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


_JOB: tuple[ScoringJob, bool] | None = None


def _prepare(job: ScoringJob, wanted: bool) -> None:
    """In a worker: keep the job; a process is a core, so networks get one thread."""
    global _JOB
    _JOB = (job, wanted)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def _work(packed: Any, first_row: int) -> tuple[Totals, Any]:
    """In a worker."""
    assert _JOB is not None
    job, wanted = _JOB
    totals, assignments = score_batch(_batch(packed), job, first_row)
    return totals, _packed(assignments) if wanted else None


def _packed(batch: Any) -> bytes:
    """A batch as bytes: only its own rows, where it is a slice of a larger one."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    found: bytes = sink.getvalue().to_pybytes()
    return found


def _batch(packed: bytes) -> Any:
    import pyarrow as pa

    return pa.ipc.open_stream(packed).read_next_batch()


def _unpacked(future: Future) -> tuple[Totals, Any]:
    totals, assignments = future.result()
    return totals, None if assignments is None else _batch(assignments)


@contextmanager
def _writer(out: str | Path | None) -> Iterator[Callable[[Any], None]]:
    """What writes batches to a file that appears whole or not at all."""
    if out is None:
        yield lambda batch: None
        return
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    kinds = {".parquet": pa.parquet.ParquetWriter, ".csv": pa.csv.CSVWriter}
    path = Path(out)
    if path.suffix not in kinds:
        raise ValueError(f"Assignments are written as .parquet or .csv, not {path.name!r}.")
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    opened: list[Any] = []
    schemas: list[Any] = []

    def write(batch: Any) -> None:
        if not opened:
            opened.append(kinds[path.suffix](aside, batch.schema))
            schemas.append(batch.schema)
        elif batch.schema != schemas[0]:
            raise TableError(f"The parts of the table differ: {schemas[0]} at first, then {batch.schema}.")
        opened[0].write_batch(batch)

    try:
        yield write
        if not opened:
            raise TableError("The table has no rows, so there is nothing to write.")
        opened.pop().close()
        os.replace(aside, path)
    finally:
        for writer in opened:
            writer.close()
        aside.unlink(missing_ok=True)
