"""Jobs side by side, one torch thread each, so that equal wall time means the same for every model; kept if asked.

With ``BETHINK_BENCH_CACHE`` naming a folder, each finished job's result lies there as a JSON file under the commit it
was measured at, and a run that was stopped goes on from there. Without it nothing is kept.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from tests.benchmarks.report import commit

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
Job = tuple[Any, ...]


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def side_by_side(part: str, work: Callable[..., dict[str, Any]], jobs: Sequence[Job]) -> list[dict[str, Any]]:
    """``work(*job)`` for every job, in their order; two at a time where there are two cores. Progress to stderr.

    ``work`` is a function of a module and gives what JSON can hold.
    """
    measured_at = commit()
    files = [_file(part, job) for job in jobs]
    found: dict[int, dict[str, Any]] = {}
    for number, file in enumerate(files):
        if file and file.exists():
            kept = json.loads(file.read_text(encoding="utf-8"))
            if kept["commit"] == measured_at:
                found[number] = kept["result"]
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))  # for the processes that start below
    start = time.perf_counter()
    try:
        with ProcessPoolExecutor(min(2, cores()), multiprocessing.get_context("spawn"), _one_thread) as pool:
            running = {pool.submit(work, *job): n for n, job in enumerate(jobs) if n not in found}
            try:
                for future in as_completed(running):
                    number = running[future]
                    found[number] = json.loads(json.dumps(future.result()))
                    file = files[number]
                    if file:
                        file.parent.mkdir(parents=True, exist_ok=True)
                        kept = {"commit": measured_at, "result": found[number]}
                        file.write_text(json.dumps(kept), encoding="utf-8")
                    said = f"{time.perf_counter() - start:.0f} s"
                    print(f"  {part}: {len(found)}/{len(jobs)}, {_words(jobs[number])}, {said}", file=sys.stderr)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    return [found[number] for number in range(len(jobs))]


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def _words(job: Job) -> str:
    return " ".join(str(value) for value in job)


def _file(part: str, job: Job) -> Path | None:
    folder = os.environ.get("BETHINK_BENCH_CACHE")
    name = "".join(letter if letter.isalnum() or letter in ".-" else "_" for letter in _words(job))
    return Path(folder) / "density" / part / f"{name}.json" if folder else None
