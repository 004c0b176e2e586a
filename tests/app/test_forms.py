from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethink.agents.energy_tool import energy_tool
from bethink.app.settings import Settings
from bethink.app.ui import forms
from bethink.tools import all_tools

TOOLS = {tool.name: tool for tool in (*all_tools(), energy_tool(None))}
EXAMPLES = [(name, arguments) for name, tool in TOOLS.items() for _, arguments in tool.examples]


def field(kind: forms.Kind, **more) -> forms.Field:
    return forms.Field("x", kind, **more)


def refilled(form: list[forms.Field], given: dict) -> dict:
    """The arguments of a form that was filled with arguments."""
    return forms.arguments(form, [one.shown(given.get(one.name, one.default)) for one in form])


@pytest.mark.parametrize("name", TOOLS)
def test_an_untouched_form_sends_nothing(name):
    form = forms.fields(TOOLS[name].input_schema())
    given = {one.name: "words" for one in form if one.required}
    assert refilled(form, given) == given
    assert all(one.description for one in form)


@pytest.mark.parametrize(("name", "arguments"), EXAMPLES, ids=[f"{name}-{n}" for n, (name, _) in enumerate(EXAMPLES)])
def test_an_example_goes_through_the_form_and_back(name, arguments):
    tool = TOOLS[name]
    found = refilled(forms.fields(tool.input_schema()), arguments)
    assert tool.Input.model_validate(found) == tool.Input.model_validate(arguments)
    assert set(found) <= set(arguments)


def test_each_kind_of_argument_has_its_control():
    kinds = {f"{name}.{one.name}": one.kind for name in TOOLS for one in forms.fields(TOOLS[name].input_schema())}
    assert kinds["track_state.system"] == "choice"
    assert kinds["track_state.filters"] == "choices"
    assert kinds["track_state.dimension"] == "number"
    assert kinds["track_state.upload"] == "file"
    assert kinds["estimate_density.columns"] == "lines"
    assert kinds["estimate_density.given"] == "json"
    assert kinds["budget_curve.budgets"] == "numbers"
    assert kinds["evaluate_policy.otherwise"] == "text"
    assert kinds["recommend.thoughts"] == "flag"
    assert kinds["recommend.log"] == "file"


def test_bounds_are_said():
    (noise,) = [one for one in forms.fields(TOOLS["track_state"].input_schema()) if one.name == "noise"]
    assert noise.info == "Standard deviation of the observation errors. (above 0, at most 1,000,000)"


def test_a_number_that_may_be_left_out_is_empty_and_not_zero():
    one = field("number", default=None, whole=True)
    assert one.shown(None) == ""
    assert one.read("") is None
    assert one.read("40") == 40
    assert one.read(one.shown(0.25)) == 0.25


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Zl", "Zp", "Cc", "Zs"]), min_size=1)))
def test_lines_come_back(lines):
    one = field("lines")
    wanted = [line.strip() for line in lines if line.strip()] or None
    assert one.read(one.shown(lines)) == wanted


@given(st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 3)) | st.integers(-(10**6), 10**6), min_size=1))
def test_numbers_come_back(numbers):
    one = field("numbers")
    assert one.read(one.shown(numbers)) == pytest.approx(numbers, rel=1e-5)


@given(st.dictionaries(st.text(max_size=8), st.none() | st.integers() | st.text(max_size=8), min_size=1))
def test_json_comes_back(value):
    one = field("json")
    assert one.read(one.shown(value)) == value


def test_what_cannot_be_read_is_said_by_field():
    form = [
        forms.Field("given", "json"),
        forms.Field("budgets", "numbers"),
        forms.Field("query", "text", required=True),
        forms.Field("deep", "json"),
    ]
    with pytest.raises(forms.FormError) as caught:
        forms.arguments(form, ["{", "10, many", "", "[" * 100_000])
    assert set(caught.value.problems) == {"given", "budgets", "query", "deep"}
    assert "no JSON" in caught.value.problems["given"]
    assert caught.value.problems["budgets"] == "'many' is no number."
    assert caught.value.problems["query"] == "Fill this in."


def test_what_a_tool_refuses_is_said_by_field():
    tool = TOOLS["track_state"]
    with pytest.raises(ValueError) as caught:
        tool.Input.model_validate({"noise": -1, "filters": ["robust", "magic"], "members": 2.5})
    problems = forms.problems_of(caught.value)
    assert set(problems) == {"noise", "filters", "members"}
    assert problems["filters"].startswith("1: ")
    form = forms.fields(tool.input_schema())
    marked = {one.name: update["info"] for one, update in zip(form, forms.marked(form, problems), strict=True)}
    assert marked["noise"].startswith("⚠️ Input should be greater than 0")
    assert marked["noise"].endswith("at most 1,000,000)")
    assert marked["seed"].startswith("Same seed")


def test_settings_have_a_form_too():
    schema = Settings.model_json_schema()
    found = {one.name: one for one in forms.fields(schema)}
    assert found["memory"].kind == "flag"
    assert found["joules_per_token_in"].optional
    assert all(one.description for one in found.values()), [one.name for one in found.values() if not one.description]
    assert json.dumps(schema).count("``") < 40
