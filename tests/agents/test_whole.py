"""The whole thread with real parts: the default model, MiniLM, a Chroma folder, and a restart in between."""

from __future__ import annotations

import pytest

from bethink.agents.agent import Agent
from bethink.memory import ThoughtMemory
from bethink.tools import all_tools

TOLD = "My sister Maria lives in Porto and is allergic to nuts."


@pytest.fixture
def start(tmp_path, smollm2, embedder):
    """Start an agent on the same folder, as a new process would."""
    running: list[Agent] = []

    def begin() -> Agent:
        for agent in running:
            agent.close()
        running[:] = [Agent(smollm2, ThoughtMemory(tmp_path / "memory", embedder), embedder, all_tools(), tmp_path)]
        return running[0]

    yield begin
    for agent in running:
        agent.close()


def test_told_restarted_and_asked(start):
    agent = start()
    events = list(agent.stream(TOLD, user_id="me", thread_id=agent.threads.create("me").id))
    assert events[-1].status == "complete"
    written = next(event for event in events if event.kind == "MemoryWrite")
    assert any("Porto" in change["text"] for change in written.changes)
    agent = start()
    events = list(agent.stream("Where does Maria live?", user_id="me", thread_id=agent.threads.create("me").id))
    assert "Porto" in events[0].thoughts[0]["text"]
    assert "Porto" in events[-1].text
    usage = next(event for event in events if event.kind == "Usage")
    assert usage.tokens_in > 20
    assert usage.energy_j > 0


def test_a_taste_told_one_day_decides_what_is_recommended_the_next(start):
    agent = start()
    said = "I like slow sci-fi and hate horror."
    events = list(agent.stream(said, user_id="me", thread_id=agent.threads.create("me").id))
    assert not any(event.kind == "ToolStart" for event in events)
    agent = start()
    for memory, status in ((True, "ok"), (False, "new_user")):
        thread = agent.threads.create("me").id
        command = '/recommend {"domain": "films", "k": 5}'
        events = list(agent.stream(command, user_id="me", thread_id=thread, memory=memory))
        result = next(event for event in events if event.kind == "ToolEnd").result
        assert result["status"] == status
        assert bool(result["used_thoughts"]) is memory
    other = list(agent.stream(command, user_id="you", thread_id=agent.threads.create("you").id))
    assert next(event for event in other if event.kind == "ToolEnd").result["status"] == "new_user"


def test_what_is_said_of_a_list_changes_the_next(start):
    agent = start()
    thread = agent.threads.create("me").id

    def shown(command: str) -> list[str]:
        events = list(agent.stream(command, user_id="me", thread_id=thread))
        return [item["title"] for item in next(event for event in events if event.kind == "ToolEnd").result["items"]]

    first = shown('/recommend {"taste": "slow science fiction", "domain": "films", "k": 3}')
    events = list(agent.stream("Not the second one.", user_id="me", thread_id=thread))
    written = next(event for event in events if event.kind == "MemoryWrite")
    assert [change["text"] for change in written.changes] == [f"I don't like “{first[1]}”."]
    assert agent.threads.messages("me", thread)[2].text == "Not the second one."
    again = shown('/recommend {"taste": "slow science fiction", "domain": "films", "k": 10}')
    assert first[0] in again
    assert first[1] not in again


def test_a_request_in_plain_words_reaches_the_tool(start):
    agent = start()
    sentence = agent.tools[0].examples[0][0]
    events = list(agent.stream(sentence, user_id="me", thread_id=agent.threads.create("me").id))
    started = next(event for event in events if event.kind == "ToolStart")
    assert started.name == "track_state"
    agent.tools[0].Input.model_validate(started.arguments)
    ended = next(event for event in events if event.kind == "ToolEnd")
    assert next(event for event in events if event.kind == "Done").text == ended.result["summary"], "in its own words"


def test_small_talk_reaches_no_tool(start):
    agent = start()
    for text in ("Hello!", "What is the capital of France?", "I like green tea."):
        events = list(agent.stream(text, user_id="me", thread_id=agent.threads.create("me").id, memory=False))
        assert not any(event.kind == "ToolStart" for event in events)


def test_the_second_turn_reads_only_what_is_new(start):
    agent = start()
    thread = agent.threads.create("me").id
    list(agent.stream("Hello! " * 60, user_id="me", thread_id=thread, memory=False))
    events = list(agent.stream("What is the capital of France?", user_id="me", thread_id=thread, memory=False))
    usage = next(event for event in events if event.kind == "Usage")
    assert usage.tokens_in_cached > usage.tokens_in / 3


def test_who_asks_while_another_is_answered_is_told_so(start, smollm2):
    agent = start()
    other = smollm2.engine.generate(smollm2._encode("Once upon a time"), max_new_tokens=100)
    next(other)
    thread = agent.threads.create("bob").id
    asking = agent.stream("Hello.", user_id="bob", thread_id=thread, memory=False)
    assert next(asking).before == 1
    other.close()
    events = list(asking)
    assert events[0].before == 0
    assert events[-1].status == "complete"
    kept = agent.threads.messages("bob", thread)[-1].events
    assert "Waiting" not in {event["kind"] for event in kept}
