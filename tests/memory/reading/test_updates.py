"""Sentences that were not looked at while the reading was made: how many of their changes are understood.

``data/`` holds pairs of sentences: the second changes the first (``updates.jsonl``) or only seems to
(``negatives.jsonl``), and requests to forget (``requests.jsonl``). Only those marked ``unseen`` are measured here.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from bethink.agents.evaluation.contradictions import says
from bethink.memory import ThoughtMemory
from bethink.memory.extract import to_messages
from bethink.memory.known import Known
from bethink.memory.learn import draft, plan
from bethink.memory.reading.meaning import Nearness
from bethink.memory.rule_extract import RuleExtractor
from bethink.memory.updating import settle
from bethink.models.embedder import SentenceEmbedder

DATA = Path(__file__).parent / "data"


def unseen(name):
    rows = [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if row["split"] == "unseen"]


class Kept:
    """MiniLM that embeds each text once."""

    name, dim = "all-MiniLM-L6-v2", 384

    def __init__(self):
        model = SentenceEmbedder()
        self._one = cache(lambda text: model.embed([text])[0])

    def embed(self, texts):
        return np.stack([self._one(text) for text in texts])


@pytest.fixture(scope="module")
def near():
    return Nearness(Kept())


def learned(near, *texts):
    """All thoughts after the texts were said one after the other."""
    known = {}
    for month, text in enumerate(texts, 1):
        said = to_messages(text, timestamp=f"2024-0{month}-01")

        def nearest(vector):
            rows = [(one, near.vector(one.text)) for one in known.values() if one.active]
            return [(one, its) for one, its in rows if its @ vector > 0.2]

        facts = settle(RuleExtractor().extract(said), said, list(known.values()), near, nearest)
        drafts = [(draft(fact, said[fact.source], "ana", None, None, {}), fact, np.zeros(3)) for fact in facts]
        for step in plan(drafts, known, Known(known), "supersede", lambda thought_id: False)[0]:
            known[step.id] = step.after
    return list(known.values())


def changed(near, row):
    thoughts = learned(near, row["first"], row["second"])
    active = [one.text for one in thoughts if one.active]
    new, old = row["new"], row["old"]
    left = any(says(text, old) and not says(text, new) for text in active)
    return (
        any(says(text, new) for text in active)
        and not left
        and any(says(one.text, old) for one in thoughts if not one.active)
    )


def test_changes_are_understood(near):
    rows = unseen("updates.jsonl")
    right = sum(changed(near, row) for row in rows)
    assert len(rows) >= 200
    assert right / len(rows) >= 0.70  # 74 % as measured when the floor was set; 45 % by patterns alone


def test_what_only_seems_to_change_stays(near):
    rows = unseen("negatives.jsonl")
    wrong = 0
    for row in rows:
        before = {one.id for one in learned(near, row["first"])}
        after = {one.id for one in learned(near, row["first"], row["second"]) if one.active}
        wrong += not before <= after
    assert len(rows) >= 50
    assert wrong / len(rows) <= 0.06  # 3 of 59 when the ceiling was set


def test_requests_to_forget_are_met_without_taking_more(tmp_path):
    hit = much = few = 0
    with ThoughtMemory(tmp_path, Kept()) as memory:
        for number, row in enumerate(unseen("requests.jsonl")):
            user = f"user {number}"
            for text in row["thoughts"]:
                memory.insert(text, user_id=user)
            memory.forget(user_id=user, query=row["request"])
            left = {one.text for one in memory.list(user_id=user)}
            gone = {i for i, text in enumerate(row["thoughts"]) if text not in left}
            wanted = set(row["targets"])
            hit, much, few = hit + len(gone & wanted), much + len(gone - wanted), few + len(wanted - gone)
    assert hit / (hit + much) >= 0.95  # 0.955 as measured
    assert hit / (hit + few) >= 0.70  # 0.81 as measured
