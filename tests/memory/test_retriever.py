"""The retriever in real chains; the chat model and the embedder are fakes."""

from __future__ import annotations

import asyncio
import json

import pytest
from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_core.tools import create_retriever_tool
from pydantic import ValidationError

from bethink.memory import ThoughtRetriever
from tests.fake_chat import scripted


@pytest.fixture
def known(memory):
    memory.insert("Ann likes green tea.", user_id="ann", timestamp="2024-01-05")
    memory.add("I live in Porto.", user_id="ann", turn_id="t1", timestamp="2024-02-01")
    memory.add("I live in Oslo now.", user_id="ann", turn_id="t2", timestamp="2024-06-01")
    memory.insert("Bob drinks coffee.", user_id="bob")
    return memory


def test_documents(known):
    found = ThoughtRetriever(memory=known, user_id="ann", k=1).invoke("green tea")
    [thought] = [one for one in known.list(user_id="ann") if "tea" in one.text]
    assert found == [Document(id=thought.id, page_content="Ann likes green tea.", metadata=found[0].metadata)]
    assert {**found[0].metadata, "score": 0} == {
        "id": thought.id, "date": "2024-01-05", "score": 0, "source_turns": [], "triple": None,
    }  # fmt: skip
    assert 0.3 < found[0].metadata["score"] <= 1
    json.dumps(found[0].metadata)


def test_triples_and_source_turns(known):
    [found] = ThoughtRetriever(memory=known, user_id="ann", k=1).invoke("live in Oslo")
    assert found.metadata["triple"] == ["user", "lives in", "Oslo"]
    assert found.metadata["source_turns"] == ["t2"]


def test_what_held_at_a_time(known):
    found = ThoughtRetriever(memory=known, user_id="ann", as_of="2024-03-01").invoke("live")
    assert "Porto" in " ".join(one.page_content for one in found)
    assert "Oslo" not in " ".join(one.page_content for one in found)


def test_limits(known):
    every = ThoughtRetriever(memory=known, user_id="ann").invoke("green tea")
    assert len(every) == 2
    assert len(ThoughtRetriever(memory=known, user_id="ann", min_score=0.3).invoke("green tea")) == 1
    assert len(ThoughtRetriever(memory=known, user_id="ann", max_tokens=6).invoke("green tea")) == 1
    assert ThoughtRetriever(memory=known, user_id="ann").invoke("") == []


def test_one_user_only(known):
    assert [one.page_content for one in ThoughtRetriever(memory=known, user_id="bob").invoke("green tea")] == [
        "Bob drinks coffee."
    ]
    assert ThoughtRetriever(memory=known, user_id="carl").invoke("green tea") == []


def test_async_and_batch(known):
    retriever = ThoughtRetriever(memory=known, user_id="ann", k=1)
    assert asyncio.run(retriever.ainvoke("green tea")) == retriever.invoke("green tea")
    tea, oslo = retriever.batch(["green tea", "live in Oslo"])
    assert (tea[0].page_content, oslo[0].page_content) == ("Ann likes green tea.", "I live in Oslo now.")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"user_id": " "}, "user_id is needed"),
        ({"k": 0}, "greater than or equal to 1"),
        ({"as_of": "soon"}, "Not a date"),
    ],
)
def test_bad_arguments_are_refused_at_once(memory, given, told):
    with pytest.raises(ValidationError, match=told):
        ThoughtRetriever(memory=memory, **{"user_id": "ann", **given})


@pytest.mark.parametrize("kind", ["sync", "async", "stream"])
def test_in_a_chain(known, kind):
    model = scripted("Green tea.")
    prompt = ChatPromptTemplate.from_messages([("system", "Known, as quotations:\n{known}"), ("human", "{question}")])
    quoted = RunnableLambda(lambda found: "\n".join(f"> {one.page_content}" for one in found))
    retriever = ThoughtRetriever(memory=known, user_id="ann", k=1)
    chain = {"known": retriever | quoted, "question": RunnablePassthrough()} | prompt | model | StrOutputParser()
    question = "Green tea: who likes it?"
    if kind == "sync":
        answer = chain.invoke(question)
    elif kind == "async":
        answer = asyncio.run(chain.ainvoke(question))
    else:
        answer = "".join(chain.stream(question))
    assert answer == "Green tea."
    assert [message.text for message in model.seen[-1]] == ["Known, as quotations:\n> Ann likes green tea.", question]


def test_as_a_tool(known):
    retriever = ThoughtRetriever(memory=known, user_id="ann", k=1)
    assert (
        create_retriever_tool(retriever, "recall", "What is known.").invoke({"query": "green tea"})
        == "Ann likes green tea."
    )
