"""Another process on a shared server: writes, and says what it sees. Run by test_sharing."""

from __future__ import annotations

import sys

from fake_embedder import WordHashEmbedder

from bethink.memory import ThoughtMemory
from bethink.memory.server import chroma_server

folder, url, first, last = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
embedder = WordHashEmbedder()
with ThoughtMemory(folder, embedder, store=chroma_server(url, embedder.dim)) as memory:
    for number in range(first, last):
        memory.insert(f"Note {number} is here.", user_id="ana", turn_id=f"turn-{number}")
        print(len(memory.list(user_id="ana", limit=10**6)), flush=True)
