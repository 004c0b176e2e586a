"""Whether anything of one user ever reaches another: operations in any order against plain dictionaries, and threads.

The embedder is a fake (words hashed to directions): the sentences of all users are the same or nearly so, and what is
asked is whose thought comes back, not which.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from typing import Any

from tests.benchmarks.memory_safety.stores import KINDS, Stores, stores
from tests.benchmarks.report import Bar, bar, show

OPERATIONS, RUNS = 2000, 20
USERS, THREADS, QUERIES = 20, 8, 1000


def interleaved(place: Stores, processes: int) -> dict[str, Any]:
    """2,000 operations of three users in twenty runs; after each, all memories are compared with the dictionaries."""
    from fake_embedder import WordHashEmbedder
    from plain_model import PlainModel, random_steps

    rng, faults, steps, start = random.Random(0), [], 0, time.perf_counter()
    for number in range(RUNS):
        opened = [lambda name=f"p{i}": place.open(WordHashEmbedder(), name) for i in range(processes)]
        model = PlainModel(opened, ("ana", "bob", "cem"))
        try:
            random_steps(model, OPERATIONS // RUNS, rng)
        except AssertionError as problem:
            faults.append(f"run {number}, step {model.steps}: {problem}")
        finally:
            model.close()
        steps += model.steps
    return {"operations": steps, "faults": faults, "processes": processes, "seconds": time.perf_counter() - start}


def near_identical(place: Stores, processes: int) -> dict[str, Any]:
    """Twenty users say the same sentences; eight threads ask a thousand times while thoughts are still added."""
    from fake_embedder import WordHashEmbedder

    memories = [place.open(WordHashEmbedder(), f"q{i}") for i in range(processes)]
    users = [f"user-{i:02}" for i in range(USERS)]
    for number, user in enumerate(users):
        memories[0].add(f"I like tea, I am number {number}.", user_id=user, turn_id="first", metadata={"owner": user})
    leaks: list[str] = []
    spent: list[float] = []
    counted = threading.Lock()

    def work(seed: int) -> None:
        rng, memory = random.Random(seed), memories[seed % processes]
        for step in range(QUERIES // THREADS):
            user = rng.choice(users)
            if step % 3 == 0:
                memory.add(f"I like tea number {step}.", user_id=user, turn_id=f"{step}", metadata={"owner": user})
            start = time.perf_counter()
            hits = memory.search("I like tea, which number am I?", user_id=user, k=50)
            with counted:
                spent.append(time.perf_counter() - start)
                leaks.extend(
                    hit.thought.id
                    for hit in hits
                    if hit.thought.metadata["owner"] != user or hit.thought.user_id != user
                )

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for memory in memories:
        memory.close()
    return {
        "queries": len(spent),
        "leaks": leaks,
        "processes": processes,
        "median_ms": 1000 * sorted(spent)[len(spent) // 2] if spent else None,
    }


def run() -> tuple[list[Bar], dict[str, Any]]:
    """Both on both stores; on the server, two memories with folders of their own share the thoughts."""
    bars, figures = [], {}
    for kind in KINDS:
        processes = 1 if kind == "embedded" else 2
        with stores(kind) as place:
            print(f"  isolation, {kind}", file=sys.stderr)
            mixed, threads = interleaved(place, processes), near_identical(place, processes)
        figures[kind] = {"interleaved": mixed, "near_identical": threads}
        bars += [
            bar(f"isolation.{kind}.operations", mixed["operations"], ">=", OPERATIONS),
            bar(f"isolation.{kind}.faults", len(mixed["faults"]), "<=", 0),
            bar(f"isolation.{kind}.queries", threads["queries"], ">=", QUERIES),
            bar(f"isolation.{kind}.leaks", len(threads["leaks"]), "<=", 0),
        ]
    rows = [
        (kind, found["interleaved"]["operations"], len(found["interleaved"]["faults"]),
         found["near_identical"]["queries"], len(found["near_identical"]["leaks"]), found["near_identical"]["median_ms"])
        for kind, found in figures.items()
    ]  # fmt: skip
    show("Isolation", ("store", "operations", "faults", "queries", "leaks", "ms a query"), rows)
    return bars, figures
