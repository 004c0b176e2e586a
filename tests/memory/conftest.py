from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from fake_embedder import WordHashEmbedder

from bethink.memory import ThoughtMemory


@pytest.fixture
def embedder():
    """The fake; the real one is in test_real_embedder.py."""
    return WordHashEmbedder()


@pytest.fixture
def memory(tmp_path, embedder):
    with ThoughtMemory(tmp_path / "memory", embedder) as opened:
        yield opened
