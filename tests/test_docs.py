"""Every Python block of the README and the documentation runs, in a folder and a process of its own; commands, too.

The processes are forked from one that has imported what most blocks begin with, and has done nothing else.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import shlex
import sys
import traceback
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCKS = [
    (page.name, number, code)
    for page in PAGES
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL))
]
COMMANDS = sorted(
    {
        line.strip()
        for page in PAGES
        for line in re.findall(r"^    (bethink (?:tools call|ask) .*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        if "upload" not in line and "FOLDER" not in line and " | " not in line
    }
)
PRELOAD = [
    "torch", "transformers", "peft", "chromadb", "langchain.agents", "langgraph.graph", "langchain_core.language_models",
    "bethink.memory", "bethink.models.embedder", "bethink.models.adapters", "bethink.agents.agent", "bethink.tools",
]  # fmt: skip


def in_place(code: str, folder: str) -> None:
    """Run a block as a program would be: in ``folder``, what it prints in a file there; 1 where it fails."""
    os.chdir(folder)
    with open(".out", "w", encoding="utf-8") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    sys.argv = ["example.py"]
    try:
        exec(compile(code, "example.py", "exec"), {"__name__": "__main__"})
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    sys.stdout.flush()


def run(code: str, folder: Path) -> str:
    """What a block prints; it must not fail."""
    if sys.platform == "win32":
        pytest.skip("processes are forked here")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    process = context.Process(target=in_place, args=(code, str(folder)))
    process.start()
    process.join(timeout=600)
    said = (folder / ".out").read_text(encoding="utf-8")
    assert process.exitcode == 0, said[-3000:]
    return said


@pytest.mark.parametrize(("page", "number", "code"), BLOCKS, ids=[f"{page}-{number}" for page, number, _ in BLOCKS])
def test_examples_run(page, number, code, tmp_path):
    assert run(code, tmp_path).strip()


def in_main(command: str, folder: Path) -> str:
    """A program that runs a command of ours on a data folder of its own."""
    return (
        f"import os, sys; os.environ['BETHINK_DATA'] = {str(folder / 'data')!r}; sys.argv = {shlex.split(command)!r}\n"
        "from bethink.app.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_run(command, tmp_path):
    assert run(in_main(command, tmp_path), tmp_path).strip()


def test_the_readmes_evaluation_ends_in_a_report(tmp_path):
    """The command of the README's table, as it stands there."""
    (command,) = re.findall(
        r"`\.venv/bin/(bethink eval dialogue [^`]+)`", (ROOT / "README.md").read_text(encoding="utf-8")
    )
    said = run(in_main(command, tmp_path), tmp_path)
    assert said.strip()
    assert list(tmp_path.rglob("*.html"))


def test_there_are_examples():
    assert len(BLOCKS) > 20
    assert len(COMMANDS) >= 5
