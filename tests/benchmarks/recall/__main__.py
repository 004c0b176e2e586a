"""``make bench NAME=recall``: evidence recall and latency beside peers.

``BETHINK_DIALOGUE_DATA`` names the folder of the sets (``locomo10.json``, ``madial_en_*.jsonl``, gzipped or not); what
needs a set that is not there is not measured. Peers that are not installed are left out and named.
``ONLY=locomo,madial make bench NAME=recall`` measures some parts anew; the others' figures stay in the file.
"""

from __future__ import annotations

from tests.benchmarks.report import run_parts

PARTS = {
    "locomo": "evidence found in LoCoMo, from turns and from turns with thoughts",
    "madial": "memories that should come to mind in MADial-Bench",
    "latency": "milliseconds a query beside other memories and indices",
}

PACKAGES = (
    "bethink",
    "chromadb",
    "numpy",
    "torch",
    "sentence-transformers",
    "usearch",
    "faiss-cpu",
    "hnswlib",
    "langgraph",
    "mem0ai",
)

if __name__ == "__main__":
    run_parts("recall", PARTS, PACKAGES)
