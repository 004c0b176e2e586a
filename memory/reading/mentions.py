"""Whom a part of a sentence speaks of: the words before a verb, an owner, a pronoun that points back."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bethink.memory.reading.subjects import Subject, read_subject
from bethink.memory.reading.values import NAMES, occupation
from bethink.memory.words import ADVERBS, DAYS, KIN, MONTHS, STOP_WORDS, THIRD_PERSON, listed

USER = Subject("I", "user")
_WORD = r"(?!(?:and|or|but|then|so|that|who|which|because|since|now)\b)[a-z][\w-]*"
_ROLE = rf"(?-i:{_WORD}(?: {_WORD}){{0,2}}?)"
_ADVERB = rf"(?:{'|'.join(ADVERBS)}|officially|proudly|happily|mainly|basically|apparently|at last|simply|only|instead)"
_OTHERS = "|".join(sorted(KIN, key=len, reverse=True))
_BARE_KIN = r"(?-i:Mum|Mom|Dad|Grandma|Grandpa|Granny|Gran|Grandad|Nana|Nan|Mummy|Daddy|Mama|Papa)"
_THE = (
    r"(?:kids|children|twins|boys|girls|baby|wife|husband|missus|company|firm|band|dog|cat|little one|older one"
    r"|younger one)"
)
_BEFORE_VERB = re.compile(
    rf"(?:^|[\s,;:(—–\0-])(?:(?P<self>I|we|(?:(?:my|our|the) {_ROLE}(?: {NAMES})?|{NAMES}) and I)"
    rf"|(?P<own>(?:my|our) {_ROLE}(?:'s {_ROLE})?(?:,? {NAMES})?)|(?P<the>the {_THE})|(?P<kin>{_BARE_KIN})"
    rf"|(?P<name>{NAMES})(?P<apposed>, (?:my|our|the) [^,]{{2,40}},| from [^,.]{{2,25}}?)?|(?P<pronoun>he|she|they))"
    rf",?(?: who| which)?(?: {_ADVERB},?| both| all| have| has|'ve)*\s*$",
    re.IGNORECASE,
)
_ELIDED = re.compile(
    rf"(?:^|[,;:.!—–\0]\s*|\b(?:and|but|then|or|so|by|after|before|therefore)\b)(?: ?{_ADVERB},?| have| has)*\s*$",
    re.IGNORECASE,
)
_CLAUSE_SUBJECT = re.compile(
    rf"(?:^|[,;:.!?—–\0]\s*|\b(?:and|but|so|that|since|because|when|as|after|now|while|where|out|apparently|days|ever"
    rf"|then) )(?:(?P<self>I|we)\b|(?P<own>(?:my|our) (?:[a-z-]+ ){{0,2}}?(?:{_OTHERS}|boss|kids|twins|children"
    rf"|parents|company|band|[a-z]+(?:er|or|ist|ant))(?:-in-law)?"
    rf"\b(?: {NAMES})?)|(?P<the>the {_THE})\b|(?P<kin>{_BARE_KIN})\b|(?P<name>{NAMES})(?! ?@)"
    rf"|(?P<pronoun>he|she|they)\b)",
    re.IGNORECASE,
)
_MENTIONED = re.compile(
    rf"\b(?:(?P<own>my (?:[a-z-]+ )?(?:{_OTHERS}|boss|kids|twins|children|parents|[a-z]+(?:ant|or|er"
    rf"|ist))(?:-in-law)?\b)"
    rf"|(?P<the>the {_THE})|(?P<kin>{_BARE_KIN})"
    rf"|(?<=[a-z,] )(?P<name>{NAMES}))\b",
    re.IGNORECASE,
)
"""Somebody spoken of anywhere in a sentence; a name only where it does not begin it."""
_POSSESSOR = re.compile(
    rf"(?:^|[\s,;:(—–\0-])(?:(?P<self>my|our)|(?P<own>(?:my|our) {_ROLE}(?: {NAMES})?)(?:'s|(?<=s)')"
    rf"|(?P<the>the {_THE})(?:'s|(?<=s)')"
    rf"|(?P<kin>{_BARE_KIN})'s|(?P<name>{NAMES})'s|(?P<pronoun>his|her|their)|(?P<bare>the|a|an))$",
    re.IGNORECASE,
)
_NO_NAMES = (
    STOP_WORDS
    | frozenset(ADVERBS)
    | frozenset(DAYS)
    | frozenset(MONTHS)
    | frozenset(
        listed(
            """yes|no|ok|okay|well|hi|hello|thanks|please|sorry|update|news|note|guess|finally|still|since|new|old|mr|mrs
            |married|moved|got|sold|bought|left|quit|started|joined|swapped|turns|everybody|everyone|nobody|somebody
            |someone|people|nothing|something|home|work|life|today|tomorrow|yesterday|god|christmas|easter|lost|took
            |dyed|send|use|write|call|text|ring|put|note|save|keep|set|check|give|take|make|try|tell|add|remember|forget|see
            |look|go|come|get|let|say|ask|graduated|living|working|being|dear|oh|surprise|correction|fyi|btw|hey|honestly|sadly|luckily|mail|mails|stuff|letters|parts|four|waved"""
        )
    )
)
_IRREGULAR = (
    "sent|told|gave|rang|wrote|made|took|found|sold|let|put|met|sat|built|began|brought|caught|chose|cut|did|drew"
    "|drove|fell|felt"
    "|flew|forgot|gets|grew|heard|hit|kept|knew|led|lent|paid|ran|rode|saw|set|shaved|slept|spent|spoke|stood"
    "|swam|taught|thought"
    "|threw|wore|woke|got|came|texted|phoned"
)
_DOES = re.compile(
    rf"(?:,? (?:who|which))?(?: {_ADVERB})* (?:{'|'.join(THIRD_PERSON)}|{_IRREGULAR}|\w+(?:ed|[^s]s))\b", re.IGNORECASE
)
"""What follows a capitalised word that is the subject of a clause."""
_HUMAN = frozenset(
    listed(
        """kid|children|twin|boy|girl|parent|grandparent|grandson|granddaughter|grandkid|family|folk|bos|boss|ex
        |other half|missu|in-law|mummy|daddy|nan|auntie|sibling|bestie|couple|people|buddy|mate|pal|tenant|landlord
        |landlady
        |fiancé|fiancée|guy|one|half"""
    )
)
"""Words for people besides kin and occupations, without the -s of the plural."""
_FEMALE = frozenset(
    listed(
        """sister|mother|mum|mom|wife|girlfriend|fiancee|daughter|grandmother|grandma|granny|aunt|niece|stepmother
        |stepsister|missus|nan"""
    )
)
_MALE = frozenset(
    listed(
        """brother|father|dad|husband|boyfriend|fiance|son|grandfather|grandpa|uncle|nephew|stepfather|stepbrother
        |grandad"""
    )
)


def subject_of(text: str, start: int, people: Sequence[Subject]) -> Subject | None:
    """Who does what the verb at ``start`` says; None where that is unclear."""
    window = text[max(0, start - 90) : start]
    if found := _BEFORE_VERB.search(window):
        if found["name"] and not is_name(found["name"]):
            return clause_subject(text, start, people) if _ELIDED.search(window) else None
        return _named(text, start, found, people)
    if _ELIDED.search(window):
        return clause_subject(text, start, people)
    return None


def clause_subject(text: str, end: int, people: Sequence[Subject]) -> Subject | None:
    """The subject of the last clause that begins before ``end``: the user where none is written."""
    last: re.Match[str] | None = None
    for found in _CLAUSE_SUBJECT.finditer(text, 0, end):
        if not found["name"] or (is_name(found["name"]) and _DOES.match(text, found.end())):
            last = found
    return _named(text, end, last, people) if last else USER


def owner_of(text: str, end: int, people: Sequence[Subject]) -> tuple[Subject | None, int] | None:
    """Who owns the thing whose name begins at ``end``, and where the owner's words begin; None if nobody is written."""
    window_start = max(0, end - 70)
    found = _POSSESSOR.search(text[window_start:end].rstrip())
    if not found:
        return None
    begin = window_start + found.start(next(name for name, value in found.groupdict().items() if value))
    if found["self"]:
        return USER, begin
    if found["bare"]:
        return None
    if found["name"] and not is_name(found["name"]):
        return None
    return _named(text, begin, found, people), begin


def third_person(text: str, end: int, people: Sequence[Subject], pronoun: str = "they") -> Subject | None:
    """Whom a pronoun means: somebody named earlier in the sentence, else the only one of the message."""
    wrong = {"he": _FEMALE, "his": _FEMALE, "she": _MALE, "her": _MALE}.get(pronoun.lower(), frozenset())
    for found in _CLAUSE_SUBJECT.finditer(text, 0, end):
        if found["self"] or found["pronoun"]:
            continue
        if found["name"] and not (is_name(found["name"]) and _DOES.match(text, found.end())):
            continue
        subject = _written(found)
        if subject and _role(subject) not in wrong:
            return subject
    for found in _MENTIONED.finditer(text, 0, end):
        subject = _written(found)
        if subject and _role(subject) not in wrong and (not found["name"] or is_name(found["name"])):
            return subject
    fitting = [person for person in people if _role(person) not in wrong]
    return fitting[0] if len(fitting) == 1 else None


def _named(text: str, end: int, found: re.Match[str], people: Sequence[Subject]) -> Subject | None:
    if found["self"]:
        return USER
    if found["pronoun"]:
        return third_person(text, found.start() if found.string is text else end, people, found["pronoun"])
    return _written(found)


def _written(found: re.Match[str]) -> Subject | None:
    part = found.groupdict()
    if part["own"]:
        if re.fullmatch(r"(?:my|our) (?:boss|manager)", part["own"], re.IGNORECASE):
            return Subject(f"My {part['own'].split()[1]}", f"user's {part['own'].split()[1]}")
        subject = read_subject(re.sub(r"^our", "my", part["own"], flags=re.IGNORECASE), ())
        return subject if subject and subject.name != "user" and not subject.attribute else None
    if part["the"] or part["kin"]:
        role = str(part["the"] or part["kin"]).lower().removeprefix("the ")
        return Subject(f"My {role}", f"user's {role}", role)
    name = part["name"]
    return Subject(name, name, guess=True) if name else None


def is_human(subject: Subject) -> bool:
    """Whether a subject is somebody who may have a home, a job or an age: no soup, no suitcase."""
    if subject.name == "user" or not subject.name.startswith("user's "):
        return True
    role = subject.name.removeprefix("user's ")
    last = role.split(" ")[-1].removesuffix("s")
    return bool(
        role in KIN
        or last in KIN
        or last in _HUMAN
        or last.endswith(("mate", "law", "man", "woman"))
        or occupation(f"a {last}")
    )


def _role(subject: Subject) -> str:
    return (subject.kin or subject.name.removeprefix("user's ")).split(" ")[-1]


def is_name(name: str) -> bool:
    """Whether a capitalised word or run of words may be a name: no word that only opens a sentence."""
    if name.isupper():
        return False
    return " " in name or (
        _NO_NAMES.isdisjoint((name.lower().strip("."), name.lower().removesuffix("s"))) and len(name) > 1
    )
