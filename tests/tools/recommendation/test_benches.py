"""The benches' own logic, on constructed samples and figures; their measuring is `make bench NAME=recommendation`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bethink.tools.recommendation.baselines import baseline, boosting
from bethink.tools.recommendation.baselines.features import Texts
from bethink.tools.recommendation.metrics import auc
from bethink.tools.recommendation.samples import NO_QUERY, Samples
from bethink.tools.recommendation.scenarios import joined
from bethink.tools.recommendation.text_features import TextFeatures
from tests.benchmarks.recommendation import cold_start, data, judging, transfer
from tests.benchmarks.recommendation.models import ABLATIONS, MODELS, WITHOUT_TASTE, model, tuned_as
from tests.benchmarks.recommendation.scores import interval, scores
from tests.benchmarks.report import Bar
from tests.tools.recommendation.baselines.constructed import constructed

NAMES = {"ours": 0.70, "star, our tastes": 0.67, "without text": 0.60, "star": 0.65, "popularity": 0.50}


def score(warm: float, cold: float) -> dict[str, Any]:
    def part(value: float) -> dict[str, Any]:
        own = {"auc": value, "gauc": value, "samples": 10}
        return {**own, "domain_auc": value, "log_loss": 0.5, "ece": 0.1, "domains": {"films": own}}

    return {"warm": part(warm), "cold": part(cold), "seconds": 1.0}


def results(**cold: float) -> dict[str, list[dict[str, Any]]]:
    return {name: [score(0.8, value + 0.001 * seed) for seed in range(3)] for name, value in (NAMES | cold).items()}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[Samples, Texts]]:
    """A constructed set of three domains in the place of the real ones."""
    train, _, _, texts = constructed(n=4000, users=40, items=120)
    users = replace(train.users, texts=[""] * len(train.users))
    samples = replace(train, users=users, query=np.full(len(train), NO_QUERY), queries=(), domain=train.item % 3)
    texts = Texts(texts.items, texts.queries[:0])
    data.read.cache_clear()
    (tmp_path / "constructed.csv").touch()
    monkeypatch.setenv("BETHINK_RECO_DATA", str(tmp_path))
    monkeypatch.setitem(data.SMALL, "constructed", data.Source(("constructed.csv",), lambda folder: samples, 5.0))
    monkeypatch.setattr(
        data, "text_vectors", lambda own: Texts(texts.items, np.zeros((len(own.queries), 8), np.float32))
    )
    yield samples, texts
    data.read.cache_clear()


def test_the_bar_compares_with_the_best_baseline_of_each_column() -> None:
    found, figures = judging.against_baselines("set", results(popularity=0.66), ["star", "popularity"])
    cold = [each for each in found if "cold" in each.id]
    assert len(found) == 4
    assert all(each.id.endswith("popularity") and each.ok and each.value == 0.04 for each in cold)
    found, _ = judging.against_baselines("set", results(star=0.685), ["star", "popularity"])
    assert [each.ok for each in found if "cold" in each.id] == [False, False]  # 0.015 is not 0.02
    assert all(each.ok for each in found if "warm" in each.id)
    assert figures["cold auc"] == {"best": "popularity", "gain": pytest.approx(0.04), "half_width_95": pytest.approx(0)}


def test_warm_items_may_not_pay_for_cold_ones() -> None:
    worse = results()
    for seed in worse["ours"]:
        seed["warm"]["auc"] = 0.798
    found, _ = judging.against_baselines("set", worse, ["star", "popularity"])
    assert {each.id.split(" over ")[0]: each.ok for each in found} == {
        "set: cold AUC (all samples)": True,
        "set: cold AUC (mean of domains)": True,
        "set: warm AUC (all samples)": False,
        "set: warm AUC (mean of domains)": True,
    }


def test_an_ablation_that_does_not_lose_needs_a_reason() -> None:
    equal = {"without text": 0.71}
    (bar,), figures = judging.against_ablations("set", results(**equal), ["without text"], {})
    assert bar.ok is False
    assert bar.value == -0.005  # half of 0.01: warm is the same
    (bar,), figures = judging.against_ablations("set", results(**equal), ["without text"], {"without text": "titles"})
    assert bar.ok is True
    assert figures["without text"]["why_not_worse"] == "titles"
    (bar,), figures = judging.against_ablations("set", results(), ["without text"], {"without text": "titles"})
    assert bar.ok is True
    assert figures["without text"]["why_not_worse"] is None
    assert figures["without text"]["cold"]["loss"] == pytest.approx(0.1)


def test_intervals_are_student_s() -> None:
    assert interval([1.0, 2.0, 3.0]) == (2.0, pytest.approx(4.302653 / math.sqrt(3), rel=1e-6))
    assert interval([0.5]) == (0.5, math.inf)


def test_scores_of_domains_leave_out_those_of_one_label() -> None:
    train, *_ = constructed(n=300)
    labelled = replace(train, label=np.where(train.domain == 0, 1.0, train.label).astype(np.float32))
    chances = np.random.default_rng(0).random(len(train))
    found = scores(labelled, chances)
    inside = labelled.domain == 1
    assert found["domains"]["films"]["auc"] is None
    assert found["domain_auc"] == found["domains"]["books"]["auc"] == auc(labelled.label[inside], chances[inside])
    assert found["auc"] == auc(labelled.label, chances)
    assert json.loads(json.dumps(found)) == found


def test_cold_items_are_nowhere_in_training_and_half_of_validation_is_of_new_items(small: Any) -> None:
    parts = data.cold_start_parts("constructed", 0)
    train, cold = set(parts.train.item.tolist()), set(parts.cold.item.tolist())
    assert not cold & (train | set(parts.valid.item.tolist()) | set(parts.warm.item.tolist()))
    assert set(parts.warm.item.tolist()) <= train
    new = ~np.isin(parts.valid.item, parts.train.item)
    assert 0.2 < new.mean() < 0.8
    again = data.cold_start_parts("constructed", 0)
    assert np.array_equal(again.train.item, parts.train.item)
    assert not np.array_equal(data.cold_start_parts("constructed", 1).train.item, parts.train.item)


def test_searches_are_of_their_own_part_and_share_one_list_of_queries(
    small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples, _ = small
    words = replace(samples, items=replace(samples.items, texts=[f"word{n % 7} item{n}" for n in range(120)]))
    parts = [words.rows(words.item % 3 == number) for number in range(3)]
    monkeypatch.setattr(data, "SEARCHES", 0.1)
    whole = data.enlarged(parts, 0, data._searches)
    for number, (before, after) in enumerate(zip(parts, whole, strict=True)):
        found = after.rows(after.query != NO_QUERY)
        assert len(found)
        assert len(after) - len(found) == len(before)
        assert set(found.item.tolist()) <= set(before.item.tolist())
        assert after.queries == whole[0].queries
        clicked = found.rows(found.label > 0)
        for item, query in zip(clicked.item, clicked.query, strict=True):
            assert set(after.queries[query].split()) <= set(words.items.texts[item].split())
        assert number < 3


def test_one_job_of_cold_start_on_a_constructed_set(small: Any) -> None:
    found = json.loads(json.dumps(cold_start.work("constructed", 0, "text_logistic", "{}", 5.0)))
    assert found["cold"]["auc"] > 0.6
    assert found["cold"]["samples"] == len(data.cold_start_parts("constructed", 0).cold)
    popularity = cold_start.work("constructed", 0, "popularity", "{}", 5.0)
    assert popularity["cold"]["auc"] == 0.5
    assert popularity["warm"]["auc"] > 0.6
    tried = cold_start.attempt("constructed", "star", json.dumps({"epochs": 1, "hidden": [8]}), 5.0)
    assert set(tried) == {"valid", "seconds"}
    assert tried["valid"] > 0.5


class StandIn:
    """A stand-in for our model: boosted trees that are learned anew of everything when finetuned."""

    texts: Texts

    def __init__(self, settings: dict[str, Any], seen: tuple[Samples, ...] = ()) -> None:
        self.seen = seen

    def fit(self, samples: Samples, valid: Samples, *, seed: int, max_seconds: float | None = None) -> StandIn:
        self.seen = (*self.seen, samples)
        self.model = baseline("boosting", self.texts).fit(joined(*self.seen), valid, seed=seed)
        return self

    def finetuned(self, samples: Samples, valid: Samples, *, seed: int, max_seconds: float | None = None) -> StandIn:
        return StandIn({}, self.seen).fit(samples, valid, seed=seed)

    def predict(self, samples: Samples) -> np.ndarray:
        return self.model.predict(samples)


def test_one_job_of_transfer_and_what_is_made_of_it(
    small: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(StandIn, "texts", small[1], raising=False)
    monkeypatch.setattr(transfer, "Ours", StandIn)
    monkeypatch.setattr(transfer, "SHARES", (0.05, 0.2))
    monkeypatch.setattr(boosting, "GRID", boosting.GRID[:1])
    found = json.loads(json.dumps(transfer.work("constructed", 0, 0, "{}", 5.0)))
    small_share, large_share = (found["shares"][key] for key in ("0.05", "0.2"))
    assert small_share["samples"] < large_share["samples"]
    auc_of = {who: own["auc"] for who, own in small_share["models"].items()}
    assert auc_of[transfer.FINETUNED] > auc_of[transfer.SCRATCH] + 0.03
    assert auc_of[transfer.FINETUNED] == pytest.approx(auc_of["boosting, on everything"], abs=0.03)
    done = {(domain, 0): found for domain in (0, 1)} | {(2, 0): {"left_out": "too little"}}
    bars, figures = transfer.summed("constructed", 1, done)
    assert [each.goal for each in bars] == [">= 0.03", "> 0"]
    assert bars[0].ok
    assert bars[0].value == pytest.approx(auc_of[transfer.FINETUNED] - auc_of[transfer.SCRATCH], abs=1e-4)
    assert figures["left_out"] == {"music": "too little"}
    assert "music is left out" in capsys.readouterr().err


def test_a_share_that_is_too_small_says_so(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "SHARES", (0.001,))
    assert "too few" in transfer.work("constructed", 0, 0, "{}", 5.0)["left_out"]


@pytest.mark.parametrize("part", [cold_start, transfer])
def test_without_data_nothing_is_measured_and_every_bar_is_there(
    part: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("BETHINK_RECO_DATA", raising=False)
    monkeypatch.setattr(data, "RESULTS", tmp_path)
    monkeypatch.setattr(cold_start, "find_spec", lambda name: True)
    bars, figures = part.run()
    assert all(bar.ok is None and bar.value is None for bar in bars)
    assert len(bars) == len(data.SETS) * (7 if part is cold_start else 3)
    assert all("BETHINK_RECO_DATA" in own["not_measured"] for own in figures["sets"].values())


def test_sets_that_are_not_wanted_now_stay_as_they_were(
    small: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(data, "RESULTS", tmp_path)
    monkeypatch.setenv("BETHINK_RECO_SETS", "constructed")
    before = {"commit": "abc", "bars": [{"id": "old", "value": 1.0, "goal": "> 0", "ok": True}]}
    figures = {"cold_start": {"sets": {"complete_journey": before}}}
    (tmp_path / "recommendation.json").write_text(json.dumps({"figures": figures}))
    new, lost = Bar("new", 2.0, "> 0", True), Bar("lost", None, "> 0", None)
    bars, found = data.each_set("cold_start", lambda name: ([new], {"of": name}), lambda name: [lost])
    assert bars == [lost, Bar(**before["bars"][0]), new]
    assert found["sets"]["constructed"]["of"] == "constructed"
    assert found["sets"]["complete_journey"] == before
    assert list(found["sets"]["movielens_1m"]) == ["not_measured"]
    monkeypatch.setenv("BETHINK_RECO_SETS", "constructed,lastfm")
    with pytest.raises(ValueError, match="no set lastfm"):
        data.wanted()


def test_all_tables_of_cold_start_print(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = results()
    monkeypatch.setattr(cold_start, "BASELINES", {"star": "", "popularity": ""})
    monkeypatch.setattr(cold_start, "WITH_TASTES", {"star, our tastes": "star"})
    monkeypatch.setattr(cold_start, "ABLATIONS", {"without text": {}})
    cold_start.tables("set", whole)
    bars, figures = cold_start.judge("set", whole)
    assert len(bars) == 5
    assert set(figures) == {"gains", "gains_with_tastes", "ablations"}
    assert figures["gains"]["cold auc"]["gain"] == pytest.approx(0.05)
    assert figures["gains_with_tastes"]["cold auc"]["best"] == "star, our tastes"
    assert figures["gains_with_tastes"]["cold auc"]["gain"] == pytest.approx(0.03)
    assert "without text" in capsys.readouterr().out
    assert Path(cold_start.__file__).name == "cold_start.py"


def test_ours_and_its_ablations_learn_behind_the_protocol(
    small: Any, monkeypatch: pytest.MonkeyPatch, fake_embedder: Any
) -> None:
    samples, texts = small
    told = replace(
        samples,
        items=replace(
            samples.items, texts=[f"{'slow' if v > 0 else 'loud'} film {n}" for n, v in enumerate(texts.items[:, 2])]
        ),
    )
    monkeypatch.setattr(data, "features", lambda: TextFeatures(fake_embedder))
    elsewhere, new = told.rows(told.domain < 2), told.rows(told.domain == 2)
    held = np.arange(len(elsewhere)) % 5 == 0
    ours = {}
    for name in (judging.OURS, *ABLATIONS, WITHOUT_TASTE):
        ours[name] = model(name, texts, {"epochs": 3, "width": 9}).fit(
            elsewhere.rows(~held), elsewhere.rows(held), seed=0, max_seconds=5.0
        )
        assert auc(elsewhere.label[held], ours[name].predict(elsewhere.rows(held))) > 0.6
        assert ours[name].model.network.width == 9
        assert ours[name].model.training.epochs == 3
    assert not ours["without text"].model.text
    assert ours["without text"].model.network.taste
    assert not ours[WITHOUT_TASTE].model.network.taste
    assert {name: tuned_as(name) for name in (*ABLATIONS, WITHOUT_TASTE)} == dict.fromkeys(
        (*ABLATIONS, WITHOUT_TASTE), judging.OURS
    )
    assert tuned_as("star, our tastes") == tuned_as("star") == "star"
    assert model("star, our tastes", texts, {"rate": 0.5}).settings.taste
    assert not model("star", texts, {"rate": 0.5}).settings.taste
    assert model("boosting, our tastes", texts, {}).taste
    assert not model("boosting", texts, {}).taste
    assert set(MODELS) >= {tuned_as(name) for name in MODELS}
    assert ours["without gating"].model.network.gating == "mean"
    assert not ours["without domain adaptation"].model.network.adaptation
    whole = ours[judging.OURS]
    before = whole.predict(new)
    as_others = [whole.predict(replace(new, domain=np.full(len(new), number))) for number in (0, 1)]
    assert before == pytest.approx(np.mean(as_others, axis=0))
    tuned = whole.finetuned(new.rows(np.arange(len(new)) % 2 == 0), new.rows(np.arange(len(new)) % 2 == 1), seed=0)
    assert not np.allclose(tuned.predict(new), before)
    assert np.array_equal(whole.predict(new), before)
    with pytest.raises(TypeError, match="depth"):
        model(judging.OURS, texts, {"depth": 3})
