"""Thoughts that say more of the same become one sentence: Think-in-Memory's merge, without a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from bethink.memory.conflict import functional, normalise
from bethink.memory.journal import Step
from bethink.memory.thought import Thought, thought_id

MAX_MERGED = 8
"""Thoughts in one merged sentence; a longer list recalls badly."""


def mergeable(thoughts: Iterable[Thought], bucket: int | None = None) -> list[list[Thought]]:
    """Groups of active thoughts with the same subject and additive relation, oldest first, two or more each."""
    groups: dict[tuple[str, str, str], list[Thought]] = {}
    for thought in thoughts:
        relation = thought.relation or ""
        wanted = thought.active and thought.triple and not functional(relation) and "when" not in thought.metadata
        if wanted and (bucket is None or thought.bucket == bucket):
            key = (normalise(thought.subject), relation, str(thought.metadata.get("speaker", "")))
            groups.setdefault(key, []).append(thought)
    merged = []
    for group in groups.values():
        group.sort(key=lambda thought: (thought.valid_at or thought.created_at, thought.id))
        parts = [group[i : i + MAX_MERGED] for i in range(0, len(group), MAX_MERGED)]
        merged += [part for part in parts if len(part) > 1]
    return merged


def listed(items: Sequence[str]) -> str:
    """``a, b and c``."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def merged_text(group: Sequence[Thought]) -> str:
    """One sentence with all objects where the sentences differ only there, else the sentences in a row."""
    shapes = {_around(thought) for thought in group}
    objects = list(dict.fromkeys(str(thought.object) for thought in group))
    if len(shapes) == 1 and (shape := shapes.pop()) is not None:
        return f"{shape[0]}{listed(objects)}{shape[1]}"
    return " ".join(thought.text if thought.text[-1:] in ".!?。" else thought.text + "." for thought in group)


def merge_of(group: Sequence[Thought]) -> Thought:
    """The thought that takes the place of a group: dates and sources united, valid from the last of its dates.

    Until that date the originals held by themselves, so ``as_of`` still tells what was known when.
    """
    last, text = group[-1], merged_text(group)
    ids = [thought.id for thought in group]
    turns = dict.fromkeys(turn for thought in group for turn in thought.source_turns)
    united = {key: value for thought in reversed(group) for key, value in thought.metadata.items()}
    return replace(
        last,
        id=thought_id(last.user_id, text, "+".join(ids)),
        text=text,
        object=listed(list(dict.fromkeys(str(thought.object) for thought in group))),
        created_at=max(thought.created_at for thought in group),
        valid_at=last.valid_at or last.created_at,
        merged_from=tuple(ids),
        source_turns=tuple(turns),
        metadata={**united, "dates": ", ".join(sorted({thought.date for thought in group}))},
    )


def merge_steps(
    merged: Sequence[Thought], vectors: np.ndarray, groups: Sequence[Sequence[Thought]], known: dict[str, Thought]
) -> list[Step]:
    """The steps that put each merged thought in and end its originals."""
    steps = []
    for thought, vector, group in zip(merged, vectors, groups, strict=True):
        reason = f"merged from {len(group)} thoughts"
        steps.append(Step("merge", thought.id, known.get(thought.id), thought, reason, vector))
        for old in group:
            ended = replace(old, invalid_at=thought.valid_at, superseded_by=thought.id)
            steps.append(Step("merge", old.id, old, ended, f"merged into {thought.id}"))
    return steps


def _around(thought: Thought) -> tuple[str, str] | None:
    before, found, after = thought.text.rpartition(str(thought.object))
    return (before, after) if found else None
