"""Texts and vectors looked for in raw bytes, whatever file format they are in: many at once, one pass over a file."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

BLOCK = 32 * 2**20
CLOSE = 2e-7
"""Chroma divides a vector by its length again, so that what is in its files differs in the last bit or two."""
PATCH, STRIDE = 4, 32
"""So many numbers in a row must agree, and they are looked for at every so manieth place of a vector."""
_KEY = 8
_LETTERS = re.compile(rb"[A-Za-z0-9_]*")


def forms(text: str) -> dict[bytes, str]:
    """The bytes that a text may be in a file, each with its name: UTF-8, JSON (escaped once or twice), UTF-16."""
    once = json.dumps(text)[1:-1]
    found: dict[bytes, str] = {}
    for name, held in (
        ("UTF-8", text.encode("utf-8", "replace")),
        ("JSON", once.encode()),
        ("JSON in JSON", json.dumps(once)[1:-1].encode()),
        ("UTF-16", text.encode("utf-16-le", "replace")),
        ("UTF-16 (big-endian)", text.encode("utf-16-be", "replace")),
    ):
        if held:
            found.setdefault(held, name)
    return found


class ByteScan:
    """Needles to be found in bytes. One pass for all of eight bytes or more (about 0.2 s a 32 MB), one each for others.

    Example:
        >>> ByteScan([b"Porto", b"Lisbon, Portugal"]).count(b"Porto is not in Lisbon, Portugal. Porto!")
        Counter({b'Porto': 2, b'Lisbon, Portugal': 1})
    """

    def __init__(self, needles: Iterable[bytes]) -> None:
        found = sorted({needle for needle in needles if needle})
        self._short = [needle for needle in found if len(needle) < _KEY]
        long = [needle for needle in found if len(needle) >= _KEY]
        shared = Counter(needle[at : at + _KEY] for needle in long for at in _places(needle))
        self._long: dict[int, list[tuple[bytes, int]]] = {}
        for needle in long:  # known by the eight bytes that fewest others have
            at = min(_places(needle), key=lambda at, needle=needle: shared[needle[at : at + _KEY]])  # type: ignore[misc]
            self._long.setdefault(int.from_bytes(needle[at : at + _KEY], "little"), []).append((needle, at))
        self._keys = np.array(sorted(self._long), dtype=np.uint64)
        self._likely = np.zeros(2**16, dtype=bool)
        self._likely[(self._keys % 2**16).astype(np.int64)] = True
        self.longest = max((len(needle) for needle in found), default=0)

    def count(self, held: bytes) -> Counter[bytes]:
        """How often each needle that is there at all occurs."""
        return Counter(needle for needle, _ in self.find(held))

    def find(self, held: bytes) -> Iterator[tuple[bytes, int]]:
        """Each needle with each place where it is, in no order."""
        for needle in self._short:
            place = held.find(needle)
            while place >= 0:
                yield needle, place
                place = held.find(needle, place + 1)
        for shift in range(_KEY if len(self._keys) else 0):
            words = (len(held) - shift) // _KEY
            if words < 1:
                break
            codes = np.frombuffer(held, dtype="<u8", count=words, offset=shift)
            places = np.flatnonzero(self._likely[(codes & np.uint64(0xFFFF)).astype(np.int64)])
            near = np.searchsorted(self._keys, codes[places])
            places = places[self._keys[np.minimum(near, len(self._keys) - 1)] == codes[places]]
            for place in places.tolist():
                for needle, at in self._long[int(codes[place])]:
                    start = shift + _KEY * place - at
                    if start >= 0 and held[start : start + len(needle)] == needle:
                        yield needle, start


def run_at(held: bytes, start: int, end: int) -> str:
    """The bytes from ``start`` to ``end`` with the ASCII letters and digits that touch them: the whole word."""
    before, after = _LETTERS.match(held[max(start - 64, 0) : start][::-1]), _LETTERS.match(held[end : end + 64])
    run = (before[0][::-1] if before else b"") + held[start:end] + (after[0] if after else b"")
    return run.decode("utf-8", "replace")


def _places(needle: bytes) -> range:
    return range(0, len(needle) - _KEY + 1, 1 + len(needle) // 64)


class VectorScan:
    """Float32 vectors (n, dim) to be found in bytes, whole or in part, at any byte: about 2 s a 32 MB.

    A vector counts as found where four numbers in a row agree with a stretch of it within :data:`CLOSE`.
    """

    def __init__(self, vectors: np.ndarray) -> None:
        rows = np.atleast_2d(np.asarray(vectors, dtype=np.float32))
        starts = np.arange(0, max(rows.shape[1] - PATCH, 0) + 1, STRIDE)
        patches = np.stack([rows[:, start : start + PATCH] for start in starts], axis=1).reshape(-1, PATCH)
        owners = np.repeat(np.arange(len(rows)), len(starts))
        order = np.argsort(patches[:, 0], kind="stable")
        self._patches, self._owners = patches[order], owners[order]

    def count(self, held: bytes) -> Counter[int]:
        """How many stretches of each vector (by its row) are there."""
        found: Counter[int] = Counter()
        first = self._patches[:, 0]
        for shift in range(4 if len(first) else 0):
            numbers = (len(held) - shift) // 4
            if numbers < PATCH:
                break
            values = np.frombuffer(held, dtype="<f4", count=numbers, offset=shift)
            starts = values[: numbers - PATCH + 1]
            with np.errstate(invalid="ignore", over="ignore"):
                right = np.searchsorted(first, starts)
                for near in (np.minimum(right, len(first) - 1), np.maximum(right - 1, 0)):
                    places = np.flatnonzero(np.abs(starts - first[near]) < CLOSE)
                    for step in range(1, PATCH):
                        wanted = self._patches[near[places], step]
                        places = places[np.abs(values[places + step] - wanted) < CLOSE]
                    found.update(self._owners[near[places]].tolist())
        return found


def blocks(file: Path, overlap: int) -> Iterator[bytes]:
    """A file's bytes in pieces of 32 MB, each beginning with the last ``overlap`` bytes of the one before."""
    with file.open("rb") as stream:
        tail = b""
        while part := stream.read(BLOCK):
            yield tail + part
            tail = (tail + part)[-overlap:] if overlap else b""


def files_below(folder: Path) -> list[Path]:
    """All plain files below a folder, links left out."""
    return sorted(file for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
