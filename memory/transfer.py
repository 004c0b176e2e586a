"""Thoughts in and out as JSON lines, checked as a whole before anything is written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from bethink.memory.errors import TOLD, BadLinesError
from bethink.memory.journal import Step
from bethink.memory.redact import redact
from bethink.memory.thought import MAX_TEXT, Thought, clean_text, thought_from_json
from bethink.memory.times import to_iso

MAX_LINE = 1_000_000
"""Characters of a line; a thought of the longest text has 50,000, all of them escaped."""


def export_lines(thoughts: Iterable[Thought]) -> Iterator[str]:
    """One JSON object a line, in order of time; inactive thoughts are included, so history survives."""
    for thought in sorted(thoughts, key=lambda thought: (thought.created_at, thought.id)):
        yield thought.to_json()


def lines_of(data: bytes) -> list[str]:
    """The lines of a file, for :func:`read_lines`; a mark of the byte order at its start is left out.

    Raises:
        ValueError: it is not text in UTF-8.
    """
    hint = "Nothing was imported. Take a file of JSON lines as the export writes it, and save it as UTF-8."
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise ValueError(f"The file is not UTF-8 text (byte {problem.start:,}). {hint}") from problem
    if "\x00" in text:
        raise ValueError(f"The file is not text: it has zero bytes. {hint}")
    return text.split("\n")  # not splitlines: a JSON string may hold U+2028


def read_lines(lines: Iterable[str], user_id: str) -> list[Thought]:
    """The thoughts of a file, given to ``user_id`` whoever they belonged to; the last one of each id.

    Raises:
        BadLinesError: naming the lines that are no thoughts; nothing was taken from any line.
    """
    thoughts: dict[str, Thought] = {}
    problems: list[tuple[int, str]] = []
    bad = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            thought = _checked(line)
        except ValueError as problem:
            bad += 1
            if bad <= TOLD:
                problems.append((number, str(problem)[:200].rstrip(".")))
        else:
            thoughts[thought.id] = replace(thought, user_id=user_id)
    if bad:
        raise BadLinesError(problems, bad)
    return list(thoughts.values())


def differing(thoughts: Iterable[Thought], known: Mapping[str, Thought]) -> list[Thought]:
    """Those that are not there already, word for word. The bucket follows from the text and need not be the same."""
    return [
        thought
        for thought in thoughts
        if (here := known.get(thought.id)) is None or replace(thought, bucket=here.bucket) != here
    ]


def import_steps(
    thoughts: Sequence[Thought], vectors: Iterable[np.ndarray | None], known: Mapping[str, Thought]
) -> list[Step]:
    """The steps that take these thoughts in; those that are there already, word for word, need none."""
    return [
        Step(
            "edit" if thought.id in known else "insert", thought.id, known.get(thought.id), thought, "imported", vector
        )
        for thought, vector in zip(thoughts, vectors, strict=True)
        if known.get(thought.id) != thought
    ]


def _checked(line: str) -> Thought:
    if len(line) > MAX_LINE:
        raise ValueError(f"the line has {len(line):,} characters, at most {MAX_LINE:,} are read")
    try:
        thought = thought_from_json(line)
    except json.JSONDecodeError as problem:
        raise ValueError(f"it is not JSON ({problem.msg} at character {problem.pos + 1:,})") from problem
    except RecursionError as problem:
        raise ValueError("it is nested too deeply") from problem
    if len(thought.text) > MAX_TEXT:
        raise ValueError(f"the text has {len(thought.text):,} characters, at most {MAX_TEXT:,} are allowed")
    if len(thought.id) > 64 or not thought.id.isascii() or not thought.id.isalnum():
        raise ValueError("the id must be at most 64 ASCII letters and digits")
    valid, invalid = (None if day is None else to_iso(day) for day in (thought.valid_at, thought.invalid_at))
    text, created = redact(clean_text(thought.text)), to_iso(thought.created_at)
    if not text:
        raise ValueError("the text is empty")
    return replace(thought, text=text, created_at=created, valid_at=valid, invalid_at=invalid)
