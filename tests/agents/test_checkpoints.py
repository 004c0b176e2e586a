"""The run state of turns, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bethink.agents.checkpoints import NAME_FILE, CheckpointsError, described, open_checkpoints, owner
from tests.agents.fakes import make_agent
from tests.agents.postgres_process import PASSWORD

ROOT = Path(__file__).parents[2]
SECRET = "xyzzy-unmistakable"
KILLED = """
import os, sys
from pathlib import Path
from tests.agents.fakes import make_agent

agent = make_agent(Path(sys.argv[1]), "one two three", checkpoints=sys.argv[2])
thread = agent.threads.create("ann").id
for event in agent.stream("xyzzy-unmistakable", user_id="ann", thread_id=thread, memory=False):
    if event.kind == "Token":
        assert list(agent._checkpoints.saver.list(None)), "there must be something to leave behind"
        os.kill(os.getpid(), 9)
"""


def turn(agent, text="Hi"):
    return list(agent.stream(text, user_id="ann", thread_id=agent.threads.create("ann").id, memory=False))


def rows(database):
    """Of all tables of the run state, of all folders."""
    import psycopg

    with psycopg.connect(database.address) as connection:
        tables = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
        return [row for table in tables for row in connection.execute(f"SELECT * FROM {table}").fetchall()]


def test_what_a_killed_process_left_goes_when_its_folder_is_opened(tmp_path, checkpoints, request):
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), checkpoints], cwd=ROOT, capture_output=True)
    assert done.returncode == -9, done.stderr.decode()
    if checkpoints:
        assert SECRET.encode() in b"".join(str(row).encode() for row in rows(request.getfixturevalue("database")))
    opened = open_checkpoints(checkpoints, tmp_path)
    assert list(opened.saver.list(None)) == []
    opened.close()
    if checkpoints:
        assert rows(request.getfixturevalue("database")) == []
    else:
        assert not [file for file in tmp_path.glob("checkpoints.db*") if SECRET.encode() in file.read_bytes()]


def test_deleting_a_user_with_chats_deletes_run_state_there_too(tmp_path, database):
    from bethink.app.erasure import _delete_chats
    from bethink.app.settings import Settings

    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), database.address], cwd=ROOT, check=False)
    assert rows(database)
    count, _ = _delete_chats(Settings(data=tmp_path, user="ann", checkpoints=database.address))
    assert count == 1
    assert rows(database) == []


def test_folders_that_share_a_database_leave_each_others_turns_alone(tmp_path, database):
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir()
    one = make_agent(folders[0], "one two three", checkpoints=database.address)
    stream = one.stream("Hi", user_id="ann", thread_id=one.threads.create("ann").id, memory=False)
    next(event for event in stream if event.kind == "Token")
    before = len(rows(database))
    assert before
    other = make_agent(folders[1], "ok", checkpoints=database.address)
    assert turn(other)[-1].text == "ok"
    other.close()
    assert len(rows(database)) >= before
    assert list(stream)[-1].text == "one two three"
    assert rows(database) == []
    one.close()
    assert len({(folder / NAME_FILE).read_text() for folder in folders}) == 2


def test_processes_that_start_together_make_the_tables_once(tmp_path, database):
    import psycopg

    with psycopg.connect(database.address, autocommit=True) as connection:
        for name in ("together", "apart"):
            connection.execute(f"CREATE DATABASE {name}")
    address = database.address.replace("/postgres", "/together")
    code = (
        "import sys; from pathlib import Path; from bethink.agents.checkpoints import open_checkpoints;"
        "sys.stdin.readline(); open_checkpoints(sys.argv[1], Path(sys.argv[2])).close()"
    )
    started = []
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        command = [sys.executable, "-c", code, address, str(folder)]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT))
    for process in started:
        process.stdin.write(b"\n")
        process.stdin.flush()
    for process in started:
        _, told = process.communicate(timeout=120)
        assert process.returncode == 0, told.decode()


def test_a_database_that_goes_is_a_sentence_and_one_that_comes_back_is_used(tmp_path, database, caplog, monkeypatch):
    monkeypatch.setattr("bethink.agents.checkpoints.CONNECT_S", 1)
    caplog.set_level(logging.DEBUG)
    agent = make_agent(tmp_path, "first", "second", checkpoints=database.address)
    assert turn(agent)[-1].text == "first"
    database.stop()
    try:
        failed = turn(agent)
    finally:
        database.start()
    error = next(event for event in failed if event.kind == "Error")
    assert error.message == "The database of the run state does not answer."
    assert "BETHINK_CHECKPOINTS" in error.hint
    assert failed[-1].status == "failed"
    end = time.monotonic() + 20
    while (last := turn(agent)[-1]).status != "complete":  # tries to connect are spaced
        assert time.monotonic() < end
    assert last.text == "second"
    agent.close()
    assert PASSWORD not in caplog.text
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and PASSWORD.encode() in file.read_bytes()]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("bethink:", "nobody:"), "password authentication failed"),
        ((PASSWORD, "wrong-" + PASSWORD), "password authentication failed"),
        (("/postgres", "/nosuch"), 'database "nosuch" does not exist'),
    ],
)
def test_what_the_server_refuses_is_said_without_the_password(tmp_path, database, change, words):
    agent = make_agent(tmp_path, "no", checkpoints=database.address.replace(*change))
    error = next(event for event in turn(agent) if event.kind == "Error")
    assert words in error.message
    assert f"127.0.0.1:{database.port}" in error.message
    assert PASSWORD not in error.message + error.hint
    agent.close()


def test_the_command_line_keeps_the_password_to_itself(tmp_path):
    pytest.importorskip("psycopg", reason="the optional packages of bethink[postgres] are not installed")
    bethink, address = str(Path(sys.executable).with_name("bethink")), "postgresql://ann:sesame-open@127.0.0.1:9/x"
    done = subprocess.run(
        [bethink, "ask", "hi", "--data", str(tmp_path), "--json"],
        env={**os.environ, "BETHINK_CHECKPOINTS": address},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "127.0.0.1:9/x cannot be used" in json.loads(done.stdout)["error"]["message"]
    assert "Traceback" not in done.stdout + done.stderr
    kept = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert "sesame" not in done.stdout + done.stderr
    assert not [file for file in kept if b"sesame" in file.read_bytes()]
    assert any(file.name == "bethink.log" for file in kept), "what is looked through must be there"


def test_nobody_listens(tmp_path):
    pytest.importorskip("psycopg_pool", reason="the optional packages of bethink[postgres] are not installed")
    with pytest.raises(CheckpointsError, match="127.0.0.1:9/x cannot be used") as told:
        open_checkpoints("postgresql://ann:sesame-open@127.0.0.1:9/x", tmp_path)
    assert "sesame" not in str(told.value)
    assert told.value.__cause__ is None


@pytest.mark.parametrize(
    "address",
    [
        "nonsense",
        "host=x password=sesame",
        "mysql://a:sesame@b/c",
        "postgresql://a:ses ame%zz@b/c",
        "postgresql://a@b/c?sesame=1",
        "\x00sesame",
    ],
)
def test_no_address_is_quoted_back(tmp_path, address):
    pytest.importorskip("psycopg", reason="the optional packages of bethink[postgres] are not installed")
    with pytest.raises(CheckpointsError, match="Write it like postgresql://USER@HOST") as told:
        open_checkpoints(address, tmp_path)
    assert "ses" not in str(told.value).replace("address", "")
    assert described("postgresql://a:sesame@b:77/c?connect_timeout=3") == "b:77/c"


def test_without_the_package_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(CheckpointsError, match=r"pip install 'bethink\[postgres\]'"):
        open_checkpoints("postgresql://b/c", tmp_path)


@pytest.mark.parametrize("damaged", [b"", b"\xff\xfe", b"short", b"%" * 32])
def test_a_folder_whose_name_is_damaged_gets_another(tmp_path, damaged):
    name = owner(tmp_path)
    assert owner(tmp_path) == name
    (tmp_path / NAME_FILE).write_bytes(damaged)
    assert len(owner(tmp_path)) == 32
    assert owner(tmp_path) != name


def test_settings_never_show_the_address(monkeypatch):
    from bethink.app.settings import load_settings

    monkeypatch.setenv("BETHINK_CHECKPOINTS", "postgresql://a:sesame@b/c")
    settings = load_settings()
    assert settings.checkpoints.get_secret_value().endswith("sesame@b/c")
    assert "sesame" not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


def test_a_file_that_is_no_database_is_made_anew(tmp_path):
    (tmp_path / "checkpoints.db").write_bytes(b"not a database at all")
    opened = open_checkpoints("", tmp_path)
    opened.forget("t")
    opened.close()
    assert sqlite3.connect(tmp_path / "checkpoints.db").execute("PRAGMA quick_check").fetchone() == ("ok",)
