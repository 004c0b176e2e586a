"""Which tools' arguments must have been said, and for which models."""

from __future__ import annotations

from typing import Any

import pytest
from langchain.agents.middleware.types import ModelRequest
from langchain_core.messages import AIMessage, HumanMessage

from bethink.agents.energy_tool import energy_tool
from bethink.agents.routing import SaidArguments
from bethink.models.registry import load_chat_model
from bethink.tools import all_tools


def settings_of(tools: list[Any], active: bool) -> dict[str, Any]:
    """The settings that the model is called with."""
    seen: list[ModelRequest[Any]] = []

    def handler(request: ModelRequest[Any]) -> Any:
        seen.append(request)
        return AIMessage("")

    request = ModelRequest(
        model=load_chat_model("smollm2"), messages=[HumanMessage("Hello")], tools=tools, model_settings={"stop": ["."]}
    )
    SaidArguments([*all_tools(), energy_tool(None)], active=lambda: active).wrap_model_call(request, handler)
    return seen[0].model_settings


def test_all_tools_with_free_texts_or_numbers_say_which_may_be_inferred():
    said = settings_of([{"name": "recommend"}], True)["said"]
    assert said.keys() == {tool.name for tool in all_tools()}
    assert said["recommend"] == ["domain", "taste"]
    for tool in all_tools():
        assert set(said[tool.name]) <= tool.input_schema()["properties"].keys()


@pytest.mark.parametrize(("tools", "active"), [([], True), ([{"name": "recommend"}], False)])
def test_without_tools_or_for_other_models_nothing_changes(tools, active):
    assert settings_of(tools, active) == {"stop": ["."]}


@pytest.mark.parametrize(("name", "only_said"), [("smollm2", True), ("bethink", True)])
def test_the_packaged_models_say_only_what_was_said(name, only_said):
    assert load_chat_model(name).only_said is only_said
