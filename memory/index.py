"""Vectors of one user in memory: exact cosine, the hash table of the paper, and a graph for very many of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bethink.memory.lsh import AngularLSH, check_vectors

CONNECTIVITY, EXPANSION_ADD = 16, 100
"""HNSW's M and efConstruction."""
MORE = 32
"""So many more neighbours than wanted are asked for, and all ordered by their exact cosines."""
WIDENED_FROM = 25_000
"""Above so many rows a walk of the graph looks at more of them, by the root of their number, to find as much."""


def unit(vectors: np.ndarray, dim: int) -> np.ndarray:
    """The vectors at length 1, float32 (n, dim).

    Raises:
        ValueError: see :func:`bethink.memory.lsh.check_vectors`.
    """
    rows = check_vectors(vectors, dim)
    if not rows.size:
        return rows
    rows = rows / np.abs(rows).max(axis=1, keepdims=True)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class VectorIndex:
    """Rows are only appended (a row number never changes its meaning); the array doubles when full.

    Exact search is one matrix product: n * dim multiplications, 0.2 ms at 6,000 rows of 384, memory-bound far above.
    :meth:`nearest` walks a graph instead (HNSW, Malkov and Yashunin, arXiv 1603.09320; the usearch library, vectors
    rounded to 8 bits), which is built at its first use: some 0.1 ms and (estimated) 0.5 KB a row.
    """

    def __init__(self, lsh: AngularLSH) -> None:
        self.lsh, self.size = lsh, 0
        self._vectors = np.zeros((0, lsh.dim), dtype=np.float32)
        self._codes = np.zeros((0, lsh.n_tables), dtype=np.int32)
        self._graph: Any = None

    def append(self, vectors: np.ndarray) -> np.ndarray:
        """Add unit vectors (n, dim); returns their buckets, int32 (n, n_tables)."""
        rows = unit(vectors, self.lsh.dim)
        codes = self.lsh.hash(rows) if len(rows) else np.zeros((0, self.lsh.n_tables), dtype=np.int32)
        end = self.size + len(rows)
        if end > len(self._vectors):
            self._grow(max(end, 2 * len(self._vectors), 64))
        self._vectors[self.size : end], self._codes[self.size : end] = rows, codes
        self.size = end
        return codes

    def _grow(self, room: int) -> None:
        for name in ("_vectors", "_codes"):
            old = getattr(self, name)
            new = np.zeros((room, old.shape[1]), dtype=old.dtype)
            new[: self.size] = old[: self.size]
            setattr(self, name, new)

    def vectors(self, rows: np.ndarray | list[int]) -> np.ndarray:
        """The unit vectors of some rows, float32 (n, dim)."""
        return self._vectors[: self.size][rows]

    def cosine(self, query: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """Cosine of the query (dim,) with every row, float32 (size,), or with some rows."""
        vectors = self._vectors[: self.size] if rows is None else self._vectors[rows]
        return vectors @ unit(query, self.lsh.dim)[0]

    def nearest(self, query: np.ndarray, k: int) -> np.ndarray:
        """Row numbers of about the k rows nearest to the query (dim,), nearest first by exact cosine: int (<= k,)."""
        graph, vector = self._walked(), unit(query, self.lsh.dim)[0]
        wanted = min(k + MORE, self.size)
        graph.expansion_search = wanted + round(MORE * max(1.0, math.sqrt(self.size / WIDENED_FROM)))
        rows = np.asarray(graph.search(vector, wanted, threads=1).keys, dtype=np.int64)
        return rows[np.argsort(-(self._vectors[rows] @ vector), kind="stable")[:k]]

    def _walked(self) -> Any:
        if self._graph is None:
            from usearch.index import Index

            self._graph = Index(
                ndim=self.lsh.dim, metric="cos", dtype="i8", connectivity=CONNECTIVITY, expansion_add=EXPANSION_ADD
            )
        there = len(self._graph)
        if there < self.size:
            self._graph.add(np.arange(there, self.size), self._vectors[there : self.size])
        return self._graph

    def in_bucket(self, query: np.ndarray) -> np.ndarray:
        """Which rows share a probed bucket with the query in some table: bool (size,). Nothing else may be recalled."""
        probes = self.lsh.probe(query)[0]
        codes = self._codes[: self.size]
        return (codes[:, :, None] == probes[None, :, :]).any(axis=(1, 2))
