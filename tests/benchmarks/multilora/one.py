"""One training of the comparison, in a process of its own: settings as JSON in, figures as JSON out.

So the peak of memory is the run's own, and no run warms the next one's caches.
"""

from __future__ import annotations

import json
import math
import resource
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from bethink.models.adapters.spectrum import Spectrum, spectrum_of, update_spectrum
from bethink.models.convert import smollm2_folder
from bethink.models.training.batches import exact_match
from bethink.models.training.examples import encode
from bethink.models.training.settings import TrainingSettings
from bethink.models.training.trainer import adapted, half_precision, train
from tests.benchmarks.multilora.tasks import load

LONGEST = 320
PROBES = (0.25, 0.5, 0.75, 1.0)
"""At these shares of the steps the spectra are looked at, so that methods can be compared at equal loss."""
SHOWN = 64


def loaded(settings: TrainingSettings) -> Any:
    """The default backbone, its frozen weights in bfloat16 where the products are."""
    half = half_precision(settings) and settings.method != "full"
    return AutoModelForCausalLM.from_pretrained(smollm2_folder(), dtype=torch.bfloat16 if half else torch.float32)


def spectra(model: Any, settings: TrainingSettings) -> dict[str, Spectrum]:
    """Of each adapted matrix; for full fine-tuning of the same matrices, beside the base's own weights."""
    if settings.method != "full":
        return update_spectrum(model)
    before = dict(loaded(settings).named_parameters())
    return {
        name: spectrum_of(weight - before[name])
        for name, weight in model.named_parameters()
        if name.endswith("_proj.weight")
    }


def summary(found: dict[str, Spectrum], loss: float, step: int) -> dict[str, Any]:
    """Means over the matrices, and each one's effective rank."""
    rows = [s.sigma[:SHOWN] / s.sigma[0] for s in found.values() if s.norm > 0]
    width = max(map(len, rows), default=0)
    curve = np.array([np.pad(row, (0, width - len(row))) for row in rows]).reshape(-1, width).mean(axis=0)
    return {
        "step": step,
        "loss": round(loss, 4),
        "top1_share": round(mean(s.top1_share for s in found.values()), 4),
        "effective_rank": round(mean(s.effective_rank for s in found.values()), 3),
        "norm": round(math.sqrt(sum(s.norm**2 for s in found.values())), 4),
        "effective_ranks": [round(s.effective_rank, 2) for s in found.values()],
        "top1_shares": [round(s.top1_share, 3) for s in found.values()],
        "curve": [round(float(value), 4) for value in curve],
    }


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Train, score validation and test, look at the update."""
    settings = TrainingSettings(**job["settings"])
    tokenizer = AutoTokenizer.from_pretrained(smollm2_folder())
    sets = load(Path(job["data"]))
    model = adapted(loaded(settings), settings)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    probes: list[dict[str, Any]] = []
    due = {max(1, round(share * settings.steps)) for share in PROBES} if job.get("spectra") else set()
    losses: list[float] = []

    def progress(step: int, steps: int, loss: float) -> None:
        if loss == loss:
            losses.append(loss)
        if step in due and (settings.method != "full" or step == steps):
            probes.append(summary(spectra(model, settings), losses[-1] if losses else math.nan, step))
        if step % 10 == 0:
            print(f"    step {step}/{steps} loss {loss:.3f}", file=sys.stderr, flush=True)

    examples = encode(sets.train, tokenizer, LONGEST)[0]
    with tempfile.TemporaryDirectory(prefix="bethink-bench-") as folder:
        done = train(model, examples, settings, folder, progress=progress, keep_checkpoints=False)
    model.eval()
    begun = time.perf_counter()
    scores: dict[str, dict[str, float]] = {}
    rights: dict[str, str] = {}
    for name in ("validation", "test") if job.get("test") else ("validation",):
        scores[name] = {}
        known = encode(getattr(sets, name), tokenizer, 4096)[0]
        with torch.autocast("cpu", torch.bfloat16, enabled=half_precision(settings)):
            right = exact_match(model, known)
        for task in sorted({example.task for example in known}):
            rows = [ok for ok, example in zip(right, known, strict=True) if example.task == task]
            scores[name][task] = round(100 * mean(rows), 2)
            if name == "test":
                rights[task] = "".join("01"[ok] for ok in rows)
        scores[name]["mean"] = round(mean(scores[name].values()), 3)
    return {
        "trained_parameters": trained,
        "loss": round(done.loss, 4),
        "tokens": done.tokens,
        "train_s": round(done.wall_s, 1),
        "train_cpu_s": round(done.cpu_s, 1),
        "energy_j": round(done.energy_j),
        "scoring_s": round(time.perf_counter() - begun, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "scores": scores,
        "rights": rights,
        "probes": probes,
    }


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    print(json.dumps(run(json.loads(sys.argv[1]))))
