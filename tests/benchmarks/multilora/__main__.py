"""``make bench NAME=multilora``: MultiLoRA beside PEFT's LoRA, rsLoRA, DoRA and full fine-tuning.

``BETHINK_MULTITASK_DATA`` names the folder of the sets (SNIPS, CLINC150, Banking77, RTE, CB, COPA as gzipped JSONL or
TSV). Trainings that ``docs/results/multilora_runs.jsonl`` knows are not done again; ``BETHINK_FRESH=1`` does them all.
``ONLY=speed make bench NAME=multilora`` measures some parts anew.
"""

from __future__ import annotations

from tests.benchmarks.report import run_parts

PARTS = {
    "exactness": "start, merge, export and round trip on the default backbone",
    "speed": "a training step beside LoRA of the same rank and a loop over the modules",
    "comparison": "one mixed training of six tasks by each method: scores, spectra, joules, memory",
    "longer": "LoRA and MultiLoRA trained three times as long",
}

PACKAGES = ("bethink", "peft", "torch", "transformers", "accelerate", "numpy")

if __name__ == "__main__":
    run_parts("multilora", PARTS, PACKAGES)
