"""Frozen text features: each text through the embedder once, then from disk.

A text is found again by blake2b of itself under the embedder's identity, so that another embedder never answers for it.
Vectors are kept as float16 in shards that are written whole: a shard is a safetensors file (``keys`` uint8 [n, 16],
``vectors`` float16 [n, D]) that gets its name only when it is complete. A crash loses at most the shard being written,
and processes that share a folder at worst embed the same text twice. The texts themselves are not stored.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import numpy as np

from bethink.models.embedder import Embedder
from bethink.tools.recommendation.samples import Floats

KEY_BYTES = 16
SHARD_TEXTS = 1024
"""Texts embedded and written at a time; a cancelled or crashed run keeps the shards before."""
LEAST_TEXTS = 32
"""Fewer new texts are not worth a file: they are remembered as long as the process lives."""
MOST_REMEMBERED = 4096


class TextFeatures:
    """Texts to vectors, each text embedded once.

    Args:
        embedder: its ``name`` and ``dim`` are its identity, or an attribute ``identity`` where it has one.
        folder: where the shards are kept, made when first needed; None keeps vectors in memory only.

    Memory: about 150 bytes a text of the folder, for the index. Disk: 2 D + 16 bytes a text.

    Example:
        >>> class Lengths:  # a fake
        ...     name, dim = "lengths", 2
        ...     def embed(self, texts):
        ...         return np.array([[len(text), 1] for text in texts], np.float32)
        >>> TextFeatures(Lengths()).of(["slow", "", "sci-fi"]).tolist()
        [[4.0, 1.0], [0.0, 0.0], [6.0, 1.0]]
    """

    def __init__(self, embedder: Embedder, folder: str | Path | None = None) -> None:
        self.embedder = embedder
        self.identity: str = getattr(embedder, "identity", f"{embedder.name}/{embedder.dim}")
        self._key = blake2b(self.identity.encode(), digest_size=32).digest()
        self._folder = None if folder is None else Path(folder) / self._key.hex()[:16]
        self._places: dict[bytes, tuple[str, int]] = {}
        self._shards: set[str] = set()
        self._remembered: dict[bytes, Floats] = {}

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self.embedder.dim

    def of(self, texts: Sequence[str], progress: Callable[[float, str], None] | None = None) -> Floats:
        """Vectors of ``texts``, float32 [n, D] rounded to float16; zeros for texts that are empty or all blanks.

        Args:
            texts: any; a repeated one is embedded once.
            progress: called with a share in [0, 1] and a sentence while new texts are embedded; what it raises stops
                the work, and what was embedded before is kept.

        Raises:
            ValueError: an embedder whose vectors are not finite or of the wrong shape.
            OSError: a folder that cannot be written.

        Cost: a hash a text; one pass of the embedder for each text not seen before; a read of the shards concerned.
        """
        found = np.zeros((len(texts), self.dim), np.float32)
        rows: dict[bytes, list[int]] = {}
        for row, text in enumerate(texts):
            if text.strip():
                rows.setdefault(self._key_of(text), []).append(row)
        if any(key not in self._remembered and key not in self._places for key in rows):
            self._rescan()
        missing = self._read(found, rows)
        self._embed(found, rows, {key: texts[rows[key][0]] for key in missing}, progress)
        return found

    def _key_of(self, text: str) -> bytes:
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES, key=self._key).digest()

    # -- the embedder -------------------------------------------------------------------------------------------------

    def _embed(
        self,
        found: Floats,
        rows: dict[bytes, list[int]],
        wanted: dict[bytes, str],
        progress: Callable[[float, str], None] | None,
    ) -> None:
        keys = list(wanted)
        for start in range(0, len(keys), SHARD_TEXTS):
            if progress:
                progress(start / len(keys), f"Reading texts: {start:,} of {len(keys):,}")
            part = keys[start : start + SHARD_TEXTS]
            vectors = np.asarray(self.embedder.embed([wanted[key] for key in part]), np.float32)
            if vectors.shape != (len(part), self.dim):
                message = f"The embedder {self.embedder.name!r} gave shape {vectors.shape} for {len(part)} texts"
                raise ValueError(f"{message}; ({len(part)}, {self.dim}) was promised.")
            with np.errstate(over="ignore"):
                halves = vectors.astype(np.float16)
            if not np.isfinite(halves).all():
                raise ValueError(f"The embedder {self.embedder.name!r} gave vectors that are not finite in float16.")
            if self._folder is None or len(keys) < LEAST_TEXTS:
                self._remember(part, halves)
            else:
                self._write(part, halves)
            for key, vector in zip(part, halves, strict=True):
                found[rows[key]] = vector
        if progress and keys:
            progress(1.0, f"Read {len(keys):,} texts")

    def _remember(self, keys: Sequence[bytes], halves: np.ndarray) -> None:
        for key, vector in zip(keys, halves, strict=True):
            self._remembered[key] = vector
        while self._folder is not None and len(self._remembered) > MOST_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]

    # -- the folder ---------------------------------------------------------------------------------------------------

    def _write(self, keys: Sequence[bytes], halves: np.ndarray) -> None:
        """One shard under the hash of its keys: a broken one of the same texts is replaced."""
        from safetensors.numpy import save

        assert self._folder is not None
        table = np.frombuffer(b"".join(keys), np.uint8).reshape(-1, KEY_BYTES)
        name = f"{blake2b(table.tobytes(), digest_size=KEY_BYTES).hexdigest()}.safetensors"
        aside = self._folder / f"{uuid.uuid4().hex}.part"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with aside.open("wb") as file:
                file.write(save({"keys": table, "vectors": halves}))
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, self._folder / name)
        except OSError as error:
            with suppress(OSError):
                aside.unlink()
            hint = "Free some disk, choose another folder, or keep them in memory (folder=None)."
            raise OSError(f"Text features cannot be written to {str(self._folder)!r}: {error}. {hint}") from error
        self._shards.add(name)
        self._places.update((key, (name, row)) for row, key in enumerate(keys))

    def _rescan(self) -> None:
        """Index the shards written since; what cannot be read as a shard is left alone, and its texts embedded anew."""
        from safetensors import SafetensorError, safe_open

        if self._folder is None or not self._folder.is_dir():
            return
        for path in sorted(self._folder.glob("*.safetensors")):
            if path.name in self._shards:
                continue
            try:
                with safe_open(path, framework="np") as shard:
                    keys, shape = shard.get_tensor("keys"), shard.get_slice("vectors").get_shape()
            except (SafetensorError, OSError):
                continue
            if keys.dtype != np.uint8 or keys.shape != (shape[0], KEY_BYTES) or shape != [len(keys), self.dim]:
                continue
            self._shards.add(path.name)
            for row, key in enumerate(keys):
                self._places.setdefault(key.tobytes(), (path.name, row))

    def _read(self, found: Floats, rows: dict[bytes, list[int]]) -> list[bytes]:
        """Fill in what is remembered or on disk; returns the keys of the rest. A shard that vanished is forgotten."""
        from safetensors import SafetensorError, safe_open

        wanted: dict[str, list[tuple[int, bytes]]] = {}
        missing = []
        for key, places in rows.items():
            if key in self._remembered:
                found[places] = self._remembered[key]
            elif key in self._places:
                name, row = self._places[key]
                wanted.setdefault(name, []).append((row, key))
            else:
                missing.append(key)
        for name, entries in wanted.items():
            assert self._folder is not None
            try:
                with safe_open(self._folder / name, framework="np") as shard:
                    table = shard.get_slice("vectors") if len(entries) < 8 else shard.get_tensor("vectors")
                    for row, key in entries:
                        found[rows[key]] = table[row : row + 1][0]
            except (SafetensorError, OSError):
                self._shards.discard(name)
                self._places = {key: place for key, place in self._places.items() if place[0] != name}
                missing += [key for _, key in entries]
        return missing
