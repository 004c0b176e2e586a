"""What a new thought does to what is known: nothing, stand beside it, or take its place. No model is asked.

Likeness of meaning says what a sentence is about, not whether it contradicts ("my favourite player is A" and "my
brother's favourite player is B" are close), so the decision rests on subject, relation and object alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from bethink.memory.thought import Thought
from bethink.memory.words import FUNCTIONAL

OPPOSITE = {"likes": "dislikes", "dislikes": "likes"}
_ARTICLES = re.compile(r"^(?:the|a|an|my|our|his|her|their|some|any)\s+")
_NOT_WORD = re.compile(r"[^\w\s]+")


_SAME_KIN = {
    **dict.fromkeys(("mum", "mom", "mummy", "mama"), "mother"),
    **dict.fromkeys(("dad", "daddy", "papa"), "father"),
    **dict.fromkeys(("gran", "granny", "grandma", "nan", "nana"), "grandmother"),
    **dict.fromkeys(("grandpa", "grandad", "granddad"), "grandfather"),
}
_KIN_NAMED = re.compile(rf"(?<=^user s )(?:{'|'.join(_SAME_KIN)})$")
_ONE_IS = re.compile(r"user s (?:husband|wife|boyfriend|girlfriend|partner|fianc\w+|boss)")
"""Whom one has one of: a new one takes the old one's place."""


@dataclass(frozen=True)
class Decision:
    """``noop``: ``others[0]`` says the same. ``supersede``: the ``others`` end. ``late``: ``others[0]`` is newer.

    ``cancel``: the ``others`` and the new thought itself are dropped, as Think-in-Memory drops a preference that was
    stated both ways.
    """

    kind: Literal["insert", "noop", "supersede", "late", "cancel"]
    others: tuple[Thought, ...] = ()
    reason: str = ""


def normalise(text: str | None) -> str:
    """Lower case, without punctuation and leading articles: what "same" means here."""
    words = " ".join(_NOT_WORD.sub(" ", (text or "").casefold()).split())
    return _ARTICLES.sub("", words)


def kin_words(role: str) -> frozenset[str]:
    """A name or a word for kin in small letters, with the other words for the same kin: "mum", "mother"."""
    role = role.casefold()
    means = _SAME_KIN.get(role, role)
    return frozenset({role, means, *(word for word, kin in _SAME_KIN.items() if kin == means)})


def functional(relation: str) -> bool:
    """Whether a subject has one value of this relation at a time."""
    return relation in FUNCTIONAL or relation.startswith("favourite ")


def known_names(thoughts: Iterable[Thought]) -> dict[str, str]:
    """ "user's sister" -> "maria", for every kin or pet of whom exactly one name is known."""
    names: dict[str, set[str]] = {}
    for thought in thoughts:
        kin = thought.metadata.get("kin")
        if kin and thought.subject and not thought.forgotten:
            names.setdefault(_same_kin(f"user s {normalise(str(kin))}"), set()).add(normalise(thought.subject))
    return {role: next(iter(found)) for role, found in names.items() if len(found) == 1}


def decide(
    new: Thought,
    known: Iterable[Thought],
    *,
    replaces: bool = False,
    ends: Collection[str] = (),
    policy: str = "supersede",
) -> Decision:
    """Compare a new thought with the active ones of the same user.

    Same triple or same sentence: ``noop``. Same subject and functional relation (or ``replaces``, when the sentence
    itself says that something changed) with another object: ``supersede``, or ``late`` when the new one was said
    earlier. Opposite of the same thing, and the thoughts whose ids ``ends`` names: ``supersede``. Otherwise
    ``insert``; an additive relation of the same subject is named as a candidate for merging. Cost: one pass over
    ``known``, of which :class:`bethink.memory.known.Known` gives the few that matter.

    ``policy`` "paper" (arXiv 2311.08719) does the same but with opposites, of which neither is kept: ``cancel``.
    "keep_both" ends nothing.
    """
    thoughts = [thought for thought in known if thought.active and thought.id != new.id]
    text = normalise(new.text)
    for thought in thoughts:
        if (
            len(thought.text) == len(new.text)
            and normalise(thought.text) == text
            and speaker_of(thought) == speaker_of(new)
        ):
            return Decision("noop", (thought,), "already known")
    named = [thought for thought in thoughts if thought.id in ends]
    if new.triple is None:
        return _in_place_of(new, named, "changed") if named and policy != "keep_both" else Decision("insert")
    names = known_names([*thoughts, new])
    subject, relation, obj = subject_of(new, names), str(new.relation), normalise(new.object)
    same = [thought for thought in thoughts if thought.triple and subject_of(thought, names) == subject]
    beside: list[Thought] = []
    ended = named + [thought for thought in thoughts if thought not in named and _in_whose_place(new, thought)]
    for thought in same:
        if thought in named:
            continue
        other, other_obj = str(thought.relation), normalise(thought.object)
        if other == relation and (
            other_obj == obj or str(thought.object).casefold().startswith((f"{obj},", f"{obj} to "))
        ):
            return Decision("noop", (thought,), "already known")
        one_value = other == relation and (functional(relation) or replaces)
        if one_value or (_opposed(relation, other) and other_obj == obj):
            ended.append(thought)
        elif other == relation:
            beside.append(thought)
    opposed = [thought for thought in ended if _opposed(relation, str(thought.relation))]
    if opposed and policy == "paper":
        return Decision("cancel", tuple(opposed), f"{opposed[0].relation} and {relation}: {new.object}")
    if ended and policy != "keep_both":
        return _in_place_of(new, ended, f"{relation}: {ended[0].object} -> {new.object}")
    if beside:
        return Decision("insert", reason=f"could be merged with {beside[0].id}")
    return Decision("insert")


def _in_place_of(new: Thought, ended: Sequence[Thought], reason: str) -> Decision:
    newer = [thought for thought in ended if thought.created_at > new.created_at]
    if newer:
        return Decision("late", (min(newer, key=lambda thought: thought.created_at),), reason)
    return Decision("supersede", tuple(ended), reason)


def _in_whose_place(new: Thought, old: Thought) -> bool:
    """ "Tom is my husband" after "Max is my husband"."""
    return (
        old.relation == "is"
        and one_is(new)
        and normalise(old.object) == normalise(new.object)
        and normalise(old.subject) != normalise(new.subject)
        and speaker_of(old) == speaker_of(new)
    )


def speaker_of(thought: Thought) -> object:
    """Who said it; None for the user."""
    return thought.metadata.get("speaker")


def bare_subject(thought: Thought) -> str:
    """Whom or what a thought is about, normalised; "user" in a named speaker's thought is that speaker."""
    speaker = speaker_of(thought)
    subject = normalise(thought.subject)
    if speaker and (subject == "user" or subject.startswith("user s ")):
        return f"{normalise(str(speaker))} {subject}"
    return _same_kin(subject)


def subject_of(thought: Thought, names: dict[str, str]) -> str:
    """The same, by name where ``names`` (of :func:`known_names`) tell it: "user s sister" is "maria"."""
    subject = bare_subject(thought)
    return names.get(subject, subject)


def one_is(thought: Thought) -> bool:
    """Whether it says who somebody's only husband, partner or boss is."""
    return thought.relation == "is" and _ONE_IS.fullmatch(normalise(thought.object)) is not None


def _same_kin(subject: str) -> str:
    return _KIN_NAMED.sub(lambda word: _SAME_KIN[word.group()], subject)


def opposites(relation: str) -> tuple[str, ...]:
    """A relation, and those that say the opposite of it."""
    other = OPPOSITE.get(relation)
    return relation, f"not {relation}", relation.removeprefix("not "), *((other,) if other else ())


def _opposed(new: str, old: str) -> bool:
    return new != old and old in opposites(new)
