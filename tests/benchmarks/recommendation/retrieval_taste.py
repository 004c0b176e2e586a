"""Requests on the bundled catalogue: do the first ten have what is liked and lack what is disliked?

Whether an item is "slow" or "horror" is what the catalogue's own genres and tones say, and the texts contain them: this
measures whether words for a taste arrive at the items that are labelled so, not whether people agree. Searches are for
one item that a person describes. Both lists are short. The weight of dislikes and the way of comparing were chosen by
the first twelve requests; the others, and ten of the searches, were written afterwards.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bethink.tools.recommendation.bm25 import BM25
from bethink.tools.recommendation.catalogue import bundled
from bethink.tools.recommendation.index import merge, search
from bethink.tools.recommendation.profile import from_text, profile, taste_vectors
from bethink.tools.recommendation.samples import Floats
from tests.benchmarks.report import Bar, bar, show

K = 10
BETAS = (0.0, 0.25, 0.5, 0.75, 1.0)
REQUESTS: tuple[tuple[str, str, str, str], ...] = (
    ("films", "I like slow sci-fi and hate horror", "slow, science fiction", "horror"),
    ("films", "funny family films, no violence", "funny, family", "violent"),
    ("films", "I love quiet romance. I don't like sad stories", "quiet, romance", "sad"),
    ("films", "crime thrillers without gore and brutality", "crime, thriller", "gory, brutal"),
    ("books", "I enjoy gentle fantasy but not war", "gentle, fantasy", "war"),
    ("books", "slow sci-fi, nothing with horror", "slow, science fiction", "horror"),
    ("books", "funny books, I can't stand long slow ones", "funny", "long, slow"),
    ("dishes", "spicy vegan food, no meat", "spicy, vegan", "pork, beef, chicken, lamb"),
    ("dishes", "quick light soups; I avoid sweet desserts", "quick, soup", "dessert"),
    ("films", "westerns please, I dislike comedies", "western", "comedy"),
    ("films", "I like science fiction but slow films bore me", "science fiction", "slow"),
    ("films", "animation, not horror", "animation", "horror"),
    ("films", "I'm in the mood for witty comedies, nothing bleak", "witty, comedy", "bleak"),
    ("films", "bleak war films. Musicals are not for me", "bleak, war", "musical"),
    ("films", "scary horror, I hate romance", "scary, horror", "romance"),
    ("books", "suspenseful mysteries without horror", "suspenseful, mystery", "horror"),
    ("books", "dark horror novels but no romance", "dark, horror", "romance"),
    ("dishes", "Japanese noodles, nothing fried", "Japanese, noodles", "fried"),
    ("dishes", "comforting vegetarian dishes, I don't like desserts", "comforting, vegetarian", "dessert"),
    ("films", "gentle documentaries, not violent", "gentle, documentary", "violent"),
)
"""Domain, what is said, genres and tones that are liked, and that are disliked."""
SEARCHES: tuple[tuple[str, str], ...] = (
    ("a linguist talks to aliens", "Arrival"),
    ("a rat who cooks in Paris", "Ratatouille"),
    ("hope and friendship in prison", "The Shawshank Redemption"),
    ("stealing secrets in dreams", "Inception"),
    ("captain obsessed with a white whale", "Moby-Dick"),
    ("beetroot soup", "Borscht"),
    ("little robot alone on an abandoned earth", "WALL-E"),
    ("salesman turns into a bug", "The Metamorphosis"),
    ("toys that are alive", "Toy Story"),
    ("vampire hunters with diaries", "Dracula"),
    ("cold tomato soup", "Gazpacho"),
    ("jurors argue about a murder trial", "12 Angry Men"),
    ("weatherman repeats the same day", "Groundhog Day"),
    ("fireman burns books", "Fahrenheit 451"),
    ("astronaut grows potatoes", "The Martian"),
    ("monks, murders and a library", "The Name of the Rose"),
    ("raw fish in lime juice", "Ceviche"),
    ("bus driver poet", "Paterson"),
    ("widower with balloons on his house", "Up"),
    ("dinosaur theme park", "Jurassic Park"),
)
"""What is searched, and the title of what is meant (an item of that title in any domain counts)."""


def tastes(vectors: Floats, beta: float) -> dict[str, Any]:
    """Shares of the first items that have all that is liked, and that have any of what is disliked; means of requests.

    Of the first ten, or of as many as there are with all that is liked.
    """
    catalogue, embed = bundled(), _embedder().embed
    wanted, unwanted, each = [], [], {}
    for domain, said, likes, dislikes in REQUESTS:
        who = profile(from_text(said, embed, beta=beta))
        inside, liked = catalogue.within(domain), set(likes.split(", "))
        there = sum(liked <= _labels(item) for item in np.flatnonzero(inside).tolist())
        items = search(vectors, who.vector, min(K, there), allowed=inside)[0][0]
        labels = [_labels(int(item)) for item in items]
        wanted.append(float(np.mean([liked <= own for own in labels])))
        unwanted.append(float(np.mean([bool(set(dislikes.split(", ")) & own) for own in labels])))
        each[said] = [wanted[-1], unwanted[-1], [catalogue.titles[item] for item in items]]
    return {"wanted": float(np.mean(wanted)), "unwanted": float(np.mean(unwanted)), "requests": each}


def searches(vectors: Floats, texts: Floats) -> dict[str, float]:
    """Mean reciprocal rank of what is meant: by the texts, by what tastes are compared with, by words, and by both."""
    catalogue, words = bundled(), BM25(bundled().items.texts)
    asked = [query for query, _ in SEARCHES]
    queries = np.asarray(_embedder().embed(asked), np.float32)
    by_texts, by_tastes = (search(own, queries, len(catalogue))[0] for own in (texts, vectors))
    by_words = words.search(asked, len(catalogue))[0]
    merged = np.stack([merge([a, b], len(catalogue)) for a, b in zip(by_texts, by_words, strict=True)])
    ways = {
        "text vectors": by_texts,
        "text and kind vectors": by_tastes,
        "BM25": by_words,
        "text vectors and BM25": merged,
    }
    found = {}
    for name, lists in ways.items():
        ranks = []
        for row, (_, title) in zip(lists, SEARCHES, strict=True):
            places = [rank for rank, item in enumerate(row, start=1) if item >= 0 and catalogue.titles[item] == title]
            ranks.append(1 / places[0] if places else 0.0)
        found[name] = float(np.mean(ranks))
    return found


def run() -> tuple[list[Bar], dict[str, Any]]:
    """What each way of comparing and each weight of dislikes brings."""
    catalogue, embed = bundled(), _embedder().embed
    texts = np.asarray(embed(list(catalogue.items.texts)), np.float32)
    vectors = taste_vectors(catalogue, embed)
    found: dict[str, Any] = {}
    for name, own in (("text and kind vectors", vectors), ("text vectors", texts)):
        found[name] = {str(beta): tastes(own, beta) for beta in BETAS}
    rows = [
        (f"{name}, beta {beta}", one["wanted"], one["unwanted"])
        for name, each in found.items()
        for beta, one in each.items()
    ]
    show(
        f"First {K} or fewer for {len(REQUESTS)} tastes, {len(catalogue):,} items",
        ("", "all liked", "any disliked"),
        rows,
    )
    ranks = searches(vectors, texts)
    show(f"{len(SEARCHES)} searches for one item", ("", "mean reciprocal rank"), list(ranks.items()))
    best = found["text and kind vectors"]["0.5"]
    bars = [
        bar("tastes in words: share of the first (at most 10) that have all that is liked", best["wanted"], ">=", 0.7),
        bar(
            "tastes in words: share of the first (at most 10) that have anything disliked", best["unwanted"], "<=", 0.02
        ),
    ]
    return bars, {"requests": len(REQUESTS), "tastes": found, "search_mrr": ranks}


def _labels(item: int) -> set[str]:
    details = bundled().details[item]
    return set(details["genres"].split("; ")) | set(details["tones"].split("; "))


_EMBEDDER: list[Any] = []


def _embedder() -> Any:
    if not _EMBEDDER:
        from bethink.models.embedder import SentenceEmbedder

        _EMBEDDER.append(SentenceEmbedder())
    return _EMBEDDER[0]
