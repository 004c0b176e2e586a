"""A log beside a catalogue in ``recommend``: a model that follows true tastes, is kept, and says what it rests on."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from bethink.tools import all_tools, call_tool, find_tool
from bethink.tools.contract import ToolContext, ToolError, ToolResult
from bethink.tools.frames import Frame
from bethink.tools.langchain import model_text
from bethink.tools.recommendation import log_model
from bethink.tools.recommendation.catalogue import bundled
from bethink.tools.recommendation.log_reading import bundled_log
from bethink.tools.recommendation.negatives import with_negatives
from bethink.tools.recommendation.tool_run import features
from tests.tools.recommendation.worlds import world

USERS, ITEMS = 40, 60
ROWS = 1300
TOPICS = ("space robots and alien planets", "love, hearts and weddings", "ghosts, blood and screams", "bread and ovens")


class Shop:
    """Files of a world with true tastes: a catalogue, logs, and what was held back of each customer's likes."""

    def __init__(self, folder: Path) -> None:
        self.uploads = folder / "uploads"
        self.uploads.mkdir()
        rng = np.random.default_rng(0)
        topic = rng.integers(len(TOPICS), size=ITEMS)
        favourite = rng.integers(len(TOPICS), size=USERS)
        self.likes = topic == favourite[:, None]  # [USERS, ITEMS]
        self.ids = [f"i{number}" for number in range(ITEMS)]
        titles = [f"Story {number} of {TOPICS[kind]}" for number, kind in enumerate(topic)]
        pd.DataFrame({"item_id": self.ids, "title": titles}).to_csv(self.uploads / "shop.csv", index=False)
        pairs = rng.permutation(USERS * ITEMS)
        user, item = pairs // ITEMS, pairs % ITEMS
        label = np.where(self.likes[user, item], rng.random(len(pairs)) < 0.9, rng.random(len(pairs)) < 0.1).astype(int)
        told = np.arange(len(pairs)) < ROWS
        self.held = {u: set(item[~told & (user == u) & (label == 1)].tolist()) for u in range(USERS)}
        self.taken = {u: set(item[told & (user == u) & (label == 1)].tolist()) for u in range(USERS)}
        rows = {"customer_id": [f"c{u}" for u in user[told]], "item_id": [self.ids[i] for i in item[told]]}
        self.log = pd.DataFrame({**rows, "clicked": label[told]})
        self.log.to_csv(self.uploads / "clicks.csv", index=False)

    def call(self, remembered: list[dict[str, Any]] | None = None, **arguments: Any) -> ToolResult:
        recall = None if remembered is None else (lambda query, k: remembered[:k])
        context = ToolContext(self.uploads.parent / "out", uploads=self.uploads, thoughts=recall)
        return call_tool(find_tool(all_tools(), "recommend"), {"upload": "shop.csv", **arguments}, context)

    def ok(self, remembered: list[dict[str, Any]] | None = None, **arguments: Any) -> dict[str, Any]:
        result = self.call(remembered, **arguments)
        assert result.output is not None, result.error
        assert len(model_text(result).encode()) < 8 * 1024
        return result.output


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Shop:
    features()  # its texts are kept in the usual cache
    folder = tmp_path_factory.mktemp("logs")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BETHINK_CACHE", str(folder / "cache"))
        patch.setattr(log_model, "EPOCHS", 6)
        yield Shop(folder)
    torch.set_num_threads(threads)


def places(output: dict[str, Any]) -> list[int]:
    return [int(item["id"][1:]) for item in output["items"]]


@pytest.fixture(scope="module")
def first(shop) -> tuple[dict[str, Any], float]:
    start = time.perf_counter()
    return shop.ok(log="clicks.csv", customer="c0", k=10), time.perf_counter() - start


def test_what_was_held_back_is_found_and_what_they_had_is_not(shop, first):
    hits, chances = [], []
    for user in range(12):
        found = places(shop.ok(log="clicks.csv", customer=f"c{user}", k=10))
        assert len(set(found)) == 10
        assert not set(found) & shop.taken[user]
        hits.append(len(set(found) & shop.held[user]) / 10)
        chances.append(len(shop.held[user]) / (ITEMS - len(shop.taken[user])))
    assert np.mean(hits) > np.mean(chances) + 0.2
    assert np.mean(hits) > 2 * np.mean(chances)


def test_what_it_rests_on_is_said(shop, first):
    output, _ = first
    read = output["log"]
    assert (read["rows"], read["used"], read["users"], read["items"]) == (ROWS, ROWS, USERS, ITEMS)
    assert read["likes"] == int(shop.log.clicked.sum())
    assert read["columns"] == {"customer_id": "user", "item_id": "item", "clicked": "label"}
    assert (read["label"], read["customer"], read["customer_had"]) == ("clicked", "known", len(shop.taken[0]))
    assert (read["trained"], read["cached"], read["drawn_negatives"]) == (True, False, 0)
    assert read["auc"] > read["popularity_auc"] + 0.1
    assert 0.09 < read["held_out"] / read["used"] < 0.12
    assert 0 < read["training_seconds"] < log_model.SECONDS
    assert f"held-out AUC {read['auc']:g}, of popularity {read['popularity_auc']:g}" in output["summary"]
    assert output["status"] == "ok"
    best = output["items"][0]
    assert 0 < best["score"] < 1
    near = best["because"][0]
    assert "Of what customer c0 took" in near
    assert any(f"Story {item} of" in near for item in shop.taken[0])
    assert "What the model weighed:" in best["because"][-1]
    assert "the text" in best["because"][-1]


def test_the_second_call_is_quicker_and_the_same(shop, first):
    output, seconds = first
    start = time.perf_counter()
    again = shop.ok(log="clicks.csv", customer="c0", k=10)
    assert time.perf_counter() - start < seconds
    assert again["log"] == {**output["log"], "cached": True}
    assert again["items"] == output["items"]


def test_a_damaged_model_is_trained_anew(shop, first):
    for path in (shop.uploads.parent / "cache" / "logs").glob("*/weights.safetensors"):
        path.write_bytes(b"\x00" * 50)
    again = shop.ok(log="clicks.csv", customer="c0", k=10)
    assert again["log"]["cached"] is False
    assert again["log"]["auc"] == first[0]["log"]["auc"]
    assert shop.ok(log="clicks.csv", customer="c0", k=10)["log"]["cached"] is True


def test_somebody_the_log_does_not_have_goes_by_taste_and_the_model(shop, first):
    new = shop.ok(log="clicks.csv", customer="nobody", k=10)
    assert (new["log"]["customer"], new["status"]) == ("unknown", "new_user")
    assert any("has no row of a customer “nobody”" in note for note in new["notes"])
    assert "for somebody new, by the model" in new["summary"]
    count = lambda output, words: sum(words in item["title"] for item in output["items"])  # noqa: E731
    rare = min(TOPICS, key=lambda words: count(new, words))
    thoughts = [{"id": "t1", "text": f"I like {rare.split(',')[0]}.", "date": "2026-11-25T10:00:00+00:00"}]
    told = shop.ok(thoughts, log="clicks.csv", customer="nobody", k=10)
    assert [thought["id"] for thought in told["used_thoughts"]] == ["t1"]
    assert count(new, rare) <= 2
    assert count(told, rare) >= 6
    same = shop.ok(log="clicks.csv", k=10)
    assert places(same) == places(new)
    assert same["log"]["customer"] == "none"
    known = shop.ok(thoughts, log="clicks.csv", customer="c0", k=10)
    assert known["used_thoughts"] == []
    assert known["items"] == first[0]["items"]
    assert any("What is remembered of you does not count" in note for note in known["notes"])


def test_a_cancelled_training_goes_on_where_it_was(shop, first, monkeypatch):
    shop.log.iloc[::-1].to_csv(shop.uploads / "turned.csv", index=False)
    context = ToolContext(shop.uploads.parent / "out", uploads=shop.uploads, cancel=threading.Event())
    looks = []

    def progress(done: float, message: str) -> None:
        looks.append(message)
        if "Epoch" in message:
            context.cancel.set()

    context.progress = progress
    arguments = {"upload": "shop.csv", "log": "turned.csv", "customer": "c0"}
    stopped = call_tool(find_tool(all_tools(), "recommend"), arguments, context)
    assert stopped.error is not None
    assert stopped.error["code"] == "cancelled"
    begun = next(message for message in looks if "Epoch" in message)
    looks.clear()
    context.cancel = threading.Event()
    context.progress = lambda done, message: looks.append(message)
    result = call_tool(find_tool(all_tools(), "recommend"), arguments, context)
    assert result.output is not None, result.error
    assert begun not in looks  # that epoch was not run again
    other = shop.uploads.parent / "other"
    monkeypatch.setenv("BETHINK_CACHE", str(other))
    monkeypatch.setattr(log_model, "MOST_KEPT", 1)
    (other / "logs" / "old").mkdir(parents=True)
    os.utime(other / "logs" / "old", (0, 0))
    whole = shop.ok(log="turned.csv", customer="c0")
    assert whole["log"]["cached"] is False
    assert [path.suffix for path in (other / "logs").iterdir()] == [""]
    assert not (other / "logs" / "old").exists()  # the oldest goes
    assert whole["items"] == result.output["items"]


def test_departments_of_the_catalogue_are_domains(shop):
    table = pd.read_csv(shop.uploads / "shop.csv")
    table["department"] = np.where(np.arange(ITEMS) % 2, "odd", "even")
    table.to_csv(shop.uploads / "departments.csv", index=False)
    both = shop.ok(upload="departments.csv", log="clicks.csv", customer="c0", k=50)
    assert both["log"]["trained"] is True
    assert {item["domain"] for item in both["items"]} == {"odd", "even"}
    scores = [item["score"] for item in both["items"]]
    assert scores == sorted(scores, reverse=True)
    odd = shop.ok(upload="departments.csv", log="clicks.csv", customer="c0", domain="odd", k=10)
    assert all(place % 2 for place in places(odd))
    assert places(odd) == [place for place in places(both) if place % 2][:10]


def test_what_is_said_now_has_a_say_beside_the_model(shop, first):
    titles = [item["title"] for item in first[0]["items"]]
    rare = min(TOPICS, key=lambda words: sum(words in title for title in titles))
    output = shop.ok(log="clicks.csv", customer="c0", taste=f"I like {rare.split(',')[0]}", k=10)
    assert sum(rare in item["title"] for item in output["items"]) > sum(rare in title for title in titles)
    assert any("you said you like" in reason for item in output["items"] for reason in item["because"])


def test_a_log_of_purchases_only_gets_negatives(shop):
    bought = shop.log[shop.log.clicked == 1].drop(columns="clicked")
    bought.to_csv(shop.uploads / "bought.csv", index=False)
    output = shop.ok(log="bought.csv", customer="c1", k=10)
    read = output["log"]
    assert read["label"] == "every row is a like"
    assert read["drawn_negatives"] > 2 * read["likes"]
    assert read["auc"] > read["popularity_auc"]
    assert any("drawn by chance" in note for note in output["notes"])
    assert not set(places(output)) & shop.taken[1]


def test_rows_of_items_that_are_not_in_the_catalogue_are_counted(shop):
    more = pd.DataFrame({"customer_id": ["c1"] * 7, "item_id": ["gone"] * 7, "clicked": [1] * 7})
    pd.concat([shop.log.head(200), more]).to_csv(shop.uploads / "gone.csv", index=False)
    output = shop.ok(log="gone.csv", customer="c1")
    assert output["log"]["left_out"] == {"unknown_item": 7}
    assert (output["log"]["rows"], output["log"]["used"]) == (207, 200)
    assert any("7 rows with items that the catalogue does not have" in note for note in output["notes"])


def test_a_small_log_goes_by_taste(shop):
    """The customer's likes stand for a model; without any, words do."""
    rows = [("c1", place, 1) for place in sorted(shop.taken[1])[:6]] + [("c2", 5, 0)]
    small = pd.DataFrame({"customer_id": [u for u, _, _ in rows], "item_id": [shop.ids[i] for _, i, _ in rows]})
    small["clicked"] = [label for _, _, label in rows]
    small.to_csv(shop.uploads / "small.csv", index=False)
    output = shop.ok(log="small.csv", customer="c1", k=5)
    assert output["log"]["trained"] is False
    assert output["log"]["auc"] is None
    assert "The log has 7 usable rows of 2 users" in output["notes"][0]
    assert output["notes"][0] in output["summary"]
    assert not set(places(output)) & {place for _, place, _ in rows[:-1]}
    assert all("Of what customer c1 took" in item["because"][0] for item in output["items"])
    assert not any("you liked" in reason for item in output["items"] for reason in item["because"])
    words = shop.ok(log="small.csv", taste="I like ghosts", k=5)
    assert all("ghosts" in item["title"] for item in words["items"])
    small.assign(clicked=0).to_csv(shop.uploads / "no.csv", index=False)
    none = shop.ok(log="no.csv", taste="I like ghosts", k=5)
    assert (none["log"]["trained"], none["log"]["rows"], none["log"]["used"]) == (False, 7, 0)
    assert "No row of the log says yes" in none["notes"][0]


def test_low_ratings_are_not_recommended_again(shop):
    stars = pd.DataFrame({"customer_id": ["c1"] * 6, "item_id": shop.ids[:6], "rating": [5, 4, 1, 2, 5, 3]})
    stars.to_csv(shop.uploads / "stars.csv", index=False)
    output = shop.ok(log="stars.csv", customer="c1", k=50)
    assert output["log"]["customer_had"] == 6
    assert not set(places(output)) & set(range(6))
    assert any("holds ratings" in note for note in output["notes"])


@pytest.mark.parametrize(
    ("content", "says", "advice"),
    [
        (b"PK\x03\x04\x00\x00\x00\xff\xfe", "odd.csv", ""),
        (b"", "odd.csv", ""),
        (b"customer_id,item_id,clicked\n", "no rows", "Add rows"),
        (b"alpha,beta\n1,2\n3,4\n", "No column of the log", "rename"),
        (b"when,item_id\n1,i1\n2,i2\n", "who took the items", "rename"),
        (b"customer_id,item_id,clicked\n1,i1,perhaps\n2,i2,maybe\n", "perhaps", "Write 1 and 0"),
    ],
)
def test_a_damaged_log_is_refused_with_advice(shop, content, says, advice):
    (shop.uploads / "odd.csv").write_bytes(content)
    error = shop.call(log="odd.csv", customer="c1").error
    assert error is not None
    assert error["code"] == "invalid_input"
    assert says in error["message"]
    assert error["hint"]
    assert advice in error["hint"]


def test_a_log_needs_its_catalogue_and_a_customer_a_log(shop):
    alone = shop.call(upload=None, log="clicks.csv").error
    assert "are not those of the catalogue that is here" in alone["message"]
    assert "`upload`" in alone["hint"]
    assert "no log is given" in shop.call(customer="c1").error["message"]
    assert shop.call(log="away.csv").error["code"] == "not_found"


def test_a_log_of_the_bundled_catalogue_needs_no_other():
    catalogue = bundled()
    films = [name for name in catalogue.items.ids.tolist() if name.startswith("film")][:12]
    table = Frame(pd.DataFrame({"customer_id": "1", "item_id": films}))
    log = bundled_log("films.csv", table, catalogue, b"")
    assert log.samples is not None
    assert log.samples.items.ids[log.samples.item].tolist() == films
    assert log.samples.domains == ("films",)
    half = Frame(pd.DataFrame({"customer_id": "1", "item_id": [*films, *(f"x{number}" for number in range(13))]}))
    with pytest.raises(ToolError, match="are not those of the catalogue that is here"):
        bundled_log("films.csv", half, catalogue, b"")


@pytest.mark.parametrize(
    ("rows", "users", "yes", "says"),
    [
        (299, 60, 100, "299 usable rows"),
        (600, 19, 300, "of 19 users"),
        (600, 60, 10, "10 rows of the log say yes"),
        (600, 60, 590, "and 10 no"),
        (600, 60, 300, ""),
        (600, 60, 600, ""),
    ],
)
def test_what_is_too_small(rows, users, yes, says):
    samples = world(rows)
    label = (np.arange(rows) < yes).astype(np.float32)
    reason = log_model.too_small(replace(samples, label=label, user=np.arange(rows) % users))
    assert says in reason
    assert bool(says) == bool(reason)


def test_parts_hold_each_pair_once_and_both_labels():
    samples = world(3000)
    train, valid, test, drawn = log_model.parts(samples)
    assert len(train) + len(valid) + len(test) == 3000
    assert drawn == 0
    pairs = [set((part.user * 10_000 + part.item).tolist()) for part in (train, valid, test)]
    assert len(pairs[0] | pairs[1] | pairs[2]) == sum(map(len, pairs))
    assert all(0 < part.label.mean() < 1 for part in (train, valid, test))
    likes = samples.rows(samples.label > 0)
    filled = log_model.parts(likes)
    assert filled[3] == sum(int((part.label == 0).sum()) for part in filled[:3])
    asked, known = filled[2], np.unique(likes.user * 10_000 + likes.item)
    unasked = asked.rows(asked.label == 0)
    assert not np.isin(unasked.user * 10_000 + unasked.item, known).any()  # nobody's like is a negative of the test


def test_popularity_counts_likes_where_negatives_are_drawn():
    likes = world(3000).rows(world(3000).label > 0)
    counts = np.bincount(likes.item, minlength=len(likes.items))
    assert (log_model.popularity(with_negatives(likes, 0), True) == counts).all()
    samples = world(3000)
    share = log_model.popularity(samples, False)
    item = int(np.argmax(np.bincount(samples.item)))
    of_item = samples.label[samples.item == item]
    assert share[item] == pytest.approx((of_item.sum() + 10 * samples.label.mean()) / (len(of_item) + 10), rel=1e-5)
