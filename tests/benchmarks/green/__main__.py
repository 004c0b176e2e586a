"""``make bench NAME=green``: is the meter exact, cheap and true, and what does each policy spare? Some fifteen minutes.

``ONLY=meter make bench NAME=green`` measures some parts anew; the others' figures stay in the file.
"""

from __future__ import annotations

from tests.benchmarks.report import run_parts

PARTS = {
    "meter": "identity with threads, cost of a span, busy loops of 1, 2 and 4 s beside CodeCarbon's tracker",
    "dialogue": "prompt tokens and recalled answers over 50 turns, beside the whole chat and LangChain's summaries",
    "policies": "each switch off and on with the default model: tokens, operations, CPU seconds",
}

if __name__ == "__main__":
    run_parts("green", PARTS, ("bethink", "codecarbon", "langchain", "torch", "transformers", "onnxruntime"))
