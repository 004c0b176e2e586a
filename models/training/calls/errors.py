"""Errors as the tools word them, and how to tell them: what is wrong, and what to do."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from functools import lru_cache

from bethink.models.training.calls.grammar import joined_lines
from bethink.models.training.calls.requests import Request


@dataclass(frozen=True)
class Failure:
    """A kind of error: for which tools, its code, message and hint, and ways of telling it."""

    name: str
    tools: tuple[str, ...]
    code: str
    message: str
    hint: str
    told: tuple[str, ...]
    needs: str = ""


BUDGET = ("allocate_budget", "budget_curve", "evaluate_policy")
ANY_FILE = ("track_state", "estimate_density", *BUDGET, "recommend", "search_catalog")


@lru_cache(maxsize=1)
def failures() -> tuple[Failure, ...]:
    """All errors, as they stand in their file."""
    found = []
    for line in joined_lines("errors"):
        head, message, hint, *told = (part.strip() for part in line.split(" | "))
        name, tools, code, needs = (part.strip() for part in head.split(";"))
        named = {"any": ANY_FILE, "budget": BUDGET}.get(tools, tuple(tools.split(",")))
        found.append(Failure(name, named, code, message, hint, tuple(told), needs))
    return tuple(found)


FILES = (
    "orders.csv",
    "tank.csv",
    "log_2024.csv",
    "survey.parquet",
    "prices.csv",
    "visits.csv",
    "items.csv",
    "river.csv",
    "shop.parquet",
)


def makes_sense(failure: Failure, asked: Request) -> bool:
    """Whether such a call can have that error."""
    args = asked.args
    if failure.needs and failure.needs not in args:
        return False
    if failure.name == "no_column":
        return not isinstance(args["columns"], dict)
    if failure.name == "no_feature":
        return "upload" not in args and next(iter(args["rules"][0]["where"])) not in (
            "segment",
            "engagement",
            "fatigue",
        )
    return failure.name != "amount" or ("upload" not in args and args["otherwise"] not in (0, 2, 5, 10))


def failed(failure: Failure, way: int, asked: Request, rng: random.Random) -> tuple[str, str]:
    """The error's JSON, and how it is told."""
    tool, args = asked.tool, asked.args
    other, other2 = rng.sample([name for name in FILES if name != args.get("upload")], 2)
    values = {
        "file": args.get("upload", ""),
        "other": other,
        "other2": other2,
        "tool": tool,
        "gb": f"{rng.uniform(2.1, 60):.1f}",
        "n": str(rng.randint(3, 400)),
        "m": str(rng.randint(401, 900)),
        "s": str(rng.randint(92, 4000)),
        "c": str(rng.randint(5, 60)),
        "col": rng.choice(["tier", "gold", "spend", "region", "Age", "kund_nr"]),
        "d": args.get("domain", ""),
        "a": rng.choice(["7", "3", "12", "50", "2.5"]),
        "t": str(rng.randint(40, 900) * 1000),
    }
    if failure.needs == "columns":
        values["col"] = args["columns"][0]
    if failure.needs == "rules":
        values["col"] = next(iter(args["rules"][0]["where"]))
    if failure.needs in ("target", "otherwise"):
        values["t"] = values["a"] = (
            f"{args[failure.needs]:g}" if not isinstance(args[failure.needs], str) else args[failure.needs]
        )
    if failure.needs == "horizon":
        values["m"], values["n"] = str(args["horizon"]), str(max(1, args["horizon"] - rng.randint(1, args["horizon"])))
    if failure.needs == "budget":
        values["n"] = str(int(args["budget"] * rng.uniform(1.1, 4)) + 1)
    if failure.name == "timeout":
        values["s"] = "120" if tool in ("track_state", "estimate_density") else "300"
    error = {"code": failure.code, "message": failure.message.format(**values), "hint": failure.hint.format(**values)}
    return json.dumps({"error": error}, ensure_ascii=False), failure.told[way].format(**values)
