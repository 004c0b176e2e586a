"""The tools in other people's hands: a LangGraph agent, and whatever speaks OpenAI's chat completions."""

from __future__ import annotations

import json
import re

import jsonschema
import pytest
from langchain.agents import create_agent
from langchain_core.messages import ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from openai.types.chat import ChatCompletionToolParam
from pydantic import TypeAdapter

from bethink.agents import memory_tools
from bethink.memory import ThoughtMemory
from bethink.tools import all_tools, langchain_tools, openai_tools, run_tool_call
from tests.conftest import FakeEmbedder
from tests.fake_chat import calls, scripted

SMALL = {"cycles": 20, "members": 10}


@pytest.fixture
def memory(tmp_path):
    with ThoughtMemory(tmp_path / "memory", FakeEmbedder()) as made:
        yield made


def run(agent, words: str = "Go.", **options):
    return agent.invoke({"messages": [("user", words)]}, **options)


def told(answer) -> list[ToolMessage]:
    return [message for message in answer["messages"] if isinstance(message, ToolMessage)]


def test_a_langgraph_agent_runs_a_tool_and_has_its_whole_output(tmp_path):
    model = scripted(calls("track_state", SMALL), "The error is small.")
    agent = create_agent(model, langchain_tools(tmp_path), checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    answer = run(agent, config=config)
    assert model.bound == [tool.name for tool in all_tools()]
    (message,) = told(answer)
    made = message.artifact["structured_content"]
    assert made["summary"] == json.loads(message.text)["summary"]
    assert made["plots"]
    assert "plots" not in json.loads(message.text)
    assert all((tmp_path / plot["path"].rsplit("/", 1)[-1]).exists() for plot in made["plots"])
    kept = agent.get_state(config).values["messages"]
    assert next(m for m in kept if isinstance(m, ToolMessage)).artifact == message.artifact


def test_progress_is_on_the_custom_stream(tmp_path):
    agent = create_agent(scripted(calls("track_state", SMALL), "Done."), langchain_tools(tmp_path))
    events = list(agent.stream({"messages": [("user", "Go.")]}, stream_mode="custom"))
    shares = [event["tool_progress"]["done"] for event in events]
    assert len(shares) > 1
    assert shares == sorted(shares)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"cycles": "many"}, "cycles:"), ({"nosuch": 1}, "nosuch:"), ({"upload": "x.csv"}, "folder of uploaded files")],
)
def test_what_the_model_got_wrong_is_told_to_it(tmp_path, arguments, words):
    agent = create_agent(scripted(calls("track_state", arguments), "Sorry."), langchain_tools(tmp_path))
    (message,) = told(run(agent))
    assert words in json.loads(message.text)["error"]["message"]
    assert message.artifact["structured_content"]["error"]["hint"]


def test_files_come_from_the_folder_that_was_given(tmp_path):
    (tmp_path / "tank.csv").write_text("level\n" + "\n".join(str(n % 7) for n in range(60)))
    (tool,) = [tool for tool in langchain_tools(tmp_path / "plots", uploads=tmp_path) if tool.name == "track_state"]
    message = tool.invoke({"name": tool.name, "args": {"upload": "tank.csv"}, "id": "1", "type": "tool_call"})
    assert "error" not in json.loads(message.text)


def test_the_memory_of_one_user_as_tools(tmp_path, memory):
    model = scripted(
        calls("memory_add", {"text": "My sister Maria lives in Porto."}),
        calls("memory_search", {"query": "Where does Maria live?", "k": 3}),
        "In Porto.",
    )
    run(create_agent(model, langchain_tools(tmp_path, memory_tools(memory, "ann"))))
    assert [thought.text for thought in memory.list(user_id="ann")] == ["My sister Maria lives in Porto."]
    other = create_agent(
        scripted(calls("memory_list", {}), "-"), langchain_tools(tmp_path, memory_tools(memory, "bob"))
    )
    (message,) = told(run(other))
    assert message.artifact["structured_content"]["thoughts"] == []


def test_forgetting_needs_ids_and_can_be_undone(tmp_path, memory):
    kept = memory.insert("My sister Maria lives in Porto.", user_id="ann")
    tools = memory_tools(memory, "ann")
    assert {tool.name for tool in tools if tool.confirm} == {"memory_forget", "memory_undo"}
    assert "ids" in run_tool_call("memory_forget", "{}", tools=tools)
    gone = json.loads(run_tool_call("memory_forget", json.dumps({"ids": [kept.id, "nosuch"]}), tools=tools))
    assert (gone["forgotten"], gone["unknown"]) == (1, ["nosuch"])
    assert memory.list(user_id="ann") == []
    back = json.loads(run_tool_call("memory_undo", json.dumps({"undo_token": gone["undo_token"]}), tools=tools))
    assert back["count"] == 1
    assert [thought.id for thought in memory.list(user_id="ann")] == [kept.id]


def test_what_is_known_already_changes_nothing(memory):
    tools = memory_tools(memory, "ann")
    said = json.dumps({"text": "I live in Porto."})
    assert json.loads(run_tool_call("memory_add", said, tools=tools))["count"] == 1
    again = json.loads(run_tool_call("memory_add", said, tools=tools))
    assert again["count"] == 0
    assert [change["op"] for change in again["changes"]] == ["noop"]


def test_the_list_for_openai_is_what_its_client_takes(memory):
    tools = openai_tools([*all_tools(), *memory_tools(memory, "ann")])
    TypeAdapter(list[ChatCompletionToolParam]).validate_python(tools, strict=True)
    assert len(tools) == 12
    for tool in tools:
        function = tool["function"]
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", function["name"])
        assert 0 < len(function["description"]) <= 1024
        assert function["parameters"]["type"] == "object"
        jsonschema.Draft202012Validator.check_schema(function["parameters"])
    json.dumps(tools)
    assert [tool["function"]["name"] for tool in openai_tools()] == [tool.name for tool in all_tools()]


def test_every_example_fits_the_schema_that_is_given_away(memory):
    given = {tool["function"]["name"]: tool["function"]["parameters"] for tool in openai_tools()}
    for tool in all_tools():
        for _, arguments in tool.examples:
            jsonschema.validate(arguments, given[tool.name])


def test_a_call_of_openais_runs(tmp_path):
    made = json.loads(run_tool_call("track_state", json.dumps(SMALL), folder=tmp_path))
    assert made["summary"]
    assert list(tmp_path.glob("*.png"))


@pytest.mark.parametrize(
    ("name", "arguments", "code", "words"),
    [
        ("nosuch", "{}", "not_found", "There is no tool 'nosuch'"),
        ("search_catalog", "", "invalid_input", "query"),
        ("search_catalog", "{", "invalid_input", "not JSON"),
        ("search_catalog", "[1]", "invalid_input", "no JSON object"),
        ("search_catalog", "[" * 100_000, "invalid_input", "not JSON"),
        ("search_catalog", '{"query": "x", "k": NaN}', "invalid_input", "k:"),
        ("search_catalog", json.dumps({"query": "x" * 1_000_000}), "invalid_input", "query:"),
        ("search_catalog", json.dumps({"q" * 1_000_000: 1}), "invalid_input", "Extra inputs"),
        ("n" * 1_000_000, "{}", "not_found", "There is no tool"),
    ],
)
def test_whatever_a_model_wrote_comes_back_as_data(tmp_path, name, arguments, code, words):
    text = run_tool_call(name, arguments, folder=tmp_path)
    error = json.loads(text)["error"]
    assert error["code"] == code
    assert words in error["message"]
    assert len(text) < 2_000
