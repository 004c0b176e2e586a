"""A call whose budget is spent is ended by the shortest way, and is still valid."""

from __future__ import annotations

import json

import jsonschema
import pytest
import torch

from bethink.models.grammar import CALL_END, MAX_INTEGER, JsonConstraint, call_schema

SCHEMAS = {
    "strings": {
        "type": "object",
        "properties": {"q": {"type": "string"}, "n": {"type": "number"}, "z": {"type": "string", "minLength": 3}},
        "required": ["q", "n", "z"],
    },
    "nested": {
        "type": "object",
        "properties": {
            "a": {
                "type": "array",
                "minItems": 2,
                "items": {
                    "type": "object",
                    "properties": {
                        "k": {"enum": ["red", "blue"]},
                        "v": {"type": "number", "exclusiveMinimum": 0, "maximum": 0.5},
                    },
                    "required": ["k", "v"],
                },
            },
            "d": {"type": "string", "format": "date"},
            "e": {"type": "integer", "minimum": 1000},
            "f": {"type": ["string", "null"]},
        },
        "required": ["a", "d", "e", "f"],
    },
    "patterns": {
        "type": "object",
        "properties": {"o": {"type": "object"}, "p": {"type": "string", "pattern": "^[a-z]{2,5}[0-9]+$"}},
        "required": ["o", "p"],
    },
    "anything": {"type": "object"},
}


@pytest.mark.parametrize("cut", [0, 3, 12, 40])
@pytest.mark.parametrize("name", SCHEMAS)
def test_hurry_ends_soon_and_validly(tokenizer, guide, name, cut):
    for seed in range(4):
        tool = {"function": {"name": "t", "parameters": SCHEMAS[name]}}
        constraint = JsonConstraint(call_schema([tool]), guide, after=CALL_END)
        generator = torch.Generator().manual_seed(seed)
        out: list[int] = []
        while not constraint.done and len(out) < cut + 150:
            if len(out) >= cut:
                constraint.hurry()
            todo = constraint.forced()
            if not todo:
                logits = torch.rand(len(tokenizer), generator=generator)
                constraint.mask(logits)
                todo = [int(logits.argmax())]
            for token in todo:
                constraint.accept(token)
                out.append(token)
        assert constraint.done
        assert not constraint.hurry()
        call = json.loads(tokenizer.decode(out).removesuffix(CALL_END))
        jsonschema.validate(call["arguments"], SCHEMAS[name])


@pytest.mark.parametrize(("low", "high"), [(0, 0.5), (3, 3.5), (1, 1.25)])
def test_an_exclusive_bound_is_exclusive(tokenizer, guide, low, high):
    schema = {
        "type": "object",
        "properties": {"v": {"type": "number", "exclusiveMinimum": low, "maximum": high}},
        "required": ["v"],
        "additionalProperties": False,
    }

    def allowed(value: float) -> bool:
        tokens = tokenizer.encode(json.dumps({"v": value}, separators=(",", ":")))
        return JsonConstraint(schema, guide)._matcher.validate_tokens(tokens) == len(tokens)

    assert not allowed(low)
    assert allowed(low + (high - low) / 2)
    assert allowed(high)


def test_what_has_no_bounds_gets_some():
    schema = {
        "type": "object",
        "properties": {
            "type": {"type": "string"},
            "n": {"type": "integer"},
            "xs": {"type": "array", "items": {"type": "string"}},
            "fixed": {"const": {"type": "string"}},
            "big": {"type": "integer", "minimum": 2**60},
        },
    }
    arguments = call_schema([{"name": "t", "parameters": schema}])["properties"]["arguments"]
    parts = arguments["properties"]
    assert arguments["additionalProperties"] is False
    assert parts["type"]["maxLength"] > 0
    assert (parts["n"]["minimum"], parts["n"]["maximum"]) == (-MAX_INTEGER, MAX_INTEGER)
    assert parts["xs"]["maxItems"] > 0
    assert parts["fixed"] == {"const": {"type": "string"}}
    assert parts["big"]["maximum"] > parts["big"]["minimum"]
    assert "additionalProperties" not in schema
