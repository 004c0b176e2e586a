"""What a request to forget is about, and which thoughts it means."""

from __future__ import annotations

import pytest

from bethink.memory import ThoughtMemory
from bethink.memory.forgetting import meant
from bethink.models.embedder import SentenceEmbedder


@pytest.mark.parametrize(
    ("request_", "core"),
    [
        ("forget that I told you about my knee", "my knee"),
        ("Please forget what I said about the divorce.", "the divorce"),
        ("could you delete everything you know about my boss?", "my boss"),
        ("erase Jonas from your memory", "Jonas"),
        ("my old phone number", "my old phone number"),
        ("forget", "forget"),
    ],
)
def test_a_request_is_left_with_what_it_is_about(request_, core):
    assert meant(request_) == core


@pytest.fixture(scope="module")
def memory(tmp_path_factory):
    with ThoughtMemory(tmp_path_factory.mktemp("forgetting"), SentenceEmbedder()) as opened:
        yield opened


@pytest.mark.parametrize(
    ("request_", "gone"),
    [
        ("forget that I told you about my knee", {"My knee hurts when it rains."}),
        ("forget my penicillin allergy", {"I'm allergic to penicillin."}),
        ("forget where I live", {"I live in Hobart."}),
        ("forget my dad's cigarettes", set()),
        ("forget that I smoke", {"I smoke ten cigarettes a day."}),
        ("forget my cousin Max", {"Max plays the trumpet."}),
        ("forget about my holiday", set()),
    ],
)
def test_a_request_means_these_and_no_others(memory, request_, gone):
    user = f"user of {request_}"
    texts = [
        "My knee hurts when it rains.",
        "I'm allergic to penicillin.",
        "I live in Hobart.",
        "My dad smokes a pipe.",
        "I smoke ten cigarettes a day.",
        "Max plays the trumpet.",
        "My sister lives in Perth.",
    ]
    for text in texts:
        memory.add(text, user_id=user)
    before = {one.text for one in memory.list(user_id=user)}
    memory.forget(user_id=user, query=request_)
    assert before - {one.text for one in memory.list(user_id=user)} == {text for text in before if text in gone}
