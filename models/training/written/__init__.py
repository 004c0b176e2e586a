"""Training examples that were written sentence by sentence, beside those that generators make of grammars.

A language model wrote them as an author, without sight of the generators or of any test set: generators say things in
some hundred ways, people in more. ``data/TASK.jsonl`` has one object a line; its ``theme`` (the kind of situation)
decides the split, so that validation asks of other situations than training. Each line may come several times, with
other notes beside it and other ids behind them.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from importlib.resources import files
from typing import Any

from bethink.models.agent_prompts import (
    call_text,
    chat_prompt,
    decide_prompt,
    decide_text,
    extract_prompt,
    extract_text,
    result_text,
    with_notes,
)
from bethink.models.training.calls.notes import noted, some_notes
from bethink.models.training.calls.schema import canonical
from bethink.models.training.calls.toolbox import offered
from bethink.models.training.examples import Example

TASKS = ("call", "talk", "extract", "decide", "answer")
SPLITS = ("train", "validation")
SIDE_NOTES = 0.12
"""How often notes that do not matter stand before a message that has none."""
BARE = {"talk": 0.1, "answer": 0.25}
"""How often no tools are offered."""
UNKNOWN = "I don't know; you haven't told me."
"""The answer of a line of ``answer`` that has none: its notes do not say it. Always the same words: whether the notes
say it is what is to be learnt, and it is decided with the first of them."""


def split_of(theme: str) -> str:
    """``train`` (90 %) or ``validation``, by a hash of the theme's name."""
    return SPLITS[blake2b(theme.encode(), digest_size=4).digest()[0] % 10 == 0]


@lru_cache(maxsize=1)
def lines() -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """All lines of each task."""
    folder = files(__package__) / "data"
    texts = {task: (folder / f"{task}.jsonl").read_text(encoding="utf-8") for task in TASKS}
    return {task: [json.loads(line) for line in text.splitlines()] for task, text in texts.items()}


def generate(n: int, seed: int, split: str, tasks: Sequence[str] = TASKS) -> list[Example]:
    """``n`` examples of a split, the tasks in turn; each line is there once before any is there again.

    Raises:
        ValueError: an unknown task or split, or a negative number.
    """
    if split not in SPLITS or not tasks or set(tasks) - set(TASKS) or n < 0:
        raise ValueError(f"Splits are {', '.join(SPLITS)}; tasks are {', '.join(TASKS)}; n is not negative (n = {n}).")
    rng = random.Random(f"{seed}/{split}")
    turns = {
        task: _in_turn([line for line in lines()[task] if split_of(line["theme"]) == split], rng) for task in tasks
    }
    return [_MAKERS[task](next(turns[task]), rng) for task in (tasks[at % len(tasks)] for at in range(n))]


def _in_turn(rows: Sequence[Mapping[str, Any]], rng: random.Random) -> Iterator[Mapping[str, Any]]:
    while True:
        yield from rng.sample(rows, len(rows))


def _messages(line: Mapping[str, Any], rng: random.Random) -> list[tuple[str, str]]:
    """What was said before, and the message with its notes."""
    told = line.get("notes", ())
    notes = [noted(text, rng) for text in rng.sample(told, len(told))]
    if not notes and rng.random() < SIDE_NOTES:
        notes = some_notes(rng)
    before = [_message(role, what) for role, what in line.get("history", ())]
    return [*before, ("user", with_notes(notes, line["text"]))]


def _message(role: str, what: Any) -> tuple[str, str]:
    if role == "call":
        return "assistant", call_text(what["name"], what["arguments"])
    return ("user", result_text(what)) if role == "result" else (role, what)


def _tools(task: str, rng: random.Random, needed: str | None = None) -> list[str]:
    return [] if rng.random() < BARE.get(task, 0) else offered(rng, needed)


def _call(line: Mapping[str, Any], rng: random.Random) -> Example:
    prompt = chat_prompt(_tools("call", rng, line["tool"]), _messages(line, rng))
    return Example("call", prompt, call_text(line["tool"], canonical(line["tool"], line["arguments"])))


def _talk(line: Mapping[str, Any], rng: random.Random) -> Example:
    return Example("talk", chat_prompt(_tools("talk", rng), _messages(line, rng)), line["say"])


def _answer(line: Mapping[str, Any], rng: random.Random) -> Example:
    notes = [f"{text} [{day}, {rng.getrandbits(32):08x}]" for day, text in line["notes"]]
    asked = with_notes(rng.sample(notes, len(notes)), line["question"])
    return Example("answer", chat_prompt(_tools("answer", rng), [("user", asked)]), line.get("answer", UNKNOWN))


def _extract(line: Mapping[str, Any], rng: random.Random) -> Example:
    return Example("extract", extract_prompt(line["text"], line["date"]), extract_text(line["triples"]))


def _decide(line: Mapping[str, Any], rng: random.Random) -> Example:
    what, _, number = line["decision"].partition(" ")
    old = [f"[{day}] {text}" for day, text in line["old"]]
    order = rng.sample(range(len(old)), len(old))
    day, text = line["new"]
    which = order.index(int(number) - 1) + 1 if number else None
    return Example("decide", decide_prompt(f"[{day}] {text}", [old[at] for at in order]), decide_text(what, which))


_MAKERS: Mapping[str, Callable[[Mapping[str, Any], random.Random], Example]] = {
    "call": _call,
    "talk": _talk,
    "answer": _answer,
    "extract": _extract,
    "decide": _decide,
}
