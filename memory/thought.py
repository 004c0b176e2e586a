"""Thoughts and what happens to them, as plain immutable data."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

Op = Literal["insert", "supersede", "merge", "forget", "edit", "undo", "noop"]
Scalar = str | int | float | bool
MAX_TEXT = 4_000
"""Characters in one thought: far beyond what the embedder reads, short enough for a prompt."""


def clean_text(text: str) -> str:
    """The text with lone surrogates and NUL replaced and its spaces trimmed: what every store can hold."""
    if not isinstance(text, str):
        raise TypeError(f"A thought's text must be a string, not {type(text).__name__}.")
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", " ").strip()


def thought_id(user_id: str, text: str, turn: str | None) -> str:
    """Same user, text and source turn give the same id, so that a retried write changes nothing."""
    key = json.dumps([user_id, text, turn or ""])
    return hashlib.sha256(key.encode("ascii")).hexdigest()[:24]


@dataclass(frozen=True)
class Thought:
    """One thing learned: a sentence, its (subject, relation, object) if one was found, dates and provenance.

    Dates are ISO-8601 in UTC. ``created_at`` is when it was said, ``valid_at`` when it became true,
    ``invalid_at`` when it stopped (None = active). A thought that ended because another took its place names it
    in ``superseded_by``; one that was forgotten has none. ``bucket`` is F(E(text)) of Eq. 1.
    """

    id: str
    text: str
    subject: str | None
    relation: str | None
    object: str | None
    user_id: str
    agent_id: str | None
    session_id: str | None
    created_at: str
    valid_at: str | None
    invalid_at: str | None
    superseded_by: str | None
    merged_from: tuple[str, ...]
    source_turns: tuple[str, ...]
    bucket: int
    metadata: dict[str, Scalar] = field(default_factory=dict)

    @property
    def active(self) -> bool:
        """Whether it still holds."""
        return self.invalid_at is None

    @property
    def forgotten(self) -> bool:
        """Whether it was taken back (as against replaced by a newer thought)."""
        return self.invalid_at is not None and self.superseded_by is None

    @property
    def date(self) -> str:
        """The day to show beside it, ``YYYY-MM-DD``."""
        return (self.valid_at or self.created_at)[:10]

    @property
    def triple(self) -> tuple[str, str, str] | None:
        """(subject, relation, object), or None where one is missing."""
        if self.subject and self.relation and self.object:
            return self.subject, self.relation, self.object
        return None

    @property
    def is_turn(self) -> bool:
        """Whether it is a turn of a conversation as it was said, not something learned from one."""
        return self.metadata.get("kind") == "turn"

    @property
    def speaker(self) -> str | None:
        """Who said it, where that has a name; None for the user."""
        name = self.metadata.get("speaker")
        return name if isinstance(name, str) and name else None

    def valid_on(self, when: str) -> bool:
        """Whether it held at that time; what was forgotten never does."""
        if self.forgotten or (self.valid_at or self.created_at) > when:
            return False
        return self.invalid_at is None or self.invalid_at > when

    def as_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return {**asdict(self), "merged_from": list(self.merged_from), "source_turns": list(self.source_turns)}

    def to_json(self) -> str:
        """One line of JSON, ASCII only (so that any store and any file can hold it)."""
        return json.dumps(self.as_dict(), ensure_ascii=True, sort_keys=True)


def thought_from_dict(data: dict[str, Any]) -> Thought:
    """A thought from plain data, checked.

    Raises:
        ValueError: naming the field that is missing, unknown or of the wrong type.
    """
    if not isinstance(data, dict):
        raise ValueError("A thought must be a JSON object.")
    names = {f.name for f in fields(Thought)}
    if unknown := sorted(set(data) - names):
        raise ValueError(f"Unknown fields in a thought: {', '.join(unknown[:5])}.")
    if missing := sorted(names - set(data) - _OPTIONAL):
        raise ValueError(f"Missing fields in a thought: {', '.join(missing)}.")
    values = {**_DEFAULTS, **data}
    for name in ("id", "text", "user_id", "created_at"):
        if not isinstance(values[name], str) or not values[name].strip():
            raise ValueError(f"The field {name} of a thought must be a non-empty string.")
    for name in ("subject", "relation", "object", "agent_id", "session_id", "valid_at", "invalid_at", "superseded_by"):
        if values[name] is not None and not isinstance(values[name], str):
            raise ValueError(f"The field {name} of a thought must be a string or null.")
    for name in ("merged_from", "source_turns"):
        items = values[name]
        if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
            raise ValueError(f"The field {name} of a thought must be a list of strings.")
        values[name] = tuple(items)
    if not isinstance(values["bucket"], int) or isinstance(values["bucket"], bool):
        raise ValueError("The field bucket of a thought must be an integer.")
    values["metadata"] = check_metadata(values["metadata"])
    return Thought(**values)


_DEFAULTS: dict[str, Any] = {
    "subject": None,
    "relation": None,
    "object": None,
    "agent_id": None,
    "session_id": None,
    "valid_at": None,
    "invalid_at": None,
    "superseded_by": None,
    "merged_from": (),
    "source_turns": (),
    "bucket": 0,
    "metadata": {},
}
_OPTIONAL = set(_DEFAULTS)


def thought_from_json(line: str) -> Thought:
    """The inverse of :meth:`Thought.to_json`.

    Raises:
        ValueError: when the line is not JSON or not a thought.
    """
    return thought_from_dict(json.loads(line))


def check_metadata(metadata: dict[str, Any] | None) -> dict[str, Scalar]:
    """A copy of the metadata, refused unless every value is a string, a finite number or a boolean.

    Raises:
        ValueError: naming the key.
    """
    if not isinstance(metadata or {}, dict):
        raise ValueError("Metadata must be a dictionary.")
    for key, value in (metadata or {}).items():
        finite = not isinstance(value, float) or value - value == 0
        if not isinstance(key, str) or not isinstance(value, str | int | float | bool) or not finite:
            raise ValueError(f"Metadata {key!r} must be a string, a finite number or a boolean.")
    return dict(metadata or {})


@dataclass(frozen=True)
class Change:
    """What a write did to one thought: ``old`` is the text it replaced, ``token`` undoes it."""

    op: Op
    id: str
    text: str
    old: str | None = None
    reason: str = ""
    token: str = ""
    at: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Hit:
    """A recalled thought: ``score`` is its cosine in [-1, 1], ``rank_score`` what it was ordered by."""

    thought: Thought
    score: float
    channels: dict[str, float]
    rank_score: float

    def as_dict(self) -> dict[str, Any]:
        """What a prompt or a panel shows: id, text, date, score, source turns, channels."""
        return {
            "id": self.thought.id,
            "text": self.thought.text,
            "date": self.thought.date,
            "score": round(self.score, 4),
            "source_turns": list(self.thought.source_turns),
            "channels": {name: round(value, 4) for name, value in self.channels.items()},
        }


@dataclass(frozen=True)
class ForgetReport:
    """How many thoughts matched, how many were forgotten, which, and the token that brings them back."""

    matched: int
    forgotten: int
    ids: tuple[str, ...]
    undo_token: str | None

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "ids": list(self.ids)}
