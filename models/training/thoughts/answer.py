"""Examples of the task "answer": recalled notes, a question, and an answer that rests on the notes alone.

Half of the questions are ones that the notes do not answer, though they look as if they did: they tell it of somebody
else, something else of the same person, a plan, or how it was before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from random import Random

from bethink.models.agent_prompts import chat_prompt, with_notes
from bethink.models.training.examples import Example
from bethink.models.training.thoughts import dates, qa
from bethink.models.training.thoughts.grammar import parse, tidy
from bethink.models.training.thoughts.notes import Fact, Scene
from bethink.models.training.thoughts.people import Person
from bethink.models.training.thoughts.phrases import Book
from bethink.models.training.thoughts.typos import roughened

TOOLS = (
    "track_state",
    "estimate_density",
    "allocate_budget",
    "budget_curve",
    "evaluate_policy",
    "recommend",
    "search_catalog",
    "energy_report",
)
COUNTED = {2: "two", 3: "three", 4: "four", 5: "five"}
Made = tuple[list[tuple[date, str]], str, str]
"""Notes with their days, the question, the answer."""
_LEAD_SHARE = 0.2
"""How often something stands before a question."""
_BARE_SHARE = 0.25
"""How often no tool is offered."""


def answer_example(rng: Random, split: str, book: Book, tools: Sequence[str] = TOOLS) -> Example:
    """One example; half of them with "I don't know ..."."""
    while True:
        scene = Scene(rng, split, book, dates.draw_day(rng))
        known = rng.random() < 0.5
        kind = rng.random()
        if kind < 0.24:
            made = _of_line(scene, known, "when")
        elif kind < 0.36:
            made = _of_line(scene, known, "what")
        elif kind < 0.46:
            made = _counted(scene, known)
        else:
            made = _known(scene) if known else _unknown(scene)
        if made is None:
            continue
        notes, question, answer = made
        notes = [note for note in notes if note[1]]
        what = 0.24 <= kind < 0.36
        while len(notes) < rng.choice([2, 3, 3, 4, 5]):
            day = scene.day(900)
            extra = scene.state(scene.fact(scene.slot(), scene.somebody()), day) if what else scene.beside(day)
            if extra and not set(extra.lower().split()) & set(question.lower().split()) - _COMMON:
                notes.append((day, extra))
        if rng.random() < 0.1:
            order = book.pick(rng, split, "order.orders")
            notes += [(scene.day(900), order.text)] if order else []
        notes = notes[:6]
        rng.shuffle(notes)
        if not known and rng.random() < 0.05:
            notes = []
        lines = [f"{text} [{day.isoformat()}, {rng.getrandbits(32):08x}]" for day, text in notes]
        asks = question.split(" ")[0].lower() in _ASKING
        lead = book.pick(rng, split, "lead.leads") if asks and rng.random() < _LEAD_SHARE else None
        if lead:
            first = scene.draw(scene.today).say(lead.node)
            question = f"{first} {_lower(question)}"
        question = roughened(question, rng, [answer, *scene.drawn, *_NAME.findall(question)])
        offered = () if rng.random() < _BARE_SHARE else tools
        return Example("answer", chat_prompt(offered, [("user", with_notes(lines, question))]), answer)


_NAME = re.compile(r"(?<!^)(?<![.:,] )\b[A-Z]\S*")
_ASKING = frozenset(
    ("what", "where", "who", "when", "which", "how", "do", "does", "is", "are", "am", "did", "any", "can")
)
_COMMON = frozenset(
    """i my a the to is do did am in on at of have has was for and when what where how you me""".split()  # noqa: SIM905
)


def _lower(text: str) -> str:
    word = text.split(" ")[0].lower()
    asks = "what where who when which how do does did is are am can could have any tell remind look on be since quick"
    return text[:1].lower() + text[1:] if word in asks.split() else text


def _unknown_answer(scene: Scene, topic: str) -> str:
    return scene.draw(scene.today, values={"topic": topic}).say(parse(qa.UNKNOWN), short=1)


def _question(scene: Scene, fact: Fact, sections: tuple[str, ...] = ("ask",)) -> str | None:
    if sections == ("ask",) and scene.rng.random() < 0.3:
        frame = scene.book.pick(scene.rng, scene.split, "indirect.indirects")
        if frame:
            return scene.draw(scene.today, values={"topic": scene.asked(fact)}).say(frame.node)
    phrase = scene.phrase(fact, *sections)
    return scene.said(phrase, fact, scene.today) if phrase else None


def _any_fact(scene: Scene, one: bool | None = None) -> Fact:
    person = scene.somebody() if scene.rng.random() < 0.5 else None
    return scene.fact(scene.slot(one), person)


def _note(scene: Scene, fact: Fact, day: date, *sections: str) -> list[tuple[date, str]]:
    text = scene.state(fact, day, *sections)
    return [(day, text)] if text else []


def _beside(scene: Scene, fact: Fact, same_slot: bool = True) -> list[tuple[date, str]]:
    """Near misses: the same of others, other things of the same person."""
    found = []
    if same_slot:
        for _ in range(scene.rng.choice([0, 1, 1, 2])):
            found += _note(scene, scene.fact(fact.slot, scene.somebody()), scene.day(900))
        if fact.person is not None and scene.rng.random() < 0.4:
            found += _note(scene, scene.fact(fact.slot, None), scene.day(900))
    for _ in range(scene.rng.choice([0, 1, 1, 2])):
        other = scene.slot(unlike=fact.slot.name)
        if other.relation != fact.slot.relation:
            found += _note(scene, scene.fact(other, fact.person), scene.day(900))
    return found


def _known(scene: Scene) -> Made | None:
    rng = scene.rng
    kind = rng.choice(["plain", "plain", "plain", "newest", "newest", "yes", "no", "who", "joined"])
    fact = _any_fact(scene, True if kind in ("newest", "no") else None)
    day = scene.day(600)
    if kind == "joined":
        return _joined(scene, fact, day)
    notes = _note(scene, fact, day)
    if not notes:
        return None
    answer = scene.answer(fact)
    if kind == "newest":
        notes = _note(scene, fact, day, "change", "state")
        older = scene.day(900, (scene.today - day).days + 1)
        notes += _note(scene, scene.turned(fact), older)
        if len(notes) < 2:
            return None
    if kind == "who":
        said = scene.book.of(f"{fact.slot.name}.say", scene.split)[0]
        if not said.text.startswith("$I ") or fact.slot.name in ("likes", "status"):
            return None
        who = Person("who", "", "", "", "", True)
        question: str | None = scene.draw(scene.today, who, fact.values).say(said.node, 0).rstrip(".") + "?"
        beside = [scene.fact(fact.slot, scene.somebody()) for _ in range(rng.choice([1, 2]))]
        notes += [note for each in beside for note in _note(scene, each, scene.day(900))]
    elif kind in ("yes", "no"):
        asked = fact if kind == "yes" else scene.turned(fact)
        question = _question(scene, asked, ("check",))
        answer = f"{kind.title()}, {answer if answer.split()[0] in _kept(fact) else answer[:1].lower() + answer[1:]}"
    else:
        question = _question(scene, fact)
    if question is None:
        return None
    return [*notes, *(_beside(scene, fact) if kind != "who" else _beside(scene, fact, False))], question, answer


def _kept(fact: Fact) -> set[str]:
    """First words of an answer that keep their capital letter."""
    label = fact.person.name if fact.person else ""
    return {label, f"{label}'s", fact.value.split()[0]} - {""}


def _joined(scene: Scene, fact: Fact, day: date) -> Made | None:
    """Two notes together: who somebody is, and what is known under the name."""
    person = fact.person
    if person is None or not person.name or not person.kin:
        return None
    named = Person(person.name, person.name, person.name, "", person.name, person.woman)
    by_name = replace(fact, person=named)
    notes = _note(scene, by_name, day)
    kin = person.kin
    as_kin = Person(f"my {kin}", "", f"your {kin} {person.name}", kin, person.name, person.woman)
    by_kin = replace(fact, person=as_kin)
    question = _question(scene, by_kin)
    if not notes or question is None:
        return None
    links = (
        "{name} is my {kin}.",
        "My {kin} is called {name}.",
        "My {kin}'s name is {name}.",
        "{name}, my {kin}, called.",
    )
    link = scene.rng.choice(links).format(name=person.name, kin=kin)
    return [*notes, (scene.day(900), link), *_beside(scene, fact)], question, scene.answer(by_kin)


def _unknown(scene: Scene) -> Made | None:
    rng = scene.rng
    fact = _any_fact(scene)
    notes = []
    for section in rng.sample(["person", "plan", "past", "near", "other"], rng.choice([1, 2, 3])):
        day = scene.day(900)
        if section == "person":
            notes += _note(scene, scene.fact(fact.slot, scene.somebody()), day)
            if fact.person is not None:
                notes += _note(scene, scene.fact(fact.slot, None), day)
        elif section == "other":
            notes += _beside(scene, fact, False)
        elif fact.slot.one or section == "near":
            phrase = scene.phrase(fact, section, with_value=True)
            notes += [(day, scene.said(phrase, fact, day))] if phrase else []
    question = _question(scene, fact, ("ask",) if rng.random() < 0.8 or not fact.slot.one else ("check",))
    if not notes or question is None:
        return None
    return notes, question, _unknown_answer(scene, scene.answer(fact, "topic"))


def _of_line(scene: Scene, known: bool, group: str) -> Made | None:
    rng = scene.rng
    phrase = scene.book.pick(rng, scene.split, f"{group}.{group}s")
    if phrase is None:
        return None
    note, question, answer, topic = (part.strip() for part in phrase.text.split("##"))
    day = scene.day(400 if rng.random() < 0.7 else 8)
    draw = scene.draw(day)
    text = draw.say(parse(note), 0.7)
    told = draw.told
    draw.written = False
    asked = draw.say(parse(question), 0)
    if "<on>" in answer:
        if told is None:
            return None
        day_told = dates.meant(told)
        if told[:4] not in text and told.count("-"):
            day_told = day_told.removesuffix(f" {told[:4]}")
        draw.values["on"] = ("on " if told.count("-") == 2 else "in ") + day_told
    said = draw.say(parse(answer), 0)
    notes = [(day, text)]
    for _ in range(rng.choice([1, 1, 2])):
        notes += _near_lines(scene, group, phrase.family)
    if known and told and told.count("-") == 2 and asked.startswith("When did"):
        gone = (scene.today - date.fromisoformat(told)).days
        if 1 < gone < 21 and rng.random() < 0.7:
            asked = f"How long ago did{asked[len('When did') :]} Today is {dates.plain(scene.today)}."
            said = f"{gone} days ago, {draw.values['on']}."
    if known:
        return notes, asked, said
    notes = notes[1:]
    near = _missed(scene, phrase.text, draw.values)
    notes += [near] if near else []
    topic_text = draw.say(parse(topic), 0, capital=False)
    return (notes, asked, _unknown_answer(scene, topic_text)) if notes else None


def _near_lines(scene: Scene, group: str, unlike: str) -> list[tuple[date, str]]:
    phrase = scene.book.pick(scene.rng, scene.split, f"{group}.{group}s")
    day = scene.day(600)
    if phrase and phrase.family == unlike:
        return []
    return [(day, scene.draw(day).say(parse(phrase.text.split("##")[0].strip()), 0.7))] if phrase else []


def _missed(scene: Scene, line: str, values: dict[str, str]) -> tuple[date, str] | None:
    """The note with another thing in it, or of another person; None where it has nothing to change."""
    note = line.split("##")[0].strip()
    day = scene.day(600)
    if not note.startswith(("I ", "My ")):
        return None
    person = scene.somebody()
    text = scene.draw(day).say(parse(note), 0)
    del values
    words = text.split(" ")
    if words[0] == "My":
        return day, tidy(f"{person.text}'s {' '.join(words[1:])}")
    if words[1] in _PLAIN_PAST:
        rest = " ".join(words[1:]).replace(" my ", f" {person.pronouns[1]} ")
        return day, tidy(f"{person.text} {rest}")
    return None


_PLAIN_PAST = frozenset(
    """broke failed passed moved started bought sold got visited quit lost had saw finished ran grew met""".split()  # noqa: SIM905
)


def _counted(scene: Scene, known: bool) -> Made | None:
    rng = scene.rng
    phrase = scene.book.pick(rng, scene.split, "count.counts")
    if phrase is None:
        return None
    name, asks, says, topic = (part.strip() for part in phrase.text.split("##"))
    slot = scene.book.slots[name]
    question = scene.draw(scene.today).say(parse(asks), 0)
    others = [scene.fact(slot, scene.somebody()) for _ in range(rng.choice([1, 1, 2]))]
    notes = [note for each in others for note in _note(scene, each, scene.day(900))]
    if not known:
        return (notes, question, _unknown_answer(scene, topic)) if notes else None
    mine = [scene.fact(slot, None) for _ in range(rng.choice([2, 2, 3]))]
    for fact in mine:
        notes += _note(scene, fact, scene.day(900))
    if len(notes) < len(mine) + 1:
        return None
    listed = [fact.value for fact in mine]
    joined = ", ".join(listed[:-1]) + " and " + listed[-1]
    if name == "instrument":
        joined = joined.replace(", ", ", the ").replace(" and ", " and the ")
    return notes, question, says.replace("{n}", COUNTED[len(mine)]).replace("{all}", joined)
