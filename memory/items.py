"""Key-value items as thoughts: a namespace, a key and a JSON value, kept in the metadata of one thought each.

The text of such a thought is what the value says (its indexed fields), so that items are recalled as thoughts are. Its
id follows from namespace and key: writing the same key again edits the same thought, and the journal keeps what was.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from bethink.memory.redact import REMOVED, redact
from bethink.memory.thought import MAX_TEXT, Thought, clean_text
from bethink.memory.times import to_iso

_CARD = re.compile(r"[3-6][0-9]{13,15}|2[2-7][0-9]{14}")
_FIELDS = ("item_namespace", "item_key", "item_value", "item_created", "item_updated", "item_indexed")


@dataclass(frozen=True)
class StoredItem:
    """An item as it is kept; ``value`` is its JSON, ``created`` and ``updated`` are ISO-8601 with microseconds."""

    id: str
    namespace: tuple[str, ...]
    key: str
    value: str
    created: str
    updated: str
    indexed: bool

    def data(self) -> dict[str, Any]:
        """The value, read anew: a caller may change what it gets."""
        return json.loads(self.value)


def item_id(namespace: Sequence[str], key: str) -> str:
    """The thought's id: the same namespace and key give the same, whoever's they are."""
    return hashlib.sha256(json.dumps([*namespace, key]).encode("ascii")).hexdigest()[:32]


def item_thought(
    namespace: Sequence[str],
    key: str,
    value: Mapping[str, Any],
    texts: Sequence[str],
    *,
    user_id: str,
    created: str = "",
) -> Thought:
    """The thought that keeps an item.

    Args:
        namespace: where it belongs.
        key: its name there.
        value: what :func:`json_value` made of it.
        texts: what it is found by; none when it is not to be found. Only the first 4,000 characters are indexed.
        user_id: whose it is.
        created: when the item was first put, if it was there before.
    """
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    text = clean_text("\n".join(texts))[:MAX_TEXT]
    label = clean_text("/".join([*namespace, key]))[:MAX_TEXT]
    return Thought(
        id=item_id(namespace, key),
        text=text or label or "item",
        subject=None,
        relation=None,
        object=None,
        user_id=user_id,
        agent_id=None,
        session_id=None,
        created_at=to_iso(created or now),
        valid_at=to_iso(now),
        invalid_at=None,
        superseded_by=None,
        merged_from=(),
        source_turns=(),
        bucket=0,
        metadata={
            "item_namespace": json.dumps(list(namespace)),
            "item_key": key,
            "item_value": json.dumps(value, ensure_ascii=False, allow_nan=False),
            "item_created": created or now,
            "item_updated": now,
            "item_indexed": bool(text),
        },
    )


def stored_item(thought: Thought) -> StoredItem | None:
    """The item that an active thought keeps; None for all other thoughts."""
    if not thought.active or not all(name in thought.metadata for name in _FIELDS):
        return None
    namespace, key, value, created, updated = (str(thought.metadata[name]) for name in _FIELDS[:-1])
    labels = _labels(namespace)
    if thought.id != item_id(labels, key):  # a thought that was merged carries the metadata of an item, but is none
        return None
    return StoredItem(thought.id, labels, key, value, created, updated, bool(thought.metadata["item_indexed"]))


def json_value(value: Any, name: str = "") -> Any:
    """A copy of a JSON value without secrets; tuples become lists.

    Every string is cut as a thought's text is (:func:`bethink.memory.redact.redact`). Under a name such as
    ``password`` a string or whole number goes as a whole. Long numbers, as digits or as a string of nothing else, go
    only when length and first digit are a card's too: most of them are times and ids. Names are kept as they are.

    Raises:
        TypeError: something in it is not JSON; the message names it.
        ValueError: NaN or an infinite number.
    """
    if isinstance(value, Mapping):
        if wrong := [key for key in value if not isinstance(key, str)]:
            raise TypeError(f"A value's keys must be strings, not {type(wrong[0]).__name__} ({wrong[0]!r}).")
        return {key: json_value(inner, key) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(inner, name) for inner in value]
    if value is None or isinstance(value, bool):
        return value
    where = f"the field {name!r}" if name else "the value"
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"A number in {where} is {value}, which JSON does not know. Put None in its place.")
        return value
    if not isinstance(value, str | int):
        hint = "Make strings, numbers, lists and dictionaries of it, as isoformat() and model_dump(mode='json') do."
        raise TypeError(f"There is a {type(value).__name__} in {where}, which JSON does not know. {hint}")
    text = str(value)
    if _secret_name(name, text):
        return REMOVED
    if isinstance(value, int) or text.isdigit():
        return REMOVED if _CARD.fullmatch(text) and redact(text) != text else value
    return redact(text)


@lru_cache(maxsize=4096)
def _labels(namespace: str) -> tuple[str, ...]:
    try:
        return tuple(json.loads(namespace))
    except (ValueError, TypeError):
        return ()


def _secret_name(name: str, text: str) -> bool:
    spoken, plain = name.replace("_", " "), "x" if redact(text) != text else text
    return bool(name) and redact(f"{spoken}: {plain}") != f"{redact(spoken)}: {plain}"
