"""``bethink doctor``: each thing is broken, and told."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import namedtuple
from pathlib import Path

import pytest

from bethink.agents.threads import ThreadStore
from bethink.app import checks, data_checks
from bethink.app.checks import CheckError
from bethink.app.commands.doctor import checked, probes
from bethink.app.settings import Settings
from bethink.models.energy import process_meter
from bethink.models.energy.counters import missing_counters
from bethink.tools.contract import ToolError
from tests.conftest import FakeEmbedder

BETHINK = str(Path(sys.executable).with_name("bethink"))


def settings(folder: Path, **more):
    return Settings(data=folder / "data", **more)


@pytest.fixture
def open_place():
    """A folder whose way is open to every user of the machine, as a home directory often is."""
    place = Path(tempfile.mkdtemp(prefix="bethink-doctor-test-"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


def test_the_command_ends_with_1_and_says_which(tmp_path):
    (tmp_path / "threads.db").write_bytes(b"not a database at all, only some text that is long enough" * 20)
    done = subprocess.run([BETHINK, "doctor", "--data", str(tmp_path), "--json"], capture_output=True, check=False)
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert not report["ok"]
    bad = [item for item in report["checks"] if not item["ok"]]
    assert [item["check"] for item in bad] == ["chats"], bad
    assert str(tmp_path / "threads.db") in bad[0]["detail"]


def test_whatever_a_check_raises_is_told():
    def broken() -> str:
        raise ValueError("several\nlines  here")

    assert checked("x", broken) == {"check": "x", "ok": False, "detail": "several lines here", "hint": ""}


def test_every_check_has_a_name_of_its_own(tmp_path):
    names = [name for name, _ in probes(settings(tmp_path))]
    assert len(set(names)) == len(names) > 20


def test_packages(tmp_path, monkeypatch):
    assert "packages as wanted" in checks.pins(settings(tmp_path))
    wanted = ["numpy>=999", "no-such-package-at-all>=1", 'mcp<1; extra == "mcp"', 'nor-this-one; extra == "x"']
    monkeypatch.setattr(checks, "requires", lambda name: wanted)
    with pytest.raises(CheckError) as told:
        checks.pins(settings(tmp_path))
    assert "numpy" in str(told.value)
    assert "mcp" in str(told.value)
    assert "no-such-package-at-all is missing" in str(told.value)
    assert "nor-this-one" not in str(told.value)
    assert "make install" in told.value.hint
    with pytest.raises(CheckError, match="not installed"):
        checks.package("no-such-package-at-all")


def test_room(tmp_path, monkeypatch):
    assert "GB free" in checks.disk(settings(tmp_path))
    assert "GB free" in checks.memory(settings(tmp_path))
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**12, 10**12, 10**8))
    with pytest.raises(CheckError, match=r"Only 0\.1 GB of disk"):
        checks.disk(settings(tmp_path))
    import psutil

    found = namedtuple("found", "total available")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: found(8e9, 2e8))
    with pytest.raises(CheckError, match=r"Only 0\.2 of 8 GB of memory"):
        checks.memory(settings(tmp_path))


@pytest.mark.parametrize("model", ["nosuch", "/no/such/file.gguf", "openai:nonsense", ""])
def test_a_model_that_is_none(tmp_path, model):
    assert not checked("model", lambda: checks.model(settings(tmp_path, model=model)))["ok"]


def test_a_data_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "data").write_text("in the way")
    found = checked("data folder", lambda: data_checks.folder(settings(tmp_path)))
    assert "cannot be written" in found["detail"]


@pytest.mark.skipif(os.name != "posix", reason="permissions of this kind are POSIX's")
def test_a_data_folder_that_others_read(open_place):
    mine = settings(open_place)
    assert "nobody else" in data_checks.private(mine), "it is made for its owner alone"
    (open_place / "data").chmod(0o755)
    with pytest.raises(CheckError) as told:
        data_checks.private(mine)
    assert told.value.hint == f"Run: chmod 700 {(open_place / 'data').resolve()}"
    open_place.chmod(0o700)
    assert "nobody else" in data_checks.private(mine), "the way to it is closed"


@pytest.mark.skipif(os.name != "posix", reason="permissions of this kind are POSIX's")
@pytest.mark.parametrize(
    "text",
    [
        'checkpoints = "postgresql://ann:sesame@db/x"',
        'memory_server = "https://ann:sesame@chroma"',
        '[mcp_servers.files]\ncommand = "x"\nenv = {TOKEN = "sesame"}',
    ],
)
def test_a_password_that_others_read(open_place, monkeypatch, text):
    monkeypatch.chdir(open_place)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(open_place / "none"))
    file = open_place / "bethink.toml"
    file.write_text("port = 7861\n")
    assert data_checks.secrets(Settings()) == "none in settings files"
    file.write_text(text + "\n")
    file.chmod(0o644)
    found = checked("secrets", lambda: data_checks.secrets(Settings()))
    assert "bethink.toml holds a password" in found["detail"]
    assert "chmod 600" in found["hint"]
    assert "sesame" not in json.dumps(found)
    file.chmod(0o600)
    assert data_checks.secrets(Settings()).startswith("1 settings files")


def test_chats(tmp_path):
    mine = settings(tmp_path)
    assert data_checks.chats(mine) == "none yet"
    store = ThreadStore(tmp_path / "data" / "threads.db")
    thread = store.create("ann")
    for number in range(200):
        store.start_turn("ann", thread.id, f"message {number} " * 20)
    assert "schema 1" in data_checks.chats(mine), "beside an open chat"
    store.close()
    path = tmp_path / "data" / "threads.db"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version=7")
    database.close()
    for probe in (lambda: data_checks.chats(mine), lambda: ThreadStore(path)):
        assert "later version of Bethink" in checked("chats", probe)["detail"]
    body = bytearray(path.read_bytes())
    body[8192 : len(body) - 4096] = b"\xa5" * (len(body) - 12288)
    path.write_bytes(body)
    assert "Restore it from a backup" in checked("chats", lambda: data_checks.chats(mine))["detail"]


def test_thoughts(tmp_path):
    from bethink.memory import ThoughtMemory

    mine = settings(tmp_path)
    assert data_checks.thoughts(mine) == "in the data folder: none yet"
    with ThoughtMemory(tmp_path / "data" / "memory", FakeEmbedder()) as memory:
        memory.add("I live in Porto.", user_id="me")
        assert "journal" in data_checks.thoughts(mine), "beside an open chat"
    (tmp_path / "data" / "memory" / "journal.sqlite").write_bytes(b"x" * 5000)
    assert "journal.sqlite" in checked("thoughts", lambda: data_checks.thoughts(mine))["detail"]
    away = settings(tmp_path, memory_server="http://127.0.0.1:9")
    assert "chroma run" in checked("thoughts", lambda: data_checks.thoughts(away))["detail"]


def test_run_state(tmp_path):
    pytest.importorskip("psycopg", reason="the optional packages of bethink[postgres] are not installed")
    assert data_checks.run_state(settings(tmp_path)) == "in the data folder"
    away = settings(tmp_path, checkpoints="postgresql://ann:sesame@127.0.0.1:9/x")
    found = checked("run state", lambda: data_checks.run_state(away))
    assert "127.0.0.1:9/x cannot be used" in found["detail"]
    assert "BETHINK_CHECKPOINTS" in found["hint"]
    assert "sesame" not in json.dumps(found)


def test_energy_names_its_source_and_what_is_missing(tmp_path):
    told = checks.energy(settings(tmp_path))
    assert process_meter().backend in told
    assert process_meter().error_class in told
    assert all(why in told for why in missing_counters())


def test_ports(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        assert f"{number} is in use; chat takes" in checks.port(settings(tmp_path, port=number))
    assert checks.port(settings(tmp_path, port=number)) == f"{number} is free"
    with pytest.raises(CheckError, match="on this machine only"):
        checks.port(settings(tmp_path, host="0.0.0.0"))


def test_who_else_is_reached(tmp_path, monkeypatch):
    for name in data_checks.OFFLINE:
        monkeypatch.delenv(name, raising=False)
    here = settings(tmp_path, model="openai:http://127.0.0.1:8000/v1#x", memory_server="localhost:8000")
    assert data_checks.network(here) == "nothing leaves this machine; the hub is asked for hf: models only"
    away = settings(
        tmp_path,
        model="openai:https://models.example/v1#x",
        memory_server="chroma.example:8000",
        checkpoints="postgresql://ann:sesame@db.example/x",
        mcp_servers={"weather": {"url": "https://weather.example/mcp"}, "files": {"command": "x"}},
    )
    told = data_checks.network(away)
    for host in ("models.example (questions", "chroma.example (thoughts)", "db.example (run state)", "weather.example"):
        assert host in told
    assert "sesame" not in told
    assert data_checks.network(settings(tmp_path, model="hf:nobody/nothing"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(CheckError, match="nobody/nothing is not on this machine") as problem:
        data_checks.network(settings(tmp_path, model="hf:nobody/nothing"))
    assert "HF_HUB_OFFLINE" in problem.value.hint


def test_a_tool_is_called_over_mcp(tmp_path, monkeypatch):
    pytest.importorskip("mcp", reason="the optional package mcp is not installed")
    from dataclasses import replace

    import bethink.app.mcp.toolbox as toolbox
    from bethink.tools import all_tools

    told = checks.mcp_call(settings(tmp_path))
    assert "search_catalog answered" in told
    assert not (tmp_path / "data").exists(), "nothing is left behind"

    def with_run(run):
        tools = [replace(tool, run=run) if tool.name == "search_catalog" else tool for tool in all_tools()]
        monkeypatch.setattr(toolbox.Toolbox, "tools_of", lambda self, user: tools)

    def broken(given, context):
        raise ToolError("not_ready", "The catalogue is gone.", "Install it again.")

    def hanging(given, context):
        time.sleep(3)

    with_run(broken)
    assert (
        "The catalogue is gone. Install it again."
        in checked("mcp", lambda: checks.mcp_call(settings(tmp_path)))["detail"]
    )
    with_run(hanging)
    monkeypatch.setattr(checks, "MCP_S", 0.5)
    start = time.perf_counter()
    assert "No answer within" in checked("mcp", lambda: checks.mcp_call(settings(tmp_path)))["detail"]
    assert time.perf_counter() - start < 2.5
    monkeypatch.setattr(checks, "find_spec", lambda name: None)
    assert "pip install 'bethink[mcp]'" in checks.mcp_call(settings(tmp_path))
