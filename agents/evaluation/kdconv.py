"""KdConv: talks of two people about films, music or travel, each turn with the triples it draws on (Apache-2.0).

Zhou et al., "KdConv: A Chinese Multi-domain Dialogue Dataset Towards Multi-turn Knowledge-driven Conversation" (2020).
What is measured: precision, recall and F1 of the (entity, attribute, value) that an extractor finds in a turn.

- Micro over turns: a triple counts in the turn that it is said in, once a turn.
- Strings are compared after :func:`normalise`; of an entity, what only tells namesakes apart is left out ("怦然心动
  （美国2010年电影）" is 怦然心动). A value that is a list ("演员、导演") is one triple an item, found or wanted.
- A triple is wanted only where its value stands in the turn's own words; the set also marks triples that a turn merely
  rests on. Paragraphs (attribute ``Information``) are never wanted.
- The attributes are names of a schema that no extractor is told, so (entity, value) is counted as well.
- Triples about the speaker ("user") are left out: the set marks none. All else that is found and not marked counts
  against precision, also where it is true.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from bethink.agents.evaluation.conversations import EvaluationError, read_json
from bethink.memory.extract import Extractor, Fact, Message

DOMAINS = ("film", "music", "travel")
_SAID_AT = datetime(2020, 7, 5, tzinfo=UTC)
_PARAGRAPH = "information"
_BRACKETS = re.compile(r"[(（][^()（）]*[)）]")
_LIST = re.compile(r"[、；;/]|(?<!\d)[，,]|[，,](?!\s*\d{3}(?!\d))")
_LEADING_ZEROS = re.compile(r"(?<![\d.,])0+(?=\d)")
_NOT_WORD = re.compile(r"[\W_]+")


class Triple(NamedTuple):
    """What a turn says of what."""

    entity: str
    attribute: str
    value: str


@dataclass(frozen=True)
class Utterance:
    """One turn: its words, and the triples that it draws on as the set writes them."""

    text: str
    triples: tuple[Triple, ...]


@dataclass(frozen=True)
class Talk:
    """One talk and what it opens with."""

    name: str
    utterances: tuple[Utterance, ...]


@dataclass(frozen=True)
class Score:
    """Triples found, wanted, and both; the rates are 0 where nothing was found or wanted."""

    right: int
    found: int
    wanted: int

    @property
    def precision(self) -> float:
        """Right among the found."""
        return self.right / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """Right among the wanted."""
        return self.right / self.wanted if self.wanted else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of the two."""
        return 2 * self.right / (self.found + self.wanted) if self.found + self.wanted else 0.0


def load_kdconv(folder: str | Path, domain: str = "film") -> list[Talk]:
    """The talks of a domain's test set, in file order; from ``kdconv_DOMAIN_test.json``, gzipped or not.

    Raises:
        EvaluationError: there is no such domain, or the file is missing or something else.
    """
    if domain not in DOMAINS:
        raise EvaluationError(f"KdConv has no domain {domain!r}. Choose one of: {', '.join(DOMAINS)}.")
    place = Path(folder)
    data = read_json(place / f"kdconv_{domain}_test.json")
    try:
        return [
            Talk(
                str(talk.get("name", "")),
                tuple(
                    Utterance(
                        turn["message"],
                        tuple(Triple(a["name"], a["attrname"], a["attrvalue"]) for a in turn.get("attrs", [])),
                    )
                    for turn in talk["messages"]
                ),
            )
            for talk in data
        ]
    except (KeyError, TypeError, AttributeError) as problem:
        raise EvaluationError(f"{place} does not hold KdConv as it was published: {problem!r}.") from problem


def normalise(text: str) -> str:
    """NFKC, lower case, without spaces, punctuation, 《》 and zeros before numbers: "2001年09月" is "2001年9月"."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return _NOT_WORD.sub("", _LEADING_ZEROS.sub("", plain))


def triples_of(entity: str, attribute: str, value: str) -> set[Triple]:
    """The normalised triples that one written triple stands for: one an item of its value."""
    named = normalise(_BRACKETS.sub("", entity)) or normalise(entity)
    items = {normalise(item) for item in _LIST.split(value)} - {""}
    return {Triple(named, normalise(attribute), item) for item in items}


def wanted(utterance: Utterance) -> set[Triple]:
    """The triples of an utterance whose value stands in its words, normalised."""
    said = normalise(utterance.text)
    return {
        triple
        for written in utterance.triples
        for triple in triples_of(*written)
        if triple.attribute != _PARAGRAPH and triple.value in said
    }


def found_in(facts: Iterable[Fact]) -> set[Triple]:
    """The normalised triples of facts, those about the speaker left out."""
    return {
        triple
        for fact in facts
        if fact.subject and fact.relation and fact.object and not fact.subject.startswith("user")
        for triple in triples_of(fact.subject, fact.relation, fact.object)
    }


def read_turns(extractor: Extractor, turns: Sequence[Utterance]) -> list[set[Triple]]:
    """What an extractor finds in each of the turns, given at once; both speakers are people, not the assistant."""
    messages = [Message("user", turn.text, _SAID_AT) for turn in turns]
    facts: list[list[Fact]] = [[] for _ in messages]
    for fact in extractor.extract(messages):
        facts[fact.source].append(fact)
    return [found_in(each) for each in facts]


def score(found: Sequence[set[Triple]], gold: Sequence[set[Triple]], *, attributes: bool = True) -> Score:
    """Micro counts over utterances; ``attributes`` False compares entity and value alone.

    Raises:
        ValueError: the two differ in length.
    """
    right = many = want = 0
    for here, there in zip(found, gold, strict=True):
        a: set[tuple[str, ...]] = set(here) if attributes else {(t.entity, t.value) for t in here}
        b: set[tuple[str, ...]] = set(there) if attributes else {(t.entity, t.value) for t in there}
        right, many, want = right + len(a & b), many + len(a), want + len(b)
    return Score(right, many, want)


def spaced(talks: Sequence[Talk], count: int) -> list[Utterance]:
    """So many utterances, evenly spaced over all of them: the first, and one every n-th."""
    turns = [utterance for talk in talks for utterance in talk.utterances]
    return [turns[i * len(turns) // count] for i in range(min(count, len(turns)))]


def halves(talks: Sequence[Talk]) -> tuple[Sequence[Talk], Sequence[Talk]]:
    """The first half of the talks (``dev``: read when rules were made), and the second (``held``: not read)."""
    return talks[: len(talks) // 2], talks[len(talks) // 2 :]
