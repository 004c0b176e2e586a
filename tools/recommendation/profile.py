"""A person as one vector: what they say they like, what is remembered of them, and what they did with items.

A profile is a weighted sum of the vectors of phrases and items, divided by its length. Being linear, the score of an
item is the sum of what each part adds to it, which is how :mod:`bethink.tools.recommendation.explain` can say why.

One vector for "slow sci-fi" finds what is very much science fiction and not slow. :func:`fit` compares each aspect of a
phrase alone: the phrase as a whole with the items' vectors, and each of its words that names a label ("slow",
"sci-fi") with the items' labels. An item must have all of them (a soft minimum), and what is disliked takes away.

Source: Rocchio 1971, Relevance feedback in information retrieval: mean of the likes less beta times the mean of the
dislikes. A word against the labels of an item by its nearest label: Khattab and Zaharia 2020, ColBERT, eq. 3.

In `tests/benchmarks/recommendation/retrieval_taste.py` (20 requests on the bundled catalogue, by which the settings
were chosen) 98 % of the first ten have all that is liked by aspects, 80 % by one vector, and none what is disliked. For
12 requests asked for the first time it was 99 % against 76 %, with 1.7 % disliked, for which :data:`VETO` was added:
97.5 % and none. The weight of dislikes, beta = 0.5, was chosen by one vector: 0 left 4.5 % disliked, 1 took the share
of liked to 74 %. For content alone ("a rat who cooks in Paris") the words that name labels cost a little: mean
reciprocal rank of 20 described items 0.84 by aspects, 0.86 by one vector.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bethink.tools.recommendation.bm25 import words
from bethink.tools.recommendation.catalogue import Catalogue
from bethink.tools.recommendation.samples import Floats, Ints
from bethink.tools.recommendation.taste import LONGEST, Taste, content_words, read_taste

Embed = Callable[[Sequence[str]], Floats]
"""Texts to vectors [n, d], such as ``SentenceEmbedder().embed``."""
Source = Literal["text", "thought", "feedback"]
BETA = 0.5
"""How much a dislike pushes away, beside a like."""
REFUSALS = 4
"""Items disliked that count as much as a phrase: who turns one down may well like the others of its kind."""
SHARES: dict[Source, float] = {"text": 1.0, "feedback": 1.0, "thought": 0.5}
"""How much each source counts beside the others: what is said now more than what is remembered."""
STRENGTH = {"like": 1.0, "click": 0.3, "dislike": -1.0}
HALF_LIFE = 90 * 86_400.0
"""Seconds after which feedback counts half."""
NAMES = 0.8
"""Cosine from which on a word names a label: "sci-fi" science fiction, "comedies" comedy."""
SHARPNESS, BEND = 1.0, 2.0
"""Of the soft minimum of aspects, and of the bend below which a dislike takes nothing away; per standard deviation."""
VETO = 5.0
"""Standard deviations that an item loses for having all labels that a dislike names: "no fish" is hardly bargained."""
MOST = 50
"""Items of a profile whose standard deviation is looked at."""
_LIKENESS = re.compile(r"^(.+?)\b(?:like|similar to|such as)\s*$", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, eq=False)
class Part:
    """One thing a profile is made of.

    Args:
        source: said now, remembered, or done.
        words: the phrase, or the kind of feedback.
        weight: above 0 for a like, below for a dislike.
        vector: unit [d].
        thought: id of the thought it comes from, and its ``date``.
        item: number of the item the feedback was on, or whose title the phrase names.
    """

    source: Source
    words: str
    weight: float
    vector: Floats
    thought: str | None = None
    date: str | None = None
    item: int | None = None


@dataclass(frozen=True, eq=False)
class Profile:
    """A unit vector [d] towards what somebody likes, zeros if nothing is known, and the parts it is the sum of."""

    vector: Floats
    parts: tuple[Part, ...]

    def contributions(self, vectors: Floats) -> Floats:
        """What each part adds to the score of each item: [N, parts] for vectors [N, d]; rows sum to the scores."""
        if not self.parts:
            return np.zeros((len(vectors), 0), np.float32)
        weighted = np.stack([part.weight * part.vector for part in self.parts])
        return (vectors @ weighted.T / (np.linalg.norm(weighted.sum(0)) or 1.0)).astype(np.float32)

    @property
    def thoughts(self) -> tuple[str, ...]:
        """Ids of the thoughts that were used."""
        return tuple(dict.fromkeys(part.thought for part in self.parts if part.thought is not None))


@dataclass(frozen=True)
class Feedback:
    """What somebody did with an item: ``kind`` is click, like or dislike; ``time`` in seconds, None for now."""

    item: int
    kind: Literal["click", "like", "dislike"]
    time: float | None = None


def profile(*groups: Sequence[Part]) -> Profile:
    """The profile of all parts together; each source counts as :data:`SHARES` says, whatever the number of its parts.

    Raises:
        ValueError: vectors of different lengths, or not finite.
    """
    parts = [replace(part, weight=SHARES[part.source] * part.weight) for group in groups for part in group]
    widths = {part.vector.shape for part in parts}
    if len(widths) > 1:
        raise ValueError(f"A profile is one sum: all vectors need one length; they have {sorted(widths)}.")
    if any(not np.isfinite(part.vector).all() for part in parts):
        raise ValueError("A vector of the profile is not finite.")
    total = sum((part.weight * part.vector for part in parts), np.zeros(next(iter(widths), (0,)), np.float32))
    return Profile(_unit(total[None])[0], tuple(parts))


@dataclass(frozen=True, eq=False)
class Space:
    """What tastes are compared with: items' vectors and the labels that items have.

    Args:
        catalogue: N items.
        vectors: :func:`taste_vectors` of them [N, d].
        names: of the labels [L].
        labels: their unit vectors [L, d].
        own: numbers of the labels of each item, L where it has no more [N, most].
    """

    catalogue: Catalogue
    vectors: Floats
    names: tuple[str, ...]
    labels: Floats
    own: Ints

    def __len__(self) -> int:
        return len(self.vectors)


@dataclass(frozen=True, eq=False)
class Fit:
    """How well each item suits a profile, in standard deviations over the items compared.

    Args:
        scores: the sum of what the parts add [N].
        phrases: of a part of words, by its place among the parts: what it adds [N], the words that name labels, and
            for each of them the cosine with the nearest label of each item [N].
        linear: what the parts that are items add: their places, their vectors with their weights [parts, d], and the
            mean vector of the items compared [d].
        vectors: of the items [N, d].
    """

    scores: Floats
    phrases: dict[int, tuple[Floats, tuple[str, ...], tuple[Floats, ...]]]
    linear: tuple[tuple[int, ...], Floats, Floats]
    vectors: Floats

    def adds(self, item: int, parts: int) -> Floats:
        """What each of so many parts adds to an item's score [parts]; they sum to the score."""
        found = np.zeros(parts, np.float32)
        places, weighted, middle = self.linear
        found[list(places)] = weighted @ (self.vectors[item] - middle)
        for place, (added, _, _) in self.phrases.items():
            found[place] = added[item]
        return found

    def aspects(self, item: int, part: int) -> tuple[tuple[str, float], ...]:
        """The words of a part that name labels, and the cosine of each with the nearest label of an item.

        From :data:`NAMES` on the item has what the word names.
        """
        _, names, near = self.phrases.get(part, (None, (), ()))
        return tuple((name, float(one[item])) for name, one in zip(names, near, strict=True))


def taste_space(catalogue: Catalogue, embed: Embed) -> Space:
    """What :func:`fit` compares with. Cost: as :func:`taste_vectors`, and one pass for each label."""
    vectors = taste_vectors(catalogue, embed)
    names = tuple(sorted({name for own in catalogue.labels for name in own}))
    number = {name: place for place, name in enumerate(names)}
    most = max((len(own) for own in catalogue.labels), default=0)
    own = np.full((len(catalogue), most), len(names), np.int64)
    for place, labels in enumerate(catalogue.labels):
        own[place, : len(labels)] = [number[name] for name in labels]
    vectors_of = _unit(embed(names)) if names else np.zeros((0, vectors.shape[1]), np.float32)
    return Space(catalogue, vectors, names, vectors_of, own)


def fit(who: Profile, space: Space, embed: Embed, allowed: NDArray[np.bool_] | None = None) -> Fit:
    """Scores of all items for a profile, each aspect of a phrase compared alone.

    An aspect is standardised over the items ``allowed``, so that a rare and a common one count alike: the phrase as a
    whole by cosine with the items' vectors, a word that names a label by its cosine with the nearest of the item's
    labels. With aspects z_1..z_n a like adds -ln(mean exp(-z)), the soft minimum, and a dislike of mean z takes away
    ln(1 + exp(2 z)) / 2, about z where z > 0 and nothing below, less its mean. Weights are the parts'. What has all the
    labels that a dislike names loses :data:`VETO` as well. Parts that are items are added up as one vector, by
    the mean of their standard deviations.

    Args:
        who: whom the items are to suit.
        space: the items.
        embed: texts to vectors, as for the space.
        allowed: which items are compared [N]; all if left out.

    Cost: 1 pass for each word of a phrase; then O(N (d + labels of an item)) for each aspect.
    """
    some = np.ones(len(space), np.bool_) if allowed is None or not allowed.any() else allowed
    scores = np.zeros(len(space), np.float32)
    said = {place: _runs(part.words, space) for place, part in enumerate(who.parts) if part.item is None}
    asked = list(dict.fromkeys(word for runs in said.values() for word in runs))
    nearness = dict(zip(asked, _unit(embed(asked)) @ space.labels.T, strict=True)) if asked else {}
    there = np.isin(np.arange(len(space.names)), space.own[some])
    phrases = {}
    for place, runs in said.items():
        part = who.parts[place]
        names = tuple(word for word in runs if nearness[word][there].max(initial=-1) >= NAMES)
        alike = [np.append(nearness[word], np.float32(-1))[space.own].max(1) for word in names]
        aspects = np.stack([_standard(one, some) for one in (*alike, space.vectors @ part.vector)])
        if part.weight > 0:
            suits = -np.log(np.exp(-SHARPNESS * aspects).mean(0)) / SHARPNESS
        else:
            suits = np.logaddexp(0, BEND * aspects.mean(0)) / BEND
            suits = suits - suits[some].mean()
        added = part.weight * suits
        if part.weight < 0 and names:
            added[np.min(alike, 0) >= NAMES] -= VETO * SHARES[part.source]
        phrases[place] = (added.astype(np.float32), names, tuple(alike))
        scores += phrases[place][0]
    items = tuple(place for place, part in enumerate(who.parts) if part.item is not None)
    weighted = np.zeros((len(items), space.vectors.shape[1]), np.float32)
    middle = space.vectors[some].mean(0)
    if items:
        weighted = np.stack([who.parts[place].weight * who.parts[place].vector for place in items])
        last = np.stack([who.parts[place].vector for place in items[-MOST:]])
        weighted /= float((space.vectors[some] @ last.T).std(0).mean()) or 1.0
        scores += (space.vectors - middle) @ weighted.sum(0)
    return Fit(scores, phrases, (items, weighted, middle), space.vectors)


def from_text(text: str, embed: Embed, *, beta: float = BETA, space: Space | None = None) -> list[Part]:
    """Likes and dislikes in a person's words, as :func:`bethink.tools.recommendation.taste.read_taste` reads them.

    With a ``space``, the titles of its items are taken for the items ("I loved Arrival").
    """
    found = [_Found("text", phrase, like, items=items) for phrase, like, items in _read(text, space)]
    return _phrases(found, embed, beta, space)


def from_thoughts(
    thoughts: Sequence[Mapping[str, Any]],
    embed: Embed,
    *,
    said: str = "",
    beta: float = BETA,
    space: Space | None = None,
) -> list[Part]:
    """Likes and dislikes in what is remembered of the user; thoughts about anything else are passed over.

    Where two thoughts contradict each other the later date holds, and what is ``said`` now holds against any thought:
    phrases contradict each other if one's words are among the other's and one is a like, the other not.

    Args:
        thoughts: each with ``text``, ``date`` (ISO 8601) and ``id``.
        embed: texts to vectors.
        said: the user's words of now.
        beta: see :data:`BETA`.
        space: whose titles are taken for the items, as by :func:`from_text`.
    """
    held = [(signs, like) for phrase, like, items in _read(said, space) if (signs := _signs(phrase, items))]
    found: list[_Found] = []
    for thought in sorted(thoughts, key=lambda one: str(one["date"]), reverse=True):
        for phrase, like, items in _read(str(thought["text"]), space, own=True):
            signs = _signs(phrase, items)
            if not any(_settles(other, likes == like, signs) for other, likes in held):
                found.append(_Found("thought", phrase, like, str(thought["id"]), str(thought["date"]), items))
            held.append((signs, like))
    return _phrases(found, embed, beta, space)


def from_feedback(
    feedback: Sequence[Feedback],
    vectors: Floats,
    *,
    now: float | None = None,
    half_life: float = HALF_LIFE,
    beta: float = BETA,
) -> list[Part]:
    """What a person did with items; of one item only the last like or dislike counts, or else the last click.

    Args:
        feedback: in the order it happened.
        vectors: of the items, in the space of the profile [N, d].
        now: seconds; the last time in the feedback if left out.
        half_life: seconds after which it counts half.
        beta: see :data:`BETA`.

    Raises:
        ValueError: an item that is not there, a kind that is not known, a half-life not above 0.
    """
    if not half_life > 0:
        raise ValueError(f"The half-life must be above 0 seconds; it is {half_life}.")
    last: dict[int, Feedback] = {}
    for one in feedback:
        if one.kind not in STRENGTH or not 0 <= one.item < len(vectors):
            raise ValueError(f"There is no feedback {one.kind!r} on item {one.item}; there are {len(vectors):,} items.")
        before = last.get(one.item)
        if before is None or one.kind != "click" or before.kind == "click":
            last.pop(one.item, None)
            last[one.item] = one
    times = [one.time for one in last.values() if one.time is not None]
    moment = max(times, default=0.0) if now is None else now
    raw = {
        item: STRENGTH[one.kind] * 0.5 ** (max(0.0, moment - (moment if one.time is None else one.time)) / half_life)
        for item, one in last.items()
    }
    whole = sum(abs(weight) for weight in raw.values()) or 1.0
    units = _unit(np.asarray(vectors, np.float32)[list(raw)])
    beta *= _refused(sum(weight < 0 for weight in raw.values()))
    return [
        Part("feedback", last[item].kind, float(weight / whole * (1 if weight > 0 else beta)), vector, item=item)
        for (item, weight), vector in zip(raw.items(), units, strict=True)
    ]


def taste_vectors(catalogue: Catalogue, embed: Embed) -> Floats:
    """Unit vectors of items to compare a taste with [N, d]: the mean of the text's and the kind's, where it has one.

    A kind ("Slow, quiet film: science fiction.") is nearer to how people name a taste than a plot is: with both, 80 %
    of the first ten were of all kinds wanted, with texts alone 62 % (the requests of the module's docstring). For a
    search the texts alone are better: mean reciprocal rank of 20 described items 0.98 against 0.86.

    Cost: 2 N passes of the embedder; keep the result.
    """
    texts = _unit(embed(list(catalogue.items.texts)))
    having = np.array([bool(kind.strip()) for kind in catalogue.kinds], np.bool_)
    if having.any():
        texts[having] += _unit(embed([kind for kind in catalogue.kinds if kind.strip()]))
    return _unit(texts)


def _settles(later: frozenset[str], agrees: bool, earlier: frozenset[str]) -> bool:
    """Whether the words of a later phrase make an earlier one needless or wrong."""
    return later == earlier if agrees else later <= earlier or earlier <= later


@dataclass(frozen=True)
class _Found:
    """A phrase or a title somebody likes or not; ``items`` are those of the title, none for a phrase."""

    source: Source
    phrase: str
    like: bool
    thought: str | None = None
    date: str | None = None
    items: tuple[int, ...] = ()


def _read(text: str, space: Space | None, *, own: bool = False) -> list[tuple[str, bool, tuple[int, ...]]]:
    """Phrases and titles with whether they are liked, and the items of the titles.

    Titles become signs that no rule of reading takes apart ("No Country for Old Men" is no dislike). Of a phrase with a
    title the title is kept, and what comes before "like" ("slow films like Arrival").
    """
    titles: list[tuple[str, tuple[int, ...]]] = []
    if space is not None:
        clean, cuts, start = text[:LONGEST].replace("⟦", "").replace("⟧", ""), [], 0
        for begin, end, items in space.catalogue.mentioned(clean):
            cuts += [clean[start:begin], f"⟦{len(titles)}⟧"]
            titles.append((clean[begin:end], tuple(items)))
            start = end
        text = "".join([*cuts, clean[start:]])
    found: list[tuple[str, bool, tuple[int, ...]]] = []
    for phrase, like in _both(read_taste(text, own=own)):
        pieces = re.split(r"⟦(\d+)⟧", phrase)
        before = phrase if len(pieces) == 1 else (likeness[1] if (likeness := _LIKENESS.match(pieces[0])) else "")
        if content_words(before):
            found.append((before.strip(), like, ()))
        elif len(pieces) == 1:
            found.append((phrase, like, ()))
        found += [(titles[int(number)][0], like, titles[int(number)][1]) for number in pieces[1::2]]
    return found


def _signs(phrase: str, items: tuple[int, ...]) -> frozenset[str]:
    """What a phrase is recognised by in another one: its words, or the items of its title."""
    return frozenset(f"#{item}" for item in items) if items else frozenset(words(phrase))


def _both(taste: Taste) -> list[tuple[str, bool]]:
    return [(phrase, True) for phrase in taste.likes] + [(phrase, False) for phrase in taste.dislikes]


def _phrases(found: Sequence[_Found], embed: Embed, beta: float, space: Space | None = None) -> list[Part]:
    if not found:
        return []
    phrases = [one.phrase for one in found if not one.items]
    vectors = dict(zip(phrases, _unit(embed(phrases)), strict=True)) if phrases else {}
    likes = sum(one.like for one in found)
    weights = {True: 1 / max(1, likes), False: -beta / max(1, len(found) - likes)}
    refused = _refused(sum(not one.like and bool(one.items) for one in found))
    parts = []
    for one in found:
        weight = weights[one.like]
        if not one.items:
            parts.append(Part(one.source, one.phrase, weight, vectors[one.phrase], one.thought, one.date))
        for item in one.items:
            assert space is not None
            kind = "like" if one.like else "dislike"
            own = space.vectors[item]
            share = 1.0 if one.like else refused
            parts.append(Part(one.source, kind, weight * share / len(one.items), own, one.thought, one.date, item))
    return parts


def _refused(dislikes: int) -> float:
    """How much so many dislikes, that are items, count beside a phrase."""
    return min(1.0, dislikes / REFUSALS)


def _runs(phrase: str, space: Space) -> list[str]:
    """The words of a phrase; those that stand together in a label ("science fiction") as one."""
    found: list[str] = []
    for word in content_words(phrase):
        longer = f"{found[-1]} {word}" if found else ""
        together = longer and any(longer.casefold() in name.casefold() for name in space.names)
        found[-1:] = [longer] if together else [*found[-1:], word]
    return found


def _standard(values: NDArray[Any], some: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Less the mean of ``some``, by their standard deviation; zeros where they are all alike."""
    own = values[some].astype(np.float64)
    spread = own.std()
    return (values - own.mean()) / spread if spread > 1e-9 else np.zeros(len(values))


def _unit(vectors: NDArray[Any]) -> Floats:
    """Divided by their lengths, zeros kept; a new array."""
    found = np.array(vectors, np.float32)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return (found / np.where(lengths > 0, lengths, 1)).astype(np.float32)
