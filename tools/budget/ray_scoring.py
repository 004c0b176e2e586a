"""The job of :mod:`bethink.tools.budget.scoring` on Ray Data: the same function over record batches, the same totals.

Needs ``pip install 'bethink[ray]'``. Where it runs: :func:`bethink.tools.ray_cluster.ray_data`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bethink.tools.budget.ledger import Totals
from bethink.tools.budget.record_batches import BATCH_ROWS, check_columns, labels, parquet_files
from bethink.tools.budget.scoring import ScoringJob, score_batch
from bethink.tools.ray_cluster import ray_data


def score_on_ray(
    source: Any,
    job: ScoringJob,
    *,
    out: str | Path | None = None,
    cpus: int | None = None,
    batch_rows: int = BATCH_ROWS,
) -> Totals:
    """Score every row of a table on Ray: the totals of :func:`bethink.tools.budget.scoring.score`, bit for bit.

    What a worker that dies was at is done again by another.

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

    with ray_data(cpus) as data:
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
