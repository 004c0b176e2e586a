"""Verb phrases to relations: "is allergic to nuts" -> ("allergic to", "nuts"). Patterns, no model."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from bethink.memory.reading.values import AGE, DIET, EMAIL, UPPER, occupation
from bethink.memory.words import ADVERBS, listed, singular

_TABLE = r"""
used to {r} = used to (?P<r>\w+(?: (?:in|at|for|as|with|to))?) OBJ
lives in ! = (?:HAVE )?(?:just )?(?:moved|relocated)(?: back)?(?: house)?(?: from .+?)? to WHERE
lives in = (?:lives?|resides?|BE (?:living|based|located)|HAVE (?:been living|lived|been based)) (?:in|at|near|on) AREA
lives with = (?:lives?|BE living|HAVE been living) with ONES
birth date = (?:was|were) born (?:on|in) (?P<o>.*\d.*)
born in = (?:was|were) born in OBJ
is from = (?:BE (?:originally )?|comes? )from OBJ
works at = (?:works?|BE (?:working|employed)|HAVE (?:been working|worked)) (?:at|for) FIRM
works at ! = (?:HAVE )?(?:started|begun|began)(?: working| work| a (?:new )?job| my new job)? at OBJ
works at ! = (?:HAVE )?(?:joined|got (?:a |my )?(?:new )?job (?:at|with)|got hired (?:by|at)) OBJ
works as = (?:works?|BE working|HAVE (?:been working|worked)) as (?P<o>(?!\w+ as\b).+)
works in = works? in OBJ
diet = (?:BE|became|HAVE become) (?P<o>(?:an? )?(?:strict )?(?:vegan|vegetarian|pescatarian|flexitarian|omnivore))
allergic to = (?:BE )?ADV(?:highly |mildly |deadly |very )?allergic to OBJ
allergic to = HAVE (?:an? )?(?:\w+ )?allergy to OBJ
allergic to = HAVE an? (?P<o>\w+) allergy
intolerant to = BE (?P<o>\w+)[ -]intolerant
marital status = (?:BE|HAVE been) (?P<o>(?:happily )?(?:married|single|divorced|engaged|widowed|separated)(?: to .+)?)
marital status ! = (?:HAVE )?(?:just )?got (?P<o>(?:married|divorced|engaged)(?: to .+)?)
employment = BE (?P<o>retired|unemployed|self-employed|freelance)
age = BE (?P<o>\d{1,3})(?: years? old)?
age ! = (?:just )?turned (?P<o>\d{1,3})
name = BE (?:called|named) (?P<o>(?!(?:to|on|in|for|by|upon|after|out)\b).+)
expecting = BE (?:expecting|pregnant with) OBJ
plans to = BE (?:going|planning|hoping|about|scheduled|due) to OBJ
plans to = (?:plans?|intends?|hopes?|will) (?:to )?OBJ
plans to = BE (?P<o>(?:flying|travell?ing|leaving|visiting|moving|starting|getting|meeting|seeing|running) .+)
wants to = wants? to OBJ
learns = (?:BE learning|learns?) OBJ
likes = (?:like[sd]?|love[sd]?|enjoy(?:s|ed)?|adore[sd]?) OBJ
likes = BE (?:really |very |so |big )?(?:into|fond of|keen on|an? (?:\w+ )?fan of|crazy about|passionate about) OBJ
likes = BE (?:really |very |so )?(?:obsessed with|interested in) OBJ
dislikes = (?:hate[sd]?|dislike[sd]?|detest(?:s|ed)?|loathe[sd]?|despise[sd]?|can not (?:stand|bear)) OBJ
prefers = prefers? OBJ
afraid of = BE (?:afraid|scared|terrified) of OBJ
studies at = (?:(?:BE )?(?:study|studies|studying)|HAVE studied) at OBJ
studies = (?:(?:BE )?(?:study|studies|studying)|HAVE studied|majors? in|BE majoring in) OBJ
graduated from = (?:HAVE )?graduated (?:from|in) OBJ
speaks = (?:can )?speaks? OBJ
plays = (?:can )?plays? OBJ
drives = drives? (?P<o>an? .+)
rides = rides? OBJ
collects = collects? OBJ
has = (?:owns?|HAVE got|HAVE(?! (?:to|been|not|never|already|just|had|a question|DONE|\w+ed)\b)) OBJ
got = (?:HAVE )?(?:just |recently )*(?:adopted|bought|got|purchased) OBJ
eats = (?:can )?eats? OBJ
drinks = drinks? OBJ
takes = takes? OBJ
teaches = teach(?:es)? (?!at\b|in\b)OBJ
supports = supports? (?P<o>(?:the )?(?-i:[A-Z]).*)
goes to = goes? to OBJ
died = (?:died|passed away)(?P<o>.*)
is = BE (?P<o>(?:my|our) .+)
is = (?:BE|became|HAVE become) (?P<o>(?:an?|the) .+)
"""
"""One line a pattern: the relation, "!" if the verb itself says that something changed, and the verb phrase."""
_DONE = (
    "gone|become|done|taken|given|come|left|sold|met|lost|won|made|put|found|grown|begun|swapped|heard|seen|read|eaten"
)
_PLACES = (
    "flat|house|home|place|apartment|studio|cottage|farm|city|town|country|countryside|village|area|coast|suburbs?"
    "|mountains|north|south|east|west|capital|islands?|region|neighbou?rhood|street|seaside|outskirts|cent(?:re|er)"
    "|states|district|side|sea"
)
_SHORT = {
    "WHERE": rf"(?P<o>(?!(?:an?|the|my|our|his|her|their|this|that) (?-i:[a-z])).+|.*\b(?:{_PLACES})\b.*)",
    "DONE": _DONE,
    "AREA": r"(?P<o>(?!(?:fear|hope|denial|peace|sin|luxury|poverty|style|\w+ (?:cities|countries|places|towns)"
    r"|the (?:moment|past|present|now))\b).+)",
    "ONES": "(?P<o>(?!(?:chronic|constant|pain|regrets?|anxiety|depression|diabetes|asthma|grief|guilt|fear|no"
    "|an? (?:view|garden))\\b).+)",
    "FIRM": "(?P<o>(?!(?:peanuts|free|fun|money|love|a living|minimum|hours|days|years|it|that|home)\\b).+)",
    "OBJ": "(?P<o>.+)",
    "BE": "(?:am|is|are)",
    "HAVE": "(?:have|has)",
    "ADV": f"(?:(?:{'|'.join(ADVERBS)}) )*",
}


def _compiled() -> list[tuple[re.Pattern[str], str, bool]]:
    found = []
    for line in _TABLE.strip().splitlines():
        head, pattern = line.split(" = ", 1)
        for short, full in _SHORT.items():
            pattern = pattern.replace(short, full)
        rule = re.compile(rf"{_SHORT['ADV']}(?:{pattern})[.!]*$", re.IGNORECASE | re.DOTALL)
        found.append((rule, head.removesuffix(" !"), head.endswith(" !")))
    return found


_PATTERNS = _compiled()
_LOOSE = {"is", "has", "got", "takes", "plans to", "died", "used to {r}", "supports"}
PERSONAL = frozenset(relation for _, relation, _ in _PATTERNS) - _LOOSE
"""Relations that tell of a person even when nothing else says that the subject is one."""
_INSTEAD = re.compile(r"\b(?:instead|no longer|any ?more|any longer|switched|changed to)\b", re.IGNORECASE)
_ADDITIVE = frozenset(
    listed(
        """likes|dislikes|plays|speaks|has|got|eats|drinks|collects|learns|studies|takes|teaches|goes to|plans to
        |wants to|is|rides|allergic to|intolerant to|afraid of|graduated from"""
    )
)
"""What one has, likes or does more than one of; "now" says that there is one more."""
_SHORT_VALUES = frozenset(("lives in", "works at", "works as", "studies at", "drives", "lives with", "age"))
_NEXT = re.compile(
    r",? (?:which|who|where|and (?:I|we|he|she|they|it)|but|so|because|while|as (?:an?|the)|after|before|until)\b"
    r"|, (?=[a-z])"
)
"""Where a short value ends and the sentence goes on."""
_NEGATION = re.compile(
    r"^(?:(?:really|actually|also|just) )*(?:(?:do|does|did) not|(?P<be>am|is|are|have|has|can|will) not|no longer"
    r"|(?P<never>never)) (?P<rest>.+)$",
    re.IGNORECASE | re.DOTALL,
)
_NO_LONGER = re.compile(r"\b(?:any ?more|any longer|no longer)\b", re.IGNORECASE)
_CHANGED = re.compile(
    r"\b(?:now|nowadays|these days|no longer|any ?more|any longer|instead|changed|switched|ha(?:ve|s) become|became)\b",
    re.IGNORECASE,
)


def ends_others(relation: str, text: str) -> bool:
    """Whether "now" in a text ends other values of a relation: "I like tea now" leaves room for coffee."""
    return relation not in _ADDITIVE or _INSTEAD.search(text) is not None


def says_changed(text: str) -> bool:
    """Whether a text itself says that something is new: "now", "no longer", "switched"."""
    return _CHANGED.search(text) is not None


_SPAN = r"(?:\d+|an?|two|three|four|five|six|seven|eight|nine|ten|many|several|some|a few|over|almost|about)"
_TAIL = re.compile(
    r"(?:,? (?:now|nowadays|these days|at the moment|right now|at present|any ?more|any longer|too|as well|currently"
    r"|instead|again|though|a lot|very much|so much|today|since .+|because .+|which .+|where .+"
    r"|(?:after|before|when) .+"
    rf"|for {_SPAN}\b[\w ]* (?:years?|months?|weeks?|days?)(?: now)?|with (?:my|our|his|her|their) .+)|\s*\([^)]*\))$",
    re.IGNORECASE | re.DOTALL,
)
OF_ONE = re.compile(
    r"^(?:favou?rite [\w ]+|(?:full |first |last |middle |nick)?name|surname|(?:\w+ )?"
    r"(?:phone|mobile|telephone)(?: number)?|email(?: address)?|(?:home |postal )?address"
    r"|birthday|birth date|date of birth|age|height|weight|nationality"
    r"|native language|mother tongue|blood type|blood group|shoe size|marital status|diet|religion|hometown|home town"
    r"|job|occupation|profession|boss|manager|star sign|hobby|hobbies|goal|dream|time ?zone|salary|car|birthplace"
    r"|employer|post ?code|zip ?code|(?:family )?doctor|gp|dentist|vet|therapist|hairdresser|barber|landlord|landlady"
    r"|(?:web )?browser|bank|(?:(?:car|home|health|travel|dental) )?insurance)$",
    re.IGNORECASE,
)
"""What one has one of, as in "my ... is"."""
_SAME = {
    "telephone": "phone number",
    "telephone number": "phone number",
    "phone": "phone number",
    "mobile": "phone number",
    "mobile number": "phone number",
    "date of birth": "birth date",
    "home town": "hometown",
    "occupation": "works as",
    "profession": "works as",
    "first name": "name",
    "full name": "name",
    "email address": "email",
    "home address": "address",
    "employer": "works at",
    "job": "works as",
    "manager": "boss",
    "car": "drives",
    "timezone": "time zone",
    "hobbies": "hobby",
    "family doctor": "doctor",
    "gp": "doctor",
    "barber": "hairdresser",
    "landlady": "landlord",
    "web browser": "browser",
    **{f"{kind} insurance": "insurance" for kind in ("car", "home", "health", "travel", "dental")},
}


_NO_THING = re.compile(
    r"(?:over|closed|gone|here|there|broken|great|good|bad|nice|dead|back|cancelled|missing|the same)$", re.IGNORECASE
)
_VALID: dict[str, Callable[[str], object]] = {
    "boss": re.compile(rf"(?:[Mm]y )?[{UPPER}]").match,
    "phone number": re.compile(r"(?:\d\D*){3}").search,
    "age": re.compile(rf"{AGE}|\d", re.IGNORECASE).match,
    "weight": re.compile(r"\d|(?:a|one|two|three) hundred").search,
    "height": re.compile(r"\d|feet|foot").search,
    "diet": re.compile(rf"{DIET}|.*\bno\b", re.IGNORECASE).search,
    "name": re.compile(r"(?!(?:on|in|at|to|the|an?|of|for|not|very|too|hard|easy|long|short)\b)", re.IGNORECASE).match,
    "email": re.compile(EMAIL).search,
    "works as": lambda value: occupation(value) or occupation(f"a {value}"),
    "drives": re.compile(rf"(?:an? |the )?(?:[a-z-]+ )*[{UPPER}]|an? ").match,
    "works at": re.compile(rf"(?:the )?[{UPPER}]").match,
    **dict.fromkeys(
        ("doctor", "dentist", "vet", "therapist", "hairdresser", "landlord"), re.compile(rf"[{UPPER}]").match
    ),
    **dict.fromkeys(("browser", "bank", "insurance"), re.compile(rf"(?:with |the )?[{UPPER}]").match),
}
"""What the value of an attribute must look like: "my boss is away" names no boss."""


@dataclass(frozen=True)
class Relation:
    """What a verb phrase says of its subject; ``replaces`` when it says that this is new."""

    relation: str
    object: str
    replaces: bool = False


def read_relation(phrase: str) -> Relation | None:
    """The relation in a verb phrase with spelt-out contractions, or None where no pattern fits."""
    changed = bool(_CHANGED.search(phrase))
    negated = _NEGATION.match(phrase)
    if negated:
        kept = negated["be"] or ""
        if negated["never"] is None or re.match(r"(?:\w+ )?(?:eat|drink|like|play)s?\b", negated["rest"]):
            if kept.lower() == "can" and negated["rest"].lower().startswith(("stand", "bear")):
                return _positive(phrase, changed)
            inner = _positive(f"{kept if kept.lower() != 'can' else ''} {negated['rest']}".strip(), changed)
            return None if inner is None else _negative(inner, bool(_NO_LONGER.search(phrase)))
    return _positive(phrase, changed)


def read_attribute(attribute: str, value: str) -> Relation | None:
    """ "my favourite colour is green": attribute "favourite colour", value "green"."""
    value = trimmed(value)
    found = OF_ONE.match(attribute.strip())
    if not found or not value or re.match(r"not\b", value, re.IGNORECASE):
        return None
    name = found.group().lower().replace("favorite", "favourite").replace("color", "colour")
    name = singular(name) if name.startswith("favourite ") else name
    name = re.sub(r"^(?:new|current|old|work|personal) ", "", name)
    value = re.sub(r"^(?:on|in|at|now|called|named) (?=\S)", "", value, flags=re.IGNORECASE)
    kind = _SAME.get(name, name)
    if kind.startswith("favourite ") and _NO_THING.match(value):
        return None
    if kind in _VALID and not _VALID[kind](value):
        return None
    return Relation(kind, value, bool(re.search(r"\bnow\b", attribute, re.IGNORECASE)))


def trimmed(text: str) -> str:
    """An object without end marks and without what only says when, how long or why."""
    text = text.strip(" ,.!;:")
    for _ in range(3):
        shorter = _TAIL.sub("", text).strip(" ,.!;:")
        if shorter == text or not shorter:
            break
        text = shorter
    return re.sub(r"^(?:now|also|still) ", "", text)


def _positive(phrase: str, changed: bool) -> Relation | None:
    for pattern, relation, moves in _PATTERNS:
        match = pattern.match(phrase)
        if match:
            named = match.groupdict()
            obj = trimmed(named["o"] or "")
            if relation in _SHORT_VALUES:
                obj = trimmed(_NEXT.split(obj, maxsplit=1)[0]) or obj
            if relation == "died":
                return Relation("is", "dead", True)
            if not obj or len(obj) > 160 or obj.lower() in ("you", "it", "them", "that", "this"):
                return None
            return Relation(
                relation.format(**named), re.sub(r"^(?:a|an) (?=vegan|vegetarian|pesc)", "", obj), changed or moves
            )
    return None


def _negative(found: Relation, stopped: bool) -> Relation:
    if found.relation == "likes":
        return Relation("dislikes", found.object, stopped)
    if found.relation == "dislikes":
        return Relation("likes", found.object, stopped)
    return Relation(f"not {found.relation}", found.object, False)
