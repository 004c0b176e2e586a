"""The features of every baseline, the same that our model gets: ids, domain, sparse features, numbers, frozen text.

And what our model makes of them beforehand: the cosine of query and item, and, if a baseline is to be given it, how the
item's text fits the user's taste (:mod:`.taste`).

Networks get all ids and levels as columns of whole numbers, each with its size, and the rest as one dense vector a
sample. An id that training never saw is level 0, whose embedding stays zero, so that a new item is no random vector.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bethink.tools.recommendation.baselines.taste import Tastes, learn_tastes
from bethink.tools.recommendation.samples import NO_QUERY, Entities, Floats, Ints, Samples

UNSEEN = 0
"""Level of a user or item that training did not see."""
FARTHEST = 1e6
"""Standard deviations at which a number that was not among those seen is cut off."""


@dataclass(frozen=True, eq=False)
class Texts:
    """Vectors of a frozen language model, one a row.

    Args:
        items: of every item [items, D].
        queries: of every query [queries, D]; zero rows where there are none.
        users: of every user [users, D], or None.

    Raises:
        ValueError: other shapes, values that are not finite.
    """

    items: Floats
    queries: Floats
    users: Floats | None = None

    def __post_init__(self) -> None:
        tables = {"items": self.items, "queries": self.queries}
        if self.users is not None:
            tables["users"] = self.users
        for name, table in tables.items():
            if table.ndim != 2 or table.shape[1] != self.items.shape[-1]:
                raise ValueError(f"Text vectors of {name} have shape {table.shape}; [{name}, D] is needed, D the same.")
            if not np.isfinite(table).all():
                raise ValueError(f"Text vectors of {name} have values that are not finite.")

    def check(self, samples: Samples) -> None:
        """Refuse samples of other items, queries or users.

        Raises:
            ValueError: numbers of rows that differ.
        """
        counts = {"items": (len(self.items), len(samples.items)), "queries": (len(self.queries), len(samples.queries))}
        if self.users is not None:
            counts["users"] = (len(self.users), len(samples.users))
        for name, (vectors, rows) in counts.items():
            if vectors != rows:
                raise ValueError(f"There are {vectors:,} text vectors of {name} and {rows:,} {name}; each needs one.")


@dataclass(frozen=True, eq=False)
class Encoded:
    """Samples as networks read them: levels [n, columns], numbers of user, item and query [n], tastes [n, 2]."""

    columns: Ints
    user: Ints
    item: Ints
    query: Ints
    taste: Floats

    def __len__(self) -> int:
        return len(self.user)


@dataclass(frozen=True, eq=False)
class Features:
    """What is learned of the training samples to turn samples into features; made by :func:`learn_features`.

    Args:
        users: level of each user, 0 where unseen [users].
        items: level of each item, 0 where unseen [items].
        sizes: number of levels of each column: user, item, domain, then the sparse features.
        user_dense: of each user: numbers, standardised, and text if there is any [users, a].
        item_dense: of each item: numbers and text [items, b].
        query_dense: text of each query, its last row that of no query, zero [queries + 1, D].
        similarity: unit vectors of items and queries ([items, D], [queries + 1, D]), for their cosine.
        tastes: of the users.
    """

    users: Ints
    items: Ints
    sizes: tuple[int, ...]
    user_dense: Floats
    item_dense: Floats
    query_dense: Floats
    similarity: tuple[Floats, Floats]
    tastes: Tastes

    @property
    def width(self) -> int:
        """Length of the dense vector."""
        return self.user_dense.shape[1] + self.item_dense.shape[1] + self.query_dense.shape[1] + 4

    def without_tastes(self) -> Features:
        """The same with tastes of nobody: their scores are 0."""
        return replace(self, tastes=Tastes(self.tastes.text, 0 * self.tastes.table))

    def encode(self, samples: Samples, taste: Floats | None = None) -> Encoded:
        """Samples that are not training's; ``taste`` are scores to take in place of those of all training samples."""
        own = [self.users[samples.user], self.items[samples.item], samples.domain]
        sparse = [samples.users.sparse[samples.user], samples.items.sparse[samples.item]]
        columns = np.concatenate([np.stack(own, axis=1), *sparse], axis=1)
        if taste is None:
            taste = self.tastes.scores(samples.user, samples.item)
        return Encoded(columns, samples.user, samples.item, samples.query, taste)

    def dense(self, encoded: Encoded, rows: Ints) -> Floats:
        """Numbers and text of user and item, text of the query, its cosine, is there one, tastes; [rows, width]."""
        user, item, query = encoded.user[rows], encoded.item[rows], encoded.query[rows]
        items, queries = self.similarity
        cosine = np.einsum("nd,nd->n", items[item], queries[query])
        asked = (query != NO_QUERY).astype(np.float32)
        parts = [self.user_dense[user], self.item_dense[item], self.query_dense[query]]
        last = [np.stack([cosine, asked], axis=1), encoded.taste[rows]]
        return np.concatenate([*parts, *last], axis=1, dtype=np.float32)


def learn_features(samples: Samples, texts: Texts, seed: int) -> tuple[Features, Encoded]:
    """Levels of the ids seen, scales of numbers and texts, tastes; and the training samples themselves, encoded.

    Numbers are standardised over the users and items of the training samples and are 0 where missing, with a column
    that says so if any is. Texts are centred by those items' mean and all divided by one standard deviation. Training
    samples' tastes are of other folds (``seed`` draws them).

    Raises:
        ValueError: texts of other items, queries or users.
    """
    texts.check(samples)
    seen_users, seen_items = np.unique(samples.user), np.unique(samples.item)
    users, items = np.full(len(samples.users), UNSEEN), np.full(len(samples.items), UNSEEN)
    users[seen_users], items[seen_items] = np.arange(1, len(seen_users) + 1), np.arange(1, len(seen_items) + 1)
    item_text, (query_text,) = _texts(texts.items, seen_items, texts.queries)
    user_text = [] if texts.users is None else [_texts(texts.users, seen_users)[0]]
    nothing = np.zeros((1, query_text.shape[1]), np.float32)
    own = (len(seen_users) + 1, len(seen_items) + 1, len(samples.domains))
    tastes, told = learn_tastes(samples, texts.items, np.random.default_rng([seed, 1]))
    made = Features(
        users=users,
        items=items,
        sizes=(*own, *samples.users.sizes, *samples.items.sizes),
        user_dense=np.concatenate([standardised_numbers(samples.users, seen_users), *user_text], axis=1),
        item_dense=np.concatenate([standardised_numbers(samples.items, seen_items), item_text], axis=1),
        query_dense=np.concatenate([query_text, nothing]),
        similarity=(unit_vectors(texts.items), np.concatenate([unit_vectors(texts.queries), nothing])),
        tastes=tastes,
    )
    return made, made.encode(samples, told)


def standardised_numbers(entities: Entities, seen: Ints) -> Floats:
    """Numbers with mean 0 and standard deviation 1 over the rows ``seen``, 0 where missing or constant.

    Then a column for each that any is missing of: 1 where it is.
    """
    numbers = entities.numbers.astype(np.float64)
    missing = ~np.isfinite(numbers)
    known = ~missing[seen]
    count = np.maximum(known.sum(0), 1)
    mean = np.where(known, numbers[seen], 0).sum(0) / count
    spread = np.sqrt((np.where(known, numbers[seen] - mean, 0) ** 2).sum(0) / count)
    scaled = np.where(missing, 0, numbers - mean) / np.where(spread > 0, spread, np.inf)
    scaled = np.clip(scaled, -FARTHEST, FARTHEST)
    return np.concatenate([scaled, missing[:, missing.any(0)]], axis=1).astype(np.float32)


def unit_vectors(vectors: NDArray) -> Floats:
    """Rows of length 1; zero rows stay."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(length > 0, length, 1)).astype(np.float32)


def _texts(vectors: Floats, seen: Ints, *others: Floats) -> tuple[Floats, list[Floats]]:
    """Centred and scaled by the rows seen; a row of zeros, an empty text, stays zero."""
    filled = vectors[seen][vectors[seen].any(1)]
    mean = filled.mean(0) if len(filled) else np.zeros(vectors.shape[1], np.float32)
    spread = float(np.sqrt(((filled - mean) ** 2).mean())) if filled.size else 0.0

    def scaled(table: Floats) -> Floats:
        moved = (table - mean) / (spread or 1.0)
        return np.where(table.any(1, keepdims=True), moved, 0).astype(np.float32)

    return scaled(vectors), [scaled(table) for table in others]
