"""KdConv: precision, recall and F1 of the rules and of the default model; the protocol is that of the evaluation.

The rules were made with the first half of the film talks (``dev``) in view; the other half (``held``) and all of music
and travel were not read. The model reads a turn in seconds: it is asked about 60 evenly spaced turns of each half, one at
a time, by the extractor's own prompt, without a fallback; the rules are scored on the same turns beside it, having read
the talks whole.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from bethink.agents.evaluation.kdconv import (
    DOMAINS,
    Score,
    Talk,
    Triple,
    Utterance,
    halves,
    load_kdconv,
    read_turns,
    score,
    spaced,
    wanted,
)
from bethink.memory import LLMExtractor, RuleExtractor
from tests.benchmarks.recall.data import folder
from tests.benchmarks.report import Bar, bar, show

SAMPLE = 60
FLOOR = 0.45
BARS = ("KdConv film, held half, F1 of the rules",)
Rows = dict[str, tuple[list[set[Triple]], list[set[Triple]]]]
"""What is scored together: the triples found and wanted in each turn."""


def by_rules(talks: Sequence[Talk]) -> Iterator[tuple[Utterance, set[Triple]]]:
    """Each turn with what the rules find in it."""
    for talk in talks:
        yield from zip(talk.utterances, read_turns(RuleExtractor(), talk.utterances), strict=True)


def paired(read: Sequence[tuple[Utterance, set[Triple]]]) -> tuple[list[set[Triple]], list[set[Triple]]]:
    """Found and wanted."""
    return [found for _, found in read], [wanted(turn) for turn, _ in read]


def by_model(turns: Sequence[Utterance]) -> tuple[list[set[Triple]], dict[str, float]]:
    """What ``smollm2`` finds in each turn; how many facts it wrote, how many words of the turn bear out, and how long."""
    from bethink.models.registry import BASE, load_chat_model

    model = load_chat_model(BASE)
    written = 0

    def complete(prompt: str, schema: dict[str, Any]) -> dict[str, Any]:
        nonlocal written
        answer: dict[str, Any] = model.complete_json(prompt, schema)  # type: ignore[attr-defined]
        written += len(answer.get("facts", []))
        return answer

    extractor, found = LLMExtractor(complete), []
    begun = time.perf_counter()
    for number, turn in enumerate(turns):
        if number % 20 == 0:
            print(f"  the model has read {number} of {len(turns)} turns", file=sys.stderr, flush=True)
        found += read_turns(extractor, [turn])
    spent = time.perf_counter() - begun
    return found, {"facts written": written, "seconds a turn": round(spent / len(turns), 1)}


def rates(found: Score) -> dict[str, float]:
    """For the file."""
    return {
        "precision": round(found.precision, 3),
        "recall": round(found.recall, 3),
        "f1": round(found.f1, 3),
        "right": found.right,
        "found": found.found,
        "wanted": found.wanted,
    }


def run() -> tuple[list[Bar], dict[str, Any]]:
    """See the module."""
    place = folder()
    if place is None:
        return [bar(name, None, ">=", FLOOR) for name in BARS], {}
    film = load_kdconv(place)
    parts = dict(zip(("dev", "held"), halves(film), strict=True))
    read = {name: list(by_rules(talks)) for name, talks in parts.items()}
    rows: Rows = {f"rules, film, {name}": paired(turns) for name, turns in read.items()}
    rows["rules, film"] = paired([*read["dev"], *read["held"]])
    for domain in DOMAINS[1:]:
        rows[f"rules, {domain}"] = paired(list(by_rules(load_kdconv(place, domain))))
    costs = {}
    for name, talks in parts.items():
        turns = spaced(talks, SAMPLE)
        chosen = {id(turn) for turn in turns}
        rows[f"rules, film, {name}, {SAMPLE} turns"] = paired([each for each in read[name] if id(each[0]) in chosen])
        found, costs[name] = by_model(turns)
        rows[f"model, film, {name}, {SAMPLE} turns"] = (found, [wanted(turn) for turn in turns])
    columns = ("precision", "recall", "f1", "right", "found", "wanted")
    figures: dict[str, Any] = {"model": costs}
    for title, attributes in (("entity, attribute, value", True), ("entity, value", False)):
        scores = {name: score(*both, attributes=attributes) for name, both in rows.items()}
        figures[title] = {name: rates(each) for name, each in scores.items()}
        table = [(name, *(figures[title][name][column] for column in columns)) for name in rows]
        show(f"KdConv: ({title})", ("", *columns), table)
    return [bar(BARS[0], figures["entity, attribute, value"]["rules, film, held"]["f1"], ">=", FLOOR)], figures
