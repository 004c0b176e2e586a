"""LoCoMo: ten very long conversations of two people, with questions and the turns that answer them (arXiv 2402.17753).

Data: CC BY-NC 4.0, not in this package; ``locomo10.json`` from the authors' repository. Traps of the file: evidence may
hold several ids in one string, a stray colon ("D:11:26") or a bare "D"; ``answer`` may be a number or missing; pictures
are there by their captions; some sessions have a date and no turns.
"""

from __future__ import annotations

import re
from datetime import datetime
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

KINDS = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}
_EVIDENCE = re.compile(r"D:?(\d+):(\d+)")
_SESSION = re.compile(r"session_(\d+)$")


def load_locomo(path: str | Path) -> list[Conversation]:
    """The conversations of ``locomo10.json`` (gzipped or not; a folder that holds it is fine), in file order.

    Raises:
        EvaluationError: the file is missing or is something else.
    """
    place = Path(path)
    data = read_json(place / "locomo10.json" if place.is_dir() else place)
    try:
        return [_conversation(each) for each in data]
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise EvaluationError(f"{place} is not LoCoMo as it was published: {problem!r}.") from problem


def _conversation(data: dict[str, Any]) -> Conversation:
    talk = data["conversation"]
    turns: list[Said] = []
    dates: dict[str, str] = {}
    for session in sorted((name for name in talk if _SESSION.match(name)), key=lambda name: int(name.split("_")[1])):
        at = datetime.strptime(talk[f"{session}_date_time"], "%I:%M %p on %d %B, %Y").strftime("%Y-%m-%dT%H:%M:%SZ")
        dates[session] = at
        turns += [Said(turn["dia_id"], session, at, turn["speaker"], _words(turn)) for turn in talk[session]]
    known = {turn.id for turn in turns}
    thoughts = [
        Learned(str(text), speaker, session, dates[session], _ids(cited, known))
        for name, by_speaker in data["observation"].items()
        if (session := name.removesuffix("_observation")) in dates
        for speaker, found in by_speaker.items()
        for text, cited in found
    ]
    questions = [
        Question(
            item["question"],
            None if item.get("answer") is None else str(item["answer"]),
            KINDS[item["category"]],
            _ids(item["evidence"], known),
            answerable=item["category"] != 5,
        )
        for item in data["qa"]
    ]
    return Conversation(data["sample_id"], tuple(turns), tuple(questions), tuple(thoughts))


def _words(turn: dict[str, Any]) -> str:
    caption = turn.get("blip_caption")
    return f"{turn['text']} [{caption}]" if caption else str(turn["text"])


def _ids(cited: Any, known: set[str]) -> tuple[str, ...]:
    found = [f"D{int(session)}:{int(turn)}" for session, turn in _EVIDENCE.findall(str(cited))]
    return tuple(dict.fromkeys(each for each in found if each in known))
