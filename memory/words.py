"""Closed lists of English words that reading and recall share."""

from __future__ import annotations


def listed(text: str) -> list[str]:
    """The entries of a list written with bars and line breaks, each trimmed."""
    return [entry for part in text.split("|") if (entry := " ".join(part.split()))]


def singular(noun: str) -> str:
    """ "flowers" -> "flower", so that "my favourite flowers" and "my favourite flower" are one thing."""
    if noun.endswith(("ss", "us", "is", "news", "series", "species", "pants", "jeans")):
        return noun
    if noun.endswith("ies") and len(noun) > 5 and not noun.endswith(("movies", "cookies", "brownies", "smoothies")):
        return noun[:-3] + "y"
    if noun.endswith(("shes", "ches", "xes", "sses")):
        return noun[:-2]
    return noun[:-1] if noun.endswith("s") and len(noun) > 3 else noun


MONTHS = listed("january|february|march|april|may|june|july|august|september|october|november|december")
DAYS = listed("monday|tuesday|wednesday|thursday|friday|saturday|sunday")
NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
NUMBERS |= {"nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "a couple of": 2}

STOP_WORDS = frozenset(
    listed(
        """a|about|after|again|all|also|am|an|and|any|are|as|at|be|because|been|before|being|but|by|can|could|did|do
        |does|doing|down|each|few|for|from|further|had|has|have|having|he|her|here|hers|him|his|how|i|if|in|into|is|it
        |its|itself|just|me|more|most|my|myself|no|nor|not|of|off|on|once|only|or|other|our|ours|out|over|own|same|she
        |should|so|some|such|than|that|the|their|theirs|them|then|there|these|they|this|those|through|to|too|under
        |until|up|us|very|was|we|were|what|when|where|which|while|who|whom|why|will|with|would|you|your|yours|tell
        |know|remember|s|t|d|m|re|ve|ll|don|didn|doesn|isn|wasn|user"""
    )
)
"""Words that say nothing of what a thought is about; "user" opens every raw turn."""

THIRD_PERSON = listed(
    """is|are|was|were|has|had|does|did|will|can|lives|works|likes|loves|enjoys|hates|dislikes|prefers|plays|speaks
    |studies|owns|wants|plans|moved|got|bought|adopted|went|goes|drives|eats|drinks|started|joined|quit|left|turned
    |became|teaches|collects|comes|came|used|never|learns|takes|graduated|died|passed|married|supports|retired|lost|won
    |broke|finished|needs|called|named"""
)
FIRST_PERSON = listed(
    """am|have|do|live|work|like|love|enjoy|hate|dislike|prefer|play|speak|study|own|want|plan|go|drive|eat|drink|teach
    |collect|come|learn|take|support|need"""
)
VERBS = frozenset(THIRD_PERSON + FIRST_PERSON)
ADVERBS = tuple(
    listed(
        """also|now|currently|still|always|usually|really|actually|just|recently|both|already|absolutely|mostly|finally
        |originally|only|even|then|totally|truly|definitely|sometimes|often|deeply|severely|never"""
    )
)
KIN = frozenset(
    listed(
        """sister|brother|mother|father|mum|mom|dad|wife|husband|partner|girlfriend|boyfriend|fiance|fiancee|son|daughter
        |child|baby|grandmother|grandfather|grandma|grandpa|granny|aunt|uncle|cousin|niece|nephew|friend|boss|colleague
        |coworker|neighbour|neighbor|roommate|flatmate|teacher|doctor|dog|cat|puppy|kitten|parrot|horse|rabbit|hamster
        |bird|fish|stepmother|stepfather|stepsister|stepbrother"""
    )
)
"""Whom a person speaks of as "my ..."; pets are family here."""

FUNCTIONAL = frozenset(
    listed(
        """lives in|lives with|works at|name|age|marital status|diet|birthday|birth date|phone number|number|email
        |address|nationality|native language|mother tongue|blood type|blood group|height|weight|shoe size|is from
        |employment|expecting|job|boss|manager|hometown|postcode|zip code|surname|last name|nickname|star sign|religion
        |time zone|timezone|salary|works as|drives|studies at|supports|goes to gym|hair colour|bedtime|doctor|dentist
        |vet|therapist|hairdresser|landlord|browser|bank|insurance|partner"""
    )
)
"""Relations with one value at a time; besides these, every "favourite ..."."""
