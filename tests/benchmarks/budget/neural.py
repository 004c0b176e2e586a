"""Learned from logs by networks: one training for all prices beside d3rlpy, B = 6, judged in the true process.

``python -m tests.benchmarks.budget.neural``. All learners see the same 20,000 users through seven features. What
policies bring and cost is estimated from the log by one and the same fitted Q evaluation (NeuralFQE), and so are the
weights of every mixture; what a plan is truly worth and costs is computed exactly in the true process afterwards.

d3rlpy's algorithms are trained at six prices each, 6,000 updates of 512 rows; "best of the sweep" is the policy with
the greatest estimated reward among those that are estimated to cost no more than the budget, "mixed" is the chord
search over the same policies. The rules plan in a process of plain means of the same log. Settings of ours and the
refresh interval of d3rlpy's targets were chosen on campaigns 100 and above; the bars are of campaigns 0 to 4.

Trainings run two at a time with one thread each; ``BETHINK_BENCH_CACHE`` keeps those that are done.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bethink.tools.budget import environment, rules
from bethink.tools.budget.candidates import Candidates
from bethink.tools.budget.chord import Mixture, chord_search
from bethink.tools.budget.cmdp import Ints, Outcome, Policy, TabularPolicy, outcome
from bethink.tools.budget.log import Log
from bethink.tools.budget.lp import solve_lp
from bethink.tools.budget.model import ModelOracle
from tests.benchmarks.density.workers import side_by_side
from tests.benchmarks.report import Bar, bar, show

BUDGET, USERS, SEEDS, PEER_SEEDS = 6.0, 20_000, 5, 3
"""Ours are measured on five campaigns, the peers, whose six prices take some 20 minutes each, on the first three."""
PRICES = (0.02, 0.04, 0.06, 0.08, 0.0976, 0.12)
PEERS = ("DoubleDQN", "DiscreteBCQ", "DiscreteCQL")
OURS = "LambdaFQI"
RULES = ("uniform", "myopic", "one_step_uplift")
NEAR = 4
"""Policies of ours on each side of the budget, by their own critics, that NeuralFQE evaluates; and the cheapest."""
JITTER = 1e-3
"""Standard deviation of what is added to engagement and fatigue, so that no two rows are the same."""


class Seen:
    """A table of actions [T, S] for those who see features: looks up the state number that they tell of."""

    def __init__(self, actions: Ints) -> None:
        self.actions = actions

    def act(self, states: NDArray, step: int | Ints) -> Ints:
        """The actions of n users with features [n, 7]."""
        segment = states[:, :4].argmax(1)
        engagement, fatigue = (np.rint(states[:, 4 + i] * (4, 2)[i]).astype(np.int64) for i in (0, 1))
        return self.actions[step, (segment * environment.ENGAGEMENTS + engagement) * environment.FATIGUES + fatigue]


def featured(log: Log, jitter: float = 0.0) -> Log:
    """The log as networks see it; with ``jitter`` no two rows are equal."""
    rng = np.random.default_rng(0)
    states = environment.features(log.states, log.steps)
    following = environment.features(log.next_states, log.steps + 1)
    if jitter:
        users = len(states) // log.horizon
        states[:, 4:6] += rng.normal(0.0, jitter, (len(states), 2)).astype(np.float32)
        following[:-users, 4:6] = states[users:, 4:6]
        following[-users:, 4:6] += rng.normal(0.0, jitter, (users, 2)).astype(np.float32)
    return replace(log, states=states, next_states=following)


def table(policy: Policy) -> list[list[int]]:
    """What a policy does in all 60 states and 12 steps."""
    every = np.arange(environment.STATES)
    return [policy.act(environment.features(every, step), step).tolist() for step in range(environment.HORIZON)]


def ours(seed: int, jitter: float, members: int) -> dict[str, Any]:
    """One training, the evaluation of its policies near the budget by NeuralFQE, and the time of both."""
    from bethink.tools.budget.fqi import LambdaFQI
    from bethink.tools.budget.neural_fqe import NeuralFQE

    log = featured(environment.campaign(USERS, seed), jitter)
    started = time.perf_counter()
    learned = LambdaFQI(members=members).fit(log).candidates
    trained = time.perf_counter()
    costs = np.array([each.cost for each in learned.outcomes])
    below, above = np.nonzero(costs <= BUDGET)[0], np.nonzero(costs > BUDGET)[0]
    near = {int(costs.argmin()), *below[costs[below].argsort()[-NEAR:]], *above[costs[above].argsort()[:NEAR]]}
    policies = [learned.policies[number] for number in near]
    judged = NeuralFQE(log, members=members).evaluate_all(policies)
    chord_search(Candidates(tuple(policies), tuple(judged)), BUDGET)
    return {
        "seconds": time.perf_counter() - started,
        "training_seconds": trained - started,
        "tables": [table(policy) for policy in policies],
        "own": [list(learned.evaluate(policy)) for policy in policies],
        "judged": [list(each) for each in judged],
    }


def peer(name: str, seed: int, price: float) -> dict[str, Any]:
    """One training of a d3rlpy algorithm at one price."""
    from bethink.tools.budget.d3rlpy_oracle import D3rlpyOracle

    oracle = D3rlpyOracle(featured(environment.campaign(USERS, seed)), name, seed=seed)
    started = time.perf_counter()
    policy = oracle.solve(price)
    return {"seconds": time.perf_counter() - started, "tables": [table(policy)]}


def work(name: str, *rest: Any) -> dict[str, Any]:
    """One job of a worker."""
    return ours(*rest) if name == OURS else peer(name, *rest)


def settle(tables: Sequence[NDArray], outcomes: Sequence[Outcome]) -> dict[str, float]:
    """The chord search over tables with estimated outcomes: what the plan was thought to be, and what it truly is."""
    known = Candidates(tuple(map(Seen, tables)), tuple(outcomes))
    return judge(chord_search(known, BUDGET, tolerance=1e-9))


def single(tables: Sequence[NDArray], outcomes: Sequence[Outcome]) -> dict[str, float]:
    """The table with the greatest estimated reward of those that are estimated to cost no more than the budget."""
    fits = [(each.reward, number) for number, each in enumerate(outcomes) if each.cost <= BUDGET]
    best = max(fits)[1]
    return judge(Mixture(((Seen(tables[best]), 1.0),), outcomes[best], 0.0, None, ()))


def judge(plan: Mixture) -> dict[str, float]:
    """The plan's own forecast, and the exact outcome in the true process."""
    tabular = tuple((TabularPolicy(policy.actions), weight) for policy, weight in plan.components)
    true = rules.plan_outcome(environment.tabular(), replace(plan, components=tabular))
    return {"value": true.reward, "cost": true.cost, "planned": plan.outcome.reward, "planned_cost": plan.outcome.cost}


def by_rules(log: Log) -> dict[str, dict[str, float]]:
    """Each rule's plan in a process of plain means, and what it truly is."""
    process, found = ModelOracle.from_log(log, environment.STATES).cmdp, {}
    for name in RULES:
        plan = rules.RULES[name](process, BUDGET)
        true, thought = (rules.plan_outcome(each, plan) for each in (environment.tabular(), process))
        found[name] = dict(zip(("value", "cost", "planned", "planned_cost"), (*true, *thought), strict=True))
    return found


def measure(seed: int, own: dict[str, Any], peers: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, float]]:
    """What every method made of one campaign; ``peers`` may be empty."""
    from bethink.tools.budget.neural_fqe import NeuralFQE

    tables = list(map(np.array, own["tables"]))
    found = {
        OURS: settle(tables, [Outcome(*each) for each in own["judged"]]),
        f"{OURS}, its own estimates": settle(tables, [Outcome(*each) for each in own["own"]]),
    }
    found[OURS]["seconds"] = own["seconds"]
    if peers:
        fqe = NeuralFQE(featured(environment.campaign(USERS, seed)))
        nothing = np.zeros((environment.HORIZON, environment.STATES), np.int64)
        trained = {name: [*(np.array(run["tables"][0]) for run in runs), nothing] for name, runs in peers.items()}
        outcomes = iter(fqe.evaluate_all([Seen(each) for tables in trained.values() for each in tables]))
        for name, tables in trained.items():
            judged = [next(outcomes) for _ in tables]
            seconds = sum(run["seconds"] for run in peers[name])
            found[f"{name}, best of {len(PRICES)} prices"] = single(tables, judged) | {"seconds": seconds}
            found[f"{name}, mixed"] = settle(tables, judged) | {"seconds": seconds}
    return found | by_rules(environment.campaign(USERS, seed))


def run(seeds: int = SEEDS, peer_seeds: int = PEER_SEEDS) -> tuple[list[Bar], dict[str, Any]]:
    """Print the table; peers on the first ``peer_seeds`` campaigns only."""
    process = environment.tabular()
    floor, limit = outcome(process, rules.always(process, 0)).reward, solve_lp(process, BUDGET).value
    jobs: list[tuple[Any, ...]] = [(OURS, seed, 0.0, 4) for seed in range(seeds)] + [(OURS, 0, JITTER, 1)]
    jobs += [(name, seed, price) for seed in range(peer_seeds) for name in PEERS for price in PRICES]
    done = dict(zip(jobs, side_by_side("budget_neural", work, jobs), strict=True))
    runs = []
    for seed in range(seeds):
        trained = {name: [done[name, seed, price] for price in PRICES] for name in PEERS} if seed < peer_seeds else {}
        runs.append(measure(seed, done[OURS, seed, 0.0, 4], trained))
    runs[0][f"{OURS}, no two rows equal"] = measure(0, done[OURS, 0, JITTER, 1], {})[OURS]
    figures: dict[str, Any] = {"optimum": limit, "no_coupon": floor, "prices": PRICES, "campaigns": runs}
    rows = []
    for name in dict.fromkeys(name for one in runs for name in one):
        of = [one[name] for one in runs if name in one]
        share = np.array([(one["value"] - floor) / (limit - floor) for one in of])
        cost, planned = (np.array([one[key] for one in of]) for key in ("cost", "planned"))
        seconds = f"{np.mean([one['seconds'] for one in of]):.0f}" if "seconds" in of[0] else "-"
        spread = (f"{100 * share.mean():.1f} ({100 * share.std():.1f})", f"{cost.mean():.3f} ({cost.std():.3f})")
        rows.append((name, len(of), *spread, f"{planned.mean():.3f}", seconds))
    heads = ("", "campaigns", "% of the increment (s.d.)", "true cost (s.d.)", "forecast", "seconds")
    show(f"{USERS:,} users, B = {BUDGET:g}: optimum {limit:.4f}, no coupon {floor:.4f}", heads, rows)
    best = [one[OURS] for one in runs]
    pair = [2 * done["DoubleDQN", seed, price]["seconds"] for seed in range(peer_seeds) for price in PRICES]
    figures["two_trainings_of_double_dqn_seconds"] = float(np.median(pair)) if pair else None
    share = float(np.mean([(one["value"] - floor) / (limit - floor) for one in best]))
    time_share = float(np.mean([one["seconds"] for one in best])) / float(np.median(pair)) if pair else None
    return [
        bar("neural: share of the optimal increment", share, ">=", 0.97),
        bar("neural: mean true cost", float(np.mean([one["cost"] for one in best])), "<=", 6.03),
        bar("neural: time / two trainings of DoubleDQN", time_share, "<=", 1.0),
    ], figures


if __name__ == "__main__":
    run()
