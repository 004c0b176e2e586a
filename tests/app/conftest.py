from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bethink.app.cli import main

BETHINK = str(Path(sys.executable).with_name("bethink"))
CHROMIUM = os.environ.get("BETHINK_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture
def run(monkeypatch, capfdbinary, fake_embedder):
    """``bethink memory`` in this process, with a fake embedder: loading the real one takes seconds each time."""
    monkeypatch.setattr("bethink.models.embedder.SentenceEmbedder", lambda: fake_embedder)

    def call(*arguments: str, data: Path, **environment: str):
        with monkeypatch.context() as here:
            for name, value in {"BETHINK_DATA": str(data), **environment}.items():
                here.setenv(name, value)
            here.setattr(sys, "argv", [BETHINK, "memory", *arguments])
            capfdbinary.readouterr()
            with pytest.raises(SystemExit) as ended:
                main()
        out, err = capfdbinary.readouterr()
        assert b"Traceback" not in out + err, err.decode()
        return subprocess.CompletedProcess(arguments, int(str(ended.value.code)), out, err)

    return call


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium, or set BETHINK_CHROMIUM")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        made = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield made
        made.close()


@pytest.fixture
def page(browser):
    made = browser.new_page(viewport={"width": 1280, "height": 900})
    made.set_default_timeout(120_000)  # a machine may be busy with other work
    made.errors, made.outside = [], []
    made.on("console", lambda m: made.errors.append(m.text) if m.type == "error" else None)
    made.on("pageerror", lambda e: made.errors.append(str(e)))
    local = ("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")
    made.on("request", lambda r: None if r.url.startswith(local) else made.outside.append(r.url))
    yield made
    made.close()
