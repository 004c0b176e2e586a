"""References to a list that was shown, and texts that are none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethink.agents.references import shown_titles, with_titles
from bethink.agents.threads import Message
from bethink.memory.extract import Message as Said
from bethink.memory.rule_extract import RuleExtractor

TITLES = ["Alien", "Silent Running", "Solaris"]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("I don't like the second one.", "I don't like “Silent Running”."),
        ("I loved the FIRST film", "I loved “Alien”"),
        ("I hated the 3rd movie and liked the last one.", "I hated “Solaris” and liked “Solaris”."),
        ("Not the second one", "I don't like “Silent Running”."),
        ("No, not the second one, please.", "I don't like “Silent Running”."),
        ("not #1!", "I don't like “Alien”."),
        ("More like the first one.", "I like “Alien”."),
        ("The second one sounds great!", "I like “Silent Running”."),
        ("Tell me about number 3.", "Tell me about “Solaris”."),
        ("Is the first one long?", "Is “Alien” long?"),
    ],
)
def test_references_become_titles(text, meant):
    assert with_titles(text, TITLES) == meant


@pytest.mark.parametrize(
    "text",
    [
        "I don't like the seventh one.",
        "Not number 40",
        "for the second time",
        "the first one-off",
        "number 3.5 is a version",
        "#2001 is a year",
        "#0",
        '/recommend {"taste": "not the second one"}',
        "",
        "I like it.",
        "My flat is number 3.",
        "I am your #1 fan",
        "The first film I ever saw was Bambi.",
        "the last book in the series",
    ],
)
def test_what_is_no_reference_stays(text):
    assert with_titles(text, TITLES) == text


def test_an_item_without_a_title_is_not_named():
    assert with_titles("Not the second one.", ["Alien", ""]) == "Not the second one."


@given(st.text(max_size=200))
def test_without_a_list_nothing_changes(text):
    assert with_titles(text, []) == text


@given(st.text(alphabet="the second one#1 number not.!", max_size=400))
def test_any_text_is_read(text):
    assert isinstance(with_titles(text, TITLES), str)


def answered(*events: dict) -> list[Message]:
    return [
        Message("1", "t", "user", "hi", "complete", "", []),
        Message("2", "t", "assistant", "", "complete", "", [*events]),
    ]


def test_titles_are_those_of_the_last_list_shown():
    def end(items: object, ok: bool = True) -> dict:
        return {"kind": "ToolEnd", "ok": ok, "result": {"items": items}}

    lists = answered(
        end([{"title": "Old"}]), end([{"title": ' New\n"line” '}, {"title": "x" * 500}]), {"kind": "Usage"}
    )
    assert shown_titles(lists) == ["New line", "x" * 120]
    for history in ([], lists[:1], answered(), answered(end(None)), answered(end([], ok=False))):
        assert shown_titles(history) == []
    assert shown_titles([*lists, *answered()]) == []


def test_what_is_said_of_a_list_is_remembered_by_title():
    meant = with_titles("Not the second one.", TITLES)
    facts = RuleExtractor().extract([Said("user", meant, datetime(2026, 1, 1, tzinfo=UTC))])
    assert [(fact.subject, fact.relation, fact.object) for fact in facts] == [("user", "dislikes", "“Silent Running”")]
