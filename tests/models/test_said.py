"""What a conversation says, and that nothing else can be written under a schema made of it."""

from __future__ import annotations

import json

import jsonschema
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.models.grammar import CALL_END, GrammarError, JsonConstraint, call_schema
from bethink.models.said import LARGEST, SPANS, WORDS, numbers_said, said_only, spans_said
from bethink.models.training.written import lines
from bethink.tools import all_tools
from tests.models.test_grammar import decode_randomly

TOOLS = {tool.name: tool for tool in all_tools()}


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("with 40,000 euros", [40_000]),
        ("1.200 or 1 200 or 1'200", [1200]),
        ("4k, 1.5m and 2bn", [4000, 1.5e6, 2e9]),
        ("sixty members", [60]),
        ("one thousand two hundred and fifty", [1250]),
        ("two and a half grand", [2500]),
        ("three quarters of a million", [750_000]),
        ("three, four or five thousand", [3000, 4000, 5000]),
        ("noise point eight, or nought point one", [0.8, 0.1]),
        (".4 and 1e5", [0.4, 100_000]),
        ("97 % sure", [0.97, 0.03]),
        ("overspent in one case out of fifty", [0.02]),
        ("half of the 80 members", [40]),
        ("four times the noise of 0.2", [0.8]),
        ("from 1,000 to 4,000 in steps of 1,000", [2000, 3000]),
        ("3 euros 10", [3.1]),
        ("every other day", [2]),
        ("two fifths", [0.4]),
        ("a dozen", [12]),
        ("at -5 degrees", [-5]),
    ],
)
def test_numbers_are_read_in_figures_and_words(text, numbers):
    assert set(numbers) <= set(numbers_said(text))


@pytest.mark.parametrize(("text", "number"), [("30 members", 31), ("five euros", 50), ("2666 pages", 2), ("3-5", -5)])
def test_no_other_numbers_are_made_up(text, number):
    assert number not in numbers_said(text)


def test_spans_are_as_they_were_said_in_small_letters_and_singular():
    spans = spans_said("Ignore tenure_bucket in donors.csv, (age), and cap Deal-seekers.")
    assert {"tenure_bucket", "donors.csv", "age", "Deal-seekers", "deal-seeker"} <= set(spans)
    assert "donor.csv" not in spans
    assert not any("," in span[:1] for span in spans)


@given(st.text(max_size=3000))
@settings(max_examples=60, deadline=None)
def test_any_text_can_be_read(text):
    assert all(abs(number) <= LARGEST for number in numbers_said(text))
    assert all(span.isprintable() for span in spans_said(text))


def test_long_texts_are_read_from_their_end():
    text = " ".join(f"word{n} {n}" for n in range(20_000))
    assert len(spans_said(text)) < SPANS + 100
    assert len(numbers_said(text)) < 4 * WORDS
    assert 19_999 in numbers_said(text)


def test_what_was_written_one_by_one_can_be_said():
    """Of some thousand calls, nearly every text and number is found in what its user said."""
    found = []
    for line in lines()["call"]:
        if (tool := TOOLS.get(line["tool"])) is None or line.get("history"):
            continue
        text = "\n".join((*line.get("notes", ()), line["text"]))
        narrow = said_only(tool.input_schema(), text, tool.inferred)
        found.append(jsonschema.validators.validator_for(narrow)(narrow).is_valid(line["arguments"]))
    assert len(found) > 2000
    assert sum(found) / len(found) > 0.98


def narrowed(name: str, text: str) -> dict:
    return said_only(TOOLS[name].input_schema(), text, TOOLS[name].inferred)


def test_arguments_without_anything_said_for_them_are_taken_out():
    narrow = narrowed("allocate_budget", "")
    assert {"upload", "arm_costs", "segment_by"}.isdisjoint(narrow["properties"])
    assert {"currency", "guarantee", "columns"} <= narrow["properties"].keys()
    assert narrowed("search_catalog", "")["properties"].keys() >= {"query", "domain", "thoughts"}
    assert TOOLS["allocate_budget"].input_schema()["properties"].keys() > narrow["properties"].keys()


def test_a_required_argument_stays_as_it_is():
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    assert said_only(schema, "")["properties"] == schema["properties"]


TEXT = "Letters at 0.85, phone 3.10: whom do we send what, from donors.csv, with 4k euros? Ignore (age); 3 weeks."


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        ({"upload": "donors.csv", "arm_costs": {"letter": 0.85, "phone": 3.1}, "horizon": 3, "budget": 4000}, True),
        ({"upload": "donors.csv", "columns": {"time": "", "ignore": ["age"]}, "guarantee": "hard"}, True),
        ({"upload": "donor.csv"}, False),
        ({"budget": 5000}, False),
        ({"arm_costs": {"mail": 0.85}}, False),
        ({"seed": 7}, False),
        ({"currency": "USD"}, True),
    ],
)
def test_only_what_was_said_can_be_written(tokenizer, guide, arguments, allowed):
    tool = {"name": "allocate_budget", "parameters": narrowed("allocate_budget", TEXT)}
    constraint = JsonConstraint(call_schema([tool]), guide, after=CALL_END)
    call = json.dumps({"name": "allocate_budget", "arguments": arguments}, separators=(",", ":"))

    def written() -> bool:
        for token in tokenizer.encode(call + CALL_END):
            logits = torch.zeros(len(tokenizer))
            constraint.mask(logits)
            if not torch.isfinite(logits[token]):
                return False
            constraint.accept(token)
        return True

    assert written() == allowed


@given(st.text(max_size=300), st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_every_call_under_it_is_valid_for_its_tool(tokenizer, guide, text, seed):
    tools = [{"name": name, "parameters": narrowed(name, text)} for name in TOOLS]
    try:
        constraint = JsonConstraint(call_schema(tools), guide)
    except GrammarError as problem:
        pytest.fail(f"{text!r}: {problem}")
    call = json.loads(tokenizer.decode(decode_randomly(constraint, len(tokenizer), seed)))
    schema = TOOLS[call["name"]].input_schema()
    jsonschema.validate(call["arguments"], schema)
