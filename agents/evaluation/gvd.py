"""GVD: fifteen virtual users talk with an assistant over ten days, then ask about it (MemoryBank, arXiv 2305.10250).

The set has no labels. What a question names is read from its words: a day ("On May 4th") and a topic (its content
words). Both are **estimates** of where the answer lies; the numbers built on them say so.
"""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass
from pathlib import Path

from bethink.agents.evaluation.conversations import EvaluationError
from bethink.memory.lexical import tokens

DATA = Path(__file__).parent / "data"
MONTHS = {"january": 1, "february": 2, "march": 3, "april": 4, "may": 5, "june": 6, "july": 7}
_DAY = re.compile(rf"\b({'|'.join(MONTHS)})\s+(\d{{1,2}})(?:st|nd|rd|th)?\b", re.IGNORECASE)
# words of asking and telling: they stand in most questions and name no topic
_TELLING = set(
    tokens(
        "recommend recommended share shared mention mentioned tell told talk talked discuss discussed consult "
        "consulted suggest suggested remember recall ask asked advice question name names good once recently before "
        "previously what which where when who why how like liked favorite favourite encounter specific main content "
        "few many day days time first conversation type types kind kinds thing things give given gave good places"
    )
)


@dataclass(frozen=True)
class Exchange:
    """One turn of a dialogue: its date, what the user said, what the assistant answered."""

    id: str
    date: str
    query: str
    response: str


@dataclass(frozen=True)
class Dialogue:
    """One user's history and the questions asked afterwards."""

    user: str
    exchanges: tuple[Exchange, ...]
    questions: tuple[str, ...]


def load_gvd(folder: Path = DATA) -> list[Dialogue]:
    """The English dialogues, in file order: 15 users, 566 exchanges, 100 questions.

    Raises:
        EvaluationError: a file is missing or not what it should be.
    """
    try:
        with gzip.open(folder / "gvd_memory_bank_en.json.gz", "rt", encoding="utf-8") as file:
            bank = json.load(file)
        with gzip.open(folder / "gvd_probing_questions_en.jsonl.gz", "rt", encoding="utf-8") as file:
            asked = [json.loads(line) for line in file if line.strip()]
    except (OSError, ValueError) as problem:
        raise EvaluationError(f"The GVD files in {folder} cannot be read: {problem}") from problem
    questions = {name.strip(): tuple(q.strip(' "') for q in lines) for row in asked for name, lines in row.items()}
    dialogues = []
    for name, record in bank.items():
        user = name.strip()
        exchanges = tuple(
            Exchange(f"{user}/{date}/{number}", date, turn["query"], turn["response"])
            for date, turns in record["history"].items()
            for number, turn in enumerate(turns)
        )
        dialogues.append(Dialogue(user, exchanges, questions.get(user, ())))
    return dialogues


def named_day(question: str, exchanges: tuple[Exchange, ...]) -> str | None:
    """The date a question names, as ISO, with the year of the dialogue; None when it names none."""
    found = _DAY.search(question)
    if found is None or not exchanges:
        return None
    return f"{exchanges[0].date[:4]}-{MONTHS[found.group(1).lower()]:02d}-{int(found.group(2)):02d}"


def topic(question: str) -> set[str]:
    """Stems of the question's content words, without its day and the words of asking and telling."""
    return set(tokens(_DAY.sub(" ", question))) - _TELLING


def on_topic(question: str, text: str) -> bool:
    """Whether a text shares at least half of the question's topic words (at least one)."""
    wanted = topic(question)
    shared = wanted & set(tokens(text))
    return bool(shared) and len(shared) * 2 >= len(wanted)
