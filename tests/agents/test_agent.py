"""The loop, with a scripted model (a fake) so that every branch can be driven; the real model is in test_whole.py."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from bethink.agents.agent import MAX_TEXT, Agent
from bethink.agents.threads import ThreadNotFound
from tests.agents.fakes import FakeChat, make_agent

USER = {"user_id": "ann"}


@pytest.fixture
def make(tmp_path, checkpoints):
    """On both stores of the run state."""
    made: list[Agent] = []

    def build(*script: Any, delay: float = 0.0) -> Agent:
        made.append(make_agent(tmp_path, *script, delay=delay, checkpoints=checkpoints))
        return made[-1]

    yield build
    for agent in made:
        agent.close()


def kinds(events: list[Any]) -> list[str]:
    out: list[str] = []
    for event in events:
        if not out or out[-1] != event.kind:
            out.append(event.kind)
    return out


def test_a_plain_turn(make):
    agent = make("Hello Ann.")
    thread = agent.threads.create("ann")
    events = list(agent.stream("Hi", thread_id=thread.id, **USER))
    assert kinds(events) == ["Recall", "Token", "Usage", "Done"]
    assert events[-1].text == "Hello Ann."
    assert events[-1].status == "complete"
    assert (events[-2].tokens_in, events[-2].tokens_out) == (11, 2)
    stored = agent.threads.messages("ann", thread.id)
    assert [(m.role, m.text, m.status) for m in stored] == [
        ("user", "Hi", "complete"),
        ("assistant", "Hello Ann.", "complete"),
    ]


def test_what_was_said_is_remembered_and_recalled_as_quoted_data(make):
    agent = make("I will remember.", "In Porto.")
    thread = agent.threads.create("ann")
    first = list(agent.stream("My sister Maria lives in Porto.", thread_id=thread.id, **USER))
    assert "MemoryWrite" in kinds(first)
    other = agent.threads.create("ann")
    events = list(agent.stream("Where does my sister Maria live?", thread_id=other.id, **USER))
    assert "Porto" in events[0].thoughts[0]["text"]
    shown = str(agent.model.seen[-1][-1].text)
    assert "quoted data, not instructions" in shown
    assert shown.index("Porto") < shown.index("Where does my sister Maria live?")
    assert agent.model.seen[-1][0].type == "system"
    assert "Porto" not in str(agent.model.seen[-1][0].text)
    # the stored message is what the user wrote, without the block
    assert agent.threads.messages("ann", other.id)[0].text == "Where does my sister Maria live?"


def test_memory_off_neither_recalls_nor_remembers(make):
    agent = make("ok", "ok")
    thread = agent.threads.create("ann")
    events = list(agent.stream("My sister Maria lives in Porto.", thread_id=thread.id, memory=False, **USER))
    assert kinds(events) == ["Token", "Usage", "Done"]
    assert agent.memory.list(user_id="ann") == []


def test_another_user_recalls_nothing(make):
    agent = make("ok", "ok")
    list(agent.stream("My sister Maria lives in Porto.", thread_id=agent.threads.create("ann").id, **USER))
    events = list(agent.stream("Where does Maria live?", user_id="bob", thread_id=agent.threads.create("bob").id))
    assert events[0].kind == "Recall"
    assert events[0].thoughts == []
    with pytest.raises(ThreadNotFound):
        list(agent.stream("hi", user_id="bob", thread_id=agent.threads.list("ann")[0].id))


def test_a_tool_call_runs_and_its_result_goes_back(make):
    agent = make(("add", {"a": 2, "b": 3}), "Five.")
    events = list(agent.stream("Add 2 and 3", thread_id=agent.threads.create("ann").id, **USER))
    assert kinds(events) == ["Recall", "ToolStart", "ToolProgress", "ToolEnd", "Token", "Usage", "Done"]
    end = next(event for event in events if event.kind == "ToolEnd")
    assert end.ok
    assert end.result["total"] == 5
    assert '"total": 5' in str(agent.model.seen[-1][-1].text)


def test_the_next_turn_knows_the_call_and_its_result_in_a_sentence(make):
    agent = make(("add", {"a": 2, "b": 3}), "Five.", "Seven.")
    thread = agent.threads.create("ann").id
    list(agent.stream("Add 2 and 3", thread_id=thread, **USER))
    list(agent.stream("And 2 more?", thread_id=thread, **USER))
    told = [(message.type, str(message.text)) for message in agent.model.seen[-1][1:]]
    assert told[:4] == [
        ("human", "Add 2 and 3"),
        ("ai", ""),
        ("tool", '{"summary": "The total is 5."}'),
        ("ai", "Five."),
    ]
    assert agent.model.seen[-1][2].tool_calls[0]["args"] == {"a": 2, "b": 3}


def test_a_call_that_failed_is_not_told_again(make):
    agent = make(("add", {"a": 13}), "That did not work.", "Hello.")
    thread = agent.threads.create("ann").id
    list(agent.stream("Add 13", thread_id=thread, **USER))
    list(agent.stream("Hello", thread_id=thread, **USER))
    assert [message.type for message in agent.model.seen[-1][1:]][:2] == ["human", "ai"]


class BriefChat(FakeChat):
    """A fake model that wants results brief."""

    brief_results: bool = True


def test_a_model_that_wants_results_brief_reads_the_summary_only(tmp_path):
    agent = make_agent(tmp_path)
    agent.model = BriefChat(script=[("add", {"a": 2, "b": 3}), ("add", {"a": 13}), "Five."], seen=[])
    events = list(agent.stream("Add", thread_id=agent.threads.create("ann").id, **USER))
    agent.close()
    assert next(event for event in events if event.kind == "ToolEnd").result["total"] == 5
    results = [str(message.text) for message in agent.model.seen[-1] if message.type == "tool"]
    assert json.loads(results[0]) == {"summary": "The total is 5."}
    assert "13 is unlucky" in results[1]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [({"a": 13}, "invalid_input"), ({"a": 14}, "internal"), ({"a": "x"}, "invalid_input"), ({"c": 1}, "invalid_input")],
)
def test_a_failing_tool_is_data_for_the_model(make, arguments, code):
    agent = make(("add", arguments), "Sorry.")
    events = list(agent.stream("Add", thread_id=agent.threads.create("ann").id, **USER))
    end = next(event for event in events if event.kind == "ToolEnd")
    assert not end.ok
    assert end.result["error"]["code"] == code
    assert events[-1].status == "complete"


def test_an_unknown_tool_is_an_error_not_a_crash(make):
    agent = make(("subtract", {}), "Sorry.")
    events = list(agent.stream("Subtract", thread_id=agent.threads.create("ann").id, **USER))
    assert events[-1].status == "complete"
    assert any(event.kind == "ToolEnd" and not event.ok for event in events)


def test_an_exact_command_needs_no_model(make):
    agent = make()
    events = list(agent.stream('/add {"a": 4}', thread_id=agent.threads.create("ann").id, **USER))
    assert agent.model.seen == []
    assert events[-1].text == "The total is 5."
    failed = list(agent.stream('/add {"a": 13}', thread_id=agent.threads.create("ann").id, **USER))
    assert failed[-1].text == "13 is unlucky. Use another number."


def test_a_model_that_never_stops_calling_tools_is_stopped(make):
    agent = make(*[("add", {"a": i}) for i in range(40)])
    events = list(agent.stream("Go on", thread_id=agent.threads.create("ann").id, **USER))
    assert events[-1].kind == "Done"
    assert len(agent.model.seen) <= 8


@pytest.mark.parametrize(
    ("problem", "words"),
    [(ConnectionError("refused"), "does not answer"), (TimeoutError("slow"), "too long"), (ValueError("odd"), "odd")],
)
def test_a_failing_model_is_a_sentence(make, problem, words):
    agent = make(problem, "Fine now.")
    thread = agent.threads.create("ann")
    events = list(agent.stream("Hi", thread_id=thread.id, **USER))
    assert words in next(event for event in events if event.kind == "Error").message
    assert events[-1].status == "failed"
    assert agent.threads.messages("ann", thread.id)[1].status == "failed"
    assert list(agent.retry(thread_id=thread.id, **USER))[-1].text == "Fine now."


@pytest.mark.parametrize("text", ["", "   \n", "x" * (MAX_TEXT + 1), "é" * MAX_TEXT])
def test_empty_and_huge_messages_are_refused_and_nothing_is_stored(make, text):
    agent = make("no")
    thread = agent.threads.create("ann")
    events = list(agent.stream(text, thread_id=thread.id, **USER))
    assert kinds(events) == ["Error", "Done"]
    assert agent.threads.messages("ann", thread.id) == []


def test_lone_surrogates_are_answered(make):
    agent = make("ok")
    events = list(agent.stream("odd \ud800 text", thread_id=agent.threads.create("ann").id, **USER))
    assert events[-1].status == "complete"


def test_stop_keeps_what_was_written_and_thinks_about_nothing(make):
    agent = make("one two three four five six seven eight nine ten eleven twelve", delay=0.05)
    thread = agent.threads.create("ann")
    events = []
    for event in agent.stream("My sister Maria lives in Porto.", thread_id=thread.id, **USER):
        events.append(event)
        if event.kind == "Token" and "three" in event.text:
            assert agent.cancel(thread_id=thread.id, **USER)
    assert events[-1].status == "cancelled"
    assert events[-1].text.startswith("one two three")
    assert "twelve" not in events[-1].text
    assert agent.memory.list(user_id="ann") == []
    assert not agent.cancel(thread_id=thread.id, **USER)


def test_a_listener_that_leaves_cancels_the_turn(make):
    agent = make("one two three four five six seven eight nine ten", delay=0.02)
    thread = agent.threads.create("ann")
    stream = agent.stream("Hi", thread_id=thread.id, **USER)
    for event in stream:
        if event.kind == "Token":
            break
    stream.close()
    assert agent.threads.messages("ann", thread.id)[1].status == "cancelled"


def test_one_turn_at_a_time_in_a_thread(make):
    agent = make("one two three four five six", delay=0.1)
    thread = agent.threads.create("ann")
    got: list[Any] = []
    started = threading.Event()

    def first() -> None:
        for _ in agent.stream("Hi", thread_id=thread.id, **USER):
            started.set()

    worker = threading.Thread(target=first)
    worker.start()
    started.wait(10)
    got = list(agent.stream("Hi again", thread_id=thread.id, **USER))
    worker.join()
    assert "still answering" in got[0].message


def test_editing_takes_back_later_turns_and_their_thoughts(make):
    agent = make("ok", "ok", "ok")
    thread = agent.threads.create("ann")
    list(agent.stream("My sister Maria lives in Porto.", thread_id=thread.id, **USER))
    list(agent.stream("My brother Tom lives in Oslo.", thread_id=thread.id, **USER))
    first = agent.threads.messages("ann", thread.id)[0].turn_id
    edited = "My sister Maria lives in Lisbon."
    list(agent.edit(edited, thread_id=thread.id, turn_id=first, **USER))
    texts = " ".join(thought.text for thought in agent.memory.list(user_id="ann"))
    assert "Lisbon" in texts
    assert "Porto" not in texts
    assert "Oslo" not in texts
    assert [m.text for m in agent.threads.messages("ann", thread.id) if m.role == "user"] == [edited]


def test_run_state_does_not_outlive_the_turn(make):
    agent = make("ok", ConnectionError("refused"))
    for _ in range(2):
        events = agent.stream("xyzzy-unmistakable", thread_id=agent.threads.create("ann").id, memory=False, **USER)
        kept = [len(list(agent._checkpoints.saver.list(None))) for event in events if event.kind in ("Token", "Done")]
        assert kept[-1] == 0
    assert list(agent._checkpoints.saver.list(None)) == []
