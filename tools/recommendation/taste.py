"""What somebody likes and dislikes, read from their own words by rules that are listed in one table.

The table is `taste_markers.py`. A text is cut into sentences and clauses; in each, markers ("I like", "hate", "no",
"is not for me") say what the words beside them are. Markers are English, with the commonest of German, French, Spanish,
Italian, Portuguese, Russian, Chinese and Japanese. The text is data: whatever it demands, all that comes of it are
phrases.

Irony, comparisons ("A more than B") and anything said without a marker are beyond these rules.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from bethink.tools.recommendation.taste_markers import MARKERS, Kind

LONGEST, LONGEST_PHRASE, MOST_PHRASES = 4000, 160, 24
"""Letters of a text that are read; letters of a phrase; phrases that are kept."""


@dataclass(frozen=True)
class Taste:
    """Phrases of what somebody likes and dislikes, in the order and the words of the text."""

    likes: tuple[str, ...] = ()
    dislikes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.likes or self.dislikes)


_MARKER = re.compile("|".join(f"(?P<m{n}>{pattern})" for n, (_, _, pattern) in enumerate(MARKERS)), re.IGNORECASE)
_SENTENCE = re.compile(r"[^.!?;。！？；\n]+(?:\.(?=\w)[^.!?;。！？；\n]*)*[.!?;。！？；\n]*")
_BUT = (
    r"\b(?:(?<!anything )(?<!everything )(?<!nothing )but|however|although|though|yet|aber|sondern|mais|pero|però|но)"
    r"\b(?! (?:not?|sin|pas) )|(?:但是|但|でも)"
)
_PART = re.compile(rf"\s*(?:[,，、()\[\]]|\s[-–—]\s)\s*|(?P<but>{_BUT})", re.IGNORECASE)
_ASKS = re.compile(
    r"^\W*(?:do|does|did|what|which|who|how|why|when|is|are|was|were|should|magst|was|welche|qu\w+|¿\w+) ",
    re.IGNORECASE,
)
_EDGE = (
    "a an the i we you it they and or too also so very really some any all most such that which this these "
    "those is are was to of for in with about please me my something anything things stuff kind kinds sort "
    "sorts be have has just watching watch reading read eating eat seeing see lot lots much at as more than "
    "them quite rather user will would do does did today tonight now then because since when if who und oder "
    "ich sehr auch gern gerne die der das ein eine einen et ou je les le la l d des du une un y o los las el "
    "unos de yo e ed il lo gli и я мне 和 也 看 と は が も を"
)
_EDGES = frozenset(_EDGE.split())
_BLANK = frozenset(
    {"film", "films", "movie", "movies", "book", "books", "novel", "novels", "dish", "dishes", "food", "meal", "meals"}
    | {"show", "shows", "one", "ones"}
)
_TOKEN = re.compile(r"l'(?=\w)|\S+", re.IGNORECASE)
_OWN = re.compile(
    r"^(?:i|we|the|user|user's|also|and|that|me|today|yesterday|said|says|he|she|they|really|very|much|always|"
    r"absolutely|just|still|truly|especially|particularly|\W)*$",
    re.IGNORECASE,
)


def read_taste(text: str, *, own: bool = False) -> Taste:
    """Phrases of likes and dislikes in a text.

    Without a marker a clause goes on with what the one before it was ("I hate gore, zombies": two dislikes); "but" and
    the end of a sentence end that. What no marker speaks of at all is a like ("slow sci-fi"), unless ``own`` is set. A
    question about taste ("Do you like horror?") says nothing; nor does what is past ("I used to like").

    Args:
        text: what somebody said; 4,000 letters are read.
        own: take only what is said with a marker and of the speaker or of "the user", as for thoughts, which may be
            about anything and anyone. "My sister loves horror" is then no taste.

    Returns:
        At most 24 phrases; one that was said to be both is what it was said to be last.

    Cost: linear in the text.

    Example:
        >>> read_taste("I like slow sci-fi and hate horror")
        Taste(likes=('slow sci-fi',), dislikes=('horror',))
        >>> read_taste("Something gentle with animals, but no musicals, please")
        Taste(likes=('gentle with animals',), dislikes=('musicals',))
        >>> read_taste("The weather was nice.", own=True)
        Taste(likes=(), dislikes=())
    """
    clean = unicodedata.normalize("NFC", text[:LONGEST]).replace("’", "'").replace("‘", "'")
    found: dict[str, tuple[str, int]] = {}
    for sentence in _SENTENCE.findall(clean):
        if sentence.rstrip().endswith(("?", "？")) and _ASKS.match(sentence):
            continue
        for phrase, polarity in _sentence(sentence, own):
            key = phrase.casefold()
            if key in found or len(found) < MOST_PHRASES:
                found.pop(key, None)
                found[key] = (phrase, polarity)
    return Taste(
        tuple(phrase for phrase, polarity in found.values() if polarity > 0),
        tuple(phrase for phrase, polarity in found.values() if polarity < 0),
    )


def content_words(phrase: str) -> list[str]:
    """The words of a phrase that say something, in its order.

    Example:
        >>> content_words("slow films with a lot of science-fiction")
        ['slow', 'science-fiction']
    """
    said = re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", phrase)
    return [word for word in said if word.casefold() not in _EDGES | _BLANK]


def _sentence(sentence: str, own: bool) -> Iterator[tuple[str, int]]:
    """Phrases with +1 or -1."""
    fresh = 0 if own else 1
    going, start = fresh, 0
    for cut in [*_PART.finditer(sentence), None]:
        clause = sentence[start : cut.start() if cut else len(sentence)]
        if clause.strip():
            found, going = _clause(clause.strip(), going, own)
            yield from ((phrase, polarity) for phrase, polarity in found if polarity)
        if cut:
            start = cut.end()
            going = fresh if cut["but"] else going


def _clause(clause: str, going: int, own: bool) -> tuple[list[tuple[str, int]], int]:
    """Its phrases, and what a clause without a marker after it is."""
    marks = [mark for mark in _MARKER.finditer(clause) if not (own and _marker(mark)[1] in ("request", "judgement"))]
    lead = clause[: marks[0].start()] if marks else clause
    found: list[tuple[str, int]] = []
    before, polarity = _trimmed(lead), going
    if not marks:
        return ([(before, going)] if before else []), going
    first = _marker(marks[0])[1]
    if own and ((first == "verb" and not _OWN.match(lead)) or (first == "particle" and not going)):
        return [], 0
    if before and first == "particle":
        found.append((before, going))
    for number, mark in enumerate(marks):
        says, kind = _marker(mark)
        end = marks[number + 1].start() if number + 1 < len(marks) else len(clause)
        thing = _trimmed(clause[mark.end() : end])
        polarity = says
        if kind in ("suffix", "judgement"):
            last = _last_part(before)
            if last:
                if found and found[-1][0] == before:
                    rest = _trimmed(before[: len(before) - len(last)])
                    found[-1:] = [(rest, found[-1][1])] if rest else []
                found.append((last, says))
            if thing:
                found.append((thing, going))
        elif thing:
            found.append((thing, says))
        elif number == 0 and before and kind in ("verb", "request"):
            found.append((before, says))
        elif found and kind == "particle" and says < 0 and number == len(marks) - 1:
            found[-1] = (found[-1][0], -abs(found[-1][1]))
        before = thing or before
    return found, polarity


def _marker(mark: re.Match[str]) -> tuple[int, Kind]:
    polarity, kind, _ = MARKERS[int(str(mark.lastgroup)[1:])]
    return polarity, kind


def _last_part(text: str) -> str:
    """``horror`` of ``comedies and horror``."""
    return _trimmed(re.split(r"\s(?:and|und|et|y|e|и)\s", text)[-1])


def _trimmed(text: str) -> str:
    """Without punctuation and words that say nothing at both ends; empty if no word is left."""
    words = _TOKEN.findall(text.strip())
    bare = [word.strip("\"'.,;:!?*_`«»“”„()[]{}<>|/\\-–—。！？").casefold() for word in words]
    first, end = 0, len(words)
    while first < end and (bare[first] in _EDGES or not bare[first]):
        first += 1
    while end > first and (bare[end - 1] in _EDGES or not bare[end - 1]):
        end -= 1
    phrase = " ".join(words[first:end]).strip("\"'.,;:!?*_`«»“”„()[]{}<>|/\\-–—。！？ ")
    says_something = any(sign.isalnum() for sign in phrase) and not _BLANK.issuperset(bare[first:end])
    return phrase[:LONGEST_PHRASE].strip() if says_something else ""
