from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import torch

from bethink.models.adapter_folder import CARD, tensors_of
from bethink.models.training.processes import anybody, rank, share_of, summed, world


def test_alone(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.setenv("RANK", "1")  # left behind by something else
    assert (rank(), world(), share_of(7)) == (0, 1, 7)
    assert summed([1.5, 2.0]) == [1.5, 2.0]
    assert anybody(True)
    assert not anybody(False)


def test_a_batch_that_cannot_be_shared_out_is_told(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    assert share_of(9) == 3
    with pytest.raises(ValueError, match="cannot be shared out to 3 processes"):
        share_of(16)


def _train(start: list[str], settings_file, out) -> dict:
    command = [sys.executable, "-m", *start, "bethink.app.cli", "train", "adapter", str(settings_file), "--json"]
    done = subprocess.run(
        [*command, "--out", str(out)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_two_processes_end_at_the_weights_of_one(settings_file, tmp_path):
    alone = _train([], settings_file, tmp_path / "alone")
    both = _train(
        ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"], settings_file, tmp_path / "both"
    )
    one, two = tensors_of(tmp_path / "alone"), tensors_of(tmp_path / "both")
    assert one.keys() == two.keys()
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, atol=1e-4, rtol=1e-3)
    card = json.loads((tmp_path / "both" / CARD).read_text(encoding="utf-8"))
    assert both["training"]["tokens"] == alone["training"]["tokens"] == card["training"]["tokens"]
    assert both["tasks"] == alone["tasks"]
