from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethink.memory.lexical import BM25, stem, tokens


@pytest.mark.parametrize(
    "family", [("live", "lives", "living", "lived"), ("run", "running", "runs"), ("city", "cities"), ("hike", "hiking")]
)
def test_forms_of_a_word_meet(family):
    assert len({stem(word) for word in family}) == 1


def test_words_that_differ_stay_apart():
    assert stem("bus") != stem("bu")
    assert stem("sing") == "sing"
    assert len({stem(word) for word in ("king", "ring", "thing", "red", "bed")}) == 5


def test_stop_words_go_and_days_meet():
    assert tokens("What is the name of the cat?") == ["nam", "cat"]
    assert tokens("05") == tokens("5th") == tokens("5") == ["5"]


def test_chinese_is_read_in_pairs():
    assert tokens("我住在北京") == ["我住", "住在", "在北", "北京"]
    words = BM25()
    for text in ("我住在北京", "他喜欢看电影", "user: I live in Beijing"):
        words.append(text)
    assert words.scores("北京在哪里").argmax() == 0


def test_scores_are_the_formula():
    words = BM25(k1=1.2, b=0.75)
    texts = ["cat cat dog", "dog bird", "fish fish fish fish"]
    for text in texts:
        words.append(text)
    idf = math.log(1 + (3 - 1 + 0.5) / (1 + 0.5))
    mean = (3 + 2 + 4) / 3
    expected = idf * 2 * 2.2 / (2 + 1.2 * (1 - 0.75 + 0.75 * 3 / mean))
    np.testing.assert_allclose(words.scores("cat"), [expected, 0, 0], rtol=1e-5)


@given(st.lists(st.text(max_size=60), max_size=8), st.text(max_size=60))
def test_any_text_is_scored_without_harm(texts, query):
    words = BM25()
    for text in texts:
        words.append(text)
    scores = words.scores(query)
    assert scores.shape == (len(texts),)
    assert np.isfinite(scores).all()
    assert (scores >= 0).all()


def test_coverage_is_the_share_of_what_bm25_could_give():
    words = BM25()
    for text in ["the cat sat", "a dog barked", "cats and dogs"]:
        words.append(text)
    both, one, neither = words.coverage("cat dog"), words.coverage("cat unicorn"), words.coverage("unicorn")
    assert both.argmax() == 2
    assert 0 < one[0] < words.coverage("cat")[0] <= 1  # a word that nobody said counts, too
    assert not neither.any()
    np.testing.assert_allclose(words.coverage("cat dog", without={"dog"}), words.coverage("cat"))
    assert not words.coverage("").any()


@given(st.lists(st.text(max_size=60), max_size=8), st.text(max_size=60))
def test_coverage_lies_between_none_and_all(texts, query):
    words = BM25()
    for text in texts:
        words.append(text)
    found = words.coverage(query)
    assert found.shape == (len(texts),)
    assert ((found >= 0) & (found <= 1)).all()


@given(st.lists(st.text("abc ", max_size=30), min_size=1, max_size=20), st.text("abc ", max_size=20))
def test_coverage_of_some_rows_is_that_of_all(texts, query):
    words = BM25()
    for text in texts:
        words.append(text)
    rows = np.arange(0, len(texts), 2)
    np.testing.assert_allclose(words.coverage(query, rows=rows), words.coverage(query)[rows], rtol=1e-5)


def test_the_best_rows_come_from_the_rarest_words():
    words = BM25()
    for i in range(200):
        words.append(f"common word{i % 50} thing{i}")
    assert words.best("thing7 common", 10).tolist().count(7) == 1
    assert set(words.best("word3 common", 10, limit=50)) >= {3, 53, 103, 153}
    assert len(words.best("common", 10)) == 10
    assert len(words.best("nothing here", 10)) == 0
    assert len(words.best("thing7", 10, without={"thing7"})) == 0
