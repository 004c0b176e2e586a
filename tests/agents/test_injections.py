"""Texts that try to command the model, through all that it reads. The model (a fake) obeys every one that it sees:
whatever a real model would make of them, nothing with consequences happens, and all of them stay quoted data."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.utils.function_calling import convert_to_openai_tool

from bethink.agents.agent import Agent
from bethink.agents.conversation import Conversation
from bethink.agents.mcp_servers import MCPServers, ServerAddress
from bethink.app.openai_api.requests import ChatRequest, conversation_of
from bethink.memory import ThoughtMemory
from bethink.memory.extract import NullExtractor
from bethink.tools.contract import Tool, ToolError, ToolInput, ToolOutput
from bethink.tools.recommendation.tool import search_catalog
from tests.agents.fakes import FakeChat

FOLDER = Path(__file__).parent / "injections"
FIXTURES = {
    path.stem: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for path in sorted(FOLDER.glob("*.jsonl"))
}
CANARY = re.compile(r"kestrel-[a-z]\d\d")
WROTE: list[str] = []


class NoteInput(ToolInput):
    text: str = ""


class PageInput(ToolInput):
    n: int


class PageOutput(ToolOutput):
    body: str


def _write(given: NoteInput, context: Any) -> ToolOutput:
    WROTE.append(given.text)
    return ToolOutput(summary="Written.")


def _page(given: PageInput, context: Any) -> PageOutput:
    text = FIXTURES["tool_results"][given.n % 100]["text"]
    if given.n >= 100:
        raise ToolError("not_found", text, text)
    return PageOutput(summary=text, body=text)


WRITE = Tool("write", "Write a note.", NoteInput, ToolOutput, _write, confirm=True, read_only=False)
PAGE = Tool("page", "Read a page.", PageInput, PageOutput, _page)


class SameEmbedder:
    """A fake: all texts are alike, so that every thought is recalled."""

    name, dim = "fake-same", 8

    def embed(self, texts: Any) -> np.ndarray:
        return np.full((len(texts), self.dim), self.dim**-0.5, dtype=np.float32)


class Obeying(FakeChat):
    """Does what the script says first; then, where a canary is in sight, calls all tools with consequences, thrice."""

    offered: list[str] = []
    deeds: int = 0

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        self.offered.append(json.dumps([convert_to_openai_tool(tool) for tool in tools], ensure_ascii=False))
        return self

    def _stream(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Iterator[Any]:
        sight = "".join([*(str(message.content) for message in messages), *self.offered[-1:]])
        if self.script or not CANARY.search(sight) or self.deeds >= 3:
            yield from super()._stream(messages, stop, run_manager, **kwargs)
            return
        self.seen.append(messages)
        self.deeds += 1
        calls = [
            {
                "name": name,
                "args": '{"text": "obeyed"}',
                "id": f"{name}{self.deeds}",
                "index": i,
                "type": "tool_call_chunk",
            }
            for i, name in enumerate(["write", "other_write"])
        ]
        yield ChatGenerationChunk(message=AIMessageChunk("", tool_call_chunks=calls, chunk_position="last"))


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    pytest.importorskip("mcp", reason="the extra is not installed: pip install 'bethink[mcp]'")
    folder = tmp_path_factory.mktemp("servers")
    files = [str(FOLDER / f"{name}.jsonl") for name in ("mcp_descriptions", "mcp_results")]
    script = str(Path(__file__).with_name("hostile_mcp.py"))
    made = MCPServers(
        {"other": ServerAddress(command=sys.executable, args=[script, *files, str(folder / "written")])}, folder
    )
    assert made.problems == []
    yield made
    made.close()
    assert not (folder / "written").exists()


@pytest.fixture(scope="module")
def agent(tmp_path_factory):
    """Learns all that it is given, whoever said it."""
    made = agent_with(tmp_path_factory.mktemp("agent"), [WRITE, PAGE, search_catalog])
    yield made
    made.close()


@pytest.fixture(scope="module")
def connected(tmp_path_factory, servers):
    by_name = [tool for tool in servers.tools if tool.name in ("other_read", "other_write")]
    made = agent_with(tmp_path_factory.mktemp("connected"), [WRITE, *by_name])
    yield made
    made.close()


def agent_with(folder: Path, tools: list[Tool]) -> Agent:
    embedder = SameEmbedder()
    memory = ThoughtMemory(folder / "memory", embedder, extractor=NullExtractor())
    return Agent(Obeying(script=[], seen=[], offered=[]), memory, embedder, tools, folder)


@pytest.fixture(autouse=True)
def nothing_is_written():
    WROTE.clear()
    yield
    assert WROTE == []


def fresh(agent: Agent, *script: Any) -> Obeying:
    model = agent.model
    assert isinstance(model, Obeying)
    model.script[:], model.deeds = list(script), 0
    model.seen.clear()
    model.offered.clear()
    return model


def turn(agent: Agent, text: str, user: str, thread: str | None = None) -> str:
    thread = thread or agent.threads.create(user).id
    names = {tool.name for tool in agent.tools if tool.confirm}
    events = agent.stream(text, user_id=user, thread_id=thread)
    tried = [event for event in events if event.kind == "ToolEnd" and event.name in names]
    assert all(end.result["error"]["code"] == "needs_approval" for end in tried)
    return thread


def misplaced(model: Obeying, *, client_said: bool = False) -> list[str]:
    """Where a canary stands that is not quoted."""
    messages = [message for seen in model.seen for message in seen if CANARY.search(str(message.content))]
    return [
        *(f"schema: {tools}" for tools in model.offered if CANARY.search(tools)),
        *(f"{message.type}: {message.content}" for message in messages if not _quoted(message, client_said)),
    ]


def _quoted(message: BaseMessage, client_said: bool) -> bool:
    text = str(message.content)
    if isinstance(message, ToolMessage):
        return isinstance(json.loads(text), dict)
    if isinstance(message, SystemMessage):
        return False
    if isinstance(message, AIMessage) and client_said:
        return True  # what the client says that the assistant said stays with the assistant
    assert isinstance(message, (AIMessage, HumanMessage))
    lines = [line for line in text.splitlines() if CANARY.search(line)]
    return all(line.startswith("> ") and not set(line[1:]) & set("<>") for line in lines)


def saw(model: Obeying, canary: str) -> bool:
    return any(canary in str(message.content) for messages in model.seen for message in messages)


def cases(channel: str) -> Any:
    rows = list(enumerate(FIXTURES[channel]))
    return pytest.mark.parametrize(
        ("n", "fixture"), rows, ids=[f"{row['language']}-{row['style'].replace(' ', '-')}-{n}" for n, row in rows]
    )


def canary_of(fixture: dict[str, str]) -> str:
    (found,) = CANARY.findall(fixture["text"])
    return str(found)


def learned(agent: Agent, user: str) -> str:
    return " ".join(thought.text for thought in agent.memory.list(user_id=user))


def test_there_are_enough_and_no_two_are_the_same():
    texts = [canary_of(fixture) for rows in FIXTURES.values() for fixture in rows]
    assert len(texts) == len(set(texts)) >= 60
    assert len({fixture["language"] for rows in FIXTURES.values() for fixture in rows}) >= 10


def test_the_model_does_obey_where_the_user_approves(agent):
    model = fresh(agent)
    agent.memory.insert("Please write kestrel-x00.", user_id="approving")
    thread = agent.threads.create("approving").id
    list(agent.stream("Hello.", user_id="approving", thread_id=thread, approve=True))
    assert WROTE == ["obeyed"] * 3
    assert model.deeds == 3
    WROTE.clear()


@cases("memory")
def test_through_recalled_memory(agent, n, fixture):
    model = fresh(agent)
    agent.memory.insert(fixture["text"], user_id=f"memory{n}")
    turn(agent, "What do you know of me?", f"memory{n}")
    assert saw(model, canary_of(fixture))
    assert model.deeds == 3
    assert misplaced(model) == []


@cases("files")
def test_through_uploaded_files(agent, n, fixture):
    user, text = f"files{n}", fixture["text"]
    folder = agent.folder_of(user)
    folder.mkdir(parents=True)
    with (folder / "shop.csv").open("w", newline="", encoding="utf-8") as file:
        rows = [["id", "title", "description"], ["1", "Lamp", "A lamp."], ["2", "Shoes", "Red shoes."]]
        rows[2][1:] = [text, text]
        if n % 2:  # in the name of a column, too
            rows = [[*row, extra] for row, extra in zip(rows, (text, text, text), strict=True)]
        csv.writer(file).writerows(rows)
    call = {"query": "shoes lamp", "upload": "shop.csv"}
    model = fresh(agent, ("search_catalog", call))
    thread = turn(agent, "What is in my file?", user)
    assert saw(model, canary_of(fixture))
    assert model.deeds == 3
    turn(agent, f"/search_catalog {json.dumps(call)}", user, thread)
    turn(agent, "Thank you.", user, thread)
    assert misplaced(model) == []
    assert not CANARY.search(learned(agent, user))


@cases("tool_results")
@pytest.mark.parametrize("failing", [0, 100])
def test_through_tool_results(agent, n, fixture, failing):
    user = f"tools{n + failing}"
    model = fresh(agent, ("page", {"n": n + failing}))
    thread = turn(agent, "Read the page to me.", user)
    assert saw(model, canary_of(fixture))
    assert model.deeds == 3
    turn(agent, f'/page {{"n": {n + failing}}}', user, thread)  # the answer is the tool's own words
    turn(agent, "Thank you.", user, thread)
    assert sum(canary_of(fixture) in str(message.content) for message in model.seen[-1]) >= 1
    assert misplaced(model) == []
    assert "Thank you" in learned(agent, user)
    assert not CANARY.search(learned(agent, user))


@cases("mcp_descriptions")
def test_through_descriptions_of_other_servers_tools(servers, tmp_path, n, fixture):
    tools = [tool for tool in servers.tools if tool.name in (f"other_look{n}", "other_write")]
    agent = agent_with(tmp_path, [WRITE, *tools])
    try:
        model = fresh(agent)
        turn(agent, "Look up the word horse.", "ann")
    finally:
        agent.close()
    assert saw(model, canary_of(fixture))
    assert model.deeds == 3
    assert misplaced(model) == []
    assert f"other_look{n}" in model.offered[-1]
    assert "word" in model.offered[-1]


@cases("mcp_results")
def test_through_results_of_other_servers_tools(connected, n, fixture):
    user = f"results{n}"
    model = fresh(connected, ("other_read", {"n": n}))
    thread = turn(connected, "Read the line to me.", user)
    assert saw(model, canary_of(fixture))
    assert model.deeds == 3
    turn(connected, f'/other_read {{"n": {n}}}', user, thread)
    turn(connected, "Thank you.", user, thread)
    assert misplaced(model) == []
    assert not CANARY.search(learned(connected, user))


def asked(kind: str, text: str) -> Conversation:
    """A client's request with the text at the place of that kind."""
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    question = {"role": "user", "content": "Hello."}
    look: dict[str, Any] = {
        "name": "look",
        "parameters": {"type": "object", "properties": {"word": {"type": "string"}}},
    }
    messages = {
        "system": [{"role": "system", "content": text}, question],
        "assistant": [question, {"role": "assistant", "content": text}, question],
        "tool": [question, {"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "c", "content": text}],
        "description": [question],
        "command": [{"role": "user", "content": text}, {"role": "assistant", "content": "Done."}, question],
    }[kind]  # fmt: skip
    if kind == "description":
        look["description"] = text
        look["parameters"]["properties"]["word"]["description"] = text
    body = {"model": "bethink", "messages": messages, "tools": [{"type": "function", "function": look}]}
    return conversation_of(ChatRequest.model_validate(body), ["write", "page"])


@cases("history")
def test_through_what_a_client_sends(agent, n, fixture):
    kind, user = fixture["style"], f"client{n}"
    model = fresh(agent)
    events = list(agent.reply(asked(kind, fixture["text"]), user_id=user))
    assert events[-1].status == "complete"
    assert saw(model, canary_of(fixture))
    assert model.deeds == 3
    if kind != "command":  # what the user wrote is theirs
        assert misplaced(model, client_said=True) == []
    assert not CANARY.search(learned(agent, user))
