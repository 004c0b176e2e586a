from __future__ import annotations

import tomllib

import pytest

from bethink.app import settings as settings_module
from bethink.app import settings_file
from bethink.app.settings import Settings, SettingsError, load_settings
from bethink.app.settings_file import CHANGEABLE, save, sources


@pytest.fixture(autouse=True)
def own_place(tmp_path, monkeypatch):
    """A working folder and a user's file that are this test's own."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    user = tmp_path / "config" / "bethink" / "bethink.toml"
    for module in (settings_module, settings_file):
        monkeypatch.setattr(module, "user_file", lambda: user)
    return user


def test_a_setting_is_saved_for_the_next_start(own_place):
    assert save({"model": "smollm2+/a/b", "pue": 1.2, "memory": True}) == own_place
    assert tomllib.loads(own_place.read_text(encoding="utf-8")) == {"model": "smollm2+/a/b", "pue": 1.2}
    assert load_settings().pue == 1.2
    assert own_place.stat().st_mode & 0o077 == 0
    save({"pue": 1.0})
    assert "pue" not in own_place.read_text(encoding="utf-8")


def test_the_rest_of_the_file_stays(tmp_path):
    text = '# mine\nmodel = "a" # why\n\n[mcp_servers.files]\ncommand = "x"\nargs = ["y"]\n'
    file = tmp_path / "here" / "bethink.toml"
    file.write_text(text, encoding="utf-8")
    save({"model": "b", "country": "DEU"})
    now = file.read_text(encoding="utf-8")
    assert "# mine" in now
    assert 'model = "b" # why' in now
    content = tomllib.loads(now)
    assert content["country"] == "DEU"
    assert content["mcp_servers"] == {"files": {"command": "x", "args": ["y"]}}


def test_what_is_as_usual_is_written_where_a_weaker_file_says_otherwise(tmp_path, own_place):
    own_place.parent.mkdir(parents=True)
    own_place.write_text("pue = 1.4\n", encoding="utf-8")
    file = tmp_path / "here" / "bethink.toml"
    file.write_text('country = "DEU"\n', encoding="utf-8")
    assert load_settings().pue == 1.4
    save({"pue": 1.0})
    assert load_settings().pue == 1.0
    save({"country": ""})
    assert "country" not in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(set(Settings.model_fields) - set(CHANGEABLE)))
def test_what_says_who_comes_in_or_what_is_started_is_not_changed_here(name, own_place):
    with pytest.raises(SettingsError, match="in the file only"):
        save({name: ""})
    assert not own_place.exists()


@pytest.mark.parametrize("wrong", [{"turns_per_minute": 0}, {"pue": "much"}, {"max_upload_mb": 1e9}])
def test_what_cannot_be_is_not_written(wrong, own_place):
    save({"country": "DEU"})
    before = own_place.read_bytes()
    (name,) = wrong
    with pytest.raises(SettingsError, match=f"Not saved: {name}"):
        save(wrong)
    assert own_place.read_bytes() == before


@pytest.mark.parametrize(
    "wrong", [{"country": "Germany"}, {"pue": 0.5}, {"pue": float("nan")}, {"joules_per_token_in": 1.0}]
)
def test_what_the_next_start_would_end_at_is_not_written(wrong, own_place):
    with pytest.raises(SettingsError, match="Not saved: "):
        save(wrong)
    assert not own_place.exists()


@pytest.mark.parametrize("content", [b"model = ", b"\xff\xfe"])
def test_a_damaged_file_is_left_alone(content, own_place):
    own_place.parent.mkdir(parents=True)
    own_place.write_bytes(content)
    with pytest.raises(SettingsError, match="not valid TOML"):
        save({"country": "DEU"})
    assert own_place.read_bytes() == content


def test_where_each_setting_comes_from(tmp_path, own_place, monkeypatch):
    own_place.parent.mkdir(parents=True)
    own_place.write_text('country = "FRA"\npue = 1.1\n', encoding="utf-8")
    (tmp_path / "here" / "bethink.toml").write_text("pue = 1.3\n", encoding="utf-8")
    monkeypatch.setenv("BETHINK_TEMPERATURE", "0.5")
    monkeypatch.setenv("BETHINK_MODEL", "x")
    found = sources(load_settings(model="y"))
    assert found["model"] == "command line"
    assert found["temperature"] == "environment, BETHINK_TEMPERATURE"
    assert found["pue"] == "bethink.toml"
    assert found["country"] == str(own_place)
    assert found["memory"] == "default"
    assert set(found) == set(Settings.model_fields)
