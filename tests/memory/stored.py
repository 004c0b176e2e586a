"""What tests of the store share: rows to put, and a store of either kind."""

from __future__ import annotations

from typing import Any

import numpy as np
from fake_embedder import WordHashEmbedder

from bethink.memory.server import chroma_server
from bethink.memory.store import ChromaStore, user_key
from bethink.memory.thought import Thought, thought_from_dict

ANA = user_key("ana")


def thoughts(count: int, start: int = 0) -> tuple[list[Thought], np.ndarray]:
    """So many thoughts and their vectors."""
    rows = [
        thought_from_dict(
            {
                "id": f"x{i:05d}y".ljust(24, "z"),
                "text": f"Thought number{i}.",
                "user_id": "ana",
                "created_at": "2024-01-01T00:00:00Z",
            }
        )
        for i in range(start, start + count)
    ]
    return rows, WordHashEmbedder().embed([row.text for row in rows])


def opened(place: Any) -> Any:
    """A store at a place of conftest."""
    if place.url is None:
        return ChromaStore(place.files, 64)
    made = chroma_server(place.url, 64)
    made.agree({"embedder": "fake", "dim": 64}, "here")
    return made


def names(store: Any) -> list[str]:
    """The collections of users."""
    return sorted(one.name for one in store.rows.client.list_collections() if one.name != "bethink-memory")
