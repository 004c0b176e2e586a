"""Ten million users scored from Parquet: seconds, memory of all processes, and the same money however they are cut.

``python -m tests.benchmarks.budget.scale``, or with ``quick`` after it on few users; its bars then say nothing. Every
run is a process of its own that is started anew, and its seconds are those of the whole process, imports included.
Memory is the sum of what each of its processes had at most, so that memory shared between them counts several times.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from bethink.tools.budget.assignment import draw
from bethink.tools.budget.breakpoints import BreakpointHistogram
from bethink.tools.budget.chord import chord_search
from bethink.tools.budget.environment import AMOUNTS, REDEMPTION, STATES, tabular
from bethink.tools.budget.knapsack import KnapsackDual
from bethink.tools.budget.ledger import MICRO, Totals
from bethink.tools.budget.mixed_policy import MixedPolicy
from bethink.tools.budget.oracle import TabularOracle
from bethink.tools.budget.record_batches import record_batches
from bethink.tools.budget.scoring import ScoringJob, TableForecast, score, score_batch
from tests.benchmarks.report import ROOT, Bar, bar, show

USERS, QUICK_USERS, ONE_SHOT, BUDGET = 10_000_000, 200_000, 2_000_000, 1_000_000.0
GROUP_ROWS = 1_000_000
SEGMENTS = np.array(["deal-seeker", "habit-former", "loyal", "dormant"])
PARTITIONS = (1, 7, 64)
LOOK_SECONDS = 0.02


def job() -> ScoringJob:
    """The optimal mixture at 6 a user; week 0 of it is scored, totals are by segment."""
    process = tabular()
    mixture = chord_search(TabularOracle(process), 6.0, tolerance=1e-9)
    policy = MixedPolicy.from_mixture(mixture, AMOUNTS, "spring")
    return ScoringJob(policy, TableForecast(process.reward, process.cost), segment="segment")


def write_users(folder: Path, users: int) -> None:
    """The same users in folders ``1``, ``7`` and ``64`` of so many Parquet files each."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    ids = rng.permutation(users) + 10**9
    states = rng.choice(STATES, users, p=tabular().initial).astype(np.int16)
    names = pa.array(SEGMENTS).take(pa.array(states // 15))
    table = pa.table({"user_id": ids, "state": states, "segment": names})
    for count in PARTITIONS:
        (folder / str(count)).mkdir()
        borders = np.linspace(0, users, count + 1).astype(int)
        for number, (first, end) in enumerate(pairwise(borders)):
            pq.write_table(
                table.slice(first, end - first), folder / str(count) / f"{number:02}.parquet", row_group_size=GROUP_ROWS
            )


# -- in a process of its own ------------------------------------------------------------------------------------------


def by_threads(folder: str, workers: int) -> Totals:
    """What :func:`score` would be with threads in place of processes."""
    import pyarrow as pa

    work = job()
    batches: list[pa.RecordBatch] = list(record_batches(folder, work.columns))
    with ThreadPoolExecutor(workers) as pool:
        found = pool.map(lambda batch: score_batch(batch, work)[0], batches)
        return sum(found, Totals(work.amounts, {}))


def by_numpy(folder: str, hashed: bool) -> dict[str, float]:
    """Seconds of plain NumPy over arrays in memory, loading not counted; with users' draws hashed or drawn already."""
    import pyarrow.parquet as pq

    table = pq.read_table(folder, columns=["user_id", "state"])
    ids, states = table["user_id"].to_numpy(), table["state"].to_numpy()
    work = job()
    assert work.tables is not None
    draws = np.random.default_rng(0).random(len(ids))
    cost = np.rint(tabular().cost * MICRO).astype(np.int64)
    start = time.perf_counter()
    components = np.searchsorted(np.cumsum(work.policy.weights)[:-1], draw(ids, "spring") if hashed else draws, "right")
    actions = work.tables[components, 0, states]
    users = np.bincount((states // 15) * len(AMOUNTS) + actions, minlength=4 * len(AMOUNTS))
    total = int(cost[states, actions].sum())
    return {"seconds": time.perf_counter() - start, "cost_micro": total, "users": int(users.sum())}


def by_ray(folder: str, cpus: int) -> Totals:
    """On a local Ray that is started for it."""
    from bethink.tools.budget.ray_scoring import score_on_ray

    logging.getLogger("ray").setLevel(logging.ERROR)
    return score_on_ray(folder, job(), cpus=cpus)


def child(how: str, folder: str, workers: int, out: str) -> dict[str, Any]:
    """What one process does, and its totals."""
    if how == "numpy":
        return by_numpy(folder, hashed=bool(workers))
    start = time.perf_counter()
    runs: dict[str, Callable[[], Totals]] = {
        "score": lambda: score(folder, job(), workers=workers, out=out or None),
        "threads": lambda: by_threads(folder, workers),
        "ray": lambda: by_ray(folder, workers),
    }
    totals = runs[how]()
    return {"seconds_inside": time.perf_counter() - start, "totals": totals.to_json()}


# -- seen from outside ------------------------------------------------------------------------------------------------


def most_memory(process: subprocess.Popen[str]) -> float:
    """Wait for a process; the sum in GB of what it and each process below it had at most (Linux's VmHWM)."""
    most: dict[int, int] = {}
    while process.poll() is None:
        for number in family(process.pid):
            try:
                lines = Path(f"/proc/{number}/status").read_text(encoding="utf-8").splitlines()
            except OSError:
                continue
            kilobytes = next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)
            most[number] = max(most.get(number, 0), kilobytes)
        time.sleep(LOOK_SECONDS)
    return sum(most.values()) * 1024 / 1e9


def family(number: int) -> list[int]:
    """A process and all below it."""
    found = [number]
    for parent in found:
        for tasks in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += map(int, tasks.read_text(encoding="utf-8").split())
            except OSError:
                continue
    return found


def in_a_process_of_its_own(how: str, folder: Path, workers: int, out: Path | None = None) -> dict[str, Any]:
    """Seconds, seconds of all cores together, and gigabytes of :func:`child`, with what it answers."""
    print(f"  {how}, {workers}, folder {folder.name}{' to a file' if out else ''}", file=sys.stderr)
    asked = [
        sys.executable,
        "-m",
        "tests.benchmarks.budget.scale",
        "child",
        how,
        str(folder),
        str(workers),
        str(out or ""),
    ]
    start, used = time.perf_counter(), cpu_seconds()
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(asked, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True, env=quiet())
        gigabytes = most_memory(process)
        seconds = time.perf_counter() - start
        answer = process.communicate()[0]
        if process.returncode:
            errors.seek(0)
            raise RuntimeError(f"{how} failed: {errors.read()[-2000:]}")
    return {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds() - used,
        "gigabytes": gigabytes,
        "answer": json.loads(answer.splitlines()[-1]),
    }


def cpu_seconds() -> float:
    """Of the processes below this one that have ended, without Ray's, which are not; not misled by others' work."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime


def quiet() -> dict[str, str]:
    """The environment with one thread a process, as there are as many processes as cores."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is removed again."""
    folder = Path(tempfile.mkdtemp(prefix="bethink-scale-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# -- one-shot ---------------------------------------------------------------------------------------------------------


def one_shot(users: int) -> dict[str, float]:
    """A budget of 1,000,000 over users with four amounts and a response each: exactly, and in one pass over bins."""
    rng = np.random.default_rng(0)
    chance = rng.uniform(0.05, 0.5, (users, 1)) + rng.gamma(2.0, 0.03, (users, 1)) * np.log1p(AMOUNTS)
    chance = np.minimum(chance, 1.0)
    gains, costs = chance - chance[:, :1], REDEMPTION * AMOUNTS * chance
    budget = BUDGET * users / ONE_SHOT
    start = time.perf_counter()
    exact = KnapsackDual(gains, costs, budget).solve()
    found = {"users": float(users), "exact_seconds": time.perf_counter() - start, "price": exact.multiplier}
    start = time.perf_counter()
    histogram = BreakpointHistogram.empty(2.0**-12, 2.0**4)
    for first in range(0, users, GROUP_ROWS // 16):
        part = slice(first, first + GROUP_ROWS // 16)
        histogram = histogram.add(gains[part], costs[part])
    plan = histogram.plan(budget)
    found["histogram_seconds"] = time.perf_counter() - start
    assert plan.rule.low <= exact.multiplier <= plan.rule.high
    found["bracket_percent"] = 100 * (plan.rule.high / plan.rule.low - 1)
    found["gain_lost_percent"] = 100 * (1 - plan.gain / exact.gain)
    found["cost_off"] = abs(plan.cost - budget)
    show(
        f"One-shot: {users:,} users x 4 amounts",
        ("", "exact", f"{len(histogram.counts) - 2:,} bins"),
        [
            ("seconds", found["exact_seconds"], found["histogram_seconds"]),
            ("price bracket, %", 0.0, found["bracket_percent"]),
            ("gain lost, %", 0.0, found["gain_lost_percent"]),
            ("cost less budget", abs(exact.cost - budget), found["cost_off"]),
        ],
    )
    return found


def run(users: int = USERS) -> tuple[list[Bar], dict[str, Any]]:
    """The bars, and seconds, memory and totals of each run."""
    with scratch() as folder:
        print(f"  writing {users:,} users", file=sys.stderr)
        write_users(folder, users)
        whole, out = folder / "1", folder / "assignments.parquet"
        runs = {
            "1 process": in_a_process_of_its_own("score", whole, 1),
            "2 workers": in_a_process_of_its_own("score", whole, 2),
            "2 workers, assignments written": in_a_process_of_its_own("score", whole, 2, out),
            "2 workers, 7 files": in_a_process_of_its_own("score", folder / "7", 2),
            "2 workers, 64 files": in_a_process_of_its_own("score", folder / "64", 2),
            "2 threads": in_a_process_of_its_own("threads", whole, 2),
            "Ray, 2 cores": in_a_process_of_its_own("ray", folder / "7", 2),
        }
        megabytes = out.stat().st_size / 1e6
        hashed, drawn = (in_a_process_of_its_own("numpy", whole, number)["answer"] for number in (1, 0))
    totals = {name: Totals.from_json(found["answer"]["totals"]) for name, found in runs.items()}
    first = totals["1 process"]
    assert first.users == hashed["users"] == users
    assert first.cost_micro == hashed["cost_micro"]
    differ = sum(found != first for found in totals.values())
    rows = [
        (
            name,
            found["seconds"],
            "-" if name.startswith("Ray") else found["cpu_seconds"],
            found["gigabytes"],
            totals[name].cost_micro,
        )
        for name, found in runs.items()
    ]
    rows += [
        ("NumPy in memory, ids hashed", hashed["seconds"], "-", "-", hashed["cost_micro"]),
        ("NumPy in memory, nothing hashed", drawn["seconds"], "-", "-", "other draws"),
    ]
    columns = ("", "seconds", "of all cores", "GB, all processes", "planned cost, millionths")
    show(f"{users:,} users from Parquet", columns, rows)
    judged, written = runs["2 workers"], runs["2 workers, assignments written"]
    ratios = {name: judged["seconds"] / found["seconds"] for name, found in (("hashed", hashed), ("drawn", drawn))}
    print(
        f"2 workers from Parquet take {ratios['hashed']:.2f} times what plain NumPy takes in memory with the ids hashed, "
        f"{ratios['drawn']:.0f} times with draws that are there already."
    )
    bars = [
        bar(f"{users:,} users from Parquet on 2 cores, seconds", judged["seconds"], "<=", 90),
        bar(
            f"{users:,} users, assignments written, seconds",
            runs["2 workers, assignments written"]["seconds"],
            "<=",
            90,
        ),
        bar(
            f"{users:,} users, GB of all processes together", max(judged["gigabytes"], written["gigabytes"]), "<=", 1.0
        ),
        bar("runs in 1, 7, 64 parts, processes, threads or Ray whose totals differ in any bit", differ, "<=", 0),
    ]
    figures: dict[str, Any] = {
        "users": users,
        "runs": {
            name: {key: found[key] for key in ("seconds", "cpu_seconds", "gigabytes")} for name, found in runs.items()
        },
        "numpy": {"hashed": hashed["seconds"], "drawn": drawn["seconds"], "ratios": ratios},
        "written_mb": megabytes,
        "planned_cost": first.planned_cost() / 100,
        "one_shot": one_shot(ONE_SHOT if users == USERS else QUICK_USERS),
    }
    return bars, figures


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        print(json.dumps(child(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])))
    else:
        found_bars, _ = run(QUICK_USERS if "quick" in sys.argv else USERS)
        show("Bars", ("bar", "value", "goal", "holds"), [(b.id, b.value, b.goal, b.ok) for b in found_bars])
