"""Requests over turns: a call, what it gave, and a change; the whole new call is the answer."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from bethink.models.agent_prompts import call_text, chat_prompt, result_text
from bethink.models.training.calls import reports
from bethink.models.training.calls.budget_results import result
from bethink.models.training.calls.grammar import Again, Draw, Unfit, book
from bethink.models.training.calls.numbers import money, number, percent
from bethink.models.training.calls.requests import Request, draw_for, request
from bethink.models.training.calls.schema import TOOLS, canonical
from bethink.models.training.calls.slots import NUMBERS, value_of
from bethink.models.training.calls.toolbox import offered
from bethink.models.training.calls.typing_style import styled
from bethink.models.training.examples import Example


@dataclass(frozen=True)
class Change:
    """A way of changing a call: after which tools, what must (not) be there, and the words."""

    tools: tuple[str, ...]
    needs: tuple[str, ...]
    pattern: str


@lru_cache(maxsize=1)
def changes() -> dict[str, Change]:
    """All changes by family."""
    found = {}
    for name, line in book("follow").families.items():
        head, _, pattern = line.partition(" | ")
        tools, _, needs = head.partition(" ")
        found[f"call/follow.{name}"] = Change(
            tuple(TOOLS) if tools == "*" else tuple(tools.split(",")), tuple(needs.split(",")) if needs else (), pattern
        )
    return found


def families() -> tuple[str, ...]:
    """Names of all families."""
    return tuple(changes())


def _numbers(args: dict[str, Any]) -> list[str]:
    return [
        key for key in args if key in NUMBERS and isinstance(args[key], int | float) and not isinstance(args[key], bool)
    ]


def _fits(change: Change, asked: Request) -> bool:
    if asked.tool not in change.tools:
        return False
    for need in change.needs:
        if need == "number":
            if (
                len(_numbers(asked.args)) != 1
                or "seed" in asked.args
                or {"budgets", "rules", "amounts"} & set(asked.args)
            ):
                return False
        elif need.startswith("-"):
            if need[1:] in asked.args:
                return False
        elif need not in asked.args:
            return False
    return True


def _scaled(draw: Draw, before: dict[str, Any], key: str, factor: float) -> None:
    key = key or _numbers(before)[0]
    value = before[key] * factor
    if (
        value != round(value, 6)
        or (key not in ("noise", "shock", "alpha", "otherwise") and value != int(value))
        or key == "alpha"
    ):
        raise Again
    limits = {"k": 50, "odd_rows": 50, "members": 500, "cycles": 2000, "steps": 100, "dimension": 5000, "horizon": 1000}
    least = 2 if key == "members" else 20 if key == "rows" else 1
    if value > limits.get(key, 10**9) or (value < least and key not in ("noise", "shock", "otherwise")):
        raise Again
    if key == "shock" and value > 10:
        raise Again
    draw.set(key, round(value, 6))


def _follow_draw(asked: Request, rng: random.Random) -> Draw:
    draw = draw_for(asked.tool, rng)
    before = asked.args

    def bare(draw: Draw, _: str) -> str:
        key = _numbers(before)[0]
        value = value_of(key, rng)
        if value == before[key] or key == "alpha":
            raise Again
        draw.set(key, value)
        return money(value, rng, None) if key == "budget" else number(value, rng, words=key != "noise")

    def part(draw: Draw, detail: str, sign: int) -> str:
        share = rng.choice([0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5])
        _scaled(draw, before, detail, 1 + sign * share)
        return percent(share, rng) + (" less" if sign < 0 else " more")

    def scale(factor: float, draw: Draw, detail: str) -> str:
        _scaled(draw, before, detail, factor)
        return ""

    extra = {
        "bare": bare,
        "less": lambda draw, detail: part(draw, detail, -1),
        "plus": lambda draw, detail: part(draw, detail, 1),
        "twice": lambda draw, detail: scale(2, draw, detail),
        "half": lambda draw, detail: scale(0.5, draw, detail),
    }
    return Draw(rng, {**draw.rules, **book("follow").rules}, {**draw.slots, **extra})


def changed(asked: Request, change: Change, rng: random.Random) -> tuple[str, dict[str, Any]]:
    """The words, and the whole new call's arguments.

    Raises:
        Again: the change does not fit that call.
    """
    draw = _follow_draw(asked, rng)
    if asked.args.get("currency"):
        draw.seen["currency"] = asked.args["currency"] if rng.random() < 0.4 else None
    elif "curr" not in change.pattern:
        draw.seen["currency"] = None
    text = draw.say(change.pattern)
    after = {**asked.args}
    for key, value in draw.args.items():
        after[key] = {**after.get("columns", {}), **value} if key == "columns" and isinstance(value, dict) else value
    if draw.args.get("guarantee") == "chance":
        after.setdefault("alpha", 0.05)
    args = canonical(asked.tool, after)
    fixed = args.get("system", "lorenz63") in ("lorenz63", "double_well")
    if (
        args == asked.args
        or not args_sound(asked.tool, args)
        or (asked.tool == "track_state" and "dimension" in args and fixed)
    ):
        raise Again
    return text, args


def args_sound(tool: str, args: dict[str, Any]) -> bool:
    """Whether the new call still makes sense."""
    if args.get("guarantee") == "hard" and "constraints" in args:
        return False
    if tool == "track_state" and "upload" in args:
        return args["upload"].endswith(".csv")
    liked = {*args.get("liked", []), *args.get("disliked", [])}
    return len(liked) == len([*args.get("liked", []), *args.get("disliked", [])])


def example(family: str, requests: Sequence[tuple[str, str]], told: Sequence[str], rng: random.Random) -> Example:
    """An example: a request of one of ``requests``, its result, perhaps a report of ``told``, and the change."""
    change = changes()[family]
    own = [each for each in requests if each[0] in change.tools]
    for _ in range(3000 if own else 0):
        asked = request(*rng.choice(own), rng)
        if not _fits(change, asked) or len(asked.text) > 220:
            continue
        try:
            text, args = changed(asked, change, rng)
        except Again:
            continue
        messages = [("user", asked.text), ("assistant", call_text(asked.tool, asked.args))]
        found = result(asked.tool, asked.args, rng)
        way = rng.random()
        summary = found.summary if way < 0.5 and len(found.summary) < 360 else first_sentences(found.summary)
        messages.append(("user", result_text(summary)))
        kinds = [name for name in told if name.removeprefix("report/").rpartition(".")[0] == found.kind]
        patterns = book("report").families
        if kinds:
            said = reports.told(found, patterns[rng.choice(kinds).removeprefix("report/")], rng)
        else:
            said = "Done; the result is above."
        messages.append(("assistant", said))
        messages.append(("user", styled(text + rng.choice(["", "", "."]), rng)))
        return Example("call", chat_prompt(offered(rng, asked.tool), messages), call_text(asked.tool, args))
    raise Unfit(f"No request can be changed by {family}.")


def first_sentences(text: str, most: int = 330) -> str:
    """The start of a summary, cut behind a sentence."""
    parts = text.split(". ")
    kept = parts[0]
    for part in parts[1:]:
        if len(kept) + len(part) > most:
            break
        kept += ". " + part
    return kept if kept.endswith(".") else kept + "."


ASKED_BACK = {
    "file": (
        "Which file is it?",
        "For which file?",
        "What is the file called?",
        "Which file shall I use?",
        "Please name the file.",
    ),
    "query": ("What shall I search for?", "What are you looking for?", "Which words shall I search for?"),
    "customer": ("For which customer?", "What is the customer's id?", "Which customer is it?"),
    "target": ("What is the target?", "Which number do you want to reach?"),
    "rule": ("What is the rule: who gets which amount?", "Who gets what?"),
}
ANSWERS = {
    "file": (
        "{}",
        "It's {}",
        "{} please",
        "The file is {}.",
        "sorry, {}",
        "I just added it: {}",
        "{}, of course",
        "my {}",
    ),
    "query": ("{}", "{}, please", "something on {}", "for {}", "I'm looking for {}"),
    "customer": ("{}", "customer {}", "It's {}.", "for {}", "id {}", "{} please"),
    "target": ("{}", "{}, please", "It's {}.", "we need {}", "at least {}"),
    "rule": ("{}", "this one: {}", "{}, nothing else", "It goes: {}"),
}


def asked_back(family: str, rng: random.Random) -> Example:
    """A request that lacks something, the question back, and what was missing: then the call."""
    head, _, pattern = book("back").families[family.removeprefix("call/back.")].partition(" | ")
    kind, _, tool = head.partition(" ")
    slots = {
        "file": "<file:csv>" if tool == "track_state" else "<file:table>",
        "query": "<text:q:query>",
        "customer": "<customer>",
        "target": "<target>",
        "rule": "<rules>",
    }
    for _ in range(100):
        draw = draw_for(tool, rng)
        try:
            first = draw.say(pattern)
            said = rng.choice(ANSWERS[kind]).replace("{}", "\ue009")
            answer = said.replace("\ue009", draw.say(slots[kind]))
        except Again:
            continue
        messages = [
            ("user", styled(first, rng)),
            ("assistant", rng.choice(ASKED_BACK[kind])),
            ("user", styled(answer, rng)),
        ]
        return Example("call", chat_prompt(offered(rng, tool), messages), call_text(tool, canonical(tool, draw.args)))
    raise RuntimeError(f"{family} contradicts itself.")


def back_families() -> tuple[str, ...]:
    """Names of the families with a question back."""
    return tuple(f"call/back.{name}" for name in book("back").families)
