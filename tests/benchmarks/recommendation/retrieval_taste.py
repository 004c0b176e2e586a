"""Requests on the bundled catalogue: do the first ten have what is liked and lack what is disliked?

Whether an item is "slow" or "horror" is what the catalogue's own genres and tones say, and the texts contain them: this
measures whether words for a taste arrive at the items that are labelled so, not whether people agree. Searches are for
one item that a person describes. The lists are short. The weight of dislikes was chosen by the first twelve requests,
the settings of the comparison by aspects by all twenty and, against needless words, by the searches taken as likes. The
twelve of `LATER` were written before that. Asked the first time, with all that had been chosen, 99.2 % of the first had
all that is liked and 1.7 % something disliked (a light salad with fish); for that `VETO` was added, and asked again they
are no longer quite unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bethink.tools.recommendation.bm25 import BM25
from bethink.tools.recommendation.catalogue import bundled
from bethink.tools.recommendation.index import merge, search
from bethink.tools.recommendation.profile import BETA, Space, fit, from_text, profile, taste_space
from bethink.tools.recommendation.samples import Floats
from tests.benchmarks.report import Bar, bar, show

K = 10
Scores = Callable[[str, NDArray[np.bool_]], Floats]
"""Of all items for what is said, within some of them [N]."""
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
LATER: tuple[tuple[str, str, str, str], ...] = (
    ("films", "dark thrillers, I hate violent films", "dark, thriller", "violent"),
    ("films", "I like fast action movies and dislike sad ones", "fast, action", "sad"),
    ("films", "melancholic romances, nothing funny", "melancholic, romance", "funny"),
    ("films", "I love warm comedies but no crime", "warm, comedy", "crime"),
    ("films", "slow westerns, and I can't stand musicals", "slow, western", "musical"),
    ("books", "dark science fiction, no war", "dark, science fiction", "war"),
    ("books", "I love quiet, sad novels, not fantasy", "quiet, sad", "fantasy"),
    ("books", "witty mysteries please, nothing violent", "witty, mystery", "violent"),
    ("books", "epic fantasy, I don't like horror", "epic, fantasy", "horror"),
    ("dishes", "light salads, no fish", "light, salad", "fish"),
    ("dishes", "rich vegetarian food, nothing spicy", "rich, vegetarian", "spicy"),
    ("dishes", "sweet baked things, I avoid nuts", "sweet, baked", "nuts"),
)
"""As :data:`REQUESTS`; only `VETO` was added because of one of them."""
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


def by_aspects(space: Space, beta: float = BETA) -> Scores:
    """What ``recommend`` does: each aspect of a phrase compared alone."""
    embed = _embedder().embed
    return lambda said, inside: fit(profile(from_text(said, embed, beta=beta)), space, embed, inside).scores


def by_one_vector(vectors: Floats, beta: float = BETA) -> Scores:
    """The cosine with the sum of all phrases."""
    embed = _embedder().embed
    return lambda said, _: vectors @ profile(from_text(said, embed, beta=beta)).vector


def tastes(scores: Scores, requests: Sequence[tuple[str, str, str, str]] = REQUESTS) -> dict[str, Any]:
    """Shares of the first items that have all that is liked, and that have any of what is disliked; means of requests.

    Of the first ten, or of as many as there are with all that is liked.
    """
    catalogue = bundled()
    wanted, unwanted, each = [], [], {}
    for domain, said, likes, dislikes in requests:
        inside, liked = catalogue.within(domain), set(likes.split(", "))
        places = np.flatnonzero(inside)
        there = sum(liked <= _labels(item) for item in places.tolist())
        items = places[np.argsort(-scores(said, inside)[places], kind="stable")][: min(K, there)]
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
    space = taste_space(catalogue, embed)
    found: dict[str, dict[str, Any]] = {
        "by aspects": {str(beta): tastes(by_aspects(space, beta)) for beta in BETAS},
        "by one vector, texts and kinds": {str(beta): tastes(by_one_vector(space.vectors, beta)) for beta in BETAS},
        "by one vector, texts": {str(beta): tastes(by_one_vector(texts, beta)) for beta in BETAS},
    }
    later = {
        "by aspects": tastes(by_aspects(space), LATER),
        "by one vector, texts and kinds": tastes(by_one_vector(space.vectors), LATER),
    }
    rows = [
        (f"{name}, beta {beta}", one["wanted"], one["unwanted"])
        for name, each in found.items()
        for beta, one in each.items()
    ]
    rows += [(f"{len(LATER)} asked later: {name}", one["wanted"], one["unwanted"]) for name, one in later.items()]
    show(
        f"First {K} or fewer for {len(REQUESTS)} tastes, {len(catalogue):,} items",
        ("", "all liked", "any disliked"),
        rows,
    )
    ranks = searches(space.vectors, texts)
    show(f"{len(SEARCHES)} searches for one item", ("", "mean reciprocal rank"), list(ranks.items()))
    bars = []
    for which, best in (("", found["by aspects"][str(BETA)]), (f", {len(LATER)} asked later", later["by aspects"])):
        name = f"tastes in words{which}: share of the first (at most 10) that have"
        bars += [
            bar(f"{name} all that is liked", best["wanted"], ">=", 0.7),
            bar(f"{name} anything disliked", best["unwanted"], "<=", 0.02),
        ]
    return bars, {"requests": len(REQUESTS), "tastes": found, "later": later, "search_mrr": ranks}


def _labels(item: int) -> set[str]:
    details = bundled().details[item]
    return set(details["genres"].split("; ")) | set(details["tones"].split("; "))


_EMBEDDER: list[Any] = []


def _embedder() -> Any:
    if not _EMBEDDER:
        from bethink.models.embedder import SentenceEmbedder

        _EMBEDDER.append(SentenceEmbedder())
    return _EMBEDDER[0]
