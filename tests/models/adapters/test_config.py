"""Settings: what is refused before any weight is made, and what survives a file."""

from __future__ import annotations

import copy
import json
import math
import pickle

import pytest
from peft import PeftConfig, PeftType
from peft.mapping import get_peft_config

from bethink.models.adapters import MultiLoraConfig


@pytest.mark.parametrize("name", ["r", "num_modules"])
@pytest.mark.parametrize("value", [0, -1, 2.0, True, "8", None, math.nan])
def test_counts_are_whole_and_positive(name, value):
    with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1"):
        MultiLoraConfig(**{name: value})


@pytest.mark.parametrize("value", [0, -1, 1.5, False])
def test_the_ranks_of_the_pattern_too(value):
    with pytest.raises(ValueError, match=r"rank_pattern\['q_proj'\] must be a whole number"):
        MultiLoraConfig(rank_pattern={"q_proj": value})


@pytest.mark.parametrize("value", [0, -2, math.nan, math.inf, -math.inf, True, "16", None])
def test_alpha_is_a_positive_number(value):
    with pytest.raises(ValueError, match="lora_alpha must be a number greater than 0"):
        MultiLoraConfig(lora_alpha=value)


@pytest.mark.parametrize("value", [-0.1, 1, 1.5, math.nan, True, "0.1"])
def test_dropout_is_a_share(value):
    with pytest.raises(ValueError, match="multilora_dropout must be at least 0 and less than 1"):
        MultiLoraConfig(multilora_dropout=value)


@pytest.mark.parametrize(
    ("name", "value", "known"),
    [
        ("scaling", "matrix", "'vector', 'scalar'"),
        ("scaling", ["vector"], "'vector', 'scalar'"),
        ("init_weights", "gaussian", "'zero_b'"),
        ("init_weights", 1, "'zero_b'"),
        ("bias", "lora_only", "'multilora_only'"),
    ],
)
def test_unknown_words_are_told_the_known_ones(name, value, known):
    with pytest.raises(ValueError, match=f"{name} must be one of .*{known}"):
        MultiLoraConfig(**{name: value})


def test_layer_numbers_need_names():
    with pytest.raises(ValueError, match="as a list of names"):
        MultiLoraConfig(target_modules="all-linear", layers_to_transform=[0])
    with pytest.raises(ValueError, match="give both or neither"):
        MultiLoraConfig(target_modules=["q_proj"], layers_pattern="layers")


def test_the_first_layer_alone_can_be_named():
    config = MultiLoraConfig(target_modules=["q_proj"], layers_to_transform=0, layers_pattern="layers")
    assert config.layers_to_transform == 0


def test_lists_of_names_become_sets():
    config = MultiLoraConfig(target_modules=["b", "a"], exclude_modules=["c"])
    assert config.target_modules == {"a", "b"}
    assert config.exclude_modules == {"c"}


def test_a_missing_pattern_is_an_empty_one():
    assert MultiLoraConfig(rank_pattern=None).rank_pattern == {}


def test_the_file_says_the_method_and_brings_everything_back(tmp_path):
    config = MultiLoraConfig(
        r=4, num_modules=5, lora_alpha=2.5, scaling="scalar", multilora_dropout=0.1, init_weights="zero_b",
        target_modules=["q_proj"], exclude_modules=["lm_head"], modules_to_save=["score"], layers_to_transform=[1],
        layers_pattern="layers", rank_pattern={"q_proj": 3}, bias="all", task_type="CAUSAL_LM",
    )  # fmt: skip
    config.save_pretrained(str(tmp_path))
    assert json.loads((tmp_path / "adapter_config.json").read_text())["peft_type"] == "MULTILORA"
    for again in (PeftConfig.from_pretrained(str(tmp_path)), MultiLoraConfig.from_pretrained(str(tmp_path))):
        assert type(again) is MultiLoraConfig
        ours, theirs = config.to_dict(), again.to_dict()
        assert {**ours, "inference_mode": True} == {**theirs, "inference_mode": True}


def test_a_damaged_file_is_refused(tmp_path):
    MultiLoraConfig().save_pretrained(str(tmp_path))
    path = tmp_path / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "r": -8}))
    with pytest.raises(ValueError, match="r must be a whole number"):
        PeftConfig.from_pretrained(str(tmp_path))


def test_peft_makes_it_from_a_dictionary():
    config = get_peft_config({"peft_type": "MULTILORA", "r": 3})
    assert isinstance(config, MultiLoraConfig)
    assert (config.r, config.peft_type) == (3, PeftType.MULTILORA)


def test_copies_are_equal():
    config = MultiLoraConfig(target_modules=["a"])
    for again in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert again == config
        assert again.peft_type is PeftType.MULTILORA
