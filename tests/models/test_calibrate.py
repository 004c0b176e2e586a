from __future__ import annotations

import json

import pytest
import torch

from bethink.models import calibrate


@pytest.fixture(scope="module")
def tiny():
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=160,
            hidden_size=64,
            intermediate_size=96,
            num_hidden_layers=6,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=128,
        )
    ).eval()


def test_it_measures_once_and_remembers(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("BETHINK_CACHE", str(tmp_path))
    first = calibrate.choose_kernels(tiny)
    assert first[0] in calibrate.KERNELS
    assert first[1] in calibrate.FORMATS
    assert tiny.config.num_hidden_layers == len(tiny.model.layers) == 6
    noted = json.loads((tmp_path / "calibration.json").read_text())
    [entry] = noted.values()
    assert (entry["decode"], entry["prefill"]) == first
    assert [path.name for path in tmp_path.iterdir()] == ["calibration.json"]

    def never(*_):
        raise AssertionError("measured again")

    monkeypatch.setattr(calibrate, "measure_decode", never)
    assert calibrate.choose_kernels(tiny) == first


def test_the_fastest_wins(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("BETHINK_CACHE", str(tmp_path))
    monkeypatch.setattr(calibrate, "measure_decode", lambda *_: {"int8": 3.0, "bf16": 5.0, "fp32": 1.0})
    monkeypatch.setattr(calibrate, "measure_prefill", lambda *_: {"bf16": 1.0, "fp32": 2.0})
    assert calibrate.choose_kernels(tiny) == ("bf16", "fp32")


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"a": 1}', "\udcff"])
def test_a_broken_note_is_measured_again(tiny, tmp_path, monkeypatch, content):
    monkeypatch.setenv("BETHINK_CACHE", str(tmp_path))
    (tmp_path / "calibration.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    monkeypatch.setattr(calibrate, "measure_decode", lambda *_: {"fp32": 1.0})
    assert calibrate.choose_kernels(tiny)[0] == "fp32"
    assert json.loads((tmp_path / "calibration.json").read_text())


def test_a_cache_that_cannot_be_written_is_no_obstacle(tiny, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("BETHINK_CACHE", str(tmp_path / "file" / "below"))
    monkeypatch.setattr(calibrate, "measure_decode", lambda *_: {"fp32": 1.0})
    assert calibrate.choose_kernels(tiny)[0] == "fp32"


def test_a_kernel_that_fails_here_is_passed_over(tiny, monkeypatch):
    real = calibrate.make_decoder

    def fails(model, kernel, prefill="bf16"):
        if kernel == "fused8":
            raise RuntimeError("no such instruction")
        return real(model, kernel, prefill)

    monkeypatch.setattr(calibrate, "make_decoder", fails)
    speeds = calibrate.measure_decode(tiny, "fp32")
    assert "fused8" not in speeds
    assert speeds["fp32"] > 0
    assert len(tiny.model.layers) == 6


def test_an_unknown_precision_is_a_sentence(tiny):
    with pytest.raises(ValueError, match="Choose auto or one of"):
        calibrate.make_decoder(tiny, "int3")
