"""The sets of dialogues by name, and anybody's own file: all become conversations with questions.

GVD comes with this package. The others are files of their authors, looked for in the folder that
``BETHINK_DIALOGUE_DATA`` names. Anything else is a file of one's own, JSON or JSON lines, a conversation each::

    {"id": "ana", "turns": [{"id": "1", "session": "monday", "at": "2026-03-02T10:00:00Z", "speaker": "Ana",
                             "text": "I moved to Porto.", "role": "user"}],
     "questions": [{"text": "Where does Ana live?", "answer": "Porto", "kind": "places", "evidence": ["1"]}],
     "thoughts": [{"text": "Ana lives in Porto.", "speaker": "Ana", "session": "monday",
                   "at": "2026-03-02T10:00:00Z", "sources": ["1"]}]}

``role`` (user), ``answer`` (none), ``kind`` (question), ``evidence`` (none), ``answerable`` (true), ``at`` of a
question and ``thoughts`` may be left out.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from bethink.agents.evaluation.conversations import (
    Conversation,
    EvaluationError,
    Learned,
    Question,
    Said,
    read_json,
)
from bethink.agents.evaluation.gvd import Dialogue, load_gvd, named_day, on_topic
from bethink.agents.evaluation.kdconv import Talk, load_kdconv, wanted
from bethink.agents.evaluation.locomo import load_locomo
from bethink.agents.evaluation.longmemeval import load_longmemeval
from bethink.agents.evaluation.madial import load_madial
from bethink.memory.times import as_datetime

FOLDER = "BETHINK_DIALOGUE_DATA"
DAY, TOPIC = "names a day", "names a topic (estimated)"


def load(data: str) -> list[Conversation]:
    """The conversations of a set (one of :data:`SETS`) or of a file, in order; ids of turns are unique among them.

    Raises:
        EvaluationError: there is no such set or file, or it cannot be read; or nothing is asked in it.
    """
    if data in SETS:
        found = SETS[data]()
    elif Path(data).is_file():
        found = load_file(data)
    else:
        raise EvaluationError(f"There are no dialogues {data!r}. Give a file, or one of: {', '.join(SETS)}.")
    if not any(conversation.questions for conversation in found):
        raise EvaluationError(f"{data} asks no question.")
    return [_told_apart(conversation) for conversation in found]


def load_file(path: str | Path) -> list[Conversation]:
    """The conversations of one's own file; see the module for its format.

    Raises:
        EvaluationError: it is not in that format; the message names the conversation and what is wrong.
    """
    place = Path(path)
    data = read_json(place, lines=place.suffixes[:1] == [".jsonl"])
    items = data if isinstance(data, list) else [data]
    found = []
    for number, item in enumerate(items, 1):
        try:
            turns = tuple(Said(**turn) for turn in item["turns"])
            questions = tuple(_question(each) for each in item["questions"])
            thoughts = tuple(
                Learned(**{**each, "sources": tuple(each.get("sources", ()))}) for each in item.get("thoughts", ())
            )
            found.append(_checked(Conversation(str(item["id"]), turns, questions, thoughts)))
        except (KeyError, TypeError, AttributeError, ValueError) as problem:
            raise EvaluationError(f"Conversation {number} of {place} is not in the format: {problem!r}.") from problem
    if len({conversation.id for conversation in found}) != len(found):
        raise EvaluationError(f"Two conversations of {place} have the same id.")
    return found


def _checked(conversation: Conversation) -> Conversation:
    """The same, if every text is one and every date can be read.

    Raises:
        ValueError: the first that is not.
    """
    if not conversation.id.strip():
        raise ValueError("its id is empty")
    for at in (*(turn.at for turn in conversation.turns), *(thought.at for thought in conversation.thoughts)):
        as_datetime(at)
    for part in (*conversation.turns, *conversation.questions, *conversation.thoughts):
        for name in ("id", "session", "speaker", "text", "role", "kind"):
            if not isinstance(getattr(part, name, ""), str):
                raise ValueError(f"{name} must be a text, not {getattr(part, name)!r}")
        for cited in (*getattr(part, "evidence", ()), *getattr(part, "sources", ())):
            if not isinstance(cited, str):
                raise ValueError(f"the id of a turn must be a text, not {cited!r}")
    return conversation


def _question(item: dict[str, Any]) -> Question:
    answer = item.get("answer")
    return Question(
        **{
            **item,
            "answer": None if answer is None else str(answer),
            "kind": item.get("kind", "question"),
            "evidence": tuple(item.get("evidence", ())),
        }
    )


def _told_apart(conversation: Conversation) -> Conversation:
    """The same with the conversation's id before every id of a turn: what crosses from another is seen."""

    def own(ids: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(f"{conversation.id}/{ident}" for ident in ids)

    return replace(
        conversation,
        turns=tuple(replace(turn, id=own((turn.id,))[0]) for turn in conversation.turns),
        questions=tuple(replace(question, evidence=own(question.evidence)) for question in conversation.questions),
        thoughts=tuple(replace(thought, sources=own(thought.sources)) for thought in conversation.thoughts),
    )


def gvd_conversation(dialogue: Dialogue) -> Conversation:
    """A user of GVD: an exchange is two turns, a day is a session.

    The set names no evidence. Where a question names a day, it is all that was said that day; else what shares the
    words of its topic, and that is an estimate.
    """
    turns = tuple(
        Said(f"{exchange.id}/{role}", exchange.date, f"{exchange.date}T12:00:00Z", name, text, role)
        for exchange in dialogue.exchanges
        for role, name, text in (("user", dialogue.user, exchange.query), ("assistant", "assistant", exchange.response))
    )
    questions = []
    for text in dialogue.questions:
        day = named_day(text, dialogue.exchanges)
        evidence = tuple(
            f"{exchange.id}/{role}"
            for exchange in dialogue.exchanges
            for role in ("user", "assistant")
            if (exchange.date == day if day else on_topic(text, f"{exchange.query} {exchange.response}"))
        )
        questions.append(Question(text, None, DAY if day else TOPIC, evidence))
    return Conversation(dialogue.user, turns, tuple(questions))


def kdconv_conversation(talk: Talk, ident: str) -> Conversation:
    """A talk of KdConv with questions that we made of its triples: "X的Y是什么？" for each that a turn states.

    The answer is the triple's value, the evidence every turn that states it. A question of which several values are
    stated in one talk has them all as its answer.
    """
    turns = tuple(
        Said(str(number), ident, "2020-07-05T00:00:00Z", "甲乙"[number % 2], utterance.text)
        for number, utterance in enumerate(talk.utterances)
    )
    stated: dict[tuple[str, str], tuple[dict[str, None], dict[str, None]]] = {}
    for turn, utterance in zip(turns, talk.utterances, strict=True):
        for triple in sorted(wanted(utterance)):
            values, evidence = stated.setdefault((triple.entity, triple.attribute), ({}, {}))
            values[triple.value] = evidence[turn.id] = None
    questions = tuple(
        Question(f"{entity}的{attribute}是什么？", "、".join(values), "film", tuple(evidence))
        for (entity, attribute), (values, evidence) in stated.items()
    )
    return Conversation(ident, turns, questions)


def _kdconv() -> list[Conversation]:
    return [
        kdconv_conversation(talk, f"film-{number}")
        for number, talk in enumerate(load_kdconv(_folder("kdconv"), "film"), 1)
    ]


def _gvd(language: str) -> list[Conversation]:
    return [gvd_conversation(dialogue) for dialogue in load_gvd(language=language)]


def _madial() -> list[Conversation]:
    memories, talks = load_madial(_folder("madial"))
    questions = tuple(Question(talk.query, None, "talk", talk.relevant) for talk in talks)
    return [Conversation("madial", (), questions, tuple(memories))]


def _longmemeval() -> list[Conversation]:
    folder = _folder("longmemeval")
    files = sorted({*folder.glob("longmemeval_*.json"), *folder.glob("longmemeval_*.json.gz")})
    if not files:
        raise EvaluationError(f"There is no longmemeval_*.json in {folder}. Its authors publish it; or name a file.")
    return load_longmemeval(files[0])


def _folder(name: str) -> Path:
    named = os.environ.get(FOLDER)
    if not named:
        raise EvaluationError(f"{name} does not come with Bethink. Set {FOLDER} to the folder that holds its files.")
    return Path(named)


SETS: dict[str, Callable[[], list[Conversation]]] = {
    "gvd": lambda: _gvd("en"),
    "gvd-zh": lambda: _gvd("zh"),
    "locomo": lambda: load_locomo(_folder("locomo")),
    "kdconv": _kdconv,
    "madial": _madial,
    "longmemeval": _longmemeval,
}
"""Names and loaders."""
