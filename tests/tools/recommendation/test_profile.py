"""Profiles: the mathematics with any vectors, the meaning with the real MiniLM."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from hashlib import blake2b

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.models.embedder import SentenceEmbedder
from bethink.tools.recommendation.catalogue import bundled
from bethink.tools.recommendation.explain import explain
from bethink.tools.recommendation.index import search
from bethink.tools.recommendation.profile import (
    REFUSALS,
    Feedback,
    fit,
    from_feedback,
    from_text,
    from_thoughts,
    profile,
    taste_space,
    taste_vectors,
)
from bethink.tools.recommendation.tool_run import features

FILMS = ("Solaris", "2001: A Space Odyssey", "Moon", "Silent Running", "Halloween", "Saw", "The Conjuring", "Airplane!")


def fake_embed(texts):
    """Fake: directions drawn by the text's hash, so that equal texts are equal and others are not alike."""
    seeds = [int.from_bytes(blake2b(text.casefold().encode(), digest_size=4).digest(), "big") for text in texts]
    return np.array([np.random.default_rng(seed).standard_normal(64) for seed in seeds], np.float32).reshape(-1, 64)


@cache
def embedder():
    return SentenceEmbedder()


@cache
def film_vectors():
    """Of FILMS, texts and kinds together."""
    catalogue = bundled()
    places = [catalogue.titled(title, "films")[0] for title in FILMS]
    texts = embedder().embed([catalogue.items.texts[place] for place in places])
    both = texts + embedder().embed([catalogue.kinds[place] for place in places])
    return places, both / np.linalg.norm(both, axis=1, keepdims=True)


@cache
def real_space():
    return taste_space(bundled(), features().of)


def first(said, domain, count=10):
    """Items with their labels, best first."""
    catalogue, inside = bundled(), bundled().within(domain)
    who = profile(from_text(said, embedder().embed, space=real_space()))
    scores = np.where(inside, fit(who, real_space(), embedder().embed, inside).scores, -np.inf)
    order = np.argsort(-scores, kind="stable")[:count].tolist()
    return [(catalogue.titles[place], set(catalogue.labels[place])) for place in order]


def direction(phrase):
    vector = fake_embed([phrase])[0]
    return vector / np.linalg.norm(vector)


phrases = st.lists(st.sampled_from(["jazz", "soul", "blues", "tango", "folk", "opera"]), unique=True, max_size=6)


@given(phrases, phrases, st.just(0.0) | st.floats(1e-6, 2))
@settings(max_examples=100, deadline=None)
def test_a_profile_is_the_normalised_sum_of_its_parts_and_scores_are_what_they_add(likes, dislikes, beta):
    dislikes = [word for word in dislikes if word not in likes]
    said = ". ".join([*(f"I like {word}" for word in likes), *(f"I hate {word}" for word in dislikes)])
    found = profile(from_text(said, fake_embed, beta=beta))
    total = np.zeros(64)
    for names, weight in ((likes, 1.0), (dislikes, -beta)):
        total += sum((weight / len(names) * direction(name) for name in names), np.zeros(64))
    if not likes and not dislikes:
        assert found.vector.shape == (0,)
        return
    length = np.linalg.norm(total)
    np.testing.assert_allclose(found.vector, total / length if length else total, atol=1e-5)
    items = fake_embed(["a", "b", "c"])
    adds = found.contributions(items)
    assert adds.shape == (3, len(likes) + len(dislikes))
    np.testing.assert_allclose(adds.sum(1), items @ found.vector, atol=1e-3)


@given(st.permutations(["jazz", "soul", "blues"]))
def test_the_order_of_likes_does_not_matter(words):
    one, other = (profile(from_text(", ".join(order), fake_embed)).vector for order in (words, sorted(words)))
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_dislike_pushes_away():
    with_it = profile(from_text("I like jazz and hate opera", fake_embed)).vector @ direction("opera")
    without = profile(from_text("I like jazz", fake_embed)).vector @ direction("opera")
    assert with_it < without - 0.2


def test_later_thoughts_and_what_is_said_now_hold():
    thoughts = [
        {"text": "The user loves horror.", "date": "2025-01-01", "id": "old"},
        {"text": "The user hates horror.", "date": "2026-01-01", "id": "new"},
        {"text": "I like slow sci-fi.", "date": "2026-02-01", "id": "slow"},
        {"text": "My sister loves westerns.", "date": "2026-02-01", "id": "sister"},
        {"text": "The user lives in Bergen.", "date": "2026-02-01", "id": "town"},
    ]
    parts = from_thoughts(thoughts, fake_embed)
    assert {(part.words, part.weight > 0, part.thought) for part in parts} == {
        ("slow sci-fi", True, "slow"),
        ("horror", False, "new"),
    }
    assert set(profile(parts).thoughts) == {"slow", "new"}
    said = "Today I like horror films"
    assert {part.thought for part in from_thoughts(thoughts, fake_embed, said=said)} == {"slow"}
    assert from_thoughts([], fake_embed) == []


def test_feedback_fades_and_the_last_word_on_an_item_holds():
    vectors = np.eye(4, dtype=np.float32)
    day = 86_400.0
    told = [
        Feedback(0, "like", 0.0),
        Feedback(1, "like", 90 * day),
        Feedback(2, "like", 0.0),
        Feedback(2, "dislike", 90 * day),
        Feedback(2, "click", 91 * day),
        Feedback(3, "click"),
    ]
    weights = {part.item: part.weight for part in from_feedback(told, vectors, now=90 * day)}
    whole = 0.5 + 1.0 + 1.0 + 0.3
    np.testing.assert_allclose(
        [weights[item] for item in range(4)], [0.5 / whole, 1 / whole, -0.5 / REFUSALS / whole, 0.3 / whole]
    )
    vector = profile(from_feedback(told, vectors, now=90 * day)).vector
    assert vector[1] > vector[0] > vector[3] > 0 > vector[2]
    later = profile(from_feedback(told[:2], vectors, now=500 * day)).vector
    np.testing.assert_allclose(later[1] / later[0], 2.0, rtol=1e-4)


def test_what_does_not_fit_is_refused():
    vectors = np.eye(3, dtype=np.float32)
    with pytest.raises(ValueError, match="no feedback 'like' on item 3"):
        from_feedback([Feedback(3, "like")], vectors)
    with pytest.raises(ValueError, match="no feedback 'love'"):
        from_feedback([Feedback(0, "love")], vectors)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="half-life"):
        from_feedback([], vectors, half_life=0)
    with pytest.raises(ValueError, match="one length"):
        profile(from_feedback([Feedback(0, "like")], vectors), from_text("jazz", fake_embed))
    with pytest.raises(ValueError, match="not finite"):
        profile(from_text("jazz", lambda texts: np.full((len(texts), 2), np.nan, np.float32)))
    assert profile().contributions(vectors).shape == (3, 0)


@pytest.mark.parametrize(
    "said",
    [
        "I like slow sci-fi and hate horror",
        "quiet science fiction, nothing scary",
        "I can't stand horror. Space, slowly.",
    ],
)
def test_slow_science_fiction_comes_before_horror(said):
    _, vectors = film_vectors()
    who = profile(from_text(said, embedder().embed))
    order = [FILMS[place] for place in search(vectors, who.vector, len(FILMS))[0][0]]
    assert set(order[:4]) == set(FILMS[:4])
    assert not set(order[:5]) & set(FILMS[4:7])


@pytest.mark.parametrize(
    ("said", "domain", "likes", "dislikes"),
    [
        ("I like slow sci-fi and hate horror", "films", {"slow", "science fiction (sci-fi)"}, {"horror"}),
        ("slow quiet science fiction", "films", {"slow", "quiet", "science fiction (sci-fi)"}, set()),
        ("comforting vegetarian dishes, I don't like desserts", "dishes", {"comforting", "vegetarian"}, {"dessert"}),
    ],
)
def test_an_item_must_have_every_aspect(said, domain, likes, dislikes):
    for title, labels in first(said, domain):
        assert likes <= labels, title
        assert not dislikes & labels, title


def test_what_is_not_a_label_is_found_by_its_sense():
    assert "Ratatouille" in [title for title, _ in first("a rat who cooks in Paris", "films", 3)]


def test_only_dislikes_still_rank_the_items():
    labels = [own for _, own in first("nothing scary, no horror", "films", 20)]
    assert not any({"scary", "horror"} & own for own in labels)
    scores = fit(
        profile(from_text("nothing scary, no horror", embedder().embed)), real_space(), embedder().embed
    ).scores
    assert len(np.unique(scores)) > 0.9 * len(bundled())


def test_a_fit_of_items_alone_ranks_as_the_one_vector_does():
    space = real_space()
    told = [Feedback(3, "like"), Feedback(40, "like"), Feedback(70, "dislike"), Feedback(9, "click")]
    who = profile(from_feedback(told, space.vectors))
    found = fit(who, space, embedder().embed)
    assert np.corrcoef(found.scores, space.vectors @ who.vector)[0, 1] > 0.9999
    for item in (0, 3, 500):
        assert found.adds(item, len(who.parts)).sum() == pytest.approx(found.scores[item], abs=1e-3)


def test_a_fit_without_labels_or_likes_is_finite():
    catalogue = bundled()
    bare = replace(real_space(), names=(), labels=real_space().labels[:0], own=real_space().own[:, :0])
    who = profile(from_text("slow sci-fi, no horror", embedder().embed))
    for space, allowed in ((bare, None), (real_space(), np.zeros(len(catalogue), bool))):
        assert np.isfinite(fit(who, space, embedder().embed, allowed).scores).all()
    assert not fit(profile(), real_space(), embedder().embed).scores.any()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("I loved Arrival.", [("Arrival", True)]),
        ("I did not like Interstellar at all.", [("Interstellar", False)]),
        ("I loved Arrival but hated Interstellar.", [("Arrival", True), ("Interstellar", False)]),
        ("I really enjoyed the film Her.", [("Her", True)]),
        ("I like No Country for Old Men, not The Matrix", [("No Country for Old Men", True), ("The Matrix", False)]),
        ("I like slow films like Arrival and hate horror",
            [("slow films", True), ("Arrival", True), ("horror", False)]),
        ("I like her", [("her", True)]),
        ("I like ⟦0⟧ and ⟦7⟧", [("0 and 7", True)]),
        ("My sister loves Arrival.", []),
    ],
)  # fmt: skip
def test_titles_become_their_items(text, parts):
    catalogue = bundled()
    space = replace(real_space(), catalogue=catalogue)
    thoughts = [{"text": text, "date": "2026-11-26", "id": "t"}]
    found = from_thoughts(thoughts, embedder().embed, space=space)
    named = [(part.words if part.item is None else catalogue.titles[part.item], part.weight > 0) for part in found]
    assert sorted(named) == sorted(parts)
    for part in found:
        assert part.item is None or np.array_equal(part.vector, space.vectors[part.item])


def test_a_later_word_on_a_title_holds():
    old = {"text": "I loved Arrival.", "date": "2026-11-01", "id": "old"}
    new = {"text": "I hated Arrival.", "date": "2026-11-26", "id": "new"}
    (part,) = from_thoughts([old, new], embedder().embed, space=real_space())
    assert (part.thought, part.words) == ("new", "dislike")
    assert not from_thoughts([new], embedder().embed, said="Today I like Arrival", space=real_space())


def test_a_thought_of_yesterday_changes_the_list_and_is_named():
    places, vectors = film_vectors()
    thoughts = [{"text": "The user likes slow sci-fi and hates horror.", "date": "2026-11-25T10:00:00Z", "id": "t1"}]
    remembered = from_thoughts(thoughts, embedder().embed)
    who = profile(from_text("Recommend me a film", embedder().embed), remembered)
    assert who.thoughts == ("t1",)
    best = int(search(vectors, who.vector, 1)[0][0, 0])
    assert FILMS[best] in FILMS[:4]
    every = np.zeros((len(bundled()), vectors.shape[1]), np.float32)
    every[places] = vectors
    why = explain(places[best], who, bundled(), every)
    assert why.thoughts == ("t1",)
    assert why.sentences[0].startswith(
        "It is like “slow sci-fi”, which I remember that you like (thought of 2026-11-25)"
    )


def test_who_turns_one_down_still_gets_its_kind():
    catalogue, inside = bundled(), bundled().within("books")
    shown = [title for title, _ in first("I like clever crime.", "books")]
    liked = from_text("I like clever crime.", embedder().embed)

    def order(titles):
        told = [{"text": f"I hated “{title}”.", "date": "2026", "id": title} for title in titles]
        who = profile(liked, from_thoughts(told, embedder().embed, space=real_space()))
        scores = fit(who, real_space(), embedder().embed, inside).scores
        return [catalogue.titles[place] for place in np.argsort(-np.where(inside, scores, -np.inf))]

    one, many = (len({*order(shown[:count])[:11]} & {*shown}) for count in (1, REFUSALS + 1))
    assert one >= 7
    assert many < one


def test_kinds_and_texts_are_both_in_the_vectors_of_items():
    catalogue = bundled()
    asked: list[str] = []

    def counting(texts):
        asked.extend(texts)
        return fake_embed(texts)

    vectors = taste_vectors(catalogue, counting)
    assert vectors.shape == (len(catalogue), 64)
    assert len(asked) == 2 * len(catalogue)
    both = direction(catalogue.items.texts[5]) + direction(catalogue.kinds[5])
    np.testing.assert_allclose(vectors[5], both / np.linalg.norm(both), atol=1e-5)
