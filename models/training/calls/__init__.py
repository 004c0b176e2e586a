"""Training examples of the tasks "call", "talk" and "report": made from small grammars, the same for the same seed.

Each family (a frame of a sentence, a way of changing a call, a group of facts) belongs to one split for good, so that
what a test asks was never asked in training in those words.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b

from bethink.models.agent_prompts import call_text, chat_prompt, with_notes
from bethink.models.training.calls import follow, reports, talks, told_notes
from bethink.models.training.calls.grammar import Unfit
from bethink.models.training.calls.notes import some_notes
from bethink.models.training.calls.requests import book_of, request
from bethink.models.training.calls.schema import TOOLS
from bethink.models.training.calls.toolbox import offered, tokens
from bethink.models.training.examples import Example

TASKS = ("call", "talk", "report")
SPLITS = ("train", "validation", "test")
SHARES = {"call": 0.55, "talk": 0.25, "report": 0.2}
"""Shares of the tasks where nothing else is asked for."""
ALONE = ("talk/greet", "talk/ask")
"""Families of talk that make no sense right after a report."""
SALT = 2110
"""Of the hash that splits families; chosen so that every split has requests for every tool."""
LATER = {"call/follow.": 0.26, "call/back.": 0.04, "call/note.": 0.06}
"""Shares of calls that come after another, after a question back, and with a note; the rest are first requests."""
BARE = 0.07
"""Share of talk that asks for a tool where none is offered."""
NO_TOOL = "I have no tool for that here."
LONGEST = 358
"""Tokens of a prompt and its answer by our estimate: surely at most 400; longer ones are drawn again."""


def split_of(family: str) -> str:
    """``train`` (80 %), ``validation`` or ``test`` (10 % each), by a hash of the family's name."""
    place = int.from_bytes(blake2b(f"{SALT}:{family}".encode(), digest_size=4).digest(), "big") % 10
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
        name = _drawn(task, rng, own)
        try:
            example = next((each for each in _tries(name, task, rng, own) if each.prompt not in seen), None)
        except Unfit:
            own[task].remove(name)
            continue
        if example is None:
            misses += 1
            continue
        seen.add(example.prompt)
        found.append(example)
    return found


def _tries(name: str, task: str, rng: random.Random, own: dict[str, list[str]]) -> Iterator[Example]:
    """Examples of a family that are short enough, out of a few draws."""
    for _ in range(40 if task == "report" else 10):
        example = _example(name, task, rng, own)
        if tokens(example.prompt + example.answer) <= LONGEST:
            yield example


def _after_report(example: Example, rng: random.Random, own: dict[str, list[str]]) -> Example:
    """What is said without a tool right after a report of one."""
    told = reports.example(rng.choice(own["report"]), _firsts(own), rng)
    last = example.prompt[example.prompt.rindex("<|im_start|>user") :]
    return Example("talk", f"{told.prompt}{told.answer}<|im_end|>\n{last}", example.answer)


def _drawn(task: str, rng: random.Random, own: dict[str, list[str]]) -> str:
    """A family: of calls first a kind by its share, and each tool as often as another."""
    if task != "call":
        return rng.choice(own[task])
    way = rng.random()
    for start, share in LATER.items():
        names = [name for name in own["call"] if name.startswith(start)]
        if way < share and names:
            return rng.choice(names)
        way -= share
    firsts = _firsts(own)
    tool = rng.choice(sorted({tool for tool, _ in firsts}))
    return f"call/{tool}.{rng.choice([name for its, name in firsts if its == tool])}"


def _firsts(own: dict[str, list[str]]) -> list[tuple[str, str]]:
    """The tools and families of first requests."""
    names = [name.removeprefix("call/") for name in own["call"] if not name.startswith(tuple(LATER))]
    return [(tool, family) for tool, _, family in (name.partition(".") for name in names)]


def _example(name: str, task: str, rng: random.Random, own: dict[str, list[str]]) -> Example:
    if task == "talk":
        if rng.random() < BARE:
            asked = request(*rng.choice(_firsts(own)), rng)
            return Example("talk", chat_prompt([], [("user", asked.text)]), NO_TOOL)
        example = talks.example(name, rng, tuple(own["talk"]))
        late = name.startswith("talk/after") or (rng.random() < 0.1 and not name.startswith(ALONE))
        return _after_report(example, rng, own) if late and example.prompt.count("<|im_start|>") == 3 else example
    if task == "report":
        return reports.example(name, _firsts(own), rng)
    if name.startswith("call/follow."):
        return follow.example(name, _firsts(own), own["report"], rng)
    if name.startswith("call/back."):
        return follow.asked_back(name, rng)
    if name.startswith("call/note."):
        return told_notes.example(name, rng)
    tool, _, family = name.removeprefix("call/").partition(".")
    asked = request(tool, family, rng)
    text = with_notes(some_notes(rng), asked.text) if rng.random() < 0.08 else asked.text
    messages = [("user", text)]
    if rng.random() < 0.05:
        question, answer = talks.pair(rng.choice(own["talk"]), rng)
        messages = [("user", question), ("assistant", answer), *messages]
    return Example("call", chat_prompt(offered(rng, tool), messages), call_text(tool, asked.args))
