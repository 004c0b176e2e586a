"""``bethink memory``: history, undo, merge, forgetting many, import; each looks before it writes."""

from __future__ import annotations

import json
import re

import pytest

from bethink.memory import ThoughtMemory


@pytest.fixture
def data(tmp_path, fake_embedder):
    """A data folder with four thoughts, one of which took the place of another."""
    with ThoughtMemory(tmp_path / "memory", fake_embedder) as memory:
        memory.add("I live in Porto.", user_id="me", turn_id="t1", timestamp="2023-05-01")
        memory.add("I live in Lisbon.", user_id="me", turn_id="t2", timestamp="2024-05-01")
        memory.add("I like tea. I like jazz.", user_id="me", turn_id="t3", timestamp="2024-06-01")
        memory.add("I like tea.", user_id="bob", turn_id="t1")
    return tmp_path


def told(done) -> dict:
    return json.loads(done.stdout)


def thoughts(run, data, *more) -> dict[str, str]:
    return {one["text"]: one["id"] for one in told(run("list", *more, "--json", data=data))["thoughts"]}


def undo_command(text: bytes) -> list[str]:
    """The arguments of the last command that the output names to take it back."""
    return re.findall(r"bethink memory (undo [0-9a-f]+)", text.decode())[-1].split()


def test_each_change_is_told_with_the_command_that_takes_it_back(run, data):
    porto = thoughts(run, data, "--all")["I live in Porto."]
    lines = run("history", porto[:8], data=data).stdout.decode()
    assert re.search(r"(?s)replaced by a newer one.*undo: bethink memory undo \w+  # and 1 more.*learned", lines)
    assert "It cannot be undone: changed since." in lines
    done = run(*undo_command(lines.encode()), data=data)
    assert done.returncode == 0
    assert "“I live in Porto.” holds again" in done.stdout.decode()
    assert "“I live in Lisbon.” is forgotten now" in done.stdout.decode()
    assert {"I live in Porto.", "I like tea.", "I like jazz."} == set(thoughts(run, data))
    again = run(*undo_command(lines.encode()), data=data)
    assert (again.returncode, again.stdout.decode().strip()) == (1, "Nothing was undone: changed since.")
    latest = told(run("history", porto, "--json", data=data))["history"][0]
    assert (latest["what"], latest["why_not"]) == ("taken back", "")


def test_what_was_erased_says_so(run, data):
    porto = thoughts(run, data, "--all")["I live in Porto."]
    assert run("forget", porto, "--hard", "--yes", data=data).returncode == 0
    lines = run("history", porto, data=data).stdout.decode()
    assert "erased for good" in lines
    assert "Porto" not in lines
    token = told(run("history", porto, "--json", data=data))["history"][0]["token"]
    refused = run("undo", token, data=data)
    assert refused.returncode == 1
    assert b"cannot be brought back" in refused.stderr


def test_wrong_ids_and_tokens(run, data):
    assert b"bethink memory list" in run("history", "nosuch", data=data).stderr
    assert b"bethink memory history" in run("undo", "nosuch", data=data).stderr
    ambiguous = run("history", "", data=data)
    assert (ambiguous.returncode, b"more letters" in ambiguous.stderr) == (2, True)
    tea = thoughts(run, data)["I like tea."]
    assert run("history", tea, "--user", "bob", data=data).returncode == 1


def test_merging_is_looked_at_then_done_then_taken_back(run, data):
    looked = run("merge", data=data).stdout.decode()
    assert "Would be merged (add --yes): 1" in looked
    assert "I like tea. | I like jazz." in looked or "I like jazz. | I like tea." in looked
    assert len(thoughts(run, data)) == 3
    done = run("merge", "--yes", data=data)
    assert len(thoughts(run, data)) == 2
    assert "Nothing is to be merged" in run("merge", data=data).stdout.decode()
    assert run(*undo_command(done.stdout), data=data).returncode == 0
    assert len(thoughts(run, data)) == 3


def test_forgetting_before_a_date(run, data):
    looked = told(run("forget", "--before", "2024-05-15", "--json", data=data))
    assert [one["text"] for one in looked["thoughts"]] == ["I live in Lisbon."]
    assert looked["forgotten"] == 0
    both = told(run("forget", "--before", "2024-05-15", "--hard", "--json", data=data))
    assert {one["text"] for one in both["thoughts"]} == {"I live in Lisbon.", "I live in Porto."}
    assert run("forget", "--before", "2024-05-15", "--query", "tea", data=data).returncode == 1
    done = run("forget", "--before", "2025-01-01", "--query", "like", "--yes", data=data)
    assert set(thoughts(run, data)) == {"I live in Lisbon."}
    assert run(*undo_command(done.stdout), data=data).returncode == 0
    assert len(thoughts(run, data)) == 3
    wrong = run("forget", "--before", "last spring", data=data)
    assert (wrong.returncode, b"ISO-8601" in wrong.stderr) == (2, True)


def test_an_import_can_be_taken_back(run, data, tmp_path):
    other, file = tmp_path / "other", tmp_path / "thoughts.jsonl"
    run("export", str(file), data=data)
    done = run("import", str(file), data=other)
    assert "4 thoughts imported of 4 read." in done.stdout.decode()
    assert len(thoughts(run, other)) == 3
    again = run("import", str(file), data=other)
    assert again.stdout.decode().strip() == "0 thoughts imported of 4 read."
    assert run(*undo_command(done.stdout), data=other).returncode == 0
    assert thoughts(run, other) == {}


@pytest.mark.parametrize(("bad", "why"), [(b"\xff\xfe", b"UTF-8"), (b"\x00\x00", b"zero bytes"), (b"x\n", b"Line 1")])
def test_a_file_that_is_no_export_is_a_sentence(run, data, tmp_path, bad, why):
    file = tmp_path / "bad.jsonl"
    file.write_bytes(bad)
    refused = run("import", str(file), data=data)
    assert (refused.returncode, why in refused.stderr, b"bad.jsonl" in refused.stderr) == (1, True, True)
    assert len(thoughts(run, data)) == 3
