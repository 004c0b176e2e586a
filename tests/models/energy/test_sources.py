"""Counters, processors, carbon and operations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethink.models.energy import Carbon, Shape
from bethink.models.energy.carbon import CarbonError, intensities
from bethink.models.energy.counters import Nvml, open_nvml, open_rapl
from bethink.models.energy.processor import design_powers, plain, processor, this_processor


def powercap(folder, **zones: int):
    for name, value in zones.items():
        zone = folder / f"intel-rapl:{name}"
        zone.mkdir()
        (zone / "name").write_text({"a": "package-0", "b": "dram", "c": "core"}[name] + "\n")
        (zone / "energy_uj").write_text(f"{value}\n")
        (zone / "max_energy_range_uj").write_text("999\n")
    return folder


def test_rapl_adds_packages_and_dram_and_survives_the_wrap(tmp_path):
    counter, why = open_rapl(powercap(tmp_path, a=900, b=10, c=5))
    assert counter is not None, why
    assert counter.read() == 0
    (tmp_path / "intel-rapl:a" / "energy_uj").write_text("100")  # 100 to the end of the range, 100 more
    (tmp_path / "intel-rapl:b" / "energy_uj").write_text("30")
    (tmp_path / "intel-rapl:c" / "energy_uj").write_text("500")  # part of the package already
    assert counter.read() == 200 + 20
    (tmp_path / "intel-rapl:a" / "energy_uj").write_text("gone")
    assert counter.read() == 220


def test_what_is_missing_is_told(tmp_path):
    assert "containers" in open_rapl(tmp_path / "nowhere")[1]
    folder = powercap(tmp_path, a=1)
    (folder / "intel-rapl:a" / "max_energy_range_uj").write_text("?")
    assert open_rapl(folder)[0] is None
    counter, why = open_nvml()
    assert (counter is None) == bool(why)


def test_nvml_counts_all_devices_in_microjoules():
    class FakeLibrary:
        values = {0: 5_000, 1: 7_000}

        def nvmlDeviceGetTotalEnergyConsumption(self, handle: int) -> int:
            return self.values[handle]

    library = FakeLibrary()
    counter = Nvml(library, [0, 1])
    assert counter.read() == 0
    library.values = {0: 5_010, 1: 7_001}
    assert counter.read() == 11_000
    library.values = {}
    assert counter.read() == 11_000  # a device that is gone stands still


def test_processors_by_the_names_that_systems_give():
    pytest.importorskip("codecarbon")
    assert len(design_powers()) > 4000
    names = {
        "AMD EPYC 7763 64-Core Processor": 280,
        "11th Gen Intel(R) Core(TM) i7-1165G7 @ 2.80GHz": 28,
        "AMD Ryzen 7 5800H with Radeon Graphics": 45,
        "Apple M2": 22,
    }
    for name, watts in names.items():
        found = processor(name, 16)
        assert (found.watts_per_core, found.known) == (watts / 16, True), name
    for name in ("", "Intel(R) Xeon(R) Processor", "Quantum 9000", "\ud800"):
        found = processor(name, 8)
        assert (found.watts_per_core, found.known) == (4.0, False)
    assert processor("AMD EPYC 7763 64-Core Processor", 2, virtual=True).watts_per_core == 4.0
    assert this_processor().watts_per_core > 0
    assert plain("  Intel(R)   Xeon(R) CPU E5-2680 v4 @ 2.40GHz") == "intel xeon e5-2680 v4"


def test_carbon_by_country():
    pytest.importorskip("codecarbon")
    assert len(intensities()) > 200
    assert Carbon.of("FRA").ci_g_per_kwh == pytest.approx(56.0, abs=0.5)
    assert Carbon.of("deu", 1.5).grams(3.6e6) == pytest.approx(1.5 * 380.95, abs=0.1)
    assert Carbon.of("DEU").source.startswith("DEU")


def test_without_a_country_the_world_is_taken_and_said():
    assert Carbon.of().grams(3.6e6) == 475.0
    assert "world" in Carbon.of().source
    assert Carbon().grams(None) is None


@pytest.mark.parametrize(
    ("country", "pue"), [("Germany", 1), ("XXX", 1), ("\ud800", 1), ("DEU" * 99, 1), ("", 0.5), ("", float("nan"))]
)
def test_what_cannot_be_is_refused(country, pue):
    pytest.importorskip("codecarbon")
    with pytest.raises(CarbonError, match=r"such as DEU|PUE"):
        Carbon.of(country, pue)


def test_without_the_tables_it_still_works(monkeypatch):
    monkeypatch.setattr("bethink.models.energy.carbon.intensities", dict)
    monkeypatch.setattr("bethink.models.energy.processor.design_powers", dict)
    assert "bethink[green]" in Carbon.of("DEU").source
    assert processor("Apple M2", 8).watts_per_core == 4.0


SHAPES = st.builds(Shape, st.integers(1, 10**12), st.integers(1, 200), st.integers(1, 20_000))


@given(SHAPES, st.integers(0, 5000), st.integers(0, 300), st.integers(0, 5000))
def test_operations_add_up(shape, prompt, answer, cached):
    cached = min(cached, prompt)
    one_by_one = sum(2.0 * shape.parameters + 4.0 * shape.layers * shape.width * (prompt + i) for i in range(answer))
    assert shape.decode(prompt, answer) == pytest.approx(one_by_one, rel=1e-12)
    whole = shape.generation(prompt, answer)
    assert whole - shape.generation(prompt, answer, cached) == pytest.approx(shape.forward(cached), rel=1e-6)
    assert whole >= shape.generation(prompt, answer, cached) >= 0


def test_a_config_without_the_usual_names_has_no_shape():
    class Config:
        hidden_size = 8

    assert Shape.from_config(Config()) is None


def test_parameters_of_a_real_config_are_those_of_the_model():
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=64, hidden_size=48, intermediate_size=96, num_hidden_layers=3, num_attention_heads=6,
        num_key_value_heads=2, tie_word_embeddings=False,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    shape = Shape.from_config(config)
    assert shape is not None
    assert (
        shape.parameters == sum(p.numel() for p in model.model.parameters()) - model.model.embed_tokens.weight.numel()
    )
