"""``make bench NAME=dialogue``: what is found of long dialogues, and what Bethink's models answer from it.

The part ``locomo`` needs ``BETHINK_DIALOGUE_DATA``, the folder of the sets that do not come with Bethink.
``ONLY=gvd make bench NAME=dialogue`` measures one part anew.
"""

from __future__ import annotations

from tests.benchmarks.report import run_parts

PARTS = {
    "gvd": "15 users, ten days each, 100 questions: all of them",
    "locomo": "ten talks over months: eight questions of each",
}
PACKAGES = ("bethink", "numpy", "torch", "transformers", "onnxruntime", "chromadb")

if __name__ == "__main__":
    run_parts("dialogue", PARTS, PACKAGES)
