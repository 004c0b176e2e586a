"""KdConv: a small file written as the set was published, what is wanted of it, and how it is scored."""

import gzip
import json
import os
from pathlib import Path

import pytest

from bethink.agents.evaluation.conversations import EvaluationError
from bethink.agents.evaluation.kdconv import (
    Score,
    Talk,
    Triple,
    Utterance,
    found_in,
    halves,
    load_kdconv,
    normalise,
    read_turns,
    score,
    spaced,
    triples_of,
    wanted,
)
from bethink.memory import LLMExtractor, NullExtractor, RuleExtractor
from bethink.memory.extract import Fact


def _attr(name, attrname, attrvalue):
    return {"name": name, "attrname": attrname, "attrvalue": attrvalue}


PUBLISHED = [
    {
        "name": "大河（中国2011年张文静执导电影）",
        "messages": [
            {"message": "看过《大河》吗？"},
            {
                "message": "看过，它是2011年7月2日上映的。",
                "attrs": [
                    _attr("大河（中国2011年张文静执导电影）", "上映时间", "2011年07月02日"),
                    _attr("大河（中国2011年张文静执导电影）", "类型", "剧情"),
                    _attr("大河（中国2011年张文静执导电影）", "Information", "上映"),
                ],
            },
        ],
    }
]


@pytest.fixture
def talks(tmp_path):
    (tmp_path / "kdconv_film_test.json.gz").write_bytes(gzip.compress(json.dumps(PUBLISHED).encode()))
    return load_kdconv(tmp_path)


def test_the_set_is_read(talks):
    (talk,) = talks
    assert [turn.text for turn in talk.utterances] == ["看过《大河》吗？", "看过，它是2011年7月2日上映的。"]
    assert talk.utterances[0].triples == ()
    assert talk.utterances[1].triples[1] == Triple("大河（中国2011年张文静执导电影）", "类型", "剧情")


def test_only_what_is_said_is_wanted_and_no_paragraph(talks):
    first, second = talks[0].utterances
    assert wanted(first) == set()
    assert wanted(second) == {Triple("大河", "上映时间", "2011年7月2日")}


def test_strings_are_compared_without_their_dress():
    assert normalise("《Ｔ·J·米勒》，") == "tj米勒"
    assert normalise("2001年09月05日") == normalise("2001年9月5日")
    assert normalise("$1,000.05") == "100005"
    assert normalise("10.05") == "1005"


def test_a_list_is_one_triple_an_item():
    assert triples_of("张文静", "职业", "演员、导演；歌手") == {
        Triple("张文静", "职业", item) for item in ("演员", "导演", "歌手")
    }
    assert triples_of("大河", "票房", "$1,234,567") == {Triple("大河", "票房", "1234567")}
    assert triples_of("（无名）", "类型", "，") == set()


def test_facts_about_the_speaker_are_left_out():
    facts = [
        Fact("我喜欢《大河》。", "user", "likes", "《大河》"),
        Fact("x", "user's sister", "likes", "茶"),
        Fact("大河的类型是剧情。", "大河", "类型", "剧情"),
        Fact("我很累。"),
    ]
    assert found_in(facts) == {Triple("大河", "类型", "剧情")}


def test_scores_are_micro_counts():
    a, b, c = Triple("x", "导演", "甲"), Triple("x", "编剧", "甲"), Triple("x", "导演", "乙")
    found, gold = [{a, c}, {a}, set()], [{a}, {b}, {c}]
    assert score(found, gold) == Score(right=1, found=3, wanted=3)
    assert score(found, gold, attributes=False) == Score(right=2, found=3, wanted=3)
    marked = score(found, gold)
    assert (marked.precision, marked.recall, marked.f1) == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert (Score(0, 0, 0).precision, Score(0, 0, 0).recall, Score(0, 0, 0).f1) == (0, 0, 0)
    with pytest.raises(ValueError):
        score(found, gold[:1])


def test_extractors_are_scored_turn_by_turn(talks):
    turns = talks[0].utterances
    gold = [wanted(turn) for turn in turns]
    assert score(read_turns(RuleExtractor(), turns), gold) == Score(right=1, found=1, wanted=1)
    assert score(read_turns(NullExtractor(), turns), gold) == Score(right=0, found=0, wanted=1)

    def model(prompt, schema):
        said = {"subject": "它", "relation": "上映时间", "object": "2011年7月2日", "sentence": "它是2011年7月2日上映的"}
        return {"facts": [said] if "7月2日" in prompt else []}

    assert score(read_turns(LLMExtractor(model), turns), gold) == Score(right=0, found=1, wanted=1)


def test_halves_and_samples_follow_fixed_rules():
    talks = [Talk(str(i), (Utterance(f"{i}a", ()), Utterance(f"{i}b", ()))) for i in range(5)]
    dev, held = halves(talks)
    assert [[talk.name for talk in half] for half in (dev, held)] == [["0", "1"], ["2", "3", "4"]]
    assert [turn.text for turn in spaced(talks, 4)] == ["0a", "1a", "2b", "3b"]
    assert len(spaced(talks, 99)) == 10


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "cannot be read"),
        ("[7]", "does not hold KdConv"),
        ('[{"messages": [{}]}]', "does not hold KdConv"),
        ('[{"messages": [{"message": "x", "attrs": [{"name": "y"}]}]}]', "does not hold KdConv"),
    ],
)
def test_a_file_that_is_something_else_is_refused(tmp_path, body, message):
    (tmp_path / "kdconv_film_test.json").write_text(body)
    with pytest.raises(EvaluationError, match=message):
        load_kdconv(tmp_path)


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(EvaluationError, match=r"no kdconv_music_test\.json"):
        load_kdconv(tmp_path, "music")
    with pytest.raises(EvaluationError, match="film, music, travel"):
        load_kdconv(tmp_path, "cooking")


@pytest.mark.skipif(
    "BETHINK_DIALOGUE_DATA" not in os.environ, reason="BETHINK_DIALOGUE_DATA names no folder of the sets"
)
def test_the_rules_read_the_half_that_was_not_seen():
    _, held = halves(load_kdconv(Path(os.environ["BETHINK_DIALOGUE_DATA"])))
    turns = [turn for talk in held for turn in talk.utterances]
    found = [triples for talk in held for triples in read_turns(RuleExtractor(), talk.utterances)]
    assert score(found, [wanted(turn) for turn in turns]).f1 >= 0.45
