"""The job of :mod:`bethink.tools.budget.scoring` on Ray Data: the same function over record batches, the same totals.

Needs ``pip install 'bethink[ray]'``. Where no Ray runs a local one is started, without its dashboard and its usage
reports, and stopped again; a running cluster is used as it is.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bethink.tools.budget.ledger import Totals
from bethink.tools.budget.record_batches import BATCH_ROWS, check_columns, labels, parquet_files
from bethink.tools.budget.scoring import ScoringJob, score_batch

STORE_BYTES = 256 * 2**20
"""Shared memory of a Ray that is started here; batches wait in it."""


def score_on_ray(
    source: Any,
    job: ScoringJob,
    *,
    out: str | Path | None = None,
    cpus: int | None = None,
    batch_rows: int = BATCH_ROWS,
) -> Totals:
    """Score every row of a table on Ray: the totals of :func:`bethink.tools.budget.scoring.score`, bit for bit.

    Args:
        source: a ``ray.data.Dataset``, or a path of a Parquet file or a folder of them, or several such paths; every
            node must see them.
        job: what to do with each row; every node must have the packages that its policy and forecast come from.
        out: a new folder for the assignments, one Parquet file for each of Ray's blocks, in no particular order. The
            totals are then counted from what was written.
        cpus: cores for a Ray that is started here; None: all.
        batch_rows: rows at a time, at most 65,536.

    Raises:
        ImportError: Ray is not installed.
        TableError: a table that cannot be read or used. Of a bad row the place in its batch is said: Ray knows no
            other.
        ValueError: ``out`` is there already, batch_rows out of range, or a forecast that is not finite.
    """
    if not 1 <= batch_rows <= BATCH_ROWS:
        raise ValueError(f"batch_rows must be 1 to {BATCH_ROWS:,}, not {batch_rows}.")
    folder = None if out is None else Path(out).absolute()
    if folder is not None and folder.exists():
        raise ValueError(f"{folder.name} is there already; name a new folder for the assignments.")

    def mapped(rows: Any, function: Callable[..., Any]) -> Any:
        work = partial(function, job=job)
        found = rows.map_batches(work, batch_format="pyarrow", batch_size=batch_rows, zero_copy_batch=True)
        found.context.raise_original_map_exception = True
        return found

    with _ray(cpus) as data:
        rows = source if isinstance(source, data.Dataset) else data.read_parquet(_paths(source))
        check_columns(rows.schema().names, job.columns)
        rows = rows.select_columns(list(job.columns))
        if folder is None:
            found = mapped(rows, _totals)
        else:
            mapped(rows, _assignments).write_parquet(str(folder))
            found = mapped(data.read_parquet(str(folder)), _counted)
        totals = Totals(job.amounts, {})
        for row in found.iter_rows():
            totals += Totals.from_json(row["totals"])
        return totals


def _paths(source: Any) -> list[str]:
    parts: Sequence[Any] = [source] if isinstance(source, str | Path) else list(source)
    return [str(path.absolute()) for part in parts for path in parquet_files(part)]


@contextmanager
def _ray(cpus: int | None) -> Iterator[Any]:
    """``ray.data`` with a Ray that runs; errors of its tasks as those of the functions that failed in them."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ImportError("Ray is not installed. Install it with `pip install 'bethink[ray]'`.") from error

    ours = not ray.is_initialized()
    if ours:
        quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": logging.ERROR}
        ray.init(num_cpus=cpus, object_store_memory=STORE_BYTES, **quiet)
    settings = ray.data.DataContext.get_current()
    bars, settings.enable_progress_bars = settings.enable_progress_bars, not ours and settings.enable_progress_bars
    try:
        yield ray.data
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, ValueError):
            raise error.cause from error
        raise
    finally:
        settings.enable_progress_bars = bars
        if ours:
            ray.shutdown()


# -- in Ray's workers: batches are pyarrow tables of at most 65,536 rows ----------------------------------------------


def _scored(table: Any, job: ScoringJob) -> tuple[Totals, Any]:
    batch = table.combine_chunks().to_batches()[0]
    return score_batch(batch, job)


def _totals(table: Any, job: ScoringJob) -> Any:
    import pyarrow as pa

    return pa.table({"totals": [_scored(table, job)[0].to_json()]})


def _assignments(table: Any, job: ScoringJob) -> Any:
    import pyarrow as pa

    return pa.Table.from_batches([_scored(table, job)[1]])


def _counted(table: Any, job: ScoringJob) -> Any:
    """The totals of assignments."""
    import pyarrow as pa

    table = table.combine_chunks()
    action, cost, reward = (table[name].to_numpy().astype("int64") for name in ("action", "cost_micro", "reward_micro"))
    segments = labels(table[job.segment].combine_chunks()) if job.segment else ()
    return pa.table({"totals": [Totals.of(job.amounts, action, cost, reward, *segments).to_json()]})
