"""Import: checked as a whole, told line by line, and looked at before it is written."""

from __future__ import annotations

import json

import pytest

from bethink.memory import BadLinesError
from bethink.memory.transfer import MAX_LINE, lines_of, read_lines


def line(ident="a1", text="I like tea.", **more):
    return json.dumps({"id": ident, "text": text, "user_id": "eve", "created_at": "2024-05-01", **more})


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("not json", "not JSON .* at character 1"),
        ("[" * 100_000, "nested too deeply|not JSON"),
        ("[]", "JSON object"),
        (line(text="\x00"), "text is empty"),
        (line(text="a" * 4001), "4,001 characters"),
        (line(metadata={"a": "b" * MAX_LINE}), "at most 1,000,000"),
        (line("../x"), "letters and digits"),
        (line(nosuch=1), "Unknown fields .* nosuch"),
        (line(created_at="yesterday"), "ISO-8601"),
        (line(bucket=True), "bucket"),
        ('{"id": "a", "text": "b"}', "Missing fields .* created_at"),
        (line(metadata={"n": 1}).replace("1}", "9" * 5000 + "}"), "digits"),
    ],
)
def test_what_is_wrong_with_a_line(bad, why):
    with pytest.raises(BadLinesError, match=why) as caught:
        read_lines([line(), "", bad, line("b2")], "ana")
    assert [number for number, _ in caught.value.problems] == [3]


def test_all_bad_lines_are_told_and_a_hundred_of_many():
    with pytest.raises(BadLinesError, match=r"Line 2 .* 1 more lines? .* Nothing was imported") as caught:
        read_lines([line(), "x", line("b2"), "y"], "ana")
    assert [number for number, _ in caught.value.problems] == [2, 4]
    with pytest.raises(BadLinesError) as caught:
        read_lines(["x"] * 500, "ana")
    assert (len(caught.value.problems), caught.value.count) == (100, 500)


def test_the_file_never_says_whose_a_thought_is():
    (thought,) = read_lines([line()], "ana")
    assert thought.user_id == "ana"


@pytest.mark.parametrize("bad", [b"\xff\xfea\x00", b"\x89PNG\r\n\x1a\n", b"\x00" * 9])
def test_what_is_no_text_is_refused(bad):
    with pytest.raises(ValueError, match="not (UTF-8 )?text"):
        lines_of(bad)


def test_lines_as_editors_save_them():
    text = "\ufeff" + line(text="A\u2028B") + "\r\n" + line("b2").replace("tea", "t\u2028ea") + "\r\n"
    assert [one.text for one in read_lines(lines_of(text.encode()), "ana")] == ["A\u2028B", "I like t\u2028ea."]


def test_a_look_before_an_import(memory):
    memory.add("I live in Porto. I like jazz.", user_id="ana")
    here = list(memory.export(user_id="ana"))
    changed = {**json.loads(here[1]), "text": "Other words."}
    lines = [here[0], json.dumps(changed), line()]
    looked = memory.import_(lines, user_id="ana", dry_run=True)
    assert [change.op for change in looked] == ["noop", "edit", "insert"]
    assert list(memory.export(user_id="ana")) == here
    done = memory.import_(lines, user_id="ana")
    assert [(change.op, change.text) for change in done] == [(change.op, change.text) for change in looked]
    assert [change.op for change in memory.import_(lines, user_id="ana", dry_run=True)] == ["noop"] * 3
    memory.undo(done[1].token, user_id="ana")
    still = {thought.id: thought.text for thought in memory.list(user_id="ana")}
    assert still == {one["id"]: one["text"] for one in map(json.loads, here)}


def test_neither_a_look_nor_what_is_known_needs_the_embedder(memory, monkeypatch):
    memory.add("I live in Porto.", user_id="ana")
    lines = list(memory.export(user_id="ana"))

    def refuse(texts):
        raise AssertionError("the embedder was asked")

    monkeypatch.setattr(memory.embedder, "embed", refuse)
    assert memory.import_([*lines, line()], user_id="ana", dry_run=True)[1].op == "insert"
    assert memory.import_(lines, user_id="ana")[0].op == "noop"
