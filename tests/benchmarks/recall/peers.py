"""Other people's memories behind the same question: what do you find for this?"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

from bethink.agents.evaluation.conversations import Conversation
from tests.benchmarks.recall.data import KS, Found

Absent = ModuleNotFoundError
"""A peer is not installed."""


def langgraph(conversation: Conversation, texts: Sequence[str], embedder: Any) -> Iterator[Found]:
    """LangGraph's ``InMemoryStore`` with an index over the texts."""
    from langgraph.store.memory import InMemoryStore

    def embed(batch: Sequence[str]) -> list[list[float]]:
        return embedder.embed(list(batch)).tolist()

    store = InMemoryStore(index={"embed": embed, "dims": embedder.dim, "fields": ["text"]})
    for turn, text in zip(conversation.turns, texts, strict=True):
        store.put(("user",), turn.id, {"text": text})

    def found(question: str) -> list[tuple[str, ...]]:
        return [(item.key,) for item in store.search(("user",), query=question, limit=max(KS))]

    yield found


def mem0(conversation: Conversation, texts: Sequence[str], embedder: Any) -> Iterator[Found]:
    """mem0's open-source memory with ``infer=False`` over a local Chroma, the same MiniLM, no network."""
    import os

    os.environ["MEM0_TELEMETRY"] = "False"
    from mem0 import Memory
    from mem0.configs.base import MemoryConfig

    with tempfile.TemporaryDirectory(prefix="bethink-bench-mem0-") as place:
        os.environ["MEM0_DIR"] = place
        config = {
            "vector_store": {"provider": "chroma", "config": {"collection_name": "bench", "path": f"{place}/chroma"}},
            "embedder": {"provider": "openai", "config": {"api_key": "none"}},
            "llm": {"provider": "openai", "config": {"api_key": "none"}},
            "history_db_path": f"{place}/history.db",
        }
        memory = Memory(MemoryConfig(**config))
        memory.embedding_model = _Embedding(embedder)
        for turn, text in zip(conversation.turns, texts, strict=True):
            memory.add(text, user_id="user", metadata={"turn": turn.id}, infer=False)

        def found(question: str) -> list[tuple[str, ...]]:
            hits = memory.search(question, top_k=max(KS), filters={"user_id": "user"}, threshold=0.0)["results"]
            return [(hit["metadata"]["turn"],) for hit in hits]

        yield found
        memory.close()


class _Embedding:
    """mem0's embedding interface over our embedder."""

    def __init__(self, embedder: Any) -> None:
        self._embedder = embedder

    def embed(self, text: str, memory_action: str | None = None) -> list[float]:
        return self._embedder.embed([text])[0].tolist()

    def embed_batch(self, texts: list[str], memory_action: str | None = None) -> list[list[float]]:
        return self._embedder.embed(texts).tolist()
