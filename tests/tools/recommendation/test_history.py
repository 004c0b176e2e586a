"""Tastes against ridge regression written out, and what they do for new items."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bethink.tools.recommendation.history import RIDGES, SHRINK, UNIT, Taste, Told

USERS, ITEMS, WIDTH, ROWS, DOMAINS = 5, 30, 6, 120, 2


def told(seed: int = 0) -> tuple[Told, torch.Tensor]:
    """Samples of users 0 (unknown) to 5, and texts of the items."""
    rng = np.random.default_rng(seed)
    text = torch.from_numpy(rng.normal(size=(ITEMS, WIDTH)).astype(np.float32))
    columns = (rng.integers(USERS + 1, size=ROWS), rng.integers(ITEMS, size=ROWS), rng.integers(2, size=ROWS))
    user, item, label = (torch.from_numpy(column) for column in columns)
    domain = torch.from_numpy(rng.integers(DOMAINS, size=ROWS))
    return Told(user, item, label.float(), domain), text


def learnt(seed: int = 0) -> tuple[Taste, Told, torch.Tensor]:
    samples, text = told(seed)
    taste = Taste(USERS, WIDTH, DOMAINS)
    taste.standardise(text)
    with torch.no_grad():
        taste.weight.copy_(torch.randn(DOMAINS, len(RIDGES), generator=torch.Generator().manual_seed(1)))
        taste.trust.copy_(torch.tensor([[0.5, -1.0], [2.0, 0.3]]))
    taste.remember(samples, text, add=True)
    return taste, samples, text


def written_out(samples: Told, text: torch.Tensor) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Tastes [users + 1, T] for each ridge, and company's two parts, row by row."""
    user, item, label, domain = (part.numpy() for part in samples)
    left, mean = label.astype(float), text.numpy().mean(0)
    for number in range(DOMAINS):
        left[domain == number] -= left[domain == number].mean()
    for one in range(USERS + 1):
        own = user == one
        left[own] -= left[own].sum() / (own.sum() + 5)
    quality = np.array([left[item == i].sum() / ((item == i).sum() + 5) for i in range(ITEMS)])[item]
    centred = text.numpy() - mean
    covariance = centred.T @ centred / ITEMS
    total, tastes = np.trace(covariance), []
    near, constant = np.zeros((USERS + 1, WIDTH)), np.zeros(USERS + 1)
    for number, ridge in enumerate(RIDGES):
        inverse = np.linalg.inv(covariance + ridge * total * np.eye(WIDTH))
        inverse *= UNIT / np.sqrt(np.trace(covariance @ inverse @ covariance @ inverse))
        table = np.zeros((USERS + 1, WIDTH))
        for one in range(1, USERS + 1):
            own = user == one
            table[one] = inverse @ ((left - quality)[own] @ centred[item[own]]) / (own.sum() + SHRINK)
            if number == 0:
                near[one] = inverse @ (quality[own] @ centred[item[own]]) / (own.sum() + SHRINK)
                constant[one] = quality[own].sum() / (own.sum() + SHRINK) * UNIT
        tastes.append(table)
    return tastes, near, constant


def test_it_is_ridge_regression() -> None:
    taste, samples, text = learnt()
    tastes, near, constant = written_out(samples, text)
    np.testing.assert_allclose(taste.table.numpy(), np.concatenate(tastes, 1), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(taste.company.numpy(), np.column_stack([near, constant]), rtol=1e-4, atol=1e-5)
    assert not taste.table[0].any()
    assert not taste.company[0].any()


def test_company_speaks_of_new_items_only() -> None:
    taste, _, text = learnt()
    user, domain = torch.arange(1, 6), torch.tensor([0, 1, 0, 1, 0])
    there, no = torch.ones(5, dtype=torch.bool), torch.zeros(5, dtype=torch.bool)
    with torch.no_grad():
        known, new = (taste(user, text[:5], there, domain, unknown) for unknown in (no, there))
        silent = taste(user, text[:5], no, domain, no)
        bare = taste(user, text[:5], no, domain, there)
    assert not silent.any()
    constant = taste.trust[domain, 1] * taste.company[user, -1]
    torch.testing.assert_close(bare, constant.detach())  # a new item without a text: the user's level
    near = taste.trust[domain, 0] * (taste.company[user, :-1] * (text[:5] - taste.mean)).sum(1)
    torch.testing.assert_close(new - known, (constant + near).detach())


def test_vectors_multiply_to_the_logits() -> None:
    taste, _, text = learnt()
    rng = np.random.default_rng(3)
    user, item, domain = (torch.from_numpy(rng.integers(high, size=50)) for high in (USERS + 1, ITEMS, DOMAINS))
    is_told, unknown = (torch.from_numpy(rng.random(50) < 0.5) for _ in range(2))
    with torch.no_grad():
        product = (taste.vectors(user, domain) * taste.items(text[item], is_told, unknown)).sum(1)
        torch.testing.assert_close(product, taste(user, text[item], is_told, domain, unknown))


def test_a_sample_left_out_is_not_in_the_taste() -> None:
    taste, samples, text = learnt()
    taste = Taste(USERS, WIDTH, DOMAINS)
    taste.standardise(text)
    keep = samples.user != 3
    taste.remember(samples, text, keep)
    assert not taste.table[3].any()
    flipped = samples._replace(label=torch.where(keep, samples.label, 1 - samples.label))
    before = taste.table.clone(), taste.company.clone()
    taste.remember(flipped, text, keep)
    assert torch.equal(taste.table, before[0])
    assert torch.equal(taste.company, before[1])


def test_users_and_domains_more() -> None:
    taste, samples, text = learnt()
    before, company = taste.table.clone(), taste.company.clone()
    taste.add_ids(2)
    taste.add_domain()
    torch.testing.assert_close(taste.table[:-2], before)
    torch.testing.assert_close(taste.company[:-2], company)
    assert not taste.table[-2:].any()
    assert not taste.company[-2:].any()
    torch.testing.assert_close(taste.trust[2], taste.trust[:2].mean(0))
    more = samples._replace(user=torch.full_like(samples.user, USERS + 2))
    taste.remember(more, text, add=True)
    torch.testing.assert_close(taste.table[:-2], before)
    assert taste.company[-1].any()


@pytest.mark.parametrize("rows", [0, 1])
def test_hardly_anything_to_learn_from(rows: int) -> None:
    samples, text = told()
    taste = Taste(USERS, WIDTH, DOMAINS)
    taste.standardise(text[:rows])
    taste.remember(Told(*(part[:rows] for part in samples)), text, add=True)
    assert torch.isfinite(taste.table).all()
    assert torch.isfinite(taste.company).all()
