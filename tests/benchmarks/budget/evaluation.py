"""Bar 5: do the intervals of an off-policy evaluation hold the truth, and does a null result stay one?

``BETHINK_BUDGET_DATA`` names the folder of the real tables; without it their bars are not measured.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bethink.tools.budget.chord import Mixture, chord_search
from bethink.tools.budget.cmdp import Floats, Outcome, outcome
from bethink.tools.budget.environment import AMOUNTS, campaign, tabular
from bethink.tools.budget.log import Log
from bethink.tools.budget.ope import (
    FQE,
    Estimate,
    Evaluation,
    Rule,
    cross_fit,
    cross_target,
    dr,
    ips,
    one_shot_scores,
    pdis,
    snips,
)
from bethink.tools.budget.ope.target import probabilities
from bethink.tools.budget.oracle import TabularOracle
from bethink.tools.budget.response import cross_predict, fit_response
from tests.benchmarks.budget.learned import smoothed
from tests.benchmarks.report import Bar, bar, show

BUDGET, USERS, LOGS, WEEKS = 6.0, 20_000, 50, 1000
APART = 1_000_000
"""Added to a log's seed to split its users, so that the split shares no draws with the log."""
WEEK_USERS = 2_000
SHARE = 0.3
"""Of Hillstrom's customers who get a mail."""
GOLDEN = {"ips": (0.00301, 5), "ips_se": (0.00077, 5), "snips": (0.00319, 5), "ess": (656, 0), "max_weight": (178, 0)}
"""The Open Bandit sample's figures in the spec, to the digits that it gives."""


def hits(estimates: Sequence[Estimate], truths: Sequence[float]) -> dict[str, float]:
    """Share of intervals that hold the truth, root mean squared error, and mean standard error."""
    pairs = list(zip(estimates, truths, strict=True))
    return {
        "coverage": float(np.mean([found.ci[0] <= truth <= found.ci[1] for found, truth in pairs])),
        "rmse": float(np.sqrt(np.mean([(found.value - truth) ** 2 for found, truth in pairs]))),
        "bias": float(np.mean([found.value - truth for found, truth in pairs])),
        "mean_se": float(np.mean([found.se for found in estimates])),
    }


def both(found: Sequence[Evaluation], truths: Sequence[Outcome]) -> dict[str, dict[str, float]]:
    return {
        "value": hits([each.reward for each in found], [truth.reward for truth in truths]),
        "cost": hits([each.cost for each in found], [truth.cost for truth in truths]),
    }


def long_logs() -> dict[str, Any]:
    """Twelve weeks: the optimal mixture, mixtures learned on the other fold, and importance sampling."""
    process = tabular()
    fixed = chord_search(TabularOracle(process), BUDGET, tolerance=1e-9)
    start = np.repeat(np.arange(process.states), np.rint(10_000 * process.initial).astype(int))
    found: list[Evaluation] = []
    known: list[Evaluation] = []
    learned: list[Evaluation] = []
    truths: list[Outcome] = []
    flagged, sizes, seconds = [], [], 0.0
    for seed in range(LOGS):
        log = campaign(USERS, seed)
        began = time.perf_counter()
        found.append(FQE(log, seed=seed).estimate(fixed))
        seconds += time.perf_counter() - began
        known.append(FQE(log, seed=seed, population=start).estimate(fixed))
        policies: list[Mixture] = []

        def learn(train: Log, policies: list[Mixture] = policies) -> Mixture:
            policies.append(smoothed(train))
            return policies[-1]

        learned.append(cross_fit(log, learn, seed=APART + seed))
        parts = [(outcome(process, policy), w) for mixture in policies for policy, w in mixture.components]  # type: ignore[arg-type]
        truths.append(Outcome(*(sum(w * each[part] for each, w in parts) / len(policies) for part in range(2))))
        weights = [scores.estimate() for scores in pdis(log, fixed)]
        flagged.append(all(not each.reliable for each in weights))
        sizes.append(weights[0].ess)
    return {
        "users": USERS,
        "logs": LOGS,
        "optimal_mixture": both(found, [fixed.outcome] * LOGS),
        "optimal_mixture_known_start": both(known, [fixed.outcome] * LOGS),
        "learned_on_the_other_fold": both(learned, truths),
        "ess": float(np.mean([each.reward.ess for each in found])),
        "seconds_per_log": seconds / LOGS,
        "pdis_flagged": float(np.mean(flagged)),
        "pdis_ess": float(np.mean(sizes)),
    }


def one_week() -> dict[str, dict[str, float]]:
    """T = 1: coverage of IPS, SNIPS and DR for the first week of the optimal policy, by reward and cost."""
    process = tabular()
    policy = chord_search(TabularOracle(process), BUDGET).components[0][0]
    week = replace(process, horizon=1)
    truth = outcome(week, policy)  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    found: dict[str, list[Estimate]] = {}
    for seed in range(WEEKS):
        log = one_step(WEEK_USERS, int(rng.integers(2**62)))
        assert log.propensities is not None
        target = probabilities(policy, log.states, 0, len(AMOUNTS))
        predicted = cross_predict(log, seed=APART + seed)
        cases = (("reward", log.rewards, predicted.rewards), ("cost", log.costs, predicted.costs))
        for part, seen, model in cases:
            known = (seen, log.actions, log.propensities, target)
            scores = {"IPS": ips(*known), "SNIPS": snips(*known), "DR": dr(*known, model)}
            for name, each in scores.items():
                found.setdefault(f"{name} {part}", []).append(each.estimate())
    return {name: hits(each, [getattr(truth, name.split()[1])] * WEEKS) for name, each in found.items()}


def one_step(users: int, seed: int) -> Log:
    """The first week of a campaign as a log of its own."""
    log = campaign(users, seed)
    return replace(log.rows(log.steps == 0), horizon=1)


def open_bandit(folder: Path) -> dict[str, float]:
    """Uniform policy's click rate from the rows of Thompson sampling; the truth is the random log's."""
    import pandas as pd

    table, random = (pd.read_csv(folder / f"obd_{name}_men.csv.gz") for name in ("bts", "random"))
    known = (table.click.to_numpy(float), table.item_id.to_numpy(), table.propensity_score.to_numpy(float))
    uniform = np.full((len(table), 34), 1 / 34)
    plain, normalised = ips(*known, uniform), snips(*known, uniform)
    first, second, drawn = plain.estimate(), normalised.estimate(), plain.estimate(interval="bootstrap")
    truth = random.click.mean()
    error = np.hypot(first.se, random.click.std() / np.sqrt(len(random)))
    return {
        "ips": first.value,
        "ips_se": first.se,
        "ips_bootstrap_low": drawn.ci[0],
        "ips_bootstrap_high": drawn.ci[1],
        "snips": second.value,
        "snips_se": second.se,
        "ess": first.ess,
        "max_weight": float(plain.weights.max()),
        "random_log": float(truth),
        "z": float((first.value - truth) / error),
    }


def hillstrom(folder: Path) -> Log:
    """The e-mail experiment as a one-step log: no mail, men's, women's; reward: a visit; sending costs 1."""
    import pandas as pd

    table = pd.read_csv(folder / "hillstrom.csv.gz")
    plain = table[["recency", "history", "mens", "womens", "newbie"]]
    shown = pd.get_dummies(table[["zip_code", "channel"]])
    states = pd.concat([plain, shown], axis=1).to_numpy(np.float32)
    actions = table.segment.map({"No E-Mail": 0, "Mens E-Mail": 1, "Womens E-Mail": 2}).to_numpy()
    n = len(table)
    return Log(
        states,
        actions,
        table.visit.to_numpy(float),
        1.0 * (actions > 0),
        states,
        np.zeros(n, np.int64),
        np.arange(n),
        1,
        np.array([0.0, 1.0, 1.0]),
        np.full(n, 1 / 3),
    )


def best_share(train: Log) -> Rule:
    """A T-learner's rule: the users who gain most, up to the share, get the mail that does most for them."""
    model = fit_response(train)

    def rule(states: NDArray) -> Floats:
        gains = model.predict(states).gains
        chosen = np.argsort(-gains.max(1), kind="stable")[: round(SHARE * len(gains))]
        target = np.zeros_like(gains)
        target[:, 0] = 1.0
        target[chosen] = np.eye(3)[gains[chosen].argmax(1)]
        return target

    return rule


def random_share(train: Log) -> Rule:
    """The mail with the greatest visit rate to users drawn at random."""
    best = max((1, 2), key=lambda action: train.rewards[train.actions == action].mean())
    return lambda states: np.tile((1 - SHARE) * np.eye(3)[0] + SHARE * np.eye(3)[best], (len(states), 1))


def mails(folder: Path) -> dict[str, Any]:
    """Hillstrom at 30 %: learned targeting against random, cross-fitted on all rows, 10 ways to split them.

    Splits are put together by medians (Chernozhukov et al. 2018, definition 3.3): of the gains, and of their squared
    errors with the distance from the median gain added.
    """
    log = hillstrom(folder)
    rows = []
    for seed in range(10):
        predicted = cross_predict(log, seed=seed)
        targeted, at_random = (
            one_shot_scores(log, cross_target(log, learn, seed=seed), predicted) for learn in (best_share, random_share)
        )
        found = targeted.evaluation(at_random)
        gain = found.reward_gain
        assert gain is not None
        other = at_random.reward.estimate()
        half = log.folds(2, seed)[0]
        part = targeted.rows(half).reward.estimate(at_random.reward.rows(half))
        rows.append(
            {
                "targeted": found.reward.value,
                "targeted_se": found.reward.se,
                "random": other.value,
                "gain": gain.value,
                "gain_se": gain.se,
                "significant": gain.significant,
                "half_gain": part.value,
                "half_gain_se": part.se,
                "half_significant": part.significant,
            }
        )
    mean = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    gains, errors = (np.array([row[name] for row in rows]) for name in ("gain", "gain_se"))
    middle = float(np.median(gains))
    error = float(np.sqrt(np.median(errors**2 + (gains - middle) ** 2)))
    return {"splits": len(rows), "first": rows[0], "mean": mean, "median_gain": middle, "median_gain_se": error}


def run() -> tuple[list[Bar], dict[str, Any]]:
    """All of it."""
    figures: dict[str, Any] = {"long": long_logs(), "one_week": one_week()}
    long, week = figures["long"], figures["one_week"]
    rows = [
        (f"FQE, {name.replace('_', ' ')}: {part}", *long[name][part].values())
        for name in ("optimal_mixture", "optimal_mixture_known_start", "learned_on_the_other_fold")
        for part in ("value", "cost")
    ]
    rows += [(f"T = 1: {name}", *each.values()) for name, each in week.items()]
    show("Intervals at 95 %", ("estimate of", "coverage", "rmse", "bias", "mean s.e."), rows)
    bars = [
        bar(f"fqe_coverage_{short}_{part}", long[name][part]["coverage"], ">=", 0.9)
        for short, name in (("optimal", "optimal_mixture"), ("learned", "learned_on_the_other_fold"))
        for part in ("value", "cost")
    ]
    covered = [each["coverage"] for name, each in week.items() if not name.startswith("SNIPS")]
    bars += [
        bar("one_week_least_coverage", min(covered), ">=", 0.93),
        bar("one_week_greatest_coverage", max(covered), "<=", 0.97),
        bar("pdis_flagged_unreliable", long["pdis_flagged"], ">=", 1.0),
    ]
    named = os.environ.get("BETHINK_BUDGET_DATA")
    real: dict[str, Callable[[Path], dict[str, Any]]] = {"open_bandit": open_bandit, "hillstrom": mails}
    for name, measure in real.items():
        figures[name] = measure(Path(named)) if named else {"skipped": "BETHINK_BUDGET_DATA names no folder"}
    bandit, mail = figures["open_bandit"], figures["hillstrom"]
    off = None
    if named:
        off = float(sum(round(bandit[name], digits) != value for name, (value, digits) in GOLDEN.items()))
        show("Hillstrom, 30 % get a mail (visit rate)", tuple(mail["mean"]), [tuple(mail["mean"].values())])
    bars += [
        bar("open_bandit_off_golden", off, "<=", 0),
        bar("open_bandit_z", abs(bandit["z"]) if named else None, "<=", 1.96),
        bar("hillstrom_from_golden_in_se", hillstrom_off(mail) if named else None, "<=", 1.0),
        bar("hillstrom_gain_z", mail["median_gain"] / mail["median_gain_se"] if named else None, "<=", 1.96),
    ]
    return bars, figures


def hillstrom_off(mail: dict[str, Any]) -> float:
    """Distance of the targeted visit rate from the spec's 0.1304, in standard errors."""
    return float(abs(mail["mean"]["targeted"] - 0.1304) / mail["mean"]["targeted_se"])
