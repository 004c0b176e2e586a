"""What is in the wheel, and that nothing of ours lands under another name than bethink."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_folder_with_code_is_a_listed_package():
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    found = {
        "bethink." + ".".join(path.parent.relative_to(ROOT).parts)
        for top in ("app", "agents", "memory", "models", "tools")
        for path in (ROOT / top).rglob("*.py")
    }
    assert found == listed


def test_no_module_is_too_long():
    lengths = {path: len(path.read_text().splitlines()) for path in ROOT.glob("[amt]*/**/*.py")}
    assert {str(path) for path, lines in lengths.items() if lines > 450} == set()
