"""Metering in turns, the report on it, and the switches that spare energy."""

from __future__ import annotations

import time

import pytest

from bethink.agents.agent import Agent
from bethink.agents.idle import IdleUnload
from bethink.agents.policies import Policies
from bethink.memory import ThoughtMemory
from tests.agents.fakes import ADD, FakeChat, make_agent
from tests.conftest import FakeEmbedder


@pytest.fixture
def start(tmp_path):
    agents = []

    def make(*script, **policies):
        embedder = FakeEmbedder()
        memory = ThoughtMemory(tmp_path / "memory", embedder)
        model = FakeChat(script=list(script), seen=[])
        agent = Agent(model, memory, embedder, [ADD], tmp_path, policies=Policies(**policies))
        agents.append(agent)
        return agent

    yield make
    for agent in agents:
        agent.close()


def turn(agent, text: str, thread: str, user: str = "ann"):
    return {event.kind: event for event in agent.stream(text, user_id=user, thread_id=thread)}


def thought_about(agent, thread: str, user: str = "ann") -> None:
    end = time.monotonic() + 20
    while agent.threads.jobs() and time.monotonic() < end:
        time.sleep(0.02)


def test_a_turn_leaves_records_that_nest_and_add_up(tmp_path):
    agent = make_agent(tmp_path, ("add", {"a": 1}), "It is two.")
    thread = agent.threads.create("ann").id
    events = turn(agent, "Add one and one.", thread)
    thought_about(agent, thread)
    records = agent.ledger.records("ann", thread_id=thread)
    agent.close()
    whole = next(each for each in records if each["kind"] == "turn")
    parts = [each for each in records if each["parent_id"] == whole["span_id"]]
    assert sorted(each["name"] for each in parts) == ["FakeChat", "FakeChat", "add", "post-think", "recall"]
    assert {each["trace_id"] for each in records} == {events["Done"].turn_id}
    inside = [each for each in parts if each["name"] != "post-think"]
    assert whole["t_cpu_s"] >= sum(each["t_cpu_s"] for each in inside) * (1 - 1e-9)
    assert events["Usage"].energy_j == pytest.approx(sum(each["energy_j"] for each in inside))
    assert events["Usage"].error_class == "estimated"
    assert events["Usage"].co2e_g > 0
    assert "world average" in events["Usage"].ci_source
    assert all(each["ok"] for each in records)


def test_failed_tools_and_models_are_measured_too(tmp_path):
    agent = make_agent(tmp_path, ("add", {"a": 14}), RuntimeError("gone"))
    thread = agent.threads.create("ann").id
    assert turn(agent, "Add.", thread)["Done"].status == "failed"
    records = agent.ledger.records("ann")
    agent.close()
    assert [(each["name"], each["ok"]) for each in records if each["kind"] == "tool"] == [("add", False)]
    assert [each["ok"] for each in records if each["kind"] == "model"] == [True, False]
    assert [each["ok"] for each in records if each["kind"] == "turn"] == [False]


def test_the_report_is_on_whoever_asks(tmp_path):
    agent = make_agent(tmp_path, "Hello.", "Hi.")
    mine, other = agent.threads.create("ann").id, agent.threads.create("bob").id
    asked = turn(agent, "/energy_report", other, "bob")
    assert not asked["ToolEnd"].ok
    assert "no finished answer yet" in asked["ToolEnd"].result["error"]["message"]
    turn(agent, "Hello there.", mine)
    report = turn(agent, '/energy_report {"scope": "thread"}', mine)["ToolEnd"]
    assert report.ok
    assert report.result["tokens_in"] == 11
    assert report.result["error_class"] == "estimated"
    assert report.result["energy_j"] > 0
    day = turn(agent, '/energy_report {"scope": "day"}', other, "bob")["ToolEnd"]
    assert day.result["tokens_in"] == 0
    schema = next(tool for tool in agent.tools if tool.name == "energy_report").input_schema()
    assert set(schema["properties"]) == {"scope"}
    for wrong in ('{"scope": "year"}', '{"user_id": "ann"}', '{"scope": "day", "user": "ann"}'):
        assert (
            turn(agent, f"/energy_report {wrong}", other, "bob")["ToolEnd"].result["error"]["code"] == "invalid_input"
        )
    agent.close()


def test_outside_of_a_chat_the_report_needs_a_user(tmp_path):
    from bethink.agents.energy_tool import energy_tool
    from bethink.tools.contract import ToolContext, call_tool

    agent = make_agent(tmp_path, "Hello.")
    turn(agent, "Hello.", agent.threads.create("ann").id)
    context = ToolContext(folder=tmp_path)
    assert call_tool(energy_tool(agent.ledger), {}, context).error["code"] == "not_ready"
    bound = energy_tool(agent.ledger, "ann")
    assert call_tool(bound, {"scope": "thread"}, context).error["code"] == "not_ready"
    assert call_tool(bound, {"scope": "day"}, context).output["tokens_in"] == 11
    agent.close()


def prompts(agent) -> int:
    return len(agent.model.seen)


def test_the_whole_chat_goes_before_the_model_where_it_is_wanted(start):
    usual = start(*["Yes."] * 8)
    thread = usual.threads.create("ann").id
    for number in range(6):
        turn(usual, f"Line {number}.", thread)
    assert len(usual.model.seen[-1]) == 1 + 6 + 1
    usual.close()
    whole = start(*["Yes."] * 2, full_history=True)
    turn(whole, "Last line.", thread)
    assert len(whole.model.seen[-1]) == 1 + 12 + 1


class Steady(FakeChat):
    """A fake that says of itself that it always answers the same."""

    temperature: float = 0.0


def repeating(tmp_path, temperature: float = 0.0):
    embedder = FakeEmbedder()
    memory = ThoughtMemory(tmp_path / "memory", embedder)
    model = Steady(script=[f"Answer {number}." for number in range(9)], seen=[], temperature=temperature)
    return Agent(model, memory, embedder, [ADD], tmp_path, policies=Policies(repeat_answers=True))


def test_what_was_asked_before_is_answered_without_the_model(tmp_path):
    agent = repeating(tmp_path)

    def ask(text: str, user: str = "ann") -> str:
        events = turn(agent, text, agent.threads.create(user).id, user)
        thought_about(agent, "", user)
        return events["Done"].text

    assert ask("What is a tide?") == "Answer 0."
    assert ask("What is a tide?") == "Answer 0."
    assert prompts(agent) == 1
    assert ask("What is a tide? ") == "Answer 1."  # another prompt, if only by a space
    assert ask("What is a tide?", "bob") == "Answer 2."  # another user has a memory of their own
    agent.memory.insert("Ann lives in Porto.", user_id="ann")
    assert ask("What is a tide?") == "Answer 3."  # the memory has changed
    assert ask("What is a tide?", "bob") == "Answer 2."
    agent.close()


def test_a_model_that_varies_is_always_asked(tmp_path):
    agent = repeating(tmp_path, temperature=0.7)
    for number in range(2):
        assert turn(agent, "What is a tide?", agent.threads.create("ann").id)["Done"].text == f"Answer {number}."
    agent.close()


def test_thinking_can_wait_for_a_quiet_moment(start):
    agent = start("Nice.", "Good.", think_after_s=0.7)
    thread = agent.threads.create("ann").id
    began = time.monotonic()
    turn(agent, "My sister Maria lives in Porto.", thread)
    turn(agent, "My brother Tom lives in Lyon.", thread)
    if time.monotonic() - began < 0.6:
        assert len(agent.threads.jobs()) == 2
    thought_about(agent, thread)
    texts = [thought.text for thought in agent.memory.list(user_id="ann")]
    assert any("Porto" in text for text in texts)
    assert any("Lyon" in text for text in texts)


def test_an_idle_model_is_let_go_of():
    class Fake:
        unloaded = 0

        def unload(self) -> bool:
            self.unloaded += 1
            return True

    model = Fake()
    watch = IdleUnload(model, 0.3 / 60)
    for _ in range(5):
        time.sleep(0.1)
        watch.used()
    assert model.unloaded == 0
    time.sleep(0.6)
    watch.close()
    assert model.unloaded >= 1
    busy = Fake()
    watch = IdleUnload(busy, 0.1 / 60, lambda: True)
    time.sleep(0.5)
    watch.close()
    assert busy.unloaded == 0
    assert IdleUnload(object(), 1)._model is not None  # nothing to let go of: no thread
