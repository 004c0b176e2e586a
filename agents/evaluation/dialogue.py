"""Long-term dialogue evaluation: replay dialogues through the memory, then ask what was said.

Always in a throw-away store, so that nobody's own memory is touched. Every answered question is a line in the report
file at once: a cancelled run keeps what was done, and the same command goes on where it stopped.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

from bethink.agents.evaluation.conversations import EvaluationError
from bethink.agents.evaluation.gvd import Dialogue, named_day, on_topic, rests_on
from bethink.agents.prompts import quoted_recall, system_prompt
from bethink.memory.extract import Fact, Message, NullExtractor

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from bethink.memory import ThoughtMemory
    from bethink.models.embedder import Embedder

EXTRACTORS = ("rules", "turns", "rules+turns")
RECALLED = 5
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Answered:
    """One question, what was recalled for it, the answer, and what it cost. Dates are ISO."""

    user: str
    question: str
    answer: str
    recalled: list[dict[str, Any]]
    day: str | None
    from_day: int
    from_topic: int
    rests_on_recalled: bool
    recall_s: float
    answer_s: float
    tokens_in: int
    tokens_out: int


@dataclass(frozen=True)
class Replayed:
    """What replaying one user's dialogue cost, and how many thoughts it left."""

    user: str
    turns: int
    thoughts: int
    seconds: float


class Both:
    """Facts by rules, and the turns themselves: what people say, and what they were told."""

    def __init__(self) -> None:
        from bethink.memory import RuleExtractor

        self._rules, self._turns = RuleExtractor(), NullExtractor()

    def extract(self, messages: Sequence[Message]) -> list[Fact]:
        """Facts of both, rules first."""
        return [*self._rules.extract(messages), *self._turns.extract(messages)]


def make_extractor(name: str) -> Any:
    """The extractor of that name (one of :data:`EXTRACTORS`).

    Raises:
        EvaluationError: there is none.
    """
    from bethink.memory import RuleExtractor

    if name not in EXTRACTORS:
        raise EvaluationError(f"There is no extractor {name!r}. Choose one of: {', '.join(EXTRACTORS)}.")
    return {"rules": RuleExtractor, "turns": NullExtractor, "rules+turns": Both}[name]()


def evaluate(
    dialogues: Sequence[Dialogue],
    model: BaseChatModel | None,
    embedder: Embedder,
    *,
    extractor: str = "rules",
    k: int = RECALLED,
    done: Sequence[Answered] = (),
    progress: Progress = lambda share, message: None,
    cancel: threading.Event | None = None,
) -> Generator[Replayed | Answered, None, None]:
    """Replay each dialogue and answer its questions; yields results as they come.

    ``model`` None measures recall alone (the answers stay empty). Questions in ``done`` are not asked again. Once
    ``cancel`` is set it ends within one exchange or one answer.
    """
    from bethink.memory import ThoughtMemory

    cancel = cancel or threading.Event()
    skip = {(row.user, row.question) for row in done}
    turns = sum(len(dialogue.exchanges) for dialogue in dialogues)
    asked = sum(len(dialogue.questions) for dialogue in dialogues)
    steps, step = turns + 4 * asked, 0
    for dialogue in dialogues:
        todo = [question for question in dialogue.questions if (dialogue.user, question) not in skip]
        if not todo:
            step += len(dialogue.exchanges) + 4 * len(dialogue.questions)
            continue
        with (
            tempfile.TemporaryDirectory(prefix="bethink-eval-") as folder,
            ThoughtMemory(Path(folder), embedder, extractor=make_extractor(extractor)) as memory,
        ):
            start = time.perf_counter()
            for exchange in dialogue.exchanges:
                if cancel.is_set():
                    return
                memory.add(
                    [
                        {"role": "user", "content": exchange.query},
                        {"role": "assistant", "content": exchange.response},
                    ],
                    user_id=dialogue.user,
                    turn_id=exchange.id,
                    timestamp=f"{exchange.date}T12:00:00+00:00",
                )
                step += 1
                progress(step / steps, f"{dialogue.user}: {exchange.date}")
            seconds = time.perf_counter() - start
            active = int(memory.stats(user_id=dialogue.user)["active"])
            yield Replayed(dialogue.user, len(dialogue.exchanges), active, seconds)
            for question in todo:
                if cancel.is_set():
                    return
                yield _ask(question, dialogue, memory, model, k)
                step += 4
                progress(step / steps, f"{dialogue.user}: {question[:40]}")


def _ask(question: str, dialogue: Dialogue, memory: ThoughtMemory, model: BaseChatModel | None, k: int) -> Answered:
    from langchain_core.messages import HumanMessage, SystemMessage

    by_id = {exchange.id: exchange for exchange in dialogue.exchanges}
    start = time.perf_counter()
    hits = memory.search(question, user_id=dialogue.user, k=k, max_tokens=512)
    recall_s = time.perf_counter() - start
    recalled, sources = [], []
    for hit in hits:
        thought = hit.thought
        source = next((by_id[turn] for turn in thought.source_turns if turn in by_id), None)
        sources.append(f"{source.query} {source.response}" if source else thought.text)
        date = source.date if source else thought.created_at[:10]
        recalled.append({"id": thought.id, "text": thought.text, "date": date, "score": round(float(hit.score), 3)})
    answer = ""
    usage: Any = {}
    if model is not None:
        system = system_prompt(str(getattr(model, "model_name", "")))
        message = model.invoke([SystemMessage(system), HumanMessage(quoted_recall(recalled, question))])
        answer, usage = str(message.text).strip(), getattr(message, "usage_metadata", None) or {}
    day = named_day(question, dialogue.exchanges)
    return Answered(
        user=dialogue.user,
        question=question,
        answer=answer,
        recalled=recalled,
        day=day,
        from_day=sum(item["date"] == day for item in recalled) if day else 0,
        from_topic=sum(on_topic(question, text) for text in sources),
        rests_on_recalled=rests_on(answer, question, [item["text"] for item in recalled]),
        recall_s=recall_s,
        answer_s=time.perf_counter() - start,
        tokens_in=int(usage.get("input_tokens", 0)),
        tokens_out=int(usage.get("output_tokens", 0)),
    )


def summarise(rows: Sequence[Answered], replays: Sequence[Replayed]) -> dict[str, Any]:
    """The figures of a run. Shares are of questions or of recalled thoughts, as named; None where nothing counts.

    Day and topic are read from the question's words (the set has no labels), so they are estimates.
    """
    dated = [row for row in rows if row.day is not None]
    topical = [row for row in rows if row.day is None]
    turns = sum(replay.turns for replay in replays)

    def share(values: list[bool]) -> float | None:
        return round(mean(values), 3) if values else None

    def thoughts(chosen: list[Answered], attribute: str) -> float | None:
        total = sum(len(row.recalled) for row in chosen)
        return round(sum(getattr(row, attribute) for row in chosen) / total, 3) if total else None

    return {
        "questions": len(rows),
        "naming_a_day": len(dated),
        "day_any_recalled": share([row.from_day > 0 for row in dated]),
        "day_share_of_recalled": thoughts(dated, "from_day"),
        "topic_any_recalled": share([row.from_topic > 0 for row in topical]),
        "topic_share_of_recalled": thoughts(topical, "from_topic"),
        "day_or_topic_any_recalled": share([(row.from_day if row.day else row.from_topic) > 0 for row in rows]),
        "answers_resting_on_recalled": share([row.rests_on_recalled for row in rows if row.answer]),
        "thoughts": sum(replay.thoughts for replay in replays),
        "post_think_s_per_turn": round(sum(r.seconds for r in replays) / turns, 4) if turns else None,
        "recall_ms": round(1000 * mean([row.recall_s for row in rows]), 2) if rows else None,
        "answer_s": round(mean([row.answer_s for row in rows]), 2) if rows else None,
        "tokens_in_per_answer": round(mean([row.tokens_in for row in rows]), 1) if rows else None,
        "tokens_out_per_answer": round(mean([row.tokens_out for row in rows]), 1) if rows else None,
    }


class Report:
    """A run's file: one JSON line per result, flushed as it comes, read again to go on."""

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        """Open or create the file.

        Raises:
            EvaluationError: the file holds a run with other settings, or cannot be written.
        """
        self.rows: list[Answered] = []
        self.replays: list[Replayed] = []
        self.path = path
        try:
            lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
            path.parent.mkdir(parents=True, exist_ok=True)
            self._read(lines, settings)
            self._file = path.open("a", encoding="utf-8")
            if lines and not path.read_text(encoding="utf-8").endswith("\n"):
                self._file.write("\n")  # a kill cut the last line short
        except OSError as problem:
            raise EvaluationError(
                f"{path} cannot be used ({problem.strerror}). Choose another with --out."
            ) from problem
        if not lines:
            self._write({"settings": settings})

    def _read(self, lines: list[str], settings: dict[str, Any]) -> None:
        for number, line in enumerate(lines):
            try:
                data = json.loads(line)
                if number == 0 and data.get("settings") != settings:
                    raise EvaluationError(
                        f"{self.path} holds a run with other settings ({data.get('settings')}). "
                        "Choose another file with --out, or remove it."
                    )
                if "question" in data:
                    self.rows.append(Answered(**data))
                elif "turns" in data:
                    self.replays.append(Replayed(**data))
            except (ValueError, TypeError, AttributeError) as problem:
                if isinstance(problem, EvaluationError):
                    raise
                # a line cut short by a kill: that question is asked again

    def _write(self, data: dict[str, Any]) -> None:
        self._file.write(json.dumps(data, ensure_ascii=False) + "\n")
        self._file.flush()

    def add(self, result: Replayed | Answered) -> None:
        """Keep a result (a user replayed again after a cancel counts once)."""
        if isinstance(result, Answered):
            self.rows.append(result)
        else:
            self.replays = [*[r for r in self.replays if r.user != result.user], result]
        self._write(asdict(result))

    def close(self) -> None:
        """Close the file."""
        self._file.close()
