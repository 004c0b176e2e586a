"""A conversation over many sessions and the questions asked afterwards: what every set of dialogues is read into."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bethink.memory.thought import Thought, thought_id

if TYPE_CHECKING:
    from bethink.memory import ThoughtMemory


class EvaluationError(ValueError):
    """The data cannot be evaluated; the message says why."""


@dataclass(frozen=True)
class Said:
    """One turn: its id, session, time (ISO-8601), the speaker's name and role, and the words."""

    id: str
    session: str
    at: str
    speaker: str
    text: str
    role: str = "user"


@dataclass(frozen=True)
class Learned:
    """A thought that came with the set: a sentence, whom it is about, and the turns it was drawn from."""

    text: str
    speaker: str
    session: str
    at: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """A question, its answer (None: the set has none), its kind, and the turns that hold the answer.

    ``answerable`` is False where the right answer is that nothing was said of it; ``at`` is when it is asked.
    """

    text: str
    answer: str | None
    kind: str
    evidence: tuple[str, ...] = ()
    answerable: bool = True
    at: str | None = None


@dataclass(frozen=True)
class Conversation:
    """One conversation with everything that is asked of it."""

    id: str
    turns: tuple[Said, ...]
    questions: tuple[Question, ...]
    thoughts: tuple[Learned, ...] = ()


def read_json(path: Path, *, lines: bool = False) -> Any:
    """The content of a JSON (or JSON lines) file, gzipped or not.

    Raises:
        EvaluationError: it is missing, no UTF-8 or no JSON.
    """
    place = path if path.exists() else path.with_name(path.name + ".gz")
    try:
        raw = place.read_bytes()
        text = (gzip.decompress(raw) if place.suffix == ".gz" else raw).decode("utf-8")
        return [json.loads(line) for line in text.splitlines() if line.strip()] if lines else json.loads(text)
    except FileNotFoundError as problem:
        raise EvaluationError(f"There is no {path.name} (or {path.name}.gz) in {path.parent}.") from problem
    except (OSError, EOFError, ValueError) as problem:
        raise EvaluationError(f"{place} cannot be read: {problem}") from problem


def by_session(conversation: Conversation) -> dict[str, list[Said]]:
    """The turns that say something, a session at a time, in the order they were said."""
    sessions: dict[str, list[Said]] = {}
    for turn in conversation.turns:
        if turn.text.strip():
            sessions.setdefault(turn.session, []).append(turn)
    return sessions


def spoken(turn: Said) -> dict[str, str]:
    """A turn as the message that ``ThoughtMemory.add`` takes."""
    return {"role": turn.role, "name": turn.speaker, "content": turn.text, "timestamp": turn.at, "turn_id": turn.id}


def remember_turns(memory: ThoughtMemory, conversation: Conversation, user_id: str) -> None:
    """Put every turn into the memory as it was said, a session at a time."""
    for session, turns in by_session(conversation).items():
        memory.add([spoken(turn) for turn in turns], user_id=user_id, session_id=session, infer=False)


def remember_thoughts(memory: ThoughtMemory, thoughts: Sequence[Learned], user_id: str) -> None:
    """Put the set's own thoughts into the memory, with the turns they were drawn from."""
    lines = [
        Thought(
            id=thought_id(user_id, each.text, " ".join(each.sources)),
            text=each.text,
            subject=None,
            relation=None,
            object=None,
            user_id=user_id,
            agent_id=None,
            session_id=each.session,
            created_at=each.at,
            valid_at=each.at,
            invalid_at=None,
            superseded_by=None,
            merged_from=(),
            source_turns=each.sources,
            bucket=0,
            metadata={"speaker": each.speaker},
        ).to_json()
        for each in thoughts
    ]
    memory.import_(lines, user_id=user_id)
