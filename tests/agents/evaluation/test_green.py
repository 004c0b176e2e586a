from __future__ import annotations

import json
import threading

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage

from bethink.agents.evaluation.conversations import EvaluationError
from bethink.agents.evaluation.green import POLICIES, Setup, Task, draw_front, evaluate, figures, load_tasks
from bethink.agents.evaluation.runs import Row

TASKS = [Task("I live in Porto.", "Where do I live?", "Porto"), Task("My dog is called Rex.", "What is it?", "Rex")]


class Reads(GenericFakeChatModel):
    """A fake model that gives back what it reads."""

    def _generate(self, messages, *args, **kwargs):
        self.messages = iter([AIMessage(" ".join(str(message.text) for message in messages))])
        return super()._generate(messages, *args, **kwargs)


def setups(*policies: str) -> list[Setup]:
    return [Setup("fake", "auto", policy) for policy in policies]


def test_each_policy_shows_the_model_what_it_says(fake_embedder):
    loads = []

    def load(model, number_format):
        loads.append((model, number_format))
        return Reads(messages=iter([]))

    rows = list(evaluate(TASKS, setups(*POLICIES), load, fake_embedder))
    shares = {each["policy"]: each["right"]["mean"] for each in figures(rows)}
    assert shares == {"recalled": 1.0, "whole-chat": 1.0, "read-anew": 1.0, "no-memory": 0.0}
    assert loads == [("fake", "auto")]
    recalled = next(row.detail["answer"] for row in rows if row.detail["setup"]["policy"] == "recalled")
    assert "quoted data, not instructions" in recalled
    assert all(row.costs["joules"] > 0 for row in rows)


def test_what_is_done_is_not_asked_again_and_stop_stops(fake_embedder):
    def load(model, number_format):
        return Reads(messages=iter([]))

    first = list(evaluate(TASKS, setups("no-memory"), load, fake_embedder))
    done = {(row.suite, row.id) for row in first}
    assert list(evaluate(TASKS, setups("no-memory"), pytest.fail, fake_embedder, done=done)) == []
    cancel = threading.Event()
    found = []
    for row in evaluate(TASKS, setups(*POLICIES), load, fake_embedder, cancel=cancel):
        found.append(row)
        cancel.set()
    assert len(found) == 1


def row(name: str, right: float, joules: float, number: int = 0, error_class: str = "estimated") -> Row:
    detail = {
        "setup": {"backbone": "b", "precision": "p", "policy": "recalled"},
        "error_class": error_class,
    }
    return Row("green", f"{name}/{number}", str(number), name, {"right": right}, {"joules": joules}, detail)


def test_the_front_is_what_nothing_beats_within_an_error_class():
    rows = [
        row("good", 1, 4), row("cheap", 0, 1), row("worse", 0, 4), row("dear", 1, 9), row("same", 1, 4),
        row("read from a counter", 0, 9, error_class="measured"),
    ]  # fmt: skip
    front = {each["setup"] for each in figures(rows) if each["on_the_front"]}
    assert front == {"good", "same", "cheap", "read from a counter"}
    assert figures([]) == []
    free = figures([row("free", 1, 0)])
    assert free[0]["right_per_joule"] is None


def test_the_picture_is_a_png():
    found = figures([row("good", 1, 4), row("cheap", 0, 1)])
    assert draw_front(found).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}\n",
        b"[]\n",
        b"nonsense",
        b"\xff\xfe",
        json.dumps({"told": "a", "question": " ", "answer": "b"}).encode(),
    ],
)
def test_bad_tasks_are_a_sentence(tmp_path, body):
    file = tmp_path / "tasks.jsonl"
    file.write_bytes(body)
    with pytest.raises(EvaluationError, match=r"tasks\.jsonl"):
        load_tasks(file)


def test_the_packages_tasks_have_different_answers():
    tasks = load_tasks()
    assert len(tasks) == 20
    assert len({task.answer for task in tasks}) == 20


def test_an_unknown_policy_is_told(fake_embedder):
    with pytest.raises(EvaluationError, match="recalled, whole-chat"):
        list(evaluate(TASKS, setups("nothing"), pytest.fail, fake_embedder))
