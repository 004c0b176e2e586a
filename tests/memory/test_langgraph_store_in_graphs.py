"""Our store in other people's graphs: real compiled graphs and agents; chat model and embedder are fakes."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import pytest
from langchain.agents import create_agent
from langchain.tools import InjectedStore, ToolRuntime, tool
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_store
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore

from bethink.memory import LangGraphStore, run_user
from tests.fake_chat import calls, scripted


@dataclass
class Who:
    user_id: str


class State(TypedDict):
    said: str
    found: list[str]


def graph_of(node: Any, store: BaseStore, **options: Any) -> Any:
    builder = StateGraph(State, **options)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    builder.add_edge("node", END)
    return builder.compile(store=store)


def by_runtime(state: State, runtime: Runtime[Who]) -> dict[str, Any]:
    found = runtime.store.search(("said",), query=state["said"])
    runtime.store.put(("said",), uuid.uuid4().hex, {"text": state["said"]})
    return {"found": [item.value["text"] for item in found]}


def by_get_store(state: State) -> dict[str, Any]:
    store = get_store()
    found = store.search(("said",), query=state["said"])
    store.put(("said",), uuid.uuid4().hex, {"text": state["said"]})
    return {"found": [item.value["text"] for item in found]}


async def by_async_runtime(state: State, runtime: Runtime[Who]) -> dict[str, Any]:
    found = await runtime.store.asearch(("said",), query=state["said"])
    await runtime.store.aput(("said",), uuid.uuid4().hex, {"text": state["said"]})
    return {"found": [item.value["text"] for item in found]}


def by_parameter(state: State, config: RunnableConfig, *, store: BaseStore) -> dict[str, Any]:
    found = store.search(("said",), query=state["said"])
    store.put(("said",), uuid.uuid4().hex, {"text": state["said"]})
    return {"found": [item.value["text"] for item in found]}


@pytest.mark.parametrize("node", [by_runtime, by_get_store, by_parameter])
def test_a_node_uses_the_store_of_its_runs_user(memory, node):
    graph = graph_of(node, LangGraphStore(memory, run_user), context_schema=Who)
    assert graph.invoke({"said": "I like green tea"}, context=Who("ann"))["found"] == []
    assert graph.invoke({"said": "green tea?"}, context=Who("ann"))["found"] == ["I like green tea"]
    assert graph.invoke({"said": "green tea?"}, context=Who("bob"))["found"] == []
    assert len(memory.list(user_id="ann")) == 2


@pytest.mark.parametrize("node", [by_async_runtime, by_runtime, by_get_store])
def test_a_node_of_an_async_run(memory, node):
    graph = graph_of(node, LangGraphStore(memory, run_user), context_schema=Who)

    async def use():
        await graph.ainvoke({"said": "I like green tea"}, context=Who("ann"))
        runs = [graph.ainvoke({"said": "green tea?"}, context=Who(user)) for user in ("ann", "bob", "carl")]
        return [run["found"] for run in await asyncio.gather(*runs)]

    assert asyncio.run(use()) == [["I like green tea"], [], []]


def test_the_user_from_a_dictionary_or_from_the_config(memory):
    class Given(TypedDict):
        user_id: str

    graph = graph_of(by_runtime, LangGraphStore(memory, run_user), context_schema=Given)
    graph.invoke({"said": "I like tea"}, context={"user_id": "ann"})
    graph.invoke({"said": "I like tea too"}, config={"configurable": {"user_id": "bob"}})
    assert [len(memory.list(user_id=user)) for user in ("ann", "bob")] == [1, 1]
    with pytest.raises(ValueError, match="The run names no user"):
        graph.invoke({"said": "nobody"})


def test_tasks_of_the_functional_api(memory):
    @task
    def keep(text: str) -> int:
        get_store().put(("said",), text, {"text": text})
        return len(text)

    @entrypoint(store=LangGraphStore(memory, "ann"))
    def workflow(given: list[str], *, store: BaseStore) -> int:
        total = sum(future.result() for future in [keep(text) for text in given])
        return total + len(store.search(("said",)))

    assert workflow.invoke(["tea", "chess", "rain"]) == 12 + 3


# Tools as LangMem makes them: the model manages and searches items, the namespace is the developer's.


@tool
def manage_memory(content: str, runtime: ToolRuntime[Who, Any], action: str = "create", id: str = "") -> str:
    """Keep, change or delete something worth remembering."""
    key = id or str(uuid.uuid4())
    if action == "delete":
        runtime.store.delete(("memories",), key)
        return f"Deleted memory {key}"
    runtime.store.put(("memories",), key, {"content": content})
    return f"{action} memory {key}"


@tool
def search_memory(query: str, store: Annotated[BaseStore, InjectedStore()], limit: int = 10) -> str:
    """Search what was remembered."""
    return "; ".join(item.value["content"] for item in store.search(("memories",), query=query, limit=limit))


def agent_of(store: BaseStore, *script: Any) -> Any:
    return create_agent(
        scripted(*script), [manage_memory, search_memory], store=store, context_schema=Who, checkpointer=InMemorySaver()
    )


def test_an_agent_with_memory_tools(memory):
    store = LangGraphStore(memory, run_user, fields=["content"])
    agent = agent_of(
        store,
        calls("manage_memory", {"content": "Ann likes green tea"}),
        "I will remember.",
        calls("search_memory", {"query": "green tea"}),
        "Green tea.",
        calls("search_memory", {"query": "green tea"}),
        "I do not know.",
    )

    def ask(text: str, user: str, thread: str) -> Any:
        asked = {"messages": [HumanMessage(text)]}
        return agent.invoke(asked, context=Who(user), config={"configurable": {"thread_id": thread}})["messages"]

    ask("I like green tea", "ann", "1")
    assert [thought.text for thought in memory.list(user_id="ann")] == ["Ann likes green tea"]
    assert str(ask("What do I drink?", "ann", "2")[-2].text) == "Ann likes green tea"
    assert str(ask("What do I drink?", "bob", "3")[-2].text) == ""


def test_an_async_agent_changes_and_deletes(memory):
    store = LangGraphStore(memory, "ann", fields=["content"])
    agent = agent_of(
        store,
        calls("manage_memory", {"content": "Ann likes tea", "id": "m1"}),
        calls("manage_memory", {"content": "Ann likes coffee", "id": "m1", "action": "update"}),
        "Noted.",
        calls("manage_memory", {"content": "", "id": "m1", "action": "delete"}),
        "Gone.",
    )

    async def use() -> list[Any]:
        found = []
        for text in ("I like coffee now", "Forget it"):
            asked, config = {"messages": [HumanMessage(text)]}, {"configurable": {"thread_id": text}}
            await agent.ainvoke(asked, context=Who("ann"), config=config)
            found.append([item.value for item in await store.asearch(("memories",))])
        return found

    assert asyncio.run(use()) == [[{"content": "Ann likes coffee"}], []]


def test_a_stream_of_a_graph_with_the_store(memory):
    graph = graph_of(by_runtime, LangGraphStore(memory, run_user), context_schema=Who)
    parts = list(graph.stream({"said": "tea"}, context=Who("ann"), stream_mode="updates"))
    assert parts == [{"node": {"found": []}}]
    assert len(memory.list(user_id="ann")) == 1
