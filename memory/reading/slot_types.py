"""What a slot is, and whether words hold a value of its kind."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bethink.memory.reading import values
from bethink.memory.reading.subjects import Subject

_OPEN_END = re.compile(
    r"\s(?:now|nowadays|these|because|since|so|but|which|who|where|when|after|before|by far|at the moment|instead"
    r"|not|without|hands"
    r"|down|although|though|as|if|until|ever since|for|and (?=(?:I|we|it|he|she|they|that|not|my|has|have|is|are"
    r"|yes|no|so|always|nothing|never|read|play|eat|watch)\b)|any ?more|anymore"
    r"|these days|preferably|today|lately|currently|again|this year|is|are|has|have|from|every|hands-down"
    r"|no longer|over|please|on account|thanks to|ever|all day|always|too|then|even)\b.*$"
    r"|[,;:!?()—–\0].*$|\s-\s.*$|\.(?:\s.*)?$|\sand\s.*\b(?:is|are|was|am|I)\b.*$",
    re.IGNORECASE | re.DOTALL,
)
_NOTHING = re.compile(
    r"^(?:not|no|never|the same|still|what|where|how|too|very|so|the|an?|a bit|it|that|this|dead|broken|gone|back"
    r"|here|there|over|great"
    r"|good|bad|new|old|different|nice|amazing|changing|fine|always|better|best|worse|none|hard|open|closed|full"
    r"|empty|unknown"
    r"|about|getting|going|being|having|coming|killing|driving)\b(?! [A-Z])|^(?:not|no|never)\b",
    re.IGNORECASE,
)
_TITLED = re.compile(rf"(?:(?:Mrs?|Ms|Mx|Dr|Prof|Sir|Professor)\.? )?{values.NAMES}")
TYPED: dict[str, re.Pattern[str]] = {
    "boss": _TITLED,
    **dict.fromkeys(("doctor", "dentist", "vet", "therapist", "hairdresser", "landlord", "partner"), _TITLED),
    **dict.fromkeys(("browser", "bank", "insurance"), re.compile(rf"(?:the )?{values.NAMES}")),
    "works at": re.compile(rf"(?:the )?{values.NAMES}"),
    "goes to gym": re.compile(rf"(?:the )?{values.NAMES}"),
    "studies at": re.compile(rf"(?:the )?{values.NAMES}"),
    "supports": re.compile(rf"(?:the )?{values.NAMES}"),
    "name": re.compile(values.NAMES),
    "phone number": re.compile(values.PHONE),
    "email": re.compile(values.EMAIL),
    "drives": re.compile(rf"(?:an? |the )?(?:[a-z-]+ ){{0,2}}?{values.NAMES}"),
    "lives in": re.compile(
        rf"(?:in |at |on )?(?:an? (?:[a-z-]+ ){{1,3}}(?:in|near|by|outside"
        rf"|on) )?(?:the )?(?:\d+ )?{values.NAMES}(?![\w.]*@)"
        rf"|an? (?:[a-z-]+ ){{0,3}}?(?:flat|house|studio|apartment|cottage|bungalow|loft|cabin|farm|farmhouse"
        rf"|houseboat|caravan|villa)\b"
    ),
    "diet": re.compile(values.DIET, re.I),
    "age": re.compile(values.AGE, re.I),
    "weight": re.compile(values.WEIGHT, re.I),
    "height": re.compile(values.HEIGHT, re.I),
    "nationality": re.compile(values.NATIONALITY, re.I),
    "religion": re.compile(values.RELIGION, re.I),
    "time zone": re.compile(values.TIME_ZONE, re.I),
    "bedtime": re.compile(values.TIME, re.I),
    "marital status": re.compile(values.MARITAL, re.I),
    "hair colour": re.compile(values.COLOUR, re.I),
    "lives with": re.compile(values.PEOPLE_LIVED_WITH, re.I),
}
"""What a value of a relation looks like."""
_ANYWHERE = frozenset(("phone number", "email", "weight", "height", "time zone", "diet", "religion", "nationality"))


@dataclass(frozen=True)
class Slot:
    """A value found: whose, of what, which, whether its words say that it is new, and where it stands."""

    subject: Subject
    relation: str
    object: str
    moves: bool
    start: int
    end: int


def open_value(text: str) -> str:
    """A noun phrase of at most six words from the start of a text; nothing where it opens with no thing."""
    value = _OPEN_END.sub("", f"{text} ").strip(" .'\"")
    if (
        not value
        or len(value.split()) > 6
        or (_NOTHING.match(value) and not value.lower().startswith(("the ", "a ", "an ", "no ")))
    ):
        return ""
    return re.sub(r"^(?:called|named|probably) ", "", value)


def typed(relation: str, text: str) -> str:
    """The value of a relation at the start of a text (for numbers, addresses and closed classes: near it), or "
    "nothing."""
    if relation.startswith("favourite "):
        return open_value(text)
    if relation == "works as":
        return values.occupation(text) or _bare_role(text)
    rule = TYPED[relation]
    start = re.match(r"(?:(?:an?|the|with|in|at|on|to|now|only|officially|(?:my|his|her) [a-z]+,?) )?", text, re.I)
    head = text[start.end() if start else 0 :]
    found = rule.match(text) or rule.match(head)
    if not found and relation in _ANYWHERE:
        found = rule.search(text[:60])
        if found and re.search(r"[.;!?]|\bnot\b", text[: found.start()]):
            found = None
    return re.sub(r"^(?:in|at|on) ", "", found.group().strip(" .")) if found else ""


def _bare_role(text: str) -> str:
    phrase = values.noun_phrase(text)
    return phrase if 0 < len(phrase.split()) <= 4 and values.occupation(f"a {phrase}") else ""


def last_typed(relation: str, text: str) -> str:
    """The last value of a relation anywhere in a text, or nothing."""
    if relation == "works as":
        return values.occupation(text)
    found = [one.group() for one in TYPED[relation].finditer(text)]
    return found[-1] if found else ""
