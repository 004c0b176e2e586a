"""Erasure on the command line: memory, chats, files."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bethink.agents.threads import ThreadStore
from bethink.memory import ThoughtMemory
from tests.memory.chroma_process import chroma_process

BETHINK = str(Path(sys.executable).with_name("bethink"))
SAID = "My sister Ximenia lives in Quetzaltenango."


def run_apart(*arguments: str, data: Path):
    env = {**os.environ, "BETHINK_DATA": str(data)}
    done = subprocess.run([BETHINK, "memory", *arguments], capture_output=True, env=env, timeout=300, check=False)
    assert b"Traceback" not in done.stderr + done.stdout, done.stderr.decode()
    return done


def told(done) -> dict:
    return json.loads(done.stdout)


@pytest.fixture
def data(tmp_path, fake_embedder):
    """A data folder with thoughts of two users, and a chat of each with a plot and an upload."""
    return filled(tmp_path / "data", fake_embedder)


def filled(folder: Path, embedder) -> Path:
    with ThoughtMemory(folder / "memory", embedder) as memory:
        memory.add(f"{SAID} I like tea.", user_id="me", turn_id="t1")
        memory.add("I like tea. I live in Rome.", user_id="bob", turn_id="t1")
    store = ThreadStore(folder / "threads.db")
    for user in ("me", "bob"):
        thread = store.create(user)
        turn = store.start_turn(user, thread.id, SAID if user == "me" else "I live in Rome.")
        plot = folder / "plots" / f"{user}.png"
        plot.parent.mkdir(exist_ok=True)
        plot.write_bytes(b"picture")
        event = {"kind": "ToolEnd", "result": {"plots": [{"path": str(plot), "title": "A plot"}]}}
        store.save_answer(turn, "Noted.", "complete", [event])
        uploads = folder / "uploads" / hashlib.sha256(user.encode()).hexdigest()[:16]
        uploads.mkdir(parents=True)
        (uploads / "river.csv").write_text("time,flow\n1,2\n")
    store.close()
    (folder / "checkpoints.db").write_bytes(SAID.encode())
    export = folder / "web-cache" / "export-1"
    export.mkdir(parents=True)
    (export / "thoughts.jsonl").write_text(json.dumps({"text": SAID}))
    return folder


def test_what_is_left_is_told_with_its_place_and_code_1(data, run):
    before = run("verify-erased", SAID, "--json", data=data)
    assert before.returncode == 1
    places = {(trace["place"], trace["form"]) for trace in told(before)["traces"]}
    assert {("search", "text"), ("store", "text"), ("journal", "text"), ("export", "text")} <= places
    assert {("index", "vector"), ("file memory/chroma/chroma.sqlite3", "vector")} <= places
    ids = [one["id"] for one in told(run("list", "Ximenia", "--json", data=data))["thoughts"]]
    assert run("forget", *ids, "--hard", "--yes", data=data).returncode == 0
    after = run("verify-erased", SAID, *ids, "--json", data=data)
    assert after.returncode == 1
    places = {trace["place"] for trace in told(after)["traces"]}
    assert {place.split(" '")[0] for place in places} == {
        "chat", "file checkpoints.db", "file threads.db", "file web-cache/export-1/thoughts.jsonl"
    }  # fmt: skip
    shown = run("verify-erased", SAID, data=data, COLUMNS="200").stdout.decode()
    assert "file threads.db" in shown
    for file in ("threads.db", "checkpoints.db", "web-cache/export-1/thoughts.jsonl"):
        (data / file).unlink()
    clean = run("verify-erased", SAID, *ids, data=data)
    assert (clean.returncode, clean.stdout.decode().strip()) == (0, "Nothing of it is left.")


def test_deleting_a_user_with_all_chats(tmp_path, embedder):
    """As a user runs it, with the real embedder."""
    data = filled(tmp_path / "data", embedder)
    asked = run_apart("delete-user", "--json", data=data)
    assert (asked.returncode, told(asked)) == (0, {"erased": 0, "thoughts": 2})
    done = run_apart("delete-user", "--yes", "--threads", "--json", data=data)
    assert done.returncode == 0, done.stdout
    assert {key: told(done)[key] for key in ("erased", "threads", "files")} == {"erased": 2, "threads": 1, "files": 2}
    assert told(done)["known_otherwise"] == ["I like tea."]
    assert not (data / "plots" / "me.png").exists()
    assert (data / "plots" / "bob.png").exists()
    assert len(list((data / "uploads").rglob("*.csv"))) == 1
    store = ThreadStore(data / "threads.db")
    assert [len(store.list(user)) for user in ("me", "bob")] == [0, 1]
    store.close()
    assert run_apart("verify-erased", SAID, "--json", data=data).returncode == 0
    assert len(told(run_apart("list", "--user", "bob", "--json", data=data))["thoughts"]) == 2
    again = run_apart("delete-user", "--yes", "--threads", data=data)
    assert again.returncode == 0
    assert "0 thoughts, 0 chats" in again.stdout.decode()


def test_deleting_thoughts_alone_says_that_chats_stay(data, run):
    done = run("delete-user", "--yes", data=data, COLUMNS="200")
    assert done.returncode == 1
    assert "Erased: 2 thoughts, 0 chats" in done.stdout.decode()
    assert "add --threads" in done.stdout.decode()
    assert (data / "plots" / "me.png").exists()


def test_a_server_keeps_the_thoughts(tmp_path, run):
    with chroma_process(tmp_path / "server" / "chroma") as (url, _):
        here, there = tmp_path / "here", tmp_path / "there"
        run("add", f"{SAID} I like tea.", data=here, BETHINK_MEMORY_SERVER=url)
        found = told(run("search", "Where is Ximenia?", "--json", data=there, BETHINK_MEMORY_SERVER=url))["thoughts"]
        assert found[0]["text"] == SAID
        assert told(run("list", "--json", data=here))["thoughts"] == []  # the folder's own memory is another
        run("forget", found[0]["id"], "--hard", "--yes", data=there, BETHINK_MEMORY_SERVER=url)
        ask = ("verify-erased", SAID, found[0]["id"], "--json", "--server-folder", str(tmp_path / "server" / "chroma"))
        left = told(run(*ask, data=here, BETHINK_MEMORY_SERVER=url))["traces"]
        assert {trace["place"].split(" ")[0] for trace in left} <= {"server's"}
    cleaned = run("vacuum", str(tmp_path / "server" / "chroma"), "--json", data=here)
    assert cleaned.returncode == 0, cleaned.stderr
    gone = run("verify-erased", SAID, data=here, BETHINK_MEMORY_SERVER=url)
    assert gone.returncode == 1
    said = " ".join(gone.stderr.decode().split())
    assert "No Chroma server answers" in said
    assert "chroma run --path FOLDER" in said
    with chroma_process(tmp_path / "server" / "chroma") as (url, _):
        last = run(*ask, data=tmp_path / "third", BETHINK_MEMORY_SERVER=url)
        assert (last.returncode, told(last)["traces"]) == (0, [])
        assert len(told(run("list", "--json", data=tmp_path / "third", BETHINK_MEMORY_SERVER=url))["thoughts"]) == 1


def test_wrong_command_lines(tmp_path, run):
    for arguments in (["verify-erased"], ["verify-erased", " "], ["vacuum", str(tmp_path)], ["vacuum"]):
        assert run(*arguments, data=tmp_path / "data").returncode == 2
    bad = run("verify-erased", "x", "--server-folder", str(tmp_path / "none"), data=tmp_path / "data")
    assert bad.returncode == 2
    assert "is not a folder" in bad.stderr.decode()
