"""``make bench NAME=agent``: what the adapted backbone can do, beside its base and others.

``BETHINK_AGENT_MODELS`` names more models, separated by commas, in the forms of ``--model`` (an instruct model of 0.5B,
an adapter as ``smollm2+FOLDER``). ``ONLY=calls make bench NAME=agent`` measures one part anew; ``LIMIT=40`` asks only so
many questions of each set, evenly spaced.
"""

from __future__ import annotations

from tests.benchmarks.report import run_parts

PARTS = {
    "calls": "requests and dialogues: the right tool with the right arguments, or none",
    "thoughts": "triples of held-out phrasings and of real dialogues",
    "decisions": "what becomes of a new thought beside old ones",
    "answers": "answers from recalled thoughts, and saying that one does not know",
    "results": "what is said of a tool's result",
    "turns": "seconds of a whole turn with a tool call",
    "mix": "the training itself: MultiLoRA, LoRA, one LoRA a task (an hour; runs are kept as they end)",
}
PACKAGES = ("bethink", "numpy", "torch", "transformers", "peft", "onnxruntime", "llguidance")

if __name__ == "__main__":
    run_parts("agent", PARTS, PACKAGES)
