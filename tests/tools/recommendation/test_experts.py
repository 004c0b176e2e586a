"""Experts, gates and towers by domain: shapes, isolation of domains, growth, learning."""

from __future__ import annotations

import pytest
import torch

from bethink.tools.recommendation.experts import DomainAdaptive, DomainLinear, MixtureOfExperts


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def shaken(module: torch.nn.Module) -> torch.nn.Module:
    """As if trained."""
    for weight in module.parameters():
        torch.nn.init.normal_(weight)
    return module.eval()


def rows(n: int = 30) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(n, 6), torch.arange(n) % 3


def test_a_domains_linear_map_is_its_own():
    x, domain = rows()
    linear = DomainLinear(6, 4, 3)
    torch.nn.init.normal_(linear.bias)
    expected = torch.stack([linear.weight[d] @ v + linear.bias[d] for v, d in zip(x, domain.tolist(), strict=True)])
    assert torch.allclose(linear(x, domain), expected, atol=1e-5)


def test_experts_by_the_equation():
    x, domain = rows()
    model = shaken(MixtureOfExperts(6, 3, experts=2, hidden=5))
    for row, d, found in zip(x, domain.tolist(), model(x, domain), strict=True):
        answers = torch.relu(model.experts(row)).view(2, 5)
        gate = torch.softmax(model.gate.weight[d] @ row + model.gate.bias[d], 0)
        tower = torch.relu(model.tower.weight[d] @ (gate @ answers) + model.tower.bias[d])
        assert found.item() == pytest.approx((model.last.weight[d] @ tower + model.last.bias[d]).item(), rel=1e-4)


@pytest.mark.parametrize("made", [lambda: MixtureOfExperts(6, 3), lambda: DomainAdaptive(6, 3)])
def test_a_new_domain_is_the_mean_of_the_others_and_leaves_them_alone(made):
    model = shaken(made())
    x, domain = rows()
    before = model(x, domain)
    model.add_domain()
    assert torch.allclose(model(x, domain), before, atol=1e-5)
    for name, weight in model.named_parameters():
        if weight.shape[0] == 4:
            assert torch.allclose(weight[3], weight[:3].mean(0), atol=1e-6), name
    assert torch.isfinite(model(x, torch.full_like(domain, 3))).all()


def test_gates_and_towers_get_gradients_of_their_domain_only():
    model = shaken(MixtureOfExperts(6, 3))
    x, _ = rows()
    model(x, torch.ones(30, dtype=torch.long)).sum().backward()
    for part in (model.gate, model.tower, model.last):
        assert part.weight.grad[1].any()
        assert not part.weight.grad[[0, 2]].any()


def test_the_adaptive_layer_begins_as_the_identity_and_each_domain_moves_alone():
    layer = DomainAdaptive(6, 3)
    x, domain = rows()
    assert torch.equal(layer(x, domain), x)
    with torch.no_grad():
        layer.gain[1] = 0.5
        layer.shift[1] = 2.0
    moved = (layer(x, domain) != x).any(1)
    assert torch.equal(moved, domain == 1)
    linear = layer(2 * x, domain) - layer(x, domain) - (layer(x, domain) - layer(0 * x, domain))
    assert linear.abs().max() < 1e-5


def test_the_adaptive_layer_undoes_a_domains_distortion():
    layer = DomainAdaptive(6, 2)
    distortion = torch.eye(6) + 0.3 * torch.randn(6, 6)
    optimiser = torch.optim.Adam(layer.parameters(), 0.01)
    for _ in range(600):
        x, domain = torch.randn(128, 6), torch.arange(128) % 2
        seen = torch.where(domain[:, None] == 1, x @ distortion + 1, x)
        loss = (layer(seen, domain) - x).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.02


def test_opposed_domains_are_both_learnt():
    model = MixtureOfExperts(6, 2, dropout=0.0)
    optimiser = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(300):
        x, domain = torch.randn(256, 6), torch.arange(256) % 2
        label = ((x[:, 0] > 0) ^ (domain == 1)).float()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model(x, domain), label)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.15


@pytest.mark.parametrize("bad", [{"inputs": 0}, {"domains": 0}, {"experts": 0}, {"hidden": 0}])
def test_bad_settings_are_refused(bad):
    with pytest.raises(ValueError, match="at least 1"):
        MixtureOfExperts(**{"inputs": 6, "domains": 2, **bad})
