"""GVD: fifteen virtual users talk with an assistant over ten days, then ask about it (MemoryBank, arXiv 2305.10250).

In English and in Chinese. The set has no labels. What a question names is read from its words: a day ("On May 4th") and
a topic (its content words; made for English). Both are **estimates** of where the answer lies; the numbers built on
them say so.
"""

from __future__ import annotations

import gzip
import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bethink.agents.evaluation.conversations import EvaluationError
from bethink.memory.lexical import tokens

if TYPE_CHECKING:
    from bethink.memory import ThoughtMemory
    from bethink.models.embedder import Embedder

DATA = Path(__file__).parent / "data"
MONTHS = {"january": 1, "february": 2, "march": 3, "april": 4, "may": 5, "june": 6, "july": 7}
LANGUAGES = {"en": "en", "zh": "cn"}
"""The languages, with how the set's files write them."""
_DAY = re.compile(rf"\b({'|'.join(MONTHS)})\s+(\d{{1,2}})(?:st|nd|rd|th)?\b", re.IGNORECASE)
_CHINESE_DAY = re.compile(r"(\d{1,2})月(\d{1,2})[日号]")
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


@dataclass(frozen=True)
class NamedDay:
    """A question that names a day (ISO), whether the user talked on it, and how many recalled turns are of it."""

    user: str
    question: str
    day: str
    talked: bool
    recalled: int


def load_gvd(folder: Path = DATA, language: str = "en") -> list[Dialogue]:
    """The dialogues of a language (``en`` or ``zh``), in file order: 15 users, 566 exchanges, 100 questions.

    Raises:
        EvaluationError: there is no such language, or a file is missing or not what it should be.
    """
    if language not in LANGUAGES:
        raise EvaluationError(f"GVD has no language {language!r}. Choose one of: {', '.join(LANGUAGES)}.")
    written = LANGUAGES[language]
    try:
        with gzip.open(folder / f"gvd_memory_bank_{written}.json.gz", "rt", encoding="utf-8") as file:
            bank = json.load(file)
        with gzip.open(folder / f"gvd_probing_questions_{written}.jsonl.gz", "rt", encoding="utf-8") as file:
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
    found = _DAY.search(question) or _CHINESE_DAY.search(question)
    if found is None or not exchanges:
        return None
    named = found.group(1).lower()
    month = MONTHS[named] if named in MONTHS else int(named)
    return f"{exchanges[0].date[:4]}-{month:02d}-{int(found.group(2)):02d}"


def recall_named_days(dialogues: Sequence[Dialogue], embedder: Embedder, *, k: int = 5) -> list[NamedDay]:
    """Every question that names a day, asked of a throw-away memory that holds all turns as they were said.

    The memory is as it is by default; each day of a user's talks is a session.
    """
    from bethink.memory import ThoughtMemory

    found: list[NamedDay] = []
    with (
        tempfile.TemporaryDirectory(prefix="bethink-eval-") as folder,
        ThoughtMemory(Path(folder), embedder) as memory,
    ):
        for dialogue in dialogues:
            asked = [(question, named_day(question, dialogue.exchanges)) for question in dialogue.questions]
            if any(day for _, day in asked):
                _remember(memory, dialogue)
            for question, day in asked:
                if day is not None:
                    hits = memory.search(question, user_id=dialogue.user, k=k)
                    talked = any(exchange.date == day for exchange in dialogue.exchanges)
                    recalled = sum(hit.thought.date == day for hit in hits)
                    found.append(NamedDay(dialogue.user, question, day, talked, recalled))
    return found


def _remember(memory: ThoughtMemory, dialogue: Dialogue) -> None:
    for exchange in dialogue.exchanges:
        memory.add(
            [{"role": "user", "content": exchange.query}, {"role": "assistant", "content": exchange.response}],
            user_id=dialogue.user,
            session_id=exchange.date,
            turn_id=exchange.id,
            timestamp=f"{exchange.date}T12:00:00+00:00",
            infer=False,
        )


def topic(question: str) -> set[str]:
    """Stems of the question's content words, without its day and the words of asking and telling."""
    return set(tokens(_DAY.sub(" ", question))) - _TELLING


def on_topic(question: str, text: str) -> bool:
    """Whether a text shares at least half of the question's topic words (at least one)."""
    wanted = topic(question)
    shared = wanted & set(tokens(text))
    return bool(shared) and len(shared) * 2 >= len(wanted)
