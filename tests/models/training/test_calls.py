"""Properties of the training examples of calls, talk and reports: what a model could learn wrong from is refused here."""

from __future__ import annotations

import json
import random
import re
from collections import Counter

import pytest
from jsonschema import Draft202012Validator

from bethink.agents.energy_tool import energy_tool
from bethink.models.agent_prompts import CHAT
from bethink.models.tool_format import parse_calls
from bethink.models.training.calls import NO_TOOL, SHARES, SPLITS, TASKS, families, generate, split_of
from bethink.models.training.calls.requests import BUDGET_TOOLS, request
from bethink.models.training.calls.schema import COLUMN_ROLES, ENUMS, TOOLS, canonical
from bethink.tools import all_tools
from bethink.tools.budget.tool import ColumnNames

REAL = {tool.name: tool for tool in (*all_tools(), energy_tool(None))}  # it never runs
WORDS = {"no", "nobody", "nothing"}


@pytest.fixture(scope="module")
def made():
    return {split: generate(1800 if split == "train" else 400, 3, split) for split in SPLITS}


@pytest.fixture(scope="module")
def every(made):
    return [example for examples in made.values() for example in examples]


def call_of(example):
    text, calls, broken = parse_calls(example.answer)
    assert (text, broken, len(calls)) == ("", [], 1)
    return calls[0]


def turns(example):
    return example.prompt.replace("<|im_end|>", "").split("<|im_start|>")[2:-1]


def said(example):
    """What the user and the notes say, results of tools left out."""
    return "\n".join(turn for turn in turns(example) if turn.startswith("user\n") and "<tool_response>" not in turn)


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)


def test_what_is_known_of_the_tools_is_what_they_say():
    assert list(TOOLS) == list(REAL)
    for name, tool in REAL.items():
        fields = tool.Input.model_fields
        assert list(TOOLS[name]) == list(fields)
        for key, field in fields.items():
            assert TOOLS[name][key] == (... if field.is_required() else field.default), (name, key)
            choices = re.findall(r"'enum': \[([^\]]*)\]", str(tool.input_schema()["properties"][key]))
            if choices:
                assert tuple(re.findall(r"'([^']*)'", choices[0])) == ENUMS[key]
    assert tuple(ColumnNames.model_fields) == COLUMN_ROLES


def test_there_are_many_families_and_each_is_of_one_split():
    names = families()
    for task in TASKS:
        assert len(names[task]) == len(set(names[task])) >= 60
        shares = Counter(split_of(name) for name in names[task])
        assert set(shares) == set(SPLITS)
        assert shares["train"] > 0.7 * len(names[task])
    assert all(any(name.startswith(f"call/{tool}.") for name in names["call"]) for tool in TOOLS)


def test_the_same_seed_makes_the_same_examples(made):
    assert generate(60, 3, "train") == made["train"][:60]
    assert generate(60, 4, "train") != made["train"][:60]


def test_examples_are_different_and_splits_share_none(made, every):
    assert len({example.prompt for example in every}) == len(every)
    assert {split: len(examples) for split, examples in made.items()} == {"train": 1800, "validation": 400, "test": 400}
    for task, share in SHARES.items():
        found = sum(example.task == task for example in made["train"]) / 1800
        assert abs(found - share) < 0.05


def test_tasks_can_be_chosen_and_unknown_ones_are_refused():
    assert {example.task for example in generate(20, 0, "test", ["talk"])} == {"talk"}
    for wrong in (("dev", TASKS), ("test", ["sing"]), ("test", [])):
        with pytest.raises(ValueError, match="Splits are train"):
            generate(1, 0, *wrong)


def test_every_call_is_valid_and_says_no_default(every):
    for example in every:
        if example.task != "call":
            continue
        call = call_of(example)
        schema = REAL[call.name].input_schema()
        assert not list(Draft202012Validator(schema).iter_errors(call.arguments)), example.answer
        REAL[call.name].Input.model_validate(call.arguments)
        assert json.dumps(canonical(call.name, call.arguments)) == json.dumps(call.arguments)


def test_every_copied_string_stands_in_the_text(every):
    free = {"system", "observation", "filters", "toy", "guarantee", "currency", "domain", "scope"}
    for example in every:
        if example.task != "call":
            continue
        call, text = call_of(example), said(example)
        arguments = {key: value for key, value in call.arguments.items() if key not in free}
        for rule in arguments.get("rules", []):
            assert all(column == "segment" or column in text for column in rule["where"]), example
        for key in ("given", "arm_costs"):
            assert all(name in text for name in arguments.get(key) or {}), example
        for value in strings(arguments):
            at_start = value[:1].upper() + value[1:]
            assert value in text or at_start in text, (value, text)


def test_every_number_of_a_first_call_stands_in_the_text(every):
    """Numbers written in figures; those in words, as shares, or implied ("one", "the truth jumps") are left to the eye."""
    for example in every:
        if example.task != "call" or len(turns(example)) > 1:
            continue
        call, text = call_of(example), said(example)
        figures = re.sub(r"(?<=\d)[, ](?=\d{3})", "", text)
        for key in ("seed", "noise"):
            if key in call.arguments:
                number = f"{call.arguments[key]:g}" if key == "noise" else str(call.arguments[key])
                assert number.lstrip("0") in figures or number.replace(".", ",") in text, example


def test_every_argument_of_every_tool_occurs(every):
    seen = Counter(
        (call.name, key) for e in every if e.task == "call" for call in [call_of(e)] for key in call.arguments
    )
    missing = [(tool, key) for tool, keys in TOOLS.items() for key in keys if not seen[tool, key]]
    assert missing == []
    rng = random.Random(0)
    drawn = [request(tool, f"roles.{n}", rng) for tool in BUDGET_TOOLS for n in (1, 2, 3) for _ in range(60)]
    roles = {role for each in drawn for role in each.args.get("columns", {})}
    assert set(roles) == set(COLUMN_ROLES)


def test_every_value_of_an_enum_occurs(every):
    for key, values in ENUMS.items():
        found = {
            value
            for e in every
            if e.task == "call" and key in call_of(e).arguments
            for value in ([call_of(e).arguments[key]] if key != "filters" else call_of(e).arguments[key])
        }
        default = {
            "observation": {"identity"},
            "toy": {"two_moons"},
            "guarantee": {"expected"},
            "system": {"lorenz63"},
            "scope": {"turn"},
        }
        assert found | default.get(key, set()) == set(values)


def test_talk_calls_nothing(every):
    for example in every:
        if example.task == "talk":
            assert "<tool_call>" not in example.answer
            assert 0 < len(example.answer) < 300


def test_a_tool_that_is_not_offered_is_not_called(every):
    bare = [each for each in every if "or call a tool:" not in each.prompt]
    assert bare
    assert {each.answer for each in bare} == {NO_TOOL}


def test_a_report_only_uses_figures_of_the_result(every):
    for example in every:
        if example.task != "report":
            continue
        shown = turns(example)[-1]
        assert shown.startswith("user\n<tool_response>")
        assert "<tool_call>" not in example.answer
        numbers = re.findall(r"\d[\d.]*\d|\d", example.answer)
        assert all(number in shown for number in numbers), (example.answer, shown)
        assert len(re.findall(r"[.!?](?:\s|$)", example.answer)) <= 4


def test_a_report_warns_where_the_result_warns(every):
    for example in every:
        if example.task == "report" and "These figures are unreliable" in turns(example)[-1]:
            assert re.search(r"nreliable|[Cc]are|rely on", example.answer), example.answer


def test_nothing_of_the_grammars_is_left_in_a_text(every):
    for example in every:
        text = said(example) + example.answer
        assert not re.search("[\ue000-\uf8ff]|<(?!/?tool_call>)[a-z.]+(?::[^>]*)?>|\\^\\w+=", text), text
        assert "{}" not in said(example)
        assert not re.search(r"  |\s[,.;!?](?=\s|$)|,\.|\?\.(?=\s|$)|\bx{3}", said(example)), said(example)


def test_prompts_are_as_the_agent_writes_them(every):
    start = "<|im_start|>system\n" + CHAT[:-1]
    for example in every:
        assert example.prompt.startswith(start)
        assert example.prompt.endswith("<|im_end|>\n<|im_start|>assistant\n")


def test_examples_are_short(every, tiny_base):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    lengths = sorted(len(tokenizer(e.prompt + e.answer, add_special_tokens=False)["input_ids"]) for e in every)
    assert lengths[-1] <= 400
    assert lengths[len(lengths) // 2] < 260
