"""Examples of the task "decide": what becomes of a new thought beside old ones.

- ``supersede``: one value at a time and a new one takes its place, or the old thought is over ("I do not play the
  cello any more", "the appointment was moved").
- ``merge``: the same again, or the same more exactly.
- ``forget``: the user asks for it, or says that it was never so, or that a plan is off, without a new value.
- ``insert``: all else, however alike: another person, another pet, another thing about the same place, the past, a
  plan, a wish.
"""

from __future__ import annotations

from datetime import date
from random import Random

from bethink.models.agent_prompts import decide_prompt, decide_text
from bethink.models.training.examples import Example
from bethink.models.training.thoughts import dates
from bethink.models.training.thoughts.grammar import parse
from bethink.models.training.thoughts.notes import Fact, Scene
from bethink.models.training.thoughts.phrases import Book
from bethink.models.training.thoughts.typos import roughened

WEIGHTS = {"insert": 40, "supersede": 26, "merge": 22, "forget": 20}
Old = tuple[date, str]
Made = tuple[str, Old | None, list[Old]]
"""The new thought, the old one that it is about (None where it is about none), and old ones that look alike."""


def decide_example(rng: Random, split: str, book: Book) -> Example:
    """One example."""
    what = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    while True:
        scene = Scene(rng, split, book, dates.draw_day(rng), rng.random() < 0.15)
        made = _of_pair(scene, what) if rng.random() < 0.25 else _of_slot(scene, what)
        if made is None:
            continue
        new, target, alike = made
        old = [*alike[: rng.choice([0, 1, 1, 2, 2, 3])]] if target else alike[: rng.choice([1, 1, 2, 3, 4])]
        rng.shuffle(old)
        if target:
            old.insert(rng.randrange(len(old) + 1), target)
        texts = [text for _, text in old]
        if not old or new in texts or len(set(texts)) < len(old):
            continue
        rough = roughened(new, rng, [new]) if rng.random() < 0.8 else new.lower()
        prompt = decide_prompt(
            f"[{scene.today.isoformat()}] {rough}",
            [f"[{day.isoformat()}] {text}" for day, text in old],
        )
        number = old.index(target) + 1 if target else None
        return Example("decide", prompt, decide_text(what, number))


def _of_pair(scene: Scene, what: str) -> Made | None:
    phrase = scene.book.pick(scene.rng, scene.split, f"pair.{what}")
    if phrase is None:
        return None
    was, now = (part.strip() for part in phrase.text.split("##"))
    repeats = any(kind in was and kind in now for kind in ("<past>", "<future>"))
    before = scene.today if repeats else scene.day(60, 1)
    draw = scene.draw(before)
    old = draw.say(parse(was))
    draw.said = scene.today
    new = draw.say(parse(now))
    alike = _others(scene, None)
    return (new, (before, old), alike) if what != "insert" else (new, None, [(before, old), *alike])


def _of_slot(scene: Scene, what: str) -> Made | None:
    rng = scene.rng
    slot = scene.slot()
    fact = scene.fact(slot, scene.somebody() if rng.random() < 0.35 else None)
    before = scene.day(700, 1)
    if what == "insert":
        return _insert(scene, fact, before)
    if what == "supersede" and slot.one:
        old = scene.state(scene.turned(fact), before)
        new_phrase = scene.phrase(fact, "change", "change", "state", with_value=True)
    elif what == "supersede":
        old, new_phrase = scene.state(fact, before), scene.phrase(fact, "stop", with_value=True)
    elif what == "merge":
        first = scene.phrase(fact, "state", with_value=True)
        old = scene.said(first, fact, before) if first else None
        new_phrase = (
            scene.phrase(fact, "state", "state", "exact", unlike=first.family, with_value=True) if first else None
        )
    else:
        old, new_phrase = scene.state(fact, before), scene.phrase(fact, "forget")
    if old is None or new_phrase is None:
        return None
    new = scene.said(new_phrase, fact, scene.today)
    named = "<v>" in new_phrase.text or what != "forget"
    return new, (before, old), _others(scene, fact, same_person=named)


def _insert(scene: Scene, fact: Fact, before: date) -> Made | None:
    """The new thought is alike to all old ones, and says something else."""
    rng, slot = scene.rng, fact.slot
    kind = rng.choice(["person", "person", "plan", "past", "near", "another", "another"])
    alike: list[str | None] = []
    if kind == "person":
        other = scene.somebody() if fact.person is None or rng.random() < 0.6 else None
        value = fact.value if rng.random() < 0.4 else None
        about = scene.fact(slot, other, value)
        if slot.kind in ("pet", "child") and value:
            return None
        new = scene.state(about, scene.today, "state", "state", *(() if slot.one else ("another",)))
        alike = [scene.state(fact, before)]
        if fact.person is not None and other is not None and rng.random() < 0.5:
            third = scene.fact(slot, scene.somebody())
            alike.append(scene.state(third, before))
    elif kind == "another":
        if slot.one:
            return None
        phrase = scene.phrase(fact, "another", "state", with_value=True)
        new = scene.said(phrase, fact, scene.today) if phrase else None
        alike = [scene.state(scene.turned(fact), before)]
    else:
        phrase = scene.phrase(fact, kind, with_value=True)
        new = scene.said(phrase, fact, scene.today) if phrase else None
        if kind == "near":
            kept = fact if rng.random() < 0.7 and slot.kind not in ("pet", "child") else scene.turned(fact)
        else:
            kept = scene.turned(fact) if slot.one or kind == "past" else scene.fact(slot, fact.person)
        alike = [scene.state(kept, before)]
    found = [text for text in alike if text]
    if new is None or not found:
        return None
    return (
        new,
        None,
        [*((before, text) for text in found), *_others(scene, fact, same_slot=kind != "person", same_person=False)],
    )


def _others(scene: Scene, fact: Fact | None, same_slot: bool = True, same_person: bool = True) -> list[Old]:
    """Old thoughts that the new one is not about: the same of others, other things of the same person."""
    rng = scene.rng
    found: list[Fact] = []
    if fact is not None:
        if same_slot:
            found.append(scene.fact(fact.slot, scene.somebody()))
            if fact.person is not None:
                found.append(scene.fact(fact.slot, None))
            if not fact.slot.one and same_person:
                found.append(scene.fact(fact.slot, fact.person))
        other = scene.slot(unlike=fact.slot.name)
        if other.relation != fact.slot.relation and not {other.name, fact.slot.name} & {
            "likes",
            "foodlike",
            "dislikes",
        }:
            found.append(scene.fact(other, fact.person))
    else:
        person = scene.somebody()
        found += [scene.fact(scene.slot(), person) for _ in range(2)]
    texts: list[Old] = []
    for each in found:
        day = scene.day(700, 1)
        if text := scene.state(each, day):
            texts.append((day, text))
    day = scene.day(700, 1)
    if text := scene.beside(day):
        texts.append((day, text))
    rng.shuffle(texts)
    return texts
