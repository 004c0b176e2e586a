"""All examples of this package by task, split and seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from bethink.models.training.examples import Example
from bethink.models.training.thoughts.answer import TOOLS, answer_example
from bethink.models.training.thoughts.decide import decide_example
from bethink.models.training.thoughts.extract import extract_example
from bethink.models.training.thoughts.phrases import NOT_SPLIT, SPLITS, Book, book

TASKS = ("extract", "decide", "answer")
_GROUPS = {
    "extract": ("event", "story", "nothing", "frame", "opener", "filler", "closer"),
    "decide": ("pair", "event"),
    "answer": ("when", "what", "count", "indirect", "lead", "order", "event"),
}
_SECTIONS = {
    "extract": ("state", "change", "another", "past", "plan", "near", "stop", "ask", "check", "forget"),
    "decide": ("state", "change", "another", "past", "plan", "near", "stop", "exact", "forget"),
    "answer": ("state", "change", "past", "plan", "near", "ask", "check"),
}
TRIES = 60
"""Tries at an example that is not there yet, before it may come twice."""


def generate(
    n: int, seed: int, split: str, tasks: Sequence[str] = TASKS, tools: Sequence[str] = TOOLS
) -> list[Example]:
    """``n`` examples, as many of each task as of the others, the tasks in turn.

    The same arguments give the same examples, and fewer of them are the first of more. No example comes twice as long
    as there are others.

    Raises:
        ValueError: an unknown task or split, or a negative number.
    """
    if split not in SPLITS:
        raise ValueError(f"Not a split: {split!r}. Use one of {', '.join(SPLITS)}.")
    if unknown := [task for task in tasks if task not in TASKS]:
        raise ValueError(f"Not a task of this package: {unknown[0]!r}. Use some of {', '.join(TASKS)}.")
    if n < 0 or not tasks:
        raise ValueError("Ask for some tasks, and for no negative number of examples.")
    makers: dict[str, Callable[[Random, str, Book], Example]] = {
        "extract": extract_example,
        "decide": decide_example,
        "answer": partial(answer_example, tools=tools),
    }
    rngs = {task: Random(f"{seed} {split} {task}") for task in tasks}
    seen: set[tuple[str, str]] = set()
    found: list[Example] = []
    for at in range(n):
        task = tasks[at % len(tasks)]
        for _ in range(TRIES):
            example = makers[task](rngs[task], split, book())
            if (task, example.prompt) not in seen:
                break
        seen.add((task, example.prompt))
        found.append(example)
    return found


def families(split: str | None = None) -> dict[str, list[str]]:
    """The families of phrasings that each task draws from, of one split or of all."""
    kinds = {task: (_GROUPS[task], _SECTIONS[task]) for task in TASKS}
    splits = SPLITS if split is None else (split,)
    found: dict[str, list[str]] = {}
    for task, (groups, sections) in kinds.items():
        names = [
            phrase.family
            for group in book().groups
            if group.split(".")[0] in groups or group.rsplit(".", 1)[-1] in sections
            for each in splits
            if group.rsplit(".", 1)[-1] not in NOT_SPLIT
            for phrase in book().of(group, each)
        ]
        found[task] = sorted(names)
    return found
