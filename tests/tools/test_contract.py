from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethink.tools import all_tools, find_tool
from bethink.tools.contract import Tool, ToolContext, ToolError, ToolInput, ToolOutput, call_tool
from bethink.tools.langchain import langchain_tool, model_text


class In(ToolInput):
    x: float = 1.0
    mode: str = "fine"


class Out(ToolOutput):
    x: float


def work(given_: In, context: ToolContext) -> Out:
    if given_.mode == "refuse":
        raise ToolError("limit", "Too much.", "Ask for less.")
    if given_.mode == "bug":
        raise ZeroDivisionError("oops")
    if given_.mode == "own timeout":
        raise TimeoutError("the disk is slow")
    if given_.mode == "slow":
        for step in range(200):
            context.checkpoint(step / 200, "working")
            time.sleep(0.02)
    return Out(summary=f"x is {given_.x:g}", x=given_.x)


TOOL = Tool("work", "Does work.", In, Out, work, timeout_s=0.3)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def context(tmp_path):
    return ToolContext(tmp_path)


def test_a_good_call_gives_output(context):
    result = call_tool(TOOL, {"x": 2}, context)
    assert result.ok
    assert result.as_dict() == {"summary": "x is 2", "plots": [], "files": [], "x": 2.0}
    assert result.seconds >= 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ({"x": "many"}, "invalid_input", "x:"),
        ({"x": float("nan")}, "invalid_input", "x:"),
        ({"x": float("inf")}, "invalid_input", "x:"),
        ({"nosuch": 1}, "invalid_input", "nosuch"),
        ({"mode": "refuse"}, "limit", "Too much."),
        ({"mode": "bug"}, "internal", "ZeroDivisionError"),
        ({"mode": "own timeout"}, "internal", "the disk is slow"),
        ({"mode": "slow"}, "timeout", "0.3 s"),
    ],
)
def test_every_failure_is_data(context, arguments, code, words):
    result = call_tool(TOOL, arguments, context)
    assert not result.ok
    assert result.error["code"] == code
    assert words in result.error["message"]
    assert result.error["hint"]


def test_a_bug_leaves_its_traceback_in_the_log(context, caplog):
    call_tool(TOOL, {"mode": "bug"}, context)
    assert "work failed" in caplog.text
    assert "ZeroDivisionError: oops" in caplog.text


def test_a_timeout_asks_the_run_to_stop(context):
    call_tool(TOOL, {"mode": "slow"}, context)
    assert context.cancel.is_set()


def test_cancel_ends_a_run(context):
    context.cancel.set()
    assert call_tool(TOOL, {"mode": "slow"}, context).error["code"] == "cancelled"


def test_progress_is_reported(tmp_path):
    seen: list[float] = []
    call_tool(TOOL, {"mode": "slow"}, ToolContext(tmp_path, progress=lambda done, message: seen.append(done)))
    assert seen == sorted(seen)
    assert seen


@given(arguments=st.dictionaries(st.sampled_from(["x", "mode", "y"]), JSON, max_size=3))
def test_no_arguments_whatever_raise(arguments):
    if arguments.get("mode") == "slow":
        return
    result = call_tool(TOOL, arguments, ToolContext(Path()))
    assert result.ok == (result.error is None)


def test_schemas_carry_no_titles():
    for tool in all_tools():
        schema = tool.input_schema()
        assert "title" not in schema
        assert all("title" not in part for part in schema["properties"].values())
        assert all("description" in part for part in schema["properties"].values())


def test_examples_are_valid():
    for tool in all_tools():
        assert tool.examples
        for sentence, arguments in tool.examples:
            assert sentence
            tool.Input.model_validate(arguments)


def test_an_unknown_tool_names_the_known_ones():
    with pytest.raises(ToolError, match="nosuch") as caught:
        find_tool(all_tools(), "nosuch")
    assert "track_state" in caught.value.hint


@pytest.mark.parametrize(
    "name", ["../a.csv", "/a.csv", "b/a.csv", "..", ".", "a\x00.csv", "a\n.csv", "C:a.csv", "..\\a.csv"]
)
def test_only_plain_names_are_uploads(tmp_path, name):
    folder = tmp_path / "uploads"
    (folder / "b").mkdir(parents=True)
    for place in (tmp_path, folder, folder / "b"):
        (place / "a.csv").write_text("x")
    with pytest.raises(ToolError) as caught:
        ToolContext(tmp_path, uploads=folder).uploaded(name)
    assert caught.value.code == "invalid_input"
    assert "a.csv" in caught.value.hint


def test_uploads_are_found_by_name_and_listed_when_not(tmp_path):
    context = ToolContext(tmp_path, uploads=tmp_path)
    assert "No file" in _refused(context, "a.csv").hint
    for number in range(12):
        (tmp_path / f"{number}.csv").write_text("x")
    (tmp_path / "b.txt").write_text("x")
    (tmp_path / "folder.csv").mkdir()
    assert context.uploaded("3.csv") == tmp_path / "3.csv"
    for name in ("none.csv", "folder.csv", "a" * 300 + ".csv", ""):
        assert _refused(context, name).code in ("not_found", "invalid_input")
    hint = _refused(context, "none.csv").hint
    assert "and 3 more" in hint
    assert "folder" not in hint
    with pytest.raises(ToolError) as caught:
        context.uploaded("none.csv", (".txt",))
    assert caught.value.hint == "There are: b.txt."
    assert _refused(ToolContext(tmp_path), "b.txt").code == "not_found"
    assert _refused(ToolContext(tmp_path, uploads=tmp_path / "gone"), "b.txt").code == "not_found"


def test_links_out_of_the_uploads_are_not_followed(tmp_path):
    folder = tmp_path / "uploads"
    folder.mkdir()
    (tmp_path / "secret.csv").write_text("x")
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    assert _refused(ToolContext(tmp_path, uploads=folder), "link.csv").code == "not_found"
    (folder / "good.csv").write_text("x")
    linked = tmp_path / "linked"
    linked.symlink_to(folder)  # the folder itself may be one: it is the user's choice
    assert ToolContext(tmp_path, uploads=linked).uploaded("good.csv").read_text() == "x"


def _refused(context: ToolContext, name: str) -> ToolError:
    with pytest.raises(ToolError) as caught:
        context.uploaded(name)
    return caught.value


def test_the_langchain_face(tmp_path):
    tool = langchain_tool(TOOL, tmp_path)
    message = tool.invoke({"type": "tool_call", "id": "1", "name": "work", "args": {"x": 3}})
    assert message.artifact.output["x"] == 3
    assert '"x": 3.0' in message.content
    bad = tool.invoke({"type": "tool_call", "id": "2", "name": "work", "args": {"x": "no"}})
    assert bad.artifact.error["code"] == "invalid_input"


def test_what_the_model_reads_is_bounded(context):
    class Big(ToolOutput):
        rows: list[int]

    big = Tool("big", "Big.", ToolInput, Big, lambda a, b: Big(summary="many rows", rows=list(range(100_000))))
    text = model_text(call_tool(big, {}, context))
    assert len(text.encode()) <= 8 * 1024
    assert "many rows" in text
