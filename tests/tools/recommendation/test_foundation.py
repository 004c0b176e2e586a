"""`Foundation` from samples to chances: cold items, new domains, search, files, bad input."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from bethink.tools.recommendation.foundation import Foundation, hold_out
from bethink.tools.recommendation.metrics import auc
from bethink.tools.recommendation.model import NetworkSettings
from bethink.tools.recommendation.samples import NO_QUERY, Samples
from bethink.tools.recommendation.text_features import TextFeatures
from bethink.tools.recommendation.training import TrainingSettings
from tests.conftest import FakeEmbedder
from tests.tools.recommendation.worlds import TOPICS, entities, world

COLD = 20
QUICK = TrainingSettings(epochs=12, patience=4)
SMALL = NetworkSettings(width=9)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def new(**changed) -> Foundation:
    return Foundation(TextFeatures(FakeEmbedder()), **{"network": SMALL, "training": QUICK, **changed})


@pytest.fixture(scope="module")
def model() -> Foundation:
    """Fitted with two members, on samples a third of which are searches; the last 20 items are cold."""
    return new(members=2).fit(world(5000, search=0.3, cold=COLD), world(800, 1, search=0.3, cold=COLD), seed=0)


def cold(samples: Samples) -> Samples:
    return samples.rows(samples.item >= len(samples.items) - COLD)


def score(model: Foundation, samples: Samples) -> float:
    return auc(samples.label, model.predict(samples))


def test_known_and_cold_items_are_told_apart_by_taste(model):
    asked = world(4000, 2, search=0.3)
    chances = model.predict(asked)
    assert chances.shape == (4000,)
    assert ((chances > 0) & (chances < 1)).all()
    assert score(model, asked.rows(asked.item < len(asked.items) - COLD)) > 0.8
    assert score(model, cold(asked)) > 0.72
    assert abs(chances.mean() - asked.label.mean()) < 0.05


def test_text_is_what_carries_cold_items(model):
    """Without the texts, and without numbers or kinds that tell, a cold item is as any other."""
    asked = cold(world(4000, 2, search=0.3))
    blank = replace(asked, items=replace(asked.items, texts=[""] * len(asked.items)))
    assert score(model, asked) > score(model, blank) + 0.05


def test_nothing_of_a_cold_item_is_learned_from_its_number(model):
    """Items without samples have no id in the model: renaming them changes nothing."""
    asked = cold(world(500, 2))
    ids = asked.items.ids.copy()
    ids[-COLD:] = 7_000_000 + np.arange(COLD)
    other = replace(asked, items=replace(asked.items, ids=ids))
    assert (model.predict(asked) == model.predict(other)).all()
    gates = model.gates(asked)["item"]
    assert gates.names == ("id", "text", "sparse")
    assert not gates.values[:, 0].any()
    assert np.allclose(gates.values.sum(1), 1, atol=1e-5)
    warm = model.gates(world(500, 2, cold=COLD))
    assert (warm["item"].values[:, 0] > 0).all()
    assert warm["user"].names == ("id", "sparse")  # no user has a text


def test_order_and_numbering_do_not_matter(model):
    asked = world(300, 5, search=0.3)
    order = np.random.default_rng(0).permutation(300)
    assert np.allclose(model.predict(asked.rows(order)), model.predict(asked)[order], atol=1e-6)
    turn = np.random.default_rng(1).permutation(len(asked.items))
    place = np.argsort(turn)
    old = asked.items
    items = replace(
        old, ids=old.ids[turn], texts=[old.texts[i] for i in turn], sparse=old.sparse[turn], numbers=old.numbers[turn]
    )
    assert np.allclose(
        model.predict(replace(asked, items=items, item=place[asked.item])), model.predict(asked), atol=1e-6
    )


def test_unknown_users_items_levels_and_queries(model):
    people = entities(["nobody", "u1"], ["", "a text"], [[9], [1]])
    things = entities(
        [-1, 3], ["", "\ud800 \U0001f600'; DROP TABLE items"], [[3], [0]], numbers=[[np.nan, np.inf], [1e30, 0]]
    )
    one = np.zeros(1, np.int64)
    asked = Samples(one, one, one, one.astype(np.float32), one, people, things, ("\u6162\u3044 SF",), ("books",))
    for user in (0, 1):
        for item in (0, 1):
            for query in (NO_QUERY, 0):
                row = replace(asked, user=one + user, item=one + item, query=one + query)
                assert 0 < model.predict(row)[0] < 1


def test_a_search_finds_what_the_words_mean(model):
    asked = world(10, 3)
    users, topics = (
        asked.users,
        [next(k for k, words in enumerate(TOPICS) if words in text) for text in asked.items.texts],
    )
    vectors = model.item_vectors(asked.items, "films")
    for kind, words in enumerate(TOPICS):
        scores = model.user_vectors(users, "films", queries=[words] * 10, rows=np.arange(10)) @ vectors.T
        best = np.argsort(-scores.mean(0))[:5]
        assert [topics[item] for item in best] == [kind] * 5


def test_vectors_multiply_to_the_logit_without_experts():
    model = new(network=NetworkSettings(width=9, experts=0), members=2).fit(
        world(1500, search=0.3), world(500, 1, search=0.3), seed=0
    )
    asked = world(40, 2, search=0.5)
    logits = model.logits(asked)
    for number, domain in enumerate(asked.domains):
        items = model.item_vectors(asked.items, domain)
        rows = np.flatnonzero(asked.domain == number)
        words = [asked.queries[q] if q >= 0 else "" for q in asked.query[rows]]
        for with_query in (True, False):
            keep = (asked.query[rows] >= 0) == with_query
            chosen = rows[keep]
            queries = [w for w, k in zip(words, keep, strict=True) if k] if with_query else None
            users = model.user_vectors(asked.users, domain, queries=queries, rows=asked.user[chosen])
            assert np.allclose((users * items[asked.item[chosen]]).sum(1), logits[chosen], atol=1e-4)


def test_finetuning_for_a_new_domain_beats_starting_from_nothing(model):
    pretrained = copy.deepcopy(model)
    names = ("films", "books", "plays")

    def plays(count: int, seed: int) -> Samples:
        found = world(count * 3, seed, domains=names)
        return found.rows(found.domain == 2)

    few, stop, asked = plays(80, 20), plays(80, 21), plays(1500, 22)
    with pytest.raises(ValueError, match="no domain 'plays'"):
        pretrained.predict(asked)
    before = model.predict(world(100, 4))
    pretrained.finetune(few, stop, seed=0)
    assert pretrained.domains == names
    assert score(pretrained, asked) > score(new().fit(few, stop, seed=0), asked) + 0.05
    assert (model.predict(world(100, 4)) == before).all()  # the copy was finetuned, not the original
    unchanged = dict(model.networks[0].named_parameters())
    for group, name, weight in pretrained.networks[0].groups():
        if group in ("text", "experts"):
            assert torch.equal(weight, unchanged[name]), name


def flipped(samples: Samples) -> Samples:
    return replace(samples, label=1 - samples.label)


def test_finetuning_learns_new_items(model):
    """Cold items that are liked by those who should not, as nothing told beforehand."""
    tuned, asked = copy.deepcopy(model), flipped(cold(world(4000, 8)))
    tuned.finetune(flipped(cold(world(6000, 6))), flipped(cold(world(2000, 7))), freeze=(), seed=0)
    assert score(tuned, asked) > score(model, asked) + 0.1
    assert (tuned.gates(asked)["item"].values[:, 0] > 0).all()


def test_saved_and_loaded(model, tmp_path):
    folder = model.save(tmp_path / "model")
    assert sorted(file.name for file in folder.iterdir()) == ["foundation.json", "weights.safetensors"]
    loaded = Foundation.load(folder, TextFeatures(FakeEmbedder()))
    asked = world(300, 9, search=0.4)
    assert (loaded.predict(asked) == model.predict(asked)).all()
    assert loaded.domains == model.domains
    assert loaded.reports[0].auc == model.reports[0].auc
    loaded.finetune(world(300, 10, domains=("films", "books", "plays")), seed=0)
    assert "plays" in loaded.domains


def test_files_that_do_not_fit_are_refused(model, tmp_path):
    folder = model.save(tmp_path / "model")
    other = FakeEmbedder()
    other.name = "another"
    with pytest.raises(ValueError, match="fake-hash/64"):
        Foundation.load(folder, TextFeatures(other))
    with pytest.raises(FileNotFoundError):
        Foundation.load(tmp_path / "nowhere", model.text_features)
    state = json.loads((folder / "foundation.json").read_text(encoding="utf-8"))
    for changed in ({**state, "format": 99}, {**state, "encoder": {}}, {**state, "members": 3}, []):
        (folder / "foundation.json").write_text(json.dumps(changed), encoding="utf-8")
        with pytest.raises(ValueError, match="cannot be read"):
            Foundation.load(folder, model.text_features)
    (folder / "foundation.json").write_text(json.dumps(state), encoding="utf-8")
    (folder / "weights.safetensors").write_bytes(b"\x00" * 50)
    with pytest.raises(ValueError, match="cannot be read"):
        Foundation.load(folder, model.text_features)


@pytest.mark.parametrize(
    "changed",
    [
        {"text": False},
        {"network": replace(SMALL, gating="mean")},
        {"network": replace(SMALL, gating="cls")},
        {"network": replace(SMALL, adaptation=False)},
        {"network": replace(SMALL, experts=0)},
        {"training": replace(QUICK, alignment="mmd")},
        {"domain_weights": {"books": 2.0}},
    ],
)
def test_every_switch_still_learns(changed):
    made = new(**{"training": replace(QUICK, epochs=4), **changed})
    made.fit(world(1500, search=0.2), world(400, 1, search=0.2), seed=0)
    asked = world(1000, 2, search=0.2)
    assert score(made, asked) > 0.62
    assert set(made.gates(asked)) == {"user", "item", "query"}


def test_a_cancelled_fit_leaves_the_model_and_goes_on_from_its_checkpoint(tmp_path):
    class Cancelled(Exception):
        pass

    def cancel(share: float, message: str) -> None:
        if share > 0.6:
            raise Cancelled

    made, train, valid = new(members=2), world(800), world(300, 1)
    short = replace(QUICK, epochs=4)
    made.training = short
    made.fit(train, valid, seed=5)
    expected = made.predict(train)
    with pytest.raises(Cancelled):
        made.fit(train, valid, seed=6, progress=cancel, checkpoint=tmp_path)
    assert (made.predict(train) == expected).all()
    again = new(members=2, training=short).fit(train, valid, seed=6, checkpoint=tmp_path)
    whole = new(members=2, training=short).fit(train, valid, seed=6)
    assert (again.predict(train) == whole.predict(train)).all()
    assert not list(tmp_path.iterdir())


def test_without_validation_samples_some_are_held_out_by_row_and_by_item():
    samples = world(4000)
    kept, held = hold_out(samples, 0)
    assert len(kept) + len(held) == 4000
    assert 0.05 < len(held) / 4000 < 0.2
    new_items = ~np.isin(held.item, kept.item)
    assert 0.1 < new_items.mean() < 0.9
    made = new(training=replace(QUICK, epochs=2)).fit(world(1000))
    assert made.reports[0].history


def test_bad_input_is_said(model):
    asked = world(100)
    with pytest.raises(ValueError, match="call fit"):
        new().predict(asked)
    with pytest.raises(ValueError, match="call fit"):
        new().finetune(asked)
    with pytest.raises(ValueError, match="labelled 1"):
        new().fit(asked.rows(asked.label == 1))
    with pytest.raises(ValueError, match="labelled 0"):
        new().fit(asked, asked.rows(asked.label == 0))
    with pytest.raises(ValueError, match="too few"):
        new().fit(asked.rows(np.arange(1)))
    with pytest.raises(ValueError, match="at least 1"):
        new(members=0)
    with pytest.raises(ValueError, match="no group wheels"):
        model.finetune(asked, freeze=("wheels",))
    with pytest.raises(ValueError, match="sparse features of the items"):
        model.predict(replace(asked, items=replace(asked.items, sparse_names=("colour",))))
    with pytest.raises(ValueError, match="2 queries for 60 users"):
        model.user_vectors(asked.users, "films", queries=["a", "b"])
    with pytest.raises(ValueError, match="no domain 'music'"):
        model.item_vectors(asked.items, "music")
