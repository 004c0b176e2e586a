"""Which slots are kept: lasting, single, said of somebody, and under the relation that the value belongs to."""

from __future__ import annotations

import re
from dataclasses import replace

from bethink.memory.reading import values
from bethink.memory.reading.mentions import USER, is_human
from bethink.memory.reading.slot_types import Slot
from bethink.memory.words import listed

_TEMPORARY = re.compile(
    r"\b(?:overnight|till|(?<!to bed )(?<!to sleep )(?<!up )until(?! I)|tonight|for now|just this once"
    r"|temporar\w+|for the (?:day|weekend|week"
    r"|night|summer|winter|duration|party|play|evening|part)|in the sling|loan (?:car|van|bike)|courtesy car"
    r"|wash(?:es)? out"
    r"|covering for|on (?:maternity |parental |sick )?leave|while [\w ]+ (?:is|are) (?:away|off|out|ill|sick)"
    r"|filling in|standing in|on loan|while (?:my|our|the|his|her)|borrow\w*|for a (?:day|night|week"
    r"|weekend|few|couple of (?:days|nights|weeks))"
    r"|for (?:a few|two|three|four|five|six|\d+) (?:days|nights|weeks)|(?:two|three|four|\d+) (?:days|nights"
    r"|weeks)(?=,)|(?<!as of )this (?:week|weekend)\b(?! I (?:moved|started|joined)))\b",
    re.IGNORECASE,
)
_AWAY = re.compile(
    r"\b(?:on (?:a |our |my |an? [a-z]+ )?(?:holidays?|vacation)|(?:holiday|vacation) (?:in|here|there)"
    r"|business trip|conference|festival|visit(?:ing|ed)|house-?sitting|staying|sleeping at"
    r"|crashing|in transit|stopover|layover|travell?ing|stuck|passing through|short trip|a (?:quick "
    r"|short )?(?:visit|trip)|summer school|plaster|in a cast|with (?:my|his|her) (?:boots|shoes"
    r"|clothes|coat)|pregnan\w+|including|rental|hire car|on exchange|secondment|workshop|meeting|interview"
    r"|airport|for lunch|for dinner|for the (?:conference|wedding))\b",
    re.IGNORECASE,
)
_VISIT = re.compile(
    r"\b(?:on (?:a |our |my )?(?:holidays?|vacation)|business trip|visit(?:ing|ed)|house-?sitting|staying|crashing"
    r"|stopover|layover|passing through|plaster|in a cast"
    r"|with (?:all )?(?:my|his|her) [\w ]*(?:boots|shoes|clothes|coat|gear)"
    r"|rental|hire car|conference|festival|trade fair|for lunch|for dinner|buffet|years (?:back|ago)|tempted"
    r"|said no|asked for time|turned (?:it|them|him|her) down|learned to)\b",
    re.IGNORECASE,
)
_BEEN = re.compile(r"\b(?:has|have) been\b", re.IGNORECASE)
_ADDED = re.compile(
    r"\b(?:also"
    r"|(?<!was )(?<!were )(?<!is )(?<!are )(?<!got )(?<!am )(?<!far )(?<!way )(?<!much )(?<!getting )(?<!b"
    r"ecame )(?<!a bit )too(?! (?:much|many|late|long)\b)|as well|besides|second (?!year\b|wife\b|husband\b"
    r"|hand\b|kid\b|child\b)|another"
    r"|additional(?:ly)?|on the side|in addition|on top of|at weekends|on weekends|side (?:job|gig|hustle)"
    r"|(?:middle|pen|stage) name"
    r"|part of the time|both (?:[\w ]{2,20} and|of|passports|jobs|numbers)|a few (?:hours|evenings)"
    r"|evenings and weekends|some evenings|dual|half"
    r"|every other|holiday (?:home|cottage|flat|house)"
    r"|on saturdays|on sundays|apart from|next to)\b",
    re.IGNORECASE,
)
_ONE_BESIDE = frozenset(
    listed(
        """works at|works as|phone number|email|name|drives|nationality|goes to gym|studies at|lives in|boss|supports
        |time zone"""
    )
)
"""What somebody may have a second of, and then says so."""
_POINTERS = frozenset(listed("he|she|they|it|this|that|there|here|who|which|these|those|i|we|you"))
_STATES = frozenset(listed("marital status|diet|religion|nationality|name|boss"))
_OF_THINGS = frozenset(listed("name|height|weight"))
"""What a thing has too."""
_SETTLED = frozenset(listed("works as|lives in|works at|studies at|supports"))
"""What a verb says outright; words of travel beside it do not matter."""
_MOVES = frozenset(listed("lives in|lives with|works at|studies at"))
_ENDED = re.compile(r" no (?:more|longer)\b", re.IGNORECASE)
_AT_HEART = re.compile(r"[^,.;]* at heart\b", re.IGNORECASE)
_GYM_NAMED = re.compile(r"user's (?:new )?(?:\w+ )?gym")
_BOSS_NAMED = re.compile(r"user's (?:boss|manager|line manager|supervisor)")
_YEARS = re.compile(r"[ -]ye?a?rs?.*$", re.IGNORECASE)
_NOW = re.compile(
    r"\b(?:(?:lived|been) here|my whole (?:adult )?life|all my life|born and (?:raised|bred)|now|nowadays"
    r"|these days|no longer|any ?more|any longer|instead|for good|permanently|since|moved"
    r"|at last|finally"
    r"|these|relocated|transferred|left|quit)\b",
    re.IGNORECASE,
)
_FIRM = re.compile(
    r"\b(?:Ltd|Inc|LLC|GmbH|Co|Corp|Bank|Group|Holdings?|Consulting|Consultants|Partners|Logistics|Foods|Energy"
    r"|Systems|Software"
    r"|Solutions|Technologies|Labs?|Studios?|Hospital|Clinic|Council|Motors|Airlines|Airways|Insurance|Agency"
    r"|Associates|Media"
    r"|Industries|Services|Pharma|Press|Publishing|Brewery|Bakery|Restaurant|Hotel|Engineering|Construction"
    r"|Capital|Vet|Vets"
    r"|Practice|Surgery|Museum|Library|Theatre|Zoo|Nursery|Nurseries|Farm|Salon|Store|Stores|Supermarket|Pharmacy"
    r"|Airport|Records|Police|Ministry|Department|Charity|Foundation|Café|Bistro"
    r"|Garage|& \w+)\b"
)
_SCHOOL = re.compile(
    r"\b(?:Universit\w+|College|School|Academy|Institute|Polytechnic|Conservatoire|Conservatory|Gymnasium"
    r"|Lyc[ée]e|High|Uni"
    r"|Tech|State|Primary|Secondary|Grammar|Seminary|Kindergarten|Faculty|MIT|ETH|UCL|LSE|Hochschule)\b"
)
_GYM = re.compile(
    r"\b(?:Gym|Fitness|CrossFit|Boxing|Climbing|\w*fit|Yoga|Pilates|Barbell|Bouldering|Strength|Athletic|Lifting"
    r"|Dojo)\b",
    re.I,
)
_TAUGHT = re.compile(
    r"\b(?:work\w*|job|teach\w*|lectur\w+|professor|employ\w*|hired|colleagues?|boss|salary|staff|researcher"
    r"|postdoc)\b",
    re.I,
)
_LEARNING = re.compile(
    r"\b(?:stud\w+|pupil|transfer\w*|degree|term|semester|course|class(?:es)?|exams?|grad\w*|campus|enrol\w*)\b", re.I
)
_CAUSE = re.compile(
    r"\b(?:Foundation|Charity|Party|Greens|Unicef|Greenpeace|Amnesty|Red Cross|Oxfam|WWF|Labour|Democrats?"
    r"|Republicans?|Tories|Trust)\b",
    re.I,
)
_NO_PLACE = re.compile(
    r"^(?:the )?(?:Mr|Mrs|Ms|Dr|January|February|March|April|May|June|July|August|September|October|November|December"
    r"|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|Year|IT|HR|AI|PR|Marketing|Sales|Finance"
    r"|Accounting|Accounts|Legal|Operations|Grade|Class|Room|Row|Seat|Group|Team|English|French|German"
    r"|Spanish)\b(?! \w)"
)
_ZONE = re.compile(values.TIME_ZONE, re.I)
_NO_NAME = re.compile(
    r"(?:ish|ese|ian|ean|holic|ddhist|slim|mist|rist)$|^(?:OK|Type|Gen|Gemini|Leo|Aries|Taurus|Virgo|Libra"
    r"|Scorpio|Pisces|Capricorn|Team|Head|Mr|God"
    r"|Monday|Friday|Saturday|Sunday|Jewish|Catholic|Zen|IT|HR|ADHD|LGBT|XL|XS|AB|CEO|CTO|CFO|MD|PhD)\b"
)
_NOT_THIS = re.compile(
    r"\b(?:not|no longer|instead of|rather than|never|from|old|former|previous|was|were|isn't|stop using"
    r"|don't use)\s+(?:at |on |to |the |my |number |in )*$",
    re.I,
)


def is_now(text: str) -> bool:
    """Whether a text says that it tells of a lasting present: "now", "since", "for good"."""
    return _NOW.search(text) is not None


def is_away(text: str) -> bool:
    """Whether a text speaks of a trip, a visit or the like."""
    return _AWAY.search(text) is not None


def is_for_a_while(text: str) -> bool:
    """Whether a text says that what it tells ends soon: "until Friday", "while she is away", "on holiday"."""
    return _TEMPORARY.search(text) is not None or _VISIT.search(text) is not None


def is_refused(text: str, position: int) -> bool:
    """Whether the words right before a position turn its value down: "not", "from", "instead of"."""
    return _NOT_THIS.search(text[max(0, position - 30) : position]) is not None


def names_a_firm(name: str) -> bool:
    """Whether a name has a word of firms in it: Bank, Clinic, Ltd."""
    return _FIRM.search(name) is not None


def names_a_gym(name: str) -> bool:
    """Whether a name has a word of gyms in it: Fitness, Boxing."""
    return _GYM.search(name) is not None


def names_nobody(name: str) -> bool:
    """Whether capitalised words after "I am" are no name: Portuguese, Type 2, OK."""
    return _NO_NAME.search(name) is not None


def settled(slot: Slot, text: str) -> Slot | None:
    """The slot under the relation that its value belongs to, or None where it is no lasting single value."""
    slot = _moved(slot, text)
    value_at = slot.end - len(slot.object)
    if not slot.object.strip() or len(slot.object) > 80 or slot.object.lower() in _POINTERS:
        return None
    if _ENDED.match(text[slot.end :]):
        return None
    if slot.relation != "marital status" and _NOT_THIS.search(text[max(0, value_at - 30) : value_at]):
        return None
    if not _fits(slot, text[value_at:]) or (slot.relation not in _OF_THINGS and not is_human(slot.subject)):
        return None
    beside = text if slot.relation in ("phone number", "email") else _segment(text, slot)
    if has_another(slot.relation, beside):
        return None
    return None if _passes(slot, text) else slot


def has_another(relation: str, text: str) -> bool:
    """Whether a text tells of a second job, number or passport, which leaves the first as it is."""
    return relation in _ONE_BESIDE and _ADDED.search(text) is not None


def better(new: Slot, old: Slot, text: str) -> bool:
    """Which of two values of one thing a sentence means: the longer form, the one said to be so now, the last."""
    if new.object in old.object or old.object in new.object:
        return len(new.object) > len(old.object) and new.relation != "lives in"
    now_new, now_old = (bool(_NOW.match(text[slot.end :].lstrip(" ,"))) for slot in (new, old))
    return (now_new, new.end) > (now_old, old.end)


def _moved(slot: Slot, text: str) -> Slot:
    relation, obj = slot.relation, slot.object
    if relation in ("works at", "goes to gym", "lives in", "studies at"):
        teaches = relation == "works at" and _TAUGHT.search(text) and not _LEARNING.search(text)
        if _SCHOOL.search(obj) and not teaches:
            relation = "studies at"
        elif _GYM.search(obj) and not _TAUGHT.search(text):
            relation = "goes to gym"
        elif relation == "lives in" and names_a_firm(obj):
            relation = "works at"
    if relation == "name" and _GYM_NAMED.fullmatch(slot.subject.name):
        return replace(slot, subject=USER, relation="goes to gym")
    if relation == "name" and _BOSS_NAMED.fullmatch(slot.subject.name):
        return replace(slot, subject=USER, relation="boss")
    if relation == "age":
        obj = _YEARS.sub("", obj)
        return replace(slot, object=obj, end=slot.end - len(slot.object) + len(obj))
    return replace(slot, relation=relation)


def _fits(slot: Slot, rest: str) -> bool:
    if slot.relation == "lives in" and _ZONE.fullmatch(slot.object):
        return False
    if slot.relation in ("works at", "lives in", "studies at"):
        return _NO_PLACE.match(slot.object) is None
    if slot.relation == "works as":
        return _AT_HEART.match(rest) is None
    if slot.relation == "supports":
        return _CAUSE.search(slot.object) is None
    return slot.relation != "name" or not names_nobody(slot.object)


def _passes(slot: Slot, text: str) -> bool:
    if slot.relation == "boss":
        return _TEMPORARY.search(text) is not None
    if slot.relation in _STATES or slot.relation.startswith("favourite "):
        return False
    if not _TEMPORARY.search(text) and (slot.relation in _SETTLED or not _AWAY.search(text)):
        return False
    been = _BEEN.search(text[max(0, slot.start - 40) : slot.end])
    return not been and not (slot.moves and slot.relation in _MOVES)


def _segment(text: str, slot: Slot) -> str:
    start = max(text.rfind(mark, 0, slot.start) for mark in ",;:.!")
    ends = [at for mark in ",;:!" if (at := text.find(mark, slot.end)) >= 0]
    return text[start + 1 : min(ends, default=len(text))]
