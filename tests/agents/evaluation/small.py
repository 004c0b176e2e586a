"""A small set of our own, of two people, for tests of the evaluation."""

from __future__ import annotations

import json
from pathlib import Path

from bethink.agents.evaluation.conversations import Conversation
from bethink.agents.evaluation.datasets import load


def turn(number: int, session: str, text: str, speaker: str = "Ana") -> dict[str, str]:
    return {
        "id": str(number), "session": session, "at": f"2026-03-0{number}T10:00:00Z", "speaker": speaker, "text": text
    }  # fmt: skip


ANA = {
    "id": "ana",
    "turns": [
        turn(1, "a", "I moved to Porto last week."),
        turn(2, "a", "My sister Maria is a dentist."),
        turn(3, "b", "I bought a red bicycle."),
        turn(4, "b", "Nothing much happened today."),
    ],
    "questions": [
        {"text": "Where did Ana move to?", "answer": "Porto", "kind": "places", "evidence": ["1"]},
        {"text": "What is Maria's job?", "answer": "a dentist", "kind": "jobs", "evidence": ["2"]},
        {"text": "Which colour has the bicycle?", "answer": "red", "kind": "things", "evidence": ["3"]},
        {"text": "What is the name of Ana's dog?", "kind": "dogs", "answerable": False},
    ],
    "thoughts": [
        {
            "text": "Ana lives in Porto.",
            "speaker": "Ana",
            "session": "a",
            "at": "2026-03-01T10:00:00Z",
            "sources": ["1"],
        }
    ],
}
BEN = {
    "id": "ben",
    "turns": [turn(1, "a", "I moved to Leeds last week.", "Ben"), turn(2, "a", "My bicycle is green.", "Ben")],
    "questions": [{"text": "Where did Ben move to?", "answer": "Leeds", "kind": "places", "evidence": ["1"]}],
}


def small(folder: Path) -> list[Conversation]:
    """The two, read from a file in ``folder``."""
    path = folder / "small.json"
    path.write_text(json.dumps([ANA, BEN]), encoding="utf-8")
    return load(str(path))
