"""Signs that a sentence changes something known: its cue words, the old value named, the same person spoken of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from bethink.memory.conflict import kin_words, normalise
from bethink.memory.reading.candidates import candidates
from bethink.memory.reading.claims import BLANK, asserted
from bethink.memory.reading.mentions import USER, clause_subject, is_human, is_name
from bethink.memory.reading.sentences import opened, sentences
from bethink.memory.reading.slot_guards import has_another, is_for_a_while
from bethink.memory.reading.slots import cased, spelt_out
from bethink.memory.reading.subjects import Subject
from bethink.memory.reading.values import NAMES
from bethink.memory.redact import REMOVED
from bethink.memory.thought import Thought
from bethink.memory.words import STOP_WORDS, listed

_CHANGE = re.compile(
    r"\b(?:now|nowadays|these days|no longer|no more|any ?more|any longer|instead|in place of|from (?:now"
    r"|here) on|as of"
    r"|since|at last|new|again|already|finally|officially|change[ds]?|switch(?:ed)?|swap(?:ped)?|traded|replaced|moved?"
    r"|left|quit|became|become|joined|(?:started|begun|began)(?! to\b| \w+ing\b)|signed|retired|gone|went|turned"
    r"|converted|sold|bought|got|dropped|gave up|given up|cancelled|closed|shut|upgraded|hired|transferred|promoted"
    r"|made|took|taken|back to|settled|died|scrapped|stolen|outgrown|renamed|landed|poached|hopped|ditched|packed"
    r"|relocated|ended up|goodbye|hit|reached|grown|out of|put on|offer|birthday|celebrated)\b",
    re.IGNORECASE,
)
_STRONG = re.compile(
    r"\b(?:now|nowadays|these days|no longer|any ?more|any longer|instead|in place of|from (?:now|here) on|changed"
    r"|switched|swapped|traded|replaced|upgraded|new|different|gave up|given up|cancelled|moved (?:my|our|over|from|to)"
    r"|ditched|dropped|left|quit|stopped|raised|put me)\b",
    re.IGNORECASE,
)
_FIRST_PERSON = re.compile(r"\b(?:I|me|my|we|us|our|mine)\b", re.IGNORECASE)
_PRONOUN = re.compile(r"\b(?:he|she|they|his|her|their|him|hers)\b", re.IGNORECASE)
_TO_ME = re.compile(r"\b(?:me|us)\b(?: \w+){0,4} ?$", re.IGNORECASE)
_OF_OTHERS = re.compile(r"(?:\w's|\bhis|\bher|\btheir)(?: [a-z]+)? $")
_SOMEBODY = re.compile(
    r"(?:the|an?|every|half|all|his|her|their|some) (?!(?:doctor|nurse|vet)\b)(?P<noun>[a-z]+(?: [a-z]+)?)",
    re.IGNORECASE,
)
_WORD = re.compile(r"[\w-]{3,}")
_GENERIC = STOP_WORDS | frozenset(
    listed(
        """university|school|college|primary|secondary|flat|house|home|hospital|clinic|city|town|street|gym|club|team
        |class|years|months|new|old|own|the|office|shop|company"""
    )
)
"""Words of a value that do not tell it from another of its kind."""


@dataclass(frozen=True)
class Said:
    """A sentence to hold against what is known: as written, as claimed, what stood before it, and in which message."""

    text: str
    claimed: str
    before: str
    source: int

    @property
    def changes(self) -> bool:
        """Whether a word of it, or of the sentence before, may tell of a change."""
        return _CHANGE.search(f"{self.before} {self.claimed}") is not None

    @property
    def surely_changes(self) -> bool:
        """Whether a word of it says that something is otherwise now."""
        return _STRONG.search(self.claimed) is not None

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of it and of the sentence before, in small letters."""
        return words_of(f"{self.before} {self.text}")


def said_in(text: str, source: int) -> Iterator[Said]:
    """The sentences of a message that may change something: what is claimed, and not just for a while."""
    before = ""
    for sentence in sentences(text):
        whole = opened(sentence)
        if REMOVED not in whole and " " in whole:
            claimed = claimed_in(whole)
            if claimed.strip(f"{BLANK} .!") and not is_for_a_while(spelt_out(whole)):
                yield Said(whole, claimed, before, source)
        before = whole


@lru_cache(maxsize=1024)
def claimed_in(text: str) -> str:
    """What a text claims, contractions spelt out, all else blank."""
    return asserted(cased(spelt_out(text)))


def words_of(text: str) -> frozenset[str]:
    """The words of three letters and more, in small letters, without possessive endings."""
    return frozenset(_WORD.findall(re.sub(r"['’]s\b", "", text.casefold())))


def telling_words(value: str) -> frozenset[str]:
    """The words of a value that tell it from others of its kind."""
    return words_of(value) - _GENERIC


def names_old(thought: Thought, said: Said) -> bool:
    """Whether a sentence holds a word of a thought's value (of its names, where it has no triple)."""
    old = thought.object or " ".join(re.findall(NAMES, thought.text[1:]))
    words = said.words & telling_words(old)
    return any(
        not re.search(rf"\b{re.escape(word)}(?:'s| has| have)(?: got)? (?:an?|new|its)\b", said.text, re.I)
        for word in words
    )


def new_value(thought: Thought, relation: str, said: Said) -> str:
    """The last value of a sentence that may take the place of a thought's, or nothing.

    It is of the relation's kind, another than the old one, and said of the same person.
    """
    old = thought.object or thought.text
    if has_another(relation, said.claimed):
        return ""
    for value, start in reversed(candidates(relation, said.claimed)):
        its = telling_words(value)
        same = normalise(value) == normalise(old) or (bool(its) and its <= telling_words(old))
        if same or normalise(value) in normalise(thought.subject).split() or value not in said.text:
            continue
        if same_person(thought, said, value, start):
            return value
    return ""


def same_person(thought: Thought, said: Said, value: str, position: int) -> bool:
    """Whether what a sentence says at a position is said of whom the thought is about."""
    spoken = clause_subject(said.claimed, position, ())
    subject = thought.subject
    if subject is None:
        its = clause_subject(claimed_in(thought.text), len(thought.text), ())
        subject = its.name if its else "user"
    if subject != "user":
        names = kin_words(subject.removeprefix("user's ")) | kin_words(str(thought.metadata.get("kin", "")))
        if any(_holds(said.text, name) for name in names if name):
            return True
        return any(_holds(said.before, name) for name in names if name) and _PRONOUN.search(said.claimed) is not None
    if _OF_OTHERS.search(said.claimed[:position]):
        return False
    if _TO_ME.search(said.claimed[:position]):
        return True
    if spoken is USER:
        return _FIRST_PERSON.search(said.text) is not None or not _of_somebody(said, thought)
    other = spoken.name.casefold() if spoken else ""
    about = value.casefold() in other if value else False
    old = normalise(other) in normalise(thought.object or thought.text) if other else False
    thing = spoken is not None and not is_human(spoken)
    mine = _FIRST_PERSON.search(f"{said.before} {said.claimed}") is not None
    return (old and names_old(thought, said)) or ((about or old or thing) and mine)


def _of_somebody(said: Said, thought: Thought) -> bool:
    """Whether a sentence opens with a name or a thing that is not the thought's value."""
    if (other := _SOMEBODY.match(said.text)) and not names_old(thought, said):
        measured = thought.relation in ("weight", "height", "age", "name", "bedtime")
        return measured or any(is_human(Subject(word, f"user's {word}")) for word in other["noun"].split())
    opening = re.match(NAMES, said.text)
    if not opening or not is_name(opening.group()):
        return False
    return opening.group().casefold() not in str(thought.object).casefold()


def _holds(text: str, word: str) -> bool:
    return re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE) is not None
