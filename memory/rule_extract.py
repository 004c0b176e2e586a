"""Facts from what a person writes, by rules: offline, in microseconds, and never inventing a word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from bethink.memory.extract import Fact, Message
from bethink.memory.redact import REMOVED
from bethink.memory.relations import Relation, read_attribute, read_relation, trimmed
from bethink.memory.sentences import clauses, opened, plain, sentences, states_something
from bethink.memory.subjects import (
    NAME,
    Subject,
    friend_named,
    introduced,
    is_person,
    own_name,
    read_subject,
    split_subject,
)
from bethink.memory.thought import Scalar
from bethink.memory.times import DateMention, date_mentions, to_iso, with_dates_written
from bethink.memory.words import ADVERBS, VERBS

MAX_FACTS = 50
"""Facts taken from one message."""
_MORE = re.compile(rf",?\s+(?:and|but)\s+(?=(?:(?:{'|'.join(ADVERBS)})\s+)*(?:{'|'.join(VERBS)})\s+\S)")
_WHO = re.compile(
    r"^(?P<subject>(?:[Mm]y|[Oo]ur) [^,]+|[A-Z][^,]*), (?:who|which) (?P<inner>[^,]+)(?:, (?P<outer>.+))?$", re.DOTALL
)
_APPOSED = re.compile(rf"^(?P<role>(?:[Mm]y|[Oo]ur) [a-z][\w -]*), (?P<name>{NAME}), ")
_AS_AT = re.compile(r"^(?P<verb>(?:.*? )?work(?:s|ing)?) as (?P<job>.+?) (?:at|for) (?P<place>.+)$", re.DOTALL)
_CALL_ME = re.compile(rf"^(?:please |you can |just )*call me (?P<name>{NAME})[.!]*$", re.IGNORECASE)
_POINTS_BACK = re.compile(r"\b(?:it|them|that|those|there|him)\b", re.IGNORECASE)
_VALUE = re.compile(rf"^(?:(?:{'|'.join(ADVERBS)}) )*(?:is|are) (?:now |also )?(?P<value>.+)$", re.DOTALL)


class RuleExtractor:
    """Sentences of the user that state something, split where one subject does two things, with triples where known.

    Questions, hypotheses, quotes, hearsay, commands and small talk are passed over, and so are all other roles: what
    the assistant or a tool said is no fact about the user. First-person statements without a known pattern are kept
    as sentences. Relative dates are written out, counted from the day of the message.
    """

    def extract(self, messages: Sequence[Message]) -> list[Fact]:
        """See :class:`bethink.memory.extract.Extractor`. Cost: linear in the text."""
        found: list[Fact] = []
        for i, message in enumerate(messages):
            if message.role == "user":
                found += _read(message.content, message.said, i)
        return found


def _read(text: str, said: datetime, source: int) -> list[Fact]:
    facts: list[Fact] = []
    people: list[Subject] = []
    for sentence in sentences(text):
        sentence = opened(sentence)
        if named := _CALL_ME.match(sentence):
            facts.append(Fact(f"My name is {named['name']}.", "user", "name", named["name"], source=source))
        elif REMOVED not in sentence and states_something(sentence):
            statements = split_statements(plain(sentence))
            for statement, alone in statements:
                whole = sentence if len(statements) == 1 else alone
                if fact := _fact(statement, whole, said, source, people):
                    facts.append(fact)
        if len(facts) >= MAX_FACTS:
            break
    return facts[:MAX_FACTS]


def split_statements(sentence: str) -> list[tuple[str, str]]:
    """(statement, its text) for each subject and verb: clauses, relative clauses and verb phrases are taken apart.

    A clause that points back ("... and I love it") stays in the text of the one before, where it is understood.
    """
    spans = clauses(sentence)
    if not all(split_subject(sentence[start:end]) for start, end in spans):
        spans = [(0, len(sentence))]
    found: list[tuple[str, str]] = []
    last = 0
    for start, end in spans:
        part = sentence[start:end].strip(" ,;")
        if found and _POINTS_BACK.search(part):
            found[-1] = (found[-1][0], _ended(found[-1][1].rstrip(".!") + sentence[last:end].rstrip()))
        else:
            found += [(one, one) for one in _verb_phrases(part)]
        last = end
    return found


def _verb_phrases(part: str) -> list[str]:
    part = _APPOSED.sub(r"\g<role> \g<name> ", part)
    if relative := _WHO.match(part):
        outer = relative["outer"]
        part = f"{relative['subject']} {relative['inner']}" + (f" and {outer}" if outer else "")
    split = split_subject(part)
    if not split:
        return [_ended(part)]
    opening, subject, phrase = split
    found = []
    for piece in _MORE.split(phrase):
        working = _AS_AT.match(piece)
        both = [piece]
        if working:
            both = [f"{working['verb']} as {working['job']}", f"{working['verb']} at {working['place']}"]
        found += [_ended(f"{opening}{subject} {one}".strip()) for one in both]
    return found


def _ended(text: str) -> str:
    return text if text[-1:] in ".!。" else text + "."


def _fact(statement: str, whole: str, said: datetime, source: int, people: list[Subject]) -> Fact | None:
    split = split_subject(statement)
    opening, written, phrase = split or ("", "", "")
    first_person = re.match(r"(?:I|we|my|our)\b|我", written or statement, re.IGNORECASE) is not None
    subject = read_subject(written, people) if split else None
    relation = _relation(subject, phrase) if subject else None
    if subject and relation:
        if not first_person and not subject.guess:
            whole = f"{opening}{subject.text} {phrase}"  # a pronoun means nothing outside its message
        subject, relation = introduced(subject, relation)
        if subject.guess and not is_person(subject, relation, people):
            return None
    elif not first_person or (len(statement.split()) < 4 and "我" not in statement):
        return None
    if subject and subject.name != "user":
        role = f"user's {subject.kin}"
        people[:] = [person for person in people if person.name not in (subject.name, role)] + [subject]
    return _finished(whole, subject, relation, said, source)


def _relation(subject: Subject, phrase: str) -> Relation | None:
    if subject.attribute:
        value = _VALUE.match(phrase)
        if subject.attribute.endswith("name") and (called := read_relation(phrase)) and called.relation == "name":
            return called
        return read_attribute(subject.attribute, value["value"]) if value else None
    if subject.name == "user":
        return own_name(phrase) or read_relation(phrase)
    return friend_named(subject, phrase) or read_relation(phrase)


def _finished(whole: str, subject: Subject | None, relation: Relation | None, said: datetime, source: int) -> Fact:
    text = with_dates_written(whole.strip(), said)
    text = text[:1].upper() + text[1:] + ("" if text[-1:] in ".!。" else ".")
    mentions = date_mentions(whole, said)
    metadata: dict[str, Scalar] = {"kin": subject.kin} if subject and subject.kin else {}
    valid_at = None
    if mentions:
        metadata["when"] = mentions[0].day.isoformat()
        valid_at = to_iso(mentions[0].day) if mentions[0].day <= said.date() else None
    if subject is None or relation is None:
        return Fact(text, valid_at=valid_at, source=source, metadata=metadata)
    obj = relation.object if relation.relation.startswith("birth") else _undated(relation.object, whole, mentions)
    return Fact(text, subject.name, relation.relation, obj, valid_at, relation.replaces, source, metadata)


def _undated(obj: str, whole: str, mentions: Sequence[DateMention]) -> str:
    for mention in mentions:
        day = re.escape(whole[mention.start : mention.end])
        obj = trimmed(re.sub(rf"\s*(?:\b(?:on|in|since|from|until|by|at|for) )?{day}", "", obj)) or obj
    return obj
