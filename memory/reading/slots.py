"""Reads the one-valued things of a life out of natural sentences: where, with whom, what as, how old.

Beside the verb phrases of :mod:`bethink.memory.reading.relations`, which must fit a whole statement, a slot is found
wherever its words and its kind of value stand in what a sentence claims. What is unsure is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from bethink.memory.reading import values
from bethink.memory.reading.claims import BLANK, asserted
from bethink.memory.reading.mentions import USER, subject_of
from bethink.memory.reading.sentences import plain
from bethink.memory.reading.slot_guards import better, is_away, is_now, names_a_firm, names_a_gym, names_nobody, settled
from bethink.memory.reading.slot_types import Slot
from bethink.memory.reading.slots_by_cue import asked_for, cue_slots
from bethink.memory.reading.slots_by_noun import noun_slots
from bethink.memory.reading.slots_by_verb import NEEDS, VERB_PHRASES, VerbPhrase
from bethink.memory.reading.subjects import Subject
from bethink.memory.words import ADVERBS, KIN, STOP_WORDS, VERBS, listed

_SHORT = (
    (
        re.compile(
            r"(?<=\w)'s (?=(?:single|married|engaged|divorced|widowed|separated|retired|vegan|vegetarian|pregnant"
            r"|[0-9]+|called|named|based|located|closed|[a-z]+ing)\b)"
        ),
        " is ",
    ),
    (
        re.compile(
            r"(?<=\w)'s (?=(?:been|become|got|gone|taken|left|begun|grown|dyed|sold|bought|had|put|come|run|quit"
            r"|given|made|\w+ed)\b)"
        ),
        " has ",
    ),
    (
        re.compile(
            r"(?<=\w)'s (?=(?:my|our|an?|the|now|not|in|at|with|on|officially|back|single|married|engaged"
            r"|divorced|his|her|no longer)\b)"
        ),
        " is ",
    ),
    (re.compile(r"\b(that|which|who|there|what)'s\b", re.I), r"\1 is"),
)
_CAPITAL = re.compile(rf"[{values.UPPER}](?<!\bI)|I\w")
_COMMON = STOP_WORDS | VERBS | KIN | frozenset(ADVERBS)
_MAYBE_NAME = re.compile(
    r"(?:(?<=\bin )|(?<=\bat )|(?<=\bto )|(?<=\bfor )|(?<=\bis )|(?<=\bcalled )|(?<=\bsame )|(?<=\ba ))[a-z][\w'-]+"
)
_SAINT = re.compile(r"\b(?:at|in|from|St\.?|Saint) (?-i:[A-Z]\w+)\Z")
_PETS = frozenset(listed("dog|cat|puppy|kitten|horse|bird|parrot|rabbit|hamster|fish"))
_SOMEBODY = re.compile(r"\b(?:he|she)\b", re.IGNORECASE)
_WHERE_ONE_GOES = ("goes to gym", "studies at", "supports", "works at", "lives in")
"""Of what one sentence says of one place, the first is meant."""


def slots(sentence: str, people: Sequence[Subject] = ()) -> list[Slot]:
    """The slots of one sentence, in the order of their places, one value for each subject and relation.

    ``people`` are those of the message so far, for pronouns. Cost: linear in the sentence.
    """
    text = spelt_out(sentence)
    claimed = asserted(cased(text))
    found: dict[tuple[str, str], Slot] = {}
    if not claimed.strip(f"{BLANK} ") and "favo" not in text:
        return []
    for read in (_verb_slots(claimed, people), cue_slots(claimed, people), noun_slots(claimed, people)):
        for one in read:
            slot = settled(one, claimed)
            if slot is None or _outdone(slot, found):
                continue
            key = (slot.subject.name, slot.relation)
            if key not in found or better(slot, found[key], claimed):
                found[key] = slot
    if asked := asked_for(text):
        found[asked.subject.name, asked.relation] = asked
    return sorted((_as_written(slot, claimed, text) for slot in found.values()), key=lambda slot: slot.end)


def _outdone(slot: Slot, found: dict[tuple[str, str], Slot]) -> bool:
    """Whether another reading of the same place was found; a less likely one found before is dropped."""
    if slot.relation not in _WHERE_ONE_GOES:
        return False
    for key, other in list(found.items()):
        if other.object == slot.object and key[1] in _WHERE_ONE_GOES and key[1] != slot.relation:
            if _WHERE_ONE_GOES.index(slot.relation) > _WHERE_ONE_GOES.index(key[1]):
                return True
            del found[key]
    return False


def _as_written(slot: Slot, claimed: str, text: str) -> Slot:
    at = claimed.find(slot.object)
    return replace(slot, object=text[at : at + len(slot.object)]) if at >= 0 else slot


def spelt_out(sentence: str) -> str:
    """As :func:`bethink.memory.reading.sentences.plain`, with the "'s" of nouns too."""
    text = plain(sentence)
    for rule, full in _SHORT:
        text = rule.sub(partial(_spelt, full, text), text)
    return text


def _spelt(full: str, text: str, found: re.Match[str]) -> str:
    return found.group() if _SAINT.search(text, 0, found.start()) else found.expand(full)


def cased(text: str) -> str:
    """A text typed without capitals, with capitals where names may stand; others as they are. Lengths stay."""
    if len(text) > 300 or not text[:1].islower() or _CAPITAL.search(text):
        return text
    return _MAYBE_NAME.sub(lambda word: word.group() if word.group() in _COMMON else word.group().capitalize(), text)


def _verb_slots(text: str, people: Sequence[Subject]) -> Iterator[Slot]:
    there = {"", *(kind for kind, rule in NEEDS.items() if rule.search(text))}
    for phrase in VERB_PHRASES:
        if phrase.needs not in there:
            continue
        if phrase.context and not phrase.context.search(text):
            continue
        for found in phrase.pattern.finditer(text):
            if BLANK in found.group():
                continue
            subject = subject_of(text, found.start(), people)
            if subject and (slot := _of_verb(phrase, found, subject, text)):
                yield slot


def _of_verb(phrase: VerbPhrase, found: re.Match[str], subject: Subject, text: str) -> Slot | None:
    relation, obj = phrase.relation, str(found["o"])
    if relation == "works as":
        obj = values.occupation(obj)
        if not obj or subject.kin.split(" ")[-1] in _PETS:
            return None
    if phrase.passing and not _lasts(relation, obj, subject, found, text):
        return None
    if relation == "age" and text[max(0, found.start() - 3) : found.start()].lower() == "we ":
        return None
    return Slot(subject, relation, obj, phrase.moves, found.start(), found.start("o") + len(obj))


def _lasts(relation: str, obj: str, subject: Subject, found: re.Match[str], text: str) -> bool:
    """Whether "is in", "is at" and "is called" tell of a home, a job and a name."""
    near = is_now(text)
    if relation != "name" and is_away(text):
        return False
    if relation == "name":
        return subject is USER and not names_nobody(obj) and (near or " " in obj or found.start() < 12)
    if subject.guess and relation in ("lives in", "works at") and not _SOMEBODY.search(text):
        return False
    if relation == "goes to gym":
        return names_a_gym(obj)
    if relation == "works at":
        return names_a_firm(obj) or (near and not obj.endswith("'s"))
    return near or relation != "lives in"
