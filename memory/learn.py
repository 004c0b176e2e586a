"""From facts to steps: each fact is held against what is known, and against the facts before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from bethink.memory.conflict import decide
from bethink.memory.extract import Fact, Message
from bethink.memory.journal import Step
from bethink.memory.known import Known
from bethink.memory.redact import redact
from bethink.memory.thought import MAX_TEXT, Change, Scalar, Thought, clean_text, thought_id
from bethink.memory.times import to_iso


def draft(
    fact: Fact, said: Message, user_id: str, agent_id: str | None, session_id: str | None, extra: dict[str, Scalar]
) -> Thought:
    """The thought that a fact would become; its bucket is not known yet."""
    created = to_iso(said.said)
    speaker: dict[str, Scalar] = {"speaker": said.name} if said.name else {}
    return Thought(
        id=thought_id(user_id, fact.text, said.turn_id),
        text=fact.text,
        subject=fact.subject,
        relation=fact.relation,
        object=fact.object,
        user_id=user_id,
        agent_id=agent_id,
        session_id=session_id,
        created_at=created,
        valid_at=fact.valid_at or created,
        invalid_at=None,
        superseded_by=None,
        merged_from=(),
        source_turns=(said.turn_id,) if said.turn_id else (),
        bucket=0,
        metadata={**speaker, **fact.metadata, **extra},
    )


def plan(
    drafts: Sequence[tuple[Thought, Fact, np.ndarray]],
    thoughts: Mapping[str, Thought],
    known: Known,
    policy: str,
    taken_back: Callable[[str], bool],
) -> tuple[list[Step], list[Change]]:
    """The steps to write, and one change a fact (``noop`` where nothing is to be done).

    ``thoughts`` are all of the user's, ``known`` finds among them. Cost: facts squared, however many there are.

    ``taken_back`` tells whether the last thing that happened to a thought was an undo: then the same turn may
    write it again, whereas what the user forgot stays forgotten when a turn is merely retried.
    """
    changed: dict[str, Thought] = {}
    steps: list[Step] = []
    changes: list[Change] = []
    for thought, fact, vector in drafts:
        there = changed.get(thought.id) or thoughts.get(thought.id)
        if there is not None and (reason := _settled(there, taken_back)):
            changes.append(Change("noop", there.id, there.text, None, reason))
            continue
        named = {ident: thoughts[ident] for ident in fact.ends if ident in thoughts}
        others = {other.id: other for other in known.beside(thought)} | named | changed
        decision = decide(thought, others.values(), replaces=fact.replaces, ends=fact.ends, policy=policy)
        if decision.kind == "noop":
            other = decision.others[0]
            changes.append(Change("noop", other.id, other.text, None, decision.reason))
            continue
        op, old = "insert", None
        if decision.kind == "late":
            newer = decision.others[0]
            thought = replace(thought, invalid_at=newer.valid_at or newer.created_at, superseded_by=newer.id)
        elif decision.kind == "supersede":
            op, old = "supersede", decision.others[0].text
            for other in decision.others:
                end = max(str(thought.valid_at), other.valid_at or other.created_at)
                ended = replace(other, invalid_at=end, superseded_by=thought.id)
                steps.append(Step("supersede", other.id, other, ended, decision.reason))
                changed[other.id] = ended
        elif decision.kind == "cancel":
            op, old = "forget", decision.others[0].text
            end = str(thought.valid_at)
            thought = replace(thought, invalid_at=end)
            for other in decision.others:
                ended = replace(other, invalid_at=max(end, other.valid_at or other.created_at))
                steps.append(Step("forget", other.id, other, ended, decision.reason))
                changed[other.id] = ended
        steps.append(Step(op, thought.id, there, thought, decision.reason, vector))  # type: ignore[arg-type]
        changes.append(Change(op, thought.id, thought.text, old, decision.reason))  # type: ignore[arg-type]
        changed[thought.id] = thought
    return steps, changes


def _settled(there: Thought, taken_back: Callable[[str], bool]) -> str:
    if there.active:
        return "already known"
    if there.superseded_by:
        return "known, and replaced since"
    if there.source_turns and not taken_back(there.id):
        return "was forgotten"
    return ""


def checked_text(text: str) -> str:
    """A text as it may be stored: cleaned, without secrets.

    Raises:
        ValueError: blank, or longer than a thought may be.
    """
    text = redact(clean_text(text))
    if not any(letter.isprintable() and not letter.isspace() for letter in text):
        raise ValueError("A thought needs a text.")
    if len(text) > MAX_TEXT:
        told = f"A thought has at most {MAX_TEXT:,} characters, this has {len(text):,}."
        raise ValueError(f"{told} Use add, which splits it.")
    return text
