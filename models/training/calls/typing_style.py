"""How people type: lower case, no full stops, slips of the finger. What an answer copies is left alone."""

from __future__ import annotations

import random
import re

from bethink.models.training.calls.grammar import END, KEEP, SENTENCE, plain

_PIECES = re.compile(f"({KEEP}.*?{END})", re.DOTALL)
_NEAR = {
    "a": "qs", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk",
    "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "w", "r": "et", "s": "ad", "t": "ry",
    "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "x",
}  # fmt: skip
"""Neighbours on an English keyboard."""
_USUAL = (
    ("the", "teh"), ("and", "adn"), ("please", "plz"), ("please", "pls"), ("you", "u"), ("with", "wiht"),
    ("for", "fro"), ("receive", "recieve"), ("which", "wich"), ("because", "becuase"), ("their", "thier"),
    ("recommend", "reccomend"), ("recommend", "recomend"), ("really", "realy"), ("budget", "buget"),
    ("noise", "niose"), ("film", "flim"), ("something", "somthing"), ("about", "abuot"), ("are", "r"),
    ("observations", "obsrvations"), ("distribution", "distribtion"), ("customers", "custmers"),
)  # fmt: skip
"""Slips and short forms that are common."""


def styled(text: str, rng: random.Random) -> str:
    """A finished text in somebody's way of typing."""
    text = tidy(text)
    capital = rng.random() < 0.75
    begins = re.compile(rf"(?:^|(?<=[.!?:]\s)){SENTENCE}{KEEP}([a-z])")
    if capital:
        text = begins.sub(lambda found: f"{KEEP}{found[1].upper()}", text)
    text = text.replace(SENTENCE, "")
    way = rng.random()
    if way < 0.14:
        text = _each(text, str.lower)
    elif way < 0.17:
        text = _each(text, lambda piece: piece.replace("'", "").lower())
    elif way < 0.28:
        text = _each(text, lambda piece: slips(piece, rng) if rng.random() < 0.4 else piece)
    elif way < 0.31:
        text = _each(text, lambda piece: slips(piece.lower().replace("'", ""), rng))
    elif way < 0.318:
        text = _each(text, str.upper)
    ending = rng.random()
    if ending < 0.16:
        text = re.sub(r"[.?!]\s*$", "", text)
    elif ending < 0.18:
        text = re.sub(r"[.?!]\s*$", rng.choice(["!", "...", " :)", "??", ", thanks", " please"]), text)
    return plain(text)


def slips(piece: str, rng: random.Random) -> str:
    """One or two slips in words of four letters and more, or a common one."""
    for right, wrong in rng.sample(_USUAL, len(_USUAL)):
        if rng.random() < 0.3 and re.search(rf"\b{right}\b", piece):
            return re.sub(rf"\b{right}\b", wrong, piece, count=1)
    words = list(re.finditer(r"[a-z]{4,}", piece))
    if not words or rng.random() < 0.2:
        return piece
    word = rng.choice(words)
    at = rng.randrange(word.start() + 1, word.end() - 1)
    kind = rng.random()
    if kind < 0.3:
        return piece[:at] + piece[at + 1 :]
    if kind < 0.55:
        return piece[:at] + piece[at + 1] + piece[at] + piece[at + 2 :]
    if kind < 0.75:
        return piece[:at] + piece[at] + piece[at:]
    return piece[:at] + rng.choice(_NEAR[piece[at]]) + piece[at + 1 :]


def tidy(text: str) -> str:
    """Blanks and marks in their places, a capital at the start of each sentence (what is kept stays)."""
    text = re.sub(r"[ \t]+", " ", text).strip()
    text = re.sub(r" +([,.;:!?])(?=[\s.?!]|$)", r"\1", text)
    text = re.sub(r"([,;:]){2,}", r"\1", text)
    text = re.sub(r"[,;:]+([.?!])", r"\1", text)
    text = re.sub(r"([?!])\.(?!\w)", r"\1", text)
    text = re.sub(r"(?<!\.)\.\.(?!\.)", ".", text)
    text = re.sub(r"\b(a|an|the|The|A|my|your|our) (?:the|a|an) ", r"\1 ", text)
    return re.sub(r"(?:^|(?<=[.!?…]\s)|(?<=\n))[a-z](?![a-z]*_)", lambda found: found.group().upper(), text)


def _each(text: str, change: object) -> str:
    pieces = _PIECES.split(text)
    return "".join(piece if piece.startswith(KEEP) else change(piece) for piece in pieces)  # type: ignore[operator]
