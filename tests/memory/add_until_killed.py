"""Adds thoughts and says which are in, until somebody kills it. Run by test_durability."""

from __future__ import annotations

import sys

from fake_embedder import WordHashEmbedder

from bethink.memory import ThoughtMemory

with ThoughtMemory(sys.argv[1], WordHashEmbedder()) as memory:
    for number in range(int(sys.argv[2]), 10_000):
        turn = f"turn-{number}"
        memory.add(
            f"I live in town {number} and I like tea {number}.", user_id="ana", turn_id=turn, timestamp="2024-05-01"
        )
        print(number, flush=True)
