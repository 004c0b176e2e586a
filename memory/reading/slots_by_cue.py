"""Ways of saying a value in which neither its verb nor its noun owns it: "X hired me", "X is where I live"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bethink.memory.reading import values
from bethink.memory.reading.mentions import USER, clause_subject, is_human, owner_of, third_person
from bethink.memory.reading.slot_types import Slot, typed
from bethink.memory.reading.subjects import Subject, read_subject
from bethink.memory.words import ADVERBS, DAYS, MONTHS, STOP_WORDS, VERBS, singular

_HOME = re.compile(
    rf"(?P<o>{values.NAMES})(?: is| has been| became| has become|'s)(?: {'|'.join(ADVERBS)}| now| officially| my"
    rf"| our| the| new)* home\b",
    re.I,
)
_MOVED_IN = re.compile(
    rf"(?P<o>{values.PEOPLE_LIVED_WITH}) (?:(?:has|have) )?(?:just |recently "
    rf"|finally )?(?:moved in(?: with (?P<who>me|us))?|(?:lives?|is living|are living"
    rf"|is staying for good) with (?P<with>me|us))\b",
    re.I,
)
_AT_WORK = re.compile(
    rf"(?:\b(?P<my>my|our|his|her|their) )?(?P<first>)(?:(?<![\w'])(?:first|second|third|new|current|early|late"
    rf"|night) )?(?<![\w'])(?:day|days|week|weeks|month|months|year|shifts?|desk|contract|coworkers"
    rf"|colleagues|job|role|position|internship|apprenticeship|employment"
    rf"|shift)(?: is)?(?: as an? [\w -]{{2,30}}?)?(?: in [a-z ]{{2,20}}?)? (?:at|with"
    rf"|for) (?P<o>(?:the )?{values.NAMES})",
    re.I,
)
_NOT_NOW = re.compile(r"\b(?:last|old|former|final|previous|every|some|a|good) *$", re.IGNORECASE)
_BEING = re.compile(
    rf"(?:^|, |\b(?:and|as) )(?P<lead>being|still|now|now that I am|finally|officially|as an?)(?: still| only"
    rf"| now)* (?P<o>{values.AGE}|{values.MARITAL}|\d{{1,3}})(?=[ ,.!-])",
    re.I,
)
_AS_A = re.compile(r"(?:^|[,;:.!] ?|\b(?:and|so) )as (?P<o>an? [\w '-]{3,40}?)(?= I\b|,|\.| myself)", re.I)
_RENAMED = re.compile(
    rf"\b(?:renamed|rebranded|rechristened|rename)\b (?P<own>(?:my|our|the) (?-i:[a-z]+(?: (?!to\b|as\b"
    rf"|into\b)[a-z]+)?))(?: to| as| into)? (?P<o>{values.NAMES})"
    rf"|\b(?:changed|switched|updated) the name of (?P<own3>(?:my|our|the) (?-i:[a-z]+)) to (?P<o3>{values.NAMES})"
    rf"|\bnew name for (?P<own2>(?:my|our|the) (?-i:[a-z]+))[,:]?(?: and)?(?: it)?(?: is"
    rf"| will be)? ?(?:now )?(?P<o2>{values.NAMES})",
    re.I,
)
_CALL_ME = re.compile(
    rf"\b(?:(?:call|address) me|(?:write|spell) (?:to )?me|know me|refer to me|put me down|list me"
    rf"|save me)(?: as)? (?P<o>{values.NAMES})",
    re.I,
)
_HIRED = re.compile(
    rf"(?P<o>{values.NAMES})(?: has| have)?(?: just| recently| now| also)* (?:hired|employs?|employed|poached"
    rf"|recruited|took on|snapped up|headhunted|took|pays?|signs)"
    r" (?P<who>me|us|him|her|my (?=wages|salary|bills|paychecks?|pay))(?: on)?\b(?!\s+(?:out|to|for lunch|back)\b)",
)
_ACCEPTED = re.compile(
    rf"(?P<o>{values.NAMES}) (?:has )?(?:accepted|took|approved) (?P<who>me|my|him|his|her) (?:transfer"
    rf"|application|as a student)"
)
_FOR_ME = (
    ("time zone", re.compile(rf"\bit (?:is|will be) (?P<o>{values.TIME_ZONE}),? for (?P<who>me|us)\b", re.I)),
    ("works at", _HIRED),
    ("studies at", _ACCEPTED),
    (
        "diet",
        re.compile(
            rf"\bit (?:is|will be) (?:strictly |only |just )*(?P<o>{values.DIET})(?: food"
            rf"| meals)?,? for (?P<who>me|us)\b",
            re.I,
        ),
    ),
    (
        "diet",
        re.compile(
            rf"\b(?:put|puts|placed|keeps) (?P<who>me|us|him|her) on (?:an? )?(?:strict )?(?P<o>{values.DIET})", re.I
        ),
    ),
    (
        "height",
        re.compile(
            rf"\bmeasured (?P<who>me|him|her)(?: at|,|:| and)*(?: (?:I|he|she) (?:am|is)"
            rf"| it is)? (?P<o>{values.HEIGHT})",
            re.I,
        ),
    ),
    (
        "weight",
        re.compile(
            rf"\bweighed (?P<who>me|him|her)(?: in)?(?: at|,|:| and)*(?: (?:I|he|she) (?:am|is)"
            rf"| it is)? (?P<o>{values.WEIGHT})",
            re.I,
        ),
    ),
    (
        "hair colour",
        re.compile(rf"\b(?P<who>me|him|her) with (?:my |his |her )?(?:new )?(?P<o>{values.COLOUR}) hair\b", re.I),
    ),
)
_THAT_IS_ME = re.compile(r"\bthat is what I am\b", re.I)
_STATE = re.compile(rf"\b{values.MARITAL}", re.I)
_THAT_IS_WHERE = re.compile(
    r"(?:\b(?:that is|which is) (?:now )?|, )where (?:I|we) (?:now )?(?P<verb>work|live|study|train|am studying"
    r"|work out)\b",
    re.I,
)
_WHERE = {
    "work": "works at",
    "live": "lives in",
    "study": "studies at",
    "am studying": "studies at",
    "train": "goes to gym",
    "work out": "goes to gym",
    "drive": "drives",
}
_NAMED = re.compile(values.NAMES)
_IS_WHERE = re.compile(
    rf"(?:^|[,;:\0] ?|\b(?:and|so|but) )(?P<o>(?:(?:an?|the) )?{values.NAMES}) is (?:where|what) (?P<who>I"
    rf"|we) (?:now )?(?P<verb>work|live|study|train|work out|drive)\b",
    re.I,
)
_HERE_NOW = re.compile(
    r"\b(?P<who>I|we|he|she|they) (?:now )?(?P<verb>work|live|study|train)(?:s|ies)? (?:here|there)\b(?: now"
    r"| these days)?",
    re.I,
)
_MOVE_TO = re.compile(
    rf"\b(?:since|after|with) (?:the|my|our) move(?: from .{{1,30}}?)? to (?P<o>{values.NAMES})", re.I
)
_DRIVE_IT = re.compile(
    rf"\b(?:is|have|own|bought|got) (?P<o>(?:an?|my"
    rf"|the) (?:[\w-]+ ){{0,2}}?{values.NAMES})[^.;]{{0,30}}?\band I drive it\b",
    re.I,
)
_SWAPPED = re.compile(
    r"\b(?:changed|switched|swapped|moved|new) (?P<what>jobs?|employers?|compan(?:y|ies)|gyms?|schools?|unis?"
    r"|universit(?:y|ies)|teams?|clubs?|boss(?:es)?|careers?|cars?|professions?)"
    r"(?:,|:|;| and| –| —)+ (?:and )?(?:now )?(?:(?:it|that) is|(?:I|he|she) (?:am|is|go|goes|drives?|works?"
    r"|trains?)(?: now)?)(?: at| with| to| as| for)? (?:now )?(?P<v>\S.*)",
    re.I,
)
_PLURALS = {
    **dict.fromkeys(("job", "jobs", "employer", "employers", "company", "companies"), "works at"),
    **dict.fromkeys(("gym", "gyms"), "goes to gym"),
    **dict.fromkeys(("school", "schools", "uni", "unis", "university", "universities"), "studies at"),
    **dict.fromkeys(("team", "teams", "club", "clubs"), "supports"),
    **dict.fromkeys(("boss", "bosses"), "boss"),
    **dict.fromkeys(("career", "careers", "profession", "professions"), "works as"),
    **dict.fromkeys(("car", "cars"), "drives"),
}
_MADE = re.compile(r"\b(?:made|appointed|named|elected|promoted) (?P<who>me|him|her) (?:to )?(?P<v>[a-z]\S*.*)", re.I)
_SENT_TO_SCHOOL = re.compile(
    rf"\b(?:moved|transferred|enrolled|sent|switched|put) my (?P<role>son|daughter|kids|children|twins|boys"
    rf"|girls) (?:to|in|at|into) (?P<o>(?:the )?{values.NAMES})",
    re.I,
)
_MY_CAR = re.compile(
    rf"\bmy (?P<o>{values.NAMES}),? (?:which|that) (?:has )?replaced (?:my|the) (?:old )?(?:car|banger|motor"
    rf"|{values.NAMES})",
    re.I,
)
_ASKED_FOR = re.compile(
    r"\bask(?:s|ed)?(?: me)?(?: for| about"
    r"| what)? my favou?rite (?P<thing>[a-z]+(?: [a-z]+)?)(?: is)?,? (?:then )?I (?:now |always |just )*(?:say"
    r"|answer|name|tell them) (?P<o>\S.*)",
    re.I,
)
_NOW_WEIGH = re.compile(
    rf"(?:^|\0)\W*(?P<o>{values.WEIGHT}) (?:now|as of|this morning|today|at last|on the scales)"
    rf"|\bscales?\b[^.;]{{0,30}}?[:,—–-]? (?:at |it is )?(?P<o2>{values.WEIGHT})",
    re.I,
)
_USE_ZONE = re.compile(
    rf"\b(?:use|set|switch|change|send|schedule|put|give|convert|book|keep|plan|show|assume"
    rf"|think)\b[^.;]{{0,40}}?\b(?:in|to|on|use|for|with|assume) (?P<o>{values.TIME_ZONE})"
    rf"|\buse (?P<o2>{values.TIME_ZONE})",
    re.I,
)
_CALLED_CUE = re.compile(
    r"\b(?:numbers?|phones?|mobile|cell|landline|call|ring|reach(?:ed|able)?|text|dial|line|whatsapp|sms|fax"
    r"|contact|get me|got me|on me|sim|telephone|digits|(?:am|is|are) on(?= \+?\(?\d))\b",
    re.I,
)
_MAIL_CUE = re.compile(
    r"\b(?:e-?mails?|mails?|address|inbox|write|reach|contact|account|use|switched|get me|domain|send|receipts?"
    r"|go to|reply|on|newsletter|messages|forward|provider|moved|changed|old one|server|mailbox|line)\b",
    re.I,
)
_MINE_NOW = re.compile(
    r"\W*(?:(?:new|work|house|home|office)\b|(?:(?:from now on|in future|now),? )?(?:do not )?(?:please )?(?:use"
    r"|call|ring|text|write|try|save|note|put|send|take)\b.*(?:\b(?:from now on|instead|in future"
    r"|new|now|previous|old|house phone|landline|switched off|changed|the other)\b|(?<=use )\S*[\d@]))",
    re.IGNORECASE | re.DOTALL,
)
_ME = re.compile(r"\b(?:I|me|my|mine|we|us|our)\b", re.I)
_OWNER_RIGHT_BEFORE = re.compile(r"\b(?P<own>(?:my|our) (?:[a-z-]+ )?[a-z-]+)'s,? $", re.IGNORECASE)
_OTHERS = re.compile(
    r"\b(?:(?:my|our) [a-z-]+(?:-in-law)?(?:'s| is| has|(?= joined| changed| switched| moved| got))|his|her|their)\b",
    re.IGNORECASE,
)
_HAS = re.compile(r"(?:'s| is| has)$")
_SHE = re.compile(r"\b(?:he|she|they)\b", re.IGNORECASE)
_MY_NUMBER = re.compile(r"\b(?:me|my (?:\w+ )?(?:number|e-?mail|mail|address|phone|mobile))\b", re.IGNORECASE)
_I = re.compile(r"\bI\b")
_CHANGED_IT = re.compile(r"\b(?:she|he|they|changed|switched)\b", re.IGNORECASE)
_PHONE = re.compile(values.PHONE)
_EMAIL = re.compile(values.EMAIL)


def cue_slots(text: str, people: Sequence[Subject]) -> Iterator[Slot]:
    """The values of a claimed sentence that other words than a verb or a noun of their own point to."""
    yield from _numbers(text, people)
    yield from _done_to(text, people)
    yield from _whereabouts(text, people)
    yield from _states(text, people)
    yield from _names(text)
    for found in _NOW_WEIGH.finditer(text):
        yield Slot(USER, "weight", found["o"] or found["o2"], True, found.start(), found.end())
    for found in _USE_ZONE.finditer(text):
        yield Slot(USER, "time zone", found["o"] or found["o2"], True, found.start(), found.end())
    for found in [*_MY_CAR.finditer(text), *_DRIVE_IT.finditer(text)]:
        yield Slot(USER, "drives", found["o"], True, found.start(), found.end())


def asked_for(text: str) -> Slot | None:
    """ "When people ask for my favourite drink, I say cocoa": its first half supposes, the second claims."""
    found = _ASKED_FOR.search(text) if not text.endswith("?") else None
    value = typed("favourite thing", found["o"]) if found else ""
    if not found or not value:
        return None
    start = found.start("o")
    return Slot(USER, f"favourite {singular(found['thing'].lower())}", value, True, start, start + len(value))


def _done_to(text: str, people: Sequence[Subject]) -> Iterator[Slot]:
    """What others did to somebody: hired, measured, promoted, sent to school."""
    for relation, rule in _FOR_ME:
        for found in rule.finditer(text):
            if subject := _me(found["who"], text, found.start(), people):
                yield Slot(subject, relation, found["o"], True, found.start(), found.end("o"))
    for found in _MADE.finditer(text):
        subject = _me(found["who"], text, found.start(), people)
        if subject and (job := typed("works as", found["v"])):
            yield Slot(subject, "works as", job, True, found.start(), found.start("v") + len(job))
    for found in _SENT_TO_SCHOOL.finditer(text):
        role = found["role"]
        yield Slot(Subject(f"My {role}", f"user's {role}", role), "studies at", found["o"], True, *found.span())


def _whereabouts(text: str, people: Sequence[Subject]) -> Iterator[Slot]:
    """Homes, people lived with, jobs, and what was swapped for another of its kind."""
    for found in _HOME.finditer(text) if "home" in text else ():
        yield Slot(USER, "lives in", found["o"], True, found.start(), found.end("o"))
    for found in _MOVED_IN.finditer(text) if "moved in" in text or " with " in text else ():
        if found["who"] or found["with"]:
            yield Slot(USER, "lives with", found["o"], True, found.start(), found.end("o"))
    for found in _AT_WORK.finditer(text):
        subject = _me(found["my"] or "my", text, found.start(), people)
        if subject and not _NOT_NOW.search(text[: found.start("first")]):
            yield Slot(subject, "works at", found["o"], True, *found.span())
    for found in [*_THAT_IS_WHERE.finditer(text), *_HERE_NOW.finditer(text)]:
        relation = _WHERE[found["verb"].lower()]
        places = [name for name in _NAMED.finditer(text, 0, found.start()) if _is_place(name.group(), relation)]
        who = found.groupdict().get("who") or "I"
        owner = USER if who.lower() in ("i", "we") else third_person(text, found.start(), people, who)
        if places and owner:
            yield Slot(owner, relation, places[-1].group(), True, *places[-1].span())
    for found in _MOVE_TO.finditer(text):
        yield Slot(USER, "lives in", found["o"], True, found.start(), found.end("o"))
    for found in _IS_WHERE.finditer(text) if " is wh" in text else ():
        yield Slot(USER, _WHERE[found["verb"].lower()], found["o"], True, found.start(), found.end("o"))
    for found in _SWAPPED.finditer(text):
        relation = _PLURALS[found["what"].lower()]
        if value := typed(relation, found["v"]):
            subject = clause_subject(text, found.end("what"), people) or USER
            yield Slot(subject, relation, value, True, found.start(), found.start("v") + len(value))


def _states(text: str, people: Sequence[Subject]) -> Iterator[Slot]:
    """States without a verb of their own: "still single", "as a nurse I ..."."""
    for found in _BEING.finditer(text):
        marital = _STATE.fullmatch(found["o"]) is not None
        if marital or found["lead"].lower() == "being":
            subject = clause_subject(text, found.start(), people) or USER
            yield Slot(subject, "marital status" if marital else "age", found["o"], False, *found.span())
    for found in _AS_A.finditer(text):
        if job := values.occupation(found["o"]):
            yield Slot(USER, "works as", job, False, found.start(), found.start("o") + len(job))
    if told := _THAT_IS_ME.search(text):
        for found in _STATE.finditer(text, 0, told.start()):
            yield Slot(USER, "marital status", found.group(), True, *found.span())


def _is_place(name: str, relation: str) -> bool:
    if name.lower() in (*DAYS, *MONTHS):
        return False
    return not re.fullmatch(r"[A-Z][a-z]+", name) or (
        relation in ("lives in", "works at") and name.lower() not in STOP_WORDS | VERBS
    )


def _names(text: str) -> Iterator[Slot]:
    for found in _RENAMED.finditer(text):
        own = str(found["own"] or found["own2"] or found["own3"])
        role = own.split(" ", 1)[1]
        subject = Subject(f"My {role}", f"user's {role}", role)
        yield Slot(subject, "name", str(found["o"] or found["o2"] or found["o3"]), True, found.start(), found.end())
    for found in _CALL_ME.finditer(text):
        yield Slot(USER, "name", found["o"], True, found.start(), found.end())


def _numbers(text: str, people: Sequence[Subject]) -> Iterator[Slot]:
    for relation, rule, cue in (("phone number", _PHONE, _CALLED_CUE), ("email", _EMAIL, _MAIL_CUE)):
        if not cue.search(text):
            continue
        for found in rule.finditer(text):
            if relation == "phone number" and sum(char.isdigit() for char in found.group()) < 6:
                continue
            if subject := _whose(text, found.start(), people):
                yield Slot(subject, relation, found.group().strip(), False, found.start(), found.end())


def _whose(text: str, position: int, people: Sequence[Subject]) -> Subject | None:
    """Whose number or address it is: of the owner right before, of somebody else of the sentence, else the user's."""
    if near := _OWNER_RIGHT_BEFORE.search(text[:position]):
        owner = owner_of(text, near.end("own") + 2, people)
        return owner[0] if owner else None
    for found in _OTHERS.finditer(text):
        word = found.group().lower()
        if word in ("his", "her", "their"):
            return third_person(text, found.start(), people, word)
        other = read_subject(_HAS.sub("", found.group()), ())
        if other and other.name.startswith("user's ") and not other.attribute and is_human(other):
            return other
    part = text[max(text.rfind(mark, 0, position) for mark in ",;:") + 1 : position]
    if pronoun := _SHE.search(part):
        return third_person(text, position - len(part) + pronoun.start(), people, pronoun.group())
    other = third_person(text, position, (), "they")
    if other and not _MY_NUMBER.search(text) and (not _I.search(text[:position]) or _CHANGED_IT.search(text)):
        return other
    return USER if _ME.search(text) or _MINE_NOW.match(text) else None


def _me(word: str, text: str, position: int, people: Sequence[Subject]) -> Subject | None:
    if word.lower() in ("me", "us", "my", "our", "my "):
        return USER
    return third_person(text, position, people, {"him": "his"}.get(word.lower(), word))
