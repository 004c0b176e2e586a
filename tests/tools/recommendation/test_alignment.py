"""Divergences between domains: their properties, and that descending them brings domains together."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.recommendation.alignment import domain_divergence, jensen_shannon

KINDS = ["js", "mmd"]


def drawn(seed: int, n: int = 60, scale: float = 2.0) -> torch.Tensor:
    return torch.randn(n, 5, generator=torch.Generator().manual_seed(seed)) * scale


def distributions(seed: int) -> torch.Tensor:
    p = torch.softmax(drawn(seed, 2, 6.0).double(), -1)
    return torch.where(p < 1e-3, 0, p) / torch.where(p < 1e-3, 0, p).sum(-1, keepdim=True)


@given(st.integers(0, 10_000))
@settings(max_examples=100, deadline=None)
def test_jensen_shannon_is_symmetric_bounded_and_a_squared_metric(seed):
    p, q = distributions(seed)
    r = distributions(seed + 1)[0]
    js = jensen_shannon
    assert js(p, q) == js(q, p)
    assert 0 <= js(p, q) <= math.log(2) + 1e-12
    assert js(p, p) <= 1e-12
    assert js(p, q).sqrt() <= js(p, r).sqrt() + js(r, q).sqrt() + 1e-7  # Endres and Schindelin 2003


def test_jensen_shannon_against_its_definition_by_kullback_leibler():
    p, q = torch.tensor([0.5, 0.3, 0.2]).double(), torch.tensor([0.1, 0.1, 0.8]).double()
    m = (p + q) / 2
    expected = ((p * (p / m).log()).sum() + (q * (q / m).log()).sum()) / 2
    assert jensen_shannon(p, q).item() == pytest.approx(expected.item(), rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_properties_over_domains(kind, seed):
    z = drawn(seed)
    domain = torch.randint(3, (60,), generator=torch.Generator().manual_seed(seed))
    found = domain_divergence(z, domain, 3, kind)
    assert 0 <= found <= (math.log(2) if kind == "js" else 2) + 1e-6
    renamed = torch.tensor([2, 0, 1])[domain]
    assert domain_divergence(z, renamed, 3, kind).item() == pytest.approx(found.item(), rel=1e-4, abs=1e-6)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(seed))
    assert domain_divergence(z[order], domain[order], 3, kind).item() == pytest.approx(found.item(), rel=1e-3, abs=1e-6)
    twice = domain_divergence(torch.cat([z, z]), torch.arange(120) // 60, 2, kind)
    assert twice.item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_it_grows_as_domains_part(kind):
    z, domain = drawn(0, 200, 1.0), torch.arange(200) % 2
    shift = torch.tensor([1.0, -1.0, 0, 0, 0])
    found = [domain_divergence(z + far * domain[:, None] * shift, domain, 2, kind).item() for far in (0, 1, 2, 4)]
    assert found == sorted(found)
    assert found[3] > 10 * found[0] + 0.1


def test_far_apart_is_log_2():
    z = torch.zeros(10, 4)
    z[:5, 0] = z[5:, 1] = 100
    assert domain_divergence(z, torch.arange(10) // 5, 2).item() == pytest.approx(math.log(2), rel=1e-5)


def test_only_mmd_sees_a_difference_in_spread():
    z = torch.randn(400, 5, generator=torch.Generator().manual_seed(0)) * 0.3
    domain = torch.arange(400) % 2
    wider = torch.where(domain[:, None] == 1, 5 * z, z)
    assert domain_divergence(wider, domain, 2, "mmd") > 10 * domain_divergence(z, domain, 2, "mmd")
    assert domain_divergence(wider, domain, 2, "js") < 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_descending_it_aligns(kind):
    z, domain = drawn(1, 100, 0.5), torch.arange(100) % 2
    z += 1.5 * domain[:, None] * torch.tensor([1.0, 0, 0, 0, -1.0])
    shift = torch.zeros(5, requires_grad=True)
    optimiser = torch.optim.Adam([shift], 0.05)
    before = domain_divergence(z, domain, 2, kind).item()
    for _ in range(100):
        loss = domain_divergence(z + domain[:, None] * shift, domain, 2, kind)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < before / 10


@pytest.mark.parametrize("kind", [*KINDS, "none"])
@pytest.mark.parametrize("domain", [torch.zeros(6, dtype=torch.long), torch.tensor([4, 4, 4, 4, 4, 4])])
def test_one_domain_alone_is_aligned(kind, domain):
    z = drawn(0, 6).requires_grad_()
    loss = domain_divergence(z, domain, 5, kind)
    loss.backward()
    assert loss.item() == 0
    assert not z.grad.any()


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_finite_for_equal_and_for_far_rows(kind):
    for z in (torch.zeros(8, 5), torch.eye(8, 5) * 1e4):
        z.requires_grad_()
        domain_divergence(z, torch.arange(8) % 2, 2, kind).backward()
        assert torch.isfinite(z.grad).all()


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="choose from js"):
        domain_divergence(drawn(0), torch.zeros(60, dtype=torch.long), 1, "kl")
