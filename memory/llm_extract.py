"""Facts by a language model: Think-in-Memory's post-thinking, held to what was really said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bethink.memory.extract import Extractor, Fact, Message
from bethink.memory.lexical import tokens
from bethink.memory.redact import REMOVED

CompleteJson = Callable[[str, dict[str, Any]], dict[str, Any]]
"""A prompt and a JSON schema in, an object that fits the schema out (decoded under a grammar)."""
_TEXT = {"type": "string", "minLength": 1, "maxLength": 160}
_KEYS = ("subject", "relation", "object", "sentence")
_ITEM = {
    "type": "object",
    "properties": dict.fromkeys(_KEYS, _TEXT),
    "required": list(_KEYS),
    "additionalProperties": False,
}
_PROMPT = """List the facts about the user's life in the message: each as subject, relation, object and one sentence.
Leave out questions, wishes, quotes and small talk. If there is none, give an empty list.

Message: I moved to Tromsø last winter and my son Eskil has a parrot.
Facts: {{"facts": [
{{"subject": "user", "relation": "lives in", "object": "Tromsø", "sentence": "The user lives in Tromsø."}},
{{"subject": "Eskil", "relation": "has", "object": "a parrot", "sentence": "The user's son Eskil has a parrot."}}]}}

Message: Could you explain what a parrot eats?
Facts: {{"facts": []}}

Message: {message}
Facts: """
_SELF = {"user", "i", "me", "the user", "speaker"}


def fact_schema(max_facts: int) -> dict[str, Any]:
    """The JSON schema of the model's answer."""
    return {
        "type": "object",
        "properties": {"facts": {"type": "array", "items": _ITEM, "maxItems": max_facts}},
        "required": ["facts"],
        "additionalProperties": False,
    }


class LLMExtractor:
    """Asks a model for triples of what the user said, and drops each that the message does not support.

    A small model repeats the examples of its prompt or makes things up; a fact is kept only if every content word of
    its object, and its subject unless that is the user, stands in the message, and most words of its sentence do.
    If the model fails, ``fallback`` reads the message instead.
    """

    def __init__(self, complete_json: CompleteJson, *, max_facts: int = 8, fallback: Extractor | None = None) -> None:
        self._complete, self._max, self._fallback = complete_json, max_facts, fallback

    def extract(self, messages: Sequence[Message]) -> list[Fact]:
        """See :class:`bethink.memory.extract.Extractor`. One call of the model a user message."""
        found: list[Fact] = []
        for i, message in enumerate(messages):
            if message.role == "user" and message.content:
                found += self._read(message, i)
        return found

    def _read(self, message: Message, source: int) -> list[Fact]:
        prompt = _PROMPT.format(message=" ".join(message.content.split())[:2000])
        try:
            items = self._complete(prompt, fact_schema(self._max))["facts"]
            facts = [item for item in items if _supported(item, message.content)]
        except (KeyError, TypeError, ValueError):
            again = self._fallback.extract([message]) if self._fallback else []
            return [Fact(**{**vars(fact), "source": source}) for fact in again]
        return [
            Fact(
                item["sentence"].strip(),
                "user" if item["subject"].strip().lower() in _SELF else item["subject"].strip(),
                item["relation"].strip(),
                item["object"].strip(),
                source=source,
            )
            for item in facts[: self._max]
        ]


def _supported(item: Any, text: str) -> bool:
    if not isinstance(item, dict) or not all(isinstance(item.get(key), str) and item[key].strip() for key in _KEYS):
        return False
    said = set(tokens(text)) | {sign for sign in text if not sign.isascii()}  # a word of one character, as 茶
    obj, subject, sentence = (set(tokens(item[key])) for key in ("object", "subject", "sentence"))
    if REMOVED in item["sentence"] or not obj or not obj <= said:
        return False
    if item["subject"].strip().lower() not in _SELF and not subject <= said:
        return False
    return len(sentence & said) >= 0.6 * len(sentence)
