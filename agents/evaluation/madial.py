"""MADial-Bench: memories that should come to mind in the middle of a talk (MIT).

A query is the last four lines before the turn that is tested; the answer is the set of memories that fit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from bethink.agents.evaluation.conversations import EvaluationError, Learned, read_json

LINES = 4
"""Lines of the talk that make the query."""
_MARK = re.compile(r"<[BE]OD>")


@dataclass(frozen=True)
class Prompted:
    """A stretch of talk and the ids of the memories that belong to it."""

    query: str
    relevant: tuple[str, ...]


def load_madial(folder: str | Path, language: str = "en") -> tuple[list[Learned], list[Prompted]]:
    """The memories and the queries, in file order; a memory's ``sources`` hold its own id.

    Raises:
        EvaluationError: a file is missing or is something else.
    """
    place = Path(folder)
    memories = read_json(place / f"madial_{language}_memory.jsonl", lines=True)
    talks = read_json(place / f"madial_{language}_dialogue.jsonl", lines=True)
    try:
        learned = [
            Learned(found["event"], "", "", f"{found['time']}T00:00:00Z", (str(ident),))
            for line in memories
            for ident, found in line.items()
        ]
        return learned, [
            Prompted(
                "\n".join(
                    _MARK.sub("", line).strip() for line in talk["dialogue"][: int(talk["test-turn"][0])][-LINES:]
                ),
                tuple(str(ident) for ident in talk["relevant-id"]),
            )
            for talk in talks
        ]
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as problem:
        raise EvaluationError(f"{place} does not hold MADial-Bench as it was published: {problem!r}.") from problem
