"""One mixed training of six real tasks by each method, at equal trained parameters.

Each method's rate is the one of three or more that scores best on validation (seed 0); then it is trained with three other
seeds and tested. Ablations of MultiLoRA take its rate and one seed. Two trainings run side by side, one core each.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from tests.benchmarks.multilora.tasks import folder
from tests.benchmarks.report import RESULTS, ROOT, Bar, bar, commit, show

RECIPE = {"steps": 100, "batch_size": 16, "warmup": 0.1, "temperature": 2.0, "max_length": 320}
RATES = (5e-4, 1e-3, 2e-3)
MOST_RATES = 6
SEEDS = (1, 2, 3)
LORA = {"r": 26, "lora_alpha": 52.0}
"""LoRA of rank 26 has 2 % more parameters than MultiLoRA with 3 modules of rank 8; both multiply the update by 2."""
METHODS: dict[str, dict[str, Any]] = {
    "LoRA": {"method": "lora", **LORA},
    "MultiLoRA": {"method": "multilora"},
    "rsLoRA": {"method": "rslora", **LORA},
    "DoRA": {"method": "dora", **LORA},
    "full": {"method": "full"},
}
SLOWER = {"full": 10, "rsLoRA": 2}
"""Rates of full fine-tuning are a tenth of the others'; rsLoRA multiplies by alpha / sqrt(r), 5 times LoRA's factor."""
ABLATIONS: dict[str, dict[str, Any]] = {
    "one rate for all": {"scaling_lr_ratio": 1.0},
    "one scaling a module": {"scaling": "scalar"},
    "one module of rank 24": {"num_modules": 1, "r": 24, "lora_alpha": 48.0},
    "B zero, s one": {"init_weights": "zero_b", "scaling_lr_ratio": 1.0},
}
RUNS = RESULTS / "multilora_runs.jsonl"
BOOTSTRAP = 2_000


def key(job: dict[str, Any]) -> str:
    """What a run is known by."""
    return json.dumps({name: job[name] for name in ("settings", "test")}, sort_keys=True)


class Runs:
    """Runs that were done, in a file that goes on growing."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.known: dict[str, dict[str, Any]] = {}
        if RUNS.exists() and not os.environ.get("BETHINK_FRESH"):
            for line in RUNS.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                self.known[key(row["job"])] = row

    def job(self, method: dict[str, Any], lr: float, seed: int, test: bool) -> dict[str, Any]:
        """A run's description; what the spectra look like is asked of those that are tested."""
        return {"settings": {**RECIPE, **method, "lr": lr, "seed": seed}, "test": test, "spectra": test}

    def do(self, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The figures of the jobs, those that are not known measured now, two at a time."""
        new = [job for job in jobs if key(job) not in self.known]
        with ThreadPoolExecutor(int(os.environ.get("BETHINK_BENCH_WORKERS", "2"))) as pool:
            started = {pool.submit(self._one, job): job for job in new}
            for future in as_completed(started):
                job = started[future]
                row = {"job": job, "commit": commit(), "figures": future.result()}
                self.known[key(job)] = row
                with RUNS.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
        return [self.known[key(job)]["figures"] for job in jobs]

    def _one(self, job: dict[str, Any]) -> dict[str, Any]:
        settings = job["settings"]
        print(f"  {settings['method']}, rate {settings['lr']:g}, seed {settings['seed']}", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", "tests.benchmarks.multilora.one", json.dumps({**job, "data": str(self.place)})]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"A training failed: {settings}\n{done.stderr[-2000:]}")
        return dict(json.loads(done.stdout.splitlines()[-1]))


def best_rates(runs: Runs) -> dict[str, dict[str, Any]]:
    """Each method's rate with the best mean on validation, and each rate's mean.

    Where the highest rate is the best, twice that is tried, too: a grid's end is no optimum.
    """
    rates = {name: [rate / SLOWER.get(name, 1) for rate in RATES] for name in METHODS}
    while True:
        # all at once, so that no core waits for the last run of a method
        jobs = [runs.job(METHODS[name], rate, 0, test=False) for name in METHODS for rate in rates[name]]
        figures = iter(runs.do(jobs))
        found = {
            name: {rate: next(figures)["scores"]["validation"]["mean"] for rate in rates[name]} for name in METHODS
        }
        best = {name: max(each, key=each.__getitem__) for name, each in found.items()}
        ended = [name for name in METHODS if best[name] == max(rates[name]) and len(rates[name]) < MOST_RATES]
        if not ended:
            return {name: {"chosen": best[name], "validation": found[name]} for name in METHODS}
        for name in ended:
            rates[name].append(2 * best[name])


def trained(runs: Runs, rates: dict[str, dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The tested runs of each method (three seeds) and of each ablation of MultiLoRA (one)."""
    jobs = {
        name: [runs.job(METHODS[name], rates[name]["chosen"], seed, test=True) for seed in SEEDS] for name in METHODS
    }
    for name, change in ABLATIONS.items():
        jobs[name] = [runs.job({**METHODS["MultiLoRA"], **change}, rates["MultiLoRA"]["chosen"], SEEDS[0], test=True)]
    figures = iter(runs.do([job for each in jobs.values() for job in each]))
    return {name: [next(figures) for _ in each] for name, each in jobs.items()}


def means(figures: list[dict[str, Any]]) -> np.ndarray:
    """Right or not (seeds, examples of all tasks), each weighed so that tasks count alike in a mean over examples."""
    tasks = sorted(figures[0]["rights"])
    rows = []
    for each in figures:
        parts = [np.array([c == "1" for c in each["rights"][task]], float) for task in tasks]
        total = sum(map(len, parts))
        rows.append(np.concatenate([100 * part * total / (len(tasks) * len(part)) for part in parts]))
    return np.array(rows)


def interval(difference: np.ndarray) -> tuple[float, float]:
    """95 % of the mean of (seeds, examples), by bootstrap over seeds and examples."""
    rng = np.random.default_rng(0)
    seeds, examples = difference.shape
    drawn = [
        difference[rng.integers(seeds, size=seeds)].mean(axis=0)[rng.integers(examples, size=examples)].mean()
        for _ in range(BOOTSTRAP)
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def at_equal_loss(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> dict[str, float]:
    """Each matrix's effective rank beside the other method's, where both have the loss of the less trained one.

    Between two probes the effective rank is taken to change linearly with the loss.
    """
    shares, top = [], []
    for mine, other in zip(ours, theirs, strict=True):
        loss = max(min(probe["loss"] for probe in side["probes"]) for side in (mine, other))
        a, b = (_at(side["probes"], "effective_ranks", loss) for side in (mine, other))
        shares.append(float(np.mean(a > b)))
        top.append([float(np.mean(_at(side["probes"], "top1_shares", loss))) for side in (mine, other)])
    return {
        "matrices with a higher effective rank": round(mean(shares), 3),
        "top share": round(mean(row[0] for row in top), 4),
        "top share of the other": round(mean(row[1] for row in top), 4),
    }


def _at(probes: list[dict[str, Any]], what: str, loss: float) -> np.ndarray:
    rows = sorted(probes, key=lambda probe: -float(probe["loss"]))
    losses = [-row["loss"] for row in rows]
    values = np.array([row[what] for row in rows])
    return np.array([np.interp(-loss, losses, column) for column in values.T])


def run() -> tuple[list[Bar], dict[str, Any]]:
    """See the module."""
    names = ("mean of MultiLoRA over LoRA", "matrices with a higher effective rank than LoRA's, share")
    place = folder()
    if place is None:
        return [bar(names[0], None, ">=", 0), bar(names[1], None, ">=", 0.8)], {}
    runs = Runs(place)
    rates = best_rates(runs)
    for name, each in rates.items():
        print(f"  {name}: rate {each['chosen']:g} of {each['validation']}", file=sys.stderr, flush=True)
    tested = trained(runs, rates)
    table: dict[str, Any] = {}
    for name, figures in tested.items():
        own, lora = means(figures), means(tested["LoRA"][: len(figures)])
        low, high = interval(own - lora)
        last = [each["probes"][-1] for each in figures]
        table[name] = {
            "tasks": {t: round(mean(f["scores"]["test"][t] for f in figures), 1) for t in figures[0]["rights"]},
            "mean": round(float(own.mean()), 2),
            "over LoRA": [round(float((own - lora).mean()), 2), round(low, 2), round(high, 2)],
            "trained_parameters": figures[0]["trained_parameters"],
            "loss": round(mean(f["loss"] for f in figures), 3),
            "top1_share": round(mean(p["top1_share"] for p in last), 3),
            "effective_rank": round(mean(p["effective_rank"] for p in last), 2),
            "train_s": round(mean(f["train_s"] for f in figures)),
            "energy_j": round(mean(f["energy_j"] for f in figures)),
            "peak_mb": round(mean(f["peak_mb"] for f in figures)),
        }
    equal = at_equal_loss(tested["MultiLoRA"], tested["LoRA"])
    report(table)
    plot(tested)
    over = table["MultiLoRA"]["over LoRA"][0]
    return [bar(names[0], over, ">=", 0), bar(names[1], equal["matrices with a higher effective rank"], ">=", 0.8)], {
        "recipe": RECIPE,
        "rates": rates,
        "methods": table,
        "at equal loss, MultiLoRA beside LoRA": equal,
    }


def report(table: dict[str, Any]) -> None:
    """Print the two tables."""
    tasks = list(next(iter(table.values()))["tasks"])
    rows = [
        (n, *(t["tasks"][k] for k in tasks), t["mean"], "{:+} ({:+} to {:+})".format(*t["over LoRA"]))
        for n, t in table.items()
    ]
    show(
        "Right answers in percent, means of three seeds (what changes MultiLoRA: one)",
        ("", *tasks, "mean", "over LoRA, 95 %"),
        rows,
    )
    names = ("trained_parameters", "loss", "top1_share", "effective_rank", "train_s", "energy_j", "peak_mb")
    show("What it took", ("", *names), [(n, *(t[k] for k in names)) for n, t in table.items()])


def plot(tested: dict[str, list[dict[str, Any]]]) -> None:
    """``multilora.png``: mean spectra, and score over joules."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4.2))
    for name, figures in tested.items():
        if name in METHODS:
            curve = np.mean([each["probes"][-1]["curve"] for each in figures], axis=0)
            left.plot(range(1, len(curve) + 1), curve, label=name)
            energy = mean(each["energy_j"] for each in figures) / 1000
            points = [each["scores"]["test"]["mean"] for each in figures]
            right.errorbar(energy, mean(points), yerr=np.std(points), marker="o", capsize=3)
            right.annotate(name, (energy, mean(points)), textcoords="offset points", xytext=(6, 4), fontsize=8)
    left.set(xlabel="singular value", ylabel="mean over matrices, the greatest = 1", title="Spectra of the updates")
    left.set_xlim(1, 40)
    left.legend(fontsize=8)
    right.set(xlabel="kJ of training (estimated)", ylabel="mean score, percent", title="Six tasks, three seeds")
    for axes in (left, right):
        axes.grid(alpha=0.25)
    figure.tight_layout()
    figure.savefig(RESULTS / "multilora.png", dpi=130)
    pyplot.close(figure)


def so_far() -> None:
    """Print the means of the tested runs that the file has, by method (with what was changed) and rate."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in RUNS.read_text(encoding="utf-8").splitlines() if RUNS.exists() else []:
        row = json.loads(line)
        if row["job"]["test"]:
            told = {k: v for k, v in row["job"]["settings"].items() if RECIPE.get(k) != v and k != "seed"}
            found.setdefault(" ".join(f"{k}={v}" for k, v in told.items()), []).append(row["figures"])
    tasks = sorted(next(iter(found.values()))[0]["rights"]) if found else []
    rows = [
        (
            name, len(each), *(round(mean(f["scores"]["test"][t] for f in each), 1) for t in tasks),
            round(mean(f["scores"]["test"]["mean"] for f in each), 2),
            round(mean(f["probes"][-1]["top1_share"] for f in each), 3),
            round(mean(f["probes"][-1]["effective_rank"] for f in each), 2),
        )
        for name, each in found.items()
    ]  # fmt: skip
    show("Tested so far", ("", "seeds", *tasks, "mean", "top-1 share", "effective rank"), rows)


if __name__ == "__main__":
    so_far()
