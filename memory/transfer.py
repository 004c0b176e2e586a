"""Thoughts in and out as JSON lines, checked as a whole before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from bethink.memory.journal import Step
from bethink.memory.redact import redact
from bethink.memory.thought import MAX_TEXT, Thought, clean_text, thought_from_json
from bethink.memory.times import to_iso


def export_lines(thoughts: Iterable[Thought]) -> Iterator[str]:
    """One JSON object a line, in order of time; inactive thoughts are included, so history survives."""
    for thought in sorted(thoughts, key=lambda thought: (thought.created_at, thought.id)):
        yield thought.to_json()


def read_lines(lines: Iterable[str], user_id: str) -> list[Thought]:
    """The thoughts of a file, given to ``user_id`` whoever they belonged to.

    Raises:
        ValueError: naming the first line that is not a thought; nothing was taken from any line.
    """
    thoughts: dict[str, Thought] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            thought = thought_from_json(line)
            if len(thought.text) > MAX_TEXT:
                raise ValueError(f"the text has {len(thought.text)} characters, at most {MAX_TEXT} are allowed")
            if len(thought.id) > 64 or not thought.id.isascii() or not thought.id.isalnum():
                raise ValueError("the id must be at most 64 ASCII letters and digits")
            text = redact(clean_text(thought.text))
            thoughts[thought.id] = replace(_dated(thought), user_id=user_id, text=text)
        except (ValueError, RecursionError) as problem:
            hint = "Nothing was imported; correct the line or remove it."
            raise ValueError(f"Line {number} is not a thought: {str(problem)[:200]}. {hint}") from problem
    return list(thoughts.values())


def import_steps(thoughts: Sequence[Thought], vectors: np.ndarray, known: dict[str, Thought]) -> list[Step]:
    """The steps that take these thoughts in; those that are there already, word for word, need none."""
    return [
        Step(
            "edit" if thought.id in known else "insert", thought.id, known.get(thought.id), thought, "imported", vector
        )
        for thought, vector in zip(thoughts, vectors, strict=True)
        if known.get(thought.id) != thought
    ]


def _dated(thought: Thought) -> Thought:
    valid, invalid = (None if day is None else to_iso(day) for day in (thought.valid_at, thought.invalid_at))
    return replace(thought, created_at=to_iso(thought.created_at), valid_at=valid, invalid_at=invalid)
