"""Bar 4: the first ten of all items. Who finds the film that a user liked last, how fast, and what a taste brings.

Leave-last-out on MovieLens: of each user the last film they liked is to be found, the one before is for choosing
settings, and what they rated earlier is known. A user's future is never known, but other users' is: this compares ways
of ranking at one moment, and is no forecast. Films that a user rated before are not on their list. Ratings of the same
second are in the order of the films' numbers. ``BETHINK_RECO_DATA`` names the folder with MovieLens.

Every method has as many settings to choose from as its table below says, and chooses by NDCG@10 on the films before
the last; then it learns from all but the last ones. What starts from chance does so from five seeds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise, product
from statistics import mean, stdev
from typing import Any

import numpy as np

from bethink.tools.recommendation.als import als_vectors, items_of, popularity
from bethink.tools.recommendation.bm25 import BM25
from bethink.tools.recommendation.index import search, top_k
from bethink.tools.recommendation.metrics import ndcg_at_k, recall_at_k
from bethink.tools.recommendation.negatives import with_negatives
from bethink.tools.recommendation.profile import HALF_LIFE, Feedback, from_feedback, profile
from bethink.tools.recommendation.samples import NO_QUERY, Floats, Ints, Samples
from tests.benchmarks.recommendation import data, retrieval_speed, retrieval_taste
from tests.benchmarks.report import Bar, show

K, SEEDS = 10, 5
LEAST_LIKES = 3
"""Likes of a user who is asked for: one to find, one to choose settings by, one to know."""
Ranking = Callable[[Samples, Ints, Mapping[str, Any]], Ints]
"""(known samples, users, settings) to lists [users, K]."""


@dataclass(frozen=True, eq=False)
class Last:
    """What is known, and which film each of the users liked next."""

    known: Samples
    users: Ints
    wanted: Ints


def leave_last_out(samples: Samples, back: int) -> Last:
    """The last like but ``back`` of each user with three likes or more is to be found, from what came before it.

    With ``back`` = 1 the rows of the last like, and those after it, are known to nobody, as with ``back`` = 0.
    """
    assert samples.time is not None
    order = np.lexsort((samples.item, samples.time, samples.user))
    user, liked = samples.user[order], samples.label[order] > 0
    keep, users, wanted = np.ones(len(order), np.bool_), [], []
    borders = np.flatnonzero(np.diff(user, prepend=-1, append=-1))
    for first, end in pairwise(borders.tolist()):
        likes = first + np.flatnonzero(liked[first:end])
        if len(likes) < LEAST_LIKES:
            continue
        asked = likes[-1 - back]
        keep[asked:end] = False
        users.append(user[first])
        wanted.append(samples.item[order[asked]])
    return Last(samples.rows(np.sort(order[keep])), np.array(users), np.array(wanted))


# -- ways of ranking --------------------------------------------------------------------------------------------------


def by_popularity(known: Samples, users: Ints, settings: Mapping[str, Any]) -> Ints:
    """The films with the most likes so far."""
    half_life = settings["half_life_days"] and settings["half_life_days"] * 86_400
    scores = popularity(known, half_life=half_life)
    return top_k(np.tile(scores.astype(np.float32), (len(users), 1)), K, exclude=items_of(known, users))[0]


def by_words(known: Samples, users: Ints, settings: Mapping[str, Any]) -> Ints:
    """BM25; the query is the texts of the films that a user liked last."""
    index = BM25(known.items.texts, k1=settings["k1"], b=settings["b"])
    each = index.scores(known.items.texts)  # a query's score is the sum of its words', so the sum of its films'
    likes = recent_likes(known, users, settings["films"])
    return top_k(np.stack([each[part].sum(0) for part in likes]), K, exclude=items_of(known, users))[0]


def by_text_vectors(known: Samples, users: Ints, settings: Mapping[str, Any], vectors: Floats) -> Ints:
    """Profiles of what the user rated, among the embedder's vectors of the films' texts."""
    assert known.time is not None
    feedback = feedback_of(known, users, dislikes=settings["beta"] > 0)
    days = settings["half_life_days"]
    half_life = days * 86_400.0 if days else 1e6 * HALF_LIFE
    asked = [
        profile(from_feedback(part, vectors, half_life=half_life, beta=settings["beta"])).vector for part in feedback
    ]
    return search(vectors, np.stack(asked), K, exclude=items_of(known, users))[0]


def by_als(known: Samples, users: Ints, settings: Mapping[str, Any], seed: int = 0) -> Ints:
    """implicit's alternating least squares."""
    people, items = als_vectors(known, seed=seed, **settings)
    return search(items, people[users], K, exclude=items_of(known, users))[0]


def by_foundation(known: Samples, users: Ints, settings: Mapping[str, Any], seed: int, trained: dict[str, Any]) -> Ints:
    """Our two towers, learned from likes and drawn films that are none; then, with ``ranked``, the whole model's order.

    ``trained`` keeps what was learned from the same samples with the same settings of learning.
    """
    from bethink.tools.recommendation.foundation import Foundation, hold_out

    key = f"{len(known)} {settings['negatives']} {settings['power']} {seed}"
    if key not in trained:
        likes = known.rows(known.label > 0)
        train, valid = hold_out(likes, seed)
        made = [
            with_negatives(part, seed, known=likes, per_positive=settings["negatives"], power=settings["power"])
            for part in (train, valid)
        ]
        trained[key] = Foundation(data.features()).fit(*made, seed=seed)
    model, domain = trained[key], known.domains[0]
    asked = model.user_vectors(known.users, domain, rows=users)
    first = max(K, settings["ranked"])
    lists, _ = search(model.item_vectors(known.items, domain), asked, first, exclude=items_of(known, users))
    if not settings["ranked"]:
        return lists
    row, column = np.nonzero(lists >= 0)
    pairs = len(row)
    zeros = np.zeros(pairs, np.int64)
    candidates = Samples(
        users[row], lists[row, column], zeros, np.zeros(pairs, np.float32), zeros + NO_QUERY,
        known.users, known.items, (), known.domains,
    )  # fmt: skip
    scores = np.full(lists.shape, -np.inf)
    scores[row, column] = model.logits(candidates)
    return np.take_along_axis(lists, np.argsort(-scores, axis=1, kind="stable")[:, :K], 1)


GRIDS: dict[str, list[dict[str, Any]]] = {
    "popularity": [{"half_life_days": days} for days in (None, 30, 7)],
    "BM25 over text": [
        {"films": films, "k1": k1, "b": b} for films, k1, b in product((5, 20, 1000), (0.4, 1.2), (0.0, 0.75))
    ],
    "text vectors": [
        {"half_life_days": days, "beta": beta} for days, beta in product((None, 1, 0.02), (0.0, 0.25, 0.5, 1.0))
    ],
    "Foundation": [
        {"negatives": negatives, "power": power, "ranked": ranked}
        for negatives, power, ranked in product((4,), (0.0, 0.75), (0, 200))
    ],
    "ALS": [
        {"width": width, "strength": strength, "trust": trust}
        for width, strength, trust in product((16, 32, 64), (0.1, 10.0), (1.0, 10.0))
    ],
}


def recent_likes(known: Samples, users: Ints, most: int) -> list[list[int]]:
    """Numbers of the films that each user liked, the latest last."""
    return [[one.item for one in part if one.kind == "like"][-most:] for part in feedback_of(known, users)]


def feedback_of(known: Samples, users: Ints, dislikes: bool = True) -> list[list[Feedback]]:
    """What each user did, in order; a rating below the threshold of a like is a dislike."""
    assert known.time is not None
    order = np.lexsort((known.item, known.time, known.user))
    starts, ends = (np.searchsorted(known.user[order], users, side) for side in ("left", "right"))
    found = []
    for first, end in zip(starts, ends, strict=True):
        rows = order[first:end]
        found.append(
            [
                Feedback(int(known.item[row]), "like" if known.label[row] > 0 else "dislike", float(known.time[row]))
                for row in rows
                if dislikes or known.label[row] > 0
            ]
        )
    return found


# -- measuring --------------------------------------------------------------------------------------------------------


def chosen(rank: Ranking, grid: Sequence[Mapping[str, Any]], last: Last) -> Mapping[str, Any]:
    """The settings whose lists have the highest NDCG@10."""
    found = [ndcg_at_k(rank(last.known, last.users, settings), last.wanted[:, None], K) for settings in grid]
    return grid[int(np.argmax(found))]


def judged(lists: Ints, last: Last) -> dict[str, float]:
    """Recall and NDCG of one list a user."""
    wanted = last.wanted[:, None]
    return {"recall": recall_at_k(lists, wanted, K), "ndcg": ndcg_at_k(lists, wanted, K)}


def measure(name: str) -> tuple[list[Bar], dict[str, Any]]:
    """Every method on one set."""
    from bethink.tools.recommendation.movielens import read_movielens

    folder = data.place(name)
    assert folder is not None
    samples = read_movielens(folder)
    valid, test = leave_last_out(samples, 1), leave_last_out(samples, 0)
    vectors = data.features().of(samples.items.texts)

    def text(known: Samples, users: Ints, settings: Mapping[str, Any]) -> Ints:
        return by_text_vectors(known, users, settings, vectors)

    trained: dict[str, Any] = {}

    def ours(known: Samples, users: Ints, settings: Mapping[str, Any], seed: int = 0) -> Ints:
        return by_foundation(known, users, settings, seed, trained)

    ways: dict[str, Ranking] = {"popularity": by_popularity, "BM25 over text": by_words, "text vectors": text}
    figures: dict[str, Any] = {"users": len(test.users), "items": len(samples.items), "known": len(test.known)}
    methods: dict[str, Any] = {}
    for method, rank in ways.items():
        print(f"  {name}: {method}", file=sys.stderr)
        settings = chosen(rank, GRIDS[method], valid)
        methods[method] = {**judged(rank(test.known, test.users, settings), test), "settings": dict(settings)}
    learned: dict[str, Callable[..., Ints]] = {"Foundation": ours, **({"ALS": by_als} if find_spec("implicit") else {})}
    for method, rank in learned.items():
        print(f"  {name}: {method}", file=sys.stderr)
        settings = chosen(rank, GRIDS[method], valid)
        trained.clear()
        runs = [judged(rank(test.known, test.users, settings, seed), test) for seed in range(SEEDS)]
        methods[method] = {
            **{key: mean(run[key] for run in runs) for key in runs[0]},
            **{f"{key}_sd": stdev(run[key] for run in runs) for key in runs[0]},
            "seeds": SEEDS,
            "settings": dict(settings),
        }
    if "ALS" not in learned:
        methods["ALS"] = {"not_measured": "the package implicit is not installed"}
    rows = [(method, found.get("recall", "-"), found.get("ndcg", "-")) for method, found in methods.items()]
    show(
        f"{name}: the film liked last among {len(samples.items):,}, {len(test.users):,} users",
        ("", f"recall@{K}", f"NDCG@{K}"),
        rows,
    )
    return [], {**figures, "methods": methods}


def run() -> tuple[list[Bar], dict[str, Any]]:
    """Lists on MovieLens, speed beside faiss, and tastes on the bundled catalogue."""
    sets: dict[str, Any] = {}
    for name in ("movielens_100k", "movielens_1m"):
        if data.place(name) is None:
            sets[name] = {"not_measured": f"BETHINK_RECO_DATA names no folder with {name}"}
            print(f"{name} is not measured: {sets[name]['not_measured']}.", file=sys.stderr)
        else:
            sets[name] = measure(name)[1]
    speed_bars, speed = retrieval_speed.run()
    taste_bars, taste = retrieval_taste.run()
    return [*speed_bars, *taste_bars], {"sets": sets, "speed": speed, "taste": taste}


if __name__ == "__main__":
    found_bars, _ = run()
    show("Bars", ("bar", "value", "goal", "holds"), [(b.id, b.value, b.goal, b.ok) for b in found_bars])
