"""LongMemEval: one question each over a long history of chats with an assistant (arXiv 2410.10813).

Data: MIT, not in this package; ``longmemeval_s*.json``, ``longmemeval_m*.json`` or ``longmemeval_oracle.json`` from the
authors. Each question has a history of its own. The evidence are the turns marked ``has_answer``, or, where none is
marked, all turns of the sessions that hold the answer. Ids that end in ``_abs`` ask for what was never said.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

from bethink.agents.evaluation.conversations import Conversation, EvaluationError, Question, Said, read_json

_DATE = re.compile(r"(\d{4})/(\d\d)/(\d\d)(?: \(\w+\))?(?: (\d\d):(\d\d))?$")


def load_longmemeval(path: str | Path) -> list[Conversation]:
    """The questions of a file, each as a conversation of its own, in file order.

    Raises:
        EvaluationError: the file is missing or is something else.
    """
    place = Path(path)
    data = read_json(place)
    try:
        return [_conversation(each) for each in data]
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise EvaluationError(f"{place} is not LongMemEval as it was published: {problem!r}.") from problem


def _conversation(item: dict[str, Any]) -> Conversation:
    turns: list[Said] = []
    marked: list[str] = []
    whole: list[str] = []
    held = set(item["answer_session_ids"])
    sessions = zip(item["haystack_session_ids"], item["haystack_dates"], item["haystack_sessions"], strict=True)
    for number, (session, date, said) in enumerate(sessions):
        for place, turn in enumerate(said):
            ident = f"{number}:{session}:{place}"  # a session may stand in a history twice
            turns.append(Said(ident, f"{number}:{session}", _time(date), turn["role"], turn["content"], turn["role"]))
            if turn.get("has_answer"):
                marked.append(ident)
            if session in held:
                whole.append(ident)
    answerable = not item["question_id"].endswith("_abs")
    question = Question(
        item["question"],
        str(item["answer"]),
        item["question_type"],
        tuple(marked or whole) if answerable else (),
        answerable,
        _time(item["question_date"]),
    )
    return Conversation(item["question_id"], tuple(turns), (question,))


def _time(date: str) -> str:
    found = _DATE.match(date.strip())
    if found is None:
        raise ValueError(f"the date {date!r} is not like 2023/05/20 (Sat) 02:21")
    year, month, day, hour, minute = (int(part or 0) for part in found.groups())
    return datetime(year, month, day, hour, minute).strftime("%Y-%m-%dT%H:%M:%SZ")
