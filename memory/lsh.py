"""The hash of Think-in-Memory (arXiv 2311.08719, Eq. 1): cross-polytope LSH for angular distance.

The family is that of Andoni et al., "Practical and Optimal LSH for Angular Distance" (NeurIPS 2015).
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np


def check_vectors(x: np.ndarray, dim: int) -> np.ndarray:
    """The vectors as float32 of shape (n, dim).

    Raises:
        ValueError: wrong shape, NaN or infinity, or a zero vector (it would tie everywhere and fall in bucket 0).
    """
    rows = np.atleast_2d(np.asarray(x, dtype=np.float32))
    if rows.ndim != 2 or rows.shape[1] != dim:
        raise ValueError(f"Expected vectors of length {dim}, got an array of shape {np.shape(x)}.")
    if not np.isfinite(rows).all():
        raise ValueError("A vector holds NaN or infinity; check the embedder's output.")
    if rows.size and not np.abs(rows).max(axis=1).all():
        raise ValueError("A vector is all zeros: it has no direction. Was the embedded text empty?")
    return rows


class AngularLSH:
    """F(x) = argmax_i [xR; -xR]_i with R of shape (dim, n_buckets / 2), i.i.d. N(0, 1), seeded.

    ``n_tables = n_probes = 1`` is exactly the paper. More tables draw more R; more probes look into the next
    best buckets. Cost of hashing n vectors: n * dim * n_buckets / 2 * n_tables multiplications.

    Raises:
        ValueError: ``n_buckets`` odd or below 2, or a count below 1.
    """

    def __init__(self, dim: int, n_buckets: int = 16, n_tables: int = 1, n_probes: int = 1, seed: int = 0) -> None:
        if n_buckets < 2 or n_buckets % 2:
            raise ValueError(f"n_buckets must be even and at least 2 (Eq. 1 needs [xR; -xR]), got {n_buckets}.")
        if dim < 1 or n_tables < 1 or not 1 <= n_probes <= n_buckets:
            raise ValueError("dim and n_tables must be at least 1, and n_probes between 1 and n_buckets.")
        self.dim, self.n_buckets, self.n_tables, self.n_probes, self.seed = dim, n_buckets, n_tables, n_probes, seed
        shape = (n_tables, dim, n_buckets // 2)
        self.R = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)

    def _scores(self, x: np.ndarray) -> np.ndarray:
        rows = check_vectors(x, self.dim)
        # Scaling first keeps tiny and huge vectors from under- or overflowing; F(cx) = F(x) allows it.
        rows = rows / np.abs(rows).max(axis=1, keepdims=True) if rows.size else rows
        projected = np.einsum("nd,tdh->nth", rows, self.R, optimize=True)
        return np.concatenate([projected, -projected], axis=2)

    def hash(self, x: np.ndarray) -> np.ndarray:
        """Bucket of each vector in each table: int32, shape (n, n_tables)."""
        return self._scores(x).argmax(axis=2).astype(np.int32)

    def probe(self, x: np.ndarray) -> np.ndarray:
        """The ``n_probes`` best buckets, best first: int32, shape (n, n_tables, n_probes)."""
        order = np.argsort(-self._scores(x), axis=2, kind="stable")
        return order[:, :, : self.n_probes].astype(np.int32)

    def save(self, folder: str | Path) -> None:
        """Write ``lsh.json`` and ``lsh.npy`` (R itself, so that no later random generator can change buckets)."""
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        options = {name: getattr(self, name) for name in ("dim", "n_buckets", "n_tables", "n_probes", "seed")}
        with open(place / "lsh.npy.part", "wb") as file:
            np.save(file, self.R, allow_pickle=False)
        os.replace(place / "lsh.npy.part", place / "lsh.npy")
        (place / "lsh.json.part").write_text(json.dumps(options), encoding="utf-8")
        os.replace(place / "lsh.json.part", place / "lsh.json")

    @classmethod
    def load(cls, folder: str | Path) -> AngularLSH:
        """The hash that was saved there.

        Raises:
            ValueError: the two files do not fit together.
        """
        options = json.loads((Path(folder) / "lsh.json").read_text(encoding="utf-8"))
        lsh = cls(**options)
        matrix = np.load(Path(folder) / "lsh.npy", allow_pickle=False)
        if matrix.shape != lsh.R.shape or not np.isfinite(matrix).all():
            raise ValueError(f"{folder}/lsh.npy does not fit lsh.json; restore both files from a backup.")
        lsh.R = matrix.astype(np.float32)
        return lsh
