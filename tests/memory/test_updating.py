"""What is known settles what a sentence changes, where no pattern reads it whole."""

from __future__ import annotations

import pytest

from bethink.memory import ThoughtMemory, updating
from bethink.memory.extract import to_messages
from bethink.models.embedder import SentenceEmbedder


@pytest.fixture(scope="module")
def memory(tmp_path_factory):
    with ThoughtMemory(tmp_path_factory.mktemp("updating"), SentenceEmbedder()) as opened:
        yield opened


def said(memory, *texts):
    """(the texts that hold, the texts that held) after these were said."""
    user = " ".join(texts)
    for month, text in enumerate(texts, 1):
        memory.add(text, user_id=user, timestamp=f"2024-0{month}-01")
    every = memory.list(user_id=user, include_inactive=True)
    return {one.text for one in every if one.active}, {one.text for one in every if not one.active}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("I drive a Corolla.", "Traded the Corolla in for a Leaf."),
        ("I live in Bergen.", "I packed my bags for Tromsø, and that's where I've been living."),
        ("I work at Tarn & Webb.", "I've landed a job with Larkfield Instruments and handed in my badge."),
        ("My gym is Iron Works.", "My membership's with Bodyline now."),
        ("My dentist is Dr Gómez.", "I go to Dr Ferro for my teeth these days."),
        ("My browser is Chrome.", "I've moved from Chrome to Firefox."),
        ("I'm dating Carla.", "Carla's history, I'm seeing Beatriz."),
        ("I weigh 82 kg.", "Good news from the scales: 76 kg."),
        ("I run 5 km every morning.", "I run 8 km every morning now."),
        ("My husband Oliver works at Strand Bakery.", "Oliver left Strand Bakery for Millstone & Sons."),
    ],
)
def test_a_known_thought_is_changed(memory, first, second):
    active, ended = said(memory, first, second)
    assert ended == {first}
    assert active == {second}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("I drive a Corolla.", "The postman drives an electric Kangoo now."),
        ("I weigh 82 kg.", "I deadlifted 120 kg today."),
        ("My hair's dark blonde.", "I've bought a green hat that suits my hair."),
        ("I study law at Twente.", "I've got a new professor from Utrecht this term."),
        ("I live in Crewe.", "A flat in Stoke came up and I'm tempted."),
        ("I'm single.", "My ex just got engaged, I saw it online."),
        ("My gym is FitHub.", "The gym has got a new owner, Ladyfit, they say."),
        ("I like tea.", "I like coffee now, too."),
        ("I visited Town0x0 on 3 May 2024.", "I visited Town0x1 on 3 May 2024."),
        ("I live in Porto.", "I visited Lisbon on 3 May 2024."),
    ],
)
def test_what_only_looks_like_a_change_ends_nothing(memory, first, second):
    active, ended = said(memory, first, second)
    assert first in active
    assert ended == set()


def test_an_embedder_is_asked_only_where_a_sentence_may_change_something(tmp_path):
    class Counting(SentenceEmbedder):
        asked = 0

        def embed(self, texts):
            Counting.asked += len(texts)
            return super().embed(texts)

    with ThoughtMemory(tmp_path, Counting()) as opened:
        opened.add("I love long walks by the river.", user_id="ana")
        assert Counting.asked == 1


def test_keep_both_keeps_both(tmp_path):
    with ThoughtMemory(tmp_path, SentenceEmbedder(), conflict_policy="keep_both") as opened:
        active, ended = said(opened, "I drive a Corolla.", "Traded the Corolla in for a Leaf.")
    assert len(active) == 2
    assert ended == set()


def test_chinese_is_left_to_its_own_reader(monkeypatch):
    monkeypatch.setattr(updating, "said_in", lambda *_: pytest.fail("it is read as English"))
    messages = to_messages("我搬到北京了，现在住在北京。我换了一辆车。")
    assert updating.settle([], messages, [], None, None) == []
