"""Calls that wait for the user's word: approved once, exactly as asked for, or declined."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethink.agents.agent import Agent
from bethink.agents.decisions import command_of, pending_call
from bethink.agents.routing import parse_command
from bethink.agents.threads import ThreadNotFound, clean
from bethink.agents.turn_limits import TurnLimits
from bethink.memory import ThoughtMemory
from tests.agents.fakes import ADD, FakeChat
from tests.conftest import FakeEmbedder


@pytest.fixture
def ran():
    return []


@pytest.fixture
def make(tmp_path, ran):
    made = []

    def build(*script):
        def run(given, context):
            ran.append(given.a)
            return ADD.run(given, context)

        memory = ThoughtMemory(tmp_path / "memory", FakeEmbedder())
        tool = replace(ADD, confirm=True, run=run)
        made.append(Agent(FakeChat(script=list(script), seen=[]), memory, FakeEmbedder(), [tool], tmp_path))
        return made[-1]

    yield build
    for agent in made:
        agent.close()


def refused(agent, text="Add something.") -> str:
    """A thread of ann's in which a call waits."""
    thread = agent.threads.create("ann").id
    ends = [e for e in agent.stream(text, user_id="ann", thread_id=thread, memory=False) if e.kind == "ToolEnd"]
    assert [end.result["error"]["code"] for end in ends] == ["needs_approval"]
    return thread


def approve(agent, thread, call="c1", user="ann"):
    return list(agent.approve(call, user_id=user, thread_id=thread, memory=False))


def test_an_approved_call_runs_once_as_it_was_asked_for(make, ran):
    agent = make(("add", {"a": 3, "b": 4}), "It was not run.")
    thread = refused(agent)
    assert pending_call(agent.threads.messages("ann", thread), "c1") == ("add", {"a": 3, "b": 4})
    assert ran == []
    events = approve(agent, thread)
    assert events[-1].text == "The total is 7."
    assert ran == [3]
    assert pending_call(agent.threads.messages("ann", thread), "c1") is None
    again = approve(agent, thread)
    assert again[0].message.startswith("This call is not waiting")
    assert again[-1].status == "failed"
    assert ran == [3]
    assert len(agent.threads.messages("ann", thread)) == 4


def test_a_declined_call_never_runs(make, ran):
    agent = make(("add", {"a": 3}), "It was not run.")
    thread = refused(agent)
    assert agent.threads.decide("ann", thread, "c1", approved=False)
    assert not agent.threads.decide("ann", thread, "c1", approved=True)
    assert approve(agent, thread)[0].kind == "Error"
    assert ran == []


def test_nobody_else_approves(make, ran):
    agent = make(("add", {"a": 3}), "It was not run.")
    thread = refused(agent)
    with pytest.raises(ThreadNotFound):
        approve(agent, thread, user="bob")
    with pytest.raises(ThreadNotFound):
        agent.threads.decide("bob", thread, "c1", approved=True)
    assert ran == []
    assert pending_call(agent.threads.messages("ann", thread), "c1") is not None


def test_two_that_press_at_the_same_time_run_it_once(make, ran):
    agent = make(("add", {"a": 3}), "It was not run.")
    thread = refused(agent)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: approve(agent, thread), range(4)))
    assert ran == [3]


def test_a_call_that_may_not_start_yet_goes_on_waiting(make, ran):
    agent = make(("add", {"a": 3}), "It was not run.")
    thread = refused(agent)
    agent.running.limits = TurnLimits(per_minute=1)
    assert agent.running.limits.start("ann", 0) is None
    assert "1 messages" in approve(agent, thread)[0].message
    agent.running.limits = None
    assert approve(agent, thread)[-1].status == "complete"
    assert ran == [3]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(st.characters()), json_values, max_size=4))
def test_the_command_is_the_call(arguments):
    assert parse_command(clean(command_of("add", arguments)), {"add"}) == ("add", arguments)
