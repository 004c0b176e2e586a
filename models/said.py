"""The words and numbers that a conversation holds, and a schema that admits no others.

A small model invents arguments: a budget that nobody named, a file by a name nearly right. Under such a schema it can
only pick from what was said. Cost: linear in the text, of which the latest :data:`READ` characters count; a text is
read once, for all tools.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise, product
from typing import Any

READ = 6000
"""Characters of a conversation that are looked at, from its end."""
SPAN = 14
"""Words and marks that a text of the user's may have at most; a longer one ends early."""
WORDS, LARGEST = 600, 1e15
"""Words of a text, the latest, among which numbers are looked for; and the largest number."""
SPANS = 3000
"""Spans of words at most, the latest."""
NEVER_FIRST, NEVER_LAST = frozenset(",;:.!?)]}"), frozenset(",;:([{")
"""Marks that no span begins or ends with."""
KEY = 24
"""Characters of an object's key at most: a column, or a way to reach people."""
_PIECES = re.compile(r"\w+|[^\w\s]")
_TOKENS = re.compile(
    r"(?:(?<![\w.,)])[-\u2212])?(?:\d+(?:[.,'’\u00a0\u202f ]\d{3})+(?!\d)(?:[.,]\d+)?|\d*[.,]?\d+(?:e[+-]?\d+)?)"
    r"|[^\W\d_]+|[%½¼¾]",
    re.IGNORECASE,
)
_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_VALUES: dict[str, float] = {
    **{word: n for n, word in enumerate(_SMALL.split())},
    **{word: 10 * n for n, word in enumerate(_TENS.split(), 2)},
    **{word: n for n, word in enumerate(_ORDINALS.split(), 1)},
    "fourty": 40, "ninty": 90, "twelfth": 12, "twentieth": 20, "nought": 0, "no": 0, "none": 0, "nothing": 0, "once": 1,
    "single": 1, "a": 1, "an": 1, "twice": 2, "couple": 2, "pair": 2, "both": 2, "double": 2, "thrice": 3,
    "triple": 3, "fiver": 5, "tenner": 10, "dozen": 12, "fortnight": 14,
}  # fmt: skip
_SCALES: dict[str, float] = {
    **dict.fromkeys(("thousand", "thousands", "k", "grand", "tsd"), 1e3),
    **dict.fromkeys(("million", "millions", "m", "mio", "mn", "mil", "mln"), 1e6),
    **dict.fromkeys(("billion", "billions", "bn", "b"), 1e9),
    "lakh": 1e5,
}
_HUNDREDS: dict[str, float] = {"hundred": 100, "hundreds": 100, "dozen": 12, "score": 20}
_PARTS: dict[str, float] = {
    "half": 0.5, "halve": 0.5, "halves": 0.5, "halved": 0.5, "½": 0.5, "third": 1 / 3, "thirds": 1 / 3, "quarter": 0.25,
    "quarters": 0.25, "¼": 0.25, "¾": 0.75, "fifth": 0.2, "fifths": 0.2, "eighth": 0.125, "tenth": 0.1, "tenths": 0.1,
    "twentieth": 0.05, "hundredth": 0.01,
}  # fmt: skip
_TIMES: dict[str, float] = {
    "half": 0.5, "halve": 0.5, "halved": 0.5, "twice": 2, "double": 2, "doubled": 2, "thrice": 3, "triple": 3,
    "quadruple": 4, "quarter": 0.25,
}  # fmt: skip
_BETWEEN = frozenset(("and", "a", "of", "an", "percent", "per", "cent", "%"))
_NAMED = re.compile(r'"(\w+)":')
_LISTING = frozenset(("and", "or", "to", "vs", "versus", "through"))
_CENTS = re.compile(r"(\d+)\s*(?:euros?|dollars?|pounds?|francs?|bucks|[€$£])\s*(\d\d)\b", re.I)
_STEPS = re.compile(r"\b(?:steps?|increments?|apart|intervals?)\b", re.I)
STEPS, STEPPED = 20, 40
"""Steps from one number to another at most, and numbers between which there may be such."""
_REACH = 9
"""Words that one number is written in, at most."""


@lru_cache(maxsize=1)
def spans_said(text: str) -> tuple[str, ...]:
    """Every run of up to :data:`SPAN` words and marks of a text, each once, the latest first; no line break in any.

    Also in small letters, and without the s at its end: "Letters at 0.85" have the name "letter".
    """
    found: dict[str, None] = {}
    clean = "".join(character if character.isprintable() else "\n" for character in text[-READ:])
    for line in reversed(clean.splitlines()):
        pieces = [(piece.start(), piece.end()) for piece in _PIECES.finditer(line)]
        for first in range(len(pieces) - 1, -1, -1):
            if line[pieces[first][0]] in NEVER_FIRST:
                continue
            for last, end in pieces[first : first + SPAN]:
                if line[last] in NEVER_LAST:
                    continue
                span = line[pieces[first][0] : end]
                for form in (span, span.lower()):
                    found.setdefault(form)
                    if len(form) > 3 and form.endswith("s"):
                        found.setdefault(form[:-3] + "y" if form.endswith("ies") else form[:-1])
            if len(found) >= SPANS:
                return tuple(found)
    return tuple(found)


@lru_cache(maxsize=1)
def numbers_said(text: str) -> tuple[float, ...]:
    """Every number that a text may mean, ascending: in figures or words, as shares of one, and as what is half, twice
    or so many times another, or lies on the way from one to another, where the text says so."""
    text = text[-READ:]
    tokens = [token.lower() for token in _TOKENS.findall(text)][-WORDS:]
    found = {value for at in range(len(tokens)) for value in _readings(tokens[at : at + _REACH])}
    found |= {float(f"{whole}.{cents}") for whole, cents in _CENTS.findall(text)}
    factors = {_TIMES[token] for token in tokens if token in _TIMES}
    for before, token in pairwise(tokens):
        if token in ("times", "fold", "x"):
            factors |= set(_values(before))
        if before == "every" and token == "other":
            found.add(2.0)
        if before in ("in", "of") and token not in _BETWEEN:  # one in fifty
            found |= {1 / value for value in _values(token) if value > 1}
    more = {value * factor for value in found for factor in factors}
    more |= {value for at in range(len(tokens)) for value in _sharing(tokens[at : at + _REACH])}
    if _STEPS.search(text):
        more |= _progressions(sorted(found)[:STEPPED])
    found = {value for value in found | more if abs(value) <= LARGEST}
    shares = {value / 100 for value in found if 0 < value <= 100}
    return tuple(sorted({_round(v) for v in (*found, *shares, *(1 - share for share in shares), 0.0, 1.0)}))


def _progressions(values: Sequence[float]) -> set[float]:
    """From one value to another in steps of a third, where there are few steps."""
    found = set()
    for low, high, step in product(values, values, values):
        steps = (high - low) / step if step > 0 else 0
        if 1 < steps <= STEPS and abs(steps - round(steps)) < 1e-9:
            found |= {low + step * n for n in range(1, round(steps))}
    return found


def said_only(schema: Mapping[str, Any], text: str, free: Collection[str] = ()) -> dict[str, Any]:
    """A tool's schema with no texts and numbers but those of ``text``; arguments that are left with none are taken out.

    Closed choices and truth values stay, and so do the arguments of the names in ``free`` and required ones. Keys of
    open objects may also be those that their description names, such as ``{"segment": ...}``.
    """
    defs = dict(schema.get("$defs", {}))
    said = _Said(spans_said(text), numbers_said(text), defs)
    kept = {}
    for name, argument in schema.get("properties", {}).items():
        narrow = argument if name in free else said.narrow(argument)
        if narrow is not None or name in schema.get("required", ()):
            kept[name] = argument if narrow is None else narrow
    return {**schema, "properties": kept, "$defs": defs}


class _Said:
    """Narrows schemas; lists of words, which are long, stand once in the definitions."""

    def __init__(self, words: Sequence[str], numbers: Sequence[float], defs: dict[str, Any]) -> None:
        self._words, self._numbers, self._defs = words, numbers, defs

    def narrow(self, node: Any, *, within: bool = False) -> Any:
        """The schema with only what was said; None where nothing (but null) would keep to it."""
        if "$ref" in node:
            return self.narrow(self._defs[node["$ref"].rpartition("/")[2]], within=within)
        if {"enum", "const"} & node.keys():
            return node
        if "anyOf" in node:
            ways = [way for each in node["anyOf"] if (way := self.narrow(each, within=within)) is not None]
            return {"anyOf": ways} if any(way.get("type") != "null" for way in ways) else None
        kind = node.get("type")
        if kind == "string":
            return self._text(node.get("maxLength", READ), within)
        if kind in ("number", "integer"):
            inside = [_plain(value) for value in self._numbers if _fits(value, node)]
            return {"enum": inside} if inside else None
        if kind == "array":
            items = self.narrow(node["items"]) if "items" in node else {}
            return None if items is None else {**node, "items": items}
        return self._object(node) if kind == "object" else node

    def _text(self, longest: int, within: bool) -> Any:
        name = f"said_{longest}" + "_or_none" * within  # "there is no such column" is an empty text
        if not self._words:
            return {"const": ""} if within else None
        self._defs.setdefault(name, {"enum": [""] * within + [word for word in self._words if len(word) <= longest]})
        return {"$ref": f"#/$defs/{name}"} if self._defs[name]["enum"] else None

    def _object(self, node: Any) -> Any:
        if isinstance(open_to := node.get("additionalProperties"), dict):
            value = self.narrow(open_to)
            if value is None or not self._words:
                return None
            named = _NAMED.findall(node.get("description", ""))
            short = dict.fromkeys((*named, *(word for word in self._words if len(word) <= KEY)))
            keys = "|".join(re.escape(word) for word in short)
            return {**node, "additionalProperties": False, "patternProperties": {f"^({keys})$": value}}
        kept = {name: self.narrow(each, within=True) for name, each in node.get("properties", {}).items()}
        if any(kept.get(name, {}) is None for name in node.get("required", ())):
            return None
        kept = {name: each for name, each in kept.items() if each is not None}
        return {**node, "properties": kept} if kept else None


def _fits(value: float, node: Mapping[str, Any]) -> bool:
    low, high = node.get("minimum", node.get("exclusiveMinimum")), node.get("maximum", node.get("exclusiveMaximum"))
    if node["type"] == "integer" and not value.is_integer():
        return False
    above = low is None or value > low or (value == low and "minimum" in node)
    return above and (high is None or value < high or (value == high and "maximum" in node))


def _sharing(tokens: list[str]) -> Iterator[float]:
    """The first of these numbers by the scale that stands behind the last of them: three, four or five thousand."""
    for token in tokens[1:]:
        if token in _SCALES:
            yield from (value * _SCALES[token] for value in _values(tokens[0]))
        if token not in _LISTING and not _values(token):
            return


def _readings(tokens: list[str]) -> Iterator[float]:
    """The numbers that begin with the first of these tokens, each reading it further than the one before.

    A reading is (the thousands that are read, what stands behind them); there are several where a half may be added or
    taken: two and a half thousand.
    """
    first = tokens[0]
    if first == "point":
        readings, decimals = {(0.0, 0.0)}, ""
    elif readings := {(0.0, value) for value in _values(first)}:
        decimals = None
    elif first in _SCALES:
        readings, decimals = {(_SCALES[first], 0.0)}, None
    else:
        return
    yield from (sum(each) for each in readings)
    for token in tokens[1:]:
        if decimals is not None and _VALUES.get(token, 10) < 10:
            decimals += str(int(_VALUES[token]))
            yield from (sum(each) + float(f"0.{decimals}") for each in readings)
            continue
        if token == "point" and decimals is None:
            decimals = ""
            continue
        if token in _HUNDREDS:
            readings = {(whole, (part or 1) * _HUNDREDS[token]) for whole, part in readings}
        elif token in _SCALES:
            readings = {(whole + (part or 1) * _SCALES[token], 0.0) for whole, part in readings}
        elif token in _PARTS:
            share = _PARTS[token]
            readings = {way for whole, part in readings for way in ((whole, part + share), (whole, part * share))}
        elif token in _BETWEEN:
            continue
        elif values := _values(token):
            readings = {(whole, part + value) for whole, part in readings for value in values if part >= 10 or whole}
        else:
            return
        yield from (sum(each) for each in readings)


def _values(token: str) -> tuple[float, ...]:
    known = [words[token] for words in (_VALUES, _PARTS, _HUNDREDS) if token in words]
    return (*_figures(token), *known)


@lru_cache(maxsize=4096)
def _figures(token: str) -> tuple[float, ...]:
    """What figures may mean: ``1,200`` is 1200 and, where the comma is a decimal mark, 1.2."""
    if not any(character.isdigit() for character in token):
        return ()
    bare = re.sub(r"['’\s]", "", token.replace("\u2212", "-"))
    ways = (bare.replace(",", ""), bare.replace(".", "").replace(",", "."), bare.replace(",", "."))
    found = []
    for way in ways:
        try:
            found.append(float(way))
        except ValueError:
            continue
    return tuple(dict.fromkeys(found))


def _round(value: float) -> float:
    return float(f"{value:.12g}")


def _plain(value: float) -> float | int:
    return int(value) if value.is_integer() else value
