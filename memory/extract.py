"""From messages to facts: what an extractor takes and gives, and the one that keeps turns as they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from bethink.memory.redact import redact
from bethink.memory.thought import Scalar, clean_text
from bethink.memory.times import Timestamp, as_datetime

MAX_READ = 20_000
"""Characters read of one message; what a person says in a turn is far shorter, a pasted file is not."""
PIECE = 900
"""Characters in a stored piece of a long turn: about the 256 word pieces that MiniLM reads."""
_ROLES = {"human": "user", "ai": "assistant"}
_PIECE_END = re.compile(r"(?<=[.!?。！？\n])\s*")


@dataclass(frozen=True)
class Message:
    """One turn: who said what, when (with the time zone), and the id of the turn."""

    role: str
    content: str
    said: datetime
    name: str | None = None
    turn_id: str | None = None


@dataclass(frozen=True)
class Fact:
    """What an extractor found: a sentence, maybe its triple, when it became true, and which message said it.

    ``replaces`` is set when the sentence itself says that something changed ("now", "moved to"); ``ends`` names the
    thoughts whose place it takes whatever their triples are.
    """

    text: str
    subject: str | None = None
    relation: str | None = None
    object: str | None = None
    valid_at: str | None = None
    replaces: bool = False
    source: int = 0
    metadata: dict[str, Scalar] = field(default_factory=dict)
    ends: tuple[str, ...] = ()


class Extractor(Protocol):
    """Anything that finds facts in messages."""

    def extract(self, messages: Sequence[Message]) -> list[Fact]:
        """Facts in the order they were said; empty when there are none."""
        ...


class NullExtractor:
    """No understanding: every user and assistant turn is a thought, "user: ...", split where it is long."""

    def extract(self, messages: Sequence[Message]) -> list[Fact]:
        """One fact a piece of a turn; tool results and system texts are passed over."""
        return [
            Fact(f"{message.name or message.role}: {piece}", source=i, metadata={"kind": "turn", **_told(message)})
            for i, message in enumerate(messages)
            if message.role in ("user", "assistant")
            for piece in pieces(message.content)
        ]


def _told(message: Message) -> dict[str, Scalar]:
    return {} if message.role == "user" else {"speaker": message.name or message.role}


def pieces(text: str, size: int = PIECE) -> list[str]:
    """The text cut at ends of sentences into pieces of at most ``size`` characters; none if it is blank."""
    found: list[str] = []
    for sentence in _PIECE_END.split(text):
        for start in range(0, len(sentence), size):
            part = sentence[start : start + size].strip()
            if found and part and len(found[-1]) + len(part) < size:
                found[-1] += " " + part
            elif part:
                found.append(part)
    return found


def to_messages(messages: Any, *, timestamp: Timestamp = None, turn_id: str | None = None) -> list[Message]:
    """Messages from a text, from ``{"role", "content"}`` dictionaries, or from LangChain messages.

    A dictionary may carry ``name``, ``timestamp`` and ``turn_id`` of its own. Secrets are cut out here, before any
    extractor sees them, and only the first 20,000 characters of a message are read.

    Raises:
        ValueError: a message without role or text, or a bad date.
    """
    items = [{"role": "user", "content": messages}] if isinstance(messages, str) else list(messages)
    found = []
    for item in items:
        data = (
            item
            if isinstance(item, dict)
            else {name: getattr(item, name, None) for name in ("type", "content", "name")}
        )
        role = data.get("role") or data.get("type")
        content = data.get("content")
        if isinstance(content, list):
            content = "\n".join(block.get("text", "") if isinstance(block, dict) else str(block) for block in content)
        if not isinstance(role, str) or not isinstance(content, str):
            raise ValueError(
                'A message needs a role and a text, as in {"role": "user", "content": "I live in Porto."}.'
            )
        when = data.get("timestamp")
        said = as_datetime(timestamp if when is None else when)
        turn = data.get("turn_id") or turn_id
        text = redact(clean_text(content[: MAX_READ + 500]))[:MAX_READ]  # no secret is cut in half
        found.append(Message(_ROLES.get(role, role), text, said, data.get("name"), turn))
    return found
