"""Errors as the tools word them, and how to tell them: what is wrong, and what to do."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
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
FAILURES = (
    Failure("no_file", ANY_FILE, "not_found", "There is no uploaded file '{file}'.", "There are: {other}, {other2}.",
            ("There is no uploaded file {file}; there are {other} and {other2}. Is it one of these, or will you upload it?",
             "I can't find {file}. The uploaded files are {other} and {other2}.",
             "{file} has not been uploaded. I see {other} and {other2}: name one of these, or add the file."), "upload"),
    Failure("no_file_at_all", ANY_FILE, "not_found", "There is no uploaded file '{file}'.", "No file has been uploaded yet: add one first.",
            ("No file has been uploaded yet, so I can't read {file}. Please add it first.",
             "I don't have {file}: nothing is uploaded yet. Add it and ask again."), "upload"),
    Failure("memory", ("track_state",), "limit", "This needs about {gb} GB of memory; 2 GB is the most.",
            "Use at most {n} members, or a smaller dimension.",
            ("That run is too big: it needs about {gb} GB of memory and 2 GB is the most. Use at most {n} members, or a smaller dimension.",
             "It would take about {gb} GB of memory, more than the 2 GB allowed; with at most {n} members it fits.")),
    Failure("time", ("track_state",), "limit", "This would take about {s} s on a quiet machine; 90 s is the most.",
            "Use at most {n} cycles, or fewer members or filters, or a smaller dimension.",
            ("That would take about {s} s, and 90 s is the most. Try at most {n} cycles, or fewer members or filters.",
             "The run is too long (about {s} s; 90 s is the limit). Use at most {n} cycles, or a smaller dimension.")),
    Failure("constant", ("estimate_density",), "invalid_input", "{n} rows are too few for {c} columns.",
            "Name fewer columns in `columns`, or give more rows.",
            ("{n} rows are too few for {c} columns. Name fewer columns, or give more rows.",
             "The table is too small: {n} rows for {c} columns. Choose fewer columns or add rows.")),
    Failure("no_column", ("estimate_density",), "invalid_input", "There is no column '{col}'.", "There are: 'id', 'value', 'group'.",
            ("There is no column {col} in the file; its columns are id, value and group. Which one do you mean?",
             "I found no column {col}. There are id, value and group."), "columns"),
    Failure("no_cost", BUDGET, "invalid_input", "Nothing in this campaign cost any money, so there is no budget to allocate.",
            "Name the column of money spent (`columns.cost`), or state what each arm costs (`arm_costs`).",
            ("Nothing in this campaign cost any money. Which column says what was spent, or what does each arm cost?",
             "I can't find costs in the log, so there is no budget to plan. Name the cost column, or tell me what each arm costs.")),
    Failure("least_budget", ("allocate_budget",), "invalid_input", "The budget is below {n}, the least that this needs.",
            "Give a budget of {n} or more, or loosen what it must keep.",
            ("The budget is too small: at least {n} is needed. Raise it, or loosen what it must keep.",
             "That budget can't work; {n} is the least. Give {n} or more, or loosen the conditions.")),
    Failure("cap_hard", ("allocate_budget",), "invalid_input", "Caps on segments cannot be combined with the hard guarantee.",
            "Leave out the caps, or use the guarantee chance.",
            ("Caps on segments and a hard guarantee don't go together. Shall I leave out the caps, or use the chance guarantee?",
             "I can't combine caps with a budget that always holds. Drop the caps, or accept a small chance of overspending."), "constraints"),
    Failure("target", ("budget_curve",), "invalid_input", "No budget is expected to bring a total of {t}: the most is {n}, from {s} on.",
            "Give a target of at most {n}.",
            ("No budget reaches {t}: the most is {n}, from {s} on. Give a target of at most {n}.",
             "{t} is out of reach; even {s} brings only {n}. Try a target of at most {n}."), "target"),
    Failure("no_feature", ("evaluate_policy",), "invalid_input", "There is no feature '{col}' for a rule to ask for.",
            "Rules can ask for what is known beforehand: 'segment', 'engagement', 'fatigue'.",
            ("A rule can't ask for {col}: it is not in the log. It can ask for segment, engagement or fatigue.",
             "There is no {col} in this campaign. Rules can use segment, engagement and fatigue."), "rules"),
    Failure("amount", ("evaluate_policy",), "invalid_input", "The amount '{a}' was never logged.", "There are: '0', '2', '5', '10'.",
            ("The amount {a} was never given in the log, so it can't be judged. There are 0, 2, 5 and 10.",
             "I can't judge {a}: only 0, 2, 5 and 10 were tried. Which of these shall I take?"), "otherwise"),
    Failure("steps", BUDGET, "invalid_input", "The log has {n} steps; {m} cannot be learned from it.",
            "Plan for at most {n}, or give a longer log.",
            ("The log has only {n} steps, so {m} can't be planned. Plan for at most {n}, or give a longer log.",
             "{m} steps are too many for this log; it has {n}."), "horizon"),
    Failure("domain", ("recommend", "search_catalog"), "invalid_input", "There is no domain '{d}'; there are films, books, dishes.",
            "Name one of these, or leave out `domain`.",
            ("I have no {d} here, only films, books and dishes. Shall I look in one of these?",
             "There are no {d} in the catalogue; it has films, books and dishes.")),
    Failure("timeout", ANY_FILE, "timeout", "{tool} ran past {s} s.",
            "Ask for less (fewer steps, a smaller system), or raise the tool's time limit.",
            ("It took too long and was stopped after {s} s. Ask for less, and I'll try again.",
             "The run was stopped: it went past {s} s. Try it with less.")),
    Failure("cancelled", ANY_FILE, "cancelled", "The run was cancelled.", "Start it again when you want it.",
            ("The run was cancelled. Tell me when I should start it again.", "It was cancelled; I can start it again when you want.")),
    Failure("internal", ANY_FILE, "internal", "{tool} failed: ZeroDivisionError: division by zero",
            "This is a bug in the tool; the log has the details.",
            ("Sorry, {tool} failed because of a bug; the log has the details. There is no result.",
             "That did not work: {tool} has a bug (division by zero). I have no result to tell.")),
)  # fmt: skip
FILES = ("orders.csv", "tank.csv", "log_2024.csv", "survey.parquet", "prices.csv", "visits.csv", "items.csv", "river.csv", "shop.parquet")


def failed(failure: Failure, way: int, asked: Request, rng: random.Random) -> tuple[str, str]:
    """The error's JSON, and how it is told."""
    tool, args = asked.tool, asked.args
    other, other2 = rng.sample([name for name in FILES if name != args.get("upload")], 2)
    values = {
        "file": args.get("upload", ""), "other": other, "other2": other2, "tool": tool, "gb": f"{rng.uniform(2.1, 60):.1f}",
        "n": str(rng.randint(3, 400)), "m": str(rng.randint(401, 900)), "s": str(rng.randint(92, 4000)), "c": str(rng.randint(5, 60)),
        "col": rng.choice(["tier", "gold", "spend", "region", "Age", "kund_nr"]), "d": args.get("domain", ""),
        "a": rng.choice(["7", "3", "12", "50", "2.5"]), "t": str(rng.randint(40, 900) * 1000),
    }  # fmt: skip
    if failure.needs == "columns":
        values["col"] = args["columns"][0]
    if failure.needs == "rules":
        values["col"] = next(iter(args["rules"][0]["where"]))
    if failure.needs in ("target", "otherwise"):
        values["t"] = values["a"] = f"{args[failure.needs]:g}" if not isinstance(args[failure.needs], str) else args[failure.needs]
    if failure.needs == "horizon":
        values["m"], values["n"] = str(args["horizon"]), str(max(1, args["horizon"] - rng.randint(1, args["horizon"])))
    error = {"code": failure.code, "message": failure.message.format(**values), "hint": failure.hint.format(**values)}
    return json.dumps({"error": error}, ensure_ascii=False), failure.told[way].format(**values)
