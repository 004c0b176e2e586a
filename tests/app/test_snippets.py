"""What the page offers for copying does what it says, run as it stands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bethink.app.ui import snippets

QUERY = {"query": "lonely astronaut, the 'red' \"one\"", "domain": "films", "k": 3}
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_in_the_chat():
    assert snippets.in_chat("track_state", {"members": 50}) == '/track_state {"members": 50}'


def test_on_the_command_line(tmp_path):
    said = run(["bash", "-c", snippets.in_shell("search_catalog", QUERY)], tmp_path)
    assert "astronaut" in said


def test_with_a_file(tmp_path):
    uploads = tmp_path / "my files"
    uploads.mkdir()
    rows = "\n".join(f"{n},{n % 7}.5" for n in range(60))
    (uploads / "river.csv").write_text(f"day,level\n{rows}\n", encoding="utf-8")
    arguments = {"upload": "river.csv", "system": "random_walk", "members": 10}
    assert "river" in run(["bash", "-c", snippets.in_shell("track_state", arguments, str(uploads))], tmp_path)


@pytest.mark.parametrize("kind", ["mcp", "langchain"])
def test_as_a_program(kind, tmp_path):
    if kind == "mcp":
        pytest.importorskip("mcp", reason="the extra is not installed: pip install 'bethink[mcp]'")
    make = {"mcp": snippets.over_mcp, "langchain": snippets.in_langchain}[kind]
    text = make("search_catalog", QUERY, str(tmp_path))
    assert json.dumps(str(tmp_path)) in text or repr(str(tmp_path)) in text
    assert "astronaut" in run([sys.executable, "-c", text], tmp_path)
