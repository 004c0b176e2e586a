"""`TextFeatures`: each text embedded once, and what the folder survives."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.recommendation.text_features import LEAST_TEXTS, SHARD_TEXTS, TextFeatures


class CountingEmbedder:
    """A fake: three numbers of each text, and a count of the texts it was given."""

    def __init__(self, name: str = "fake-counting", dim: int = 3) -> None:
        self.name, self.dim, self.seen = name, dim, 0

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        self.seen += len(texts)
        rows = [[len(text), sum(map(ord, text)) % 97, text.count(" ")] for text in texts]
        return np.array(rows, np.float32)[:, : self.dim].reshape(len(texts), -1) / 64


def many(count: int, word: str = "film") -> list[str]:
    return [f"{word} number {index}" for index in range(count)]


def shards(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.safetensors"))


def test_a_second_process_embeds_nothing(tmp_path):
    texts = many(SHARD_TEXTS + 50)
    first = TextFeatures(CountingEmbedder(), tmp_path)
    vectors = first.of(texts)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(texts), 3)
    assert len(shards(tmp_path)) == 2
    again = TextFeatures(CountingEmbedder(), tmp_path)
    order = np.random.default_rng(0).permutation(len(texts))
    assert (again.of([texts[i] for i in order]) == vectors[order]).all()
    assert (again.of(texts[5:8]) == vectors[5:8]).all()
    assert again.embedder.seen == 0


def test_vectors_are_the_same_fresh_and_from_disk(tmp_path):
    texts = many(LEAST_TEXTS)
    fresh = TextFeatures(CountingEmbedder(), tmp_path).of(texts)
    assert (fresh == CountingEmbedder().embed(texts).astype(np.float16)).all()
    assert (TextFeatures(CountingEmbedder(), tmp_path).of(texts) == fresh).all()


def test_blank_texts_are_zeros_and_never_embedded(tmp_path):
    features = TextFeatures(CountingEmbedder(), tmp_path)
    assert not features.of(["", "  \n\t", "\u3000"]).any()
    assert features.of([]).shape == (0, 3)
    assert features.embedder.seen == 0


def test_repeated_texts_are_embedded_once():
    features = TextFeatures(CountingEmbedder())
    vectors = features.of(["a", "b", "a", "", "a"])
    assert features.embedder.seen == 2
    assert (vectors[0] == vectors[2]).all()
    assert (vectors[0] == vectors[4]).all()


def test_few_texts_make_no_file_but_are_remembered(tmp_path):
    features = TextFeatures(CountingEmbedder(), tmp_path)
    for _ in range(3):
        features.of(many(LEAST_TEXTS - 1))
    assert features.embedder.seen == LEAST_TEXTS - 1
    assert not shards(tmp_path)


def test_another_embedder_does_not_answer(tmp_path):
    texts = many(40)
    TextFeatures(CountingEmbedder("one"), tmp_path).of(texts)
    other, smaller = CountingEmbedder("two"), CountingEmbedder("one", 2)
    TextFeatures(other, tmp_path).of(texts)
    assert TextFeatures(smaller, tmp_path).of(texts).shape == (40, 2)
    assert other.seen == smaller.seen == 40


@pytest.mark.parametrize("damage", ["cut", "rubbish", "empty"])
def test_a_broken_shard_is_replaced(tmp_path, damage):
    texts = many(40)
    vectors = TextFeatures(CountingEmbedder(), tmp_path).of(texts)
    (path,) = shards(tmp_path)
    whole = path.read_bytes()
    path.write_bytes({"cut": whole[:-10], "rubbish": b"\xff" * 200, "empty": b""}[damage])
    features = TextFeatures(CountingEmbedder(), tmp_path)
    assert (features.of(texts) == vectors).all()
    assert features.embedder.seen == 40
    assert path.read_bytes() == whole


def test_a_shard_that_vanishes_is_embedded_anew(tmp_path):
    features = TextFeatures(CountingEmbedder(), tmp_path)
    vectors = features.of(many(40))
    shards(tmp_path)[0].unlink()
    assert (features.of(many(40)) == vectors).all()
    assert features.embedder.seen == 80


def test_a_part_that_a_crash_left_is_no_shard(tmp_path):
    features = TextFeatures(CountingEmbedder(), tmp_path)
    features.of(many(40))
    (path,) = shards(tmp_path)
    path.rename(path.with_suffix(".part"))
    again = TextFeatures(CountingEmbedder(), tmp_path)
    again.of(many(40))
    assert again.embedder.seen == 40


def test_what_was_embedded_before_a_cancel_is_kept(tmp_path):
    class Cancelled(Exception):
        pass

    def cancel(share: float, message: str) -> None:
        if share > 0:
            raise Cancelled

    texts = many(2 * SHARD_TEXTS)
    with pytest.raises(Cancelled):
        TextFeatures(CountingEmbedder(), tmp_path).of(texts, cancel)
    features = TextFeatures(CountingEmbedder(), tmp_path)
    shares: list[float] = []
    features.of(texts, lambda share, message: shares.append(share))
    assert features.embedder.seen == SHARD_TEXTS
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_two_processes_share_a_folder(tmp_path):
    code = """
import sys
sys.path.insert(0, sys.argv[1])
from test_text_features import CountingEmbedder, TextFeatures, many
TextFeatures(CountingEmbedder(), sys.argv[2]).of(many(3000))
"""
    here = str(Path(__file__).parent)
    started = [subprocess.Popen([sys.executable, "-c", code, here, str(tmp_path)]) for _ in range(2)]
    assert [process.wait(60) for process in started] == [0, 0]
    features = TextFeatures(CountingEmbedder(), tmp_path)
    found = features.of(many(3000))
    assert features.embedder.seen == 0
    assert (found == CountingEmbedder().embed(many(3000)).astype(np.float16)).all()


@given(st.lists(st.text(), max_size=20))
@settings(max_examples=60, deadline=None)
def test_hostile_texts(texts):
    features = TextFeatures(CountingEmbedder())
    vectors = features.of(texts)
    assert vectors.shape == (len(texts), 3)
    for text, vector in zip(texts, vectors, strict=True):
        assert vector.any() or not text.strip()


def test_lone_surrogates_differ():
    features = TextFeatures(CountingEmbedder())
    assert (features.of(["a\ud800"]) != features.of(["a\ud801"])).any()


@pytest.mark.parametrize("vectors", [np.full((2, 3), np.nan), np.full((2, 3), 1e6), np.zeros((2, 4)), np.zeros(2)])
def test_bad_vectors_are_refused(vectors, monkeypatch):
    features = TextFeatures(CountingEmbedder())
    monkeypatch.setattr(features.embedder, "embed", lambda texts: vectors)
    with pytest.raises(ValueError, match="fake-counting"):
        features.of(["a", "b"])


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OSError, match="folder=None"):
        TextFeatures(CountingEmbedder(), tmp_path / "file").of(many(40))


def test_the_real_embedder(embedder, tmp_path):
    texts = ["a slow film about a lonely astronaut", "space travel and silence", "how to bake bread", ""]
    texts += many(LEAST_TEXTS, "recipe")
    vectors = TextFeatures(embedder, tmp_path).of(texts)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.1
    assert np.linalg.norm(vectors[:3], axis=1) == pytest.approx(1, abs=1e-3)
    assert not vectors[3].any()
    assert (TextFeatures(embedder, tmp_path).of(texts) == vectors).all()
