"""``recommend`` and ``search_catalog``: lists that follow tastes and thoughts, say so, and refuse what makes no sense."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bethink.tools import all_tools, call_tool, find_tool
from bethink.tools.contract import ToolContext, ToolResult
from bethink.tools.langchain import model_text
from bethink.tools.recommendation.tool_run import far_apart

THOUGHTS = [
    {"id": "t1", "text": "I like slow sci-fi and hate horror.", "date": "2026-11-25T10:00:00+00:00"},
    {"id": "t2", "text": "My sister Maria lives in Porto.", "date": "2026-11-24T10:00:00+00:00"},
]


def call(tmp_path: Path, name: str, remembered: list[dict[str, Any]] | None = None, **arguments: Any) -> ToolResult:
    uploads = tmp_path / "uploads"
    uploads.mkdir(exist_ok=True)
    recall = None if remembered is None else (lambda query, k: remembered[:k])
    context = ToolContext(tmp_path / "out", uploads=uploads, thoughts=recall)
    return call_tool(find_tool(all_tools(), name), arguments, context)


def ok(result: ToolResult) -> dict[str, Any]:
    assert result.output is not None, result.error
    assert len(model_text(result).encode()) < 8 * 1024
    return result.output


def genres(output: dict[str, Any]) -> list[str]:
    return [item["details"]["genres"] for item in output["items"]]


def test_a_taste_in_words_decides(tmp_path):
    liked = ok(call(tmp_path, "recommend", taste="I like slow sci-fi and hate horror", domain="films"))
    assert liked["status"] == "ok"
    assert (liked["likes"], liked["dislikes"]) == (["slow sci-fi"], ["horror"])
    assert all("science fiction" in each for each in genres(liked))
    assert all("slow" in item["details"]["tones"] for item in liked["items"])
    assert "It fits “slow” and “sci-fi” of “slow sci-fi”" in liked["items"][0]["because"][0]
    scores = [item["score"] for item in liked["items"]]
    assert scores == sorted(scores, reverse=True)
    assert not any("horror" in each for each in genres(liked))
    other = ok(call(tmp_path, "recommend", taste="I love horror, no science fiction please", domain="films"))
    assert sum("horror" in each for each in genres(other)) >= 5
    assert all(item["because"] for item in liked["items"])
    assert [item["rank"] for item in liked["items"]] == list(range(1, 11))


def test_the_next_day_a_thought_decides_and_is_named(tmp_path):
    unknown = ok(call(tmp_path, "recommend", domain="films", k=5))
    assert unknown["status"] == "new_user"
    assert "Nothing is known of your taste" in unknown["summary"]
    known = ok(call(tmp_path, "recommend", THOUGHTS, domain="films", k=5))
    assert known["status"] == "ok"
    assert sum("science fiction" in each for each in genres(known)) >= 4
    assert "I used what I remember of you: “I like slow sci-fi and hate horror.” (2026-11-25)" in known["summary"]
    assert [thought["id"] for thought in known["used_thoughts"]] == ["t1"]
    assert all(item["thoughts"] == ["t1"] for item in known["items"])
    assert {item["id"] for item in known["items"]} != {item["id"] for item in unknown["items"]}
    off = ok(call(tmp_path, "recommend", THOUGHTS, domain="films", k=5, thoughts=False))
    assert off["status"] == "new_user"


def test_what_is_said_now_holds_against_what_is_remembered(tmp_path):
    output = ok(call(tmp_path, "recommend", THOUGHTS, domain="films", taste="Today I want horror"))
    assert "horror" not in output["dislikes"]


def test_liked_titles_count_and_are_not_recommended(tmp_path):
    output = ok(call(tmp_path, "recommend", liked=["the matrix", "No Such Film"], domain="films"))
    assert output["likes"] == ["The Matrix"]
    assert "The Matrix" not in [item["title"] for item in output["items"]]
    assert any("No Such Film" in note for note in output["notes"])
    assert output["items"][0]["because"][0].startswith("It is here because you liked The Matrix: ")


def test_titles_in_thoughts_change_the_next_list(tmp_path):
    def thought(name: str, text: str, day: int) -> dict[str, Any]:
        return {"id": name, "text": text, "date": f"2026-11-{day}T10:00:00+00:00"}

    first = ok(call(tmp_path, "recommend", THOUGHTS[:1], domain="films"))
    titles = [item["title"] for item in first["items"]]
    liked, refused = titles[0], titles[1]
    told = [
        THOUGHTS[0],
        thought("t8", f"I loved {liked} and No Country for Old Men.", 26),
        thought("t9", f"I did not like {refused}.", 26),
    ]
    then = ok(call(tmp_path, "recommend", told, domain="films"))
    assert {liked, "No Country for Old Men"} <= set(then["likes"])
    assert refused in then["dislikes"]
    now = [item["title"] for item in then["items"]]
    assert not {liked, refused, "No Country for Old Men"} & set(now)
    assert now != titles
    assert {one["id"] for one in then["used_thoughts"]} == {"t1", "t8", "t9"}
    because = [sentence for item in then["items"] for sentence in item["because"]]
    assert any(f"because you liked {liked} (thought of 2026-11-26)" in sentence for sentence in because)
    assert "t8" in then["items"][0]["thoughts"]
    # said now: the same title the other way round holds against the thought
    against = ok(call(tmp_path, "recommend", told, domain="films", taste=f"I hate {liked}"))
    assert liked in against["dislikes"]
    assert liked not in against["likes"]
    named = ok(call(tmp_path, "recommend", told, domain="films", liked=[refused]))
    assert refused in named["likes"]
    assert refused not in named["dislikes"]


def test_search_finds_by_words_and_by_sense(tmp_path):
    output = ok(call(tmp_path, "search_catalog", query="astronaut alone", domain="films", k=8))
    assert {"Gravity", "Ad Astra"} & {item["title"] for item in output["items"]}
    assert {item["domain"] for item in output["items"]} == {"films"}
    assert any("astronaut" in reason for item in output["items"] for reason in item["because"])
    exact = ok(call(tmp_path, "search_catalog", query="the Matrix"))
    assert exact["items"][0]["title"] == "The Matrix"
    dish = ok(call(tmp_path, "search_catalog", query="chickpeas", k=3))
    assert dish["items"][0]["domain"] == "dishes"


@pytest.mark.parametrize(
    "query", ["🍿🍿", "'; DROP TABLE films; --", "静かな映画", "ein Film über Wale", "x" * 1900, "a\x00b"]
)
def test_odd_queries_get_a_list(tmp_path, query):
    assert len(ok(call(tmp_path, "search_catalog", query=query))["items"]) == 10


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("recommend", {"k": 0}, "greater than or equal to 1"),
        ("recommend", {"k": 10**6}, "less than or equal to 50"),
        ("recommend", {"domain": "cars"}, "There is no domain 'cars'"),
        ("recommend", {"user": "ann"}, "user"),
        ("search_catalog", {"query": "   "}, "The query is empty"),
        ("search_catalog", {}, "query"),
        ("search_catalog", {"query": "x", "upload": "gone.csv"}, "no uploaded file"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, name, arguments, says):
    result = call(tmp_path, name, **arguments)
    assert result.error is not None
    assert says in result.error["message"]


def test_a_catalogue_of_ones_own(tmp_path):
    (tmp_path / "uploads").mkdir()
    rows = [
        "sku,title,description,shelf",
        "1,Red lamp,A warm lamp for the desk,light",
        "2,Oak table,A heavy table,wood",
    ]
    rows += ["3,Pine chair,A light wooden chair,wood", "4,LED strip,Cold light for the kitchen,light"]
    (tmp_path / "uploads" / "shop.csv").write_text("\n".join(rows), encoding="utf-8")
    output = ok(call(tmp_path, "recommend", upload="shop.csv", taste="I like wooden furniture", k=2))
    assert {item["title"] for item in output["items"]} == {"Oak table", "Pine chair"}
    assert output["read_as"]["items"] == 4
    assert "title" in output["read_as"]["columns"]
    found = ok(call(tmp_path, "search_catalog", upload="shop.csv", query="lamp"))
    assert found["items"][0]["title"] == "Red lamp"
    (tmp_path / "uploads" / "empty.csv").write_text("sku,title\n", encoding="utf-8")
    assert call(tmp_path, "recommend", upload="empty.csv").error["code"] == "invalid_input"


def test_far_apart_starts_in_the_middle_and_repeats_nothing():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(60, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    chosen = far_apart(vectors, np.arange(10, 60), 12)
    assert len(set(chosen)) == 12
    assert min(chosen) >= 10
    assert far_apart(vectors, np.arange(0), 3) == []
    assert sorted(far_apart(vectors, np.arange(3), 9)) == [0, 1, 2]
