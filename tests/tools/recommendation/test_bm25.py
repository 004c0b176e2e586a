"""BM25 against its formula written out, and words in several scripts."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.recommendation.bm25 import BM25, words
from bethink.tools.recommendation.catalogue import bundled

letters = st.lists(st.sampled_from(["kiwi", "plum", "fig", "pear"]), max_size=6).map(" ".join)


def by_formula(texts, query, k1, b):
    split = [text.split() for text in texts]
    mean = sum(map(len, split)) / len(split) or 1.0
    scores = []
    for found in split:
        total = 0.0
        for word in query.split():
            having = sum(word in other for other in split)
            times = found.count(word)
            if times:
                rarity = log(1 + (len(split) - having + 0.5) / (having + 0.5))
                total += rarity * times * (k1 + 1) / (times + k1 * (1 - b + b * len(found) / mean))
        scores.append(total)
    return scores


@given(st.lists(letters, min_size=1, max_size=8), letters, st.floats(0, 3), st.floats(0, 1))
@settings(max_examples=200, deadline=None)
def test_scores_are_the_formula(texts, query, k1, b):
    index = BM25(texts, k1=k1, b=b)
    np.testing.assert_allclose(index.scores([query])[0], by_formula(texts, query, k1, b), rtol=1e-5, atol=1e-6)


@given(st.text(max_size=200))
@settings(max_examples=300, deadline=None)
def test_words_of_any_text_are_stable_and_a_text_finds_itself(text):
    found = words(text)
    assert all(found)
    assert found == words(text.upper()) or not text.isascii()
    items, _ = BM25([text, "zzz unlike"]).search([text], 2)
    assert (items[0, 0] == 0) == bool(found)


def test_words_in_several_languages():
    assert words("Schöne Grüße aus KÖLN") == ["schone", "grusse", "aus", "koln"]
    assert words("Тихий фильм") == words("тихии ФИЛЬМ")
    assert words("ガンダム") == ["ガン", "ンダ", "ダム"]
    assert words("沙") == ["沙"]
    assert words("sci-fi_x") == ["sci", "fi", "x"]
    assert words("glass gas princess movies shoes toes") == ["glass", "gas", "princess", "movy", "shoe", "toe"]
    assert words("movie") == words("movies")
    assert words("'; DROP TABLE items;-- 🎬") == ["drop", "table", "item"]


def test_the_bundled_films_are_found_by_what_they_are_about():
    catalogue = bundled()
    index = BM25(catalogue.items.texts)
    for query, title in (("monolith computer HAL", "2001: A Space Odyssey"), ("beetroot soup", "Borscht")):
        assert catalogue.titles[index.search([query], 1)[0][0, 0]] == title
    films = catalogue.within("films")
    found, _ = index.search(["slow science fiction"], 10, allowed=films, exclude=[[int(np.argmax(films))]])
    assert films[found[0]].all()
    assert "science fiction" in catalogue.kinds[found[0, 0]]


def test_texts_that_share_no_word_are_left_out():
    index = BM25(["one two", "three", ""])
    items, scores = index.search(["three four", "", "five"], 3)
    assert items.tolist() == [[1, -1, -1], [-1, -1, -1], [-1, -1, -1]]
    assert scores[0, 0] > 0
    assert BM25([]).search(["x"], 3)[0].shape == (1, 0)
    assert BM25(["", ""]).search(["x"], 3)[0].tolist() == [[-1, -1]]
    assert index.search([], 3)[0].shape == (0, 3)


def test_shared_words_are_the_rare_ones():
    index = BM25(["slow film"] + ["quick film"] * 3 + ["stone"] * 4)
    assert index.shared("a slow stone film", "the slowest slow stone film film") == ["slow"]


@pytest.mark.parametrize("settings", [{"k1": -1.0}, {"b": 1.5}, {"k1": float("nan")}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ValueError, match="k1 must not be negative"):
        BM25(["x"], **settings)
