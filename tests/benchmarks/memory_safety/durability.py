"""kill -9 at random moments of 1,000 adds, twenty times on each store; the server's process, too; one folder, two openers.

The embedder is a fake (words hashed to directions), so that most of the time is spent in journal and store, where a
kill may hurt.
"""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from typing import Any

from bethink.memory import MemoryFolderError, ThoughtMemory
from bethink.memory.server import chroma_server
from tests.benchmarks.memory_safety.stores import KINDS, Stores, stores
from tests.benchmarks.report import ROOT, Bar, bar, show
from tests.memory.chroma_process import chroma_process, free_port

ADDS, KILLS, SERVER_KILLS = 1000, 20, 5


def killed(place: Stores) -> dict[str, Any]:
    """Twenty lives of a process that adds, each ended at a random moment; after each all is looked at."""
    from fake_embedder import WordHashEmbedder
    from killing import add_and_kill, faults

    rng, done, wrong, replayed = random.Random(0), -1, [], []
    for number in range(KILLS):
        adds = rng.randint(1, 2 * ADDS // KILLS)
        done = add_and_kill(place.folder / "memory", done + 1, rng, url=place.url, adds=adds, most_s=0.1)
        start = time.perf_counter()
        with place.open(WordHashEmbedder()) as memory:
            found, done = faults(memory, done)
            replayed.append(time.perf_counter() - start)
        wrong += [f"kill {number}: {fault}" for fault in found]
    if done + 1 < ADDS:
        run = [sys.executable, "add_until_killed.py", str(place.folder / "memory"), str(done + 1), str(ADDS)]
        subprocess.run([*run, *([place.url] if place.url else [])], cwd=ROOT / "tests" / "memory", check=True)
        with place.open(WordHashEmbedder()) as memory:
            found, done = faults(memory, ADDS - 1)
        wrong += [f"at the end: {fault}" for fault in found]
    return {"kills": KILLS, "adds": done + 1, "faults": wrong, "slowest_reopening_s": max(replayed)}


def server_killed(place: Stores) -> dict[str, Any]:
    """The server's process is killed while a memory adds, and started again."""
    from fake_embedder import WordHashEmbedder

    rng, port, wrong, number = random.Random(1), free_port(), [], 0
    embedder, folder = WordHashEmbedder(), place.folder / "served"
    for life in range(SERVER_KILLS):
        with chroma_process(folder / "chroma", port) as (url, server):
            memory = ThoughtMemory(folder / "memory", embedder, store=chroma_server(url, embedder.dim))
            threading.Timer(rng.uniform(0.2, 1.5), server.kill).start()
            try:
                while True:
                    memory.add(f"I live in town {number}.", user_id="ana", turn_id=f"t{number}", timestamp="2024-05-01")
                    number += 1
            except MemoryFolderError:
                pass
        with chroma_process(folder / "chroma", port), memory:
            found = memory.list(user_id="ana", include_inactive=True, limit=10**6)
            towns = sorted(int(str(thought.object).removeprefix("town ")) for thought in found)
            if towns not in (list(range(number)), list(range(number + 1))):
                wrong.append(f"kill {life} of the server: {number} turns were acknowledged, {len(towns)} are there")
            if memory._keeper.journal.pending() or sum(thought.active for thought in found) != 1:
                wrong.append(f"kill {life} of the server: half-written")
            number = len(towns)
    return {"kills": SERVER_KILLS, "adds": number, "faults": wrong}


def refused(place: Stores) -> dict[str, Any]:
    """A second process on the folder is refused with a sentence; on a server, one with a folder of its own works."""
    from fake_embedder import WordHashEmbedder

    code = (
        "import sys; from fake_embedder import WordHashEmbedder; from bethink.memory import ThoughtMemory\n"
        "ThoughtMemory(sys.argv[1], WordHashEmbedder())"
    )
    with place.open(WordHashEmbedder()) as memory:
        told = subprocess.run(
            [sys.executable, "-c", code, str(memory.folder)],
            cwd=ROOT / "tests" / "memory", capture_output=True, text=True, check=False,
        )  # fmt: skip
        through = None
        if place.url is not None:
            count = len(memory.list(user_id="ana", include_inactive=True, limit=10**6))
            with place.open(WordHashEmbedder(), "another") as second:
                through = len(second.list(user_id="ana", include_inactive=True, limit=10**6)) == count
    message = told.stderr.strip().splitlines()[-1]
    return {"refused": told.returncode != 0 and "in use by another process" in message, "message": message,
            "second_works_through_the_server": through}  # fmt: skip


def run() -> tuple[list[Bar], dict[str, Any]]:
    """All of it on both stores."""
    bars, figures = [], {}
    for kind in KINDS:
        with stores(kind) as place:
            print(f"  durability, {kind}", file=sys.stderr)
            figures[kind] = {**killed(place), "second_opener": refused(place)}
            if kind == "server":
                figures["server_process"] = server_killed(place)
        found = figures[kind]
        works = found["second_opener"]["refused"] and found["second_opener"]["second_works_through_the_server"] in (
            None, True
        )  # fmt: skip
        bars += [
            bar(f"durability.{kind}.kills", found["kills"], ">=", KILLS),
            bar(f"durability.{kind}.adds", found["adds"], ">=", ADDS),
            bar(f"durability.{kind}.faults", len(found["faults"]), "<=", 0),
            bar(f"durability.{kind}.second_process", float(works), ">=", 1),
        ]
    served = figures["server_process"]
    bars.append(bar("durability.server_process.faults", len(served["faults"]), "<=", 0))
    rows = [(kind, found["kills"], found["adds"], len(found["faults"])) for kind, found in figures.items()]
    show("Durability", ("what is killed", "kills", "adds", "faults"), rows)
    return bars, figures
