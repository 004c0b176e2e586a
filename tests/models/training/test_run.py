from __future__ import annotations

import json

import pytest
import torch

from bethink.models.adapter_folder import (
    AdapterError,
    adapter_report,
    list_adapters,
    load_adapter,
    tensors_of,
    weights_sha256,
)
from bethink.models.training.examples import ExampleError
from bethink.models.training.export import export_adapter
from bethink.models.training.run import train_adapter
from bethink.models.training.settings import read_settings


@pytest.fixture
def made(settings_file, tmp_path):
    return train_adapter(read_settings(settings_file), tmp_path / "adapters" / "letters")


def test_an_adapter_is_written_with_its_card_and_a_plain_lora(made, tiny_base, settings_file):
    assert made.finished
    names = {path.name for path in made.folder.iterdir()}
    assert {"adapter_config.json", "adapter_model.safetensors", "bethink-adapter.json", "lora", "spectrum.png"} <= names
    card = json.loads((made.folder / "bethink-adapter.json").read_text(encoding="utf-8"))
    assert card["base"] == {
        "name": "tiny",
        "sha256": weights_sha256(tiny_base),
        "parameters": card["base"]["parameters"],
    }
    assert [task["task"] for task in card["tasks"]] == ["after", "yes"]
    assert card["tasks"][0]["n"] == 8
    assert card["training"]["steps"] == 12
    assert str(settings_file.parent) not in json.dumps(card["settings"]["examples"])


def test_reports_and_lists(made):
    report = adapter_report(made.folder)
    assert (report["kind"], report["rank"], report["modules"]) == ("multilora", 6, 14)
    assert 0 < report["spectrum"]["effective_rank"] <= 6
    (listed,) = list_adapters(made.folder.parent)
    assert (listed["name"], listed["kind"], listed["base"]) == ("letters", "multilora", "tiny")
    plain = adapter_report(made.folder / "lora")
    assert plain["kind"] == "lora"
    assert plain["spectrum"]["effective_rank"] == pytest.approx(report["spectrum"]["effective_rank"], abs=0.02)
    assert list_adapters(made.folder / "nowhere") == []


@pytest.mark.parametrize("kind", ["lora", "merged"])
def test_an_export_gives_the_same_logits(made, tiny_base, tmp_path, kind):
    found = export_adapter(made.folder, tmp_path / "out", kind=kind, base=str(tiny_base))
    assert found["max_abs_difference"] < 1e-4
    with pytest.raises(AdapterError, match="has files in it"):
        export_adapter(made.folder, tmp_path / "out", kind=kind, base=str(tiny_base))


def test_a_truncated_export_tells_its_error(made, tiny_base, tmp_path):
    found = export_adapter(made.folder, tmp_path / "out", rank=1, base=str(tiny_base))
    assert found["rank"] == 1
    assert 0 < found["error"] < found["norm"]


def test_another_base_of_the_same_shapes_is_refused(made, tiny_base, tmp_path):
    from transformers import AutoModelForCausalLM

    other = AutoModelForCausalLM.from_pretrained(tiny_base)
    with torch.no_grad():
        other.model.layers[0].mlp.up_proj.weight[0, 0] += 1
    other.save_pretrained(tmp_path / "other")
    with pytest.raises(AdapterError, match="trained on other weights"):
        load_adapter(other, made.folder, base_folder=tmp_path / "other")
    base = AutoModelForCausalLM.from_pretrained(tiny_base)
    assert load_adapter(base, made.folder, base_folder=tiny_base).active_adapter == "default"


def test_damaged_adapters_are_told(made, tiny_base, tmp_path):
    from transformers import AutoModelForCausalLM

    def load():
        return load_adapter(AutoModelForCausalLM.from_pretrained(tiny_base), made.folder)

    config = made.folder / "adapter_config.json"
    kept = json.loads(config.read_text(encoding="utf-8"))
    config.write_text(json.dumps({**kept, "r": 1_000_000}), encoding="utf-8")
    with pytest.raises(AdapterError, match="do not belong together"):
        load()
    config.write_text(json.dumps({**kept, "r": None}), encoding="utf-8")
    with pytest.raises(AdapterError, match="damaged"):
        load()
    config.write_text(json.dumps(kept), encoding="utf-8")
    weights = made.folder / "adapter_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AdapterError, match="damaged"):
        load()
    weights.unlink()
    (made.folder / "adapter_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(AdapterError, match="other formats"):
        load()
    with pytest.raises(AdapterError, match="cannot be read"):
        load_adapter(None, tmp_path / "nowhere")


def test_a_folder_keeps_one_training(settings_file, tmp_path):
    settings = read_settings(settings_file)
    reached = []
    stopped = train_adapter(
        settings, tmp_path / "a", report=lambda done, message: reached.append(message), stop=lambda: len(reached) > 4
    )
    assert not stopped.finished
    with pytest.raises(ValueError, match="other settings"):
        train_adapter(settings.model_copy(update={"lr": 5e-3}), tmp_path / "a")
    assert train_adapter(settings, tmp_path / "a").finished


def test_a_training_can_start_from_another_adapter(made, settings_file, tmp_path):
    text = settings_file.read_text(encoding="utf-8").replace("[examples]", 'start = "adapters/letters"\n[examples]', 1)
    settings_file.write_text(text.replace("lr = 1e-2", "lr = 1e-9"), encoding="utf-8")
    settings = read_settings(settings_file)
    again = train_adapter(settings, tmp_path / "again")
    assert again.card["settings"]["start"] == "letters"
    assert [each["training"] for each in again.card["before"]] == [made.card["training"]]
    before, after = tensors_of(made.folder), tensors_of(again.folder)
    assert before.keys() == after.keys()
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, atol=1e-5, rtol=1e-4)
    with pytest.raises(AdapterError, match="its r is another"):
        train_adapter(settings.model_copy(update={"r": 3}), tmp_path / "b")
    with pytest.raises(AdapterError, match="its peft_type"):
        train_adapter(settings.model_copy(update={"method": "lora"}), tmp_path / "c")
    with pytest.raises(AdapterError, match="cannot be read"):
        train_adapter(settings.model_copy(update={"start": str(tmp_path)}), tmp_path / "d")
    settings_file.write_text(text.replace('"adapters/letters"', '"bethink"'), encoding="utf-8")
    ours = read_settings(settings_file).model_copy(update={"r": 3, "lora_alpha": 6.0})
    with pytest.raises(AdapterError, match="agent_adapter was trained on other weights"):
        train_adapter(ours, tmp_path / "f")
    card = made.folder / "bethink-adapter.json"
    card.write_text(json.dumps({"base": {"sha256": "0" * 64}}), encoding="utf-8")
    with pytest.raises(AdapterError, match="other weights"):
        train_adapter(settings, tmp_path / "e")


def test_what_cannot_be_trained_is_told(settings_file, tmp_path):
    settings = read_settings(settings_file)
    with pytest.raises(ValueError, match="makes no adapter"):
        train_adapter(settings.model_copy(update={"method": "full"}), tmp_path / "a")
    with pytest.raises(ExampleError, match="name no examples"):
        train_adapter(settings.model_copy(update={"examples": {}}), tmp_path / "a")
    short = settings.model_copy(update={"max_length": 1})
    with pytest.raises(ExampleError, match="longer than"):
        train_adapter(short, tmp_path / "b")


def test_a_damaged_adapter_is_listed_as_such_and_its_report_is_told(made):
    config = made.folder / "adapter_config.json"
    kept = json.loads(config.read_text(encoding="utf-8"))
    for wrong in ({**kept, "r": None}, {**kept, "r": 0}, {**kept, "lora_alpha": "much"}):
        config.write_text(json.dumps(wrong), encoding="utf-8")
        with pytest.raises(AdapterError, match="do not belong together"):
            adapter_report(made.folder)
    config.write_text("{", encoding="utf-8")
    assert list_adapters(made.folder.parent)[0]["kind"] == "damaged"


def test_damaged_weights_of_a_base_are_told(tiny_base, tmp_path):
    whole = (tiny_base / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[:1000])
    with pytest.raises(AdapterError, match="are damaged"):
        weights_sha256(tmp_path)
    with pytest.raises(AdapterError, match=r"holds no \.safetensors"):
        weights_sha256(tmp_path / "nowhere")
