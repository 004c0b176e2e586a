"""What "the second one" means: titles of the list that a tool showed last, in their place.

What is said of a list ("not the second one") is of use tomorrow only with the title in it, to the memory as to a tool.
A title stands in quotation marks: it may come from anybody's file. Rules for English; whoever asks ("is the second one
long?") gets the title in as well. Commands stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bethink.agents.threads import Message

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
LONGEST_TITLE = 120
_NOUN = r"one|films?|movies?|books?|dish|recipe|items?|title|suggestion|recommendation"
_NAMED = rf"the (?:(?P<word>{'|'.join(ORDINALS)}|last)|(?P<nth>\d{{1,2}})(?:st|nd|rd|th)) (?:{_NOUN})(?![\w-])"
_NUMBERED = r"(?:\b(?:number|no\.) ?|#)(?P<number>\d{1,2})(?![\w.,]*\d)"
_REFERENCE = rf"(?:{_NAMED}|{_NUMBERED})"
_OWN = r"(?! (?:I|we|he|she|they|you|my|that|which|who|of|in|on|at|to|ever)\b)"
_ABOUT = r"(?P<before>\b(?:(?:dis)?liked?|loved?|hated?|enjoyed|enjoy|about|watched|watch|seen|saw|read|want|than) )"
_ANYWHERE = re.compile(rf"(?:\b{_NAMED}{_OWN}|{_ABOUT}{_NUMBERED})", re.IGNORECASE)
""""The first film I ever saw`` and ``my flat is number 3`` are no references."""
_REFUSED = re.compile(
    rf"(?:(?:no|but|please)[, ]+)*(?:not|no to|anything but) {_REFERENCE}(?:,? please)?[.!]*", re.IGNORECASE
)
_ALIKE = re.compile(rf"(?:yes[, ]+)?more like {_REFERENCE}[.!]*", re.IGNORECASE)
_PRAISED = re.compile(
    rf"(?:yes[, ]+)?{_REFERENCE} (?:is|was|sounds|looks) (?:really |very )?"
    r"(?:good|great|nice|perfect|fine|interesting|wonderful)[.!]*",
    re.IGNORECASE,
)
_SAID = ((_REFUSED, "I don't like {}."), (_ALIKE, "I like {}."), (_PRAISED, "I like {}."))


def shown_titles(history: Sequence[Message]) -> list[str]:
    """Titles of the list that the last answer's tools showed, in its order; none if they showed none."""
    if not history or history[-1].role != "assistant":
        return []
    for event in reversed(history[-1].events):
        if event.get("kind") == "ToolEnd" and event.get("ok"):
            items = (event.get("result") or {}).get("items")
            if isinstance(items, list):
                return [_plain(item) for item in items]
    return []


def with_titles(text: str, titles: Sequence[str]) -> str:
    """A message with titles in place of "the second one", "the last film", "number 3", "#3".

    Args:
        text: what the user wrote.
        titles: of the list that was shown; with none the text stays as it is.

    Example:
        >>> with_titles("I don't like the second one.", ["Alien", "Solaris"])
        "I don't like “Solaris”."
        >>> with_titles("Not #1", ["Alien", "Solaris"])
        "I don't like “Alien”."
    """
    if not titles or text.lstrip().startswith("/"):
        return text
    for pattern, said in _SAID:
        whole = pattern.fullmatch(text.strip())
        title = _title(whole, titles) if whole else None
        if title:
            return said.format(title)

    def named(found: re.Match[str]) -> str:
        title = _title(found, titles)
        return f"{found['before'] or ''}{title}" if title else found.group()

    return _ANYWHERE.sub(named, text)


def _title(found: re.Match[str], titles: Sequence[str]) -> str | None:
    word = (found["word"] or "").lower()
    if word == "last":
        number = len(titles)
    else:
        number = ORDINALS.index(word) + 1 if word else int(found["nth"] or found["number"])
    title = titles[number - 1] if 1 <= number <= len(titles) else ""
    return f"“{title}”" if title else None


def _plain(item: Any) -> str:
    title = str(item.get("title", "")) if isinstance(item, dict) else ""
    return " ".join(re.sub(r"[\"“”]", "", title).split())[:LONGEST_TITLE]
