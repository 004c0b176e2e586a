"""Which thoughts a request to forget means. Too few is a second request, too many is lost trust: so it is strict."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable

import numpy as np

from bethink.memory.conflict import kin_words
from bethink.memory.lexical import tokens
from bethink.memory.reading.slots_by_verb import ATTRIBUTES
from bethink.memory.reading.values import NAMES
from bethink.memory.shelf import Shelf, passage
from bethink.memory.thought import Thought
from bethink.memory.words import KIN

SURE = 0.8
"""A thought of this cosine is meant whatever its words."""
LIKELY = 0.4
"""The least cosine where most of the request's words, its rarest one among them, are in a thought."""
_ENTITY = re.compile(rf"^(?i:(?:my|our) (?:[\w-]+ ){{1,3}}|about )?(?P<name>{NAMES})$")
"""A request that names somebody or something: "my dog Rex", "Jonas"."""
_FRAME = re.compile(
    r"^(?:(?:please|ok|okay|hey|and|can you|could you|would you|will you|kindly|just|you can|I want you to"
    r"|I would like you"
    r" to|I'd like you to|I don't want you to (?:know|remember|keep)|I never told you|let's|let us)[, ]+)*"
    r"(?:(?:forget|delete|erase|remove|wipe|scrap|drop|clear|do not remember|don't remember|stop remembering"
    r"|get rid of)\b ?)?"
    r"(?:(?:about|all|anything|everything|whatever|what|that|the (?:things?|facts?|bit|part|memory)|on|of"
    r"|my memory of|(?:that )?I"
    r"(?:'ve| have)? (?:told|said|mentioned)(?: to)?(?: you)?|you (?:know|remember|have|stored))\b[, ]*)*",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"(?:,? ?(?:from your memory|please|forget it|ok|okay|will you|for good|again))*[?.! ]*$", re.IGNORECASE
)
_ABOUT_KIN = re.compile(
    rf"(?:my|our) (?:[\w-]+ ){{0,2}}?(?P<kin>{'|'.join(sorted(KIN, key=len, reverse=True))}|ex|parents|kids|twins)\b",
    re.I,
)
_OWN = re.compile(r"\b(?:I|my|me|we|our|us)\b", re.IGNORECASE)
_ASKED = (
    ("lives in", re.compile(r"\bwhere I(?:'m| am)? liv|\bmy (?:home )?address\b|\bmy home\b", re.IGNORECASE)),
    ("works at", re.compile(r"\bwhere I work|\bwho I work for", re.IGNORECASE)),
    ("works as", re.compile(r"\bwhat I do for\b|\bmy (?:job|occupation|profession)$", re.IGNORECASE)),
    ("supports", re.compile(r"\b(?:team|club) (?:that )?I support", re.IGNORECASE)),
    ("age", re.compile(r"\bhow old I am", re.IGNORECASE)),
    *((relation, re.compile(rf"^my {noun}$", re.IGNORECASE)) for relation, noun in ATTRIBUTES.items()),
)
"""Requests that name a relation rather than its value."""


def meant(request: str) -> str:
    """What a request is about, without the words that ask: "please forget what I said about my knee" -> "my knee"."""
    core = _TAIL.sub("", _FRAME.sub("", request.strip()))
    return core or request


def fits_query(shelf: Shelf, query: str, vector: np.ndarray) -> Callable[[Thought], bool]:
    """Whether a thought is meant by a query (what is left of it by :func:`meant`, with its vector).

    It is where it holds every word of it or the name that it gives, where it says the relation that is asked for, where
    it is very near (:data:`SURE`), or where its words and its meaning agree; never, for a request about the user
    ("my ..."), where it is about a relative whom the request does not name.
    """
    words = list(dict.fromkeys(tokens(query)))
    texts = {one.id: set(tokens(passage(one))) for one in shelf.thoughts.values()}
    held = Counter(word for word in words for its in texts.values() if _holds(its, word))
    rarest = min(words, key=lambda word: held[word] or len(texts) + 1, default="")
    named = _ENTITY.match(query)
    asked = {relation for relation, rule in _ASKED if rule.search(query)}
    hits = shelf.search("", vector, len(texts), mode="exact", include_inactive=True, min_score=LIKELY)
    near = {hit.thought.id: float(shelf.vector(hit.thought.id) @ vector) for hit in hits}

    def fits(thought: Thought) -> bool:
        cosine, its = near.get(thought.id, 0.0), texts[thought.id]
        if cosine >= SURE:
            return True
        if _of_another(thought, query):
            return False
        if thought.subject == "user" and thought.relation in asked:
            return True
        here = [word for word in words if _holds(its, word)]
        if words and len(here) == len(words):
            return True
        if named:
            return all(re.search(rf"\b{re.escape(part)}\b", thought.text) for part in named["name"].split())
        return rarest in here and 2 * len(here) > len(words) and cosine >= LIKELY

    return fits


def _holds(its: Collection[str], word: str) -> bool:
    """Whether a word is among others, in any form: "allergy" and "allergic"."""
    if word in its:
        return True
    start = word[: max(4, len(word) - 2)]
    return len(word) > 4 and any(one.startswith(start) or (len(one) > 4 and word.startswith(one)) for one in its)


def _of_another(thought: Thought, query: str) -> bool:
    """Whether a thought is about a relative, while the query is about the user and names no such relative."""
    found = _ABOUT_KIN.match(thought.text)
    if not found or not _OWN.search(query):
        return False
    names = kin_words(found["kin"])
    return not any(re.search(rf"\b{re.escape(name)}\b", query, re.IGNORECASE) for name in names)


def to_forget(
    thoughts: Iterable[Thought],
    *,
    ids: Collection[str] | None,
    fits: Callable[[Thought], bool] | None,
    before: str | None,
    turn_id: str | None,
    inactive_too: bool,
) -> list[Thought]:
    """The thoughts that fit every selector that is given."""
    return [
        thought
        for thought in thoughts
        if (thought.active or inactive_too)
        and (ids is None or thought.id in ids)
        and (fits is None or fits(thought))
        and (before is None or (thought.valid_at or thought.created_at) < before)
        and (turn_id is None or turn_id in thought.source_turns)
    ]
