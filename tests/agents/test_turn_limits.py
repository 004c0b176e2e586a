"""How many turns a user may start: by the minute, at once, and in one thread."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from bethink.agents.turn_limits import TurnLimits
from tests.agents.fakes import make_agent


@pytest.fixture
def agent(tmp_path):
    made = make_agent(tmp_path)
    yield made
    made.close()


def ask(agent, thread, text="Hello there.", user="ann"):
    return list(agent.stream(text, user_id=user, thread_id=thread, memory=False))


def test_more_in_a_minute_are_refused_and_nothing_is_stored(agent):
    agent.running.limits = TurnLimits(per_minute=2)
    thread = agent.threads.create("ann").id
    assert [ask(agent, thread)[-1].status for _ in range(3)] == ["complete", "complete", "failed"]
    assert "2 messages within a minute" in ask(agent, thread)[0].message
    assert len(agent.threads.messages("ann", thread)) == 4
    assert ask(agent, agent.threads.create("bob").id, user="bob")[-1].status == "complete"


def test_an_edit_that_is_refused_takes_nothing_back(agent):
    agent.running.limits = TurnLimits(per_minute=1)
    thread = agent.threads.create("ann").id
    ask(agent, thread, "First.")
    (turn,) = {message.turn_id for message in agent.threads.messages("ann", thread)}
    events = list(agent.edit("Second.", user_id="ann", thread_id=thread, turn_id=turn))
    assert events[-1].status == "failed"
    assert agent.threads.messages("ann", thread)[0].text == "First."


def test_the_minute_moves(monkeypatch):
    limits, now = TurnLimits(per_minute=1), time.time()
    assert limits.start("ann", 0) is None
    assert limits.start("ann", 0) is not None
    monkeypatch.setattr(time, "time", lambda: now + 61)
    assert limits.start("ann", 0) is None


def test_so_many_at_once_and_one_in_a_thread(tmp_path):
    agent = make_agent(tmp_path, *["one two three"] * 4)
    agent.running.limits = TurnLimits(at_once=2)
    try:
        threads = [agent.threads.create("ann").id for _ in range(3)]
        bobs = agent.threads.create("bob").id
        begun = [agent.stream("Go.", user_id="ann", thread_id=thread, memory=False) for thread in threads[:2]]
        assert [next(turn).kind for turn in begun] == ["Token", "Token"]
        assert len(agent.running) == 2
        assert "2 at the same time" in ask(agent, threads[2])[0].message
        assert "2 at the same time" in agent.running.refusal("ann").message
        assert ask(agent, threads[0])[0].message == "This chat is still answering."
        assert ask(agent, bobs, user="bob")[-1].status == "complete"
        begun[0].close()  # its reader has gone
        assert agent.threads.messages("ann", threads[0])[-1].status == "cancelled"
        assert ask(agent, threads[2])[-1].status == "complete"
        begun[1].close()
        assert len(agent.running) == 0
    finally:
        agent.close()


def test_only_one_of_many_starts_in_a_thread(tmp_path):
    agent = make_agent(tmp_path, "one two three four five six", delay=0.05)
    try:
        thread = agent.threads.create("ann").id
        barrier = Barrier(4)

        def at_the_same_time(_):
            barrier.wait()
            return ask(agent, thread)[0].kind

        with ThreadPoolExecutor(4) as pool:
            assert sorted(pool.map(at_the_same_time, range(4)))[:3] == ["Error"] * 3
    finally:
        agent.close()


def test_listeners_hear_of_turns_and_of_refusals(agent):
    heard = []
    agent.on_event.append(heard.append)
    thread = agent.threads.create("ann").id
    told = ask(agent, thread) + ask(agent, thread, "")
    assert heard == told
    assert [(event.status, bool(event.turn_id)) for event in heard if event.kind == "Done"] == [
        ("complete", True),
        ("failed", False),
    ]
