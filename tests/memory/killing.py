"""A process that adds thoughts is killed at a random moment, and what it left is looked at: for tests and benchmarks."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from bethink.memory import ThoughtMemory

ADDER = Path(__file__).with_name("add_until_killed.py")


def add_and_kill(
    folder: Path, first: int, rng: random.Random, *, url: str | None = None, adds: int = 1, most_s: float = 0.4
) -> int:
    """Add from number ``first`` on, kill -9 within ``most_s`` after so many adds; the last number that was in."""
    command = [sys.executable, str(ADDER), str(folder), str(first), "100000", *([url] if url else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as adder:
        assert adder.stdout is not None
        done = [int(adder.stdout.readline()) for _ in range(adds)][-1]
        time.sleep(rng.uniform(0, most_s))
        adder.kill()
        return max([done, *(int(line) for line in adder.stdout.read().split())])


def faults(memory: ThoughtMemory, done: int) -> tuple[list[str], int]:
    """What is wrong after a kill when ``done`` was the last number that was said to be in, and the last that is in.

    Each turn wrote two thoughts, the first superseding that of the turn before: all of it, or nothing.
    """
    wrong: list[str] = []
    if memory._keeper.journal.pending():
        wrong.append("the journal was not replayed")
    thoughts = memory.list(user_id="ana", include_inactive=True, limit=10**6)
    if max(Counter(thought.text for thought in thoughts).values()) > 1:
        wrong.append("a thought is doubled")
    last = max(int(thought.source_turns[0].removeprefix("turn-")) for thought in thoughts)
    if last not in (done, done + 1):
        wrong.append(f"turn {done} was acknowledged, the last that is there is {last}")
    if len(thoughts) != 2 * (last + 1):
        wrong.append(f"{len(thoughts)} thoughts of {last + 1} turns: one is half-written")
    homes = [thought.object for thought in thoughts if thought.relation == "lives in" and thought.active]
    if homes != [f"town {last}"]:
        wrong.append(f"the present home is {homes} after turn {last}")
    if memory.search(f"town {last}", user_id="ana", k=1)[0].thought.object != f"town {last}":
        wrong.append(f"turn {last} is not found")
    stored = {one.id for one in memory._keeper.store.load(memory._keeper.journal.users()[0])[0]}
    if stored != {thought.id for thought in thoughts}:
        wrong.append("store and list differ")
    again = memory.add(
        f"I live in town {last} and I like tea {last}.", user_id="ana", turn_id=f"turn-{last}", timestamp="2024-05-01"
    )
    if {change.op for change in again} != {"noop"}:
        wrong.append("a retry of the last turn wrote something")
    return wrong, last
