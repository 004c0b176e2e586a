"""Who a statement is about: "my sister Maria" -> Maria, the user's sister; "she" -> the one person named before."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bethink.memory.reading.relations import OF_ONE, PERSONAL, Relation
from bethink.memory.words import ADVERBS, KIN, THIRD_PERSON, VERBS

NAME = r"[A-Z][\w'-]*(?: (?:[A-Z][\w'-]*|de|da|van|von|der))*"
_NOUNS = r"[a-z][\w-]*(?: [a-z][\w-]*){0,3}"
_SELF = re.compile(rf"^(?:I|we|my {_NOUNS}(?: {NAME})? and I)$", re.IGNORECASE)
_OWNED = re.compile(
    rf"^(?i:my|our) (?P<role>{_NOUNS})(?:'s (?P<part>{_NOUNS}))?(?:,? (?P<name>{NAME}?))?,?(?:'s (?P<of>{_NOUNS}))?$"
)
_PRONOUN = re.compile(rf"^(?:(?:he|she|they|it)|(?:his|her|their|its) (?P<part>{_NOUNS}))$", re.IGNORECASE)
_PERSON = re.compile(rf"^(?P<name>{NAME}?)(?:'s (?P<part>{_NOUNS}))?$")
_LEAD = re.compile(
    r"^(?:yesterday|today|tomorrow|tonight|recently|lately|currently|nowadays|these days|now|right now"
    r"|sometimes|usually"
    r"|the day (?:before yesterday|after tomorrow)|(?:last|next|this) \w+|(?:\w+ ){1,3}ago"
    r"|(?:in|on|since|at|for|during|every) [^,]{1,30}?|(?:after|when|because) [^,]{1,60},),? (?=(?:I|we|my|our) )",
    re.IGNORECASE,
)
_CALLED = re.compile(rf"^.*?\b(?P<role>[a-z]+)(?:,? (?:called|named|whose name is|by the name of)|,) (?P<name>{NAME})$")
_NAMED = re.compile(rf"^(?:am|is) (?P<name>{NAME})[.!]*$")
_MINE = re.compile(r"^(?:my|our) (?P<role>[a-z][\w -]*)$")
_NOT_A_NAME = re.compile(
    r"(?:ish|ese|ian|ean|can|utch|rench|erman|reek|wiss|hai|zech|raqi|raeli|slim|holic|ddhist|urk|orse|Dane|Swede|Finn)$"
)


@dataclass(frozen=True)
class Subject:
    """``text`` repeats it in a split sentence, ``name`` is for the triple, ``attribute`` as in "my *age* is"."""

    text: str
    name: str
    kin: str = ""
    attribute: str = ""
    guess: bool = False
    """Only a capitalised word: a person if what is said of it is personal."""


def split_subject(statement: str) -> tuple[str, str, str] | None:
    """(what opens the sentence, the subject, the verb phrase), or None where no subject is found."""
    lead = _LEAD.match(statement)
    opening, rest = (lead.group(), statement[lead.end() :]) if lead else ("", statement)
    words = rest.split(" ")
    first = words[0].lower()
    if first in ("i", "we"):
        return opening, words[0], " ".join(words[1:])
    earliest = 2 if first in ("my", "our", "his", "her", "their", "its") else 1
    for verbs in (THIRD_PERSON, VERBS):
        for i in range(earliest, min(len(words) - 1, 9)):
            if words[i].lower().strip(",.") in verbs:
                while i > earliest and words[i - 1].lower() in ADVERBS:
                    i -= 1
                return opening, " ".join(words[:i]), " ".join(words[i:])
    return None


def read_subject(written: str, people: Sequence[Subject]) -> Subject | None:
    """The subject as it is written, or None: an unclear pronoun, or nobody the user has to do with."""
    if _SELF.match(written):
        return Subject(written, "user")
    if found := _PRONOUN.match(written):
        if len(people) != 1:
            return None
        part = found["part"] or ""
        text = f"{people[0].text}'s {part}" if part else people[0].text
        return Subject(text, people[0].name, people[0].kin, part)
    if found := _OWNED.match(written):
        return _owned(written, found)
    if found := _PERSON.match(written):
        return Subject(written, found["name"], "", found["part"] or "", guess=True)
    return None


def _owned(written: str, found: re.Match[str]) -> Subject | None:
    role, part, name = found["role"], found["part"] or found["of"] or "", found["name"]
    if OF_ONE.match(role) and not part and not name:
        return Subject(written, "user", "", role)
    words = role.split()
    if not name and len(words) == 2 and words[0] in KIN and words[1] not in KIN and not words[1].endswith("law"):
        role, name = words[0], words[1].title()  # typed in lower case: "my sister maria"
    if re.search(r"\b(?:and|or)\b", role):
        return None
    if name:
        return Subject(f"My {role} {name}", name, role, part)
    return Subject(f"My {role}", f"user's {role}", "", part)


def introduced(subject: Subject, relation: Relation) -> tuple[Subject, Relation]:
    """Names tell who somebody is: "my dog is called Rex", "I have a dog named Rex", "Maria is my sister"."""
    role, name = "", ""
    called, mine = _CALLED.match(relation.object), _MINE.match(relation.object)
    if relation.relation == "name" and subject.name.startswith("user's ") and subject.name.count("'s") == 1:
        role, name = subject.name.removeprefix("user's "), relation.object
        role = role if role.split(" ")[-1] in KIN else ""
    elif relation.relation in ("has", "got") and subject.name == "user" and called:
        role, name = called["role"], called["name"]
    elif relation.relation == "is" and mine and subject.name[:1].isupper():
        role, name = mine["role"], subject.name
    if not role:
        return subject, relation
    return Subject(f"My {role} {name}", name, role), Relation("is", f"user's {role}")


def is_person(subject: Subject, relation: Relation, people: Sequence[Subject]) -> bool:
    """Whether a capitalised word is somebody: named before, or said to do what people do."""
    known = bool(subject.kin) or any(person.name == subject.name for person in people)
    return known or relation.relation.removeprefix("not ") in PERSONAL


def own_name(phrase: str) -> Relation | None:
    """ "am Ana" -> the name; "am Portuguese" -> what the user is."""
    found = _NAMED.match(phrase)
    if not found:
        return None
    return Relation("is" if _NOT_A_NAME.search(found["name"]) else "name", found["name"])


def friend_named(subject: Subject, phrase: str) -> Relation | None:
    """ "my best friend is Lucas" -> the friend's name."""
    found = _NAMED.match(phrase)
    role = subject.name.removeprefix("user's ").split()
    named = found and role[-1] in KIN and not _NOT_A_NAME.search(found["name"])
    return Relation("name", found["name"]) if found and named else None
