from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethink.memory.extract import MAX_READ, PIECE, NullExtractor, pieces, to_messages
from bethink.memory.llm_extract import LLMExtractor, fact_schema
from bethink.memory.redact import REMOVED
from bethink.memory.rule_extract import RuleExtractor

SAID = "My sister Maria lives in Porto and is allergic to nuts."
GOOD = {
    "subject": "Maria",
    "relation": "lives in",
    "object": "Porto",
    "sentence": "The user's sister Maria lives in Porto.",
}


def test_messages_of_every_kind():
    class Human:
        type, content, name = "human", "I live in Porto.", None

    turns = to_messages(
        [Human(), {"role": "assistant", "content": [{"type": "text", "text": "Nice."}]}],
        timestamp="2024-05-01",
        turn_id="t",
    )
    assert [(turn.role, turn.content, turn.turn_id) for turn in turns] == [
        ("user", "I live in Porto.", "t"),
        ("assistant", "Nice.", "t"),
    ]


@pytest.mark.parametrize(
    "bad", [[{}], [{"role": "user"}], [{"content": "x"}], [3], [{"role": "user", "content": None}]]
)
def test_messages_without_role_or_text_are_refused(bad):
    with pytest.raises(ValueError, match="needs a role and a text"):
        to_messages(bad)


def test_only_the_first_part_of_a_message_is_read_and_secrets_are_gone():
    (turn,) = to_messages("my password is hunter2 " + "x" * 10**6)
    assert len(turn.content) <= MAX_READ
    assert "hunter2" not in turn.content
    assert REMOVED in turn.content


@given(st.text(max_size=5000))
def test_pieces_are_short_and_lose_nothing(text):
    found = pieces(text)
    assert all(0 < len(piece) <= PIECE for piece in found)
    assert "".join("".join(found).split()) == "".join(text.split())


def test_turns_kept_as_they_are():
    turns = to_messages(
        [
            {"role": "user", "content": "Hi."},
            {"role": "tool", "content": "42"},
            {"role": "assistant", "content": "Yes."},
        ]
    )
    assert [fact.text for fact in NullExtractor().extract(turns)] == ["user: Hi.", "assistant: Yes."]
    named = to_messages([{"role": "user", "content": "Hi.", "name": "Caroline"}])
    assert NullExtractor().extract(named)[0].text == "Caroline: Hi."


def answer(*facts):
    return lambda prompt, schema: {"facts": list(facts)}


def test_supported_triples_are_kept():
    (fact,) = LLMExtractor(answer(GOOD)).extract(to_messages(SAID))
    assert (fact.subject, fact.relation, fact.object, fact.text) == ("Maria", "lives in", "Porto", GOOD["sentence"])


@pytest.mark.parametrize(
    "item",
    [
        {**GOOD, "object": "Lisbon"},
        {**GOOD, "subject": "Anna"},
        {**GOOD, "sentence": "The weather on distant planets changes rapidly."},
        {**GOOD, "relation": " "},
        {**GOOD, "object": ""},
        {"subject": "user", "relation": "lives in", "object": "Tromsø", "sentence": "The user lives in Tromsø."},
        {"subject": "Eskil", "relation": "has", "object": "a parrot", "sentence": "The user's son Eskil has a parrot."},
        "nonsense",
        {},
        None,
    ],
)
def test_what_the_message_does_not_support_is_dropped(item):
    facts = LLMExtractor(answer(item, GOOD)).extract(to_messages(SAID))
    assert [fact.object for fact in facts] == ["Porto"]


def test_chinese_triples_are_held_to_the_message_too():
    tea = {"subject": "user", "relation": "likes", "object": "茶", "sentence": "我喜欢茶。"}
    city = {"subject": "小雨", "relation": "lives in", "object": "广州", "sentence": "小雨住在广州。"}
    made_up = [{**tea, "object": "酒"}, {**city, "object": "深圳"}, {**city, "subject": "小明"}]
    facts = LLMExtractor(answer(tea, *made_up, city)).extract(to_messages("我喜欢茶，小雨住在广州。"))
    assert [(fact.subject, fact.object) for fact in facts] == [("user", "茶"), ("小雨", "广州")]


@pytest.mark.parametrize("broken", [{}, {"facts": 3}, {"facts": None}, [], None])
def test_a_model_that_fails_is_covered(broken):
    extractor = LLMExtractor(lambda prompt, schema: broken, fallback=RuleExtractor())
    facts = extractor.extract(
        to_messages([{"role": "assistant", "content": "Hello."}, {"role": "user", "content": SAID}])
    )
    assert [fact.object for fact in facts] == ["Porto", "nuts"]
    assert {fact.source for fact in facts} == {1}
    assert LLMExtractor(lambda prompt, schema: broken).extract(to_messages(SAID)) == []


def test_the_prompt_holds_the_message_and_the_schema_bounds_the_answer():
    seen = {}

    def model(prompt, schema):
        seen.update(prompt=prompt, schema=schema)
        return {"facts": [GOOD] * 20}

    facts = LLMExtractor(model, max_facts=3).extract(to_messages("I {like} braces.\n" + SAID))
    assert "I {like} braces. " + SAID in seen["prompt"]
    assert seen["schema"] == fact_schema(3)
    assert len(facts) == 3
