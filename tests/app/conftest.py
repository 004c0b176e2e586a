from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bethink.app.cli import main

BETHINK = str(Path(sys.executable).with_name("bethink"))


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
