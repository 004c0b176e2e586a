"""What ``openai:BASE_URL#MODEL`` asks of a server and takes from it, over real HTTP with the real default model."""

from __future__ import annotations

import json

import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from bethink.agents.agent import Agent
from bethink.agents.explain import explain
from bethink.app.build import model_options
from bethink.app.settings import Settings
from bethink.memory import ThoughtMemory
from bethink.models.registry import load_chat_model
from tests.agents.fakes import ADD
from tests.conftest import FakeEmbedder
from tests.models.openai_server import openai_server

NAMES = ("smollm2", "mine")
"""A base and an adapter of it, which vLLM serves under a name of its own."""
ASKED = [HumanMessage("What is the capital of France?")]
TOOL = {
    "type": "function",
    "function": {
        "name": "set_light",
        "description": "Set a lamp.",
        "parameters": {
            "type": "object",
            "properties": {"room": {"enum": ["kitchen", "hall"]}, "level": {"type": "integer"}},
            "required": ["room", "level"],
            "additionalProperties": False,
        },
    },
}


@pytest.fixture(scope="module")
def server(smollm2):
    with openai_server(smollm2, NAMES) as served:
        yield served


@pytest.fixture
def model(server):
    server.asked.clear()
    settings = Settings(model=f"openai:{server.url}#mine", max_new_tokens=40)
    return load_chat_model(settings.model, **model_options(settings))


def test_streaming_gives_what_invoke_gives_and_the_usage_last(model, server):
    chunks = list(model.stream(ASKED))
    assert "Paris" in "".join(str(chunk.text) for chunk in chunks)
    assert "".join(str(chunk.text) for chunk in chunks) == model.invoke(ASKED).text
    assert len([chunk for chunk in chunks if chunk.text]) > 3
    usage = sum(chunks[1:], chunks[0]).usage_metadata
    assert 0 < usage["output_tokens"] <= 40
    assert usage["input_tokens"] > 10
    first, second = server.asked
    assert first["model"] == second["model"] == "mine"
    assert first["stream_options"] == {"include_usage": True}
    assert first["max_completion_tokens"] == 40
    assert first["temperature"] == 0


@pytest.mark.parametrize("streamed", [True, False])
def test_a_call_comes_whole_and_its_result_goes_back(model, server, streamed):
    bound = model.bind_tools([TOOL], tool_choice="required")
    asked = [HumanMessage("Light the hall fully.")]
    message = sum(list(bound.stream(asked))[1:], next(bound.stream(asked))) if streamed else bound.invoke(asked)
    (call,) = message.tool_calls
    assert message.invalid_tool_calls == []
    assert call["name"] == "set_light"
    assert set(call["args"]) == {"room", "level"}
    assert server.asked[-1]["tools"] == [TOOL]
    said = AIMessage("", tool_calls=[call])
    answer = model.invoke([*asked, said, ToolMessage("The lamp is on.", tool_call_id=call["id"])])
    assert answer.text
    sent = server.asked[-1]["messages"]
    assert [each["role"] for each in sent] == ["user", "assistant", "tool"]
    assert json.loads(sent[1]["tool_calls"][0]["function"]["arguments"]) == call["args"]


def test_the_agent_runs_a_tool_through_it(server, tmp_path):
    model = load_chat_model(f"openai:{server.url}#smollm2", max_completion_tokens=40)
    embedder = FakeEmbedder()
    agent = Agent(model, ThoughtMemory(tmp_path / "memory", embedder), embedder, [ADD], tmp_path)
    server.eager = True
    try:
        thread = agent.threads.create("ann")
        events = list(agent.stream("Please add two numbers: 2 and 3.", user_id="ann", thread_id=thread.id))
    finally:
        server.eager = False
        agent.close()
    kinds = [event.kind for event in events]
    assert events[-1].status == "complete", events
    assert kinds.index("ToolStart") < kinds.index("ToolEnd") < kinds.index("Usage")
    start, end = (next(event for event in events if event.kind == kind) for kind in ("ToolStart", "ToolEnd"))
    assert end.ok
    assert end.result["total"] == start.arguments["a"] + start.arguments.get("b", 1)
    usage = next(event for event in events if event.kind == "Usage")
    assert usage.tokens_in > 20
    assert usage.tokens_out > 0


def refused(server, name="mine", tools=()):
    model = load_chat_model(f"openai:{server.url}#{name}")
    with pytest.raises(openai.APIStatusError) as told:
        (model.bind_tools(tools) if tools else model).invoke(ASKED)
    return explain(told.value)


def test_what_the_server_refuses_is_a_sentence_with_the_next_step(server, monkeypatch):
    error = refused(server, "nobody")
    assert "does not know this model" in error.message
    assert "nobody" in error.message
    assert "#" in error.hint
    monkeypatch.setattr(server, "parses", False)
    assert "--tool-call-parser" in refused(server, tools=[TOOL]).hint
    monkeypatch.setattr(server, "key", "sesame")
    monkeypatch.setenv("OPENAI_API_KEY", "wrong")
    assert "OPENAI_API_KEY" in refused(server).hint
    monkeypatch.setenv("OPENAI_API_KEY", "sesame")
    assert load_chat_model(f"openai:{server.url}#mine", max_completion_tokens=5).invoke(ASKED).text
