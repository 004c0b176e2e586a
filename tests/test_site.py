"""The documentation as a whole: it builds without a warning, and what is generated in it is as it would be now."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import imports
from tests.benchmarks.report import INTRO, RESULTS, page

ROOT = Path(__file__).parents[1]


def test_the_site_builds_without_warnings(tmp_path):
    pytest.importorskip("material", reason="the extra is not installed: pip install 'bethink[dev]'")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT, capture_output=True, text=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    said = built.stdout + built.stderr
    assert built.returncode == 0, said
    assert "WARNING" not in said, said
    home = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "thinks after it answers" in home
    assert "fonts.googleapis" not in home


def test_every_page_is_in_the_navigation():
    listed = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert [file.name for file in (ROOT / "docs").glob("*.md") if f" {file.name}\n" not in listed] == []


def test_the_results_page_is_of_the_files_that_are_here():
    assert (ROOT / "docs" / "results.md").read_text(encoding="utf-8") == page(), "run python -m tests.benchmarks.report"


def test_a_bar_that_is_missed_or_missing_is_said_to_be(tmp_path):
    bars = [
        {"id": "a | b", "value": 2.0, "goal": "<= 1", "ok": False},
        {"id": "c", "value": None, "goal": "<= 1", "ok": None},
    ]
    data = {"benchmark": "x", "date": "2026-01-01T00", "commit": "abc", "bars": bars}
    machine = {"cores": 2, "processor": "P"}
    (tmp_path / "x.json").write_text(json.dumps({**data, "machine": machine}), encoding="utf-8")
    (tmp_path / "x_cost.png").write_bytes(b"")
    found = page(tmp_path)
    assert found.startswith(INTRO)
    assert "0 of 1 bars met, 1 not measured. 2026-01-01, at abc, on 2 cores of P." in found
    assert "| a \\| b | 2 | <= 1 | **no** |" in found
    assert "| c | - | <= 1 | not measured |" in found
    assert "![x cost](results/x_cost.png)" in found
    assert {path.name for path in RESULTS.glob("*.json")} >= {"recall.json", "green.json"}


def test_the_architecture_page_has_the_imports_as_they_are():
    file = ROOT / "docs" / "architecture.md"
    text = file.read_text(encoding="utf-8")
    assert text == imports.filled(text), "run python -m tests.imports"


def test_imports_go_one_way():
    found = imports.imports()
    assert not any(
        found[lower, upper] for upper, lower in (("app", "agents"), ("agents", "memory"), ("memory", "tools"))
    )
    assert not any(found["models", other] for other in imports.PACKAGES)
