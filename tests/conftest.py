"""What tests share: the real small models, loaded once, and a fast stand-in for the embedder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

import numpy as np
import pytest

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # as bethink.models does, whatever is imported first


class FakeEmbedder:
    """A fake: words hashed to directions, so that texts that share words are near. For tests of everything else."""

    name, dim = "fake-hash", 64

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        out = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(out, texts, strict=True):
            for word in text.lower().split() or ["-"]:
                seed = int.from_bytes(hashlib.sha256(word.strip(".,?!").encode("utf-8", "replace")).digest()[:4], "big")
                row += np.random.default_rng(seed).standard_normal(self.dim).astype(np.float32)
            row /= np.linalg.norm(row)
        return out


@pytest.fixture
def fake_embedder() -> FakeEmbedder:
    return FakeEmbedder()


@pytest.fixture(scope="session")
def embedder():
    """The real MiniLM."""
    from bethink.models.embedder import SentenceEmbedder

    made = SentenceEmbedder()
    made.load()
    return made


@pytest.fixture(scope="session")
def smollm2():
    """The real default backbone, converted once into the usual cache."""
    from bethink.models.registry import load_chat_model, warm_up

    model = load_chat_model("smollm2")
    warm_up(model)
    return model


@pytest.fixture(autouse=True)
def no_span_stays_open():
    """What a test measures ends with it: a span left open would be the parent of the next test's."""
    import sys

    def opened():
        energy = sys.modules.get("bethink.models.energy.meter")
        return energy.current() if energy is not None else None

    before = opened()
    yield
    assert opened() is before


@pytest.fixture(scope="session")
def tokenizer():
    """The packaged model's."""
    from transformers import AutoTokenizer

    from bethink.models.convert import smollm2_folder

    return AutoTokenizer.from_pretrained(smollm2_folder())


@pytest.fixture(scope="session")
def guide(tokenizer):
    """llguidance's view of it."""
    from bethink.models.grammar import tokenizer_for

    return tokenizer_for(tokenizer)
