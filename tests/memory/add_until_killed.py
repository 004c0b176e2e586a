"""Adds thoughts and says which are in, until somebody kills it. Run by killing.py.

Arguments: the folder, the first number, the number to stop before, and a server's address where one keeps the thoughts.
"""

from __future__ import annotations

import sys

from fake_embedder import WordHashEmbedder

from bethink.memory import ThoughtMemory
from bethink.memory.server import chroma_server

folder, first, end, *url = sys.argv[1:]
embedder = WordHashEmbedder()
store = chroma_server(url[0], embedder.dim) if url else None
with ThoughtMemory(folder, embedder, store=store) as memory:
    for number in range(int(first), int(end)):
        turn = f"turn-{number}"
        memory.add(
            f"I live in town {number} and I like tea {number}.", user_id="ana", turn_id=turn, timestamp="2024-05-01"
        )
        print(number, flush=True)
