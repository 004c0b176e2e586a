"""``bethink train adapter`` and ``bethink adapter``, run as a user runs them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.app.test_cli import BETHINK, no_traceback, run, said
from tests.models.training.conftest import settings_file, tiny_base  # noqa: F401  (fixtures)


def test_train_list_show_export(settings_file, tiny_base, tmp_path):  # noqa: F811
    data = tmp_path / "data"
    made = run("train", "adapter", str(settings_file), "--data", str(data), "--json")
    assert made.returncode == 0, said(made)
    assert json.loads(made.stdout)["finished"]
    (row,) = json.loads(run("adapter", "list", "--data", str(data), "--json").stdout)
    assert row["name"] == "letters"
    assert json.loads(run("adapter", "show", "letters", "--data", str(data), "--json").stdout)["rank"] == 6
    written = run(
        "adapter",
        "export",
        "letters",
        "--data",
        str(data),
        "--out",
        str(tmp_path / "out"),
        "--base",
        str(tiny_base),
        "--json",
    )
    assert json.loads(written.stdout)["max_abs_difference"] < 1e-4
    assert (tmp_path / "out" / "adapter_model.safetensors").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_keeps_what_was_learnt(settings_file, tmp_path):  # noqa: F811
    settings_file.write_text(settings_file.read_text().replace("steps = 12", "steps = 3000"), encoding="utf-8")
    out = tmp_path / "a"
    process = subprocess.Popen(
        [BETHINK, "train", "adapter", str(settings_file), "--out", str(out)], stderr=subprocess.PIPE
    )
    until = time.monotonic() + 120
    while not list(out.glob("checkpoints/checkpoint-*/adapter_model.safetensors")) and time.monotonic() < until:
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 130, error.decode()[-800:]
    assert b"goes on from there" in error
    assert b"Traceback" not in error
    assert list(out.glob("checkpoints/checkpoint-*"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("adapter", "show", "nothing"), "There is no adapter nothing"),
        (("adapter", "export", "nothing", "--out", "x"), "There is no adapter nothing"),
        (("adapter", "export", "nothing", "--out", "x", "--as", "gguf"), "--as must be"),
        (("train", "adapter", "nothing.toml"), "cannot be read"),
    ],
)
def test_mistakes_are_told(arguments, words, tmp_path):
    result = run(*arguments, data=tmp_path)
    assert result.returncode == 2
    assert words in said(result)
    assert no_traceback(result)


def test_an_empty_list_says_how_to_make_one(tmp_path):
    assert b"bethink train adapter" in run("adapter", "list", data=tmp_path).stdout
    assert Path(tmp_path).exists()
