"""Facts from what a person writes, by rules: offline, in microseconds, and never inventing a word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

from bethink.memory.chinese import ChineseReader, is_chinese
from bethink.memory.conflict import functional
from bethink.memory.extract import Fact, Message
from bethink.memory.reading.mentions import is_human, third_person
from bethink.memory.reading.relations import Relation, ends_others, read_attribute, read_relation, says_changed, trimmed
from bethink.memory.reading.sentences import clauses, opened, plain, sentences, states_something
from bethink.memory.reading.slot_guards import has_another
from bethink.memory.reading.slot_types import Slot
from bethink.memory.reading.slots import slots, spelt_out
from bethink.memory.reading.subjects import (
    NAME,
    Subject,
    friend_named,
    introduced,
    is_person,
    own_name,
    read_subject,
    split_subject,
)
from bethink.memory.redact import REMOVED
from bethink.memory.thought import Scalar
from bethink.memory.times import DateMention, date_mentions, to_iso, with_dates_written
from bethink.memory.words import ADVERBS, KIN, VERBS

MAX_FACTS = 50
"""Facts taken from one message."""
_MORE = re.compile(rf",?\s+(?:and|but)\s+(?=(?:(?:{'|'.join(ADVERBS)})\s+)*(?:{'|'.join(VERBS)})\s+\S)")
_WHO = re.compile(
    r"^(?P<subject>(?:[Mm]y|[Oo]ur) [^,]+|[A-Z][^,]*), (?:who|which) (?P<inner>[^,]+)(?:, (?P<outer>.+))?$", re.DOTALL
)
_APPOSED = re.compile(rf"^(?P<role>(?:[Mm]y|[Oo]ur) [a-z][\w -]*), (?P<name>{NAME}), ")
_AS_AT = re.compile(
    r"^(?P<verb>(?:.*? )?work(?:s|ing)?) as (?P<job>.+?) (?:at|for) (?P<place>(?!the moment\b|present\b|night\b"
    r"|home\b|now\b).+)$",
    re.DOTALL,
)
_CALL_ME = re.compile(rf"^(?:please |you can |just )*call me (?P<name>(?-i:{NAME}))[.!]*$", re.IGNORECASE)
_POINTS_BACK = re.compile(r"\b(?:it|them|that|those|there|him)\b", re.IGNORECASE)
_VAGUE = frozenset(
    ("is", "has", "got", "goes to", "takes", "works in", "plans to", "used to {r}", "eats", "prefers", "likes", "job")
)
_TELLS_WHICH = re.compile(r"^(?:it|that|he|she|now it|the new one|his name|her name)(?: is|'s)\b", re.IGNORECASE)
_OVER = re.compile(
    r"\b(?:not|no longer)\b.*\b(?:any ?more|any longer)\b|n't\b.*\b(?:any ?more|any longer)\b|\bno longer\b",
    re.IGNORECASE,
)
_OF_THINGS = frozenset(("name", "age", "weight", "height", "address", "phone number", "email"))
_MY_WHAT = re.compile(
    r"(?:and )?(?P<what>(?:my|our) (?:(?!(?:is|are|was|do|does|did|has|have|can)\b)[\w'-]+ ?){1,5})\?$", re.IGNORECASE
)
_ITS_OWN = re.compile(r"(?:their|his|her|its|the one|the same)\b", re.IGNORECASE)
_PRONOUN = re.compile(r"\b(?:he|she|they|his|her|their)\b", re.IGNORECASE)
_OWNING = frozenset(("his", "her", "their"))
_JOINT = re.compile(r"^[\s,;:]*(?:(?:and|but|so)\s+)?")
_PREPOSITION = re.compile(r" (?:in|at|with|as|for|on|to|by) ")
_OWN_SUBJECT = re.compile(r"(?:I|we|my|our|he|she|they|his|her|their|[A-Z])\b", re.IGNORECASE)
_VALUE = re.compile(rf"^(?:(?:{'|'.join(ADVERBS)}) )*(?:is|are) (?:now |also )?(?P<value>.+)$", re.DOTALL)


class RuleExtractor:
    """Sentences of the user that state something, split where one subject does two things, with triples where known.

    Questions, hypotheses, quotes, hearsay, commands and small talk are passed over, and so are all other roles: what
    the assistant or a tool said is no fact about the user. First-person statements without a known pattern are kept
    as sentences. Relative dates are written out, counted from the day of the message. A message in Chinese is read by
    :class:`bethink.memory.chinese.ChineseReader`, which also reads facts about things that are talked about.
    """

    def extract(self, messages: Sequence[Message]) -> list[Fact]:
        """See :class:`bethink.memory.extract.Extractor`. Cost: linear in the text."""
        found: list[Fact] = []
        chinese = ChineseReader()
        for i, message in enumerate(messages):
            if is_chinese(message.content):
                facts = chinese.read(message, i)  # what others say tells what the talk is about
                found += facts if message.role == "user" else []
            elif message.role == "user":
                found += _read(message.content, message.said, i)
        return found


def _read(text: str, said: datetime, source: int) -> list[Fact]:
    facts: list[Fact] = []
    people: list[Subject] = []
    before = ""
    for sentence in sentences(text):
        sentence = opened(sentence)
        if named := _CALL_ME.match(sentence):
            facts.append(Fact(f"My name is {named['name']}.", "user", "name", named["name"], source=source))
        elif REMOVED not in sentence:
            found = slots(sentence, people)
            if not found and _TELLS_WHICH.match(sentence) and before and not before.endswith("?"):
                joined = f"{before.rstrip('.! ')}, {sentence}"
                found = slots(joined, people)
                sentence = joined if found else sentence
            elif not found and before.endswith("?") and (asked := _MY_WHAT.match(before)):
                found = [slot for slot in slots(f"{asked['what']} is {sentence}", people) if slot.object in sentence]
                sentence = f"{before} {sentence}" if found else sentence
            statements = split_statements(plain(sentence)) if states_something(sentence) else []
            new = _stated(sentence, statements, found, said, source, people)
            if found and facts and new and _ended_here(facts[-1], found):
                ended = facts.pop()
                new[0] = replace(new[0], text=f"{ended.text} {new[0].text}", replaces=True)
            facts += new
            if not new and not people:
                one = third_person(plain(sentence), len(sentence), ())
                people += [one] if one and one.name.startswith("user's ") else []
            before = "" if found or (sentence.endswith("?") and not _MY_WHAT.match(sentence)) else sentence
        if len(facts) >= MAX_FACTS:
            break
    return facts[:MAX_FACTS]


def _ended_here(before: Fact, found: Sequence[Slot]) -> bool:
    """Whether a sentence only says what is no longer so, and the next one what is instead."""
    over = _OVER.search(before.text) is not None
    return any(before.relation == f"not {slot.relation}" or (before.relation is None and over) for slot in found)


def _stated(
    sentence: str,
    statements: list[tuple[str, str]],
    found: list[Slot],
    said: datetime,
    source: int,
    people: list[Subject],
) -> list[Fact]:
    """The facts of one sentence: a slot takes the place of what the grammar of its statement says less well."""
    facts: list[tuple[str, Fact]] = []
    for statement, alone in statements:
        whole = sentence if len(statements) == 1 else alone
        if fact := _fact(statement, whole, said, source, people):
            facts.append((statement, fact))
    if not found:
        return [fact for _, fact in facts]
    kept = [(statement, fact) for statement, fact in facts if fact.relation and not _covered(fact, found)]
    for slot in found:
        _remember(slot.subject, people)
    found = [_fuller(slot, [fact for _, fact in facts]) for slot in found]
    if len(found) == 1 and not kept:
        return [_of_slot(found[0], sentence, said, source)]
    read: list[Fact] = []
    left = list(found)
    for statement, alone in statements:
        here = [slot for slot in left if slot.object in statement or slot.object in alone]
        left = [slot for slot in left if slot not in here]
        read += [fact for where, fact in kept if where == statement and not (here and fact.relation in _VAGUE)]
        texts = [alone] if len(here) == 1 else pieces_of(statement, [slot.object for slot in here])
        texts = texts if all(slot.object in text for slot, text in zip(here, texts, strict=False)) else [alone]
        read += [_of_slot(slot, text, said, source) for slot, text in zip(here, texts, strict=False)]
    texts = [sentence] if len(left) == 1 else pieces_of(spelt_out(sentence), [slot.object for slot in left])
    return read + [_of_slot(slot, text, said, source) for slot, text in zip(left, texts, strict=False)]


def _covered(fact: Fact, found: Sequence[Slot]) -> bool:
    """Whether a slot says what the grammar read, or says it better."""
    told = str(fact.object)
    vague = fact.relation in _VAGUE or functional(str(fact.relation))
    if (vague and _ITS_OWN.match(told)) or any(fact.relation == f"not {slot.relation}" for slot in found):
        return True
    return any(
        slot.relation == fact.relation
        or slot.object in told
        or (vague and (told in slot.object or slot.object == fact.subject))
        for slot in found
    )


def _fuller(slot: Slot, facts: Sequence[Fact]) -> Slot:
    """The slot with the article, or the rest of a short value, that the grammar of the statement keeps."""
    for fact in facts:
        told = str(fact.object)
        same = fact.relation == slot.relation or (fact.relation == "is" and slot.relation == "works as")
        if same and slot.object in told and len(told.split()) < 5 and "," not in told:
            return replace(slot, object=told)
    return slot


def _remember(subject: Subject, people: list[Subject]) -> None:
    if subject.name != "user":
        role = f"user's {subject.kin}"
        people[:] = [person for person in people if person.name not in (subject.name, role)] + [subject]


def _of_slot(slot: Slot, text: str, said: datetime, source: int) -> Fact:
    subject, relation = slot.subject, Relation(slot.relation, slot.object, slot.moves or says_changed(text))
    last = subject.name.split(" ")[-1]
    if subject.name != "user" and last.lower() not in text.lower():
        text = _PRONOUN.sub(
            lambda word: subject.text + ("'s" if word.group().lower() in _OWNING else ""), text, count=1
        )
    if not slot.moves and last in KIN:
        subject, relation = introduced(subject, relation)
    return finished(text, subject, relation, said, source)


def pieces_of(statement: str, objects: Sequence[str]) -> list[str]:
    """A text for each of several values of one statement, cut behind the values: "I am 30" and "I am 1.70 m"."""
    if not objects:
        return []
    ends: list[int] = []
    for value in objects:
        start = statement.find(value, ends[-1] if ends else 0)
        ends.append(start + len(value) if start >= 0 else (ends[-1] if ends else 0))
    ends[-1] = len(statement)
    opening = statement[: max(0, statement.find(objects[0]))]
    found = [statement[: ends[0]]]
    for start, end in pairwise(ends):
        piece = _JOINT.sub("", statement[start:end]).strip()
        lead = _PREPOSITION.sub(" ", opening) if _PREPOSITION.match(f" {piece} ") else opening
        found.append(piece if _OWN_SUBJECT.match(piece) else f"{lead}{piece}")
    return [_ended(piece.strip(" ,;")) for piece in found]


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
        lifeless = not is_human(subject) and functional(relation.relation) and relation.relation not in _OF_THINGS
        if lifeless or has_another(relation.relation, statement):
            relation = None
    if subject and relation:
        subject, relation = introduced(subject, relation)
        if subject.guess and not is_person(subject, relation, people):
            return None
    elif not first_person or (len(statement.split()) < 4 and "我" not in statement):
        return None
    if subject:
        _remember(subject, people)
    return finished(whole, subject, relation, said, source)


def _relation(subject: Subject, phrase: str) -> Relation | None:
    if subject.attribute:
        value = _VALUE.match(phrase)
        if subject.attribute.endswith("name") and (called := read_relation(phrase)) and called.relation == "name":
            return called
        return read_attribute(subject.attribute, value["value"]) if value else None
    if subject.name == "user":
        return own_name(phrase) or read_relation(phrase)
    return friend_named(subject, phrase) or read_relation(phrase)


def finished(whole: str, subject: Subject | None, relation: Relation | None, said: datetime, source: int) -> Fact:
    """The fact of a sentence: its relative dates written out, its date read, its object without either."""
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
    return Fact(
        text,
        subject.name,
        relation.relation,
        obj,
        valid_at,
        relation.replaces and ends_others(relation.relation, whole),
        source,
        metadata,
    )


def _undated(obj: str, whole: str, mentions: Sequence[DateMention]) -> str:
    for mention in mentions:
        day = re.escape(whole[mention.start : mention.end])
        obj = trimmed(re.sub(rf"\s*(?:\b(?:on|in|since|from|until|by|at|for) )?{day}", "", obj)) or obj
    return obj
