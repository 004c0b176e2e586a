"""What a model has to know of the tools: arguments in their order, their defaults, and what goes with what.

Models do not import tools, so this stands here by itself; a test compares it with the tools' own schemas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NONE = None
_CAMPAIGN: dict[str, Any] = {
    "upload": NONE,
    "columns": NONE,
    "arm_costs": NONE,
    "currency": NONE,
    "amounts": NONE,
    "horizon": NONE,
    "n_users": NONE,
    "seed": 0,
}
_CATALOGUE: dict[str, Any] = {"domain": NONE, "k": 10, "upload": NONE}
TOOLS: dict[str, dict[str, Any]] = {
    "track_state": {
        "system": "lorenz63",
        "dimension": NONE,
        "observation": "identity",
        "observe_every": 1,
        "noise": 0.3,
        "filters": ["robust"],
        "members": 30,
        "cycles": 100,
        "steps": NONE,
        "shock": 0.0,
        "seed": 0,
        "upload": NONE,
    },
    "estimate_density": {
        "upload": NONE,
        "columns": NONE,
        "toy": "two_moons",
        "rows": 5000,
        "generate": 1000,
        "odd_rows": 5,
        "given": NONE,
        "seed": 0,
    },
    "allocate_budget": {
        **_CAMPAIGN,
        "budget": NONE,
        "guarantee": "expected",
        "alpha": 0.05,
        "segment_by": NONE,
        "constraints": [],
    },
    "budget_curve": {**_CAMPAIGN, "budgets": NONE, "target": NONE},
    "evaluate_policy": {**_CAMPAIGN, "rules": [], "otherwise": 0.0},
    "recommend": {**_CATALOGUE, "taste": NONE, "liked": [], "disliked": [], "thoughts": True, "log": NONE}
    | {"customer": NONE},
    "search_catalog": {**_CATALOGUE, "query": ..., "thoughts": False},
    "energy_report": {"scope": "turn"},
}
"""Each tool's arguments with their defaults (``...``: none, the argument is needed)."""
COLUMN_ROLES = ("user", "time", "amount", "reward", "cost", "propensity", "segment", "features", "ignore")
"""The parts of ``columns`` of the three budget tools, in order."""
ENUMS: dict[str, tuple[str, ...]] = {
    "system": ("lorenz63", "lorenz96", "kuramoto_sivashinsky", "double_well", "random_walk", "linear"),
    "observation": ("identity", "arctan", "cubic", "abs", "quadratic", "saturating"),
    "filters": ("robust", "score", "letkf", "enkf", "particle"),
    "toy": ("two_moons", "checkerboard", "swiss_roll", "eight_gaussians", "pinwheel", "rings"),
    "guarantee": ("expected", "chance", "hard"),
    "scope": ("turn", "thread", "day"),
}
COPIED = ("upload", "log", "customer", "columns", "segment_by", "liked", "disliked", "query", "taste", "given")
"""Arguments whose strings stand in the text, letter for letter."""


def canonical(tool: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments in the tool's order without those that are as the default is; whole numbers as integers.

    A file is tracked as a random walk unless a system is named, so there a named system stays.
    """
    wanted = {}
    for key, default in TOOLS[tool].items():
        if key not in args or args[key] is None:
            continue
        value = _whole(args[key])
        if value == default and not (key in ("system", "noise") and args.get("upload")):
            continue
        if key == "columns" and isinstance(value, dict):
            value = {role: value[role] for role in COLUMN_ROLES if role in value}
        wanted[key] = value
    return wanted


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value == int(value):
        return int(value)
    if isinstance(value, list):
        return [_whole(each) for each in value]
    if isinstance(value, dict):
        return {key: _whole(each) for key, each in value.items()}
    return value


def goes_with(tool: str, args: Mapping[str, Any], key: str) -> bool:
    """Whether one more argument makes sense beside those that are there."""
    if key in args:
        return False
    if tool == "track_state":
        upload, system = "upload" in args, args.get("system", "lorenz63")
        if key == "dimension":
            return not upload and system not in ("lorenz63", "double_well")
        if key in ("cycles", "shock", "observe_every"):
            return not upload
        return not (key == "upload" and {"dimension", "cycles", "shock", "observe_every", "system"} & set(args))
    if tool == "estimate_density":
        if key in ("columns", "given"):
            return "upload" in args and not {"columns", "given"} & set(args)
        if key == "rows":
            return "upload" not in args
        return not (key == "upload" and {"toy", "rows"} & set(args))
    if tool == "budget_curve" and key in ("budgets", "target"):
        return not {"budgets", "target"} & set(args)
    if key == "alpha":
        return args.get("guarantee") == "chance"
    if key == "constraints":
        return args.get("guarantee") != "hard"
    if key == "guarantee":
        return "constraints" not in args
    if key in ("columns", "arm_costs"):
        return "upload" in args
    if key == "customer":
        return "log" in args
    return not (key == "upload" and {"columns", "arm_costs"} & set(args))
