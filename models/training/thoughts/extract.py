"""Examples of the task "extract": a turn of the user's, and what of it is worth remembering."""

from __future__ import annotations

from random import Random

from bethink.models.agent_prompts import extract_prompt, extract_text
from bethink.models.training.examples import Example
from bethink.models.training.thoughts import dates
from bethink.models.training.thoughts.draw import Draw
from bethink.models.training.thoughts.grammar import tidy
from bethink.models.training.thoughts.phrases import TELLING, Book, Phrase
from bethink.models.training.thoughts.typos import roughened

Triple = tuple[str, ...]
PERSON_SHARE = 0.3
MOST_LETTERS = 560


def extract_example(rng: Random, split: str, book: Book) -> Example:
    """One example; about two in five tell nothing."""
    said = dates.draw_day(rng)
    draw = Draw(rng, split, said)
    kind = rng.random()
    parts: list[str] = []
    triples: list[Triple] = []
    copied: list[str] = []
    if kind < 0.4:
        parts += [_nothing(draw, book) for _ in range(rng.choice([1, 1, 1, 2, 2, 3]))]
    else:
        for _ in range(rng.choice([1, 1, 1, 2, 2, 3])):
            text, told = told_by(_fresh(draw), book)
            if any(_again(each, triples, book) for each in told):
                continue
            parts.append(text)
            triples += told
        if rng.random() < 0.22:
            parts.insert(rng.randrange(len(parts) + 1), _nothing(_fresh(draw), book))
        if rng.random() < 0.25:
            parts.insert(len(parts) and rng.randrange(1, len(parts) + 1), _line(_fresh(draw), book, "filler.fillers"))
    if rng.random() < 0.3:
        parts.append(_line(_fresh(draw), book, "closer.closers"))
    if rng.random() < 0.34:
        opener = _line(_fresh(draw), book, "opener.openers")
        if opener.endswith((",", ":")) and parts and parts[0][:2] not in ("I ", "I'"):
            first = parts[0].split(" ")[0]
            common = first.lower() in _OPENING_WORDS
            parts[0] = parts[0][:1].lower() + parts[0][1:] if common else parts[0]
        parts.insert(0, opener)
    text = " ".join(part for part in parts if part)
    if not text or len(text) > MOST_LETTERS:
        return extract_example(rng, split, book)
    copied = [part for triple in triples for part in triple]
    text = roughened(text, rng, copied)
    return Example("extract", extract_prompt(text, said.isoformat()), extract_text(triples))


def _again(told: Triple, before: list[Triple], book: Book) -> bool:
    """Whether a triple is told already, or another value of what there is one of."""
    one = {slot.relation for slot in book.slots.values() if slot.one} | {"name", "employment", "expecting"}
    return any(each[:2] == told[:2] and (each[2] == told[2] or told[1] in one) for each in before)


_OPENING_WORDS = frozenset(
    [
        "my",
        "the",
        "a",
        "an",
        "we",
        "our",
        "it",
        "there",
        "what",
        "how",
        "who",
        "when",
        "where",
        "why",
        "which",
        "if",
        "is",
        "are",
        "do",
        "does",
        "can",
        "could",
        "would",
        "please",
        "in",
        "on",
        "at",
        "to",
        "from",
        "for",
        "no",
        "not",
        "yes",
        "as",
        "since",
        "nothing",
        "people",
        "some",
        "someone",
        "somebody",
        "most",
        "prices",
        "write",
        "translate",
        "plot",
        "show",
        "set",
        "give",
        "make",
        "tell",
        "find",
        "list",
        "name",
        "open",
        "read",
        "explain",
        "draft",
        "draw",
        "rank",
        "sort",
        "fit",
        "convert",
        "estimate",
        "recommend",
        "check",
        "invent",
        "being",
        "suppose",
        "imagine",
        "pretend",
        "assume",
        "maybe",
        "apparently",
        "did",
        "have",
        "any",
        "should",
        "this",
        "that",
        "last",
    ]
)


def _fresh(draw: Draw) -> Draw:
    """The same turn, with values of its own."""
    return Draw(draw.rng, draw.split, draw.said, taken=draw.taken, used=draw.used)


def told_by(draw: Draw, book: Book) -> tuple[str, list[Triple]]:
    """A sentence or two that tell something, and what."""
    rng, split = draw.rng, draw.split
    while True:
        kind = rng.random()
        if kind < 0.42:
            slot = rng.choice(list(book.slots.values()))
            section = rng.choice(["state", "state", "state", "change", "another", "past", "plan", "near", "stop"])
            phrase = book.pick(rng, split, f"{slot.name}.{section}")
            prepare(draw, slot.kind)
        else:
            phrase = book.pick(rng, split, *book.named("event" if kind < 0.76 else "story"))
        if phrase is None or phrase.family in draw.used or (not phrase.tells and rng.random() < 0.8):
            continue
        draw.used.add(phrase.family)
        person = draw.somebody() if phrase.of_anybody and rng.random() < PERSON_SHARE else None
        return said_with(draw.about("person" if person else "user", person), phrase)


def prepare(draw: Draw, kind: str) -> None:
    """Draws what ``<v>``, ``<o>`` and ``<k>`` of a slot stand for."""
    if kind == "pet":
        draw.values |= {"v": draw.new("petname"), "k": draw.new("petkind"), "o": draw.new("petname")}
    elif kind == "child":
        kin, name = draw.rng.choice([("son", "boy"), ("daughter", "girl")])
        draw.values |= {"v": draw.new(name), "k": kin, "o": draw.new(name)}
    else:
        draw.values |= {"v": draw.new(kind), "o": draw.new(kind)}


def said_with(draw: Draw, phrase: Phrase) -> tuple[str, list[Triple]]:
    """A phrase's text and its triples, filled in."""
    text = draw.say(phrase.node)
    return text, [_triple(draw, parts) for parts in phrase.tells]


def _triple(draw: Draw, parts: tuple[str, ...]) -> Triple:
    filled = []
    for part in parts[:3]:
        part = draw.fill(part)
        for name, value in draw.values.items():
            part = part.replace(f"<{name}>", value)
        filled.append(part.replace("user's's", "user's"))
    filled[0] = filled[0].replace("user's's", "user's")
    filled[2] = tidy(bare(filled[2]), capital=False)
    dated = draw.told and len(parts) == 3
    return (*filled, str(draw.told)) if dated else tuple(filled)


def bare(words: str) -> str:
    """An object without the article before it."""
    for article in ("a ", "an ", "the "):
        if words.startswith(article):
            return words[len(article) :]
    return words


def _line(draw: Draw, book: Book, *groups: str) -> str:
    """A line of one of these groups that this turn has not had; nothing where the one drawn was had."""
    phrase = book.pick(draw.rng, draw.split, *groups)
    if phrase is None or phrase.family in draw.used:
        return ""
    draw.used.add(phrase.family)
    return draw.say(phrase.node)


def _nothing(draw: Draw, book: Book) -> str:
    rng, split = draw.rng, draw.split
    draw = _fresh(draw)
    kind = rng.random()
    if kind < 0.62:
        text = ""
        while not text:
            text = _line(draw, book, *book.named("nothing"))
        return text
    if kind < 0.8:
        frame = book.pick(rng, split, "frame.frames")
        inner, _ = told_by(_fresh(draw), book)
        if frame:
            draw.values["inner"] = inner if rng.random() < 0.5 else inner.rstrip(".!")
            return draw.say(frame.node)
    while True:
        slot = rng.choice(list(book.slots.values()))
        phrase = book.pick(
            rng, split, f"{slot.name}.{rng.choice(['ask', 'ask', 'check', 'forget', 'forget', 'near', 'plan'])}"
        )
        if phrase and not phrase.tells:
            prepare(draw, slot.kind)
            person = draw.somebody() if phrase.of_anybody and rng.random() < PERSON_SHARE else None
            return draw.about("person" if person else "user", person).say(phrase.node)


SECTIONS = (*TELLING, "past", "plan", "near", "stop", "ask", "check", "forget")
