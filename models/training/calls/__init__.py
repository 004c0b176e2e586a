"""Training examples of the tasks "call", "talk" and "report": made from small grammars, the same for the same seed.

Each family (a frame of a sentence, a way of changing a call, a group of facts) belongs to one split for good, so that
what a test asks was never asked in training in those words.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

from bethink.models.agent_prompts import call_text, chat_prompt, with_notes
from bethink.models.training.calls import follow, reports, talks, told_notes
from bethink.models.training.calls.notes import some_notes
from bethink.models.training.calls.requests import book_of, request
from bethink.models.training.calls.schema import TOOLS
from bethink.models.training.calls.toolbox import offered
from bethink.models.training.examples import Example

TASKS = ("call", "talk", "report")
SPLITS = ("train", "validation", "test")
SHARES = {"call": 0.55, "talk": 0.25, "report": 0.2}
"""Shares of the tasks where nothing else is asked for."""
LONGEST = 1150
"""Letters of a prompt and its answer together that are surely below 400 tokens; longer ones are drawn again."""


def split_of(family: str) -> str:
    """``train`` (80 %), ``validation`` or ``test`` (10 % each), by a hash of the family's name."""
    place = int.from_bytes(blake2b(family.encode(), digest_size=4).digest(), "big") % 10
    return "test" if place == 0 else "validation" if place == 1 else "train"


@lru_cache(maxsize=1)
def _families() -> dict[str, tuple[str, ...]]:
    first = tuple(f"call/{tool}.{name}" for tool in TOOLS for name in book_of(tool).families)
    calls = (*first, *follow.families(), *follow.back_families(), *told_notes.families())
    return {"call": calls, "talk": talks.families(), "report": reports.families()}


def families() -> dict[str, list[str]]:
    """The names of all families of each task."""
    return {task: list(names) for task, names in _families().items()}


def generate(n: int, seed: int, split: str, tasks: Sequence[str] = TASKS) -> list[Example]:
    """``n`` different examples of a split, all of ``tasks`` mixed.

    Raises:
        ValueError: an unknown split or task.
    """
    if split not in SPLITS or not tasks or set(tasks) - set(TASKS):
        raise ValueError(f"Splits are {', '.join(SPLITS)}; tasks are {', '.join(TASKS)}.")
    rng = random.Random(f"{seed}/{split}")
    own = {task: [name for name in names if split_of(name) == split] for task, names in _families().items()}
    found: list[Example] = []
    seen: set[str] = set()
    misses = 0
    while len(found) < n and misses < 20 * n + 1000:
        task = rng.choices(list(tasks), [SHARES[each] for each in tasks])[0]
        example = _example(task, rng, own)
        if example.prompt in seen or len(example.prompt) + len(example.answer) > LONGEST:
            misses += 1
            continue
        seen.add(example.prompt)
        found.append(example)
    return found


def _example(task: str, rng: random.Random, own: dict[str, list[str]]) -> Example:
    if task == "talk":
        return talks.example(rng.choice(own["talk"]), rng, tuple(own["talk"]))
    firsts = [_first(name) for name in own["call"] if not name.startswith(("call/follow.", "call/back.", "call/note."))]
    if task == "report":
        return reports.example(rng.choice(own["report"]), firsts, rng)
    way = rng.random()
    kinds = {"call/follow.": 0.26, "call/back.": 0.04, "call/note.": 0.06}
    for start, share in kinds.items():
        names = [name for name in own["call"] if name.startswith(start)]
        if way < share and names:
            return _later(rng.choice(names), firsts, own, rng)
        way -= share
    tool = rng.choice([tool for tool in TOOLS if any(each[0] == tool for each in firsts)])
    asked = request(*rng.choice([each for each in firsts if each[0] == tool]), rng)
    text = with_notes(some_notes(rng), asked.text) if rng.random() < 0.08 else asked.text
    messages = [("user", text)]
    if rng.random() < 0.05:
        question, answer = talks.pair(rng.choice(own["talk"]), rng)
        messages = [("user", question), ("assistant", answer), *messages]
    return Example("call", chat_prompt(offered(rng, tool), messages), call_text(tool, asked.args))


def _first(name: str) -> tuple[str, str]:
    tool, _, family = name.removeprefix("call/").partition(".")
    return tool, family


def _later(name: str, firsts: list[tuple[str, str]], own: dict[str, list[str]], rng: random.Random) -> Example:
    if name.startswith("call/back."):
        return follow.asked_back(name, rng)
    if name.startswith("call/note."):
        return told_notes.example(name, rng)
    return follow.example(name, firsts, own["report"], rng)
