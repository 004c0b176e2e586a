"""Sentences and clauses of ordinary English, and which of them state something about the speaker's life."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

MAX_SENTENCE = 600
"""Characters; longer "sentences" are lists, logs or pasted text, and patterns would only guess in them."""
_END = re.compile(r"[.!?…]+[\"”’')\]]*(?=\s|$)|[。！？]|\n+")
_ABBREVIATION = re.compile(r"(?:^|[\s(])(?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|etc|e\.g|i\.e|[A-HJ-Z])\.$")
_CODE = re.compile(r"```(?:(?!```)[\s\S])*(?:```)?|^>[^\n]*$", re.MULTILINE)
_KIN = "sister|brother|mother|father|mum|mom|dad|wife|husband|partner|son|daughter|dog|cat|friend|boss"
_CONTRACTIONS = [
    (re.compile(pattern, re.IGNORECASE), text)
    for pattern, text in (
        (r"(?<![\w.])i(?![\w.])", "I"),
        (r"\bcan't\b|\bcannot\b", "can not"),
        (r"\bwon't\b", "will not"),
        (r"\b(do|does|did|is|are|was|were|has|have|had|would|could|should)n't\b", r"\1 not"),
        (r"\bI'm\b", "I am"),
        (r"\b(we|they|you)'re\b", r"\1 are"),
        (r"\b(I|we|they|you)'ve\b", r"\1 have"),
        (r"\b(I|we|they|you|he|she|it)'ll\b", r"\1 will"),
        (r"\b(I|we|they|you|he|she)'d\b", r"\1 would"),
        (rf"\b({_KIN})'s (?=(?:an?|the|now|allergic|called|named|from|in|at) )", r"\1 is "),
        (
            r"\b(he|she|it)'s (?=(?:been|got|become|gone|moved|taken|left|grown|changed|switched|joined|started)\b)",
            r"\1 has ",
        ),
        (r"\b(he|she|it|that|there)'s\b", r"\1 is"),
        (r"\b(name|birthday|number|email|favou?rite \w+)'s\b", r"\1 is"),
    )
]
_OPENING = re.compile(
    r"^(?:(?:well|so|ok|okay|oh|ah|hmm|actually|anyway|also|and|but|yes|yeah|yep|no(?=[,!.:;-])|nope|hi|hello|hey"
    r"|hi there|hello there"
    r"|hey there|by the way|btw|fyi|in fact|honestly|of course|sure|great|cool|wow|good (?:morning|evening|afternoon)"
    r"|nice to meet you|unfortunately|sadly|luckily|fortunately|to be honest|as you know|you know|just so you know"
    r"|(?:please )?(?:remember|note|keep in mind|do not forget|don't forget|know)(?: that|:)|please"
    r"|(?:for the record|one more thing|fun fact|correction|update(?=[:,]))[:,]?|let me tell you about [\w ]{1,30}:"
    r"|I (?:want|would like|wanted) you to (?:know|remember) that|(?:I )?just wanted to (?:say|tell you) that"
    r"|(?:let me|I should|I must|I have to) tell you that|did I mention that)(?:[ ,!.:;-]+|$))+",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"^(?:(?:and|but|so|or) )?(?:what|who|whom|whose|where|when|why|how|which|do|does|did|is|are|was|were|am|can|could"
    r"|will|would|should|shall|may|might|has|have|had)(?:n't)?\s+(?:\w+'?s?|the)\b",
    re.IGNORECASE,
)
_UNREAL = re.compile(
    r"\b(?:if|unless|whether|wish|imagine|suppose|supposing|pretend|hypothetically|would|could|might|maybe|perhaps"
    r"|possibly|probably|what if|as though|let's say|lets say|dream(?:t|ed)? (?:that|about)|should have|for example"
    r"|in (?:the|a|this) (?:story|novel|film|movie|book|game))\b",
    re.IGNORECASE,
)
_REPORTED = re.compile(
    r"\b(?:said|says|saying|told (?:me|us|her|him|them|everyone)|tells (?:me|us)|claims?|claimed|asked|asks|heard"
    r"|read (?:that|about)|thinks?|thought|believes?|believed|guess|wonder(?:s|ed|ing)?|according to"
    r"|reckons?|rumou?r)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(
    r"(?<!\w)[\"“”«»‘'](?=[^\"“”«»]*\b(?:I|I'm|we|my|am|is|are|you)\b)[^\"“”«»]*(?:[\"“”»]|['’](?:\W|$))"
)
"""Quoted speech; a quoted title ("Titanic") is none."""
_COMMAND = re.compile(
    r"^(?:tell|show|give|write|find|make|help|explain|list|run|plot|compute|calculate|translate|summari[sz]e|create|draw"
    r"|describe|suggest|recommend|compare|search|look|open|stop|start|wait|try|let|say|repeat|forget|delete|remove|add"
    r"|set|go|use|call|send|read|check|think|answer|pick|choose|plan|book|track|estimate|assume|consider|remind|play"
    r"|sing|ignore|do|don't|never|be)\b",
    re.IGNORECASE,
)
_NOTHING = re.compile(
    r"^(?:thanks|thank you|for (?:the|your) |good (?:luck|job|night)|sounds |that(?:'s| is| was) "
    r"|this is |it(?:'s| is| was) )",
    re.IGNORECASE,
)
_MOOD = re.compile(
    r"^(?:I|we) (?:am|feel|was|am doing|am feeling) (?:(?:just|so|very|really|pretty|quite|all) )?"
    r"(?:fine|good|ok|okay|great|well|right|alright|sure|not sure|sorry|afraid|glad|happy to|here|back|asking|curious"
    r"|looking for|wondering|talking|saying|thinking|trying to (?:say|ask)|bored)\b(?! at| with| of| in).{0,40}$",
    re.IGNORECASE,
)
_TALK = re.compile(
    r"^(?:I|we) (?:(?:also|still|really|just|do|do not|did not|have not|can|can not) )*"
    r"(?:know|see|understand|understood|agree|disagree|mean|hope|suppose|doubt|think|thought|guess|bet|appreciate|thank"
    r"|apologi[sz]e|forgot|get it|got it|remember|wonder|tell you|ask|asked|say|said|see what|care|mind"
    r"|need (?:you|your|help|some help|to (?:know|ask)|an? (?:answer|plot|list|summary))"
    r"|want (?:you|to (?:know|ask|see|talk))"
    r"|will (?:\w+ )?(?:consider|follow|do my best|think about|try (?:it|that|your)|take your)"
    r"|have (?:a|an|another|one|some|no|two|many|any) (?:\w+ )?"
    r"(?:questions?|ideas?|problems?|requests?|doubts?|clue))\b",
    re.IGNORECASE,
)
_SUBJECT = r"(?:I|we|my|our|he|she|they|his|her|their|it)"
_CLAUSE = re.compile(rf"\s*(?:;|,?\s+(?:and|but|so|while|whereas)|,)\s+(?={_SUBJECT}\s+\w)", re.IGNORECASE)


@lru_cache(maxsize=256)
def plain(text: str) -> str:
    """Straight apostrophes and spelt-out contractions: "I'm" -> "I am", so that patterns need one form only."""
    text = text.replace("’", "'").replace("‘", "'")
    for pattern, full in _CONTRACTIONS:
        text = pattern.sub(full, text)
    return text


def sentences(text: str) -> list[str]:
    """The sentences of a text with their end marks; code blocks, quoted lines and overlong pieces are left out."""
    text = _CODE.sub("\n", text)
    found, start = [], 0
    for match in _END.finditer(text):
        if match.group() == "." and _ABBREVIATION.search(text[max(start, match.end() - 8) : match.end()]):
            continue
        found.append(text[start : match.end()].strip())
        start = match.end()
    found.append(text[start:].strip())
    return [sentence for sentence in found if 0 < len(sentence) <= MAX_SENTENCE]


def opened(sentence: str) -> str:
    """The sentence without what only opens it: "Well, by the way, I ..." -> "I ..."."""
    rest = _OPENING.sub("", sentence, count=1)
    return rest[:1].upper() + rest[1:] if rest != sentence else sentence


def states_something(sentence: str) -> bool:
    """Whether a sentence claims a fact: no question, hypothesis, quote, hearsay, command or small talk."""
    bare = plain(sentence).strip()
    if len(bare) < 4 or bare.rstrip("\"”')] ").endswith(("?", "？", "吗。", "呢。", "吗", "呢")):
        return False
    openings = (_QUESTION, _COMMAND, _NOTHING, _MOOD, _TALK)
    return not any(rule.match(bare) for rule in openings) and not any(
        rule.search(bare) for rule in (_UNREAL, _REPORTED, _QUOTED)
    )


def clauses(sentence: str) -> list[tuple[int, int]]:
    """Where the clauses lie whose subject is new: "..., and my brother ...". May cut too much; the caller checks."""
    cuts = [(0, 0), *(match.span() for match in _CLAUSE.finditer(sentence)), (len(sentence), len(sentence))]
    return [(before[1], after[0]) for before, after in pairwise(cuts)]
