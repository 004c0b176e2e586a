"""Values that a noun owns: "my new boss is X", "X is her favourite food now", "changed my number to X"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bethink.memory.reading import values
from bethink.memory.reading.claims import BLANK
from bethink.memory.reading.mentions import USER, clause_subject, is_human, owner_of, subject_of, third_person
from bethink.memory.reading.slot_types import Slot, last_typed, open_value, typed
from bethink.memory.reading.slots_by_verb import ATTRIBUTES, FAVOURITE
from bethink.memory.reading.subjects import Subject
from bethink.memory.words import ADVERBS, singular

_ADVERB = (
    rf"(?:{'|'.join(ADVERBS)}|officially|by far|hands down|definitely|easily|permanently|at last|since then|again)"
)
_NOUNS = {relation: re.compile(rf"(?<![\w'-]){noun}(?![\w-])", re.IGNORECASE) for relation, noun in ATTRIBUTES.items()}
_FAVOURITE = re.compile(rf"(?<![\w'-]){FAVOURITE}(?![\w-])", re.IGNORECASE)
_GONE = re.compile(
    r"\b(?:old|former|previous|ex|ex-|last|first|other|second|next|future|dream|childhood|middle|stage|pen"
    r"|not an?)\s*$",
    re.I,
)
_TIMES = (
    r"(?:,? (?:these days|nowadays|now|at the moment|from now on|for now|this year|this term|today|as of [\w ]{2,15}"
    r"|since [^,]{2,30},?|at present|of choice|of all time|ever|again|at work|in the world|for years|so far))*"
)
_FILL = (
    rf"(?:(?:(?:{_ADVERB}|now|no longer \w+ but|not \w+ but|currently|called|named|going to be|at|in|on|about"
    rf"|around|:|a certain"
    r"|someone called|a (?:man|woman|guy|lady) (?:called|named)|dyed|set to|all|listed as|up to|down to|back to"
    r"|back at|down at)(?<=[\w:])(?!\w),? ?)*)"
)
_IS = re.compile(
    rf"(?: \0+)?(?: (?:of|in|to|for) (?!mine\b)[^,.;:]{{2,25}}?)?{_TIMES}(?: of mine)?,?(?: (?:number"
    rf"|address))?(?: {_ADVERB})*(?: is|'s| are| would have to be| has to be|'re| became| (?:has"
    rf"|have) (?:now )?become|:"
    rf"| (?:has|have) been| turned| went(?: up| down| back)?(?: to)?| (?:has|have) (?:now |just )?(?:changed"
    rf"|switched|moved|gone|slipped|risen"
    r"|dropped|shifted|crept|turned|slid|grown|been (?:changed|moved|switched|set|pushed|put|brought))(?: over"
    r"| up| down| back)?"
    r"(?: from .{1,30}?)?(?: (?:to|from [^,]{1,30} to))?"
    rf"| (?:changed|moved|switched|slipped|slid|shifted|crept)(?: over| up| down"
    rf"| back)?(?: from .{{1,30}}?)? to)(?: ,)? {_FILL}(?P<v>\S.*)",
    re.IGNORECASE | re.DOTALL,
)
_NO_MORE = re.compile(
    rf"{_TIMES}(?: is| are|'s| was) (?:not|no longer) [^,.;:]{{1,40}}?(?:[,;] (?:but )?(?:it|that|they|he"
    rf"|she)(?: is|'s| are)| but) {_FILL}(?P<v>\S.*)",
    re.I | re.S,
)
_CHANGED_TO = re.compile(
    rf"{_TIMES}(?: (?:has|have|is))?(?: just)? ?(?:changed|different|new|switched|moved"
    rf"|updated)\b[^,.:;—–-]{{0,30}}[,.:;!—–-]+ ?"
    rf"(?:(?:it|that|he|she|they|the new one)(?: is|'s| are)|now|to) {_FILL}(?P<v>\S.*)",
    re.IGNORECASE | re.DOTALL,
)
_NEW = re.compile(
    r"\b(?:have|has|'ve|had|got|gotten|found|picked|chose|chosen|discovered|met|bought|given|assigned|getting"
    r"|registered"
    r"|adopted|gained|acquired|hired)(?: (?:me|us|him|her|myself|himself|herself))?(?: got| found| picked| chosen)?"
    r" (?:an?|my|our|his|her|their) (?:brand )?(?P<new>new|different|another)?\s*$",
    re.IGNORECASE,
)
_NEW_IS = re.compile(
    rf"(?: \0+)?{_TIMES}(?:,? ?(?:and )?(?:it|her name|his name|the name|he|she|that|they|who)(?: is|'s| are)"
    rf"|,? (?:called|named)|[,:—–-]|,? and)"
    rf"(?: {_FILL}| )(?P<v>\S.*)",
    re.IGNORECASE | re.DOTALL,
)
_ONE = re.compile(rf"\b(?:my|our|the) new one(?: is|'s) {_FILL}(?P<v>\S.*)", re.I | re.S)
_THEN = re.compile(
    rf",? (?:but |and )?(?:now|these days|nowadays|today),? (?:it|that|they|he|she)(?: is|'s"
    rf"| are) {_FILL}(?P<v>\S.*)",
    re.I | re.S,
)
_GROUP = re.compile(r"\b(?:team|department|office|company|firm|group|unit|branch)$")
_OWN = re.compile(
    r"(?:^|\s)(?:very|own|new|different|another|current|present|actual|real|proper|permanent|latest|best|main)$", re.I
)
_FRESH = re.compile(r"\b(?:new|different|another)\b", re.I)
_BEGINS = re.compile(r"(?:^ ?|[,;:.!—–]\s*|\b(?:and|so|but|the|so the|because)\s*)$", re.I)
_AS = re.compile(r"\s+as\s*$", re.I)
_LAST_ADVERB = re.compile(rf"(?: {_ADVERB}| now)+$")
_NO_VALUE = re.compile(r"(?:I|we|you|my|our|what|there)\b|not\b", re.I)
_SET = re.compile(
    r"\b(?:changed?|switch(?:ed)?|moved?|updated?|set|relaxed|swapped?|correct(?:ed)?|made?|pushed|put|brought"
    r"|replaced?|delayed"
    r"|shifted|renamed|dyed|coloured|colored|amended?)(?: (?:back|over))?\s*$",
    re.IGNORECASE,
)
_SET_TO = re.compile(
    rf"{_TIMES}(?: from .{{1,40}}?)?(?: back| over| up| down| again| forward)?(?: to| with| as| for"
    rf"|:) {_FILL}(?P<v>\S.*)",
    re.I | re.S,
)
_AS_MINE = re.compile(
    rf"(?: is| are| am|'s|'re| (?:has|have) become| became| (?:has|have) been| (?:is|are) now|,? as|, (?:now"
    rf"|who is|which is)"
    rf"| (?:has|have) replaced .{{1,30}} as| has to be)(?: {_ADVERB}| now| currently)*\s*$",
    re.IGNORECASE,
)
_START = re.compile(
    r"[,;:.!?—–\0]\s*|\b(?:and|but|so|that|since|because|days|also|when|now|then|still)\s+(?=\S)", re.IGNORECASE
)
_VERB = re.compile(
    r"(?:\s|')(?:is|are|am|was|has|have|became|'s|took|takes|beats?|replaced|ousted|went|s|knocked|pushed|retired"
    r"|got|'re)\b.*$|'s$",
    re.IGNORECASE | re.DOTALL,
)
_PICKED = re.compile(
    r"\b(?:call|pick|choose|name|consider|count|crown|declare|rate|named|picked|chose|crowned"
    r"|declared)s? (?P<v>[^,.;!?]{2,40}?)(?: as| to be)?\s*$",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"^(?:it|that|this|they|she|he|these|those|which|who)$", re.IGNORECASE)
_TAKEN = re.compile(
    r"\b(?:for|to|into|of|on|onto|with|discovered|tried|\w+ed|found|loves?|likes?|bought|finished|reading|read"
    r"|watched|seen|saw|heard"
    r"|got|at|eat|play|drinks?|met|joined|started|about|is|in|from|now|adore|behind|by)\s+(?P<np>(?:(?!\b(?:for"
    r"|to|of|on|with|at|about|in"
    r"|from|by)\b)[^,.;!?\0])+?)(?: (?:last|this|yesterday|today|recently|lately|and|for|at|on|again|in|when|all"
    r"|every|the other)\b[^,.;!?]*)?[\s,.;!?—–]*(?:and |so |but )?$",
    re.IGNORECASE,
)
_ASKED = re.compile(r"^[^,]{0,20}, I (?:always |now )*(?:say|answer|name|tell them) (?P<v>\S.*)", re.IGNORECASE)


def noun_slots(text: str, people: Sequence[Subject]) -> Iterator[Slot]:
    """The values that the nouns of a claimed sentence own."""
    for found in _FAVOURITE.finditer(text):
        thing = singular(found["thing"].lower().replace("favorite", "favourite").replace("color", "colour"))
        yield from _around(text, found.start(), found.end(), f"favourite {thing}", people)
    for relation, noun in _NOUNS.items():
        for found in noun.finditer(text):
            yield from _around(text, found.start(), found.end(), relation, people)
    yield from _new_one(text, people)


def _new_one(text: str, people: Sequence[Subject]) -> Iterator[Slot]:
    """ "My old boss retired, my new one is X": the noun that stands before tells what the new one is."""
    for found in _ONE.finditer(text):
        nouns = [
            (noun.start(), relation)
            for relation, rule in _NOUNS.items()
            for noun in rule.finditer(text, 0, found.start())
        ]
        if nouns:
            relation = max(nouns)[1]
            if value := typed(relation, found["v"]):
                yield Slot(USER, relation, value, True, found.start(), found.start("v") + len(value))


def _around(text: str, start: int, end: int, relation: str, people: Sequence[Subject]) -> Iterator[Slot]:
    before, after = text[:start].rstrip(), text[end:]
    if _GONE.search(before):
        return
    own = _OWN.sub("", before)
    fresh = _FRESH.search(text[len(own) : end]) is not None
    owner = owner_of(text, len(own), people)
    subject, left = owner or (None, len(own))
    if owner and subject is None:
        return
    for value, moves in _values(text[:left], after, fresh, relation, owner is not None):
        obj = typed(relation, value)
        if obj and BLANK not in obj:
            subject = subject or _who_got(text, start, people)
            if subject:
                yield Slot(subject, relation, obj, moves, left, end + max(0, after.find(obj)) + len(obj))
            return
    if subject:
        value = _named_before(text[:left], relation, people)
        if value and BLANK not in value:
            yield Slot(subject, relation, value, True, max(0, text.rfind(value, 0, left)), end)


def _who_got(text: str, start: int, people: Sequence[Subject]) -> Subject | None:
    """Whose "a new boss" is: of whoever got one; "our team" is the user."""
    new = _NEW.search(text[:start])
    subject = subject_of(text, new.start(), people) if new else clause_subject(text, start, people)
    return USER if subject and not is_human(subject) and _GROUP.search(subject.name) else subject


def _values(before: str, after: str, fresh: bool, relation: str, owned: bool) -> Iterator[tuple[str, bool]]:
    """What may be the value behind a noun, and whether its words say that it is new."""
    put = _SET.search(before) is not None and (owned or relation == "bedtime")
    if not (owned or fresh or put or _BEGINS.search(f"{before} ")):
        return
    rules = [(_SET_TO, True)] if put else []
    rules += [(_NO_MORE, True), (_THEN, True), (_IS, False), (_CHANGED_TO, True)]
    if fresh:
        rules.append((_NEW_IS, True))
    if relation.startswith("favourite "):
        rules.append((_ASKED, False))
    for rule, moves in rules:
        if found := rule.match(after):
            yield found["v"], moves


def _named_before(left: str, relation: str, people: Sequence[Subject]) -> str:
    """The value before its noun: "I call X my favourite ...", "X is my ...", "X took over as my ...", or nothing."""
    if relation.startswith("favourite ") and (picked := _PICKED.search(left)):
        return open_value(picked["v"])
    taken = _AS_MINE.search(left)
    if not taken:
        return ""
    as_mine = taken.group().lower().lstrip(" ,").startswith("as")
    clause = left if as_mine else left[: taken.start()]
    begin = max((found.end() for found in _START.finditer(clause) if found.end() < len(clause.rstrip())), default=0)
    phrase = clause[begin:].strip(" ,")
    if as_mine:
        whole, phrase = phrase, _VERB.sub("", _AS.sub("", phrase)).strip()
        if phrase == whole:
            return ""
    phrase = _LAST_ADVERB.sub("", _VERB.sub("", phrase) if " " in phrase else phrase.removesuffix("'s"))
    if _PRONOUN.match(phrase):
        return _meant(left[:begin], phrase, relation, people)
    if relation.startswith("favourite "):
        return phrase if 0 < len(phrase.split()) <= 5 and not _NO_VALUE.match(phrase) else ""
    return last_typed(relation, phrase)


def _meant(before: str, pronoun: str, relation: str, people: Sequence[Subject]) -> str:
    before = before.rstrip(" ,;:.!-—–")
    if relation == "boss":
        person = third_person(f"{before} ", len(before) + 1, people, pronoun)
        return person.name if person and not person.name.startswith("user") else ""
    if relation.startswith("favourite "):
        found = _TAKEN.search(before)
        names = [name.group() for name in re.finditer(values.NAMES, before) if name.start() > 0]
        if names and found and names[-1] in found["np"]:
            return names[-1]
        if found:
            return re.sub(r" (?:best|most|more).*$", "", open_value(found["np"]))
        return names[-1] if names else _VERB.sub("", before)
    return last_typed(relation, before[1:])
