"""A new scenario with 1 %, 5 % and 20 % of its data: pretrained elsewhere and finetuned, against learned from scratch.

``python -m tests.benchmarks.recommendation.transfer``. Each domain of a set is the new one in turn: all samples of the
others are for pretraining, a fifth of its own are the test, and of the rest the share is given, a fifth of that to stop
by. A smaller share is part of a larger one. From scratch is the same model with the same settings and limit of time,
learned from the share alone; it has as much time for the share as pretraining and finetuning have each, and stops when
validation does not rise. Beside them: the pretrained model that has seen nothing of the new scenario, popularity, text
alone and boosted trees on the share, and boosted trees on everything.

Pretraining stops by a tenth of the other domains' samples, half of it of items that it does not learn from.

The bars are on the mean over domains and seeds of the gain in AUC; intervals are over seeds.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from statistics import mean
from typing import Any

from bethink.tools.recommendation.baselines import baseline
from bethink.tools.recommendation.baselines.protocol import Baseline
from bethink.tools.recommendation.foundation import hold_out
from bethink.tools.recommendation.scenarios import joined
from bethink.tools.recommendation.splits import NewScenario, new_scenario
from tests.benchmarks.density.workers import side_by_side
from tests.benchmarks.recommendation import data
from tests.benchmarks.recommendation.models import Ours
from tests.benchmarks.recommendation.scores import cell, interval, scores
from tests.benchmarks.report import Bar, bar, show

SEEDS, SHARES = 3, (0.01, 0.05, 0.2)
FEWEST = 30
"""Samples of the new domain that the smallest share must hold."""
ON_THE_SHARE = ("popularity", "text_logistic", "boosting")
TITLE = "finetuned over from scratch, AUC with {:.0%} of a new domain"
SCRATCH, PRETRAINED, FINETUNED = "ours, from scratch", "ours, pretrained only", "ours, finetuned"


def plan(name: str, domain: int, share: float, seed: int) -> NewScenario:
    """What is given and asked, with the negatives of sets that have none of their own.

    Raises:
        ValueError: too little of the domain, or one label in its test.
    """
    found = new_scenario(data.read(name), domain, share, seed)
    count = len(found.train) + len(found.valid)
    if count < FEWEST:
        raise ValueError(f"A share of {share:.0%} is {count} samples; fewer than {FEWEST} say too little.")
    add = data.source(name).add_to_scenarios
    if add:
        parts = data.enlarged([found.pretrain, found.train, found.valid, found.test], seed, add)
        found = NewScenario(*parts, found.left_out)
    for part, words in ((found.test, "Its test"), (found.valid, "What it would stop by"), (found.train, "Its share")):
        if part.label.min() == part.label.max():
            raise ValueError(f"{words} has one label only.")
    return found


def work(name: str, domain: int, seed: int, settings: str, seconds: float) -> dict[str, Any]:
    """One domain as the new one: scores of its test for each share and model, or why there is too little of it."""
    try:
        plans = [plan(name, domain, share, seed) for share in SHARES]
    except ValueError as error:
        return {"left_out": str(error)}
    elsewhere = plans[0].pretrain
    texts, found = data.text_vectors(elsewhere), {}
    learned, held = hold_out(elsewhere, seed)
    begun = time.perf_counter()
    general = Ours(json.loads(settings))
    general.fit(learned, held, seed=seed, max_seconds=seconds)
    spent = time.perf_counter() - begun
    for share, given in zip(SHARES, plans, strict=True):
        models: dict[str, Baseline] = {PRETRAINED: general}
        models[SCRATCH] = Ours(json.loads(settings)).fit(given.train, given.valid, seed=seed, max_seconds=seconds)
        models[FINETUNED] = general.finetuned(given.train, given.valid, seed=seed, max_seconds=seconds)
        for who in ON_THE_SHARE:
            models[who] = baseline(who, texts).fit(given.train, given.valid, seed=seed)
        everything = joined(learned, given.train)
        models["boosting, on everything"] = baseline("boosting", texts).fit(
            everything, given.valid, seed=seed, max_seconds=seconds / 4
        )
        kept = {who: scores(given.test, made.predict(given.test)) for who, made in models.items()}
        found[f"{share:g}"] = {"samples": len(given.train) + len(given.valid), "models": kept}
    return {"shares": found, "pretraining_seconds": spent}


def summed(name: str, seeds: int, done: dict[tuple[int, int], dict[str, Any]]) -> tuple[list[Bar], dict[str, Any]]:
    """Bars and figures of one set out of its jobs by (domain, seed); prints the table."""
    names = data.read(name).domains
    domains = [d for d in range(len(names)) if all("shares" in done[d, seed] for seed in range(seeds))]
    left_out = {
        names[d]: done[d, 0].get("left_out", "too few for one seed") for d in range(len(names)) if d not in domains
    }
    for domain, why in left_out.items():
        print(f"{name}: {domain} is left out. {why}", file=sys.stderr)
    if not domains:
        return not_measured(name), {"left_out": left_out}

    def values(share: float, who: str, measure: str = "auc") -> list[float | None]:
        """A value for each seed: the mean over domains."""
        of = [
            [done[d, seed]["shares"][f"{share:g}"]["models"].get(who, {}).get(measure) for d in domains]
            for seed in range(seeds)
        ]
        return [mean(own) if None not in own else None for own in of]

    bars, gains = [], {}
    for share in SHARES:
        pairs = zip(values(share, FINETUNED), values(share, SCRATCH), strict=True)
        gain, half = interval([tuned - scratch for tuned, scratch in pairs])
        gains[f"{share:g}"] = {"gain": gain, "half_width_95": half}
        title = f"{name}: {TITLE.format(share)}"
        at_all = Bar(title, round(gain, 4), "> 0", gain > 0)
        bars.append(bar(title, gain, ">=", 0.03) if share == SHARES[0] else at_all)
    models = list(done[domains[0], 0]["shares"][f"{SHARES[-1]:g}"]["models"])
    rows = [(who, *(cell(values(share, who, kind)) for share in SHARES for kind in ("auc", "gauc"))) for who in models]
    rows.append(
        (
            "gain of finetuning, AUC",
            *(x for own in gains.values() for x in (f"{own['gain']:+.4f}", f"± {own['half_width_95']:.4f}")),
        )
    )
    heads = [f"{share:.0%} {words}" for share in SHARES for words in ("AUC", "GAUC")]
    show(f"{name}: {len(domains)} domains, each as the new one; mean over {seeds} seeds (sd)", ("model", *heads), rows)
    per_domain = [
        (names[d], *(cell([done[d, seed]["shares"][f"{share:g}"]["models"][who]["auc"] for seed in range(seeds)], 3)
                     for share in SHARES for who in (SCRATCH, FINETUNED)))
        for d in domains
    ]  # fmt: skip
    heads = [f"{share:.0%} {words}" for share in SHARES for words in ("scratch", "finetuned")]
    show(f"{name}: AUC of each domain as the new one", ("domain", *heads), per_domain)
    jobs = [{"domain": names[d], "seed": seed, **found} for (d, seed), found in done.items()]
    return bars, {"gains": gains, "left_out": left_out, "jobs": jobs}


def not_measured(name: str) -> list[Bar]:
    """The bars of a set that is not there."""
    goals = {share: ">= 0.03" if share == SHARES[0] else "> 0" for share in SHARES}
    return [Bar(f"{name}: {TITLE.format(share)}", None, goal, None) for share, goal in goals.items()]


def measure(
    name: str, seeds: int = SEEDS, settings: Mapping[str, Any] | None = None
) -> tuple[list[Bar], dict[str, Any]]:
    """Every domain of a set as the new one; ``settings`` of ours, over its defaults."""
    seconds, samples, words = data.source(name).seconds, data.read(name), json.dumps(settings or {})
    data.text_vectors(samples)  # embeds here, once, what all jobs then find on disk
    cases = [(domain, seed) for domain in range(len(samples.domains)) for seed in range(seeds)]
    jobs = [(name, domain, seed, words, seconds) for domain, seed in cases]
    done = dict(zip(cases, side_by_side("recommendation_transfer", work, jobs), strict=True))
    bars, figures = summed(name, seeds, done)
    return bars, {"seconds_at_most": seconds, "settings": settings or {}, **figures}


def run() -> tuple[list[Bar], dict[str, Any]]:
    """Measure each set."""
    return data.each_set("transfer", measure, not_measured)


if __name__ == "__main__":
    run()
