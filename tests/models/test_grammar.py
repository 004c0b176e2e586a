"""Every text that comes out of a constrained decoding is valid against its schema, whatever the model wants."""

from __future__ import annotations

import json

import jsonschema
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bethink.models.grammar import CALL_END, CALL_START, JsonConstraint, ToolTrigger, call_schema

NAMES = st.sampled_from(["alpha", "beta", "gamma", "delta"])
LEAVES = st.one_of(
    st.just({"type": "boolean"}),
    st.builds(
        lambda a, b: {"type": "integer", "minimum": min(a, b), "maximum": max(a, b)},
        st.integers(-1000, 1000),
        st.integers(-1000, 1000),
    ),
    st.builds(lambda values: {"enum": sorted(values)}, st.sets(st.text("abcxyz ", min_size=1, max_size=6), min_size=1)),
    st.just({"type": "string", "maxLength": 12}),
    st.just({"type": "number", "minimum": 0, "maximum": 10}),
)


def objects(children):
    return st.dictionaries(NAMES, children, min_size=1, max_size=3).flatmap(
        lambda properties: st.sets(st.sampled_from(sorted(properties))).map(
            lambda required: {
                "type": "object",
                "properties": properties,
                "required": sorted(required),
                "additionalProperties": False,
            }
        )
    )


SCHEMAS = objects(
    st.one_of(LEAVES, st.builds(lambda i: {"type": "array", "items": i, "maxItems": 3}, LEAVES), objects(LEAVES))
)


def decode_randomly(constraint, vocabulary: int, seed: int, limit: int = 3000) -> list[int]:
    """What a model that wants anything at all would write."""
    generator = torch.Generator().manual_seed(seed)
    out: list[int] = []
    while not constraint.done and len(out) < limit:
        todo = constraint.forced()
        if not todo:
            logits = torch.rand(vocabulary, generator=generator)
            constraint.mask(logits)
            todo = [int(logits.argmax())]
        for token in todo:
            constraint.accept(token)
            out.append(token)
    return out


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(schema=SCHEMAS, seed=st.integers(0, 10_000))
def test_random_wishes_give_valid_json(tokenizer, guide, schema, seed):
    constraint = JsonConstraint(schema, guide)
    text = tokenizer.decode(decode_randomly(constraint, len(tokenizer), seed))
    jsonschema.validate(json.loads(text), schema)


def test_a_call_is_one_of_the_tools(tokenizer, guide):
    one = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"], "additionalProperties": False}
    tools = [{"function": {"name": name, "parameters": one}} for name in ("first", "second")]
    schema = call_schema(tools)
    names = set()
    for seed in range(12):
        text = tokenizer.decode(decode_randomly(JsonConstraint(schema, guide, after=CALL_END), len(tokenizer), seed))
        assert text.endswith(CALL_END)
        call = json.loads(text.removesuffix(CALL_END))
        jsonschema.validate(call, schema)
        names.add(call["name"])
    assert names == {"first", "second"}


def test_the_trigger_leaves_text_alone_and_takes_over_at_the_tag(tokenizer, guide):
    tools = [
        {
            "function": {
                "name": "only",
                "parameters": {"type": "object", "properties": {}, "additionalProperties": False},
            }
        }
    ]
    trigger = ToolTrigger(tools, guide, tokenizer.decode)
    for token in tokenizer.encode("Let me see. "):
        assert trigger.forced() == []
        logits = torch.zeros(len(tokenizer))
        trigger.mask(logits)
        assert torch.isfinite(logits).all()
        trigger.accept(token)
    for token in tokenizer.encode(CALL_START):
        trigger.accept(token)
    text = tokenizer.decode(decode_randomly(trigger, len(tokenizer), 0))
    assert json.loads(text.removesuffix(CALL_END)) == {"name": "only", "arguments": {}}
    assert trigger.done
