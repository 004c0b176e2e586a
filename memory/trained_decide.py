"""What becomes of a new thought beside old ones, by a model that was trained to say it.

The model is asked how probable each outcome is, with the old thoughts in several orders: it leans towards places, and a
mean over orders does not. Cost: one prompt an order, each of some 100 tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bethink.memory.chinese import is_chinese
from bethink.memory.extract import Fact, Message
from bethink.memory.thought import Thought
from bethink.models.agent_prompts import decide_prompt, decide_text

Weigh = Callable[[str, Sequence[str]], Sequence[float]]
"""A whole prompt and texts in, how probable each is as the answer out; ``ChatLocal.likelihoods`` is one."""
OF_ONE = ("supersede", "merge", "forget")
"""Outcomes that are of one old thought; the other is ``insert``."""
ORDERS = 2
"""Orders of the old thoughts at most."""
SURE = 0.95
"""The least probability at which an old thought ends by the model's word: it stays otherwise, beside the new one."""
NEAR, BESIDE = 0.35, 4
"""The least cosine of an old thought that is asked about, and how many are."""
LONGEST = 300
"""Characters of a thought that are read."""


@dataclass(frozen=True)
class Judgement:
    """``what`` is "insert", or one of :data:`OF_ONE` and ``which`` the old thought's place from 0; its probability."""

    what: str
    which: int | None
    probability: float


def judge(weigh: Weigh, new: str, old: Sequence[str]) -> Judgement:
    """The likeliest outcome for a new thought among old ones, each with its day before it: "[2025-03-01] I like tea".

    Raises:
        ContextOverflowError: they are longer than the model can read.
    """
    if not old:
        return Judgement("insert", None, 1.0)
    orders = _orders(len(old))
    places = [(what, place) for what in OF_ONE for place in range(len(old))]
    options = ["insert", *(decide_text(what, place + 1) for what, place in places)]
    total: dict[tuple[str, int | None], float] = {}
    for order in orders:
        weights = weigh(decide_prompt(new, [old[at] for at in order]), options)
        keys = [("insert", None), *((what, order[place]) for what, place in places)]
        for key, weight in zip(keys, weights, strict=True):
            total[key] = total.get(key, 0.0) + weight / len(orders)
    (what, which), probability = max(total.items(), key=lambda item: item[1])
    return Judgement(what, which, probability)


def _orders(n: int) -> list[list[int]]:
    """Each old thought at each place once, as far as :data:`ORDERS` go; of two, both orders."""
    return [[(start + at) % n for at in range(n)] for start in range(min(n, ORDERS))]


def with_ended(
    facts: Sequence[Fact], messages: Sequence[Message], nearest: Sequence[Sequence[Thought]], weigh: Weigh
) -> list[Fact]:
    """The facts, with the old thought that each takes the place of, where the model is sure of one and no rule was.

    Args:
        nearest: of each fact, the active thoughts that are like it, the likest first.
    """
    found = []
    for fact, near in zip(facts, nearest, strict=True):
        old = [thought for thought in near if not thought.is_turn and thought.text != fact.text][:BESIDE]
        if old and not fact.ends and not is_chinese(fact.text):
            day = messages[fact.source].said.date().isoformat()
            found_out = judge(
                weigh, _line(day, fact.text), [_line(thought.created_at[:10], thought.text) for thought in old]
            )
            if found_out.what == "supersede" and found_out.which is not None and found_out.probability >= SURE:
                fact = replace(fact, ends=(old[found_out.which].id,))
        found.append(fact)
    return found


def _line(day: str, text: str) -> str:
    return f"[{day}] {text[:LONGEST]}"
