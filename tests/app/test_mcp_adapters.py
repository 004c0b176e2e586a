"""Agents that know nothing of Bethink: its tools over MCP by langchain-mcp-adapters, its memory as LangGraph's store."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("langchain_mcp_adapters", reason="the extra is not installed: pip install 'bethink[mcp]'")

from langchain.agents import create_agent
from langchain_core.messages import ToolMessage
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_mcp_adapters.tools import load_mcp_tools
from langgraph.prebuilt import ToolRuntime

from bethink.app.mcp import Toolbox
from bethink.memory import LangGraphStore, ThoughtMemory
from tests.app.mcp_calls import BETHINK, Counter, campaign, every_call, serving
from tests.conftest import FakeEmbedder
from tests.fake_chat import calls, scripted


@pytest.fixture
def memory(tmp_path):
    with ThoughtMemory(tmp_path / "memory", FakeEmbedder()) as made:
        yield made


async def call_all(tools) -> None:
    """Every tool by its LangChain face; errors would be raised or have no structured content."""
    arguments = every_call()
    assert {tool.name for tool in tools} == set(arguments)
    token = ""
    for tool in tools:
        given = {"undo_token": token} if tool.name == "memory_undo" else arguments[tool.name]
        message = await tool.ainvoke({"name": tool.name, "args": given, "id": "1", "type": "tool_call"})
        assert message.status == "success", (tool.name, message.content)
        made = message.artifact["structured_content"]
        assert made["summary"]
        assert {block["type"] for block in message.content} == {"text"}
        if tool.name == "memory_add":
            token = made["changes"][0]["undo_token"]


@pytest.mark.slow
def test_adapters_list_and_call_every_tool_over_http(tmp_path, memory):
    async def use(url):
        client = MultiServerMCPClient({"bethink": {"transport": "streamable_http", "url": url}})
        await call_all(await client.get_tools())

    with serving(Toolbox(tmp_path / "data", memory, uploads=campaign(tmp_path / "up"))) as url:
        asyncio.run(use(url))


@pytest.mark.slow
def test_adapters_list_and_call_every_tool_over_stdio(tmp_path):
    place = ["--data", str(tmp_path / "data"), "--uploads", str(campaign(tmp_path / "up"))]
    started = {"transport": "stdio", "command": BETHINK, "args": ["mcp", *place], "env": {"OMP_NUM_THREADS": "1"}}

    async def use():
        client = MultiServerMCPClient({"bethink": started})
        async with client.session("bethink") as session:
            await call_all(await load_mcp_tools(session))

    asyncio.run(use())


def test_an_agent_that_knows_nothing_of_bethink_uses_tools_over_mcp_and_a_store(tmp_path, memory):
    def note(text: str, runtime: ToolRuntime) -> str:
        """Keep a note."""
        runtime.store.put(("notes",), "drink", {"text": text})
        return "kept"

    async def use(url):
        client = MultiServerMCPClient({"bethink": {"transport": "streamable_http", "url": url}})
        model = scripted(
            calls("count", {"to": 2}),
            calls("memory_add", {"text": "My sister Maria lives in Porto."}),
            calls("note", {"text": "Ann is fond of tea."}),
            calls("count", {"to": "many"}),
            "Done.",
        )
        store = LangGraphStore(memory, "ann", fields=["text"])
        agent = create_agent(model, [*await client.get_tools(), note], store=store)
        return await agent.ainvoke({"messages": [("user", "Count, remember, note.")]})

    with serving(Toolbox(tmp_path, memory, [Counter().tool])) as url:
        answer = asyncio.run(use(url))
    told = [message for message in answer["messages"] if isinstance(message, ToolMessage)]
    assert told[0].artifact["structured_content"]["to"] == 2
    assert "Counted to 2." in str(told[0].content)
    assert told[3].status == "error"
    assert "valid integer" in str(told[3].content)
    assert answer["messages"][-1].text == "Done."
    texts = {thought.text for thought in memory.list(user_id="ann")}
    assert "My sister Maria lives in Porto." in texts
    assert any("Ann is fond of tea." in text for text in texts)


def test_the_same_over_stdio_with_a_server_process_of_its_own(tmp_path, memory):
    def note(text: str, runtime: ToolRuntime) -> str:
        """Keep a note."""
        runtime.store.put(("notes",), "drink", {"text": text})
        return "kept"

    def recall(query: str, runtime: ToolRuntime) -> str:
        """Look among the notes."""
        return str([item.value for item in runtime.store.search(("notes",), query=query)])

    arguments = ["mcp", "--no-memory", "--data", str(tmp_path / "data")]
    started = {"transport": "stdio", "command": BETHINK, "args": arguments, "env": {"OMP_NUM_THREADS": "1"}}
    model = scripted(
        calls("track_state", {"system": "lorenz63", "cycles": 20}),
        calls("note", {"text": "Ann is fond of tea."}),
        calls("recall", {"query": "tea"}),
        "Done.",
    )

    async def use():
        async with MultiServerMCPClient({"bethink": started}).session("bethink") as session:
            tools = [*await load_mcp_tools(session), note, recall]
            agent = create_agent(model, tools, store=LangGraphStore(memory, "ann", fields=["text"]))
            return await agent.ainvoke({"messages": [("user", "Track it, keep a note, look it up.")]})

    found, kept, recalled = [one for one in asyncio.run(use())["messages"] if isinstance(one, ToolMessage)]
    assert "Lorenz-63" in found.artifact["structured_content"]["summary"]
    assert kept.text == "kept"
    assert "Ann is fond of tea." in recalled.text
    assert {"track_state", "note", "recall"} <= set(model.bound)
    assert not {name for name in model.bound if name.startswith("memory_")}
