"""What a sentence is about, by nearness to the phrases of each relation."""

from __future__ import annotations

import numpy as np
import pytest

from bethink.memory.reading.meaning import RELATIONS, TABLE, Nearness
from bethink.models.embedder import SentenceEmbedder


class Noise:
    """An embedder that knows nothing."""

    name, dim = "noise", 64

    def __init__(self):
        self._dice = np.random.default_rng(0)

    def embed(self, texts):
        vectors = self._dice.normal(size=(len(texts), self.dim)).astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def near():
    return Nearness(SentenceEmbedder())


@pytest.mark.parametrize(
    ("text", "relation"),
    [
        ("I resigned and joined another company, Larkfield Instruments.", "works at"),
        ("We carried the last box into our house in Galway.", "lives in"),
        ("The judge signed the divorce papers.", "marital status"),
        ("I had my hair coloured copper.", "hair colour"),
        ("The scales were kind to me: 76 kg.", "weight"),
        ("I had soup for lunch at the museum.", ""),
    ],
)
def test_the_nearest_relation(near, text, relation):
    found = near.relations(near.vector(text))
    assert max(found, key=found.get) == relation
    assert set(found) == set(RELATIONS)


def test_only_an_embedder_that_tells_the_phrases_apart_is_asked(near):
    assert near.tells
    assert not Nearness(Noise()).tells


def test_each_relation_has_phrases_of_its_own():
    phrases = [phrase for _, phrase in TABLE]
    assert len(set(phrases)) == len(phrases)
    assert all(sum(one == relation for one, _ in TABLE) >= 4 for relation in RELATIONS)
