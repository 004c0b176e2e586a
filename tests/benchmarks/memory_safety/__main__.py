"""``make bench NAME=memory_safety``: erasure, isolation and durability of the memory, on both stores; some ten minutes.

``ONLY=erasure make bench NAME=memory_safety`` measures some parts anew; the others' figures stay in the file.
"""

from __future__ import annotations

from tests.benchmarks.report import run_parts

PARTS = {
    "erasure": "what is left after forget(hard=True) and delete_user, in every place, with the real embedder; its cost",
    "isolation": "three users' operations in any order, and twenty near-identical users from eight threads",
    "durability": "kill -9 during 1,000 adds, twenty times; two processes on one folder",
}

if __name__ == "__main__":
    run_parts("memory_safety", PARTS, ("bethink", "chromadb", "numpy", "torch", "sentence-transformers"))
