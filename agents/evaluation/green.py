"""Quality per joule: the same questions on what was told, by several models, number formats and ways to remember.

Every question has one right word. What remembering took is spread over the questions, so that a memory does not look
cheaper than it is. Joules are **estimated** from CPU time where no counter can be read; operations are exact.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bethink.agents.evaluation.conversations import EvaluationError, read_json
from bethink.agents.evaluation.runs import Row
from bethink.agents.evaluation.scores import holds
from bethink.agents.evaluation.summary import estimate
from bethink.agents.prompts import quoted_recall, system_prompt
from bethink.models.energy import Span

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

    from bethink.memory import ThoughtMemory
    from bethink.models.embedder import Embedder

SUITE = "green"
POLICIES = {
    "recalled": "five recalled thoughts before the question",
    "whole-chat": "all that was said before the question, what is known of it kept from prompt to prompt",
    "read-anew": "all that was said, read anew for every question",
    "no-memory": "the question alone",
}
USER = "green"
COSTS = ("joules", "cpu_s", "seconds", "flops", "tokens_in", "tokens_in_cached", "tokens_out")


@dataclass(frozen=True)
class Task:
    """What is told, what is asked, and the word a right answer holds."""

    told: str
    question: str
    answer: str


@dataclass(frozen=True)
class Setup:
    """A model in a number format with a way to remember."""

    backbone: str
    precision: str
    policy: str

    @property
    def name(self) -> str:
        """Such as ``smollm2, int8, recalled``."""
        return f"{self.backbone}, {self.precision}, {self.policy}"


def load_tasks(path: Path | None = None) -> list[Task]:
    """The tasks of a file of JSON lines (``told``, ``question``, ``answer``), or those of the package.

    Raises:
        EvaluationError: the file cannot be read, or a line lacks something.
    """
    place = path or Path(str(files("bethink.agents.evaluation") / "data" / "green.jsonl"))
    found = []
    for number, line in enumerate(read_json(place, lines=True), 1):
        values = [line.get(name) if isinstance(line, dict) else None for name in ("told", "question", "answer")]
        if not all(isinstance(value, str) and value.strip() for value in values):
            raise EvaluationError(f"Line {number} of {place.name} needs texts told, question and answer.")
        found.append(Task(*values))  # type: ignore[arg-type]
    if not found:
        raise EvaluationError(f"{place.name} has no tasks. Give a line a task: told, question, answer.")
    return found


def evaluate(
    tasks: Sequence[Task],
    setups: Sequence[Setup],
    load: Callable[[str, str], BaseChatModel],
    embedder: Embedder,
    *,
    done: Collection[tuple[str, str]] = (),
    progress: Callable[[float, str], None] = lambda share, message: None,
    cancel: threading.Event | None = None,
) -> Generator[Row, None, None]:
    """Yield a result for every setup and task, as it comes. What is in ``done``, (suite, id), is not asked again.

    ``load(backbone, precision)`` gives a model; one at a time is held. Once ``cancel`` is set it ends with an answer.

    Raises:
        EvaluationError: there is no such policy.
    """
    if unknown := sorted({setup.policy for setup in setups} - set(POLICIES)):
        raise EvaluationError(f"There is no policy {', '.join(unknown)}. Choose from: {', '.join(POLICIES)}.")
    cancel = cancel or threading.Event()
    loaded: tuple[tuple[str, str], BaseChatModel] | None = None
    total, place = len(setups) * len(tasks), 0
    for setup in setups:
        todo = [(n, task) for n, task in enumerate(tasks) if (SUITE, f"{setup.name}/{n}") not in done]
        place += len(tasks) - len(todo)
        if not todo:
            continue
        key = (setup.backbone, setup.precision)
        if loaded is None or loaded[0] != key:
            loaded = None  # let go of the one before
            loaded = (key, load(*key))
            loaded[1].invoke("Hello.")  # what the first call of all has to prepare is not the first task's
        with ExitStack() as stack:
            memory, kept = _remember(stack, tasks, setup, embedder)
            for number, task in todo:
                if cancel.is_set():
                    return
                progress(place / total, f"{setup.name}: {task.question[:40]}")
                yield _asked(number, task, tasks, setup, loaded[1], memory, kept)
                place += 1
    progress(1.0, "done")


def _remember(
    stack: ExitStack, tasks: Sequence[Task], setup: Setup, embedder: Embedder
) -> tuple[ThoughtMemory | None, float]:
    """A throw-away memory of all that was told, and the joules that took; None for the other policies."""
    if setup.policy != "recalled":
        return None, 0.0
    from bethink.memory import ThoughtMemory

    folder = stack.enter_context(tempfile.TemporaryDirectory())
    memory = stack.enter_context(ThoughtMemory(folder, embedder))
    embedder.embed(["warm up"])
    with Span("remember", "memory") as span:
        for task in tasks:
            memory.add(task.told, user_id=USER)
    return memory, span.energy_j


def _asked(
    number: int,
    task: Task,
    tasks: Sequence[Task],
    setup: Setup,
    model: BaseChatModel,
    memory: ThoughtMemory | None,
    kept: float,
) -> Row:
    local: Any = model
    if setup.policy == "read-anew" and hasattr(local, "engine"):
        local.engine.forget_kept()
    with Span("ask", "model") as span:
        answer = model.invoke(_prompt(task, tasks, setup, model, memory))
    usage: dict[str, Any] = dict(getattr(answer, "usage_metadata", None) or {})
    read, written = usage.get("input_tokens", 0), usage.get("output_tokens", 0)
    cached = (usage.get("input_token_details") or {}).get("cache_read", 0) or 0
    shape = getattr(local, "shape", None)
    costs = {
        "joules": span.energy_j + kept / len(tasks),
        "cpu_s": span.cpu_s,
        "seconds": span.wall_s,
        "tokens_in": float(read),
        "tokens_in_cached": float(cached),
        "tokens_out": float(written),
    }
    if shape is not None:
        costs["flops"] = shape.generation(read, written, cached)
    text = str(answer.text).strip()
    detail = {
        "question": task.question,
        "gold": task.answer,
        "answer": text[:500],
        "setup": {"backbone": setup.backbone, "precision": setup.precision, "policy": setup.policy},
        "energy_backend": span.meter.backend,
        "error_class": span.meter.error_class,
    }
    right = {"right": float(holds(text, task.answer))}
    return Row(SUITE, f"{setup.name}/{number}", str(number), setup.name, right, costs, detail)


def _prompt(
    task: Task, tasks: Sequence[Task], setup: Setup, model: BaseChatModel, memory: ThoughtMemory | None
) -> list[BaseMessage]:
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

    head = SystemMessage(system_prompt(setup.backbone))
    if memory is not None:
        hits = memory.search(task.question, user_id=USER, k=5)
        return [head, HumanMessage(quoted_recall([hit.as_dict() for hit in hits], task.question))]
    said: list[BaseMessage] = []
    if setup.policy != "no-memory":
        for each in tasks:
            said += [HumanMessage(each.told), AIMessage("Thank you for telling me.")]
    return [head, *said, HumanMessage(task.question)]


def figures(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Every setup's share of right answers with its 95 % interval, what an answer cost, and whether it is on the front.

    On the front is what no other setup beats in quality without taking more joules. Setups whose joules were measured
    and those whose joules were estimated are never compared: each class has a front of its own.
    """
    by_setup: dict[str, list[Row]] = {}
    for row in rows:
        by_setup.setdefault(row.kind, []).append(row)
    found = []
    for name, own in by_setup.items():
        right = estimate([row.scores["right"] for row in own], [row.group for row in own])
        means = {
            f"{cost}_per_answer": sum(values) / len(values)
            for cost in COSTS
            if (values := [row.costs[cost] for row in own if cost in row.costs])
        }
        joules = means["joules_per_answer"]
        found.append(
            {
                "setup": name,
                **own[0].detail["setup"],
                "error_class": own[0].detail["error_class"],
                "right": right.as_dict(),
                "right_per_joule": right.mean / joules if joules > 0 else None,
                **means,
            }
        )
    for each in found:
        rivals = [other for other in found if other["error_class"] == each["error_class"]]
        each["on_the_front"] = not any(_beats(other, each) for other in rivals)
    return found


def _beats(one: dict[str, Any], other: dict[str, Any]) -> bool:
    quality = one["right"]["mean"] - other["right"]["mean"]
    joules = one["joules_per_answer"] - other["joules_per_answer"]
    return bool(quality >= 0 and joules <= 0 and (quality > 0 or joules < 0))


def draw_front(found: Sequence[dict[str, Any]]) -> bytes:
    """Right answers over joules an answer, as a PNG; the front is a line, a colour a policy."""
    from bethink.agents.evaluation.pictures import COLOURS, MARKERS, png
    from bethink.tools.pictures import GREY, new_figure, put_legend

    figure, (panel,) = new_figure(1, 4.0)
    estimated = any(each["error_class"] == "estimated" for each in found)
    for number, policy in enumerate(POLICIES):
        own = [each for each in found if each["policy"] == policy]
        if not own:
            continue
        means = [100 * each["right"]["mean"] for each in own]
        sides = [
            [max(0.0, mean - 100 * each["right"]["low"]) for mean, each in zip(means, own, strict=True)],
            [max(0.0, 100 * each["right"]["high"] - mean) for mean, each in zip(means, own, strict=True)],
        ]
        panel.errorbar(
            [each["joules_per_answer"] for each in own], means, yerr=sides, fmt=MARKERS[number], linewidth=1,
            color=COLOURS[number], capsize=2.5, label=policy, zorder=3,
        )  # fmt: skip
        for mean, each in zip(means, own, strict=True):
            label = f"{each['backbone'][:20]}, {each['precision']}"
            place = (each["joules_per_answer"], mean)
            panel.annotate(label, place, (5, 4 + 8 * number), textcoords="offset points", fontsize=7)
    for error_class in ("estimated", "measured"):
        front = [each for each in found if each["on_the_front"] and each["error_class"] == error_class]
        front.sort(key=lambda each: each["joules_per_answer"])
        places = [each["joules_per_answer"] for each in front]
        panel.plot(places, [100 * each["right"]["mean"] for each in front], "--", color=GREY, linewidth=1, zorder=2)
    joules = [each["joules_per_answer"] for each in found]
    if min(joules) > 0 and max(joules) > 10 * min(joules):
        panel.set_xscale("log")
    panel.margins(x=0.15)
    panel.set_ylim(-4, 104)
    panel.set_xlabel("J an answer" + (" (estimated from CPU time)" if estimated else ""))
    panel.set_ylabel("right answers, %, with 95 % interval")
    put_legend(figure, panel)
    return png(figure)
