"""The folder of a memory: made, checked, and held by one process at a time."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from bethink.memory.errors import EmbedderMismatchError, MemoryFolderError, MemoryLockedError
from bethink.memory.lsh import AngularLSH

FORMAT = 1


class MemoryFolder:
    """``memory.json`` (what made the vectors), the hash, the journal and the store, under an exclusive lock.

    Chroma and our indices are not safe with two processes on one folder, so a second opener is refused.

    Raises:
        MemoryFolderError, MemoryLockedError, EmbedderMismatchError: see :class:`bethink.memory.memory.ThoughtMemory`.
    """

    def __init__(
        self, path: str | Path, embedder: str, dim: int, n_buckets: int, seed: int, lock: str | Path | None = None
    ) -> None:
        self.path = Path(path).expanduser().absolute()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            held = self.path / "lock" if lock is None else Path(lock)
            held.parent.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(held, thread_local=False)
            self._lock.acquire(timeout=0)
            (self.path / "probe").touch()
            (self.path / "probe").unlink()
        except Timeout as problem:
            hint = "Close the other Bethink that uses it, or choose another folder."
            raise MemoryLockedError(f"The memory in {self.path} is in use by another process. {hint}") from problem
        except (OSError, NotImplementedError, ValueError) as problem:
            hint = "Make the folder writable, or choose another one."
            raise MemoryFolderError(f"The memory folder {self.path} cannot be written ({problem}). {hint}") from problem
        try:
            self._manifest = {
                "format": FORMAT, "embedder": embedder, "dim": dim, "n_buckets": n_buckets, "seed": seed,
            }  # fmt: skip
            self._check_manifest()
            self.lsh = self._open_hash(dim, n_buckets, seed)
        except BaseException:
            self.release()
            raise

    def _check_manifest(self) -> None:
        file = self.path / "memory.json"
        if not file.exists():
            part = self.path / "memory.json.part"
            part.write_text(json.dumps(self._manifest), encoding="utf-8")
            os.replace(part, file)
            return
        try:
            written = json.loads(file.read_text(encoding="utf-8"))
            if not isinstance(written, dict) or written["format"] != FORMAT:
                raise ValueError("unknown format")
        except (ValueError, KeyError) as problem:
            hint = "Restore it from a backup, or choose another folder."
            raise MemoryFolderError(f"{file} is not a memory of this version ({problem}). {hint}") from problem
        for name, value in self._manifest.items():
            if written.get(name) != value:
                raise EmbedderMismatchError(
                    f"The memory in {self.path} was written with {name} = {written.get(name)!r}, now it is {value!r}; "
                    "vectors of both kinds do not mix. Open it as it was and export it, then import into a new folder."
                )

    def _open_hash(self, dim: int, n_buckets: int, seed: int) -> AngularLSH:
        place = self.path / "hash"
        if not (place / "lsh.json").exists():
            AngularLSH(dim, n_buckets, seed=seed).save(place)
        try:
            return AngularLSH.load(place)
        except (OSError, ValueError, TypeError, KeyError) as problem:
            raise MemoryFolderError(
                f"The hash in {place} cannot be read ({problem}). Restore it from a backup."
            ) from problem

    def stats(self) -> dict[str, Any]:
        """What made the vectors, and the bytes of all files."""
        sizes = [file.stat().st_size for file in self.path.rglob("*") if file.is_file()]
        return {**self._manifest, "folder": str(self.path), "bytes": sum(sizes)}

    def release(self) -> None:
        """Let others open the folder."""
        self._lock.release()
