"""Facts by a model that was trained to read them: a short prompt a turn, and nothing kept that the turn does not say.

Nor can it be written: subjects and objects are decoded under a pattern of the turn's own words, relations are those it
was trained on (:func:`schema_of`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from bethink.memory.chinese import is_chinese
from bethink.memory.extract import Extractor, Fact, Message, pieces
from bethink.memory.lexical import stem, tokens
from bethink.memory.reading.relations import ends_others, says_changed
from bethink.memory.reading.sentences import sentences
from bethink.memory.redact import REMOVED
from bethink.memory.rule_extract import RuleExtractor, pieces_of
from bethink.memory.thought import Scalar
from bethink.memory.times import date_mentions, to_iso, with_dates_written
from bethink.memory.words import STOP_WORDS
from bethink.models.agent_prompts import extract_prompt
from bethink.models.relations import RELATIONS

Ask = Callable[[str, dict[str, Any]], Any]
"""A whole prompt and a JSON schema in, a value that fits the schema out, or None."""
READ = 600
"""Characters of a turn read at once: as long as the turns it was trained on."""
MAX_FACTS = 8
_SMALL = "|".join(sorted(word for word in STOP_WORDS if word.isalpha()))
_OWN = ("user", "user's ")
_UNSAID = frozenset(("dead",))
"""Objects that need not stand in the text."""
_RELATION = {"type": "string", "pattern": f"^(?:not )?(?:{'|'.join(RELATIONS)})$"}
_MARKS = ' \t.,;:!?()[]{}"“”„«»…*'
_PARTS = re.compile(r"[/—–-]")
_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th)")
LONGEST = 12
"""Words of a subject or an object at most, but for small ones before them."""
_SHORT = 3
"""Letters of an abbreviation with a full stop at most."""


@dataclass(frozen=True)
class Triple:
    """What the model read: ``day`` (YYYY-MM-DD) where the text tells one."""

    subject: str
    relation: str
    object: str
    day: str | None = None


def read_triples(ask: Ask, text: str, said: date) -> list[Triple]:
    """The triples of a text that it supports, in the model's order, each once.

    Supported is a triple whose object stands in the text, word by word, and whose subject does, or is the user or
    somebody of theirs. Cost: one call of the model for every 600 characters.
    """
    found: dict[tuple[str, str, str], Triple] = {}
    for piece in pieces(text, READ):
        for item in ask(extract_prompt(piece, said.isoformat()), schema_of(piece)) or []:
            triple = _triple(item)
            if triple is not None and supported(triple, piece):
                found.setdefault((triple.subject.casefold(), triple.relation, triple.object.casefold()), triple)
    return list(found.values())


def schema_of(text: str) -> dict[str, Any]:
    """What may be read of a text: lists of [subject, relation, object] or [subject, relation, object, day].

    Subject and object have words of the text in them (as they stand there, in small letters, or without an ending) and
    else small words only; the subject may be ``user`` and somebody of theirs, the object ``dead``. A relation is one of
    :data:`~bethink.models.relations.RELATIONS`, maybe with ``not`` before it.
    """
    said = "|".join(map(re.escape, _forms(text)))
    if not said:
        return {"type": "array", "maxItems": 0}
    words = rf"(?:(?:{_SMALL}) ){{0,3}}(?:{said})(?: (?:{said}|{_SMALL})){{0,{LONGEST}}}"
    subject = {"type": "string", "pattern": rf"^(?:user|(?:user's )?{words})$"}
    what = {"type": "string", "pattern": rf"^(?:{'|'.join(_UNSAID)}|(?:user's )?{words})$"}
    parts = [subject, _RELATION, what, {"type": "string", "format": "date"}]
    triple = {"type": "array", "prefixItems": parts, "items": False, "minItems": 3, "maxItems": 4}
    return {"type": "array", "maxItems": MAX_FACTS, "items": triple}


def _forms(text: str) -> list[str]:
    """The words of a text and the forms in which a triple may have them, each once."""
    found: dict[str, None] = {}
    for raw in text.split():
        for part in (raw, *_PARTS.split(raw)):
            word = part.strip(_MARKS)
            if not word or not word.isprintable():
                continue
            bare = re.sub(r"['’]s?$", "", word) or word
            low = bare.lower()
            forms = [word, word.lower(), bare, low, stem(low), stem(low) + "e"]
            forms += [f"{word}."] if len(word) <= _SHORT and f"{word}." in raw else []  # Dr.
            forms += [f"{word}'s"] if word[:1].isupper() else []
            forms += [f"{low[:-3]}y"] if low.endswith("ies") else []
            forms += [number[1]] if (number := _ORDINAL.fullmatch(low)) else []
            found.update(dict.fromkeys(forms))
    said = set(tokens(text))
    return [form for form in found if (stems := tokens(form)) and said.issuperset(stems)]


def supported(triple: Triple, text: str) -> bool:
    """Whether a text says the words of a triple: the object's, and the subject's with what it is of the user."""
    said = set(tokens(text))
    role = triple.subject.removeprefix("user's ") if triple.subject.startswith(_OWN) else triple.subject
    who = set(tokens(role)) if role != "user" else set()
    what = set(tokens(triple.object.removeprefix("user's ")))
    known = what <= said or triple.object in _UNSAID
    return bool(what) and known and who <= said and REMOVED not in triple.object


def _triple(item: Any) -> Triple | None:
    if not isinstance(item, list) or not 3 <= len(item) <= 4 or not all(isinstance(part, str) for part in item):
        return None
    parts = [" ".join(part.split()) for part in item]
    if not all(parts[:3]):
        return None
    try:
        day = date.fromisoformat(parts[3]).isoformat() if len(parts) == 4 else None
    except ValueError:
        day = None
    return Triple(parts[0], parts[1], parts[2], day)


class TrainedExtractor:
    """Triples by the adapted backbone, and what the rules read besides; Chinese is read by the rules alone.

    Args:
        ask: see :data:`Ask`; :meth:`bethink.models.chat.ChatLocal.decode_json` is one.
        others: the rules.
    """

    def __init__(self, ask: Ask, others: Extractor | None = None) -> None:
        self.ask, self._others = ask, others or RuleExtractor()

    def extract(self, messages: Sequence[Message]) -> list[Fact]:
        """See :class:`bethink.memory.extract.Extractor`. One call of the model a message, or a long one's piece."""
        found: list[Fact] = []
        for i, message in enumerate(messages):
            if message.role != "user" or not message.content.strip():
                continue
            by_rules = [replace(fact, source=i) for fact in self._others.extract([message])]
            if is_chinese(message.content):
                found += by_rules
            else:
                triples = read_triples(self.ask, message.content, message.said.date())
                found += joined(facts_of(triples, message, i), by_rules)
        return found


def joined(read: Sequence[Fact], by_rules: Sequence[Fact]) -> list[Fact]:
    """What the model read, and what only the rules did: nothing that the model says of the same thing, or otherwise.

    What both read stands in the rules' words, which are the sentence's part that says it.
    """
    left, found = list(by_rules), []
    for fact in read:
        same = next((rule for rule in left if _thing(rule) == _thing(fact)), None)
        if same is not None:
            left.remove(same)
            fact = replace(fact, text=same.text)
        found.append(fact)
    told = {((fact.subject or "").casefold(), fact.relation) for fact in read}
    texts = {fact.text for fact in found}
    new = [rule for rule in left if ((rule.subject or "").casefold(), rule.relation) not in told]
    return found + [rule for rule in new if rule.subject or rule.text not in texts]


def _thing(fact: Fact) -> tuple[str, list[str]]:
    return (fact.subject or "").casefold(), tokens(str(fact.object or ""))


def facts_of(triples: Iterable[Triple], message: Message, source: int) -> list[Fact]:
    """A fact for each triple, with the sentence that says it; dates are written out, counted from the message's day."""
    said = message.said
    lines = sentences(message.content) or [message.content]
    triples = list(triples)
    kin = {triple.subject: triple.object.removeprefix("user's ") for triple in triples if _is_kin(triple)}
    told_of = {triple.subject for triple in triples if not _is_kin(triple)}
    at: dict[int, list[Triple]] = {}
    for triple in triples:
        if _is_kin(triple) and triple.subject in told_of:
            continue  # it stands in the metadata of what else is told of them
        at.setdefault(_line_of(triple, lines), []).append(triple)
    found: list[Fact] = []
    for number, here in sorted(at.items()):
        line = lines[number]
        here = sorted(here, key=lambda triple: max(0, line.casefold().find(triple.object.casefold())))
        texts = pieces_of(line, [_as_written(triple.object, line) for triple in here]) if len(here) > 1 else [line]
        for triple, text in zip(here, texts, strict=True):
            text = with_dates_written(text.strip() or line, said)
            metadata: dict[str, Scalar] = {}
            if role := kin.get(triple.subject):
                metadata["kin"] = role
            mentions = date_mentions(text, said)
            day = date.fromisoformat(triple.day) if triple.day else mentions[0].day if mentions else None
            if day:
                metadata["when"] = day.isoformat()
            valid_at = to_iso(day) if day and day <= said.date() else None
            replaces = says_changed(line) and ends_others(triple.relation, line)
            ended = text if text[-1:] in ".!?。" else f"{text}."
            found.append(
                Fact(
                    ended[:1].upper() + ended[1:],
                    triple.subject,
                    triple.relation,
                    triple.object,
                    valid_at,
                    replaces,
                    source,
                    metadata,
                )
            )
    return found


def _is_kin(triple: Triple) -> bool:
    return triple.relation == "is" and triple.object.startswith("user's ")


def _line_of(triple: Triple, lines: Sequence[str]) -> int:
    """The sentence that says the triple: the one with the most of its words, the object's counted twice."""
    what, who = set(tokens(triple.object)), set(tokens(triple.subject.removeprefix("user's ")))

    def score(line: str) -> int:
        said = set(tokens(line))
        return 2 * len(what & said) + len(who & said)

    return max(range(len(lines)), key=lambda i: score(lines[i]))


def _as_written(what: str, line: str) -> str:
    start = line.casefold().find(what.casefold())
    return line[start : start + len(what)] if start >= 0 else what
