"""Aspect gating: gates on the simplex, absent aspects silent, the id left out in training only."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.recommendation.fusion import GATINGS, AspectGatingFusion

NAMES = ("id", "text", "sparse")


def made(gating: str = "domain", seed: int = 0, learnt: bool = True, **changed) -> AspectGatingFusion:
    torch.manual_seed(seed)
    fusion = AspectGatingFusion(NAMES, 4, 2, gating, **changed)
    if learnt:  # as if trained
        for weight in fusion.parameters():
            torch.nn.init.normal_(weight)
    return fusion


def inputs(n: int = 50, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    present = torch.rand(n, 3, generator=generator) < 0.6
    return torch.randn(n, 3, 4, generator=generator), torch.randn(n, 2, generator=generator), present


@pytest.mark.parametrize("gating", GATINGS)
@given(seed=st.integers(0, 1000), scale=st.sampled_from([1e-3, 1.0, 1e4]))
@settings(max_examples=25, deadline=None)
def test_gates_lie_on_the_simplex_of_what_is_present(gating, seed, scale):
    aspects, domain, present = inputs(seed=seed)
    merged, gates = made(gating, seed).eval()(aspects * scale, domain, present)
    assert (gates >= 0).all()
    assert not gates[~present].any()
    assert torch.allclose(gates.sum(1), present.any(1).float())
    assert not merged[~present.any(1)].any()
    expected = (gates[..., None] * aspects * scale).sum(1) * present.sum(1, keepdim=True)
    assert torch.allclose(merged, expected, rtol=1e-4, atol=1e-5 * scale)  # aspects may cancel out


@pytest.mark.parametrize("gating", GATINGS)
def test_it_begins_as_the_sum_of_what_is_present(gating):
    aspects, domain, present = inputs()
    merged, _ = made(gating, learnt=False).eval()(aspects, domain, present)
    assert torch.allclose(merged, (aspects * present[..., None]).sum(1), atol=1e-5)


@pytest.mark.parametrize("gating", GATINGS)
def test_what_is_absent_does_not_matter(gating):
    aspects, domain, present = inputs()
    fusion = made(gating).eval()
    other = torch.where(present[..., None], aspects, aspects.new_tensor(1e6))
    assert torch.equal(fusion(aspects, domain, present)[0], fusion(other, domain, present)[0])


def test_only_domain_gating_asks_for_the_domain():
    aspects, domain, present = inputs()
    for gating in GATINGS:
        fusion = made(gating).eval()
        same = torch.equal(fusion(aspects, domain, present)[1], fusion(aspects, domain + 1, present)[1])
        assert same == (gating != "domain")


def test_a_low_temperature_chooses_and_a_high_one_averages():
    aspects, domain, _ = inputs()
    everything = torch.ones(50, 3, dtype=torch.bool)
    for gating in ("cls", "domain"):
        sharp = made(gating, temperature=1e-3).eval()(aspects, domain, everything)[1]
        flat = made(gating, temperature=1e3).eval()(aspects, domain, everything)[1]
        assert sharp.max(1).values.mean() > 0.97
        assert torch.allclose(flat, torch.full_like(flat, 1 / 3), atol=0.01)


def test_ids_are_left_out_in_training_where_something_else_is_present():
    fusion = made("mean", id_dropout=0.4).train()
    n = 20_000
    present = torch.tensor([[True, True, False], [True, False, False]]).repeat(n // 2, 1)
    gates = fusion(torch.ones(n, 3, 4), torch.zeros(n, 2), present)[1]
    dropped = (gates[:, 0] == 0).float()
    assert dropped[::2].mean() == pytest.approx(0.4, abs=0.02)
    assert not dropped[1::2].any()
    assert (gates[::2, 1] > 0).all()
    assert present[:, 0].all()  # the caller's mask is untouched
    assert fusion.eval()(torch.ones(n, 3, 4), torch.zeros(n, 2), present)[1][:, 0].all()


@pytest.mark.parametrize("gating", ["cls", "domain"])
def test_gates_learn_which_aspect_tells(gating):
    torch.manual_seed(0)
    fusion = AspectGatingFusion(NAMES, 4, 2, gating, id_dropout=0.0)
    optimiser = torch.optim.Adam(fusion.parameters(), 0.05)
    everything = torch.ones(256, 3, dtype=torch.bool)
    mark = torch.tensor([[0.0, 0, 2, 0], [0, 0, 0, 2], [0, 0, -2, 0]])  # aspects can be told apart
    for _ in range(200):
        aspects = torch.randn(256, 3, 4) * torch.tensor([1.0, 1, 0, 0]) + mark
        merged, gates = fusion(aspects, torch.zeros(256, 2), everything)
        loss = (merged[:, :2] - 3 * aspects[:, 1, :2]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert gates[:, 1].mean() > 0.9


@pytest.mark.parametrize("gating", GATINGS)
def test_gradients_are_finite_where_nothing_is_present(gating):
    fusion = made(gating)
    aspects = torch.randn(6, 3, 4, requires_grad=True)
    merged, gates = fusion(aspects, torch.zeros(6, 2), torch.zeros(6, 3, dtype=torch.bool))
    (merged.sum() + gates.sum()).backward()
    assert torch.isfinite(aspects.grad).all()


@pytest.mark.parametrize(
    "bad",
    [{"names": ()}, {"names": ("id", "id")}, {"gating": "most"}, {"temperature": 0.0}, {"id_dropout": 1.0},
     {"temperature": float("nan")}],
)  # fmt: skip
def test_bad_settings_are_refused(bad):
    with pytest.raises(ValueError):
        AspectGatingFusion(**{"names": NAMES, "width": 4, "domain_width": 2, **bad})


def test_an_id_alone_is_never_left_out():
    fusion = AspectGatingFusion(("id",), 4, 2, id_dropout=0.9).train()
    gates = fusion(torch.ones(100, 1, 4), torch.zeros(100, 2), torch.ones(100, 1, dtype=torch.bool))[1]
    assert gates.all()
