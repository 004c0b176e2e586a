"""Uploads of the page: safe names, one copy each, a line for the user, a command that runs."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethink.agents.routing import parse_command
from bethink.app.ui import uploads
from bethink.tools import ToolContext, all_tools, call_tool
from tests.agents.fakes import make_agent

GOOD = b"time,level\n" + b"".join(b"%d,%d.5\n" % (t, t % 7) for t in range(40))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("river.csv", "river.csv"),
        ("../../etc/passwd", "passwd.csv"),
        ("..\\..\\a b.TSV", "a_b.tsv"),
        ("Wetter März 2024.CSV", "Wetter_Marz_2024.csv"),
        ("日本.csv", "observations.csv"),
        (".csv", "csv.csv"),
        ("", "observations.csv"),
        ("a.csv.exe", "a_csv_exe.csv"),
    ],
)
def test_names_are_made_safe(given, kept):
    assert uploads.safe_name(given) == kept


@given(st.text(max_size=300))
def test_no_name_leaves_the_folder(name):
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}\.(csv|tsv|txt)", uploads.safe_name(name))


def test_the_same_file_is_kept_once_and_another_of_its_name_beside_it(tmp_path):
    source, folder = tmp_path / "a.csv", tmp_path / "kept"
    source.write_bytes(GOOD)
    first = uploads.keep(source, folder)
    assert uploads.keep(source, folder) == first
    source.write_bytes(GOOD + b"40,1\n")
    second = uploads.keep(source, folder)
    assert (first.name, second.name) == ("a.csv", "a-2.csv")
    assert second.read_bytes() == source.read_bytes()
    assert sorted(path.name for path in folder.iterdir()) == ["a-2.csv", "a.csv"]
    assert folder.stat().st_mode & 0o077 == 0


def test_a_link_in_the_folder_is_not_written_through(tmp_path):
    source, folder = tmp_path / "a.csv", tmp_path / "kept"
    source.write_bytes(GOOD)
    folder.mkdir()
    (folder / "a.csv").symlink_to(tmp_path / "elsewhere.csv")
    assert uploads.keep(source, folder).name == "a-2.csv"
    assert not (tmp_path / "elsewhere.csv").exists()


def test_what_was_read_is_said_and_its_command_runs(tmp_path):
    source = tmp_path / "river.csv"
    source.write_bytes(GOOD + b"40,\n")
    line, command = uploads.take(source, tmp_path / "kept")
    assert line.startswith("river.csv: 1 column (level), 41 rows, 1 value missing.")
    tool = all_tools()[0]
    name, arguments = parse_command(command, {tool.name})
    assert name == tool.name
    assert arguments["system"] == "random_walk"
    result = call_tool(tool, arguments, ToolContext(tmp_path / "plots", uploads=tmp_path / "kept"))
    assert result.ok, result.error
    assert result.output["rows"] == 41


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"a,b\n1,rain\n", "holds text"),
        (b"\xff\xfea\x00", "UTF-16"),
        (b"Gr\xf6\xdfe\n1\n", "not UTF-8"),
    ],
)
def test_what_cannot_be_read_is_not_kept(tmp_path, content, words):
    source = tmp_path / "bad.csv"
    source.write_bytes(content)
    line, command = uploads.take(source, tmp_path / "kept")
    assert line.startswith("Not added. ")
    assert words in line
    assert command == ""
    assert not (tmp_path / "kept").exists()


def test_too_large_a_file_is_refused_by_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "MAX_BYTES", 100)
    source = tmp_path / "big.csv"
    source.write_bytes(GOOD)
    line, command = uploads.take(source, tmp_path / "kept")
    assert "100 is the most" in line
    assert command == ""
    with pytest.raises(ValueError, match="is the most"):
        uploads.keep(source, tmp_path / "kept")


def test_users_do_not_see_each_others_files(tmp_path):
    agent = make_agent(tmp_path)
    try:
        folders = {agent.uploads_of(user) for user in ("ann", "Ann", "../bob", "", "\ud800")}
        assert len(folders) == 5
        assert all(folder.parent == tmp_path / "uploads" for folder in folders)
    finally:
        agent.close()


def test_a_turn_finds_the_users_own_upload(tmp_path):
    agent = make_agent(tmp_path)
    agent.tools.append(all_tools()[0])
    try:
        source = tmp_path / "river.csv"
        source.write_bytes(GOOD)
        _, command = uploads.take(source, agent.uploads_of("ann"))
        for user, ok in (("ann", True), ("bob", False)):
            thread = agent.threads.create(user).id
            events = list(agent.stream(command, user_id=user, thread_id=thread, memory=False))
            end = next(event for event in events if event.kind == "ToolEnd")
            assert end.ok is ok
            assert ok or end.result["error"]["code"] == "not_found"
            assert "river.csv" not in json.dumps(end.result["error"]["hint"]) if not ok else True
    finally:
        agent.close()
