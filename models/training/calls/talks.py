"""The task "talk": answers without a tool, from greetings to facts, refusals, and questions back."""

from __future__ import annotations

import random
from functools import lru_cache

from bethink.models.agent_prompts import chat_prompt, with_notes
from bethink.models.training.calls.grammar import Book, Draw, book, joined_lines, keep, plain
from bethink.models.training.calls.notes import some_notes
from bethink.models.training.calls.slots import SLOTS
from bethink.models.training.calls.toolbox import offered
from bethink.models.training.calls.typing_style import styled, tidy
from bethink.models.training.examples import Example

GROUP = 6
"""Facts of one field that make a family together."""
ASKS = (
    "{q}",
    "{q}",
    "{q}",
    "{q}",
    "{q}",
    "Quick question: {q}",
    "Do you know? {q}",
    "Hey, {q}",
    "Tell me: {q}",
    "{q} Short answer please.",
    "I was wondering: {q}",
    "My <relative> asked me: {q}",
    "For a quiz: {q}",
    "{q} I forgot.",
    "Hi! {q}",
    "So, {q}",
    "One question: {q}",
    "Homework: {q}",
    "{q} Just curious.",
    "Sorry, silly question: {q}",
    "{q} Thanks!",
    "Just to settle a bet: {q}",
    "Remind me: {q}",
    "Nothing to do with my data, but {q}",
    "Before we go on: {q}",
    "{q} It's for <forename>.",
    "No tool needed, just tell me: {q}",
    "<forename> wants to know: {q}",
    "In one sentence: {q}",
    "A friend of mine says I should know this: {q}",
    "{q} I always mix it up.",
)


@lru_cache(maxsize=1)
def facts() -> dict[str, tuple[tuple[str, str], ...]]:
    """Questions and true answers by family: some of one field."""
    fields: dict[str, list[tuple[str, str]]] = {}
    field = ""
    for line in joined_lines("facts"):
        if line.startswith("== "):
            field = line[3:]
            continue
        question, _, answer = line.partition(" => ")
        fields.setdefault(field, []).append((question, answer))
    return {
        f"talk/fact.{name}.{start // GROUP}": tuple(pairs[start : start + GROUP])
        for name, pairs in fields.items()
        for start in range(0, len(pairs), GROUP)
    }


@lru_cache(maxsize=1)
def talk_book() -> Book:
    """Everything else that is said without a tool."""
    return book("talk")


@lru_cache(maxsize=1)
def families() -> tuple[str, ...]:
    """Names of all families."""
    return (*(f"talk/{name}" for name in talk_book().families), *facts())


def _slots() -> dict[str, object]:
    def said(draw: Draw, detail: str) -> str:
        name, _, rule = detail.partition(":")
        draw.seen[name] = draw.say(f"<{rule}>")
        return keep(draw.seen[name])

    return {**SLOTS, "said": said, "again": lambda draw, name: keep(draw.seen[name])}


def pair(family: str, rng: random.Random) -> tuple[str, str]:
    """A question and its answer."""
    draw = Draw(rng, talk_book().rules, _slots())  # type: ignore[arg-type]
    if family in facts():
        question, answer = rng.choice(facts()[family])
        around = rng.choice(ASKS)
        asked = draw.say(question)
        asked = (
            asked if around.startswith("{q}") else asked[0].lower() + asked[1:] if asked.startswith(_LOWER) else asked
        )
        before, _, behind = around.partition("{q}")
        return styled(draw.say(before) + keep_names(asked) + draw.say(behind), rng), answer
    pattern = talk_book().families[family.removeprefix("talk/")]
    question, _, answer = pattern.partition(" => ")
    text = draw.say(question)
    if family.startswith(("talk/trap", "talk/cannot", "talk/self", "talk/ask.file", "talk/harm")):
        way = rng.random()
        if way < 0.12:
            text = f"{draw.say('<lead>')} {text}"
        elif way < 0.2:
            text = f"{text} {draw.say('<tail>')}"
    if '{"' in answer:
        return styled(text, rng), answer
    return styled(text, rng), plain(tidy(draw.say(answer)))


_LOWER = (
    "What",
    "Who",
    "When",
    "Where",
    "Which",
    "How",
    "Why",
    "Is ",
    "Are ",
    "Do ",
    "Does ",
    "Can ",
    "In which",
    "At what",
    "Did ",
)


def keep_names(question: str) -> str:
    """The question with its names and figures kept from slips: words with a capital or a digit, all but the first."""
    words = question.split(" ")
    kept = [
        word if n == 0 or not (word[:1].isupper() or any(sign.isdigit() for sign in word)) else keep(word)
        for n, word in enumerate(words)
    ]
    return " ".join(kept)


def example(family: str, rng: random.Random, before: tuple[str, ...] = ()) -> Example:
    """An example of a family, now and then behind notes or behind an earlier turn."""
    question, answer = pair(family, rng)
    messages: list[tuple[str, str]] = []
    way = 1.0 if family.startswith("talk/after") else rng.random()
    if way < 0.1 and not family.startswith("talk/ask"):
        question = with_notes(some_notes(rng), question)
    elif way < 0.2 and before and not family.startswith(("talk/greet", "talk/ask.what")):
        earlier, said = pair(rng.choice([name for name in before if not name.startswith("talk/after")]), rng)
        messages += [("user", earlier), ("assistant", said)]
    tools = offered(rng)
    if family.startswith("talk/self") or "track" in answer:
        tools = offered(random.Random(0))
    messages.append(("user", question))
    return Example("talk", chat_prompt(tools, messages), answer)
