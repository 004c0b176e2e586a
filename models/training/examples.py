"""What an adapter is trained on: a prompt, and the answer the model should give to it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LONGEST_LINE = 1_000_000


class ExampleError(ValueError):
    """A file of examples cannot be used; the message names the file and line and says what to do."""


@dataclass(frozen=True)
class Example:
    """One example. Only the answer's tokens, and the end of text after them, are learnt.

    ``prompt`` is text as the model sees it (with the chat template's marks, where it has one).
    """

    task: str
    prompt: str
    answer: str


@dataclass(frozen=True)
class Encoded:
    """An example as token ids: the prompt's, then the answer's, the last ``answer`` of them learnt."""

    task: str
    ids: tuple[int, ...]
    answer: int


def read_examples(path: str | Path) -> list[Example]:
    """Examples of a JSONL file, one object with ``task``, ``prompt`` and ``answer`` a line; empty lines are skipped.

    Raises:
        ExampleError: no file, no text, a line that is no such object, or no example at all.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as why:
        raise ExampleError(f"{path} cannot be read as UTF-8 text ({why}). Give a JSONL file of examples.") from why
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        if len(line) > LONGEST_LINE:
            raise ExampleError(f"{path}, line {number} has {len(line):,} characters; {LONGEST_LINE:,} are allowed.")
        try:
            row = json.loads(line)
        except ValueError as why:
            raise ExampleError(f"{path}, line {number} is not JSON: {why}.") from why
        found.append(_example(row, f"{path}, line {number}"))
    if not found:
        raise ExampleError(f"{path} holds no examples. Write one JSON object with task, prompt and answer a line.")
    return found


def _example(row: Any, where: str) -> Example:
    fields = [row.get(name) for name in ("task", "prompt", "answer")] if isinstance(row, dict) else [None]
    if not all(isinstance(field, str) and field for field in fields):
        raise ExampleError(f"{where}: task, prompt and answer must be texts that are not empty.")
    return Example(*fields)


def encode(examples: Iterable[Example], tokenizer: Any, max_length: int) -> tuple[list[Encoded], int]:
    """Token ids of each example, and how many were left out because they are longer than ``max_length`` tokens.

    An example is never cut: half an answer teaches to stop in the middle.
    """
    found, left_out = [], 0
    for example in examples:
        prompt = tokenizer(example.prompt, add_special_tokens=False)["input_ids"]
        answer = [*tokenizer(example.answer, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        if len(prompt) + len(answer) > max_length or not prompt:
            left_out += 1
            continue
        found.append(Encoded(example.task, (*prompt, *answer), len(answer)))
    return found, left_out


def by_task(examples: Sequence[Encoded]) -> dict[str, list[Encoded]]:
    """The examples of each task, tasks in alphabetical order."""
    tasks: dict[str, list[Encoded]] = {}
    for example in sorted(examples, key=lambda example: example.task):
        tasks.setdefault(example.task, []).append(example)
    return tasks
