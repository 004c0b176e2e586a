"""The two stores that every part measures: Chroma in the folder itself, and a Chroma server of its own process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bethink.memory import ThoughtMemory
from bethink.memory.server import chroma_server
from tests.benchmarks.report import ROOT
from tests.memory.chroma_process import chroma_process

sys.path.insert(0, str(ROOT / "tests" / "memory"))  # as its tests do: processes are started from there

KINDS = ("embedded", "server")


@dataclass(frozen=True)
class Stores:
    """A folder for memories, and the server's address and folder where one keeps the thoughts."""

    folder: Path
    url: str | None
    server: Path | None

    def open(self, embedder: Any, name: str = "memory", **options: Any) -> ThoughtMemory:
        """A memory below the folder, or on the server with its journal there."""
        store = None if self.url is None else chroma_server(self.url, embedder.dim)
        return ThoughtMemory(self.folder / name, embedder, store=store, **options)


@contextmanager
def stores(kind: str) -> Iterator[Stores]:
    """A fresh place of that kind; the server is ended afterwards."""
    with TemporaryDirectory(prefix="bethink-safety-") as name:
        folder = Path(name) / "data"
        if kind == "embedded":
            yield Stores(folder, None, None)
        else:
            with chroma_process(Path(name) / "server" / "chroma") as (url, _):
                yield Stores(folder, url, Path(name) / "server" / "chroma")
