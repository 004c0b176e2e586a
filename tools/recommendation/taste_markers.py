"""The words that say what somebody likes and dislikes, with which :mod:`bethink.tools.recommendation.taste` reads.

Rows are (polarity, kind, pattern), polarity 1 like, -1 dislike, 0 neither. Of patterns that match at one place the
first one wins, so negated forms stand before plain ones. A verb is followed by its object and preceded by who it is; a
particle stands between things of two kinds; a suffix follows what it speaks of. Requests and judgements are verbs and
suffixes that tell a taste only where one was asked for.
"""

from __future__ import annotations

from typing import Literal

Kind = Literal["verb", "request", "particle", "suffix", "judgement"]

_ADVERB = (
    r"(?:really|very|much|also|always|usually|often|especially|particularly|absolutely|just|even|still|truly|both)"
)
_WHO = r"(?:i|we|you|they|he|she|who|user|to|and|or|but|also|do|does|did|would|i'd|will|might|both)"
_NOT = r"(?:\w+n't|cannot|(?:do |does |did |am |is |are |was |would |can |could )?not|never|no longer)"
_OBJECTLESS = r"(?:for me|my thing|my (?:cup of tea|taste|kind of \w+)|my favou?rites?(?: \w+)?)"
_GOOD = r"(?:great|good|fine|ok|okay|wonderful|fantastic|amazing|welcome|fun)"
_BAD = r"(?:awful|terrible|boring|bad|horrible|annoying|dull|too much)"
_WANT = (
    r"(?:like|love|enjoy|care for|want|need|watch|read|eat|fancy|appreciate|go for|get into|into|fond of|"
    r"keen on|a fan of|big on|interested in|in the mood for)"
)

MARKERS: tuple[tuple[int, Kind, str], ...] = (
    # no statement of taste
    (0, "verb", rf"\b{_NOT} (?:{_ADVERB} )*(?:mind|hate|dislike|object to)\b"),
    (0, "verb", r"\b(?:used to|once) (?:\w+ )?(?:like|love|enjoy|hate|dislike)d?\b"),
    (0, "particle", r"\bno (?:matter|idea|problem|wonder)\b(?: what\b)?"),
    # what a thing is
    (-1, "suffix", rf"\b(?:is|are|was)(?:n't| not| never)(?: \w+)? {_OBJECTLESS}"),
    (1, "suffix", rf"\b(?:is|are) {_OBJECTLESS}"),
    (-1, "judgement", rf"\b(?:is|are|was|were)(?:n't| not) (?:\w+ )?{_GOOD}\b"),
    (1, "judgement", rf"\b(?:is|are|was|were)(?:n't| not) (?:\w+ )?{_BAD}\b"),
    (1, "judgement", rf"\b(?:is|are|was|were) (?:\w+ )?{_GOOD}\b"),
    (-1, "judgement", rf"\b(?:is|are|was|were) (?:\w+ )?{_BAD}\b"),
    (1, "judgement", r"\b(?:yes|yay)\W*$"),
    (-1, "judgement", r"\b(?:no|nope)\W*$"),
    (-1, "suffix", r"\b(?:bores?|scares?|disgusts?|annoys?|upsets?|tires?) me\b"),
    (1, "suffix", r"\b(?:interests?|delights?|fascinates?|moves?) me\b"),
    # verbs, negated first
    (1, "verb", r"\b(?:can't|cannot|can not) (?:get enough of|resist)\b|\bnothing but\b|\bnot only\b"),
    (-1, "verb", rf"(?:\bi |\bwe )?\b{_NOT} (?:{_ADVERB} |to |want to |a |so |that )*{_WANT}\b"),
    (-1, "verb", r"\b(?:can't|cannot|can not|couldn't) (?:\w+ )?(?:stand|bear|take|tolerate)\b"),
    (-1, "verb",
        rf"(?:\b{_WHO} (?:{_ADVERB} )*)?\b(?:hate[sd]?|dislike[sd]?|loathe[sd]?|detest(?:s|ed)?|despise[sd]?)\b"),
    (-1, "verb",
        r"\b(?:avoid(?:s|ed|ing)?|skip(?:s|ped)?|leave out|fed up with|tired of|sick of|bored (?:by|of|with)|"
        r"allergic to|afraid of|scared of|anything but|everything but)\b"),
    (1, "request",
        rf"(?:\bi'd|\bwould) (?:{_ADVERB} )*(?:like|love)\b|(?:^|\b{_WHO} )(?:{_ADVERB} )*(?:want|need)s?\b"),
    (1, "verb",
        rf"(?:^|\b{_WHO} )(?:{_ADVERB} )*(?:(?:like|love)(?! (?:stor|song|triangle|affair))|adore|prefer|fancy|"
        rf"crave)\b"),
    (1, "verb", r"\b(?:likes|loves|liked|loved|adores?|adored|enjoys?|enjoyed|prefers?|preferred)\b"),
    (1, "verb", r"\b(?:am|is|are|i'm|he's|she's|big|huge|a) (?:\w+ )?(?:fan of|fond of|into|keen on)\b|\bfans? of\b"),
    (1, "verb", r"\b(?:my|our|the user's|user's) (?:\w+ )?favou?rites?(?: \w+)? (?:is|are|was|were)\b|\bfavou?rites?:"),
    (1, "request",
        r"\b(?:(?:can|could|would|will) you )?(?:please )?(?:recommend|suggest|find|show|give)(?: me| us)?\b"),
    (1, "verb", r"\binterested in\b"),
    (1, "request", r"\b(?:looking for|in the mood for|(?:something|anything) (?:like|with))\b"),
    # particles
    (-1, "particle",
        r"\b(?:but no|but not|and no|and not|no more|not too|nothing (?:too|with|like)|rather than|"
        r"instead of)\b"),
    (-1, "particle",
        r"\b(?:no|not|nothing|without|except(?: for)?|excluding|less|fewer|minus|too|neither|nor)\b(?!\s*$)"),
    (1, "particle", r"\b(?:more|plus)\b(?! than)"),
    # German
    (-1, "suffix",
        r"\bmag (?:ich|man|er|sie) (?:\w+ )?nicht\b|\b(?:ist|sind) (?:nichts|nicht \w+) für mich\b|"
        r"\bgefällt mir nicht\b"),
    (-1, "verb",
        r"\b(?:ich )?(?:mag|will|möchte|brauche|lese|sehe|esse) (?:\w+ )?kein(?:e|en|er|es|em)?\b|"
        r"\b(?:ich )?(?:hasse|verabscheue|meide)\b"),
    (1, "suffix", r"\bmag ich(?: sehr| gern)?\b(?! nicht)|\bgefällt mir\b(?! nicht)"),
    (1, "verb", r"\b(?:ich )?(?:mag|liebe|bevorzuge|möchte|suche)\b"),
    (-1, "particle", r"\b(?:ohne|kein|keine|keinen|nicht|außer)\b"),
    # French
    (-1, "verb", r"\b(?:je )?n'(?:aime|adore) (?:pas|plus|guère)\b|\b(?:je )?(?:déteste|hais)\b"),
    (1, "verb", r"\bj'(?:aime|adore)\b(?: bien| beaucoup)?|\bje (?:préfère|cherche|veux)\b"),
    (-1, "particle", r"\b(?:sans|pas de|pas d'|mais pas)(?: |(?<='))"),
    # Spanish, Italian, Portuguese
    (-1, "verb",
        r"\bno me (?:gustan?|encantan?)\b|\bno quiero\b|\b(?:odio|detesto|odeio)\b|\bnon mi (?:piace|"
        r"piacciono)\b|\bnão gosto(?: de)?\b"),
    (1, "verb",
        r"\bme (?:gustan?|encantan?)\b|\bquiero\b|\bmi (?:piace|piacciono)\b|\b(?:amo|adoro)\b|"
        r"\bgosto(?: muito)?(?: de)?\b"),
    (-1, "particle", r"\b(?:pero sin|ma senza|mas sem|senza|sem|sin)\b(?! city|\s*$)"),
    # Russian
    (-1, "verb", r"\b(?:я |мне )?(?:не (?:люблю|нравится|нравятся|хочу)|ненавижу|терпеть не могу)\b"),
    (1, "verb", r"\b(?:я |мне )?(?:люблю|обожаю|нравится|нравятся|хочу)\b"),
    (-1, "particle", r"\bбез\b"),
    # Chinese, Japanese
    (-1, "verb", r"我?(?:很|最)?(?:不喜欢|不喜歡|不爱看|不愛看|不想看|不要|讨厌|討厭)"),
    (1, "verb", r"我?(?:很|最|非常)?(?:喜欢|喜歡|爱看|愛看|想看)"),
    (-1, "suffix", r"[はがも]?(?:大?嫌い|苦手|好き(?:では|じゃ)(?:ない|ありません))(?:です|だ)?"),
    (1, "suffix", r"[はがも]?大?好き(?:です|だ|で)?"),
)  # fmt: skip
