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
from bethink.memory.reading.slots_by_verb import ATTRIBUTES
from bethink.memory.reading.subjects import Subject
from bethink.memory.reading.values import NAMES
from bethink.memory.redact import REMOVED
from bethink.memory.thought import Thought
from bethink.memory.words import STOP_WORDS, listed

_CHANGE = re.compile(
    r"\b(?:now|nowadays|these days|no longer|no more|any ?more|any longer|instead|in place of|from (?:now"
    r"|here) on|as of"
    r"|since|at last|already|finally|officially|change[ds]?|switch(?:ed)?|swap(?:ped)?|traded|replaced|moved?|left|quit"
    r"|became|become|joined|(?:started|begun|began)(?! to\b| \w+ing\b)|signed|retired|gone|went|turned|converted|sold"
    r"|dropped|gave up|given up|cancelled|closed|shut|upgraded|hired|transferred|promoted|back to|settled|died|scrapped"
    r"|stolen|outgrown|renamed|landed|poached|hopped|ditched|packed|relocated|ended up|goodbye|hit|reached|grown|out of"
    r"|put on|birthday|celebrated|made me|took me on|got (?:married|engaged|divorced|hitched|myself|himself"
    r"|herself))\b",
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
_MEASURED = frozenset(("weight", "height", "age", "name", "bedtime"))
"""What things and animals have too: another subject of it is somebody else."""
_BOUNDARY = re.compile(r"[,;:.!?—–\0]\s*|\b(?:and|but|so|because|since|when|while)\b(?! I\b[^,]*$)\s*", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    r" (?!(?:now|nowadays|these|this|and|but|so|or|as|too|in|on|at|for|to|of|with|by|since|because|again|instead"
    r"|from|who"
    r"|which|where|when|while|if|is|are|was|has|have|had|over|last|next|any|it|that|there|here|already|today|yesterday"
    r"|after|before|until|once|though|not|no|officially|finally|full|part|went|got|took|hired|pays?|snapped|moved|left|me"
    r"|us|the|my|our|a|an|he|she|they|I|we|took|runs?|suits|will|can|did|does|through|early|every|per|than|being|doing"
    r"|altogether|afterwards|permanently|please|just|only|up|down|out|off|together|without|under|like|then|all|[A-Z])\b)[a-z]"
)
_HEAD = re.compile(
    r" (?:citizens?|citizenship|passport|hair|fan|fans|supporters?|members?|membership|diet|food|meals|time"
    r"|person|girl|man"
    r"|woman|guy|people|years?|months?|old|pm|am|tall|high|resident|student|university|school|gym|team|club)\b"
)
_PAST = re.compile(
    r"\b(?:was(?! \w+ed\b| made\b| given\b| put\b)|were(?! \w+ed\b| made\b| given\b)|weighed(?! (?:me|him|her|us"
    r"|in)\b)|grew up"
    r"|lived|worked|studied|drove|wore|went to (?:bed|sleep|school)|was (?:baptised|raised|born|brought up)"
    r"|used to|had been|had)\b",
    re.IGNORECASE,
)
_NOT_YET = re.compile(
    r"\b(?:waiting for|forms? for|ordered|booked|asked for|applied (?:to|for)|interview|helping out|maybe|perhaps"
    r"|both|either|not yet|sling|dream)\b",
    re.IGNORECASE,
)
_NEW_THING = re.compile(
    r"\b(?:new|different|another) (?P<noun>[a-z]+(?: [a-z]+)?)(?:,| called| named|:| from) (?:the )?$"
)
_NAMES_ME = re.compile(r"\b(?:I|me|we|us)\b")
_THEY = re.compile(r"(?:he|she|they)\b", re.IGNORECASE)
_SOMEBODY_ANYWHERE = re.compile(r"\b(?:my|our|the|an?|his|her|their) (?P<noun>[a-z]+(?: [a-z]+)?)(?!')", re.IGNORECASE)
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
        if _is_what_is_meant(relation, said, value, start) and same_person(thought, said, value, start):
            return value
    return ""


def _is_what_is_meant(relation: str, said: Said, value: str, start: int) -> bool:
    """Whether a value stands for itself, in the present: no "green hat", no "I weighed 84 kg", no "new owner, X"."""
    text = said.claimed
    after, clause = text[start + len(value) :], text[clause_start(text, start) : start]
    if _ATTRIBUTE.match(after) and not _HEAD.match(after):
        return False
    if _PAST.search(clause) or _PAST.match(after.lstrip()) or _NOT_YET.search(said.text):
        return False
    fresh = _NEW_THING.search(text[:start])
    return (
        not fresh
        or relation not in ATTRIBUTES
        or re.search(rf"\b{ATTRIBUTES[relation]}\b", fresh["noun"], re.I) is not None
    )


def clause_start(text: str, position: int) -> int:
    """Where the clause begins that a position is in."""
    return max((found.end() for found in _BOUNDARY.finditer(text, 0, position)), default=0)


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
    clause = said.claimed[clause_start(said.claimed, position) : position]
    if _OF_OTHERS.search(said.claimed[:position]) or (_others_clause(clause) and not _NAMES_ME.search(clause)):
        return False
    if _TO_ME.search(said.claimed[:position]):
        return True
    if spoken is USER:
        return _FIRST_PERSON.search(said.text) is not None or not _of_somebody(said, thought)
    other = spoken.name.casefold() if spoken else ""
    about = value.casefold() in other if value else False
    old = normalise(other) in normalise(thought.object or thought.text) if other else False
    thing = spoken is not None and not is_human(spoken) and thought.relation not in _MEASURED
    mine = _FIRST_PERSON.search(f"{said.before} {said.claimed}") is not None
    return (old and names_old(thought, said)) or ((about or old or thing) and mine)


def _others_clause(clause: str) -> bool:
    """Whether a clause speaks of somebody besides the speaker: "my ex just got", "they have", "the couple went"."""
    if _THEY.match(clause):
        return True
    return any(
        is_human(Subject(word, f"user's {word.lower()}"))
        for found in _SOMEBODY_ANYWHERE.finditer(clause)
        for word in found["noun"].split()
        if word.lower() != "one"
    )


def _of_somebody(said: Said, thought: Thought) -> bool:
    """Whether a sentence opens with a name or a thing that is not the thought's value."""
    if (other := _SOMEBODY.match(said.text)) and not names_old(thought, said):
        return thought.relation in _MEASURED or any(
            is_human(Subject(word, f"user's {word}")) for word in other["noun"].split()
        )
    opening = re.match(NAMES, said.text)
    if not opening or not is_name(opening.group()):
        return False
    return opening.group().casefold() not in str(thought.object).casefold()


def _holds(text: str, word: str) -> bool:
    return re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE) is not None
