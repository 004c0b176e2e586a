"""The export: plain LoRA that PEFT loads in a process that has never heard of this package."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig, PeftModel, convert_to_lora, get_peft_model, save_as_lora
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

from bethink.models.adapters import Exported, ExportError, export_lora
from bethink.models.adapters.export import truncated
from bethink.models.adapters.targets import exact_pattern, exact_targets, most_common
from tests.models.adapters.tiny import (
    ATTENTION,
    Mlp,
    adapted,
    far,
    features,
    gpt2,
    ids,
    layers,
    llama,
    logits,
    tuning,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore:num_modules . r is"),
    pytest.mark.filterwarnings("ignore:Unable to fetch remote file"),
]

LOADER = """
import json, sys, warnings
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM
report = {}
for name, base, adapter, inputs in json.loads(sys.argv[1]):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter).eval()
    ids, wanted = torch.load(inputs)
    with torch.no_grad():
        found = model(input_ids=ids).logits
        with model.disable_adapter():
            alone = model(input_ids=ids).logits
    report[name] = {
        "far": float((found - wanted).abs().max()),
        "base": float((alone - wanted).abs().max()),
        "warnings": [str(each.message) for each in said if "adapter keys" in str(each.message)],
        "modules": sum(1 for key in model.state_dict() if "lora_A" in key),
    }
assert not any(name.startswith("bethink") for name in sys.modules), "this process must not know the method"
print(json.dumps(report))
"""

VARIANTS = {
    "vector": (llama, {"target_modules": "all-linear"}, {}),
    "scalar": (llama, {"target_modules": "all-linear", "scaling": "scalar"}, {}),
    "pattern": (llama, {"target_modules": "all-linear", "rank_pattern": {"q_proj": 5, "1.mlp.up_proj": 1}}, {}),
    "layers": (llama, {"target_modules": ATTENTION, "layers_to_transform": [1]}, {}),
    "head": (llama, {"target_modules": ["lm_head", "q_proj"]}, {}),
    "conv1d": (gpt2, {"target_modules": ["c_attn", "c_proj"], "fan_in_fan_out": True}, {}),
    "bf16": (llama, {"target_modules": "all-linear"}, {"dtype": torch.bfloat16}),
    "rank": (llama, {"target_modules": "all-linear"}, {"rank": 2}),
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """Every variant exported here and loaded by plain PEFT in one other process."""
    root = tmp_path_factory.mktemp("export")
    llama().save_pretrained(root / "llama")
    gpt2().save_pretrained(root / "gpt2")
    jobs, told = [], {}
    for name, (base, config, how) in VARIANTS.items():
        model = adapted(base(), **config)
        told[name] = export_lora(model, root / name, **how)
        torch.save((ids(), logits(model)), root / f"{name}.pt")
        jobs.append((name, str(root / base.__name__), str(root / name), str(root / f"{name}.pt")))
    command = [sys.executable, "-c", LOADER, json.dumps(jobs)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ}, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return root, told, json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", [name for name in VARIANTS if name not in ("bf16", "rank")])
def test_plain_peft_gives_the_same_logits(loaded, name):
    _, told, report = loaded
    found = report[name]
    assert found["far"] <= 2e-5
    assert found["base"] > 0.1, "the adapter does something"
    assert found["warnings"] == []
    assert found["modules"] == told[name].modules
    assert told[name].error == 0


def test_a_file_in_bfloat16_is_near_and_half_as_large(loaded):
    root, _, report = loaded
    assert 1e-6 < report["bf16"]["far"] < 0.05 * report["bf16"]["base"]
    assert {t.dtype for t in load_file(root / "bf16" / "adapter_model.safetensors").values()} == {torch.bfloat16}
    half, whole = ((root / name / "adapter_model.safetensors").stat().st_size for name in ("bf16", "vector"))
    assert half < 0.7 * whole


def test_a_smaller_rank_tells_its_error(loaded):
    root, told, report = loaded
    assert told["rank"].rank == 2
    assert 0 < told["rank"].error < told["rank"].norm
    assert report["rank"]["far"] > 1e-3
    assert all(min(t.shape) == 2 for t in load_file(root / "rank" / "adapter_model.safetensors").values())


def test_only_loras_keys_are_written(loaded):
    root, told, _ = loaded
    for name in VARIANTS:
        path = root / name / "adapter_model.safetensors"
        keys = set(load_file(path))
        assert all(re.fullmatch(r"base_model\.model\..+\.lora_[AB]\.weight", key) for key in keys)
        assert len(keys) == 2 * told[name].modules
        with safe_open(path, "pt") as file:
            assert file.metadata() == {"format": "pt"}
        assert sorted(p.name for p in (root / name).iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]


def test_the_config_is_one_that_servers_read(loaded):
    root, told, _ = loaded
    config = json.loads((root / "vector" / "adapter_config.json").read_text())
    assert config["peft_type"] == "LORA"
    assert config["r"] == config["lora_alpha"] == told["vector"].rank == 6
    assert config["bias"] == "none"
    assert not any(config[name] for name in ("use_rslora", "use_dora", "modules_to_save", "rank_pattern"))
    assert set(config["target_modules"]) == {
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
    }  # fmt: skip
    conv = json.loads((root / "conv1d" / "adapter_config.json").read_text())
    assert conv["fan_in_fan_out"] is True


def test_other_ranks_keep_the_scaling_at_one(loaded):
    root, told, _ = loaded
    config = json.loads((root / "pattern" / "adapter_config.json").read_text())
    assert told["pattern"].rank == 15
    assert config["r"] == config["lora_alpha"] == 6
    assert config["rank_pattern"] == config["alpha_pattern"]
    assert sorted(config["rank_pattern"].values()) == [3, 15, 15]


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 7),
    st.integers(1, 4),
    st.sampled_from(["vector", "scalar"]),
    st.sampled_from([0.5, 8, 40]),
    st.sets(st.sampled_from(["lin0", "lin1", "lin2", "head"]), min_size=1),
    st.dictionaries(st.sampled_from(["lin0", "lin1", "lin2"]), st.integers(1, 9)),
)
def test_the_export_is_the_adapter_for_every_shape(r, n, scaling, alpha, targets, pattern):
    import tempfile

    model = adapted(
        Mlp(), r=r, num_modules=n, scaling=scaling, lora_alpha=alpha, target_modules=targets, rank_pattern=pattern
    )
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        told = export_lora(model, folder)
        again = PeftModel.from_pretrained(Mlp(), folder).eval()
        y = model(features())
        assert far(again(features()), y) <= 1e-5 * max(1.0, float(y.abs().max()))
        for name, layer in layers(model).items():
            delta, lora = layer.get_delta_weight("default"), again.get_submodule(name).get_delta_weight("default")
            assert far(lora, delta) <= 1e-6 * max(1.0, float(delta.abs().max()))
        norm = sum(float(layer.get_delta_weight("default").norm() ** 2) for layer in layers(model).values()) ** 0.5
        assert told.norm == pytest.approx(norm, rel=1e-4)
        assert told.modules == len(targets)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 12), st.integers(1, 12), st.integers(0, 999))
def test_truncation_is_the_best_and_errs_as_told(outputs, inputs, k, rank, seed):
    torch.manual_seed(seed)
    b, a = torch.randn(outputs, k).double(), torch.randn(k, inputs).double()
    left, right, error = truncated(b, a, rank)
    whole = b @ a
    u, sigma, vt = torch.linalg.svd(whole, full_matrices=False)
    best = (u[:, :rank] * sigma[:rank]) @ vt[:rank]
    assert min(left.shape[1], len(right)) <= rank
    assert float((whole - left @ right).norm()) == pytest.approx(error, abs=1e-9)
    assert error == pytest.approx(float((whole - best).norm()), abs=1e-9)
    assert far(left @ right, best) < 1e-6 or (sigma[rank - 1 : rank + 1].diff().abs() < 1e-6).any()


def test_the_error_of_a_model_is_that_of_its_modules(tmp_path):
    model = adapted(Mlp(), target_modules=["lin0", "lin1"], r=3)
    told = export_lora(model, tmp_path, rank=2)
    with torch.no_grad():
        whole = model.base_model.model
        again = PeftModel.from_pretrained(Mlp(), str(tmp_path)).base_model.model
        squares = sum(
            float((whole.get_submodule(n).get_delta_weight("default") - again.get_submodule(n).get_delta_weight("default")).norm() ** 2)
            for n in ("lin0", "lin1")
        )  # fmt: skip
    assert told.error == pytest.approx(squares**0.5, rel=1e-4)
    assert isinstance(told, Exported)


def test_a_rank_that_is_large_enough_changes_nothing(tmp_path):
    model = adapted(Mlp(), target_modules=["lin0"])
    whole, same = export_lora(model, tmp_path / "a"), export_lora(model, tmp_path / "b", rank=99)
    assert whole.rank == same.rank == 6
    assert same.error == 0
    left, right = (load_file(tmp_path / each / "adapter_model.safetensors") for each in "ab")
    assert all(torch.equal(left[key], right[key]) for key in left)


def test_a_named_adapter_of_several_and_one_of_bf16(tmp_path):
    model = adapted(llama().bfloat16(), target_modules=ATTENTION)
    model.add_adapter("other", tuning(target_modules=["o_proj"]))
    export_lora(model, tmp_path, adapter_name="other")
    again = PeftModel.from_pretrained(llama().bfloat16(), str(tmp_path)).eval()
    model.set_adapter("other")
    assert far(logits(again), logits(model)) <= 0.05 * float(logits(model).abs().max())


def test_the_export_does_not_change_the_model(tmp_path):
    model = adapted(llama(), target_modules=ATTENTION)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    export_lora(model, tmp_path, dtype=torch.bfloat16, rank=1)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert model.peft_config["default"].peft_type == "MULTILORA"


def test_a_merged_model_exports_the_same(tmp_path):
    model = adapted(Mlp(), target_modules=["lin0"])
    export_lora(model, tmp_path / "a")
    model.merge_adapter()
    export_lora(model, tmp_path / "b")
    left, right = (load_file(tmp_path / each / "adapter_model.safetensors") for each in "ab")
    assert all(torch.equal(left[key], right[key]) for key in left)


class Nested(nn.Module):
    """A whole name that is the end of another: ``0`` and ``1.0``."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        super().__init__()
        self.add_module("0", nn.Linear(10, 10))
        self.add_module("1", nn.Sequential(nn.Linear(10, 10), nn.Linear(10, 10)))

    def forward(self, x):
        return self.get_submodule("1")(torch.tanh(self.get_submodule("0")(x)))


@pytest.mark.parametrize(
    ("targets", "pattern"), [("0", {}), (["0"], {"^0": 1}), (["0"], {r"1\.0": 1}), (r"1\.0|1\.1", {r"1\.1": 3})]
)
def test_names_that_end_alike_are_told_apart(tmp_path, targets, pattern):
    model = adapted(Nested(), target_modules=targets, rank_pattern=pattern)
    told = export_lora(model, tmp_path)
    again = PeftModel.from_pretrained(Nested(), str(tmp_path)).eval()
    assert far(again(features()), model(features())) <= 1e-5
    assert sum(hasattr(module, "lora_A") for module in again.modules()) == told.modules == len(layers(model))


def test_which_names_a_config_gives():
    every = ["a", "a.q", "a.k", "b", "b.q", "b.k", "lm"]
    assert exact_targets(["a.q", "b.q"], every) == ["q"]
    assert exact_targets(["a.q"], every) == ["a.q"]
    assert exact_targets(["a.q"], [*every, "x.a.q"]) == r"a\.q"
    assert exact_pattern("a.q") == r"^a\.q"
    assert most_common([3, 1, 1, 3, 3]) == 3


def test_pefts_own_conversion_agrees(tmp_path):
    model = adapted(llama(), target_modules="all-linear")
    wanted = logits(model)
    config, state = convert_to_lora(model, rank=6)
    assert isinstance(config, LoraConfig)
    assert all("lora_" in key for key in state)
    save_as_lora(tmp_path, model, rank=6)
    again = PeftModel.from_pretrained(llama(), str(tmp_path)).eval()
    assert far(logits(again), wanted) <= 1e-5 * float(wanted.abs().max())


def test_what_is_refused(tmp_path):
    folder = tmp_path / "out"
    model = adapted(Mlp(), target_modules=["lin0"])
    for rank in (0, -1, 2.5, "2"):
        with pytest.raises(ExportError, match="whole number of at least 1"):
            export_lora(model, folder, rank=rank)
    with pytest.raises(ExportError, match="'nosuch' on this model; it has: default"):
        export_lora(model, folder, adapter_name="nosuch")
    with pytest.raises(ExportError, match="it has: none"):
        export_lora(Mlp(), folder)
    with pytest.raises(ExportError, match="no MultiLoRA adapter"):
        export_lora(get_peft_model(Mlp(), LoraConfig(target_modules=["lin0"])), folder)
    with pytest.raises(ExportError, match=r"whole modules \(head\)"):
        export_lora(adapted(Mlp(), target_modules=["lin0"], modules_to_save=["head"]), folder)
    for bias in ("all", "multilora_only"):
        with pytest.raises(ExportError, match="biases"):
            export_lora(adapted(Mlp(), target_modules=["lin0"], bias=bias), folder)
    assert not folder.exists(), "nothing was written"


def test_numbers_that_are_not_finite_are_refused(tmp_path):
    model = adapted(Mlp(), target_modules=["lin0"])
    layer = next(iter(layers(model).values()))
    with torch.no_grad():
        layer.multilora_s["default"][0, 0] = 1e6
    export_lora(model, tmp_path / "float32")
    with pytest.raises(ExportError, match=r"float16.*float32 or bfloat16"):
        export_lora(model, tmp_path / "float16", dtype=torch.float16)
    with torch.no_grad():
        layer.multilora_s["default"][0, 0] = torch.nan
    with pytest.raises(ExportError, match="lin0 has numbers that are not finite"):
        export_lora(model, tmp_path / "nan")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["float32"]
