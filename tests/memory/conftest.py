from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from chroma_process import chroma_process, wipe
from fake_embedder import WordHashEmbedder

from bethink.memory import ThoughtMemory
from bethink.memory.server import chroma_server


@pytest.fixture
def embedder():
    """The fake; the real one is in test_real_embedder.py."""
    return WordHashEmbedder()


@pytest.fixture
def memory(place, embedder):
    """On both stores."""
    with place.open(embedder) as opened:
        yield opened


@dataclass
class Place:
    """Where a test's thoughts are kept: in the folder itself, or on a server (of which ``files`` is the folder)."""

    kind: str
    folder: Path
    url: str | None
    files: Path

    def open(self, embedder: Any, folder: str = "memory", **options: Any) -> ThoughtMemory:
        store = None if self.url is None else chroma_server(self.url, embedder.dim)
        return ThoughtMemory(self.folder / folder, embedder, store=store, **options)


@pytest.fixture(scope="session")
def running_server(tmp_path_factory):
    """(address, folder) of a Chroma server, started at the first use."""
    folder = tmp_path_factory.mktemp("server") / "chroma"
    with chroma_process(folder) as (url, _):
        yield url, folder


@pytest.fixture
def server(running_server):
    """The server, emptied."""
    wipe(running_server[0])
    return running_server


@pytest.fixture(params=["embedded", pytest.param("server", marks=pytest.mark.long)])
def place(request, tmp_path):
    """Both stores, one after the other."""
    if request.param == "embedded":
        return Place("embedded", tmp_path, None, tmp_path / "memory" / "chroma")
    url, folder = request.getfixturevalue("server")
    return Place("server", tmp_path, url, folder)
