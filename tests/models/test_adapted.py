from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from bethink.models import agent_prompts
from bethink.models.adapted import PACKAGED, TEMPLATE, adapted_folder
from bethink.models.adapter_folder import WEIGHTS, AdapterError
from bethink.models.convert import is_whole
from bethink.models.registry import MissingModelError, UnknownModelError, load_chat_model


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A tiny model's folder, with the real tokenizer's files."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    from bethink.models.convert import smollm2_folder

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
    tokenizer = AutoTokenizer.from_pretrained(smollm2_folder())
    folder = tmp_path_factory.mktemp("base")
    LlamaForCausalLM(LlamaConfig(**sizes, num_key_value_heads=1, vocab_size=len(tokenizer))).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def adapter(base, tmp_path):
    from peft import get_peft_model
    from transformers import AutoModelForCausalLM

    from bethink.models.adapters import MultiLoraConfig

    torch.manual_seed(1)
    config = MultiLoraConfig(r=2, num_modules=2, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name.endswith("multilora_s.default"):
                value.normal_()
    folder = tmp_path / "mine"
    model.save_pretrained(folder)
    return folder


def _logits(folder: Path) -> torch.Tensor:
    from transformers import AutoModelForCausalLM

    with torch.no_grad():
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        return model(torch.arange(1, 9)[None]).logits


def test_the_folder_answers_as_base_and_adapter_do(base, adapter, tmp_path):
    from transformers import AutoModelForCausalLM

    from bethink.models.adapter_folder import load_adapter

    merged = adapted_folder(base, adapter, cache=tmp_path / "cache")
    with torch.no_grad():
        both = load_adapter(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), adapter)
        wanted = both(torch.arange(1, 9)[None]).logits
    torch.testing.assert_close(_logits(merged), wanted, atol=5e-3, rtol=5e-3)  # float16
    assert (_logits(merged) - _logits(base)).abs().max() > 0.02
    assert is_whole(merged)


def test_it_is_made_once_and_anew_for_another_adapter(base, adapter, tmp_path):
    cache = tmp_path / "cache"
    first = adapted_folder(base, adapter, cache=cache)
    (first / "mark").write_text("")
    assert adapted_folder(base, adapter, cache=cache) == first
    assert (first / "mark").exists()
    (adapter / TEMPLATE).write_text("{{ messages }}")
    second = adapted_folder(base, adapter, cache=cache)
    assert second != first
    assert (second / TEMPLATE).read_text() == "{{ messages }}"


def test_a_damaged_folder_is_made_again(base, adapter, tmp_path):
    folder = adapted_folder(base, adapter, cache=tmp_path / "cache")
    (folder / "model.safetensors").write_bytes(b"")
    assert adapted_folder(base, adapter, cache=tmp_path / "cache") == folder
    assert is_whole(folder)


def test_an_adapter_of_another_base_is_refused_and_leaves_nothing(base, adapter, tmp_path):
    (adapter / "bethink-adapter.json").write_text(json.dumps({"base": {"name": "other", "sha256": "0" * 64}}))
    with pytest.raises(AdapterError, match="other weights"):
        adapted_folder(base, adapter, cache=tmp_path / "cache")
    assert not [path for path in (tmp_path / "cache" / "models").iterdir() if path.is_dir()]


def test_a_folder_without_an_adapter_is_told(base, tmp_path):
    with pytest.raises(AdapterError, match=WEIGHTS):
        adapted_folder(base, tmp_path, cache=tmp_path / "cache")


def test_a_model_with_an_adapter_is_named_with_a_plus(base, adapter, tmp_path, monkeypatch):
    monkeypatch.setenv("BETHINK_CACHE", str(tmp_path / "cache"))
    model = load_chat_model(f"{base}+{adapter}", max_new_tokens=2)
    assert model.engine.describe()["width"] == 16
    with pytest.raises(MissingModelError, match="adapter list"):
        load_chat_model(f"{base}+/no/such/adapter")
    with pytest.raises(UnknownModelError):
        load_chat_model(f"nosuch+{adapter}")


@pytest.fixture(scope="module")
def tokenizer():
    from transformers import AutoTokenizer

    from bethink.models.convert import smollm2_folder

    made = AutoTokenizer.from_pretrained(smollm2_folder())
    made.chat_template = (PACKAGED / TEMPLATE).read_text(encoding="utf-8")
    return made


def test_the_packaged_template_writes_the_prompts_of_training(tokenizer):
    arguments = {"upload": "café.csv", "noise": 0.5, "filters": ["robust", "letkf"]}
    said = [
        ("user", "Track it."),
        ("assistant", agent_prompts.call_text("track_state", arguments)),
        ("user", agent_prompts.result_text("It was tracked.")),
        ("assistant", "Done."),
        ("user", "And <now>?\nQuickly."),
    ]
    function = {"name": "track_state", "arguments": arguments}
    messages = [
        {"role": "system", "content": agent_prompts.CHAT},
        {"role": "user", "content": "Track it."},
        {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": function}]},
        {"role": "tool", "name": "track_state", "content": "It was tracked."},
        {"role": "assistant", "content": "Done."},
        {"role": "user", "content": "And <now>?\nQuickly."},
    ]
    tools = [{"type": "function", "function": {"name": name}} for name in ("track_state", "recommend")]
    for start in (0, 1):  # with and without a system message
        text = tokenizer.apply_chat_template(messages[start:], tools=tools, tokenize=False, add_generation_prompt=True)
        assert text == agent_prompts.chat_prompt(["track_state", "recommend"], said)


def test_the_packaged_template_without_tools(tokenizer):
    messages = [
        {"role": "system", "content": agent_prompts.EXTRACT},
        {"role": "user", "content": "[Fri 2026-05-01] Hi."},
    ]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert text == agent_prompts.extract_prompt("Hi.", "2026-05-01")


def test_copies_of_an_adapter_are_the_same_model(base, adapter, tmp_path):
    copy = tmp_path / "elsewhere" / "mine"
    shutil.copytree(adapter, copy)
    cache = tmp_path / "cache"
    assert adapted_folder(base, copy, cache=cache) == adapted_folder(base, adapter, cache=cache)
