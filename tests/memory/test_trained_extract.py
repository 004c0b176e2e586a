from __future__ import annotations

import json
from datetime import UTC, date, datetime

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.memory import ThoughtMemory
from bethink.memory.extract import Message
from bethink.memory.rule_extract import RuleExtractor
from bethink.memory.trained_extract import (
    TrainedExtractor,
    Triple,
    read_triples,
    schema_of,
    supported,
)
from bethink.models.grammar import JsonConstraint
from bethink.models.relations import known
from tests.models.test_grammar import decode_randomly

SAID = datetime(2026, 5, 8, 12, tzinfo=UTC)


class NoRules:
    """A fake: reads nothing."""

    def extract(self, messages: object) -> list:
        return []


def _extract(text: str, answer: object, role: str = "user", rules: object = None) -> list:
    return TrainedExtractor(lambda prompt, schema: answer, rules or NoRules()).extract([Message(role, text, SAID)])


def test_what_only_the_rules_read_is_kept_too_and_what_both_read_is_in_the_rules_words():
    told = "My sister Maria lives in Porto and is allergic to nuts."
    read = [["Maria", "is", "user's sister"], ["Maria", "allergic to", "nuts"]]
    facts = _extract(told, read, rules=RuleExtractor())
    assert [(f.text, f.relation, f.object, f.metadata["kin"]) for f in facts] == [
        ("My sister Maria is allergic to nuts.", "allergic to", "nuts", "sister"),
        ("My sister Maria lives in Porto.", "lives in", "Porto", "sister"),
    ]


def test_what_the_model_reads_otherwise_stands():
    facts = _extract("I live in Porto.", [["user", "lives in", "Port"]], rules=RuleExtractor())
    assert [fact.object for fact in facts] == ["Porto"]
    assert [f.text for f in _extract("I like tea.", None, rules=RuleExtractor())] == ["I like tea."]


def test_who_somebody_is_is_a_thought_only_where_nothing_else_is_told_of_them():
    (fact,) = _extract("Maria is my sister.", [["Maria", "is", "user's sister"]])
    assert fact.text == "Maria is my sister."


def test_the_prompt_has_the_day_and_the_schema_takes_what_training_writes():
    asked = []
    said = "I like  tea. Ana started school."
    read_triples(lambda prompt, schema: asked.append((prompt, schema)) or [], said, date(2026, 5, 8))
    assert "[Fri 2026-05-08] I like tea. Ana started school." in asked[0][0]
    jsonschema.validate([["user", "likes", "tea"], ["Ana", "started", "school", "2026-05-01"]], asked[0][1])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate([["user", "likes"]], asked[0][1])


@pytest.mark.parametrize(
    ("text", "triple"),
    [
        ("I live in Porto.", ["user", "lives in", "Porto"]),
        ("My sister Maria lives in Porto.", ["Maria", "is", "user's sister"]),
        ("I'm meeting Noor; I had an argument with my boss.", ["user", "plans to", "meet Noor"]),
        ("I'm meeting Noor; I had an argument with my boss.", ["user", "had", "argument with boss"]),
        ("The doctor, Dr. Oyelaran, wants me off salt.", ["user", "doctor", "Dr. Oyelaran"]),
        ("We buried Sushi, my old ferret.", ["Sushi", "is", "dead"]),
        ("Judita has a husband who faints at heights.", ["Judita's husband", "afraid of", "heights"]),
        ("My exam is on the 5th (maths).", ["user's exam", "is", "5"]),
    ],
)
def test_words_of_the_text_can_be_read(text, triple):
    jsonschema.validate([triple], schema_of(text))


@pytest.mark.parametrize(
    "triple",
    [
        ["user", "lives in", "Lisbon"],
        ["Maria", "lives in", "Porto"],
        ["user", "lives in", "in"],
        ["user's", "is", "Porto"],
        ["user", "dwells around", "Porto"],
    ],
)
def test_other_words_cannot(triple):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate([triple], schema_of("I live in Porto."))


def test_of_a_text_without_words_nothing_is_read():
    jsonschema.validate([], schema_of("?! …"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate([["user", "is", "dead"]], schema_of("?! …"))


@given(st.text(min_size=1, max_size=200), st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_whatever_a_model_writes_of_any_text_is_supported_by_it(tokenizer, guide, text, seed):
    constraint = JsonConstraint(schema_of(text), guide)
    triples = json.loads(tokenizer.decode(decode_randomly(constraint, len(tokenizer), seed, limit=6000)))
    assert all(supported(Triple(*triple[:3]), text) and known(triple[1]) for triple in triples)


def test_a_triple_becomes_a_fact_with_its_sentence():
    (fact,) = _extract("Hello there! I live in Porto. How are you?", [["user", "lives in", "Porto"]])
    assert (fact.text, fact.subject, fact.relation, fact.object) == ("I live in Porto.", "user", "lives in", "Porto")


def test_each_of_two_triples_of_a_sentence_has_a_text_of_its_own():
    facts = _extract(
        "I work at Acme and I live in Porto.", [["user", "lives in", "Porto"], ["user", "works at", "Acme"]]
    )
    assert [fact.object for fact in facts] == ["Acme", "Porto"]
    assert len({fact.text for fact in facts}) == 2
    assert all(str(fact.object) in fact.text for fact in facts)


def test_a_name_tells_whose_kin_it_is():
    facts = _extract(
        "My sister Maria lives in Porto.", [["Maria", "is", "user's sister"], ["Maria", "lives in", "Porto"]]
    )
    assert {fact.metadata["kin"] for fact in facts} == {"sister"}


def test_a_day_is_read_and_a_coming_one_is_not_yet_true():
    past = _extract("Ana started school yesterday.", [["Ana", "started", "school", "2026-05-07"]])[0]
    assert (past.valid_at or "")[:10] == "2026-05-07"
    coming = _extract("I have an exam on 12 May 2026.", [["user", "has", "exam", "2026-05-12"]])[0]
    assert coming.valid_at is None
    assert coming.metadata["when"] == "2026-05-12"


def test_what_the_text_itself_calls_new_replaces():
    assert _extract("I live in Faro now.", [["user", "lives in", "Faro"]])[0].replaces
    assert not _extract("I live in Faro.", [["user", "lives in", "Faro"]])[0].replaces


@pytest.mark.parametrize(
    "item",
    [
        ["user", "lives in", "Lisbon"],  # not said
        ["Maria", "likes", "tea"],  # nobody of that name
        ["user's cousin", "likes", "tea"],
        ["user", "likes", ""],
        ["user", "likes"],
        ["user", "likes", "tea", "2026-01-01", "more"],
        ["user", "likes", 3],
        "user likes tea",
        ["user", "likes", "[removed]"],
    ],
)
def test_what_the_text_does_not_say_is_dropped(item):
    assert _extract("I like tea.", [item]) == []


def test_a_day_that_is_none_costs_the_day_only():
    assert _extract("I like tea.", [["user", "likes", "tea", "soon"]])[0].valid_at is None


@pytest.mark.parametrize("answer", [None, [], {}])
def test_no_answer_is_no_fact(answer):
    assert _extract("I like tea.", answer) == []


def test_others_than_the_user_are_not_asked_about():
    assert _extract("I like tea.", [["user", "likes", "tea"]], role="assistant") == []


def test_chinese_is_read_by_the_rules():
    (fact,) = _extract("我住在北京。", [["user", "likes", "nonsense"]], rules=RuleExtractor())
    assert fact.object == "北京"


def test_a_long_turn_is_read_in_pieces():
    asked = []

    def ask(prompt, schema):
        asked.append(prompt)
        return [["user", "likes", "tea"]]

    TrainedExtractor(ask).extract([Message("user", "I like tea. " * 200, SAID)])
    assert len(asked) > 3
    assert max(map(len, asked)) < 1000


@given(st.text(max_size=80), st.lists(st.lists(st.text(max_size=12), max_size=5), max_size=4))
def test_whatever_the_model_says_facts_are_of_the_text(text, answer):
    for fact in _extract(text, answer):
        assert supported(Triple(str(fact.subject), str(fact.relation), str(fact.object)), text)


def test_the_memory_learns_and_supersedes_with_it(tmp_path, fake_embedder):
    answers = iter([[["user", "lives in", "Porto"]], [["user", "lives in", "Faro"]]])
    with ThoughtMemory(tmp_path, fake_embedder, extractor=TrainedExtractor(lambda *_: next(answers))) as memory:
        memory.add("I live in Porto.", user_id="ann")
        changes = memory.add("I moved to Faro, so I live in Faro now.", user_id="ann")
        assert [change.op for change in changes] == ["supersede"]
        assert [thought.object for thought in memory.list(user_id="ann")] == ["Faro"]
