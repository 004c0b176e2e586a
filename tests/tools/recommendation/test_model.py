"""The network: its logit by the equation, retrieval vectors, missing parts, growth, priors."""

from __future__ import annotations

import copy

import pytest
import torch

from bethink.tools.recommendation.model import (
    MATCH_UNIT,
    PRECISIONS,
    Batch,
    FoundationNetwork,
    NetworkSettings,
    SideShape,
    SideTable,
    Tables,
)

TEXT = 6


def table(n: int, shape: SideShape, seed: int) -> SideTable:
    generator = torch.Generator().manual_seed(seed)
    levels = [torch.randint(size, (n,), generator=generator) for size in shape.sizes]
    numbers = torch.randn(n, shape.numbers, generator=generator)
    numbers[torch.rand(n, shape.numbers, generator=generator) < 0.2] = torch.nan
    text = torch.randn(n, TEXT, generator=generator) if shape.text else torch.zeros(n, 0)
    text[n // 2] = 0
    empty = torch.zeros(n, 0, dtype=torch.long)
    ids = torch.arange(n) % (shape.known + 1)
    return SideTable(ids, torch.stack(levels, 1) if levels else empty, numbers, text / 2, text.any(1))


SHAPES = {"user": SideShape(9, (3, 4), 0, False), "item": SideShape(7, (5,), 2, True), "query": SideShape(4, text=True)}
TABLES = Tables(*(table(n, SHAPES[side], n) for side, n in (("user", 12), ("item", 10), ("query", 5))))


def rows(n: int = 40, domains: int = 3) -> Batch:
    generator = torch.Generator().manual_seed(0)
    high = (12, 10, 6, domains)
    user, item, query, domain = (torch.randint(h, (n,), generator=generator) for h in high)
    return Batch(user, item, query - 1, domain)


def made(query: bool = True, learnt: bool = True, **changed) -> FoundationNetwork:
    torch.manual_seed(0)
    settings = NetworkSettings(**{"width": 5, **changed})
    shape = SHAPES["query"] if query else None
    network = FoundationNetwork(SHAPES["user"], SHAPES["item"], shape, 3, TEXT, settings)
    network.user.standardise(TABLES.user, torch.arange(12))
    network.item.standardise(TABLES.item, torch.arange(10))
    if learnt:
        for weight in network.parameters():
            torch.nn.init.normal_(weight, 0, 0.5)
    return network.eval()


@pytest.mark.parametrize("experts", [0, 3])
@pytest.mark.parametrize("gating", ["mean", "cls", "domain"])
@pytest.mark.parametrize("adaptation", [True, False])
def test_the_logit_is_the_vectors_product_the_match_and_the_experts(experts, gating, adaptation):
    network, batch = made(experts=experts, gating=gating, adaptation=adaptation), rows()
    output = network(TABLES, batch)
    for n in range(40):
        user, item, query, domain = (part[n : n + 1] for part in batch)
        a = network.user_vectors(TABLES, user, query, int(domain))
        b = network.item_vectors(TABLES, item, int(domain))
        expected = (a * b).sum()
        if query >= 0:
            expected += network.match_weight(int(domain)) * (TABLES.query.text[query] * TABLES.item.text[item]).sum()
        if network.mixture is not None:
            u, v = output.user[n : n + 1], output.item[n : n + 1]
            where = domain if adaptation else domain * 0
            expected += network.mixture(torch.cat([u, v, u[:, 1:] * v[:, 1:]], 1), where).squeeze()
        assert output.logit[n].item() == pytest.approx(expected.item(), rel=1e-4, abs=1e-4)


def test_a_query_matters_only_where_there_is_one():
    network, batch = made(), rows()
    other = TABLES._replace(query=table(5, SHAPES["query"], 99))
    same = network(TABLES, batch).logit == network(other, batch).logit
    assert same[batch.query < 0].all()
    told = (batch.query >= 0) & (batch.query != 2)  # query 2 has no text, and its id is the same
    assert not same[told].any()
    assert not network(TABLES, batch).gates["query"][batch.query < 0].any()


def test_a_network_without_queries_does_not_look_at_them():
    network, batch = made(query=False), rows()
    assert torch.equal(network(TABLES, batch).logit, network(TABLES, batch._replace(query=batch.query * 0)).logit)
    assert "query" not in network(TABLES, batch).gates
    assert network.match_weight(0) == 0


def test_queries_asked_of_an_empty_table():
    network = made()
    nothing = TABLES.query._replace(
        id=torch.zeros(0, dtype=torch.long), text=torch.zeros(0, TEXT), told=torch.zeros(0) > 0
    )
    batch = rows()._replace(query=torch.full((40,), -1))
    found = network(TABLES._replace(query=nothing), batch)
    assert torch.equal(found.logit, network(TABLES, batch).logit)


def test_an_unknown_id_leaves_text_and_features_to_speak():
    network, batch = made(), rows()
    gates = network(TABLES, batch).gates["item"]
    ids, texts = TABLES.item.id[batch.item], TABLES.item.text[batch.item].any(1)
    assert torch.equal(gates[:, 0] > 0, ids > 0)
    assert torch.equal(gates[:, 1] > 0, texts)
    assert torch.allclose(gates.sum(1), torch.ones(40))
    with torch.no_grad():
        changed = copy.deepcopy(network)
        changed.item.id.weight[0] = 1e3
    assert torch.equal(changed(TABLES, batch).logit, network(TABLES, batch).logit)


def test_without_adaptation_domains_are_one():
    network, batch = made(adaptation=False), rows()
    assert torch.equal(network(TABLES, batch).logit, network(TABLES, batch._replace(domain=batch.domain * 0)).logit)
    assert (made()(TABLES, batch).logit != made()(TABLES, batch._replace(domain=batch.domain * 0)).logit).any()


def test_numbers_and_texts_are_standardised_by_the_rows_of_training():
    network = made()
    seen = torch.tensor([1, 2, 3, 5, 6, 7, 9])
    network.item.standardise(TABLES.item, seen)
    numbers = TABLES.item.numbers[seen].double()
    there = numbers[:, 0][torch.isfinite(numbers[:, 0])]
    assert network.item.number_mean[0].item() == pytest.approx(there.mean().item(), rel=1e-5)
    assert network.item.number_scale[0].item() == pytest.approx(there.std(unbiased=False).item(), rel=1e-5)
    text = TABLES.item.text[seen]
    text = text[text.any(1)]
    scaled = (text - network.item.text_mean) / network.item.text_scale
    assert scaled.mean(0).abs().max() < 1e-6
    assert scaled.square().sum(1).mean().item() == pytest.approx(1, rel=1e-5)


def test_constant_missing_and_huge_numbers_stay_finite():
    network = made()
    for numbers in (torch.full((10, 2), 3.0), torch.full((10, 2), torch.nan), torch.full((10, 2), 1e30)):
        item = TABLES.item._replace(numbers=numbers)
        network.item.standardise(item, torch.arange(10))
        assert torch.isfinite(network(TABLES._replace(item=item), rows()).logit).all()
    network.item.standardise(TABLES.item, torch.arange(10))
    wild = TABLES._replace(item=TABLES.item._replace(numbers=torch.full((10, 2), 1e35)))
    assert network(wild, rows()).logit.abs().max() < 1e3


def test_growth_leaves_what_was_known_as_it_was():
    network, batch = made(), rows()
    before = network(TABLES, batch).logit
    network.add_domain()
    network.item.add_ids(4)
    network.user.add_ids(2)
    assert torch.allclose(network(TABLES, batch).logit, before, atol=1e-5)
    new = TABLES._replace(item=TABLES.item._replace(id=TABLES.item.id + 8 * (TABLES.item.id == 0)))
    found = network(new, batch._replace(domain=torch.full((40,), 3))).logit
    assert torch.isfinite(found).all()
    assert not network.item.id.weight[8:].any()


def test_the_penalty_is_a_sum_of_squares_by_groups_around_the_anchors():
    network = made()
    expected = sum(PRECISIONS[group] / 2 * weight.square().sum() for group, _, weight in network.groups())
    assert network.penalty().item() == pytest.approx(expected.item(), rel=1e-5)
    anchors = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    assert network.penalty(anchors).item() == 0
    network.item.id.weight.requires_grad_(False)
    part = PRECISIONS["ids"] / 2 * network.item.id.weight.square().sum()
    assert network.penalty().item() == pytest.approx((expected - part).item(), rel=1e-5)


def test_every_group_has_weights():
    assert {group for group, _, _ in made().groups()} == set(PRECISIONS)


def test_all_weights_get_a_gradient_once_the_experts_have_moved():
    network = made().train()
    assert network.taste is not None
    network.taste.table = torch.randn_like(network.taste.table)
    network.taste.company = torch.randn_like(network.taste.company)
    network(TABLES, rows(400)).logit.square().mean().backward()
    silent = [name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert not silent


def test_the_match_raises_items_whose_text_is_near_the_query():
    network = made(learnt=False, experts=0)
    assert network.match_weight(1) == pytest.approx(0.1 * MATCH_UNIT)
    with pytest.raises(ValueError, match="at least 2"):
        made(width=1)
