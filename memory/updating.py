"""What is known settles what a sentence means: which stored thought it changes where no pattern reads it whole.

A sentence that holds a value of the kind that a thought has (a firm where a job is known), speaks of the same person
and is about the same matter takes that thought's place. The matter is told by the old value, by a noun of the relation
or by meaning; what is quoted, wished, over or only for a while is left out as everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from bethink.memory.chinese import is_chinese
from bethink.memory.conflict import functional, kin_words, normalise
from bethink.memory.extract import Fact, Message
from bethink.memory.lexical import tokens
from bethink.memory.reading.candidates import candidates
from bethink.memory.reading.evidence import Said, claimed_in, names_old, new_value, said_in, same_person
from bethink.memory.reading.meaning import RELATIONS, Nearness
from bethink.memory.reading.mentions import USER, clause_subject, is_human
from bethink.memory.reading.relations import Relation, ends_others
from bethink.memory.reading.slot_guards import has_another
from bethink.memory.reading.slots import spelt_out
from bethink.memory.reading.slots_by_verb import ATTRIBUTES, CONTEXT
from bethink.memory.reading.subjects import Subject
from bethink.memory.recall import MANY
from bethink.memory.rule_extract import finished
from bethink.memory.shelf import Shelf
from bethink.memory.thought import Thought

ENOUGH = 3
"""Points of evidence that a sentence changes a thought; see :func:`_points`."""
LEAST, MARGIN = 0.4, 0.06
"""How near a relation must be, and how much nearer than the next, to be read where nothing of it is known."""
CLEAR, ALONE = 0.33, 0.15
"""The least cosine of a relation that a sentence is clearly about, and its lead where it is about nothing else."""
VERY_LIKE, LIKE, LIKE_NAMED = 0.7, 0.62, 0.45
"""How near a sentence must be to a thought that no relation tells of, without and with its old value in it."""
NEIGHBOURS, FAR = 8, 0.2
"""How many of the nearest thoughts are held against a sentence, and the least cosine of one."""
_OF_FORM = frozenset(("diet", "religion", "nationality", "marital status", "time zone", "email", "weight", "height"))
"""Relations whose values are told by their form."""
_SPOKEN_OF = ("works at", "goes to gym", "studies at", "supports", "hair colour", "drives")
_NOUNS = {
    relation: re.compile(rf"\b(?:{noun}|{CONTEXT[relation] if relation in _SPOKEN_OF else noun})\b", re.IGNORECASE)
    for relation, noun in ATTRIBUTES.items()
}
_OTHERS_FAVOURITE = re.compile(r"(?:\bhis|\bher|\btheir|'s) (?:\w+ )?favou?rite\b", re.IGNORECASE)
Nearest = Callable[[np.ndarray], Sequence[tuple[Thought, np.ndarray]]]
"""The active thoughts nearest to a vector, with their vectors."""


@dataclass(frozen=True)
class _Change:
    """A thought that a sentence may change: how much speaks for it, under which relation ("" for none), to what."""

    points: int
    thought: Thought
    relation: str
    value: str


def nearest(shelf: Shelf, vector: np.ndarray) -> list[tuple[Thought, np.ndarray]]:
    """The active thoughts of a shelf that are nearest to a vector, with their vectors; see :data:`Nearest`."""
    mode = "hnsw" if len(shelf.thoughts) > MANY else "exact"
    hits = shelf.search("", vector, NEIGHBOURS, mode=mode, min_score=FAR)
    return [(hit.thought, shelf.vector(hit.thought.id)) for hit in hits]


def settle(
    facts: Sequence[Fact], messages: Sequence[Message], known: Iterable[Thought], near: Nearness, nearest: Nearest
) -> list[Fact]:
    """The facts that were read, and with them what only the known or the meaning tells.

    ``known`` are thoughts of one-valued relations. A fact that misread the same value gives way. Cost: one embedding
    for each sentence that no rule has read whole and that holds a value or a strong word of change.
    """
    found = list(facts)
    thoughts = [one for one in known if one.active and functional(str(one.relation))]
    english = [(i, one) for i, one in enumerate(messages) if one.role == "user" and not is_chinese(one.content)]
    for said in (said for i, one in english for said in said_in(one.content, i)):
        here = [fact for fact in found if fact.source == said.source and _of(fact, said)]
        when = messages[said.source].said
        found = [fact for fact in found if fact not in here] + _settled(here, said, when, thoughts, near, nearest)
    return found


def _settled(
    here: list[Fact], said: Said, when: datetime, thoughts: Sequence[Thought], near: Nearness, nearest: Nearest
) -> list[Fact]:
    """The facts of one sentence after what is known was held against it."""
    read = [fact for fact in here if functional(str(fact.relation))]
    possible = [
        (one, value)
        for one in thoughts
        if (value := new_value(one, str(one.relation), said)) and not any(_read(fact, one, value) for fact in read)
    ]
    meant = [relation for relation in RELATIONS if relation and candidates(relation, said.claimed)]
    if not possible and not meant and not said.surely_changes:
        return here
    if not near.tells:
        return here
    vector = near.vector(f"{said.before} {said.text}".strip())
    matter = near.relations(vector)
    changes = [
        _Change(_points(one, str(one.relation), said, matter), one, str(one.relation), value) for one, value in possible
    ]
    changes += _by_likeness(said, vector, matter, near, nearest, {(fact.subject, fact.relation) for fact in read})
    best = max(changes, key=lambda change: change.points, default=None)
    if best and best.points >= ENOUGH:
        return _changed(here, read, best, said, when)
    if meant and not read and (fact := _by_meaning(meant, said, when, matter, thoughts)):
        return [*(old for old in here if not _misread(old, str(fact.object))), fact]
    return here


def _read(fact: Fact, one: Thought, value: str) -> bool:
    """Whether a rule has read another value of a thought already, or the same value of somebody else."""
    if fact.relation != one.relation:
        return False
    if fact.subject == one.subject:
        return normalise(fact.object) != normalise(one.object)
    return normalise(fact.object) == normalise(value) and not _same_kin(fact.subject, one)


def _same_kin(subject: str | None, one: Thought) -> bool:
    names = kin_words(str(one.subject).removeprefix("user's ")) | kin_words(str(one.metadata.get("kin", "")))
    return str(subject).removeprefix("user's ").casefold() in names


def _changed(here: list[Fact], read: list[Fact], change: _Change, said: Said, when: datetime) -> list[Fact]:
    """The facts of a sentence with the change in place of what says it less well."""
    one, ends = change.thought, (change.thought.id,)
    same = [
        fact for fact in read if fact.relation == change.relation and normalise(fact.object) == normalise(change.value)
    ]
    if same or not change.relation:
        fact = same[0] if same else next((fact for fact in reversed(here) if fact.relation), None)
        fact = fact or finished(said.text, None, None, when, said.source)
        kept = [old for old in here if old is not fact and old.relation]
        return [*kept, replace(fact, text=finished(said.text, None, None, when, said.source).text, ends=ends)]
    name = one.subject or "user"
    subject = Subject(name, name, str(one.metadata.get("kin", "")))
    fact = finished(said.text, subject, Relation(change.relation, change.value, True), when, said.source)
    fact = replace(fact, ends=ends)
    return [*(old for old in here if old.relation and not _misread(old, change.value)), fact]


def _misread(fact: Fact, value: str) -> bool:
    """Whether a fact holds the value under another relation, or nothing but the sentence."""
    return fact.relation is None or value.casefold() in str(fact.object).casefold()


def _of(fact: Fact, said: Said) -> bool:
    """Whether a fact was read in a sentence."""
    its = set(tokens(fact.text))
    return len(its & set(tokens(f"{spelt_out(said.text)} {said.text}"))) >= 0.6 * len(its)


def _by_likeness(
    said: Said,
    vector: np.ndarray,
    matter: dict[str, float],
    near: Nearness,
    nearest: Nearest,
    told: Collection[tuple[str | None, str | None]],
) -> list[_Change]:
    """Changes of thoughts whose own relation is not known for sure, by what they and the sentence have in common."""
    found: list[_Change] = []
    for one, its in nearest(vector):
        own = one.subject == "user" and not str(one.relation).startswith("favourite ")
        if one.is_turn or (own and functional(str(one.relation))):
            continue
        its_matter, claimed = near.relations(its), claimed_in(one.text)
        likely = sorted(its_matter, key=lambda kind: -its_matter[kind])[:3]
        who = str(one.object).startswith("user's ")  # "Rex is my dog" has no value that could change
        who |= str(one.relation).startswith("favourite ")
        kinds = [kind for kind in likely if kind not in ("", "name") and not who and candidates(kind, claimed)]
        for kind in sorted(kinds, key=lambda kind: -its_matter[kind] - matter[kind]):
            if value := new_value(one, kind, said):
                found.append(_Change(_points(one, kind, said, matter), one, kind, value))
                break
        if (one.subject, one.relation) not in told and _same_frame(one, said, float(vector @ its)):
            found.append(_Change(ENOUGH, one, "", ""))
    return found


def _same_frame(one: Thought, said: Said, cosine: float) -> bool:
    """Whether a sentence says that something a thought is about is otherwise now, in much the same words."""
    named = names_old(one, said)
    if str(one.relation).startswith("favourite ") and (
        str(one.relation).split()[-1] not in said.words or _OTHERS_FAVOURITE.search(said.text)
    ):
        return False
    sure = said.surely_changes or (said.changes and cosine >= VERY_LIKE)
    if not sure or has_another("works at", said.claimed):
        return False
    if not named and not ends_others(str(one.relation), said.claimed):
        return False
    if normalise(one.text) in normalise(said.text) or not same_person(one, said, "", len(said.claimed)):
        return False
    return cosine >= (LIKE_NAMED if named else LIKE)


def _by_meaning(
    relations: Collection[str], said: Said, when: datetime, matter: dict[str, float], thoughts: Sequence[Thought]
) -> Fact | None:
    """What a sentence says of a relation of which nothing is known yet, where its meaning is clear."""
    first, second = sorted(matter, key=lambda one: -matter[one])[:2]
    if first not in relations or first == "name" or matter[first] < LEAST or matter[first] - matter[second] < MARGIN:
        return None
    value, start = candidates(first, said.claimed)[-1]
    subject = clause_subject(said.claimed, start, ())
    if subject is None or value not in said.text or not is_human(subject) or has_another(first, said.claimed):
        return None
    if subject is USER and not re.search(r"\b(?:I|me|my|we|us|our)\b", said.claimed, re.IGNORECASE):
        return None
    if any((one.subject, one.relation) == (subject.name, first) for one in thoughts):
        return None
    return finished(said.text, subject, Relation(first, value), when, said.source)


def _points(thought: Thought, relation: str, said: Said, matter: dict[str, float]) -> int:
    """What speaks for a change: the old value (2), the matter by meaning (2, 1), a cue, a noun, a form (1 each)."""
    kind = "favourite" if relation.startswith("favourite ") else relation
    named = names_old(thought, said)
    if kind not in matter or (matter[kind] < matter[""] and not named):
        return 0
    rank = sorted((one for one in matter if one), key=lambda one: -matter[one]).index(kind)
    ranked = sorted(matter.values())
    clear = rank == 0 and matter[kind] >= max(matter[""], CLEAR)
    by_meaning = 3 if clear and ranked[-1] - ranked[-2] >= ALONE else 2 if clear else 1 if rank < 3 else 0
    noun = relation in _NOUNS and _NOUNS[relation].search(said.text) is not None
    return 2 * named + by_meaning + said.changes + noun + (relation in _OF_FORM)
