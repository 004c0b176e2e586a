from __future__ import annotations

import pytest

from bethink.app.build import policies, set_meter
from bethink.app.settings import SettingsError, load_settings
from bethink.models.energy import Carbon, process_meter


@pytest.fixture
def meter():
    made = process_meter()
    kept = made.carbon, made.remote_j_per_token
    yield made
    made.carbon, made.remote_j_per_token = kept


def test_country_and_remote_models_reach_the_meter(meter):
    pytest.importorskip("codecarbon")
    set_meter(load_settings(country="fra", pue=1.2, joules_per_token_in=0.1, joules_per_token_out=0))
    assert meter.carbon == Carbon.of("FRA", 1.2)
    assert meter.remote_j_per_token == (0.1, 0)
    set_meter(load_settings())
    assert "world" in meter.carbon.source
    assert meter.remote_j_per_token is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"country": "Atlantis"}, {"pue": 0.2}, {"pue": "nan"}, {"joules_per_token_in": 1}, {"joules_per_token_in": -1},
        {"think_after_s": -1}, {"think_after_s": "nan"}, {"unload_after_min": "soon"}, {"full_history": "perhaps"},
    ],
)  # fmt: skip
def test_what_cannot_be_is_a_sentence(meter, wrong):
    pytest.importorskip("codecarbon")
    with pytest.raises(SettingsError, match=r"^Settings: "):
        set_meter(load_settings(**wrong))


def test_switches_are_settings(monkeypatch):
    monkeypatch.setenv("BETHINK_REPEAT_ANSWERS", "true")
    monkeypatch.setenv("BETHINK_THINK_AFTER_S", "30")
    found = policies(load_settings(full_history=True, unload_after_min=5))
    assert (found.full_history, found.repeat_answers) == (True, True)
    assert (found.think_after_s, found.unload_after_min) == (30, 5)
