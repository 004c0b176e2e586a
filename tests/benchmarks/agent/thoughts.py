"""Triples: of held-out families of phrasings (exact), and of 60 real turns labelled by hand (subject and object)."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from bethink.memory.extract import Fact, Message
from bethink.memory.lexical import tokens
from bethink.memory.rule_extract import RuleExtractor
from bethink.memory.times import as_datetime
from bethink.memory.trained_extract import TrainedExtractor, Triple, read_triples, schema_of, supported
from bethink.models.agent_prompts import extract_prompt
from bethink.models.training import thoughts as generator
from tests.benchmarks.agent.models import OURS, evenly, open_model, rows
from tests.benchmarks.report import Bar, bar, show

HELD_OUT = 300
OURS_READS = "model and rules"
READERS = (OURS_READS, "model alone", "rules")
Key = tuple[str, str, str]


def run() -> tuple[list[Bar], dict[str, Any]]:
    """See the module."""
    model = open_model(OURS)
    held = [_held(example) for example in evenly(generator.generate(HELD_OUT, 7, "test", ["extract"]))]
    real = rows("thoughts")
    invented = total = 0
    extractor = TrainedExtractor(model.decode_json)
    counts = {name: [0, 0, 0] for name in READERS}
    for text, day, wanted in held:
        raw = model.decode_json(extract_prompt(text, day), schema_of(text)) or []
        made = [Triple(*map(str, item[:3])) for item in raw if len(item) >= 3]
        total, invented = total + len(made), invented + sum(not supported(triple, text) for triple in made)
        for name, triples in _readings(extractor, text, day).items():
            _count(counts[name], {_key(t) for t in triples}, {_key(Triple(*item[:3])) for item in wanted})
    loose = {name: [0, 0, 0] for name in READERS}
    unsupported = kept_real = 0
    for row in real:
        for name, triples in _readings(extractor, row["text"], row["said"]).items():
            hit, extra, missed, none = _loosely(triples, row["thoughts"])
            loose[name] = [a + b for a, b in zip(loose[name], (hit, extra, missed), strict=True)]
            if name == OURS_READS:
                unsupported, kept_real = unsupported + none, kept_real + len(triples)
    figures = {
        "held-out families, exact triples": {name: _scores(*found) for name, found in counts.items()},
        "real turns, subject and object": {name: _scores(*found) for name, found in loose.items()},
        "held-out: triples before the check": total,
        "held-out: of them without support in the text, %": round(100 * invented / max(1, total), 2),
        "real turns: kept that no label has, %": round(100 * unsupported / max(1, kept_real), 1),
    }
    for title in ("held-out families, exact triples", "real turns, subject and object"):
        table = figures[title]
        show(title, ("", "precision", "recall", "F1"), [(n, *f.values()) for n, f in table.items()])  # type: ignore[attr-defined]
    exact, real_f1 = figures["held-out families, exact triples"], figures["real turns, subject and object"]
    return [
        bar("triple F1 on held-out families", exact[OURS_READS]["F1"], ">=", 0.85),  # type: ignore[index]
        bar("triple F1 on real turns (subject and object)", real_f1[OURS_READS]["F1"], ">=", 0.60),  # type: ignore[index]
        bar(
            "triples without support before the check, %",
            figures["held-out: of them without support in the text, %"],
            "<=",
            3,
        ),  # type: ignore[arg-type]
    ], figures


def _held(example: Any) -> tuple[str, str, list[list[str]]]:
    said = re.search(r"<\|im_start\|>user\n\[\w{3} (\d{4}-\d\d-\d\d)\] (.*?)<\|im_end\|>", example.prompt, re.DOTALL)
    assert said is not None
    return said.group(2), said.group(1), json.loads(example.answer)


def _readings(extractor: TrainedExtractor, text: str, day: str) -> dict[str, list[Triple]]:
    """What each of :data:`READERS` reads; a name with its kin ("Ana is user's sister") is a triple of the model's."""
    message = Message("user", text, as_datetime(day))
    read = read_triples(extractor.ask, text, date.fromisoformat(day))
    both = _triples(extractor.extract([message]))
    known = {_key(triple) for triple in both}
    kin = [triple for triple in read if triple.relation == "is" and _key(triple) not in known]
    return {OURS_READS: [*both, *kin], "model alone": read, "rules": _triples(RuleExtractor().extract([message]))}


def _triples(facts: Sequence[Fact]) -> list[Triple]:
    return [Triple(f.subject, str(f.relation), str(f.object)) for f in facts if f.subject]


def _key(triple: Triple) -> Key:
    return triple.subject.casefold(), triple.relation, " ".join(tokens(triple.object))


def _count(counts: list[int], found: set[Key], wanted: set[Key]) -> None:
    for place, number in enumerate((len(found & wanted), len(found - wanted), len(wanted - found))):
        counts[place] += number


def _loosely(found: Sequence[Triple], labels: Sequence[dict[str, Any]]) -> tuple[int, int, int, int]:
    """(labels that must be kept and were, triples that no label has, labels missed, triples that no label has).

    A triple is a label's if its subject is, and half of the words of the two objects are the same, or all of one's. What
    may be kept or left (``optional``) counts neither as found nor as missed.
    """
    left = list(found)
    hit = missed = 0
    for label in sorted(labels, key=lambda each: bool(each.get("optional"))):
        match = next((triple for triple in left if _same(triple, label)), None)
        if match is not None:
            left = [triple for triple in left if not _same(triple, label)]
        if not label.get("optional"):
            hit, missed = hit + (match is not None), missed + (match is None)
    return hit, len(left), missed, len(left)


def _same(triple: Triple, label: dict[str, Any]) -> bool:
    mine, theirs = set(tokens(triple.object)), set(tokens(label["object"]))
    whom = set(tokens(label["subject"])) | {label["subject"].casefold()}
    subject = triple.subject.casefold() == label["subject"].casefold() or bool(set(tokens(triple.subject)) & whom)
    both = mine & theirs
    return subject and bool(both) and (2 * len(both) >= len(mine | theirs) or both in (mine, theirs))


def _scores(hit: int, extra: int, missed: int) -> dict[str, float]:
    precision, recall = hit / max(1, hit + extra), hit / max(1, hit + missed)
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    return {"precision": round(precision, 3), "recall": round(recall, 3), "F1": round(f1, 3)}
