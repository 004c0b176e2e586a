"""A user's request and the call it means: one family is one frame of a sentence."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import Any

from bethink.models.training.calls.grammar import Again, Book, Draw, book
from bethink.models.training.calls.rule_words import RULE_SLOTS
from bethink.models.training.calls.schema import TOOLS, canonical, goes_with
from bethink.models.training.calls.slots import SLOTS
from bethink.models.training.calls.typing_style import styled

NO_WITH = (
    "in ",
    "for ",
    "over ",
    "by ",
    "shown ",
    "among ",
    "from ",
    "at most ",
    "without ",
    "sorted ",
    "conditioned ",
)
"""Beginnings of a clause before which "with" does not fit."""
BEHIND, END_BEHIND = "\ue002", "\ue003"
"""Marks around whole sentences that must stand behind the one they were drawn in."""
SELDOM = ("upload", "thoughts", "amounts", "currency")
"""Arguments that are seldom added behind a request."""
BUDGET_TOOLS = ("allocate_budget", "budget_curve", "evaluate_policy")


@dataclass(frozen=True)
class Request:
    """What somebody wrote, and the call that is meant."""

    tool: str
    text: str
    args: dict[str, Any]


def book_of(tool: str) -> Book:
    """A tool's rules and families; the three budget tools share those on the campaign."""
    own = book(tool)
    if tool in BUDGET_TOOLS:
        return Book({**book("campaign").rules, **own.rules}, own.families)
    return own


def draw_for(tool: str, rng: random.Random, args: dict[str, Any] | None = None) -> Draw:
    """An empty text for a tool."""
    slots = {**SLOTS, **RULE_SLOTS, "more": lambda draw, _: more(draw, tool)}
    return Draw(rng, book_of(tool).rules, slots, dict(args or {}))


def more(draw: Draw, tool: str, at_most: int = 3) -> str:
    """None to three further arguments, in one of the ways people add them."""
    rng = draw.rng
    count = min(at_most, rng.choice([0, 0, 0, 1, 1, 1, 2, 2, 3]))
    if not count:
        return ""
    if rng.random() < 0.55:
        nouns = _clauses(draw, tool, "n", count)
        if not nouns:
            return ""
        start = rng.choice([" with ", " with ", ", with ", " (", ", ", " using ", " - ", " with "])
        if any(noun.startswith(NO_WITH) for noun in nouns) and start.strip() not in ("(", ",", "-"):
            start = ", "
        text = start + _row(nouns, rng)
        return text + ")" if start == " (" else text
    sentences = _clauses(draw, tool, "s", count)
    return BEHIND + " ".join(sentences) + END_BEHIND if sentences else ""


def _row(texts: list[str], rng: random.Random) -> str:
    if len(texts) == 1:
        return texts[0]
    return ", ".join(texts[:-1]) + rng.choice([" and ", ", ", " and "]) + texts[-1]


def _clauses(draw: Draw, tool: str, kind: str, count: int) -> list[str]:
    rules = draw.rules
    keys = [key for key in TOOLS[tool] if f"{kind}.{key}" in rules]
    found: list[str] = []
    order = draw.rng.sample(keys, len(keys))
    if "columns" in order and "upload" in draw.args and draw.rng.random() < 0.3:
        order.sort(key=lambda key: key not in ("columns", "arm_costs"))
    for key in order:
        if key in SELDOM and draw.rng.random() < 0.75:
            continue
        if goes_with(tool, draw.args, key):
            found.append(draw.say(f"<{kind}.{key}>"))
        if len(found) == count:
            break
    return found


def request(tool: str, family: str, rng: random.Random) -> Request:
    """A request of a family, in somebody's way of typing, with what may stand before and behind it."""
    for _ in range(200):
        draw = draw_for(tool, rng)
        try:
            text = draw.say(book_of(tool).families[family])
        except Again:
            continue
        if tool == "search_catalog" and "query" not in draw.args:
            continue
        args = canonical(tool, draw.args)
        if not _sound(tool, args):
            continue
        return Request(tool, styled(around(behind(text), draw), rng), args)
    raise RuntimeError(f"The family {tool}/{family} contradicts itself.")


def _sound(tool: str, args: dict[str, Any]) -> bool:
    """Whether such a call makes sense: a file instead of what would be made up, and the like."""
    if "upload" in args and tool == "track_state":
        return not {"dimension", "cycles", "shock", "observe_every"} & set(args)
    if "upload" in args and tool == "estimate_density":
        return not {"toy", "rows"} & set(args)
    if tool in BUDGET_TOOLS:
        return "upload" in args or not ({"columns", "arm_costs", "segment_by"} & set(args))
    return not ("log" in args and "upload" not in args)


def behind(text: str) -> str:
    """The text with sentences that stand in another one put behind it, after its question mark or full stop."""
    text = re.sub(f"{BEHIND}(.*?){END_BEHIND}([.?!]?)", lambda m: f"{m[2] or '.'} {m[1]}", text, flags=re.DOTALL)
    return re.sub(r"(?<=[.?!]) *,(?= )", "", text)


def around(text: str, draw: Draw) -> str:
    """The text, sometimes with words that have nothing to do with it before or behind."""
    rng = draw.rng
    if rng.random() < 0.24:
        text = f"{draw.say('<lead>')} {text}"
    if text.rstrip()[-1:] not in ".?!":
        text = text.rstrip() + rng.choice(
            [".", ".", ".", "", "?" if text[:3].lower() in ("can", "cou", "wou") else "."]
        )
    if rng.random() < 0.13:
        text = f"{text} {draw.say('<tail>')}"
    return text
