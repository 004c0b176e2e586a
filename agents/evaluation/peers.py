"""Other people's memories behind the face of :mod:`bethink.agents.evaluation.memories`, with the same embedder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bethink.agents.evaluation.conversations import Conversation, EvaluationError
from bethink.agents.evaluation.memories import Item, Remembering, items


@contextmanager
def langgraph(folder: Path, embedder: Any) -> Iterator[Remembering]:
    """LangGraph's ``InMemoryStore`` with an index over the texts, a namespace a user."""
    yield _LangGraph(embedder)


class _LangGraph:
    def __init__(self, embedder: Any) -> None:
        from langgraph.store.memory import InMemoryStore

        def embed(batch: Sequence[str]) -> list[list[float]]:
            vectors: list[list[float]] = embedder.embed(list(batch)).tolist()
            return vectors

        self._store: Any = InMemoryStore(index={"embed": embed, "dims": embedder.dim, "fields": ["text"]})

    def add(self, conversation: Conversation, what: str) -> int:
        found = items(conversation, what)
        for item in found:
            value = {"text": item.text, "at": item.at, "sources": list(item.sources)}
            self._store.put((conversation.id,), item.id, value)
        return len(found)

    def recall(self, user: str, question: str, k: int) -> list[Item]:
        return [self._item(found) for found in self._store.search((user,), query=question, limit=k)]

    def forget(self, user: str, ids: Sequence[str]) -> None:
        for ident in ids:
            self._store.delete((user,), ident)

    def held(self, user: str) -> list[Item]:
        return [self._item(found) for found in self._store.search((user,), limit=10**9)]

    @staticmethod
    def _item(found: Any) -> Item:
        return Item(found.key, found.value["text"], found.value["at"], tuple(found.value["sources"]))


@contextmanager
def mem0(folder: Path, embedder: Any) -> Iterator[Remembering]:
    """mem0's open-source memory with ``infer=False`` over a Chroma in the folder; no network.

    Raises:
        EvaluationError: it is not installed.
    """
    kept = {name: os.environ.get(name) for name in ("MEM0_TELEMETRY", "MEM0_DIR")}
    os.environ.update(MEM0_TELEMETRY="False", MEM0_DIR=str(folder))
    try:
        try:
            from mem0 import Memory
            from mem0.configs.base import MemoryConfig
        except ModuleNotFoundError as problem:
            raise EvaluationError("mem0 is not installed here. To compare with it: pip install mem0ai") from problem
        config = {
            "vector_store": {"provider": "chroma", "config": {"collection_name": "eval", "path": f"{folder}/chroma"}},
            "embedder": {"provider": "openai", "config": {"api_key": "none"}},
            "llm": {"provider": "openai", "config": {"api_key": "none"}},
            "history_db_path": f"{folder}/history.db",
        }
        memory = Memory(MemoryConfig(**config))
        memory.embedding_model = _Embedding(embedder)
        try:
            yield _Mem0(memory)
        finally:
            memory.close()
    finally:
        for name, value in kept.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class _Mem0:
    def __init__(self, memory: Any) -> None:
        self._memory = memory

    def add(self, conversation: Conversation, what: str) -> int:
        found = items(conversation, what)
        for item in found:
            told = {"at": item.at, "sources": " ".join(item.sources)}
            self._memory.add(item.text, user_id=conversation.id, metadata=told, infer=False)
        return len(found)

    def recall(self, user: str, question: str, k: int) -> list[Item]:
        found = self._memory.search(question, top_k=k, filters={"user_id": user}, threshold=0.0)
        return [self._item(hit) for hit in found["results"]]

    def forget(self, user: str, ids: Sequence[str]) -> None:
        for ident in ids:
            self._memory.delete(ident)

    def held(self, user: str) -> list[Item]:
        return [self._item(hit) for hit in self._memory.get_all(filters={"user_id": user}, top_k=10**6)["results"]]

    @staticmethod
    def _item(hit: Any) -> Item:
        return Item(hit["id"], hit["memory"], hit["metadata"]["at"], tuple(hit["metadata"]["sources"].split()))


class _Embedding:
    """mem0's embedding interface over our embedder."""

    def __init__(self, embedder: Any) -> None:
        self._embedder = embedder

    def embed(self, text: str, memory_action: str | None = None) -> list[float]:
        vector: list[float] = self._embedder.embed([text])[0].tolist()
        return vector

    def embed_batch(self, texts: list[str], memory_action: str | None = None) -> list[list[float]]:
        vectors: list[list[float]] = self._embedder.embed(texts).tolist()
        return vectors
