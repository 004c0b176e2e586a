"""Why an item is on the list: what of the profile spoke for it, which liked item is near, which words it shares.

Every number of a sentence is a field of :class:`Explanation`, so that a page may show it another way. What the parts
of a profile add is exact: :meth:`bethink.tools.recommendation.profile.Fit.adds` and, for a list made with the profile's
one vector, :meth:`bethink.tools.recommendation.profile.Profile.contributions` sum to the score. That a person would
give the same reasons is not claimed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bethink.tools.recommendation.bm25 import BM25
from bethink.tools.recommendation.catalogue import Catalogue
from bethink.tools.recommendation.profile import NAMES, Fit, Part, Profile
from bethink.tools.recommendation.samples import Floats

MOST_REASONS, MOST_WORDS = 3, 4
"""Reasons and shared words that are named."""
LEAST_SHARE = 0.05
"""A part of the profile that adds less than this share of all that is added is not named."""
ASPECTS = {"id": "what others clicked", "text": "the text", "sparse": "its features"}


@dataclass(frozen=True)
class Reason:
    """One part of the profile, whether it is of a like, and what it ``adds`` to the score (below 0: takes away).

    ``aspects`` are its words that name labels, and the cosine of each with the nearest label of the item. The others
    are as in :class:`bethink.tools.recommendation.profile.Part`.
    """

    words: str
    likes: bool
    adds: float
    source: str
    thought: str | None
    date: str | None
    item: int | None
    aspects: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Explanation:
    """Why an item is recommended.

    Args:
        item: its number, and its ``title``.
        score: of the list's :class:`bethink.tools.recommendation.profile.Fit`, or else the inner product of the
            profile and the item's vector; the reasons' ``adds`` and ``rest`` sum to it.
        reasons: what adds most, largest first, then what takes away most.
        rest: what all parts add that are not among the reasons.
        nearest: liked item that is most similar, its title, and the inner product of both; None: nothing was liked.
        words: rare words that the item shares with what was said.
        aspects: shares of the gates in the item's representation, of a trained model; empty without one.
        sentences: the above in words, best first.
    """

    item: int
    title: str
    score: float
    reasons: tuple[Reason, ...]
    rest: float
    nearest: tuple[int, str, float] | None
    words: tuple[str, ...]
    aspects: dict[str, float]
    sentences: tuple[str, ...]

    @property
    def thoughts(self) -> tuple[str, ...]:
        """Ids of the thoughts among the reasons."""
        return tuple(dict.fromkeys(reason.thought for reason in self.reasons if reason.thought is not None))


def explain(
    item: int,
    who: Profile,
    catalogue: Catalogue,
    vectors: Floats,
    *,
    words_index: BM25 | None = None,
    said: str = "",
    gates: Mapping[str, float] | None = None,
    fitted: Fit | None = None,
) -> Explanation:
    """Why ``item`` suits ``who``.

    Args:
        item: number in the catalogue.
        who: the profile that the list was made with.
        catalogue: for titles and texts.
        vectors: of the items, in the profile's space [N, d].
        words_index: of the catalogue's texts, for the words that are shared with ``said``.
        said: the user's words of now.
        gates: share of each aspect (id, text, sparse) in the item's representation; they sum to 1.
        fitted: what the list was ranked by, of the same profile; the profile's one vector if left out.

    Raises:
        ValueError: an item that is not there, vectors that do not fit, shares that are negative or do not sum to 1.
    """
    if not 0 <= item < len(catalogue):
        raise ValueError(f"There is no item {item}; the catalogue has {len(catalogue):,}.")
    if len(vectors) != len(catalogue) or (who.parts and vectors.shape[1] != len(who.vector)):
        raise ValueError(f"Vectors are {vectors.shape}; {len(catalogue):,} items and profiles {who.vector.shape} are.")
    aspects = dict(gates or {})
    if aspects and not (min(aspects.values()) >= 0 and abs(sum(aspects.values()) - 1) < 1e-3):
        raise ValueError(f"Shares of aspects must not be negative and sum to 1; they are {aspects}.")
    adds = fitted.adds(item, len(who.parts)) if fitted else who.contributions(vectors[item][None])[0]
    adds = adds.astype(np.float64)
    score = float(adds.sum())
    chosen = _named(adds)
    reasons = tuple(
        _reason(who.parts[place], float(adds[place]), fitted.aspects(item, place) if fitted else ()) for place in chosen
    )
    rest = score - sum(reason.adds for reason in reasons)
    nearest = _nearest(item, who, catalogue, vectors)
    shared = tuple(words_index.shared(said, catalogue.items.texts[item])[:MOST_WORDS]) if words_index and said else ()
    sentences = [_of_reason(reason, catalogue) for reason in reasons]
    if nearest and nearest[0] not in {reason.item for reason in reasons}:
        sentences.append(f"It is near {nearest[1]}, which you liked (similarity {nearest[2]:.2f}).")
    if shared:
        sentences.append(f"It shares your words {_listed(shared)}.")
    if aspects:
        sentences.append(_of_aspects(aspects))
    return Explanation(
        item, catalogue.titles[item], score, reasons, rest, nearest, shared, aspects, tuple(sentences)
    )  # fmt: skip


def _named(adds: np.ndarray) -> list[int]:
    """The parts that add most, and the one that takes away most, if they matter."""
    whole = np.abs(adds).sum()
    order = np.argsort(-adds, kind="stable").tolist()
    matters = [place for place in order if whole > 0 and abs(adds[place]) >= LEAST_SHARE * whole]
    helping = [place for place in matters if adds[place] > 0][:MOST_REASONS]
    return helping + [place for place in matters if adds[place] < 0][-1:]


def _reason(part: Part, adds: float, aspects: tuple[tuple[str, float], ...]) -> Reason:
    return Reason(part.words, part.weight > 0, adds, part.source, part.thought, part.date, part.item, aspects)


def _nearest(item: int, who: Profile, catalogue: Catalogue, vectors: Floats) -> tuple[int, str, float] | None:
    liked = [part.item for part in who.parts if part.item is not None and part.weight > 0 and part.item != item]
    if not liked:
        return None
    nearness = vectors[liked] @ vectors[item]
    best = int(np.argmax(nearness))
    return liked[best], catalogue.titles[liked[best]], float(nearness[best])


def _of_reason(reason: Reason, catalogue: Catalogue) -> str:
    amount = f"{reason.adds:+.2f}".replace("-", "−")
    when = f"thought of {(reason.date or '')[:10]}"
    if reason.item is not None:
        thing = catalogue.titles[reason.item]
        known = f"you {'looked at' if reason.words == 'click' else reason.words + 'd'}"
        if reason.likes and reason.adds > 0:
            return f"It is here because {known} {thing}{_bracketed(reason, when)}: {amount}."
        known += _bracketed(reason, when)
    else:
        thing, does = f"“{reason.words}”", "like" if reason.likes else "dislike"
        known = f"I remember that you {does} ({when})" if reason.thought is not None else f"you said you {does}"
    if not (reason.likes and reason.adds > 0):
        near = "unlike" if reason.likes or reason.adds > 0 else "a little like"
        return f"It is {near} {thing}, which {known}: {amount}."
    has = tuple(word for word, near in reason.aspects if near >= NAMES)
    lacks = tuple(word for word, near in reason.aspects if near < NAMES)
    if not has or (not lacks and has == (reason.words,)):
        return f"It is like {thing}, which {known}: {amount}."
    fits = f"{_listed(has)}{f' but not {_listed(lacks)}' if lacks else ''}"
    return f"It fits {fits} of {thing}, which {known}: {amount}."


def _bracketed(reason: Reason, when: str) -> str:
    return f" ({when})" if reason.thought is not None else ""


def _of_aspects(aspects: Mapping[str, float]) -> str:
    ordered = sorted(aspects.items(), key=lambda pair: (-pair[1], pair[0]))
    said = [f"{ASPECTS.get(name, name)} {share:.0%}" for name, share in ordered]
    return f"What the model weighed: {', '.join(said)}."


def _listed(words: tuple[str, ...]) -> str:
    quoted = [f"“{word}”" for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
