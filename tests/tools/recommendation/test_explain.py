"""Explanations: reasons that sum to the score, and sentences whose numbers are fields."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.recommendation.bm25 import BM25
from bethink.tools.recommendation.catalogue import bundled
from bethink.tools.recommendation.explain import LEAST_SHARE, explain
from bethink.tools.recommendation.profile import (
    NAMES,
    Feedback,
    Part,
    fit,
    from_feedback,
    from_text,
    profile,
    taste_space,
)

CATALOGUE = bundled()
VECTORS = np.random.default_rng(0).standard_normal((len(CATALOGUE), 16)).astype(np.float32)
VECTORS /= np.linalg.norm(VECTORS, axis=1, keepdims=True)
ITEM, LIKED, HATED = (CATALOGUE.titled(title, "films")[0] for title in ("Stalker", "Solaris", "Saw"))


def part(words, weight, vector, **more):
    return Part(more.pop("source", "text"), words, weight, np.asarray(vector, np.float32), **more)


def praised(fitted):
    """The phrases of a fit, each adding 1 to every item."""
    return {place: (np.ones_like(adds), *others) for place, (adds, *others) in fitted.phrases.items()}


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=8), st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_reasons_and_the_rest_sum_to_the_score(weights, seed):
    rng = np.random.default_rng(seed)
    who = profile([part(f"p{n}", weight, rng.standard_normal(16)) for n, weight in enumerate(weights)])
    why = explain(ITEM, who, CATALOGUE, VECTORS)
    assert why.score == pytest.approx(float(VECTORS[ITEM] @ who.vector), abs=1e-4)
    assert sum(reason.adds for reason in why.reasons) + why.rest == pytest.approx(why.score, abs=1e-6)
    helping = [reason.adds for reason in why.reasons if reason.adds > 0]
    assert helping == sorted(helping, reverse=True)
    assert sum(reason.adds < 0 for reason in why.reasons) <= 1


def test_sentences_say_what_was_said_remembered_and_done():
    x = VECTORS[ITEM]
    who = profile(
        [part("slow sci-fi", 1.0, x), part("horror", -0.5, x)],
        [part("space", 1.0, x, source="thought", thought="t9", date="2026-11-25T08:00:00Z")],
    )
    why = explain(ITEM, who, CATALOGUE, VECTORS, gates={"text": 0.7, "id": 0.2, "sparse": 0.1})
    assert why.title == "Stalker"
    assert why.thoughts == ("t9",)
    assert why.sentences == (
        "It is like “slow sci-fi”, which you said you like: +1.00.",
        "It is like “space”, which I remember that you like (thought of 2026-11-25): +0.50.",
        "It is a little like “horror”, which you said you dislike: −0.50.",
        "What the model weighed: the text 70%, what others clicked 20%, its features 10%.",
    )
    far = explain(ITEM, profile([part("opera", -1.0, -x)]), CATALOGUE, VECTORS)
    assert far.sentences == ("It is unlike “opera”, which you said you dislike: +1.00.",)


def test_the_nearest_liked_item_is_named_once():
    told = [Feedback(LIKED, "like"), Feedback(HATED, "dislike"), Feedback(ITEM, "click")]
    why = explain(ITEM, profile(from_feedback(told, VECTORS)), CATALOGUE, VECTORS)
    assert why.nearest is not None
    assert why.nearest[:2] == (LIKED, "Solaris")
    assert why.nearest[2] == pytest.approx(float(VECTORS[LIKED] @ VECTORS[ITEM]))
    assert sum("Solaris" in sentence for sentence in why.sentences) == 1
    assert any(sentence.startswith("It is here because you looked at Stalker: ") for sentence in why.sentences)


def test_aspects_that_the_item_has_and_lacks_are_named_and_adds_sum_to_the_fit():
    def embed(texts):  # fake: one direction for each word, so that a label is named by its own word only
        seeds = [int.from_bytes(text.casefold()[:8].ljust(8).encode(), "big") for text in texts]
        return np.array([np.random.default_rng(seed).standard_normal(256) for seed in seeds], np.float32)

    space = taste_space(CATALOGUE, embed)
    who = profile(
        from_text("I like slow, bleak musical films and hate comedy. I loved Solaris", embed, space=space)
    )  # fmt: skip
    fitted = fit(who, space, embed)
    why = explain(ITEM, who, CATALOGUE, space.vectors, fitted=fitted)
    assert why.score == pytest.approx(float(fitted.scores[ITEM]), abs=1e-4)
    assert sum(reason.adds for reason in why.reasons) + why.rest == pytest.approx(why.score, abs=1e-4)
    assert any("Solaris" in sentence for sentence in why.sentences)
    phrase = Part("text", "bleak musical films", 1.0, space.vectors[ITEM])  # a phrase whose sense is the item's
    fitted = fit(profile([phrase]), space, embed)
    why = explain(ITEM, profile([phrase]), CATALOGUE, space.vectors, fitted=fitted)
    assert dict(why.reasons[0].aspects)["bleak"] == pytest.approx(1, abs=1e-4)
    assert dict(why.reasons[0].aspects)["musical"] < NAMES
    why = explain(ITEM, profile([phrase]), CATALOGUE, space.vectors, fitted=replace(fitted, phrases=praised(fitted)))
    assert why.sentences[0].startswith("It fits “bleak” but not “musical” of “bleak musical films”, which you said")


def test_shared_words_are_those_of_what_was_said():
    index = BM25(CATALOGUE.items.texts)
    why = explain(
        ITEM, profile(), CATALOGUE, VECTORS, words_index=index, said="a guide through a forbidden zone of a film"
    )
    assert why.words == ("zone", "forbidden", "guide")
    assert why.sentences == ("It shares your words “zone”, “forbidden” and “guide”.",)
    assert explain(ITEM, profile(), CATALOGUE, VECTORS).sentences == ()


def test_small_parts_are_not_named():
    x = VECTORS[ITEM]
    why = explain(ITEM, profile([part("much", 1.0, x), part("little", LEAST_SHARE / 2, x)]), CATALOGUE, VECTORS)
    assert [reason.words for reason in why.reasons] == ["much"]
    assert why.rest > 0


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="no item 99999"):
        explain(99_999, profile(), CATALOGUE, VECTORS)
    with pytest.raises(ValueError, match="Vectors are"):
        explain(0, profile(), CATALOGUE, VECTORS[:5])
    for gates in ({"text": 0.5}, {"text": 1.5, "id": -0.5}):
        with pytest.raises(ValueError, match="Shares of aspects"):
            explain(0, profile(), CATALOGUE, VECTORS, gates=gates)
