"""Results of the three budget tools, as they word them, with the figures as they are written."""

from __future__ import annotations

import random
from typing import Any

from bethink.models.training.calls.results import (
    SAMPLE,
    Found,
    Maker,
    density,
    recommend,
    search,
    track_series,
    track_twin,
)
from bethink.models.training.calls.results import written as w

WARNINGS = (
    ("Amounts were not drawn at random", "amounts were not drawn at random, so the figures are associational"),
    ("few users", "the log tells as much as {ess} users under the policy itself would; 200 are needed"),
    ("never logged", "some of what the policy does was never logged for such users"),
)
LEARNT = (
    "No propensities are in the file: they were learnt from it.",
    "Column 'post_visits' says what came after the coupon; it was left out.",
    "Nothing says what an arm costs: each one counts as 1, so the budget is a number of users who get one.",
    "Some users have no row in some weeks; nothing is taken to have happened there.",
)


def _campaign(rng: random.Random, args: dict[str, Any]) -> dict[str, str]:
    upload = args.get("upload")
    steps = args.get("horizon") or (rng.choice([1, 1, 4, 8, 12, 26]) if upload else 12)
    logged = rng.randint(300, 60_000) if upload else 5000
    users = args.get("n_users") or logged
    columns = args.get("columns") or {}
    reward = columns.get("reward") or (
        rng.choice(["visit", "spend", "conversion", "active", "orders"]) if upload else "active"
    )
    time = f" over {steps} steps" if steps > 1 else ", one shot"
    source = upload or SAMPLE
    currency = args.get("currency")
    return {
        "source": source,
        "users": str(users),
        "reward": reward,
        "unit": f" {currency}" if currency else "",
        "read": f"{source}: {logged} users{time}, {logged * steps} rows",
        "where": source if upload else "the sample campaign",
    }


def _unreliable(rng: random.Random, facts: dict[str, str]) -> str:
    """Sometimes: that the figures are not to be relied on, and why; or a warning."""
    way = rng.random()
    if way < 0.22:
        reason = rng.choice(WARNINGS)[1].format(ess=w(rng.uniform(12, 190)))
        facts["unreliable"] = reason
        return f"These figures are unreliable: {reason}. "
    if way < 0.34:
        facts["warning"] = rng.choice(LEARNT)
        return f"Warning: {facts['warning']}"
    return ""


def allocate(rng: random.Random, args: dict[str, Any]) -> Found:
    """A plan."""
    facts = _campaign(rng, args)
    budget = args.get("budget") or rng.randint(20, 900) * 100
    mode = args.get("guarantee", "expected")
    spent = budget * (rng.choice([1, 1, 1, 0.97, 0.6]) if mode == "expected" else rng.uniform(0.88, 0.99))
    gain = budget * rng.choice([0.02, 0.08, 0.2, 0.6, 1.4]) * rng.uniform(0.5, 1.2)
    wide = rng.choice([0.2, 0.3, 0.5, 1.4])
    low, high = gain * (1 - wide), gain * (1 + wide)
    over = {"expected": rng.uniform(0.3, 0.55), "chance": args.get("alpha", 0.05) * rng.uniform(0.6, 1), "hard": 0.0}[
        mode
    ]
    facts |= {
        "budget": w(budget),
        "spent": w(spent),
        "gain": w(gain),
        "low": w(low),
        "high": w(high),
        "over": w(over),
        "mode": mode,
        "margin": w(gain / budget * rng.uniform(0.1, 0.7)),
        "unspent": w(budget - float(w(spent))),
    }
    unit = facts["unit"]
    text = (
        f"{facts['read']}. The plan is expected to spend {facts['spent']}{unit} of {facts['budget']}{unit} on "
        f"{facts['users']} users "
        f"and to bring {facts['gain']} more ({facts['reward']}) than no coupon (95 % interval {facts['low']} to "
        f"{facts['high']}); "
    )
    kind = "plan"
    if low <= 0 <= high:
        kind = "plan_unsure"
        text += "that it brings anything is not significant; "
    text += f"one more unit of money would bring {facts['margin']}. "
    if float(facts["unspent"]) > 0:
        text += f"{facts['unspent']}{unit} stays unspent. "
        kind = "plan_unspent" if kind == "plan" else kind
    edge = gain * rng.uniform(0.1, 0.9)
    facts["edge"] = w(edge)
    rule = rng.choice(["random users", "uniform", "myopic"])
    facts["rule"] = {"random users": "random users", "uniform": "the uniform rule", "myopic": "the myopic rule"}[rule]
    if rng.random() < 0.7:
        ends = f"{w(edge * 0.6)} to {w(edge * 1.4)}"
        text += f"Against simpler rules at the same cost: {facts['edge']} above {rule} ({ends}). "
        facts["than"] = f"{facts['edge']} above {facts['rule']}"
    else:
        text += (
            f"Against simpler rules at the same cost: no detectable gain over {rule} (difference {facts['edge']}, "
            f"{w(-edge)} to "
            f"{w(edge * 3)}: not significant). "
        )
        facts["than"] = f"no detectable gain over {facts['rule']}"
    text += f"Probability of overspending: {facts['over']} ({mode}). "
    text += _unreliable(rng, facts)
    if "unreliable" in facts:
        kind = "plan_unreliable"
    elif "warning" in facts:
        kind = "plan_warned"
    return Found(
        kind,
        text.strip(),
        facts,
        {"status": "warning" if "warning" in facts else "ok", "marginal_return": float(facts["margin"])},
    )


def curve(rng: random.Random, args: dict[str, Any]) -> Found:
    """What budgets bring; or the least for a target."""
    facts = _campaign(rng, args)
    budgets = [float(each) for each in args.get("budgets") or sorted(rng.sample(range(1000, 120_000), 4))]
    scale = rng.choice([1.5, 4, 9]) * budgets[-1] ** 0.5
    gains = [scale * each**0.5 * rng.uniform(0.95, 1.05) / 6 for each in budgets]
    gains = sorted(gains)
    unit = facts["unit"]
    full = budgets[-1] * rng.uniform(1.2, 4)
    points = [f"{w(gain)} for {w(each)}{unit}" for gain, each in zip(gains, budgets, strict=True)]
    facts |= {
        "gain": w(gains[0]),
        "budget": w(budgets[0]),
        "gain2": w(gains[-1]),
        "budget2": w(budgets[-1]),
        "full": w(full),
        "points": ", ".join(points[:4]),
    }
    if len(points) > 4:
        facts["gain2"], facts["budget2"] = w(gains[3]), w(budgets[3])
    text = (
        f"{facts['read']}. More ({facts['reward']}) than no coupon, for {facts['users']} users: {'; '.join(points[:4])}"
    )
    text += (
        "; and more" if len(points) > 4 else ""
    ) + f". Beyond {facts['full']}{unit} more money brings nothing more. "
    kind = "curve"
    if args.get("target"):
        facts["target"], facts["least"] = w(args["target"]), w(rng.uniform(0.1, 0.9) * full)
        text += f"A total of {facts['target']} needs {facts['least']}{unit}. "
        kind = "target"
    text += _unreliable(rng, facts)
    if "unreliable" in facts:
        kind += "_unreliable"
    elif "warning" in facts:
        kind += "_warned"
    return Found(kind, text.strip(), facts, {"status": "ok", "saturation": float(facts["full"])})


def evaluate(rng: random.Random, args: dict[str, Any]) -> Found:
    """A rule, judged."""
    facts = _campaign(rng, args)
    total = float(facts["users"]) * rng.uniform(0.2, 6)
    gain = total * rng.choice([0.01, 0.05, 0.12, 0.3]) * rng.choice([1, 1, 1, -0.4])
    wide = rng.choice([0.3, 0.45, 1.5, 2.5])
    ends = sorted([gain * (1 - wide), gain * (1 + wide)])
    cost = float(facts["users"]) * rng.uniform(0.5, 25)
    facts |= {
        "total": w(total),
        "gain": w(gain),
        "low": w(ends[0]),
        "high": w(ends[1]),
        "cost": w(cost),
        "loss": w(-gain),
    }
    significant = ends[0] > 0 or ends[1] < 0
    unit = facts["unit"]
    text = (
        f"{facts['read']}. For {facts['users']} users the rule would bring {facts['total']} ({facts['reward']}) in "
        f"total "
        f"({w(total * 0.95)} to {w(total * 1.05)}), {facts['gain']} more than no coupon ({facts['low']} to "
        f"{facts['high']}"
        f"{'' if significant else ': not significant'}), and cost {facts['cost']}{unit} ({w(cost * 0.94)} to "
        f"{w(cost * 1.06)}). "
    )
    kind = ("rule_good" if gain > 0 else "rule_bad") if significant else "rule_unsure"
    text += _unreliable(rng, facts)
    if "unreliable" in facts:
        kind = "rule_unreliable"
    elif "warning" in facts:
        kind += "_warned"
    return Found(kind, text.strip(), facts, {"status": "ok", "significant": significant})


def track(rng: random.Random, args: dict[str, Any]) -> Found:
    """A series, or a made-up truth."""
    return track_series(rng, args) if "upload" in args else track_twin(rng, args)


MAKERS: dict[str, Maker] = {
    "track_state": track,
    "estimate_density": density,
    "allocate_budget": allocate,
    "budget_curve": curve,
    "evaluate_policy": evaluate,
    "recommend": recommend,
    "search_catalog": search,
}


def result(tool: str, args: dict[str, Any], rng: random.Random) -> Found:
    """What a call could have given."""
    return MAKERS[tool](rng, args)
