from __future__ import annotations

import pytest

from bethink.models.training.settings import SettingsError, TrainingSettings, read_settings


def test_paths_are_relative_to_the_file(tmp_path):
    file = tmp_path / "a.toml"
    file.write_text('steps = 3\n[examples]\nmine = "x.jsonl"\n', encoding="utf-8")
    found = read_settings(file)
    assert found.steps == 3
    assert found.examples == {"mine": str(tmp_path / "x.jsonl")}
    assert found.model_copy(update={"steps": 400, "examples": {}}) == TrainingSettings()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("steps = 0", "steps"),
        ("lr = -1.0", "lr"),
        ("lr = nan", "lr"),
        ('method = "qlora"', "method"),
        ("learning_rate = 1e-3", "learning_rate"),
        ("r = 100000", "r"),
        ("steps =", "TOML"),
        ("temperature = 0.1", "temperature"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, said):
    file = tmp_path / "a.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=said):
        read_settings(file)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read"):
        read_settings(tmp_path / "none.toml")
