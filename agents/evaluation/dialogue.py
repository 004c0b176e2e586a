"""Long-term dialogue evaluation: conversations go through a memory, then it is asked what was said.

Always in a throw-away store, so that nobody's own memory is touched. All conversations of a run are in one memory, each
as a user of its own: what one user recalls of another's is seen. Cost: a conversation is remembered in the time the
memory takes for its turns, a question is one recall and, with a model, one answer.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bethink.agents.evaluation.conversations import Conversation, EvaluationError, Question
from bethink.agents.evaluation.memories import Item, Remembering, checked, parts
from bethink.agents.evaluation.runs import Row
from bethink.agents.evaluation.scores import KS, NOT_MENTIONED, holds, of_answer, of_recall
from bethink.agents.evaluation.suites import contradictions, folder_bytes, forgetting
from bethink.agents.prompts import quoted_recall, system_prompt
from bethink.models.energy import Span

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

SUITES = ("questions", "contradiction", "forgetting")
ABSTAIN = f" If the notes do not tell it, answer: {NOT_MENTIONED}."
Open = Callable[[Path], AbstractContextManager[Remembering]]
"""Opens the memory to evaluate, empty, in a folder of its own."""
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Plan:
    """What is run.

    ``what`` is remembered of a conversation, ``k`` texts of at most ``budget`` tokens are shown to the model; with
    ``whole`` the latest texts that fit instead. ``limit`` questions of each conversation are asked (None: all).
    ``abstain``: the model is told what to answer where the notes do not tell it (None: if that is ever right).
    """

    what: str = "turns"
    k: int = 5
    budget: int = 512
    whole: bool = False
    limit: int | None = None
    suites: tuple[str, ...] = SUITES
    abstain: bool | None = None


def evaluate(
    conversations: Sequence[Conversation],
    open_memory: Open,
    model: BaseChatModel | None,
    plan: Plan,
    *,
    done: Collection[tuple[str, str]] = (),
    progress: Progress = lambda share, message: None,
    cancel: threading.Event | None = None,
) -> Generator[Row, None, None]:
    """Yield results as they come. ``model`` None measures recall alone.

    What is in ``done``, (suite, id), is not run again. Once ``cancel`` is set it ends within a session or an answer.

    Raises:
        EvaluationError: the plan does not fit the conversations.
    """
    checked_plan(conversations, plan)
    cancel = cancel or threading.Event()
    stages = {
        "questions": lambda report: _questions(conversations, open_memory, model, plan, done, report, cancel),
        "contradiction": lambda report: contradictions(open_memory, done, report, cancel),
        "forgetting": lambda report: forgetting(conversations, open_memory, plan.what, done, report, cancel),
    }
    chosen = [name for name in SUITES if name in plan.suites]
    weights = {"questions": 10 if model else 2, "contradiction": 1, "forgetting": 1}
    total, before = sum(weights[name] for name in chosen), 0
    for name in chosen:

        def report(share: float, message: str, name: str = name, before: int = before) -> None:
            progress((before + share * weights[name]) / total, f"{name}: {message}")

        yield from stages[name](report)
        if cancel.is_set():
            return
        before += weights[name]
    progress(1.0, "done")


def checked_plan(conversations: Sequence[Conversation], plan: Plan) -> None:
    """Refuse a plan that does not fit the conversations.

    Raises:
        EvaluationError: there is no such suite, or what is to be remembered is not there.
    """
    if unknown := sorted(set(plan.suites) - set(SUITES)):
        raise EvaluationError(f"There is no suite {', '.join(unknown)}. Choose from: {', '.join(SUITES)}.")
    for conversation in conversations:
        checked(conversation, plan.what)


def misleading(conversations: Sequence[Conversation]) -> bool:
    """Whether something is asked that was never said."""
    return any(not question.answerable for each in conversations for question in each.questions)


def asked(conversation: Conversation, limit: int | None) -> list[tuple[int, Question]]:
    """The questions to ask with their numbers: all, or so many, evenly spaced."""
    every = list(enumerate(conversation.questions))
    if limit is None or limit >= len(every):
        return every
    return [every[place * len(every) // limit] for place in range(limit)]


def _questions(
    conversations: Sequence[Conversation],
    open_memory: Open,
    model: BaseChatModel | None,
    plan: Plan,
    done: Collection[tuple[str, str]],
    progress: Progress,
    cancel: threading.Event,
) -> Generator[Row, None, None]:
    abstain = misleading(conversations) if plan.abstain is None else plan.abstain
    todo = {
        each.id: [(n, q) for n, q in asked(each, plan.limit) if ("questions", f"{each.id}/{n}") not in done]
        for each in conversations
    }
    with tempfile.TemporaryDirectory(prefix="bethink-eval-") as place, open_memory(Path(place)) as memory:
        for number, conversation in enumerate(each for each in conversations if todo[each.id]):
            among = sum(bool(rest) for rest in todo.values())
            user, rest = conversation.id, todo[conversation.id]
            costs, sessions = {"items": 0.0, "seconds": 0.0, "joules": 0.0}, list(parts(conversation))
            held = folder_bytes(Path(place))
            for step, part in enumerate(sessions):
                if cancel.is_set():
                    return
                with Span() as span:
                    costs["items"] += memory.add(part, plan.what)
                costs["seconds"] += span.wall_s
                costs["joules"] += span.energy_j
                progress((number + step / len(sessions) / 2) / among, f"remembering {user}")
            costs["turns"] = float(len(conversation.turns))
            costs["bytes"] = float(folder_bytes(Path(place)) - held)
            yield Row("remembering", user, user, "conversation", costs=costs)
            for step, (index, question) in enumerate(rest):
                if cancel.is_set():
                    return
                row = _ask(conversation, index, memory, model, plan, abstain)
                if len(conversations) > 1:
                    own = all(turn.startswith(f"{user}/") for item in row.detail["recalled"] for turn in item["turns"])
                    row.scores["isolated"] = float(own)
                yield row
                progress((number + 0.5 + step / len(rest) / 2) / among, f"{user}, {question.text[:40]}")


def _ask(
    conversation: Conversation,
    index: int,
    memory: Remembering,
    model: BaseChatModel | None,
    plan: Plan,
    abstain: bool,
) -> Row:
    question = conversation.questions[index]
    with Span() as span:
        start = time.perf_counter()
        recalled = memory.recall(conversation.id, question.text, max(plan.k, *KS))
        recall_s = time.perf_counter() - start
        shown = to_show(recalled, plan)
        answer, usage = ("", {}) if model is None else _answer(model, question, shown, abstain)
    scores = of_recall(question, [item.sources for item in (shown if plan.whole else recalled)], len(shown))
    texts = [item.text for item in shown]
    if question.answerable and question.answer:
        scores["gold_in_prompt"] = float(holds(" ".join(texts), question.answer))
    if model is not None:
        scores |= of_answer(question, answer, texts)
    costs = {"recall_ms": 1000 * recall_s, "joules": span.energy_j}
    if model is not None:
        costs |= {
            "answer_s": span.wall_s - recall_s,
            "tokens_in": float(usage.get("input_tokens", 0)),
            "tokens_out": float(usage.get("output_tokens", 0)),
        }
    detail: dict[str, Any] = {"question": question.text, "gold": question.answer, "answer": answer}
    detail["answerable"], detail["shown"] = question.answerable, len(shown)
    detail["recalled"] = [
        {"text": item.text[:200], "day": item.day, "turns": list(item.sources)} for item in recalled[: max(KS)]
    ]
    return Row("questions", f"{conversation.id}/{index}", conversation.id, question.kind, scores, costs, detail)


def to_show(recalled: Sequence[Item], plan: Plan) -> list[Item]:
    """What goes into the prompt: the first k within the budget of tokens (four bytes each), or the latest that fit."""
    left, found = plan.budget, list[Item]()
    for item in reversed(recalled) if plan.whole else recalled[: plan.k]:
        left -= -(-len(item.text.encode()) // 4)
        if left < 0:
            break
        found.append(item)
    return found[::-1] if plan.whole else found


def _answer(
    model: BaseChatModel, question: Question, shown: Sequence[Item], abstain: bool
) -> tuple[str, dict[str, Any]]:
    from langchain_core.messages import HumanMessage, SystemMessage

    system = system_prompt(str(getattr(model, "model_name", ""))) + (ABSTAIN if abstain else "")
    notes = [{"text": item.text, "date": item.day, "id": item.id} for item in shown]
    message = model.invoke([SystemMessage(system), HumanMessage(quoted_recall(notes, question.text))])
    return str(message.text).strip(), dict(getattr(message, "usage_metadata", None) or {})
