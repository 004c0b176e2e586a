"""``bethink mcp`` as a process: what it prints where, how it ends, and what it says when it cannot start."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("mcp", reason="the extra is not installed: pip install 'bethink[mcp]'")

from bethink.app.mcp import Toolbox
from bethink.app.serve import create_app
from bethink.memory import ThoughtMemory
from tests.agents.fakes import make_agent
from tests.app.mcp_calls import BETHINK, over_http, serving
from tests.conftest import FakeEmbedder

ROOT = Path(__file__).parents[2]
HELLO = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "0"},
}


def lines(*messages: dict) -> bytes:
    return b"".join(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n" for message in messages)


def call(number: int, name: str, **arguments) -> dict:
    return {"id": number, "method": "tools/call", "params": {"name": name, "arguments": arguments}}


START = ({"id": 0, "method": "initialize", "params": HELLO}, {"method": "notifications/initialized"})


@pytest.fixture
def noisy(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.app.noisy_mcp", str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    yield process
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        stream.close()


def test_only_the_protocol_is_on_standard_output(noisy):
    noisy.stdin.write(lines(*START, call(1, "noise")) + b"this is no JSON\n" + lines(call(2, "noise")))
    noisy.stdin.flush()
    answers = []
    while len([answer for answer in answers if "id" in answer]) < 3:
        answers.append(json.loads(noisy.stdout.readline()))  # every line is a message
    assert {answer.get("id") for answer in answers} >= {0, 1, 2}
    noisy.stdin.close()
    assert noisy.wait(timeout=20) == 0
    assert noisy.stdout.read() == b""
    told = noisy.stderr.read()
    for words in (b"printed", b"written by a library in C", b"from a process"):
        assert told.count(words) == 2


def test_a_host_that_closes_ends_the_server_though_a_call_runs(noisy):
    noisy.stdin.write(lines(*START, call(1, "count", to=500)))
    noisy.stdin.flush()
    assert json.loads(noisy.stdout.readline())["id"] == 0
    while b"counting" not in noisy.stderr.readline():
        pass
    start = time.monotonic()
    noisy.stdin.close()
    assert noisy.wait(timeout=30) == 0
    assert time.monotonic() - start < 15  # the call would take 50 seconds
    assert noisy.stdout.read() == b""


def fails(*arguments: str, data: Path) -> str:
    """What the command says on standard error when it cannot start."""
    done = subprocess.run(
        [BETHINK, "mcp", *arguments, "--data", str(data)], capture_output=True, input=b"", timeout=120
    )
    assert done.returncode == 1
    assert done.stdout == b""
    assert b"Traceback" not in done.stderr
    return " ".join(done.stderr.decode().split())


def test_what_keeps_it_from_starting_is_a_sentence_on_standard_error(tmp_path):
    with ThoughtMemory(tmp_path / "memory", FakeEmbedder()):
        told = fails(data=tmp_path)
        assert "in use by another process" in told
        assert "bethink chat --mcp" in told
    assert "There is no folder" in fails("--uploads", str(tmp_path / "nosuch"), data=tmp_path)


def test_without_the_sdk_it_says_what_to_install(monkeypatch, capsys):
    import typer

    from bethink.app.commands import mcp as command

    monkeypatch.setattr(command, "find_spec", lambda name: None)
    with pytest.raises(typer.Exit):
        command.require_sdk()
    assert "pip install 'bethink[mcp]'" in capsys.readouterr().err


def test_http_prints_its_address_and_answers_there(tmp_path):
    process = subprocess.Popen(
        [BETHINK, "mcp", "--http", "--no-memory", "--data", str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )

    async def use(url: str) -> list[str]:
        async with over_http(url) as session:
            return [tool.name for tool in (await session.list_tools()).tools]

    try:
        line = process.stdout.readline().decode()
        url = re.fullmatch(r"Bethink is at (http://127\.0\.0\.1:\d+/mcp)\n", line).group(1)
        names = asyncio.run(use(url))
    finally:
        process.terminate()
        process.communicate(timeout=20)
    assert "track_state" in names
    assert not [name for name in names if name.startswith("memory_")]


def test_the_chat_can_offer_it_beside_the_page(tmp_path):
    agent = make_agent(tmp_path)

    async def use(url: str) -> str:
        async with over_http(url) as session:
            await session.call_tool("memory_add", {"text": "My sister Maria lives in Porto."})
            told = await session.call_tool("memory_search", {"query": "Maria"})
            return told.structuredContent["thoughts"][0]["text"]

    try:
        with serving(create_app(agent, default_user="ann", mcp=True)) as url:
            assert asyncio.run(use(url)) == "My sister Maria lives in Porto."
        assert [thought.text for thought in agent.memory.list(user_id="ann")] == ["My sister Maria lives in Porto."]
    finally:
        agent.close()


def test_results_of_two_users_are_in_two_folders(tmp_path):
    toolbox = Toolbox(tmp_path)
    assert toolbox.results_of("ann") != toolbox.results_of("bob")
    assert "ann" not in str(toolbox.results_of("ann").relative_to(tmp_path))
