"""Calls whose argument stands in a recalled note: a customer's id, the usual file, somebody's taste."""

from __future__ import annotations

import random
from collections.abc import Callable

from bethink.models.agent_prompts import call_text, chat_prompt, with_notes
from bethink.models.training.calls.grammar import Again, Draw, book, keep, plain
from bethink.models.training.calls.notes import noted, some_notes
from bethink.models.training.calls.requests import behind, draw_for
from bethink.models.training.calls.schema import canonical
from bethink.models.training.calls.toolbox import offered
from bethink.models.training.calls.typing_style import styled, tidy
from bethink.models.training.examples import Example


def families() -> tuple[str, ...]:
    """Names of all families."""
    return tuple(f"call/note.{name}" for name in book("told_notes").families)


def example(family: str, rng: random.Random) -> Example:
    """A question, the note that it needs, and perhaps others."""
    tool, _, words = book("told_notes").families[family.removeprefix("call/note.")].partition(" | ")
    note, _, question = words.partition(" => ")
    for _ in range(200):
        start = draw_for(tool, rng)
        somebody = _always(start.say("<forename>"))
        slots = {**start.slots, "other": somebody, "other2": somebody}
        draw = Draw(rng, {**book("told_notes").rules, **start.rules}, slots)
        draw.seen["currency"] = None
        try:
            told = plain(tidy(draw.say(note)))
            asked = draw.say(question)
        except Again:
            continue
        notes = [noted(told, rng), *(some_notes(rng) if rng.random() < 0.6 else [])]
        rng.shuffle(notes)
        prompt = chat_prompt(offered(rng, tool), [("user", with_notes(notes[:4], styled(behind(asked), rng)))])
        return Example("call", prompt, call_text(tool, canonical(tool, draw.args)))
    raise RuntimeError(f"{family} contradicts itself.")


def _always(text: str) -> Callable[[Draw, str], str]:
    return lambda draw, detail: keep(text)
