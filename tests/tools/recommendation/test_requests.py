"""Scripted requests to ``recommend`` and ``search_catalog``: each comes to what it must; wrong outputs are caught."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bethink.tools import all_tools, call_tool, find_tool
from bethink.tools.contract import ToolContext, ToolResult
from bethink.tools.langchain import model_text
from tests.tools.recommendation.requests import REQUESTS, Request, wrong_with


def send(request: Request, folder: Path) -> tuple[ToolResult, dict[str, Any]]:
    uploads = folder / "uploads"
    uploads.mkdir()
    arguments = request.prepare(uploads)
    context = ToolContext(folder / "out", uploads=uploads)
    return call_tool(find_tool(all_tools(), request.tool), arguments, context), arguments


def named(name: str) -> Request:
    return next(request for request in REQUESTS if request.name == name)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.name)
def test_a_list_or_the_right_refusal(tmp_path, request_: Request):
    result, arguments = send(request_, tmp_path)
    assert wrong_with(request_, result.output, result.error, arguments) == ""
    shown = model_text(result)
    assert len(shown.encode()) < 8 * 1024
    assert str(tmp_path) not in shown


@pytest.mark.parametrize(
    ("change", "caught"),
    [
        (lambda out: out.update(summary=f"{out['summary']} Try Casablanca."), "Casablanca"),
        (lambda out: out.update(summary=f"{out['summary']} 87 % fit."), "87"),
        (lambda out: out["items"].reverse(), "ranks"),
        (lambda out: out["items"].pop(), "9 items"),
        (lambda out: out["items"][1].update(out["items"][0], rank=2), "twice"),
        (lambda out: out["items"][3].update(domain="books"), "outside films"),
        (lambda out: out["items"][9].update(title="Never Made"), "does not have"),
        (lambda out: out["items"][9].update(because=[]), "reason"),
        (lambda out: out["items"][2]["details"].update(genres="horror"), "horror"),
        (lambda out: out.update(likes=["horror"]), "understood"),
    ],
)
def test_a_wrong_list_is_caught(tmp_path, change, caught):
    request = named("likes and dislikes")
    result, arguments = send(request, tmp_path)
    assert result.output is not None
    change(result.output)
    assert caught in wrong_with(request, result.output, None, arguments)


def test_a_wrong_answer_of_the_other_kind_is_caught():
    refusal = {"code": "internal", "message": "KeyError", "hint": ""}
    assert "failed" in wrong_with(named("somebody new"), None, refusal)
    assert "refused as internal" in wrong_with(named("k is 0"), None, refusal)
    assert "was not refused" in wrong_with(named("k is 0"), {}, None)
    assert "lacks" in wrong_with(named("an unknown domain"), None, {**refusal, "code": "invalid_input"})


def test_control_characters_are_not_shown(tmp_path):
    result, _ = send(named("control characters"), tmp_path)
    assert result.output is not None
    assert "astronaut alone" in result.output["summary"]
    assert not {"\x00", "\x07", "\x1b", "\u202e"} & {*result.output["summary"]}
