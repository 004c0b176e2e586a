"""Which words of a sentence are claimed to be so now: the rest is blanked out, and every word keeps its place."""

from __future__ import annotations

import re

BLANK = "\0"
"""Stands for each character that claims nothing; no pattern of words fits it."""
_QUOTE = re.compile(r"[\"“”«»„][^\"“”«»„]*(?:[\"“”«»]|$)|(?<!\w)['‘][^'‘’]{3,}['’](?!\w)")
_SPOKEN = re.compile(r"\b(?:I|I'm|we|we're|my|am|is|are|you)\b")
_OPENER = re.compile(
    r"^(?:guess (?:what|who(?: has| is|'s)?[^,:]{0,40}|where[^,:]{0,40})[,:]?|you (?:would|will|are not going to|can)"
    r"(?: not| never)? (?:ever )?(?:believe|guess)(?: (?:it|this|what|who|where))?(?: but|,|:)?"
    r"|(?:can|would) you believe(?: it)?[,:]?|I would say(?: that)?|(?:I am )?(?:proud|happy|glad) to say"
    r"|turns out(?: that)?|I have to (?:say|admit)|believe it or not,?|it turns out(?: that)?|apparently,?)\s+",
    re.IGNORECASE,
)
_REQUEST = re.compile(
    r"^(?:(?:can|could|would|will) you (?:please |kindly )?)(?:change|update|set|switch|correct|save|note|put|use|move"
    r"|write|list|store|make|add|replace)\b",
    re.IGNORECASE,
)
_SPEECH_ACT = re.compile(
    r"(?:^|(?<=[,;:] )|(?<= but )|(?<= and )|(?<= so ))(?:(?:even )?if|in case|when(?:ever)?|should)"
    r" (?:you|anyone|anybody|someone|somebody|people|they|friends|the \w+|my \w+|he|she) "
    r"(?:(?:still|ever|really|must|want to|need to|have to|do|do not) )*(?:need|wants?|asks?|wonders?|are (?:wondering"
    r"|looking|asking|after|interested)|is (?:wondering|asking)|looks?|know|cares?|remembers?|have|call|calls|try"
    r"|get|write|send|come"
    r"|visit)\b[^,;:.!]*[,;:]?"
    r"|(?:^|(?<=[,;:] ))if (?:I|we) (?:am|are|do not|can not) (?:late|away|out|busy|stuck|answer|pick up"
    r"|reply)\b[^,;:.!]*[,;:]?"
    r"|(?:^|(?<=[,;: ]))if it is (?:urgent|important|easier|needed|an emergency)\b|\bI (?:think|guess|believe"
    r"|reckon)(?= [^,;:.!?]*favou?rite)",
    re.IGNORECASE,
)
_IF = re.compile(r"\b(?:if|unless|whether|suppos(?:e|ing)|imagine|pretend|what if|provided that)\b", re.IGNORECASE)
_UNREAL = re.compile(
    r"\b(?:wish(?:es|ed)?|hypothetically|feels? like(?! home)|felt like(?! home)|would(?! have to be\b"
    r"| like to\b)|could|might"
    r"|may(?= (?:be|become|go|move|switch|change|well))|maybe|perhaps"
    r"|possibly|probably|as though|as if|let us say|let's say|lets say|tempted(?! to)|asked for time|dream(?:s|t"
    r"|ed|ing)?(?= (?:that|about|of"
    r"|job|car|home))"
    r"|should have|for example|almost|nearly|not yet|in (?:the|a|this|my) (?:story|novel|film|movie|book|game|play)"
    r"|character|pretending|joking|kidding|april fool|in another life|one day|some ?day)\b",
    re.IGNORECASE,
)
_REPORTED = re.compile(
    r"\b(?:said(?! (?:goodbye|farewell|our vows|yes)\b)|says|saying|told (?:me|us|her|him|them|everyone)"
    r"|tells (?:me|us)|claims?|claimed|ask(?:s"
    r"|ed)(?= (?:(?:me|us|him|her|them|you) )?(?:if|whether|what|where|how|who|why|when|to)\b)|heard"
    r"|reads?(?= (?:that|about|:))|thinks?|thought(?! I was)|(?<!not )believe[sd]?(?= (?!in\b))|guess|wonder(?:s"
    r"|ed|ing)?"
    r"|according to|reckons?|rumou?rs?|supposedly|allegedly|mistook|mistakes?|confuses?|called (?:me|us) an?)\b",
    re.IGNORECASE,
)
_MEASURED = re.compile(
    r"\b(?:scales?|doctor|nurse|test|results?|passport|contract|card|badge|licen[cs]e|letter|birth certificate|clock)"
    r" (?:now )?(?:says?|said|reads?)(?: that)?\b",
    re.IGNORECASE,
)
_OWN_WORDS = re.compile(r",? but (?=(?:now )?(?:I|we|my|our)\b)", re.IGNORECASE)
_NAMING = re.compile(r"\bI (?:always |just |now )*(?:say|answer|tell them|name)\b", re.IGNORECASE)
_WANTED = re.compile(
    r"\b(?:wants?(?: (?:me|us|him|her|them))?|wanted(?: (?:me|us|him|her|them))?|wanting|hop(?:e|es|ed|ing)"
    r"|plan(?:s|ned|ning)?|going|aim(?:s|ing)?|intend(?:s|ing)?|about"
    r"|decided|try(?:ing)?|tries|like|love|need(?:s)?|ready|have(?! to (?:eat|keep|follow|stick))"
    r"|has(?! to (?:eat|keep|follow|stick))|supposed|allowed|due|thinking of|considering"
    r"|tempted|dying|keen|used) to (?!(?:a|an|the|my|our|his|her|this)\b)(?!(?-i:[A-Z])|\d)\w+"
    r"|\b(?:should|ought to|had better|will(?! (?:get|reach"
    r"|find) me)|shall|goal|target"
    r"|ambition|considering|thinking (?:of|about)|debating|daydreaming|used to)\b",
    re.IGNORECASE,
)
_PAST = re.compile(
    r"\b(?:used to|back in|back when|back then|when (?:I|we|he|she|they) (?:was|were)|as an? (?:child|kid|boy|girl"
    r"|teenager|teen|toddler|baby|student(?= (?:I|we|he|she) (?:never |always )?(?:\w+ed|went|was|had|did|slept"
    r"|ate|drank)\b)|young \w+|little \w+|lad|lass)|in (?:my|his|her|our|their) (?:teens|twenties|thirties"
    r"|forties|youth|childhood|student days|younger days)|there was a time|once (?:\w+ed|worked|lived|had|was"
    r"|were|drove"
    r"|ran)|(?:I|we|he|she|they) once|before (?:I|we) (?:had|was|were|met|got|became|ever)|growing up"
    r"|at university I was"
    r"|in the (?:\w+ies|'?\d0s)|formerly|previously|originally (?:a|an|worked|lived)"
    r"|my (?:very )?first(?: \w+){1,2} (?:was|were)|in those days"
    r"|years back|(?:for )?most of (?:19|20)\d\d|at the time|years ago,? (?:I|we) (?:was|were|had|got|went|lived"
    r"|worked)|a (?:previous"
    r"|former|past) life)\b",
    re.IGNORECASE,
)
_SEGMENT = re.compile(
    r"[;:—–]\s|,\s+(?=(?:and|but|so|because|since|now|then)?\s*)|\s(?=(?:but|so|because)\s)"
    r"|\sand (?=(?:I|we|he|she|they|now|my|our|have|has|am|is|are)\b)"
)
_TURNED = re.compile(
    r"(?:used to be|was|were) [^,.;]{2,40}[,;]? (?:but|and|now|these days|nowadays)(?: (?:now|these days|nowadays"
    r"|lately|since \w+))*,? "
    r"(?:it|they|that)(?= (?:is|are)\b)",
    re.IGNORECASE,
)
_UNKNOWN = re.compile(
    r"(?<!then )\bI would (?=(?:call|pick|choose|name|describe|consider)\b)|\byou would (?:not|never|hardly"
    r"|barely) (?=recogni[sz]e|know)",
    re.IGNORECASE,
)
_ANSWERED = re.compile(r"\b(?:I|we|he|she) (?:said|say) yes\b", re.IGNORECASE)


def asserted(sentence: str) -> str:
    """The sentence with all that is quoted, asked, supposed, reported, wished or over blanked out, length unchanged."""
    text = _QUOTE.sub(lambda found: _blank(found.group()) if _SPOKEN.search(found.group()) else found.group(), sentence)
    if (opener := _OPENER.match(text)) and opener.end() < len(text):
        text = _blanked(text, 0, opener.end())
    if text.rstrip("\"”')] \0").endswith(("?", "？")) and not _REQUEST.match(text.strip(BLANK)):
        return _blank(text)
    if _REQUEST.match(text):
        text = re.sub(r"(?i)\b(?:could|would|will)\b", lambda found: _blank(found.group()), text, count=1)
    for rule in (_SPEECH_ACT, _MEASURED, _ANSWERED, _UNKNOWN):
        text = rule.sub(lambda found: _blank(found.group()), text)
    if turned := _TURNED.search(text):
        text = _blanked(text, turned.start(), turned.end())
    if supposed := _IF.search(text):
        text = _blanked(text, _start_of_segment(text, supposed.start()), len(text))
    if not _NAMING.search(text) and (told := _REPORTED.search(text)):
        own = _OWN_WORDS.search(text, told.end())
        text = _blanked(text, told.start(), own.start() if own else len(text))
    for wanted in reversed(list(_WANTED.finditer(text))):
        text = _blanked(text, wanted.start(), _end_of_segment(text, wanted.end()))
    if unreal := _UNREAL.search(text):
        text = _blanked(text, _start_of_segment(text, unreal.start()), len(text))
    while past := _PAST.search(text):
        text = _blanked(text, _start_of_segment(text, past.start()), _end_of_past(text, past.end()))
    return text


def _blank(text: str) -> str:
    return BLANK * len(text)


def _blanked(text: str, start: int, end: int) -> str:
    return text[:start] + BLANK * (end - start) + text[end:]


def _start_of_segment(text: str, position: int) -> int:
    ends = [found.end() for found in _SEGMENT.finditer(text, 0, position)]
    return ends[-1] if ends else 0


def _end_of_segment(text: str, position: int) -> int:
    found = _SEGMENT.search(text, position)
    return found.start() if found else len(text)


def _end_of_past(text: str, position: int) -> int:
    """Up to where the present begins again ("..., but now I ...")."""
    found = re.compile(r"\b(?:but|now|these days|nowadays|since then|until)\b", re.IGNORECASE).search(text, position)
    if not found:
        return len(text)
    return found.start() if found.group().lower() == "but" else _start_of_segment(text, found.start())
