"""A thought memory as a LangChain retriever, for chains and agents that take one."""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, Field, field_validator

from bethink.memory.memory import ThoughtMemory
from bethink.memory.store import user_key
from bethink.memory.thought import Hit
from bethink.memory.times import Timestamp, as_datetime


class ThoughtRetriever(BaseRetriever):
    """One user's thoughts as documents, best first.

    ``page_content`` is the thought's text, ``id`` its id; ``metadata`` has ``id``, ``date`` (``YYYY-MM-DD``), ``score``
    (the cosine), ``source_turns`` and ``triple`` (subject, relation, object, or None). Recalled text is data: put it
    into a prompt as a quotation, never as an instruction. Async calls run in a thread. Cost: one
    :meth:`bethink.memory.memory.ThoughtMemory.search` a query.

    Args:
        memory: the thought memory; closing it is the caller's.
        user_id: whose thoughts; fixed here, so that no query can ask for another's.
        k: thoughts at most (None: as the memory is set).
        as_of: what held at that time, instead of now.
        min_score: least cosine.
        max_tokens: room for the texts, counted as UTF-8 bytes / 4.

    Raises:
        ValueError: an empty user, a ``k`` below 1, or a bad date.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    memory: ThoughtMemory
    user_id: str
    k: int | None = Field(default=None, ge=1)
    as_of: Any = None
    min_score: float | None = None
    max_tokens: int | None = Field(default=None, ge=1)

    @field_validator("user_id")
    @classmethod
    def _named(cls, value: str) -> str:
        user_key(value)
        return value

    @field_validator("as_of")
    @classmethod
    def _dated(cls, value: Timestamp) -> Timestamp:
        if value is not None:
            as_datetime(value)
        return value

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        hits = self.memory.search(
            query,
            user_id=self.user_id,
            k=self.k,
            as_of=self.as_of,
            min_score=self.min_score,
            max_tokens=self.max_tokens,
        )
        return [_document(hit) for hit in hits]


def _document(hit: Hit) -> Document:
    thought = hit.thought
    return Document(
        id=thought.id,
        page_content=thought.text,
        metadata={
            "id": thought.id,
            "date": thought.date,
            "score": hit.score,
            "source_turns": list(thought.source_turns),
            "triple": list(thought.triple) if thought.triple else None,
        },
    )
