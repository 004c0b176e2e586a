"""What an update looks like: singular values from the factors, subspaces, and the picture."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model

from bethink.models.adapters import Spectrum, plot_spectra, subspace_similarity, update_spectrum
from bethink.models.adapters.spectrum import spectrum_of
from tests.models.adapters.tiny import Mlp, adapted, gpt2, layers, llama

pytestmark = pytest.mark.filterwarnings("ignore:num_modules . r is")


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 9), st.integers(1, 4), st.sampled_from(["vector", "scalar"]), st.integers(0, 9))
def test_the_spectrum_from_the_factors_is_the_whole_matrixs(r, n, scaling, seed):
    model = adapted(Mlp(seed), target_modules=["lin0", "lin1", "lin2"], r=r, num_modules=n, scaling=scaling)
    found = update_spectrum(model)
    assert set(found) == set(layers(model))
    for name, layer in layers(model).items():
        whole = torch.linalg.svdvals(layer.get_delta_weight("default").detach().double()).numpy()
        sigma = found[name].sigma
        width = max(len(whole), len(sigma))
        whole, sigma = (np.pad(each, (0, width - len(each))) for each in (whole, sigma))
        np.testing.assert_allclose(sigma, whole, atol=1e-5 * whole[0])
        assert (np.diff(found[name].sigma) <= 0).all()
        assert found[name].norm == pytest.approx(float(layer.get_delta_weight("default").detach().norm()), rel=1e-5)


def test_a_plain_lora_has_a_spectrum_too():
    model = get_peft_model(Mlp(), LoraConfig(r=3, target_modules=["lin0"], init_lora_weights=False))
    (name, found), *more = update_spectrum(model).items()
    assert not more
    assert name.endswith("lin0")
    assert (found.sigma[:3] > 1e-3).all()
    assert (found.sigma[3:] < 1e-5).all()


def test_conv1d_too():
    model = adapted(gpt2(), target_modules=["c_attn"], fan_in_fan_out=True)
    for name, layer in layers(model).items():
        whole = torch.linalg.svdvals(layer.get_delta_weight("default"))
        np.testing.assert_allclose(update_spectrum(model)[name].sigma[:3], whole[:3].detach(), rtol=1e-4)


def test_an_unknown_adapter():
    with pytest.raises(ValueError, match="adapter 'nosuch'"):
        update_spectrum(adapted(llama(), target_modules=["q_proj"]), "nosuch")


def test_known_shapes_of_spectra():
    flat, sharp = Spectrum(np.ones(4)), Spectrum(np.array([2.0, 0, 0]))
    assert (flat.top1_share, sharp.top1_share) == (0.25, 1.0)
    assert flat.effective_rank == pytest.approx(4)
    assert sharp.effective_rank == pytest.approx(1)
    assert (flat.norm, sharp.norm) == (2.0, 2.0)
    mixed = Spectrum(np.array([math.sqrt(3), 1.0]))
    assert mixed.top1_share == pytest.approx(0.75)
    assert mixed.effective_rank == pytest.approx(math.exp(-0.75 * math.log(0.75) - 0.25 * math.log(0.25)))


def test_an_update_of_zero_has_a_spectrum():
    for found in update_spectrum(adapted(Mlp(), target_modules=["lin0"], init_weights=True)).values():
        assert (found.top1_share, found.effective_rank, found.norm) == (0, 0, 0)


def test_a_whole_matrix():
    diagonal = torch.diag(torch.tensor([1.0, 3.0, 2.0]))
    np.testing.assert_allclose(spectrum_of(diagonal).sigma, [3, 2, 1], rtol=1e-6)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 12), st.data())
def test_similarity_is_a_share_and_one_for_itself(rows, columns, others, data):
    torch.manual_seed(data.draw(st.integers(0, 1000)))
    first, second = torch.randn(rows, columns), torch.randn(rows, others)
    i = data.draw(st.integers(1, min(rows, columns)))
    j = data.draw(st.integers(1, min(rows, others)))
    found = subspace_similarity(first, second, i, j)
    assert 0 <= found <= 1
    assert found == pytest.approx(subspace_similarity(second, first, j, i), abs=1e-5)
    assert subspace_similarity(first, first, i, i) == pytest.approx(1, abs=1e-5)
    assert subspace_similarity(first, -3 * first, i, i) == pytest.approx(1, abs=1e-5)
    if i == rows:
        assert found == pytest.approx(1, abs=1e-4), "all of the space holds every other"


def test_orthogonal_subspaces_have_nothing_in_common():
    first, second = torch.zeros(4, 3), torch.zeros(4, 3)
    first[0, 0], second[2, 1] = 2, 5
    assert subspace_similarity(first, second, 1, 1) == 0
    assert subspace_similarity(first, first + second, 1, 2) == pytest.approx(1)


@pytest.mark.parametrize(("i", "j"), [(0, 1), (1, 0), (4, 1), (1, 4), (-1, 1)])
def test_how_many_vectors_there_are(i, j):
    with pytest.raises(ValueError, match="singular vectors"):
        subspace_similarity(torch.randn(3, 5), torch.randn(3, 5), i, j)


def test_updates_of_other_rows_are_not_compared():
    with pytest.raises(ValueError, match="3 and 4 rows"):
        subspace_similarity(torch.randn(3, 5), torch.randn(4, 5), 1, 1)


def test_the_picture_also_of_an_adapter_that_was_not_trained(tmp_path):
    trained = update_spectrum(adapted(Mlp(), target_modules=["lin0", "lin1"]))
    fresh = update_spectrum(adapted(Mlp(), target_modules=["lin0"], init_weights=True))
    for name, spectra in (("both", {"a": trained, "b": fresh}), ("fresh", {"b": fresh})):
        path = plot_spectra(spectra, tmp_path / f"{name}.png")
        assert path.read_bytes()[:4] == b"\x89PNG"
